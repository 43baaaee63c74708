"""A herd of schedules that are all due in one second of midnight: when does the job of the last one run?"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from jobs.model import DAY, HOUR, MINUTE, SECOND, NewJob
from jobs.schedules.ports import Schedule, Spec, State
from jobs.schedules.rhythm import Rhythm
from jobs.store import directory_items
from jobs.timing.hints import SCHEDULES_PER_HINT

from tests.builders import a_project
from tests.proofs.simulation.book import Book
from tests.proofs.simulation.figures import Lags
from tests.proofs.simulation.ledger import Ledger
from tests.proofs.simulation.midnight import BEFORE, BUSY, FAULTS, LATEST, MAX_MESSAGES, MIDNIGHT, WARM
from tests.proofs.simulation.seeds import rows_of
from tests.proofs.simulation.stack import FIRE_QUEUE, START_QUEUE, Stack
from tests.proofs.simulation.table import KEY_UNITS
from tests.proofs.simulation.timeline import Timeline
from tests.proofs.simulation.world import World

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Sequence

    from tests.proofs.simulation.expressions import Item

#: When the job of the last one must run.
LAST_START = MINUTE


@dataclass(frozen=True)
class Flock:
    """How many schedules each project has that are due at midnight."""

    name: str
    projects: int
    schedules: int
    warm: float = WARM
    parameters: dict[str, int] = field(default_factory=dict)
    last_start: float = LAST_START

    @property
    def size(self) -> int:
        """The number of schedules."""
        return self.projects * self.schedules


@dataclass(frozen=True)
class Fired:
    """The result of a flock, in milliseconds after midnight."""

    flock: Flock
    seed: int
    counts: Counter[str]
    violations: list[str]
    last_made: float
    last_start: float
    lags: Lags
    fire_messages: int
    start_messages: int
    table_peak: float
    index_peak: float
    key_peak: float
    key_demand: float

    @property
    def failures(self) -> list[str]:
        """Why the run fails; empty if it does not."""
        least = self.flock.projects * -(-self.flock.schedules // SCHEDULES_PER_HINT)
        bounds = {
            "jobs started": (-self.counts["job: SR"], -self.flock.size),
            "write units of a key in a second": (self.key_peak, KEY_UNITS),
            "messages of the fire queue": (self.fire_messages, MAX_MESSAGES * least),
            "last start": (self.last_start, self.flock.last_start),
        }
        return self.violations + [
            f"{name}: {found}, over {most}" for name, (found, most) in bounds.items() if found > most
        ]

    def __str__(self) -> str:
        return (
            f"{self.flock.name} seed={self.seed}: {self.flock.size} schedules of {self.flock.projects} projects, "
            f"last job made after {self.last_made / SECOND:.1f} s, last start after {self.last_start / SECOND:.1f} s, "
            f"{self.lags}\n"
            f"  {self.fire_messages} messages of the fire queue and {self.start_messages} of the start queue; "
            f"write units a second: table {self.table_peak:.0f}, index {self.index_peak:.0f}, "
            f"busiest key {self.key_peak:.0f}, asked for {self.key_demand:.0f}; "
            f"throttled {self.counts['fault: throttled']}"
        )


def run(flock: Flock, seed: int) -> Fired:
    """Simulate the minutes around midnight."""
    ledger = Ledger()
    world = World(Timeline(MIDNIGHT - BEFORE), Random(seed), FAULTS, ledger)  # noqa: S311  # to be repeated, not to be secret
    stack = Stack(world, warm=flock.warm, **(BUSY | flock.parameters))
    stack.table.on_record = lambda part, record: None
    book = Book(ledger, lambda rhythm: [MIDNIGHT, MIDNIGHT + DAY], MIDNIGHT + 2 * DAY)
    for rows in _rows(flock, stack.settings.table.shards):
        stack.table.seed(rows)
        book.seeded(rows)
    stack.table.on_commit = book.committed
    with stack.installed():
        world.timeline.wait(BEFORE)
        while ledger.counts["job: SR"] < flock.size and world.timeline.now < MIDNIGHT + LATEST:
            world.timeline.wait(SECOND)
        ledger.check_rows((row for row in stack.table.rows() if "st" in row), MIDNIGHT)
        book.check(stack.table.rows(), MIDNIGHT)
    units = stack.table.table_units, stack.table.index_units
    return Fired(
        flock,
        seed,
        ledger.counts,
        ledger.violations,
        max(book.made_after.values(), default=0.0),
        max(book.started_after.values(), default=0.0),
        Lags.of(list(book.started_after.values())),
        stack.queues[FIRE_QUEUE].sent,
        stack.queues[START_QUEUE].sent,
        units[0].peak,
        units[1].peak,
        max(unit.key_peak for unit in units),
        max(unit.key_demand for unit in units),
    )


def flocks(part: int) -> list[Flock]:
    """The flocks, or one part in `part` of each."""
    return [Flock("schedules at midnight", 1_000 // part, 100, last_start=max(LAST_START / part, 10 * SECOND))]


def _rows(flock: Flock, shards: int) -> Iterator[Sequence[Item]]:
    spec = Spec(name="nightly", rhythm=Rhythm(cron="0 0 * * *"), job=NewJob(action="export", params={"format": "csv"}))
    for project_id in range(1, flock.projects + 1):
        project = a_project(project_id=project_id, project_key=f"project{project_id}")
        rows = [directory_items.project_to_item(project)]
        for number in range(flock.schedules):
            schedule = Schedule(
                project_id=project_id,
                schedule_id=f"{0:08x}{project_id:08x}{number:08x}",
                spec=spec,
                created_at=MIDNIGHT - 12 * HOUR,
                state=State(next_at=MIDNIGHT),
            )
            rows += rows_of(schedule, shards)
        yield rows
