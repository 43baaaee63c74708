"""Schedules that are there when a run begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.store.schedules import DynamoDBSchedules

if TYPE_CHECKING:
    from jobs.schedules.ports import Schedule
    from jobs.store.table import Write

    from tests.proofs.simulation.expressions import Item


class _Rows:
    """Stands for the table of the store, and keeps what is put there."""

    def __init__(self) -> None:
        self.items: list[Item] = []

    def write(self, *writes: Write) -> None:
        """See `Table.write`."""
        self.items += [write["Put"]["Item"] for write in writes if "Put" in write]


def rows_of(schedule: Schedule, shards: int) -> list[Item]:
    """The two rows of a schedule, as the store writes them."""
    rows: Any = _Rows()
    DynamoDBSchedules(rows, shards).add_schedule(schedule, None)
    found: list[Item] = rows.items
    return found
