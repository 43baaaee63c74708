"""The guard around the embedded AWS: who may ask it for anything."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import pytest

from local.gateway import Gateway
from local.guard import Credentials, Guard

if TYPE_CHECKING:
    from hypercorn.typing import ASGIFramework

ID = "123456789012"
HOST = "127.0.0.1:4566"
SIGNED = f"AWS4-HMAC-SHA256 Credential={ID}/20261128/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"


async def emulator(_scope: Any, _receive: Any, send: Any) -> None:
    """Answers as ministack does: any page may read it."""
    headers = [(b"Access-Control-Allow-Origin", b"*"), (b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"it ran"})


def ask(app: Any, path: str = "/", query: str = "", **headers: str) -> list[dict[str, Any]]:
    """Send one request, and return the events of the answer."""
    sent: list[dict[str, Any]] = []

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    named = [(name.encode(), value.encode()) for name, value in {"host": HOST, **headers}.items()]
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": named,
    }
    asyncio.run(app(scope, None, send))
    return sent


GUARD = Guard(cast("ASGIFramework", emulator), ID, [HOST])


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        pytest.param("", {"authorization": SIGNED}, id="signed in a header"),
        pytest.param(f"X-Amz-Credential={ID}%2F20261128%2Fus-east-1", {}, id="a presigned address"),
    ],
)
def test_a_request_with_the_id_passes_and_no_page_may_read_the_answer(query: str, headers: dict[str, str]) -> None:
    start, body = ask(GUARD, "/bucket/key", query, **headers)

    assert (start["status"], body["body"]) == (200, b"it ran")
    assert start["headers"] == [(b"content-type", b"text/plain")]


@pytest.mark.parametrize(
    "path", ["/", "/_aws/execute-api/abc/$default/jobs", "/_ministack/reset", "/2015-03-31/functions"]
)
@pytest.mark.parametrize(
    ("query", "headers"),
    [
        pytest.param("", {}, id="no credentials"),
        pytest.param("", {"authorization": SIGNED.replace(ID, "test")}, id="the id that everybody knows"),
        pytest.param("", {"authorization": SIGNED.replace(ID, ID[:-1])}, id="a part of the id"),
        pytest.param("", {"authorization": f"Bearer Credential={ID}/"}, id="another kind of authorization"),
        pytest.param("X-Amz-Credential=test/20261128", {}, id="presigned with another id"),
        pytest.param("X-Amz-Credential=test/1", {"authorization": SIGNED}, id="two ids"),
        pytest.param("", {"authorization": SIGNED, "origin": "https://page.example"}, id="from a page"),
        pytest.param("", {"authorization": SIGNED, "origin": "null"}, id="from a page without an origin"),
        pytest.param("", {"authorization": SIGNED, "host": "rebound.example:4566"}, id="a host that is not its own"),
    ],
)
def test_any_other_request_is_refused(path: str, query: str, headers: dict[str, str]) -> None:
    start, body = ask(GUARD, path, query, **headers)

    assert start["status"] == 403
    assert ID.encode() not in body["body"]


def test_the_front_door_sends_no_cors_headers_of_the_emulator() -> None:
    start, _ = ask(Gateway(cast("ASGIFramework", emulator), "abc", 4566), "/public/p/jobs")

    assert start["headers"] == [(b"content-type", b"text/plain")]


def test_each_run_has_an_id_of_twelve_digits_of_its_own() -> None:
    runs = [Credentials.new() for _ in range(50)]

    assert all(run.access_key_id.isdigit() and len(run.access_key_id) == 12 for run in runs)
    assert len({run.access_key_id for run in runs}) == len({run.secret_access_key for run in runs}) == 50
