"""How administrators change the directory: each change in one transaction with its audit entry."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jobs.errors import InvalidRequest
from jobs.store import directory_items, items
from jobs.store.directory import DynamoDBDirectory
from jobs.store.failures import ConditionFailed
from jobs.store.table import new_token, put, update
from jobs.tenants import AuditEntry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from jobs.ports import Clock
    from jobs.store.keys import Key
    from jobs.store.table import Table, Write

#: Rows that one BatchGetItem may ask for.
MAX_BATCH_GET = 100


class DirectoryChanges(DynamoDBDirectory):
    """What the changes of all subjects share. `by` is who makes them."""

    def __init__(self, table: Table, clock: Clock, by: str) -> None:
        super().__init__(table)
        self.clock = clock
        self.by = by

    def _change(self, organisation_id: int, what: str, about: Mapping[str, Any], *writes: Write) -> None:
        """Write a change and its audit entry, or nothing."""
        entry = AuditEntry(self.clock.now(), self.by, what, about)
        self._table.write(*writes, put_new(directory_items.audit_to_item(organisation_id, entry, new_token())))

    def _get_all(self, wanted: Sequence[Key]) -> list[items.Item]:
        """Read many rows by BatchGetItem, strongly; those that do not exist are left out."""
        return [
            item
            for first in range(0, len(wanted), MAX_BATCH_GET)
            for item in self._table.batch_get(wanted[first : first + MAX_BATCH_GET], strong=True)
        ]


def put_new(item: items.Item) -> Write:
    """Put a row that must not exist."""
    is_new = "attribute_not_exists(pk)"
    return put(item, is_new)


def update_existing(
    key: Key,
    expression: str,
    values: Mapping[str, Any],
    *,
    names: Mapping[str, str] | None = None,
    condition: str | None = None,
) -> Write:
    """Update a row that must exist; DynamoDB refuses empty maps of names and values."""
    is_there = "attribute_exists(pk)"
    maps = {"ExpressionAttributeValues": values, "ExpressionAttributeNames": names}
    beside = {name: given for name, given in maps.items() if given}
    return update(key, expression, is_there + (f" AND {condition}" if condition else ""), **beside)


@contextmanager
def refused(field: str, reason: str) -> Iterator[None]:
    """Say what a failed condition means.

    Raises:
        InvalidRequest: a condition failed.
    """
    try:
        yield
    except ConditionFailed:
        raise InvalidRequest(field, reason) from None
