"""Every file of `events/` is handed to its built function in a container."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest.mock import ANY

import pytest
from jobs.erasure.erasing import prefix_of
from jobs.model import DELETE_USER_DATA, Job, Status

from tests.architecture.project import ROOT, logical_id
from tests.sam_local.conftest import RUN, a_job_that, event

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.sam_local.conftest import World

pytestmark = pytest.mark.sam_local

NONE_FAILED: dict[str, Any] = {"batchItemFailures": []}

RUNNING = a_job_that(Status.RUNNING, run=RUN)
WITH_ATTEMPTS_LEFT = a_job_that(Status.RUNNING, max_attempts=3)
FAILED = a_job_that(Status.FAILED, errors=("table orders is locked",))
ORDER = json.loads(event("delete_user_data", "started")["Records"][0]["body"])["detail"]
DELETION = a_job_that(Status.RUNNING, action=DELETE_USER_DATA, reference_id=ORDER["referenceId"])
[[_, DUE]] = json.loads(event("start_jobs", "hint")["Records"][0]["body"])["jobs"]
DUE_JOB = a_job_that(Status.SCHEDULED, next_at=DUE)
OF_HERD = a_job_that(Status.SCHEDULED, job_id=2, next_at=DUE)


@dataclass(frozen=True, slots=True)
class Case:
    """What an event must do to a job."""

    #: What the function returns. For an HTTP answer: the status and a part of the body.
    answer: Any
    given: Job = RUNNING
    #: What the job has afterwards.
    then: Mapping[str, Any] = field(default_factory=dict)
    #: How many further jobs there are afterwards.
    creates: int = 0


#: Every file of `events/` has one (tests/architecture/test_tree.py).
CASES = {
    "announce_artifact/public": Case((201, '"headers":{"Content-Length":"11","x-amz-checksum-sha256":"')),
    "answer_unrouted/trailing_slash": Case((308, "")),
    "answer_unrouted/unknown_path": Case((404, '{"error":"not found"}')),
    "cancel_job/alteryx_v3": Case((200, '{"message":"Cancelled Successfully."}'), then={"status": Status.CANCELLED}),
    "cancel_job/openreplay_v1": Case((200, '"status":"cancelled"'), then={"status": Status.CANCELLED}),
    "cancel_job/public": Case((200, '"status":"cancelled"'), then={"status": Status.CANCELLED}),
    "create_job/alteryx_v3_run_workflow": Case((200, '"status":"Queued"'), creates=1),
    "create_job/openreplay_v1_delete_user": Case((200, '"action":"delete_user_data"'), creates=1),
    "create_job/public": Case((201, '"description":"Nightly export"'), creates=1),
    "create_job/public_delete_user": Case((200, '"action":"delete_user_data"'), creates=1),
    "create_job/public_retry": Case((200, '"status":"scheduled"'), FAILED, {"attempt": 2}),
    "delete_user_data/continued": Case(NONE_FAILED, DELETION, {"status": Status.COMPLETED}),
    "delete_user_data/started": Case(NONE_FAILED, DELETION, {"status": Status.COMPLETED}),
    "dispatch_due_jobs/schedule": Case({"due": ANY, "overdue": ANY}),
    # no schedule is there
    "fire_schedules/hint": Case(NONE_FAILED),
    "get_schedules/alteryx_v3": Case((404, '{"message":"Schedule not found."}')),
    "get_schedules/alteryx_v3_list": Case((200, "[")),
    "get_schedules/public": Case((404, '{"error":"schedule not found"}')),
    "get_schedules/public_list": Case((200, '{"data":[')),
    "get_schedules/public_occurrences": Case((404, '{"error":"schedule not found"}')),
    "manage_schedules/alteryx_v3": Case((200, '"frequency":"Weekly"')),
    "manage_schedules/alteryx_v3_change": Case((404, '{"message":"Schedule not found."}')),
    "manage_schedules/alteryx_v3_remove": Case((404, '{"message":"Schedule not found."}')),
    "manage_schedules/alteryx_v3_replace": Case((404, '{"message":"Schedule not found."}')),
    "manage_schedules/public": Case((201, '"cron":"30 2 * * *"')),
    "manage_schedules/public_change": Case((404, '{"error":"schedule not found"}')),
    "manage_schedules/public_preview": Case((200, '"local":"')),
    "manage_schedules/public_remove": Case((404, '{"error":"schedule not found"}')),
    "manage_schedules/public_run": Case((404, '{"error":"schedule not found"}')),
    # the job runs, and so shows no artifact yet
    "get_artifacts/alteryx_v1": Case((404, '{"message":"Output not found."}')),
    "get_artifacts/alteryx_v3": Case((404, '{"message":"Output not found."}')),
    "get_artifacts/public": Case((404, '{"error":"artifact not found"}')),
    "get_artifacts/public_list": Case((200, '{"data":[]}')),
    "get_job/alteryx_v3": Case((200, '"status":"Running"')),
    "get_job/alteryx_v3_without_messages": Case((200, '"status":"Running"')),
    "get_job/openreplay_v1": Case((200, '"status":"running"')),
    "get_job/public": Case((200, '"status":"running"')),
    "get_job/public_details": Case((200, '"history":[')),
    "get_messages/alteryx_v3": Case((200, '"messages":[')),
    "get_messages/public": Case((200, '{"data":[')),
    "ingest_events/batch_with_poison": Case(NONE_FAILED, creates=2),
    "ingest_events/job_completed": Case(NONE_FAILED, then={"status": Status.COMPLETED}),
    "move_job/public": Case((200, '"startAt":1795305600000'), DUE_JOB, {"start_at": 1_795_305_600_000}),
    "ingest_events/job_failed": Case(NONE_FAILED, then={"errors": ("table orders is locked",)}),
    "ingest_events/job_failed_for_good": Case(NONE_FAILED, WITH_ATTEMPTS_LEFT, {"status": Status.FAILED}),
    "ingest_events/job_message": Case(NONE_FAILED),
    "ingest_events/job_progress": Case(NONE_FAILED, then={"progress": 40}),
    "ingest_events/job_requested": Case(NONE_FAILED, creates=1),
    "ingest_events/job_requested_idempotently": Case(NONE_FAILED, creates=1),
    "ingest_events/schedule_requested": Case(NONE_FAILED),
    "ingest_events/object_created": Case(NONE_FAILED, creates=1),
    "issue_token/basic": Case((200, '"token_type":"Bearer"')),
    "issue_token/form": Case((200, '"token_type":"Bearer"')),
    "get_workflows/alteryx_v3": Case((200, '"executionMode":"Standard"')),
    "get_workflows/alteryx_v3_list": Case((200, "[")),
    "get_workflows/alteryx_v3_questions": Case((200, "[]")),
    "list_jobs/alteryx_v3_filtered": Case((200, '{"data":[')),
    "list_jobs/alteryx_v3": Case((200, '"status":"Running"')),
    "list_jobs/alteryx_v3_workflow": Case((200, '"status":"Running"')),
    "list_jobs/openreplay_v1": Case((200, '{"data":[{"jobId":1,')),
    "list_jobs/openreplay_v1_before": Case((200, '{"data":[{"jobId":')),
    "list_jobs/public_erasures": Case((200, '{"data":{"erasures":[')),
    "list_jobs/public_by_reference": Case((200, '{"data":[')),
    "list_jobs/public_filtered": Case((200, '{"data":[')),
    "list_jobs/public": Case((200, '{"data":[{"jobId":1,')),
    "publish_changes/created": Case(NONE_FAILED),
    "publish_changes/created_with_params": Case(NONE_FAILED),
    "publish_changes/moved": Case(NONE_FAILED),
    "publish_changes/schedule_created": Case(NONE_FAILED),
    "publish_changes/started_and_progressed": Case(NONE_FAILED),
    "reap_lost_jobs/schedule": Case({"attempts": 0}),
    "redact_jobs/schedule": Case({"jobs": 0, "entered": 0, "projects": 0}),
    "start_jobs/herd": Case(NONE_FAILED, OF_HERD, {"status": Status.RUNNING}),
    "start_jobs/hint": Case(NONE_FAILED, DUE_JOB, {"status": Status.RUNNING}),
}


@pytest.mark.parametrize("name", CASES)
def test_a_function_does_with_an_event_what_it_is_for(world: World, functions: Any, name: str) -> None:
    function, _, file = name.partition("/")
    case = CASES[name]
    world.given(case.given)
    before = world.jobs()

    answer = functions.invoke(FunctionName=logical_id(function), Payload=json.dumps(event(function, file)))
    returned = json.loads(answer["Payload"].read())

    assert "FunctionError" not in answer, returned
    if isinstance(case.answer, tuple):
        status, part = case.answer
        assert returned["statusCode"] == status, returned
        assert part in returned["body"]
    else:
        assert returned == case.answer
    assert world.jobs() - before == case.creates
    job_id = case.given.job_id
    world.until(lambda: {name: getattr(world.job(job_id), name) for name in case.then} == case.then)


def test_a_deletion_in_a_container_erases_the_user_s_objects(world: World, functions: Any) -> None:
    world.given(DELETION)
    s3, bucket = world.stack.aws("s3"), world.stack.demo["sessionsBucket"]
    prefix = prefix_of(ORDER["projectKey"], ORDER["referenceId"])
    s3.put_object(Bucket=bucket, Key=f"{prefix}session", Body=b"{}")

    functions.invoke(FunctionName="DeleteUserDataFunction", Payload=json.dumps(event("delete_user_data", "started")))

    assert "Versions" not in s3.list_object_versions(Bucket=bucket, Prefix=prefix)
    # its reports go over the stack's bus, which takes time
    world.until(lambda: world.job().status is Status.COMPLETED)


def test_the_command_that_make_sam_local_prints_invokes_a_function(world: World) -> None:
    world.given(RUNNING)
    [line] = [line for line in world.stack.output.splitlines() if " local invoke " in line]

    run = subprocess.run(["sh", "-c", line], cwd=ROOT, capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stderr
    returned = json.loads(run.stdout)
    assert (returned["statusCode"], '"status":"running"' in returned["body"]) == (200, True)
