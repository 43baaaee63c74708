"""The job, its states and the moves between them. No I/O, no AWS.

All times are integers: milliseconds since the epoch, UTC.
"""

# No `from __future__ import annotations`: a named tuple compiles each annotation that is a text (decision 0043).

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple, TypeAlias

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
#: How far ahead `startAt` may lie in the public API: 365 days.
MAX_START_DELAY = 365 * DAY

#: What an action may be called, as a regular expression.
ACTION = "[a-z0-9_.-]{1,64}"
#: The same in words, for the caller of one that is none.
ACTION_IN_WORDS = "1 to 64 of a-z, 0-9, _, . and -"
#: Characters that the reference of a job may have.
MAX_REFERENCE_ID = 256
#: The action that may have only one active job per user and project.
DELETE_USER_DATA = "delete_user_data"
#: Its defaults, by any route: deletions queue at midnight, so each gets half a day and three attempts.
DELETION_MAX_ATTEMPTS = 3
DELETION_TIMEOUT_SECONDS = 43_200

DEFAULT_MAX_ATTEMPTS = 1
DEFAULT_TIMEOUT_SECONDS = 900
#: How many attempts a job may have in all, retries included.
MAX_ATTEMPTS = 20

#: Who changed a job when no caller did: the service itself.
BY_SERVICE = "service"

#: The `source` of the events that we publish. An event that comes in with it, or with one below it, is refused.
EVENT_SOURCE = "jobs"
#: The exception is the worker that comes with the service. It reports by events, like any other worker.
DELETION_EVENT_SOURCE = "jobs.delete_user_data"


def is_reserved(source: str) -> bool:
    """Whether a source of events is one of our own."""
    return source == EVENT_SOURCE or source.startswith(f"{EVENT_SOURCE}.")


class Status(StrEnum):
    """The five states of a job, in the words of both OpenReplay documents."""

    SCHEDULED = "scheduled"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_active(self) -> bool:
        """Whether the job has not ended: it is scheduled or running."""
        return self in ACTIVE


ACTIVE = frozenset({Status.SCHEDULED, Status.RUNNING})

#: Every move that exists. Only a caller's retry leaves `failed` and `cancelled`. `running → scheduled` is the next
#: attempt after one that failed or was lost.
TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.SCHEDULED: frozenset({Status.RUNNING, Status.CANCELLED}),
    Status.RUNNING: frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.SCHEDULED}),
    Status.COMPLETED: frozenset(),
    Status.FAILED: frozenset({Status.SCHEDULED}),
    Status.CANCELLED: frozenset({Status.SCHEDULED}),
}


#: What stands in the place of a redacted text, and before the tag of a redacted name.
REDACTED = "redacted"


class Forgotten(IntEnum):
    """How much of an ended job its project's retention has taken. Nothing comes back, so this only grows."""

    NOTHING = 0
    #: Parameters, outputs, messages, evidence and files.
    PAYLOAD = 1
    #: And what names people: reference, description, errors and owner.
    REDACTED = 2


class Change(NamedTuple):
    """One committed status change: what the job became, when, and by whom.

    `by` is `key:` or `client:` and an id, `event:` and a source, or `service`.
    """

    to: Status
    at: int
    by: str
    #: Names the evidence of the attempt that this change ended: why it failed. None if there is none.
    evidence: str | None = None


class Run(NamedTuple):
    """The run of a workflow that a job stands for: which workflow, who owns the run, how it is to be run."""

    workflow_id: str = ""
    owner_id: str = ""
    collection_ids: tuple[str, ...] = ()
    priority: str = ""
    worker_tag: str = ""


#: The run of a job that belongs to no workflow.
NO_RUN = Run()


class Occasion(NamedTuple):
    """The schedule that made a job, and the occurrence that it was made for; None if a caller asked for it."""

    schedule_id: str = ""
    at: int | None = None


#: The occasion of a job that no schedule made.
NO_OCCASION = Occasion()


class Job(NamedTuple):
    """A job as it is stored.

    Everything that its history tells is derived from the history, so the two cannot disagree.
    """

    project_id: int
    #: 1, 2, 3 … within the project, without a gap and without a repeat.
    job_id: int
    action: str
    status: Status
    #: When a caller last asked for it to start.
    start_at: int
    #: When something is next due: the start of a scheduled job, the time-out of a running one, and what is to be
    #: forgotten of an ended one. None if nothing is.
    next_at: int | None
    history: tuple[Change, ...]
    description: str = ""
    reference_id: str = ""
    #: 1 at creation, one more at every return to `scheduled`.
    attempt: int = 1
    max_attempts: int = DEFAULT_MAX_ATTEMPTS
    timeout_seconds: int = DEFAULT_TIMEOUT_SECONDS
    #: Why it failed. While it waits after a failed attempt, the short form of why that one did.
    errors: tuple[str, ...] | None = None
    #: Whether it has parameters. They are stored beside the job, not in it.
    has_params: bool = False
    #: 0 to 100, as the worker of the current attempt reported; None before its first report.
    progress: int | None = None
    #: When that was last written; None while the job does not run.
    progress_at: int | None = None
    #: Names the outputs that are stored beside the job; None if it has none.
    outputs_token: str | None = None
    #: How often callers moved it to another time, and who did so last, named as in `Change.by`; empty if nobody did.
    moves: int = 0
    moved_by: str = ""
    forgotten: Forgotten = Forgotten.NOTHING
    run: Run = NO_RUN
    made_by: Occasion = NO_OCCASION

    @property
    def created_at(self) -> int:
        """When the job was created."""
        return self.history[0].at

    @property
    def updated_at(self) -> int | None:
        """When its status last changed; None before the first change."""
        return self.history[-1].at if len(self.history) > 1 else None

    @property
    def due_at(self) -> int | None:
        """When the scheduled attempt is due; None unless the job is scheduled."""
        return self.next_at if self.status is Status.SCHEDULED else None

    @property
    def timeout_at(self) -> int | None:
        """When the running attempt counts as lost; None unless the job is running."""
        return self.next_at if self.status is Status.RUNNING else None

    @property
    def forget_at(self) -> int | None:
        """When something of the ended job is next to be forgotten; None while it is active, and if nothing is."""
        return None if self.status.is_active else self.next_at

    @property
    def started_at(self) -> int | None:
        """When the current attempt started; None before it does."""
        for change in reversed(self.history):
            if change.to is Status.RUNNING:
                return change.at
            if change.to is Status.SCHEDULED:
                return None
        return None

    @property
    def cancelled_from(self) -> Status | None:
        """The status that the cancellation replaced; None unless the job is cancelled."""
        return self.history[-2].to if self.status is Status.CANCELLED else None

    @property
    def finished_at(self) -> int | None:
        """When the job ended; None while it is active."""
        return None if self.status.is_active else self.history[-1].at


class ListedJob(NamedTuple):
    """What a list of a project shows of a job, under the names that `Job` has for it."""

    project_id: int
    job_id: int
    action: str
    status: Status
    start_at: int
    created_at: int
    updated_at: int | None
    description: str = ""
    reference_id: str = ""
    errors: tuple[str, ...] | None = None


#: A job that can be shown in a list.
ShownJob: TypeAlias = Job | ListedJob


class NewJob(NamedTuple):
    """What a caller asks for, validated and with every default decided."""

    action: str
    #: None means as soon as the job is created.
    start_at: int | None = None
    description: str = ""
    reference_id: str = ""
    params: Mapping[str, Any] = {}
    max_attempts: int = DEFAULT_MAX_ATTEMPTS
    timeout_seconds: int = DEFAULT_TIMEOUT_SECONDS
    run: Run = NO_RUN
    made_by: Occasion = NO_OCCASION


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
    #: The tool of a workflow that spoke; 0 if no tool did.
    tool_id: int = 0


class SeenEvent(NamedTuple):
    """The mark that an event was taken: a digest of its source and id, and until when we remember it (seconds)."""

    digest: str
    expires: int


class DeletionLock(NamedTuple):
    """Names the latest deletion job of one user. It moves from version to version and is never released."""

    digest: str
    job_id: int
    version: int


class IdempotencyRecord(NamedTuple):
    """That a key was used, the digest of the body it came with, and the job it made."""

    key_digest: str
    body_digest: str
    job_id: int
    #: Seconds since the epoch, the unit of DynamoDB's TTL.
    expires: int


class Event(NamedTuple):
    """An event as it is put on the bus."""

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


class DueSchedule(NamedTuple):
    """A row of the status index: a schedule and when its next occurrence is."""

    due_at: int
    project_id: int
    schedule_id: str


class FireHint(NamedTuple):
    """A message on the fire queue: schedules of one project whose occurrences are within one second.

    Like the hint of a start, it never decides.
    """

    project_id: int
    #: (scheduleId, dueAt) pairs.
    schedules: tuple[tuple[str, int], ...]

    @property
    def due_at(self) -> int:
        """When the first of them is due."""
        return min(due for _, due in self.schedules)

    @property
    def rows(self) -> list[DueSchedule]:
        """The rows of the index that it stands for."""
        return [DueSchedule(due_at, self.project_id, schedule_id) for schedule_id, due_at in self.schedules]


class ScheduleMove(NamedTuple):
    """How the state of a schedule goes on from one occurrence to another. It decides who makes the jobs of the first.

    The state moves only if it is still at version `version` and occurrence `seen`; None for a job out of turn, which
    moves no occurrence.
    """

    project_id: int
    schedule_id: str
    version: int
    seen: int | None
    #: The next occurrence; None if there is none.
    next_at: int | None = None
    #: The occurrence that a job is made for, and the job's number; None if this makes no job.
    at: int | None = None
    job_id: int | None = None
    missed: int = 0
    skipped: int = 0


class StartHint(NamedTuple):
    """A message on the start queue: jobs of one project that are due within one second.

    A hint never decides. The condition of the write does.
    """

    project_id: int
    #: (jobId, dueAt) pairs.
    jobs: tuple[tuple[int, int], ...]

    @property
    def due_at(self) -> int:
        """When the first of them is due."""
        return min(due for _, due in self.jobs)

    @property
    def rows(self) -> list[DueJob]:
        """The rows of the index that it stands for."""
        return [DueJob(due_at, self.project_id, job_id) for job_id, due_at in self.jobs]


#: What a row of the status index is, of those that are scheduled, and what a hint of such rows is.
Due: TypeAlias = DueJob | DueSchedule
Hint: TypeAlias = StartHint | FireHint
