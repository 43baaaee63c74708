"""Forgetting ended jobs: their payload is deleted, and later what names people is replaced by a tag.

The row, its number, its status and its times stay: numbers stay dense, and pages stay jumps. One conditional write says
that the payload goes, before any of it goes. From then on nobody retries the job, so nothing can need the payload
again, and the rest is done over and over until it is done.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from jobs.artifacts.model import files_of
from jobs.erasure.ports import SessionsRefused
from jobs.errors import Busy
from jobs.lifecycle.deletion import lock_digest
from jobs.lifecycle.turns import Watch, take_turns
from jobs.model import DAY, DELETE_USER_DATA, HOUR, REDACTED, SECOND, Forgotten, Status

if TYPE_CHECKING:
    from jobs.erasure.ports import SessionStore
    from jobs.forgetting.ports import ForgettingPorts
    from jobs.model import DueJob, Job
    from jobs.ports import TimeLeft
    from jobs.tenants import Project, Retention

#: Hexadecimal digits of the tag of a person: as many as no two people of a project share by chance.
TAG_DIGITS = 16
#: Rows of a payload that are deleted between two looks at the time, and milliseconds that this may take.
BATCH = 100
BATCH_TIME = 5 * SECOND
#: Jobs of one deleted user that one run redacts; the next one goes on.
MAX_OF_USER = 500
#: Objects of artifacts that are deleted by one call.
OBJECTS = 1_000
#: How long after the end something may still arrive: messages for an hour, and files whose upload began in time. What
#: is forgotten sooner is looked at once more.
LATE = 2 * HOUR


class Plan(NamedTuple):
    """How much of a job is to be forgotten now, and when there is more to do; None if never."""

    level: Forgotten
    following: int | None


def redact(ports: ForgettingPorts, shards: int, has_time: TimeLeft) -> int:
    """Forget what is due of ended jobs.

    Args:
        ports: the world.
        shards: how many write shards the status index has.
        has_time: the time left to this run. The next run does the rest.

    Returns:
        How many jobs lost all that was due.
    """
    find = ports.forgetting.list_forgettable
    work = partial(_forget_due, ports, has_time)
    watch = Watch(
        lambda lag: ports.meter.milliseconds("ForgetLag", lag),
        lambda: ports.meter.count("ForgetThrottled"),
    )
    count = sum(take_turns(ports, shards, find, work, has_time=has_time, watch=watch))
    if count:
        ports.meter.count("JobForgotten", count)
    return count


def tag_of(project: Project, text: str) -> str:
    """What stands in the place of a reference or an owner: the same for the same person of a project."""
    return f"{REDACTED}:{lock_digest(project, text)[:TAG_DIGITS]}"


def plan(job: Job, retention: Retention, now: int, least: Forgotten = Forgotten.NOTHING) -> Plan:
    """What a retention wants of an ended job at a time, and at least so much. What was forgotten never comes back."""
    times = times_of(job, retention)
    level = max([least, job.forgotten, *(level for level, at in times.items() if at <= now)])
    following = [at for later, at in times.items() if later > level]
    last_look = (job.finished_at or 0) + LATE
    if level and now < last_look:
        following.append(last_look)
    return Plan(level, min(following, default=None))


def times_of(job: Job, retention: Retention) -> dict[Forgotten, int]:
    """When a retention wants more of an ended job to be forgotten than was."""
    days = {Forgotten.PAYLOAD: retention.payload_days, Forgotten.REDACTED: retention.redact_days}
    ended = job.finished_at or 0
    return {level: ended + count * DAY for level, count in days.items() if count is not None and level > job.forgotten}


def _forget_due(ports: ForgettingPorts, has_time: TimeLeft, row: DueJob) -> bool:
    job = ports.jobs.get_job(row.project_id, row.job_id)
    now = ports.clock.now()
    if job is None or job.forget_at is None or job.forget_at > now:
        return False  # the index lags: the job was retried, or another run has done it
    project = ports.directory.get_project(job.project_id)
    if project is None:
        return False
    if project.retention.is_on and has_deleted_its_user(job) and not _forget_user(ports, project, job, has_time):
        return False
    return _forget(ports, project, job, plan(job, project.retention, now), has_time)


def has_deleted_its_user(job: Job) -> bool:
    """Whether its reference is a user who was deleted, and not yet a tag."""
    is_deletion = job.action == DELETE_USER_DATA and job.status is Status.COMPLETED
    return is_deletion and job.forgotten is not Forgotten.REDACTED


def _forget_user(ports: ForgettingPorts, project: Project, deletion: Job, has_time: TimeLeft) -> bool:
    """Redact the ended jobs that are about the user of a deletion and older than it; False if some are left.

    Only the listing says what is left: a redacted job is no longer found by its person.
    """
    person = lock_digest(project, deletion.reference_id)
    after, count = 0, 0
    while found := ports.forgetting.list_references(project.project_id, person, after, BATCH):
        for reference in found:
            after = reference.job_id
            if after >= deletion.job_id:
                return True
            job = ports.jobs.get_job(project.project_id, after)
            if job is None or job.status.is_active or job.forgotten is Forgotten.REDACTED:
                continue
            if count == MAX_OF_USER or not has_time(BATCH_TIME):
                return False
            count += 1
            wanted = plan(job, project.retention, ports.clock.now(), Forgotten.REDACTED)
            if not _forget(ports, project, job, wanted, has_time):
                return False
    return True


def _forget(ports: ForgettingPorts, project: Project, job: Job, to_do: Plan, has_time: TimeLeft) -> bool:
    """Forget of an ended job what a plan says. False means that another change came first, or that time ran out.

    Raises:
        Busy: DynamoDB or S3 throttles, or S3 does not let us delete a file.
    """
    redacts = to_do.level > job.forgotten and to_do.level is Forgotten.REDACTED
    left: Job | None = job
    if to_do.level:
        left = _without_payload(ports, project, job, has_time)
    if left is None:
        return False
    done = _redacted(project, left) if redacts else left
    is_found = redacts and job.reference_id and job.action != DELETE_USER_DATA
    person = lock_digest(project, job.reference_id) if is_found else ""
    return ports.forgetting.forget_job(left, done._replace(forgotten=to_do.level, next_at=to_do.following), person)


def _without_payload(ports: ForgettingPorts, project: Project, job: Job, has_time: TimeLeft) -> Job | None:
    """Delete a job's payload, and return the job as its row is then; None if that could not be done.

    The mark comes before anything is deleted, and is left out where nothing is.
    """
    key = (job.project_id, job.job_id)
    row = job
    marked = job._replace(forgotten=max(job.forgotten, Forgotten.PAYLOAD), has_params=False, outputs_token=None)
    found = ports.forgetting.list_payload(*key, BATCH)
    if found and marked != job:
        if has_deleted_its_user(job):
            _keep_count(ports, project, job)
        if not ports.forgetting.forget_job(job, marked):
            return None
        row = marked
    # a file may have come after its row was deleted
    has_files = found.has_files or (job.forgotten and ports.clock.now() < (job.finished_at or 0) + DAY)
    while found or has_files:
        if has_files:
            _delete_files(ports, job)
        ports.forgetting.delete_payload(*key, found.names)
        if not has_time(BATCH_TIME):
            return None
        found = ports.forgetting.list_payload(*key, BATCH)
        has_files = found.has_files
    return row


def _keep_count(ports: ForgettingPorts, project: Project, deletion: Job) -> None:
    """Keep of a deletion's outputs, which go, how many object versions it has deleted. The rest may be anything."""
    outputs = ports.payload.get_outputs(deletion)
    count = sum(deleted_in(output) for output in outputs)
    person = lock_digest(project, deletion.reference_id)
    ports.forgetting.note_deleted(deletion.project_id, person, deletion.job_id, count)


def deleted_in(output: Any) -> int:
    """How many object versions an output of a deletion says were deleted."""
    match output:
        case {"deletedObjectVersions": int(count)}:
            return count
    return 0


def _delete_files(ports: ForgettingPorts, job: Job) -> None:
    """Delete the files of all attempts, those that no row names any more too."""
    if not delete_under(ports.artifact_files, files_of(job.project_id, job.job_id)):
        ports.meter.count("FileNotDeleted")
        raise Busy


def delete_under(store: SessionStore, prefix: str) -> bool:
    """Delete all objects whose key begins so; False if S3 does not let us.

    Raises:
        Busy: S3 throttles.
    """
    try:
        while (page := store.list_versions(prefix, None, OBJECTS)).versions:
            if store.delete(page.versions):
                return False
    except SessionsRefused:
        return False
    return True


def _redacted(project: Project, job: Job) -> Job:
    """The job without what names people."""

    def tag(text: str) -> str:
        return tag_of(project, text) if text else ""

    return job._replace(
        description="",
        reference_id=tag(job.reference_id),
        errors=None if job.errors is None else (REDACTED,),
        run=job.run._replace(owner_id=tag(job.run.owner_id)),
    )
