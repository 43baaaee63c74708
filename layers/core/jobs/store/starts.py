"""Starting jobs on DynamoDB: many by one call, or one alone. Each start is one conditional write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from jobs import errors
from jobs.model import BY_SERVICE, Status
from jobs.outcomes import StartOutcome
from jobs.store import failures, items, keys
from jobs.store.failures import ConditionFailed
from jobs.store.table import CONFLICT_TRIES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mypy_boto3_dynamodb.type_defs import BatchStatementRequestTypeDef, BatchStatementResponseTypeDef

    from jobs.model import JobKey
    from jobs.store.table import Table


class DynamoDBStarts:
    """Starts of the jobs in a table whose status index has `shards` write shards.

    They go out in batches of `start_batch`; DynamoDB takes at most 25. With 1, each start is an UpdateItem.
    """

    def __init__(self, table: Table, shards: int, token: Callable[[], str], start_batch: int = 1) -> None:
        self._table = table
        self._shards = shards
        self._token = token
        self._start_batch = start_batch

    def start_jobs(self, jobs: Sequence[JobKey], now: int) -> list[StartOutcome]:
        """See `Attempts.start_jobs`: a BatchExecuteStatement for each batch, an UpdateItem for a job that is alone."""
        outcomes: list[StartOutcome] = []
        for first in range(0, len(jobs), self._start_batch):
            batch = jobs[first : first + self._start_batch]
            outcomes += self._start_together(batch, now) if len(batch) > 1 else [self._start_alone(batch[0], now)]
        return outcomes

    def _start_together(self, jobs: Sequence[JobKey], now: int) -> list[StartOutcome]:
        """Start jobs by one call. Each statement is one conditional write and succeeds or fails by itself."""
        is_scheduled = "st = ?"
        is_due = "due <= ?"
        # Computed values are written out, in the forms that DynamoDB's documentation shows; the rest are parameters.
        change = f"[['{Status.RUNNING}', {now}, '{BY_SERVICE}']]"
        statement = (
            f'UPDATE "{self._table.name}" SET st = ? SET gk = ? SET ts = ? SET due = tm + {now} '  # noqa: S608  # no part of it comes from outside
            f"SET h = list_append(h, {change}) WHERE pk = ? AND sk = ? AND {is_scheduled} AND {is_due}"
        )
        tokens = [self._token() for _ in jobs]
        statements: list[BatchStatementRequestTypeDef] = []
        for job, token in zip(jobs, tokens, strict=True):
            set_to = [items.string(Status.RUNNING), items.string(self._shard(Status.RUNNING, job)), items.string(token)]
            where = [*map(items.string, keys.job(*job)), items.string(Status.SCHEDULED), items.number(now)]
            statements.append(
                {
                    "Statement": statement,
                    "Parameters": [*set_to, *where],
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                }
            )
        try:
            answers = self._table.execute(statements)
        except errors.Busy:
            return [StartOutcome.UNCERTAIN] * len(jobs)
        return [_start_outcome(answer, token) for answer, token in zip(answers, tokens, strict=True)]

    def _start_alone(self, job: JobKey, now: int) -> StartOutcome:
        """Start a job by one conditional UpdateItem. DynamoDB adds the row's time-out to the time.

        As in a batch, only the client tries again here. The use case knows how much time is left for another try.
        """
        is_scheduled = "st = :scheduled"
        is_due = "due <= :now"
        token = self._token()
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
                    ":gk": items.string(self._shard(Status.RUNNING, job)),
                    ":token": items.string(token),
                },
                tries=1,
            )
        except errors.Busy:
            return StartOutcome.UNCERTAIN
        except ConditionFailed as failed:
            return _not_started(failed.rows[0], token)
        return StartOutcome.STARTED

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
    ) -> items.Item:
        """Write one status change with its history entry, and return the row as it is then."""
        return self._table.change(
            key,
            expression=f"SET {set_}, h = list_append(h, :change)" + (f" REMOVE {remove}" if remove else ""),
            condition=condition,
            values={**values, ":change": {"L": [change]}},
            tries=tries,
        )

    def _shard(self, status: str, job: tuple[int, int]) -> str:
        return keys.status_shard(status, *job, self._shards)


def _start_outcome(answer: BatchStatementResponseTypeDef, token: str) -> StartOutcome:
    """What became of one statement of a batch of starts.

    Raises:
        ClientError: the statement itself was refused. Another try would not help.
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
    """What the row that a start's condition saw says about the start."""
    if old.get("ts") == items.string(token):
        # A second try of the client that finds its own token has won with its first.
        return StartOutcome.STARTED
    return StartOutcome.NOT_DUE if old.get("st") == items.string(Status.SCHEDULED) else StartOutcome.NOT_SCHEDULED
