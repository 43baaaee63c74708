"""What API Gateway does for pages of other origins, as the template has it. The emulator would let all of them in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from local.template import DeploymentFailedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hypercorn.typing import ASGIFramework, ASGIReceiveCallable, ASGISendCallable, ASGISendEvent, HTTPScope, Scope

    from local.template import Template

ANY_ORIGIN = "*"
Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Cors:
    """Which pages may call the API, what they may send, and what they may read."""

    origins: frozenset[str]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    exposed: tuple[str, ...]
    max_age: int

    def of_preflight(self, origin: str) -> Headers:
        """The headers that answer a preflight; none for a page that may not call."""
        allowed = self._of_origin(origin)
        return allowed and [
            *allowed,
            _listed("methods", self.methods),
            _listed("headers", self.headers),
            (b"access-control-max-age", str(self.max_age).encode()),
        ]

    def of_answer(self, origin: str) -> Headers:
        """The headers that let a page read an answer; none for a page that may not call."""
        allowed = self._of_origin(origin)
        return allowed and [*allowed, (b"access-control-expose-headers", ",".join(self.exposed).encode())]

    def _of_origin(self, origin: str) -> Headers:
        if not self.origins & {origin, ANY_ORIGIN}:
            return []
        named = ANY_ORIGIN if ANY_ORIGIN in self.origins else origin
        return [(b"access-control-allow-origin", named.encode())]


def cors_of(template: Template, origins: str) -> Cors | None:
    """What a template's API has for a value of `CorsAllowedOrigins`; None if no page may call.

    Raises:
        DeploymentFailedError: the template does not take that value.
    """
    if not re.fullmatch(template["Parameters"]["CorsAllowedOrigins"]["AllowedPattern"], origins):
        raise DeploymentFailedError(f"CORS={origins}: must be origins such as http://localhost:5173, joined by commas")
    if not origins:
        return None
    [api] = [api for api in template["Resources"].values() if api["Type"] == "AWS::Serverless::HttpApi"]
    _, told, _ = api["Properties"]["CorsConfiguration"]["Fn::If"]
    return Cors(
        frozenset(origins.split(",")),
        tuple(told["AllowMethods"]),
        tuple(told["AllowHeaders"]),
        tuple(told["ExposeHeaders"]),
        told["MaxAge"],
    )


class WithCors:
    """An ASGI application that pages of some origins may call. Preflights are answered here, as by the gateway."""

    def __init__(self, app: ASGIFramework, cors: Cors | None) -> None:
        self._app = app
        self._cors = cors

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        origin = _header(scope, b"origin")
        if self._cors is None or origin is None:
            await self._app(scope, receive, send)
        elif scope["method"] == "OPTIONS" and _header(scope, b"access-control-request-method") is not None:
            await _answer(send, self._cors.of_preflight(origin))
        else:
            await self._app(scope, receive, _with(send, self._cors.of_answer(origin)))


def _header(scope: HTTPScope, name: bytes) -> str | None:
    return next((value.decode("latin-1") for of, value in scope["headers"] if of.lower() == name), None)


def _listed(what: str, words: Iterable[str]) -> tuple[bytes, bytes]:
    return f"access-control-allow-{what}".encode(), ",".join(words).encode()


def _with(send: ASGISendCallable, headers: Headers) -> ASGISendCallable:
    async def sent(event: ASGISendEvent) -> None:
        if event["type"] == "http.response.start":
            event = cast("ASGISendEvent", {**event, "headers": [*event["headers"], *headers]})
        await send(event)

    return cast("ASGISendCallable", sent)


async def _answer(send: ASGISendCallable, headers: Headers) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": headers, "trailers": False})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
