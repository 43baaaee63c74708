"""Files of jobs on the embedded S3: put to signed addresses, listed after the end, and downloaded in each dialect."""

from __future__ import annotations

import hashlib
import time
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import pytest
from jobs.adapters import artifacts as adapter
from jobs.model import SECOND
from jobs.runtime import wiring

from tests.architecture.test_docs import blocks, text_of
from tests.builders import an_artifact
from tests.e2e.embedded import NO_CERTIFICATES
from tests.e2e.test_events import Outside

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.embedded import Embedded, Tenant

pytestmark = pytest.mark.e2e

MB = 1_000_000
NAME = 'Bericht "ü".csv'


@dataclass
class Worker:
    """A worker of a tenant's jobs: it announces files, puts them, and reports."""

    tenant: Tenant
    outside: Outside

    def start(self, **body: Any) -> int:
        """Create a job and wait until it runs."""
        job_id: int = self.tenant.create(**body)["jobId"]
        self.outside.job_is("running", job_id)
        return job_id

    def announce(self, job_id: int, content: bytes, name: str = NAME, **body: Any) -> httpx.Response:
        told = {"name": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest(), **body}
        return self.tenant.call("POST", f"{self.tenant.public}/jobs/{job_id}/artifacts", json=told)

    def announced(self, job_id: int, content: bytes, name: str = NAME, **body: Any) -> dict[str, Any]:
        answer = self.announce(job_id, content, name, **body)
        assert answer.status_code == httpx.codes.CREATED, answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data

    def complete(self, job_id: int, *outputs: Any, attempt: int = 1) -> None:
        self.outside.put("Job Completed", jobId=job_id, attempt=attempt, outputs=list(outputs))
        self.outside.job_is("completed", job_id, attempt)

    def artifacts(self, job_id: int, path: str = "", **headers: str) -> httpx.Response:
        return self.tenant.call("GET", f"{self.tenant.public}/jobs/{job_id}/artifacts{path}", headers=headers)

    def download(self, job_id: int, artifact_id: str) -> httpx.Response:
        answer = self.artifacts(job_id, f"/{artifact_id}")
        assert answer.status_code == httpx.codes.FOUND, answer.text
        return request("GET", answer.headers["Location"])


@pytest.fixture
def worker(stack: Embedded, tenant: Tenant) -> Worker:
    return Worker(tenant, Outside(stack, tenant))


def request(method: str, url: str, content: bytes | None = None, **headers: str) -> httpx.Response:
    """A request to a signed address, with no `Authorization`."""
    with httpx.Client(timeout=60, trust_env=False, verify=NO_CERTIFICATES) as client:
        return client.request(method, url, content=content, headers=headers)


def upload(announced: dict[str, Any], content: bytes, **changes: str | None) -> httpx.Response:
    """Put a file with the headers of its announcement, or with others; None leaves one out."""
    headers = {**announced["headers"], **changes}
    return request("PUT", announced["url"], content, **{name: value for name, value in headers.items() if value})


@pytest.mark.parametrize("size", [0, 1 * MB, 6 * MB, 100 * MB], ids=lambda size: f"{size // MB} MB")
def test_a_file_of_any_size_goes_up_and_comes_down(worker: Worker, size: int) -> None:
    content = bytes(range(250)) * (size // 250)
    job_id = worker.start()
    announced = worker.announced(job_id, content, attempt=1)

    put = upload(announced, content)
    assert put.status_code == 200, put.text
    assert worker.artifacts(job_id).json() == {"data": []}
    worker.complete(job_id, {"rows": 3}, {"artifact": NAME})

    shown = {"artifactId": announced["artifactId"], "name": NAME, "size": size}
    shown |= {"sha256": hashlib.sha256(content).hexdigest(), "format": "Raw", "attempt": 1}
    assert worker.artifacts(job_id).json() == {"data": [shown]}
    got = worker.download(job_id, announced["artifactId"])
    assert (got.status_code, got.headers["Content-Type"]) == (200, "application/octet-stream")
    assert got.headers["Content-Disposition"] == "attachment; filename*=UTF-8''Bericht%20%22%C3%BC%22.csv"
    assert got.content == content
    address = worker.artifacts(job_id, f"/{announced['artifactId']}", Accept="application/json")
    assert address.status_code == 200
    assert request("GET", address.json()["data"]["url"]).content == content


@pytest.mark.parametrize("version", ["v3", "v1"])
def test_the_outputs_of_a_workflow_s_run_are_downloaded_as_alteryx_documents_it(
    worker: Worker, stack: Embedded, version: str
) -> None:
    """Alteryx Server, «Jobs»: `GET …/jobs/{jobId}/output/{outputId}?format=`, under both prefixes."""
    caller = stack.new_caller(worker.tenant)
    run = caller.run("a-workflow-of-nobody")
    worker.outside.job_is("running", 1)
    announced = worker.announced(1, b"1;2\n", "sales.csv", format="Csv")
    upload(announced, b"1;2\n")
    worker.complete(1, {"artifact": "sales.csv"}, {"artifact": "unknown"})

    [output, plain] = caller.job(run["id"])["outputs"]
    assert output == {"id": announced["artifactId"], "availableFormats": ["Csv"], "fileName": "sales.csv"}
    assert plain == {"id": "", "availableFormats": [], "fileName": '{"artifact":"unknown"}'}
    path = f"/webapi/{version}/jobs/{run['id']}/output/{output['id']}"
    for query in ("", "?format=Csv", "?format=csv"):
        answer = caller.call("GET", path + query)
        assert answer.status_code == 302
        assert request("GET", answer.headers["Location"]).content == b"1;2\n"
    assert caller.call("GET", f"{path}?format=Yxdb").status_code == 400
    assert caller.call("GET", f"{path}0").json() == {"message": "Output not found."}
    # neither another user of the organisation nor one of another organisation sees the job
    for stranger in (stack.new_caller(worker.tenant), stack.new_caller(stack.new_tenant())):
        assert (stranger.call("GET", path).status_code, stranger.call("GET", path).json()) == (
            404,
            {"message": "Job not found."},
        )


def test_the_worker_of_workers_md_attaches_a_file(
    worker: Worker, stack: Embedded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [code] = [block for block in blocks(text_of("docs/workers.md"), "python") if "def attach" in block]
    monkeypatch.setenv("JOBS_URL", stack.base_url)
    monkeypatch.setenv("JOBS_KEY", worker.tenant.key)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102  # what the page shows
    (tmp_path / "month.csv").write_bytes(b"1;2\n")
    job_id = worker.start()
    job = {"projectKey": worker.tenant.project.project_key, "jobId": job_id, "attempt": 1}

    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        output = names["attach"](job, tmp_path / "month.csv")

    worker.complete(job_id, output)
    [shown] = worker.artifacts(job_id).json()["data"]
    assert worker.download(job_id, shown["artifactId"]).content == b"1;2\n"


# ---- what S3 refuses ----------------------------------------------------------------------------------------------


#: What is sent in the place of `content`, with which headers, and what S3 answers.
REFUSALS: dict[str, tuple[bytes, dict[str, str | None], int]] = {
    "other content of this size": (b"CONTENT", {}, 400),
    "a wrong size": (b"content, longer", {"Content-Length": "15"}, 403),
    "another checksum": (b"CONTENT", {"x-amz-checksum-sha256": "A" * 43 + "="}, 403),
    "no checksum": (b"CONTENT", {"x-amz-checksum-sha256": None}, 403),
    "no condition": (b"content", {"If-None-Match": None}, 403),
    "another condition": (b"content", {"If-None-Match": '"x"'}, 403),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_an_upload_that_is_not_what_was_announced_is_refused(worker: Worker, what: str) -> None:
    content, changes, status = REFUSALS[what]
    job_id = worker.start()
    announced = worker.announced(job_id, b"content")

    assert upload(announced, content, **changes).status_code == status
    # the address is still good for the file itself, once
    assert upload(announced, b"content").status_code == 200
    assert upload(announced, b"content").status_code == 412
    worker.complete(job_id, {"artifact": NAME})
    assert worker.download(job_id, announced["artifactId"]).content == b"content"


def test_an_address_is_of_one_project_job_attempt_and_kind_of_request(worker: Worker) -> None:
    job_id = worker.start()
    announced = worker.announced(job_id, b"content")
    own = f"/{worker.tenant.project.project_id}/{job_id}/1/{announced['artifactId']}?"
    assert own in announced["url"]

    for other in (own.replace("/1/", "/2/"), own.replace(announced["artifactId"], "f" * 24), f"/9{own}"):
        moved = {**announced, "url": announced["url"].replace(own, other)}
        assert upload(moved, b"content").status_code == 403
    assert request("GET", announced["url"]).status_code == 403
    assert request("DELETE", announced["url"]).status_code == 403


def test_an_address_expires(worker: Worker, stack: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signed by the adapter, for a shorter time, because nobody waits a quarter of an hour here."""
    job_id = worker.start()
    announced = worker.announced(job_id, b"content")
    bucket = announced["url"].split("/")[3]
    for kind in ("UPLOAD", "DOWNLOAD"):
        monkeypatch.setattr(adapter, f"{kind}_LIFETIME", 3 * SECOND)
    # the secret that the emulator knows of every account
    session = boto3.session.Session(stack.demo["awsAccessKeyId"], "test", region_name=stack.demo["region"])
    client = session.client("s3", endpoint_url=stack.demo["awsEndpoint"], config=wiring.SIGNING)
    files = adapter.S3ArtifactFiles(lambda: client, bucket, wiring.SystemClock())
    digest = hashlib.sha256(b"content").hexdigest()
    artifact = an_artifact(project_id=worker.tenant.project.project_id, size=7, sha256=digest)

    up = files.sign_upload(artifact)
    assert request("PUT", up.url, b"content", **up.headers).status_code == 200
    down = files.sign_download(artifact)
    assert request("GET", down.url).content == b"content"
    time.sleep(max(up.expires_at, down.expires_at) / SECOND + 1 - time.time())

    for answer in (request("PUT", up.url, b"content", **up.headers), request("GET", down.url)):
        assert (answer.status_code, "Request has expired" in answer.text) == (403, True)


def test_a_signature_of_other_keys_is_refused(worker: Worker) -> None:
    """So the checks above are the signature's own."""
    job_id = worker.start()
    announced = worker.announced(job_id, b"content")

    forged = {**announced, "url": announced["url"].replace("X-Amz-Signature=", "X-Amz-Signature=0")}
    assert "SignatureDoesNotMatch" in upload(forged, b"content").text


# ---- who may announce ---------------------------------------------------------------------------------------------


def test_a_late_worker_harms_neither_the_attempt_that_runs_nor_its_file(worker: Worker) -> None:
    job_id = worker.start(maxAttempts=2)
    late = worker.announced(job_id, b"late", attempt=1)
    early = worker.announced(job_id, b"early", "put before the end", attempt=1)
    assert upload(early, b"early").status_code == 200
    worker.outside.put("Job Failed", jobId=job_id, attempt=1, errors=["no disk"])
    worker.outside.job_is("running", job_id, 2)

    # it cannot announce into the attempt that runs
    refused = worker.announce(job_id, b"late", attempt=1)
    assert (refused.status_code, refused.json()) == (409, {"error": "attempt 1 does not run: attempt 2 does"})
    announced = worker.announced(job_id, b"second", attempt=2)
    assert upload(announced, b"second").status_code == 200
    # what it puts late lands under its own attempt
    assert upload(late, b"late").status_code == 200
    worker.complete(job_id, {"artifact": NAME}, {"artifact": "put before the end"}, attempt=2)

    [shown] = worker.artifacts(job_id).json()["data"]
    assert (shown["artifactId"], shown["attempt"]) == (announced["artifactId"], 2)
    assert worker.download(job_id, announced["artifactId"]).content == b"second"
    for hidden in (late, early):
        assert worker.artifacts(job_id, f"/{hidden['artifactId']}").status_code == 404
    after = worker.announce(job_id, b"too late", attempt=2)
    assert (after.status_code, "the job is completed" in after.json()["error"]) == (409, True)


def test_the_newest_file_of_a_name_counts(worker: Worker) -> None:
    job_id = worker.start()
    first, newest = (worker.announced(job_id, content) for content in (b"first", b"newest"))
    for announced, content in ((first, b"first"), (newest, b"newest")):
        assert upload(announced, content).status_code == 200
    worker.complete(job_id, {"artifact": NAME})

    assert [shown["artifactId"] for shown in worker.artifacts(job_id).json()["data"]] == [newest["artifactId"]]
    assert worker.download(job_id, newest["artifactId"]).content == b"newest"


def test_a_file_that_was_never_put_is_listed_and_not_there(worker: Worker) -> None:
    job_id = worker.start()
    announced = worker.announced(job_id, b"content")
    worker.complete(job_id, {"artifact": NAME})

    assert worker.download(job_id, announced["artifactId"]).status_code == 404


def test_twenty_at_once_and_one_more_make_twenty(worker: Worker) -> None:
    job_id = worker.start()

    def announce(number: int) -> httpx.Response:
        answer = worker.announce(job_id, b"", f"{number}.csv")
        # on a slow machine they may contend for longer than a call does
        return announce(number) if answer.status_code == httpx.codes.TOO_MANY_REQUESTS else answer

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(announce, range(23)))

    assert Counter(answer.status_code for answer in answers) == {201: 20, 409: 3}
    worker.complete(job_id, *({"artifact": f"{number}.csv"} for number in range(20)))
    taken = {f"{number}.csv" for number, answer in enumerate(answers) if answer.status_code == 201}
    assert {shown["name"] for shown in worker.artifacts(job_id).json()["data"]} == taken & {
        f"{n}.csv" for n in range(20)
    }


def test_a_foreign_project_an_unknown_one_and_an_unknown_job_are_not_found(worker: Worker, stack: Embedded) -> None:
    job_id = worker.start()
    artifact_id = worker.announced(job_id, b"")["artifactId"]
    stranger = stack.new_tenant()
    body = {"name": "x", "size": 0, "sha256": hashlib.sha256().hexdigest()}

    def asked(tenant: Tenant, base: str, job: int) -> list[tuple[int, bytes]]:
        path = f"{base}/jobs/{job}/artifacts"
        answers = [tenant.call("POST", path, json=body), tenant.call("GET", path)]
        answers.append(tenant.call("GET", f"{path}/{artifact_id}"))
        return [(answer.status_code, answer.content) for answer in answers]

    foreign = asked(stranger, worker.tenant.public, job_id)
    assert foreign == asked(stranger, "/public/unknown", job_id) == [(404, b'{"error":"project not found"}')] * 3
    assert asked(worker.tenant, worker.tenant.public, 99) == [(404, b'{"error":"job not found"}')] * 3
