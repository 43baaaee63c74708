"""Alteryx' v3 in the document."""

from __future__ import annotations

import json
from dataclasses import replace

from jobs import errors
from jobs.dialects.alteryx_v3 import (
    DEFAULT_LIMIT,
    DEFAULT_PRIORITY,
    HIGHEST_LIMIT,
    HIGHEST_OFFSET,
)
from jobs.dialects.bodies import WorkflowRunRequest
from jobs.dialects.event_bodies import MOST_ENTRIES
from jobs.dialects.registry import V3
from jobs.model import DEFAULT_TIMEOUT_SECONDS, MINUTE, SECOND, Change, Job, Message, Run, Severity, Status
from jobs.runtime.http import LARGEST_BODY
from jobs.workflows.running import LONGEST_WORKFLOW_ID, RUN_WORKFLOW

from openapi.document import (
    Chapter,
    Node,
    Operation,
    Reply,
    failure,
    parameter,
    reference,
    refusals,
    schema_of,
    several,
    strict,
)
from openapi.messages import MESSAGE
from openapi.oauth2 import CHAPTER as TOKENS

_JOB, _REDUCED, _MESSAGES, _DONE = "V3Job", "V3ReducedJob", "V3Messages", "V3Cancelled"
_JOBS, _WORKFLOW_JOBS, _ERROR = "V3Jobs", "V3WorkflowJobs", "V3Error"

_WORKFLOW_ID = "5bc4a813156ae016dcb442bd"
_CREATED_AT = 0x66EBD18D * SECOND + 589
_BY = "64a1f0c2b7d3e85a9c104f6e"

#: The job of the documentation's first example, 66ebd18d3d6200007e000d8c.
_QUEUED = Job(
    project_id=0x3D620000,
    job_id=0x7E000D8C,
    action=RUN_WORKFLOW,
    description=f"Run workflow {_WORKFLOW_ID}",
    reference_id=_WORKFLOW_ID,
    status=Status.SCHEDULED,
    start_at=_CREATED_AT,
    next_at=_CREATED_AT,
    history=(Change(Status.SCHEDULED, _CREATED_AT, _BY),),
    run=Run(workflow_id=_WORKFLOW_ID),
)


def _moved(job: Job, to: Status) -> Job:
    """The job a minute later, in another state."""
    at = job.history[-1].at + MINUTE
    following = at + DEFAULT_TIMEOUT_SECONDS * SECOND if to is Status.RUNNING else None
    return replace(job, status=to, next_at=following, history=(*job.history, Change(to, at, _BY)))


_RUNNING = _moved(_QUEUED, Status.RUNNING)
_COMPLETED = _moved(_RUNNING, Status.COMPLETED)
_OUTPUTS = [{"id": "1", "availableFormats": ["Csv", "Yxdb"], "fileName": "sales.yxdb"}]
_SAID = (
    Message(_CREATED_AT, Severity.INFORMATION, "12 records were read", tool_id=1),
    Message(_CREATED_AT + SECOND, Severity.WARNING, "A field was truncated", tool_id=4),
)
_SHOWN = [json.loads(V3.render_job(_moved(_QUEUED, status), (), ()).body) for status in Status]
_ASKED = schema_of(
    WorkflowRunRequest,
    workerTag="Which workers may take it.",
    credentialId="What the workflow runs with.",
    questions="Answers to what the workflow asks.",
    priority=f"`{DEFAULT_PRIORITY}` where it is left out.",
)
_STATUSES = list(dict.fromkeys(shown["status"] for shown in _SHOWN))

_FIELDS: dict[str, Node] = {
    "id": {"type": "string", "pattern": "^[0-9a-f]{24}$"},
    "appId": {"type": "string", "description": "The workflow's id, or the action of a job that runs none."},
    "createDateTime": {"type": "string", "format": "date-time", "pattern": r"\.[0-9]{3}Z$"},
    "status": {"type": "string", "enum": _STATUSES},
    "disposition": {"type": "string", "enum": list(dict.fromkeys(shown["disposition"] for shown in _SHOWN))},
    "outputs": {"type": "array", "items": reference("V3Output"), "maxItems": MOST_ENTRIES},
    "messages": {"type": "array", "items": reference("V3Message"), "description": "Oldest first."},
    "priority": {"type": "string", "enum": [name for name in _ASKED["properties"]["priority"]["enum"] if name]},
    "workerTag": {"type": "string", "maxLength": _ASKED["properties"]["workerTag"]["maxLength"]},
    "runWithE2": {"type": "boolean"},
}


def _of(*names: str, **others: str) -> Node:
    """The schema of an object with these fields, and with others that are such fields by another name."""
    return strict(**{name: _FIELDS[others.get(name, name)] for name in names})


def _statuses(name: str) -> Node:
    return parameter(
        "query", name, "Only jobs in one of these states; in any case.", several(_FIELDS["status"]), explode=False
    )


_PART = [
    parameter(
        "query",
        "offset",
        "How many jobs to pass over.",
        {"type": "integer", "minimum": 0, "maximum": HIGHEST_OFFSET, "default": 0},
    ),
    parameter(
        "query",
        "limit",
        "How many jobs at most.",
        {"type": "integer", "minimum": 1, "maximum": HIGHEST_LIMIT, "default": DEFAULT_LIMIT},
    ),
]
_OUT_OF_BOUNDS = errors.InvalidRequest("limit", f"must be an integer from 1 to {HIGHEST_LIMIT}")
_NO_WORKFLOW = errors.InvalidRequest("workflowId", f"must be 1 to {LONGEST_WORKFLOW_ID} characters and not blank")
_NO_ADMINISTRATOR = Reply(
    "NoAdministrator", "The user is no administrator.", V3.render_error(errors.Unauthorized()), _ERROR
)

CHAPTER = Chapter(
    tag="Alteryx v3",
    text="As Alteryx Server documents it, with an access token. Administrators see every job of the organisation, "
    "others those that are theirs or shared with them. A job that was cancelled before it started does not exist here.",
    name="V3",
    security={
        "V3Client": {
            "type": "oauth2",
            "description": "A client's id and secret, of which the token is asked for.",
            "flows": {"clientCredentials": {"tokenUrl": TOKENS.operations[0].route.partition(" ")[2], "scopes": {}}},
        },
        "V3Token": {"type": "http", "scheme": "bearer", "description": "An access token after `Bearer`."},
    },
    schemas={
        _JOB: _of(*_FIELDS),
        _REDUCED: _of(*(name for name in _FIELDS if name != "messages")),
        "V3Output": strict(
            id={"type": "string"},
            availableFormats={"type": "array", "items": {"type": "string"}},
            fileName={"type": "string"},
        ),
        "V3Message": strict(**MESSAGE),
        _MESSAGES: strict(**MESSAGE, messages=_FIELDS["messages"]),
        _DONE: strict(message={"type": "string", "enum": ["Cancelled Successfully.", "Deleted Successfully."]}),
        _JOBS: strict(
            data={
                "type": "array",
                "maxItems": HIGHEST_LIMIT,
                "items": _of(
                    *("jobId", "appId", "status", "disposition", "createDateTime", "priority", "workerTag"), jobId="id"
                ),
            }
        ),
        _WORKFLOW_JOBS: {
            "type": "array",
            "maxItems": HIGHEST_LIMIT,
            "items": _of(
                *("id", "createDate", "status", "priority", "workerTag", "runWithE2"), createDate="createDateTime"
            ),
        },
        "V3RunRequest": _ASKED,
        _ERROR: strict(message={"type": "string"}),
    },
    path_parameters={
        "jobId": parameter("path", "jobId", "The job's id.", _FIELDS["id"], "66ebd18d3d6200007e000d8c"),
        "workflowId": parameter(
            "path",
            "workflowId",
            "The workflow's id, any that your workers know.",
            {"type": "string", "minLength": 1, "maxLength": LONGEST_WORKFLOW_ID, "pattern": r"\S"},
            _WORKFLOW_ID,
        ),
    },
    replies=[
        *refusals(
            V3,
            _ERROR,
            errors.InvalidRequest("body", "must be UTF-8 text"),
            errors.Unauthorized(),
            errors.BodyTooLarge(LARGEST_BODY),
            errors.Busy(),
        ),
        failure(V3, _ERROR),
    ],
    operations=[
        Operation(
            route="GET /webapi/v3/jobs",
            name="listOrganisationsJobsV3",
            summary="List the organisation's jobs",
            text="However they were created, the newest first; for administrators.",
            parameters=[_statuses("statuses"), *_PART],
            replies=[
                Reply("jobs", "Jobs.", V3.render_jobs([_COMPLETED]), _JOBS),
                _NO_ADMINISTRATOR,
                *refusals(V3, _ERROR, _OUT_OF_BOUNDS),
            ],
        ),
        Operation(
            route="GET /webapi/v3/jobs/{jobId}",
            name="getJobV3",
            summary="Get a job",
            parameters=[
                parameter(
                    "query",
                    "includeMessages",
                    "Whether with its messages, of which it holds the newest megabyte.",
                    {"type": "boolean", "default": True},
                )
            ],
            replies=[
                Reply("job", "The job with its messages.", V3.render_job(_COMPLETED, _OUTPUTS, _SAID), _JOB),
                Reply("reduced", "The job without them.", V3.render_job(_COMPLETED, _OUTPUTS, None), _REDUCED),
                *refusals(
                    V3, _ERROR, errors.InvalidRequest("includeMessages", "must be true or false"), errors.JobNotFound()
                ),
            ],
        ),
        Operation(
            route="GET /webapi/v3/jobs/{jobId}/messages",
            name="listMessagesV3",
            summary="List a job's messages",
            text="The newest message, and the list of all, of which it holds the newest megabyte; for administrators.",
            parameters=[parameter("query", "cursor", "Where the list ends; `Link` sets it.", {"type": "string"})],
            replies=[
                Reply("all", "All messages.", V3.render_messages(_SAID, None), _MESSAGES),
                Reply(
                    "newest",
                    "The newest messages, and a `Link` to older ones.",
                    V3.render_messages(
                        _SAID,
                        "https://jobs.example.com/webapi/v3/jobs/66ebd18d3d6200007e000d8c/messages"
                        "?cursor=mq0pG0m5Jd1fWw4nV3b1Yg",
                    ),
                    _MESSAGES,
                ),
                _NO_ADMINISTRATOR,
                *refusals(V3, _ERROR, errors.InvalidRequest("cursor", "is not one of this list"), errors.JobNotFound()),
            ],
        ),
        Operation(
            route="DELETE /webapi/v3/jobs/{jobId}",
            name="cancelJobV3",
            summary="Cancel or delete a job",
            text="A running job is cancelled; a queued one is deleted, and does not exist from then on.",
            replies=[
                Reply(
                    "cancelled",
                    "The job was running.",
                    V3.render_cancelled(_moved(_RUNNING, Status.CANCELLED)),
                    _DONE,
                ),
                Reply("deleted", "The job was queued.", V3.render_cancelled(_moved(_QUEUED, Status.CANCELLED)), _DONE),
                *refusals(
                    V3, _ERROR, errors.JobNotCancellable(_COMPLETED), errors.NotPermitted(), errors.JobNotFound()
                ),
            ],
        ),
        Operation(
            route="POST /webapi/v3/workflows/{workflowId}/jobs",
            name="runWorkflowV3",
            summary="Run a workflow",
            text="Makes the job that runs the workflow now, in the client's project. A field that is null or empty "
            "counts as left out.",
            body={
                "content": {
                    "application/json": {
                        "schema": reference("V3RunRequest"),
                        "examples": {
                            "nothing": {"summary": "Nothing in particular.", "value": {}},
                            "questions": {
                                "summary": "With answers.",
                                "value": {"priority": "High", "questions": [{"name": "region", "value": "EMEA"}]},
                            },
                        },
                    }
                }
            },
            replies=[
                Reply("queued", "The job, queued.", V3.render_job(_QUEUED, (), ()), _JOB),
                *refusals(V3, _ERROR, _NO_WORKFLOW),
            ],
        ),
        Operation(
            route="GET /webapi/v3/workflows/{workflowId}/jobs",
            name="listWorkflowsJobsV3",
            summary="List a workflow's jobs",
            text="Those that the caller sees.",
            parameters=[
                parameter("query", "sortField", "What they are sorted by.", {"type": "string", "enum": ["createDate"]}),
                parameter(
                    "query",
                    "direction",
                    "Oldest or newest first.",
                    {"type": "string", "enum": ["asc", "desc"], "default": "desc"},
                ),
                _statuses("status"),
                *_PART,
            ],
            replies=[
                Reply("jobs", "Jobs.", V3.render_workflow_jobs([_COMPLETED]), _WORKFLOW_JOBS),
                *refusals(V3, _ERROR, _NO_WORKFLOW, _OUT_OF_BOUNDS),
            ],
        ),
    ],
)
