"""What API Gateway matches with no route: addresses to correct, methods that a path does not have, everything else."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from jobs import errors
from jobs.dialects.base import Answer
from jobs.dialects.registry import dialect_of
from jobs.dialects.routes import ROUTES
from jobs.representation import dump
from jobs.runtime import observability
from jobs.runtime.http import decode_percent, finish, request_id

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

#: What a query may hold unquoted (RFC 3986, section 3.4), and the percent sign of what is already quoted.
_QUERY_SAFE = "/?:@!$&'()*+,;=-._~%"
#: A path that carries a user id. Another spelling of it could name another user, so nobody is sent there.
_HAS_USER_ID = re.compile("/(?:api/v1|public)/[^/]+/users/")


def answer_unrouted(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a request that no route has."""
    with observability.invocation(context):
        dialect = dialect_of(event["rawPath"])
        try:
            answer = _answer(event["requestContext"]["http"]["method"], event["rawPath"], event.get("rawQueryString"))
        except errors.JobsError as error:
            answer = dialect.render_error(error) if dialect else Answer(HTTPStatus.NOT_FOUND, dump(_NOT_FOUND))
        except Exception as error:  # noqa: BLE001  # uncaught, it would be an empty 500, and in `sam local` a 200
            observability.log_failure(error)
            failed = Answer(HTTPStatus.INTERNAL_SERVER_ERROR, dump({"message": "internal error"}))
            answer = dialect.render_failure(request_id(event)) if dialect else failed
        return finish(event, answer)


_NOT_FOUND = {"message": "Not Found"}


def _answer(method: str, path: str, query: str | None) -> Answer:
    """Send callers to the clean form of a path, or say what is wrong with the request.

    Raises:
        MethodNotAllowed: the path exists with other methods.
        RouteNotFound: no route has this path.
    """
    clean = "/" + "/".join(part for part in path.split("/") if part)
    if clean not in {path, "/"} and not _HAS_USER_ID.match(f"{clean}/"):
        # quoted, so that the address stays one header line, and on this host because it begins with one slash
        location = _quoted(decode_percent(clean), "/") + (f"?{_quoted(query, _QUERY_SAFE)}" if query else "")
        return Answer(HTTPStatus.PERMANENT_REDIRECT, dump({"location": location}), {"Location": location})
    allowed = sorted({known for known, pattern in _PATHS if pattern.fullmatch(path)} - {method})
    if allowed:
        raise errors.MethodNotAllowed(allowed)
    raise errors.RouteNotFound


def _quoted(text: str, safe: str) -> str:
    # whatever the text is, as an exception here would be an answer without a reason
    return quote(text, safe=safe, errors="replace")


def _pattern(path: str) -> re.Pattern[str]:
    """The paths that API Gateway matches with the path of a route."""
    return re.compile(re.sub(r"\\{\w+(\\\+)?\\}", lambda name: ".+" if name[1] else "[^/]+", re.escape(path)))


_PATHS = [(method, _pattern(path)) for method, _, path in (route.key.partition(" ") for route in ROUTES)]
