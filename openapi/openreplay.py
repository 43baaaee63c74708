"""What both of OpenReplay's documents share: the job, and the two jobs that they show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.dialects.base import Call
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
from jobs.representation import ten_fields

from openapi.document import parameter, schema_of, strict

if TYPE_CHECKING:
    from jobs.dialects.base import ProjectDialect

    from openapi.document import Node

#: Milliseconds since the epoch.
TIME: Node = {"type": "integer", "format": "int64"}
STATUS: Node = {"type": "string", "enum": [status.value for status in Status]}

PROJECT_KEY = "3sWXSsqHgSKnE87YkNJK"

PROJECT_KEY_PARAMETER = parameter(
    "path", "projectKey", "The project's key.", {"type": "string", "pattern": "^[0-9A-Za-z]{1,64}$"}, PROJECT_KEY
)
USER_ID_PARAMETER = parameter(
    "path",
    "userId",
    "The user's id, percent-encoded; it may hold any character, `/` as well, but not be blank.",
    {"type": "string", "minLength": 1, "maxLength": LONGEST_USER_ID, "pattern": r"\S"},
    "shekar@example.com",
)
JOB_ID = "The job's number in its project."


#: What creates a job of the public API; both documents show what it holds.
REQUEST = schema_of(
    JobRequest,
    action="What is to be done; workers subscribe to it.",
    description="Empty where it is left out.",
    referenceId=f"What it is done to, empty where it is left out. `{DELETE_USER_DATA}` needs it: the user's id.",
    startAt="Milliseconds since the epoch, at most a year ahead. Now where it is left out or has passed.",
    params=f"For the worker: at most {LARGEST_PARAMS} bytes of JSON and {DEEPEST_PARAMS} levels.",
    maxAttempts=f"{DEFAULT_MAX_ATTEMPTS} where it is left out, {DELETION_MAX_ATTEMPTS} for `{DELETE_USER_DATA}`.",
    timeoutSeconds="How long an attempt may be silent. "
    f"{DEFAULT_TIMEOUT_SECONDS} where it is left out, {DELETION_TIMEOUT_SECONDS} for `{DELETE_USER_DATA}`.",
)
_ASKED = REQUEST["properties"]
_ASKED["startAt"] |= {"format": "int64"}

_FIELDS: dict[str, Node] = {
    "jobId": {"type": "integer", "format": "int64", "minimum": 1, "description": JOB_ID},
    "description": {"type": "string", "description": "Empty where none was given."},
    "status": STATUS,
    "projectId": {"type": "integer", "format": "int64", "minimum": 1},
    "action": _ASKED["action"],
    "referenceId": {
        "type": "string",
        "maxLength": _ASKED["referenceId"]["maxLength"],
        "description": "What it is done to: the user's id for a deletion. Empty where none was given.",
    },
    "createdAt": {**TIME, "description": "Milliseconds since the epoch."},
    "updatedAt": {**TIME, "description": "When the status last changed."},
    "startAt": {**TIME, "description": "When it was asked to start; never moves."},
    "errors": {
        "type": ["array", "null"],
        "items": {"type": "string", "maxLength": LARGEST_ENTRY},
        "maxItems": MOST_ENTRIES,
        "description": "Why it failed.",
    },
}


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


def seeds(first: tuple[str, str], second: tuple[str, str]) -> tuple[Job, Job]:
    """The scheduled and the cancelled job of both documents, for the user and the reference that each names."""
    by = "key-1"
    return (
        _a_deletion(3451, *first, Change(Status.SCHEDULED, 1623912955277, by)),
        _a_deletion(
            3452, *second, Change(Status.SCHEDULED, 1623912962910, by), Change(Status.CANCELLED, 1623913015276, by)
        ),
    )


def job_schema(job: Job, **differences: Node) -> Node:
    """The ten fields in their order."""
    return strict(**{name: {**_FIELDS[name], **differences.get(name, {})} for name in ten_fields(job, None)})


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
