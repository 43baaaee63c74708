"""Create a job: by asking for one, by deleting a user, by running a workflow; or schedule an ended one again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.dialects import bodies
from jobs.dialects.registry import ALTERYX_V3, PUBLIC
from jobs.errors import DeletionActive
from jobs.lifecycle import creation, deletion, retrying
from jobs.runtime import wiring
from jobs.runtime.http import Api
from jobs.workflows import running

if TYPE_CHECKING:
    from jobs.dialects.base import Answer, Call, UserCall

api = handler = Api()


@api.route("POST /public/{projectKey}/jobs")
def create_job(call: Call) -> Answer:
    """Create the job of the body, once for each idempotency key."""
    key = bodies.parse_idempotency_key(call.headers.get("idempotency-key"))
    new, digest = bodies.parse_job(call.body, wiring.clock().now())
    created = creation.create_job(
        wiring.ports(),
        call.project,
        new,
        by=call.credential.credential_id,
        idempotency=None if key is None else creation.IdempotencyKey(key, digest),
    )
    location = call.url(f"{PUBLIC.prefix}/{call.project.project_key}/jobs/{created.job.job_id}")
    return PUBLIC.render_created(created, location)


@api.route("DELETE /api/v1/{projectKey}/users/{userId+}", "DELETE /public/{projectKey}/users/{userId+}")
def delete_user(call: Call) -> Answer:
    """Create the job that deletes the user of the path at the next midnight."""
    new = deletion.request_deletion(call.path["userId"], wiring.clock().now())
    try:
        created = creation.create_job(wiring.ports(), call.project, new, by=call.credential.credential_id)
    except DeletionActive as error:
        return call.dialect.answer_active_deletion(error)
    return call.dialect.render_job(created.job)


@api.route("POST /public/{projectKey}/jobs/{jobId}/retry")
def retry_job(call: Call) -> Answer:
    """Schedule the job of the path again and answer it."""
    job_id = call.dialect.parse_job_id(call.path["jobId"])
    return call.dialect.render_job(
        retrying.retry_job(wiring.ports(), call.project, job_id, by=call.credential.credential_id)
    )


@api.user_route("POST /webapi/v3/workflows/{workflowId}/jobs")
def run_workflow(call: UserCall) -> Answer:
    """Create the job that runs the workflow of the path now."""
    request = bodies.parse_run(call.body)
    job = running.run_workflow(wiring.ports(), wiring.directory(), call.principal, call.path["workflowId"], request)
    return ALTERYX_V3.render_job(job, outputs=(), messages=())
