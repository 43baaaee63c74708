"""The documented bodies of both seeds, byte for byte after compact re-serialisation in order.

`tests/golden` holds the lists as the seeds print them. Each seed shows its jobs singly too, in the same words: the
first as the answer of GET, the second as the answer of DELETE.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from jobs.dialects.registry import PUBLIC, V1
from jobs.model import Change, Job, Status
from jobs.queries import Listing, Page, Rest

from tests.architecture.project import ROOT
from tests.builders import a_call, a_job

if TYPE_CHECKING:
    from jobs.dialects.base import ProjectDialect

GOLDEN = ROOT / "tests" / "golden"
MIDNIGHT = 1623954600000

#: Seed 2's body of GET and of DELETE.
PUBLIC_GET = (
    '{"data":{"jobId":3451,"description":"Delete user sessions of userId = shekar@example.com","status":"scheduled",'
    '"projectId":1,"action":"delete_user_data","referenceId":"shekar@example.com","createdAt":1623912955277,'
    '"updatedAt":null,"startAt":1623954600000,"errors":null}}'
)
PUBLIC_DELETE = (
    '{"data":{"jobId":3452,"description":"Delete user sessions of userId = mehdi@example.com","status":"cancelled",'
    '"projectId":1,"action":"delete_user_data","referenceId":"mehdi@example.com","createdAt":1623912962910,'
    '"updatedAt":1623913015276,"startAt":1623954600000,"errors":null}}'
)
#: Seed 1's.
V1_GET = (
    '{"data":{"jobId":3451,"description":"Delete user sessions of userId = shekar@example.com","status":"scheduled",'
    '"projectId":1,"action":"delete_user_data","referenceId":"mehdi@openreplay.com","createdAt":1623912955277,'
    '"updatedAt":1623912955277,"startAt":1623954600000,"errors":null}}'
)
V1_DELETE = (
    '{"data":{"jobId":3452,"description":"Delete user sessions of userId = shekar@example.com","status":"cancelled",'
    '"projectId":1,"action":"delete_user_data","referenceId":"mehdi@openreplay.com","createdAt":1623912962910,'
    '"updatedAt":1623913015276,"startAt":1623954600000,"errors":null}}'
)


def compact(name: str) -> str:
    return json.dumps(json.loads((GOLDEN / name).read_text("utf-8")), separators=(",", ":"), ensure_ascii=False)


def a_deletion(job_id: int, user: str, reference: str, *history: Change) -> Job:
    return a_job(
        job_id=job_id,
        action="delete_user_data",
        description=f"Delete user sessions of userId = {user}",
        reference_id=reference,
        status=history[-1].to,
        start_at=MIDNIGHT,
        next_at=MIDNIGHT if history[-1].to.is_active else None,
        history=history,
    )


def jobs_of(*people: tuple[str, str]) -> list[Job]:
    """The scheduled and the cancelled job of a seed, by the user of the description and the reference."""
    first, second = people
    return [
        a_deletion(3451, *first, Change(Status.SCHEDULED, 1623912955277, "key-1")),
        a_deletion(
            3452,
            *second,
            Change(Status.SCHEDULED, 1623912962910, "key-1"),
            Change(Status.CANCELLED, 1623913015276, "key-1"),
        ),
    ]


V1_JOBS = jobs_of(*[("shekar@example.com", "mehdi@openreplay.com")] * 2)
PUBLIC_JOBS = jobs_of(("shekar@example.com", "shekar@example.com"), ("mehdi@example.com", "mehdi@example.com"))


@pytest.mark.parametrize(
    ("dialect", "query", "jobs", "golden"),
    [
        pytest.param(V1, Rest(0), V1_JOBS, "openreplay_v1_list.json", id="seed 1"),
        pytest.param(PUBLIC, Page(1, 50), PUBLIC_JOBS, "public_list.json", id="seed 2"),
    ],
)
def test_a_list_is_the_documented_one(dialect: ProjectDialect, query: Any, jobs: list[Job], golden: str) -> None:
    answer = dialect.render_listing(Listing(query, iter(jobs), 2), a_call(dialect))

    assert (answer.status, answer.body) == (200, compact(golden))


@pytest.mark.parametrize(
    ("dialect", "job", "body"),
    [
        pytest.param(V1, V1_JOBS[0], V1_GET, id="seed 1 get"),
        pytest.param(V1, V1_JOBS[1], V1_DELETE, id="seed 1 cancel"),
        pytest.param(PUBLIC, PUBLIC_JOBS[0], PUBLIC_GET, id="seed 2 get"),
        pytest.param(PUBLIC, PUBLIC_JOBS[1], PUBLIC_DELETE, id="seed 2 cancel"),
    ],
)
def test_a_job_is_the_documented_one(dialect: ProjectDialect, job: Job, body: str) -> None:
    assert (dialect.render_job(job).status, dialect.render_job(job).body) == (200, body)


@pytest.mark.parametrize(
    ("golden", "singles"),
    [("openreplay_v1_list.json", (V1_GET, V1_DELETE)), ("public_list.json", (PUBLIC_GET, PUBLIC_DELETE))],
)
def test_a_seed_shows_a_job_singly_as_in_its_list(golden: str, singles: tuple[str, str]) -> None:
    listed = json.loads(compact(golden))["data"]

    assert [json.loads(single)["data"] for single in singles] == listed
