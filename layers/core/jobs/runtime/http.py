"""From an API Gateway event to an answer: route, authenticate, call, render.

The `routeKey` that API Gateway has matched names the route (decision 0002). Every route is authenticated.
"""

from __future__ import annotations

import base64
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from jobs import errors
from jobs.dialects.base import Answer, Call, ClientCall, Request, UserCall
from jobs.runtime import observability, wiring
from jobs.tenancy import access

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from jobs.dialects.alteryx_v3 import AlteryxV3
    from jobs.dialects.base import Dialect, ProjectDialect
    from jobs.dialects.oauth2 import OAuth2
    from jobs.dialects.routes import AnyDialect, Route
    from jobs.tenants import Client

    AnyCall = TypeVar("AnyCall", Call, UserCall, ClientCall)
    Handler: TypeAlias = Callable[[AnyCall], Answer]

#: Bytes of a request body, decoded.
MAX_BODY_BYTES = 256 * 1024
#: The `Content-Encoding` of a body that is not encoded.
_AS_IT_IS = "identity"


class Api:
    """The HTTP routes of one function. Calling it handles an event of API Gateway (payload format 2.0).

    Each kind of route has its own way in, so no route exists that lets a caller in without a credential.
    """

    def __init__(self) -> None:
        self._routes: dict[str, tuple[Dialect, Callable[[dict[str, Any]], Answer]]] = {}

    @property
    def route_keys(self) -> frozenset[str]:
        """The routes, as the template names them."""
        return frozenset(self._routes)

    def route(self, *routes: Route[ProjectDialect]) -> Callable[[Handler[Call]], Handler[Call]]:
        """Register a handler for routes that API keys open."""
        return self._register(routes, _let_in)

    def user_route(self, *routes: Route[AlteryxV3]) -> Callable[[Handler[UserCall]], Handler[UserCall]]:
        """Register a handler for routes that access tokens open."""
        return self._register(routes, _let_user_in)

    def client_route(self, *routes: Route[OAuth2]) -> Callable[[Handler[ClientCall]], Handler[ClientCall]]:
        """Register a handler for routes that the secrets of clients open."""
        return self._register(routes, _let_client_in)

    def _register(
        self, routes: Sequence[Route[AnyDialect]], let_in: Callable[[Route[AnyDialect], dict[str, Any]], AnyCall]
    ) -> Callable[[Handler[AnyCall]], Handler[AnyCall]]:
        def register(handler: Handler[AnyCall]) -> Handler[AnyCall]:
            for route in routes:
                self._routes[route.key] = (route.dialect, _entered(partial(let_in, route), handler))
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
            except Exception as error:  # noqa: BLE001  # uncaught, it would be an empty 500, and in `sam local` a 200
                observability.log_failure(error)
                answer = dialect.render_failure(request_id(event))
            return finish(event, answer)


def _entered(
    let_in: Callable[[dict[str, Any]], AnyCall], handler: Handler[AnyCall]
) -> Callable[[dict[str, Any]], Answer]:
    return lambda event: handler(let_in(event))


def _let_in(route: Route[ProjectDialect], event: dict[str, Any]) -> Call:
    """Find out whose key it is and open the project, then read the rest of the request.

    Raises:
        Unauthorized: the credential opens nothing.
        ProjectNotFound: not the caller's project.
        ScopeMissing: the key is limited to other calls.
        EncodedBody: the body is compressed.
        BodyTooLarge: the body is over 256 KB.
        InvalidRequest: the body is not text, or the query has parameters that the route does not have.
    """
    path = event.get("pathParameters") or {}
    secret = route.dialect.read_secret(_headers(event).get("authorization"))
    ports = wiring.ports()
    credential = access.authenticate(ports, secret)
    observability.note(keyId=credential.credential_id)
    project = access.open_project(ports, credential, path["projectKey"])
    observability.note(projectId=project.project_id)
    access.require(credential, *route.scopes)
    route.check_query(event.get("queryStringParameters") or {})
    return Call(**_parts(event), credential=credential, project=project, dialect=route.dialect)


def _let_user_in(route: Route[AlteryxV3], event: dict[str, Any]) -> UserCall:
    """Find out whose token it is, then read the rest of the request.

    Raises:
        Unauthorized: the token opens nothing.
        EncodedBody: the body is compressed.
        BodyTooLarge: the body is over 256 KB.
        InvalidRequest: the body is not text.
    """
    token = route.dialect.read_token(_headers(event).get("authorization"))
    principal = access.authorize(wiring.ports(), token)
    _note_client(principal.client)
    return UserCall(**_parts(event), principal=principal)


def _let_client_in(route: Route[OAuth2], event: dict[str, Any]) -> ClientCall:
    """Find out which client asks for a token.

    Raises:
        InvalidRequest: the request is not as RFC 6749 has it.
        EncodedBody: the body is compressed.
        BodyTooLarge: the body is over 256 KB.
        InvalidClient: the client does not exist, or its secret is wrong.
        UnsupportedGrantType: it asks by another grant than client credentials.
    """
    parts = _parts(event)
    asked = route.dialect.parse_token_request(Request(**parts))
    try:
        client = access.authenticate_client(wiring.ports(), asked.client_id, asked.secret)
    except errors.Unauthorized:
        raise errors.InvalidClient(basic=asked.basic) from None
    _note_client(client)
    route.dialect.check_grant_type(asked)
    return ClientCall(**parts, client=client)


def _note_client(client: Client) -> None:
    observability.note(clientId=client.client_id, projectId=client.project_id)


def _headers(event: dict[str, Any]) -> dict[str, str]:
    return {name.lower(): value for name, value in (event.get("headers") or {}).items()}


def _parts(event: dict[str, Any]) -> dict[str, Any]:
    """What every request has, as `Request` takes it."""
    return {
        "path": {name: decode_percent(value) for name, value in (event.get("pathParameters") or {}).items()},
        "query": event.get("queryStringParameters") or {},
        "headers": _headers(event),
        "body": _body(event),
        "origin": _origin(event),
        "raw_path": event["rawPath"],
    }


def decode_percent(value: str) -> str:
    """Decode what API Gateway leaves encoded: it decodes every escape of a path once, except `%25`."""
    return value.replace("%25", "%")


def _body(event: dict[str, Any]) -> str:
    text: str = event.get("body") or ""
    if text and _headers(event).get("content-encoding", _AS_IT_IS).lower() != _AS_IT_IS:
        raise errors.EncodedBody
    if not event.get("isBase64Encoded"):
        if len(text.encode(errors="surrogatepass")) > MAX_BODY_BYTES:
            raise errors.BodyTooLarge(MAX_BODY_BYTES)
        return text
    try:
        raw = base64.b64decode(text, validate=True)
        if len(raw) > MAX_BODY_BYTES:
            raise errors.BodyTooLarge(MAX_BODY_BYTES)
        return raw.decode()
    except ValueError:  # no base64, no ASCII or no UTF-8
        raise errors.InvalidRequest("body", "must be UTF-8 text") from None


def _origin(event: dict[str, Any]) -> str:
    """The address of this service. It never comes from the Host header, which callers choose."""
    return wiring.ports().public_url or f"https://{event['requestContext']['domainName']}"


def request_id(event: dict[str, Any]) -> str:
    """API Gateway's id of a request."""
    return str(event.get("requestContext", {}).get("requestId", "unknown"))


def finish(event: dict[str, Any], answer: Answer) -> dict[str, Any]:
    """Log an answer, and put it into the form of payload 2.0."""
    # The route, never the path: paths hold user ids.
    observability.logger().info("answered", extra={"route": event["routeKey"], "status": int(answer.status)})
    return {
        "statusCode": int(answer.status),
        "headers": {"Content-Type": "application/json", **answer.headers},
        "body": answer.body,
        "isBase64Encoded": False,
    }
