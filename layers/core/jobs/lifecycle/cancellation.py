"""Cancelling jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.errors import JobNotFound

if TYPE_CHECKING:
    from jobs.model import Job
    from jobs.ports import Ports
    from jobs.tenants import Project


def cancel_job(ports: Ports, project: Project, job_id: int, *, by: str) -> Job:
    """Cancel a job that is scheduled or running, by one conditional write.

    Raises:
        JobNotFound: the project has no such job.
        JobNotCancellable: the job has already ended.
    """
    if job_id < 1:
        raise JobNotFound
    now = ports.clock.now()
    return ports.attempts.cancel_job(project.project_id, job_id, now, by, project.retention.first_due(now))
