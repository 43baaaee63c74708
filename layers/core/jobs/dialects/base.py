"""What a dialect is, and what the dialects have in common."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import quote, urlencode

from jobs.errors import (
    BodyTooLarge,
    Busy,
    EncodedBody,
    InvalidRequest,
    JobsError,
    MethodNotAllowed,
    ScheduleChanged,
    ScopeMissing,
    TooManySchedules,
    Unauthorized,
)
from jobs.queries import Rest
from jobs.representation import Room, dump

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from jobs.errors import DeletionActive
    from jobs.model import Job, ShownJob
    from jobs.queries import Listing, Page
    from jobs.tenants import Client, Credential, ListOrder, Principal, Project

_BEARER = "bearer"
#: The statuses of errors that all dialects share. Any other error is a bad request.
_STATUSES: dict[type[JobsError], HTTPStatus] = {
    BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    EncodedBody: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    Busy: HTTPStatus.TOO_MANY_REQUESTS,
    MethodNotAllowed: HTTPStatus.METHOD_NOT_ALLOWED,
    ScopeMissing: HTTPStatus.FORBIDDEN,
    ScheduleChanged: HTTPStatus.PRECONDITION_FAILED,
    TooManySchedules: HTTPStatus.CONFLICT,
}
_INTEGER = re.compile(r"-?[0-9]+")
#: Jobs that are written in one go, which takes less than one after another. Near the end of an answer's room they are
#: written one by one.
AT_ONCE = 50
#: Digits of the largest number that is told apart from others. No id and no bound of ours has so many.
MAX_DIGITS = 15


class Answer(NamedTuple):
    """A status, a body and the headers beside `Content-Type`."""

    status: int
    #: JSON text.
    body: str
    headers: Mapping[str, str] = MappingProxyType({})


@dataclass(kw_only=True, eq=False, repr=False)
class Request:
    """What every request has. Its text does not show it, because it has a credential."""

    #: Path parameters, decoded.
    path: Mapping[str, str]
    #: Query parameters. API Gateway joins the values of a repeated one by commas.
    query: Mapping[str, str]
    #: Header values by lower-case name.
    headers: Mapping[str, str]
    body: str
    #: Scheme and host that the caller used, for absolute links.
    origin: str
    raw_path: str

    def url(self, path: str | None = None, **query: object) -> str:
        """An absolute URL of this service. The default path is this call's own."""
        text = urlencode({name: str(value) for name, value in query.items()})
        return (
            self.origin
            + quote(self.raw_path if path is None else path, errors="replace")
            + (f"?{text}" if text else "")
        )


@dataclass(kw_only=True, eq=False, repr=False)
class Call(Request):
    """A request with an API key that may use the project."""

    credential: Credential
    project: Project
    dialect: ProjectDialect


@dataclass(kw_only=True, eq=False, repr=False)
class UserCall(Request):
    """A request with a valid access token."""

    principal: Principal


@dataclass(kw_only=True, eq=False, repr=False)
class ClientCall(Request):
    """A request of a client in its own name, with its secret."""

    client: Client


class Dialect(Protocol):
    """One way of talking to the service. The path's prefix alone chooses it."""

    #: The path prefix, without a slash at its end.
    prefix: str

    def render_error(self, error: JobsError) -> Answer:
        """Answer with the status and sentence of an error in this dialect."""

    def render_failure(self, request_id: str) -> Answer:
        """Answer that the service failed, without saying why."""


class ProjectDialect(Dialect, Protocol):
    """A dialect whose paths name a project, which a key opens."""

    def read_secret(self, authorization: str | None) -> str:
        """Take the secret out of the `Authorization` header.

        Raises:
            Unauthorized: the header is missing or malformed.
        """

    def parse_job_id(self, text: str) -> int:
        """Read a job number from the path.

        Raises:
            JobNotFound: OpenReplay v1, if it is not a number.
            InvalidJobId: public, if it is not an integer.
        """

    def parse_list(self, query: Mapping[str, str], order: ListOrder) -> Page | Rest:
        """Read what part of a list is wanted that begins with the end `order`, unless the query says otherwise.

        Raises:
            InvalidRequest: a parameter is out of bounds and has no documented fallback.
        """

    def render_job(self, job: Job) -> Answer:
        """Answer with one job."""

    def render_listing(self, listing: Listing, call: Call) -> Answer:
        """Answer with jobs, and links to the rest."""

    def answer_active_deletion(self, error: DeletionActive) -> Answer:
        """Answer a request to delete a user who has an active deletion."""


def render_jobs(jobs: Iterable[ShownJob], fields: Callable[[ShownJob], dict[str, Any]]) -> tuple[str, int | None]:
    """Render as many jobs as an answer holds; return the body and the last one's number."""
    room, texts, last, jobs = Room(), list[str](), None, iter(jobs)
    while some := list(islice(jobs, AT_ONCE)):
        text = dump([fields(job) for job in some])[1:-1]
        if room.holds(text):
            texts.append(text)
            last = some[-1].job_id
            continue
        for job in some:
            text = dump(fields(job))
            if not room.holds(text):
                break
            texts.append(text)
            last = job.job_id
        break
    return '{"data":[' + ",".join(texts) + "]}", last


def parse_rest(query: Mapping[str, str], size: int | None) -> Rest | None:
    """Read which job a list goes on from: upwards from `after`, or downwards from `before`. None if neither is given.

    Raises:
        InvalidRequest: both are given, or one is not the number of a job.
    """
    if "before" in query:
        if "after" in query:
            raise InvalidRequest("before", "must not be given together with after")
        return Rest(parse_bounded(query, "before", 1), size, newest_first=True)
    return Rest(parse_bounded(query, "after", 0), size) if "after" in query else None


def rest_url(call: Call, query: Page | Rest, place: int) -> str:
    """The URL of what follows a place of a list."""
    size = {} if query.size is None else {"limit": str(query.size)}
    return call.url(**size, **{"before" if query.newest_first else "after": str(place)})


def read_bearer(authorization: str | None) -> str:
    """The secret of a `Bearer` header. The case of the scheme does not matter (RFC 9110, section 11.1).

    Raises:
        Unauthorized: the header is missing, empty or of another scheme.
    """
    scheme, _, secret = (authorization or "").partition(" ")
    if scheme.lower() != _BEARER or not secret:
        raise Unauthorized
    return secret


def parse_integer(text: str) -> int | None:
    """An integer in a path or query: ASCII digits only, although Python would take more.

    A number may have any number of digits. One of more than `MAX_DIGITS` becomes the next one, above all that exist.
    """
    if not _INTEGER.fullmatch(text):
        return None
    sign = -1 if text[0] == "-" else 1
    digits = text.lstrip("-").lstrip("0") or "0"
    return sign * (int(digits) if len(digits) <= MAX_DIGITS else 10**MAX_DIGITS)


def parse_bounded(
    query: Mapping[str, str], name: str, lowest: int, highest: int | None = None, *, default: int | None = None
) -> int:
    """An optional integer from `lowest` to `highest`. The default is `lowest`, unless another is given.

    Raises:
        InvalidRequest: it is out of bounds or not an integer.
    """
    if name not in query:
        return lowest if default is None else default
    value = parse_integer(query[name])
    if value is None or value < lowest or (highest is not None and value > highest):
        bounds = f"of at least {lowest}" if highest is None else f"from {lowest} to {highest}"
        raise InvalidRequest(name, f"must be an integer {bounds}")
    return value


def link_header(links: Mapping[str, str]) -> dict[str, str]:
    """A `Link` header (RFC 8288) of relations and URLs; no header if there are no links."""
    return {"Link": ", ".join(f'<{url}>; rel="{relation}"' for relation, url in links.items())} if links else {}


def describe(error: JobsError, sentences: Mapping[type[JobsError], tuple[HTTPStatus, str]]) -> tuple[HTTPStatus, str]:
    """The status and sentence of an error: the dialect's own, otherwise the ones that all dialects share."""
    if type(error) in sentences:
        return sentences[type(error)]
    status = next((status for kind, status in _STATUSES.items() if isinstance(error, kind)), HTTPStatus.BAD_REQUEST)
    return status, str(error)


def error_headers(error: JobsError, scheme: str) -> dict[str, str]:
    """The headers that go with an error; `scheme` is how callers of the dialect authenticate."""
    if isinstance(error, Busy):
        return {"Retry-After": str(error.retry_after)}
    if isinstance(error, MethodNotAllowed):
        return {"Allow": ", ".join(error.allowed)}
    if isinstance(error, EncodedBody):
        return {"Accept-Encoding": "identity"}  # RFC 9110, section 12.5.3
    return challenge(scheme) if isinstance(error, Unauthorized) else {}


def challenge(scheme: str) -> dict[str, str]:
    """What a 401 says about how to authenticate (RFC 9110, section 11.6.1)."""
    return {"WWW-Authenticate": f'{scheme} realm="jobs"'}


def failure_sentence(request_id: str) -> str:
    """What a caller is told when the service fails."""
    return f"internal error, request id {request_id}"
