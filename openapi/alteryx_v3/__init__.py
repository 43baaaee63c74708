"""Alteryx' v3: a module for each subject, and what these share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs import errors
from jobs.dialects import base
from jobs.dialects.alteryx_lists import DEFAULT_LIMIT, MAX_LIMIT, MAX_OFFSET, STATUSES
from jobs.dialects.bodies import WorkflowRunRequest
from jobs.dialects.registry import ALTERYX_V3
from jobs.dialects.report_bodies import MAX_ENTRIES
from jobs.model import Status
from jobs.workflows.listing import MAX_ROWS_READ
from jobs.workflows.running import PRIORITIES

from openapi.answers import shown
from openapi.examples import V3_CALL, V3_QUEUED, moved
from openapi.schemas import Fields, Node, field, integer, list_of, nullable, one_of, query, query_list, request_of

if TYPE_CHECKING:
    from jobs.dialects.base import Answer

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
        "priority": f"How urgent the job is, in any case. `{PRIORITIES[0]}` if left out.",
    },
)
_ASKED = REQUEST["properties"]
_AS_A_LIST = {**_ASKED["questions"], "type": "array"}
del _AS_A_LIST["description"]
#: What pydantic does not say: the answers may also come as an object.
_ASKED["questions"] = {
    "anyOf": [
        _AS_A_LIST,
        {
            "type": "object",
            "propertyNames": {"maxLength": _AS_A_LIST["items"]["properties"]["name"]["maxLength"]},
            "additionalProperties": nullable({"type": "string"}),
            "maxProperties": _AS_A_LIST["maxItems"],
        },
        {"type": "null"},
    ],
    "description": "Answers to the questions that the workflow asks: a list, or an object from names to answers.",
}

#: How a job is shown in each status.
_SHOWN = [shown(ALTERYX_V3.render_job(moved(V3_QUEUED, status), (), ())) for status in Status]
ID = field("string", "The job's id.", pattern="^[0-9a-f]{24}$")
_CREATED = field("string", "When the job was created.", format="date-time", pattern=r"\.[0-9]{3}Z$")
STATUS = field("string", "The state of the job.", enum=list(dict.fromkeys(job["status"] for job in _SHOWN)))
_DISPOSITIONS = list(dict.fromkeys(job["disposition"] for job in _SHOWN))

_DURATION = "^[0-9]{2,}:[0-5][0-9]:[0-5][0-9]$"

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
        "priority": field("string", "How urgent the job is.", enum=list(PRIORITIES)),
        "workerTag": field(
            "string", "Which workers may take the job. Empty for any.", maxLength=_ASKED["workerTag"]["maxLength"]
        ),
        "runWithE2": field("boolean", "Always false. Only Alteryx Server has that engine."),
        "workflowName": field("string", "The name of the workflow. The action, if the job runs no workflow."),
        "workflowId": field("string", "The id of the workflow. The action, if the job runs no workflow."),
        "submittedBy": field("string", "The name of the owner. Without an owner: the key, client or source."),
        "startTime": field(
            ["string", "null"],
            "When the current attempt started. Null before it does.",
            format="date-time",
            pattern=r"[0-9]{2}:[0-9]{2}:[0-9]{2}Z$",
        ),
        "queueTime": field("string", "How long the current attempt waited after it was due.", pattern=_DURATION),
        "executionTime": field("string", "How long the current attempt has run.", pattern=_DURATION),
    },
)

#: The parameters that choose a part of a list.
PART = (
    query("offset", "How many jobs to skip.", **integer(0, MAX_OFFSET, default=0)),
    query(
        "limit",
        f"How many jobs to list at most, by default {DEFAULT_LIMIT}. More than {MAX_LIMIT} counts as {MAX_LIMIT}.",
        type="integer",
        minimum=1,
        default=DEFAULT_LIMIT,
    ),
)
DIRECTION = query("direction", "Ascending or descending, in any case.", **one_of("asc", "desc", default="desc"))
OUT_OF_BOUNDS = errors.InvalidRequest("limit", "must be an integer of at least 1")
TOO_MANY_ROWS = errors.TooManyJobs(
    f"{MAX_ROWS_READ} jobs were searched, and this page needs more: "
    "ask for a smaller offset, for a filter that more jobs pass, or for the jobs of one workflow"
)
#: The meaning of an answer that was cut.
CUT = "As many as fit into one answer. `Link` leads to the rest."
ANY_TEXT = {"type": "string"}
MOMENT = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}"}
NO_MOMENT = "must be a day as yyyy-MM-dd, or a time in ISO 8601"


def statuses(name: str) -> Node:
    """The parameter that filters a list by status."""
    return query_list(
        name,
        "Only jobs in one of these states, in any case. `Complete` is `Completed`. No job is ever `Created` or "
        "`Initializing`.",
        field("string", "", enum=list(STATUSES)),
    )


def cut(whole: Answer, **query: str) -> Answer:
    """A list that does not fit into one answer, with a link to the rest of it."""
    return whole._replace(headers=base.link_header({"next": V3_CALL.url(**query)}))
