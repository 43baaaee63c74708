"""The HTTP API at http://127.0.0.1:PORT, as API Gateway would serve it on its own domain.

The emulator has the API under `/_aws/execute-api/{apiId}/$default`. This prefix is added, and nothing else changes:
escapes stay as the client sent them, since a user id may hold any character.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, cast

from local.guard import without_cors

if TYPE_CHECKING:
    from hypercorn.typing import ASGIFramework, ASGIReceiveCallable, ASGISendCallable, HTTPScope, Scope

#: The emulator starts a process for each invocation that finds no idle one. Sixty calls at once would be sixty cold
#: starts, all of them slow. So no more than this many run at once, which is different on AWS.
CALLS_AT_ONCE = 4 * (os.cpu_count() or 1)

#: Headers that only the gateway may set.
FORWARDED = b"x-forwarded-"


class Gateway:
    """An ASGI application that passes requests to the emulator as calls of one HTTP API."""

    def __init__(self, emulator: ASGIFramework, api_id: str, port: int) -> None:
        """Serve the API `api_id` to clients of `port`."""
        self._emulator = emulator
        self._base = f"/_aws/execute-api/{api_id}/$default"
        self._port = str(port).encode()
        self._turns = asyncio.Semaphore(CALLS_AT_ONCE)

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            async with self._turns:
                await self._emulator(self._as_call(scope), receive, without_cors(send))
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1000, "reason": None})

    def _as_call(self, scope: HTTPScope) -> HTTPScope:
        client = (scope.get("client") or ("127.0.0.1",))[0]
        call = {
            **scope,
            "path": self._base + scope["path"],
            "raw_path": self._base.encode() + scope["raw_path"],
            "headers": [
                *((name, value) for name, value in scope["headers"] if not name.lower().startswith(FORWARDED)),
                (b"x-forwarded-for", str(client).encode()),
                (b"x-forwarded-port", self._port),
                (b"x-forwarded-proto", b"http"),
            ],
        }
        return cast("HTTPScope", call)


class HttpOnly:
    """The emulator's ASGI application on a second server, which does not start or stop the emulator."""

    def __init__(self, emulator: ASGIFramework) -> None:
        self._emulator = emulator

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        else:
            await self._emulator(scope, receive, send)


async def _live(receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """Confirm the server's start and stop. The emulator's own server starts and stops the emulator."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})
