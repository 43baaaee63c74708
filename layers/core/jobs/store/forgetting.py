"""`ForgettingStore` on DynamoDB: ended jobs in the status index, and the rows of their payload."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from jobs.forgetting.ports import PayloadRows, Reference, RetentionWalk
from jobs.store import items, keys
from jobs.store.due import list_jobs
from jobs.store.failures import ConditionFailed
from jobs.store.table import check, remove, update

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.model import DueJob, Job
    from jobs.store.table import Table, Write


#: The job is not in the index.
NO_DUE = "attribute_not_exists(due)"


class DynamoDBForgetting:
    """Ended jobs of a table whose status index has `shards` write shards."""

    def __init__(self, table: Table, shards: int) -> None:
        self._table = table
        self._shards = shards

    def list_forgettable(self, shard: int, now: int, limit: int) -> list[DueJob]:
        """See `ForgettingStore.list_forgettable`: Queries on the status index, each of at most a megabyte."""
        return list_jobs(self._table, keys.index_partition(keys.REDACT, shard), now, limit)

    def list_payload(self, project_id: int, job_id: int, limit: int) -> PayloadRows:
        """See `ForgettingStore.list_payload`: one Query of the job's partition."""
        page = self._table.page(
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": items.string(keys.payload(project_id, job_id))},
            ProjectionExpression="sk",
            ConsistentRead=True,
            Limit=limit,
        )
        names = tuple(item["sk"]["S"] for item in page["Items"])
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
                ":pk": items.string(keys.reference(project_id, person, after)[0]),
                ":after": items.string(keys.job_sort(after)),
            },
            ConsistentRead=True,
            Limit=limit,
        )
        return [
            Reference(int(item["sk"]["S"]), item["de"]["BOOL"], int(item["n"]["N"]) if "n" in item else None)
            for item in page["Items"]
        ]

    def list_walks(self) -> list[RetentionWalk]:
        """See `ForgettingStore.list_walks`: one Query for each megabyte."""
        found = self._table.query(
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": items.string(keys.WALKS)},
            ConsistentRead=True,
        )
        return [RetentionWalk(int(row["sk"]["S"]), int(row["at"]["N"]), int(row["jo"]["N"])) for row in found]

    def has_walk(self, project_id: int) -> bool:
        """See `ForgettingStore.has_walk`: one GetItem."""
        return bool(self._table.get(keys.ongoing(keys.WALKS, project_id)))

    def move_walk(self, walk: RetentionWalk, onward: int | None) -> bool:
        """See `ForgettingStore.move_walk`: one conditional UpdateItem, or a transaction of one Delete."""
        key = keys.ongoing(keys.WALKS, walk.project_id)
        is_there = "#at = :at AND jo = :jo"
        values = {":at": items.number(walk.at), ":jo": items.number(walk.next)}
        beside: dict[str, Any] = {
            "ExpressionAttributeNames": {"#at": "at"},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if onward is None:
            write = remove(key, is_there, ExpressionAttributeValues=values, **beside)
        else:
            values = {**values, ":onward": items.number(onward)}
            write = update(key, "SET jo = :onward", is_there, ExpressionAttributeValues=values, **beside)
        try:
            self._table.write(write)
        except ConditionFailed as failed:
            # as below
            row = failed.rows.get(0, {})
            return onward is not None and row.get("at") == values[":at"] and row.get("jo") == items.number(onward)
        return True

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
        found = [remove(keys.reference(seen.project_id, person, seen.job_id))] if person else []
        return self._write_if_as_seen(seen, left, *found)

    def enter_job(self, seen: Job, due: int | None, person: str) -> bool:
        """See `ForgettingStore.enter_job`: one Update of the job, in a transaction if a person is to find it."""
        found = [_find(seen, person)] if person else []
        return self._write_if_as_seen(seen, seen._replace(next_at=due), *found)

    def _write_if_as_seen(self, seen: Job, left: Job, *beside: Write) -> bool:
        """Write the attributes in which two states of a job differ, or only check it if none does."""
        before, after = (items.job_to_item(job, "", self._shards) for job in (seen, left))
        set_ = {name: value for name, value in after.items() if before.get(name) != value}
        removed = [name for name in before if name not in after]
        is_as_seen = "st = :seen AND an = :attempt AND " + ("due = :due" if "due" in before else NO_DUE)
        is_not_forgotten_further = "attribute_not_exists(fg)" if not seen.forgotten else "fg = :forgotten"
        condition = f"{is_as_seen} AND {is_not_forgotten_further}"
        seen_as = {":seen": "st", ":attempt": "an", ":due": "due", ":forgotten": "fg"}
        values = {name: before[of] for name, of in seen_as.items() if of in before}
        values |= {f":new_{name}": value for name, value in set_.items()}
        parts = {"SET": [f"#{name} = :new_{name}" for name in set_], "REMOVE": [f"#{name}" for name in removed]}
        expression = " ".join(f"{verb} {', '.join(what)}" for verb, what in parts.items() if what)
        key = keys.job(seen.project_id, seen.job_id)
        told: dict[str, Any] = {
            "ExpressionAttributeValues": values,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if expression:
            names = {f"#{name}": name for name in (*set_, *removed)}
            write = update(key, expression, condition, ExpressionAttributeNames=names, **told)
        else:
            write = check(key, condition, **told)
        try:
            self._table.write(write, *beside)
        except ConditionFailed as failed:
            # A second try of the client that finds what it wrote has won with its first.
            row = failed.rows.get(0, {})
            return bool(row) and items.job_from_item(row) == left
        return True


def _find(job: Job, person: str) -> Write:
    """Let a job be found by a person. What is known of a deletion stays."""
    key = keys.reference(job.project_id, person, job.job_id)
    told = items.reference_to_item(job, person)["de"]
    return update(key, "SET de = :de", ExpressionAttributeValues={":de": told})
