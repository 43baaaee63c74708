"""What the use cases need of the world, one port per subject.

`store` and `adapters` implement the ports on AWS, the tests' fakes in memory. The calls of the store are access
patterns: docs/access-patterns.md charts each of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from jobs.model import (
        DeletionLock,
        Due,
        DueJob,
        Event,
        Hint,
        IdempotencyRecord,
        Job,
        JobKey,
        ListedJob,
        Message,
        SeenEvent,
    )
    from jobs.outcomes import (
        AppendOutcome,
        AppendResult,
        Attempt,
        Failure,
        MessagePage,
        NewRow,
        ReportOutcome,
        Stamp,
        StartOutcome,
        SweepCursor,
        Watermark,
    )
    from jobs.tenants import AccessToken, Client, Credential, Project, User, Workflow


Given = TypeVar("Given")
Made = TypeVar("Made")


class JobStore(Protocol):
    """Job rows, and what their creation needs. All calls of the store raise `errors.Busy` when DynamoDB throttles."""

    def get_job(self, project_id: int, job_id: int, *, strong: bool = True) -> Job | None:
        """Read one job."""

    def list_jobs(self, project_id: int, first: int, last: int) -> list[Job]:
        """Read the jobs numbered `first` to `last` that exist, ascending, eventually consistent."""

    def walk_jobs(self, project_id: int, first: int, last: int, *, newest_first: bool = False) -> Iterator[Job]:
        """Read the same jobs lazily, a megabyte at a time, in either order."""

    def walk_listed(self, project_id: int, first: int, last: int, *, newest_first: bool = False) -> Iterator[ListedJob]:
        """Read what a list shows of the same jobs, as lazily."""

    def walk_workflow(
        self, project_id: int, workflow_id: str, *, newest_first: bool, at_once: int = 100
    ) -> Iterator[Job]:
        """Read the jobs that run a workflow in the order of their numbers, lazily, up to a hundred at a time."""

    def highest_job_id(self, project: Project, *, strong: bool) -> int:
        """Find the highest job number of a project; 0 if it has no job."""

    def append(
        self, rows: Sequence[NewRow], record: IdempotencyRecord | None = None, lock: DeletionLock | None = None
    ) -> AppendResult:
        """Put jobs of one project under consecutive numbers that must be free, or write nothing at all.

        A row's token tells its creator, after a lost answer, that it has won. `record` and `lock` belong to the first
        row. A record or a mark is put if no live one exists, the lock moves on from the version before its own.
        """

    def is_seen(self, digest: str, now: int) -> bool:
        """Read strongly whether an event was taken. An expired mark does not count."""

    def mark_seen(self, seen: SeenEvent, now: int) -> None:
        """Put the mark of an event that makes no row."""

    def note_block(self, project: Project, job_id: int) -> None:
        """Raise the project's hint of its last block if it lags behind a committed job; `Busy`: not raised."""

    def find_idempotency_record(self, project_id: int, key_digest: str, now: int) -> IdempotencyRecord | None:
        """Read an idempotency record, strongly. An expired one does not count."""

    def find_deletion_lock(self, project_id: int, digest: str) -> DeletionLock | None:
        """Read a deletion lock, strongly."""


class Attempts(Protocol):
    """Status changes. Each is one conditional write; the outputs or errors that it refers to are put first."""

    def start_jobs(self, jobs: Sequence[JobKey], now: int) -> list[StartOutcome]:
        """Move each job from scheduled to running if it is due; return the outcomes in order.

        Name no job twice. A throttle is the outcome `UNCERTAIN`, not the error `Busy`.
        """

    def cancel_job(self, project_id: int, job_id: int, now: int, by: str, forget_at: int | None = None) -> Job:
        """Move an active job to cancelled, to be forgotten from `forget_at` on, and return it as it is then.

        Raises:
            JobNotFound: the project has no such job.
            JobNotCancellable: the job has already ended.
        """

    def move_job(self, job: JobKey, start_at: int, due_at: int, by: str) -> Job:
        """Let a scheduled job of attempt 1 start at another time; raises `JobNotMovable` for any other that exists."""

    def complete_job(self, attempt: Attempt, stamp: Stamp, outputs: Sequence[Any]) -> ReportOutcome:
        """Move a running attempt to completed."""

    def fail_job(self, attempt: Attempt, stamp: Stamp, failure: Failure) -> ReportOutcome:
        """Move a running attempt to failed, if it is the last or not retryable; a lost one only after its time-out."""

    def back_off_job(self, attempt: Attempt, stamp: Stamp, due: int, failure: Failure) -> ReportOutcome:
        """Move a running attempt back to scheduled, as the next attempt, due at `due`; a lost one as above."""

    def note_progress(self, attempt: Attempt, progress: int, at: int, timeout_at: int | None) -> ReportOutcome:
        """Write a running attempt's progress at a time, and its new time-out if there is one; neither ever falls."""

    def retry_job(self, seen: Job, retried: Job, token: str, lock: DeletionLock | None) -> AppendOutcome:
        """Move a job from the ended state `seen` to `retried`, and its user's lock with it."""


class Payload(Protocol):
    """What is stored beside a job's row: parameters, outputs, evidence, messages."""

    def get_params(self, project_id: int, job_id: int) -> Mapping[str, Any]:
        """Read a job's parameters; empty if it has none."""

    def get_outputs(self, job: Job) -> list[Any]:
        """Read a job's outputs; empty if it has none."""

    def get_evidence(self, job: Job) -> Mapping[str, Sequence[str]]:
        """Read the errors of each attempt that failed or was lost, by the name that the job's history has for them."""

    def add_message(self, project_id: int, job_id: int, message: Message, seen: SeenEvent) -> bool:
        """Put a message; False if its event was taken before."""

    def list_messages(
        self, project_id: int, job_id: int, after: str | None, limit: int, *, newest_first: bool = False
    ) -> MessagePage:
        """Read at most a megabyte of messages behind a position, in the order asked for."""


class DueIndex(Protocol):
    """The status index in the order of its due times, and how far the ticks have worked through it."""

    def list_due(self, shard: int, after: Due | None, until: int, limit: int) -> list[Due]:
        """Read what is scheduled in one shard, behind `after` and due by `until`. Fewer than `limit` are all of it."""

    def list_lost(self, shard: int, now: int, limit: int) -> list[DueJob]:
        """Read running jobs of one shard whose time-out has passed, the longest lost first."""

    def list_watermarks(self) -> list[Watermark]:
        """Read the watermarks of all shards that have one, strongly."""

    def raise_watermark(self, watermark: Watermark) -> None:
        """Save a watermark unless a later one is saved already."""

    def get_sweep_cursor(self) -> SweepCursor:
        """Read where the next sweep begins."""

    def save_sweep_cursor(self, cursor: SweepCursor) -> None:
        """Save where the next sweep begins. A lost save only repeats work."""


class Directory(Protocol):
    """Who may do what, as every request asks it. Each method reads one row, None if it does not exist."""

    def find_credential(self, digest: str) -> Credential | None:
        """Read the credential whose secret has this SHA-256 (hex)."""

    def find_project(self, project_key: str) -> Project | None:
        """Read the project of a project key, for the service itself."""

    def open_project(self, credential: Credential, project_key: str) -> Project | None:
        """Read the project of a project key if the credential opens it. Any other costs the reads of an unknown key."""

    def get_project(self, project_id: int) -> Project | None:
        """Read a project by its id, for the service itself."""

    def get_own_project(self, organisation_id: int, project_id: int) -> Project | None:
        """Read a project by its id if the organisation has and keeps it. Any other costs what `open_project` says."""

    def list_projects(self, organisation_id: int) -> Sequence[int]:
        """Read the ids of an organisation's projects."""

    def find_token(self, digest: str) -> AccessToken | None:
        """Read the access token that has this SHA-256 (hex)."""

    def find_client(self, client_id: str) -> Client | None:
        """Read a client by its id."""

    def find_user(self, organisation_id: int, user_id: str) -> User | None:
        """Read a user of an organisation."""

    def find_workflow(self, organisation_id: int, workflow_id: str) -> Workflow | None:
        """Read a workflow that was registered or shared in an organisation."""

    def list_workflows(self, organisation_id: int) -> Sequence[Workflow]:
        """Read the workflows that were registered or shared in an organisation, by their ids."""


class StartQueue(Protocol):
    """Hints that jobs or occurrences of schedules are due. Each is delivered when its first one is."""

    def send(self, hints: Iterable[Hint]) -> Sequence[Hint]:
        """Send hints; return those that were not accepted after retries."""

    def backlog(self) -> int:
        """About how many hints of jobs are visible and wait to be received."""


class EventBus(Protocol):
    """The custom bus: status changes go out on it, requests and reports come in."""

    def put(self, events: Sequence[Event]) -> Sequence[Event]:
        """Put events; return those that were not accepted after retries."""


class Clock(Protocol):
    """Time, so that tests and simulations can own it."""

    def now(self) -> int:
        """Milliseconds since the epoch."""

    def sleep(self, milliseconds: float) -> None:
        """Wait."""


class Meter(Protocol):
    """Counts what operators watch; never carries personal data."""

    def count(self, name: str, value: float = 1) -> None:
        """Add to a counter."""

    def milliseconds(self, name: str, value: float) -> None:
        """Record a duration."""

    def failed(self, call: str, error: Exception) -> None:
        """Note that a call of AWS failed and that we went on."""


class TimeLeft(Protocol):
    """How much of its time an invocation has left. Use cases ask before each step and stop in good time."""

    def __call__(self, milliseconds: int, /) -> bool:
        """Whether more than that many milliseconds are left."""


class Parallel(Protocol):
    """Makes calls of AWS side by side, because most of the time of each is waiting."""

    def __call__(self, work: Callable[[Given], Made], given: Iterable[Given], /) -> list[Made]:
        """Do the work for each of the given, and return what it makes, in their order."""


class Ports(Protocol):
    """The world that a use case works in. The composition root makes the real one; tests make their own."""

    @property
    def jobs(self) -> JobStore:
        """Job rows."""

    @property
    def attempts(self) -> Attempts:
        """Status changes."""

    @property
    def payload(self) -> Payload:
        """What is stored beside the rows."""

    @property
    def due(self) -> DueIndex:
        """The status index."""

    @property
    def directory(self) -> Directory:
        """Who may do what."""

    @property
    def queue(self) -> StartQueue:
        """The start queue."""

    @property
    def bus(self) -> EventBus:
        """The event bus."""

    @property
    def clock(self) -> Clock:
        """Time."""

    @property
    def meter(self) -> Meter:
        """Counts for operators."""

    @property
    def parallel(self) -> Parallel:
        """A few calls of AWS at a time."""

    @property
    def random(self) -> Callable[[], float]:
        """Chance, uniform in [0, 1)."""

    @property
    def token(self) -> Callable[[], str]:
        """Transition tokens: unguessable, never the same twice."""
