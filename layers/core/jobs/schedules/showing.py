"""Reading schedules: one, or a page of a project's."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from jobs.errors import ScheduleNotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.schedules.ports import Schedule, SchedulePorts
    from jobs.tenants import Project


class Wanted(NamedTuple):
    """Which schedules of a project are wanted: the `number`-th page of `size`, or `size` behind the one `after`."""

    size: int
    number: int = 1
    after: str | None = None


class Found(NamedTuple):
    """Some schedules of a project in the order of their ids, and how many it has. Both are eventually consistent."""

    wanted: Wanted
    schedules: Sequence[Schedule]
    total: int
    #: Whether others follow.
    goes_on: bool


def get_schedule(ports: SchedulePorts, project: Project, schedule_id: str) -> Schedule:
    """Read a schedule, strongly.

    Raises:
        ScheduleNotFound: the project has no such schedule.
    """
    found = ports.schedules.get_schedules(project.project_id, [schedule_id]).get(schedule_id)
    if found is None:
        raise ScheduleNotFound
    return found


def list_schedules(ports: SchedulePorts, project: Project, wanted: Wanted) -> Found:
    """Read some schedules. Ids begin with the second of the creation, so the oldest come first."""
    ids = ports.schedules.list_schedule_ids(project.project_id)
    if wanted.after is not None:
        behind = [of for of in ids if of > wanted.after]
    else:
        behind = list(ids[(wanted.number - 1) * wanted.size :])
    page = behind[: wanted.size]
    found = ports.schedules.get_schedules(project.project_id, page, strong=False)
    return Found(wanted, [found[of] for of in page if of in found], len(ids), len(behind) > len(page))
