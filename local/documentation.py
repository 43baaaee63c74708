"""Swagger UI at `/docs` and the OpenAPI document at `/openapi.json`, on this machine only; neither is deployed.

Powertools has Swagger UI in its package, so nothing is downloaded.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from openapi import FILE

if TYPE_CHECKING:
    from hypercorn.typing import ASGIFramework, ASGIReceiveCallable, ASGISendCallable, Scope

# The validator is off, because Swagger UI would send the document's address to a server on the internet. The console's
# file with the demo's project and key answers only pages of this machine; without it, both are typed in.
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
<script type="module">
const read = async (path) => (await fetch(path)).json();
const [spec, demo] = await Promise.all([read("/openapi.json"), read("/console/demo.json").catch(() => ({}))]);
for (const operation of Object.values(spec.paths).flatMap(Object.values))
  for (const parameter of operation.parameters ?? [])
    if (parameter.name === "projectKey" && demo.project) parameter.example = demo.project;
const ui = SwaggerUIBundle({
  spec, dom_id: "#ui", deepLinking: true, tryItOutEnabled: true, validatorUrl: null,
  onComplete: () => demo.key && ["PublicKey", "V1Key"].forEach((name) => ui.preauthorizeApiKey(name, demo.key)),
});
</script>
</body>
</html>
"""


class Documentation:
    """An ASGI application that serves the documentation, and passes every other request on."""

    def __init__(self, api: ASGIFramework) -> None:
        """Pass requests on to `api`."""
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
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] not in {"/", *self._pages}:
            await self._api(scope, receive, send)
            return
        if scope["path"] == "/":
            headers = [(b"location", b"/docs"), (b"content-length", b"0")]
            await send({"type": "http.response.start", "status": 307, "headers": headers})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        kind, content = self._pages[scope["path"]]
        # Read for each request, so that a new document is seen without a restart.
        body = content.read_bytes() if isinstance(content, Path) else content
        headers = [(b"content-type", f"{kind}; charset=utf-8".encode()), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})


def _package(name: str) -> Path:
    """The folder of an installed package, found without the slow import.

    Raises:
        ModuleNotFoundError: the package is not installed.
    """
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(name)
    return Path(spec.origin).parent
