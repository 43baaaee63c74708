"""Create a job: by asking for one, deleting a user or running a workflow. Or schedule an ended job again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs import queries
from jobs.dialects import bodies, routes, user_ids
from jobs.dialects.registry import ALTERYX_V3, PUBLIC
from jobs.errors import DeletionActive
from jobs.lifecycle import creation, deletion, retrying
from jobs.runtime import wiring
from jobs.runtime.http import Api
from jobs.tenancy import access
from jobs.tenants import Scope
from jobs.workflows import running

if TYPE_CHECKING:
    from jobs.dialects.base import Answer, Call, UserCall

api = handler = Api()


@api.route(routes.PUBLIC_CREATE_JOB)
def create_job(call: Call) -> Answer:
    """Create the job of the body, once for each idempotency key."""
    key = call.headers.get("idempotency-key")
    new, digest = bodies.parse_job(call.body, wiring.ports().clock.now(), key)
    idempotency = None if key is None else creation.IdempotencyKey(key, digest)
    access.require_for(call.credential, new.action)
    created = creation.create_job(wiring.ports(), call.project, new, by=call.credential.actor, idempotency=idempotency)
    return PUBLIC.render_created(created, call)


@api.route(routes.OPENREPLAY_DELETE_USER, routes.PUBLIC_DELETE_USER)
def delete_user(call: Call) -> Answer:
    """Create the job that deletes the user of the path at the next midnight."""
    user_id = user_ids.parse_user_id(call, wiring.ports().settings.user_ids_in_paths)
    new = deletion.request_deletion(user_id, wiring.ports().clock.now())
    try:
        created = creation.create_job(wiring.ports(), call.project, new, by=call.credential.actor)
    except DeletionActive as error:
        return call.dialect.answer_active_deletion(error)
    return call.dialect.render_job(created.job)


@api.route(routes.PUBLIC_RETRY_JOB)
def retry_job(call: Call) -> Answer:
    """Schedule the job of the path again and answer it."""
    job_id = call.dialect.parse_job_id(call.path["jobId"])
    if not call.credential.has(Scope.DELETE_USERS):
        access.require_for(call.credential, queries.get_job(wiring.ports(), call.project, job_id).action)
    return call.dialect.render_job(retrying.retry_job(wiring.ports(), call.project, job_id, by=call.credential.actor))


@api.user_route(routes.ALTERYX_RUN_WORKFLOW)
def run_workflow(call: UserCall) -> Answer:
    """Create the job that runs the workflow of the path now."""
    job = running.run_workflow(wiring.ports(), call.principal, call.path["workflowId"], bodies.parse_run(call.body))
    return ALTERYX_V3.render_job(job, outputs=(), messages=())
