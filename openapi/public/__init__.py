"""OpenReplay's newer API with this service's extensions: a module for each subject, and what these share."""

from __future__ import annotations

from jobs.dialects.public import DEFAULT_LIMIT, MAX_LIMIT

from openapi.schemas import Node, integer, query


def limit(what: str) -> Node:
    """The parameter that says how many to list."""
    text = (
        f"How many {what} to list at most: 1 to {MAX_LIMIT}, by default {DEFAULT_LIMIT}. Out of range, {DEFAULT_LIMIT}."
    )
    return query("limit", text, **integer(1, MAX_LIMIT, default=DEFAULT_LIMIT))
