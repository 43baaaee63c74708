"""Make, change and remove schedules, have a job made out of turn, and look at one that is not stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.dialects import alteryx_schedule_bodies, alteryx_schedules, routes, schedule_bodies, schedules
from jobs.dialects.registry import PUBLIC
from jobs.lifecycle.creation import Creation
from jobs.runtime import wiring
from jobs.runtime.http import Api
from jobs.schedules import managing
from jobs.tenancy import access
from jobs.workflows import scheduling
from jobs.workflows.viewing import require_administrator

if TYPE_CHECKING:
    from jobs.dialects.base import Answer, Call, UserCall

api = handler = Api()


@api.route(routes.PUBLIC_CREATE_SCHEDULE)
def create_schedule(call: Call) -> Answer:
    """Make the schedule of the body, once for each idempotency key."""
    key = call.headers.get("idempotency-key")
    spec, idempotency = schedule_bodies.parse_schedule(call.body, wiring.ports().clock.now(), key)
    access.require_for(call.credential, spec.job.action)
    made, replayed = managing.create_schedule(wiring.ports(), call.project, spec, idempotency)
    return schedules.render_created(made, call, replayed=replayed)


@api.route(routes.PUBLIC_PREVIEW_SCHEDULE)
def preview_schedule(call: Call) -> Answer:
    """Show when the occurrences of the body would be."""
    now = wiring.ports().clock.now()
    return schedules.render_occurrences(schedule_bodies.parse_preview(call.body, now), now, call.query)


@api.route(routes.PUBLIC_CHANGE_SCHEDULE)
def change_schedule(call: Call) -> Answer:
    """Change what the body has of the schedule of the path."""
    change = schedule_bodies.parse_change(call.body, wiring.ports().clock.now(), call.credential)
    seen = schedules.parse_seen(call)
    return schedules.render(managing.change_schedule(wiring.ports(), call.project, *seen, change))


@api.route(routes.PUBLIC_REMOVE_SCHEDULE)
def remove_schedule(call: Call) -> Answer:
    """Remove the schedule of the path."""
    managing.remove_schedule(wiring.ports(), call.project, *schedules.parse_seen(call))
    return schedules.render_removed()


@api.route(routes.PUBLIC_RUN_SCHEDULE)
def run_schedule(call: Call) -> Answer:
    """Make the job of the schedule of the path now."""
    schedule_id, _ = schedules.parse_seen(call)
    job = managing.run_schedule(wiring.ports(), call.project, schedule_id, by=call.credential.actor)
    return PUBLIC.render_created(Creation(job), call)


@api.user_route(routes.ALTERYX_CREATE_SCHEDULE)
def create_users_schedule(call: UserCall) -> Answer:
    """Make the schedule of the body, which runs a workflow; for administrators."""
    require_administrator(call.principal)
    asked = alteryx_schedule_bodies.parse_schedule(call.body, wiring.ports().clock.now())
    return alteryx_schedules.render(scheduling.create_schedule(wiring.ports(), call.principal, asked))


@api.user_route(routes.ALTERYX_REPLACE_SCHEDULE)
def replace_users_schedule(call: UserCall) -> Answer:
    """Set everything of the schedule of the path."""
    return _change(call, replaces=True)


@api.user_route(routes.ALTERYX_CHANGE_SCHEDULE)
def change_users_schedule(call: UserCall) -> Answer:
    """Change what the body has of the schedule of the path."""
    return _change(call, replaces=False)


@api.user_route(routes.ALTERYX_REMOVE_SCHEDULE)
def remove_users_schedule(call: UserCall) -> Answer:
    """Remove the schedule of the path."""
    scheduling.remove_schedule(wiring.ports(), call.principal, alteryx_schedules.parse_id(call.path["scheduleId"]))
    return alteryx_schedules.render_removed()


def _change(call: UserCall, *, replaces: bool) -> Answer:
    wanted = alteryx_schedules.parse_id(call.path["scheduleId"])
    change = alteryx_schedule_bodies.parse_change(call.body, wiring.ports().clock.now(), replaces=replaces)
    return alteryx_schedules.render(scheduling.change_schedule(wiring.ports(), call.principal, wanted, change))
