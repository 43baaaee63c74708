"""A part of what `python -m tests.proofs.simulation` runs of schedules, and proof that it notices broken code."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from jobs.model import MINUTE, SECOND, DueJob, ScheduleMove
from jobs.schedules import firing, managing, occasions
from jobs.schedules.ports import CatchUp
from jobs.store import jobs as job_store
from jobs.store import schedule_states, schedules
from jobs.store.due import DynamoDBDueIndex
from jobs.store.jobs import DynamoDBJobStore
from jobs.store.table import update

from tests.proofs.simulation import fires, outages, year

if TYPE_CHECKING:
    from jobs.store.table import Write

#: The weeks in which the clocks of most zones change.
SPRING = year.BEGIN + timedelta(days=67)
WEEKS = 25
#: Three hours in which nobody fires, and a day after which some of what was missed counts no more.
LONG = outages.Outage(3 * 60 * MINUTE, CatchUp.ALL)


def a_part(size: int = 60) -> year.Year:
    return year.run(1, size, WEEKS, SPRING, whole=False)


def test_every_occurrence_of_some_weeks_has_one_end() -> None:
    part = a_part()

    assert part.failures == []
    assert part.occurrences > 500


def test_a_year_is_repeated_by_its_seed() -> None:
    assert str(year.run(5, 10, 5, SPRING, whole=False)) == str(year.run(5, 10, 5, SPRING, whole=False))


@pytest.mark.parametrize("flock", fires.flocks(20), ids=lambda flock: flock.name)
def test_part_of_a_flock_is_fired_in_time(flock: fires.Flock) -> None:
    assert fires.run(flock, seed=1).failures == []


@pytest.mark.parametrize("outage", [outage for outage in outages.outages() if outage != LONG], ids=str)
def test_what_an_outage_missed_is_made_up_for_as_the_schedule_says(outage: outages.Outage) -> None:
    assert outages.run(outage, seed=1).failures == []
