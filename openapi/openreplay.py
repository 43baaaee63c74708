"""What OpenReplay's two APIs share: a job's fields, what their paths hold, and the jobs that both documents show."""

from __future__ import annotations

from typing import Any

from jobs import errors
from jobs.dialects.base import Call, ProjectDialect
from jobs.dialects.bodies import DEEPEST_PARAMS, LARGEST_PARAMS, JobRequest
from jobs.dialects.event_bodies import LARGEST_ENTRY, MOST_ENTRIES
from jobs.lifecycle.deletion import LONGEST_USER_ID
from jobs.model import (
    DEFAULT_MAX_ATTEMPTS,
    DEFAULT_TIMEOUT_SECONDS,
    DELETE_USER_DATA,
    DELETION_MAX_ATTEMPTS,
    DELETION_TIMEOUT_SECONDS,
    Change,
    Credential,
    Job,
    Project,
    Status,
)

from openapi.document import PathParameter
from openapi.schemas import Node, field, nullable, request_of

LONG: Node = {"type": "integer", "format": "int64"}
STATUS: Node = {"type": "string", "enum": [status.value for status in Status]}
PROJECT_KEY = "3sWXSsqHgSKnE87YkNJK"

JOB_ID = "The job's number in its project."
CANCEL = "Cancels a job that has not started yet or is still running."
DELETE_USER = "Makes the job that deletes the user's data at the next midnight UTC."

PATH = {
    "projectKey": PathParameter(
        "The project's key.", PROJECT_KEY, {"type": "string", "pattern": "^[0-9A-Za-z]{1,64}$"}
    ),
    "userId": PathParameter(
        "The user's id, percent-encoded; it may hold any character, `/` as well, but not be blank.",
        "shekar@example.com",
        {"type": "string", "minLength": 1, "maxLength": LONGEST_USER_ID, "pattern": r"\S"},
        refused=[errors.InvalidRequest("userId", "must not be blank")],
    ),
}


def number(lowest: int, **keywords: Any) -> Node:
    """The schema of a number in a path or a query; it has 15 digits at most."""
    return LONG | {"minimum": lowest, "maximum": 10**15 - 1} | keywords


def moment(description: str) -> Node:
    """The schema of a time, in milliseconds since the epoch."""
    return field("integer", description, format="int64")


#: What creates a job, in the public API alone; the jobs of both show what it held.
REQUEST = request_of(
    JobRequest,
    "openapi/openreplay.py REQUEST",
    {
        "action": "What is to be done; workers subscribe to it.",
        "description": "Empty where it is left out.",
        "referenceId": f"What it is done to, empty where it is left out. `{DELETE_USER_DATA}` needs it: the user's id.",
        "startAt": "Milliseconds since the epoch, at most a year ahead. Now where it is left out or has passed.",
        "params": f"For the worker: at most {LARGEST_PARAMS} bytes of JSON and {DEEPEST_PARAMS} levels.",
        "maxAttempts": f"{DEFAULT_MAX_ATTEMPTS} where it is left out, "
        f"{DELETION_MAX_ATTEMPTS} for `{DELETE_USER_DATA}`.",
        "timeoutSeconds": "How long an attempt may be silent. "
        f"{DEFAULT_TIMEOUT_SECONDS} where it is left out, {DELETION_TIMEOUT_SECONDS} for `{DELETE_USER_DATA}`.",
    },
)
_ASKED = REQUEST["properties"]
_ASKED["startAt"]["format"] = "int64"

#: The fields of a job but for `updatedAt`, in which the two differ.
FIELDS = {
    "jobId": field("integer", JOB_ID, format="int64", minimum=1),
    "description": field("string", "Empty where none was given."),
    "status": STATUS,
    "projectId": {**LONG, "minimum": 1},
    "action": _ASKED["action"],
    "referenceId": field(
        "string",
        "What it is done to: the user's id for a deletion. Empty where none was given.",
        maxLength=_ASKED["referenceId"]["maxLength"],
    ),
    "createdAt": moment("Milliseconds since the epoch."),
    "startAt": moment("When it was asked to start; never moves."),
    "errors": nullable(
        field("array", "Why it failed.", items={"type": "string", "maxLength": LARGEST_ENTRY}, maxItems=MOST_ENTRIES)
    ),
}


def seeds(first: tuple[str, str], second: tuple[str, str]) -> tuple[Job, Job]:
    """The scheduled and the cancelled job of both documents, for the user and the reference that each names."""
    by = "key-1"
    return (
        _a_deletion(3451, *first, Change(Status.SCHEDULED, 1623912955277, by)),
        _a_deletion(
            3452, *second, Change(Status.SCHEDULED, 1623912962910, by), Change(Status.CANCELLED, 1623913015276, by)
        ),
    )


def _a_deletion(job_id: int, of: str, reference: str, *history: Change) -> Job:
    return Job(
        project_id=1,
        job_id=job_id,
        action=DELETE_USER_DATA,
        description=f"Delete user sessions of userId = {of}",
        reference_id=reference,
        status=history[-1].to,
        start_at=1623954600000,
        next_at=1623954600000 if history[-1].to.is_active else None,
        history=history,
    )


def a_call(dialect: ProjectDialect) -> Call:
    """A call of the list, for its links."""
    return Call(
        path={"projectKey": PROJECT_KEY},
        query={},
        headers={},
        body="",
        origin="https://jobs.example.com",
        raw_path=f"{dialect.prefix}/{PROJECT_KEY}/jobs",
        credential=Credential(credential_id="key-1", organisation_id=1),
        project=Project(project_id=1, organisation_id=1, project_key=PROJECT_KEY, name="", secret=b""),
        dialect=dialect,
    )
