"""`JobStore` on DynamoDB: one method per access pattern, every write one conditional call, every condition named."""

from __future__ import annotations

import secrets
import time
from itertools import islice
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
from jobs.ports import AppendOutcome, BatchAppend, MessagePage, ReportOutcome, StartOutcome, SweepCursor, Watermark
from jobs.store import failures, items, keys

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import (
        BatchStatementRequestTypeDef,
        BatchStatementResponseTypeDef,
        PutTypeDef,
        QueryInputTypeDef,
        UpdateTypeDef,
    )

    from jobs.model import JobKey, Message, SeenEvent
    from jobs.ports import Attempt, NewRow, Stamp

#: How often a change is tried when a transaction holds the row for a moment (botocore never tries that again).
CONFLICT_TRIES = 5
CONFLICT_WAIT_SECONDS = 0.05
#: Rows that a Query of the index asks for at most; a page ends at a megabyte anyhow.
INDEX_PAGE = 10_000
#: Rows that one BatchGetItem may ask for.
MAX_BATCH_GET = 100
#: Characters of an event's digest that keep two messages of one millisecond apart.
MESSAGE_SUFFIX = 16
#: How many projects' last blocks one environment remembers before it forgets them all.
MAX_BLOCK_HINTS = 10_000


def new_token() -> str:
    """A fresh transition token: 96 random bits."""
    return secrets.token_urlsafe(12)


class DynamoDBJobStore:
    """Jobs in the table `table`, their due times in its status index of `shards` write shards.

    Starts go out in batches of `start_batch`, of which DynamoDB takes 25 at most; with 1 each is an UpdateItem.
    """

    def __init__(self, client: DynamoDBClient, table: str, shards: int, start_batch: int = 1) -> None:
        self._client = client
        self._table = table
        self._shards = shards
        self._start_batch = start_batch
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

    def walk_workflow(self, project_id: int, workflow_id: str, *, newest_first: bool) -> Iterator[Job]:
        """See `JobStore.walk_workflow`: for each hundred jobs a Query of the workflow index and a BatchGetItem."""
        query: dict[str, Any] = {
            "IndexName": keys.WORKFLOW_INDEX,
            "KeyConditionExpression": "wk = :wk",
            "ExpressionAttributeValues": {":wk": items.string(keys.workflow_runs(project_id, workflow_id))},
            "ScanIndexForward": not newest_first,
            "Limit": MAX_BATCH_GET,
        }
        found = self._query(query)
        while batch := [keys.parse_job(item["pk"]["S"], item["sk"]["S"]) for item in islice(found, MAX_BATCH_GET)]:
            jobs = self._batch_get(batch)
            yield from (jobs[job] for job in batch if job in jobs)

    def _batch_get(self, jobs: Sequence[tuple[int, int]]) -> dict[tuple[int, int], Job]:
        """Read up to a hundred jobs, weakly; what DynamoDB leaves for later is asked for again.

        Raises:
            Busy: it leaves too much.
        """
        found: dict[tuple[int, int], Job] = {}
        wanted: Any = {self._table: {"Keys": [items.key(keys.job(*job)) for job in jobs]}}
        for _ in range(CONFLICT_TRIES):
            with failures.throttling_as_busy():
                answer = self._client.batch_get_item(RequestItems=wanted)
            for item in answer["Responses"].get(self._table, []):
                job = items.job_from_item(item)
                found[job.project_id, job.job_id] = job
            wanted = answer.get("UnprocessedKeys")
            if not wanted:
                return found
            time.sleep(CONFLICT_WAIT_SECONDS * secrets.SystemRandom().random())
        raise errors.Busy

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
        with failures.throttling_as_busy():
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
        if len(self._blocks) >= MAX_BLOCK_HINTS:
            self._blocks.clear()
            self._noted.clear()
        self._blocks[project_id] = max(block, self._blocks.get(project_id, 0))

    # ---- creating -----------------------------------------------------------------------------------------------

    def append(  # noqa: PLR0913, PLR0917  # as the port has it
        self,
        job: Job,
        token: str,
        params: Mapping[str, Any],
        record: IdempotencyRecord | None,
        lock: DeletionLock | None,
        seen: SeenEvent | None = None,
    ) -> AppendOutcome:
        """See `JobStore.append`: a conditional PutItem, or a transaction where more than the row is written."""
        row = self._row_put(job, token)
        beside: list[PutTypeDef] = []
        if params:
            beside.append({"TableName": self._table, "Item": items.params_to_item(job.project_id, job.job_id, params)})
        if record is not None:
            beside.append(self._record_put(job, record))
        if lock is not None:
            beside.append(self._lock_put(job.project_id, lock))
        if seen is not None:
            beside.append(self._seen_put(seen, job.created_at))
        try:
            with failures.throttling_as_busy():
                if beside:
                    self._client.transact_write_items(TransactItems=[{"Put": put} for put in [row, *beside]])
                else:
                    self._client.put_item(**row)
        except (ClientError, BotoCoreError, errors.Busy) as error:
            outcome = _append_outcome(error, token)
            if outcome is AppendOutcome.OVERTAKEN:
                return self._unless_own(keys.job(job.project_id, job.job_id), "tc", token)
            return outcome
        return AppendOutcome.DONE

    def append_batch(self, rows: Sequence[NewRow]) -> BatchAppend:
        """See `JobStore.append_batch`: one transaction; the caller keeps within 100 actions and 4 MB."""
        puts: list[PutTypeDef] = [self._row_put(row.job, row.token) for row in rows]
        puts += [self._seen_put(row.seen, row.job.created_at) for row in rows]
        for row in rows:
            if row.params:
                item = items.params_to_item(row.job.project_id, row.job.job_id, row.params)
                puts.append({"TableName": self._table, "Item": item})
        try:
            with failures.throttling_as_busy():
                self._client.transact_write_items(TransactItems=[{"Put": put} for put in puts])
        except (ClientError, BotoCoreError, errors.Busy) as error:
            outcome = _append_outcome(error, rows[0].token, len(rows))
            if outcome is AppendOutcome.OVERTAKEN:
                job = rows[0].job
                outcome = self._unless_own(keys.job(job.project_id, job.job_id), "tc", rows[0].token)
            taken = failures.failed_conditions(error)
            return BatchAppend(outcome, frozenset(place - len(rows) for place in taken if place >= len(rows)))
        return BatchAppend(AppendOutcome.DONE)

    def _unless_own(self, key: keys.Key, attribute: str, token: str) -> AppendOutcome:
        """Look whether what has overtaken a write is its own first try, whose answer was lost.

        A transaction that is tried again can meet a conflict on the row, which hides the token there, and find its own
        mark or lock beside it.
        """
        return AppendOutcome.DONE if self._get(key).get(attribute) == items.string(token) else AppendOutcome.OVERTAKEN

    def is_seen(self, digest: str, now: int) -> bool:
        """See `JobStore.is_seen`: one strong GetItem; as TTL deletes late, the row says."""
        item = self._get(keys.seen_event(digest))
        return bool(item) and int(item["ttl"]["N"]) > now // 1000

    def mark_seen(self, seen: SeenEvent, now: int) -> None:
        """See `JobStore.mark_seen`: one conditional PutItem."""
        try:
            with failures.throttling_as_busy():
                self._client.put_item(**self._seen_put(seen, now))
        except ClientError as error:
            if not failures.failed_conditions(error):
                raise

    def _row_put(self, job: Job, token: str) -> PutTypeDef:
        number_is_free = "attribute_not_exists(pk)"
        return {
            "TableName": self._table,
            "Item": items.job_to_item(job, token, self._shards),
            "ConditionExpression": number_is_free,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def _seen_put(self, seen: SeenEvent, now: int) -> PutTypeDef:
        event_is_new = "attribute_not_exists(pk) OR #ttl <= :now"
        return {
            "TableName": self._table,
            "Item": {**items.key(keys.seen_event(seen.digest)), "ttl": items.number(seen.expires)},
            "ConditionExpression": event_is_new,
            "ExpressionAttributeNames": {"#ttl": "ttl"},
            "ExpressionAttributeValues": {":now": items.number(now // 1000)},
        }

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

    def _lock_put(self, project_id: int, lock: DeletionLock) -> PutTypeDef:
        item = {
            **items.key(keys.deletion_lock(project_id, lock.digest)),
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
            with failures.throttling_as_busy():
                self._client.update_item(
                    TableName=self._table,
                    Key=items.key(keys.project(project.project_id)),
                    UpdateExpression="SET #block = :block",
                    ConditionExpression=hint_lags,
                    ExpressionAttributeNames={"#block": "block"},
                    ExpressionAttributeValues={":block": items.number(block)},
                )
        except (ClientError, BotoCoreError) as error:
            if not failures.failed_conditions(error):
                raise errors.Busy from error
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

    def start_jobs(self, jobs: Sequence[JobKey], now: int) -> list[StartOutcome]:
        """See `JobStore.start_jobs`: a BatchExecuteStatement for each batch; an UpdateItem for a job that is alone."""
        outcomes: list[StartOutcome] = []
        for first in range(0, len(jobs), self._start_batch):
            batch = jobs[first : first + self._start_batch]
            outcomes += self._start_together(batch, now) if len(batch) > 1 else [self._start_alone(batch[0], now)]
        return outcomes

    def _start_together(self, jobs: Sequence[JobKey], now: int) -> list[StartOutcome]:
        """Start jobs by one call. Each statement is one conditional write and succeeds or fails by itself."""
        is_scheduled = "st = ?"
        is_due = "due <= ?"
        # What is reckoned is written out, in the forms that DynamoDB's documentation shows; the rest are parameters.
        change = f"[['{Status.RUNNING}', {now}, '{BY_SERVICE}']]"
        statement = (
            f'UPDATE "{self._table}" SET st = ? SET gk = ? SET ts = ? SET due = tm + {now} '  # noqa: S608  # nothing of it comes from outside
            f"SET h = list_append(h, {change}) WHERE pk = ? AND sk = ? AND {is_scheduled} AND {is_due}"
        )
        tokens = [new_token() for _ in jobs]
        statements: list[BatchStatementRequestTypeDef] = []
        for job, token in zip(jobs, tokens, strict=True):
            pk, sk = keys.job(*job)
            shard = keys.status_shard(Status.RUNNING, *job, self._shards)
            set_to = [items.string(Status.RUNNING), items.string(shard), items.string(token)]
            where = [items.string(pk), items.string(sk), items.string(Status.SCHEDULED), items.number(now)]
            statements.append(
                {
                    "Statement": statement,
                    "Parameters": [*set_to, *where],
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                }
            )
        try:
            answers = self._client.batch_execute_statement(Statements=statements)["Responses"]
        except (ClientError, BotoCoreError) as error:
            if not failures.outcome_unknown(error):
                raise
            return [StartOutcome.UNCERTAIN] * len(jobs)
        return [_start_outcome(answer, token) for answer, token in zip(answers, tokens, strict=True)]

    def _start_alone(self, job: JobKey, now: int) -> StartOutcome:
        """Start a job by one conditional UpdateItem; the time-out is reckoned by DynamoDB from the row.

        Like a batch it is tried by the client alone: who starts jobs knows how much time is left for another try.
        """
        is_scheduled = "st = :scheduled"
        is_due = "due <= :now"
        token = new_token()
        try:
            self._change(
                keys.job(*job),
                set_="st = :to, due = :now + tm, gk = :gk, ts = :token",
                condition=f"{is_scheduled} AND {is_due}",
                change=items.change(Status.RUNNING, now, BY_SERVICE),
                values={
                    ":scheduled": items.string(Status.SCHEDULED),
                    ":to": items.string(Status.RUNNING),
                    ":now": items.number(now),
                    ":gk": items.string(keys.status_shard(Status.RUNNING, *job, self._shards)),
                    ":token": items.string(token),
                },
                tries=1,
            )
        except errors.Busy:
            return StartOutcome.UNCERTAIN
        except ClientError as error:
            if failures.code_of(error) != failures.CONDITION_FAILED:
                raise
            return _not_started(failures.old_item(error), token)
        return StartOutcome.STARTED

    def cancel_job(self, project_id: int, job_id: int, now: int, by: str) -> Job:
        """See `JobStore.cancel_job`: one conditional UpdateItem; its history says what was cancelled."""
        is_active = "st IN (:scheduled, :running)"
        # Sent again after a lost answer, it must not cancel what a caller has retried in the meantime.
        is_not_made_yet = "(attribute_not_exists(tx) OR tx <> :token)"
        token = new_token()
        try:
            item = self._change(
                keys.job(project_id, job_id),
                set_="st = :to, tx = :token",
                remove="gk, due",
                condition=f"{is_active} AND {is_not_made_yet}",
                change=items.change(Status.CANCELLED, now, by),
                values={
                    **{f":{status}": items.string(status) for status in ACTIVE},
                    ":to": items.string(Status.CANCELLED),
                    ":token": items.string(token),
                },
            )
        except ClientError as error:
            if failures.code_of(error) != failures.CONDITION_FAILED:
                raise
            item = failures.old_item(error)
            if not item:
                raise errors.JobNotFound from None
            if item.get("tx") != items.string(token):
                raise errors.JobNotCancellable(items.job_from_item(item)) from None
        return items.job_from_item(item)

    def complete_job(self, attempt: Attempt, stamp: Stamp, outputs: Sequence[Any]) -> ReportOutcome:
        """See `JobStore.complete_job`: one conditional UpdateItem, after a PutItem where there are outputs.

        Outputs of a transition that is never made are never read, as no row refers to their token.
        """
        if outputs:
            item = items.outputs_to_item(attempt.project_id, attempt.job_id, stamp.token, outputs)
            try:
                self._client.put_item(TableName=self._table, Item=item)
            except (ClientError, BotoCoreError) as error:
                if failures.outcome_unknown(error):
                    raise errors.Busy from error
                raise
        return self._end_attempt(
            attempt,
            Status.COMPLETED,
            stamp,
            set_="pg = :all" + (", ou = :token" if outputs else ""),
            remove="gk, due",
            values={":all": items.number(100)},
        )

    def fail_job(self, attempt: Attempt, stamp: Stamp, errors: Sequence[str], *, lost: bool) -> ReportOutcome:
        """See `JobStore.fail_job`: one conditional UpdateItem."""
        is_last_attempt = "an >= ma"
        return self._end_attempt(
            attempt,
            Status.FAILED,
            stamp,
            set_="er = :errors",
            remove="gk, due",
            condition=[is_last_attempt],
            values={":errors": {"L": [items.string(error) for error in errors]}},
            lost=lost,
        )

    def back_off_job(self, attempt: Attempt, stamp: Stamp, due: int, *, lost: bool) -> ReportOutcome:
        """See `JobStore.back_off_job`: one conditional UpdateItem."""
        attempts_are_left = "an < ma"
        shard = keys.status_shard(Status.SCHEDULED, attempt.project_id, attempt.job_id, self._shards)
        return self._end_attempt(
            attempt,
            Status.SCHEDULED,
            stamp,
            set_="an = an + :one, due = :due, gk = :gk",
            remove="pg",
            condition=[attempts_are_left],
            values={":one": items.number(1), ":due": items.number(due), ":gk": items.string(shard)},
            lost=lost,
        )

    def _end_attempt(  # noqa: PLR0913  # as many parts as a status change has
        self,
        attempt: Attempt,
        to: Status,
        stamp: Stamp,
        *,
        set_: str,
        remove: str,
        values: dict[str, Any],
        condition: Sequence[str] = (),
        lost: bool = False,
    ) -> ReportOutcome:
        """End a running attempt, whoever ends it: all ways share the token attribute `tf`."""
        is_running = "st = :running"
        is_this_attempt = "an = :attempt"
        clauses = [is_running, is_this_attempt, *condition]
        values = {
            **values,
            ":running": items.string(Status.RUNNING),
            ":attempt": items.number(attempt.number),
            ":to": items.string(to),
            ":token": items.string(stamp.token),
        }
        if lost:
            time_out_has_passed = "due <= :now"
            clauses.append(time_out_has_passed)
            values[":now"] = items.number(stamp.at)
        try:
            self._change(
                keys.job(attempt.project_id, attempt.job_id),
                set_=f"st = :to, tf = :token, {set_}",
                remove=remove,
                condition=" AND ".join(clauses),
                change=items.change(to, stamp.at, stamp.by),
                values=values,
            )
        except ClientError as error:
            if failures.code_of(error) != failures.CONDITION_FAILED:
                raise
            return _report_outcome(failures.old_item(error), attempt, stamp.token)
        return ReportOutcome.APPLIED

    def note_progress(self, attempt: Attempt, timeout_at: int, progress: int) -> ReportOutcome:
        """See `JobStore.note_progress`: one conditional UpdateItem, no status change and no history."""
        is_running = "st = :running"
        is_this_attempt = "an = :attempt"
        does_not_fall = "due <= :due AND (attribute_not_exists(pg) OR pg <= :progress)"
        try:
            self._update(
                keys.job(attempt.project_id, attempt.job_id),
                expression="SET pg = :progress, due = :due",
                condition=f"{is_running} AND {is_this_attempt} AND {does_not_fall}",
                values={
                    ":running": items.string(Status.RUNNING),
                    ":attempt": items.number(attempt.number),
                    ":progress": items.number(progress),
                    ":due": items.number(timeout_at),
                },
            )
        except ClientError as error:
            if failures.code_of(error) != failures.CONDITION_FAILED:
                raise
            return _report_outcome(failures.old_item(error), attempt, token=None)
        return ReportOutcome.APPLIED

    def retry_job(self, seen: Job, retried: Job, token: str, lock: DeletionLock | None) -> AppendOutcome:
        """See `JobStore.retry_job`: one conditional Update, in a transaction where a lock moves with it."""
        is_as_seen = "st = :seen AND an = :attempt"
        key = keys.job(seen.project_id, seen.job_id)
        change = items.change(*retried.history[-1])
        update: UpdateTypeDef = {
            "TableName": self._table,
            "Key": items.key(key),
            "UpdateExpression": (
                "SET st = :to, an = an + :one, ma = :most, due = :due, gk = :gk, tr = :token, "
                "h = list_append(h, :change) REMOVE er, ou, pg"
            ),
            "ConditionExpression": is_as_seen,
            "ExpressionAttributeValues": {
                ":seen": items.string(seen.status),
                ":attempt": items.number(seen.attempt),
                ":to": items.string(retried.status),
                ":one": items.number(1),
                ":most": items.number(retried.max_attempts),
                ":due": items.number(retried.next_at or 0),
                ":gk": items.string(keys.status_shard(retried.status, seen.project_id, seen.job_id, self._shards)),
                ":token": items.string(token),
                ":change": {"L": [change]},
            },
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        try:
            with failures.throttling_as_busy():
                if lock is None:
                    self._client.update_item(**update)
                else:
                    moved = self._lock_put(seen.project_id, lock)
                    self._client.transact_write_items(TransactItems=[{"Update": update}, {"Put": moved}])
        except (ClientError, BotoCoreError, errors.Busy) as error:
            outcome = _append_outcome(error, token, attribute="tr")
            if outcome is AppendOutcome.OVERTAKEN:
                outcome = self._unless_own(key, "tr", token)
            return AppendOutcome.OVERTAKEN if outcome is AppendOutcome.NUMBER_TAKEN else outcome
        return AppendOutcome.DONE

    # ---- payload ------------------------------------------------------------------------------------------------

    def get_outputs(self, job: Job) -> list[Any]:
        """See `JobStore.get_outputs`: one strong GetItem."""
        if job.outputs_token is None:
            return []
        item = self._get(keys.outputs(job.project_id, job.job_id, job.outputs_token))
        return items.outputs_from_item(item) if item else []

    def add_message(self, project_id: int, job_id: int, message: Message, seen: SeenEvent) -> bool:
        """See `JobStore.add_message`: one transaction of the message and the mark of its event."""
        item = items.message_to_item(project_id, job_id, message, seen.digest[:MESSAGE_SUFFIX])
        mark = self._seen_put(seen, message.at)
        try:
            with failures.throttling_as_busy():
                self._client.transact_write_items(
                    TransactItems=[{"Put": mark}, {"Put": {"TableName": self._table, "Item": item}}]
                )
        except (ClientError, BotoCoreError) as error:
            if failures.outcome_unknown(error):
                raise errors.Busy from error
            if not failures.failed_conditions(error):
                raise
            return False
        return True

    def list_messages(
        self, project_id: int, job_id: int, after: str | None, limit: int, *, newest_first: bool = False
    ) -> MessagePage:
        """See `JobStore.list_messages`: one Query, which ends at a megabyte by itself."""
        pk, first = keys.message(project_id, job_id, 0, "")
        last = keys.message(project_id, job_id, keys.MAX_TIME, "~")[1]
        query: QueryInputTypeDef = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
            "ExpressionAttributeValues": {
                ":pk": items.string(pk),
                ":first": items.string(first),
                ":last": items.string(last),
            },
            "ScanIndexForward": not newest_first,
            "Limit": limit,
            "ConsistentRead": True,
        }
        if after is not None:
            query["ExclusiveStartKey"] = items.key((pk, after))
        with failures.throttling_as_busy():
            page = self._client.query(**query)
        following = page["LastEvaluatedKey"]["sk"]["S"] if "LastEvaluatedKey" in page else None
        places = [item["sk"]["S"] for item in page["Items"]]
        return MessagePage([items.message_from_item(item) for item in page["Items"]], following, places)

    # ---- writing status changes ---------------------------------------------------------------------------------

    def _change(  # noqa: PLR0913  # a status change has this many parts
        self,
        key: keys.Key,
        *,
        set_: str,
        condition: str,
        change: dict[str, Any],
        values: dict[str, Any],
        remove: str = "",
        tries: int = CONFLICT_TRIES,
    ) -> dict[str, Any]:
        """Write one status change with its history entry, and return the row as it is then."""
        return self._update(
            key,
            expression=f"SET {set_}, h = list_append(h, :change)" + (f" REMOVE {remove}" if remove else ""),
            condition=condition,
            values={**values, ":change": {"L": [change]}},
            tries=tries,
        )

    def _update(
        self, key: keys.Key, *, expression: str, condition: str, values: dict[str, Any], tries: int = CONFLICT_TRIES
    ) -> dict[str, Any]:
        """Update a job's row under a condition; what proves nothing (a conflict, a lost answer) is tried again.

        Raises:
            Busy: that does not help, or DynamoDB throttles.
            ClientError: the condition failed, with the row as `ALL_OLD`.
        """
        for last_try in (False,) * (tries - 1) + (True,):
            try:
                with failures.throttling_as_busy():
                    return self._client.update_item(
                        TableName=self._table,
                        Key=items.key(key),
                        UpdateExpression=expression,
                        ConditionExpression=condition,
                        ExpressionAttributeValues=values,
                        ReturnValues="ALL_NEW",
                        ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    )["Attributes"]
            except (ClientError, BotoCoreError) as error:
                if not failures.outcome_unknown(error):
                    raise
                if last_try:
                    raise errors.Busy from error
                time.sleep(CONFLICT_WAIT_SECONDS * secrets.SystemRandom().random())
        raise AssertionError  # pragma: no cover  # the last try returns or raises

    # ---- dispatching --------------------------------------------------------------------------------------------

    def list_due(self, shard: int, after: DueJob | None, until: int, limit: int) -> list[DueJob]:
        """See `JobStore.list_due`: Queries on the status index, each of at most a megabyte."""
        return self._list_index(keys.index_partition(Status.SCHEDULED, shard), after, until, limit)

    def list_lost(self, shard: int, now: int, limit: int) -> list[DueJob]:
        """See `JobStore.list_lost`: Queries on the status index, whose time is a running job's time-out."""
        return self._list_index(keys.index_partition(Status.RUNNING, shard), None, now, limit)

    def _list_index(self, partition: str, after: DueJob | None, until: int, limit: int) -> list[DueJob]:
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
            with failures.throttling_as_busy():
                self._client.put_item(
                    TableName=self._table,
                    Item={**items.key(keys.watermark(watermark.shard)), **position},
                    ConditionExpression=is_new_or_earlier,
                    ExpressionAttributeNames={"#at": "at"},
                    ExpressionAttributeValues={":at": position["at"]},
                )
        except ClientError as error:
            if failures.code_of(error) != failures.CONDITION_FAILED:
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
        with failures.throttling_as_busy():
            self._client.put_item(
                TableName=self._table, Item={**items.key(keys.sweep_cursor()), "shard": shard, **position}
            )

    # ---- the calls ----------------------------------------------------------------------------------------------

    def _get(self, key: keys.Key) -> dict[str, Any]:
        with failures.throttling_as_busy():
            answer = self._client.get_item(TableName=self._table, Key=items.key(key), ConsistentRead=True)
        return answer.get("Item", {})

    def _query(self, query: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Walk a Query over all its pages: a page ends at its limit or at a megabyte, whichever is first."""
        while True:
            with failures.throttling_as_busy():
                page = self._client.query(TableName=self._table, **query)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            query = {**query, "ExclusiveStartKey": page["LastEvaluatedKey"]}


def _append_outcome(error: Exception, token: str, rows: int = 1, attribute: str = "tc") -> AppendOutcome:
    """What a failed write says of the rows it wanted, which are the first `rows` of its transaction.

    Raises:
        ClientError: the call itself was wrong, which trying again does not mend.
    """
    if isinstance(error, errors.Busy) or failures.outcome_unknown(error):
        return AppendOutcome.UNCERTAIN
    failed = failures.failed_conditions(error)
    if not failed:
        raise error
    of_rows = {place: item for place, item in failed.items() if place < rows}
    if any(item.get(attribute) == items.string(token) for item in of_rows.values()):
        # A retry of the client that finds its own token has already won.
        return AppendOutcome.DONE
    return AppendOutcome.NUMBER_TAKEN if of_rows else AppendOutcome.OVERTAKEN


def _start_outcome(answer: BatchStatementResponseTypeDef, token: str) -> StartOutcome:
    """What became of one statement of a batch of starts.

    Raises:
        ClientError: the statement itself was refused, which trying again does not mend.
    """
    error = answer.get("Error")
    if error is None:
        return StartOutcome.STARTED
    code = error.get("Code", "")
    if code == failures.CONDITION_CODE:
        return _not_started(error.get("Item", {}), token)
    if code in failures.PASSING_STATEMENT_ERRORS:
        return StartOutcome.UNCERTAIN
    raise ClientError({"Error": {"Code": code, "Message": error.get("Message", "")}}, "BatchExecuteStatement")


def _not_started(old: Mapping[str, Any], token: str) -> StartOutcome:
    """What the row that a start's condition saw says of the start."""
    if old.get("ts") == items.string(token):
        # A retry of the client that finds its own token has already won.
        return StartOutcome.STARTED
    return StartOutcome.NOT_DUE if old.get("st") == items.string(Status.SCHEDULED) else StartOutcome.NOT_SCHEDULED


def _report_outcome(old: dict[str, Any], attempt: Attempt, token: str | None) -> ReportOutcome:
    """What the row that a report's condition saw says of the report."""
    if not old:
        return ReportOutcome.UNKNOWN
    if token is not None and old.get("tf") == items.string(token):
        return ReportOutcome.APPLIED
    job = items.job_from_item(old)
    if attempt.number < job.attempt or not job.status.is_active:
        return ReportOutcome.STALE
    if attempt.number > job.attempt:
        return ReportOutcome.EARLY
    return ReportOutcome.EARLY if job.status is Status.SCHEDULED else ReportOutcome.REFUSED
