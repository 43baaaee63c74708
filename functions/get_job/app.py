"""Get one job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs import queries
from jobs.artifacts import showing
from jobs.dialects import routes
from jobs.dialects.registry import ALTERYX_V3, PUBLIC
from jobs.runtime import wiring
from jobs.runtime.http import Api
from jobs.workflows import viewing

if TYPE_CHECKING:
    from jobs.dialects.base import Answer, Call, UserCall

api = handler = Api()


@api.route(routes.OPENREPLAY_GET_JOB)
def get_job(call: Call) -> Answer:
    """Answer the job of the path."""
    job = queries.get_job(wiring.ports(), call.project, call.dialect.parse_job_id(call.path["jobId"]))
    return call.dialect.render_job(job)


@api.route(routes.PUBLIC_GET_JOB)
def get_job_or_details(call: Call) -> Answer:
    """Answer the job of the path, with its details if they are asked for."""
    if not PUBLIC.parse_include(call.query):
        return get_job(call)
    ports = wiring.ports()
    job = queries.get_job(ports, call.project, PUBLIC.parse_job_id(call.path["jobId"]))
    beside = queries.get_params(ports, job), queries.get_outputs(ports, job)
    return PUBLIC.render_details(job, *beside, queries.newest_message(ports, job), queries.get_evidence(ports, job))


@api.user_route(routes.ALTERYX_GET_JOB)
def get_job_with_messages(call: UserCall) -> Answer:
    """Answer the job of the path, with its newest messages unless the caller declines them."""
    ports = wiring.ports()
    include = ALTERYX_V3.parse_include_messages(call.query)
    _, job = viewing.find_job(ports, call.principal, ALTERYX_V3.parse_job_id(call.path["jobId"]))
    messages = viewing.newest_messages(ports, job) if include else None
    outputs = showing.resolve(ports, job, queries.get_outputs(ports, job))
    return ALTERYX_V3.render_job(job, outputs, messages and messages.messages)
