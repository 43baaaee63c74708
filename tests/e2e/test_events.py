"""Events in and out, over the bus and HTTP only: what others ask for and report, and what they hear."""

from __future__ import annotations

import json
import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from jobs.runtime.admin import directory_admin
from jobs.tenancy import administration

from cli import admin
from local.template import load
from tests.e2e.embedded import ROOT, now
from tests.fakes import BY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.embedded import Embedded, Tenant

pytestmark = pytest.mark.e2e

SOURCE = "com.example.worker"
#: Seconds to wait for something. Nothing here takes more than a few.
PATIENCE = 30.0
EVENTS_MD = (ROOT / "docs" / "events.md").read_text()
WORKERS_MD = (ROOT / "docs" / "workers.md").read_text()


def documented(kind: str, page: str = EVENTS_MD) -> list[str]:
    """The fenced blocks of a page of a kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def until(look: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """Look until something is there, and return it."""
    deadline = time.monotonic() + patience
    while not (seen := look()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
    return seen


@dataclass
class Outside:
    """Another service, of this account or another one. It has the bus, the queues and nothing else."""

    stack: Embedded
    tenant: Tenant

    def __post_init__(self) -> None:
        self.events, self.sqs = self.stack.aws("events"), self.stack.aws("sqs")
        [stack] = self.stack.aws("cloudformation").describe_stacks(StackName=self.stack.demo["stackName"])["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        self.account = self.stack.demo["awsAccessKeyId"]  # the emulator takes it for the account
        self.ingest_queue, self.dead_letters = outputs["IngestQueueUrl"], outputs["IngestDeadLetterQueueUrl"]

    def put(self, detail_type: str, source: str = SOURCE, **detail: Any) -> None:
        """Put an event about the tenant's project on the bus."""
        self.put_all([(detail_type, source, detail)])

    def put_all(self, events: list[tuple[str, str, dict[str, Any]]]) -> None:
        """Put up to ten."""
        answer = self.events.put_events(
            Entries=[
                {
                    "EventBusName": self.stack.demo["busName"],
                    "Source": source,
                    "DetailType": detail_type,
                    "Detail": json.dumps({"projectKey": self.tenant.project.project_key, **detail}),
                }
                for detail_type, source, detail in events
            ]
        )
        assert answer["FailedEntryCount"] == 0, answer

    def request(self, **detail: Any) -> None:
        """Ask for a job."""
        self.put("Job Requested", **{"action": "export", **detail})

    def deliver(self, body: object) -> None:
        """Put a message straight on the ingest queue, as rules do, even a malformed one."""
        text = body if isinstance(body, str) else json.dumps(body)
        self.sqs.send_message(QueueUrl=self.ingest_queue, MessageBody=text)

    def envelope(self, **changes: Any) -> dict[str, Any]:
        """A request for a job as a rule would deliver it."""
        return {
            "id": str(uuid.uuid4()),
            "source": SOURCE,
            "account": self.account,
            "detail-type": "Job Requested",
            "detail": {"projectKey": self.tenant.project.project_key, "action": "export"},
            **changes,
        }

    def jobs(self) -> list[dict[str, Any]]:
        """The project's jobs."""
        jobs: list[dict[str, Any]] = self.tenant.call("GET", f"{self.tenant.v1}/jobs").json()["data"]
        return jobs

    def job_is(self, status: str, job_id: int = 1, attempt: int = 1) -> dict[str, Any]:
        """Wait until a job has a status, and return its details."""

        def look() -> dict[str, Any] | None:
            answer = self.tenant.call("GET", f"{self.tenant.public}/jobs/{job_id}?include=details")
            job: dict[str, Any] = answer.json().get("data", {})
            return job if (job.get("status"), job.get("attempt")) == (status, attempt) else None

        job: dict[str, Any] = until(look)
        return job

    def report(self, detail_type: str, **detail: Any) -> None:
        """Report on the first attempt of the first job."""
        self.put(detail_type, **{"jobId": 1, "attempt": 1, **detail})

    def messages(self) -> list[dict[str, Any]]:
        """The messages of the first job."""
        answer = self.tenant.call("GET", f"{self.tenant.public}/jobs/1/messages")
        messages: list[dict[str, Any]] = answer.json()["data"]
        return messages

    def refused(self, count: int, mark: str | None = None) -> list[str]:
        """Wait until `count` events of this project, or with a mark, are dead letters, and return their bodies."""
        found: dict[str, str] = {}

        def look() -> bool:
            taken = self.sqs.receive_message(QueueUrl=self.dead_letters, MaxNumberOfMessages=10, VisibilityTimeout=1)
            bodies = {message["MessageId"]: message["Body"] for message in taken.get("Messages", [])}
            found.update(
                {id_: body for id_, body in bodies.items() if (mark or self.tenant.project.project_key) in body}
            )
            return len(found) >= count

        until(look)
        return list(found.values())


@pytest.fixture
def outside(stack: Embedded, tenant: Tenant) -> Outside:
    return Outside(stack, tenant)


# ---- requests ---------------------------------------------------------------------------------------------------


def test_an_event_creates_a_job_with_all_that_it_asks_for(outside: Outside) -> None:
    outside.request(
        description="Nightly", referenceId="r-1", params={"rate": 1.5}, maxAttempts=3, timeoutSeconds=60, priority="Low"
    )

    job = outside.job_is("running")

    assert {name: job[name] for name in ("action", "description", "referenceId", "params", "maxAttempts")} == {
        "action": "export",
        "description": "Nightly",
        "referenceId": "r-1",
        "params": {"rate": 1.5},
        "maxAttempts": 3,
    }
    assert [change["by"] for change in job["history"]] == [f"event:{SOURCE}", "service"]
    assert job["timeoutAt"] == job["startedAt"] + 60_000


def test_the_same_idempotency_key_twice_is_one_job_and_for_something_else_is_refused(outside: Outside) -> None:
    outside.request(idempotencyKey="once")
    outside.request(idempotencyKey="once")
    outside.request(idempotencyKey="once", action="import")
    outside.request(description="later")

    [refused] = outside.refused(1)
    until(lambda: [job for job in outside.jobs() if job["description"] == "later"])

    assert json.loads(refused)["detail"]["idempotencyKey"] == "once"
    assert [(job["action"], job["description"]) for job in outside.jobs()] in (
        [("export", ""), ("export", "later")],
        [("export", "later"), ("export", "")],
    )


def test_an_event_that_is_delivered_again_counts_once(outside: Outside) -> None:
    envelope = outside.envelope()
    for _ in range(3):
        outside.deliver(envelope)
    until(outside.jobs)
    outside.deliver(envelope)
    outside.deliver(outside.envelope(detail={**envelope["detail"], "description": "later"}))

    until(lambda: [job for job in outside.jobs() if job["description"] == "later"])

    assert len(outside.jobs()) == 2


def test_a_schedule_is_asked_for_by_an_event_and_a_misspelt_request_is_seen(outside: Outside) -> None:
    body: dict[str, Any] = {"name": "nightly", "every": 600, "job": {"action": "export"}, "idempotencyKey": "k"}
    outside.put("schedule request", **body)
    for _ in range(2):
        outside.put("Schedule Requested", **body)

    def schedules() -> list[dict[str, Any]]:
        answer = outside.tenant.call("GET", f"{outside.tenant.public}/schedules")
        found: list[dict[str, Any]] = answer.json()["data"]
        return found

    (refused,) = outside.refused(1)
    assert json.loads(refused)["detail-type"] == "schedule request"
    until(schedules)
    outside.request()
    until(outside.jobs)  # what came before it was taken, too
    ((name, every, action),) = ((one["name"], one["every"], one["job"]["action"]) for one in schedules())
    assert (name, every, action) == ("nightly", 600, "export")


def test_of_a_thousand_events_with_one_poison_999_are_taken_and_one_is_set_aside_whole(outside: Outside) -> None:
    # late enough that none starts while others are being created
    start_at = now() + 86_400_000
    events = [("Job Requested", SOURCE, {"action": "export", "startAt": start_at}) for _ in range(1_000)]
    events[617][2]["colour"] = "blue"
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(outside.put_all, [events[at : at + 10] for at in range(0, 1_000, 10)]))

    def all_there() -> bool:
        # the last number, because numbers have no gap
        return outside.tenant.call("GET", f"{outside.tenant.public}/jobs/999").status_code == 200

    until(all_there, 120)
    refused = outside.refused(1)

    detail = {"projectKey": outside.tenant.project.project_key, **events[617][2]}
    assert [json.loads(body)["detail"] for body in refused] == [detail]
    assert outside.tenant.call("GET", f"{outside.tenant.public}/jobs").headers["x-total-count"] == "999"


@pytest.mark.parametrize("body", ["not JSON: MARK", '{"detail-type": "Job Requested", "detail": {"action": "MARK"}}'])
def test_what_is_no_event_at_all_is_set_aside_as_it_came(outside: Outside, body: str) -> None:
    mark = str(uuid.uuid4())
    outside.deliver(body.replace("MARK", mark))

    assert outside.refused(1, mark) == [body.replace("MARK", mark)]


# ---- reports ----------------------------------------------------------------------------------------------------


def test_a_job_is_reported_on_from_start_to_end(outside: Outside) -> None:
    outside.request()
    started = outside.job_is("running")
    outside.report("Job Progress", progress=40, message="4 of 10")
    until(lambda: outside.job_is("running")["progress"] == 40)
    outside.put("Job Message", jobId=1, status=2, text="a table is empty", toolId=7)
    until(lambda: len(outside.messages()) == 2)
    outside.report("Job Completed", outputs=[{"rows": 12}])

    job = outside.job_is("completed")

    assert (job["progress"], job["outputs"], job["errors"], job["timeoutAt"]) == (100, [{"rows": 12}], None, None)
    assert [(change["from"], change["to"]) for change in job["history"]] == [
        (None, "scheduled"),
        ("scheduled", "running"),
        ("running", "completed"),
    ]
    assert job["startedAt"] == started["startedAt"]
    said = [(message["status"], message["text"], message["toolId"]) for message in outside.messages()]
    assert said == [(1, "4 of 10", 0), (2, "a table is empty", 7)]


def test_a_report_that_comes_before_the_start_is_taken_after_it(outside: Outside) -> None:
    outside.request(startAt=now() + 3_000)
    until(outside.jobs)
    outside.report("Job Completed")
    assert outside.jobs()[0]["status"] == "scheduled"

    job = outside.job_is("completed")

    assert [change["to"] for change in job["history"]] == ["scheduled", "running", "completed"]


def test_a_failed_attempt_is_followed_by_another_and_reports_of_the_first_change_nothing(outside: Outside) -> None:
    outside.request(maxAttempts=2)
    outside.job_is("running")
    outside.report("Job Failed", errors=["no disk"])
    outside.job_is("running", attempt=2)
    outside.report("Job Completed", outputs=["late"])
    outside.report("Job Failed", errors=["late"])
    outside.report("Job Failed", attempt=2, errors=["no disk again"])

    job = outside.job_is("failed", attempt=2)

    assert job["errors"] == "no disk again"
    assert job["outputs"] == []
    assert [change["attempt"] for change in job["history"]] == [1, 1, 2, 2, 2]


def test_a_report_of_a_job_that_has_ended_changes_nothing(outside: Outside) -> None:
    outside.request()
    outside.job_is("running")
    outside.tenant.call("DELETE", f"{outside.tenant.public}/jobs/1")
    before = outside.tenant.details(1)
    for detail_type, detail in (
        ("Job Progress", {"progress": 90}),
        ("Job Completed", {"outputs": [1]}),
        ("Job Failed", {"errors": ["late"]}),
    ):
        outside.report(detail_type, **detail)
    outside.put("Job Message", jobId=1, text="stopped")

    until(outside.messages)

    assert outside.tenant.details(1) == before | {"message": "stopped"}


def reap(outside: Outside) -> None:
    """Run the reaper now instead of within a minute."""
    resource = outside.stack.aws("cloudformation").describe_stack_resource(
        StackName=outside.stack.demo["stackName"], LogicalResourceId="ReapLostJobsFunction"
    )
    name = resource["StackResourceDetail"]["PhysicalResourceId"]
    assert "FunctionError" not in outside.stack.aws("lambda").invoke(FunctionName=name, Payload=b"{}")


def test_an_attempt_whose_worker_was_lost_is_followed_by_another(outside: Outside) -> None:
    outside.request(maxAttempts=2, timeoutSeconds=1)
    until(lambda: outside.job_is("running")["timeoutAt"] < now())
    reap(outside)
    outside.job_is("running", attempt=2)
    outside.report("Job Completed", attempt=2)

    job = outside.job_is("completed", attempt=2)

    assert [change["to"] for change in job["history"]] == ["scheduled", "running", "scheduled", "running", "completed"]
    assert job["errors"] is None


def test_where_no_attempt_is_left_a_lost_worker_fails_the_job(outside: Outside) -> None:
    outside.request(timeoutSeconds=1)
    until(lambda: outside.job_is("running")["timeoutAt"] < now())
    reap(outside)

    job = outside.job_is("failed")

    assert job["errors"] == "attempt 1 of 1 timed out (timeoutSeconds 1)"


# ---- trust ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"account": "111111111111"},
        {"source": "jobs"},
        {"source": "com.example.stranger"},
        {"detail-type": "Job Deleted"},
    ],
    ids=["of another account", "our own source", "a source that is not listed", "of another type"],
)
def test_an_event_that_is_not_trusted_changes_nothing_and_is_set_aside(
    stack: Embedded, outside: Outside, changes: dict[str, str]
) -> None:
    directory = directory_admin(stack.aws("dynamodb"), stack.demo["tableName"], BY)
    administration.trust(directory, outside.tenant.project.project_id, [], {SOURCE: []})
    untrusted = outside.envelope(**changes)
    outside.deliver(untrusted)
    outside.request(description="trusted")

    [refused] = outside.refused(1)
    until(outside.jobs)

    assert json.loads(refused) == untrusted
    assert [job["description"] for job in outside.jobs()] == ["trusted"]


def test_an_operator_sees_an_event_that_failed_and_moves_it_back(
    outside: Outside, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    demo = outside.stack.demo
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", demo["awsAccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", demo["awsSecretAccessKey"])
    outside.sqs.send_message(QueueUrl=outside.dead_letters, MessageBody=json.dumps(outside.envelope()))  # as SQS does

    def refused(*options: str) -> list[dict[str, Any]]:
        there = ["--region", demo["region"], "--endpoint-url", demo["awsEndpoint"]]
        queues = ["--queue-url", outside.dead_letters, "--to", outside.ingest_queue]
        assert admin.main([*there, "events", "refused", *queues, *options]) == 0
        found: list[dict[str, Any]] = next(iter(json.loads(capsys.readouterr().out).values()))
        return found

    newest = refused()[0]
    assert (newest["detailType"], newest["source"], newest["reason"]) == ("Job Requested", SOURCE, None)
    assert refused()[0] == newest

    assert newest in refused("--redrive")
    assert outside.job_is("running")["history"][0]["by"] == f"event:{SOURCE}"
    assert newest["messageId"] not in {letter["messageId"] for letter in refused()}


def test_what_claims_on_the_bus_to_be_ours_is_refused_and_seen(outside: Outside) -> None:
    ours = ["jobs", "jobs.other", "jobs.delete_user_data"]
    for source in (*ours, "jobsite"):
        outside.put("Job Requested", source=source, action="export", description=source)

    refused = outside.refused(3)
    until(outside.jobs)

    assert sorted(json.loads(event)["source"] for event in refused) == sorted(ours)
    assert [job["description"] for job in outside.jobs()] == ["jobsite"]


# ---- events out -------------------------------------------------------------------------------------------------


@pytest.fixture
def told(outside: Outside) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """All events about the project's jobs so far, in the order in which they came."""
    name = f"told-{uuid.uuid4()}"
    url = outside.sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = outside.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["jobs"], "detail": {"projectKey": [outside.tenant.project.project_key]}}
    at = {"EventBusName": outside.stack.demo["busName"]}
    outside.events.put_rule(Name=name, EventPattern=json.dumps(pattern), **at)
    outside.events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}], **at)
    came: list[dict[str, Any]] = []

    def look() -> list[dict[str, Any]]:
        taken = outside.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        came.extend(json.loads(message["Body"]) for message in taken)
        return came

    yield look
    outside.events.remove_targets(Rule=name, Ids=["queue"], **at)
    outside.events.delete_rule(Name=name, **at)
    outside.sqs.delete_queue(QueueUrl=url)


def test_every_status_change_is_told_once_with_an_id_of_its_own(
    outside: Outside, told: Callable[[], list[dict[str, Any]]]
) -> None:
    outside.request(params={"format": "csv"}, maxAttempts=2)
    outside.job_is("running")
    outside.report("Job Progress", progress=10)
    outside.report("Job Failed", errors=["no disk"])
    outside.job_is("running", attempt=2)
    outside.tenant.call("DELETE", f"{outside.tenant.public}/jobs/1")
    retried = outside.tenant.call("POST", f"{outside.tenant.public}/jobs/1/retry")
    outside.job_is("running", attempt=3)
    outside.report("Job Completed", attempt=3)
    until(lambda: len(told()) >= 8)

    project = outside.tenant.project
    assert retried.status_code == 200
    assert [event["detail-type"] for event in told()] == [
        "Job Scheduled",
        "Job Started",
        "Job Retried",
        "Job Started",
        "Job Cancelled",
        "Job Retried",
        "Job Started",
        "Job Completed",
    ]
    details = [event["detail"] for event in told()]
    assert [detail["deduplicationId"] for detail in details] == [f"{project.project_id}-1-{n}" for n in range(1, 9)]
    assert {detail["projectKey"] for detail in details} == {project.project_key}
    assert [detail["attempt"] for detail in details] == [1, 1, 2, 2, 2, 3, 3, 3]
    assert all(detail["params"] == {"format": "csv"} for detail in details)


def test_an_event_out_has_the_documented_fields_in_their_order(
    outside: Outside, told: Callable[[], list[dict[str, Any]]]
) -> None:
    outside.request()
    until(lambda: [event for event in told() if event["detail-type"] == "Job Started"])
    [started] = [event["detail"] for event in told() if event["detail-type"] == "Job Started"]
    shown = next(json.loads(block) for block in documented("json") if "deduplicationId" in block)

    assert [*started] == [*shown]
    own = {"projectId", "createdAt", "updatedAt", "startAt", "projectKey", "deduplicationId"}
    assert {name: started[name] for name in shown.keys() - own} == {name: shown[name] for name in shown.keys() - own}


# ---- other services ---------------------------------------------------------------------------------------------


def filled_in(block: str, bucket: str, project_key: str) -> Any:
    return json.loads(block.replace("UPLOADS_BUCKET_NAME", bucket).replace("UPLOADS_PROJECT_KEY", project_key))


def test_the_documented_rule_for_uploads_is_the_template_s() -> None:
    [pattern, transformer] = [block for block in documented("json") if "UPLOADS_" in block]
    rule = json.dumps(load(ROOT)["Resources"]["UploadsRule"]["Properties"])
    rule = rule.replace('{"Ref": "UploadsBucketName"}', '"bucket"').replace("${UploadsProjectKey}", "key")
    declared = json.loads(rule)
    [target] = declared["Targets"]
    target["InputTransformer"]["InputTemplate"] = target["InputTransformer"]["InputTemplate"]["Fn::Sub"]

    assert filled_in(pattern, "bucket", "key") == declared["EventPattern"]
    assert filled_in(transformer, "bucket", "key") == target["InputTransformer"]


def test_an_object_that_is_put_into_a_bucket_becomes_a_job_by_the_documented_rule(
    stack: Embedded, outside: Outside
) -> None:
    s3, bucket = stack.aws("s3"), f"uploads-{uuid.uuid4()}"
    pattern, transformer = [block for block in documented("json") if "UPLOADS_" in block]
    fill = (bucket, outside.tenant.project.project_key)
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
    queue_arn = outside.sqs.get_queue_attributes(QueueUrl=outside.ingest_queue, AttributeNames=["QueueArn"])
    outside.events.put_rule(Name=bucket, EventPattern=json.dumps(filled_in(pattern, *fill)))
    outside.events.put_targets(
        Rule=bucket,
        Targets=[
            {
                "Id": "IngestQueue",
                "Arn": queue_arn["Attributes"]["QueueArn"],
                "InputTransformer": filled_in(transformer, *fill),
            }
        ],
    )
    key = f'2026/{"long " * 150}"quoted".csv'

    s3.put_object(Bucket=bucket, Key=key, Body=b"12345")
    job = outside.job_is("running")
    outside.events.remove_targets(Rule=bucket, Ids=["IngestQueue"])
    outside.events.delete_rule(Name=bucket)

    assert (job["action"], job["params"]) == ("process_upload", {"bucket": bucket, "key": key, "size": 5})
    assert job["history"][0]["by"] == "event:aws.s3"


def test_the_documented_state_machine_does_a_job(stack: Embedded, outside: Outside) -> None:
    [worker] = documented("yaml", WORKERS_MD)
    cloudformation, name = stack.aws("cloudformation"), f"worker-{uuid.uuid4()}"
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=worker,
        Parameters=[
            {"ParameterKey": "EventBusName", "ParameterValue": stack.demo["busName"]},
            {"ParameterKey": "ProjectKey", "ParameterValue": outside.tenant.project.project_key},
        ],
        Capabilities=["CAPABILITY_IAM"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})

    outside.tenant.create(action="export.orders")
    job = outside.job_is("completed")
    cloudformation.delete_stack(StackName=name)

    assert job["outputs"] == [{"rows": 1200}]
    assert job["history"][-1]["by"] == "event:com.example.export"


def test_the_examples_of_events_in_are_taken(outside: Outside) -> None:
    """Each of `events/ingest_events/` that docs/events.md links, with this project's key and account."""
    linked = re.findall(r"\(\.\./events/ingest_events/((?:job|schedule)_\w+)\.json\)", EVENTS_MD)

    def deliver(case: str, **changes: Any) -> Any:
        linked.remove(case)
        [record] = json.loads((ROOT / "events" / "ingest_events" / f"{case}.json").read_text())["Records"]
        envelope = json.loads(record["body"])
        detail = {**envelope["detail"], "projectKey": outside.tenant.project.project_key, **changes}
        outside.deliver({**envelope, "id": str(uuid.uuid4()), "account": outside.account, "detail": detail})
        return detail

    requested = deliver("job_requested")
    assert outside.job_is("running")["params"] == requested["params"]
    deliver("job_requested_idempotently")
    outside.job_is("running", 2)
    texts = [deliver("job_progress")["message"]]
    until(outside.messages)
    texts.append(deliver("job_message")["text"])
    until(lambda: [message["text"] for message in outside.messages()] == texts)
    completed = deliver("job_completed")
    assert outside.job_is("completed")["outputs"] == completed["outputs"]
    failed = deliver("job_failed", jobId=2)
    assert outside.job_is("failed", 2)["errorList"] == failed["errors"]
    outside.tenant.create(maxAttempts=3)
    outside.job_is("running", 3)
    deliver("job_failed_for_good", jobId=3)
    assert outside.job_is("failed", 3)["attempt"] == 1
    deliver("schedule_requested")
    until(lambda: outside.tenant.call("GET", f"{outside.tenant.public}/schedules").json()["data"])

    assert linked == []
