"""Moving: a job that waits for its first attempt starts at another time. The contract suite has what the store does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from jobs.dialects.bodies import parse_move
from jobs.errors import InvalidRequest, JobNotFound, JobNotMovable
from jobs.lifecycle.moving import move_job
from jobs.model import DAY, SECOND, StartHint, Status
from jobs.timing.hints import SELF_ENQUEUE

from tests.builders import NOW, a_job, a_project

if TYPE_CHECKING:
    from jobs.model import Job

    from tests.fakes import World


def move(world: World, start_at: int, job_id: int = 1) -> Job:
    return move_job(world.ports, a_project(), job_id, start_at, by="key-2")


def test_a_moved_job_has_its_new_time_and_nothing_else_changes(world: World) -> None:
    before = world.store.jobs[1, 1] = a_job(next_at=NOW + 9)

    job = move(world, NOW + DAY)

    assert job == before._replace(start_at=NOW + DAY, next_at=NOW + DAY, moves=1, moved_by="key-2")
    assert (job.updated_at, job.history) == (None, before.history)
    assert world.store.jobs[1, 1] == job
    assert world.queue.messages == []


@pytest.mark.parametrize(("start_at", "due_at"), [(NOW - DAY, NOW), (NOW, NOW), (NOW + SELF_ENQUEUE,) * 2])
def test_a_move_to_soon_sends_a_hint_and_the_past_means_now(world: World, start_at: int, due_at: int) -> None:
    world.store.jobs[1, 1] = a_job(next_at=NOW + DAY)

    job = move(world, start_at)

    assert (job.start_at, job.next_at) == (start_at, due_at)
    assert world.queue.messages == [StartHint(1, ((1, due_at),))]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"status": Status.RUNNING}, "running"),
        ({"status": Status.COMPLETED}, "completed"),
        ({"status": Status.FAILED, "attempt": 2}, "failed"),
        ({"status": Status.CANCELLED}, "cancelled"),
        ({"attempt": 2}, "at attempt 2"),
    ],
)
def test_any_other_job_stays_as_it_is(world: World, changes: dict[str, Any], what: str) -> None:
    job = world.store.jobs[1, 1] = a_job(**changes)

    with pytest.raises(JobNotMovable, match=rf"the job is {what}\Z"):
        move(world, NOW)

    assert (world.store.jobs, world.queue.messages) == ({(1, 1): job}, [])


@pytest.mark.parametrize("job_id", [2, 0, -1, -(10**14)])
def test_a_job_that_does_not_exist_is_not_moved_into_being(world: World, job_id: int) -> None:
    world.store.jobs[2, 2] = a_job(project_id=2, job_id=2)

    with pytest.raises(JobNotFound):
        move(world, NOW, job_id)

    assert list(world.store.jobs) == [(2, 2)]


# ---- the body -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start_at", "read"),
    [
        (NOW + 1, NOW + 1),
        (0, 0),
        (NOW + 365 * DAY, NOW + 365 * DAY),
        ("2023-11-15T09:00:00+01:00", 1_700_035_200 * SECOND),
    ],
)
def test_a_time_is_read_as_at_the_creation(start_at: object, read: int) -> None:
    assert parse_move(json.dumps({"startAt": start_at}), NOW) == read


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("{}", "startAt: is missing"),
        ('{"startAt": null}', "startAt: must be an integer"),
        ('{"startAt": true}', "startAt: must be an integer"),
        ('{"startAt": 1.5}', "startAt: must be an integer"),
        ('{"startAt": "tomorrow"}', "startAt: must be milliseconds, or ISO 8601 with an offset or Z"),
        (json.dumps({"startAt": NOW // SECOND}), "startAt: looks like seconds; milliseconds are wanted"),
        (json.dumps({"startAt": NOW + 365 * DAY + 1}), "startAt: must be at most 1 year ahead"),
        (json.dumps({"startAt": NOW, "action": "x"}), "action: does not exist here"),
    ],
)
def test_a_body_that_does_not_say_when_is_refused(body: str, told: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parse_move(body, NOW)

    assert str(refusal.value) == told
