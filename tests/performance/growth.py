"""What calls cost as a project grows: calls and request units by the number of its jobs, on the simulated table.

`python -m tests.performance.growth` draws docs/images/growth.svg.
"""

from __future__ import annotations

from random import Random
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from jobs.lifecycle import cancellation, creation
from jobs.model import DAY, NewJob
from jobs.queries import Page, get_job, list_jobs
from jobs.store import directory_items, items
from jobs.store.keys import block_of
from jobs.store.table import Table as StoreTable
from jobs.timing import dispatch

from tests.architecture.project import ROOT
from tests.builders import NOW, a_project
from tests.fakes import FakeClock, World, ever
from tests.performance.meter import MeteredClient
from tests.performance.plot import draw
from tests.performance.stand_in import the_job
from tests.proofs.simulation.ledger import Ledger
from tests.proofs.simulation.table import DynamoDBClient, Key, Table
from tests.proofs.simulation.timeline import Timeline
from tests.proofs.simulation.wire import NO_FAULTS
from tests.stores import WholeStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jobs.ports import Ports

    from tests.performance.meter import Item, Spent
    from tests.proofs.simulation.wire import Latency

SHARDS = 32
BY = "key:0123456789abcdef"
#: In the middle of a block. Where the last known block is full, the newest number takes a second call.
SIZES = (150, 10_050, 100_050, 1_000_050)


class Cost(NamedTuple):
    """What one operation took in a project of so many jobs."""

    operation: str
    jobs: int
    calls: int
    read: float
    write: int


class AtOnce(DynamoDBClient):
    """The simulated client without its times and faults."""

    def _call(self, latency: Latency, effect: Callable[[], Any], *, entries: int = 1, once: bool = False) -> Any:
        return effect()


class Grown:
    """A project with so many jobs. They are all due tomorrow, so none has left the status index."""

    def __init__(self, jobs: int) -> None:
        environment = SimpleNamespace(timeline=Timeline(NOW), sleep=float, work=float)
        table = Table(Ledger(), Random(1), NO_FAULTS)  # noqa: S311  # to be repeated, not to be secret
        self.project = a_project(block=block_of(jobs))
        table.seed(self._rows(jobs))
        self._table = table
        self.client = MeteredClient(AtOnce(cast("Any", environment), table), self._row)
        clock = FakeClock(NOW)
        store = WholeStore(StoreTable(cast("Any", self.client), "jobs", clock, lambda: 0.0), SHARDS)
        self.ports = cast("Ports", World(store=cast("Any", store), clock=clock))

    def _rows(self, jobs: int) -> Iterator[Item]:
        yield directory_items.project_to_item(self.project)
        for number in range(1, jobs + 1):
            job = the_job(number)._replace(start_at=NOW + DAY, next_at=NOW + DAY)
            yield items.job_to_item(job, "token-of-16-chars", SHARDS)

    def _row(self, key: Item) -> Item:
        return self._table.get(Key(key["pk"]["S"], key["sk"]["S"])) or {}

    def spend(self, do: Callable[[], object]) -> Spent:
        """What something takes."""
        self.client.take()
        do()
        return self.client.take()


def costs(jobs: int) -> Iterator[Cost]:
    """What each operation takes in a project of so many jobs."""
    grown = Grown(jobs)
    ports, project = grown.ports, grown.project
    last = max(1, jobs // 50)

    def page(number: int) -> object:
        return list(list_jobs(ports, project, Page(number, 50)).jobs)

    new = NewJob(action="export", start_at=NOW + DAY)
    operations: dict[str, Callable[[], object]] = {
        "get": lambda: get_job(ports, project, jobs // 2),
        "page 1": lambda: page(1),
        "page 200": lambda: page(200),
        "last page": lambda: page(last),
        "cancel": lambda: cancellation.cancel_job(ports, project, jobs // 2, by=BY),
        "create": lambda: creation.create_job(ports, project, new, by=BY),
        "tick": lambda: dispatch.dispatch(ports, SHARDS, ever),
    }
    for operation, do in operations.items():
        spent = grown.spend(do)
        yield Cost(operation, jobs, sum(spent.calls.values()), spent.read, spent.write)


def main() -> None:
    """Measure all sizes, print them and draw them."""
    measured = [cost for jobs in SIZES for cost in costs(jobs)]
    for cost in measured:
        print(*cost)
    operations = dict.fromkeys(cost.operation for cost in measured)
    lines = {name: [(of.jobs, of.read + of.write) for of in measured if of.operation == name] for name in operations}
    title = "Request units of a call, by the jobs of its project"
    (ROOT / "docs" / "images" / "growth.svg").write_text(draw(title, lines, x="jobs", y="units"))


if __name__ == "__main__":
    main()
