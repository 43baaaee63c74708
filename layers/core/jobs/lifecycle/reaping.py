"""Ending attempts whose worker was lost: no report came before the time-out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.errors import Busy
from jobs.lifecycle.reporting import end_attempt
from jobs.model import BY_SERVICE, MINUTE, SECOND, Status
from jobs.outcomes import Attempt, ReportOutcome

if TYPE_CHECKING:
    from jobs.model import DueJob
    from jobs.ports import Ports, TimeLeft

#: Jobs that one run looks at in one shard. The next run takes the rest.
SHARD_SIZE = 500
#: Milliseconds that ending one attempt may take.
JOB_TIME = 10 * SECOND


def reap(ports: Ports, shards: int, has_time: TimeLeft) -> int:
    """End every running attempt whose time-out has passed: schedule the next attempt, or fail the job.

    Args:
        ports: the world.
        shards: how many write shards the status index has.
        has_time: the time left to this run.

    Returns:
        How many attempts were ended.
    """
    count = 0
    now = ports.clock.now()
    for offset in range(shards):
        # Each minute begins with another shard, so that no shard is always last when a run ends early.
        shard = (now // MINUTE + offset) % shards
        for row in _list_lost(ports, shard, now):
            if not has_time(JOB_TIME):
                return count
            try:
                outcome = _end(ports, row)
            except Busy:
                ports.meter.count("ReapThrottled")
                continue
            if outcome is ReportOutcome.APPLIED:
                ports.meter.count("AttemptLost")
                count += 1
    return count


def _list_lost(ports: Ports, shard: int, now: int) -> list[DueJob]:
    try:
        return ports.due.list_lost(shard, now, SHARD_SIZE)
    except Busy:
        ports.meter.count("ReapThrottled")
        return []


def _end(ports: Ports, row: DueJob) -> ReportOutcome:
    job = ports.jobs.get_job(row.project_id, row.job_id)
    if job is None or job.status is not Status.RUNNING:
        return ReportOutcome.STALE  # the index lags: the attempt has already ended
    attempt = Attempt(job.project_id, job.job_id, job.attempt)
    sentence = f"attempt {job.attempt} of {job.max_attempts} timed out (timeoutSeconds {job.timeout_seconds})"
    return end_attempt(ports, job, attempt, by=BY_SERVICE, errors=[sentence], lost=True)
