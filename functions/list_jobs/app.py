"""List a project's jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs import queries
from jobs.runtime import wiring
from jobs.runtime.http import Api

if TYPE_CHECKING:
    from jobs.dialects.base import Answer, Call

api = handler = Api()


@api.route("GET /api/v1/{projectKey}/jobs", "GET /public/{projectKey}/jobs")
def list_jobs(call: Call) -> Answer:
    """Answer the part of the list that the dialect's parameters ask for."""
    listing = queries.list_jobs(wiring.store(), call.project, call.dialect.parse_list(call.query))
    return call.dialect.render_listing(listing, call)
