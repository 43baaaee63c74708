"""A part of what `python -m tests.proofs.simulation` runs of schedules, and proof that it notices broken code."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from jobs.lifecycle import creation
from jobs.model import HOUR, DueJob
from jobs.schedules import firing, managing, occasions, rhythm
from jobs.schedules.ports import CatchUp
from jobs.schedules.showing import get_schedule
from jobs.store import jobs as job_store
from jobs.store.due import DynamoDBDueIndex
from jobs.store.schedule_states import state_update
from jobs.store.schedules import DynamoDBSchedules

from tests.proofs.simulation import fires, outages, year

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.lifecycle.creation import Request
    from jobs.model import Due, Job, ScheduleMove
    from jobs.schedules.occasions import Step
    from jobs.schedules.ports import Schedule, SchedulePorts, Spec
    from jobs.store.table import Write
    from jobs.tenants import Project

#: The weeks in which the clocks of most zones change.
SPRING = year.BEGIN + timedelta(days=67)
DAYS = 25
FEW = fires.Flock("a few", 5, 10)
LONG = outages.Outage(3 * HOUR, CatchUp.ALL)


def a_part(size: int = 200, days: int = DAYS) -> year.Year:
    return year.run(1, size, days, SPRING, whole=False)


def test_every_occurrence_of_some_weeks_has_one_end() -> None:
    part = a_part()

    assert part.failures == []
    assert part.occurrences > 1_000
    assert part.at_changes >= 10


def test_the_same_seed_is_the_same_part() -> None:
    assert str(a_part(10, 5)) == str(a_part(10, 5))


@pytest.mark.parametrize("flock", fires.flocks(20), ids=lambda flock: flock.name)
def test_part_of_a_flock_is_fired_in_time(flock: fires.Flock) -> None:
    assert fires.run(flock, seed=1).failures == []


@pytest.mark.parametrize("outage", outages.outages(), ids=str)
def test_what_an_outage_has_missed_is_made_up_for_as_schedules_say(outage: outages.Outage) -> None:
    assert outages.run(outage, seed=1).failures == []


# ---- what it notices -----------------------------------------------------------------------------------------------


def test_it_notices_a_job_of_an_occurrence_that_needs_no_state(monkeypatch: pytest.MonkeyPatch) -> None:
    def unconditioned(move: ScheduleMove, shards: int) -> Write:
        write = state_update(move, shards)
        write["Update"]["ConditionExpression"] = "attribute_exists(pk)"
        return write

    monkeypatch.setattr(job_store, "state_update", unconditioned)

    assert "a second job for the occurrence" in "\n".join(outages.run(LONG, seed=1).failures)


def test_it_notices_a_state_that_moves_without_its_job(monkeypatch: pytest.MonkeyPatch) -> None:
    def only_moved(ports: SchedulePorts, _project: Project, requests: Sequence[Request]) -> list[Job | None]:
        for request in requests:
            assert request.moved is not None
            ports.schedules.move_schedule(request.moved)
        return [None] * len(requests)

    monkeypatch.setattr(firing, "create_batch", only_moved)

    assert "became End(at=None, missed=0, skipped=0)" in "\n".join(a_part(10, 5).failures)


def test_it_notices_a_job_whose_schedule_does_not_move(monkeypatch: pytest.MonkeyPatch) -> None:
    def made_alone(ports: SchedulePorts, project: Project, requests: Sequence[Request]) -> list[Job | None]:
        return make(ports, project, [request._replace(moved=None) for request in requests])

    make = creation.create_batch
    monkeypatch.setattr(firing, "create_batch", made_alone)

    assert "was made, and its schedule did not move" in "\n".join(fires.run(FEW, seed=1).failures)


def test_it_notices_a_schedule_that_nobody_hints(monkeypatch: pytest.MonkeyPatch) -> None:
    list_due = DynamoDBDueIndex.list_due

    def without_schedules(self: DynamoDBDueIndex, *args: Any) -> list[Due]:
        return [row for row in list_due(self, *args) if isinstance(row, DueJob)]

    monkeypatch.setattr(DynamoDBDueIndex, "list_due", without_schedules)

    assert "and was forgotten" in "\n".join(a_part(10, 5).failures)


def test_it_notices_missed_occurrences_that_are_counted_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    def twice(spec: Spec, due_at: int, now: int) -> Step:
        step = next_step(spec, due_at, now)
        return step._replace(missed=2 * step.missed)

    next_step = occasions.next_step
    monkeypatch.setattr(firing, "next_step", twice)

    assert "and not one of" in "\n".join(outages.run(outages.Outage(HOUR, CatchUp.LAST), seed=1).failures)


def test_it_notices_a_clock_change_that_is_not_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = rhythm._chosen
    monkeypatch.setattr(rhythm, "_chosen", lambda found, gap, fold: chosen(found._replace(skipped=False), gap, fold))

    assert "the next occurrence is" in "\n".join(a_part().failures)


def test_it_notices_a_change_that_forgets_what_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    def only_read(ports: SchedulePorts, project: Project, schedule_id: str) -> tuple[Schedule, int]:
        return get_schedule(ports, project, schedule_id), ports.clock.now()

    monkeypatch.setattr(managing, "_settled", only_read)

    assert "was changed when the occurrence" in "\n".join(a_part().failures)


def test_it_notices_a_removal_that_removes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DynamoDBSchedules, "remove_schedule", lambda *_: True)

    assert "was said to be removed" in "\n".join(a_part().failures)


def test_it_notices_that_jobs_are_made_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firing, "AT_ONCE", 1)

    assert "last start: " in "\n".join(fires.run(fires.flocks(20)[0], seed=1).failures)
