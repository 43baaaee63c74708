"""Reading jobs: one, a page by its number, everything, or the newest that pass a filter."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from jobs.errors import JobNotFound
from jobs.ports import MessagePage
from jobs.representation import core_fields

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jobs.model import Job, Project, Status
    from jobs.ports import JobStore

#: How many rows a walk over everything reads at a time: one block of the table.
WALK = 1_000
#: How many jobs a filtered call reads before it leaves the rest to the next: a thousand rows with the one that tells
#: which is the newest. And how many it reads at a time.
MAX_ROWS = 999
ROWS_AT_ONCE = 250
#: Bytes that messages, or the jobs of a walk, may take of the 6 MB that Lambda passes on.
MAX_ANSWER_BYTES = 5_000_000
#: Bytes that a message takes beside its text.
MESSAGE_FRAME = 128
#: More messages than a megabyte holds.
EVERYTHING = 100_000


class Page(NamedTuple):
    """The `number`-th page, from 1, of `size` jobs each."""

    number: int
    size: int


class Rest(NamedTuple):
    """Every job behind `after`; 0 means from the first."""

    after: int


class Walk(NamedTuple):
    """Jobs from the newest to the first, `size` at most at a time, that have one of `statuses` and one of `actions`.

    Where none is named, any will do.
    """

    size: int
    statuses: tuple[Status, ...] = ()
    actions: tuple[str, ...] = ()

    @property
    def is_filtered(self) -> bool:
        """Whether some jobs may be passed over."""
        return bool(self.statuses or self.actions)

    def wants(self, job: Job) -> bool:
        """Whether a job passes."""
        return (not self.statuses or job.status in self.statuses) and (not self.actions or job.action in self.actions)


class Stretch(NamedTuple):
    """What one call of a walk found."""

    jobs: list[Job]
    #: The number of the last job that was looked at, below which the next call goes on; None at the end.
    next: int | None
    #: How many jobs the project has, by an eventually consistent count; None where a filter makes that another number.
    total: int | None


@dataclass(frozen=True, slots=True)
class Listing:
    """What a list call found.

    `jobs` may be read lazily, so a renderer that runs out of room stops the reading too.
    """

    query: Page | Rest
    jobs: Iterator[Job]
    #: How many jobs the project has, by an eventually consistent count.
    total: int


def get_job(store: JobStore, project: Project, job_id: int) -> Job:
    """Read one job.

    Raises:
        JobNotFound: the project has no such job.
    """
    job = store.get_job(project.project_id, job_id) if job_id >= 1 else None
    if job is None:
        raise JobNotFound
    return job


def get_params(store: JobStore, job: Job) -> Mapping[str, Any]:
    """Read a job's parameters; a job without any costs no read."""
    return store.get_params(job.project_id, job.job_id) if job.has_params else {}


def get_outputs(store: JobStore, job: Job) -> list[Any]:
    """Read what a job has put out; a job without any costs no read."""
    return store.get_outputs(job) if job.outputs_token is not None else []


def list_messages(
    store: JobStore, job: Job, after: str | None, limit: int = EVERYTHING, *, newest_first: bool = False
) -> MessagePage:
    """Read a job's messages behind a position; no more of them than an answer can hold."""
    page = store.list_messages(job.project_id, job.job_id, after, limit, newest_first=newest_first)
    room = MAX_ANSWER_BYTES
    for count, message in enumerate(page.messages):
        # as it travels: escaped in the body, which is escaped once more
        room -= MESSAGE_FRAME + len(json.dumps(json.dumps(message.text, ensure_ascii=False)))
        if room < 0:
            return MessagePage(page.messages[:count], page.places[count - 1], page.places[:count])
    return page


def list_jobs(store: JobStore, project: Project, query: Page | Rest) -> Listing:
    """List jobs in the order they were created.

    Numbers are dense, so a page is a jump: page 10,000 costs what page 1 costs.
    """
    total = store.highest_job_id(project, strong=False)
    if isinstance(query, Rest):
        return Listing(query, _walk_up(store, project, query.after, total), total)
    first = (query.number - 1) * query.size + 1
    page = store.list_jobs(project.project_id, first, first + query.size - 1) if first <= total else []
    return Listing(query, iter(page), max(total, page[-1].job_id if page else 0))


def list_newest(store: JobStore, project: Project, walk: Walk, below: int | None) -> Stretch:
    """Go one call's way from the newest job, or from below the last one looked at, to the first.

    Numbers go down only, so jobs that are created meanwhile move none of the others: none comes twice.
    """
    jobs: list[Job] = []
    last = below
    room = MAX_ANSWER_BYTES
    for job in walk_down(store, project, below, MAX_ROWS if walk.is_filtered else walk.size):
        if walk.wants(job):
            # as it travels: escaped in the body, which is escaped once more
            room -= len(json.dumps(json.dumps(core_fields(job, job.updated_at), ensure_ascii=False)))
            if room < 0:
                break
            jobs.append(job)
        last = job.job_id
        if len(jobs) == walk.size:
            break
    return Stretch(jobs, last if last is not None and last > 1 else None, _total(store, project, walk, below, jobs))


def _total(store: JobStore, project: Project, walk: Walk, below: int | None, jobs: list[Job]) -> int | None:
    if walk.is_filtered:
        return None
    if below is None:
        return jobs[0].job_id if jobs else 0  # numbers are dense: the newest is the count
    return max(store.highest_job_id(project, strong=False), below - 1)


def walk_down(
    store: JobStore, project: Project, below: int | None = None, most: int = MAX_ROWS, at_once: int = ROWS_AT_ONCE
) -> Iterator[Job]:
    """Read jobs from the newest to the first, or those numbered under `below`, no further than they are followed.

    At most `most` rows are read, `at_once` at a time. Those newest of all that a weak read lacks are as good as not
    created yet. Where it lacks any other, the walk ends: whoever goes on from the last job misses none.
    """
    top = store.highest_job_id(project, strong=False) if below is None else below - 1
    while top >= 1 and most >= 1:
        first = max(1, top - min(most, at_once) + 1)
        found = store.list_jobs(project.project_id, first, top)
        for job in reversed(found):
            if below is not None and job.job_id != below - 1:
                return
            yield job
            below = job.job_id
        most -= len(found)
        top = first - 1


def _walk_up(store: JobStore, project: Project, after: int, total: int) -> Iterator[Job]:
    first = after + 1
    while first <= total:
        last = min((first - 1) // WALK * WALK + WALK, total)
        found = store.list_jobs(project.project_id, first, last)
        yield from found
        if len(found) < last - first + 1:
            return  # a weak read that lags behind the count: what is missing is the rest, never a hole
        first = last + 1
