"""What README.md shows, as it stands there: a job, its worker, and what `make run` then prints."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import time
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from tests.architecture.test_docs import blocks, text_of
from tests.e2e.embedded import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.embedded import Embedded, Tenant

pytestmark = pytest.mark.e2e

README = text_of("README.md")
#: Seconds to wait until the job is done. The emulator needs a second to start the worker's process.
PATIENCE = 30.0
NAME = "front-door"


def block(kind: str, mark: str) -> str:
    """The fenced block of a kind in README.md that contains a mark."""
    [found] = [text for text in blocks(README, kind) if mark in text]
    return found


@pytest.fixture
def worker(stack: Embedded) -> Iterator[None]:
    """The worker as a Lambda function with the kit, its queue, and the rule that fills it."""
    functions, events, sqs, bus = stack.aws("lambda"), stack.aws("events"), stack.aws("sqs"), stack.demo["busName"]
    queue = sqs.create_queue(QueueName=NAME)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("worker.py", block("python", "jobs_worker"))
        for module in (ROOT / "layers/worker/jobs_worker").glob("*.py"):
            archive.write(module, f"jobs_worker/{module.name}")
    functions.create_function(
        FunctionName=NAME,
        Runtime="python3.13",
        Role="arn:aws:iam::000000000000:role/worker",
        Handler="worker.handler",
        Timeout=30,
        Code={"ZipFile": packed.getvalue()},
        Environment={"Variables": {"JOBS_EVENT_BUS": bus, "JOBS_SOURCE": "com.example.export"}},
    )
    mapping = functions.create_event_source_mapping(
        FunctionName=NAME, EventSourceArn=arn, BatchSize=1, FunctionResponseTypes=["ReportBatchItemFailures"]
    )["UUID"]
    events.put_rule(Name=NAME, EventBusName=bus, EventPattern=block("json", "detail-type"))
    events.put_targets(Rule=NAME, EventBusName=bus, Targets=[{"Id": "worker", "Arn": arn}])
    yield
    functions.delete_event_source_mapping(UUID=mapping)
    sqs.delete_queue(QueueUrl=queue)
    events.remove_targets(Rule=NAME, EventBusName=bus, Ids=["worker"])
    events.delete_rule(Name=NAME, EventBusName=bus)
    functions.delete_function(FunctionName=NAME)


def paste(text: str, tenant: Tenant) -> str:
    """Run lines in a shell, with a tenant's project and key instead of the demo's."""
    told = {"JOBS_URL": tenant.base_url, "JOBS_PROJECT": tenant.project.project_key, "JOBS_KEY": tenant.key}
    python = f'python() {{ {sys.executable} "$@"; }}'
    text = text.replace('eval "$(make -s env)"', python)
    return subprocess.run(["sh", "-c", text], check=True, capture_output=True, text=True, env=os.environ | told).stdout


def told(line: str) -> tuple[str, ...]:
    """A line of `make run` about a change, without its times and numbers."""
    found = re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3}  project \d+  job \d+  (.+?) +\(([\w.]+)(?:, (.+))?\)", line)
    return () if found is None else (found[1], found[2], re.sub(r"\d", "0", found[3] or ""))


def test_the_readme_shows_what_make_run_prints(stack: Embedded) -> None:
    printed = {re.sub(r"\d+", "0", line) for line in stack.output.splitlines()}

    shown = [line for line in block("", "The API is ready").splitlines() if line not in {"", "…"} and not told(line)]
    assert len(shown) == 4
    assert [line for line in shown if re.sub(r"\d+", "0", line) not in printed] == []


@pytest.mark.usefixtures("worker")
def test_the_job_of_the_readme_is_done_by_its_worker_and_told_as_it_shows(stack: Embedded, tenant: Tenant) -> None:
    created: dict[str, Any] = json.JSONDecoder().raw_decode(paste(block("sh", "curl"), tenant))[0]["data"]

    deadline = time.monotonic() + PATIENCE
    while (job := tenant.details(created["jobId"]))["status"] != "completed":
        assert time.monotonic() < deadline, job
        time.sleep(0.2)

    assert created["action"] == "export.orders"
    assert job["params"] == {"month": "2026-11"}
    assert job["outputs"] == [{"rows": 1200}]
    assert job["history"][-1]["by"] == "event:com.example.export"
    shown = [told(line) for line in block("", "The API is ready").splitlines() if told(line)]
    assert len(shown) == 3
    own = f"project {tenant.project.project_id}  "
    while shown != [change for line in stack.output.splitlines() if own in line and (change := told(line))]:
        assert time.monotonic() < deadline, stack.output
        time.sleep(0.2)
