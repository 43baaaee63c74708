"""What workers report of an attempt: progress, completion, failure, messages. Also what becomes of a failed attempt.

A report is about one attempt. Of a job that has ended, or of an attempt that is over, it changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.lifecycle.creation import announce
from jobs.model import HOUR, SECOND, DueJob, Status
from jobs.ports import ReportOutcome, Stamp

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from jobs.model import Job, Message, SeenEvent
    from jobs.ports import Attempt, Ports

#: The attempt after the first is due within this at the latest, doubled for each further one, at most an hour.
MIN_BACK_OFF = 4 * SECOND
MAX_BACK_OFF = HOUR
#: Progress is written at most this often, or four times within a shorter time-out: it is paid like a status change.
MAX_PROGRESS_GAP = 30 * SECOND
#: Messages are taken until this long after the end: they may be under way when the last report arrives.
MESSAGES_AFTER_END = HOUR


def complete(ports: Ports, attempt: Attempt, *, by: str, outputs: Sequence[Any] = ()) -> ReportOutcome:
    """Take the report that an attempt is done, with what it has put out.

    Outputs are put before the change that refers to them, so it is looked first whether there will be one.
    """
    if outputs:
        why_not = _why_not(ports.store.get_job(attempt.project_id, attempt.job_id), attempt)
        if why_not is not None:
            return why_not
    return ports.store.complete_job(attempt, _stamp(ports, by), outputs)


def fail(ports: Ports, attempt: Attempt, *, by: str, errors: Sequence[str]) -> ReportOutcome:
    """Take the report that an attempt has failed: the next is scheduled, or the job has failed for good."""
    job = ports.store.get_job(attempt.project_id, attempt.job_id)
    if job is None:
        return ReportOutcome.UNKNOWN
    return end_attempt(ports, job, attempt, by=by, errors=errors, lost=False)


def end_attempt(  # noqa: PLR0913  # a failing worker and the reaper share all of it
    ports: Ports, job: Job, attempt: Attempt, *, by: str, errors: Sequence[str], lost: bool
) -> ReportOutcome:
    """End an attempt that failed or was lost: back off where attempts are left, else fail the job.

    Which of the two is read off `job`; the condition of the write decides.
    """
    stamp = _stamp(ports, by)
    if attempt.number >= job.max_attempts:
        return ports.store.fail_job(attempt, stamp, errors, lost=lost)
    due = stamp.at + round(back_off_window(attempt.number) * ports.random())
    report = ports.store.back_off_job(attempt, stamp, due, lost=lost)
    if report is ReportOutcome.APPLIED:
        announce(ports, [DueJob(due, job.project_id, job.job_id)])
    return report


def back_off_window(attempt: int) -> int:
    """Within how many milliseconds the attempt after this one is due; when exactly is chance (full jitter)."""
    return min(MAX_BACK_OFF, MIN_BACK_OFF << (attempt - 1))


def note_progress(ports: Ports, attempt: Attempt, progress: int, at: int) -> ReportOutcome:
    """Take the report that an attempt was alive at the time `at`, and how far it is: it moves the time-out on.

    The first of an attempt is written, then one for each gap; the others are only looked at. A report that comes late,
    or again, moves nothing on: what counts is when it was sent.
    """
    job = ports.store.get_job(attempt.project_id, attempt.job_id)
    why_not = _why_not(job, attempt)
    if job is None or job.timeout_at is None or why_not is not None:
        return why_not or ReportOutcome.UNKNOWN
    timeout = job.timeout_seconds * SECOND
    timeout_at = max(job.timeout_at, min(at, ports.clock.now()) + timeout)
    moved_on = timeout_at - job.timeout_at
    if job.progress is not None and moved_on < min(MAX_PROGRESS_GAP, timeout // 4):
        return ReportOutcome.APPLIED
    report = ports.store.note_progress(attempt, timeout_at, max(progress, job.progress or 0))
    # Overtaken by a report that was further: that one has moved the time-out on.
    return ReportOutcome.APPLIED if report is ReportOutcome.REFUSED else report


def _why_not(job: Job | None, attempt: Attempt) -> ReportOutcome | None:
    """Why a report of an attempt changes nothing, as far as reading tells; None where it may."""
    if job is None:
        return ReportOutcome.UNKNOWN
    if attempt.number < job.attempt or not job.status.is_active:
        return ReportOutcome.STALE
    return ReportOutcome.EARLY if attempt.number > job.attempt or job.status is Status.SCHEDULED else None


def add_message(ports: Ports, project_id: int, job_id: int, message: Message, seen: SeenEvent) -> ReportOutcome:
    """Take what a worker says; of a job that ended an hour ago nothing is taken any more."""
    job = ports.store.get_job(project_id, job_id)
    if job is None:
        return ReportOutcome.UNKNOWN
    if job.finished_at is not None and ports.clock.now() - job.finished_at > MESSAGES_AFTER_END:
        return ReportOutcome.STALE
    return ReportOutcome.APPLIED if ports.store.add_message(project_id, job_id, message, seen) else ReportOutcome.STALE


def _stamp(ports: Ports, by: str) -> Stamp:
    return Stamp(ports.clock.now(), by, ports.token())
