"""Ending attempts whose worker was lost: no report came before the time-out."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from jobs.lifecycle.reporting import end_attempt, stamp_of
from jobs.lifecycle.turns import Watch, take_turns
from jobs.model import BY_SERVICE
from jobs.outcomes import Attempt, Failure, ReportOutcome
from jobs.tenants import KEEP_EVERYTHING

if TYPE_CHECKING:
    from jobs.model import DueJob
    from jobs.ports import Ports, TimeLeft


def reap(ports: Ports, shards: int, has_time: TimeLeft) -> int:
    """End running attempts whose time-out has passed: schedule the next attempt, or fail the job.

    Args:
        ports: the world.
        shards: how many write shards the status index has.
        has_time: the time left to this run.

    Returns:
        How many attempts were ended.
    """
    watch = Watch(
        lambda lag: ports.meter.milliseconds("ReapLag", lag),
        lambda: ports.meter.count("ReapThrottled"),
    )
    ended = take_turns(ports, shards, ports.due.list_lost, partial(_end, ports), has_time=has_time, watch=watch)
    count = sum(outcome is ReportOutcome.APPLIED for outcome in ended)
    if count:
        ports.meter.count("AttemptLost", count)
    return count


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
