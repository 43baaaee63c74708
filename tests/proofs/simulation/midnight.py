"""Herds of jobs that are due in the same millisecond: when does the last one start, and who waits for whom?"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from jobs.model import DAY, DELETION_TIMEOUT_SECONDS, HOUR, MINUTE, SECOND, Status
from jobs.runtime.wiring import THREADS
from jobs.store import directory_items, items, keys
from jobs.timing.hints import JOBS_PER_HINT

from tests.builders import a_job, a_project
from tests.proofs.simulation.figures import Lags
from tests.proofs.simulation.ledger import Ledger
from tests.proofs.simulation.queues import SEND_BATCH
from tests.proofs.simulation.stack import START_QUEUE, Stack
from tests.proofs.simulation.table import COLD_UNITS, KEY_UNITS, Throughput
from tests.proofs.simulation.timeline import Timeline
from tests.proofs.simulation.wire import Faults
from tests.proofs.simulation.world import World

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Mapping

    from tests.proofs.simulation.expressions import Item

MIDNIGHT = 20_000 * DAY
#: When a run begins: before the first tick that sees midnight.
BEFORE = 5 * MINUTE
#: When it gives up.
LATEST = 2 * HOUR
#: Write units a second of a warmed table, and of its index: the default quota of a table (Developer Guide, «Quotas in
#: Amazon DynamoDB»).
WARM = 40_000

#: Parameters of a stack that herds are expected on, as samconfig.toml has them for production.
BUSY = {"StartConcurrency": 16, "FireConcurrency": 16, "PublishParallelism": 10}

#: What must hold for every herd.
MAX_SKEW = 1.1
#: From this many jobs on, shards must be even. With fewer, chance alone makes some shard larger.
MANY = 50_000
MAX_MESSAGES = 1.1


@dataclass(frozen=True)
class Herd:
    """How many jobs each project has due at midnight, and what must hold for their starts."""

    name: str
    #: The number of jobs by project.
    sizes: Mapping[int, int]
    warm: float = WARM
    #: Whether SQS treats tenants fairly. The dispatcher has an order of its own as well.
    fair: bool = True
    #: Whether the changes are published too, which doubles the time of the simulation.
    told: bool = True
    #: The number of sent hints at which the tick dies, once.
    tick_dies_after: int = 0
    parameters: dict[str, int] = field(default_factory=dict)
    #: Bounds of the last start and of the 99th percentile of single jobs, in milliseconds, if there are any.
    last_start: float | None = None
    single_p99: float | None = None


@dataclass(frozen=True)
class Started:
    """The result of a herd."""

    herd: Herd
    seed: int
    counts: Counter[str]
    violations: list[str]
    #: In milliseconds after midnight.
    last_start: float
    last_event: float
    lags: Lags
    #: The lags of the projects with a single job, if others have more.
    single: Lags | None
    messages: int
    table: Throughput
    index: Throughput
    #: The size of the fullest shard of the index, divided by the mean.
    skew: float
    #: Invocations at a time.
    concurrency: int

    @property
    def key_peak(self) -> float:
        """The most write units that a key of table or index took in a second."""
        return max(self.table.key_peak, self.index.key_peak)

    @property
    def key_demand(self) -> float:
        """The most write units that a key was asked for in a second."""
        return max(self.table.key_demand, self.index.key_demand)

    @property
    def jobs(self) -> int:
        """The number of jobs."""
        return sum(self.herd.sizes.values())

    @property
    def least_messages(self) -> int:
        """The fewest hints that the jobs need."""
        return sum(-(-size // JOBS_PER_HINT) for size in self.herd.sizes.values())

    @property
    def _doubled(self) -> int:
        """The hints that the next tick may send again: those of a tick that died, with what its threads still sent."""
        dies_after = self.herd.tick_dies_after
        return dies_after and dies_after + (THREADS - 1) * SEND_BATCH

    @property
    def failures(self) -> list[str]:
        """Why the run fails; empty where it does not."""
        bounds: dict[str, tuple[float | None, float | None]] = {
            "jobs started": (-self.counts["job: SR"], -self.jobs),
            "write units of a key in a second": (self.key_peak, KEY_UNITS),
            "shard skew": (self.skew, MAX_SKEW if self.jobs >= MANY else None),
            "messages": (self.messages, MAX_MESSAGES * self.least_messages + self._doubled),
            "last start": (self.last_start, self.herd.last_start),
            "single jobs' p99": (self.single.p99 if self.single else None, self.herd.single_p99),
        }
        return self.violations + [
            f"{name}: {found}, over {most}"
            for name, (found, most) in bounds.items()
            if most is not None and (found is None or found > most)
        ]

    def __str__(self) -> str:
        singles = f"; single jobs {self.single}" if self.single else ""
        told = f"; last event after {self.last_event / SECOND:.0f} s" if self.herd.told else ""
        times = self.messages / self.least_messages
        return (
            f"{self.herd.name} seed={self.seed}: {self.jobs} jobs of {len(self.herd.sizes)} projects, last start after "
            f"{self.last_start / SECOND:.1f} s, {self.lags}{singles}{told}\n"
            f"  {self.messages} messages, {times:.3f} of the least; shard skew {self.skew:.3f}; write units a second: "
            f"table {self.table.peak:.0f}, index {self.index.peak:.0f}, busiest key {self.key_peak:.0f}, "
            f"asked for {self.key_demand:.0f}; throttled {self.counts['fault: throttled']}; "
            f"invocations at a time {self.concurrency}"
        )


#: Nobody else writes the rows of a herd, so no transaction holds one. And no invocation crashes unless a herd says so,
#: because the sweep sends its jobs again, which says nothing about the speed of the others.
FAULTS = Faults(conflict=0, crash=0)


def run(herd: Herd, seed: int) -> Started:
    """Simulate the minutes around midnight."""
    ledger = Ledger()
    world = World(Timeline(MIDNIGHT - BEFORE), Random(seed), FAULTS, ledger)  # noqa: S311  # to be repeated, not to be secret
    stack = Stack(world, warm=herd.warm, **(BUSY | herd.parameters))
    stack.queues[START_QUEUE].fair = herd.fair
    stack.queues[START_QUEUE].kills_sender_after = herd.tick_dies_after
    if not herd.told:
        stack.table.on_record = lambda part, record: None
    stack.table.seed(_rows(herd.sizes, stack.settings.table.shards, ledger))
    shards = [size for name, size in stack.table.index_sizes().items() if name.startswith(Status.SCHEDULED)]
    jobs = sum(herd.sizes.values())
    with stack.installed():
        world.timeline.wait(BEFORE)
        while ledger.counts["job: SR"] < jobs and world.timeline.now < MIDNIGHT + LATEST:
            world.timeline.wait(SECOND)
        while stack.stream.waiting:
            world.timeline.wait(SECOND)
        ended = world.timeline.now
        ledger.check_rows(stack.table.rows(), MIDNIGHT)
        if herd.told:
            ledger.check_events()
    one = {project for project, size in herd.sizes.items() if size == 1}
    single = [lag for lag, project in zip(ledger.lags, ledger.projects, strict=True) if project in one]
    return Started(
        herd,
        seed,
        ledger.counts,
        ledger.violations,
        ledger.last_start - MIDNIGHT,
        ended - MIDNIGHT,
        Lags.of(ledger.lags),
        Lags.of(single) if single else None,
        stack.queues[START_QUEUE].sent,
        stack.table.table_units,
        stack.table.index_units,
        max(shards) * stack.settings.table.shards / sum(shards),
        stack.account.peak,
    )


def _rows(sizes: Mapping[int, int], shards: int, ledger: Ledger) -> Iterator[Item]:
    created = MIDNIGHT - 12 * HOUR
    for project_id, size in sizes.items():
        yield directory_items.project_to_item(a_project(project_id=project_id, project_key=f"project{project_id}"))
        job = a_job(project_id=project_id, at=MIDNIGHT, action="erase", timeout_seconds=DELETION_TIMEOUT_SECONDS)
        row = items.job_to_item(job, "0" * 16, shards)
        history = {"L": [{"L": [{"S": "scheduled"}, items.number(created), items.string("key-1")]}]}
        row |= {"st": {"S": "scheduled"}, "h": history}  # faster than members of an enumeration
        for job_id in range(1, size + 1):
            shard = keys.status_shard(Status.SCHEDULED, project_id, job_id, shards)
            ledger.seeded(project_id, job_id)
            yield row | items.key(keys.job(project_id, job_id)) | {"gk": {"S": shard}}


def herds(part: int) -> list[Herd]:
    """The herds, or one part in `part` of each."""
    thousand = range(1, 1_001)
    hundred_thousand = dict.fromkeys(thousand, 100 // part)
    beside = {**dict.fromkeys(thousand, 1), 1_001: 100_000 // part}
    return [
        Herd("midnight", dict.fromkeys(thousand, 1_000 // part), told=False, last_start=120 * SECOND),
        Herd("one beside a thousand", beside, single_p99=5 * SECOND),
        Herd("the same without fair queues", beside, fair=False),
        Herd("a new table", hundred_thousand, warm=COLD_UNITS),
        # the next tick sends the rest; if this one had noted it as sent beforehand, only the sweep would
        Herd("a tick that dies", hundred_thousand, tick_dies_after=2_000 // part, last_start=45 * SECOND),
    ]
