"""Reading jobs: one, a page by its number, or everything."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from jobs.errors import JobNotFound
from jobs.ports import MessagePage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jobs.model import Job, Project
    from jobs.ports import JobStore

#: How many rows a walk over everything reads at a time: one block of the table.
WALK = 1_000
#: How many rows a walk from the newest end begins with. It doubles: who takes few pays for few.
FIRST_STEP = 50
#: Bytes of an answer that messages may take, of the 6 MB that Lambda passes on, and what each takes beside its text.
LARGEST_MESSAGES = 5_000_000
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
    room = LARGEST_MESSAGES
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
        return Listing(query, _walk(store, project, query.after, total), total)
    first = (query.number - 1) * query.size + 1
    page = store.list_jobs(project.project_id, first, first + query.size - 1) if first <= total else []
    return Listing(query, iter(page), max(total, page[-1].job_id if page else 0))


def walk_down(store: JobStore, project: Project) -> Iterator[Job]:
    """Read the project's jobs from the newest on, as far as they are taken."""
    last, step = store.highest_job_id(project, strong=False), FIRST_STEP
    while last >= 1:
        first = max(last - step + 1, 1)
        yield from reversed(store.list_jobs(project.project_id, first, last))
        last, step = first - 1, min(2 * step, WALK)


def _walk(store: JobStore, project: Project, after: int, total: int) -> Iterator[Job]:
    first = after + 1
    while first <= total:
        last = min((first - 1) // WALK * WALK + WALK, total)
        found = store.list_jobs(project.project_id, first, last)
        yield from found
        if len(found) < last - first + 1:
            return  # a weak read that lags behind the count: what is missing is the rest, never a hole
        first = last + 1
