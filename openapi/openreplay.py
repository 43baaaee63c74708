"""What OpenReplay's two APIs share: the fields of a job and the parameters of paths."""

from __future__ import annotations

from typing import Any

from jobs import errors
from jobs.dialects.bodies import MAX_PARAMS_BYTES, MAX_PARAMS_DEPTH, MIN_START, SECONDS, TIME, JobRequest, MoveRequest
from jobs.dialects.report_bodies import MAX_ENTRIES, MAX_ENTRY_BYTES
from jobs.dialects.user_ids import PLAIN_ID, REFUSAL
from jobs.model import (
    DEFAULT_MAX_ATTEMPTS,
    DEFAULT_TIMEOUT_SECONDS,
    DELETE_USER_DATA,
    DELETION_MAX_ATTEMPTS,
    DELETION_TIMEOUT_SECONDS,
    Status,
)

from openapi.document import PathParameter
from openapi.examples import PROJECT_KEY
from openapi.schemas import Node, field, nullable, query, request_of

STATUS = field("string", "The state of the job.", enum=[status.value for status in Status])

JOB_ID = "The job's number in its project."
CANCEL = "Cancels a job that is scheduled or running."
DELETE_USER = "Creates the job that deletes the user's data at the next midnight UTC."

PATH = {
    "projectKey": PathParameter(field("string", "The project's key.", pattern="^[0-9A-Za-z]{1,64}$"), PROJECT_KEY),
    "userId": PathParameter(
        field(
            "string",
            "The user's id, exactly as it is. Never percent-encode one into this path: a gateway decodes it and cuts "
            "it at a `?`, so that it could name another user. `POST` to jobs takes any id. A deployment may take more "
            "ids here, or none (404), by its parameter `UserIdsInPaths`.",
            pattern=f"^{PLAIN_ID}$",
        ),
        "shekar@example.com",
        [
            errors.InvalidRequest("userId", REFUSAL),
            errors.InvalidRequest("query", "must be empty, because a ? in a user id looks like one"),
        ],
    ),
}


def number(lowest: int, **keywords: Any) -> Node:
    """The schema of a number in a path or a query, which may have any number of digits."""
    return {"type": "integer", "minimum": lowest} | keywords


#: The parameters with which a list goes on from a job.
SIDES = (
    query("after", "Only jobs that were created after this one, oldest first. `Link` sets it.", **number(0)),
    query("before", "Only jobs that were created before this one, newest first. `Link` sets it.", **number(1)),
)


def moment(description: str) -> Node:
    """The schema of a time, in milliseconds since the epoch."""
    return field("integer", description, format="int64")


#: The body that creates a job. Only the public API takes one, but both show the job's action and reference.
REQUEST = request_of(
    JobRequest,
    "openapi/openreplay.py REQUEST",
    {
        "action": "What to do. Workers subscribe to it.",
        "description": "For people to read. Empty if left out.",
        "referenceId": f"What the job is about. Empty if left out. `{DELETE_USER_DATA}` needs the user's id here.",
        "startAt": "When to start, in milliseconds since the epoch, at most a year ahead. "
        "The job starts now if this is left out or in the past.",
        "params": f"Input for the worker: at most {MAX_PARAMS_BYTES} bytes of JSON, {MAX_PARAMS_DEPTH} levels deep.",
        "maxAttempts": "How often the job may be attempted. "
        f"{DEFAULT_MAX_ATTEMPTS} if left out, {DELETION_MAX_ATTEMPTS} for `{DELETE_USER_DATA}`.",
        "timeoutSeconds": "How long an attempt may be silent before it counts as lost. "
        f"{DEFAULT_TIMEOUT_SECONDS} if left out, {DELETION_TIMEOUT_SECONDS} for `{DELETE_USER_DATA}`.",
    },
)
#: The body that moves a job.
MOVE = request_of(MoveRequest, "openapi/openreplay.py MOVE", {"startAt": "When to start instead. The past means now."})
_ASKED = REQUEST["properties"]
_ASKED["startAt"] = {
    "anyOf": [
        {"type": "integer", "format": "int64", "minimum": MIN_START, "maximum": SECONDS.start - 1},
        {"type": "integer", "format": "int64", "minimum": SECONDS.stop},
        {"type": "string", "pattern": f"^({TIME})$"},
        {"type": "null"},
    ],
    "description": _ASKED["startAt"]["description"],
}

MOVE["properties"]["startAt"] = {
    "anyOf": _ASKED["startAt"]["anyOf"][:-1],  # null would not say when
    "description": MOVE["properties"]["startAt"]["description"],
}

# a blank as Python has it: regular expressions leave some separators out
REQUEST["if"] = {"properties": {"action": {"const": DELETE_USER_DATA}}, "required": ["action"]}
REQUEST["then"] = {
    "properties": {"referenceId": {"type": "string", "pattern": r"[^\s\x1c-\x1f\x85]"}},
    "required": ["referenceId"],
}

#: The fields of a job, except `updatedAt`, in which the two APIs differ.
FIELDS = {
    "jobId": field("integer", JOB_ID, format="int64", minimum=1),
    "description": field("string", "For people to read. Empty if none was given."),
    "status": STATUS,
    "projectId": field("integer", "The project's number.", format="int64", minimum=1),
    "action": _ASKED["action"],
    "referenceId": field(
        "string",
        "What the job is about, such as the user of a deletion. Empty if none was given.",
        maxLength=_ASKED["referenceId"]["maxLength"],
    ),
    "createdAt": moment("When the job was created, in milliseconds since the epoch."),
    "startAt": moment("When the job was asked to start. It never changes."),
    "errors": nullable(
        field(
            "string",
            "Why the job failed, or null. Several errors are joined by newlines.",
            maxLength=MAX_ENTRIES * (MAX_ENTRY_BYTES + 1) - 1,
        )
    ),
}
