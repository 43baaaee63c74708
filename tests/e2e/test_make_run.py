"""`make run` itself: quick and readable. That it goes without a trace is in test_starts_and_stops.py."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from jobs.dialects import event_bodies

from tests.e2e.embedded import ROOT, now, send
from tests.e2e.test_events import Outside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.embedded import Embedded, Tenant

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


def test_a_shell_that_takes_what_make_env_prints_finds_everything(stack: Embedded) -> None:
    command = f"""
    eval "$({sys.executable} -m local.environment)"
    {sys.executable} -c 'import boto3; print(boto3.client("sts").get_caller_identity()["Account"])'
    {sys.executable} -c 'import boto3; print(len(boto3.client("sqs").list_queues()["QueueUrls"]) > 1)'
    {sys.executable} -c 'import sys; from cli.admin import main; sys.exit(main())' organisation list | grep -c '"Demo"'
    {sys.executable} -c 'import sys; from cli.client import main; sys.exit(main())' profile --table
    """
    inherited = {"AWS_PROFILE": "nobody", "AWS_SESSION_TOKEN": "old", "JOBS_LOCAL_DIR": str(stack.folder)}
    ran = subprocess.run(
        ["sh", "-ec", command], check=False, capture_output=True, text=True, env=os.environ | inherited, cwd=ROOT
    )

    assert ran.returncode == 0, ran.stderr
    account, queues, found, *profile = ran.stdout.splitlines()
    assert (account, queues, found) == (stack.demo["awsAccessKeyId"], "True", "1")
    assert f"the environment, {stack.base_url}" in " ".join(profile)


def test_without_make_run_make_env_prints_one_line_and_nothing_that_a_shell_would_take(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "local.environment"],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"JOBS_LOCAL_DIR": str(tmp_path)},
        cwd=ROOT,
    )

    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == f"There is no {tmp_path}/demo.json: start `make run` in another terminal first.\n"


def test_it_prints_no_secret(stack: Embedded) -> None:
    demo = stack.demo
    secrets = [demo["apiKey"], demo["otherApiKey"], demo["awsAccessKeyId"], demo["awsSecretAccessKey"]]
    secrets += [demo["admin"]["clientSecret"], demo["member"]["clientSecret"]]

    assert [secret for secret in secrets if secret in stack.output] == []


def test_every_line_to_paste_works(stack: Embedded) -> None:
    if not shutil.which("curl"):
        pytest.skip("no curl here")
    began = stack.output.partition("# in another terminal, from this folder\n")[2].partition("\ndocs/quickstart.md")[0]

    ran = subprocess.run(
        ["bash", "-ec", began], check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT
    )

    assert ran.returncode == 0, ran.stdout
    created, listed, over_http, *_, erased = values(ran.stdout)
    assert created["action"] == "export"
    assert listed["jobId"] == created["jobId"]
    assert over_http["data"][0]["jobId"] == created["jobId"]
    assert (erased["action"], erased["status"]) == ("delete_user_data", "completed")
    left = stack.aws("s3").list_object_versions(Bucket=stack.demo["sessionsBucket"], Prefix=stack.demo["projectKey"])
    assert "Versions" not in left


def values(text: str) -> Iterator[dict[str, Any]]:
    """The JSON values that a text has, one after another."""
    while text := text.lstrip():
        value, end = json.JSONDecoder().raw_decode(text)
        yield value
        text = text[end:]


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


def test_an_attempt_that_failed_is_told_with_its_number_and_its_error(stack: Embedded, tenant: Tenant) -> None:
    outside = Outside(stack, tenant)
    tenant.create(maxAttempts=2)
    for attempt in (1, 2):
        outside.job_is("running", 1, attempt)
        outside.report("Job Failed", attempt=attempt, errors=["disk\x1b[31m full"], retryAfter=0)
    name = f"project {tenant.project.project_id}  job 1  "
    wait_for(stack, rf"{name}running → failed       \(export, attempt 2 of 2: disk \[31m full\)$")

    told = [line.partition("  job 1  ")[2] for line in stack.output.splitlines() if name in line]
    told = [re.sub(r"\d\.\d+ s", "N s", line) for line in told]
    assert told == [
        "new → scheduled        (export, due now)",
        "scheduled → running    (export, attempt 1 of 2, +N s after due)",
        "running → scheduled    (export, attempt 2 of 2, due now, after: disk [31m full)",
        "scheduled → running    (export, attempt 2 of 2, +N s after due)",
        "running → failed       (export, attempt 2 of 2: disk [31m full)",
    ]


def test_a_schedule_and_the_job_that_it_makes_are_told(stack: Embedded, tenant: Tenant) -> None:
    at = now() // 1000 * 1000 + 3_000
    body = {"name": "Once", "at": at, "job": {"action": "export"}}
    made = tenant.call("POST", f"{tenant.public}/schedules", json=body).json()["data"]
    project, clock = f"project {tenant.project.project_id}", r"^\d\d:\d\d:\d\d\.\d{3}"
    schedule = f"schedule {made['scheduleId']}"
    lag = r"\+\d\.\d\d s after"

    wait_for(stack, rf"{clock}  {project}  {schedule}  created   \(Once\)$")
    wait_for(
        stack,
        rf"{clock}  {project}  job 1  new → scheduled        \(export, {schedule}, {lag} its occurrence\)$",
    )
    wait_for(stack, rf"{clock}  {project}  job 1  scheduled → running    \(export, {lag} due\)$")
    tenant.call("DELETE", f"{tenant.public}/schedules/{made['scheduleId']}")
    wait_for(stack, rf"{clock}  {project}  {schedule}  deleted   \(Once\)$")
    assert stack.output.count(made["scheduleId"]) == 3


def test_each_wrong_report_of_a_worker_is_a_line_that_says_what_is_wrong_and_quotes_nothing(
    stack: Embedded, tenant: Tenant
) -> None:
    source = f"com.example.t{uuid.uuid4().hex[:12]}"
    secret = "nobody@example.com"
    wrong: dict[tuple[str, str], dict[str, Any]] = {
        ("Job Progress", "jobId: must be an integer"): {"jobId": secret},
        ("Job Completed", "projectKey: is unknown"): {"projectKey": "nobodysKey"},
        ("Job Failed", "jobId: is unknown in this project"): {"jobId": 9},
        ("Job Complete", f"detail-type: must be one of {', '.join(event_bodies.DETAIL_TYPES)}"): {"outputs": [secret]},
    }
    outside = Outside(stack, tenant)
    for (detail_type, _), detail in wrong.items():
        outside.report(detail_type, source=source, **detail)

    wait_for(stack, rf"(?s)({re.escape(source)}.*){{4}}")
    time.sleep(1)

    told = [line for line in stack.output.splitlines() if source in line]
    assert all(re.match(r"\d\d:\d\d:\d\d\.\d{3}  refused  ", line) for line in told), told
    shown = {kind: "an event" if kind == "Job Complete" else kind for kind, _ in wrong}
    assert sorted(line[23:] for line in told) == sorted(
        f"{shown[kind]} from {source}: {reason}" for kind, reason in wrong
    )
    assert secret not in stack.output


def wait_for(stack: Embedded, pattern: str) -> None:
    """Wait for up to ten seconds until a line is printed."""
    deadline = time.monotonic() + 10
    while not re.search(pattern, stack.output, re.MULTILINE):
        assert time.monotonic() < deadline, stack.output
        time.sleep(0.05)
