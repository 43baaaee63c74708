"""Very many jobs due in the same second: how long until the last one starts, and who waits for whom."""

from __future__ import annotations

import zlib
from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from jobs.model import DAY, HOUR, MINUTE, SECOND, Change, Status
from jobs.dispatch import MESSAGE_SIZE
from jobs.store import items, keys

from tests.builders import a_job, a_project
from tests.simulation.day import Lags
from tests.simulation.ledger import Ledger
from tests.simulation.services import World
from tests.simulation.stack import START_QUEUE, Stack
from tests.simulation.timeline import Timeline
from tests.simulation.wire import Faults

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.simulation.expressions import Item

MIDNIGHT = 20_000 * DAY
#: When the run begins: before the first tick that sees midnight, which is three minutes ahead.
BEFORE = 5 * MINUTE


@dataclass(frozen=True)
class Herd:
    """How a herd was started."""

    name: str
    jobs: int
    counts: Counter[str]
    violations: list[str]
    #: From midnight, in milliseconds.
    last_start: float
    last_event: float
    lags: Lags
    #: Of the projects that have one job each.
    single: Lags | None
    messages: int
    #: Σ over projects of ⌈jobs / 25⌉.
    least_messages: int
    table_peak: float
    index_peak: float
    key_peak: float
    key_demand: float
    skew: float
    seconds_of_processor: float = 0.0


def run(
    name: str, seed: int, sizes: Mapping[int, int], *, warm: float, faults: Faults | None = None, publish: bool = True, **parameters: int
) -> Herd:
    ledger = Ledger()
    world = World(Timeline(MIDNIGHT - BEFORE), Random(seed), faults or Faults(), ledger)
    stack = Stack(world, warm=warm, **parameters)
    stack.table.seed(_rows(sizes, stack.settings.shards, ledger))
    if not publish:
        stack.table.on_record = lambda part, record: None
    shards = [count for partition, count in stack.table.index_sizes().items() if partition.startswith(Status.SCHEDULED)]
    total = sum(sizes.values())
    with stack.installed():
        world.timeline.wait(BEFORE)
        while len(ledger.lags) < total and world.timeline.now < MIDNIGHT + 3 * HOUR:
            world.timeline.wait(SECOND)
        while stack.stream.waiting:
            world.timeline.wait(SECOND)
        ended = world.timeline.now
        ledger.check_rows(stack.table.rows(), MIDNIGHT + 1)
        if publish:
            ledger.check_events()
    singles = None
    return Herd(
        name, total, ledger.counts, ledger.violations,
        ledger.last_start - MIDNIGHT, ended - MIDNIGHT, Lags.of(ledger.lags), singles,
        stack.queues[START_QUEUE].sent, sum(-(-size // MESSAGE_SIZE) for size in sizes.values()),
        stack.table.table_units.peak, stack.table.index_units.peak,
        max(stack.table.table_units.key_peak, stack.table.index_units.key_peak),
        max(stack.table.table_units.key_demand, stack.table.index_units.key_demand),
        max(shards) / (sum(shards) / stack.settings.shards),
    )


def _rows(sizes: Mapping[int, int], shards: int, ledger: Ledger) -> Iterator[Item]:
    created = MIDNIGHT - 12 * HOUR
    for project_id, size in sizes.items():
        project = a_project(project_id=project_id, project_key=f"project{project_id}")
        yield items.project_to_item(project)
        row = items.job_to_item(
            a_job(project_id=project_id, start_at=MIDNIGHT, next_at=MIDNIGHT, at=created, action="delete", timeout_seconds=43_200),
            "0" * 16, shards
        )
        row["st"] = {"S": "scheduled"}
        row["h"] = {"L": [{"L": [{"S": "scheduled"}, {"N": str(created)}, {"S": "key-1"}]}]}
        for job_id in range(1, size + 1):
            pk, sk = keys.job(project_id, job_id)
            ledger.seeded(project_id, job_id)
            yield {**row, "pk": {"S": pk}, "sk": {"S": sk}, "gk": {"S": keys.status_shard("scheduled", project_id, job_id, shards)}}
