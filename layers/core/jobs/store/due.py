"""`DueIndex` on DynamoDB: the status index, and the rows that say how far the ticks have worked through it."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from jobs.model import Status
from jobs.outcomes import SweepCursor, Watermark
from jobs.store import items, keys
from jobs.store.failures import ConditionFailed
from jobs.store.table import put

if TYPE_CHECKING:
    from jobs.model import DueJob
    from jobs.store.table import Table

#: Rows that one Query of the index asks for at most. A page ends at a megabyte anyway.
INDEX_PAGE = 10_000


def list_index(table: Table, partition: str, after: DueJob | None, until: int, limit: int) -> list[DueJob]:
    """Read rows of a partition of the status index, behind `after` and due by `until`, in the order of their times."""
    if after is not None and after.due_at > until:
        return []
    begin: dict[str, Any] = {}
    if after is not None:
        begin["ExclusiveStartKey"] = items.due_to_index_key(after, partition)
    found = table.query(
        IndexName=keys.STATUS_INDEX,
        KeyConditionExpression="gk = :gk AND due <= :until",
        ExpressionAttributeValues={":gk": items.string(partition), ":until": items.number(until)},
        Limit=min(limit, INDEX_PAGE),
        **begin,
    )
    return [items.due_from_item(item) for item in islice(found, limit)]


class DynamoDBDueIndex:
    """Due jobs and lost attempts; watermarks and the sweep's cursor."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def list_due(self, shard: int, after: DueJob | None, until: int, limit: int) -> list[DueJob]:
        """See `DueIndex.list_due`: Queries on the status index, each of at most a megabyte."""
        return list_index(self._table, keys.index_partition(Status.SCHEDULED, shard), after, until, limit)

    def list_lost(self, shard: int, now: int, limit: int) -> list[DueJob]:
        """See `DueIndex.list_lost`: Queries on the status index, whose time is a running job's time-out."""
        return list_index(self._table, keys.index_partition(Status.RUNNING, shard), None, now, limit)

    def list_watermarks(self) -> list[Watermark]:
        """See `DueIndex.list_watermarks`: one strong Query over the dispatcher's partition."""
        found = self._table.query(
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues={
                ":pk": items.string(keys.DISPATCH),
                ":prefix": items.string(keys.WATERMARK_PREFIX),
            },
            ConsistentRead=True,
        )
        return [
            Watermark(int(item["sk"]["S"].removeprefix(keys.WATERMARK_PREFIX)), items.due_from_attributes(item))
            for item in found
        ]

    def raise_watermark(self, watermark: Watermark) -> None:
        """See `DueIndex.raise_watermark`: one conditional PutItem."""
        is_new_or_earlier = "attribute_not_exists(pk) OR #at <= :at"
        position = items.due_to_attributes(watermark.last)
        raised = put(
            {**items.key(keys.watermark(watermark.shard)), **position},
            is_new_or_earlier,
            ExpressionAttributeNames={"#at": "at"},
            ExpressionAttributeValues={":at": position["at"]},
        )
        try:
            self._table.write(raised)
        except ConditionFailed:
            return  # a later one is saved already

    def get_sweep_cursor(self) -> SweepCursor:
        """See `DueIndex.get_sweep_cursor`: one strong GetItem."""
        item = self._table.get(keys.sweep_cursor())
        if not item:
            return SweepCursor(0, None)
        return SweepCursor(int(item["shard"]["N"]), items.due_from_attributes(item) if "at" in item else None)

    def save_sweep_cursor(self, cursor: SweepCursor) -> None:
        """See `DueIndex.save_sweep_cursor`: one PutItem without a condition, because the cursor is only a hint."""
        position = items.due_to_attributes(cursor.last) if cursor.last is not None else {}
        self._table.write(put({**items.key(keys.sweep_cursor()), "shard": items.number(cursor.shard), **position}))
