"""Reading jobs: one, a page by its number, all of them, or the newest that pass a filter; and messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from jobs.errors import JobNotFound
from jobs.model import REDACTED, Forgotten
from jobs.outcomes import MessagePage
from jobs.representation import Room, dump

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from jobs.model import Job, ListedJob, Message, ShownJob, Status
    from jobs.ports import Ports
    from jobs.tenants import Project

    AnyJob = TypeVar("AnyJob", Job, ListedJob)

#: Rows that a walk over everything reads at a time: one block of the table.
WALK = 1_000
#: Rows that a filtered call reads before it leaves the rest to the next call. With the row that tells which job is the
#: newest they are a thousand.
MAX_ROWS = 999
#: Rows that a filtered call reads at a time.
ROWS_AT_ONCE = 250
#: Characters of text in the rows that a filtered call reads before it leaves the rest to the next call.
MAX_TEXT = 1_000_000
#: What a message takes beside its text.
MESSAGE_FRAME = "." * 128
#: More messages than a megabyte holds.
EVERYTHING = 100_000


class Page(NamedTuple):
    """The `number`-th page, counted from 1, of `size` jobs each."""

    number: int
    size: int
    newest_first: bool = False

    @property
    def is_first(self) -> bool:
        """Whether it begins where the list begins."""
        return self.number == 1


class Rest(NamedTuple):
    """What follows the job `behind` in the order asked for, `size` jobs or all. None means the whole list."""

    behind: int | None = None
    size: int | None = None
    newest_first: bool = False

    @property
    def is_first(self) -> bool:
        """Whether it begins where the list begins."""
        return self.behind is None


class Walk(NamedTuple):
    """Jobs from the newest to the first, at most `size` at a time, that have one of `statuses` and one of `actions`.

    If a filter is empty, any job passes it.
    """

    size: int
    statuses: tuple[Status, ...] = ()
    actions: tuple[str, ...] = ()
    #: The one reference that jobs must have. It may hold any character, so no list of several can be told apart.
    reference_id: str = ""

    @property
    def is_filtered(self) -> bool:
        """Whether it may pass over some jobs."""
        return bool(self.statuses or self.actions or self.reference_id)

    def wants(self, job: ShownJob) -> bool:
        """Whether a job passes the filter."""
        return (
            (not self.statuses or job.status in self.statuses)
            and (not self.actions or job.action in self.actions)
            and self.reference_id in {"", job.reference_id}
        )


class Steps(NamedTuple):
    """How a walk reads: at most `most` rows, `at_once` at a time."""

    most: int
    at_once: int


class Stretch(NamedTuple):
    """What one call of a walk found."""

    jobs: Sequence[ShownJob]
    #: The number of the last job that was looked at; the next call goes on below it. None at the end.
    next: int | None
    #: How many jobs the project has, eventually consistent; None under a filter, which would make it another number.
    total: int | None


class Listing(NamedTuple):
    """What a list call found.

    `jobs` may be read lazily: a renderer that runs out of room stops the reading too.
    """

    query: Page | Rest
    jobs: Iterator[ShownJob]
    #: How many jobs the project has, eventually consistent.
    total: int

    @property
    def wanted(self) -> range:
        """The numbers that were asked for, in the order asked for. Numbers are dense, so the count tells them."""
        query, total = self.query, self.total
        size = total if query.size is None else query.size
        skipped = (query.number - 1) * query.size if isinstance(query, Page) else 0
        behind = query.behind if isinstance(query, Rest) else None
        if query.newest_first:
            first = total - skipped if behind is None else min(behind - 1, total)
            return range(first, max(0, first - size), -1)
        first = 1 + (skipped if behind is None else behind)
        return range(first, min(total, first + size - 1) + 1)

    def place(self, shown: int | None) -> int:
        """The last job that was passed: the last one shown, or the one before the first that was wanted."""
        return self.wanted.start - self.wanted.step if shown is None else shown

    def was_cut(self, place: int) -> bool:
        """Whether wanted jobs are left behind that place: for lack of room, or because a weak read lacks one."""
        ahead = self.wanted[-1:]
        return bool(ahead) and (place > ahead[0] if self.query.newest_first else place < ahead[0])

    def goes_on(self, place: int) -> bool:
        """Whether the list has any job behind that place."""
        return place > 1 if self.query.newest_first else place < self.total


def get_job(ports: Ports, project: Project, job_id: int) -> Job:
    """Read one job.

    Raises:
        JobNotFound: the project has no such job.
    """
    job = ports.jobs.get_job(project.project_id, job_id) if job_id >= 1 else None
    if job is None:
        raise JobNotFound
    return job


def get_params(ports: Ports, job: Job) -> Mapping[str, Any]:
    """Read a job's parameters. A job without any costs no read."""
    return ports.payload.get_params(job.project_id, job.job_id) if job.has_params else {}


def get_outputs(ports: Ports, job: Job) -> list[Any]:
    """Read what a job has put out. A job without outputs costs no read."""
    return ports.payload.get_outputs(job) if job.outputs_token is not None else []


def get_evidence(ports: Ports, job: Job) -> Mapping[str, Sequence[str]]:
    """Read why each attempt ended that did not succeed. A job without such an attempt costs no read."""
    failed = [change.evidence for change in job.history if change.evidence is not None]
    if job.forgotten is Forgotten.REDACTED:
        return dict.fromkeys(failed, (REDACTED,))
    return ports.payload.get_evidence(job) if failed and not job.forgotten else {}


def list_messages(
    ports: Ports, job: Job, after: str | None, limit: int = EVERYTHING, *, newest_first: bool = False
) -> MessagePage:
    """Read a job's messages behind a position, but no more than an answer can hold."""
    page = ports.payload.list_messages(job.project_id, job.job_id, after, limit, newest_first=newest_first)
    room = Room()
    for count, message in enumerate(page.messages):
        if not room.holds(MESSAGE_FRAME + dump(message.text)):
            return MessagePage(page.messages[:count], page.places[count - 1], page.places[:count])
    return page


def newest_message(ports: Ports, job: Job) -> Message | None:
    """Read the newest message about a job; None if nobody said anything."""
    page = ports.payload.list_messages(job.project_id, job.job_id, None, 1, newest_first=True)
    return page.messages[0] if page.messages else None


def list_jobs(ports: Ports, project: Project, query: Page | Rest) -> Listing:
    """List jobs in the order they were created, or the other way round.

    Numbers are dense, so a page is a jump: page 10,000 costs what page 1 costs. Pages from the newest job on move while
    jobs are created; what follows a job stays where it is.
    """
    if isinstance(query, Page) and not query.newest_first:
        return _numbered(ports, project, query)
    total = ports.jobs.highest_job_id(project, strong=False)
    if query.newest_first:
        if isinstance(query, Rest) and (query.behind or 0) > total + 1:
            # A caller who has seen that job has seen a later count than this one, so a weak one could lose jobs.
            total = ports.jobs.highest_job_id(project, strong=True)
        listing = Listing(query, iter(()), total)
        return listing._replace(jobs=_walk_down(ports, project, listing.wanted, fresh=query.is_first))
    listing = Listing(query, iter(()), total)
    return listing._replace(jobs=_walk_up(ports.jobs.walk_listed, project, listing.wanted))


def _numbered(ports: Ports, project: Project, query: Page) -> Listing:
    """A page of the list that begins with the first job. A first page that is not full tells the total by itself."""
    first = (query.number - 1) * query.size + 1
    last = first + query.size - 1
    page = list(ports.jobs.walk_listed(project.project_id, first, last)) if query.is_first else None
    if page is not None and len(page) < query.size:
        return Listing(query, iter(page), len(page))
    total = ports.jobs.highest_job_id(project, strong=False)
    if page is None:
        page = list(ports.jobs.walk_listed(project.project_id, first, last)) if first <= total else []
    return Listing(query, iter(page), max(total, page[-1].job_id if page else 0))


def list_newest(ports: Ports, project: Project, walk: Walk, below: int | None) -> Stretch:
    """Go one call's way down from the newest job, or from the number `below`.

    Numbers only go down, so jobs that are created meanwhile do not move the others: no job comes twice.
    """
    jobs: list[ListedJob] = []
    last, text = below, 0
    steps = Steps(MAX_ROWS if walk.is_filtered else walk.size, ROWS_AT_ONCE)
    for job in walk_down(ports.jobs.walk_listed, ports, project, below, steps=steps):
        if walk.wants(job):
            jobs.append(job)
        last = job.job_id
        text += text_size(job)
        if len(jobs) == walk.size or (walk.is_filtered and text > MAX_TEXT):
            break
    return Stretch(jobs, last if last is not None and last > 1 else None, _total(ports, project, walk, below, jobs))


def text_size(job: ShownJob) -> int:
    """Characters of the text that a list shows of a job, as far as callers and workers choose it."""
    return sum(map(len, (job.description, job.reference_id, *(job.errors or ()))))


def _total(ports: Ports, project: Project, walk: Walk, below: int | None, jobs: list[ListedJob]) -> int | None:
    if walk.is_filtered:
        return None
    if below is None:
        return jobs[0].job_id if jobs else 0  # numbers are dense: the newest is the count
    return max(ports.jobs.highest_job_id(project, strong=False), below - 1)


def walk_down(
    walk: Callable[..., Iterator[AnyJob]],
    ports: Ports,
    project: Project,
    below: int | None = None,
    *,
    steps: Steps,
) -> Iterator[AnyJob]:
    """Read jobs lazily, by a walk of the store, from the newest to the first, or from the number under `below`.

    A weak read may lack the newest jobs: they count as not created
    yet. If it lacks any other job, the walk ends there, so a caller that goes on from the last job misses none.
    """
    top = ports.jobs.highest_job_id(project, strong=False) if below is None else below - 1
    bottom = max(1, top - steps.most + 1)
    found = (
        job
        for last in range(top, bottom - 1, -steps.at_once)
        for job in walk(project.project_id, max(bottom, last - steps.at_once + 1), last, newest_first=True)
    )
    yield from _without_gap(found, below)


def _without_gap(jobs: Iterable[AnyJob], below: int | None) -> Iterator[AnyJob]:
    """Jobs from the number under `below` down, or from the first of them, to the first number that is missing."""
    for job in jobs:
        if below is not None and job.job_id != below - 1:
            return
        yield job
        below = job.job_id


def _walk_down(ports: Ports, project: Project, wanted: range, *, fresh: bool) -> Iterator[ListedJob]:
    """Read the wanted jobs lazily, newest first. If `fresh`, the newest may be missing: they count as not created."""
    if wanted:
        found = ports.jobs.walk_listed(project.project_id, wanted[-1], wanted[0], newest_first=True)
        yield from _without_gap(found, None if fresh else wanted[0] + 1)


def walk_from_first(ports: Ports, project: Project, at_once: int) -> Iterator[Job]:
    """Read jobs lazily from the first to the newest, `at_once` at a time."""
    newest = ports.jobs.highest_job_id(project, strong=False)
    return _walk_up(ports.jobs.walk_jobs, project, range(1, newest + 1), at_once)


def _walk_up(
    walk: Callable[[int, int, int], Iterator[AnyJob]], project: Project, wanted: range, at_once: int = WALK
) -> Iterator[AnyJob]:
    """Read the wanted jobs lazily, oldest first, to the first one that a weak read lacks."""
    first, total = wanted.start, wanted.stop - 1
    while first <= total:
        last = min((first - 1) // at_once * at_once + at_once, total)
        shown = first - 1
        for job in walk(project.project_id, first, last):
            yield job
            shown = job.job_id
        if shown < last:
            return  # a weak read that lags behind the count lacks the end of the list, never a job in between
        first = last + 1
