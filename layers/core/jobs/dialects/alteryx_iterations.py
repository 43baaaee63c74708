"""Iterations: how Alteryx says when a schedule runs. What they mean as rhythms, and how rhythms look as iterations.

An iteration has a normal form here: its type, `startTime` and `endTime` as the clocks of the schedule's zone show them,
in whole minutes, and the contract of its type alone. So two iterations that mean the same are equal.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from jobs.dialects.alteryx_words import TIME
from jobs.errors import InvalidRequest
from jobs.schedules import zones
from jobs.schedules.rhythm import Rhythm, check_cron

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    #: An iteration in its normal form.
    Iteration = Mapping[str, Any]

_MILLISECOND = timedelta(milliseconds=1)
#: Far from the ends of the calendar, where no time can be put into another zone.
_YEARS = range(1970, 9999)
#: The zone of a schedule that names none.
UTC = "UTC"


class Kind(StrEnum):
    """The types of an iteration."""

    ONCE = "Once"
    HOURLY = "Hourly"
    DAILY = "Daily"
    WEEKLY = "Weekly"
    MONTHLY = "Monthly"
    CUSTOM = "Custom"
    CRON = "Cron"


#: The field that has the contract of a type. `Once` has none.
CONTRACTS: Mapping[Kind, str] = {kind: f"{kind.lower()}Contract" for kind in Kind if kind is not Kind.ONCE}
#: The days of a week in their order, and their names in cron. Their places are their numbers there.
DAYS = {
    "Sunday": "SUN",
    "Monday": "MON",
    "Tuesday": "TUE",
    "Wednesday": "WED",
    "Thursday": "THU",
    "Friday": "FRI",
    "Saturday": "SAT",
}
#: The last such day of a month, as an `occurrence`.
LAST = -1


def read_time(text: str, time_zone: str) -> str:
    """Read a time of an iteration, and return what the clocks of its zone show then, in whole minutes.

    Clients put `Z` behind every time and mean the clocks of the schedule's zone, as Alteryx documents it. So `Z` and an
    offset of zero count as none. Any other offset makes the time an instant.

    Raises:
        ValueError: it is no time in ISO 8601, or does not exist.
    """
    try:
        moment = datetime.fromisoformat(text) if TIME.fullmatch(text) else None
    except ValueError:  # such as a thirteenth month
        moment = None
    if moment is None or moment.year not in _YEARS:
        raise ValueError("must be a time in ISO 8601, such as 2027-01-31T08:30:00Z")
    if moment.utcoffset():
        moment = zones.wall_time(moment, zones.zone(time_zone))
    return _minute(moment)


def instant_of(time: str, time_zone: str) -> int:
    """When the clocks of a zone first show a time, in milliseconds; the end of the gap if they skip it."""
    first = zones.instants(datetime.fromisoformat(time), zones.zone(time_zone)).first
    return (first - zones.EPOCH) // _MILLISECOND


def rhythm_of(iteration: Iteration, time_zone: str) -> Rhythm:
    """The rhythm that an iteration in normal form means.

    An hourly one counts from its start as time elapses. All others keep to the clocks of the zone: a time that they
    skip runs at the end of the gap, and of one that comes twice the first counts. A day that a month does not have is
    left out. Nothing runs after `endTime`.

    Raises:
        InvalidRequest: it is over before it begins, or its contract fits no day.
    """
    kind = Kind(iteration["iterationType"])
    start = datetime.fromisoformat(iteration["startTime"])
    start_at = instant_of(iteration["startTime"], time_zone)
    if kind is Kind.ONCE:
        return Rhythm(at=start_at, timezone=time_zone)
    end = iteration["endTime"]
    end_at = None if end is None else instant_of(end, time_zone)
    if end_at is not None and end_at < start_at:
        raise InvalidRequest("iteration.endTime", "must not be before startTime")
    contract = iteration[CONTRACTS[kind]]
    bounds = Rhythm(start_at=start_at, end_at=end_at, timezone=time_zone)
    if kind is Kind.HOURLY:
        every = contract["hours"] * 3_600 + contract["minutes"] * 60
        if not every:
            raise InvalidRequest("iteration.hourlyContract", "hours and minutes must not both be 0")
        return bounds._replace(every=every, anchor=start_at)
    days = contract["cronExpression"] if kind is Kind.CRON else _DAYS_OF[kind](contract)
    cron = days if kind is Kind.CRON else f"{start.minute} {start.hour} {days}"
    try:
        check_cron(cron)
    except ValueError as error:
        reason = str(error) if kind is Kind.CRON else "none of these months has such a day"
        raise InvalidRequest(f"iteration.{CONTRACTS[kind]}", reason) from None
    return bounds._replace(cron=cron)


def iteration_of(rhythm: Rhythm) -> Iteration:
    """How a rhythm looks that was set in the public API. A period is rounded down to whole minutes."""
    start, end = rhythm.start_at, rhythm.end_at
    contract: dict[str, Any] = {}
    if rhythm.cron:
        kind = Kind.CRON
        contract = {"cronExpression": rhythm.cron}
    elif rhythm.every:
        kind = Kind.HOURLY
        start = rhythm.anchor if start is None else start
        contract = {"hours": rhythm.every // 3_600, "minutes": rhythm.every % 3_600 // 60}
    else:
        kind = Kind.ONCE
        start, end = rhythm.at, None
    times = {"startTime": _shown(start, rhythm.timezone), "endTime": _shown(end, rhythm.timezone)}
    return {"iterationType": kind.value, **times, **({CONTRACTS[kind]: contract} if contract else {})}


def _daily(contract: Mapping[str, Any]) -> str:
    return "* * MON-FRI" if contract["runOnlyWorkWeek"] else "* * *"


def _weekly(contract: Mapping[str, Any]) -> str:
    return "* * " + ",".join(short for name, short in DAYS.items() if name in contract["daysOfWeek"])


def _monthly(contract: Mapping[str, Any]) -> str:
    if contract["simpleDayOfMonth"]:
        return f"{contract['dayOfMonth']} * *"
    day, nth = list(DAYS).index(contract["dayOfWeek"]), contract["occurrence"]
    return f"* * {day}L" if nth == LAST else f"* * {day}#{nth}"


def _custom(contract: Mapping[str, Any]) -> str:
    days, months = (",".join(map(str, contract[name])) for name in ("daysOfMonth", "months"))
    return f"{days} {months} *"


#: What makes the fields of days, months and days of the week of a contract.
_DAYS_OF: Mapping[Kind, Callable[[Mapping[str, Any]], str]] = {
    Kind.DAILY: _daily,
    Kind.WEEKLY: _weekly,
    Kind.MONTHLY: _monthly,
    Kind.CUSTOM: _custom,
}


def _shown(at: int | None, time_zone: str) -> str | None:
    return None if at is None else _minute(zones.wall_time(zones.EPOCH + at * _MILLISECOND, zones.zone(time_zone)))


def _minute(moment: datetime) -> str:
    return moment.replace(tzinfo=None, second=0, microsecond=0).isoformat()
