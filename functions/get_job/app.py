"""Get one job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs import queries
from jobs.runtime import wiring
from jobs.runtime.http import Api

if TYPE_CHECKING:
    from jobs.dialects.base import Answer, Call

api = handler = Api()


@api.route("GET /api/v1/{projectKey}/jobs/{jobId}", "GET /public/{projectKey}/jobs/{jobId}")
def get_job(call: Call) -> Answer:
    """Answer the job of the path, with its details where they are asked for."""
    job_id = call.dialect.parse_job_id(call.path["jobId"])
    wants_details = call.dialect.parse_include(call.query)
    job = queries.get_job(wiring.store(), call.project, job_id)
    if not wants_details:
        return call.dialect.render_job(job)
    return call.dialect.render_details(job, queries.get_params(wiring.store(), job))
