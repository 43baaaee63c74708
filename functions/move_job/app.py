"""Move a scheduled job to another time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs import queries
from jobs.dialects import bodies, routes
from jobs.lifecycle import moving
from jobs.runtime import wiring
from jobs.runtime.http import Api
from jobs.tenancy import access
from jobs.tenants import Scope

if TYPE_CHECKING:
    from jobs.dialects.base import Answer, Call

api = handler = Api()


@api.route(routes.PUBLIC_MOVE_JOB)
def move_job(call: Call) -> Answer:
    """Let the job of the path start at the time of the body and answer it."""
    ports = wiring.ports()
    job_id = call.dialect.parse_job_id(call.path["jobId"])
    start_at = bodies.parse_move(call.body, ports.clock.now())
    if not call.credential.has(Scope.DELETE_USERS):
        access.require_for(call.credential, queries.get_job(ports, call.project, job_id).action)
    return call.dialect.render_job(moving.move_job(ports, call.project, job_id, start_at, by=call.credential.actor))
