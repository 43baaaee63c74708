"""From an API Gateway event to an answer: route, authenticate, call, render.

Routes are looked up by the `routeKey` that API Gateway has already matched, and every route is authenticated:
there is no way to register one that is not (docs/decisions/0002).
"""

from __future__ import annotations

import base64
import binascii
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from jobs import access, errors
from jobs.dialects.base import Answer, Call, dump
from jobs.dialects.registry import dialect_of
from jobs.runtime import observability, wiring

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from jobs.dialects.base import Dialect

    Handler = Callable[[Call], Answer]

#: Bytes of a request body, decoded.
LARGEST_BODY = 256 * 1024


class Api:
    """The HTTP routes of one function; calling it handles an event of API Gateway (payload format 2.0)."""

    def __init__(self) -> None:
        self._routes: dict[str, tuple[Dialect, Handler]] = {}

    @property
    def route_keys(self) -> frozenset[str]:
        """The routes, as the template names them."""
        return frozenset(self._routes)

    def route(self, *route_keys: str) -> Callable[[Handler], Handler]:
        """Register a handler for routes like `GET /public/{projectKey}/jobs`; the path decides the dialect.

        Raises:
            ValueError: a path has no dialect's prefix, or names no project, so nobody could be let in.
        """

        def register(handler: Handler) -> Handler:
            for route_key in route_keys:
                path = route_key.partition(" ")[2]
                dialect = dialect_of(path)
                if dialect is None or "{projectKey}" not in path:
                    raise ValueError(route_key)
                self._routes[route_key] = (dialect, handler)
            return handler

        return register

    def __call__(self, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Answer an event."""
        dialect, handler = self._routes[event["routeKey"]]
        with observability.invocation(context):
            try:
                answer = handler(_let_in(event, dialect))
            except errors.JobsError as error:
                answer = dialect.render_error(error)
            except Exception as error:  # noqa: BLE001  # escaping, it would be an empty 500, and in `sam local` a 200
                observability.log_failure(error)
                answer = dialect.render_failure(_request_id(event))
            return _finish(event, answer)


def answer_unrouted(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer what no route has: a redirect to the path without its trailing slash, else a 404 of the path's dialect."""
    with observability.invocation(context):
        return _finish(event, _answer_unrouted(event))


def _answer_unrouted(event: dict[str, Any]) -> Answer:
    path: str = event["rawPath"]
    bare = "/" + path.strip("/")
    if path.endswith("/") and bare != "/":
        # One leading slash, as two would send the caller to another host; quoted, so that it stays one header line.
        query = event.get("rawQueryString", "")
        location = quote(_decode_percent(bare), safe="/") + (f"?{quote(query, safe=_QUERY_SAFE)}" if query else "")
        return Answer(HTTPStatus.PERMANENT_REDIRECT, dump({"location": location}), {"Location": location})
    dialect = dialect_of(path)
    if dialect is not None:
        return dialect.render_error(errors.RouteNotFound())
    return Answer(HTTPStatus.NOT_FOUND, dump({"message": "Not Found"}))


#: What a query may hold as it is (RFC 3986, section 3.4), and the percent sign of what is quoted already.
_QUERY_SAFE = "/?:@!$&'()*+,;=-._~%"


def _let_in(event: dict[str, Any], dialect: Dialect) -> Call:
    """Find out who calls and open their project, then look at the rest of the request.

    Raises:
        Unauthorized: the credential opens nothing.
        ProjectNotFound: not the caller's project.
        BodyTooLarge: the body is over 256 KB.
        InvalidRequest: the body is not text.
    """
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    path = event.get("pathParameters") or {}
    secret = dialect.read_secret(headers.get("authorization"))
    credential = access.authenticate(wiring.directory(), secret, wiring.clock().now())
    project = access.open_project(wiring.directory(), credential, path["projectKey"])
    return Call(
        path={name: _decode_percent(value) for name, value in path.items()},
        query=event.get("queryStringParameters") or {},
        headers=headers,
        body=_body(event),
        origin=_origin(headers),
        raw_path=event["rawPath"],
        credential=credential,
        project=project,
        dialect=dialect,
    )


def _decode_percent(value: str) -> str:
    """Decode what API Gateway leaves: it decodes every escape of a path once, except `%25`."""
    return value.replace("%25", "%")


def _body(event: dict[str, Any]) -> str:
    text: str = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        if len(text.encode(errors="surrogatepass")) > LARGEST_BODY:
            raise errors.BodyTooLarge(LARGEST_BODY)
        return text
    try:
        raw = base64.b64decode(text, validate=True)
        if len(raw) > LARGEST_BODY:
            raise errors.BodyTooLarge(LARGEST_BODY)
        return raw.decode()
    except (binascii.Error, UnicodeDecodeError):
        raise errors.InvalidRequest("body", "must be UTF-8 text") from None


def _origin(headers: Mapping[str, str]) -> str:
    scheme = headers.get("x-forwarded-proto", "https")
    return f"{scheme if scheme in {'http', 'https'} else 'https'}://{headers.get('host', '')}"


def _request_id(event: dict[str, Any]) -> str:
    return str(event.get("requestContext", {}).get("requestId", "unknown"))


def _finish(event: dict[str, Any], answer: Answer) -> dict[str, Any]:
    # The route, never the path: paths hold user ids.
    observability.logger().info("answered", extra={"route": event["routeKey"], "status": int(answer.status)})
    return {
        "statusCode": int(answer.status),
        "headers": {"Content-Type": "application/json", **answer.headers},
        "body": answer.body,
        "isBase64Encoded": False,
    }
