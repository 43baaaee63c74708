"""Show schedules, and when their next occurrences are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.dialects import alteryx_schedules, routes, schedules
from jobs.dialects.alteryx_workflows import parse_full
from jobs.runtime import wiring
from jobs.runtime.http import Api
from jobs.schedules import showing
from jobs.workflows import scheduling

if TYPE_CHECKING:
    from jobs.dialects.base import Answer, Call, UserCall

api = handler = Api()


@api.route(routes.PUBLIC_LIST_SCHEDULES)
def list_schedules(call: Call) -> Answer:
    """Show a page of the project's schedules, the oldest first."""
    page = showing.list_schedules(wiring.ports(), call.project, schedules.parse_list(call.query))
    return schedules.render_list(page, call)


@api.route(routes.PUBLIC_GET_SCHEDULE)
def get_schedule(call: Call) -> Answer:
    """Show the schedule of the path."""
    schedule_id, _ = schedules.parse_seen(call)
    return schedules.render(showing.get_schedule(wiring.ports(), call.project, schedule_id))


@api.route(routes.PUBLIC_LIST_OCCURRENCES)
def list_occurrences(call: Call) -> Answer:
    """Show the next occurrences of the schedule of the path."""
    schedule_id, _ = schedules.parse_seen(call)
    found = showing.get_schedule(wiring.ports(), call.project, schedule_id)
    rhythm = found.spec.rhythm if found.spec.enabled else None
    return schedules.render_occurrences(rhythm, wiring.ports().clock.now(), call.query)


@api.user_route(routes.ALTERYX_LIST_SCHEDULES)
def list_users_schedules(call: UserCall) -> Answer:
    """Show the schedules of the organisation that the caller sees."""
    full = parse_full(call.query)
    wanted = alteryx_schedules.parse_list(call.query, wiring.ports().clock.now())
    found = scheduling.list_schedules(wiring.ports(), call.principal, wanted)
    return alteryx_schedules.render_list(found, call, full=full)


@api.user_route(routes.ALTERYX_GET_SCHEDULE)
def get_users_schedule(call: UserCall) -> Answer:
    """Show the schedule of the path, if the caller sees it."""
    wanted = alteryx_schedules.parse_id(call.path["scheduleId"])
    return alteryx_schedules.render(scheduling.find_schedule(wiring.ports(), call.principal, wanted))
