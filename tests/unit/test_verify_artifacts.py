"""`make verify` and files: an S3 or a service that takes too much is found out."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import httpx
import pytest

from cli.verify import artifacts as subject
from cli.verify.artifacts import ARTIFACTS
from cli.verify.report import Verdict
from tests.unit.test_verify import Service, lines_of, run_of

SIGNED = ("content-length", "x-amz-checksum-sha256", "if-none-match")


class Files(Service):
    """The same service with files, on an S3 that is honest unless told how to lie."""

    def __init__(self, **lies: Any) -> None:
        super().__init__(**lies)
        self.told: dict[str, dict[str, Any]] = {}
        self.put: dict[str, bytes] = {}
        self.completed = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "s3":
            return self._s3(request, request.url.path.strip("/"))
        path = request.extensions["target"].decode()
        if "/artifacts" not in path:
            answer = super().__call__(request)
            return answer if request.method == "POST" else self._running(answer)
        if request.method == "POST":
            return self._announced(json.loads(request.content))
        return self._got(path, request.headers["Accept"])

    def _running(self, answer: httpx.Response) -> httpx.Response:
        status = "completed" if self.completed else "running"
        return httpx.Response(200, json={"data": {**answer.json()["data"], "status": status, "attempt": 1}})

    def _announced(self, body: dict[str, Any]) -> httpx.Response:
        if self.lies.get("forbidden"):
            return httpx.Response(403)
        if body.get("attempt", 1) != 1 and not self.lies.get("takes_late"):
            return httpx.Response(409)
        artifact_id = f"{len(self.told) + 1:024}"
        self.told[artifact_id] = body
        headers = {"Content-Length": str(body["size"]), "x-amz-checksum-sha256": body["sha256"], "If-None-Match": "*"}
        data = {"artifactId": artifact_id, "url": f"https://s3/{artifact_id}", "headers": headers}
        return httpx.Response(201, json={"data": data})

    def _s3(self, request: httpx.Request, artifact_id: str) -> httpx.Response:
        lies = self.lies.get("s3", "")
        if request.method == "GET":
            may_read = self.completed or lies == "read"
            return httpx.Response(200, content=self.put.get(artifact_id, b"")) if may_read else httpx.Response(403)
        told = self.told.get(artifact_id, {})
        wanted = (str(told.get("size")), told.get("sha256"), "*")
        refused = [
            (403, "moved", not told),
            (400, "authorization", "Authorization" in request.headers),
            (403, "unsigned", tuple(request.headers.get(name) for name in SIGNED) != wanted),
            (400, "content", hashlib.sha256(request.content).hexdigest() != told.get("sha256")),
            (412, "twice", artifact_id in self.put),
        ]
        for status, taken, wrong in refused:
            if wrong and lies != taken and not (lies == "moved" and not told):
                return httpx.Response(status)
        self.put[artifact_id] = request.content
        return httpx.Response(200)

    def _got(self, path: str, accept: str) -> httpx.Response:
        newest = f"{len(self.told):024}"
        if path.endswith("artifacts"):
            listed = [*self.told] if self.lies.get("lists_all") else [newest]
            return httpx.Response(200, json={"data": [{"artifactId": each} for each in listed]})
        url = f"https://s3/{newest}"
        as_json = httpx.Response(200, json={"data": {"url": url}})
        return as_json if accept == "application/json" else httpx.Response(302, headers={"Location": url})


@pytest.fixture(autouse=True)
def untimed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing takes time here."""
    monkeypatch.setattr(subject, "took", lambda answer: str(answer.status_code))


def verdicts(service: Files, monkeypatch: pytest.MonkeyPatch) -> list[Verdict]:
    """What is said of each claim, in their order; the worker's report completes the job."""
    monkeypatch.setattr(subject, "put_event", lambda *_, **__: setattr(service, "completed", True))
    return [line.verdict for line in lines_of(ARTIFACTS, run_of(service)).values()]


def test_an_honest_service_on_an_honest_s3_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert verdicts(Files(), monkeypatch) == [Verdict.OK] * 5


@pytest.mark.parametrize(
    ("lies", "refuted"),
    [
        ({"takes_late": True}, 0),
        ({"s3": "unsigned"}, 1),
        ({"s3": "content"}, 1),
        ({"s3": "twice"}, 2),
        ({"s3": "read"}, 3),
        ({"s3": "moved"}, 3),
        ({"s3": "authorization"}, 3),
        ({"lists_all": True}, 4),
    ],
    ids=str,
)
def test_what_takes_too_much_is_found_out(lies: dict[str, Any], refuted: int, monkeypatch: pytest.MonkeyPatch) -> None:
    found = verdicts(Files(**lies), monkeypatch)

    assert found[refuted] is Verdict.FAILED
    assert found.count(Verdict.FAILED) == 1


def test_a_key_without_the_scope_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert verdicts(Files(forbidden=True), monkeypatch) == [Verdict.UNPROVEN] * 5


def test_a_stranger_s_address_gets_no_key_of_ours() -> None:
    service = Files()
    seen: list[httpx.Request] = []

    def watched(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return service(request)

    lines_of(ARTIFACTS, run_of(watched))

    given = {request.headers.get("Authorization") for request in seen if request.url.host == "s3"}
    assert given == {None, "Bearer nobody"}
