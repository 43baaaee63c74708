"""Schedules as users of Alteryx' API see and set them: by role and by owner.

They are the schedules of the projects. One that the public API made runs no workflow and has no owner, so only
administrators see it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from jobs.errors import InvalidRequest, ScheduleNotFound
from jobs.model import DAY
from jobs.schedules import managing, showing
from jobs.schedules.rhythm import occurrences
from jobs.tenants import Role
from jobs.workflows import running
from jobs.workflows.viewing import projects_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jobs.schedules.ports import Schedule, SchedulePorts, Spec
    from jobs.tenants import Principal, Project

#: How long a window may be in which the runs of a list are.
MAX_WINDOW = 45 * DAY
#: Schedules that one call looks at, and how many it reads at a time.
MAX_LOOKED_AT = 1_000
AT_ONCE = 50


class ScheduleId(NamedTuple):
    """What a schedule's id says: its project. The digits are the whole id."""

    project_id: int
    digits: str


class ScheduleFilter(NamedTuple):
    """Which schedules are wanted. An empty filter lets every schedule pass."""

    #: In lower case.
    owner_id: str = ""
    workflow_id: str = ""
    #: It runs at the one time or later, and before the other, in milliseconds.
    window: tuple[int, int] | None = None
    #: How many schedules were looked at before.
    offset: int = 0

    def wants(self, schedule: Schedule) -> bool:
        """Whether a schedule passes, its runs apart."""
        job = schedule.spec.job
        return self.owner_id in {"", job.run.owner_id.lower()} and self.workflow_id in {
            "",
            job.run.workflow_id or job.action,
        }

    def run_of(self, schedule: Schedule) -> int | None:
        """The first run of a schedule in the window, or its next one if there is no window; None if there is none."""
        next_at = schedule.state.next_at
        if self.window is None or next_at is None:
            return next_at
        begin, end = self.window
        if next_at < begin:
            next_at = next((found.at for found in occurrences(schedule.spec.rhythm, begin - 1)), None)
        return next_at if next_at is not None and next_at < end else None


class Seen(NamedTuple):
    """A schedule of a list, its place among all that are looked at, and its run. None is where a call stops looking."""

    place: int
    schedule: Schedule | None
    run_at: int | None = None


def create_schedule(ports: SchedulePorts, principal: Principal, spec: Spec) -> Schedule:
    """Make a schedule that runs a workflow, in the client's project and owned by its user.

    Raises:
        Unauthorized: the client's project is gone.
        RunNotPermitted: the workflow is in collections, and the user may run it through none of them.
        TooManySchedules: the project has as many as it may have.
        Busy: DynamoDB throttles. Try again.
    """
    run = spec.job.run._replace(owner_id=principal.user.user_id)
    owned = spec._replace(job=spec.job._replace(run=run))
    project = running.project_of(ports, principal)
    return managing.create_schedule(ports, project, _admitted(ports, principal, None, owned))[0]


def find_schedule(ports: SchedulePorts, principal: Principal, wanted: ScheduleId) -> Schedule:
    """Read a schedule that the caller sees.

    Raises:
        ScheduleNotFound: it does not exist, belongs to another organisation, or is somebody else's. A caller cannot
            tell these apart.
    """
    schedule = showing.get_schedule(ports, _project(ports, principal, wanted), wanted.digits)
    if not may_see(principal, schedule.spec):
        raise ScheduleNotFound
    return schedule


def list_schedules(ports: SchedulePorts, principal: Principal, wanted: ScheduleFilter) -> Iterator[Seen]:
    """Walk through the schedules that the caller sees: project by project, the oldest first."""
    projects = [project.project_id for project in projects_of(ports, principal)]
    listed = ports.parallel(ports.schedules.list_schedule_ids, projects)
    ids = [(project_id, of) for project_id, those in zip(projects, listed, strict=True) for of in those]
    end = wanted.offset + MAX_LOOKED_AT
    for begin in range(wanted.offset, min(end, len(ids)), AT_ONCE):
        chunk = ids[begin : min(begin + AT_ONCE, end)]
        by_project: dict[int, list[str]] = {}
        for project_id, of in chunk:
            by_project.setdefault(project_id, []).append(of)
        found: dict[str, Schedule] = {}
        for project_id, some in by_project.items():
            found |= ports.schedules.get_schedules(project_id, some, strong=False)
        for place, (_, of) in enumerate(chunk, begin):
            schedule = found.get(of)
            if schedule is None or not may_see(principal, schedule.spec) or not wanted.wants(schedule):
                continue
            run_at = wanted.run_of(schedule)
            if wanted.window is None or run_at is not None:
                yield Seen(place, schedule, run_at)
    if len(ids) > end:
        yield Seen(end, None)


def change_schedule(
    ports: SchedulePorts, principal: Principal, wanted: ScheduleId, change: Callable[[Spec], Spec]
) -> Schedule:
    """Change what was set of a schedule that the caller sees.

    Args:
        ports: the world.
        principal: the caller.
        wanted: the schedule.
        change: makes the new setting of the old one.

    Raises:
        ScheduleNotFound: the caller sees no such schedule.
        InvalidRequest: the new owner does not exist, or the caller may not give the schedule away.
        RunNotPermitted: it is to run a workflow that the caller may not run, or in another way.
        Busy: others change it at once, or DynamoDB throttles. Try again.
    """

    def changed(before: Spec) -> Spec:
        # decided by the very version that is replaced
        if not may_see(principal, before):
            raise ScheduleNotFound
        after = change(before)
        _check_owner(ports, principal, before, after)
        return _admitted(ports, principal, before, after)

    return managing.change_schedule(ports, _project(ports, principal, wanted), wanted.digits, None, changed)


def remove_schedule(ports: SchedulePorts, principal: Principal, wanted: ScheduleId) -> None:
    """Remove a schedule that the caller sees.

    Raises:
        ScheduleNotFound: the caller sees no such schedule.
        Busy: others change it at once, or DynamoDB throttles. Try again.
    """
    find_schedule(ports, principal, wanted)
    managing.remove_schedule(ports, _project(ports, principal, wanted), wanted.digits, None)


def may_see(principal: Principal, spec: Spec) -> bool:
    """Whether the caller sees and changes a schedule of the own organisation."""
    user = principal.user
    return user.role is Role.ADMINISTRATOR or spec.job.run.owner_id == user.user_id


def _project(ports: SchedulePorts, principal: Principal, wanted: ScheduleId) -> Project:
    project = ports.directory.get_own_project(principal.client.organisation_id, wanted.project_id)
    if project is None:
        raise ScheduleNotFound
    return project


def _check_owner(ports: SchedulePorts, principal: Principal, before: Spec, after: Spec) -> None:
    owner_id = after.job.run.owner_id
    if owner_id == before.job.run.owner_id:
        return
    if principal.user.role is not Role.ADMINISTRATOR:
        raise InvalidRequest("ownerId", "may be changed by administrators alone")
    if ports.directory.find_user(principal.client.organisation_id, owner_id) is None:
        raise InvalidRequest("ownerId", "must be the id of a user")


def _admitted(ports: SchedulePorts, principal: Principal, before: Spec | None, after: Spec) -> Spec:
    """A setting that the caller may make. Who runs a workflow in another way needs the right to run it."""
    job = after.job
    if not job.run.workflow_id or (before is not None and _runs_alike(before, after)):
        return after
    return after._replace(job=running.admitted(ports, principal, job))


def _runs_alike(before: Spec, after: Spec) -> bool:
    of_nobody = [spec.job.run._replace(owner_id="") for spec in (before, after)]
    return of_nobody[0] == of_nobody[1] and before.job.params == after.job.params
