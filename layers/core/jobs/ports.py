"""What the use cases need of the world. Implemented on AWS by `store` and `adapters`, in memory by the tests."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from jobs.model import (
        AccessToken,
        Client,
        Credential,
        DeletionLock,
        DueJob,
        Event,
        IdempotencyRecord,
        Job,
        JobKey,
        Message,
        Organisation,
        Project,
        Right,
        Role,
        SeenEvent,
        StartHint,
        User,
    )


class Clock(Protocol):
    """Time, so that tests and simulations can own it."""

    def now(self) -> int:
        """Milliseconds since the epoch."""

    def sleep(self, milliseconds: float) -> None:
        """Wait."""


class AppendOutcome(Enum):
    """How an attempt to add a job under the next number ended."""

    DONE = auto()
    #: Another job has the number: read the highest again.
    NUMBER_TAKEN = auto()
    #: The idempotency key or the deletion lock was moved by another creator: look at them again.
    OVERTAKEN = auto()
    #: A conflict, a throttle or a lost answer, which prove nothing: try the same again.
    UNCERTAIN = auto()


class StartOutcome(Enum):
    """How an attempt to start a job ended."""

    STARTED = auto()
    #: Its time has not come: the hint was early or is out of date.
    NOT_DUE = auto()
    #: It is not scheduled (started by another hint, cancelled, finished) or does not exist.
    NOT_SCHEDULED = auto()
    #: A conflict, a throttle or a lost answer, which prove nothing: try it again.
    UNCERTAIN = auto()


class ReportOutcome(Enum):
    """How a report of a worker, or the reaper's of a lost one, ended."""

    APPLIED = auto()
    #: The job has ended, or the attempt is over: nothing is changed.
    STALE = auto()
    #: The attempt has not started as far as the store knows: the report came before the start.
    EARLY = auto()
    #: The attempt runs, but what else the change asked for did not hold.
    REFUSED = auto()
    #: There is no such job.
    UNKNOWN = auto()


class Attempt(NamedTuple):
    """One attempt of one job: what every report is about."""

    project_id: int
    job_id: int
    number: int


class Stamp(NamedTuple):
    """When a change is made, by whom, and the token by which its maker knows it again."""

    at: int
    by: str
    token: str


class NewRow(NamedTuple):
    """A job that an event asked for, as a batch appends it."""

    job: Job
    token: str
    params: Mapping[str, Any]
    seen: SeenEvent


class BatchAppend(NamedTuple):
    """How a batch's append ended, and the positions of those whose event was taken before."""

    outcome: AppendOutcome
    seen: frozenset[int] = frozenset()


class MessagePage(NamedTuple):
    """Some messages in the order they were asked for, and the position to go on from, None at the end."""

    messages: list[Message]
    next: str | None
    #: The position of each message.
    places: Sequence[str] = ()


class ObjectVersion(NamedTuple):
    """One version of an object of the sessions bucket, a delete marker being one too."""

    key: str
    version_id: str


class VersionPage(NamedTuple):
    """Some versions in the order they are listed, and whether there are more behind them."""

    versions: list[ObjectVersion]
    more: bool


class SessionsRefused(Exception):
    """S3 does not let the sessions be listed; `code` is its own word for why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


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

    def append(  # noqa: PLR0913, PLR0917  # a job is written with all that belongs to it
        self,
        job: Job,
        token: str,
        params: Mapping[str, Any],
        record: IdempotencyRecord | None,
        lock: DeletionLock | None,
        seen: SeenEvent | None = None,
    ) -> AppendOutcome:
        """Put a job under a number that must be free, with all that belongs to it, or nothing at all.

        `token` tells the job's own creator, after a lost answer, that it has won. `record` is put where no live
        record has its key (live at the job's creation), `lock` is moved from the version before its own, `seen` is
        put where no live one is.
        """

    def append_batch(self, rows: Sequence[NewRow]) -> BatchAppend:
        """Put jobs of one project under numbers that follow each other and must be free, or nothing at all."""

    def is_seen(self, digest: str, now: int) -> bool:
        """Whether an event was taken, read strongly; an expired mark is not believed."""

    def note_block(self, project: Project, job_id: int) -> None:
        """Raise the project's hint of its last block where it lags, after job `job_id` was committed.

        Raises:
            Busy: it was not raised, whatever the reason: a hint that lags is no harm, and no caller is failed for it.
        """

    def find_idempotency_record(self, project_id: int, key_digest: str, now: int) -> IdempotencyRecord | None:
        """Read an idempotency record, strongly; an expired one is not believed."""

    def find_deletion_lock(self, project_id: int, digest: str) -> DeletionLock | None:
        """Read a deletion lock, strongly."""

    def start_jobs(self, jobs: Sequence[JobKey], now: int) -> list[StartOutcome]:
        """Move each job from scheduled to running if it is due, each by a write of its own.

        No job may be named twice. A throttle is `UNCERTAIN` for the jobs that it met, and no `Busy`.

        Returns:
            What became of each, in their order.
        """

    def cancel_job(self, project_id: int, job_id: int, now: int, by: str) -> Job:
        """Move an active job to cancelled, and return it as it is after that.

        Raises:
            JobNotFound: the project has no such job.
            JobNotCancellable: it has already ended.
        """

    def complete_job(self, attempt: Attempt, stamp: Stamp, outputs: Sequence[Any]) -> ReportOutcome:
        """Move a running attempt to completed, its outputs put before."""

    def fail_job(self, attempt: Attempt, stamp: Stamp, errors: Sequence[str], *, lost: bool) -> ReportOutcome:
        """Move a running attempt that is the last one to failed; a `lost` one only if its time-out has passed."""

    def back_off_job(self, attempt: Attempt, stamp: Stamp, due: int, *, lost: bool) -> ReportOutcome:
        """Move a running attempt back to scheduled, as the next attempt and due at `due`; `lost` as above."""

    def note_progress(self, attempt: Attempt, timeout_at: int, progress: int) -> ReportOutcome:
        """Note a running attempt's progress and move its time-out on; neither ever falls."""

    def retry_job(self, seen: Job, retried: Job, token: str, lock: DeletionLock | None) -> AppendOutcome:
        """Move a job from the ended state in which it was seen to `retried`, and its user's lock if it has one."""

    def get_outputs(self, job: Job) -> list[Any]:
        """Read what a job has put out; empty where it has nothing."""

    def add_message(self, project_id: int, job_id: int, message: Message, seen: SeenEvent) -> bool:
        """Put a message, unless its event was taken before: False then."""

    def list_messages(
        self, project_id: int, job_id: int, after: str | None, limit: int, *, newest_first: bool = False
    ) -> MessagePage:
        """Read messages in the order asked for, behind a position, at most a megabyte of them."""

    def walk_workflow(self, project_id: int, workflow_id: str, *, newest_first: bool) -> Iterator[Job]:
        """Read the jobs of a project that run a workflow, in the order of their numbers, as far as they are taken."""

    def list_lost(self, shard: int, now: int, limit: int) -> list[DueJob]:
        """Read running jobs of one shard whose time-out has passed, the longest lost first."""

    def mark_seen(self, seen: SeenEvent, now: int) -> None:
        """Put the mark of an event that makes no row, if it is not there."""

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

    def send(self, messages: Iterable[StartHint]) -> Sequence[StartHint]:
        """Send hints; return those that were not accepted after retries."""

    def backlog(self) -> int:
        """About how many hints are visible and not yet received."""


class EventBus(Protocol):
    """The custom bus: status changes go out on it, requests and reports come in."""

    def put(self, events: Sequence[Event]) -> Sequence[Event]:
        """Put events; return those that were not accepted after retries."""


class SessionStore(Protocol):
    """The objects of users' sessions, with all their versions.

    All raise `errors.Busy` when S3 throttles, or can not be reached, for longer than it is tried again.
    """

    def list_versions(self, prefix: str, after: ObjectVersion | None, limit: int) -> VersionPage:
        """Read versions under a prefix, behind one that exists; a page is empty only at the end.

        Raises:
            SessionsRefused: S3 does not let them be listed.
        """

    def count_versions(self, prefix: str, at_most: int) -> int:
        """Count the versions under a prefix; `at_most` means at least as many.

        Raises:
            SessionsRefused: S3 does not let them be listed.
        """

    def delete(self, versions: Sequence[ObjectVersion]) -> list[tuple[ObjectVersion, str]]:
        """Delete up to 1,000 versions for good; return those that S3 refuses to, each with its code, in their order."""


class WorkerQueue(Protocol):
    """A worker's own queue, where it leaves what its time is too short for."""

    def send(self, body: str) -> bool:
        """Send a message; False if it was not accepted after retries."""


class Directory(Protocol):
    """Who may do what, as every request asks it."""

    def find_credential(self, digest: str) -> Credential | None:
        """Read the credential whose secret has this SHA-256 (hex)."""

    def find_project(self, project_key: str) -> Project | None:
        """Read the project of a key."""

    def get_project(self, project_id: int) -> Project | None:
        """Read a project by its id."""

    def list_projects(self, organisation_id: int) -> Sequence[int]:
        """Read the ids of an organisation's projects."""

    def find_token(self, digest: str) -> AccessToken | None:
        """Read the access token that has this SHA-256 (hex)."""

    def find_client(self, client_id: str) -> Client | None:
        """Read a client by its id."""

    def find_user(self, organisation_id: int, user_id: str) -> User | None:
        """Read a user of an organisation."""

    def workflow_collections(self, organisation_id: int, workflow_id: str) -> Sequence[str]:
        """Read the collections that a workflow is in; empty for one that nobody has shared."""


class TokenStore(Protocol):
    """Where access tokens are kept."""

    def add_token(self, token: AccessToken, digest: str) -> None:
        """Store a token under its digest.

        Raises:
            Busy: DynamoDB throttles, or the answer was lost.
        """


class DirectoryAdmin(Directory, Protocol):
    """The directory with what administrators do to it."""

    def add_organisation(self, name: str) -> Organisation:
        """Create an organisation under the next free id."""

    def add_project(self, organisation_id: int, name: str, project_key: str, secret: bytes, limit: int) -> Project:
        """Create a project of an organisation that has fewer than `limit` of them.

        Raises:
            InvalidRequest: there is no such organisation, or it has `limit` projects.
        """

    def set_trust(self, project_id: int, accounts: frozenset[str], sources: frozenset[str]) -> None:
        """Set the accounts and sources whose events a project takes.

        Raises:
            InvalidRequest: there is no such project.
        """

    def add_credential(self, credential: Credential, digest: str) -> None:
        """Store a credential under the digest of its secret.

        Raises:
            InvalidRequest: there is no such organisation.
        """

    def revoke_credential(self, organisation_id: int, credential_id: str, now: int) -> None:
        """End a credential for good.

        Raises:
            InvalidRequest: the organisation has none of this id.
        """

    def add_user(self, user: User) -> None:
        """Create a user.

        Raises:
            InvalidRequest: there is no such organisation, or it has a user of this id.
        """

    def set_role(self, organisation_id: int, user_id: str, role: Role) -> None:
        """Give a user another role.

        Raises:
            InvalidRequest: there is no such user.
        """

    def set_right(
        self, organisation_id: int, user_id: str, collection_id: str, right: Right | None, limit: int
    ) -> None:
        """Put a user into a collection with a right, or take the user out (None).

        Raises:
            InvalidRequest: there is no such user, or one in `limit` collections already.
        """

    def add_client(self, client: Client) -> None:
        """Create a client of a user, with a project of the same organisation.

        Raises:
            InvalidRequest: the organisation has no such user or project.
        """

    def revoke_client(self, client_id: str, now: int) -> None:
        """End a client, and with it its tokens, for good.

        Raises:
            InvalidRequest: there is none of this id.
        """

    def set_workflow_collections(self, organisation_id: int, workflow_id: str, collection_ids: Sequence[str]) -> None:
        """Set the collections that a workflow is in.

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
