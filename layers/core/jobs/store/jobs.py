"""`JobStore` on DynamoDB: job rows, dense numbers, and what a creation writes beside the row."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from jobs import errors
from jobs.model import SECOND, DeletionLock, IdempotencyRecord
from jobs.outcomes import AppendOutcome, AppendResult
from jobs.store import items, keys
from jobs.store.failures import ConditionFailed
from jobs.store.schedule_states import state_update
from jobs.store.table import put, update

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jobs.model import Job, ListedJob, SeenEvent
    from jobs.outcomes import NewRow
    from jobs.store.table import Table, Write
    from jobs.tenants import Project

#: Rows that one BatchGetItem may ask for.
MAX_BATCH_GET = 100
#: How many projects' last blocks one environment remembers before it forgets them all.
MAX_BLOCK_HINTS = 10_000


class DynamoDBJobStore:
    """Job rows in a table whose status index has `shards` write shards."""

    def __init__(self, table: Table, shards: int) -> None:
        self._table = table
        self._shards = shards
        #: By project, the last block that was seen, and the last that was noted in the project's row.
        self._blocks: dict[int, int] = {}
        self._noted: dict[int, int] = {}

    def get_job(self, project_id: int, job_id: int, *, strong: bool = True) -> Job | None:
        """See `JobStore.get_job`: one GetItem."""
        item = self._table.get(keys.job(project_id, job_id), strong=strong)
        return items.job_from_item(item) if item else None

    def list_jobs(self, project_id: int, first: int, last: int) -> list[Job]:
        """See `JobStore.list_jobs`: as `walk_jobs`, to the end."""
        return list(self.walk_jobs(project_id, first, last))

    def walk_jobs(self, project_id: int, first: int, last: int, *, newest_first: bool = False) -> Iterator[Job]:
        """See `JobStore.walk_jobs`: one Query for each block that the range touches, and for each megabyte."""
        return map(items.job_from_item, self._walk(project_id, first, last, newest_first=newest_first))

    def walk_listed(self, project_id: int, first: int, last: int, *, newest_first: bool = False) -> Iterator[ListedJob]:
        """See `JobStore.walk_listed`: the same Queries, whose answers have less."""
        rows = self._walk(project_id, first, last, newest_first=newest_first, ProjectionExpression=items.LISTED)
        return map(partial(items.listed_from_item, project_id), rows)

    def _walk(
        self, project_id: int, first: int, last: int, *, newest_first: bool, **projection: str
    ) -> Iterator[items.Item]:
        blocks = range(keys.block_of(first), keys.block_of(last) + 1)
        for block in reversed(blocks) if newest_first else blocks:
            start = max(first, keys.last_of(block - 1) + 1)
            end = min(last, keys.last_of(block))
            found = self._table.query(
                KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
                ExpressionAttributeValues={
                    ":pk": items.string(keys.job_block(project_id, block)),
                    ":first": items.string(keys.job_sort(start)),
                    ":last": items.string(keys.job_sort(end)),
                },
                ScanIndexForward=not newest_first,
                **projection,
            )
            count = 0
            for item in found:
                yield item
                count += 1
            if not newest_first and count < end - start + 1:
                return  # numbers are dense: nothing lies behind a gap

    def walk_workflow(
        self, project_id: int, workflow_id: str, *, newest_first: bool, at_once: int = MAX_BATCH_GET
    ) -> Iterator[Job]:
        """See `JobStore.walk_workflow`: for each `at_once` jobs a Query of the workflow index and a BatchGetItem."""
        found = self._table.query(
            IndexName=keys.WORKFLOW_INDEX,
            KeyConditionExpression="wk = :wk",
            ExpressionAttributeValues={":wk": items.string(keys.workflow_runs(project_id, workflow_id))},
            ScanIndexForward=not newest_first,
            Limit=at_once,
        )
        while batch := [(item["pk"]["S"], item["sk"]["S"]) for item in islice(found, at_once)]:
            jobs = {(item["pk"]["S"], item["sk"]["S"]): item for item in self._table.batch_get(batch)}
            yield from (items.job_from_item(jobs[key]) for key in batch if key in jobs)

    def highest_job_id(self, project: Project, *, strong: bool) -> int:
        """See `JobStore.highest_job_id`: one Query, two if the last known block is full.

        An empty block counts only if the block before it is full, because a weak read can be behind the hint.
        """
        block = max(project.block, self._blocks.get(project.project_id, 0))
        last = self._last_in_block(project.project_id, block, strong=strong)
        while last is None and block > 0:
            block -= 1
            last = self._last_in_block(project.project_id, block, strong=strong)
            if last == keys.last_of(block):
                return last
        while last is not None and last == keys.last_of(block):
            following = self._last_in_block(project.project_id, block + 1, strong=strong)
            if following is None:
                break
            last, block = following, block + 1
        self._remember_block(project.project_id, block)
        return last or 0

    def _last_in_block(self, project_id: int, block: int, *, strong: bool) -> int | None:
        page = self._table.page(
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": items.string(keys.job_block(project_id, block))},
            ProjectionExpression="pk, sk",
            ScanIndexForward=False,
            Limit=1,
            ConsistentRead=strong,
        )
        return keys.parse_job(page["Items"][0]["pk"]["S"], page["Items"][0]["sk"]["S"])[1] if page["Items"] else None

    def _remember_block(self, project_id: int, block: int) -> None:
        if len(self._blocks) >= MAX_BLOCK_HINTS:
            self._blocks.clear()
            self._noted.clear()
        self._blocks[project_id] = max(block, self._blocks.get(project_id, 0))

    def append(
        self, rows: Sequence[NewRow], record: IdempotencyRecord | None = None, lock: DeletionLock | None = None
    ) -> AppendResult:
        """See `JobStore.append`: one PutItem, or a transaction if more than a row is written.

        The caller keeps within 100 actions and 4 MB.
        """
        writes = [self._row_put(row) for row in rows]
        marked = [place for place, row in enumerate(rows) if row.seen is not None]
        writes += [seen_put(row.seen, row.job.created_at) for row in rows if row.seen is not None]
        marked += [place for place, row in enumerate(rows) if row.moved is not None]
        writes += [state_update(row.moved, self._shards) for row in rows if row.moved is not None]
        writes += [put(items.params_to_item(row.job, row.params)) for row in rows if row.params]
        writes += [put(items.reference_to_item(row.job, row.person)) for row in rows if row.person]
        if record is not None:
            writes.append(_record_put(rows[0].job, record))
        if lock is not None:
            writes.append(lock_put(rows[0].job.project_id, lock))
        try:
            self._table.write(*writes)
        except errors.Busy:
            return AppendResult(AppendOutcome.UNCERTAIN)
        except ConditionFailed as failed:
            seen = frozenset(of for place, of in enumerate(marked, len(rows)) if place in failed.rows)
            return AppendResult(self._why_not(rows, failed), seen)
        return AppendResult(AppendOutcome.DONE)

    def _why_not(self, rows: Sequence[NewRow], failed: ConditionFailed) -> AppendOutcome:
        """Read from the conditions that failed whether this very append has already won, or who else has."""
        taken = {place: row for place, row in failed.rows.items() if place < len(rows)}
        if taken:
            # A second try of the client that finds its own token has won with its first.
            own = any(row.get("tc") == items.string(rows[place].token) for place, row in taken.items())
            return AppendOutcome.DONE if own else AppendOutcome.NUMBER_TAKEN
        # A conflict on the row can hide the token there, while the mark or lock beside it is this append's own.
        job = rows[0].job
        own_row = self._table.get(keys.job(job.project_id, job.job_id))
        return AppendOutcome.DONE if own_row.get("tc") == items.string(rows[0].token) else AppendOutcome.OVERTAKEN

    def _row_put(self, row: NewRow) -> Write:
        number_is_free = "attribute_not_exists(pk)"
        item = items.job_to_item(row.job, row.token, self._shards)
        return put(item, number_is_free, ReturnValuesOnConditionCheckFailure="ALL_OLD")

    def is_seen(self, digest: str, now: int) -> bool:
        """See `JobStore.is_seen`: one strong GetItem. The row tells when it expires, because TTL deletes late."""
        item = self._table.get(keys.seen_event(digest))
        return bool(item) and int(item["ttl"]["N"]) > now // SECOND

    def mark_seen(self, seen: SeenEvent, now: int) -> None:
        """See `JobStore.mark_seen`: one conditional PutItem."""
        try:
            self._table.write(seen_put(seen, now))
        except ConditionFailed:
            return  # the event is marked already

    def note_block(self, project: Project, job_id: int) -> None:
        """See `JobStore.note_block`: at most one UpdateItem per block and environment."""
        block = keys.block_of(job_id)
        if block <= max(project.block, self._noted.get(project.project_id, 0)):
            return
        hint_lags = "#block < :block"
        names, values = {"#block": "block"}, {":block": items.number(block)}
        raised = update(
            keys.project(project.project_id),
            "SET #block = :block",
            hint_lags,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
        )
        try:
            self._table.write(raised)
        except ConditionFailed:
            pass  # another creator has raised it
        except (ClientError, BotoCoreError) as error:
            raise errors.Busy from error
        self._noted[project.project_id] = block

    def find_idempotency_record(self, project_id: int, key_digest: str, now: int) -> IdempotencyRecord | None:
        """See `JobStore.find_idempotency_record`: one strong GetItem. The row tells when it expires."""
        item = self._table.get(keys.idempotency(project_id, key_digest))
        if not item or int(item["ttl"]["N"]) <= now // SECOND:
            return None
        return IdempotencyRecord(key_digest, item["body"]["S"], int(item["jo"]["N"]), int(item["ttl"]["N"]))

    def find_deletion_lock(self, project_id: int, digest: str) -> DeletionLock | None:
        """See `JobStore.find_deletion_lock`: one strong GetItem."""
        item = self._table.get(keys.deletion_lock(project_id, digest))
        return DeletionLock(digest, int(item["jo"]["N"]), int(item["v"]["N"])) if item else None


def seen_put(seen: SeenEvent, now: int) -> Write:
    """Put the mark of an event, unless a live one exists."""
    item = {**items.key(keys.seen_event(seen.digest)), "ttl": items.number(seen.expires)}
    event_is_new = "attribute_not_exists(pk) OR #ttl <= :now"
    return put(item, event_is_new, **_at(now))


def lock_put(project_id: int, lock: DeletionLock) -> Write:
    """Put a user's deletion lock, if it has not moved since the version before."""
    item = {
        **items.key(keys.deletion_lock(project_id, lock.digest)),
        "jo": items.number(lock.job_id),
        "v": items.number(lock.version),
    }
    if lock.version == 1:
        lock_is_new = "attribute_not_exists(pk)"
        return put(item, lock_is_new)
    lock_was_not_moved = "v = :seen"
    return put(item, lock_was_not_moved, ExpressionAttributeValues={":seen": items.number(lock.version - 1)})


def _record_put(job: Job, record: IdempotencyRecord) -> Write:
    item = {
        **items.key(keys.idempotency(job.project_id, record.key_digest)),
        "body": items.string(record.body_digest),
        "jo": items.number(record.job_id),
        "ttl": items.number(record.expires),
    }
    key_is_free = "attribute_not_exists(pk) OR #ttl <= :now"
    return put(item, key_is_free, **_at(job.created_at))


def _at(now: int) -> dict[str, Any]:
    """What a condition on a row's time to live refers to."""
    return {
        "ExpressionAttributeNames": {"#ttl": "ttl"},
        "ExpressionAttributeValues": {":now": items.number(now // SECOND)},
    }
