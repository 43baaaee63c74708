"""Schedules in memory: making and changing them, and exactly one job for each occurrence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from jobs import errors
from jobs.lifecycle.creation import IdempotencyKey
from jobs.lifecycle.deletion import request_deletion
from jobs.model import DAY, HOUR, MINUTE, SECOND, DueSchedule, FireHint, JobKey, Occasion, Status
from jobs.schedules import firing, managing, showing
from jobs.schedules.occasions import ALL_OF, LATE, Step, next_step
from jobs.schedules.ports import MAX_SCHEDULES, CatchUp, Overlap, Schedule, Spec
from jobs.schedules.rhythm import Rhythm
from jobs.timing import dispatch

from tests.builders import NOW, a_project, a_request
from tests.fakes import World, ever

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.outcomes import AppendResult, NewRow

PERIOD = 5 * MINUTE
#: The first whole period after NOW.
FIRST = NOW + PERIOD


def a_spec(**overrides: Any) -> Spec:
    rhythm = Rhythm(every=PERIOD // SECOND, anchor=FIRST)
    return Spec(**{"name": "nightly", "rhythm": rhythm, "job": a_request(), **overrides})


@pytest.fixture
def world() -> World:
    world = World()
    world.directory.projects["p"] = a_project()
    return world


def make(world: World, **overrides: Any) -> Schedule:
    made, replayed = managing.create_schedule(world.ports, a_project(), a_spec(**overrides))
    assert not replayed
    return made


def state(world: World, schedule: Schedule) -> Any:
    return world.store.schedules[1, schedule.schedule_id].state


def fire(world: World, *schedules: Schedule) -> set[int]:
    """Deliver a hint for these, due now."""
    now = world.clock.now()
    return firing.fire(world.ports, [FireHint(1, tuple((one.schedule_id, now) for one in schedules))], ever)


def job_times(world: World) -> list[int]:
    return [job.start_at for job in world.store.jobs.values()]


# ---- what is to be done ---------------------------------------------------------------------------------------------


def test_an_occurrence_up_to_ten_minutes_late_is_made_like_any_other() -> None:
    assert next_step(a_spec(), FIRST, FIRST) == Step(FIRST, FIRST + PERIOD)
    assert next_step(a_spec(), FIRST, FIRST + LATE) == Step(FIRST, FIRST + PERIOD)


def late(count: int) -> int:
    """When the first `count` occurrences have been missed, and the next has not."""
    return FIRST + (count - 1) * PERIOD + LATE + 1


@pytest.mark.parametrize(
    ("catch_up", "expected"),
    [
        (CatchUp.NONE, Step(None, FIRST + 3 * PERIOD, 3)),
        (CatchUp.LAST, Step(FIRST + 2 * PERIOD, FIRST + 3 * PERIOD, 2)),
        (CatchUp.ALL, Step(FIRST, FIRST + PERIOD, 0)),
    ],
)
def test_what_becomes_of_missed_occurrences(catch_up: CatchUp, expected: Step) -> None:
    assert next_step(a_spec(catch_up=catch_up), FIRST, late(3)) == expected


def test_the_last_of_the_last_day_alone_and_the_newest_hundred() -> None:
    once = Rhythm(at=FIRST)
    count = ALL_OF + 7

    assert next_step(a_spec(rhythm=once), FIRST, FIRST + DAY) == Step(FIRST, None)
    assert next_step(a_spec(rhythm=once), FIRST, FIRST + DAY + 1) == Step(None, None, 1)
    assert next_step(a_spec(catch_up=CatchUp.ALL), FIRST, late(count)) == Step(
        FIRST + 7 * PERIOD, FIRST + 8 * PERIOD, 7
    )


def test_a_long_outage_is_gone_through_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.schedules.occasions.MAX_MISSED", 10)
    now, at, missed, steps = late(25), FIRST, 0, 0

    while True:
        step = next_step(a_spec(catch_up=CatchUp.NONE), at, now)
        missed, steps = missed + step.missed, steps + 1
        assert step.next_at is not None
        assert step.next_at > at
        at = step.next_at
        if at >= now - LATE:
            break

    assert (missed, steps, at) == (25, 3, FIRST + 25 * PERIOD)


# ---- making, changing, removing -------------------------------------------------------------------------------------


def test_a_schedule_tells_its_next_occurrence_and_announces_one_that_is_near(world: World) -> None:
    far = make(world)
    near = make(world, rhythm=Rhythm(every=60, anchor=NOW + MINUTE))

    assert (far.state.next_at, near.state.next_at) == (FIRST, NOW + MINUTE)
    assert world.queue.fires == [FireHint(1, ((near.schedule_id, NOW + MINUTE),))]
    assert far.schedule_id.startswith(f"{NOW // SECOND:08x}{1:08x}")
    assert make(world, enabled=False).state.next_at is None


def test_a_repeated_key_makes_one_schedule(world: World) -> None:
    key = IdempotencyKey("k", "digest")
    made = [managing.create_schedule(world.ports, a_project(), a_spec(), key) for _ in range(2)]

    assert made[0][0] == made[1][0]
    assert [replayed for _, replayed in made] == [False, True]
    with pytest.raises(errors.IdempotencyKeyReused):
        managing.create_schedule(world.ports, a_project(), a_spec(), key._replace(body_digest="other"))
    world.clock.time += DAY
    assert not managing.create_schedule(world.ports, a_project(), a_spec(), key)[1]


def test_a_project_has_a_thousand_schedules_at_most(world: World) -> None:
    one = make(world)
    world.store.schedules |= {(1, f"{n:024}"): one._replace(schedule_id=f"{n:024}") for n in range(1, MAX_SCHEDULES)}

    with pytest.raises(errors.TooManySchedules):
        make(world)
    managing.remove_schedule(world.ports, a_project(), one.schedule_id, None)
    make(world)


def test_a_change_counts_from_now_and_needs_the_version_that_was_seen(world: World) -> None:
    made = make(world)
    world.clock.time += 7 * PERIOD

    with pytest.raises(errors.ScheduleChanged):
        managing.change_schedule(world.ports, a_project(), made.schedule_id, 2, lambda spec: spec)
    changed = managing.change_schedule(world.ports, a_project(), made.schedule_id, 1, lambda _: a_spec(name="new"))

    assert (changed.version, changed.spec.name, changed.updated_at) == (2, "new", NOW + 7 * PERIOD)
    assert changed.state.next_at == FIRST + 7 * PERIOD
    paused = managing.change_schedule(world.ports, a_project(), made.schedule_id, None, lambda _: a_spec(enabled=False))
    assert paused.state.next_at is None
    world.clock.time += 7 * PERIOD
    fire(world, made)
    # what was due before the first change: the newest that was missed, and three of the last ten minutes
    assert job_times(world) == [FIRST + n * PERIOD for n in (3, 4, 5, 6)]


def test_a_change_that_meets_another_is_tried_on_what_that_one_left(world: World) -> None:
    made = make(world)
    names = iter(["first", "second", "third", "fourth"])

    def meet(spec: Spec) -> Spec:
        if spec.name == "nightly":  # another caller changes it between our read and our write
            managing.change_schedule(world.ports, a_project(), made.schedule_id, None, lambda _: a_spec(name="other"))
        return spec._replace(name=f"{spec.name} {next(names)}")

    changed = managing.change_schedule(world.ports, a_project(), made.schedule_id, None, meet)

    assert (changed.spec.name, changed.version) == ("other second", 3)


@pytest.mark.parametrize("before", range(5))
def test_what_is_due_in_the_very_moment_of_a_change_is_not_lost(
    world: World, monkeypatch: pytest.MonkeyPatch, before: int
) -> None:
    made = make(world)
    world.clock.time = FIRST - before

    def now() -> int:
        world.clock.time += 1
        return int(world.clock.time)

    with monkeypatch.context() as ticking:
        ticking.setattr(world.clock, "now", now)
        managing.change_schedule(
            world.ports, a_project(), made.schedule_id, None, lambda spec: spec._replace(name="other")
        )
    world.clock.time = FIRST + SECOND
    fire(world, made)

    assert job_times(world) == [FIRST]


def test_what_is_removed_or_foreign_is_not_found(world: World) -> None:
    made = make(world)
    other = a_project(project_id=2)

    with pytest.raises(errors.ScheduleNotFound):
        showing.get_schedule(world.ports, other, made.schedule_id)
    with pytest.raises(errors.ScheduleChanged):
        managing.remove_schedule(world.ports, a_project(), made.schedule_id, 5)
    managing.remove_schedule(world.ports, a_project(), made.schedule_id, 1)
    for call in (
        lambda: showing.get_schedule(world.ports, a_project(), made.schedule_id),
        lambda: managing.remove_schedule(world.ports, a_project(), made.schedule_id, None),
        lambda: managing.run_schedule(world.ports, a_project(), made.schedule_id, by="key:1"),
        lambda: managing.change_schedule(world.ports, a_project(), made.schedule_id, None, lambda spec: spec),
    ):
        with pytest.raises(errors.ScheduleNotFound):
            call()
    world.clock.time = FIRST
    fire(world, made)
    assert job_times(world) == []


def test_pages_and_what_follows_a_schedule(world: World) -> None:
    ids = []
    for _ in range(5):
        world.clock.time += SECOND
        ids.append(make(world).schedule_id)

    def listed(**wanted: Any) -> tuple[list[str], int, bool]:
        found = showing.list_schedules(world.ports, a_project(), showing.Wanted(2, **wanted))
        return [one.schedule_id for one in found.schedules], found.total, found.goes_on

    assert listed() == (ids[:2], 5, True)
    assert listed(number=3) == (ids[4:], 5, False)
    assert listed(number=9) == ([], 5, False)
    assert listed(after=ids[1]) == (ids[2:4], 5, True)


@pytest.mark.parametrize("call", ["add_schedule", "replace_schedule", "remove_schedule"])
def test_a_write_of_an_unknown_outcome_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    made = make(world)
    write = getattr(world.store, call)
    tries = []

    def lose_answers(*given: Any) -> Any:
        tries.append(write(*given))
        if len(tries) < 3:
            raise errors.Busy
        return tries[-1]

    monkeypatch.setattr(world.store, call, lose_answers)
    if call == "add_schedule":
        make(world, name="other")
        assert len(world.store.schedules) == 2
    elif call == "replace_schedule":
        managing.change_schedule(world.ports, a_project(), made.schedule_id, 1, lambda _: a_spec(name="other"))
        assert world.store.schedules[1, made.schedule_id].version == 2
    else:
        managing.remove_schedule(world.ports, a_project(), made.schedule_id, 1)
        assert world.store.schedules == {}
    assert tries == [True, True, True]


# ---- firing ---------------------------------------------------------------------------------------------------------


def test_an_occurrence_makes_one_job_however_often_it_is_hinted(world: World) -> None:
    made = make(world, job=a_request(params={"a": 1}, reference_id="r"))
    world.clock.time = FIRST

    fire(world, made, made)
    fire(world, made)

    (job,) = world.store.jobs.values()
    assert (job.start_at, job.made_by, job.reference_id) == (FIRST, Occasion(made.schedule_id, FIRST), "r")
    assert world.store.params[1, 1] == {"a": 1}
    assert job.history[0].by == "service"
    assert state(world, made) == made.state._replace(next_at=FIRST + PERIOD, last_at=FIRST, last_job_id=1, run_count=1)
    assert world.queue.job_ids == [1]
    assert world.meter.counts["FireHintStale"] == 2


def test_a_fire_hints_the_next_occurrence_if_it_is_near(world: World) -> None:
    made = make(world, rhythm=Rhythm(every=60, anchor=NOW + MINUTE))
    world.clock.time = NOW + MINUTE

    fire(world, made)

    assert world.queue.fires[1:] == [FireHint(1, ((made.schedule_id, NOW + 2 * MINUTE),))]


def test_a_hint_a_little_early_waits_and_one_much_too_early_is_dropped(world: World) -> None:
    made = make(world)
    hint = FireHint(1, ((made.schedule_id, FIRST),))
    world.clock.time = FIRST - 3 * SECOND
    assert firing.fire(world.ports, [hint], ever) == set()
    assert job_times(world) == []
    world.clock.time = FIRST - SECOND
    assert firing.fire(world.ports, [hint], ever) == set()

    assert job_times(world) == [FIRST]
    assert world.store.jobs[1, 1].created_at == FIRST


def test_without_time_a_hint_comes_again(world: World) -> None:
    made = make(world)
    world.clock.time = FIRST

    hint = FireHint(1, ((made.schedule_id, FIRST),))
    assert firing.fire(world.ports, [hint], lambda _: False) == {0}
    assert job_times(world) == []


def test_schedules_of_a_project_are_fired_together_and_all_of_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [make(world, job=a_request(params={"n": n})) for n in range(70)]
    world.clock.time = FIRST
    sizes = []
    append = world.store.append

    def count(rows: Sequence[NewRow], *rest: Any) -> AppendResult:
        sizes.append(len(rows))
        return append(rows, *rest)

    monkeypatch.setattr(world.store, "append", count)
    fire(world, *made)

    assert sizes == [33, 33, 4]
    assert sorted(world.store.jobs) == [(1, n) for n in range(1, 71)]


@pytest.fixture(autouse=True)
def different_ids(world: World) -> None:
    """Ids of schedules end in chance."""
    numbers = iter(range(1, 10_000))
    world.random = lambda: next(numbers) / 16**8


def test_others_are_fired_if_one_has_moved_meanwhile(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [make(world) for _ in range(3)]
    world.clock.time = FIRST
    append = world.store.append

    def meet(rows: Sequence[NewRow], *rest: Any) -> AppendResult:
        monkeypatch.setattr(world.store, "append", append)
        managing.remove_schedule(world.ports, a_project(), made[1].schedule_id, None)
        return append(rows, *rest)

    monkeypatch.setattr(world.store, "append", meet)
    fire(world, *made)

    # a removal first makes what is due
    assert [job.made_by.schedule_id for job in world.store.jobs.values()] == [made[n].schedule_id for n in (1, 0, 2)]


def test_an_occurrence_is_skipped_while_the_last_job_is_active(world: World) -> None:
    made = make(world, overlap=Overlap.SKIP)
    world.clock.time = FIRST
    fire(world, made)
    world.clock.time = FIRST + PERIOD
    fire(world, made)
    assert (len(world.store.jobs), state(world, made).skipped_count) == (1, 1)
    assert state(world, made).next_at == FIRST + 2 * PERIOD
    world.store.cancel_job(1, 1, world.clock.now(), "key:1")
    world.clock.time = FIRST + 2 * PERIOD
    fire(world, made)

    assert len(world.store.jobs) == 2
    assert world.meter.counts["OccurrencesSkipped"] == 1


def test_a_job_out_of_turn_counts_as_the_last_one_and_leaves_the_rhythm(world: World) -> None:
    made = make(world, overlap=Overlap.SKIP)

    job = managing.run_schedule(world.ports, a_project(), made.schedule_id, by="key:1")

    assert (job.made_by, job.start_at, job.history[0].by) == (Occasion(made.schedule_id), NOW, "key:1")
    assert state(world, made) == made.state._replace(last_at=NOW, last_job_id=1, run_count=1)
    world.clock.time = FIRST
    fire(world, made)
    assert state(world, made).skipped_count == 1


def test_a_deletion_is_skipped_while_the_user_has_an_active_one(world: World) -> None:
    made = make(world, job=request_deletion("ada", NOW)._replace(start_at=None))
    for turn in range(2):
        world.clock.time = FIRST + turn * PERIOD
        fire(world, made)
        fire(world, made)

    assert [job.reference_id for job in world.store.jobs.values()] == ["ada"]
    assert (state(world, made).run_count, state(world, made).skipped_count) == (1, 1)
    with pytest.raises(errors.DeletionActive):
        managing.run_schedule(world.ports, a_project(), made.schedule_id, by="key:1")


def test_a_throttled_hint_comes_again_and_doubles_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [make(world, job=a_request(params={"n": n})) for n in range(40)]
    world.clock.time = FIRST
    append = world.store.append
    calls = []

    def throttle(rows: Sequence[NewRow], *rest: Any) -> AppendResult:
        calls.append(len(rows))
        if len(calls) == 2:
            raise errors.Busy
        return append(rows, *rest)

    monkeypatch.setattr(world.store, "append", throttle)
    assert fire(world, *made) == {0}
    assert len(world.store.jobs) == 33
    assert fire(world, *made) == set()
    assert len({job.made_by.schedule_id for job in world.store.jobs.values()}) == len(world.store.jobs) == 40


@pytest.mark.parametrize("act", ["pause", "remove"])
def test_an_occurrence_that_is_due_is_made_before_a_change_or_a_removal(world: World, act: str) -> None:
    made = make(world)
    world.clock.time = FIRST + SECOND

    if act == "pause":
        managing.change_schedule(world.ports, a_project(), made.schedule_id, None, lambda _: a_spec(enabled=False))
    else:
        managing.remove_schedule(world.ports, a_project(), made.schedule_id, None)

    assert job_times(world) == [FIRST]
    fire(world, made)
    assert job_times(world) == [FIRST]


def test_a_change_that_meets_a_fire_doubles_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    made = make(world)
    world.clock.time = FIRST - 1
    replace_schedule = world.store.replace_schedule

    def meet(seen: Schedule, changed: Schedule) -> bool:
        monkeypatch.setattr(world.store, "replace_schedule", replace_schedule)
        world.clock.time = FIRST
        fire(world, made)
        return replace_schedule(seen, changed)

    monkeypatch.setattr(world.store, "replace_schedule", meet)
    changed = managing.change_schedule(world.ports, a_project(), made.schedule_id, None, lambda spec: spec)

    assert changed.state.next_at == FIRST + PERIOD
    fire(world, made)
    assert job_times(world) == [FIRST]


def test_a_project_that_is_being_deleted_makes_no_more_jobs(world: World) -> None:
    made = make(world)
    world.directory.projects["p"] = a_project(closed_at=NOW)
    world.clock.time = FIRST

    fire(world, made)

    assert job_times(world) == []


# ---- the tick -------------------------------------------------------------------------------------------------------


def tick(world: World) -> None:
    dispatch.dispatch(world.ports, world.store.shards, ever)


def test_a_tick_hints_schedules_as_it_hints_jobs(world: World) -> None:
    near, far = make(world, rhythm=Rhythm(at=NOW + 2 * MINUTE)), make(world, rhythm=Rhythm(at=NOW + HOUR))
    world.queue.fires.clear()

    tick(world)
    tick(world)

    assert world.queue.fires == [FireHint(1, ((near.schedule_id, NOW + 2 * MINUTE),))]
    assert DueSchedule(NOW + 2 * MINUTE, 1, near.schedule_id) in world.store.watermarks.values()
    assert far.schedule_id not in str(world.queue.fires)


def test_a_lost_hint_is_made_up_for_by_the_sweep(world: World) -> None:
    made = make(world, rhythm=Rhythm(at=NOW + 2 * MINUTE))
    tick(world)
    world.queue.fires.clear()
    world.clock.time = NOW + 4 * MINUTE

    tick(world)

    assert [hint.schedules[0][0] for hint in world.queue.fires] == [made.schedule_id]
    fire(world, made)
    assert job_times(world) == [NOW + 2 * MINUTE]
    assert world.store.start_jobs([JobKey(1, 1)], world.clock.now())
    assert world.store.jobs[1, 1].status is Status.RUNNING
