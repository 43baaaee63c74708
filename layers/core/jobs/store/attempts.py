"""`Attempts` on DynamoDB: each status change is one conditional write, and each clause of its condition has a name.

A change writes a token of its own kind: `ts` a start, `tx` a cancel, `tf` an end, `tr` a retry, `mt` a move, which
changes no status. A second try that the client makes after a lost answer finds its own token, and so knows that the
first has won.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs import errors
from jobs.lifecycle.text import summary
from jobs.model import ACTIVE, Status
from jobs.outcomes import AppendOutcome, Failure, ReportOutcome
from jobs.store import items, keys
from jobs.store.failures import ConditionFailed
from jobs.store.jobs import lock_put
from jobs.store.starts import DynamoDBStarts
from jobs.store.table import put, update

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.model import DeletionLock, Job, JobKey
    from jobs.outcomes import Attempt, Stamp

#: What `_end_attempt` gets where nothing failed.
SUCCESS = Failure(())


class DynamoDBAttempts(DynamoDBStarts):
    """Status changes of jobs: starts, and those below."""

    def cancel_job(self, project_id: int, job_id: int, now: int, by: str, forget_at: int | None = None) -> Job:
        """See `Attempts.cancel_job`: one conditional UpdateItem. Its history says what was cancelled."""
        is_active = "st IN (:scheduled, :running)"
        # A second try after a lost answer must not cancel what a caller has retried in the meantime.
        is_not_made_yet = "(attribute_not_exists(tx) OR tx <> :token)"
        token = self._token()
        entry, no_entry, of_entry = self._last_entry((project_id, job_id), forget_at)
        try:
            item = self._change(
                keys.job(project_id, job_id),
                set_=f"st = :to, tx = :token{entry}",
                remove=f"er, pt{no_entry}",
                condition=f"{is_active} AND {is_not_made_yet}",
                change=items.change(Status.CANCELLED, now, by),
                values={
                    **{f":{status}": items.string(status) for status in ACTIVE},
                    ":to": items.string(Status.CANCELLED),
                    ":token": items.string(token),
                    **of_entry,
                },
            )
        except ConditionFailed as failed:
            item = failed.rows[0]
            if not item:
                raise errors.JobNotFound from None
            if item.get("tx") != items.string(token):
                raise errors.JobNotCancellable(items.job_from_item(item)) from None
        return items.job_from_item(item)

    def move_job(self, job: JobKey, start_at: int, due_at: int, by: str) -> Job:
        """See `Attempts.move_job`: one conditional UpdateItem. The row keeps its shard of the status index."""
        is_scheduled = "st = :scheduled"
        is_first_attempt = "an = :one"
        # A second try after a lost answer must not count, and tell, one move twice.
        is_not_made_yet = "(attribute_not_exists(mt) OR mt <> :token)"
        token = self._token()
        try:
            item = self._table.change(
                keys.job(*job),
                expression="SET sa = :start, due = :due, mt = :token, mb = :by ADD mn :one",
                condition=f"{is_scheduled} AND {is_first_attempt} AND {is_not_made_yet}",
                values={
                    ":scheduled": items.string(Status.SCHEDULED),
                    ":one": items.number(1),
                    ":start": items.number(start_at),
                    ":due": items.number(due_at),
                    ":token": items.string(token),
                    ":by": items.string(by),
                },
            )
        except ConditionFailed as failed:
            item = failed.rows[0]
            if not item:
                raise errors.JobNotFound from None
            if item.get("mt") != items.string(token):
                raise errors.JobNotMovable(items.job_from_item(item)) from None
        return items.job_from_item(item)

    def complete_job(self, attempt: Attempt, stamp: Stamp, outputs: Sequence[Any]) -> ReportOutcome:
        """See `Attempts.complete_job`: one conditional UpdateItem, after a PutItem if there are outputs.

        Nobody reads the outputs of a change that is never made, because no row refers to their token.
        """
        if outputs:
            self._table.write(put(items.outputs_to_item(attempt.project_id, attempt.job_id, stamp.token, outputs)))
        entry, no_entry, of_entry = self._last_entry(attempt[:2], stamp.forget_at)
        return self._end_attempt(
            attempt,
            Status.COMPLETED,
            stamp,
            set_="pg = :all" + (", ou = :token" if outputs else "") + entry,
            remove=f"er, pt{no_entry}",
            values={":all": items.number(100), **of_entry},
        )

    def fail_job(self, attempt: Attempt, stamp: Stamp, failure: Failure) -> ReportOutcome:
        """See `Attempts.fail_job`: one conditional UpdateItem, after a PutItem of the errors."""
        is_last_attempt = "an >= ma"
        entry, no_entry, of_entry = self._last_entry(attempt[:2], stamp.forget_at)
        return self._end_attempt(
            attempt,
            Status.FAILED,
            stamp,
            set_=f"er = :errors{entry}",
            remove=f"pt{no_entry}",
            condition=[is_last_attempt] if failure.retryable else [],
            values={":errors": {"L": [items.string(error) for error in failure.errors]}, **of_entry},
            failure=failure,
        )

    def back_off_job(self, attempt: Attempt, stamp: Stamp, due: int, failure: Failure) -> ReportOutcome:
        """See `Attempts.back_off_job`: one conditional UpdateItem, after a PutItem of the errors.

        The row keeps only a summary of them, because every further change of the job pays for it.
        """
        attempts_are_left = "an < ma"
        shard = self._shard(Status.SCHEDULED, attempt[:2])
        return self._end_attempt(
            attempt,
            Status.SCHEDULED,
            stamp,
            set_="an = an + :one, due = :due, gk = :gk, er = :errors",
            remove="pg, pt",
            condition=[attempts_are_left],
            values={
                ":one": items.number(1),
                ":due": items.number(due),
                ":gk": items.string(shard),
                ":errors": {"L": [items.string(summary(failure.errors))]},
            },
            failure=failure,
        )

    def note_progress(self, attempt: Attempt, progress: int, at: int, timeout_at: int | None) -> ReportOutcome:
        """See `Attempts.note_progress`: one conditional UpdateItem, no status change and no history.

        `due` alone is in the index. A write that leaves it as it is costs a third of one that moves it.
        """
        is_running = "st = :running"
        is_this_attempt = "an = :attempt"
        progress_does_not_fall = "(attribute_not_exists(pg) OR pg <= :progress)"
        time_out_does_not_fall = "due <= :due"
        expression = "SET pg = :progress, pt = :at"
        clauses = [is_running, is_this_attempt, progress_does_not_fall]
        values = {
            ":running": items.string(Status.RUNNING),
            ":attempt": items.number(attempt.number),
            ":progress": items.number(progress),
            ":at": items.number(at),
        }
        if timeout_at is not None:
            expression += ", due = :due"
            clauses.append(time_out_does_not_fall)
            values[":due"] = items.number(timeout_at)
        try:
            self._table.change(
                keys.job(attempt.project_id, attempt.job_id),
                expression=expression,
                condition=" AND ".join(clauses),
                values=values,
            )
        except ConditionFailed as failed:
            return _report_outcome(failed.rows[0], attempt)
        return ReportOutcome.APPLIED

    def retry_job(self, seen: Job, retried: Job, token: str, lock: DeletionLock | None) -> AppendOutcome:
        """See `Attempts.retry_job`: one conditional Update, in a transaction if a lock moves with it."""
        is_as_seen = "st = :seen AND an = :attempt"
        is_whole = "attribute_not_exists(fg)"
        key = keys.job(seen.project_id, seen.job_id)
        retry = update(
            key,
            "SET st = :to, an = an + :one, ma = :most, due = :due, gk = :gk, tr = :token, "
            "h = list_append(h, :change) REMOVE er, ou, pg",
            f"{is_as_seen} AND {is_whole}",
            ExpressionAttributeValues={
                ":seen": items.string(seen.status),
                ":attempt": items.number(seen.attempt),
                ":to": items.string(retried.status),
                ":one": items.number(1),
                ":most": items.number(retried.max_attempts),
                ":due": items.number(retried.next_at or 0),
                ":gk": items.string(self._shard(retried.status, (seen.project_id, seen.job_id))),
                ":token": items.string(token),
                ":change": {"L": [items.change(*retried.history[-1])]},
            },
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        try:
            self._table.write(retry, *([lock_put(seen.project_id, lock)] if lock is not None else []))
        except errors.Busy:
            return AppendOutcome.UNCERTAIN
        except ConditionFailed as failed:
            # A conflict on the row can hide the token there, while the lock beside it is this retry's own.
            row = failed.rows[0] if 0 in failed.rows else self._table.get(key)
            return AppendOutcome.DONE if row.get("tr") == items.string(token) else AppendOutcome.OVERTAKEN
        return AppendOutcome.DONE

    def _last_entry(self, job: tuple[int, int], forget_at: int | None) -> tuple[str, str, dict[str, Any]]:
        """What an end sets and removes of the job's entry in the status index, and the values for that.

        The job leaves the index, unless something of it is to be forgotten.
        """
        if forget_at is None:
            return "", ", gk, due", {}
        values = {":gk": items.string(self._shard(keys.REDACT, job)), ":forget": items.number(forget_at)}
        return ", gk = :gk, due = :forget", "", values

    def _end_attempt(  # noqa: PLR0913  # a status change has this many parts
        self,
        attempt: Attempt,
        to: Status,
        stamp: Stamp,
        *,
        set_: str,
        remove: str,
        values: dict[str, Any],
        condition: Sequence[str] = (),
        failure: Failure = SUCCESS,
    ) -> ReportOutcome:
        """End a running attempt. All ways to end one share the token attribute `tf`.

        As with outputs, nobody reads the errors of a change that is never made.
        """
        if failure.errors:
            self._table.write(put(items.evidence_to_item(attempt, stamp.token, failure.errors)))
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
        if failure.lost:
            time_out_has_passed = "due <= :now"
            clauses.append(time_out_has_passed)
            values[":now"] = items.number(stamp.at)
        try:
            self._change(
                keys.job(attempt.project_id, attempt.job_id),
                set_=f"st = :to, tf = :token, {set_}",
                remove=remove,
                condition=" AND ".join(clauses),
                change=items.change(to, stamp.at, stamp.by, stamp.token if failure.errors else None),
                values=values,
            )
        except ConditionFailed as failed:
            return _report_outcome(failed.rows[0], attempt, stamp.token)
        return ReportOutcome.APPLIED


def _report_outcome(old: items.Item, attempt: Attempt, token: str | None = None) -> ReportOutcome:
    """What the row that a report's condition saw says about the report."""
    if token is not None and old.get("tf") == items.string(token):
        return ReportOutcome.APPLIED
    return attempt.refusal(items.job_from_item(old) if old else None) or ReportOutcome.REFUSED
