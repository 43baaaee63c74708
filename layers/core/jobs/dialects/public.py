"""The newer public API: `/public/{projectKey}`, with this service's extensions (decision 0001)."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from jobs import errors
from jobs.dialects import base, cursor
from jobs.dialects.base import Answer
from jobs.model import ACTION, Status
from jobs.queries import Page, Rest, Walk
from jobs.representation import core_fields, dump, error_list

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jobs.dialects.base import Call
    from jobs.lifecycle.creation import Creation
    from jobs.model import Job, Message
    from jobs.outcomes import MessagePage
    from jobs.queries import Listing, Stretch

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
_ACTION = re.compile(ACTION)
_STATUS = re.compile("|".join(Status))

_SENTENCES: dict[type[errors.JobsError], tuple[HTTPStatus, str]] = {
    errors.Unauthorized: (HTTPStatus.UNAUTHORIZED, "unauthorized"),
    errors.RouteNotFound: (HTTPStatus.NOT_FOUND, "not found"),
    errors.ProjectNotFound: (HTTPStatus.NOT_FOUND, "project not found"),
    errors.JobNotFound: (HTTPStatus.NOT_FOUND, "job not found"),
    errors.InvalidJobId: (HTTPStatus.BAD_REQUEST, "invalid jobId: not an integer"),
    errors.DeletionActive: (
        HTTPStatus.CONFLICT,
        "a deletion job for this user is already scheduled or running",
    ),
    errors.IdempotencyKeyReused: (
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "this Idempotency-Key was used with another body",
    ),
}


class Public:
    """The dialect of the public API."""

    prefix = "/public"

    def read_secret(self, authorization: str | None) -> str:
        """See `ProjectDialect.read_secret`: `Bearer` and the key."""
        return base.read_bearer(authorization)

    def parse_job_id(self, text: str) -> int:
        """See `ProjectDialect.parse_job_id`."""
        job_id = base.parse_integer(text)
        if job_id is None:
            raise errors.InvalidJobId
        return job_id

    def parse_list(self, query: Mapping[str, str]) -> Page | Rest:
        """See `ProjectDialect.parse_list`: a number out of range falls back to the documented default."""
        if "after" in query:
            if query.get("page"):
                raise errors.InvalidRequest("page", "must not be given together with after")
            return Rest(base.parse_bounded(query, "after", 0), self.parse_limit(query))
        number = base.parse_integer(query.get("page", ""))
        return Page(number if number is not None and number >= 1 else 1, self.parse_limit(query))

    def parse_limit(self, query: Mapping[str, str]) -> int:
        """Read how many are wanted. A number out of range falls back to the documented default."""
        size = base.parse_integer(query.get("limit", ""))
        return size if size is not None and 1 <= size <= MAX_LIMIT else DEFAULT_LIMIT

    def parse_walk(self, call: Call) -> tuple[Walk, int | None] | None:
        """Read which jobs are wanted from the newest on, and below which number; None if a numbered page is wanted.

        See decision 0022.

        Raises:
            InvalidRequest: an order, status, action or cursor is malformed, or parameters exclude each other.
        """
        query = call.query
        order = query.get("order", "")
        if order not in {"", "asc", "desc"}:
            raise errors.InvalidRequest("order", "must be asc or desc")
        if order != "desc" and not any(query.get(name) for name in ("status", "action", "cursor")):
            return None
        if order == "asc":
            raise errors.InvalidRequest("order", "must be desc where status, action or cursor is given")
        if "after" in query:
            raise errors.InvalidRequest("after", "goes on from the oldest job; from the newest follow the Link header")
        if query.get("page"):
            raise errors.InvalidRequest("page", "counts from the oldest job; from the newest follow the Link header")
        statuses = tuple(Status(word) for word in _words(query, "status", _STATUS))
        walk = Walk(self.parse_limit(query), statuses, _words(query, "action", _ACTION))
        below = cursor.position(call.project, _purpose_of_walk(walk), query)
        return walk, None if below is None else int(below)

    def parse_include(self, query: Mapping[str, str]) -> bool:
        """Read whether the caller wants a job's details.

        Raises:
            InvalidRequest: `include` has another value.
        """
        include = query.get("include", "")
        if include not in {"", "details"}:
            raise errors.InvalidRequest("include", "must be details")
        return include == "details"

    def render_job(self, job: Job) -> Answer:
        """See `ProjectDialect.render_job`."""
        return Answer(HTTPStatus.OK, dump({"data": _fields(job)}))

    def render_details(
        self, job: Job, params: Mapping[str, Any], outputs: Sequence[Any], message: Message | None
    ) -> Answer:
        """Answer with one job and its details."""
        details = {
            "params": params,
            "progress": job.progress,
            "message": None if message is None else message.text,
            "attempt": job.attempt,
            "maxAttempts": job.max_attempts,
            "startedAt": job.started_at,
            "finishedAt": job.finished_at,
            "timeoutAt": job.timeout_at,
            "outputs": outputs,
            "errorList": error_list(job),
            "history": _history(job),
        }
        return Answer(HTTPStatus.OK, dump({"data": {**_fields(job), **details}}))

    def parse_messages(self, call: Call, job: Job) -> tuple[str | None, int]:
        """Read behind which position messages are wanted, and how many. A number out of range falls back as for jobs.

        Raises:
            InvalidRequest: the cursor belongs to another list.
        """
        return cursor.position(call.project, _purpose_of_messages(job), call.query), self.parse_limit(call.query)

    def render_messages(self, call: Call, job: Job, page: MessagePage) -> Answer:
        """Answer with messages, and a link to the next ones."""
        data = [
            {"status": int(message.severity), "text": message.text, "toolId": message.tool_id, "at": message.at}
            for message in page.messages
        ]
        links = {}
        if page.next is not None:
            onward = cursor.encode(call.project, _purpose_of_messages(job), page.next)
            links["next"] = call.url(limit=self.parse_limit(call.query), cursor=onward)
        return Answer(HTTPStatus.OK, dump({"data": data}), base.link_header(links))

    def render_created(self, creation: Creation, call: Call) -> Answer:
        """Answer the creation of a job: 201 and its address, or 200 if an idempotency key was repeated."""
        answer = self.render_job(creation.job)
        if creation.replayed:
            return answer
        location = call.url(f"{self.prefix}/{call.project.project_key}/jobs/{creation.job.job_id}")
        return Answer(HTTPStatus.CREATED, answer.body, {"Location": location})

    def render_listing(self, listing: Listing, call: Call) -> Answer:
        """See `ProjectDialect.render_listing`: one page, how many there are, and the way to the others."""
        body, last, left = base.render_jobs(listing.jobs, _fields)
        query = listing.query
        links = _page_links(query, listing.total, call) if isinstance(query, Page) else {}
        # Behind a page that was cut, the next page would leave jobs out. So the link goes on behind the last one shown.
        if last is not None and (left or (isinstance(query, Rest) and last < listing.total)):
            links["next"] = call.url(limit=query.size, after=last)
        return Answer(HTTPStatus.OK, body, {"X-Total-Count": str(listing.total), **base.link_header(links)})

    def render_stretch(self, stretch: Stretch, walk: Walk, call: Call) -> Answer:
        """Answer with jobs from the newest on, and a link to the next ones."""
        body = dump({"data": [_fields(job) for job in stretch.jobs]})
        count = {} if stretch.total is None else {"X-Total-Count": str(stretch.total)}
        links = {}
        if stretch.next is not None:
            onward = cursor.encode(call.project, _purpose_of_walk(walk), str(stretch.next))
            links["next"] = call.url(order="desc", **_filters(walk), limit=walk.size, cursor=onward)
        return Answer(HTTPStatus.OK, body, {**count, **base.link_header(links)})

    def answer_active_deletion(self, error: errors.DeletionActive) -> Answer:
        """See `ProjectDialect.answer_active_deletion`: a conflict."""
        return self.render_error(error)

    def render_error(self, error: errors.JobsError) -> Answer:
        """See `Dialect.render_error`."""
        if isinstance(error, errors.JobNotRetryable):
            status, sentence = HTTPStatus.CONFLICT, error.reason
        elif isinstance(error, errors.JobNotCancellable):
            status, sentence = HTTPStatus.BAD_REQUEST, f"the requested job has already been {error.job.status}"
        else:
            status, sentence = base.describe(error, _SENTENCES)
        return Answer(status, dump({"error": sentence}), base.error_headers(error, "Bearer"))

    def render_failure(self, request_id: str) -> Answer:
        """See `Dialect.render_failure`."""
        return Answer(HTTPStatus.INTERNAL_SERVER_ERROR, dump({"error": base.failure_sentence(request_id)}))


def _fields(job: Job) -> dict[str, Any]:
    return core_fields(job, job.updated_at)


def _words(query: Mapping[str, str], name: str, word: re.Pattern[str]) -> tuple[str, ...]:
    """The words of a parameter that may hold several, joined by commas: each once, sorted."""
    words = query[name].split(",") if query.get(name) else []
    if not all(map(word.fullmatch, words)):
        raise errors.InvalidRequest(name, f"must be {word.pattern}, or several of these joined by commas")
    return tuple(sorted(set(words)))


def _history(job: Job) -> list[dict[str, Any]]:
    """Each status change, with the status before it and its attempt. The order of the history tells both."""
    entries: list[dict[str, Any]] = []
    before: Status | None = None
    attempt = 0
    for change in job.history:
        attempt += change.to is Status.SCHEDULED
        entries.append({"from": before, "to": change.to, "at": change.at, "by": change.by, "attempt": attempt})
        before = change.to
    return entries


def _filters(walk: Walk) -> dict[str, str]:
    """The filter of a walk as parameters of a query, the same in whatever form the caller gave it."""
    named = {"status": ",".join(walk.statuses), "action": ",".join(walk.actions)}
    return {name: words for name, words in named.items() if words}


def _purpose_of_walk(walk: Walk) -> str:
    return f"jobs {dump(_filters(walk))}"


def _purpose_of_messages(job: Job) -> str:
    return f"messages of {job.job_id}"


def _page_links(page: Page, total: int, call: Call) -> dict[str, str]:
    number, size = page
    last = max(1, -(-total // size))
    targets = {"first": 1, "prev": min(number - 1, last), "next": number + 1, "last": last}
    return {relation: call.url(limit=size, page=to) for relation, to in targets.items() if 1 <= to <= last}
