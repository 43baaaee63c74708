"""Events that come in, after they were read: who sent them, and what they ask for or report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from jobs.lifecycle.creation import IdempotencyKey
    from jobs.model import Message, NewJob
    from jobs.schedules.ports import Spec


class Envelope(NamedTuple):
    """Who sent an event, and which event it is."""

    event_id: str
    source: str
    account: str

    @property
    def identity(self) -> tuple[str, str]:
        """What a redelivery is recognised by. An event may be sent again from another account."""
        return self.source, self.event_id

    @property
    def actor(self) -> str:
        """How the history of a job names the sender. A source may be called like a key; this cannot."""
        return f"event:{self.source}"


class JobRequested(NamedTuple):
    """A request for a job."""

    project_key: str
    new: NewJob
    idempotency: IdempotencyKey | None


class ScheduleRequested(NamedTuple):
    """A request for a schedule."""

    project_key: str
    spec: Spec
    idempotency: IdempotencyKey | None


class JobProgress(NamedTuple):
    """A sign that an attempt is alive, and how far it is if it says so."""

    project_key: str
    job_id: int
    attempt: int
    progress: int | None
    message: Message | None
    #: When it was sent.
    at: int


class JobMessage(NamedTuple):
    """What a worker says about a job."""

    project_key: str
    job_id: int
    message: Message


class JobCompleted(NamedTuple):
    """A report that an attempt is done."""

    project_key: str
    job_id: int
    attempt: int
    outputs: tuple[Any, ...]


class JobFailed(NamedTuple):
    """A report that an attempt failed."""

    project_key: str
    job_id: int
    attempt: int
    errors: tuple[str, ...]
    #: False means that no further attempt would help.
    retryable: bool = True
    #: In how many seconds the next attempt is due; None leaves it to the back-off.
    retry_after: int | None = None


Report: TypeAlias = JobProgress | JobMessage | JobCompleted | JobFailed
Requested: TypeAlias = JobRequested | ScheduleRequested
Content: TypeAlias = Requested | Report


class Refusal(NamedTuple):
    """Why an event can never be taken: the field that is to blame, and the rule that it breaks. It quotes no value."""

    field: str
    reason: str


class Delivery(NamedTuple):
    """An event as it was delivered."""

    envelope: Envelope
    content: Content
