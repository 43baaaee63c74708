"""Moving a scheduled job to another time because a caller asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.errors import JobNotFound
from jobs.model import DueJob, JobKey
from jobs.timing.hints import announce

if TYPE_CHECKING:
    from jobs.model import Job
    from jobs.ports import Ports
    from jobs.tenants import Project


def move_job(ports: Ports, project: Project, job_id: int, start_at: int, *, by: str) -> Job:
    """Let a job that waits for its first attempt start at another time, and send a hint if that is soon.

    The hint for the time before stays in the queue. It starts nothing early: the condition of the start decides.

    Args:
        ports: the world.
        project: the job's; the caller may use it.
        job_id: its number.
        start_at: when it is to start, in milliseconds since the epoch. A time in the past means now.
        by: who asks, as `Change.by` names actors.

    Raises:
        JobNotFound: the project has no such job.
        JobNotMovable: the job has started or ended, or waits for a later attempt.
        Busy: others change the job at once, or DynamoDB throttles. Try again.
    """
    if job_id < 1:
        raise JobNotFound
    due_at = max(start_at, ports.clock.now())
    job = ports.attempts.move_job(JobKey(project.project_id, job_id), start_at, due_at, by)
    announce(ports, [DueJob(due_at, project.project_id, job_id)])
    return job
