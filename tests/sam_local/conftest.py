"""The built functions in containers, started once for all tests here: by `make sam-local`, and by SAM's Lambda."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import docker
import pytest
from botocore.config import Config
from jobs.model import BY_SERVICE, Change, Job, Run, Status
from jobs.runtime.admin import directory_admin
from jobs.store import items

from local import engine, sam
from local.emulator import HOST
from tests.builders import a_job
from tests.e2e.embedded import ROOT, Embedded, Tenant, embedded, far_ahead, is_open
from tests.fakes import BY
from tests.stores import WholeStore, a_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mypy_boto3_dynamodb import DynamoDBClient

#: The label of every container of SAM.
OF_SAM = {"label": "sam.cli.container.type=lambda"}
#: The label of the template, which SAM passes on.
SHARDS = 32
#: Seconds that containers and events may take on a slow machine. A success comes sooner.
PATIENCE = 120.0


def event(function: str, case: str) -> dict[str, Any]:
    """One of the example events."""
    content: dict[str, Any] = json.loads((ROOT / "events" / function / f"{case}.json").read_text())
    return content


#: When the job of the example events was created: its id in the third dialect says so, in seconds.
CREATED = 1_000 * int(event("get_job", "alteryx_v3")["pathParameters"]["jobId"][:8], 16)
RUN = Run(workflow_id=event("list_jobs", "alteryx_v3_workflow")["pathParameters"]["workflowId"])


def a_job_that(status: Status, **overrides: Any) -> Job:
    """That job in a state. The tick and the reaper leave it there."""
    history = [Change(Status.SCHEDULED, CREATED, "key:key-demo")]
    if status is not Status.SCHEDULED:
        history.append(Change(Status.RUNNING, CREATED + 1_000, BY_SERVICE))
    if not status.is_active:
        history.append(Change(status, CREATED + 2_000, BY_SERVICE))
    next_at = far_ahead() if status.is_active else None
    return a_job(at=CREATED, **{"status": status, "next_at": next_at, "history": tuple(history), **overrides})


@dataclass(frozen=True, slots=True)
class World:
    """The embedded stack behind the functions."""

    stack: Embedded
    tenant: Tenant
    dynamodb: DynamoDBClient
    table: str

    def given(self, job: Job) -> None:
        """Put a job in the place of the one with its number, and forget the idempotency keys of other examples."""
        # First another job with as many changes. New changes go out as events, and the stack's own worker would take
        # the work of a started deletion away from the function.
        for written in (job._replace(action="export"), job):
            self.dynamodb.put_item(TableName=self.table, Item=items.job_to_item(written, "token", SHARDS))
        for item in self.dynamodb.scan(TableName=self.table, ProjectionExpression="pk, sk")["Items"]:
            if item["pk"]["S"].startswith("idempotency#"):
                self.dynamodb.delete_item(TableName=self.table, Key=item)

    def job(self, number: int = 1) -> Job:
        """A job, as it is now."""
        job = self._store.get_job(self.tenant.project.project_id, number)
        assert job
        return job

    def jobs(self) -> int:
        """How many there are."""
        return self._store.highest_job_id(self.tenant.project, strong=True)

    @property
    def _store(self) -> WholeStore:
        return a_store(self.dynamodb, SHARDS, table=self.table)

    def until(self, so: Callable[[], bool]) -> None:
        """Wait for something that the stack does by itself."""
        deadline = time.monotonic() + PATIENCE
        while not so():
            assert time.monotonic() < deadline, self.job()
            time.sleep(0.1)


@pytest.fixture(scope="session")
def containers() -> Iterator[None]:
    """A container engine. At the end nothing of SAM is left on it."""
    # As `make sam-local-smoke` does: without an engine, its client leaves a socket open.
    if subprocess.run([sys.executable, "-m", "local.engine"], cwd=ROOT, check=False).returncode:
        pytest.skip("no container engine answers")
    before = _containers()
    yield
    assert _containers() - before == set()


def _containers() -> set[str]:
    client = docker.from_env()
    try:
        return {str(container.id) for container in client.containers.list(all=True, filters=OF_SAM)}
    finally:
        client.close()


@pytest.fixture(scope="session")
def world(containers: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """`make sam-local` on a free port."""
    # A person would set the address of the bridge when asked to; the tests do it at once.
    machine = engine.this_machine(os.environ.get("EMULATOR_HOST", "")).name
    running = embedded(tmp_path_factory.mktemp("local"), EMULATOR_HOST=machine)
    running.arguments = ("sam",)
    running.starts_within = running.stops_within = PATIENCE
    try:
        running.start()
        demo, dynamodb = running.demo, running.aws("dynamodb")
        project = directory_admin(dynamodb, demo["tableName"], BY).find_project(demo["projectKey"])
        assert project
        yield World(running, Tenant(demo["baseUrl"], project, demo["apiKey"]), dynamodb, demo["tableName"])
        running.stop()
    finally:
        running.kill()


@pytest.fixture(scope="session")
def functions(world: World) -> Iterator[Any]:
    """A client of SAM's Lambda, with every function."""
    with serving("start-lambda", world.stack.folder / "sam") as url:
        # It waits long for an answer, and never tries a call twice.
        patient = Config(read_timeout=PATIENCE, retries={"total_max_attempts": 1})
        yield boto3.Session("test", "test", region_name="us-east-1").client("lambda", endpoint_url=url, config=patient)


@pytest.fixture(scope="session")
def api_without_table(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The API once more, with a get_job whose table does not exist."""
    folder = tmp_path_factory.mktemp("sam")
    shutil.copytree(world.stack.folder / "sam", folder, dirs_exist_ok=True)
    variables = json.loads((folder / sam.VARIABLES).read_text())
    variables["GetJobFunction"]["JOBS_TABLE"] = "gone"
    (folder / sam.VARIABLES).write_text(json.dumps(variables))
    with serving("start-api", folder) as url:
        yield url


@contextmanager
def serving(subcommand: str, folder: Path) -> Iterator[str]:
    """Run a server of SAM."""
    with socket.socket() as place:
        place.bind((HOST, 0))
        port = place.getsockname()[1]
    output = folder / f"{subcommand}.txt"
    with output.open("wb") as file:
        command = [*sam.command(subcommand, folder), "--port", str(port)]
        process = subprocess.Popen(command, env=sam.environment(os.environ, folder), stdout=file, stderr=file)
    try:
        deadline = time.monotonic() + PATIENCE
        while not is_open(port):
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.1)
        yield f"http://{HOST}:{port}"
    finally:
        process.terminate()
        process.wait(PATIENCE)
