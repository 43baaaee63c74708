"""A day of mixed load. Everything goes wrong from time to time."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from jobs.model import DAY, HOUR, MINUTE, SECOND

from tests.proofs.simulation.figures import Lags
from tests.proofs.simulation.forgotten import Forgetting
from tests.proofs.simulation.ledger import Ledger
from tests.proofs.simulation.load import Load
from tests.proofs.simulation.stack import START_QUEUE, Stack
from tests.proofs.simulation.timeline import Timeline
from tests.proofs.simulation.wire import Faults
from tests.proofs.simulation.world import World

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Sequence

    from tests.proofs.simulation.table import Row

#: An hour before midnight, so that even a slice of a day contains one.
BEGIN = 20_000 * DAY - HOUR
#: How long to wait at the end: hints come again after 3 minutes, at most five times, and then there is the sweep.
SETTLE = 40 * MINUTE
#: Jobs that were due this long before the end must have started.
GRACE = 20 * MINUTE
#: How late 99 of a hundred starts may be, in milliseconds.
LATEST = 1_100

#: Hints for each start: the call that sets a due time sends one, and a tick may send another.
MAX_MESSAGES = 2.0
#: The faults of a rough day, so frequent that even a short one sees all of them. Its start lag is not checked.
ROUGH = Faults(
    lost_request=0.01,
    lost_answer=0.01,
    server_error=0.01,
    crash=0.003,
    conflict=0.1,
    entry_refused=0.05,
    doubled_message=0.05,
    doubled_event=0.05,
    dropped_tick=0.1,
    doubled_tick=0.1,
    slow_index=0.005,
)

#: What each run must see, because otherwise it shows less than it says: every move between two states …
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
    "metric: StartHintStale",
    "metric: ReportStale",
    "metric: EventSeen",
    "caller: moved",
    "caller: not moved",
    "metric: EventRefused",
    "log: refused",
    "caller: deletion active",
    "caller: not cancelled",
    "lambda: cold start",
    "forgotten: payload",
    "forgotten: redacted",
    "forgotten: row of a payload",
)
#: … and a rough one also every fault and its consequences.
MUST_GO_WRONG = (
    "metric: OverdueHinted",
    "metric: DeletionDropped",
    "metric: StartThrottled",
    "caller: asked again",
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
    "lambda: ended early",
    "stream: delivered again",
    "botocore: tried again",
    "survived: PutEvents",
    "survived: SendMessageBatch",
    "IngestQueue: to come again",
)


@dataclass(frozen=True)
class Day:
    """The result of a day."""

    seed: int
    hours: float
    rough: bool
    counts: Counter[str]
    violations: list[str]
    lags: Lags
    #: The lags of the same attempts with a cron that looks once a minute for due jobs.
    cron: Lags
    messages: int

    @property
    def failures(self) -> list[str]:
        """Why the run fails; empty if it does not."""
        found = list(self.violations)
        must = MUST_HAPPEN + (MUST_GO_WRONG if self.rough else ())
        found += [f"never happened: {what}" for what in must if not self.counts[what]]
        if not self.rough and self.lags.p99 > LATEST:
            found.append(f"p99 of the start lag is {self.lags.p99:.0f} ms, over {LATEST} ms")
        if not self.rough and self.messages > MAX_MESSAGES * self.counts["job: SR"]:
            found.append(f"{self.messages} messages for {self.counts['job: SR']} starts")
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
            "forgotten": "forgotten: payload",
            "redacted": "forgotten: redacted",
            "published": "event: published",
            "published again": "event: published again",
        }
        name = "rough day" if self.rough else "day"
        outcomes = ", ".join(f"{what} {self.counts[key]}" for what, key in told.items())
        faults = sum(count for what, count in self.counts.items() if what.startswith("fault: "))
        return (
            f"{name} seed={self.seed} hours={self.hours:g}: {outcomes}; {faults} faults\n"
            f"  start lag {self.lags}; {self.messages} messages; a cron each minute: {self.cron}"
        )


def run(seed: int, hours: float, jobs_an_hour: float = 2_000, *, rough: bool = False) -> Day:
    """Simulate a day or a part of it."""
    ledger = Ledger()
    world = World(Timeline(BEGIN), Random(seed), ROUGH if rough else Faults(), ledger)  # noqa: S311  # to be repeated, not to be secret
    stack = Stack(world)
    load = Load(world, stack, jobs_an_hour, BEGIN + hours * HOUR)
    forgetting = Forgetting(ledger, stack.table, load.projects)

    def committed(rows: Sequence[Row], _now: float) -> None:
        load.committed(rows)
        forgetting.committed(rows)

    stack.table.on_commit = committed
    with stack.installed():
        world.timeline.wait(hours * HOUR + SETTLE)
        while stack.stream.waiting:
            world.timeline.wait(SECOND)
        ledger.check_rows(stack.table.rows(), world.timeline.now - GRACE)
        ledger.check_events()
        load.check()
        forgetting.check(world.timeline.now - GRACE)
    cron = naive_cron(zip(ledger.due, ledger.known, strict=True), stack.schedules["dispatch_due_jobs"].fired)
    return Day(
        seed,
        hours,
        rough,
        ledger.counts,
        ledger.violations,
        Lags.of(ledger.lags),
        Lags.of(cron),
        stack.queues[START_QUEUE].sent,
    )


#: The time of a cron for one look at all shards and for each start, with the latencies of this simulation.
LOOK = 250.0
START = 8.0


def naive_cron(attempts: Iterable[tuple[float, float]], ticks: Sequence[float]) -> list[float]:
    """The lags of the same attempts if each tick had started all due jobs itself, one after another."""
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
