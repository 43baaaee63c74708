"""Deleting a project: its jobs are cancelled, then its objects go, then its rows, then the project itself.

An administrator closes the project, which hides it from every caller. Runs of `redact_jobs` do the rest, each from the
place that the last one saved. Every step may be done twice.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from jobs.erasure.ports import SessionsRefused
from jobs.errors import Busy, JobNotCancellable
from jobs.forgetting.walking import SETTLED
from jobs.model import BY_SERVICE, SECOND
from jobs.tenants import ClosingStep

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.erasure.ports import SessionStore
    from jobs.forgetting.ports import ClosingPorts
    from jobs.model import Job
    from jobs.ports import TimeLeft
    from jobs.tenants import Closing

#: Jobs that are cancelled, and objects that are deleted, between two looks at the time; and milliseconds for that.
JOBS, OBJECTS = 100, 1_000
STEP_TIME = 10 * SECOND


def close(ports: ClosingPorts, has_time: TimeLeft) -> int:
    """Go on with the deletion of all projects that have settled, a step of each in turn, while there is time.

    Returns:
        How many projects are gone now.
    """
    settled = ports.clock.now() - SETTLED
    closings = [each for each in ports.closing.list_closings() if each.at <= settled]
    gone = 0
    while closings:
        following = []
        for each in closings:
            if not has_time(STEP_TIME):
                return gone
            try:
                onward = _step(ports, each)
            except Busy:
                ports.meter.count("ForgetThrottled")
                continue
            if onward.step is ClosingStep.END:
                gone += ports.closing.finish_closing(onward, ports.clock.now())
            elif ports.closing.move_closing(each, onward):
                following.append(onward)
        closings = following
    return gone


def _step(ports: ClosingPorts, closing: Closing) -> Closing:
    """Do a step of a deletion, and return how far it is then.

    Raises:
        Busy: AWS throttles, or S3 does not let us delete an object.
    """
    match closing.step:
        case ClosingStep.CANCEL_JOBS:
            return _cancel_jobs(ports, closing)
        case ClosingStep.DELETE_OBJECTS:
            count = _delete_objects(ports, closing)
            if count:
                return closing._replace(objects=closing.objects + count)
            return closing._replace(step=ClosingStep.DELETE_ROWS)
        case ClosingStep.DELETE_ROWS:
            count, cursor = ports.closing.delete_rows(closing.project_id, closing.cursor)
            counted = closing._replace(cursor=cursor or "", rows=closing.rows + count)
            return counted if cursor else counted._replace(step=ClosingStep.END)
        case ClosingStep.END:
            return closing


def _cancel_jobs(ports: ClosingPorts, closing: Closing) -> Closing:
    first = int(closing.cursor or 1)
    jobs = ports.jobs.list_jobs(closing.project_id, first, first + JOBS - 1)
    ports.parallel(partial(_cancel, ports), [job for job in jobs if job.status.is_active])
    counted = closing._replace(jobs=closing.jobs + len(jobs))
    if len(jobs) < JOBS:
        return counted._replace(step=ClosingStep.DELETE_OBJECTS, cursor="")
    return counted._replace(cursor=str(first + JOBS))


def _cancel(ports: ClosingPorts, job: Job) -> None:
    with suppress(JobNotCancellable):  # it has ended by itself
        ports.attempts.cancel_job(job.project_id, job.job_id, ports.clock.now(), BY_SERVICE)


def _delete_objects(ports: ClosingPorts, closing: Closing) -> int:
    """Delete some objects of the project, and return how many; 0 at the end."""
    for store, prefix in _places(ports, closing):
        try:
            page = store.list_versions(prefix, None, OBJECTS)
            refused = store.delete(page.versions) if page.versions else []
        except SessionsRefused:
            refused, page = [], None
        if refused or page is None:
            ports.meter.count("FileNotDeleted")
            raise Busy
        if page.versions:
            return len(page.versions)
    return 0


def _places(ports: ClosingPorts, closing: Closing) -> Iterator[tuple[SessionStore, str]]:
    yield ports.sessions, f"{closing.project_key}/"
    yield ports.artifact_files, f"{closing.project_id}/"
