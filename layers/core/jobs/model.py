"""The job, its states and the moves between them. No I/O, no AWS.

Times are integers: milliseconds since the epoch, UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
#: How far ahead `startAt` may lie in the public API: 365 days.
MAX_START_DELAY = 365 * DAY

#: What an action may be called, as a regular expression.
ACTION = "[a-z0-9_.-]{1,64}"
#: The action whose jobs are held to one active per user and project.
DELETE_USER_DATA = "delete_user_data"
#: Its defaults, by whatever route the job comes: at midnight deletions queue, so they get half a day and three tries.
DELETION_MAX_ATTEMPTS = 3
DELETION_TIMEOUT_SECONDS = 43_200

DEFAULT_MAX_ATTEMPTS = 1
DEFAULT_TIMEOUT_SECONDS = 900

#: Who changed a job when no caller did: the service itself.
BY_SERVICE = "service"

#: How often a job may be attempted at all, retries included.
MAX_ATTEMPTS = 20


class Status(StrEnum):
    """The five states of a job, in the words of both OpenReplay documents."""

    SCHEDULED = "scheduled"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_active(self) -> bool:
        """Whether the job may still do something: scheduled or running."""
        return self in ACTIVE


ACTIVE = frozenset({Status.SCHEDULED, Status.RUNNING})

#: Every move there is. `failed` and `cancelled` are left only by a caller's retry; `running → scheduled` is the
#: next attempt after one that failed or was lost.
TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.SCHEDULED: frozenset({Status.RUNNING, Status.CANCELLED}),
    Status.RUNNING: frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.SCHEDULED}),
    Status.COMPLETED: frozenset(),
    Status.FAILED: frozenset({Status.SCHEDULED}),
    Status.CANCELLED: frozenset({Status.SCHEDULED}),
}


class Change(NamedTuple):
    """One committed status change: what the job became, when, and by whom.

    `by` is the id of a key or client, the source of an event, or `service`.
    """

    to: Status
    at: int
    by: str


class Run(NamedTuple):
    """Whose run of which workflow a job is, and how it is to be run."""

    workflow_id: str = ""
    owner_id: str = ""
    collection_ids: tuple[str, ...] = ()
    priority: str = ""
    worker_tag: str = ""


#: That of any job that is no workflow's.
NO_RUN = Run()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as it is stored.

    Whatever its history says is derived from it, so that the two can not disagree.
    """

    project_id: int
    #: 1, 2, 3 … within the project, without a gap and without a repeat.
    job_id: int
    action: str
    status: Status
    #: When the caller asked for it to start; never moves.
    start_at: int
    #: When something is next due: the start of a scheduled job, the time-out of a running one, else None.
    next_at: int | None
    history: tuple[Change, ...]
    description: str = ""
    reference_id: str = ""
    #: 1 from creation, one more at every return to `scheduled`.
    attempt: int = 1
    max_attempts: int = DEFAULT_MAX_ATTEMPTS
    timeout_seconds: int = DEFAULT_TIMEOUT_SECONDS
    errors: tuple[str, ...] | None = None
    #: Whether parameters were given; they are stored beside the job, not in it.
    has_params: bool = False
    #: 0 to 100, as the worker of the present attempt says; None before it says so.
    progress: int | None = None
    #: Names the outputs stored beside the job, None where it has none.
    outputs_token: str | None = None
    #: What the events of other services tell of a workflow's run; empty for any other job.
    run: Run = NO_RUN

    @property
    def created_at(self) -> int:
        """When the job was created."""
        return self.history[0].at

    @property
    def updated_at(self) -> int | None:
        """When its status last changed, or None before the first change."""
        return self.history[-1].at if len(self.history) > 1 else None

    @property
    def due_at(self) -> int | None:
        """When the attempt that is scheduled is due, None unless scheduled."""
        return self.next_at if self.status is Status.SCHEDULED else None

    @property
    def timeout_at(self) -> int | None:
        """When the running attempt counts as lost, None unless running."""
        return self.next_at if self.status is Status.RUNNING else None

    @property
    def started_at(self) -> int | None:
        """When the present attempt started, None where it has not."""
        for change in reversed(self.history):
            if change.to is Status.RUNNING:
                return change.at
            if change.to is Status.SCHEDULED:
                return None
        return None

    @property
    def cancelled_from(self) -> Status | None:
        """The status that the cancellation replaced, None where the job is not cancelled."""
        return self.history[-2].to if self.status is Status.CANCELLED else None

    @property
    def finished_at(self) -> int | None:
        """When the job reached the final state it is in, None while it is active."""
        return None if self.status.is_active else self.history[-1].at


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """What a caller asks for, validated and with every default decided."""

    action: str
    #: None starts it as soon as it is created.
    start_at: int | None = None
    description: str = ""
    reference_id: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    max_attempts: int = DEFAULT_MAX_ATTEMPTS
    timeout_seconds: int = DEFAULT_TIMEOUT_SECONDS
    run: Run = NO_RUN


class Severity(IntEnum):
    """How grave a message is, in Alteryx' numbers."""

    NONE = 0
    INFORMATION = 1
    WARNING = 2
    ERROR = 3


class Message(NamedTuple):
    """What a worker says about a job."""

    at: int
    severity: Severity
    text: str
    #: The tool of a workflow that spoke, 0 where none did.
    tool_id: int = 0


class SeenEvent(NamedTuple):
    """That an event was taken: the digest of its source and id, and until when that is remembered (seconds)."""

    digest: str
    expires: int


@dataclass(frozen=True, slots=True)
class Organisation:
    """Who owns projects and keys."""

    organisation_id: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """Where jobs live: the tenant boundary."""

    project_id: int
    organisation_id: int
    project_key: str
    name: str
    #: Keys the digests of user ids in this project's deletion locks.
    secret: bytes = field(repr=False)
    #: The last block of job rows known to be begun: may lag behind the truth, never lead it.
    block: int = 0
    #: AWS accounts whose events it takes beside the stack's own.
    accounts: frozenset[str] = frozenset()
    #: Sources whose events it takes; empty means any.
    sources: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Issued:
    """What is given out and may end, at a time or when it is revoked."""

    expires_at: int | None = None
    revoked_at: int | None = None

    def is_live(self, now: int) -> bool:
        """Whether it opens anything at the time `now`."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential(_Issued):
    """What a presented secret stands for; the secret itself is stored nowhere."""

    credential_id: str
    organisation_id: int


class Role(StrEnum):
    """What a user is in an organisation."""

    #: Sees and cancels every job of the organisation, and alone reads messages and the list of all jobs.
    ADMINISTRATOR = "administrator"
    MEMBER = "member"


class Right(StrEnum):
    """What a collection lets a user do with the jobs that are shared through it."""

    VIEW = "view"
    #: View and cancel.
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Who owns workflow runs, and sees those of others through collections."""

    organisation_id: int
    user_id: str
    role: Role
    name: str = ""
    #: The collections the user is in, and the right in each.
    collections: Mapping[str, Right] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client(_Issued):
    """An OAuth 2.0 client: acts for one user, and runs workflows in one project."""

    client_id: str
    organisation_id: int
    user_id: str
    project_id: int
    #: SHA-256 of its secret (hex), which itself is stored nowhere.
    secret_digest: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken(_Issued):
    """What a client was given for its secret; opens what the client opens, until it expires."""

    client_id: str


class Principal(NamedTuple):
    """Who calls: a client, and the user for whom it acts."""

    client: Client
    user: User


@dataclass(frozen=True, slots=True)
class DeletionLock:
    """Names the latest deletion job of one user; moved from version to version, never released."""

    digest: str
    job_id: int
    version: int


@dataclass(frozen=True, slots=True)
class IdempotencyRecord:
    """That a key was used, for which body (its digest), and the job it made."""

    key_digest: str
    body_digest: str
    job_id: int
    #: Seconds since the epoch, DynamoDB's TTL unit.
    expires: int


class Event(NamedTuple):
    """An event of the bus, as it is put: who says what about what."""

    source: str
    detail_type: str
    detail: Mapping[str, Any]


class JobKey(NamedTuple):
    """Which job: a project and a number in it."""

    project_id: int
    job_id: int


class DueJob(NamedTuple):
    """A row of the status index: a job and when it is due."""

    due_at: int
    project_id: int
    job_id: int


class StartHint(NamedTuple):
    """Jobs of one project that are due within one second: a hint to start them, never the decision."""

    project_id: int
    #: (jobId, dueAt) pairs.
    jobs: tuple[tuple[int, int], ...]

    @property
    def due_at(self) -> int:
        """When the first of them is due."""
        return min(due for _, due in self.jobs)
