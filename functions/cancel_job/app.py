"""Cancel a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.dialects import routes
from jobs.dialects.registry import ALTERYX_V3
from jobs.lifecycle import cancellation
from jobs.runtime import wiring
from jobs.runtime.http import Api
from jobs.workflows import viewing

if TYPE_CHECKING:
    from jobs.dialects.base import Answer, Call, UserCall

api = handler = Api()


@api.route(routes.OPENREPLAY_CANCEL_JOB, routes.PUBLIC_CANCEL_JOB)
def cancel_job(call: Call) -> Answer:
    """Cancel the job of the path and answer it."""
    job_id = call.dialect.parse_job_id(call.path["jobId"])
    job = cancellation.cancel_job(wiring.ports(), call.project, job_id, by=call.credential.actor)
    return call.dialect.render_job(job)


@api.user_route(routes.ALTERYX_CANCEL_JOB)
def cancel_users_job(call: UserCall) -> Answer:
    """Cancel the job of the path if the user may, and say what that has done."""
    wanted = ALTERYX_V3.parse_job_id(call.path["jobId"])
    return ALTERYX_V3.render_cancelled(viewing.cancel_job(wiring.ports(), call.principal, wanted))
