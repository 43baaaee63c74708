"""How Alteryx' v3 spells things: ids, states, times, and the values of a query."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from jobs.errors import InvalidRequest
from jobs.model import DAY, SECOND, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobs.model import Job

#: The status and disposition that show a job's state.
SHOWN = {
    Status.SCHEDULED: ("Queued", "None"),
    Status.RUNNING: ("Running", "None"),
    Status.COMPLETED: ("Completed", "Success"),
    Status.FAILED: ("Completed", "Error"),
    Status.CANCELLED: ("Cancelled", "Cancelled"),
}
#: Words of Alteryx' for states that a job is never in here, and another one for `Completed`.
NEVER_SHOWN = ("Created", "Initializing")
COMPLETE = "Complete"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
#: A time in ISO 8601, with an offset or without.
TIME = re.compile(_DAY.pattern + "T[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,7})?)?(Z|[+-][0-9]{2}:[0-9]{2})?")
_BOOLEANS = {"true": True, "false": False}


def job_id(job: Job) -> str:
    """A job's id in Alteryx' form: 24 hexadecimal digits that say where it is and when it was made."""
    return f"{job.created_at // SECOND:08x}{job.project_id:08x}{job.job_id:08x}"


def app_id(job: Job) -> str:
    """What a job runs: its workflow, or if it runs none its action."""
    return job.run.workflow_id or job.action


def date_time(at: int) -> str:
    """ISO 8601, UTC, with milliseconds."""
    return f"{_seconds(at)}.{at % SECOND:03d}Z"


def short_date_time(at: int) -> str:
    """ISO 8601, UTC, in whole seconds."""
    return f"{_seconds(at)}Z"


def _seconds(at: int) -> str:
    return datetime.fromtimestamp(at // SECOND, UTC).replace(tzinfo=None).isoformat()


def duration(milliseconds: int) -> str:
    """`HH:MM:SS`, cut to whole seconds. From a hundred hours on the hours have more digits."""
    minutes, seconds = divmod(max(milliseconds, 0) // SECOND, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"


def parse_boolean(query: Mapping[str, str], name: str, *, default: bool) -> bool:
    """Read `true` or `false`, in any case. An empty value counts as left out.

    Raises:
        InvalidRequest: it is neither.
    """
    text = query.get(name, "").lower()
    value = _BOOLEANS.get(text) if text else default
    if value is None:
        raise InvalidRequest(name, "must be true or false")
    return value


def values(query: Mapping[str, str], name: str) -> list[str]:
    """The values of a parameter, which commas separate. API Gateway joins those of a repeated one in the same way."""
    return [value for text in query.get(name, "").split(",") if (value := text.strip())]


def parse_words(query: Mapping[str, str], name: str, words: Mapping[str, str]) -> frozenset[str]:
    """Read words that may be written in any case.

    Args:
        query: the parameters.
        name: the name of one.
        words: what each word means.

    Returns:
        What the words of the parameter mean.

    Raises:
        InvalidRequest: a value is none of these words.
    """
    meanings = {word.lower(): meaning for word, meaning in words.items()}
    wanted = [value.lower() for value in values(query, name)]
    if any(word not in meanings for word in wanted):
        raise InvalidRequest(name, f"must be of {', '.join(words)}")
    return frozenset(meanings[word] for word in wanted)


def parse_word(query: Mapping[str, str], name: str, words: Mapping[str, str], default: str) -> str:
    """Read one such word.

    Raises:
        InvalidRequest: it is none of them, or more than one.
    """
    wanted = parse_words(query, name, words) or {default}
    if len(wanted) > 1:
        raise InvalidRequest(name, f"must be one of {', '.join(words)}")
    return next(iter(wanted))


def parse_after(query: Mapping[str, str], name: str) -> int | None:
    """Read behind which day or time: the first millisecond that is, or None. A day does not count itself.

    Raises:
        InvalidRequest: it is neither a day nor a time.
    """
    moment = _parse_moment(query, name)
    return None if moment is None else moment[0] + (DAY if moment[1] else 1)


def parse_before(query: Mapping[str, str], name: str) -> int | None:
    """Read before which day or time: the first millisecond that is not, or None. A day does not count itself.

    Raises:
        InvalidRequest: it is neither a day nor a time.
    """
    moment = _parse_moment(query, name)
    return None if moment is None else moment[0]


def _parse_moment(query: Mapping[str, str], name: str) -> tuple[int, bool] | None:
    """The time of a parameter, and whether it is a whole day. All times are UTC unless they say otherwise."""
    text = query.get(name, "")
    if not text:
        return None
    try:
        if _DAY.fullmatch(text):
            days = date.fromisoformat(text) - _EPOCH.date()
            return days.days * DAY, True
        if TIME.fullmatch(text):
            moment = datetime.fromisoformat(text)
            since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
            return since // timedelta(milliseconds=1), False
    except ValueError:  # such as a thirteenth month
        pass
    raise InvalidRequest(name, "must be a day as yyyy-MM-dd, or a time in ISO 8601")
