"""Ending attempts whose worker was lost: no report came before the time-out."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from jobs.errors import Busy
from jobs.lifecycle.reporting import end_attempt, stamp_of
from jobs.model import BY_SERVICE, SECOND
from jobs.outcomes import Attempt, Failure, ReportOutcome
from jobs.tenants import KEEP_EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jobs.model import DueJob
    from jobs.ports import Ports, TimeLeft

#: Rows that a run reads over all shards before it ends the first attempt. The next run reads what is left.
MAX_READ = 150_000
#: Attempts that are ended between two looks at the time.
SLICE = 64
#: Milliseconds that a slice may take.
SLICE_TIME = 10 * SECOND


def reap(ports: Ports, shards: int, has_time: TimeLeft) -> int:
    """End running attempts whose time-out has passed: schedule the next attempt, or fail the job.

    The projects take turns, so that no project waits for another's herd of lost attempts.

    Args:
        ports: the world.
        shards: how many write shards the status index has.
        has_time: the time left to this run.

    Returns:
        How many attempts were ended.
    """
    now = ports.clock.now()
    found = ports.parallel(lambda shard: _list_lost(ports, shard, now, MAX_READ // shards), range(shards))
    turns = in_turns(row for rows in found for row in rows)
    if turns:
        ports.meter.milliseconds("ReapLag", now - min(row.due_at for row in turns))
    count = 0
    for first in range(0, len(turns), SLICE):
        if not has_time(SLICE_TIME):
            break
        ended = ports.parallel(lambda row: _end_if_lost(ports, row), turns[first : first + SLICE])
        count += sum(outcome is ReportOutcome.APPLIED for outcome in ended)
    if count:
        ports.meter.count("AttemptLost", count)
    return count


def in_turns(rows: Iterable[DueJob]) -> list[DueJob]:
    """Order rows so that the projects take turns, each with the row that is overdue for longest."""
    turns: Counter[int] = Counter()
    places: list[tuple[int, DueJob]] = []
    for row in sorted(rows):
        places.append((turns[row.project_id], row))
        turns[row.project_id] += 1
    return [row for _, row in sorted(places)]


def _list_lost(ports: Ports, shard: int, now: int, limit: int) -> list[DueJob]:
    try:
        return ports.due.list_lost(shard, now, limit)
    except Busy:
        ports.meter.count("ReapThrottled")
        return []


def _end_if_lost(ports: Ports, row: DueJob) -> ReportOutcome | None:
    try:
        return _end(ports, row)
    except Busy:
        ports.meter.count("ReapThrottled")
        return None


def _end(ports: Ports, row: DueJob) -> ReportOutcome:
    job = ports.jobs.get_job(row.project_id, row.job_id)
    if job is None or job.timeout_at is None or job.timeout_at > ports.clock.now():
        return ReportOutcome.STALE  # the index lags: the attempt has already ended, or was heard of
    attempt = Attempt(job.project_id, job.job_id, job.attempt)
    sentence = f"attempt {job.attempt} of {job.max_attempts} timed out (timeoutSeconds {job.timeout_seconds})"
    project = ports.directory.get_project(job.project_id)
    retention = project.retention if project is not None else KEEP_EVERYTHING
    stamp = stamp_of(ports, BY_SERVICE, retention)
    return end_attempt(ports, job, attempt, Failure([sentence], lost=True), stamp)
