"""List what workers said of a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs import queries
from jobs.dialects import cursor
from jobs.dialects.registry import ALTERYX_V3, PUBLIC
from jobs.runtime import wiring
from jobs.runtime.http import Api
from jobs.workflows import viewing

if TYPE_CHECKING:
    from jobs.dialects.base import Answer, Call, UserCall

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


@api.user_route("GET /webapi/v3/jobs/{jobId}/messages")
def get_newest_messages(call: UserCall) -> Answer:
    """Answer the newest messages of the job of the path to an administrator."""
    viewing.require_administrator(call.principal)
    reference = ALTERYX_V3.parse_job_id(call.path["jobId"])
    project, job = viewing.find_job(wiring.store(), wiring.directory(), call.principal, reference)
    purpose = f"messages before, of {job.job_id}"
    before = cursor.decode(project, purpose, call.query["cursor"]) if call.query.get("cursor") else None
    page = viewing.newest_messages(wiring.store(), job, before)
    older = page.next and call.url(cursor=cursor.encode(project, purpose, page.next))
    return ALTERYX_V3.render_messages(page.messages, older or None)
