"""From an API Gateway event to an answer: route, authenticate, call, render.

Routes are looked up by the `routeKey` that API Gateway has already matched, and every route is authenticated:
there is no way to register one that is not (docs/decisions/0002).
"""

from __future__ import annotations

import base64
import binascii
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from urllib.parse import quote

from jobs import errors
from jobs.dialects.base import Answer, Call, ClientCall, Request, UserCall, dump
from jobs.dialects.registry import ALTERYX_V3, OAUTH2, dialect_of, project_dialect_of
from jobs.runtime import observability, wiring
from jobs.tenancy import access

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from jobs.dialects.base import Dialect, ProjectDialect

    AnyCall = TypeVar("AnyCall", Call, UserCall, ClientCall)
    Handler: TypeAlias = Callable[[AnyCall], Answer]

#: Bytes of a request body, decoded.
MAX_BODY_BYTES = 256 * 1024


class Api:
    """The HTTP routes of one function; calling it handles an event of API Gateway (payload format 2.0).

    Each kind of route has a way in of its own, and there is none without one.
    """

    def __init__(self) -> None:
        self._routes: dict[str, tuple[Dialect, Callable[[dict[str, Any]], Answer]]] = {}

    @property
    def route_keys(self) -> frozenset[str]:
        """The routes, as the template names them."""
        return frozenset(self._routes)

    def route(self, *route_keys: str) -> Callable[[Handler[Call]], Handler[Call]]:
        """Register a handler for routes like `GET /public/{projectKey}/jobs`, which API keys open.

        The path decides the dialect.

        Raises:
            ValueError: a path names no project, or has the prefix of no dialect whose paths do.
        """

        def register(handler: Handler[Call]) -> Handler[Call]:
            for route_key in route_keys:
                path = route_key.partition(" ")[2]
                dialect = project_dialect_of(path)
                if dialect is None or "{projectKey}" not in path:
                    raise ValueError(route_key)
                self._routes[route_key] = (dialect, _entered(partial(_let_in, dialect), handler))
            return handler

        return register

    def user_route(self, *route_keys: str) -> Callable[[Handler[UserCall]], Handler[UserCall]]:
        """Register a handler for routes like `GET /webapi/v3/jobs/{jobId}`, which access tokens open.

        Raises:
            ValueError: a path does not have the dialect's prefix.
        """
        return self._register(route_keys, ALTERYX_V3, _let_user_in)

    def client_route(self, *route_keys: str) -> Callable[[Handler[ClientCall]], Handler[ClientCall]]:
        """Register a handler for routes like `POST /webapi/oauth2/token`, which the secrets of clients open.

        Raises:
            ValueError: a path does not have the dialect's prefix.
        """
        return self._register(route_keys, OAUTH2, _let_client_in)

    def _register(
        self, route_keys: Sequence[str], dialect: Dialect, let_in: Callable[[dict[str, Any]], AnyCall]
    ) -> Callable[[Handler[AnyCall]], Handler[AnyCall]]:
        def register(handler: Handler[AnyCall]) -> Handler[AnyCall]:
            for route_key in route_keys:
                if dialect_of(route_key.partition(" ")[2]) is not dialect:
                    raise ValueError(route_key)
                self._routes[route_key] = (dialect, _entered(let_in, handler))
            return handler

        return register

    def __call__(self, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Answer an event."""
        dialect, answer_to = self._routes[event["routeKey"]]
        with observability.invocation(context):
            try:
                answer = answer_to(event)
            except errors.JobsError as error:
                answer = dialect.render_error(error)
            except Exception as error:  # noqa: BLE001  # escaping, it would be an empty 500, and in `sam local` a 200
                observability.log_failure(error)
                answer = dialect.render_failure(_request_id(event))
            return _finish(event, answer)


def _entered(
    let_in: Callable[[dict[str, Any]], AnyCall], handler: Handler[AnyCall]
) -> Callable[[dict[str, Any]], Answer]:
    return lambda event: handler(let_in(event))


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


def _let_in(dialect: ProjectDialect, event: dict[str, Any]) -> Call:
    """Find out whose key it is and open the project, then look at the rest of the request.

    Raises:
        Unauthorized: the credential opens nothing.
        ProjectNotFound: not the caller's project.
        BodyTooLarge: the body is over 256 KB.
        InvalidRequest: the body is not text.
    """
    path = event.get("pathParameters") or {}
    secret = dialect.read_secret(_headers(event).get("authorization"))
    credential = access.authenticate(wiring.directory(), secret, wiring.clock().now())
    project = access.open_project(wiring.directory(), credential, path["projectKey"])
    return Call(**_parts(event), credential=credential, project=project, dialect=dialect)


def _let_user_in(event: dict[str, Any]) -> UserCall:
    """Find out who has the token, then look at the rest of the request.

    Raises:
        Unauthorized: the token opens nothing.
        BodyTooLarge: the body is over 256 KB.
        InvalidRequest: the body is not text.
    """
    token = ALTERYX_V3.read_token(_headers(event).get("authorization"))
    principal = access.authorize(wiring.directory(), token, wiring.clock().now())
    return UserCall(**_parts(event), principal=principal)


def _let_client_in(event: dict[str, Any]) -> ClientCall:
    """Find out which client asks for a token.

    Raises:
        InvalidRequest: the request is not as RFC 6749 has it.
        BodyTooLarge: the body is over 256 KB.
        InvalidClient: there is no such client, or its secret is another.
        UnsupportedGrantType: it is not by client credentials that a token is asked for.
    """
    parts = _parts(event)
    asked = OAUTH2.parse_token_request(Request(**parts))
    try:
        client = access.authenticate_client(wiring.directory(), asked.client_id, asked.secret, wiring.clock().now())
    except errors.Unauthorized:
        raise errors.InvalidClient(basic=asked.basic) from None
    OAUTH2.check_grant_type(asked)
    return ClientCall(**parts, client=client)


def _headers(event: dict[str, Any]) -> dict[str, str]:
    return {name.lower(): value for name, value in (event.get("headers") or {}).items()}


def _parts(event: dict[str, Any]) -> dict[str, Any]:
    """What every request has, as `Request` takes it."""
    headers = _headers(event)
    return {
        "path": {name: _decode_percent(value) for name, value in (event.get("pathParameters") or {}).items()},
        "query": event.get("queryStringParameters") or {},
        "headers": headers,
        "body": _body(event),
        "origin": _origin(headers),
        "raw_path": event["rawPath"],
    }


def _decode_percent(value: str) -> str:
    """Decode what API Gateway leaves: it decodes every escape of a path once, except `%25`."""
    return value.replace("%25", "%")


def _body(event: dict[str, Any]) -> str:
    text: str = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        if len(text.encode(errors="surrogatepass")) > MAX_BODY_BYTES:
            raise errors.BodyTooLarge(MAX_BODY_BYTES)
        return text
    try:
        raw = base64.b64decode(text, validate=True)
        if len(raw) > MAX_BODY_BYTES:
            raise errors.BodyTooLarge(MAX_BODY_BYTES)
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
