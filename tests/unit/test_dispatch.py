"""The tick: grouping, watermarks and the sweep."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobs.model import MINUTE, DueJob, StartHint, Status
from jobs.outcomes import SweepCursor, Watermark
from jobs.timing import dispatch, hints
from jobs.timing.dispatch import Dispatched
from jobs.timing.hints import group

from tests.builders import NOW, a_job, start
from tests.fakes import FakeStore, World

if TYPE_CHECKING:
    from collections.abc import Iterable


SHARDS = 3


def a_world(**store: Any) -> World:
    return World(store=FakeStore(shards=SHARDS, **store))


def tick(world: World, has_time: Any = lambda _: True) -> Dispatched:
    return dispatch.dispatch(world.ports, SHARDS, has_time)


def scheduled(world: World, due: Iterable[int]) -> list[int]:
    """Schedule a job for each due time and return their numbers."""
    first = len(world.store.jobs) + 1
    for number, at in enumerate(due, first):
        world.store.jobs[1, number] = a_job(job_id=number, at=at)
    return list(range(first, len(world.store.jobs) + 1))


def taken(world: World) -> list[int]:
    """Take the hints that the queue holds."""
    numbers, world.queue.messages = sorted(world.queue.job_ids), []
    return numbers


def in_shard(world: World, shard: int) -> list[DueJob]:
    return [row for row in world.store.list_due(shard, None, NOW * 2, 10**9) if isinstance(row, DueJob)]


# ---- grouping -----------------------------------------------------------------------------------------------------


@st.composite
def herds(draw: st.DrawFn) -> list[DueJob]:
    """Jobs of two projects in a few seconds, up to three hints' worth of each, in any order."""
    jobs: list[DueJob] = []
    for project, second in draw(st.sets(st.tuples(st.integers(1, 2), st.integers(0, 2)), max_size=4)):
        size = draw(st.sampled_from([1, 24, 25, 26, 50, 51]))
        within = draw(st.sampled_from([0, 1, 999]))
        jobs += [DueJob(second * 1000 + min(999, within * n), project, len(jobs) + n) for n in range(size)]
    draw(st.randoms(use_true_random=False)).shuffle(jobs)
    return jobs


@given(herds())
def test_a_message_holds_one_project_and_one_second_and_every_job_is_in_one(jobs: list[DueJob]) -> None:
    messages = [message for message in group(jobs) if isinstance(message, StartHint)]

    told = [DueJob(due, message.project_id, job_id) for message in messages for job_id, due in message.jobs]
    assert sorted(told) == sorted(jobs)
    assert all(1 <= len(message.jobs) <= 25 for message in messages)
    assert all(len({due // 1000 for _, due in message.jobs}) == 1 for message in messages)
    herds = Counter((job.project_id, job.due_at // 1000) for job in jobs)
    assert len(messages) == sum(-(-size // 25) for size in herds.values())


@given(herds())
def test_messages_go_out_in_the_order_they_are_due(jobs: list[DueJob]) -> None:
    seconds = [message.due_at // 1000 for message in group(jobs)]

    assert seconds == sorted(seconds)


# ---- what is due --------------------------------------------------------------------------------------------------


def test_a_tick_hints_what_is_due_in_three_minutes_and_the_next_only_what_is_new() -> None:
    world = a_world()
    soon = scheduled(world, [NOW - 5_000, NOW, NOW + 180_000, NOW + 180_999])
    later = scheduled(world, [NOW + 181_000, NOW + 240_000])

    assert tick(world) == Dispatched(4, 0)
    assert taken(world) == soon
    assert tick(world) == Dispatched(0, 0)
    world.clock.sleep(MINUTE)
    for number in soon[:2]:  # the sweep would hint them again, because nobody has started them
        start(world.store, number, world.clock.now())
    assert tick(world) == Dispatched(2, 0)
    assert taken(world) == later


def test_what_is_no_longer_scheduled_is_not_hinted() -> None:
    world = a_world()
    scheduled(world, [NOW, NOW])
    world.store.cancel_job(1, 1, NOW, "key-1")

    tick(world)

    assert taken(world) == [2]


def test_a_herd_is_read_in_rounds_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "ROUND", 4)
    world = a_world()
    herd = scheduled(world, [NOW] * 50)

    assert tick(world) == Dispatched(50, 0)
    assert taken(world) == herd


def test_a_tick_without_time_leaves_the_rest_to_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "ROUND", 4)
    world = a_world()
    herd = scheduled(world, [NOW] * 50)
    time = iter([True, True])

    first = tick(world, has_time=lambda _: next(time, False))

    assert 0 < first.due <= 2 * 4 * SHARDS
    assert tick(world).due == 50 - first.due
    assert taken(world) == herd


def test_a_watermark_is_saved_after_its_hints_and_never_before(monkeypatch: pytest.MonkeyPatch) -> None:
    world = a_world()
    scheduled(world, [NOW] * 9)

    def crash(messages: Iterable[StartHint]) -> list[StartHint]:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(world.queue, "send", crash)
        with pytest.raises(ConnectionError):
            tick(world)

    assert world.store.watermarks == {}
    assert tick(world).due == 9


@given(
    jobs=st.lists(st.integers(-100_000, 170_000), min_size=1, max_size=60),
    refused=st.sets(st.integers(1, 60), max_size=6),
)
def test_no_watermark_passes_a_job_whose_hint_was_refused(jobs: list[int], refused: set[int]) -> None:
    world = a_world()
    numbers = scheduled(world, (NOW + due for due in jobs))
    world.queue.refuses = refused

    tick(world)

    told = set(taken(world))
    assert told.isdisjoint(refused)
    for shard in range(SHARDS):
        mark = world.store.watermarks.get(shard)
        passed = {row.job_id for row in in_shard(world, shard) if mark is not None and row <= mark}
        assert passed <= told
    assert world.meter.counts["StartHintNotSent"] >= len(refused & set(numbers))
    world.queue.refuses = set()
    tick(world)
    assert told | set(taken(world)) == set(numbers)


def test_a_refused_hint_stops_its_own_shard_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "ROUND", 1)  # one row of each shard
    monkeypatch.setattr(hints, "JOBS_PER_HINT", 1)
    world = a_world()
    scheduled(world, [NOW] * 30)
    first, second, third = (in_shard(world, shard) for shard in range(SHARDS))
    world.queue.refuses = {first[0].job_id}

    tick(world)

    assert taken(world) == sorted(row.job_id for row in second + third)
    assert world.store.watermarks == {1: second[-1], 2: third[-1]}
    world.queue.refuses = set()
    tick(world)
    assert taken(world) == [row.job_id for row in first]


@given(
    batches=st.lists(st.lists(st.integers(0, 400_000), max_size=15), min_size=1, max_size=5),
    refused=st.sets(st.integers(1, 75), max_size=6),
    trouble=st.integers(0, 8),
    size=st.integers(1, 5),
)
def test_two_ticks_of_refusals_make_no_job_late(
    batches: list[list[int]], refused: set[int], trouble: int, size: int
) -> None:
    """Only ticks hint jobs that are created over four minutes ahead. Each must be hinted, and before its second."""
    world, hinted = a_world(), dict[int, int]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dispatch, "ROUND", size)
        for minute in range(14):
            if minute < len(batches):
                scheduled(world, (world.clock.now() + 240_001 + due for due in batches[minute]))
            world.queue.refuses = refused if minute in {trouble, trouble + 1} else set()
            tick(world)
            for number in taken(world):
                hinted.setdefault(number, world.clock.now())
            world.clock.sleep(MINUTE)

    for (_, number), job in world.store.jobs.items():
        assert hinted[number] <= job.start_at


# ---- the sweep ----------------------------------------------------------------------------------------------------


def after_a_tick(*due: int) -> World:
    """A world whose last tick has hinted all of these. The hints are lost."""
    world = a_world()
    scheduled(world, due)
    tick(world)
    taken(world)
    return world


def test_a_job_whose_hint_was_lost_is_hinted_again_a_minute_after_its_time() -> None:
    world = after_a_tick(NOW)

    world.clock.sleep(MINUTE - 1)
    assert tick(world) == Dispatched(0, 0)
    world.clock.sleep(1)
    assert tick(world) == Dispatched(0, 1)
    assert taken(world) == [1]
    assert world.meter.counts["OverdueHinted"] == 1


def test_what_this_tick_has_hinted_is_not_hinted_twice_by_its_sweep() -> None:
    world = after_a_tick(*[NOW] * 20)  # in every shard
    scheduled(world, [NOW + 1] * 20)
    world.clock.sleep(10 * MINUTE)

    assert tick(world) == Dispatched(20, 20)
    assert taken(world) == list(range(1, 41))


def test_a_job_that_came_behind_the_watermark_is_swept_up() -> None:
    """Its creator sends the hint. If that is lost, no tick finds the job, because ticks look beyond the watermark."""
    world = after_a_tick(*[NOW + 170_000] * 20)
    late = scheduled(world, [NOW + 60_000] * 20)
    world.clock.sleep(2 * MINUTE)

    tick(world)

    assert taken(world) == late


def test_the_sweep_waits_while_hints_pile_up() -> None:
    world = after_a_tick(NOW)
    world.clock.sleep(MINUTE)

    world.queue.visible = 1_001
    assert tick(world).overdue == 0
    world.queue.visible = 1_000
    assert tick(world).overdue == 1


def test_a_bounded_sweep_goes_round_all_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    world = after_a_tick(*[NOW] * 40)
    monkeypatch.setattr(dispatch, "SWEEP_SIZE", 7)
    world.clock.sleep(MINUTE)

    counts = Counter[int]()
    for _ in range(6):
        assert tick(world).overdue <= 7
        counts.update(taken(world))

    assert set(counts) == set(range(1, 41))
    assert max(counts.values()) <= 2


def test_hints_that_are_lost_twice_are_put_again_though_nothing_else_is_overdue(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A full sweep stops in the middle of a shard. The jobs before that point must get their turn again."""
    world = after_a_tick(*[NOW] * 30)
    in_first = [row.job_id for row in in_shard(world, 0)]
    monkeypatch.setattr(dispatch, "SWEEP_SIZE", len(in_first))
    world.clock.sleep(MINUTE)
    tick(world)
    assert taken(world) == in_first
    for number in {number for _, number in world.store.jobs} - set(in_first):
        start(world.store, number, world.clock.now())

    for _ in range(2):
        world.clock.sleep(MINUTE)
        tick(world)

    assert taken(world) == in_first


def test_a_refused_hint_of_the_sweep_is_not_counted_as_put() -> None:
    world = after_a_tick(NOW, NOW)
    world.clock.sleep(MINUTE)
    world.queue.refuses = {1, 2}

    assert tick(world).overdue == 0
    world.queue.refuses = set()
    assert tick(world).overdue == 2


def test_a_sweep_with_nothing_to_do_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    world = after_a_tick(NOW)
    start(world.store, 1, NOW)
    world.clock.sleep(MINUTE)
    monkeypatch.setattr(world.store, "save_sweep_cursor", None)
    monkeypatch.setattr(world.store, "raise_watermark", None)

    assert tick(world) == Dispatched(0, 0)


def test_a_tick_with_nothing_to_do_looks_into_each_shard_once_and_at_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = a_world()
    seen = watch(world, monkeypatch)

    assert tick(world) == Dispatched(0, 0)

    assert seen == [("list_due", shard) for shard in range(SHARDS)]


def test_only_shards_with_jobs_are_read_on_and_swept(monkeypatch: pytest.MonkeyPatch) -> None:
    world = a_world()
    scheduled(world, [NOW])
    (busy,) = [shard for shard in range(SHARDS) if in_shard(world, shard)]
    tick(world)
    world.clock.time += 2 * MINUTE
    seen = watch(world, monkeypatch)

    assert tick(world) == Dispatched(0, 1)

    looks = [("list_due", shard) for shard in range(SHARDS)]
    # behind the watermark, and up to it
    assert seen == [*looks, ("list_watermarks",), ("list_due", busy), ("backlog",), ("list_due", busy)]


def test_what_is_due_but_not_late_needs_no_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    world = a_world()
    scheduled(world, [NOW + MINUTE])
    tick(world)
    seen = watch(world, monkeypatch)

    assert tick(world) == Dispatched(0, 0)

    assert ("backlog",) not in seen


def watch(world: World, monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """Note the shard of each read of the index, and each look at watermarks and at the queue."""
    seen: list[tuple[object, ...]] = []

    def note(owner: Any, name: str, shown: int) -> None:
        asked = getattr(owner, name)

        def noted(*args: Any) -> Any:
            seen.append((name, *args[:shown]))
            return asked(*args)

        monkeypatch.setattr(owner, name, noted)

    note(world.store, "list_due", 1)
    note(world.store, "list_watermarks", 0)
    note(world.queue, "backlog", 0)
    return seen


def test_a_sweep_without_time_begins_there_next_time() -> None:
    world = after_a_tick(*[NOW] * 30)
    world.clock.sleep(MINUTE)
    by_shard = {shard: [row.job_id for row in in_shard(world, shard)] for shard in range(SHARDS)}
    time = iter([True, True, True])  # a round of what is due and its end, one shard of the sweep and no more

    tick(world, has_time=lambda _: next(time, False))

    assert taken(world) == by_shard[0]
    assert world.store.cursor == SweepCursor(1, None)


def test_watermarks_survive_where_the_shards_grow() -> None:
    world = a_world(watermarks={0: DueJob(NOW, 1, 10**9)})
    numbers = scheduled(world, [NOW + 1] * 30)

    tick(world)

    assert taken(world) == numbers
    assert {mark.shard for mark in world.store.list_watermarks()} == {0, 1, 2}
    assert Watermark(0, in_shard(world, 0)[-1]) in world.store.list_watermarks()
    assert all(job.status is Status.SCHEDULED for job in world.store.jobs.values())


def test_a_sweep_whose_hints_were_not_all_sent_begins_again_where_it_began() -> None:
    world = after_a_tick(*[NOW] * 30)
    world.clock.sleep(MINUTE)
    first = [row.job_id for row in in_shard(world, 1)]
    world.store.cursor = SweepCursor(1, None)
    world.queue.refuses = {first[0]}
    time = iter([True, True, True])  # a round of what is due and its end, one shard of the sweep and no more

    tick(world, has_time=lambda _: next(time, False))

    assert taken(world) == []  # they share a hint
    assert world.meter.counts["StartHintNotSent"] == len(first)
    assert world.store.cursor == SweepCursor(1, None)


def test_a_sweep_in_which_one_hint_was_refused_still_sends_those_of_the_other_shards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = after_a_tick(*[NOW] * 30)
    world.clock.sleep(MINUTE)
    monkeypatch.setattr(hints, "JOBS_PER_HINT", 1)
    monkeypatch.setattr(dispatch, "SLICE", 1)
    rest, first, second = (in_shard(world, shard) for shard in range(SHARDS))
    world.store.cursor = SweepCursor(1, None)
    world.queue.refuses = {first[0].job_id}
    time = iter([True] * 4)  # a round of what is due and its end, two shards of the sweep and no more

    swept = tick(world, has_time=lambda needed: needed < dispatch.ROUND_TIME or next(time, False))

    assert taken(world) == sorted(row.job_id for row in first[1:] + second)
    assert swept == Dispatched(0, 29 - len(rest))
    assert world.store.cursor == SweepCursor(1, None)


def test_a_tick_that_read_for_too_long_still_sends_the_soonest(monkeypatch: pytest.MonkeyPatch) -> None:
    world = a_world()
    scheduled(world, [NOW + number for number in range(20)])
    monkeypatch.setattr(dispatch, "SLICE", 1)
    monkeypatch.setattr(hints, "JOBS_PER_HINT", 1)
    time = iter([True])

    assert tick(world, has_time=lambda _: next(time, False)) == Dispatched(1, 0)
