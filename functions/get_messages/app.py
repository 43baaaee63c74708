"""List what workers said of a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs import queries
from jobs.dialects.registry import PUBLIC
from jobs.runtime import wiring
from jobs.runtime.http import Api
from jobs.store import cursor

if TYPE_CHECKING:
    from jobs.dialects.base import Answer, Call

api = handler = Api()


@api.route("GET /public/{projectKey}/jobs/{jobId}/messages")
def get_messages(call: Call) -> Answer:
    """Answer the messages of the job of the path, oldest first."""
    job_id = PUBLIC.parse_job_id(call.path["jobId"])
    limit = PUBLIC.parse_messages(call.query)
    purpose = f"messages of {job_id}"
    job = queries.get_job(wiring.store(), call.project, job_id)
    after = cursor.decode(call.project, purpose, call.query["cursor"]) if call.query.get("cursor") else None
    page = queries.list_messages(wiring.store(), job, after, limit)
    following = page.next and call.url(limit=limit, cursor=cursor.encode(call.project, purpose, page.next))
    return PUBLIC.render_messages(page.messages, following or None)
