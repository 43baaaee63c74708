"""The shape of the chapters, and the OpenAPI 3.1 document that is made of them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.dialects.routes import ROUTES
from jobs.errors import ScopeMissing

from openapi.answers import Reply, failure, refusal, responses_of
from openapi.schemas import Node, parameter, told

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from jobs.dialects.base import Dialect
    from jobs.errors import JobsError

#: The scopes that open a route to a limited key, by the key of each route that API keys open.
_SCOPES = {route.key: route.scopes for route in ROUTES}
_IN_PATH = re.compile(r"\{(\w+)\+?\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What the document says of a route."""

    #: Its key in `jobs.dialects.routes`, such as `GET /public/{projectKey}/jobs`.
    route: str
    #: The operation's id.
    name: str
    summary: str
    text: str = ""
    #: Parameters that are not in the path.
    parameters: Sequence[Node] = ()
    body: Node | None = None
    replies: Sequence[Reply]
    #: Errors that it may answer, apart from those of its path parameters and of its chapter.
    refused: Sequence[JobsError] = ()


@dataclass(frozen=True, slots=True)
class PathParameter:
    """A parameter of paths, and the errors that it may cause."""

    schema: Node
    example: str | int
    refused: Sequence[JobsError] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One dialect: its routes and what they have in common."""

    tag: str
    text: str
    dialect: Dialect
    #: Begins the names of what its operations share: `PublicError` is the schema of errors, `Public404` a response.
    name: str
    #: The security schemes. A call needs one of them.
    security: Mapping[str, Node]
    #: Whether a call may also come without one, because its body may have the credentials.
    open: bool = False
    #: The parameters of paths, by name.
    path: Mapping[str, PathParameter]
    schemas: Mapping[str, Node]
    #: Errors and other replies that are possible for all of its operations.
    refused: Sequence[JobsError]
    replies: Sequence[Reply] = ()
    operations: Sequence[Operation]


def text_of(document: Node) -> str:
    """The document as text that people can read and compare line by line."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def document_of(info: Node, chapters: Sequence[Chapter], routes: Iterable[str]) -> Node:
    """Make the document.

    Raises:
        ValueError: a route exists without a description, or a description without a route.
    """
    registered = set(routes)
    described = {operation.route for chapter in chapters for operation in chapter.operations}
    if missing := ", ".join(sorted(registered - described)):
        raise ValueError(f"{missing} has no description: add an Operation, see openapi/__init__.py")
    if unknown := ", ".join(sorted(described - registered)):
        raise ValueError(f"{unknown} is described and does not exist: remove its Operation from openapi/")
    paths: dict[str, Node] = {}
    for chapter in chapters:
        for operation in chapter.operations:
            method, _, path = operation.route.partition(" ")
            paths.setdefault(_IN_PATH.sub(r"{\1}", path), {})[method.lower()] = _operation(operation, chapter)
    return {
        "openapi": "3.1.0",
        "info": info,
        "servers": [{"url": "/"}],
        "tags": [{"name": chapter.tag, "description": chapter.text} for chapter in chapters],
        "paths": paths,
        "components": {
            "schemas": {name: schema for chapter in chapters for name, schema in chapter.schemas.items()},
            "responses": {
                f"{chapter.name}{status}": response
                for chapter in chapters
                for status, response in responses_of(_shared_replies(chapter)).items()
            },
            "securitySchemes": {name: scheme for chapter in chapters for name, scheme in chapter.security.items()},
        },
    }


def _operation(operation: Operation, chapter: Chapter) -> Node:
    where = f"openapi/chapters.py, the path of {chapter.tag}"
    in_path = {name: told(f"{{{name}}}", name, chapter.path, where) for name in _IN_PATH.findall(operation.route)}
    scopes = _SCOPES.get(operation.route)
    refused = [
        *(error for parameter in in_path.values() for error in parameter.refused),
        *([ScopeMissing(*scopes)] if scopes else []),
        *operation.refused,
    ]
    own = [*operation.replies, *_refusals(chapter, refused)]
    shared = _shared_replies(chapter)
    shared_responses = responses_of(shared)
    return {
        "tags": [chapter.tag],
        "summary": operation.summary,
        **({"description": operation.text} if operation.text else {}),
        "operationId": operation.name,
        "parameters": [
            *(parameter("path", name, example=at.example, **at.schema) for name, at in in_path.items()),
            *operation.parameters,
        ],
        **({"requestBody": operation.body} if operation.body else {}),
        "responses": {
            status: {"$ref": f"#/components/responses/{chapter.name}{status}"}
            if response == shared_responses.get(status)
            else response
            for status, response in responses_of([*own, *shared]).items()
        },
        "security": [*({name: []} for name in chapter.security), *([{}] if chapter.open else [])],
    }


def _shared_replies(chapter: Chapter) -> list[Reply]:
    """What every operation of a chapter may answer."""
    schema = f"{chapter.name}Failure"
    failed = failure(chapter.dialect, schema if schema in chapter.schemas else f"{chapter.name}Error")
    return [*_refusals(chapter, chapter.refused), *chapter.replies, failed]


def _refusals(chapter: Chapter, refused: Iterable[JobsError]) -> Iterator[Reply]:
    return (refusal(chapter.dialect, f"{chapter.name}Error", error) for error in refused)
