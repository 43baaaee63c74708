"""What a user sees of an organisation's jobs, and may do with them: by role, by owner, by collection.

Of a job that was cancelled before it started nothing is left for users: it counts as deleted until it is retried.
"""

from __future__ import annotations

from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from jobs import queries
from jobs.errors import JobNotCancellable, JobNotFound, NotPermitted, Unauthorized
from jobs.lifecycle import cancellation
from jobs.model import SECOND, Right, Role, Status
from jobs.ports import MessagePage
from jobs.workflows.running import check_workflow_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jobs.model import Job, Principal, Project
    from jobs.ports import Directory, JobStore, Ports

#: Rows that a list looks at, those among them that are not shown: bounds what one call costs.
MAX_ROWS_READ = 2_000
#: Rows of a project that are read at a time, unless more are wanted.
AT_ONCE = 50


class AlteryxJobId(NamedTuple):
    """Where a job is, and when it was made (seconds since the epoch): what its id in Alteryx' form says."""

    created: int
    project_id: int
    job_id: int


class Selection(NamedTuple):
    """Which jobs of a list are wanted."""

    statuses: frozenset[Status]
    offset: int
    limit: int
    newest_first: bool = True


class Sighting(NamedTuple):
    """A job that the caller sees, and its project."""

    project: Project
    job: Job


def require_administrator(principal: Principal) -> None:
    """Let administrators pass.

    Raises:
        Unauthorized: the user is none.
    """
    if principal.user.role is not Role.ADMINISTRATOR:
        raise Unauthorized


def find_job(store: JobStore, directory: Directory, principal: Principal, reference: AlteryxJobId) -> Sighting:
    """Read a job that the caller sees.

    Raises:
        JobNotFound: there is none, or it is another organisation's, deleted, or not shared with the caller: these can
            not be told apart.
    """
    project = directory.get_project(reference.project_id)
    if project is None or project.organisation_id != principal.client.organisation_id:
        raise JobNotFound
    job = queries.get_job(store, project, reference.job_id)
    if job.created_at // SECOND != reference.created or not _may_see(principal, job):
        raise JobNotFound
    return Sighting(project, job)


def cancel_job(ports: Ports, directory: Directory, principal: Principal, reference: AlteryxJobId) -> Job:
    """Cancel a job that the caller sees, by one conditional write.

    Raises:
        JobNotFound: the caller sees no such job.
        NotPermitted: it is shared with the caller for viewing only.
        JobNotCancellable: it has already ended.
    """
    project, job = find_job(ports.store, directory, principal, reference)
    if not _has_right(principal, job, {Right.CANCEL}):
        raise NotPermitted
    try:
        return cancellation.cancel_job(ports, project, job.job_id, by=principal.client.client_id)
    except JobNotCancellable as error:
        if _is_deleted(error.job):
            raise JobNotFound from None
        raise


def newest_messages(store: JobStore, job: Job, before: str | None = None) -> MessagePage:
    """Read a job's newest megabyte of messages, or the one before a position: oldest first, as they were said."""
    page = queries.list_messages(store, job, before, newest_first=True)
    return MessagePage(page.messages[::-1], page.next)


def list_jobs(store: JobStore, directory: Directory, principal: Principal, wanted: Selection) -> list[Job]:
    """List the organisation's jobs, however they were created, the newest first; for administrators."""
    walks = [
        queries.walk_down(store, project, most=MAX_ROWS_READ, at_once=max(wanted.limit, AT_ONCE))
        for project in _projects(directory, principal)
    ]
    return _select(principal, walks, wanted)


def list_workflow_jobs(
    store: JobStore, directory: Directory, principal: Principal, workflow_id: str, wanted: Selection
) -> list[Job]:
    """List the jobs that run a workflow, as far as the caller sees them.

    Raises:
        InvalidRequest: the workflow's id is blank or too long.
    """
    check_workflow_id(workflow_id)
    walks = [
        store.walk_workflow(project.project_id, workflow_id, newest_first=wanted.newest_first)
        for project in _projects(directory, principal)
    ]
    return _select(principal, walks, wanted)


def _projects(directory: Directory, principal: Principal) -> Iterator[Project]:
    for project_id in directory.list_projects(principal.client.organisation_id):
        project = directory.get_project(project_id)
        if project is not None:
            yield project


def _select(principal: Principal, walks: Iterable[Iterator[Job]], wanted: Selection) -> list[Job]:
    """Merge walks by the jobs' creation; each is read no further than it is needed."""
    merged = merge(*walks, key=lambda job: job.created_at, reverse=wanted.newest_first)
    shown = (job for job in islice(merged, MAX_ROWS_READ) if job.status in wanted.statuses and _may_see(principal, job))
    return list(islice(shown, wanted.offset, wanted.offset + wanted.limit))


def _may_see(principal: Principal, job: Job) -> bool:
    return not _is_deleted(job) and _has_right(principal, job, {Right.VIEW, Right.CANCEL})


def _is_deleted(job: Job) -> bool:
    return job.cancelled_from is Status.SCHEDULED


def _has_right(principal: Principal, job: Job, rights: set[Right]) -> bool:
    user = principal.user
    return (
        user.role is Role.ADMINISTRATOR
        or job.run.owner_id == user.user_id
        or any(user.collections.get(collection) in rights for collection in job.run.collection_ids)
    )
