"""`make verify` against the embedded stack: nothing fails, nothing is said that was not shown, and nothing is left."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from jobs.tenants import Role

from tests.e2e.embedded import ROOT

if TYPE_CHECKING:
    from tests.e2e.embedded import Embedded, Tenant

pytestmark = pytest.mark.e2e


@pytest.mark.slow  # it calls and waits as it would on AWS
def test_it_fails_nothing_marks_what_an_emulator_cannot_show_and_leaves_no_job(stack: Embedded, tenant: Tenant) -> None:
    caller = stack.new_caller(tenant, Role.ADMINISTRATOR)
    own = {
        "URL": stack.base_url,
        "KEY": tenant.key,
        "PROJECT": tenant.project.project_key,
        "CLIENT": f"{caller.client.client_id}:{caller.secret}",
        "WORKFLOW": stack.demo["workflowId"],
        "JOBS_LOCAL_DIR": str(stack.folder),
    }
    inherited = {name: value for name, value in os.environ.items() if name in {"PATH", "TMPDIR"}}
    command = [sys.executable, "-m", "cli.verify"]
    ran = subprocess.run(command, env=inherited | own, cwd=ROOT, capture_output=True, text=True, check=False)

    *lines, counts = ran.stdout.splitlines()
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout + ran.stderr
    assert all(re.match(r"(ok|ok \(on the emulator only\)|unproven): .+ \[.+\]$", line) for line in lines), ran.stdout
    unproven = [line for line in lines if line.startswith("unproven: ")]
    assert f"{len(lines) - len(unproven)} ok, 0 FAILED, {len(unproven)} unproven; " in counts
    assert "[the mode seems to be plain; safe is plain]" in ran.stdout
    assert (
        "ok (on the emulator only): An event that is not valid ends whole in the dead-letter queue, with the reason"
        in ran.stdout
    )
    assert "ok (on the emulator only): 20 jobs start on their chosen seconds" in ran.stdout
    assert "ok: v3: a workflow is run" in ran.stdout
    for secret in (tenant.key, caller.secret, stack.demo["awsSecretAccessKey"], stack.demo["apiKey"]):
        assert secret not in ran.stdout
    jobs = tenant.call("GET", f"{tenant.v1}/jobs").json()["data"]
    assert len(jobs) > 30
    assert {job["status"] for job in jobs} == {"cancelled", "completed"}
