"""How schedules look in Alteryx' v3, and how lists of them are asked for."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from jobs.dialects import alteryx_iterations as iterations
from jobs.dialects import alteryx_words as words
from jobs.dialects import base
from jobs.dialects.base import Answer
from jobs.errors import InvalidRequest, ScheduleNotFound
from jobs.model import DAY
from jobs.representation import Room, dump
from jobs.schedules.ports import MAX_AHEAD
from jobs.workflows.running import PRIORITIES
from jobs.workflows.scheduling import MAX_WINDOW, ScheduleFilter, ScheduleId, Seen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from jobs.dialects.base import Request
    from jobs.schedules.ports import Schedule, Spec

#: The greatest `offset`: above the number of schedules that an organisation may have.
MAX_OFFSET = 100_000
_ID = re.compile("[0-9a-f]{8}([0-9a-f]{8})[0-9a-f]{8}")
#: What a link to the rest of a list repeats of the query.
_REPEATED = ("view", "ownerId", "workflowId", "runsAfter", "runsBefore")


def parse_id(text: str) -> ScheduleId:
    """Read a schedule's id, in upper or lower case.

    Raises:
        ScheduleNotFound: this service does not give such ids.
    """
    match = _ID.fullmatch(text.lower())
    if match is None:
        raise ScheduleNotFound
    return ScheduleId(int(match[1], 16), match[0])


def parse_list(query: Mapping[str, str], now: int) -> ScheduleFilter:
    """Read which schedules are wanted. A window that has one end is as long as one may be, or begins now.

    Raises:
        InvalidRequest: a parameter is malformed, or the window ends before it begins or is too long.
    """
    begin, end = words.parse_after(query, "runsAfter"), words.parse_before(query, "runsBefore")
    window = None
    if begin is not None or end is not None:
        begin = now if begin is None else begin
        end = begin + MAX_WINDOW if end is None else end
        if begin > now + MAX_AHEAD:
            raise InvalidRequest("runsAfter", "must be at most 10 years ahead")
        if not begin <= end <= begin + MAX_WINDOW:
            raise InvalidRequest("runsBefore", f"must be after runsAfter, and at most {MAX_WINDOW // DAY} days later")
        window = begin, end
    return ScheduleFilter(
        owner_id=query.get("ownerId", "").strip().lower(),
        workflow_id=query.get("workflowId", "").strip(),
        window=window,
        offset=base.parse_bounded({name: text for name, text in query.items() if text}, "offset", 0, MAX_OFFSET),
    )


def told(spec: Spec) -> dict[str, Any]:
    """What a caller could have sent to set this, with every default. A schedule of the public API runs its action."""
    job, rhythm = spec.job, spec.rhythm
    answers, credential = job.params.get("questions"), job.params.get("credentialId")
    return {
        "workflowId": job.run.workflow_id or job.action,
        "ownerId": job.run.owner_id,
        "name": spec.name,
        "comment": spec.comment,
        "enabled": spec.enabled,
        "iteration": spec.iteration or iterations.iteration_of(rhythm),
        "timeZone": rhythm.timezone,
        "priority": job.run.priority or PRIORITIES[0],
        "workerTag": job.run.worker_tag,
        # what the public API keeps under these names may be anything
        "credentialId": credential if isinstance(credential, str) else "",
        "questions": answers if _are_answers(answers) else [],
    }


def render(schedule: Schedule) -> Answer:
    """Answer with one schedule."""
    return Answer(HTTPStatus.OK, dump(_view(schedule, schedule.state.next_at)))


def render_removed() -> Answer:
    """Answer that a schedule is gone."""
    return Answer(HTTPStatus.OK, "{}")


def render_list(found: Iterable[Seen], call: Request, *, full: bool) -> Answer:
    """Answer with as many schedules as an answer holds, and a link to those that are left: a bare array."""
    room, texts, links = Room(), list[str](), {}
    for place, schedule, run_at in found:
        text = "" if schedule is None else dump((_view if full else _reduced)(schedule, run_at))
        if schedule is None or not room.holds(text):
            repeated = {name: call.query[name] for name in _REPEATED if name in call.query}
            links["next"] = call.url(**repeated, offset=place)
            break
        texts.append(text)
    return Answer(HTTPStatus.OK, f"[{','.join(texts)}]", base.link_header(links))


def _reduced(schedule: Schedule, run_at: int | None) -> dict[str, Any]:
    whole = _view(schedule, run_at)
    return {name: whole[name] for name in ("id", "name", "workflowId", "ownerId", "runDateTime", "timeZone")}


def _view(schedule: Schedule, run_at: int | None) -> dict[str, Any]:
    """A schedule. What nobody knows of it is empty: the service keeps no versions of workflows and no workers."""
    body, state = told(schedule.spec), schedule.state
    iteration = body["iteration"]
    return {
        "id": schedule.schedule_id,
        "name": body["name"],
        "workflowId": body["workflowId"],
        "versionId": "",
        "ownerId": body["ownerId"],
        "runDateTime": _time(run_at),
        "comment": body["comment"],
        "enabled": body["enabled"],
        "priority": body["priority"],
        "workerTag": body["workerTag"],
        "status": "",
        "credentialId": body["credentialId"],
        "creationTime": words.date_time(schedule.created_at),
        "lastRunTime": _time(state.last_at),
        "state": "Disabled" if not body["enabled"] else "Completed" if state.next_at is None else "Active",
        "runCount": state.run_count,
        "iteration": {
            **iteration,
            **{name: _clock(iteration[name], body["timeZone"]) for name in ("startTime", "endTime")},
        },
        "frequency": iteration["iterationType"],
        "lastError": "",
        "cpuName": "",
        "lastModifiedId": "",
        "lastModifiedDate": words.date_time(schedule.updated_at or schedule.created_at),
        "canEdit": True,
        "timeZone": body["timeZone"],
        "questions": body["questions"],
    }


def _time(at: int | None) -> str | None:
    return None if at is None else words.date_time(at)


def _clock(time: str | None, time_zone: str) -> str | None:
    """What the clocks of a zone show. In UTC it is an instant, and says so."""
    return f"{time}Z" if time and time_zone == iterations.UTC else time


def _are_answers(answers: object) -> bool:
    return isinstance(answers, list) and all(isinstance(one, dict) and "name" in one for one in answers)
