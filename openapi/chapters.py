"""The whole document: what is told of the service, and a chapter for each dialect."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from openapi import ROOT, alteryx_v3, oauth2, openreplay_v1, public
from openapi.document import document_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from openapi.document import Node

CHAPTERS = (openreplay_v1.CHAPTER, public.CHAPTER, oauth2.CHAPTER, alteryx_v3.CHAPTER)

TEXT = """\
One job model, spoken in several dialects. The path's prefix decides the dialect: how a request is read, and how every
answer looks, refusals included.

Not told at each operation: a path with a slash at its end is answered 308 with the path without it as `Location`, and
any path or method that is not here is answered 404 in the dialect of its prefix. API Gateway itself may answer before
the service is asked (a request line or headers over its limits, throttling): with a status of its own and
`{"message": "…"}`.
"""


def described(routes: Iterable[str]) -> Node:
    """The document of these routes.

    Raises:
        ValueError: a route is registered and not described, or the other way round.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    info = {
        "title": project["name"],
        "summary": project["description"],
        "description": TEXT,
        "license": {"name": project["license"]["text"], "identifier": project["license"]["text"]},
        "version": project["version"],
    }
    return document_of(info, CHAPTERS, routes)
