"""What docs/workers.md says of HTTP clients: which of them take `Authorization` along to another host."""

from __future__ import annotations

import shutil
import subprocess
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import httpx
import pytest
import requests

from tests.architecture.project import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADERS = {"Authorization": "Bearer jk_secret"}


def by_urllib(url: str) -> None:
    urllib.request.urlopen(urllib.request.Request(url, headers=HEADERS)).read()  # noqa: S310  # http on 127.0.0.1


def by_urllib_unredirected(url: str) -> None:
    request = urllib.request.Request(url)  # noqa: S310  # as above
    for name, value in HEADERS.items():
        request.add_unredirected_header(name, value)
    urllib.request.urlopen(request).read()  # noqa: S310  # as above


def by_requests(url: str) -> None:
    with requests.Session() as session:
        session.trust_env = False
        session.get(url, headers=HEADERS)


def by_httpx(url: str) -> None:
    httpx.get(url, headers=HEADERS, follow_redirects=True, trust_env=False)


def by_curl(url: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("there is no curl here")
    [header] = HEADERS.items()
    subprocess.run(["curl", "-sL", "--noproxy", "*", "-H", ": ".join(header), url], check=True, capture_output=True)


class _Handler(BaseHTTPRequestHandler):
    """Sends the first server's callers to the second one, which notes what they bring."""

    location: str | None = None
    seen: list[str | None]

    def do_GET(self) -> None:
        if self.location:
            self.send_response(302)
            self.send_header("Location", self.location)
        else:
            self.seen.append(self.headers.get("Authorization"))
            self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, list[str | None]]]:
    """The address of the first one, and the `Authorization` that came to the second one, which is another origin."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    seen: list[str | None] = []
    second = HTTPServer(("127.0.0.1", 0), type("Second", (_Handler,), {"seen": seen}))
    location = f"http://127.0.0.1:{second.server_port}/file"
    first = HTTPServer(("127.0.0.1", 0), type("First", (_Handler,), {"location": location}))
    threads = [threading.Thread(target=server.serve_forever, args=(0.01,)) for server in (first, second)]
    for thread in threads:
        thread.start()
    yield f"http://127.0.0.1:{first.server_port}/", seen
    for server, thread in zip((first, second), threads, strict=True):
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("call", [by_curl, by_httpx, by_requests, by_urllib_unredirected])
def test_a_client_that_the_page_calls_safe_drops_the_header(
    servers: tuple[str, list[str | None]], call: object
) -> None:
    url, seen = servers
    assert callable(call)

    call(url)

    assert seen == [None]


def test_urllib_takes_it_along(servers: tuple[str, list[str | None]]) -> None:
    url, seen = servers

    by_urllib(url)

    assert seen == list(HEADERS.values())


def test_the_page_names_these_clients() -> None:
    page = (ROOT / "docs" / "workers.md").read_text()

    assert [name for name in ("curl", "httpx", "requests", "urllib.request") if f"`{name}`" not in page] == []
