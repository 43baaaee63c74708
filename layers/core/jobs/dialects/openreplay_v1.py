"""OpenReplay v1: `/api/v1/{projectKey}`. Decision 0001 says how we read its documentation."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from jobs import errors
from jobs.dialects import base
from jobs.dialects.base import Answer
from jobs.queries import Rest
from jobs.representation import core_fields, dump
from jobs.tenants import ListOrder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobs.dialects.base import Call
    from jobs.model import Job, ShownJob
    from jobs.queries import Listing, Page

_SENTENCES: dict[type[errors.JobsError], tuple[HTTPStatus, str]] = {
    errors.Unauthorized: (HTTPStatus.UNAUTHORIZED, "Invalid API Key"),
    errors.RouteNotFound: (HTTPStatus.NOT_FOUND, "Not found."),
    errors.ProjectNotFound: (HTTPStatus.NOT_FOUND, "project not found."),
    errors.JobNotFound: (HTTPStatus.NOT_FOUND, "Job not found."),
    errors.JobNotCancellable: (
        HTTPStatus.NOT_IMPLEMENTED,
        "The request job has already been canceled/completed.",
    ),
}


class OpenReplayV1:
    """The dialect of OpenReplay's documented v1 API."""

    prefix = "/api/v1"

    def read_secret(self, authorization: str | None) -> str:
        """See `ProjectDialect.read_secret`: the bare key."""
        if not authorization:
            raise errors.Unauthorized
        return authorization

    def parse_job_id(self, text: str) -> int:
        """See `ProjectDialect.parse_job_id`: text that is not a number names no job."""
        job_id = base.parse_integer(text)
        if job_id is None:
            raise errors.JobNotFound
        return job_id

    def parse_list(self, query: Mapping[str, str], order: ListOrder) -> Page | Rest:
        """See `ProjectDialect.parse_list`: everything, or what follows a job. No `limit` means no limit."""
        size = base.parse_bounded(query, "limit", 1) if "limit" in query else None
        return base.parse_rest(query, size) or Rest(size=size, newest_first=order is ListOrder.NEWEST)

    def render_job(self, job: Job) -> Answer:
        """See `ProjectDialect.render_job`."""
        return Answer(HTTPStatus.OK, dump({"data": _fields(job)}))

    def render_listing(self, listing: Listing, call: Call) -> Answer:
        """See `ProjectDialect.render_listing`: as many jobs as fit, and a link to the rest."""
        body, shown = base.render_jobs(listing.jobs, _fields)
        place = listing.place(shown)
        links = {"next": base.rest_url(call, listing.query, place)} if listing.goes_on(place) else {}
        headers = {"X-Total-Count": str(listing.total), **base.link_header(links)}
        return Answer(HTTPStatus.OK, body, headers)

    def answer_active_deletion(self, error: errors.DeletionActive) -> Answer:
        """See `ProjectDialect.answer_active_deletion`: the active job itself."""
        return self.render_job(error.job)

    def render_error(self, error: errors.JobsError) -> Answer:
        """See `Dialect.render_error`."""
        status, sentence = base.describe(error, _SENTENCES)
        return Answer(status, dump({"errors": [sentence]}), base.error_headers(error, "ApiKey"))

    def render_failure(self, request_id: str) -> Answer:
        """See `Dialect.render_failure`."""
        return Answer(HTTPStatus.INTERNAL_SERVER_ERROR, dump({"errors": [base.failure_sentence(request_id)]}))


def _fields(job: ShownJob) -> dict[str, Any]:
    return core_fields(job, job.created_at if job.updated_at is None else job.updated_at)
