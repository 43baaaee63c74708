"""Scheduling an ended job again because a caller asks for it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from jobs.errors import DeletionActive, JobNotFound, JobNotRetryable
from jobs.lifecycle.contention import DEADLINE, Contention
from jobs.lifecycle.deletion import look_at_lock
from jobs.model import MAX_ATTEMPTS, Change, DueJob, Job, Status
from jobs.outcomes import AppendOutcome, AppendResult
from jobs.timing.hints import announce

if TYPE_CHECKING:
    from jobs.model import DeletionLock
    from jobs.ports import Ports
    from jobs.tenants import Project


def retry_job(ports: Ports, project: Project, job_id: int, *, by: str) -> Job:
    """Schedule a failed or cancelled job again, as a new attempt that is due now.

    Raises:
        JobNotFound: the project has no such job.
        JobNotRetryable: the job is not failed or cancelled, had 20 attempts, or has lost its payload to retention.
        DeletionActive: it deletes a user who has another active deletion.
        Busy: too many changed it at once, or DynamoDB throttles. Try again.
    """
    token = ports.token()
    contention = Contention(ports, DEADLINE)
    while True:
        job = ports.jobs.get_job(project.project_id, job_id) if job_id >= 1 else None
        if job is None:
            raise JobNotFound
        _check(job)
        active, lock = look_at_lock(ports, project, job.action, job.reference_id)
        if active is not None:
            raise DeletionActive(active)
        retried = _retried(job, ports.clock.now(), by)
        moved = lock and lock._replace(job_id=job_id)
        result = contention.settle(partial(_write, ports, job, retried, token, moved))
        if result.outcome is AppendOutcome.DONE:
            break
        contention.wait()
    announce(ports, [DueJob(retried.history[-1].at, project.project_id, job_id)])
    return retried


def _write(ports: Ports, job: Job, retried: Job, token: str, lock: DeletionLock | None) -> AppendResult:
    return AppendResult(ports.attempts.retry_job(job, retried, token, lock))


def _check(job: Job) -> None:
    if job.status not in {Status.FAILED, Status.CANCELLED}:
        raise JobNotRetryable("only a failed or cancelled job can be retried")
    if job.forgotten:
        raise JobNotRetryable("the job's payload was deleted, as its project keeps it for a limited time")
    if job.attempt >= MAX_ATTEMPTS:
        raise JobNotRetryable(f"the job was attempted {MAX_ATTEMPTS} times, as often as a job may be")


def _retried(job: Job, now: int, by: str) -> Job:
    return job._replace(
        status=Status.SCHEDULED,
        next_at=now,
        attempt=job.attempt + 1,
        max_attempts=max(job.max_attempts, job.attempt + 1),
        history=(*job.history, Change(Status.SCHEDULED, now, by)),
        errors=None,
        progress=None,
        outputs_token=None,
    )
