"""A schedule, and what schedules need beside the usual ports: their rows."""

# No `from __future__ import annotations`: a named tuple compiles each annotation that is a text (decision 0043).

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from jobs.model import DAY, NewJob, ScheduleMove, SeenEvent
from jobs.ports import Ports
from jobs.schedules.rhythm import Rhythm

#: How many schedules a project may have.
MAX_SCHEDULES = 1_000
#: How far ahead a schedule may begin or end: ten years, in milliseconds.
MAX_AHEAD = 3_653 * DAY


class CatchUp(StrEnum):
    """Which of the occurrences that were missed still make a job."""

    #: The newest of the last 24 hours.
    LAST = "last"
    NONE = "none"
    #: The newest hundred.
    ALL = "all"


class Overlap(StrEnum):
    """What becomes of an occurrence while the last job of its schedule is still active."""

    ALLOW = "allow"
    #: It makes no job.
    SKIP = "skip"


class Spec(NamedTuple):
    """What callers set of a schedule."""

    name: str
    rhythm: Rhythm
    #: What each occurrence makes. When it starts is the occurrence's.
    job: NewJob
    enabled: bool = True
    catch_up: CatchUp = CatchUp.LAST
    overlap: Overlap = Overlap.ALLOW
    #: What Alteryx' API keeps beside: a text for people, and the iteration that the rhythm was made of, as the dialect
    #: writes it; None if the rhythm was made otherwise.
    comment: str = ""
    iteration: Mapping[str, Any] | None = None


class State(NamedTuple):
    """What firing moves of a schedule."""

    #: The next occurrence; None if the schedule is disabled or over.
    next_at: int | None = None
    #: The occurrence that the last job was made for, or when a caller had one made, and the job's number.
    last_at: int | None = None
    last_job_id: int | None = None
    #: Jobs that were made; occurrences that were missed, and that were skipped because the last job was active.
    run_count: int = 0
    missed_count: int = 0
    skipped_count: int = 0


#: The state of a schedule that has made no job and has no occurrence.
NEW = State()


class Schedule(NamedTuple):
    """A schedule as it is stored."""

    project_id: int
    #: 24 hexadecimal digits: the second of its creation, the project, chance.
    schedule_id: str
    spec: Spec
    created_at: int
    #: When a caller last set something; None before the first time.
    updated_at: int | None = None
    #: 1 at its creation, one more at each change by a caller.
    version: int = 1
    state: State = NEW


class ScheduleRecord(NamedTuple):
    """That an idempotency key made a schedule, and the digest of the body it came with."""

    key_digest: str
    body_digest: str
    schedule_id: str
    #: Seconds since the epoch, the unit of DynamoDB's TTL.
    expires: int


class ScheduleStore(Protocol):
    """The rows of schedules. Every write raises `Busy` if it may or may not have been made."""

    def add_schedule(self, schedule: Schedule, record: ScheduleRecord | None, seen: SeenEvent | None = None) -> bool:
        """Put a new schedule, and the record that it was asked for; False if such a record is there already.

        Args:
            schedule: the schedule.
            record: given if its caller may repeat the call.
            seen: the mark of the event that asks, which may be delivered again.

        Raises:
            EventSeen: the event was taken before.
            TooManySchedules: the project has a thousand.
            Busy: also if another schedule has its id.
        """

    def find_schedule_record(self, project_id: int, key_digest: str, now: int) -> ScheduleRecord | None:
        """Read a record strongly. An expired one does not count."""

    def get_schedules(
        self, project_id: int, schedule_ids: Sequence[str], *, strong: bool = True
    ) -> Mapping[str, Schedule]:
        """Read those that exist of up to a hundred schedules, by their ids."""

    def list_schedule_ids(self, project_id: int) -> Sequence[str]:
        """Read the ids of a project's schedules, the oldest first, eventually consistent."""

    def replace_schedule(self, seen: Schedule, changed: Schedule) -> bool:
        """Put what a caller changed, and where the state goes on; False if it was changed or has moved since."""

    def remove_schedule(self, seen: Schedule) -> bool:
        """Remove a schedule; False if it was changed or has moved since. One that is gone is removed."""

    def set_next_at(self, seen: Schedule, next_at: int | None) -> bool:
        """Move the next occurrence to another time, or away; False if it was changed or has moved since."""

    def move_schedule(self, move: ScheduleMove) -> bool:
        """Move the state of a schedule without a job; False if it has moved on."""


class SchedulePorts(Ports, Protocol):
    """The world that schedules live in."""

    @property
    def schedules(self) -> ScheduleStore:
        """The rows."""
