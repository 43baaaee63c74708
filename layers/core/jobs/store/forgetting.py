"""`ForgettingStore` on DynamoDB: ended jobs in the status index, and the rows of their payload."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from jobs.forgetting.ports import PayloadRows, Reference
from jobs.store import items, keys
from jobs.store.due import list_index
from jobs.store.failures import ConditionFailed
from jobs.store.table import remove, update

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.model import DueJob, Job
    from jobs.store.table import Table


#: The job is not in the index.
NO_DUE = "attribute_not_exists(due)"


class DynamoDBForgetting:
    """Ended jobs of a table whose status index has `shards` write shards."""

    def __init__(self, table: Table, shards: int) -> None:
        self._table = table
        self._shards = shards

    def list_forgettable(self, shard: int, now: int, limit: int) -> list[DueJob]:
        """See `ForgettingStore.list_forgettable`: Queries on the status index, each of at most a megabyte."""
        return list_index(self._table, keys.index_partition(keys.REDACT, shard), None, now, limit)

    def list_payload(self, project_id: int, job_id: int, limit: int) -> PayloadRows:
        """See `ForgettingStore.list_payload`: one Query of the job's partition."""
        page = self._table.page(
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": items.string(keys.payload(project_id, job_id))},
            ProjectionExpression="sk",
            ConsistentRead=True,
            Limit=limit,
        )
        names = [item["sk"]["S"] for item in page["Items"]]
        file = keys.artifacts(project_id, job_id)[1]
        return PayloadRows(names, any(name.startswith(file) for name in names))

    def delete_payload(self, project_id: int, job_id: int, names: Sequence[str]) -> None:
        """See `ForgettingStore.delete_payload`: BatchWriteItems. No condition: nothing needs them any more."""
        partition = keys.payload(project_id, job_id)
        self._table.delete([(partition, name) for name in names])

    def list_references(self, project_id: int, person: str, after: int, limit: int) -> list[Reference]:
        """See `ForgettingStore.list_references`: one Query."""
        page = self._table.page(
            KeyConditionExpression="pk = :pk AND sk > :after",
            ExpressionAttributeValues={
                ":pk": items.string(keys.references(project_id, person)),
                ":after": items.string(keys.job_sort(after)),
            },
            ConsistentRead=True,
            Limit=limit,
        )
        return [
            Reference(int(item["sk"]["S"]), "de" in item, int(item["n"]["N"]) if "n" in item else None)
            for item in page["Items"]
        ]

    def note_deleted(self, project_id: int, person: str, job_id: int, count: int) -> None:
        """See `ForgettingStore.note_deleted`: one conditional UpdateItem. The first count holds."""
        is_not_kept_yet = "attribute_not_exists(n)"
        kept = update(
            keys.reference(project_id, person, job_id),
            "SET n = :n, de = :true",
            is_not_kept_yet,
            ExpressionAttributeValues={":n": items.number(count), ":true": {"BOOL": True}},
        )
        with suppress(ConditionFailed):
            self._table.write(kept)

    def forget_job(self, seen: Job, left: Job, person: str = "") -> bool:
        """See `ForgettingStore.forget_job`: one conditional Update of the attributes that differ.

        With a person it is a transaction: a job that is redacted alone would count as left, and one that is no longer
        found alone would never be redacted.
        """
        before, after = (items.job_to_item(job, "", self._shards) for job in (seen, left))
        set_ = {name: value for name, value in after.items() if before.get(name) != value}
        removed = [f"#{name}" for name in before if name not in after]
        is_as_seen = "st = :seen AND an = :attempt AND " + ("due = :due" if "due" in before else NO_DUE)
        is_not_forgotten_further = "attribute_not_exists(fg)" if not seen.forgotten else "fg = :forgotten"
        values = {
            **{f":new_{name}": value for name, value in set_.items()},
            ":seen": before["st"],
            ":attempt": before["an"],
            **({":due": before["due"]} if "due" in before else {}),
            **({":forgotten": before["fg"]} if seen.forgotten else {}),
        }
        parts = {"SET": [f"#{name} = :new_{name}" for name in set_], "REMOVE": removed}
        names = {f"#{name}": name for name in [*set_, *(name[1:] for name in removed)]}
        write = update(
            keys.job(seen.project_id, seen.job_id),
            " ".join(f"{verb} {', '.join(what)}" for verb, what in parts.items() if what),
            f"{is_as_seen} AND {is_not_forgotten_further}",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        beside = [remove(keys.reference(seen.project_id, person, seen.job_id))] if person else []
        try:
            self._table.write(write, *beside)
        except ConditionFailed as failed:
            # A second try of the client that finds what it wrote has won with its first.
            row = failed.rows[0]
            return bool(row) and items.job_from_item(row) == left
        return True
