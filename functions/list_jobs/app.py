"""List jobs: of a project, of an organisation, of a workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs import queries
from jobs.dialects import alteryx_lists, erasures, routes
from jobs.dialects.registry import PUBLIC
from jobs.forgetting import proof
from jobs.runtime import wiring
from jobs.runtime.http import Api
from jobs.workflows import listing, viewing

if TYPE_CHECKING:
    from jobs.dialects.base import Answer, Call, UserCall

api = handler = Api()


@api.route(routes.OPENREPLAY_LIST_JOBS)
def list_jobs(call: Call) -> Answer:
    """Answer the part of the list that the dialect's parameters ask for."""
    wanted = call.dialect.parse_list(call.query, call.project.list_order)
    return call.dialect.render_listing(queries.list_jobs(wiring.ports(), call.project, wanted), call)


@api.route(routes.PUBLIC_LIST_JOBS)
def list_public_jobs(call: Call) -> Answer:
    """Answer a numbered page, or if the parameters ask for it, jobs from the newest on."""
    wanted = PUBLIC.parse_walk(call)
    if wanted is None:
        return list_jobs(call)
    walk, below = wanted
    return PUBLIC.render_stretch(queries.list_newest(wiring.ports(), call.project, walk, below), walk, call)


@api.route(routes.PUBLIC_LIST_ERASURES)
def list_erasures(call: Call) -> Answer:
    """Answer what was deleted of the user of the query."""
    return erasures.render_proof(proof.prove(wiring.ports(), call.project, erasures.parse_user_id(call.query)))


@api.user_route(routes.ALTERYX_LIST_JOBS)
def list_organisations_jobs(call: UserCall) -> Answer:
    """Answer the organisation's jobs to an administrator."""
    ports = wiring.ports()
    viewing.require_administrator(call.principal)
    wanted = alteryx_lists.parse_jobs(call.query)
    entries = listing.list_jobs(ports, call.principal, wanted)
    return alteryx_lists.render_jobs(entries, ports.clock.now(), call, wanted.offset)


@api.user_route(routes.ALTERYX_LIST_WORKFLOW_JOBS)
def list_workflows_jobs(call: UserCall) -> Answer:
    """Answer the jobs of the workflow of the path that the user sees."""
    wanted = alteryx_lists.parse_workflow_jobs(call.query)
    jobs = listing.list_workflow_jobs(wiring.ports(), call.principal, call.path["workflowId"], wanted)
    return alteryx_lists.render_workflow_jobs(jobs, call, wanted.offset)
