"""Schedules after no function has run for a time: what they make of what they missed, and how soon."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from jobs.model import DELETION_TIMEOUT_SECONDS, HOUR, MINUTE, SECOND, NewJob
from jobs.schedules.ports import CatchUp, Schedule, Spec, State
from jobs.schedules.rhythm import Rhythm
from jobs.store import directory_items

from tests.builders import a_project
from tests.proofs.simulation.book import LATE, Book
from tests.proofs.simulation.ledger import Ledger
from tests.proofs.simulation.midnight import FAULTS, MIDNIGHT
from tests.proofs.simulation.seeds import rows_of
from tests.proofs.simulation.stack import Stack
from tests.proofs.simulation.timeline import Timeline
from tests.proofs.simulation.world import World

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Mapping, Sequence

    from tests.proofs.simulation.expressions import Item

#: Schedules of a run, and the seconds from one occurrence of them to the next. They are spread over these.
SIZE = 100
EVERY = 300
#: How many projects they belong to.
PROJECTS = 20
#: When the outage begins, and how long after its end the run ends.
BEFORE = 10 * MINUTE
AFTER = 20 * MINUTE
#: How long after its end an outage may be felt: a tick, the sweep's minute, and a step for each job.
CAUGHT_UP = {CatchUp.NONE: 2 * MINUTE, CatchUp.LAST: 2 * MINUTE, CatchUp.ALL: 6 * MINUTE}


@dataclass(frozen=True)
class Outage:
    """How long no function runs, and what is to become of what is missed."""

    length: int
    catch_up: CatchUp

    def __str__(self) -> str:
        return f"outage of {self.length // MINUTE} minutes, catchUp {self.catch_up}"


@dataclass(frozen=True)
class Recovered:
    """The result of an outage."""

    outage: Outage
    seed: int
    counts: Counter[str]
    violations: list[str]
    #: Occurrences during the outage, and those that a job was made for.
    occurrences: int
    made: int
    #: How long after the end of the outage the last of these was made, in milliseconds.
    caught_up: float

    @property
    def failures(self) -> list[str]:
        """Why the run fails; empty if it does not."""
        found = list(self.violations)
        if self.caught_up > CAUGHT_UP[self.outage.catch_up]:
            found.append(f"caught up after {self.caught_up:.0f} ms")
        return found

    def __str__(self) -> str:
        return (
            f"{self.outage} seed={self.seed}: {self.occurrences} occurrences of {SIZE} schedules during it, "
            f"{self.made} made, {self.counts['occurrence: missed']} missed; "
            f"the last was made {self.caught_up / SECOND:.1f} s after it"
        )


def run(outage: Outage, seed: int) -> Recovered:
    """Simulate an outage, and the minutes before and after it."""
    ledger = Ledger()
    world = World(Timeline(MIDNIGHT), Random(seed), FAULTS, ledger)  # noqa: S311  # to be repeated, not to be secret
    stack = Stack(world, ("dispatch_due_jobs",))
    stack.table.on_record = lambda part, record: None
    begin = MIDNIGHT + BEFORE
    end = begin + outage.length
    until = end + AFTER
    book = Book(ledger, partial(_times, until=until), until)
    rows = list(_rows(outage, stack.settings.table.shards))
    stack.table.seed(rows)
    book.seeded(rows)
    stack.table.on_commit = book.committed
    with stack.installed():
        world.timeline.at(begin, partial(stack.stop, outage.length))
        world.timeline.wait(until - MIDNIGHT)
        book.check(stack.table.rows(), until - LATE)
        ledger.check_rows(stack.table.rows(), until - LATE)
    during = [at for entry in book.schedules.values() for at in entry.times if begin <= at < end]
    made = {(of, at): at + late for (of, at), late in book.made_after.items() if begin <= at < end}
    return Recovered(
        outage,
        seed,
        ledger.counts,
        ledger.violations,
        len(during),
        len(made),
        max((at - end for at in made.values()), default=0.0),
    )


def outages() -> list[Outage]:
    """Each length with each policy."""
    return [Outage(length, catch_up) for length in (10 * MINUTE, 3 * HOUR) for catch_up in CatchUp]


def _times(rhythm: Mapping[str, int], until: int) -> Sequence[int]:
    return list(range(rhythm["anchor"], until, rhythm["every"] * SECOND))


def _rows(outage: Outage, shards: int) -> Iterator[Item]:
    for project_id in range(1, PROJECTS + 1):
        yield directory_items.project_to_item(a_project(project_id=project_id, project_key=f"project{project_id}"))
    job = NewJob(action="export", timeout_seconds=DELETION_TIMEOUT_SECONDS)
    for number in range(SIZE):
        project_id = number % PROJECTS + 1
        first = MIDNIGHT + (number + 1) * EVERY * SECOND // SIZE
        rhythm = Rhythm(every=EVERY, anchor=first)
        schedule = Schedule(
            project_id=project_id,
            schedule_id=f"{0:08x}{project_id:08x}{number:08x}",
            spec=Spec(name="often", rhythm=rhythm, job=job, catch_up=outage.catch_up),
            created_at=MIDNIGHT - HOUR,
            state=State(next_at=first),
        )
        yield from rows_of(schedule, shards)
