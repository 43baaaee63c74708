"""Time zones of the pinned `tzdata`, and what their clock changes make of a wall-clock time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


@lru_cache(maxsize=1)
def names() -> frozenset[str]:
    """The names of all zones. They come from the package, because systems differ in age and in what they have."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("ascii").split())


@lru_cache(maxsize=256)
def zone(name: str) -> ZoneInfo:
    """The zone of a name that `names` has.

    Raises:
        KeyError: there is no such zone.
    """
    from zoneinfo import ZoneInfo  # here, because importing it reads how the interpreter was built

    if name not in names():
        raise KeyError(name)
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


class Instants(NamedTuple):
    """When a clock that shows the time of a zone shows a wall-clock time."""

    #: The first time; where a clock change skips the wall-clock time, the instant of the change.
    first: datetime
    #: The second time, where a clock change repeats the wall-clock time.
    second: datetime | None = None
    #: A clock change skips the wall-clock time: no clock ever shows it.
    skipped: bool = False


def instants(wall: datetime, of: ZoneInfo) -> Instants:
    """When a clock shows a wall-clock time (PEP 495: `fold` chooses one of two readings)."""
    before, after = (wall.replace(tzinfo=of, fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    local = wall.replace(tzinfo=UTC)
    if before == after:
        return Instants(local - before)
    if before > after:
        return Instants(local - before, local - after)
    return Instants(_change(local - after, local - before, of), skipped=True)


def wall_time(at: datetime, of: ZoneInfo) -> datetime:
    """What a clock of a zone shows at an instant, without its offset."""
    return at.astimezone(of).replace(tzinfo=None)


def earliest_wall_time(at: datetime, of: ZoneInfo) -> datetime:
    """A wall-clock time that no clock of a zone goes behind, from an instant on.

    A change that puts clocks back comes within a day of the wall-clock times that it repeats.
    """
    return min(wall_time(at, of), wall_time(at + timedelta(days=1), of) - timedelta(days=1))


def _change(low: datetime, high: datetime, of: ZoneInfo) -> datetime:
    """The second, after `low` and not after `high`, from which on a zone has the offset that it has at `high`."""
    offset = high.astimezone(of).utcoffset()
    while high - low > _SECOND:
        middle = low + (high - low) // 2 // _SECOND * _SECOND
        if middle.astimezone(of).utcoffset() == offset:
            high = middle
        else:
            low = middle
    return high
