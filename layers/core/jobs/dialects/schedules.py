"""How schedules look in the public dialect."""

from __future__ import annotations

import re
from http import HTTPStatus
from itertools import islice
from typing import TYPE_CHECKING, Any

from jobs.dialects import base
from jobs.dialects.base import Answer
from jobs.dialects.registry import PUBLIC
from jobs.dialects.schedule_fields import as_body
from jobs.errors import InvalidRequest, ScheduleNotFound
from jobs.representation import Room, dump
from jobs.schedules.rhythm import local_time, occurrences
from jobs.schedules.showing import Wanted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobs.dialects.base import Call
    from jobs.schedules.ports import Schedule
    from jobs.schedules.rhythm import Rhythm
    from jobs.schedules.showing import Found

#: How many occurrences a call may show, and how many it shows if it does not say.
MAX_OCCURRENCES = 100
DEFAULT_OCCURRENCES = 10
_ID = re.compile("[0-9a-f]{24}")
_TAG = re.compile(r'"([0-9]{1,10})"')


def parse_seen(call: Call) -> tuple[str, int | None]:
    """Read which schedule the path names, and which version of it the caller saw; None if any is fine.

    Letters of an id may come in upper case. A condition (`If-Match`, RFC 9110, section 13.1.1) of another form than our
    tags matches no version: 0 is none.

    Raises:
        ScheduleNotFound: the path has no id of a schedule.
    """
    schedule_id = call.path["scheduleId"].lower()
    if not _ID.fullmatch(schedule_id):
        raise ScheduleNotFound
    condition = call.headers.get("if-match", "*").strip()
    tag = _TAG.fullmatch(condition)
    return schedule_id, None if condition == "*" else int(tag[1]) if tag else 0


def parse_list(query: Mapping[str, str]) -> Wanted:
    """Read which schedules are wanted. Numbers out of range fall back to the defaults, as for jobs.

    Raises:
        InvalidRequest: `after` is no id, or is given together with `page`.
    """
    size = PUBLIC.parse_limit(query)
    after = query.get("after", "").lower()
    if after:
        if not _ID.fullmatch(after):
            raise InvalidRequest("after", "must be the id of a schedule")
        if query.get("page"):
            raise InvalidRequest("page", "must not be given together with after")
        return Wanted(size, after=after)
    number = base.parse_integer(query.get("page", ""))
    return Wanted(size, number if number is not None and number >= 1 else 1)


def view(schedule: Schedule) -> dict[str, Any]:
    """A schedule as callers see it."""
    state = schedule.state
    return {
        **as_body(schedule.spec),
        "scheduleId": schedule.schedule_id,
        "nextAt": state.next_at,
        "lastAt": state.last_at,
        "lastJobId": state.last_job_id,
        "runCount": state.run_count,
        "missedCount": state.missed_count,
        "skippedCount": state.skipped_count,
        "createdAt": schedule.created_at,
        "updatedAt": schedule.updated_at,
    }


def render(schedule: Schedule, status: HTTPStatus = HTTPStatus.OK, **headers: str) -> Answer:
    """Answer with one schedule and its version."""
    return Answer(status, dump({"data": view(schedule)}), {"ETag": f'"{schedule.version}"', **headers})


def render_created(schedule: Schedule, call: Call, *, replayed: bool) -> Answer:
    """Answer the making of a schedule: 201 and its address, or 200 if an idempotency key was repeated."""
    if replayed:
        return render(schedule)
    path = f"{call.dialect.prefix}/{call.project.project_key}/schedules/{schedule.schedule_id}"
    return render(schedule, HTTPStatus.CREATED, Location=call.url(path))


def render_removed() -> Answer:
    """Answer that a schedule is gone."""
    return Answer(HTTPStatus.NO_CONTENT, "")


def render_list(found: Found, call: Call) -> Answer:
    """Answer with schedules: as many of them as an answer holds, and links to the others."""
    size, number, after = found.wanted
    room, texts = Room(), list[str]()
    for schedule in found.schedules:
        text = dump(view(schedule))
        if not room.holds(text):
            break
        texts.append(text)
    links = {}
    if after is None:
        last = max(1, -(-found.total // size))
        targets = {"first": 1, "prev": min(number - 1, last), "next": number + 1, "last": last}
        links = {relation: call.url(limit=size, page=to) for relation, to in targets.items() if 1 <= to <= last}
    # behind a page that was cut, the next page would leave some out
    if len(texts) < len(found.schedules) or (after is not None and found.goes_on):
        links["next"] = call.url(limit=size, after=found.schedules[len(texts) - 1].schedule_id)
    headers = {"X-Total-Count": str(found.total), **base.link_header(links)}
    return Answer(HTTPStatus.OK, '{"data":[' + ",".join(texts) + "]}", headers)


def render_occurrences(rhythm: Rhythm | None, after: int, query: Mapping[str, str]) -> Answer:
    """Answer with the next occurrences after an instant, none without a rhythm.

    A number of them that is out of range falls back to the default, as for lists.
    """
    asked = base.parse_integer(query.get("limit", ""))
    count = asked if asked is not None and 1 <= asked <= MAX_OCCURRENCES else DEFAULT_OCCURRENCES
    found = () if rhythm is None else islice(occurrences(rhythm, after), count)
    zone = "UTC" if rhythm is None else rhythm.timezone
    data = [{"at": at, "local": local_time(at, zone), "note": note} for at, note in found]
    return Answer(HTTPStatus.OK, dump({"data": data}))
