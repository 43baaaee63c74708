"""What the use cases need of the world. Implemented on AWS by `store` and `adapters`, in memory by the tests."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from jobs.model import (
        Credential,
        DeletionLock,
        DueJob,
        Event,
        IdempotencyRecord,
        Job,
        Organisation,
        Project,
        StartMessage,
    )


class Clock(Protocol):
    """Time, so that tests and simulations can own it."""

    def now(self) -> int:
        """Milliseconds since the epoch."""

    def sleep(self, milliseconds: float) -> None:
        """Wait."""


class Append(Enum):
    """How an attempt to add a job under the next number ended."""

    DONE = auto()
    #: Another job has the number: read the highest again.
    NUMBER_TAKEN = auto()
    #: The idempotency key or the deletion lock was moved by another creator: look at them again.
    OVERTAKEN = auto()
    #: A conflict, a throttle or a lost answer, which prove nothing: try the same again.
    UNCERTAIN = auto()


class Start(Enum):
    """How an attempt to start a job ended."""

    STARTED = auto()
    #: Its time has not come: the hint was early or is out of date.
    NOT_DUE = auto()
    #: It is not scheduled (started by another hint, cancelled, finished) or does not exist.
    NOT_SCHEDULED = auto()


class Watermark(NamedTuple):
    """How far a shard of the status index was dispatched: the key of the last row sent."""

    shard: int
    last: DueJob


class SweepCursor(NamedTuple):
    """Where the next sweep begins: a shard, and the last row it has looked at there."""

    shard: int
    last: DueJob | None


class JobStore(Protocol):
    """Jobs and what belongs to them. Every method is one access pattern (docs/access-patterns.md).

    All raise `errors.Busy` when the store throttles for longer than the client retries.
    """

    def get_job(self, project_id: int, job_id: int) -> Job | None:
        """Read one job, strongly: a created job is there."""

    def get_params(self, project_id: int, job_id: int) -> Mapping[str, Any]:
        """Read a job's parameters; empty where it has none."""

    def list_jobs(self, project_id: int, first: int, last: int) -> list[Job]:
        """Read the jobs numbered `first` to `last` that exist, ascending, eventually consistent."""

    def highest_job_id(self, project: Project, *, strong: bool) -> int:
        """Find the highest job number given out, 0 where there is none."""

    def append(
        self,
        job: Job,
        token: str,
        params: Mapping[str, Any],
        record: IdempotencyRecord | None,
        lock: DeletionLock | None,
    ) -> Append:
        """Put a job under a number that must be free, with all that belongs to it, or nothing at all.

        `token` tells the job's own creator, after a lost answer, that it has won. `record` is put where no live
        record has its key (live at the job's creation), `lock` is moved from the version before its own.
        """

    def note_block(self, project: Project, job_id: int) -> None:
        """Raise the project's hint of its last block where it lags, after job `job_id` was committed."""

    def find_idempotency_record(self, project_id: int, key_digest: str, now: int) -> IdempotencyRecord | None:
        """Read an idempotency record, strongly; an expired one is not believed."""

    def find_deletion_lock(self, project_id: int, digest: str) -> DeletionLock | None:
        """Read a deletion lock, strongly."""

    def start_job(self, project_id: int, job_id: int, now: int) -> Start:
        """Move a job from scheduled to running if it is due."""

    def cancel_job(self, project_id: int, job_id: int, now: int, by: str) -> Job:
        """Move an active job to cancelled and return it.

        Raises:
            JobNotFound: the project has no such job.
            JobNotCancellable: it has already ended.
        """

    def list_due(self, shard: int, after: DueJob | None, until: int, limit: int) -> list[DueJob]:
        """Read scheduled jobs of one shard in the order they are due: behind `after`, due no later than `until`.

        Fewer than `limit` rows mean that there are no more.
        """

    def list_watermarks(self) -> list[Watermark]:
        """Read the watermarks of all shards that have one, strongly."""

    def raise_watermark(self, watermark: Watermark) -> None:
        """Save a watermark unless a later one is saved already."""

    def get_sweep_cursor(self) -> SweepCursor:
        """Read where the next sweep begins."""

    def save_sweep_cursor(self, cursor: SweepCursor) -> None:
        """Save where the next sweep begins; a lost save only repeats work."""


class StartQueue(Protocol):
    """Hints that jobs are due, delivered when the first job of a message is."""

    def send(self, messages: Iterable[StartMessage]) -> Sequence[StartMessage]:
        """Send hints; return those that were not accepted after retries."""

    def backlog(self) -> int:
        """About how many hints are visible and not yet received."""


class EventBus(Protocol):
    """The custom bus: status changes go out on it, requests and reports come in."""

    def put(self, events: Sequence[Event]) -> Sequence[Event]:
        """Put events; return those that were not accepted after retries."""


class Directory(Protocol):
    """Who may do what, as every request asks it."""

    def find_credential(self, digest: str) -> Credential | None:
        """Read the credential whose secret has this SHA-256 (hex)."""

    def find_project(self, project_key: str) -> Project | None:
        """Read the project of a key."""


class Registry(Directory, Protocol):
    """The directory with what administrators do to it."""

    def add_organisation(self, name: str) -> Organisation:
        """Create an organisation under the next free id."""

    def add_project(self, organisation_id: int, name: str, project_key: str, secret: bytes, limit: int) -> Project:
        """Create a project of an organisation that has fewer than `limit` of them.

        Raises:
            InvalidRequest: there is no such organisation, or it has `limit` projects.
        """

    def add_credential(self, credential: Credential, digest: str) -> None:
        """Store a credential under the digest of its secret.

        Raises:
            InvalidRequest: there is no such organisation.
        """


class Meter(Protocol):
    """Counts what operators watch; never carries personal data."""

    def count(self, name: str, value: float = 1) -> None:
        """Add to a counter."""

    def milliseconds(self, name: str, value: float) -> None:
        """Record a duration."""

    def failed(self, call: str, error: Exception) -> None:
        """Note that a call of AWS failed and was survived."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The world a use case works in; the composition root makes the real one, a simulation its own."""

    store: JobStore
    queue: StartQueue
    clock: Clock
    meter: Meter
    #: Uniform in [0, 1).
    random: Callable[[], float]
    #: Transition tokens: unguessable, never the same twice.
    token: Callable[[], str]
