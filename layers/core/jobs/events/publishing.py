"""Telling the bus of every committed status change and move: from the table's stream, never from the request for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from jobs.model import EVENT_SOURCE, Event, Job, Status
from jobs.representation import core_fields, error_list, occasion_fields

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from jobs.ports import Ports

_DETAIL_TYPES: Mapping[Status, str] = {
    Status.SCHEDULED: "Job Retried",
    Status.RUNNING: "Job Started",
    Status.COMPLETED: "Job Completed",
    Status.FAILED: "Job Failed",
    Status.CANCELLED: "Job Cancelled",
}


class Committed(NamedTuple):
    """A job's row before and after one write; `before` is None at its creation."""

    before: Job | None
    after: Job


class ScheduleChange(NamedTuple):
    """What one write did to a schedule: the type of its event, and what that says beside which schedule it is."""

    project_id: int
    schedule_id: str
    detail_type: str
    about: Mapping[str, Any]
    #: Tells this change from others of the schedule, and is the same at every delivery.
    change: str


def publish(ports: Ports, writes: Sequence[Committed | ScheduleChange]) -> set[int]:
    """Put an event for every status change, move and change of a schedule among some writes, in their order.

    Returns:
        The positions of the writes whose events were not accepted. The stream delivers them again.
    """
    events: list[Event] = []
    origin: list[int] = []
    for position, write in enumerate(writes):
        told = events_of(ports, write) if isinstance(write, Committed) else [event_of_schedule(ports, write)]
        for event in told:
            events.append(event)
            origin.append(position)
    refused = {id(event) for event in ports.bus.put(events)}
    return {position for position, event in zip(origin, events, strict=True) if id(event) in refused}


def events_of(ports: Ports, write: Committed) -> Iterator[Event]:
    """The events of one write: one for each entry that it added to the history, or one for a move."""
    job, before = write.after, write.before
    known = len(before.history) if before is not None else 0
    is_move = before is not None and job.moves > before.moves
    if known == len(job.history) and not is_move:
        return
    project = ports.directory.get_project(job.project_id)
    detail = {
        **core_fields(job, job.updated_at),
        "errorList": error_list(job),
        "attempt": job.attempt,
        "maxAttempts": job.max_attempts,
        "timeoutSeconds": job.timeout_seconds,
        **occasion_fields(job),
        "params": ports.payload.get_params(job.project_id, job.job_id) if job.has_params else {},
        "projectKey": project.project_key if project is not None else None,
    }
    if is_move:
        # A move is no entry of the history, so the event itself says who made it.
        identified = {"by": job.moved_by, "deduplicationId": f"{deduplication_id(job, known)}-m{job.moves}"}
        yield Event(EVENT_SOURCE, "Job Rescheduled", {**detail, **identified})
    for length in range(known + 1, len(job.history) + 1):
        told = "Job Scheduled" if length == 1 else _DETAIL_TYPES[job.history[length - 1].to]
        yield Event(EVENT_SOURCE, told, {**detail, "deduplicationId": deduplication_id(job, length)})


def event_of_schedule(ports: Ports, write: ScheduleChange) -> Event:
    """The event of a change of a schedule."""
    project = ports.directory.get_project(write.project_id)
    detail = {
        "scheduleId": write.schedule_id,
        "projectId": write.project_id,
        **write.about,
        "projectKey": project.project_key if project is not None else None,
        "deduplicationId": f"{write.schedule_id}-{write.change}",
    }
    return Event(EVENT_SOURCE, write.detail_type, detail)


def deduplication_id(job: Job, length: int) -> str:
    """The same at every delivery of a change, and unique to it: the history's length at that change is part of it."""
    return f"{job.project_id}-{job.job_id}-{length}"
