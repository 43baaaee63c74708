"""Every list with the largest rows that the contract allows: cut to what Lambda passes on, whole by its links."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest
from jobs import queries
from jobs.dialects import alteryx_lists, alteryx_workflows
from jobs.dialects.registry import ALTERYX_V3, OPENREPLAY_V1, PUBLIC
from jobs.model import Change, Message, Run, SeenEvent, Severity, Status
from jobs.tenants import ListOrder, Registration, Workflow
from jobs.workflows import listing
from jobs.workflows.listing import Selection

from tests.builders import NOW, a_call, a_job, a_principal, a_project, a_user_call
from tests.fakes import World

if TYPE_CHECKING:
    from jobs.dialects.base import Answer
    from jobs.model import Job
    from jobs.queries import Listing

#: What Lambda passes on.
LAMBDA = 6 * 1024 * 1024
JOBS = 400
PROJECT = a_project()
#: Each of these characters takes twelve bytes of an answer, a control character seven.
FACE, CONTROL = "\N{GRINNING FACE}", "\x01"


def the_largest(number: int) -> Job:
    return a_job(
        job_id=number,
        action="a" * 64,
        description=FACE * 1_024,
        reference_id=FACE * 256,
        status=Status.FAILED,
        next_at=None,
        errors=(CONTROL * 1_024,) * 20,
        run=Run(FACE * 256, "user-1", (), "Critical", FACE * 256),
    )


@pytest.fixture
def world() -> World:
    world = World()
    world.directory.projects[PROJECT.project_key] = PROJECT
    world.store.jobs = {(1, number): the_largest(number) for number in range(1, JOBS + 1)}
    return world


def size_of(answer: Answer) -> int:
    """The bytes of an answer as the function hands it to Lambda."""
    return len(json.dumps({"statusCode": int(answer.status), "headers": dict(answer.headers), "body": answer.body}))


def next_of(answer: Answer) -> dict[str, str] | None:
    """The parameters with which the answer's `Link` goes on."""
    for link in answer.headers.get("Link", "").split(", "):
        url, _, relation = link.partition(">; ")
        if relation == 'rel="next"':
            return dict(parse_qsl(url.partition("?")[2], strict_parsing=True))
    return None


def follow(answer_to: Any, query: dict[str, str]) -> list[int]:
    """Follow a list by its links; return the numbers of all its jobs."""
    numbers: list[int] = []
    wanted: dict[str, str] | None = query
    while wanted is not None:
        answer = answer_to(wanted)
        assert size_of(answer) <= LAMBDA
        numbers += [job["jobId"] for job in json.loads(answer.body)["data"]]
        wanted = next_of(answer)
    return numbers


@pytest.mark.parametrize("order", list(ListOrder))
@pytest.mark.parametrize(
    ("dialect", "query"), [(OPENREPLAY_V1, {}), (PUBLIC, {"limit": "200"}), (PUBLIC, {"limit": "7"})]
)
def test_a_list_is_whole_by_its_links_in_either_order(
    world: World, dialect: Any, query: dict[str, str], order: ListOrder
) -> None:
    def answer_to(wanted: dict[str, str]) -> Answer:
        listing: Listing = queries.list_jobs(world, PROJECT, dialect.parse_list(wanted, order))
        answer: Answer = dialect.render_listing(listing, a_call(dialect, query=wanted))
        assert answer.headers["X-Total-Count"] == str(JOBS)
        return answer

    numbers = list(range(1, JOBS + 1))
    assert follow(answer_to, query) == (numbers if order is ListOrder.OLDEST else numbers[::-1])


@pytest.mark.parametrize("query", [{"order": "desc", "limit": "200"}, {"status": "failed", "limit": "200"}])
def test_a_list_from_the_newest_job_on_is_whole_by_its_links(world: World, query: dict[str, str]) -> None:
    def answer_to(wanted: dict[str, str]) -> Answer:
        call = a_call(PUBLIC, query=wanted)
        asked = PUBLIC.parse_walk(call)
        assert asked is not None
        return PUBLIC.render_stretch(queries.list_newest(world, PROJECT, *asked), asked[0], call)

    assert follow(answer_to, query) == list(range(JOBS, 0, -1))


def test_a_filter_that_nothing_passes_reads_a_bounded_number_of_bytes_a_call(world: World) -> None:
    read: list[int] = []
    walk_jobs = world.store.walk_jobs

    def counted(*wanted: Any, **order: Any) -> Any:
        for job in walk_jobs(*wanted, **order):
            read.append(job.job_id)
            yield job

    world.store.walk_jobs = counted  # type: ignore[method-assign]  # counts what is taken
    calls, below = 0, None
    while True:
        stretch = queries.list_newest(world, PROJECT, queries.Walk(50, (), ("none",)), below)
        calls, below = calls + 1, stretch.next
        assert len(read) * 22_000 <= calls * 1_100_000
        if below is None:
            break

    assert read == list(range(JOBS, 0, -1))
    assert calls > 5


def test_messages_of_control_characters_are_whole_by_their_links(world: World) -> None:
    for number in range(300):
        mark = SeenEvent(f"{number:064}", NOW)
        world.store.add_message(1, 1, Message(NOW + number, Severity.NONE, CONTROL * 8_192), mark)
    job, call, seen = world.store.jobs[1, 1], a_call(PUBLIC, query={"limit": "200"}), 0
    while True:
        answer = PUBLIC.render_messages(call, job, queries.list_messages(world, job, *PUBLIC.parse_messages(call, job)))
        assert size_of(answer) <= LAMBDA
        seen += len(json.loads(answer.body)["data"])
        following = next_of(answer)
        if following is None:
            break
        call = a_call(PUBLIC, query=following)

    assert seen == 300


def test_lists_of_alteryx_and_one_job_fit_whatever_the_rows_hold(world: World) -> None:
    principal, call = a_principal(role="administrator"), a_user_call()
    jobs = listing.list_jobs(world, principal, Selection(limit=200))
    # a workflow's name is its id at most, and a source of events 256 characters
    entries = [entry._replace(workflow_name=FACE * 256, submitted_by=f"event:{FACE * 256}") for entry in jobs]
    assert len(entries) == 200
    job = entries[0].job

    tokens = [f"token-{number}" for number in range(20)]
    evidence = dict.fromkeys(tokens, [CONTROL * 1_024] * 20)
    history = [Change(Status.SCHEDULED, NOW, "worker", token) for token in tokens]
    ended_twenty_times = job._replace(history=(*job.history, *history))

    said = Message(NOW, Severity.ERROR, CONTROL * 8_192)
    answers = [
        alteryx_lists.render_jobs(entries, NOW, call, 0),
        alteryx_lists.render_workflow_jobs([entry.job for entry in entries], call, 0),
        ALTERYX_V3.render_job(job, [FACE * 256] * 20, [said] * 90),
        PUBLIC.render_details(ended_twenty_times, {"a": FACE * 8_000}, [CONTROL * 1_024] * 20, said, evidence),
    ]

    assert max(map(size_of, answers)) <= LAMBDA
    assert not any("Link" in answer.headers for answer in answers)  # none of them was cut


def test_a_list_of_the_largest_workflows_is_whole_by_its_links() -> None:
    told = Registration(FACE * 128, "a" * 24, FACE * 256)
    workflows = [
        Workflow(workflow_id=f"{number:03}" + FACE * 253, created_at=NOW, registration=told) for number in range(1_000)
    ]
    seen, offset, calls = 0, 0, 0
    while True:
        answer = alteryx_workflows.render_workflows(workflows, a_user_call(), offset, full=True)
        assert size_of(answer) <= LAMBDA
        seen, calls = seen + len(json.loads(answer.body)), calls + 1
        following = next_of(answer)
        if following is None:
            break
        offset = int(following["offset"])

    assert (seen, calls) == (1_000, 2)
