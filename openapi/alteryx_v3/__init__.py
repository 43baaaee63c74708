"""Alteryx' v3: a module for each subject, and what these share."""

from __future__ import annotations

from jobs import errors
from jobs.dialects.alteryx_v3 import DEFAULT_LIMIT, DEFAULT_PRIORITY, MAX_LIMIT, MAX_OFFSET
from jobs.dialects.bodies import WorkflowRunRequest
from jobs.dialects.registry import ALTERYX_V3
from jobs.dialects.report_bodies import MAX_ENTRIES
from jobs.model import Status

from openapi.answers import shown
from openapi.examples import V3_QUEUED, moved
from openapi.schemas import Fields, Node, field, integer, list_of, query, query_list, request_of

#: The body that runs a workflow.
REQUEST = request_of(
    WorkflowRunRequest,
    "openapi/alteryx_v3/__init__.py REQUEST",
    {
        "workerTag": "Which workers may take the job.",
        "credentialId": "The credential that the workflow runs with.",
        "questions": "Answers to the questions that the workflow asks.",
        "questions.name": "The name of the question.",
        "questions.value": "The answer.",
        "priority": f"How urgent the job is. `{DEFAULT_PRIORITY}` if left out.",
    },
)
_ASKED = REQUEST["properties"]

#: How a job is shown in each status.
_SHOWN = [shown(ALTERYX_V3.render_job(moved(V3_QUEUED, status), (), ())) for status in Status]
ID = field("string", "The job's id.", pattern="^[0-9a-f]{24}$")
_CREATED = field("string", "When the job was created.", format="date-time", pattern=r"\.[0-9]{3}Z$")
STATUS = field("string", "The state of the job.", enum=list(dict.fromkeys(job["status"] for job in _SHOWN)))
_DISPOSITIONS = list(dict.fromkeys(job["disposition"] for job in _SHOWN))

FIELDS = Fields(
    "openapi/alteryx_v3/__init__.py FIELDS",
    {
        "id": ID,
        "jobId": ID,
        "appId": field("string", "The id of the workflow. The action, if the job runs no workflow."),
        "createDateTime": _CREATED,
        "createDate": _CREATED,
        "status": STATUS,
        "disposition": field("string", "How the job ended.", enum=_DISPOSITIONS),
        "outputs": list_of("V3Output", maxItems=MAX_ENTRIES, description="What the job produced."),
        "messages": list_of("V3Message", description="What the workers said, oldest first."),
        "priority": field(
            "string", "How urgent the job is.", enum=[name for name in _ASKED["priority"]["enum"] if name]
        ),
        "workerTag": field(
            "string", "Which workers may take the job. Empty for any.", maxLength=_ASKED["workerTag"]["maxLength"]
        ),
        "runWithE2": field("boolean", "Always false. Only Alteryx Server has that engine."),
    },
)

#: The parameters that choose a part of a list.
PART = (
    query("offset", "How many jobs to skip.", **integer(0, MAX_OFFSET, default=0)),
    query("limit", "How many jobs to list at most.", **integer(1, MAX_LIMIT, default=DEFAULT_LIMIT)),
)
OUT_OF_BOUNDS = errors.InvalidRequest("limit", f"must be an integer from 1 to {MAX_LIMIT}")


def statuses(name: str) -> Node:
    """The parameter that filters a list by status."""
    return query_list(name, "Only jobs in one of these states, in upper or lower case.", STATUS)
