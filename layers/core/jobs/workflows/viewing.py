"""Which of an organisation's jobs a user sees and may cancel: by role, by owner, by collection.

A job that was cancelled before it started counts as deleted: no user sees it until it is retried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from jobs import queries
from jobs.errors import JobNotCancellable, JobNotFound, NotPermitted, Unauthorized
from jobs.lifecycle import cancellation
from jobs.model import SECOND, Status
from jobs.outcomes import MessagePage
from jobs.tenants import Right, Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.model import Job
    from jobs.ports import Ports
    from jobs.tenants import Principal, Project


class AlteryxJobId(NamedTuple):
    """What a job's id in Alteryx' form says: where the job is, and when it was made (seconds since the epoch)."""

    created: int
    project_id: int
    job_id: int


class Sighting(NamedTuple):
    """A job that the caller sees, and its project."""

    project: Project
    job: Job


def require_administrator(principal: Principal) -> None:
    """Let only administrators pass.

    Raises:
        Unauthorized: the user is not an administrator.
    """
    if principal.user.role is not Role.ADMINISTRATOR:
        raise Unauthorized


def find_job(ports: Ports, principal: Principal, wanted: AlteryxJobId) -> Sighting:
    """Read a job that the caller sees.

    Raises:
        JobNotFound: it does not exist, belongs to another organisation, is deleted, or is not shared with the caller.
            A caller cannot tell these apart.
    """
    project = ports.directory.get_own_project(principal.client.organisation_id, wanted.project_id)
    if project is None:
        raise JobNotFound
    job = queries.get_job(ports, project, wanted.job_id)
    if job.created_at // SECOND != wanted.created or not may_see(principal, job):
        raise JobNotFound
    return Sighting(project, job)


def cancel_job(ports: Ports, principal: Principal, wanted: AlteryxJobId) -> Job:
    """Cancel a job that the caller sees, by one conditional write.

    Raises:
        JobNotFound: the caller sees no such job.
        NotPermitted: it is shared with the caller for viewing only.
        JobNotCancellable: it has already ended.
    """
    project, job = find_job(ports, principal, wanted)
    if not _has_right(principal, job, Right.CANCEL):
        raise NotPermitted
    try:
        return cancellation.cancel_job(ports, project, job.job_id, by=principal.client.actor)
    except JobNotCancellable as error:
        if _is_deleted(error.job):
            raise JobNotFound from None
        raise


def newest_messages(ports: Ports, job: Job, before: str | None = None) -> MessagePage:
    """Read a job's newest megabyte of messages, or the one before a position; the oldest of them comes first."""
    page = queries.list_messages(ports, job, before, newest_first=True)
    return MessagePage(page.messages[::-1], page.next)


def projects_of(ports: Ports, principal: Principal) -> Iterator[Project]:
    """Read the projects of the caller's organisation."""
    organisation_id = principal.client.organisation_id
    for project_id in ports.directory.list_projects(organisation_id):
        project = ports.directory.get_own_project(organisation_id, project_id)
        if project is not None:
            yield project


def may_see(principal: Principal, job: Job) -> bool:
    """Whether the caller sees a job of the own organisation."""
    return not _is_deleted(job) and _has_right(principal, job, Right.VIEW)


def _is_deleted(job: Job) -> bool:
    return job.cancelled_from is Status.SCHEDULED


def _has_right(principal: Principal, job: Job, right: Right) -> bool:
    user = principal.user
    return job.run.owner_id == user.user_id or user.may(right, job.run.collection_ids)
