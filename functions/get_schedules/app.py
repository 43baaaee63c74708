"""Show schedules, and when their next occurrences are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.dialects import routes, schedules
from jobs.runtime import wiring
from jobs.runtime.http import Api
from jobs.schedules import showing

if TYPE_CHECKING:
    from jobs.dialects.base import Answer, Call

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
