"""Get one job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs import queries
from jobs.dialects.registry import ALTERYX_V3, PUBLIC
from jobs.runtime import wiring
from jobs.runtime.http import Api
from jobs.workflows import viewing

if TYPE_CHECKING:
    from jobs.dialects.base import Answer, Call, UserCall

api = handler = Api()


@api.route("GET /api/v1/{projectKey}/jobs/{jobId}")
def get_job(call: Call) -> Answer:
    """Answer the job of the path."""
    job = queries.get_job(wiring.store(), call.project, call.dialect.parse_job_id(call.path["jobId"]))
    return call.dialect.render_job(job)


@api.route("GET /public/{projectKey}/jobs/{jobId}")
def get_job_or_details(call: Call) -> Answer:
    """Answer the job of the path, with its details where they are asked for."""
    if not PUBLIC.parse_include(call.query):
        return get_job(call)
    job = queries.get_job(wiring.store(), call.project, PUBLIC.parse_job_id(call.path["jobId"]))
    params, outputs = queries.get_params(wiring.store(), job), queries.get_outputs(wiring.store(), job)
    return PUBLIC.render_details(job, params, outputs)


@api.user_route("GET /webapi/v3/jobs/{jobId}")
def get_job_with_messages(call: UserCall) -> Answer:
    """Answer the job of the path, with its newest messages unless those are declined."""
    include = ALTERYX_V3.parse_include_messages(call.query)
    reference = ALTERYX_V3.parse_job_id(call.path["jobId"])
    _, job = viewing.find_job(wiring.store(), wiring.directory(), call.principal, reference)
    messages = viewing.newest_messages(wiring.store(), job) if include else None
    return ALTERYX_V3.render_job(job, queries.get_outputs(wiring.store(), job), messages and messages.messages)
