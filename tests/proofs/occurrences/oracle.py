"""Cron expressions drawn at random, and their occurrences found by walking a clock minute by minute.

Nothing of the product is used here, and no cron library. An expression is drawn together with the values that it means.
"""

from __future__ import annotations

import calendar
from collections import defaultdict
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date
    from random import Random
    from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
#: How far around a clock change occurrences are compared, and how much further the clock is watched.
AROUND = timedelta(hours=26)
FURTHER = timedelta(hours=4)
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


class Drawn(NamedTuple):
    """An expression and what it means."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    matches_day: Callable[[date], bool]
    #: Neither minute nor hour begins with `*`: the expression names times of the clock.
    is_fixed: bool

    def matches(self, wall: datetime) -> bool:
        """Whether it means a wall-clock time."""
        return wall.minute in self.minutes and wall.hour in self.hours and self.matches_day(wall.date())


class Walk(NamedTuple):
    """What a clock shows around a change."""

    #: Instants to compare, and everything that the clock showed, in order.
    begin: datetime
    end: datetime
    shown: list[tuple[datetime, datetime]]
    #: When a wall-clock time was shown, for those shown twice.
    twice: dict[datetime, list[datetime]]
    #: Wall-clock times that were never shown, and the instant at which the clock had passed them.
    skipped: list[tuple[datetime, datetime]]


class Clock(NamedTuple):
    """The clock of a zone from one instant to another, with a walk around each of its changes."""

    zone: ZoneInfo
    begin: datetime
    end: datetime
    walks: list[Walk]


def watch(zone: ZoneInfo, begin: datetime, end: datetime) -> Clock:
    """Watch a clock whose changes are days apart."""
    walks = [walk(zone, change) for change in changes(zone, begin.year, end.year)]
    walks = [over for over in walks if over.end > begin and over.begin < end]
    assert all(one.end <= other.begin for one, other in pairwise(walks))
    return Clock(zone, begin, end, walks)


def changes(zone: ZoneInfo, first_year: int, last_year: int) -> list[datetime]:
    """The minutes from which on clocks of a zone have another offset."""
    found = []
    step = timedelta(hours=6)
    at, end = datetime(first_year, 1, 1, tzinfo=UTC), datetime(last_year + 1, 1, 1, tzinfo=UTC)
    before = at.astimezone(zone).utcoffset()
    while at < end:
        offset = (at + step).astimezone(zone).utcoffset()
        if offset != before:
            minute = at
            while minute.astimezone(zone).utcoffset() == before:
                minute += MINUTE
            found.append(minute)
            before = offset
        at += step
    return found


def walk(zone: ZoneInfo, change: datetime) -> Walk:
    """Watch a clock around a change."""
    begin, end = change - AROUND, change + AROUND
    shown, skipped = [], []
    seen = defaultdict[datetime, list[datetime]](list)
    at, last = begin - FURTHER, None
    while at < end + FURTHER:
        wall = at.astimezone(zone).replace(tzinfo=None, fold=0)
        missing = last + MINUTE if last is not None else wall
        while missing < wall:
            skipped.append((missing, at))
            missing += MINUTE
        shown.append((at, wall))
        seen[wall].append(at)
        at, last = at + MINUTE, wall
    return Walk(begin, end, shown, {wall: at for wall, at in seen.items() if len(at) > 1}, skipped)


def occurrences(drawn: Drawn, gap: str, fold: str, over: Walk) -> list[datetime]:
    """The instants at which an expression makes jobs, by what the clock showed."""
    minutes, hours, matches_day = drawn.minutes, drawn.hours, drawn.matches_day
    days: dict[date, bool] = {}

    def matches(wall: datetime) -> bool:
        if wall.minute not in minutes or wall.hour not in hours:
            return False
        day = wall.date()
        if day not in days:
            days[day] = matches_day(day)
        return days[day]

    found = set()
    for at, wall in over.shown:
        if matches(wall) and (not drawn.is_fixed or _counts(at, over.twice.get(wall), fold)):
            found.add(at)
    if drawn.is_fixed and gap == "shift":
        found |= {at for wall, at in over.skipped if matches(wall)}
    return sorted(at for at in found if over.begin <= at < over.end)


def all_between(drawn: Drawn, gap: str, fold: str, clock: Clock) -> list[datetime]:
    """The instants at which an expression makes jobs while a clock is watched.

    Around its changes the clock is watched minute by minute. Elsewhere it is as far ahead of UTC as before.
    """
    found = []
    at = clock.begin
    for over in clock.walks:
        found += _steady(drawn, clock.zone, at, over.begin)
        found += occurrences(drawn, gap, fold, over)
        at = over.end
    found += _steady(drawn, clock.zone, at, clock.end)
    return [at for at in found if clock.begin <= at < clock.end]


def _steady(drawn: Drawn, zone: ZoneInfo, begin: datetime, end: datetime) -> list[datetime]:
    offset = begin.astimezone(zone).utcoffset() or timedelta()
    wall = [(at + offset).replace(tzinfo=None) for at in (begin, end)]
    day = datetime.combine(wall[0], time())
    found = []
    while day < wall[1]:
        if drawn.matches_day(day.date()):
            found += [day.replace(hour=hour, minute=minute) for hour in drawn.hours for minute in drawn.minutes]
        day += timedelta(days=1)
    return sorted(at.replace(tzinfo=UTC) - offset for at in found if wall[0] <= at < wall[1])


def _counts(at: datetime, twice: list[datetime] | None, fold: str) -> bool:
    return twice is None or fold == "both" or at == twice[0 if fold == "first" else 1]


def draw(random: Random, near: int, of_hour: tuple[str, set[int]] | None = None) -> Drawn:
    """Draw an expression, often of an hour near `near`. Its minutes may be given, as text and as what that means."""
    minute, minutes = of_hour or _draw_times(random, 60, random.randrange(60))
    hour, hours = _draw_times(random, 24, (near + random.randint(-2, 2)) % 24)
    day, is_day = _draw_day(random)
    month, months = _draw_month(random)
    weekday, is_weekday = _draw_weekday(random)
    all_must_match = day.startswith("*") or weekday.startswith("*")

    def matches_day(of: date) -> bool:
        both = is_day(of), is_weekday(of)
        return of.month in months and (all(both) if all_must_match else any(both))

    text = f"{minute} {hour} {day} {month} {weekday}"
    is_fixed = not minute.startswith("*") and not hour.startswith("*")
    return Drawn(text, frozenset(minutes), frozenset(hours), matches_day, is_fixed)


def _draw_times(random: Random, count: int, likely: int) -> tuple[str, set[int]]:
    low, high = sorted(random.sample(range(count), 2))
    step = random.randint(2, count // 2)
    kind = random.choice(("one", "one", "one", "all", "steps", "list", "range", "range of steps"))
    match kind:
        case "one":
            return str(likely), {likely}
        case "all":
            return "*", set(range(count))
        case "steps":
            return f"*/{step}", set(range(0, count, step))
        case "list":
            return f"{likely},{low}-{high}", {likely, *range(low, high + 1)}
        case "range":
            return f"{low}-{high}", set(range(low, high + 1))
        case _:
            return f"{low}-{high}/{step}", set(range(low, high + 1, step))


def _draw_day(random: Random) -> tuple[str, Callable[[date], bool]]:
    low, high = sorted(random.sample(range(1, 32), 2))
    match random.choice(("any", "any", "any", "range", "last", "steps")):
        case "any":
            return "*", lambda of: True
        case "range":
            return f"{low}-{high}", lambda of: low <= of.day <= high
        case "last":
            return "L", lambda of: of.day == calendar.monthrange(of.year, of.month)[1]
        case _:
            return "*/2", lambda of: of.day % 2 == 1


def _draw_month(random: Random) -> tuple[str, set[int]]:
    low, high = sorted(random.sample(range(1, 13), 2))
    match random.choice(("any", "any", "any", "range", "names")):
        case "any":
            return "*", set(range(1, 13))
        case "range":
            return f"{low}-{high}", set(range(low, high + 1))
        case _:
            return f"{_MONTHS[low - 1]},{_MONTHS[high - 1].lower()}", {low, high}


def _draw_weekday(random: Random) -> tuple[str, Callable[[date], bool]]:
    day = random.randrange(7)
    match random.choice(("any", "any", "any", "name", "range", "seven", "last", "nth")):
        case "any":
            return "*", lambda of: True
        case "name":
            return _DAYS[day], lambda of: of.isoweekday() % 7 == day
        case "range":
            return "MON-FRI", lambda of: of.isoweekday() <= 5
        case "seven":
            return "7", lambda of: of.isoweekday() == 7
        case "last":
            return f"{day}L", lambda of: of.isoweekday() % 7 == day and (of + timedelta(days=7)).month != of.month
        case _:
            nth = random.randint(1, 5)
            return f"{day}#{nth}", lambda of: of.isoweekday() % 7 == day and (of.day + 6) // 7 == nth
