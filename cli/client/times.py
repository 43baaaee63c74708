"""Times as people write and read them: `5m`, `tomorrow 09:00`, ISO 8601; local time, and how far away it is."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from cli.client.errors import WrongUsage

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION = re.compile(r"(?:[0-9]{1,9}[smhd])+")
_PART = re.compile(r"([0-9]+)([smhd])")
_CLOCK = re.compile(r"(?:(today|tomorrow)\s+)?([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?")
DURATIONS = "write it like 30s, 5m, 2h, 1d or 1h30m"
TIMES = "write it like 09:00, 'tomorrow 09:00', 2026-12-01T09:00 or 2026-12-01T09:00Z"
CLOCK = "%Y-%m-%d %H:%M:%S"
#: The service takes no later time, and this bounds what is computed here.
_MAX_DAYS = 3660


def parse_duration(text: str) -> timedelta:
    """Read a duration.

    Raises:
        WrongUsage: it has another form.
    """
    if not _DURATION.fullmatch(text):
        raise WrongUsage(f"{text!r} is no duration: {DURATIONS}")
    seconds = sum(int(count) * SECONDS[unit] for count, unit in _PART.findall(text))
    if seconds > _MAX_DAYS * SECONDS["d"]:
        raise WrongUsage(f"{text!r} is too far ahead")
    return timedelta(seconds=seconds)


def parse_seconds(text: str | None) -> int | None:
    """Read a duration as seconds; None if none was given.

    Raises:
        WrongUsage: it has another form.
    """
    return None if text is None else int(parse_duration(text).total_seconds())


def write_seconds(seconds: int) -> str:
    """Seconds as `parse_seconds` reads them, in the largest units: `1h30m`."""
    text = ""
    for unit in ("d", "h", "m", "s"):
        count, seconds = divmod(seconds, SECONDS[unit])
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def parse_time(text: str, now: datetime) -> datetime:
    """Read a time. Without an offset it is local; a time of day that is over is that of tomorrow.

    Raises:
        WrongUsage: it has another form, or a clock change skips it.
    """
    clock = _CLOCK.fullmatch(text.strip().lower())
    try:
        if clock is None:
            given = datetime.fromisoformat(text.strip())
            return _existing(given, text) if given.tzinfo is None else given
        day, hour, minute, second = clock.groups()
        today = now.astimezone().replace(
            tzinfo=None, hour=int(hour), minute=int(minute), second=int(second or 0), microsecond=0
        )
    except (ValueError, OverflowError):
        raise WrongUsage(f"{text!r} is no time: {TIMES}") from None
    if day == "tomorrow" or (day is None and today <= now.astimezone().replace(tzinfo=None)):
        today += timedelta(days=1)
    return _existing(today, text)


def _existing(local: datetime, text: str) -> datetime:
    """Give a local time its offset. Of one that comes twice, it is the first."""
    try:
        known = local.astimezone()
        again = known.astimezone(UTC).astimezone().replace(tzinfo=None)
    except (OverflowError, ValueError, OSError):
        raise WrongUsage(f"{text!r} is no time: {TIMES}") from None
    if again != local:
        raise WrongUsage(f"{text!r} does not exist here: the clocks are put forward then")
    return known


def to_milliseconds(time: datetime) -> int:
    """Milliseconds since the epoch, rounded down."""
    return (time - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1)


def show(milliseconds: int | None, now: datetime) -> str:
    """Local time, and how far away it is."""
    if milliseconds is None:
        return "-"
    return f"{clock(milliseconds)}  {relative(milliseconds, now)}"


def clock(milliseconds: int) -> str:
    """Local date and time to the second."""
    return from_milliseconds(milliseconds).astimezone().strftime(CLOCK)


def from_milliseconds(milliseconds: int) -> datetime:
    """The time of a number of milliseconds since the epoch."""
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)


def relative(milliseconds: int, now: datetime) -> str:
    """`in 4 s`, `3 min ago`."""
    away = round((from_milliseconds(milliseconds) - now).total_seconds())
    if away == 0:
        return "now"
    return f"in {length(away)}" if away > 0 else f"{length(-away)} ago"


def length(seconds: float) -> str:
    """How long something takes, in its largest whole unit."""
    for unit, word in (("d", "d"), ("h", "h"), ("m", "min")):
        # two days are clearer in hours than one
        if seconds >= SECONDS[unit] * (2 if unit == "d" else 1):
            return f"{int(seconds // SECONDS[unit])} {word}"
    return f"{int(seconds)} s"
