"""The console at `/console`: the static files of this folder, and the demo's key for this machine (decision 0039)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hypercorn.typing import ASGIFramework, ASGIReceiveCallable, ASGISendCallable, Scope

    from local.demo import Demo

FOLDER = Path(__file__).parent
PAGE = "/console"
DEMO = "/console/demo.json"
KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
#: What the demo's file holds of the demo: never the keys of the embedded AWS.
OFFERED = {"project": "projectKey", "key": "apiKey"}
#: The headers that say which host a request means, and what this machine is called.
HOST = {b"host", b":authority"}
HERE = {b"127.0.0.1", b"localhost"}
#: Whatever gets into the page, it runs no script of others and sends nothing elsewhere.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; form-action 'none'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)


class Console:
    """An ASGI application that serves the console, and passes every other request on."""

    def __init__(self, api: ASGIFramework, demo: Demo) -> None:
        """Pass requests on to `api`, and offer the demo's project and key to pages of this machine."""
        self._api = api
        self._demo = json.dumps({name: demo[of] for name, of in OFFERED.items()}).encode()
        assets = {f"{PAGE}/{path.name}": path for path in FOLDER.iterdir() if path.suffix in KINDS}
        self._files = {PAGE: assets.pop(f"{PAGE}/index.html"), **assets}

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] not in {*self._files, DEMO}:
            await self._api(scope, receive, send)
            return
        status, kind, body = 200, "application/json", self._demo
        if scope["path"] in self._files:
            # Read for each request, so that a change is seen without a restart.
            file = self._files[scope["path"]]
            kind, body = KINDS[file.suffix], file.read_bytes()
        elif {value.partition(b":")[0] for name, value in scope["headers"] if name.lower() in HOST} - HERE:
            # A name that somebody else has led to this machine: a page of theirs could read the answer.
            status, body = 404, b"{}"
        headers = [
            (b"content-type", f"{kind}; charset=utf-8".encode()),
            (b"content-length", b"%d" % len(body)),
            *HEADERS,
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers, "trailers": False})
        await send({"type": "http.response.body", "body": body, "more_body": False})
