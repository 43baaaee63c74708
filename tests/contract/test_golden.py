"""The documented bodies of the three seeds, byte for byte after compact re-serialisation in order.

`tests/golden` has the lists of the first two as they print them. Both also show their jobs one by one, in the same
words: the first job as the answer of GET, the second as the answer of DELETE. The third shows a job with placeholders
for values, so the test compares its fields, their order and their types.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from jobs.dialects.registry import ALTERYX_V3, OPENREPLAY_V1, PUBLIC
from jobs.model import Change, Job, Message, Run, Severity, Status
from jobs.outcomes import MessagePage
from jobs.queries import Listing, Page, Rest
from jobs.workflows.viewing import Sighting

from tests.architecture.project import ROOT
from tests.builders import a_call, a_job, a_project, a_user_call

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
        pytest.param(OPENREPLAY_V1, Rest(), V1_JOBS, "openreplay_v1_list.json", id="seed 1"),
        pytest.param(PUBLIC, Page(1, 50), PUBLIC_JOBS, "public_list.json", id="seed 2"),
    ],
)
def test_a_list_is_the_documented_one(dialect: ProjectDialect, query: Any, jobs: list[Job], golden: str) -> None:
    answer = dialect.render_listing(Listing(query, iter(jobs), 2), a_call(dialect))

    assert (answer.status, answer.body) == (200, compact(golden))


@pytest.mark.parametrize(
    ("dialect", "job", "body"),
    [
        pytest.param(OPENREPLAY_V1, V1_JOBS[0], V1_GET, id="seed 1 get"),
        pytest.param(OPENREPLAY_V1, V1_JOBS[1], V1_DELETE, id="seed 1 cancel"),
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


def shape(body: Any) -> Any:
    """The shape of a body: its fields in order, and the type of each value."""
    match body:
        case dict():
            return [(name, shape(value)) for name, value in body.items()]
        case list():
            return [shape(value) for value in body]
    return type(body)


DOCUMENTED: dict[str, Any] = json.loads(compact("alteryx_v3_job.json"))


@pytest.mark.parametrize("run", [Run(), Run("w", "user-1", ("c-1",), "High", "tag")], ids=["of no workflow", "whole"])
@pytest.mark.parametrize("status", Status)
def test_seed_3_s_job_has_its_fields_in_their_order_and_of_their_types(status: Status, run: Run) -> None:
    history = (Change(Status.SCHEDULED, MIDNIGHT, "key-1"), Change(Status.RUNNING, MIDNIGHT, "service"))
    job = a_job(status=status, history=(*history, Change(status, MIDNIGHT, "key-1")), run=run)
    output = {"fileName": "sales.yxdb", "availableFormats": ["Yxdb"], "id": "1"}
    messages = [Message(MIDNIGHT, Severity.ERROR, "no such file", 7)]

    body = json.loads(ALTERYX_V3.render_job(job, [output], messages).body)

    assert shape(body) == shape(DOCUMENTED)
    reduced = json.loads(ALTERYX_V3.render_job(job, [output], None).body)
    assert shape(reduced) == [field for field in shape(DOCUMENTED) if field[0] != "messages"]


def test_seed_3_s_time_is_written_as_the_seed_writes_it() -> None:
    documented = DOCUMENTED["createDateTime"]
    since_the_epoch = datetime.fromisoformat(documented) - datetime.fromisoformat("1970-01-01T00:00:00Z")

    job = a_job(at=since_the_epoch // timedelta(milliseconds=1))

    assert json.loads(ALTERYX_V3.render_job(job, [], []).body)["createDateTime"] == documented


def test_seed_3_s_message_is_the_one_of_its_job() -> None:
    answer = ALTERYX_V3.render_messages(
        a_user_call(), Sighting(a_project(), a_job()), MessagePage([Message(MIDNIGHT, Severity.NONE, "string")], None)
    )

    [message] = DOCUMENTED["messages"]
    assert shape(json.loads(answer.body))[:3] == shape(message)
    assert json.loads(answer.body)["messages"] == [message]


def test_seed_3_s_placeholders_are_values_that_the_service_gives() -> None:
    """Here the seed shows more than a type: a job that asked for no priority has the documented one."""
    assert json.loads(ALTERYX_V3.render_job(a_job(), [], []).body)["priority"] == DOCUMENTED["priority"]
