"""List a project's jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs import queries
from jobs.dialects import cursor
from jobs.dialects.base import dump
from jobs.dialects.registry import ALTERYX_V3, PUBLIC
from jobs.runtime import wiring
from jobs.runtime.http import Api
from jobs.workflows import viewing

if TYPE_CHECKING:
    from jobs.dialects.base import Answer, Call, UserCall

api = handler = Api()


@api.route("GET /api/v1/{projectKey}/jobs")
def list_jobs(call: Call) -> Answer:
    """Answer the part of the list that the dialect's parameters ask for."""
    listing = queries.list_jobs(wiring.store(), call.project, call.dialect.parse_list(call.query))
    return call.dialect.render_listing(listing, call)


@api.user_route("GET /webapi/v3/jobs")
def list_organisations_jobs(call: UserCall) -> Answer:
    """Answer the organisation's jobs to an administrator."""
    viewing.require_administrator(call.principal)
    wanted = ALTERYX_V3.parse_jobs(call.query)
    return ALTERYX_V3.render_jobs(viewing.list_jobs(wiring.store(), wiring.directory(), call.principal, wanted))


@api.user_route("GET /webapi/v3/workflows/{workflowId}/jobs")
def list_workflows_jobs(call: UserCall) -> Answer:
    """Answer the jobs of the workflow of the path that the user sees."""
    wanted = ALTERYX_V3.parse_workflow_jobs(call.query)
    workflow_id = call.path["workflowId"]
    jobs = viewing.list_workflow_jobs(wiring.store(), wiring.directory(), call.principal, workflow_id, wanted)
    return ALTERYX_V3.render_workflow_jobs(jobs)


@api.route("GET /public/{projectKey}/jobs")
def list_public_jobs(call: Call) -> Answer:
    """Answer a page by its number, or where the parameters ask for it, a stretch from the newest job on."""
    walk = PUBLIC.parse_walk(call.query)
    if walk is None:
        return list_jobs(call)
    filters = PUBLIC.filters(walk)
    purpose = f"jobs {dump(filters)}"
    given = call.query.get("cursor")
    below = int(cursor.decode(call.project, purpose, given)) if given else None
    stretch = queries.list_newest(wiring.store(), call.project, walk, below)
    following = None
    if stretch.next is not None:
        onward = cursor.encode(call.project, purpose, str(stretch.next))
        following = call.url(order="desc", **filters, limit=walk.size, cursor=onward)
    return PUBLIC.render_stretch(stretch, following)
