"""A guard around the embedded AWS. Without it, anybody who reaches the port could run code as this user.

Any page in a browser can send requests to 127.0.0.1, and other users of this machine can too. So a request must carry
the access key id of this run, which only files in `.local` have. It must not come from a page.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, NamedTuple, cast
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from collections.abc import Collection

    from hypercorn.typing import (
        ASGIFramework,
        ASGIReceiveCallable,
        ASGISendCallable,
        ASGISendEvent,
        HTTPScope,
        Scope,
    )

_IN_HEADER = re.compile(rb"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/")


class Credentials(NamedTuple):
    """What opens the embedded AWS. The emulator takes an id of twelve digits for the account."""

    access_key_id: str
    secret_access_key: str

    @classmethod
    def new(cls) -> Credentials:
        """Random ones; no account begins with a zero here, because some tools would drop it."""
        return cls(str(10**11 + secrets.randbelow(9 * 10**11)), secrets.token_urlsafe(30))


class Guard:
    """Passes on requests that have the access key id, name one of its hosts, and come from no page."""

    def __init__(self, app: ASGIFramework, access_key_id: str, hosts: Collection[str]) -> None:
        self._app = app
        self._id = access_key_id.encode()
        self._hosts = frozenset(host.encode() for host in hosts)

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http" and self._admits(scope):
            await self._app(scope, receive, without_cors(send))
        elif scope["type"] == "http":
            await _refuse(send)
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": None})

    def _admits(self, scope: HTTPScope) -> bool:
        headers = [(name.lower(), value) for name, value in scope["headers"]]
        hosts = {value for name, value in headers if name in {b"host", b":authority"}}
        from_page = any(name == b"origin" for name, _ in headers)
        ids = {match[1] for name, value in headers if name == b"authorization" and (match := _IN_HEADER.match(value))}
        # of a presigned address
        ids |= {value.partition(b"/")[0] for value in parse_qs(scope["query_string"]).get(b"X-Amz-Credential", [])}
        return not from_page and hosts <= self._hosts and ids == {self._id}


def without_cors(send: ASGISendCallable) -> ASGISendCallable:
    """Send without the headers that let pages of any origin read an answer."""

    async def sent(event: ASGISendEvent) -> None:
        if event["type"] == "http.response.start":
            kept = [header for header in event["headers"] if not header[0].lower().startswith(b"access-control-")]
            event = cast("ASGISendEvent", {**event, "headers": kept})
        await send(event)

    return cast("ASGISendCallable", sent)


async def _refuse(send: ASGISendCallable) -> None:
    body = b'{"message": "The embedded AWS takes only requests with the access key id that .local/demo.json has."}\n'
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers, "trailers": False})
    await send({"type": "http.response.body", "body": body, "more_body": False})
