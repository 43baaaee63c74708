"""The workflows that an organisation knows, as far as a user sees them.

A workflow is known once it was registered or shared, or has a job. No key lists those that only have jobs, so a list
leaves them out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from jobs.errors import WorkflowNotFound
from jobs.tenants import Right, Workflow
from jobs.workflows.running import check_workflow_id
from jobs.workflows.viewing import projects_of

if TYPE_CHECKING:
    from jobs.ports import Ports
    from jobs.tenants import Principal, Project


class WorkflowFilter(NamedTuple):
    """Which workflows are wanted. An empty filter lets every workflow pass."""

    #: In lower case, as the next.
    name: str = ""
    owner_id: str = ""
    #: We heard of it at this time or later, in milliseconds.
    created_from: int | None = None
    #: We heard of it before this time, in milliseconds.
    created_before: int | None = None

    def wants(self, workflow: Workflow) -> bool:
        """Whether a workflow passes."""
        return (
            self.name in {"", workflow.name.lower()}
            and self.owner_id in {"", workflow.registration.owner_id.lower()}
            and (self.created_from or 0) <= workflow.created_at
            and (self.created_before is None or workflow.created_at < self.created_before)
        )


def find_workflow(ports: Ports, principal: Principal, workflow_id: str) -> Workflow:
    """Read a workflow that the caller sees.

    Raises:
        InvalidRequest: its id is blank or too long.
        WorkflowNotFound: nobody registered, shared or ran it, or it is not shared with the caller.
    """
    check_workflow_id(workflow_id)
    found = ports.directory.find_workflow(principal.client.organisation_id, workflow_id)
    workflow = found or _first_seen(ports, principal, workflow_id)
    if workflow is None or not _may_see(principal, workflow):
        raise WorkflowNotFound
    return workflow


def list_workflows(ports: Ports, principal: Principal, wanted: WorkflowFilter) -> list[Workflow]:
    """List the registered and shared workflows that the caller sees, by their ids."""
    known = ports.directory.list_workflows(principal.client.organisation_id)
    return [workflow for workflow in known if _may_see(principal, workflow) and wanted.wants(workflow)]


def _may_see(principal: Principal, workflow: Workflow) -> bool:
    """A workflow in no collection is run by every user of the organisation, so each of them sees it (decision 0028)."""
    user, collections = principal.user, workflow.collection_ids
    return not collections or workflow.registration.owner_id == user.user_id or user.may(Right.VIEW, collections)


def _first_seen(ports: Ports, principal: Principal, workflow_id: str) -> Workflow | None:
    """A workflow that has jobs and no row: it was first seen when the first of them was created."""

    def first_job(project: Project) -> list[int]:
        walk = ports.jobs.walk_workflow(project.project_id, workflow_id, newest_first=False, at_once=1)
        return [job.created_at for job in [next(walk, None)] if job is not None]

    times = [at for found in ports.parallel(first_job, projects_of(ports, principal)) for at in found]
    return Workflow(workflow_id=workflow_id, created_at=min(times)) if times else None
