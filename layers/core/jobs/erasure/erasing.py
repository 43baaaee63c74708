"""Erasing what is stored of a user: the worker behind the action `delete_user_data`.

It is a worker like any other: an event tells it that a job has started, and it reports by events. Nothing but the
listing says what is left to do, so that after a crash, or beside another worker on the same job, it simply goes on.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from jobs.errors import Busy, ProjectNotFound
from jobs.model import DELETE_USER_DATA, SECOND, Event, Severity, Status
from jobs.ports import ObjectVersion, SessionsRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jobs.model import Job
    from jobs.ports import Clock, Directory, EventBus, JobStore, Meter, SessionStore, VersionPage, WorkerQueue

#: Who reports.
SOURCE = "jobs.delete_user_data"
#: Versions erased between two looks at the job: what S3 deletes in one call.
BATCH = 1_000
#: How far is counted before the work begins: a hundred listings. What is beyond is erased all the same.
MAX_COUNTED = 100 * BATCH
#: How often the whole of what is left is gone through before what S3 refuses is given up.
WALKS = 3
FIRST_PAUSE = SECOND

#: The reports of which a job's end hangs: lost, they would leave it running until it times out.
_ENDS = frozenset({"Job Completed", "Job Failed"})


class Outcome(StrEnum):
    """How one delivery of a job to the worker ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    #: The job is no longer this worker's: cancelled, timed out, or at a later attempt.
    STOPPED = "stopped"
    #: The time was too short: what is left was put on the worker's queue.
    CONTINUED = "continued"


@dataclass(slots=True, kw_only=True)
class Tally:
    """How far an attempt has come; travels in the message that continues it."""

    #: Versions counted at the start, more where they turn up later.
    total: int
    #: Whether there were no more of them.
    exact: bool
    done: int = 0
    #: Walks through all that is left that have ended.
    walks: int = 0
    #: Where the walk goes on: behind the last version that S3 refused to delete, None from the beginning.
    after: ObjectVersion | None = None
    #: How many S3 refused in this walk, by its codes.
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def progress(self) -> int:
        """Percent; never all of it while nobody knows how much there is."""
        return min(100 * self.done // max(self.total, 1), 100 if self.exact else 99)

    @property
    def total_in_words(self) -> str:
        """How many there are, as far as it is known."""
        return str(self.total) if self.exact else f"at least {self.total}"

    def book(self, tried: int, refused: list[tuple[ObjectVersion, str]]) -> None:
        """Note a batch."""
        self.done += tried - len(refused)
        self.refused.update(code for _, code in refused)
        self.total = max(self.total, self.done + self.refused.total())
        if refused:
            self.after = refused[-1][0]

    def begin_walk(self) -> None:
        """Go back to the beginning of what is left."""
        self.walks += 1
        self.after = None

    def errors(self, found: int) -> list[str]:
        """Why the job fails, though `found` versions or more are left: numbers and codes, no names."""
        if not self.refused:
            return [f"at least {found} object versions were written while the user's data was deleted"]
        of = f"of {self.total_in_words} object versions could not be deleted"
        return [f"{count} {of}: {code}" for code, count in sorted(self.refused.items())]

    def to_content(self) -> dict[str, Any]:
        """What travels."""
        return {
            "total": self.total,
            "exact": self.exact,
            "done": self.done,
            "walks": self.walks,
            "after": self.after,
            "refused": self.refused,
        }

    @classmethod
    def from_content(cls, content: Mapping[str, Any]) -> Self:
        """What has travelled."""
        return cls(
            total=int(content["total"]),
            exact=bool(content["exact"]),
            done=int(content["done"]),
            walks=int(content["walks"]),
            after=ObjectVersion(*content["after"]) if content["after"] else None,
            refused=Counter({str(code): int(count) for code, count in content["refused"].items()}),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The event that a deletion has started, as EventBridge puts it on the worker's queue, and how far it has come."""

    #: Kept whole, as it goes on to those who continue.
    envelope: Mapping[str, Any]
    project_id: int
    project_key: str
    job_id: int
    attempt: int
    tally: Tally | None = None

    @classmethod
    def from_body(cls, body: str) -> Self:
        """Read a message of the worker's queue.

        Raises:
            ValueError: it is no order, and never will be.
        """
        try:
            envelope = json.loads(body)
            detail, tally = envelope["detail"], envelope.get("continuation")
            if (envelope["source"], envelope["detail-type"], detail["action"]) != (
                "jobs",
                "Job Started",
                DELETE_USER_DATA,
            ):
                raise ValueError("not an order to delete a user's data")
            numbers = (detail["projectId"], detail["jobId"], detail["attempt"])
            if any(type(number) is not int for number in numbers) or not isinstance(detail["projectKey"], str):
                raise ValueError("not an order to delete a user's data")
            return cls(
                envelope=envelope,
                project_id=numbers[0],
                project_key=detail["projectKey"],
                job_id=numbers[1],
                attempt=numbers[2],
                tally=None if tally is None else Tally.from_content(tally),
            )
        except (AttributeError, KeyError, TypeError, OverflowError, RecursionError):
            raise ValueError("not an order to delete a user's data") from None  # which would quote what it holds

    def to_body(self, tally: Tally) -> str:
        """The message that continues this."""
        return json.dumps(
            {**self.envelope, "continuation": tally.to_content()}, ensure_ascii=False, separators=(",", ":")
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasurePorts:
    """The world that the worker works in."""

    store: JobStore
    directory: Directory
    sessions: SessionStore
    bus: EventBus
    queue: WorkerQueue
    clock: Clock
    meter: Meter


def prefix_of(project_key: str, user_id: str) -> str:
    """Where the objects of a user are; of this one alone, as an encoded id holds no slash and the last one ends it."""
    return f"{project_key}/{quote(user_id, safe='')}/"


def erase(ports: ErasurePorts, order: Order, has_time: Callable[[], bool]) -> Outcome:
    """Erase the objects of the user whom a job names, until all is gone or the job is no longer this worker's.

    `has_time` is asked after each batch; each delivery does one at least.

    Raises:
        ProjectNotFound: the order's project is none, or not the one that its key names.
        Busy: AWS throttles, or an end could not be reported: deliver again.
    """
    project = ports.directory.get_project(order.project_id)
    if project is None or project.project_key != order.project_key:
        raise ProjectNotFound
    job = ports.store.get_job(order.project_id, order.job_id)
    if job is None or not _is_ours(job, order):
        return Outcome.STOPPED
    reports = _Reports(ports, order)
    if not job.reference_id:
        return reports.fail(["the job names no user"])
    # The job's own word, not the event's: nothing else decides whose data goes.
    prefix = prefix_of(project.project_key, job.reference_id)
    try:
        return _erase(ports, order, prefix, reports, has_time)
    except SessionsRefused as refused:
        return reports.fail([f"the object versions could not be listed: {refused.code}"])


def _erase(ports: ErasurePorts, order: Order, prefix: str, reports: _Reports, has_time: Callable[[], bool]) -> Outcome:
    tally = order.tally or _count(ports, prefix, reports)
    while True:
        page = ports.sessions.list_versions(prefix, tally.after, BATCH)
        job = ports.store.get_job(order.project_id, order.job_id)
        if job is None or not _is_ours(job, order):
            return reports.stop(tally, job)
        if tally.after is None:
            if not page.versions:
                return reports.complete(tally)
            if tally.walks == WALKS:
                return reports.fail(tally.errors(len(page.versions)))
            tally.refused.clear()
        _erase_page(ports, page, tally, reports)
        if not has_time():
            if ports.queue.send(order.to_body(tally)):
                return Outcome.CONTINUED
            raise Busy


def _erase_page(ports: ErasurePorts, page: VersionPage, tally: Tally, reports: _Reports) -> None:
    if page.versions:
        refused = ports.sessions.delete(page.versions)
        tally.book(len(page.versions), refused)
        ports.meter.count("ObjectVersionsDeleted", len(page.versions) - len(refused))
        reports.progress(tally.progress)
    if not page.more:
        tally.begin_walk()
        if tally.refused and tally.walks < WALKS:
            ports.clock.sleep(FIRST_PAUSE * 2 ** (tally.walks - 1))


def _count(ports: ErasurePorts, prefix: str, reports: _Reports) -> Tally:
    """Count what there is, so that progress can be told of it, and say that the work begins."""
    count = ports.sessions.count_versions(prefix, MAX_COUNTED)
    tally = Tally(total=count, exact=count < MAX_COUNTED)
    reports.say(Severity.INFORMATION, f"Deleting {tally.total_in_words} object versions.")
    return tally


def _is_ours(job: Job, order: Order) -> bool:
    return job.status is Status.RUNNING and job.attempt == order.attempt and job.action == DELETE_USER_DATA


class _Reports:
    """What the worker says of its job, as any worker says it: events on the bus."""

    def __init__(self, ports: ErasurePorts, order: Order) -> None:
        self._ports = ports
        self._order = order

    def progress(self, percent: int) -> None:
        """Say how far the attempt is; also the sign that it lives."""
        self._put(self._of_attempt("Job Progress", progress=percent))

    def say(self, severity: Severity, text: str) -> None:
        """Say something that people read."""
        self._put(self._message(severity, text))

    def complete(self, tally: Tally) -> Outcome:
        """Say that nothing is left."""
        self._put(
            self._of_attempt("Job Progress", progress=100),
            self._message(Severity.INFORMATION, f"Deleted {tally.done} object versions."),
            self._of_attempt("Job Completed"),
        )
        return Outcome.COMPLETED

    def fail(self, errors: list[str]) -> Outcome:
        """Say why something is left."""
        self._put(
            self._message(Severity.ERROR, f"Failed: {'; '.join(errors)}."),
            self._of_attempt("Job Failed", errors=errors),
        )
        return Outcome.FAILED

    def stop(self, tally: Tally, job: Job | None) -> Outcome:
        """Say no more of an attempt that is over, but to whoever cancelled it how far it had come."""
        if job is not None and job.status is Status.CANCELLED and job.attempt == self._order.attempt:
            deleted = f"{tally.done} of {tally.total_in_words} object versions were deleted"
            self.say(Severity.WARNING, f"Stopped, as the job was cancelled: {deleted}.")
        return Outcome.STOPPED

    def _of_attempt(self, detail_type: str, **detail: Any) -> Event:
        return self._event(detail_type, attempt=self._order.attempt, **detail)

    def _message(self, severity: Severity, text: str) -> Event:
        return self._event("Job Message", status=int(severity), text=text, toolId=0)

    def _event(self, detail_type: str, **detail: Any) -> Event:
        of = {"projectKey": self._order.project_key, "jobId": self._order.job_id}
        return Event(SOURCE, detail_type, {**of, **detail})

    def _put(self, *events: Event) -> None:
        """Put reports. A lost word or sign of life is made good by the next one; a lost end by nothing but itself.

        Raises:
            Busy: an end was refused.
        """
        refused = self._ports.bus.put(events)
        if refused:
            self._ports.meter.count("ReportRefused", len(refused))
        if any(event.detail_type in _ENDS for event in refused):
            raise Busy
