"""Firing: making the jobs of occurrences that hints say are due. The condition on the state decides, never the hint.

A job and the move of its schedule's state are one transaction. So an occurrence has one job, however often it is
hinted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from jobs.errors import Busy, DeletionActive, EventSeen
from jobs.lifecycle.creation import Request, create_batch, create_job
from jobs.model import BY_SERVICE, DELETE_USER_DATA, SECOND, DueSchedule, Occasion, ScheduleMove
from jobs.schedules.occasions import next_step
from jobs.schedules.ports import Overlap
from jobs.timing.hints import announce

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.model import FireHint
    from jobs.ports import TimeLeft
    from jobs.schedules.ports import Schedule, SchedulePorts
    from jobs.tenants import Project

#: A hint this early is waited out: SQS delays in whole seconds, rounded down, and a hint covers one second.
MAX_WAIT = 2 * SECOND
#: Jobs of occurrences that one transaction surely holds: each takes three of its hundred actions at most.
AT_ONCE = 33
#: Milliseconds that the schedules of a hint may take.
HINT_TIME = 25 * SECOND


class _Turn(NamedTuple):
    """A schedule whose occurrence is due, and how its state is to move."""

    schedule: Schedule
    move: ScheduleMove


def fire(ports: SchedulePorts, hints: Sequence[FireHint], has_time: TimeLeft) -> set[int]:
    """Make the jobs of some hints, each as soon as it is due, in the order they are due.

    Args:
        ports: the world.
        hints: the hints.
        has_time: the time left to this invocation.

    Returns:
        The positions of the hints that must be delivered again, because time ran out or DynamoDB kept throttling.
    """
    again: set[int] = set()
    for position, hint in sorted(enumerate(hints), key=lambda place: place[1].due_at):
        if not has_time(HINT_TIME):
            again.add(position)
            continue
        latest = max(due_at for _, due_at in hint.schedules)
        early = latest - ports.clock.now()
        if early > MAX_WAIT:
            # Out of date or mistaken. The change that moved the schedule has sent another.
            ports.meter.count("FireHintEarly")
            continue
        if early > 0:
            ports.clock.sleep(early)
        try:
            fire_project(ports, hint.project_id, [schedule_id for schedule_id, _ in hint.schedules])
        except Busy:
            ports.meter.count("FireThrottled")
            again.add(position)
    return again


def fire_project(ports: SchedulePorts, project_id: int, schedule_ids: Sequence[str]) -> None:
    """Take one step of each schedule of a project whose occurrence is due.

    Raises:
        Busy: DynamoDB throttles. What was made until then stays, and its schedules have moved on.
    """
    now = ports.clock.now()
    project = ports.directory.get_project(project_id)
    found = ports.schedules.get_schedules(project_id, list(dict.fromkeys(schedule_ids)))
    turns = [_turn(ports, schedule, now) for schedule in found.values() if is_due(schedule, now)]
    if len(turns) < len(schedule_ids):
        ports.meter.count("FireHintStale", len(schedule_ids) - len(turns))
    if project is None or project.closed_at is not None:
        return  # its schedules go with it
    silent = [turn for turn in turns if turn.move.at is None]
    deletions = [turn for turn in turns if turn not in silent and turn.schedule.spec.job.action == DELETE_USER_DATA]
    others = [turn for turn in turns if turn not in silent and turn not in deletions]
    for turn in silent:
        if ports.schedules.move_schedule(turn.move):
            _after_commit(ports, [turn])
    for turn in deletions:
        if _delete(ports, project, turn):
            _after_commit(ports, [turn])
    for first in range(0, len(others), AT_ONCE):
        chunk = others[first : first + AT_ONCE]
        jobs = create_batch(ports, project, [_request(turn) for turn in chunk])
        _after_commit(ports, [turn for turn, job in zip(chunk, jobs, strict=True) if job is not None])


def _after_commit(ports: SchedulePorts, turns: Sequence[_Turn]) -> None:
    """Count what became of occurrences, and send the hints of the next ones. After a crash the sweep sends them."""
    now = ports.clock.now()
    for _, move in turns:
        if move.at is not None:
            ports.meter.milliseconds("FireLag", now - move.at)
        if move.missed:
            ports.meter.count("OccurrencesMissed", move.missed)
        if move.skipped:
            ports.meter.count("OccurrencesSkipped", move.skipped)
    next_ones = [(move.next_at, move.project_id, move.schedule_id) for _, move in turns]
    announce(ports, [DueSchedule(at, project_id, of) for at, project_id, of in next_ones if at is not None])


def is_due(schedule: Schedule, now: int) -> bool:
    """Whether an occurrence of a schedule waits for its job."""
    return schedule.state.next_at is not None and schedule.state.next_at <= now


def _turn(ports: SchedulePorts, schedule: Schedule, now: int) -> _Turn:
    """How a schedule moves that is due."""
    due_at = schedule.state.next_at
    assert due_at is not None  # noqa: S101 - only what is due gets here
    step = next_step(schedule.spec, due_at, now)
    move = ScheduleMove(
        schedule.project_id,
        schedule.schedule_id,
        schedule.version,
        due_at,
        next_at=step.next_at,
        at=step.at,
        missed=step.missed,
    )
    if step.at is not None and schedule.spec.overlap is Overlap.SKIP and _last_is_active(ports, schedule):
        move = move._replace(at=None, skipped=1)
    return _Turn(schedule, move)


def _last_is_active(ports: SchedulePorts, schedule: Schedule) -> bool:
    last = schedule.state.last_job_id
    job = None if last is None else ports.jobs.get_job(schedule.project_id, last)
    return job is not None and job.status.is_active


def _request(turn: _Turn) -> Request:
    occasion = Occasion(turn.schedule.schedule_id, turn.move.at)
    new = turn.schedule.spec.job._replace(start_at=turn.move.at, made_by=occasion)
    return Request(new, BY_SERVICE, moved=turn.move)


def _delete(ports: SchedulePorts, project: Project, turn: _Turn) -> bool:
    """Make the job that deletes a user, unless the user has an active one: then the occurrence is skipped."""
    request = _request(turn)
    try:
        create_job(ports, project, request.new, by=request.by, fired=request.moved)
    except EventSeen:
        return False
    except DeletionActive:
        return ports.schedules.move_schedule(turn.move._replace(at=None, skipped=1))
    return True
