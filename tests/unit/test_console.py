"""How the local server hands out the console, and whom it offers the demo's key. `make browser` tries the page."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from local.console import DEMO, FOLDER, PAGE, POLICY, Console

if TYPE_CHECKING:
    from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, Scope

KEYS = {"projectKey": "demo-project", "apiKey": "jk_demo", "workerKey": "jk_work", "admin": {"clientSecret": "secret"}}
BEHIND = 418


async def behind(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """Stand in for the API."""
    await send({"type": "http.response.start", "status": BEHIND, "headers": [], "trailers": False})


def get(path: str, method: str = "GET", host: str = "127.0.0.1:8080") -> tuple[int, dict[bytes, bytes], bytes]:
    """Ask the server; the status, the headers and the body."""
    sent: list[Any] = []

    async def send(event: Any) -> None:
        sent.append(event)

    scope: Any = {"type": "http", "method": method, "path": path, "headers": [(b"Host", host.encode())]}
    asyncio.run(Console(behind, KEYS)(scope, None, send))  # type: ignore[arg-type]  # nothing is received
    return sent[0]["status"], dict(sent[0]["headers"]), b"".join(event.get("body", b"") for event in sent)


def test_the_page_and_each_of_its_files_come_with_the_policy() -> None:
    page = (FOLDER / "index.html").read_text()
    named = set(re.findall(r'(?:src|href)="(/console/[^"]+)"', page))
    modules = {f"{PAGE}/{path.name}" for path in FOLDER.glob("*.js")}

    assert named >= {"/console/main.js", "/console/console.css"}
    for path in {PAGE, *named, *modules}:
        status, headers, body = get(path)
        assert (status, headers[b"content-security-policy"].decode()) == (200, POLICY), path
        assert body


def test_no_script_and_no_style_stands_in_the_page() -> None:
    page = (FOLDER / "index.html").read_text()

    assert re.findall(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page) == []
    assert [
        path.name
        for path in FOLDER.glob("*.js")
        if re.search(r"innerHTML|outerHTML|insertAdjacentHTML|\beval\b", path.read_text())
    ] == []


def test_the_demo_is_offered_with_its_public_key_alone() -> None:
    status, headers, body = get(DEMO)

    assert (status, json.loads(body)) == (200, {"project": "demo-project", "key": "jk_demo"})
    assert headers[b"cross-origin-resource-policy"] == b"same-origin"
    assert not [name for name in headers if name.startswith(b"access-control-")]


@pytest.mark.parametrize("host", ["rebound.example:8080", "127.0.0.1.rebound.example:8080", "jobs.example", ""])
def test_a_name_that_others_have_led_to_this_machine_gets_no_key(host: str) -> None:
    status, _, body = get(DEMO, host=host)

    assert (status, body) == (404, b"{}")


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "127.0.0.1"])
def test_the_names_of_this_machine_get_it(host: str) -> None:
    assert get(DEMO, host=host)[0] == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", PAGE),
        ("HEAD", DEMO),
        ("GET", "/console/"),
        ("GET", "/console/__init__.py"),
        ("GET", "/console/../demo.py"),
    ],
)
def test_everything_else_goes_to_the_api(method: str, path: str) -> None:
    assert get(path, method)[0] == BEHIND
