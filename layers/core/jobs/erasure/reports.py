"""What the worker says about its job, in the way of any worker: events on the bus."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from jobs.errors import Busy
from jobs.model import DELETION_EVENT_SOURCE, Event, Severity, Status

if TYPE_CHECKING:
    from jobs.erasure.order import Order, Tally
    from jobs.erasure.ports import ErasurePorts
    from jobs.model import Job

#: The reports that end a job. If one is lost, the job runs on until it times out.
_ENDS = frozenset({"Job Completed", "Job Failed"})


#: What it says if it has deleted nothing.
NOTHING_FOUND = (
    "Nothing was deleted: there are no object versions under either spelling of the id. Unless an earlier attempt "
    "deleted them, the keys of the objects begin in another way."
)


class Outcome(StrEnum):
    """How one delivery of a job to the worker ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    #: The job is no longer this worker's: cancelled, timed out, or at a later attempt.
    STOPPED = "stopped"
    #: Time ran out: the rest was put on the worker's queue.
    CONTINUED = "continued"


class Reports:
    """The reports of one order."""

    def __init__(self, ports: ErasurePorts, order: Order) -> None:
        self._ports = ports
        self._order = order

    def progress(self, percent: int) -> None:
        """Say how far the attempt is, which also says that it is alive."""
        self._put(self._of_attempt("Job Progress", progress=percent))

    def say(self, severity: Severity, text: str) -> None:
        """Say something for people to read."""
        self._put(self._message(severity, text))

    def complete(self, tally: Tally) -> Outcome:
        """Say that nothing is left, and how much was deleted. To have found nothing may mean to have looked amiss."""
        severity = Severity.INFORMATION if tally.done else Severity.WARNING
        self._put(
            self._of_attempt("Job Progress", progress=100),
            self._message(severity, f"Deleted {tally.done} object versions." if tally.done else NOTHING_FOUND),
            self._of_attempt("Job Completed", outputs=[{"deletedObjectVersions": tally.done}]),
        )
        return Outcome.COMPLETED

    def fail(self, errors: list[str], *, retryable: bool = True) -> Outcome:
        """Say why something is left."""
        self._put(
            self._message(Severity.ERROR, f"Failed: {'; '.join(errors)}."),
            self._of_attempt("Job Failed", errors=errors, retryable=retryable),
        )
        return Outcome.FAILED

    def stop(self, tally: Tally, job: Job | None) -> Outcome:
        """Say nothing more about an attempt that is over. If it was cancelled, say how far it had come."""
        if job is not None and job.status is Status.CANCELLED and job.attempt == self._order.attempt:
            deleted = f"{tally.done} of {tally.total_in_words} object versions were deleted"
            self.say(Severity.WARNING, f"Stopped, as the job was cancelled: {deleted}.")
        return Outcome.STOPPED

    def _of_attempt(self, detail_type: str, **detail: Any) -> Event:
        return self._event(detail_type, attempt=self._order.attempt, **detail)

    def _message(self, severity: Severity, text: str) -> Event:
        return self._event("Job Message", status=int(severity), text=text, toolId=0, at=self._ports.clock.now())

    def _event(self, detail_type: str, **detail: Any) -> Event:
        of = {"projectKey": self._order.project_key, "jobId": self._order.job_id}
        return Event(DELETION_EVENT_SOURCE, detail_type, {**of, **detail})

    def _put(self, *events: Event) -> None:
        """Put reports. The next report makes up for a lost message or progress, but nothing for a lost end.

        Raises:
            Busy: an end was refused.
        """
        refused = self._ports.bus.put(events)
        if refused:
            self._ports.meter.count("ReportRefused", len(refused))
        if any(event.detail_type in _ENDS for event in refused):
            raise Busy
