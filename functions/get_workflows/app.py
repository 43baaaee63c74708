"""Get the workflows that the organisation knows: all of them, one, or what one asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.dialects import alteryx_workflows, routes
from jobs.dialects.alteryx_lists import parse_offset
from jobs.runtime import wiring
from jobs.runtime.http import Api
from jobs.workflows import catalogue

if TYPE_CHECKING:
    from jobs.dialects.base import Answer, UserCall

api = handler = Api()


@api.user_route(routes.ALTERYX_LIST_WORKFLOWS)
def list_workflows(call: UserCall) -> Answer:
    """Answer the workflows that the user sees."""
    wanted, full = alteryx_workflows.parse_workflows(call.query), alteryx_workflows.parse_full(call.query)
    offset = parse_offset(call.query)
    found = catalogue.list_workflows(wiring.ports(), call.principal, wanted)
    return alteryx_workflows.render_workflows(found, call, offset, full=full)


@api.user_route(routes.ALTERYX_GET_WORKFLOW)
def get_workflow(call: UserCall) -> Answer:
    """Answer the workflow of the path."""
    workflow = catalogue.find_workflow(wiring.ports(), call.principal, call.path["workflowId"])
    return alteryx_workflows.render_workflow(workflow)


@api.user_route(routes.ALTERYX_GET_QUESTIONS)
def get_questions(call: UserCall) -> Answer:
    """Answer what the workflow of the path asks before it runs."""
    workflow = catalogue.find_workflow(wiring.ports(), call.principal, call.path["workflowId"])
    return alteryx_workflows.render_questions(workflow.registration.questions)
