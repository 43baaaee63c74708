"""`make run` itself: quick, readable, and gone without a trace."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.e2e.embedded import STOPS_WITHIN, Tenant, far_ahead, is_alive, send

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.embedded import Embedded

pytestmark = pytest.mark.e2e


def test_it_is_ready_within_fifteen_seconds(stack: Embedded) -> None:
    assert stack.started < 15


def test_demo_json_opens_both_projects_and_only_its_owner_may_read_it(stack: Embedded) -> None:
    demo = stack.demo

    for project, key in (("projectKey", "apiKey"), ("otherProjectKey", "otherApiKey")):
        answer = send(
            demo["baseUrl"], "GET", f"/public/{demo[project]}/jobs", headers={"Authorization": f"Bearer {demo[key]}"}
        )
        assert answer.status_code == 200
    assert stack.demo_file.stat().st_mode & 0o777 == 0o600
    assert stack.aws("dynamodb").describe_table(TableName=demo["tableName"])["Table"]["TableStatus"] == "ACTIVE"


def test_every_line_to_paste_works(stack: Embedded) -> None:
    if not shutil.which("curl"):
        pytest.skip("no curl here")
    lines = [line for line in stack.output.splitlines() if line.startswith("curl ")]
    assert len(lines) == 8

    def paste(line: str) -> str:
        command = ["sh", "-c", f"{line} -w ' %{{http_code}}'"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    created, listed, shown, cancelled, deletion, erasure = (paste(line) for line in lines[:6])
    completed = _seen(lambda: paste(lines[6]), '"status":"completed"')
    told = _seen(lambda: paste(lines[7]), "Deleted 25 object versions.")

    assert created.endswith(" 201")
    assert erasure.endswith(" 201")
    assert all(output.endswith(" 200") for output in (listed, shown, cancelled, deletion, completed, told))
    assert '"history":[' in shown
    assert '"status":"cancelled"' in cancelled
    assert '"action":"delete_user_data"' in deletion
    left = stack.aws("s3").list_object_versions(Bucket=stack.demo["sessionsBucket"], Prefix=stack.demo["projectKey"])
    assert "Versions" not in left


def _seen(look: Callable[[], str], wanted: str) -> str:
    """Look for up to ten seconds until something is there."""
    deadline = time.monotonic() + 10
    while wanted not in (output := look()):
        assert time.monotonic() < deadline, output
        time.sleep(0.1)
    return output


def test_every_status_change_is_told_in_a_line_of_its_own(stack: Embedded, tenant: Tenant) -> None:
    tenant.create()
    name = f"project {tenant.project.project_id}  job 1  "
    wanted = [
        rf"^\d\d:\d\d:\d\d\.\d{{3}}  {name}new → scheduled        \(export, due now\)$",
        rf"^\d\d:\d\d:\d\d\.\d{{3}}  {name}scheduled → running    \(export, \+\d\.\d\d s after due\)$",
        rf"^\d\d:\d\d:\d\d\.\d{{3}}  {name}running → cancelled    \(export\)$",
    ]
    wait_for(stack, wanted[1])
    tenant.call("DELETE", f"{tenant.public}/jobs/1")
    wait_for(stack, wanted[2])

    told = [line for line in stack.output.splitlines() if name in line]
    assert len(told) == 3
    assert all(re.match(pattern, line) for pattern, line in zip(wanted, told, strict=True))


def wait_for(stack: Embedded, pattern: str) -> None:
    """Wait for up to ten seconds until a line is printed."""
    deadline = time.monotonic() + 10
    while not re.search(pattern, stack.output, re.MULTILINE):
        assert time.monotonic() < deadline, stack.output
        time.sleep(0.05)


def test_a_port_in_use_is_one_clear_line(another: Callable[..., Embedded]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = another(PORT=str(port))
        refused.launch()
        code = refused.process.wait(STOPS_WITHIN)

    assert code == 1
    assert len(refused.output.splitlines()) == 1
    assert f"127.0.0.1:{port}" in refused.output
    assert list(refused.scratch.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("seconds", [0.3, 0.8, 1.3])
def test_a_signal_during_the_start_leaves_nothing_behind(
    another: Callable[..., Embedded], number: int, seconds: float
) -> None:
    interrupted = another()
    interrupted.launch()
    while not list(interrupted.scratch.iterdir()):
        time.sleep(0.01)
    time.sleep(seconds)
    children = interrupted.children()

    interrupted.process.send_signal(number)

    assert interrupted.process.wait(STOPS_WITHIN) == 0
    assert [child for child in children if is_alive(child)] == []
    assert list(interrupted.scratch.iterdir()) == []
    assert not interrupted.demo_file.exists()


def test_persist_keeps_jobs_and_keys_and_the_service_goes_on_with_them(another: Callable[..., Embedded]) -> None:
    kept = another(PERSIST="1")
    kept.start()
    first = kept.demo
    tenant = kept.new_tenant()
    tenant.create(startAt=far_ahead())
    tenant.call("DELETE", f"{tenant.v1}/users/someone")
    before = tenant.call("GET", f"{tenant.v1}/jobs").text
    kept.stop()
    assert kept.demo_file.exists()

    kept.start()
    again = replace(tenant, base_url=kept.base_url)
    after = again.call("GET", f"{again.v1}/jobs").text
    job = again.create()
    deadline = time.monotonic() + 10
    while again.details(job["jobId"])["status"] == "scheduled":
        assert time.monotonic() < deadline, "nothing starts after a restart"
        time.sleep(0.1)
    second = kept.demo
    kept.stop()

    moved = {"baseUrl", "awsEndpoint"}
    assert {name: first[name] for name in first if name not in moved} == {
        name: second[name] for name in second if name not in moved
    }
    assert after == before
    assert job["jobId"] == 3
