"""From routes and what is told of them to a document of OpenAPI 3.1.

Examples are not written down but rendered by the dialects, so status, body and headers are those of the service.
"""

from __future__ import annotations

import importlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from jobs import errors
from jobs.runtime.http import LARGEST_BODY

from openapi import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from jobs.dialects.base import Answer, Dialect
    from jobs.errors import JobsError
    from pydantic import BaseModel

#: Any part of the document.
Node: TypeAlias = dict[str, Any]

#: What pydantic says of a schema beside what it takes.
_LEFT_OUT = {"$defs", "default", "description", "title"}

PATH_PARAMETER = re.compile(r"\{(\w+)\+?\}")

#: What each error means to a caller.
MEANINGS: dict[type[JobsError], str] = {
    errors.Unauthorized: "The credential is missing, malformed, unknown, expired or revoked.",
    errors.ProjectNotFound: "The project is unknown or another organisation's; the two can not be told apart.",
    errors.InvalidClient: "The client is unknown, expired or revoked, or has another secret.",
    errors.UnsupportedGrantType: "Another grant than `client_credentials`.",
    errors.NotPermitted: "The job is shared with the caller for viewing only.",
    errors.JobNotFound: "For this caller there is no such job.",
    errors.InvalidRequest: "Something in the request is out of bounds; the sentence names it.",
    errors.InvalidJobId: "The job id is no integer.",
    errors.BodyTooLarge: f"The body is over {LARGEST_BODY // 1024} KB.",
    errors.JobNotCancellable: "The job has already ended.",
    errors.DeletionActive: "A deletion of this user is scheduled or running.",
    errors.JobNotRetryable: "The job has not failed or been cancelled, or was attempted as often as a job may be.",
    errors.IdempotencyKeyReused: "The idempotency key was used for another body in the last 24 hours.",
    errors.Busy: "Too many callers at once; try again after `Retry-After` seconds.",
}

#: The headers that answers have beside `Content-Type`.
HEADERS: dict[str, Node] = {
    "Cache-Control": {"description": "Nobody on the way is to keep the answer.", "schema": {"type": "string"}},
    "Link": {"description": "Where the rest is (RFC 8288).", "schema": {"type": "string"}},
    "Location": {"description": "Where the job is.", "schema": {"type": "string", "format": "uri"}},
    "Pragma": {"description": "The same, for caches of HTTP/1.0.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}},
    "WWW-Authenticate": {"description": "The scheme to come with.", "schema": {"type": "string"}},
    "X-Total-Count": {
        "description": "How many jobs the project has.",
        "schema": {"type": "integer", "format": "int64", "minimum": 0},
    },
}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that an operation may give."""

    #: Tells it apart from the others of its operation.
    name: str
    meaning: str
    answer: Answer
    #: Name of the body's schema among the components.
    schema: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What is told of a route."""

    #: As it is registered: `GET /public/{projectKey}/jobs`.
    route: str
    #: The operation's id.
    name: str
    summary: str
    text: str = ""
    #: Parameters beside those of the path.
    parameters: Sequence[Node] = ()
    body: Node | None = None
    replies: Sequence[Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """The operations of one dialect and what they have in common."""

    tag: str
    text: str
    #: Begins the names of what its operations share.
    name: str
    #: The security schemes, any of which opens its operations.
    security: Mapping[str, Node]
    #: Whether they may be called without, as credentials may also come in the body.
    open: bool = False
    schemas: Mapping[str, Node]
    #: What may stand in a path, by its name there.
    path_parameters: Mapping[str, Node]
    #: What each of its operations may answer.
    replies: Sequence[Reply]
    operations: Sequence[Operation]


def registered_routes() -> frozenset[str]:
    """The routes that the functions register."""
    modules = [importlib.import_module(f"functions.{path.parent.name}.app") for path in ROOT.glob("functions/*/app.py")]
    return frozenset[str]().union(*(module.api.route_keys for module in modules if hasattr(module, "api")))


def text_of(document: Node) -> str:
    """The document as it is kept: to be read, and to be compared line by line."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def document_of(info: Node, chapters: Sequence[Chapter], routes: Iterable[str]) -> Node:
    """Make the document.

    Raises:
        ValueError: a route is registered and not described, or the other way round.
    """
    described = {operation.route for chapter in chapters for operation in chapter.operations}
    if apart := described ^ set(routes):
        raise ValueError(f"registered and not described, or described and not registered: {sorted(apart)}")
    paths: dict[str, Node] = {}
    for chapter in chapters:
        for operation in chapter.operations:
            method, _, path = operation.route.partition(" ")
            paths.setdefault(PATH_PARAMETER.sub(r"{\1}", path), {})[method.lower()] = _operation(operation, chapter)
    return {
        "openapi": "3.1.0",
        "info": info,
        "servers": [{"url": "/"}],
        "tags": [{"name": chapter.tag, "description": chapter.text} for chapter in chapters],
        "paths": paths,
        "components": {
            "schemas": {name: schema for chapter in chapters for name, schema in chapter.schemas.items()},
            "responses": {
                _shared_name(chapter, status): response
                for chapter in chapters
                for status, response in _responses(chapter.replies).items()
            },
            "securitySchemes": {name: scheme for chapter in chapters for name, scheme in chapter.security.items()},
        },
    }


def _operation(operation: Operation, chapter: Chapter) -> Node:
    names = PATH_PARAMETER.findall(operation.route)
    shared = _responses(chapter.replies)
    responses = _responses([*operation.replies, *chapter.replies])
    return {
        "tags": [chapter.tag],
        "summary": operation.summary,
        **({"description": operation.text} if operation.text else {}),
        "operationId": operation.name,
        "parameters": [*(chapter.path_parameters[name] for name in names), *operation.parameters],
        **({"requestBody": operation.body} if operation.body else {}),
        "responses": {
            status: {"$ref": f"#/components/responses/{_shared_name(chapter, status)}"}
            if response == shared.get(status)
            else response
            for status, response in responses.items()
        },
        "security": [*({name: []} for name in chapter.security), *([{}] if chapter.open else [])],
    }


def _shared_name(chapter: Chapter, status: str) -> str:
    return f"{chapter.name}{status}"


def _responses(replies: Sequence[Reply]) -> dict[str, Node]:
    """The response of each status, lowest first."""
    by_status: dict[int, list[Reply]] = {}
    for reply in sorted(replies, key=lambda reply: reply.answer.status):
        by_status.setdefault(reply.answer.status, []).append(reply)
    return {str(int(status)): _response(alike) for status, alike in by_status.items()}


def _response(replies: Sequence[Reply]) -> Node:
    """The response of one status; a header that not each of its answers has is optional."""
    meanings = list(dict.fromkeys(reply.meaning for reply in replies))
    headers = list(dict.fromkeys(name for reply in replies for name in reply.answer.headers))
    references = [reference(name) for name in dict.fromkeys(reply.schema for reply in replies)]
    return {
        "description": meanings[0] if len(meanings) == 1 else "\n".join(f"- {meaning}" for meaning in meanings),
        **({"headers": {name: _header(name, replies) for name in headers}} if headers else {}),
        "content": {
            "application/json": {
                "schema": references[0] if len(references) == 1 else {"oneOf": references},
                "examples": _examples(replies),
            }
        },
    }


def _header(name: str, replies: Sequence[Reply]) -> Node:
    values = [reply.answer.headers[name] for reply in replies if name in reply.answer.headers]
    header = HEADERS[name]
    example = int(values[0]) if header["schema"]["type"] == "integer" else values[0]
    return {**header, "required": len(values) == len(replies), "example": example}


def _examples(replies: Sequence[Reply]) -> Node:
    examples = {reply.name: {"summary": reply.meaning, "value": json.loads(reply.answer.body)} for reply in replies}
    if len(examples) < len(replies):
        raise ValueError(f"two answers of one name: {[reply.name for reply in replies]}")
    return examples


def reference(schema: str) -> Node:
    """A reference to a schema among the components."""
    return {"$ref": f"#/components/schemas/{schema}"}


def parameter(  # noqa: PLR0913  # what OpenAPI says of one
    where: str, name: str, description: str, schema: Node, example: str | int | None = None, *, explode: bool = True
) -> Node:
    """A parameter; one of the path is required, any other may be left out. Not exploded, it has commas in it."""
    return {
        "name": name,
        "in": where,
        "description": description,
        **({"required": True} if where == "path" else {}),
        "schema": schema,
        **({} if explode else {"style": "form", "explode": False}),
        **({} if example is None else {"example": example}),
    }


def several(schema: Node) -> Node:
    """The schema of a parameter that takes one or more."""
    return {"type": "array", "items": {name: value for name, value in schema.items() if name != "description"}}


def strict(**properties: Node) -> Node:
    """The schema of an object that has all of these properties and no other."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def schema_of(model: type[BaseModel], **descriptions: str) -> Node:
    """What pydantic takes for a model, in the words of JSON Schema; each field is described.

    Raises:
        KeyError: a field is not described.
    """
    found = model.model_json_schema()
    schema = _plain(found, found.get("$defs", {}))
    for name, property_ in schema["properties"].items():
        property_["description"] = descriptions[name]
    return schema


def _plain(schema: Node, named: Mapping[str, Node]) -> Node:
    r"""A schema as it reads best: null among the types, references resolved, no end of text of Python's own (`\z`)."""
    if "$ref" in schema:
        return _plain(named[schema["$ref"].rpartition("/")[2]], named)
    if "anyOf" in schema:
        value, null = schema["anyOf"]
        if null != {"type": "null"}:
            raise ValueError(schema)
        return nullable(_plain(value, named))
    kept = {name: value for name, value in schema.items() if name not in _LEFT_OUT}
    if "properties" in kept:
        kept["properties"] = {name: _plain(inner, named) for name, inner in kept["properties"].items()}
    if "items" in kept:
        kept["items"] = _plain(kept["items"], named)
    if "pattern" in kept:
        kept["pattern"] = kept["pattern"].replace(r"\z", "$")
    return kept


def nullable(schema: Node) -> Node:
    """The schema, or null."""
    options = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return {**schema, "type": [schema["type"], "null"], **options}


def refusals(dialect: Dialect, schema: str, *refused: JobsError) -> list[Reply]:
    """What a dialect answers when these errors happen."""
    return [Reply(_name_of(error), MEANINGS[type(error)], dialect.render_error(error), schema) for error in refused]


def failure(dialect: Dialect, schema: str) -> Reply:
    """What a dialect answers when the service fails."""
    return Reply("failure", "The service failed.", dialect.render_failure("Zx3WliS4oAMEPZA="), schema)


def _name_of(error: JobsError) -> str:
    """Tells an error apart from others: its class, and the field that it names."""
    name = type(error).__name__
    return f"{name}.{error.field}" if type(error) is errors.InvalidRequest else name
