"""Try an action without AWS: run it on a job, and see what it reports.

from jobs_worker.testing import run

def test_an_export_has_its_rows() -> None:
ran = run(worker, "export_report", params={"month": "2026-11"})
assert (ran.outcome, ran.outputs) == ("completed", [{"rows": 75}])
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs_worker.events import DEFAULT_TIMEOUT, Started
from jobs_worker.service import State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobs_worker.worker import Worker


@dataclass
class Ran:
    """What came of a run."""

    #: `completed`, `failed`, or `cancelled`, which reports nothing.
    outcome: str = "cancelled"
    outputs: list[Any] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    #: False if the action said `Fatal`.
    retryable: bool = True
    #: What the action said with `Retry`, in seconds.
    retry_after: int | None = None
    #: The progress that was sent, in its order.
    progress: list[float] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    #: What was attached, by name.
    files: dict[str, bytes] = field(default_factory=dict)


class _Bus:
    """Notes reports instead of sending them."""

    def __init__(self, ran: Ran) -> None:
        self._ran = ran

    def put(self, detail_type: str, detail: Mapping[str, Any]) -> None:
        """Note a report, which must be JSON."""
        detail = json.loads(json.dumps(detail))
        ran = self._ran
        match detail_type:
            case "Job Progress":
                ran.progress.append(detail["progress"])
                if "message" in detail:
                    ran.messages.append(detail["message"])
            case "Job Message":
                ran.messages.append(detail["text"])
            case "Job Completed":
                ran.outcome, ran.outputs = "completed", detail["outputs"]
            case "Job Failed":
                ran.outcome, ran.errors = "failed", detail["errors"]
                ran.retryable, ran.retry_after = detail.get("retryable", True), detail.get("retryAfter")


class _Service:
    """A service that keeps files, and cancels the job or not."""

    def __init__(self, ran: Ran, *, cancelled: bool) -> None:
        self._ran = ran
        self._cancelled = cancelled
        self._looks = 0

    def state(self, of: Started) -> State:
        """The job runs at the first look."""
        self._looks += 1
        return State("cancelled" if self._cancelled and self._looks > 1 else "running", of.attempt)

    def attach(self, _: Started, name: str, path: Path, __: str) -> None:
        """Keep a file."""
        self._ran.files[name] = Path(path).read_bytes()


def run(  # noqa: PLR0913  # what a job has
    worker: Worker,
    action: str,
    params: Mapping[str, Any] | None = None,
    *,
    reference_id: str = "",
    attempt: int = 1,
    cancelled: bool = False,
) -> Ran:
    """Run an action on a job.

    Args:
        worker: the worker that has the action.
        action: which action.
        params: the job's parameters.
        reference_id: what the job is about.
        attempt: which attempt it is.
        cancelled: whether the job is cancelled soon after the start. It is noticed within a tenth of a second.
    """
    ran = Ran()
    detail = {
        "projectKey": "test",
        "jobId": 1,
        "attempt": attempt,
        "action": action,
        "referenceId": reference_id,
        "description": "",
        "params": json.loads(json.dumps(params or {})),
        "timeoutSeconds": DEFAULT_TIMEOUT,
        "deduplicationId": "test",
    }
    body = json.dumps({"source": "jobs", "detail-type": "Job Started", "detail": detail})
    worker.connected_to(_Bus(ran), _Service(ran, cancelled=cancelled), cancel_every=0.05).work(body)
    return ran
