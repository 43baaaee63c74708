"""When the occurrences of a schedule are.

Three rhythms exist: the times of a cron expression in a time zone, every so many seconds, and once. Nothing here reads
a clock: the instant after which occurrences are wanted comes from the caller.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from heapq import heappop, heappush
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

from cronsim import CronSim, CronSimError

from jobs.model import SECOND
from jobs.schedules import zones

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The longest cron expression, in characters.
MAX_CRON = 256
#: The fields of an expression that say at which time of a day.
_MINUTE, _HOUR, _FIELDS = 0, 1, 5
_MILLISECOND = timedelta(milliseconds=1)


class Gap(StrEnum):
    """What becomes of a wall-clock time that a clock change skips."""

    #: It runs at the end of the gap, as Debian's cron does it.
    SHIFT = "shift"
    SKIP = "skip"


class Fold(StrEnum):
    """Which of the two times counts, of a wall-clock time that a clock change repeats."""

    FIRST = "first"
    SECOND = "second"
    BOTH = "both"


class Note(StrEnum):
    """What a clock change did to an occurrence."""

    #: Its wall-clock time was skipped: this is the end of the gap.
    SHIFTED = "shifted"
    #: Its wall-clock time comes twice.
    REPEATED = "repeated"


class Occurrence(NamedTuple):
    """An instant at which a schedule makes a job."""

    at: int
    note: Note | None = None


class Rhythm(NamedTuple):
    """When a schedule makes jobs. Exactly one of `cron`, `every` and `at` is set."""

    cron: str = ""
    #: Seconds from one occurrence to the next.
    every: int = 0
    at: int | None = None
    #: The first occurrence of `every`; every other one is a whole number of periods away.
    anchor: int = 0
    #: No occurrence is before the one or after the other.
    start_at: int | None = None
    end_at: int | None = None
    timezone: str = "UTC"
    gap: Gap = Gap.SHIFT
    fold: Fold = Fold.FIRST


def check_cron(expression: str) -> None:
    """Check a cron expression: five fields as Debian's cron reads them, with names, `L`, `#` and steps.

    Raises:
        ValueError: it is none, or no time ever matches.
    """
    fields = expression.split()
    if not expression.isascii() or len(expression) > MAX_CRON or len(fields) != _FIELDS:
        raise ValueError(f"must be 5 fields, in up to {MAX_CRON} characters of ASCII")
    try:
        next(CronSim(expression, datetime(2000, 1, 1)))  # noqa: DTZ001 - wall-clock times have no zone
    except CronSimError as error:
        field = str(error).removeprefix("Bad ")
        raise ValueError(f"the field {field} is not as cron has it") from None
    except StopIteration:
        raise ValueError("no day ever matches") from None


def occurrences(of: Rhythm, after: int) -> Iterator[Occurrence]:
    """The occurrences after an instant, the soonest first, each instant once."""
    if of.start_at is not None:
        after = max(after, of.start_at - 1)
    end_at = of.end_at
    found = _all(of, after)
    return found if end_at is None else takewhile(lambda occurrence: occurrence.at <= end_at, found)


def local_time(at: int, timezone: str) -> str:
    """An instant as the clocks of a zone show it, in ISO 8601 with the offset."""
    return _instant(at).astimezone(zones.zone(timezone)).isoformat()


def _all(of: Rhythm, after: int) -> Iterator[Occurrence]:
    if of.cron:
        return _cron(of, after)
    if of.every:
        return _every(of.anchor, of.every * SECOND, after)
    return iter([Occurrence(of.at)] if of.at is not None and of.at > after else [])


def _every(anchor: int, period: int, after: int) -> Iterator[Occurrence]:
    at = anchor + max(0, (after - anchor) // period + 1) * period
    while True:
        yield Occurrence(at)
        at += period


def _cron(of: Rhythm, after: int) -> Iterator[Occurrence]:
    """The occurrences of a cron expression.

    Where minute or hour begins with `*`, time elapses as it does: every instant counts at which the clock matches.

    The walk is over wall-clock times. The first instants of these never go back, so an instant can be given out when
    the next wall-clock time begins later.
    """
    fields = of.cron.split()
    elapses = fields[_MINUTE].startswith("*") or fields[_HOUR].startswith("*")
    gap, fold = (Gap.SKIP, Fold.BOTH) if elapses else (of.gap, of.fold)
    zone = zones.zone(of.timezone)
    begin = zones.earliest_wall_time(_instant(after), zone)
    last = after
    # an occurrence of an instant's own wall-clock time sorts before one that was shifted there
    waiting: list[tuple[datetime, str]] = []
    for wall in CronSim(of.cron, begin - timedelta(minutes=1)):
        found = zones.instants(wall, zone)
        while waiting and waiting[0][0] < found.first:
            instant, note = heappop(waiting)
            at = _milliseconds(instant)
            if at > last:
                last = at
                yield Occurrence(at, Note(note) if note else None)
        for instant, note in _chosen(found, gap, fold):
            heappush(waiting, (instant, note))


def _chosen(found: zones.Instants, gap: Gap, fold: Fold) -> list[tuple[datetime, str]]:
    """The instants at which a wall-clock time counts, each with its note or an empty text."""
    if found.skipped:
        return [(found.first, Note.SHIFTED)] if gap is Gap.SHIFT else []
    if found.second is None:
        return [(found.first, "")]
    both: list[tuple[datetime, str]] = [(found.first, Note.REPEATED), (found.second, Note.REPEATED)]
    return {Fold.FIRST: both[:1], Fold.SECOND: both[1:], Fold.BOTH: both}[fold]


def _instant(milliseconds: int) -> datetime:
    return zones.EPOCH + milliseconds * _MILLISECOND


def _milliseconds(at: datetime) -> int:
    return (at - zones.EPOCH) // _MILLISECOND
