"""The reaper ends attempts whose worker was lost, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from jobs.errors import Busy
from jobs.lifecycle import reaping, turns
from jobs.model import Change, DueJob, JobKey, Status
from jobs.outcomes import Attempt

from tests.builders import NOW, a_job, start
from tests.fakes import FakeStore, World

if TYPE_CHECKING:
    from jobs.model import Job
    from jobs.outcomes import ReportOutcome

SHARDS = 3
TIMEOUT = 900_000


@pytest.fixture
def world() -> World:
    return World(store=FakeStore(shards=SHARDS))


def running(world: World, *numbers: int, **job: Any) -> None:
    for number in numbers:
        world.store.jobs[1, number] = a_job(job_id=number, **job)
        start(world.store, number, NOW)


def reap(world: World, after: int = TIMEOUT, looks: int = 1_000) -> int:
    world.clock.time = NOW + after
    left = iter(range(looks))
    return reaping.reap(world.ports, SHARDS, has_time=lambda _: next(left, None) is not None)


def job_of(world: World, number: int = 1) -> Job:
    return world.store.jobs[1, number]


def test_a_lost_attempt_is_followed_by_the_next_after_a_back_off(world: World) -> None:
    running(world, 1, max_attempts=3)

    assert reap(world) == 1

    job = job_of(world)
    assert (job.status, job.attempt, job.due_at) == (Status.SCHEDULED, 2, NOW + TIMEOUT + 2_000)
    [(evidence, errors)] = world.store.get_evidence(job).items()
    assert job.history[-1] == Change(Status.SCHEDULED, NOW + TIMEOUT, "service", evidence)
    assert errors == ["attempt 1 of 3 timed out (timeoutSeconds 900)"]
    assert job.errors == tuple(errors)
    assert world.queue.job_ids == [1]
    assert world.meter.counts["AttemptLost"] == 1


def test_a_lost_last_attempt_fails_the_job_and_says_why(world: World) -> None:
    running(world, 1, timeout_seconds=5, attempt=2, max_attempts=2)

    assert reap(world, 5_000) == 1

    assert job_of(world).status is Status.FAILED
    assert job_of(world).errors == ("attempt 2 of 2 timed out (timeoutSeconds 5)",)


def test_nothing_is_reaped_before_its_time_or_after_its_end(world: World) -> None:
    running(world, 1, 2, 3)
    world.store.cancel_job(1, 2, NOW + 1, "key-1")
    world.store.note_progress(Attempt(1, 3, 1), 5, NOW, NOW + 1 + TIMEOUT)
    world.store.jobs[1, 4] = a_job(job_id=4)

    assert reap(world, TIMEOUT - 1) == 0
    assert reap(world, TIMEOUT) == 1

    assert [job_of(world, number).status for number in (1, 2, 3, 4)] == ["failed", "cancelled", "running", "scheduled"]


@pytest.mark.parametrize("meanwhile", ["heard of", "ended"])
def test_an_index_that_lags_leaves_no_errors_behind(
    world: World, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    running(world, 1)
    stale = [DueJob(NOW + TIMEOUT, 1, 1)]
    if meanwhile == "ended":
        world.store.cancel_job(1, 1, NOW, "key-1")
    else:
        world.store.note_progress(Attempt(1, 1, 1), 5, NOW, NOW + TIMEOUT + 1)
    monkeypatch.setattr(world.store, "list_lost", lambda shard, *_: [] if shard else stale)

    assert reap(world) == 0

    assert world.store.evidence == {}


def test_a_second_run_finds_nothing_left(world: World) -> None:
    running(world, *range(1, 31))

    assert [reap(world), reap(world)] == [30, 0]
    assert all(len(job.history) == 3 for job in world.store.jobs.values())


@pytest.mark.parametrize("meanwhile", ["progress", "completed", "cancelled", "gone on"])
def test_what_happens_between_the_index_and_the_write_wins(
    world: World, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    """The index lags, and the job changes between the read and the write. Only the condition decides."""
    running(world, 1, max_attempts=2)
    read = world.store.get_job

    def then_meanwhile(project_id: int, job_id: int) -> Job | None:
        found = read(project_id, job_id)
        if meanwhile == "progress":
            world.store.note_progress(Attempt(1, 1, 1), 5, NOW, NOW + TIMEOUT + TIMEOUT)
        elif meanwhile == "completed":
            world.store.jobs[1, 1] = a_job(status=Status.COMPLETED, next_at=None)
        elif meanwhile == "cancelled":
            world.store.cancel_job(1, 1, NOW, "key-1")
        else:
            world.store.jobs[1, 1] = a_job(attempt=2, max_attempts=2)
        monkeypatch.setattr(world.store, "get_job", read)
        return found

    monkeypatch.setattr(world.store, "get_job", then_meanwhile)
    assert reap(world) == 0

    assert job_of(world).status == {
        "progress": "running", "completed": "completed", "cancelled": "cancelled", "gone on": "scheduled"
    }[meanwhile]  # fmt: skip
    assert world.queue.messages == []
    assert world.meter.counts["AttemptLost"] == 0


def test_a_throttled_end_is_left_to_the_next_run_and_stops_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    running(world, *range(1, 11))
    fail = world.store.fail_job

    def throttled(attempt: Attempt, *arguments: Any, **lost: Any) -> ReportOutcome:
        if attempt.job_id == 4:
            raise Busy
        return fail(attempt, *arguments, **lost)

    monkeypatch.setattr(world.store, "fail_job", throttled)
    assert reap(world) == 9
    assert world.meter.counts["ReapThrottled"] == 1

    monkeypatch.undo()
    assert reap(world) == 1


def test_a_run_stops_when_its_time_is_up_and_the_next_goes_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "SLICE", 1)
    running(world, *range(1, 11))

    assert [reap(world, looks=4), reap(world, looks=4), reap(world)] == [4, 4, 2]


def test_every_shard_is_looked_at(world: World) -> None:
    running(world, *range(1, 41))
    assert {world.store._shard(1, number) for number in range(1, 41)} == set(range(SHARDS))

    assert reap(world) == 40


def test_a_throttle_costs_the_shard_and_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    running(world, *range(1, 31))
    list_lost, met = world.store.list_lost, list[int]()

    def throttled(shard: int, now: int, limit: int) -> list[DueJob]:
        met.append(shard)
        if len(met) == 1:
            raise Busy
        return list_lost(shard, now, limit)

    monkeypatch.setattr(world.store, "list_lost", throttled)

    first = reap(world)
    assert 0 < first < 30
    assert reap(world) == 30 - first
    assert world.meter.counts["ReapThrottled"] == 1


def test_projects_take_turns_so_that_none_waits_for_another_s_herd(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    running(world, *range(1, 101))
    world.store.jobs[2, 1] = a_job(project_id=2, timeout_seconds=899)
    world.store.jobs[3, 1] = a_job(project_id=3)
    for project in (2, 3):
        world.store.start_jobs([JobKey(project, 1)], NOW + 900)  # lost after the herd
    monkeypatch.setattr(turns, "SLICE", 1)

    assert reap(world, TIMEOUT + 900, looks=3) == 3

    ended = [key for key, job in world.store.jobs.items() if job.status is Status.FAILED]
    assert {project for project, _ in ended} == {1, 2, 3}


def test_within_a_project_the_longest_lost_is_first() -> None:
    rows = [DueJob(due, project, job) for due, project, job in ((9, 1, 1), (5, 1, 2), (7, 2, 1), (6, 1, 3), (8, 2, 2))]

    assert [row.due_at for row in turns.in_turns(rows)] == [5, 7, 6, 8, 9]


def test_a_run_says_how_late_it_is_and_nothing_where_nothing_is_lost(world: World) -> None:
    running(world, 1)
    reap(world, TIMEOUT - 1)
    assert world.meter.durations == {}

    reap(world, TIMEOUT + 250)

    assert world.meter.durations["ReapLag"] == [250]


def test_a_run_reads_no_more_than_its_bound(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    running(world, *range(1, 41))
    monkeypatch.setattr(turns, "MAX_READ", 2 * SHARDS)

    assert reap(world) == 2 * SHARDS
