"""A day of mixed load, with everything going wrong now and then."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from jobs.model import DAY, HOUR, MINUTE, SECOND

from tests.simulation.figures import Lags
from tests.simulation.ledger import Ledger
from tests.simulation.load import Load
from tests.simulation.services import World
from tests.simulation.stack import Stack
from tests.simulation.timeline import Timeline
from tests.simulation.wire import Faults

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: An hour before a midnight, so that even a slice of a day has one.
BEGIN = 20_000 * DAY - HOUR
#: How long is waited at the end: hints come again after 3 minutes, five times at most, and the sweep is behind them.
SETTLE = 40 * MINUTE
#: What was due so long before the end must have been seen to.
GRACE = 20 * MINUTE
#: What a start may be late at most, 99 times out of a hundred, in milliseconds.
LATEST = 1_100

#: What each run must come to see, or it has shown less than it says.
MUST_HAPPEN = (
    "job: -S",
    "job: SR",
    "job: SX",
    "job: RC",
    "job: RF",
    "job: RS",
    "job: RX",
    "job: FS",
    "job: XS",
    "metric: AttemptLost",
    "metric: OverdueHinted",
    "metric: StartHintStale",
    "metric: ReportStale",
    "metric: EventSeen",
    "metric: EventRefused",
    "metric: DeletionDropped",
    "caller: deletion active",
    "caller: asked again",
    "caller: not cancelled",
    "event: published again",
    "fault: request lost",
    "fault: answer lost",
    "fault: server error",
    "fault: crash",
    "fault: transaction conflict",
    "fault: entry refused",
    "fault: message doubled",
    "fault: event doubled",
    "fault: tick dropped",
    "fault: tick doubled",
    "fault: index fell behind",
    "lambda: cold start",
    "stream: delivered again",
    "botocore: tried again",
)


@dataclass(frozen=True)
class Day:
    """How a day went."""

    seed: int
    hours: float
    counts: Counter[str]
    violations: list[str]
    lags: Lags
    #: The same attempts, started by a job that looks once a minute what is due.
    cron: Lags
    paths: Counter[str]

    @property
    def failures(self) -> list[str]:
        """Why the run fails; empty where it does not."""
        found = list(self.violations)
        found += [f"never happened: {what}" for what in MUST_HAPPEN if not self.counts[what]]
        if self.lags.p99 > LATEST:
            found.append(f"p99 of the start lag is {self.lags.p99:.0f} ms, over {LATEST} ms")
        return found

    def __str__(self) -> str:
        told = {
            "created": "job: -S",
            "started": "job: SR",
            "completed": "job: RC",
            "failed": "job: RF",
            "backed off or lost": "job: RS",
            "reaped": "metric: AttemptLost",
            "cancelled scheduled": "job: SX",
            "cancelled running": "job: RX",
            "retried failed": "job: FS",
            "retried cancelled": "job: XS",
            "published": "event: published",
            "published again": "event: published again",
        }
        return f"day seed={self.seed} hours={self.hours:g}: " + ", ".join(
            f"{name} {self.counts[key]}" for name, key in told.items()
        )


def run(seed: int, hours: float, jobs_an_hour: float = 2_000, faults: Faults | None = None) -> Day:
    """Simulate a day, or a part of it."""
    ledger = Ledger()
    world = World(Timeline(BEGIN), Random(seed), faults or Faults(), ledger)  # noqa: S311  # to be repeated, not to be secret
    stack = Stack(world)
    load = Load(world, stack, jobs_an_hour, BEGIN + hours * HOUR)
    with stack.installed():
        world.timeline.wait(hours * HOUR + SETTLE)
        while stack.stream.waiting:
            world.timeline.wait(SECOND)
        ledger.check_rows(stack.table.rows(), world.timeline.now - GRACE)
        ledger.check_events()
        load.check()
    cron = naive_cron(zip(ledger.due, ledger.known, strict=True), stack.schedules["dispatch_due_jobs"].fired)
    return Day(seed, hours, ledger.counts, ledger.violations, Lags.of(ledger.lags), Lags.of(cron), ledger.paths)


#: What a cron that looks once a minute takes for one look at all shards, and for each start: as simulated here.
LOOK = 250.0
START = 8.0


def naive_cron(attempts: Iterable[tuple[float, float]], ticks: Sequence[float]) -> list[float]:
    """How late the same attempts had started, had the same ticks started what they found due, one after another."""
    lags = []
    waiting = sorted((max(due, known), due) for due, known in attempts)
    place = 0
    free = 0.0
    for tick in sorted(ticks):
        at = max(tick, free) + LOOK
        while place < len(waiting) and waiting[place][0] <= tick:
            at += START
            lags.append(at - waiting[place][1])
            place += 1
        free = at
    return lags
