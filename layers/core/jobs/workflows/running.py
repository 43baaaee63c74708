"""Running workflows: the jobs that users of Alteryx' API create."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from jobs.errors import InvalidRequest, RunNotPermitted, Unauthorized
from jobs.lifecycle.creation import create_job
from jobs.lifecycle.text import check_text
from jobs.model import NewJob, Run
from jobs.tenants import Right

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from jobs.model import Job
    from jobs.ports import Ports
    from jobs.tenants import Principal, Project

#: The action that workers of workflows subscribe to.
RUN_WORKFLOW = "run_workflow"
MAX_WORKFLOW_ID = 256
#: How urgent a run may be, from the one that a run has if it names none to the most urgent.
PRIORITIES = ("Default", "Low", "Medium", "High", "Critical")


class RunRequest(NamedTuple):
    """How a workflow is to be run."""

    priority: str = ""
    worker_tag: str = ""
    #: What the worker is told.
    params: Mapping[str, Any] | None = None


def check_workflow_id(workflow_id: str) -> None:
    """Check that a workflow's id can be stored.

    Raises:
        InvalidRequest: it is blank, over 256 characters, or holds characters that SQS does not carry.
    """
    if not workflow_id.strip() or len(workflow_id) > MAX_WORKFLOW_ID:
        raise InvalidRequest("workflowId", f"must be 1 to {MAX_WORKFLOW_ID} characters and not blank")
    check_text("workflowId", workflow_id)


def run_workflow(ports: Ports, principal: Principal, workflow_id: str, request: RunRequest) -> Job:
    """Create the job that runs a workflow now, in the client's project and owned by its user.

    The collections that the workflow is in share the job.

    Raises:
        InvalidRequest: the workflow's id is blank or too long.
        Unauthorized: the client's project is gone.
        RunNotPermitted: the workflow is in collections, and the user may run it through none of them.
        TooManyCreations: the project's limit is reached.
        Busy: others contended for the job's number for five seconds, or DynamoDB throttles. Try again.
    """
    new = new_run(workflow_id, request, principal.user.user_id)
    project = project_of(ports, principal)
    return create_job(ports, project, admitted(ports, principal, new), by=principal.client.actor).job


def new_run(workflow_id: str, request: RunRequest, owner_id: str) -> NewJob:
    """The job that runs a workflow.

    Raises:
        InvalidRequest: the workflow's id is blank or too long.
    """
    check_workflow_id(workflow_id)
    return NewJob(
        action=RUN_WORKFLOW,
        reference_id=workflow_id,
        description=described(workflow_id),
        params=request.params or {},
        run=Run(workflow_id, owner_id, priority=request.priority, worker_tag=request.worker_tag),
    )


def described(workflow_id: str) -> str:
    """What people read of the job that runs a workflow."""
    return f"Run workflow {workflow_id}"


def admitted(ports: Ports, principal: Principal, new: NewJob) -> NewJob:
    """A job that runs a workflow, with what the organisation knows of the workflow: its collections and worker tag.

    Raises:
        RunNotPermitted: the workflow is in collections, and the user may run it through none of them.
    """
    run = new.run
    workflow = ports.directory.find_workflow(principal.client.organisation_id, run.workflow_id)
    collections = workflow.collection_ids if workflow else ()
    if collections and not principal.user.may(Right.RUN, collections):
        raise RunNotPermitted
    worker_tag = run.worker_tag or (workflow.registration.worker_tag if workflow else "")
    # a worker sees the parameters, not the row
    params = {**new.params, **({"workerTag": worker_tag} if worker_tag else {})}
    return new._replace(params=params, run=run._replace(collection_ids=collections, worker_tag=worker_tag))


def project_of(ports: Ports, principal: Principal) -> Project:
    """The project in which a client runs workflows.

    Raises:
        Unauthorized: it is gone.
    """
    project = ports.directory.get_own_project(principal.client.organisation_id, principal.client.project_id)
    if project is None:
        raise Unauthorized
    return project
