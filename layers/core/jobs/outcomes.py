"""What the calls of the store take and answer: outcomes of writes, attempts and how they end, pages and positions."""

# No `from __future__ import annotations`: a named tuple compiles each annotation that is a text (decision 0043).

from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import Any, NamedTuple

from jobs.model import Due, Job, Message, ScheduleMove, SeenEvent, Status


class AppendOutcome(Enum):
    """How an attempt to write a new job, or to retry an ended one, ended."""

    DONE = auto()
    #: Another job has the number: read the highest number again.
    NUMBER_TAKEN = auto()
    #: Another creator moved the idempotency key, the deletion lock or the job: look at them again.
    OVERTAKEN = auto()
    #: A conflict, a throttle or a lost answer, which prove nothing: try the same again.
    UNCERTAIN = auto()


class StartOutcome(Enum):
    """How an attempt to start a job ended."""

    STARTED = auto()
    #: Its time has not come: the hint was early or is out of date.
    NOT_DUE = auto()
    #: It is not scheduled (already started, cancelled or finished) or does not exist.
    NOT_SCHEDULED = auto()
    #: A conflict, a throttle or a lost answer, which prove nothing: try it again.
    UNCERTAIN = auto()


class ReportOutcome(Enum):
    """How the report of a worker, or of the reaper about a lost worker, ended."""

    APPLIED = auto()
    #: The job has ended, or the attempt is over: nothing changed.
    STALE = auto()
    #: The attempt has not started as far as the store knows: the report came before the start.
    EARLY = auto()
    #: The attempt runs, but another condition of the change failed.
    REFUSED = auto()
    #: The job does not exist.
    UNKNOWN = auto()


class Attempt(NamedTuple):
    """One attempt of one job: what every report is about."""

    project_id: int
    job_id: int
    number: int

    def refusal(self, job: Job | None) -> ReportOutcome | None:
        """Why a report of this attempt cannot change a job that is in this state; None if it can."""
        if job is None:
            return ReportOutcome.UNKNOWN
        if self.number < job.attempt or not job.status.is_active:
            return ReportOutcome.STALE
        if self.number > job.attempt or job.status is Status.SCHEDULED:
            return ReportOutcome.EARLY
        return None


class Failure(NamedTuple):
    """Why an attempt ended without success, and what its worker knows about the next one."""

    errors: Sequence[str]
    #: False means that no further attempt would help: the job fails now.
    retryable: bool = True
    #: In how many seconds the next attempt is due; None leaves it to the back-off.
    retry_after: int | None = None
    #: Whether nothing was heard of its worker until the time-out.
    lost: bool = False


class Stamp(NamedTuple):
    """When a change is made, by whom, and the token by which its maker recognises it."""

    at: int
    by: str
    token: str
    #: When something of the job is first to be forgotten if the change ends it; None if nothing is.
    forget_at: int | None = None


class NewRow(NamedTuple):
    """A new job with what is written beside it; `seen` if an event asked for it, `moved` if a schedule did.

    `person` is the digest under which the job is found again by its reference; empty if it need not be found.
    """

    job: Job
    token: str
    params: Mapping[str, Any] = {}
    seen: SeenEvent | None = None
    person: str = ""
    moved: ScheduleMove | None = None


class AppendResult(NamedTuple):
    """How an append ended, and the positions of the rows whose event or occurrence was taken before."""

    outcome: AppendOutcome
    seen: frozenset[int] = frozenset()


class MessagePage(NamedTuple):
    """Some messages in the order that was asked for, and the position to go on from; None at the end."""

    messages: list[Message]
    next: str | None
    #: The position of each message.
    places: Sequence[str] = ()


class Watermark(NamedTuple):
    """How far a shard of the status index was dispatched: the last row that was sent."""

    shard: int
    last: Due


class SweepCursor(NamedTuple):
    """Where the next sweep begins: a shard, and the last row that was looked at there."""

    shard: int
    last: Due | None
