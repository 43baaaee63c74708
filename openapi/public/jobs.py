"""Jobs in the public API: list, create, get, move, cancel and retry them, list their messages, delete a user."""

from __future__ import annotations

from jobs import errors
from jobs.dialects.bodies import MAX_IDEMPOTENCY_KEY
from jobs.dialects.public import DEFAULT_LIMIT, MAX_LIMIT
from jobs.dialects.registry import PUBLIC
from jobs.dialects.report_bodies import MAX_ENTRIES, MAX_ENTRY_BYTES
from jobs.lifecycle.creation import Creation
from jobs.model import DELETE_USER_DATA, MAX_ATTEMPTS, Status
from jobs.outcomes import MessagePage
from jobs.queries import Listing, Page, Stretch, Walk
from jobs.tenants import Scope

from openapi import openreplay
from openapi.answers import TOO_MANY, Reply, shown
from openapi.document import Operation
from openapi.examples import CANCELLED, EVIDENCE, EXPORT, MESSAGES, PARAMS, RETRIED, RUNNING, SCHEDULED, a_call
from openapi.messages import MESSAGE
from openapi.openreplay import CANCEL, DELETE_USER, MOVE, REQUEST, STATUS, moment, number
from openapi.public import limit
from openapi.schemas import (
    Fields,
    Node,
    body_of,
    field,
    integer,
    list_of,
    nullable,
    one_of,
    parameter,
    query,
    query_list,
    reference,
    strict,
)

_JOB, _DETAILS = "PublicJobAnswer", "PublicJobDetailsAnswer"
_JOBS, _MESSAGES = "PublicJobsAnswer", "PublicMessagesAnswer"

_FIELDS = Fields(
    "openapi/public/jobs.py _FIELDS",
    openreplay.FIELDS
    | {
        "updatedAt": nullable(moment("When the status last changed. Null before the first change.")),
        # of a job's details
        "params": field("object", "The input that was given at creation."),
        "progress": nullable(integer(0, 100, description="Percent done of the current attempt. Null before a report.")),
        "attempt": integer(1, MAX_ATTEMPTS, description="The number of the attempt, counted from 1."),
        "maxAttempts": integer(1, MAX_ATTEMPTS, description="How often the job may be attempted."),
        "startedAt": nullable(moment("When the current attempt started, or null.")),
        "finishedAt": nullable(moment("When the job ended, or null.")),
        "timeoutAt": nullable(moment("When the running attempt counts as lost, or null.")),
        "outputs": field("array", "What the worker produced: any JSON.", maxItems=MAX_ENTRIES),
        "message": nullable(MESSAGE["text"]) | {"description": "What the workers said last, or null."},
        "errorList": nullable(
            field(
                "array",
                "Why the job failed, error by error, or null.",
                items={"type": "string", "maxLength": MAX_ENTRY_BYTES},
                maxItems=MAX_ENTRIES,
            )
        ),
        "history": list_of("PublicChange", minItems=1, description="Every change of status, oldest first."),
        # of a change
        "from": nullable(STATUS) | {"description": "The status before the change. Null at creation."},
        "to": STATUS | {"description": "The status after the change."},
        "at": moment("When it happened, in milliseconds since the epoch."),
        "error": nullable(field("string", "Why the attempt that this change ended failed or was lost, or null.")),
        "by": field("string", "Who made it: `key:` or `client:` and an id, `event:` and a source, or `service`."),
    },
)
_MESSAGE_FIELDS = Fields("openapi/messages.py MESSAGE", MESSAGE | {"at": _FIELDS.nodes["at"]})

#: What a job has that a schedule made, and no other.
_OF_SCHEDULES = {
    "scheduleId": field("string", "The schedule that made it.", pattern="^[0-9a-f]{24}$"),
    "scheduledFor": nullable(moment("The occurrence that it was made for; null if a call had it made out of turn.")),
}

_ALL_MESSAGES, _SOME_MESSAGES = (
    PUBLIC.render_messages(a_call(PUBLIC, "/3453/messages", limit="2"), EXPORT, MessagePage(MESSAGES, following))
    for following in (None, "1")
)
_SCHEDULED = PUBLIC.render_job(SCHEDULED)
_DETAILED = PUBLIC.render_details(RUNNING, PARAMS, [], MESSAGES[0], EVIDENCE)
_PAGE = PUBLIC.render_listing(Listing(Page(1, DEFAULT_LIMIT), iter((SCHEDULED, CANCELLED)), 2), a_call(PUBLIC))
_NEWEST = PUBLIC.render_stretch(Stretch([CANCELLED, SCHEDULED], None, 2), Walk(DEFAULT_LIMIT), a_call(PUBLIC))
_FILTERED = PUBLIC.render_stretch(
    Stretch([CANCELLED], CANCELLED.job_id, None), Walk(1, (Status.CANCELLED,)), a_call(PUBLIC)
)
_CREATED = PUBLIC.render_created(Creation(EXPORT), a_call(PUBLIC))
_REPLAYED = PUBLIC.render_created(Creation(RUNNING, replayed=True), a_call(PUBLIC))


def _with_optional(schema: Node, properties: Node) -> Node:
    return {**schema, "properties": {**schema["properties"], **properties}}


SCHEMAS = {
    "PublicJobRequest": REQUEST,
    "PublicMoveRequest": MOVE,
    "PublicJob": _FIELDS.object_of("PublicJob", shown(_SCHEDULED)["data"]),
    "PublicChange": _FIELDS.object_of("PublicChange", shown(_DETAILED)["data"]["history"][0]),
    "PublicJobDetails": _with_optional(_FIELDS.object_of("PublicJobDetails", shown(_DETAILED)["data"]), _OF_SCHEDULES),
    "PublicMessage": _MESSAGE_FIELDS.object_of("PublicMessage", shown(_SOME_MESSAGES)["data"][0]),
    _JOB: strict(data=reference("PublicJob")),
    _DETAILS: strict(data=reference("PublicJobDetails")),
    _JOBS: strict(data=list_of("PublicJob", maxItems=MAX_LIMIT)),
    _MESSAGES: strict(data=list_of("PublicMessage", maxItems=MAX_LIMIT)),
}

OPERATIONS = (
    Operation(
        route="GET /public/{projectKey}/jobs",
        name="listJobs",
        summary="List jobs",
        text="Lists the project's jobs page by page, whatever their status: oldest first, or newest first if the "
        "project is set to that. A page past the end is empty. With `status`, `action`, `referenceId` or `cursor`, "
        "and with `order=desc` in a project that lists its oldest jobs first, the list is newest first. One call "
        "then looks at no more than a thousand jobs, so an answer may be short or even empty: there is more as "
        "long as there is a `Link`.",
        parameters=[
            limit("jobs"),
            query(
                "page",
                "The number of the page. 1 if it is out of range. Only for lists without a filter.",
                **number(1, default=1),
            ),
            *openreplay.SIDES,
            query("order", "Oldest first (`asc`) or newest first (`desc`).", **one_of("asc", "desc")),
            query_list("status", "Only jobs in one of these states.", STATUS),
            query_list("action", "Only jobs with one of these actions.", openreplay.FIELDS["action"]),
            query(
                "referenceId",
                "Only jobs that are about this: the whole reference, which may hold any character.",
                type="string",
                maxLength=openreplay.FIELDS["referenceId"]["maxLength"],
            ),
            query("cursor", "Where the answer begins. `Link` sets it.", type="string"),
        ],
        replies=[
            Reply("page", "A page.", _PAGE, _JOBS),
            Reply("newest", "The newest jobs.", _NEWEST, _JOBS),
            Reply("filtered", "Jobs that pass the filter, and a `Link` to the next ones.", _FILTERED, _JOBS),
        ],
        refused=[
            errors.InvalidRequest("order", "must be asc or desc"),
            errors.InvalidRequest("page", "is for lists without filter or cursor; here follow the Link header"),
            errors.InvalidRequest("cursor", "is not one of this list"),
            errors.InvalidRequest("after", "must be an integer of at least 0"),
        ],
    ),
    Operation(
        route="POST /public/{projectKey}/jobs",
        name="createJob",
        summary="Create a job",
        text="A field that is null counts as left out. Texts may hold no noncharacters and no lone surrogates, because "
        "queues do not carry them. A request with an `Idempotency-Key` may be sent again for 24 "
        "hours and still creates one job.",
        parameters=[
            parameter(
                "header",
                "Idempotency-Key",
                "Printable ASCII that the caller chooses.",
                example="export-2021-06",
                type="string",
                maxLength=MAX_IDEMPOTENCY_KEY,
                pattern="^[!-~]([ -~]*[!-~])?$",
            )
        ],
        body=body_of(
            reference("PublicJobRequest"),
            least=("The minimum.", {"action": EXPORT.action}),
            export=(
                "A job for a worker of your own.",
                {
                    "action": EXPORT.action,
                    "description": EXPORT.description,
                    "referenceId": EXPORT.reference_id,
                    "startAt": EXPORT.start_at,
                    "params": PARAMS,
                    "maxAttempts": EXPORT.max_attempts,
                },
            ),
            deletion=(
                "The deletion of a user's data, at once.",
                {"action": DELETE_USER_DATA, "referenceId": SCHEDULED.reference_id},
            ),
        ),
        replies=[
            Reply("created", "The new job.", _CREATED, _JOB),
            Reply("replayed", "The job that this idempotency key created, as it is now.", _REPLAYED, _JOB),
        ],
        refused=[
            errors.InvalidRequest("startAt", "looks like seconds; milliseconds are wanted"),
            errors.DeletionActive(SCHEDULED),
            errors.IdempotencyKeyReused(),
            errors.ScopeMissing(Scope.DELETE_USERS),
            TOO_MANY,
        ],
    ),
    Operation(
        route="GET /public/{projectKey}/jobs/{jobId}",
        name="getJob",
        summary="Get a job",
        parameters=[
            query("include", "Adds parameters, progress, attempts, times, outputs and history.", **one_of("details"))
        ],
        replies=[
            Reply("job", "The job.", _SCHEDULED, _JOB),
            Reply("details", "The job with its details.", _DETAILED, _DETAILS),
        ],
        refused=[errors.InvalidRequest("include", "must be details")],
    ),
    Operation(
        route="PATCH /public/{projectKey}/jobs/{jobId}",
        name="moveJob",
        summary="Move a job",
        text="Lets a scheduled job start at another time. This is no change of its status: `updatedAt` and the history "
        "stay as they are. A job that has started or ended, or that waits for a later attempt, stays as it is.",
        body=body_of(
            reference("PublicMoveRequest"),
            later=("Milliseconds since the epoch.", {"startAt": EXPORT.start_at}),
            named=("ISO 8601, with an offset or `Z`.", {"startAt": "2026-12-01T09:00:00+01:00"}),
        ),
        replies=[Reply("moved", "The job, with its new time.", PUBLIC.render_job(EXPORT), _JOB)],
        refused=[
            errors.InvalidRequest("startAt", "looks like seconds; milliseconds are wanted"),
            errors.JobNotMovable(RUNNING),
            errors.ScopeMissing(Scope.DELETE_USERS),
        ],
    ),
    Operation(
        route="DELETE /public/{projectKey}/jobs/{jobId}",
        name="cancelJob",
        summary="Cancel a job",
        text=CANCEL,
        replies=[Reply("cancelled", "The cancelled job.", PUBLIC.render_job(CANCELLED), _JOB)],
        refused=[errors.JobNotCancellable(CANCELLED)],
    ),
    Operation(
        route="GET /public/{projectKey}/jobs/{jobId}/messages",
        name="listMessages",
        summary="List a job's messages",
        text="Lists what workers said about the job, oldest first.",
        parameters=[limit("messages"), query("cursor", "Where the answer begins. `Link` sets it.", type="string")],
        replies=[
            Reply("last", "The last messages.", _ALL_MESSAGES, _MESSAGES),
            Reply("more", "Messages, and a `Link` to the next ones.", _SOME_MESSAGES, _MESSAGES),
        ],
        refused=[errors.InvalidRequest("cursor", "is not one of this list")],
    ),
    Operation(
        route="POST /public/{projectKey}/jobs/{jobId}/retry",
        name="retryJob",
        summary="Retry a job",
        text="Gives a failed or cancelled job another attempt, which is due now. Its errors, progress and outputs are "
        "cleared. `maxAttempts` is raised by one if every attempt was used.",
        replies=[Reply("scheduled", "The job, scheduled again.", PUBLIC.render_job(RETRIED), _JOB)],
        refused=[
            errors.JobNotRetryable("only a failed or cancelled job can be retried"),
            errors.DeletionActive(SCHEDULED),
            errors.ScopeMissing(Scope.DELETE_USERS),
        ],
    ),
    Operation(
        route="DELETE /public/{projectKey}/users/{userId+}",
        name="deleteUser",
        summary="Delete a user's data",
        text=DELETE_USER,
        replies=[Reply("scheduled", "The new job.", _SCHEDULED, _JOB)],
        refused=[errors.DeletionActive(SCHEDULED), TOO_MANY],
    ),
)
