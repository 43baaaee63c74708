"""Cancel a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs import cancellation
from jobs.runtime import wiring
from jobs.runtime.http import Api

if TYPE_CHECKING:
    from jobs.dialects.base import Answer, Call

api = handler = Api()


@api.route("DELETE /api/v1/{projectKey}/jobs/{jobId}", "DELETE /public/{projectKey}/jobs/{jobId}")
def cancel_job(call: Call) -> Answer:
    """Cancel the job of the path and answer it."""
    job_id = call.dialect.parse_job_id(call.path["jobId"])
    job = cancellation.cancel_job(wiring.ports(), call.project, job_id, by=call.credential.credential_id)
    return call.dialect.render_job(job)
