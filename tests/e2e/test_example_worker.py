"""The worker of examples/worker beside the embedded stack, as `make worker` runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import pytest

from tests.e2e.embedded import NO_CERTIFICATES, ROOT, send

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.e2e.embedded import Embedded

pytestmark = pytest.mark.e2e

PATIENCE = 40.0


@dataclass
class Example:
    """The example worker as a process, and jobs of the demo project for it."""

    stack: Embedded
    output: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it takes messages."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "JOBS_"))}
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "local.worker"],
                cwd=ROOT,
                env=environment | {"JOBS_LOCAL_DIR": str(self.stack.folder)},
                stdout=output,
                stderr=output,
            )
        self.until(lambda: "waiting for jobs" in self.output.read_text())

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(30)

    def until(self, look: Callable[[], Any], seconds: float = PATIENCE) -> Any:
        """Look until there is something to see."""
        end = time.monotonic() + seconds
        while not (seen := look()):
            assert time.monotonic() < end, self.output.read_text()
            time.sleep(0.1)
        return seen

    def call(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Call the public API as the demo project."""
        demo = self.stack.demo
        headers = {"Authorization": f"Bearer {demo['apiKey']}", **request.pop("headers", {})}
        return send(self.stack.base_url, method, f"/public/{demo['projectKey']}{path}", headers=headers, **request)

    def create(self, **body: Any) -> int:
        """Ask for a report."""
        answer = self.call("POST", "/jobs", json={"action": "export_report", **body})
        assert answer.status_code == 201, answer.text
        job_id: int = answer.json()["data"]["jobId"]
        return job_id

    def job(self, job_id: int) -> dict[str, Any]:
        """A job with its details."""
        job: dict[str, Any] = self.call("GET", f"/jobs/{job_id}?include=details").json()["data"]
        return job

    def job_is(self, job_id: int, *statuses: str) -> dict[str, Any]:
        """Wait until a job has one of some statuses."""

        def look() -> dict[str, Any] | None:
            job = self.job(job_id)
            return job if job["status"] in statuses else None

        job: dict[str, Any] = self.until(look)
        return job


@pytest.fixture
def example(another: Callable[..., Embedded], tmp_path: Path) -> Iterator[Example]:
    # a stack of its own: its jobs are in the demo project, whose numbers another test counts
    stack = another()
    stack.start()
    made = Example(stack, tmp_path / "worker.log")
    made.start()
    yield made
    assert made.process is not None
    if made.process.poll() is None:
        assert made.end() == 0
    stack.stop()


@pytest.mark.slow
def test_it_works_fails_tries_again_and_stops_when_it_is_cancelled(example: Example) -> None:
    done, busy, never = (
        example.create(params={"steps": 3}),
        example.create(params={"steps": 1, "busy": True}, maxAttempts=2),
        example.create(params={"month": "never"}, maxAttempts=5),
    )

    completed = example.job_is(done, "completed", "failed")
    assert completed["outputs"] == [{"rows": 3}, {"artifact": "report.csv"}]
    assert completed["message"] == "3 of 3"
    [file] = example.call("GET", f"/jobs/{done}/artifacts").json()["data"]
    answer = example.call("GET", f"/jobs/{done}/artifacts/{file['artifactId']}", headers={"Accept": "application/json"})
    assert httpx.get(answer.json()["data"]["url"], verify=NO_CERTIFICATES, trust_env=False).content == b"1\n2\n3\n"

    again = example.job_is(busy, "completed", "failed")
    assert (again["status"], again["attempt"]) == ("completed", 2)
    assert [entry["error"] for entry in again["history"]] == [None, None, "the warehouse is busy", None, None]

    failed = example.job_is(never, "completed", "failed")
    assert (failed["status"], failed["attempt"], failed["errors"]) == ("failed", 1, "there is no such month")

    long = example.create(params={"steps": 200})
    example.until(lambda: example.job(long)["progress"])
    assert example.call("DELETE", f"/jobs/{long}").status_code == 200
    began = time.monotonic()
    example.until(lambda: f"job {long} was cancelled" in example.output.read_text(), 10)
    assert time.monotonic() - began < 5

    twice = example.create(params={"steps": 2})
    deliver_again(example.stack, twice)
    example.job_is(twice, "completed")
    example.until(lambda: f"job {twice} is delivered again" in example.output.read_text())
    assert [entry["to"] for entry in example.job(twice)["history"]] == ["scheduled", "running", "completed"]


def deliver_again(stack: Embedded, job_id: int) -> None:
    """Put the start of a job into the worker's queue a second time, as a standard queue may."""
    demo = stack.demo
    aws = boto3.Session(demo["awsAccessKeyId"], demo["awsSecretAccessKey"], region_name=demo["region"])
    sqs = aws.client("sqs", endpoint_url=demo["awsEndpoint"])
    url = sqs.get_queue_url(QueueName="worker-export")["QueueUrl"]
    job = send(
        stack.base_url,
        "GET",
        f"/public/{demo['projectKey']}/jobs/{job_id}?include=details",
        headers={"Authorization": f"Bearer {demo['apiKey']}"},
    ).json()["data"]
    detail = {**job, "projectKey": demo["projectKey"], "deduplicationId": f"{job['projectId']}-{job_id}-2"}
    sqs.send_message(
        QueueUrl=url, MessageBody=json.dumps({"source": "jobs", "detail-type": "Job Started", "detail": detail})
    )


@pytest.mark.slow
def test_the_next_attempt_completes_what_a_killed_process_has_left(example: Example) -> None:
    job_id = example.create(params={"steps": 20}, maxAttempts=2, timeoutSeconds=6)
    example.until(lambda: example.job(job_id)["progress"])
    example.end(signal.SIGKILL)
    lost = example.until(lambda: (job := example.job(job_id))["attempt"] == 2 and job, 150)
    example.start()

    job = example.job_is(job_id, "completed", "failed")

    assert (job["status"], job["attempt"]) == ("completed", 2)
    assert "timed out" in job["history"][2]["error"]
    assert lost["errors"] is None or "timed out" in lost["errors"]


def test_without_a_running_service_it_says_what_to_do(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "JOBS_LOCAL_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "local.worker"]

    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stdout) == (1, "")
    assert "start `make run` in another terminal first" in ran.stderr
