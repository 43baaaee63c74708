"""Ending attempts whose worker was lost: no report came before the time-out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.errors import Busy
from jobs.lifecycle.reporting import end_attempt
from jobs.model import BY_SERVICE, MINUTE, Status
from jobs.ports import Attempt, ReportOutcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.model import DueJob
    from jobs.ports import Ports

#: Jobs that one run looks at in one shard; what is left is the next run's.
SHARD_SIZE = 500


def reap(ports: Ports, shards: int, has_time: Callable[[], bool]) -> int:
    """End every running attempt whose time-out has passed: the next attempt, or failed where none is left.

    Args:
        ports: the world.
        shards: how many write shards the status index has.
        has_time: whether there is time for another job.

    Returns:
        How many attempts were ended.
    """
    count = 0
    now = ports.clock.now()
    for offset in range(shards):
        # Another shard is first each minute: where so many are lost that a run ends early, none is always last.
        shard = (now // MINUTE + offset) % shards
        for row in _list_lost(ports, shard, now):
            if not has_time():
                return count
            try:
                report = _end(ports, row)
            except Busy:
                ports.meter.count("ReapThrottled")
                continue
            if report is ReportOutcome.APPLIED:
                ports.meter.count("AttemptLost")
                count += 1
    return count


def _list_lost(ports: Ports, shard: int, now: int) -> list[DueJob]:
    try:
        return ports.store.list_lost(shard, now, SHARD_SIZE)
    except Busy:
        ports.meter.count("ReapThrottled")
        return []


def _end(ports: Ports, row: DueJob) -> ReportOutcome:
    job = ports.store.get_job(row.project_id, row.job_id)
    if job is None or job.status is not Status.RUNNING:
        return ReportOutcome.STALE  # the index lags: the attempt has ended already
    attempt = Attempt(job.project_id, job.job_id, job.attempt)
    sentence = f"attempt {job.attempt} of {job.max_attempts} timed out (timeoutSeconds {job.timeout_seconds})"
    return end_attempt(ports, job, attempt, by=BY_SERVICE, errors=[sentence], lost=True)
