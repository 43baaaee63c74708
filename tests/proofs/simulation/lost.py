"""One project's herd of lost attempts beside another project's single one: whose does the reaper end first?"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from jobs.model import BY_SERVICE, HOUR, MINUTE, SECOND, Change, Status
from jobs.store import directory_items, items, keys

from tests.builders import NOW, a_job, a_project
from tests.proofs.simulation.ledger import Ledger
from tests.proofs.simulation.stack import Stack
from tests.proofs.simulation.timeline import Timeline
from tests.proofs.simulation.wire import Faults
from tests.proofs.simulation.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.store.items import Item

#: A project's herd, and a project whose only attempt was lost a second after all of the herd.
HERD, SINGLE = 1, 2
#: Nothing else goes wrong.
FAULTS = Faults(conflict=0, crash=0)


@dataclass(frozen=True)
class Reaped:
    """The result, in milliseconds since the first run of the reaper began."""

    seed: int
    herd: int
    single_after: float | None
    #: How many of the herd had ended by then, and after a minute.
    by_then: int
    in_a_minute: int

    @property
    def failures(self) -> list[str]:
        """Why the run fails; empty if it does not."""
        if self.single_after is None or self.single_after > MINUTE:
            return [f"the single attempt was ended after {self.single_after}, not by the first run"]
        return []

    def __str__(self) -> str:
        after = "never" if self.single_after is None else f"after {self.single_after / SECOND:.2f} s"
        return (
            f"lost attempts seed={self.seed}: one beside {self.herd:,} of another project was ended {after}, "
            f"after {self.by_then:,} of those; {self.in_a_minute:,} ended in a minute"
        )


def run(herd: int, seed: int) -> Reaped:
    """Simulate the reaper until the single attempt has ended, or for ten minutes."""
    ledger = Ledger()
    world = World(Timeline(NOW), Random(seed), FAULTS, ledger)  # noqa: S311  # to be repeated, not to be secret
    stack = Stack(world)
    stack.table.on_record = lambda part, record: None
    stack.table.seed(_rows(herd, stack.settings.table.shards))

    def ended(project: int) -> int:
        rows = (items.job_from_item(row) for row in stack.table.rows() if keys.is_job(row["pk"]["S"]))
        return sum(job.project_id == project and job.status is Status.FAILED for job in rows)

    single_after: float | None = None
    by_then = in_a_minute = 0
    with stack.installed():
        while not ended(HERD):
            world.timeline.wait(SECOND)
        began = world.timeline.now
        while single_after is None and world.timeline.now < began + 10 * MINUTE:
            if ended(SINGLE):
                single_after, by_then = world.timeline.now - began, ended(HERD)
            else:
                world.timeline.wait(SECOND)
        world.timeline.wait(max(0, began + MINUTE - world.timeline.now))
        in_a_minute = ended(HERD)
    return Reaped(seed, herd, single_after, by_then, in_a_minute)


def _rows(herd: int, shards: int) -> Iterator[Item]:
    started = NOW - HOUR
    history = (Change(Status.SCHEDULED, started, "key-1"), Change(Status.RUNNING, started, BY_SERVICE))
    for project_id, size, lost in ((HERD, herd, NOW - 2 * SECOND), (SINGLE, 1, NOW - SECOND)):
        yield directory_items.project_to_item(a_project(project_id=project_id, project_key=f"project{project_id}"))
        for number in range(1, size + 1):
            job = a_job(project_id=project_id, job_id=number, status=Status.RUNNING, history=history, next_at=lost)
            yield items.job_to_item(job, "0" * 16, shards)
