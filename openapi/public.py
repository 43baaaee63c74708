"""The public API in the document, with this service's extensions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from jobs import errors
from jobs.dialects import bodies
from jobs.dialects.event_bodies import MOST_ENTRIES
from jobs.dialects.public import DEFAULT_LIMIT, HIGHEST_LIMIT
from jobs.dialects.registry import PUBLIC
from jobs.lifecycle.creation import Creation
from jobs.model import (
    DEFAULT_TIMEOUT_SECONDS,
    DELETE_USER_DATA,
    MINUTE,
    MOST_ATTEMPTS,
    Change,
    Job,
    Message,
    Severity,
    Status,
)
from jobs.queries import Listing, Page, Stretch
from jobs.runtime.http import LARGEST_BODY

from openapi.document import (
    Chapter,
    Operation,
    Reply,
    failure,
    nullable,
    parameter,
    reference,
    refusals,
    several,
    strict,
)
from openapi.messages import MESSAGE
from openapi.openreplay import (
    JOB_ID,
    PROJECT_KEY,
    PROJECT_KEY_PARAMETER,
    REQUEST,
    STATUS,
    TIME,
    USER_ID_PARAMETER,
    a_call,
    job_schema,
    seeds,
)

if TYPE_CHECKING:
    from openapi.document import Node

_JOB, _DETAILS, _JOBS, _MESSAGES = (
    "PublicJobAnswer",
    "PublicJobDetailsAnswer",
    "PublicJobsAnswer",
    "PublicMessagesAnswer",
)
_ERROR = "PublicError"

SCHEDULED, CANCELLED = seeds(("shekar@example.com",) * 2, ("mehdi@example.com",) * 2)

_CREATED_AT = SCHEDULED.created_at
_EXPORT = Job(
    project_id=1,
    job_id=3453,
    action="export",
    description="Sessions of June",
    reference_id="2021-06",
    status=Status.SCHEDULED,
    start_at=SCHEDULED.start_at,
    next_at=SCHEDULED.start_at,
    history=(Change(Status.SCHEDULED, _CREATED_AT, "key-1"),),
    max_attempts=3,
)
_RUNNING = replace(
    _EXPORT,
    status=Status.RUNNING,
    next_at=_EXPORT.start_at + DEFAULT_TIMEOUT_SECONDS * 1000,
    history=(*_EXPORT.history, Change(Status.RUNNING, _EXPORT.start_at, "service")),
    progress=40,
)
_RETRIED = replace(
    _EXPORT,
    history=(
        *_RUNNING.history,
        Change(Status.FAILED, _EXPORT.start_at + MINUTE, "exporter"),
        Change(Status.SCHEDULED, _EXPORT.start_at + 2 * MINUTE, "key-1"),
    ),
    attempt=2,
)
_PARAMS = {"format": "csv"}
_BODY = {
    "action": _EXPORT.action,
    "description": _EXPORT.description,
    "referenceId": _EXPORT.reference_id,
    "startAt": _EXPORT.start_at,
    "params": _PARAMS,
    "maxAttempts": _EXPORT.max_attempts,
}
_SAID = (
    Message(_EXPORT.start_at, Severity.INFORMATION, "Reading sessions."),
    Message(_EXPORT.start_at + MINUTE, Severity.WARNING, "Session 12 is empty.", tool_id=4),
)
_CURSOR = "mq0pG0m5Jd1fWw4nV3b1Yg"
_MESSAGES_PATH = f"{PUBLIC.prefix}/{PROJECT_KEY}/jobs/{_EXPORT.job_id}/messages"

_JOB_SCHEMA = job_schema(
    SCHEDULED,
    updatedAt={**nullable(TIME), "description": "When the status last changed, null before it ever did."},
)
_DETAILS_FIELDS: dict[str, Node] = {
    "params": {"type": "object", "description": "What was given at the creation."},
    "progress": {"type": ["integer", "null"], "minimum": 0, "maximum": 100, "description": "Of the present attempt."},
    "attempt": {"type": "integer", "minimum": 1, "maximum": MOST_ATTEMPTS},
    "maxAttempts": {"type": "integer", "minimum": 1, "maximum": MOST_ATTEMPTS},
    "startedAt": {**nullable(TIME), "description": "When the present attempt started."},
    "finishedAt": {**nullable(TIME), "description": "When the job ended."},
    "timeoutAt": {**nullable(TIME), "description": "When the running attempt counts as lost."},
    "outputs": {"type": "array", "maxItems": MOST_ENTRIES, "description": "What the worker put out: any JSON."},
    "history": {"type": "array", "items": reference("PublicChange"), "minItems": 1},
}


def _job(name: str, meaning: str, job: Job) -> Reply:
    return Reply(name, meaning, PUBLIC.render_job(job), _JOB)


def _limit(what: str) -> Node:
    return parameter(
        "query",
        "limit",
        f"How many {what} at most; {DEFAULT_LIMIT} where it is out of range.",
        {"type": "integer", "minimum": 1, "maximum": HIGHEST_LIMIT, "default": DEFAULT_LIMIT},
    )


CHAPTER = Chapter(
    tag="public",
    text="OpenReplay's newer API, with the organisation's key as a bearer token. Creating, retrying, messages, details "
    "and the headers of lists are this service's own.",
    name="Public",
    security={
        "PublicKey": {"type": "http", "scheme": "bearer", "description": "The organisation's API key after `Bearer`."}
    },
    schemas={
        "PublicJobRequest": REQUEST,
        "PublicJob": _JOB_SCHEMA,
        "PublicChange": strict(
            **{
                "from": {**nullable(STATUS), "description": "Null at the creation."},
                "to": STATUS,
                "at": TIME,
                "by": {"type": "string", "description": "Id of a key, source of an event, or `service`."},
                "attempt": {"type": "integer", "minimum": 1, "maximum": MOST_ATTEMPTS},
            }
        ),
        "PublicJobDetails": strict(**_JOB_SCHEMA["properties"], **_DETAILS_FIELDS),
        "PublicMessage": strict(
            **MESSAGE,
            at=TIME,
        ),
        _JOB: strict(data=reference("PublicJob")),
        _DETAILS: strict(data=reference("PublicJobDetails")),
        _JOBS: strict(data={"type": "array", "items": reference("PublicJob"), "maxItems": HIGHEST_LIMIT}),
        _MESSAGES: strict(data={"type": "array", "items": reference("PublicMessage"), "maxItems": HIGHEST_LIMIT}),
        _ERROR: strict(error={"type": "string"}),
    },
    path_parameters={
        "projectKey": PROJECT_KEY_PARAMETER,
        "jobId": parameter(
            "path",
            "jobId",
            JOB_ID,
            {"type": "integer", "format": "int64", "minimum": 1, "maximum": 10**15 - 1},
            SCHEDULED.job_id,
        ),
        "userId": USER_ID_PARAMETER,
    },
    replies=[
        *refusals(
            PUBLIC,
            _ERROR,
            errors.InvalidRequest("body", "must be UTF-8 text"),
            errors.Unauthorized(),
            errors.ProjectNotFound(),
            errors.BodyTooLarge(LARGEST_BODY),
            errors.Busy(),
        ),
        failure(PUBLIC, _ERROR),
    ],
    operations=[
        Operation(
            route="GET /public/{projectKey}/jobs",
            name="listJobs",
            summary="List jobs",
            text="A page of the project's jobs, ended ones too, oldest first; past the end it is empty. With "
            "`order=desc`, `status`, `action` or `cursor` the newest first: while there is a `Link` there is more, "
            "even where an answer is short or empty, as one call looks at a thousand jobs at most.",
            parameters=[
                _limit("jobs"),
                parameter(
                    "query",
                    "page",
                    "The page's number; 1 where it is out of range. Only from the oldest on.",
                    {"type": "integer", "format": "int64", "minimum": 1, "maximum": 10**15 - 1, "default": 1},
                ),
                parameter("query", "order", "Oldest or newest first.", {"type": "string", "enum": ["asc", "desc"]}),
                parameter("query", "status", "Only jobs in one of these states.", several(STATUS), explode=False),
                parameter(
                    "query",
                    "action",
                    "Only jobs with one of these actions.",
                    several(REQUEST["properties"]["action"]),
                    explode=False,
                ),
                parameter("query", "cursor", "Where the answer begins; `Link` sets it.", {"type": "string"}),
            ],
            replies=[
                Reply(
                    "page",
                    "A page.",
                    PUBLIC.render_listing(
                        Listing(Page(1, DEFAULT_LIMIT), iter((SCHEDULED, CANCELLED)), 2), a_call(PUBLIC)
                    ),
                    _JOBS,
                ),
                Reply(
                    "newest",
                    "The newest jobs.",
                    PUBLIC.render_stretch(Stretch([CANCELLED, SCHEDULED], None, 2), None),
                    _JOBS,
                ),
                Reply(
                    "filtered",
                    "Jobs that pass the filter, and a `Link` to those that follow.",
                    PUBLIC.render_stretch(
                        Stretch([CANCELLED], CANCELLED.job_id, None),
                        a_call(PUBLIC).url(order="desc", status="cancelled", limit=1, cursor=_CURSOR),
                    ),
                    _JOBS,
                ),
                *refusals(
                    PUBLIC,
                    _ERROR,
                    errors.InvalidRequest("order", "must be asc or desc"),
                    errors.InvalidRequest("page", "counts from the oldest job; from the newest follow the Link header"),
                    errors.InvalidRequest("cursor", "is not one of this list"),
                ),
            ],
        ),
        Operation(
            route="POST /public/{projectKey}/jobs",
            name="createJob",
            summary="Create a job",
            text="A field that is null counts as left out. With an `Idempotency-Key` the same request may be sent "
            "again for 24 hours, and makes one job.",
            parameters=[
                parameter(
                    "header",
                    "Idempotency-Key",
                    "Printable ASCII of the caller's choice.",
                    {
                        "type": "string",
                        "maxLength": bodies.LONGEST_IDEMPOTENCY_KEY,
                        "pattern": "^[!-~]([ -~]*[!-~])?$",
                    },
                    "export-2021-06",
                )
            ],
            body={
                "required": True,
                "content": {
                    "application/json": {
                        "schema": reference("PublicJobRequest"),
                        "examples": {
                            "least": {"summary": "As little as it takes.", "value": {"action": _EXPORT.action}},
                            "export": {"summary": "A job of a worker of yours.", "value": _BODY},
                            "deletion": {
                                "summary": "Delete a user's data, at once.",
                                "value": {"action": DELETE_USER_DATA, "referenceId": SCHEDULED.reference_id},
                            },
                        },
                    }
                },
            },
            replies=[
                Reply(
                    "created",
                    "The job, created.",
                    PUBLIC.render_created(
                        Creation(_EXPORT),
                        a_call(PUBLIC).url(f"{PUBLIC.prefix}/{PROJECT_KEY}/jobs/{_EXPORT.job_id}"),
                    ),
                    _JOB,
                ),
                Reply(
                    "replayed",
                    "The job that this idempotency key has made, as it is by now.",
                    PUBLIC.render_created(Creation(_RUNNING, replayed=True), ""),
                    _JOB,
                ),
                *refusals(
                    PUBLIC,
                    _ERROR,
                    errors.InvalidRequest("startAt", "must be at most 1 year ahead"),
                    errors.DeletionActive(SCHEDULED),
                    errors.IdempotencyKeyReused(),
                ),
            ],
        ),
        Operation(
            route="GET /public/{projectKey}/jobs/{jobId}",
            name="getJob",
            summary="Get a job",
            parameters=[
                parameter(
                    "query",
                    "include",
                    "Adds parameters, progress, attempts, times, outputs and history.",
                    {"type": "string", "enum": ["details"]},
                )
            ],
            replies=[
                _job("job", "The job.", SCHEDULED),
                Reply(
                    "details",
                    "The job with its details.",
                    PUBLIC.render_details(_RUNNING, _PARAMS, []),
                    _DETAILS,
                ),
                *refusals(
                    PUBLIC,
                    _ERROR,
                    errors.InvalidJobId(),
                    errors.InvalidRequest("include", "must be details"),
                    errors.JobNotFound(),
                ),
            ],
        ),
        Operation(
            route="DELETE /public/{projectKey}/jobs/{jobId}",
            name="cancelJob",
            summary="Cancel a job",
            text="Cancels a job that has not started yet or is still running.",
            replies=[
                _job("cancelled", "The job, cancelled.", CANCELLED),
                *refusals(
                    PUBLIC, _ERROR, errors.InvalidJobId(), errors.JobNotCancellable(CANCELLED), errors.JobNotFound()
                ),
            ],
        ),
        Operation(
            route="GET /public/{projectKey}/jobs/{jobId}/messages",
            name="listMessages",
            summary="List what workers said of a job",
            text="Oldest first.",
            parameters=[
                _limit("messages"),
                parameter("query", "cursor", "Where the page begins; `Link` sets it.", {"type": "string"}),
            ],
            replies=[
                Reply("last", "The last messages.", PUBLIC.render_messages(_SAID, None), _MESSAGES),
                Reply(
                    "more",
                    "Messages, and a `Link` to those that follow.",
                    PUBLIC.render_messages(_SAID, a_call(PUBLIC).url(_MESSAGES_PATH, limit=2, cursor=_CURSOR)),
                    _MESSAGES,
                ),
                *refusals(
                    PUBLIC,
                    _ERROR,
                    errors.InvalidJobId(),
                    errors.InvalidRequest("cursor", "is not one of this list"),
                    errors.JobNotFound(),
                ),
            ],
        ),
        Operation(
            route="POST /public/{projectKey}/jobs/{jobId}/retry",
            name="retryJob",
            summary="Schedule an ended job again",
            text="A failed or cancelled job gets a new attempt, due now. Its errors, progress and outputs are cleared, "
            "its `maxAttempts` is raised by one where that is needed.",
            replies=[
                _job("scheduled", "The job, scheduled again.", _RETRIED),
                *refusals(
                    PUBLIC,
                    _ERROR,
                    errors.InvalidJobId(),
                    errors.JobNotFound(),
                    errors.JobNotRetryable("only a failed or cancelled job can be retried"),
                    errors.DeletionActive(SCHEDULED),
                ),
            ],
        ),
        Operation(
            route="DELETE /public/{projectKey}/users/{userId+}",
            name="deleteUser",
            summary="Delete a user's data",
            text="Makes the job that deletes the user's data at the next midnight UTC.",
            replies=[
                _job("scheduled", "The job.", SCHEDULED),
                *refusals(
                    PUBLIC,
                    _ERROR,
                    errors.InvalidRequest("userId", "must not be blank"),
                    errors.DeletionActive(SCHEDULED),
                ),
            ],
        ),
    ],
)
