"""Jobs in Alteryx' v3: list those of the organisation, get and cancel one, list its messages."""

from __future__ import annotations

from jobs import errors
from jobs.dialects import alteryx_lists
from jobs.dialects.alteryx_lists import MAX_LIMIT, SORT_FIELDS
from jobs.dialects.registry import ALTERYX_V3
from jobs.model import Status
from jobs.outcomes import MessagePage
from jobs.workflows.listing import MAX_ROWS_READ, MAX_SORTED, Entry
from jobs.workflows.running import PRIORITIES

from openapi.alteryx_v3 import (
    ANY_TEXT,
    CUT,
    DIRECTION,
    FIELDS,
    MOMENT,
    NO_MOMENT,
    OUT_OF_BOUNDS,
    PART,
    TOO_MANY_ROWS,
    cut,
    statuses,
)
from openapi.answers import Reply, shown
from openapi.document import Operation
from openapi.examples import (
    V3_CALL,
    V3_COMPLETED,
    V3_MESSAGES,
    V3_OUTPUTS,
    V3_QUEUED,
    V3_RUNNING,
    V3_SIGHTING,
    moved,
)
from openapi.messages import MESSAGE
from openapi.schemas import Fields, field, one_of, query, query_list, strict

_OUTPUT_FIELDS = Fields(
    "openapi/alteryx_v3/jobs.py _OUTPUT_FIELDS",
    {
        "id": field("string", "The id of the output."),
        "availableFormats": field("array", "The formats of the output.", items={"type": "string"}),
        "fileName": field("string", "The name of the file."),
    },
)
_MESSAGE_FIELDS = Fields("openapi/messages.py MESSAGE", MESSAGE | {"messages": FIELDS.nodes["messages"]})

_JOB = ALTERYX_V3.render_job(V3_COMPLETED, V3_OUTPUTS, V3_MESSAGES)
_REDUCED = ALTERYX_V3.render_job(V3_COMPLETED, V3_OUTPUTS, None)
_JOBS = alteryx_lists.render_jobs([Entry(V3_COMPLETED, "Sales", "Planner")], V3_COMPLETED.created_at, V3_CALL, 0)
_ALL, _NEWEST = (
    ALTERYX_V3.render_messages(V3_CALL, V3_SIGHTING, MessagePage(V3_MESSAGES, older)) for older in (None, "1")
)
_CANCELLED, _DELETED = (ALTERYX_V3.render_cancelled(moved(job, Status.CANCELLED)) for job in (V3_RUNNING, V3_QUEUED))
_NO_ADMINISTRATOR = Reply(
    "NoAdministrator", "The user is not an administrator.", ALTERYX_V3.render_error(errors.Unauthorized()), "V3Error"
)
_DONE = ["Cancelled Successfully.", "Deleted Successfully."]

SCHEMAS = {
    "V3Job": FIELDS.object_of("V3Job", shown(_JOB)),
    "V3ReducedJob": FIELDS.object_of("V3ReducedJob", shown(_REDUCED)),
    "V3Output": _OUTPUT_FIELDS.object_of("V3Output", shown(_JOB)["outputs"][0]),
    "V3Message": _MESSAGE_FIELDS.object_of("V3Message", shown(_JOB)["messages"][0]),
    "V3Messages": _MESSAGE_FIELDS.object_of("V3Messages", shown(_ALL)),
    "V3Cancelled": strict(message=field("string", "What was done to the job.", enum=_DONE)),
    "V3Jobs": strict(
        data={"type": "array", "maxItems": MAX_LIMIT, "items": FIELDS.object_of("V3Jobs", shown(_JOBS)["data"][0])}
    ),
}

OPERATIONS = (
    Operation(
        route="GET /webapi/v3/jobs",
        name="listOrganisationsJobsV3",
        summary="List the organisation's jobs",
        text="Lists every job of the organisation, however it was created. For administrators only. A call searches "
        f"{MAX_ROWS_READ} jobs at most. If these do not fill the page, and more jobs are left, it is refused.",
        parameters=[
            query(
                "sortField",
                f"What the list is sorted by, in any case. Any but `CreateDate` sorts {MAX_SORTED} jobs at most.",
                **one_of(*SORT_FIELDS, default="CreateDate"),
            ),
            DIRECTION,
            *PART,
            query_list("priorities", "Only jobs of one of these priorities, in any case.", one_of(*PRIORITIES)),
            statuses("statuses"),
            query_list("users", "Only jobs that one of these users owns. Counts with `allUsers=true` alone.", ANY_TEXT),
            query("allUsers", "Whether `users` counts.", type="boolean", default=False),
            query_list("workflowNames", "Only jobs that run a workflow with one of these names.", ANY_TEXT),
            query("completedBefore", "Only jobs that ended before this day or time.", **MOMENT),
            query("completedAfter", "Only jobs that ended after this day or time.", **MOMENT),
        ],
        replies=[
            Reply("jobs", "The jobs.", _JOBS, "V3Jobs"),
            Reply("cut", CUT, cut(_JOBS, offset="150"), "V3Jobs"),
            _NO_ADMINISTRATOR,
        ],
        refused=[OUT_OF_BOUNDS, errors.InvalidRequest("completedAfter", NO_MOMENT), TOO_MANY_ROWS],
    ),
    Operation(
        route="GET /webapi/v3/jobs/{jobId}",
        name="getJobV3",
        summary="Get a job",
        parameters=[
            query(
                "includeMessages",
                "Whether to include the messages, up to the newest megabyte.",
                type="boolean",
                default=True,
            )
        ],
        replies=[
            Reply("job", "The job with its messages.", _JOB, "V3Job"),
            Reply("reduced", "The job without its messages.", _REDUCED, "V3ReducedJob"),
        ],
        refused=[errors.InvalidRequest("includeMessages", "must be true or false")],
    ),
    Operation(
        route="GET /webapi/v3/jobs/{jobId}/messages",
        name="listMessagesV3",
        summary="List a job's messages",
        text="Shows the newest message and lists all of them, up to the newest megabyte. For administrators only.",
        parameters=[query("cursor", "Where the list ends. `Link` sets it.", type="string")],
        replies=[
            Reply("all", "All messages.", _ALL, "V3Messages"),
            Reply("newest", "The newest messages, and a `Link` to older ones.", _NEWEST, "V3Messages"),
            _NO_ADMINISTRATOR,
        ],
        refused=[errors.InvalidRequest("cursor", "is not one of this list")],
    ),
    Operation(
        route="DELETE /webapi/v3/jobs/{jobId}",
        name="cancelJobV3",
        summary="Cancel or delete a job",
        text="Cancels a running job. Deletes a queued one, which does not exist from then on.",
        replies=[
            Reply("cancelled", "The job was running.", _CANCELLED, "V3Cancelled"),
            Reply("deleted", "The job was queued.", _DELETED, "V3Cancelled"),
        ],
        refused=[errors.JobNotCancellable(V3_COMPLETED), errors.NotPermitted()],
    ),
)
