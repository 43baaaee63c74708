"""`JobStore` on DynamoDB: one method per access pattern, every write one conditional call, every condition named."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from jobs import errors
from jobs.model import (
    ACTIVE,
    BY_SERVICE,
    DeletionLock,
    DueJob,
    IdempotencyRecord,
    Job,
    Project,
    Status,
)
from jobs.ports import Append, Start, SweepCursor, Watermark
from jobs.store import aws, items, keys

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import PutTypeDef

#: How often a status change is tried again when a transaction holds the row for a moment (botocore never does).
CONFLICT_TRIES = 5
CONFLICT_WAIT_SECONDS = 0.05
#: Rows that a Query of the index asks for at most; a page ends at a megabyte anyhow.
INDEX_PAGE = 10_000
#: How many projects' last blocks one environment remembers before it forgets them all.
MOST_BLOCK_HINTS = 10_000


def new_token() -> str:
    """A fresh transition token: 96 random bits."""
    return secrets.token_urlsafe(12)


class DynamoDBJobStore:
    """Jobs in the table `table`, their due times in its status index of `shards` write shards."""

    def __init__(self, client: DynamoDBClient, table: str, shards: int) -> None:
        self._client = client
        self._table = table
        self._shards = shards
        self._blocks: dict[int, int] = {}
        self._noted: dict[int, int] = {}

    # ---- reading ------------------------------------------------------------------------------------------------

    def get_job(self, project_id: int, job_id: int) -> Job | None:
        """See `JobStore.get_job`: one strong GetItem."""
        item = self._get(keys.job(project_id, job_id))
        return items.job_from_item(item) if item else None

    def get_params(self, project_id: int, job_id: int) -> Mapping[str, Any]:
        """See `JobStore.get_params`: one strong GetItem."""
        item = self._get(keys.params(project_id, job_id))
        return items.params_from_item(item) if item else {}

    def list_jobs(self, project_id: int, first: int, last: int) -> list[Job]:
        """See `JobStore.list_jobs`: one Query per block that the range touches, and per megabyte."""
        jobs: list[Job] = []
        for block in range(keys.block_of(first), keys.block_of(last) + 1):
            start = max(first, keys.last_of(block - 1) + 1)
            end = min(last, keys.last_of(block))
            query: dict[str, Any] = {
                "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
                "ExpressionAttributeValues": {
                    ":pk": items.string(keys.job_block(project_id, block)),
                    ":first": items.string(keys.job_sort(start)),
                    ":last": items.string(keys.job_sort(end)),
                },
            }
            found = [items.job_from_item(item) for item in self._query(query)]
            jobs += found
            if len(found) < end - start + 1:
                break  # numbers are dense: nothing lies behind a gap
        return jobs

    def highest_job_id(self, project: Project, *, strong: bool) -> int:
        """See `JobStore.highest_job_id`: one Query, two when the last known block is full.

        An empty block is believed only if its predecessor is full, as a weak read can be behind the hint.
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
        with aws.throttling_as_busy():
            page = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": items.string(keys.job_block(project_id, block))},
                ProjectionExpression="pk, sk",
                ScanIndexForward=False,
                Limit=1,
                ConsistentRead=strong,
            )
        return keys.parse_job(page["Items"][0]["pk"]["S"], page["Items"][0]["sk"]["S"])[1] if page["Items"] else None

    def _remember_block(self, project_id: int, block: int) -> None:
        if len(self._blocks) >= MOST_BLOCK_HINTS:
            self._blocks.clear()
            self._noted.clear()
        self._blocks[project_id] = max(block, self._blocks.get(project_id, 0))

    # ---- creating -----------------------------------------------------------------------------------------------

    def append(
        self,
        job: Job,
        token: str,
        params: Mapping[str, Any],
        record: IdempotencyRecord | None,
        lock: DeletionLock | None,
    ) -> Append:
        """See `JobStore.append`: a conditional PutItem, or a transaction where more than the row is written."""
        number_is_free = "attribute_not_exists(pk)"
        row: PutTypeDef = {
            "TableName": self._table,
            "Item": items.job_to_item(job, token, self._shards),
            "ConditionExpression": number_is_free,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        beside: list[PutTypeDef] = []
        if params:
            beside.append({"TableName": self._table, "Item": items.params_to_item(job.project_id, job.job_id, params)})
        if record is not None:
            beside.append(self._record_put(job, record))
        if lock is not None:
            beside.append(self._lock_put(job, lock))
        try:
            with aws.throttling_as_busy():
                if beside:
                    self._client.transact_write_items(TransactItems=[{"Put": put} for put in [row, *beside]])
                else:
                    self._client.put_item(**row)
        except (ClientError, BotoCoreError, errors.Busy) as error:
            return _append_outcome(error, token)
        return Append.DONE

    def _record_put(self, job: Job, record: IdempotencyRecord) -> PutTypeDef:
        key_is_free = "attribute_not_exists(pk) OR #ttl <= :now"
        return {
            "TableName": self._table,
            "Item": {
                **items.key(keys.idempotency(job.project_id, record.key_digest)),
                "body": items.string(record.body_digest),
                "jo": items.number(record.job_id),
                "ttl": items.number(record.expires),
            },
            "ConditionExpression": key_is_free,
            "ExpressionAttributeNames": {"#ttl": "ttl"},
            "ExpressionAttributeValues": {":now": items.number(job.created_at // 1000)},
        }

    def _lock_put(self, job: Job, lock: DeletionLock) -> PutTypeDef:
        item = {
            **items.key(keys.deletion_lock(job.project_id, lock.digest)),
            "jo": items.number(lock.job_id),
            "v": items.number(lock.version),
        }
        if lock.version == 1:
            lock_is_new = "attribute_not_exists(pk)"
            return {"TableName": self._table, "Item": item, "ConditionExpression": lock_is_new}
        lock_was_not_moved = "v = :seen"
        return {
            "TableName": self._table,
            "Item": item,
            "ConditionExpression": lock_was_not_moved,
            "ExpressionAttributeValues": {":seen": items.number(lock.version - 1)},
        }

    def note_block(self, project: Project, job_id: int) -> None:
        """See `JobStore.note_block`: at most one UpdateItem per block and environment."""
        block = keys.block_of(job_id)
        if block <= max(project.block, self._noted.get(project.project_id, 0)):
            return
        hint_lags = "#block < :block"
        try:
            with aws.throttling_as_busy():
                self._client.update_item(
                    TableName=self._table,
                    Key=items.key(keys.project(project.project_id)),
                    UpdateExpression="SET #block = :block",
                    ConditionExpression=hint_lags,
                    ExpressionAttributeNames={"#block": "block"},
                    ExpressionAttributeValues={":block": items.number(block)},
                )
        except ClientError as error:
            if aws.code_of(error) != aws.CONDITION_FAILED:
                raise
        self._noted[project.project_id] = block

    def find_idempotency_record(self, project_id: int, key_digest: str, now: int) -> IdempotencyRecord | None:
        """See `JobStore.find_idempotency_record`: one strong GetItem; as TTL deletes late, the row says."""
        item = self._get(keys.idempotency(project_id, key_digest))
        if not item or int(item["ttl"]["N"]) <= now // 1000:
            return None
        return IdempotencyRecord(key_digest, item["body"]["S"], int(item["jo"]["N"]), int(item["ttl"]["N"]))

    def find_deletion_lock(self, project_id: int, digest: str) -> DeletionLock | None:
        """See `JobStore.find_deletion_lock`: one strong GetItem."""
        item = self._get(keys.deletion_lock(project_id, digest))
        return DeletionLock(digest, int(item["jo"]["N"]), int(item["v"]["N"])) if item else None

    # ---- status changes -----------------------------------------------------------------------------------------

    def start_job(self, project_id: int, job_id: int, now: int) -> Start:
        """See `JobStore.start_job`: one conditional UpdateItem; the time-out is reckoned by DynamoDB from the row."""
        is_scheduled = "st = :scheduled"
        is_due = "due <= :now"
        token = new_token()
        try:
            self._change(
                keys.job(project_id, job_id),
                set_="st = :to, due = :now + tm, gk = :gk, ts = :token",
                condition=f"{is_scheduled} AND {is_due}",
                change=items.change(Status.RUNNING, now, BY_SERVICE),
                values={
                    ":scheduled": items.string(Status.SCHEDULED),
                    ":to": items.string(Status.RUNNING),
                    ":now": items.number(now),
                    ":gk": items.string(keys.status_shard(Status.RUNNING, project_id, job_id, self._shards)),
                    ":token": items.string(token),
                },
            )
        except ClientError as error:
            if aws.code_of(error) != aws.CONDITION_FAILED:
                raise
            old = aws.old_item(error)
            if old.get("ts") == items.string(token):
                return Start.STARTED
            return Start.NOT_DUE if old.get("st") == items.string(Status.SCHEDULED) else Start.NOT_SCHEDULED
        return Start.STARTED

    def cancel_job(self, project_id: int, job_id: int, now: int, by: str) -> Job:
        """See `JobStore.cancel_job`: one conditional UpdateItem; its history says what was cancelled."""
        is_active = "st IN (:scheduled, :running)"
        token = new_token()
        try:
            item = self._change(
                keys.job(project_id, job_id),
                set_="st = :to, tx = :token",
                remove="gk, due",
                condition=is_active,
                change=items.change(Status.CANCELLED, now, by),
                values={
                    **{f":{status}": items.string(status) for status in ACTIVE},
                    ":to": items.string(Status.CANCELLED),
                    ":token": items.string(token),
                },
            )
        except ClientError as error:
            if aws.code_of(error) != aws.CONDITION_FAILED:
                raise
            item = aws.old_item(error)
            if not item:
                raise errors.JobNotFound from None
            if item.get("tx") != items.string(token):
                raise errors.JobNotCancellable(items.job_from_item(item)) from None
        return items.job_from_item(item)

    def _change(  # noqa: PLR0913  # a status change has this many parts
        self,
        key: keys.Key,
        *,
        set_: str,
        condition: str,
        change: dict[str, Any],
        values: dict[str, Any],
        remove: str = "",
    ) -> dict[str, Any]:
        """Write one status change with its history entry, and return the row as it is then."""
        update: dict[str, Any] = {
            "TableName": self._table,
            "Key": items.key(key),
            "UpdateExpression": f"SET {set_}, h = list_append(h, :change)" + (f" REMOVE {remove}" if remove else ""),
            "ConditionExpression": condition,
            "ExpressionAttributeValues": {**values, ":change": {"L": [change]}},
            "ReturnValues": "ALL_NEW",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        for last_try in (False,) * (CONFLICT_TRIES - 1) + (True,):
            try:
                with aws.throttling_as_busy():
                    return self._client.update_item(**update)["Attributes"]
            except ClientError as error:
                if aws.code_of(error) not in aws.CONFLICTS:
                    raise
                if last_try:
                    raise errors.Busy from error
                time.sleep(CONFLICT_WAIT_SECONDS * secrets.SystemRandom().random())
        raise AssertionError  # pragma: no cover  # the last try returns or raises

    # ---- dispatching --------------------------------------------------------------------------------------------

    def list_due(self, shard: int, after: DueJob | None, until: int, limit: int) -> list[DueJob]:
        """See `JobStore.list_due`: Queries on the status index, each of at most a megabyte."""
        partition = keys.index_partition(Status.SCHEDULED, shard)
        if after is not None and after.due_at > until:
            return []
        query: dict[str, Any] = {
            "IndexName": keys.STATUS_INDEX,
            "KeyConditionExpression": "gk = :gk AND due <= :until",
            "ExpressionAttributeValues": {":gk": items.string(partition), ":until": items.number(until)},
            "Limit": min(limit, INDEX_PAGE),
        }
        if after is not None:
            query["ExclusiveStartKey"] = items.due_to_index_key(after, partition)
        found: list[DueJob] = []
        for item in self._query(query):
            found.append(items.due_from_item(item))
            if len(found) == limit:
                break
        return found

    def list_watermarks(self) -> list[Watermark]:
        """See `JobStore.list_watermarks`: one strong Query over the dispatcher's partition."""
        query: dict[str, Any] = {
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :prefix)",
            "ExpressionAttributeValues": {
                ":pk": items.string(keys.DISPATCH),
                ":prefix": items.string(keys.WATERMARK_PREFIX),
            },
            "ConsistentRead": True,
        }
        return [
            Watermark(int(item["sk"]["S"].removeprefix(keys.WATERMARK_PREFIX)), items.due_from_attributes(item))
            for item in self._query(query)
        ]

    def raise_watermark(self, watermark: Watermark) -> None:
        """See `JobStore.raise_watermark`: one conditional PutItem."""
        is_new_or_earlier = "attribute_not_exists(pk) OR #at <= :at"
        position = items.due_to_attributes(watermark.last)
        try:
            with aws.throttling_as_busy():
                self._client.put_item(
                    TableName=self._table,
                    Item={**items.key(keys.watermark(watermark.shard)), **position},
                    ConditionExpression=is_new_or_earlier,
                    ExpressionAttributeNames={"#at": "at"},
                    ExpressionAttributeValues={":at": position["at"]},
                )
        except ClientError as error:
            if aws.code_of(error) != aws.CONDITION_FAILED:
                raise

    def get_sweep_cursor(self) -> SweepCursor:
        """See `JobStore.get_sweep_cursor`: one strong GetItem."""
        item = self._get(keys.sweep_cursor())
        if not item:
            return SweepCursor(0, None)
        return SweepCursor(int(item["shard"]["N"]), items.due_from_attributes(item) if "at" in item else None)

    def save_sweep_cursor(self, cursor: SweepCursor) -> None:
        """See `JobStore.save_sweep_cursor`: one PutItem, unconditioned, as the cursor is only a place to begin."""
        position = items.due_to_attributes(cursor.last) if cursor.last is not None else {}
        shard = items.number(cursor.shard)
        with aws.throttling_as_busy():
            self._client.put_item(
                TableName=self._table, Item={**items.key(keys.sweep_cursor()), "shard": shard, **position}
            )

    # ---- the calls ----------------------------------------------------------------------------------------------

    def _get(self, key: keys.Key) -> dict[str, Any]:
        with aws.throttling_as_busy():
            answer = self._client.get_item(TableName=self._table, Key=items.key(key), ConsistentRead=True)
        return answer.get("Item", {})

    def _query(self, query: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Walk a Query over all its pages: a page ends at its limit or at a megabyte, whichever is first."""
        while True:
            with aws.throttling_as_busy():
                page = self._client.query(TableName=self._table, **query)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            query = {**query, "ExclusiveStartKey": page["LastEvaluatedKey"]}


def _append_outcome(error: Exception, token: str) -> Append:
    """What a failed append says about the number it wanted.

    Raises:
        ClientError: the call itself was wrong, which trying again does not mend.
    """
    if isinstance(error, errors.Busy):
        return Append.UNCERTAIN
    if aws.proves_nothing(error):
        return Append.UNCERTAIN
    if not isinstance(error, ClientError):
        raise error
    if aws.code_of(error) == aws.CONDITION_FAILED:
        reasons: list[dict[str, Any]] = [{"Code": aws.CONDITION_CODE, "Item": aws.old_item(error)}]
    elif aws.code_of(error) == aws.TRANSACTION_CANCELLED:
        reasons = aws.reasons_of(error)
    else:
        raise error
    row, *beside = reasons
    if row.get("Code") == aws.CONDITION_CODE:
        # A retry of the client that finds its own token has already won.
        return Append.DONE if row.get("Item", {}).get("tc") == items.string(token) else Append.NUMBER_TAKEN
    if any(reason.get("Code") == aws.CONDITION_CODE for reason in beside):
        return Append.OVERTAKEN
    raise error
