"""Schedules in every store: the fake decides as DynamoDB's conditions do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from jobs import errors
from jobs.model import DueJob, DueSchedule, Occasion, ScheduleMove, SeenEvent
from jobs.outcomes import AppendOutcome, NewRow, SweepCursor, Watermark
from jobs.schedules.ports import CatchUp, Overlap, Schedule, ScheduleRecord, Spec, State
from jobs.schedules.rhythm import Fold, Gap, Rhythm

from tests.builders import FULL_RUN, NOW, a_job, a_request
from tests.contract.conftest import SHARDS

if TYPE_CHECKING:
    from jobs.model import Due

    from tests.stores import Store

NEXT = NOW + 60_000
FULL = Spec(
    name="Nightly 💤",
    rhythm=Rhythm("30 2 * * 1#2", 0, None, 5, NOW, NOW + 10, "Europe/Berlin", Gap.SKIP, Fold.BOTH),
    job=a_request(reference_id="r", description="d", params={"a": [1, None]}, max_attempts=3, run=FULL_RUN),
    enabled=False,
    catch_up=CatchUp.ALL,
    overlap=Overlap.SKIP,
    comment="Für alle",
    iteration={"iterationType": "Daily", "dailyContract": {"runOnlyWorkWeek": True}},
)


def a_schedule(number: int = 1, **overrides: Any) -> Schedule:
    values: dict[str, Any] = {
        "project_id": 1,
        "schedule_id": f"{number:024x}",
        "spec": Spec(name="s", rhythm=Rhythm(every=60), job=a_request()),
        "created_at": NOW,
        "state": State(next_at=NEXT),
    }
    return Schedule(**{**values, **overrides})


def stored(store: Store, schedule: Schedule) -> Schedule | None:
    return store.get_schedules(1, [schedule.schedule_id]).get(schedule.schedule_id)


def due(store: Store, until: int) -> list[Due]:
    return [row for shard in range(SHARDS) for row in store.list_due(shard, None, until, 100)]


def a_move(schedule: Schedule, **overrides: Any) -> ScheduleMove:
    values = {"version": 1, "seen": NEXT, "next_at": NEXT + 60_000, **overrides}
    return ScheduleMove(1, schedule.schedule_id, **values)


def test_a_schedule_is_read_as_it_was_put(store: Store) -> None:
    made = a_schedule(spec=FULL, state=State(), updated_at=NOW + 1, version=7)
    plain = a_schedule(2)
    assert store.add_schedule(made, None)
    assert store.add_schedule(plain, None)
    assert store.add_schedule(plain, None)  # a second try of the client

    assert store.get_schedules(1, [made.schedule_id, "0" * 24, plain.schedule_id]) == {
        made.schedule_id: made,
        plain.schedule_id: plain,
    }
    assert store.get_schedules(2, [made.schedule_id]) == {}
    assert store.get_schedules(1, []) == {}


def test_an_id_that_another_schedule_has_is_not_taken(store: Store) -> None:
    made = a_schedule()
    store.add_schedule(made, None)

    with pytest.raises(errors.Busy):
        store.add_schedule(a_schedule(created_at=NOW + 1), None)
    assert stored(store, made) == made


def test_more_are_read_than_one_call_of_dynamodb_takes(store: Store) -> None:
    made = [a_schedule(number) for number in range(1, 61)]
    for schedule in made:
        store.add_schedule(schedule, None)

    ids = [schedule.schedule_id for schedule in made]
    assert list(store.list_schedule_ids(1)) == ids
    assert sorted(store.get_schedules(1, ids, strong=False)) == ids
    assert store.list_schedule_ids(2) == []


def test_a_key_counts_once_until_it_expires(store: Store) -> None:
    first, second = a_schedule(1), a_schedule(2)
    record = ScheduleRecord("k", "body", first.schedule_id, NOW // 1000 + 10)
    assert store.add_schedule(first, record)

    assert not store.add_schedule(second, record._replace(schedule_id=second.schedule_id))
    assert stored(store, second) is None
    assert store.find_schedule_record(1, "k", NOW) == record
    assert store.find_schedule_record(1, "k", NOW + 10_000) is None
    assert store.find_schedule_record(2, "k", NOW) is None
    later = second._replace(created_at=NOW + 10_000)
    assert store.add_schedule(later, record._replace(schedule_id=second.schedule_id, expires=NOW))


def test_schedules_stand_among_due_jobs(store: Store) -> None:
    schedule, later = a_schedule(1), a_schedule(2, state=State(next_at=NEXT + 1))
    paused = a_schedule(3, state=State())
    for one in (schedule, later, paused):
        store.add_schedule(one, None)
    store.append([NewRow(a_job(job_id=1, at=NEXT), "t")])

    assert set(due(store, NEXT)) == {DueJob(NEXT, 1, 1), DueSchedule(NEXT, 1, schedule.schedule_id)}
    assert len(due(store, NEXT + 1)) == 3
    assert all(not store.list_lost(shard, NEXT + 1, 10) for shard in range(SHARDS))


def test_due_rows_go_on_behind_a_schedule(store: Store) -> None:
    rows = [a_schedule(number) for number in range(1, 13)]
    for one in rows:
        store.add_schedule(one, None)
    for number in range(1, 13):
        store.append([NewRow(a_job(job_id=number, at=NEXT), f"t{number}")])

    walked: list[Due] = []
    for shard in range(SHARDS):
        last = None
        while page := store.list_due(shard, last, NEXT, 2):
            walked += page
            last = page[-1]

    assert len(walked) == len(set(walked)) == 24
    mark = Watermark(3, DueSchedule(NEXT, 1, rows[0].schedule_id))
    store.raise_watermark(mark)
    store.save_sweep_cursor(SweepCursor(2, mark.last))
    assert store.list_watermarks() == [mark]
    assert store.get_sweep_cursor() == SweepCursor(2, mark.last)


def test_a_change_needs_the_version_that_was_seen(store: Store) -> None:
    made = a_schedule()
    store.add_schedule(made, None)
    changed = made._replace(spec=FULL, version=2, updated_at=NOW + 5, state=State())

    assert store.replace_schedule(made, changed)
    assert store.replace_schedule(made, changed)  # a second try of the client
    assert not store.replace_schedule(made, changed._replace(spec=FULL._replace(name="other")))
    assert stored(store, made) == changed
    assert due(store, NEXT) == []
    again = changed._replace(version=3, state=State(next_at=NEXT))
    assert store.replace_schedule(changed, again)
    assert due(store, NEXT) == [DueSchedule(NEXT, 1, made.schedule_id)]
    assert not store.replace_schedule(a_schedule(9), a_schedule(9, version=2))
    assert stored(store, a_schedule(9)) is None


def test_a_change_keeps_what_firing_has_counted_and_a_removal_too_needs_the_state_that_was_seen(store: Store) -> None:
    made = a_schedule()
    store.add_schedule(made, None)
    assert store.move_schedule(a_move(made, missed=3, skipped=2))
    changed = made._replace(version=2, state=State(next_at=NEXT + 7))

    assert not store.replace_schedule(made, changed)
    assert not store.remove_schedule(made)
    moved = stored(store, made)
    assert moved is not None
    assert store.replace_schedule(moved, changed)

    found = stored(store, made)
    assert found is not None
    assert found.state == State(next_at=NEXT + 7, missed_count=3, skipped_count=2)


def test_a_removal_needs_the_version_that_was_seen_and_can_be_repeated(store: Store) -> None:
    made = a_schedule(version=2)
    store.add_schedule(made, None)

    assert not store.remove_schedule(made._replace(version=1))
    assert stored(store, made) == made
    assert store.remove_schedule(made)
    assert store.remove_schedule(made)
    assert (stored(store, made), due(store, NEXT), store.list_schedule_ids(1)) == (None, [], [])


def test_a_full_project_takes_no_more(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("jobs.store.schedules", "tests.fakes"):
        monkeypatch.setattr(f"{module}.MAX_SCHEDULES", 2)
    first, second, third = (a_schedule(number) for number in (1, 2, 3))
    store.add_schedule(first, None)
    store.add_schedule(second, None)

    with pytest.raises(errors.TooManySchedules):
        store.add_schedule(third, None)
    assert stored(store, third) is None
    store.remove_schedule(first)
    store.remove_schedule(first)
    assert store.add_schedule(third, None)
    with pytest.raises(errors.TooManySchedules):
        store.add_schedule(first, None)


@pytest.mark.parametrize("overrides", [{"seen": NEXT + 1}, {"version": 2}])
def test_a_state_that_has_moved_is_not_moved_again(store: Store, overrides: dict[str, int]) -> None:
    made = a_schedule()
    store.add_schedule(made, None)

    assert not store.move_schedule(a_move(made, **overrides))
    assert stored(store, made) == made
    assert not store.move_schedule(a_move(a_schedule(2)))


def test_the_end_of_a_schedule_leaves_the_index(store: Store) -> None:
    made = a_schedule()
    store.add_schedule(made, None)

    assert store.move_schedule(a_move(made, next_at=None, missed=1))

    found = stored(store, made)
    assert found is not None
    assert found.state == State(missed_count=1)
    assert due(store, NEXT * 2) == []


def test_a_schedule_and_the_mark_of_its_event_are_put_together_or_not_at_all(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = SeenEvent("e" * 64, NOW // 1_000 + 60)
    made, again = a_schedule(1), a_schedule(2)

    assert store.add_schedule(made, None, seen)
    assert store.add_schedule(made, None, seen)  # a second try of the client
    assert store.is_seen(seen.digest, NOW)
    for module in ("jobs.store.schedules", "tests.fakes"):
        monkeypatch.setattr(f"{module}.MAX_SCHEDULES", 1)
    with pytest.raises(errors.EventSeen):  # also in a project that is full by now
        store.add_schedule(again, None, seen)
    assert stored(store, again) is None
    with pytest.raises(errors.TooManySchedules):
        store.add_schedule(again, None, seen._replace(digest="f" * 64))
    assert not store.is_seen("f" * 64, NOW)


def test_the_next_occurrence_alone_is_set_to_another_time_if_nothing_has_moved(store: Store) -> None:
    made = a_schedule()
    store.add_schedule(made, None)

    assert not store.set_next_at(made._replace(version=2), NEXT + 1)
    assert not store.set_next_at(made._replace(state=State(next_at=NEXT - 1)), NEXT + 1)
    assert not store.set_next_at(a_schedule(2), NEXT + 1)
    assert stored(store, made) == made
    assert store.set_next_at(made, NEXT + 5)
    assert store.set_next_at(made, NEXT + 5)  # a second try of the client
    assert due(store, NEXT + 5) == [DueSchedule(NEXT + 5, 1, made.schedule_id)]
    later = made._replace(state=State(next_at=NEXT + 5))
    assert stored(store, made) == later
    assert store.set_next_at(later, None)
    assert stored(store, made) == made._replace(state=State())
    assert due(store, NEXT * 2) == []


def a_row(schedule: Schedule, number: int, **overrides: Any) -> NewRow:
    job = a_job(job_id=number, made_by=Occasion(schedule.schedule_id, NEXT))
    return NewRow(job, f"t{number}", moved=a_move(schedule, at=NEXT, job_id=number, **overrides))


def test_a_job_and_the_move_of_its_schedule_are_written_together_or_not_at_all(store: Store) -> None:
    first, second = a_schedule(1), a_schedule(2)
    for one in (first, second):
        store.add_schedule(one, None)
    rows = [a_row(first, 1), a_row(second, 2)]

    result = store.append([rows[0], a_row(second, 2, version=2)])
    assert (result.outcome, result.seen) == (AppendOutcome.OVERTAKEN, frozenset({1}))
    assert store.get_job(1, 1) is None
    assert stored(store, first) == first

    assert store.append(rows).outcome is AppendOutcome.DONE
    assert store.append(rows).outcome is AppendOutcome.DONE  # a second try of the client
    found = stored(store, second)
    assert found is not None
    assert found.state == State(next_at=NEXT + 60_000, last_at=NEXT, last_job_id=2, run_count=1)
    job = store.get_job(1, 2)
    assert job is not None
    assert job.made_by == Occasion(second.schedule_id, NEXT)


def test_a_job_out_of_turn_moves_no_occurrence(store: Store) -> None:
    made = a_schedule()
    store.add_schedule(made, None)
    move = ScheduleMove(1, made.schedule_id, 9, None, at=NOW, job_id=1)

    job = a_job(job_id=1, made_by=Occasion(made.schedule_id))
    assert store.append([NewRow(job, "t", moved=move)]).outcome is AppendOutcome.DONE
    assert store.get_job(1, 1) == job
    found = stored(store, made)
    assert found is not None
    assert found.state == State(next_at=NEXT, last_at=NOW, last_job_id=1, run_count=1)
    gone = NewRow(a_job(job_id=2), "t2", moved=move._replace(schedule_id="f" * 24, job_id=2))
    assert store.append([gone]).outcome is AppendOutcome.OVERTAKEN
