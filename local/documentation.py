"""Swagger UI at `/docs` and the document at `/openapi.json`, on this machine alone; nothing of it is deployed.

The interface is the one that Powertools carries within its package, so nothing is fetched from elsewhere.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from openapi import FILE

if TYPE_CHECKING:
    from hypercorn.typing import ASGIFramework, ASGIReceiveCallable, ASGISendCallable, Scope

# Without a validator: the interface would send the document's address to one on the internet.
PAGE = b"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Jobs</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="ui"></div>
<script src="/docs/swagger-ui.js"></script>
<script>
SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#ui", deepLinking: true, persistAuthorization: true, validatorUrl: null
});
</script>
</body>
</html>
"""


class Documentation:
    """An ASGI application that answers for the documentation, and hands anything else on."""

    def __init__(self, api: ASGIFramework) -> None:
        """Stand in front of `api`."""
        self._api = api
        assets = _package("aws_lambda_powertools") / "event_handler" / "openapi" / "swagger_ui"
        self._pages: dict[str, tuple[str, bytes | Path]] = {
            "/docs": ("text/html", PAGE),
            "/docs/swagger-ui.css": ("text/css", assets / "swagger-ui.min.css"),
            "/docs/swagger-ui.js": ("text/javascript", assets / "swagger-ui-bundle.min.js"),
            "/openapi.json": ("application/json", FILE),
        }

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] not in self._pages:
            await self._api(scope, receive, send)
            return
        kind, content = self._pages[scope["path"]]
        # Read at each request: whoever writes the document anew sees it without starting anew.
        body = content.read_bytes() if isinstance(content, Path) else content
        headers = [(b"content-type", f"{kind}; charset=utf-8".encode()), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})


def _package(name: str) -> Path:
    """The folder of an installed package, which is not imported for it: `make run` would pay for that.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(name)
    return Path(spec.origin).parent
