"""Starting what hints say is due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from jobs.model import JobKey, StartHint, Status
from jobs.outcomes import StartOutcome
from jobs.timing import starting

from tests.builders import NOW, a_job
from tests.fakes import World

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pytest


def scheduled(world: World, *due: int) -> None:
    for number, at in enumerate(due, 1):
        world.store.jobs[1, number] = a_job(job_id=number, at=at)


def start_jobs(
    world: World, messages: Sequence[StartHint], has_time: Callable[[int], bool] = lambda _: True
) -> set[int]:
    return starting.start_jobs(world.ports, messages, has_time)


def started(world: World) -> dict[int, int]:
    """The jobs that run, and since when."""
    return {job.job_id: job.started_at for job in world.store.jobs.values() if job.started_at is not None}


def test_jobs_start_on_their_millisecond_in_the_order_they_are_due(world: World) -> None:
    scheduled(world, NOW + 900, NOW - 50, NOW + 300)

    again = start_jobs(world, [StartHint(1, ((1, NOW + 900), (2, NOW - 50))), StartHint(1, ((3, NOW + 300),))])

    assert again == set()
    assert started(world) == {1: NOW + 900, 2: NOW, 3: NOW + 300}
    assert world.clock.slept == [300, 600]
    assert world.meter.durations["StartLag"] == [50, 0, 0]
    assert world.meter.counts == {"JobStarted": 3}


@given(st.lists(st.tuples(st.integers(-3_000, 4_000), st.integers(-3_000, 4_000)), min_size=1, max_size=8))
def test_no_hint_starts_a_job_early_however_wrong_it_is(jobs: list[tuple[int, int]]) -> None:
    world = World()
    scheduled(world, *(NOW + due for due, _ in jobs))

    start_jobs(world, [StartHint(1, ((number, NOW + hint),)) for number, (_, hint) in enumerate(jobs, 1)])

    for number, since in started(world).items():
        assert since >= NOW + jobs[number - 1][0]


def test_a_hint_over_two_seconds_early_is_dropped_without_waiting(world: World) -> None:
    scheduled(world, NOW + 2_001, NOW)

    assert start_jobs(world, [StartHint(1, ((1, NOW + 2_001), (2, NOW)))]) == set()

    assert started(world) == {2: NOW}
    assert world.clock.slept == []
    assert world.meter.counts["StartHintEarly"] == 1


def test_a_sleep_that_ends_early_is_slept_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    scheduled(world, NOW + 100)
    naps = iter([60, 39.5, 0.5])

    def nap(milliseconds: float) -> None:
        world.clock.time += next(naps)

    monkeypatch.setattr(world.clock, "sleep", nap)

    start_jobs(world, [StartHint(1, ((1, NOW + 100),))])

    assert started(world) == {1: NOW + 100}


def test_stale_hints_change_nothing_and_are_counted(world: World) -> None:
    scheduled(world, NOW, NOW + 5_000)
    world.store.cancel_job(1, 1, NOW, "key-1")
    before = dict(world.store.jobs)

    assert start_jobs(world, [StartHint(1, ((1, NOW), (2, NOW), (3, NOW)))]) == set()

    assert world.store.jobs == before
    assert world.meter.counts == {"StartHintStale": 3}


def test_a_job_hinted_many_times_starts_once(world: World) -> None:
    scheduled(world, NOW)

    start_jobs(world, [StartHint(1, ((1, NOW), (1, NOW)))] * 3)

    assert [change.to for change in world.store.jobs[1, 1].history] == [Status.SCHEDULED, Status.RUNNING]
    assert world.meter.counts["JobStarted"] == 1


class Throttles:
    """A table that throttles some jobs, each for a number of calls."""

    def __init__(self, world: World, calls: dict[int, int]) -> None:
        self.left = calls
        self.calls: list[int] = []
        self._start = world.store.start_jobs
        world.store.start_jobs = self  # type: ignore[method-assign]

    def __call__(self, jobs: Sequence[JobKey], now: int) -> list[StartOutcome]:
        self.calls.append(len(jobs))
        return [self._try(job, now) for job in jobs]

    def _try(self, job: JobKey, now: int) -> StartOutcome:
        left = self.left.get(job.job_id, 0)
        self.left[job.job_id] = left - 1
        return StartOutcome.UNCERTAIN if left > 0 else self._start([job], now)[0]


def test_a_throttled_start_is_tried_again_with_longer_pauses_and_its_neighbours_do_not_wait(world: World) -> None:
    scheduled(world, NOW, NOW, NOW, NOW)
    Throttles(world, {2: 4})

    again = start_jobs(world, [StartHint(1, ((1, NOW), (2, NOW))), StartHint(1, ((3, NOW), (4, NOW)))])

    assert again == set()
    # half of 100, 200, 400 and 800, and a millisecond each: the fake's random number is always a half
    assert started(world) == {1: NOW, 2: NOW + 754, 3: NOW, 4: NOW}
    assert world.meter.counts == {"JobStarted": 4, "StartThrottled": 4}


def test_what_is_throttled_together_is_tried_again_together(world: World) -> None:
    scheduled(world, *[NOW] * 25)
    throttles = Throttles(world, dict.fromkeys(range(1, 26), 1))

    start_jobs(world, [StartHint(1, tuple((number, NOW) for number in range(1, 26)))])

    assert throttles.calls == [25, 25]


def test_only_the_messages_of_jobs_that_stay_throttled_come_again(world: World) -> None:
    scheduled(world, NOW, NOW, NOW, NOW)
    throttles = Throttles(world, {2: 10**9})
    messages = [StartHint(1, ((1, NOW),)), StartHint(1, ((2, NOW), (3, NOW))), StartHint(1, ((4, NOW),))]

    assert start_jobs(world, messages) == {1}

    assert set(started(world)) == {1, 3, 4}
    assert len(throttles.calls) == world.meter.counts["StartThrottled"] == starting.TRIES


def test_a_doubled_hint_of_a_throttled_job_comes_again_as_well(world: World) -> None:
    scheduled(world, NOW)
    Throttles(world, {1: 10**9})

    assert start_jobs(world, [StartHint(1, ((1, NOW),))] * 2) == {0, 1}


def test_what_the_time_is_too_short_for_comes_again_and_nothing_is_lost(world: World) -> None:
    scheduled(world, *[NOW + number for number in range(1, 101)])
    messages = [
        StartHint(1, tuple((number, NOW + number) for number in range(first, first + 10)))
        for first in range(1, 101, 10)
    ]

    again = start_jobs(world, messages, lambda milliseconds: world.clock.now() + milliseconds < NOW + 13_035)

    assert set(started(world)) == set(range(1, 36))
    assert again == {3, 4, 5, 6, 7, 8, 9}
    assert start_jobs(world, [messages[position] for position in sorted(again)]) == set()
    assert started(world) == {number: NOW + number for number in range(1, 101)}


def test_without_time_nothing_is_begun(world: World) -> None:
    scheduled(world, NOW)

    assert start_jobs(world, [StartHint(1, ((1, NOW),))], lambda _: False) == {0}

    assert started(world) == {}


def test_a_herd_goes_out_in_as_few_calls_as_there_are_messages(world: World) -> None:
    scheduled(world, *[NOW] * 250)
    throttles = Throttles(world, {})
    numbers = list(range(1, 251))

    start_jobs(world, [StartHint(1, tuple((n, NOW) for n in numbers[at : at + 25])) for at in range(0, 250, 25)])

    assert throttles.calls == [25] * 10
    assert world.meter.counts == {"JobStarted": 250}


def test_single_jobs_of_many_tenants_that_are_due_together_share_calls(world: World) -> None:
    for project in range(1, 11):
        world.store.jobs[project, 1] = a_job(project_id=project)
    throttles = Throttles(world, {})

    start_jobs(world, [StartHint(project, ((1, NOW),)) for project in range(1, 11)])

    assert throttles.calls == [10]
    assert all(job.started_at == NOW for job in world.store.jobs.values())


@given(
    late=st.integers(0, 3_000),
    messages=st.lists(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 999)), max_size=25), max_size=10),
    throttled=st.dictionaries(st.integers(1, 30), st.integers(1, 10)),
)
def test_whatever_is_hinted_and_throttled_starts_once_or_comes_again(
    late: int, messages: list[list[tuple[int, int]]], throttled: dict[int, int]
) -> None:
    world = World()
    due = {number: NOW + at for message in messages for number, at in message}
    world.store.jobs |= {(1, number): a_job(job_id=number, at=at) for number, at in due.items()}
    throttles = Throttles(world, throttled)
    world.clock.sleep(late)
    hints = [StartHint(1, tuple((number, due[number]) for number, _ in message)) for message in messages]

    again = start_jobs(world, hints)

    assert max(throttles.calls, default=0) <= 25
    for number, at in due.items():
        since = world.store.jobs[1, number].started_at
        if since is None:
            assert {place for place, hint in enumerate(hints) if number in dict(hint.jobs)} <= again
        else:
            assert since >= at
    assert world.meter.counts["JobStarted"] == len(started(world))


def test_waits_do_not_add_up_over_a_batch() -> None:
    world = World()
    world.store.jobs |= {(1, number): a_job(job_id=number, at=NOW + 2_000 * number) for number in range(1, 11)}

    start_jobs(world, [StartHint(1, ((number, NOW + 2_000 * number),)) for number in range(1, 11)])

    assert sum(world.clock.slept) <= 2_000
