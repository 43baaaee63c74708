"""The newer public API: `/public/{projectKey}`, with this service's extensions (decision 0001)."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from jobs import errors
from jobs.dialects import base, cursor
from jobs.dialects.base import Answer
from jobs.lifecycle.text import check_text
from jobs.model import ACTION, ACTION_IN_WORDS, MAX_REFERENCE_ID, Status
from jobs.queries import Page, Walk
from jobs.representation import core_fields, dump, error_list, occasion_fields
from jobs.tenants import ListOrder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jobs.dialects.base import Call
    from jobs.lifecycle.creation import Creation
    from jobs.model import Job, Message, ShownJob
    from jobs.outcomes import MessagePage
    from jobs.queries import Listing, Rest, Stretch

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
_ACTION = re.compile(ACTION)
_STATUS = re.compile("|".join(Status))
_ASCENDING, _DESCENDING = "asc", "desc"
#: What turns a numbered list into a walk from the newest job on, as a cursor does.
_FILTERS = ("status", "action", "referenceId")
#: Which job a list without a filter goes on from.
_SIDES = frozenset({"after", "before"})
#: What the query of a list may hold.
LIST_PARAMETERS = ("limit", "page", "order", "cursor", *_FILTERS, *_SIDES)

_SENTENCES: dict[type[errors.JobsError], tuple[HTTPStatus, str]] = {
    errors.Unauthorized: (HTTPStatus.UNAUTHORIZED, "unauthorized"),
    errors.RouteNotFound: (HTTPStatus.NOT_FOUND, "not found"),
    errors.ProjectNotFound: (HTTPStatus.NOT_FOUND, "project not found"),
    errors.JobNotFound: (HTTPStatus.NOT_FOUND, "job not found"),
    errors.ArtifactNotFound: (HTTPStatus.NOT_FOUND, "artifact not found"),
    errors.ScheduleNotFound: (HTTPStatus.NOT_FOUND, "schedule not found"),
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

    def parse_list(self, query: Mapping[str, str], order: ListOrder) -> Page | Rest:
        """See `ProjectDialect.parse_list`: a number out of range falls back to the documented default."""
        asked, size = query.get("order"), self.parse_limit(query)
        rest = base.parse_rest(query, size)
        if rest is None:
            number = base.parse_integer(query.get("page", ""))
            newest_first = order is ListOrder.NEWEST and asked != _ASCENDING
            return Page(number if number is not None and number >= 1 else 1, size, newest_first)
        given, own = ("before", _DESCENDING) if rest.newest_first else ("after", _ASCENDING)
        if query.get("page"):
            raise errors.InvalidRequest("page", f"must not be given together with {given}")
        if asked not in {None, "", own}:
            raise errors.InvalidRequest("order", f"must be {own} where {given} is given")
        return rest

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
        if order not in {"", _ASCENDING, _DESCENDING}:
            raise errors.InvalidRequest("order", f"must be {_ASCENDING} or {_DESCENDING}")
        numbered = order != _DESCENDING or call.project.list_order is ListOrder.NEWEST or not _SIDES.isdisjoint(query)
        if numbered and not any(query.get(name) for name in (*_FILTERS, "cursor")):
            return None
        if order == _ASCENDING:
            raise errors.InvalidRequest(
                "order", f"must be {_DESCENDING} where {', '.join(_FILTERS)} or cursor is given"
            )
        for name in ("page", *sorted(_SIDES)):
            if query.get(name):
                raise errors.InvalidRequest(name, "is for lists without filter or cursor; here follow the Link header")
        statuses = tuple(Status(word) for word in _words(query, "status", _STATUS, f"one of {', '.join(Status)}"))
        reference_id = query.get("referenceId", "")
        if len(reference_id) > MAX_REFERENCE_ID:
            raise errors.InvalidRequest("referenceId", f"must be at most {MAX_REFERENCE_ID} characters")
        check_text("referenceId", reference_id)
        walk = Walk(self.parse_limit(query), statuses, _words(query, "action", _ACTION, ACTION_IN_WORDS), reference_id)
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
        self,
        job: Job,
        params: Mapping[str, Any],
        outputs: Sequence[Any],
        message: Message | None,
        evidence: Mapping[str, Sequence[str]],
    ) -> Answer:
        """Answer with one job and its details; `evidence` has why its attempts ended."""
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
            "history": _history(job, evidence),
            **occasion_fields(job),
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
        body, shown = base.render_jobs(listing.jobs, _fields)
        query, place = listing.query, listing.place(shown)
        links = _page_links(query, listing.total, call) if isinstance(query, Page) else {}
        # Behind a page that was cut, the next page would leave jobs out. So the link goes on behind the last one shown.
        if listing.was_cut(place) if isinstance(query, Page) else listing.goes_on(place):
            links["next"] = base.rest_url(call, query, place)
        return Answer(HTTPStatus.OK, body, {"X-Total-Count": str(listing.total), **base.link_header(links)})

    def render_stretch(self, stretch: Stretch, walk: Walk, call: Call) -> Answer:
        """Answer with jobs from the newest on, and a link to the next ones."""
        body, shown = base.render_jobs(stretch.jobs, _fields)
        onward = stretch.next if not stretch.jobs or shown == stretch.jobs[-1].job_id else shown
        count = {} if stretch.total is None else {"X-Total-Count": str(stretch.total)}
        links = {}
        if onward is not None:
            place = cursor.encode(call.project, _purpose_of_walk(walk), str(onward))
            links["next"] = call.url(order="desc", **_filters(walk), limit=walk.size, cursor=place)
        return Answer(HTTPStatus.OK, body, {**count, **base.link_header(links)})

    def answer_active_deletion(self, error: errors.DeletionActive) -> Answer:
        """See `ProjectDialect.answer_active_deletion`: a conflict."""
        return self.render_error(error)

    def render_error(self, error: errors.JobsError) -> Answer:
        """See `Dialect.render_error`."""
        if isinstance(error, errors.JobNotRetryable | errors.JobNotMovable | errors.ArtifactRefused):
            status, sentence = HTTPStatus.CONFLICT, error.reason
        elif isinstance(error, errors.JobNotCancellable):
            status, sentence = HTTPStatus.BAD_REQUEST, f"the requested job has already been {error.job.status}"
        else:
            status, sentence = base.describe(error, _SENTENCES)
        return Answer(status, dump({"error": sentence}), base.error_headers(error, "Bearer"))

    def render_failure(self, request_id: str) -> Answer:
        """See `Dialect.render_failure`."""
        return Answer(HTTPStatus.INTERNAL_SERVER_ERROR, dump({"error": base.failure_sentence(request_id)}))


def _fields(job: ShownJob) -> dict[str, Any]:
    return core_fields(job, job.updated_at)


def _words(query: Mapping[str, str], name: str, word: re.Pattern[str], meaning: str) -> tuple[str, ...]:
    """The words of a parameter that may hold several, joined by commas: each once, sorted."""
    words = query[name].split(",") if query.get(name) else []
    if not all(map(word.fullmatch, words)):
        raise errors.InvalidRequest(name, f"must be {meaning}, or several of these joined by commas")
    return tuple(sorted(set(words)))


def _history(job: Job, evidence: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """Each status change, with the status before it and its attempt. The order of the history tells both.

    Where the change ended an attempt that did not succeed, it also says why.
    """
    entries: list[dict[str, Any]] = []
    before: Status | None = None
    attempt = 0
    for change in job.history:
        attempt += change.to is Status.SCHEDULED
        entry = {"from": before, "to": change.to, "at": change.at, "by": change.by, "attempt": attempt}
        entries.append(entry | {"error": "\n".join(evidence.get(change.evidence or "", ())) or None})
        before = change.to
    return entries


def _filters(walk: Walk) -> dict[str, str]:
    """The filter of a walk as parameters of a query, the same in whatever form the caller gave it."""
    named = {"status": ",".join(walk.statuses), "action": ",".join(walk.actions), "referenceId": walk.reference_id}
    return {name: words for name, words in named.items() if words}


def _purpose_of_walk(walk: Walk) -> str:
    return f"jobs {dump(_filters(walk))}"


def _purpose_of_messages(job: Job) -> str:
    return f"messages of {job.job_id}"


def _page_links(page: Page, total: int, call: Call) -> dict[str, str]:
    number, size, _ = page
    last = max(1, -(-total // size))
    targets = {"first": 1, "prev": min(number - 1, last), "next": number + 1, "last": last}
    # where the caller chose the order against that of the project, the other pages need it too
    order = {"order": _ASCENDING} if call.query.get("order") == _ASCENDING else {}
    return {relation: call.url(**order, limit=size, page=to) for relation, to in targets.items() if 1 <= to <= last}
