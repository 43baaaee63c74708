"""Erasing what is stored of a user: the worker behind the action `delete_user_data`.

It is a worker like any other: an event tells it that a job has started, and it reports by events. Only the listing
says what is left to do, so after a crash, or beside another worker on the same job, it simply goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from jobs.erasure.order import Tally
from jobs.erasure.ports import SessionsRefused, VersionPage
from jobs.erasure.reports import Outcome, Reports
from jobs.errors import Busy, ProjectNotFound
from jobs.model import DELETE_USER_DATA, SECOND, Severity, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.erasure.order import Order
    from jobs.erasure.ports import ErasurePorts, ObjectVersion
    from jobs.model import Job
    from jobs.ports import TimeLeft

#: Versions that are erased between two looks at the job: what S3 deletes in one call.
BATCH = 1_000
#: How far the worker counts before it begins: a hundred listings. It erases what is beyond all the same.
MAX_COUNTED = 100 * BATCH
#: How many walks through all that is left it takes before it gives up on what S3 refuses.
WALKS = 3
FIRST_PAUSE = SECOND
#: Milliseconds that a slow batch may take, with its waits for S3.
BATCH_TIME = 30 * SECOND


#: What JavaScript's `encodeURIComponent` leaves as it is although RFC 3986 reserves it.
LEFT_BY_JAVASCRIPT = "!'()*"


def prefix_of(project_key: str, user_id: str, left: str = "") -> str:
    """Where a user's objects are, and no other user's: an encoded id holds no slash, and a slash ends it.

    The characters that RFC 3986 calls unreserved stay as they are, and those that are `left`.
    """
    return f"{project_key}/{quote(user_id, safe=left)}/"


def prefixes_of(project_key: str, user_id: str) -> list[str]:
    """All places where a user's objects may be: by RFC 3986, and as JavaScript encodes an id where that differs.

    The second spelling has a character that the first has of no user, so it is no other user's either.
    """
    return list(dict.fromkeys(prefix_of(project_key, user_id, left) for left in ("", LEFT_BY_JAVASCRIPT)))


def erase(ports: ErasurePorts, order: Order, has_time: TimeLeft) -> Outcome:
    """Erase the objects of the user whom a job names, until nothing is left or the job is no longer this worker's.

    The time left is asked for after each batch, so each delivery does at least one.

    Raises:
        ProjectNotFound: the order's project does not exist, or is not the one that its key names.
        Busy: AWS throttles, or an end could not be reported. Deliver the order again.
    """
    project = ports.directory.get_project(order.project_id)
    if project is None or project.project_key != order.project_key:
        raise ProjectNotFound
    job = ports.jobs.get_job(order.project_id, order.job_id)
    if job is None or not _is_ours(job, order):
        return Outcome.STOPPED
    reports = Reports(ports, order)
    if not job.reference_id:
        return reports.fail(["the job names no user"], retryable=False)
    # The stored job decides whose data goes, never the event.
    prefixes = prefixes_of(project.project_key, job.reference_id)
    try:
        return _erase(ports, order, prefixes, reports, has_time)
    except SessionsRefused as refused:
        return reports.fail([f"the object versions could not be listed: {refused.code}"])


def _erase(ports: ErasurePorts, order: Order, prefixes: Sequence[str], reports: Reports, has_time: TimeLeft) -> Outcome:
    tally = order.tally or _count(ports, prefixes, reports)
    while True:
        page = _list(ports, prefixes, tally.after)
        job = ports.jobs.get_job(order.project_id, order.job_id)
        if job is None or not _is_ours(job, order):
            return reports.stop(tally, job)
        if tally.after is None:
            if not page.versions:
                return reports.complete(tally)
            if tally.walks == WALKS:
                return reports.fail(tally.errors(len(page.versions)))
            tally.refused.clear()
        _erase_page(ports, page, tally, reports)
        if not has_time(BATCH_TIME):
            if ports.worker_queue.send(order.to_body(tally)):
                return Outcome.CONTINUED
            raise Busy


def _list(ports: ErasurePorts, prefixes: Sequence[str], after: ObjectVersion | None) -> VersionPage:
    """Read versions under one prefix after another, behind one that exists. A page is empty only at the end."""
    key = prefixes[0] if after is None else after.key
    first = next((place for place, prefix in enumerate(prefixes) if key.startswith(prefix)), 0)
    for place, prefix in enumerate(prefixes[first:], first + 1):
        page = ports.sessions.list_versions(prefix, after, BATCH)
        if page.versions:
            return VersionPage(page.versions, page.more or place < len(prefixes))
        after = None
    return VersionPage([], more=False)


def _erase_page(ports: ErasurePorts, page: VersionPage, tally: Tally, reports: Reports) -> None:
    if page.versions:
        refused = ports.sessions.delete(page.versions)
        tally.book(len(page.versions), refused)
        ports.meter.count("ObjectVersionsDeleted", len(page.versions) - len(refused))
        reports.progress(tally.progress)
    if not page.more:
        tally.begin_walk()
        if tally.refused and tally.walks < WALKS:
            ports.clock.sleep(FIRST_PAUSE * 2 ** (tally.walks - 1))


def _count(ports: ErasurePorts, prefixes: Sequence[str], reports: Reports) -> Tally:
    """Count the versions, so that progress can be told, and say that the work begins."""
    count = min(MAX_COUNTED, sum(ports.sessions.count_versions(prefix, MAX_COUNTED) for prefix in prefixes))
    tally = Tally(total=count, exact=count < MAX_COUNTED)
    reports.say(Severity.INFORMATION, f"Deleting {tally.total_in_words} object versions.")
    return tally


def _is_ours(job: Job, order: Order) -> bool:
    return job.status is Status.RUNNING and job.attempt == order.attempt and job.action == DELETE_USER_DATA
