"""Pages of other origins on this machine: what the template lets them do, and no more."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import pytest

from local.cors import Cors, WithCors, cors_of
from local.gateway import Gateway
from local.settings import ROOT
from local.template import DeploymentFailedError, load

if TYPE_CHECKING:
    from hypercorn.typing import ASGIFramework

PAGE, OTHER = "https://page.example", "http://localhost:5173"
TEMPLATE = load(ROOT)


async def emulator(_scope: Any, _receive: Any, send: Any) -> None:
    """Answers as ministack does: any page may read it."""
    headers = [(b"access-control-allow-origin", b"*"), (b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"it ran"})


def ask(origins: str, method: str, **headers: str) -> tuple[int, dict[str, str]]:
    """Send one request to the front door; return the status and the headers for pages."""
    sent: list[dict[str, Any]] = []

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    scope = {
        "type": "http",
        "method": method,
        "path": "/public/p/jobs",
        "raw_path": b"/public/p/jobs",
        "query_string": b"",
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
    }
    door: Any = WithCors(Gateway(cast("ASGIFramework", emulator), "abc", 8080), cors_of(TEMPLATE, origins))
    asyncio.run(door(scope, None, send))
    told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], {name: value for name, value in told.items() if name.startswith("access-control-")}


def test_what_pages_may_do_is_read_from_the_template() -> None:
    cors = cors_of(TEMPLATE, f"{PAGE},{OTHER}")

    assert cors == Cors(
        frozenset({PAGE, OTHER}),
        ("DELETE", "GET", "PATCH", "POST", "PUT"),
        ("authorization", "content-type", "idempotency-key", "if-match"),
        ("etag", "link", "location", "retry-after", "x-total-count"),
        600,
    )
    assert cors_of(TEMPLATE, "") is None


@pytest.mark.parametrize("origins", ["page.example", "https://page.example/", "https://a, https://b", "null"])
def test_what_the_template_does_not_take_is_refused(origins: str) -> None:
    with pytest.raises(DeploymentFailedError, match=r"^CORS="):
        cors_of(TEMPLATE, origins)


@pytest.mark.parametrize(("origins", "allowed"), [(PAGE, PAGE), (f"{OTHER},{PAGE}", PAGE), ("*", "*")])
def test_a_page_that_may_call_is_told_what_it_may_send_and_may_read_the_answer(origins: str, allowed: str) -> None:
    assert ask(origins, "OPTIONS", origin=PAGE, access_control_request_method="POST") == (
        204,
        {
            "access-control-allow-origin": allowed,
            "access-control-allow-methods": "DELETE,GET,PATCH,POST,PUT",
            "access-control-allow-headers": "authorization,content-type,idempotency-key,if-match",
            "access-control-max-age": "600",
        },
    )
    assert ask(origins, "GET", origin=PAGE) == (
        200,
        {
            "access-control-allow-origin": allowed,
            "access-control-expose-headers": "etag,link,location,retry-after,x-total-count",
        },
    )


def test_any_other_page_is_told_nothing() -> None:
    assert ask(PAGE, "OPTIONS", origin=OTHER, access_control_request_method="POST") == (204, {})
    assert ask(PAGE, "GET", origin=OTHER) == (200, {})
    assert ask(PAGE, "GET", origin=f"{PAGE}:8443") == (200, {})


def test_without_the_parameter_no_page_may_call_and_a_preflight_is_a_call_like_any_other() -> None:
    assert ask("", "OPTIONS", origin=PAGE, access_control_request_method="POST") == (200, {})
    assert ask("", "GET", origin=PAGE) == (200, {})


def test_what_is_no_preflight_is_a_call() -> None:
    assert ask(PAGE, "OPTIONS") == (200, {})
    assert ask(PAGE, "OPTIONS", origin=PAGE)[0] == 200
