"""What both of OpenReplay's documents share: the job, and the two jobs that they show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.dialects.base import Call
from jobs.dialects.events import LARGEST_ENTRY, MOST_ENTRIES
from jobs.dialects.requests import JobRequest
from jobs.model import DELETE_USER_DATA, Change, Credential, Job, Project, Status
from jobs.representation import ten_fields

from local.openapi.document import parameter, strict

if TYPE_CHECKING:
    from jobs.dialects.base import Dialect

    from local.openapi.document import Node

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
    {"type": "string", "minLength": 1, "maxLength": 256, "pattern": r"\S"},
    "shekar@example.com",
)
JOB_ID = "The job's number in its project."


def nullable(schema: Node) -> Node:
    """The schema, or null."""
    options = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return {**schema, "type": [schema["type"], "null"], **options}


def request_schema() -> Node:
    """The body that creates a job, as pydantic has it, in the words of JSON Schema."""
    found = JobRequest.model_json_schema()
    properties = {name: _plain(schema) for name, schema in found["properties"].items()}
    return {**{name: found[name] for name in ("type", "required", "additionalProperties")}, "properties": properties}


def _plain(schema: Node) -> Node:
    r"""A property as it reads best: null among its types, and an end of text that is not only Python's (`\z`)."""
    if "anyOf" in schema:
        value, null = schema["anyOf"]
        if null != {"type": "null"}:
            raise ValueError(schema)
        return nullable(_plain(value))
    kept = {name: value for name, value in schema.items() if name != "title"}
    return {**kept, "pattern": kept["pattern"].replace(r"\z", "$")} if "pattern" in kept else kept


_ASKED = request_schema()["properties"]

_FIELDS: dict[str, Node] = {
    "jobId": {"type": "integer", "format": "int64", "minimum": 1, "description": JOB_ID},
    "description": {"type": "string", "description": "Empty where none was given."},
    "status": STATUS,
    "projectId": {"type": "integer", "format": "int64", "minimum": 1},
    "action": {**_ASKED["action"], "description": "What is to be done; workers subscribe to it."},
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


def a_call(dialect: Dialect) -> Call:
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
