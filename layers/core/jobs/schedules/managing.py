"""What callers do with schedules: make, change and remove them, and have a job made out of turn."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from jobs.errors import Busy, IdempotencyKeyReused, ScheduleChanged, ScheduleNotFound
from jobs.lifecycle.contention import DEADLINE, Contention
from jobs.lifecycle.creation import REPLAY_WINDOW, Request, create_batch, create_job
from jobs.model import DELETE_USER_DATA, SECOND, DueSchedule, Occasion, ScheduleMove
from jobs.schedules import firing
from jobs.schedules.occasions import ALL_OF
from jobs.schedules.ports import Schedule, ScheduleRecord, State
from jobs.schedules.rhythm import occurrences
from jobs.schedules.showing import get_schedule
from jobs.timing.hints import announce

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.lifecycle.creation import IdempotencyKey
    from jobs.model import Job, SeenEvent
    from jobs.schedules.ports import SchedulePorts, Spec
    from jobs.tenants import Project

#: How often a change is tried that meets another one.
TRIES = 3
#: How many steps a schedule takes at most before it is changed: those of catching up, and one for what is due.
MAX_STEPS = ALL_OF + 2


def create_schedule(
    ports: SchedulePorts,
    project: Project,
    spec: Spec,
    idempotency: IdempotencyKey | None = None,
    seen: SeenEvent | None = None,
) -> tuple[Schedule, bool]:
    """Make a schedule, and send a hint if its first occurrence is soon.

    Args:
        ports: the world.
        project: where; the caller may use it.
        spec: what.
        idempotency: given if the caller may repeat the call.
        seen: given if an event asks, which may be delivered again.

    Returns:
        The schedule, and whether an earlier call with the same idempotency key made it.

    Raises:
        EventSeen: the event was taken before.
        IdempotencyKeyReused: the key came with another body in the last 24 hours.
        TooManySchedules: the project has as many as it may have.
        ScheduleNotFound: the key was used for a schedule that was removed since.
        Busy: DynamoDB throttles. Try again.
    """
    now = ports.clock.now()
    chance = int(ports.random() * 16**8) % 16**8
    schedule_id = f"{now // SECOND:08x}{project.project_id:08x}{chance:08x}"
    schedule = Schedule(
        project_id=project.project_id,
        schedule_id=schedule_id,
        spec=spec,
        created_at=now,
        state=State(next_at=_next_at(spec, now)),
    )
    if idempotency is None:
        record = None
    else:
        digests = idempotency.stored_in(project, "schedule")
        record = ScheduleRecord(*digests, schedule_id, (now + REPLAY_WINDOW) // SECOND)
        made = _find_made(ports, project, record)
        if made is not None:
            return made, True
    if _settle(Contention(ports, DEADLINE), lambda: ports.schedules.add_schedule(schedule, record, seen)):
        _announce(ports, schedule)
        return schedule, False
    made = _find_made(ports, project, record) if record is not None else None
    if made is None:
        raise Busy
    return made, True


def change_schedule(
    ports: SchedulePorts, project: Project, schedule_id: str, version: int | None, change: Callable[[Spec], Spec]
) -> Schedule:
    """Change what was set of a schedule. Its next occurrence is the first one from now on.

    Args:
        ports: the world.
        project: the schedule's; the caller may use it.
        schedule_id: its id.
        version: the one that the caller saw; None if any is fine.
        change: makes the new setting of the old one.

    Raises:
        ScheduleNotFound: the project has no such schedule.
        ScheduleChanged: it is at another version.
        Busy: others change it at once, or DynamoDB throttles. Try again.
    """
    contention = Contention(ports, DEADLINE)
    for _ in range(TRIES):
        seen, now = _settled(ports, project, schedule_id)
        # what is wrong with the change is told first (RFC 9110, section 13.2.1)
        spec = change(seen.spec)
        _check_version(seen, version)
        changed = seen._replace(
            spec=spec,
            updated_at=now,
            version=seen.version + 1,
            state=seen.state._replace(next_at=_next_at(spec, now)),
        )
        if _settle(contention, partial(ports.schedules.replace_schedule, seen, changed)):
            _announce(ports, changed)
            return changed
    raise Busy


def remove_schedule(ports: SchedulePorts, project: Project, schedule_id: str, version: int | None) -> None:
    """Remove a schedule. No occurrence makes a job afterwards; jobs that were made stay.

    Raises:
        ScheduleNotFound: the project has no such schedule.
        ScheduleChanged: it is at another version.
        Busy: others change it at once, or DynamoDB throttles. Try again.
    """
    contention = Contention(ports, DEADLINE)
    for _ in range(TRIES):
        seen, _ = _settled(ports, project, schedule_id)
        _check_version(seen, version)
        if _settle(contention, partial(ports.schedules.remove_schedule, seen)):
            return
    raise Busy


def _settled(ports: SchedulePorts, project: Project, schedule_id: str) -> tuple[Schedule, int]:
    """Read a schedule none of whose occurrences is due, and at what time. What is due is made first, as it was set.

    A change counts from that very time, so that nothing becomes due between the two.

    Raises:
        ScheduleNotFound: the project has no such schedule.
        Busy: its occurrences do not come to an end, or DynamoDB throttles.
    """
    for _ in range(MAX_STEPS):
        seen = get_schedule(ports, project, schedule_id)
        now = ports.clock.now()
        if not firing.is_due(seen, now):
            return seen, now
        firing.fire_project(ports, project.project_id, [schedule_id])
    raise Busy


def run_schedule(ports: SchedulePorts, project: Project, schedule_id: str, *, by: str) -> Job:
    """Make the job of a schedule now. Its rhythm goes on as it would have.

    Raises:
        ScheduleNotFound: the project has no such schedule.
        DeletionActive: it would delete a user who has an active deletion.
        Busy: others contend for the number of the job, or DynamoDB throttles. Try again.
    """
    schedule = get_schedule(ports, project, schedule_id)
    new = schedule.spec.job._replace(start_at=None, made_by=Occasion(schedule_id))
    move = ScheduleMove(project.project_id, schedule_id, schedule.version, seen=None, at=ports.clock.now())
    if new.action == DELETE_USER_DATA:
        return create_job(ports, project, new, by=by, fired=move).job
    (job,) = create_batch(ports, project, [Request(new, by, moved=move)], DEADLINE)
    if job is None:
        raise ScheduleNotFound
    return job


def _settle(contention: Contention, write: Callable[[], bool]) -> bool:
    """Try a write again until its outcome is certain. Each recognises what an earlier try has done.

    Raises:
        Busy: the deadline has passed.
    """
    while True:
        try:
            return write()
        except Busy:
            contention.wait()


def _next_at(spec: Spec, now: int) -> int | None:
    if not spec.enabled:
        return None
    return next((occurrence.at for occurrence in occurrences(spec.rhythm, now)), None)


def _check_version(schedule: Schedule, version: int | None) -> None:
    if version not in {None, schedule.version}:
        raise ScheduleChanged


def _find_made(ports: SchedulePorts, project: Project, record: ScheduleRecord) -> Schedule | None:
    found = ports.schedules.find_schedule_record(project.project_id, record.key_digest, ports.clock.now())
    if found is None:
        return None
    if found.body_digest != record.body_digest:
        raise IdempotencyKeyReused
    return get_schedule(ports, project, found.schedule_id)


def _announce(ports: SchedulePorts, schedule: Schedule) -> None:
    next_at = schedule.state.next_at
    if next_at is not None:
        announce(ports, [DueSchedule(next_at, schedule.project_id, schedule.schedule_id)])
