"""Starting what hints say is due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from jobs.errors import Busy
from jobs.model import StartMessage, Status
from jobs.starting import start_jobs

from tests.builders import NOW, a_job
from tests.fakes import World

if TYPE_CHECKING:
    import pytest
    from jobs.ports import Start


def scheduled(world: World, *due: int) -> None:
    for number, at in enumerate(due, 1):
        world.store.jobs[1, number] = a_job(job_id=number, at=at)


def started(world: World) -> dict[int, int]:
    """Which jobs run, and since when."""
    return {job.job_id: job.started_at for job in world.store.jobs.values() if job.started_at is not None}


def test_jobs_start_on_their_millisecond_in_the_order_they_are_due(world: World) -> None:
    scheduled(world, NOW + 900, NOW - 50, NOW + 300)

    again = start_jobs(
        world.ports, [StartMessage(1, ((1, NOW + 900), (2, NOW - 50))), StartMessage(1, ((3, NOW + 300),))]
    )

    assert again == set()
    assert started(world) == {1: NOW + 900, 2: NOW, 3: NOW + 300}
    assert world.clock.slept == [300, 600]
    assert world.meter.durations["StartLag"] == [50, 0, 0]
    assert world.meter.counts == {"JobStarted": 3}


@given(st.lists(st.tuples(st.integers(-3_000, 4_000), st.integers(-3_000, 4_000)), min_size=1, max_size=8))
def test_no_hint_starts_a_job_early_however_wrong_it_is(jobs: list[tuple[int, int]]) -> None:
    world = World()
    scheduled(world, *(NOW + due for due, _ in jobs))

    start_jobs(world.ports, [StartMessage(1, ((number, NOW + hint),)) for number, (_, hint) in enumerate(jobs, 1)])

    for number, since in started(world).items():
        assert since >= NOW + jobs[number - 1][0]


def test_a_hint_over_two_seconds_early_is_dropped_without_waiting(world: World) -> None:
    scheduled(world, NOW + 2_001, NOW)

    assert start_jobs(world.ports, [StartMessage(1, ((1, NOW + 2_001), (2, NOW)))]) == set()

    assert started(world) == {2: NOW}
    assert world.clock.slept == []
    assert world.meter.counts["StartHintEarly"] == 1


def test_a_sleep_that_ends_early_is_slept_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    scheduled(world, NOW + 100)
    naps = iter([60, 39.5, 0.5])

    def nap(milliseconds: float) -> None:
        world.clock.time += next(naps)

    monkeypatch.setattr(world.clock, "sleep", nap)

    start_jobs(world.ports, [StartMessage(1, ((1, NOW + 100),))])

    assert started(world) == {1: NOW + 100}


def test_stale_hints_change_nothing_and_are_counted(world: World) -> None:
    scheduled(world, NOW, NOW + 5_000)
    world.store.cancel_job(1, 1, NOW, "key-1")
    before = dict(world.store.jobs)

    assert start_jobs(world.ports, [StartMessage(1, ((1, NOW), (2, NOW), (3, NOW)))]) == set()

    assert world.store.jobs == before
    assert world.meter.counts == {"StartHintStale": 3}


def test_a_job_hinted_many_times_starts_once(world: World) -> None:
    scheduled(world, NOW)

    start_jobs(world.ports, [StartMessage(1, ((1, NOW), (1, NOW)))] * 3)

    assert [change.to for change in world.store.jobs[1, 1].history] == [Status.SCHEDULED, Status.RUNNING]
    assert world.meter.counts["JobStarted"] == 1


def test_only_the_messages_of_throttled_jobs_come_again_and_their_neighbours_start(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduled(world, NOW, NOW, NOW, NOW)
    start = world.store.start_job

    def throttled(project_id: int, job_id: int, now: int) -> Start:
        if job_id == 2:
            raise Busy
        return start(project_id, job_id, now)

    monkeypatch.setattr(world.store, "start_job", throttled)
    messages = [StartMessage(1, ((1, NOW),)), StartMessage(1, ((2, NOW), (3, NOW))), StartMessage(1, ((4, NOW),))]

    assert start_jobs(world.ports, messages) == {1}

    assert set(started(world)) == {1, 3, 4}
    assert world.meter.counts["StartThrottled"] == 1


def test_a_hint_whose_answer_is_lost_comes_again_alone() -> None:
    world = World()
    world.store.jobs |= {(1, number): a_job(job_id=number) for number in (1, 2)}
    start = world.store.start_job

    def lost(project_id: int, job_id: int, now: int) -> Start:
        if job_id == 1:
            raise Busy
        return start(project_id, job_id, now)

    world.store.start_job = lost  # type: ignore[method-assign]

    again = start_jobs(world.ports, [StartMessage(1, ((number, NOW),)) for number in (1, 2)])

    assert again == {0}
    assert world.store.jobs[1, 2].status is Status.RUNNING


def test_waits_do_not_add_up_over_a_batch() -> None:
    world = World()
    world.store.jobs |= {(1, number): a_job(job_id=number, at=NOW + 2_000 * number) for number in range(1, 11)}

    start_jobs(world.ports, [StartMessage(1, ((number, NOW + 2_000 * number),)) for number in range(1, 11)])

    assert sum(world.clock.slept) <= 2_000
