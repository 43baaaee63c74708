"""What a route may answer: replies, rendered by the dialects, and the responses that the document makes of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobs import errors
from jobs.runtime.http import MAX_BODY_BYTES

from openapi.schemas import Node, field, reference, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.dialects.base import Answer, Dialect
    from jobs.errors import JobsError

#: What each error means to a caller.
MEANINGS: dict[type[JobsError], str] = {
    errors.Unauthorized: "The credential is missing, malformed, unknown, expired or revoked.",
    errors.ProjectNotFound: "The project is unknown or belongs to another organisation. The answer does not say which.",
    errors.InvalidClient: "The client is unknown, expired or revoked, or the secret is wrong.",
    errors.UnsupportedGrantType: "The grant type is not `client_credentials`.",
    errors.ScopeMissing: "The API key is limited, and not for this.",
    errors.RunNotPermitted: "The workflow is in collections, and the caller may run it through none of them.",
    errors.TooManyCreations: "The project has created as many jobs in the last minute as it may. "
    "Try again after `Retry-After` seconds.",
    errors.NotPermitted: "The job is shared with the caller for viewing only.",
    errors.WorkflowNotFound: "Nobody registered, shared or ran the workflow, or the caller may not see it.",
    errors.TooManyJobs: "The list needs more jobs than one call searches or sorts.",
    errors.JobNotFound: "The job does not exist, or the caller may not see it.",
    errors.InvalidRequest: "A part of the request is invalid.",
    errors.InvalidJobId: "The job id is not an integer.",
    errors.BodyTooLarge: f"The body is larger than {MAX_BODY_BYTES // 1024} KB.",
    errors.EncodedBody: "The body is compressed, or encoded in another way.",
    errors.JobNotCancellable: "The job has already ended.",
    errors.DeletionActive: "A deletion of this user is scheduled or running.",
    errors.JobNotMovable: "The job has started or ended, or waits for a later attempt.",
    errors.JobNotRetryable: "The job neither failed nor was cancelled, or it had all the attempts that a job may have.",
    errors.ArtifactNotFound: "The job shows no such file.",
    errors.ArtifactRefused: "The attempt does not run, or has as many files as it may have.",
    errors.ScheduleNotFound: "The schedule does not exist, or the caller may not see it.",
    errors.ScheduleChanged: "The schedule is at another version than `If-Match` says.",
    errors.TooManySchedules: "The project has as many schedules as it may have.",
    errors.IdempotencyKeyReused: "The idempotency key was used for another request in the last 24 hours.",
    errors.Busy: "Too many requests came at once. Try again after `Retry-After` seconds.",
}

#: The errors of every route that takes a credential and a body.
ANYWHERE = (
    errors.InvalidRequest("body", "must be UTF-8 text"),
    errors.Unauthorized(),
    errors.BodyTooLarge(MAX_BODY_BYTES),
    errors.EncodedBody(),
    errors.Busy(),
)

#: What every route that creates jobs may answer.
TOO_MANY = errors.TooManyCreations(600, 12)

#: The headers of answers, apart from `Content-Type`.
HEADERS: dict[str, Node] = {
    "Accept-Encoding": field("string", "How bodies may be encoded: not at all."),
    "Cache-Control": field("string", "Nothing between the service and the caller may store the answer."),
    "ETag": field("string", "The version of what callers set."),
    "Link": field("string", "The addresses of other parts of the list (RFC 8288)."),
    "Location": field("string", "The address of what was made or asked for.", format="uri"),
    "Pragma": field("string", "The same as `Cache-Control`, for caches of HTTP/1.0."),
    "Retry-After": field("integer", "Seconds to wait before the next try.", minimum=1),
    "Vary": field("string", "The headers of the request that the answer depends on."),
    "WWW-Authenticate": field("string", "The authentication scheme to use."),
    "X-Total-Count": field("integer", "How many of what is listed the project has.", format="int64", minimum=0),
}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that a route may give."""

    #: Unique among the replies of its route and status.
    name: str
    meaning: str
    answer: Answer
    #: Name of the body's schema among the components; empty if there is no body.
    schema: str


def shown(answer: Answer) -> Any:
    """The body of an answer, read."""
    return json.loads(answer.body)


def refusal(dialect: Dialect, schema: str, error: JobsError) -> Reply:
    """What a dialect answers to an error; its name is the error's class, and the field or scopes that it names."""
    name = type(error).__name__
    meaning = told(name, type(error), MEANINGS, "openapi/answers.py MEANINGS")
    label = name
    if type(error) is errors.InvalidRequest:
        label = f"{name}.{error.field}"
    elif isinstance(error, errors.ScopeMissing):
        label = f"{name}.{'_or_'.join(error.scopes)}"
    return Reply(label, meaning, dialect.render_error(error), schema)


def failure(dialect: Dialect, schema: str) -> Reply:
    """What a dialect answers when the service fails."""
    return Reply("failure", "The service failed.", dialect.render_failure("Zx3WliS4oAMEPZA="), schema)


def responses_of(replies: Sequence[Reply]) -> dict[str, Node]:
    """The response of each status, lowest first."""
    by_status: dict[int, list[Reply]] = {}
    for reply in sorted(replies, key=lambda reply: reply.answer.status):
        by_status.setdefault(reply.answer.status, []).append(reply)
    return {str(int(status)): _response(alike) for status, alike in by_status.items()}


def _response(replies: Sequence[Reply]) -> Node:
    """The response of one status; a header is optional unless all of its answers have it."""
    meanings = list(dict.fromkeys(reply.meaning for reply in replies))
    headers = list(dict.fromkeys(name for reply in replies for name in reply.answer.headers))
    references = [reference(name) for name in dict.fromkeys(reply.schema for reply in replies)]
    described = {
        "description": meanings[0] if len(meanings) == 1 else "\n".join(f"- {meaning}" for meaning in meanings),
        **({"headers": {name: _header(name, replies) for name in headers}} if headers else {}),
    }
    if not any(reply.answer.body for reply in replies):
        return described
    return {
        **described,
        "content": {
            "application/json": {
                "schema": references[0] if len(references) == 1 else {"oneOf": references},
                "examples": _examples(replies),
            }
        },
    }


def _header(name: str, replies: Sequence[Reply]) -> Node:
    schema = dict(told(f"The header {name}", name, HEADERS, "openapi/answers.py HEADERS"))
    values = [reply.answer.headers[name] for reply in replies if name in reply.answer.headers]
    return {
        "description": schema.pop("description"),
        "schema": schema,
        "required": len(values) == len(replies),
        "example": int(values[0]) if schema["type"] == "integer" else values[0],
    }


def _examples(replies: Sequence[Reply]) -> Node:
    examples = {reply.name: {"summary": reply.meaning, "value": shown(reply.answer)} for reply in replies}
    if len(examples) < len(replies):
        raise ValueError(f"two answers have the same name: {[reply.name for reply in replies]}")
    return examples
