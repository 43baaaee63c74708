"""Files of jobs: what S3 takes at a signed address, and what it refuses."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from cli.verify.events import PATIENCE, put_event
from cli.verify.report import Claims, Unproven, expect
from cli.verify.service import answered, data, now, took

if TYPE_CHECKING:
    import httpx

    from cli.verify.service import Run

ARTIFACTS = Claims()
CONTENT = b"verified"
FORBIDDEN = 403


def _announce(run: Run, name: str, content: bytes = CONTENT, **body: Any) -> httpx.Response:
    """Announce a file of the job that runs for these checks, which the first of them makes."""
    if "files" not in run.notes:
        job_id = run.job(startAt=now())["jobId"]
        run.wait_for(job_id, "running", PATIENCE)
        run.notes["files"] = job_id
    told = {"name": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest(), **body}
    answer = run.call("POST", f"{run.public}/jobs/{run.notes['files']}/artifacts", json=told)
    if answer.status_code == FORBIDDEN:
        raise Unproven("the key lacks the scope work")
    return answer


def _announced(run: Run, name: str, content: bytes = CONTENT) -> dict[str, Any]:
    announced: dict[str, Any] = data(_announce(run, name, content), 201)
    return announced


def _upload(run: Run, announced: dict[str, Any], content: bytes = CONTENT, **changes: str | None) -> httpx.Response:
    """Put a file as its announcement says, but for some headers; None leaves one out."""
    headers = {name: value for name, value in {**announced["headers"], **changes}.items() if value is not None}
    return run.follow("PUT", announced["url"], content=content, headers=headers)


@ARTIFACTS.add("artifacts: a running attempt puts a file of 6 MB, and no other attempt announces one")
def _put(run: Run) -> str:
    content = bytes(6_000_000)
    announced = _announced(run, "report.csv", content)
    answer = _upload(run, announced, content)
    answered(answer, 200, "the upload")
    answered(_announce(run, "late.csv", attempt=2), 409, "another attempt")
    return took(answer)


@ARTIFACTS.add(
    "artifacts: S3 refuses another size, other content and an upload that leaves out what is signed", aws_only=True
)
def _refused(run: Run) -> str:
    announced = _announced(run, "refused.csv")
    refused = {
        "another size": _upload(run, announced, CONTENT * 2, **{"Content-Length": str(2 * len(CONTENT))}),
        "other content": _upload(run, announced, CONTENT.upper()),
        "no checksum": _upload(run, announced, CONTENT, **{"x-amz-checksum-sha256": None}),
        "no condition": _upload(run, announced, CONTENT, **{"If-None-Match": None}),
    }
    for what, answer in refused.items():
        expect(answer.is_client_error, f"{what} answered {answer.status_code}")
    return ", ".join(f"{what} {answer.status_code}" for what, answer in refused.items())


@ARTIFACTS.add("artifacts: S3 takes a file once, and another file of its name at another address", aws_only=True)
def _once(run: Run) -> str:
    first, second = _announced(run, "twice.csv"), _announced(run, "twice.csv")
    answered(_upload(run, first), 200, "the first upload")
    again = _upload(run, first)
    answered(again, 412, "the second upload")
    answered(_upload(run, second), 200, "the upload to the second address")
    return f"the second upload answered {again.status_code}"


@ARTIFACTS.add(
    "artifacts: S3 refuses an address for uploads that is read, changed or comes with Authorization", aws_only=True
)
def _misused(run: Run) -> str:
    announced = _announced(run, "misused.csv")
    moved = announced["url"].replace(announced["artifactId"], "0" * 24)
    expect(run.follow("GET", announced["url"]).is_client_error, "an upload's address was read")
    expect(_upload(run, {**announced, "url": moved}).is_client_error, "another file was put")
    if run.options.loopback:
        raise Unproven("the embedded S3 takes Authorization beside a signature; the other two are refused")
    both = _upload(run, announced, Authorization="Bearer nobody")
    expect(both.is_client_error, f"with Authorization it answered {both.status_code}")
    return f"with Authorization {both.status_code}"


@ARTIFACTS.add("artifacts: a completed job lists its file, and sends callers to it", aws_only=True)
def _get(run: Run) -> str:
    if "files" not in run.notes:
        raise Unproven("no job ran for it")
    job_id = run.notes["files"]
    content = f"verified by {run.mark}".encode()
    announced = _announced(run, "got.csv", content)
    answered(_upload(run, announced, content), 200, "the upload")
    put_event(run, "Job Completed", jobId=job_id, attempt=1, outputs=[{"artifact": "got.csv"}, {"artifact": "other"}])
    run.wait_for(job_id, "completed", PATIENCE)
    path = f"{run.public}/jobs/{job_id}/artifacts"
    listed = [artifact["artifactId"] for artifact in data(run.call("GET", path), 200)]
    expect(listed == [announced["artifactId"]], f"{len(listed)} files are listed")
    answer = run.call("GET", f"{path}/{announced['artifactId']}")
    answered(answer, 302, "the download")
    by_json = data(run.call("GET", f"{path}/{announced['artifactId']}", headers={"Accept": "application/json"}), 200)
    for url in (answer.headers["Location"], by_json["url"]):
        expect(run.follow("GET", url).content == content, "the file is another one")
    return took(answer)
