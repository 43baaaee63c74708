"""One attempt of a job, as the code that does it sees it."""

from __future__ import annotations

import threading
import time
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from jobs_worker.errors import Cancelled, Retry, Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jobs_worker.events import Started
    from jobs_worker.service import State

#: Progress is sent at most this often, in seconds. What came in between is sent with the next beat.
PROGRESS_EVERY = 1.0


class Severity(IntEnum):
    """How grave a message is, in the service's numbers."""

    NONE = 0
    INFORMATION = 1
    WARNING = 2
    ERROR = 3


class Reports(Protocol):
    """Where reports go."""

    def put(self, detail_type: str, detail: Mapping[str, Any], /) -> None:
        """Put a report.

        Raises:
            NotReported: it was not taken.
        """


class Place(Protocol):
    """Where a job is looked at and files are put. Both methods raise `OSError` when they fail."""

    def state(self, of: Started, /) -> State:
        """Read what a job is."""

    def attach(self, of: Started, name: str, path: Path, format_: str, /) -> None:
        """Put a file."""


class Job:
    """What is to be done, and how to say how far it is.

    Attributes:
        params: what the caller gave.
        reference_id: the caller's own id of what the job is about; may be empty.
        description: the caller's own words; may be empty.
        action: what is to be done.
        attempt: 1 for the first attempt, one more for each further one.
        job_id: the number of the job in its project.
        project_key: the project.
    """

    def __init__(
        self, started: Started, bus: Reports, service: Place | None, spare: Callable[[], float] | None = None
    ) -> None:
        self.params: Mapping[str, Any] = started.params
        self.reference_id = started.reference_id
        self.description = started.description
        self.action = started.action
        self.attempt = started.attempt
        self.job_id = started.job_id
        self.project_key = started.project_key
        self.attached: list[str] = []
        self._started = started
        self._bus = bus
        self._service = service
        self._spare = spare
        self._percent: float = 0
        self._sent_at = float("-inf")
        self._cancelled = threading.Event()
        self._stopping = threading.Event()

    def progress(self, percent: float, message: str | None = None) -> None:
        """Say how far the work is, 0 to 100, and show that it is alive. Call it as often as you like.

        Raises:
            Cancelled: the job was cancelled, or this attempt is over. Let it pass.
            Retry: the time of the Lambda function is nearly over.
        """
        self.check()
        self._percent = percent
        if message is not None or time.monotonic() - self._sent_at >= PROGRESS_EVERY:
            self.beat(message)

    def check(self) -> None:
        """Raise what `progress` raises, and send nothing."""
        if self._cancelled.is_set():
            raise Cancelled
        if self._stopping.is_set():
            raise Stopped
        if self._spare is not None and self._spare() <= 0:
            raise Retry("the time of the function was over")

    def message(self, text: str, severity: Severity = Severity.INFORMATION) -> None:
        """Tell something to those who follow the job."""
        at = time.time_ns() // 1_000_000
        self._report("Job Message", status=int(severity), text=text, toolId=0, at=at)

    def attach(self, name: str, path: str | Path, format: str = "Raw") -> None:  # noqa: A002  # the API's own name
        """Put a file among the job's outputs, under a name. It needs `JOBS_URL` and `JOBS_KEY`.

        Raises:
            RuntimeError: they are not set.
            OSError: the file cannot be read, or the service did not take it.
        """
        if self._service is None:
            raise RuntimeError("set JOBS_URL and JOBS_KEY to attach files")
        self._service.attach(self._started, name, Path(path), format)
        self.attached.append(name)

    # ---- for the worker ---------------------------------------------------------------------------------------------

    def beat(self, message: str | None = None) -> None:
        """Send the progress as it is."""
        self._sent_at = time.monotonic()
        said = {} if message is None else {"message": message}
        self._report("Job Progress", attempt=self.attempt, progress=self._percent, **said)

    def complete(self, outputs: list[Any]) -> None:
        """Report that the attempt is done."""
        named = [{"artifact": name} for name in dict.fromkeys(self.attached)]
        self._report("Job Completed", attempt=self.attempt, outputs=[*outputs, *named])

    def fail(self, error: str, *, retryable: bool = True, after: int | None = None) -> None:
        """Report that the attempt failed."""
        more: dict[str, Any] = {} if retryable else {"retryable": False}
        if after is not None:
            more["retryAfter"] = after
        self._report("Job Failed", attempt=self.attempt, errors=[error], **more)

    def cancel(self) -> None:
        """Have the next `progress` raise `Cancelled`."""
        self._cancelled.set()

    def stop(self) -> None:
        """Have the next `progress` raise `Stopped`."""
        self._stopping.set()

    def _report(self, detail_type: str, **detail: Any) -> None:
        self._bus.put(detail_type, {"projectKey": self.project_key, "jobId": self.job_id, **detail})
