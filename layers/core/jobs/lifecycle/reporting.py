"""What workers report about an attempt: progress, completion, failure, messages. And what a failed attempt leads to.

A report is about one attempt. It changes nothing once the job has ended or the attempt is over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.model import DELETE_USER_DATA, HOUR, SECOND, DueJob
from jobs.outcomes import Attempt, ReportOutcome, Stamp
from jobs.tenants import KEEP_EVERYTHING
from jobs.timing.hints import announce

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from jobs.model import Job, JobKey, Message, SeenEvent
    from jobs.outcomes import Failure
    from jobs.ports import Ports
    from jobs.tenants import Retention

#: The second attempt is due within this. The window doubles with each further attempt, up to an hour.
MIN_BACK_OFF = 4 * SECOND
MAX_BACK_OFF = HOUR
#: The time-out moves on at most this often, or four times within a shorter one: that costs as much as a status change.
MAX_TIMEOUT_GAP = 30 * SECOND
#: Progress alone costs a third of that. It is written at most this often, and whenever it enters another quarter.
PROGRESS_GAP = 10 * SECOND
QUARTER = 25
#: Messages are taken until this long after the end, because they may still be under way when the last report arrives.
MESSAGES_AFTER_END = HOUR


def complete(
    ports: Ports, attempt: Attempt, *, by: str, outputs: Sequence[Any] = (), retention: Retention = KEEP_EVERYTHING
) -> ReportOutcome:
    """Take the report that an attempt is done, and what it has put out.

    Outputs are stored before the change that refers to them, so a look first tells whether the change can happen.
    A look also tells whether the job has deleted a user: where the project forgets, that user's jobs are due at once.
    """
    stamp = stamp_of(ports, by, retention)
    if outputs or retention.is_on:
        job = ports.jobs.get_job(attempt.project_id, attempt.job_id)
        refusal = attempt.refusal(job)
        if refusal is not None:
            return refusal
        if retention.is_on and job is not None and job.action == DELETE_USER_DATA:
            stamp = stamp._replace(forget_at=stamp.at)
    return ports.attempts.complete_job(attempt, stamp, outputs)


def fail(
    ports: Ports, attempt: Attempt, failure: Failure, *, by: str, retention: Retention = KEEP_EVERYTHING
) -> ReportOutcome:
    """Take the report that an attempt failed: the next one is scheduled, or the job has failed for good."""
    job = ports.jobs.get_job(attempt.project_id, attempt.job_id)
    refusal = attempt.refusal(job)
    if job is None or refusal is not None:
        return refusal or ReportOutcome.UNKNOWN
    return end_attempt(ports, job, attempt, failure, stamp_of(ports, by, retention))


def end_attempt(ports: Ports, job: Job, attempt: Attempt, failure: Failure, stamp: Stamp) -> ReportOutcome:
    """End an attempt that failed or was lost: back off if attempts are left, otherwise fail the job.

    `job` suggests which of the two. The condition of the write decides. The errors are stored before the write that
    refers to them, so callers look first whether it can happen.
    """
    if attempt.number >= job.max_attempts or not failure.retryable:
        return ports.attempts.fail_job(attempt, stamp, failure)
    wait = back_off_window(attempt.number) * ports.random()
    due = stamp.at + (round(wait) if failure.retry_after is None else failure.retry_after * SECOND)
    outcome = ports.attempts.back_off_job(attempt, stamp, due, failure)
    if outcome is ReportOutcome.APPLIED:
        announce(ports, [DueJob(due, job.project_id, job.job_id)])
    return outcome


def back_off_window(attempt: int) -> int:
    """Within how many milliseconds the next attempt is due. Chance picks the moment (full jitter, decision 0012)."""
    return min(MAX_BACK_OFF, MIN_BACK_OFF << (attempt - 1))


def note_progress(ports: Ports, attempt: Attempt, progress: int | None, at: int) -> ReportOutcome:
    """Take the report that an attempt was alive at the time `at`, and how far it is, if that is known.

    What is written, and when, is in decision 0031. The time of sending counts, so a report that comes late or twice
    does not keep an attempt alive.
    """
    job = ports.jobs.get_job(attempt.project_id, attempt.job_id)
    refusal = attempt.refusal(job)
    if job is None or job.timeout_at is None or refusal is not None:
        return refusal or ReportOutcome.UNKNOWN
    at = min(at, ports.clock.now())
    timeout = job.timeout_seconds * SECOND
    moves_on = at + timeout - job.timeout_at >= min(MAX_TIMEOUT_GAP, timeout // 4)
    reached = max(progress or 0, job.progress or 0)
    if not moves_on and not _is_news(job, reached, at):
        return ReportOutcome.APPLIED
    outcome = ports.attempts.note_progress(attempt, reached, at, at + timeout if moves_on else None)
    # Refused means overtaken by a report that was further.
    return ReportOutcome.APPLIED if outcome is ReportOutcome.REFUSED else outcome


def _is_news(job: Job, reached: int, at: int) -> bool:
    """Whether callers are to see how far an attempt is by now."""
    if job.progress is None or job.progress_at is None:
        return True
    is_further = reached > job.progress
    return reached // QUARTER > job.progress // QUARTER or (is_further and at - job.progress_at >= PROGRESS_GAP)


def add_message(ports: Ports, about: JobKey | Attempt, message: Message, seen: SeenEvent) -> ReportOutcome:
    """Take what a worker says about a job, or about an attempt if it is the last one.

    Nothing is taken about a job that ended over an hour ago, or lost its payload.
    """
    job = ports.jobs.get_job(about.project_id, about.job_id)
    if job is None:
        return ReportOutcome.UNKNOWN
    if job.forgotten or (isinstance(about, Attempt) and about.number != job.attempt):
        return ReportOutcome.STALE
    if job.finished_at is not None and ports.clock.now() - job.finished_at > MESSAGES_AFTER_END:
        return ReportOutcome.STALE
    was_new = ports.payload.add_message(about.project_id, about.job_id, message, seen)
    return ReportOutcome.APPLIED if was_new else ReportOutcome.STALE


def stamp_of(ports: Ports, by: str, retention: Retention) -> Stamp:
    """The stamp of a change that is made now, and that may end a job of a project with this retention."""
    now = ports.clock.now()
    return Stamp(now, by, ports.token(), retention.first_due(now))
