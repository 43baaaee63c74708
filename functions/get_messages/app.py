"""List what workers said about a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs import queries
from jobs.dialects import routes
from jobs.dialects.registry import ALTERYX_V3, PUBLIC
from jobs.runtime import wiring
from jobs.runtime.http import Api
from jobs.workflows import viewing

if TYPE_CHECKING:
    from jobs.dialects.base import Answer, Call, UserCall

api = handler = Api()


@api.route(routes.PUBLIC_GET_MESSAGES)
def get_messages(call: Call) -> Answer:
    """Answer the messages of the job of the path, oldest first."""
    ports = wiring.ports()
    job = queries.get_job(ports, call.project, PUBLIC.parse_job_id(call.path["jobId"]))
    after, limit = PUBLIC.parse_messages(call, job)
    return PUBLIC.render_messages(call, job, queries.list_messages(ports, job, after, limit))


@api.user_route(routes.ALTERYX_GET_MESSAGES)
def get_newest_messages(call: UserCall) -> Answer:
    """Answer the newest messages of the job of the path to an administrator."""
    ports = wiring.ports()
    viewing.require_administrator(call.principal)
    sighting = viewing.find_job(ports, call.principal, ALTERYX_V3.parse_job_id(call.path["jobId"]))
    before = ALTERYX_V3.parse_messages(call.query, sighting)
    return ALTERYX_V3.render_messages(call, sighting, viewing.newest_messages(ports, sighting.job, before))
