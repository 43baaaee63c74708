"""Entering old jobs into the index when a project's retention is set: a walk from the first job to the newest.

A job that ends later enters by itself. So the walk waits until no function can believe the retention of before. What it
finds active then needs no entry.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from jobs.errors import Busy
from jobs.forgetting.redacting import LATE, has_deleted_its_user, times_of
from jobs.lifecycle.deletion import person_of
from jobs.model import MINUTE, SECOND, Forgotten

if TYPE_CHECKING:
    from jobs.forgetting.ports import ForgettingPorts, RetentionWalk
    from jobs.model import Job
    from jobs.ports import TimeLeft
    from jobs.tenants import Project

#: How long a function may believe the row of a project that it has read: the longest `CredentialCacheSeconds`, and the
#: longest invocation of one that creates or ends jobs.
SETTLED = 6 * MINUTE
#: Jobs that are entered between two looks at the time, and milliseconds that this may take.
STEP = 100
STEP_TIME = 5 * SECOND
#: Milliseconds of a run that forgetting leaves to walks, so that no herd of due jobs stops them.
KEPT_FOR_WALKS = 10 * SECOND
#: How often a job is looked at again that others change at once.
TRIES = 3


def walk(ports: ForgettingPorts, has_time: TimeLeft) -> int:
    """Go on with all walks that have settled, a step of each in turn, while there is time.

    Returns:
        How many jobs were looked at.
    """
    settled = ports.clock.now() - SETTLED
    walks = [each for each in ports.forgetting.list_walks() if each.at <= settled]
    count = 0
    while walks:
        following = []
        for each in walks:
            if not has_time(STEP_TIME):
                return count
            looked, onward = _step(ports, each)
            count += looked
            if onward is not None:
                following.append(onward)
        walks = following
    return count


def _step(ports: ForgettingPorts, walk: RetentionWalk) -> tuple[int, RetentionWalk | None]:
    """Look at the next jobs of a project; return how many, and the walk as it goes on, None at its end.

    A walk that is throttled goes on in the next run.
    """
    project = ports.directory.get_project(walk.project_id)
    if project is None or not project.retention.is_on:
        ports.forgetting.move_walk(walk, None)
        return 0, None
    jobs = ports.jobs.list_jobs(walk.project_id, walk.next, walk.next + STEP - 1)
    try:
        ports.parallel(partial(_enter, ports, project), jobs)
    except Busy:
        ports.meter.count("ForgetThrottled")
        return 0, None
    onward = walk.next + STEP if len(jobs) == STEP else None
    moved = ports.forgetting.move_walk(walk, onward)
    return len(jobs), walk._replace(next=onward) if moved and onward is not None else None


def _enter(ports: ForgettingPorts, project: Project, job: Job) -> None:
    """Let an old job be found by its person, and if it has ended, be forgotten when its time comes.

    Raises:
        Busy: DynamoDB throttles, or others change the job again and again.
    """
    found: Job | None = job
    for _ in range(TRIES):
        if found is None or _is_entered(found, ports.clock.now()):
            return
        due = found.next_at if found.status.is_active else _due(project, found)
        person = person_of(project, found.reference_id)
        if (due == found.next_at and not person) or ports.forgetting.enter_job(found, due, person):
            return
        found = ports.jobs.get_job(job.project_id, job.job_id)
    raise Busy


def _is_entered(job: Job, now: int) -> bool:
    """Whether nothing is left to forget, or the job waits for a last look at what came late."""
    return job.forgotten is Forgotten.REDACTED or (bool(job.forgotten) and now < (job.finished_at or 0) + LATE)


def _due(project: Project, job: Job) -> int | None:
    if has_deleted_its_user(job):
        return job.finished_at
    return min(times_of(job, project.retention).values(), default=None)
