"""Lists of jobs as Alteryx has them: an organisation's, for administrators, and a workflow's.

Both merge what the organisation's projects have. What one call reads is bounded. A list that needs more is refused,
because a page that lacks jobs looks like the end of the list (decision 0036).
"""

from __future__ import annotations

from enum import Enum, auto
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from jobs import queries
from jobs.errors import TooManyJobs
from jobs.model import Status
from jobs.workflows.running import PRIORITIES, check_workflow_id
from jobs.workflows.viewing import may_see, projects_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from jobs.model import Job
    from jobs.ports import Ports
    from jobs.tenants import Principal

#: Rows that a list looks at, with those that it does not show: twice what the greatest offset needs.
MAX_ROWS_READ = 20_000
#: Characters of text in those rows.
MAX_TEXT_READ = 16_000_000
#: Jobs that are put into an order other than that of their creation.
MAX_SORTED = 10_000
#: Rows of all projects together that are read at a time, and the fewest of one project.
AT_ONCE = 1_000
OF_A_PROJECT_AT_ONCE = 50


class SortField(Enum):
    """What a list may be sorted by."""

    CREATED = auto()
    ENDED = auto()
    WORKFLOW = auto()
    PRIORITY = auto()
    STATUS = auto()


class Selection(NamedTuple):
    """Which jobs of a list are wanted, in which order. An empty filter lets every job pass."""

    statuses: frozenset[Status] = frozenset(Status)
    offset: int = 0
    limit: int = 50
    #: Whether the newest, or the greatest of the sort field, comes first.
    descending: bool = True
    sort: SortField = SortField.CREATED
    priorities: frozenset[str] = frozenset()
    #: Ids of owners, in lower case.
    owners: frozenset[str] = frozenset()
    workflow_names: frozenset[str] = frozenset()
    #: The job ended at this time or later, in milliseconds.
    ended_from: int | None = None
    #: The job ended before this time, in milliseconds.
    ended_before: int | None = None

    @property
    def is_walk(self) -> bool:
        """Whether the rows that are read are those that are shown: nothing is filtered, nothing is sorted."""
        return self == Selection(offset=self.offset, limit=self.limit, descending=self.descending)

    def wants(self, job: Job, workflow_name: str = "") -> bool:
        """Whether a job passes the filters. A job that has not ended passes none by the time of its end."""
        return (
            job.status in self.statuses
            and (not self.priorities or priority_of(job) in self.priorities)
            and (not self.owners or job.run.owner_id.lower() in self.owners)
            and (not self.workflow_names or workflow_name in self.workflow_names)
            and self._wants_end(job.finished_at)
        )

    def _wants_end(self, ended: int | None) -> bool:
        if ended is None:
            return self.ended_from is None and self.ended_before is None
        return (self.ended_from or 0) <= ended and (self.ended_before is None or ended < self.ended_before)


class Entry(NamedTuple):
    """A job of an organisation's list, the name of what it runs, and who submitted it."""

    job: Job
    workflow_name: str
    submitted_by: str


def priority_of(job: Job) -> str:
    """How urgent a job is, in Alteryx' words."""
    return job.run.priority or PRIORITIES[0]


def list_jobs(ports: Ports, principal: Principal, wanted: Selection) -> list[Entry]:
    """List the organisation's jobs, however they were created; for administrators.

    Raises:
        TooManyJobs: the page needs more rows than one call reads, or the order more jobs than it sorts.
    """
    if not wanted.statuses:
        return []
    organisation_id = principal.client.organisation_id
    names = {workflow.workflow_id: workflow.name for workflow in ports.directory.list_workflows(organisation_id)}

    def name_of(job: Job) -> str:
        return names.get(job.run.workflow_id, job.run.workflow_id) or job.action

    read = _bounded(_organisations_jobs(ports, principal, wanted))
    found = (job for job in read if may_see(principal, job) and wanted.wants(job, name_of(job)))
    page = _page(found if wanted.sort is SortField.CREATED else _sorted(found, wanted, name_of), wanted)
    submitters = _names_of_owners(ports, organisation_id, page)
    return [Entry(job, name_of(job), submitters.get(job.run.owner_id) or job.history[0].by) for job in page]


def list_workflow_jobs(ports: Ports, principal: Principal, workflow_id: str, wanted: Selection) -> list[Job]:
    """List the jobs that run a workflow in the order of their creation, as far as the caller sees them.

    Raises:
        InvalidRequest: the workflow's id is blank or too long.
        TooManyJobs: the page needs more rows than one call reads.
    """
    check_workflow_id(workflow_id)
    if not wanted.statuses:
        return []
    walks = [
        ports.jobs.walk_workflow(project.project_id, workflow_id, newest_first=wanted.descending)
        for project in projects_of(ports, principal)
    ]
    read = _bounded(_merged(walks, newest_first=wanted.descending))
    return _page((job for job in read if may_see(principal, job) and wanted.wants(job)), wanted)


def _organisations_jobs(ports: Ports, principal: Principal, wanted: Selection) -> Iterator[Job]:
    """The jobs of all projects, the newest or the oldest first. Each project is read only as far as it is needed."""
    projects = list(projects_of(ports, principal))
    needed = wanted.offset + wanted.limit if wanted.is_walk else AT_ONCE
    at_once = max(OF_A_PROJECT_AT_ONCE, min(needed, AT_ONCE // max(len(projects), 1)))
    newest_first = wanted.descending or wanted.sort is not SortField.CREATED
    walks = [
        queries.walk_down(ports.jobs.walk_jobs, ports, project, steps=queries.Steps(MAX_ROWS_READ + 1, at_once))
        if newest_first
        else queries.walk_from_first(ports, project, at_once)
        for project in projects
    ]
    return _merged(walks, newest_first=newest_first)


def _merged(walks: Iterable[Iterator[Job]], *, newest_first: bool) -> Iterator[Job]:
    return merge(*walks, key=lambda job: job.created_at, reverse=newest_first)


def _bounded(jobs: Iterable[Job]) -> Iterator[Job]:
    """Read jobs as long as one call may.

    Raises:
        TooManyJobs: more are asked for.
    """
    text = 0
    for count, job in enumerate(jobs):
        if count == MAX_ROWS_READ or text > MAX_TEXT_READ:
            raise TooManyJobs(
                f"{count} jobs were searched, and this page needs more: "
                "ask for a smaller offset, for a filter that more jobs pass, or for the jobs of one workflow"
            )
        text += queries.text_size(job) + sum(map(len, job.run.collection_ids))
        yield job


def _sorted(jobs: Iterator[Job], wanted: Selection, name_of: Callable[[Job], str]) -> Iterator[Job]:
    """Sort all jobs that pass; those that are equal come newest first.

    Raises:
        TooManyJobs: they are over 10,000.
    """
    found = list(islice(jobs, MAX_SORTED + 1))
    if len(found) > MAX_SORTED:
        raise TooManyJobs(f"over {MAX_SORTED} jobs match, and sortField orders no more: filter them, or use CreateDate")
    keys: dict[SortField, Callable[[Job], Any]] = {
        SortField.ENDED: lambda job: job.finished_at or 0,
        SortField.WORKFLOW: lambda job: name_of(job).casefold(),
        SortField.PRIORITY: lambda job: PRIORITIES.index(priority_of(job)),
        SortField.STATUS: lambda job: _STATUS_ORDER[job.status],
    }
    return iter(sorted(found, key=keys[wanted.sort], reverse=wanted.descending))


#: The order of Alteryx' words for the states: cancelled, completed (failed too), queued, running.
_STATUS_ORDER = {
    Status.CANCELLED: 0,
    Status.COMPLETED: 1,
    Status.FAILED: 1,
    Status.SCHEDULED: 2,
    Status.RUNNING: 3,
}


def _page(jobs: Iterator[Job], wanted: Selection) -> list[Job]:
    return list(islice(jobs, wanted.offset, wanted.offset + wanted.limit))


def _names_of_owners(ports: Ports, organisation_id: int, jobs: Iterable[Job]) -> dict[str, str]:
    """The names of the users who own jobs, by their ids. Each is read once."""
    owners = list(dict.fromkeys(job.run.owner_id for job in jobs if job.run.owner_id))
    users = ports.parallel(lambda owner_id: ports.directory.find_user(organisation_id, owner_id), owners)
    return {user.user_id: user.name for user in users if user is not None}
