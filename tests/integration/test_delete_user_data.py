"""The worker that erases a user's objects, through the real handler: from its queue, over S3, to the bus."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from jobs.erasure.erasing import prefix_of
from jobs.model import BY_SERVICE, DELETE_USER_DATA, Change, Status
from jobs.runtime import wiring
from jobs.store import items
from moto.s3.models import s3_backends

from tests.builders import a_job
from tests.conftest import TABLE
from tests.integration.conftest import PROJECT_KEY, Context
from tests.stores import the_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    import boto3
    from mypy_boto3_s3 import S3Client

    from tests.integration.conftest import Service

ACCOUNT = "123456789012"  # moto's
BUCKET = "sessions"
USER = "user/1"
AT = prefix_of(PROJECT_KEY, USER)
DONE: dict[str, list[Any]] = {"batchItemFailures": []}


@dataclass
class Worker:
    """The function with its bucket, its queue, and what it has put on the bus."""

    service: Service
    s3: S3Client
    queue_url: str
    entries: list[dict[str, str]]

    def fill(self, prefix: str, count: int) -> None:
        """Put objects straight into the bucket's memory. The API would take ten times as long."""
        backend = s3_backends[ACCOUNT]["aws"]
        for number in range(count):
            backend.put_object(BUCKET, f"{prefix}{number:05}", b"")

    def left(self, prefix: str = "") -> list[str]:
        pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=BUCKET, Prefix=prefix)
        return [v["Key"] for page in pages for v in (*page.get("Versions", []), *page.get("DeleteMarkers", []))]

    def work(self, event: dict[str, Any] | None = None) -> Any:
        return self.service.invoke("delete_user_data", event or self.service.event("delete_user_data", "started"))

    def continuation(self) -> dict[str, Any]:
        """The next delivery: what the function left in its own queue."""
        (message,) = self.service.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10)["Messages"]
        self.service.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
        event = self.service.event("delete_user_data", "started")
        event["Records"][0]["body"] = message["Body"]
        return event

    def reports(self) -> list[tuple[str, dict[str, Any]]]:
        """What was put on the bus since the last call."""
        taken = [(entry["DetailType"], json.loads(entry["Detail"])) for entry in self.entries]
        assert {(entry["EventBusName"], entry["Source"]) for entry in self.entries} <= {
            ("jobs", "jobs.delete_user_data")
        }
        self.entries.clear()
        return taken

    def on_delete(self, monkeypatch: pytest.MonkeyPatch, call: Any) -> list[int]:
        """Call something after each batch, with the number of the batch."""
        batches: list[int] = []
        delete = wiring.ports().sessions.delete

        def watched(versions: Any) -> Any:
            refused = delete(versions)
            batches.append(len(versions))
            call()
            return refused

        monkeypatch.setattr(wiring.ports().sessions, "delete", watched)
        return batches


@pytest.fixture(scope="module")
def s3(aws: boto3.Session) -> S3Client:
    return aws.client("s3")


@pytest.fixture
def worker(service: Service, aws: boto3.Session, s3: S3Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    queue_url = service.sqs.create_queue(QueueName="worker")["QueueUrl"]
    events = aws.client("events")
    events.create_event_bus(Name="jobs")
    monkeypatch.setenv("EVENT_BUS_NAME", "jobs")
    monkeypatch.setenv("SESSIONS_BUCKET", BUCKET)
    monkeypatch.setenv("WORKER_QUEUE_URL", queue_url)
    wiring.clear()
    history = (Change(Status.SCHEDULED, 1, "key:key-demo"), Change(Status.RUNNING, 2, BY_SERVICE))
    job = a_job(action=DELETE_USER_DATA, reference_id=USER)._replace(status=Status.RUNNING, history=history)
    service.dynamodb.put_item(TableName=TABLE, Item=items.job_to_item(job, "token", 32))
    entries: list[dict[str, str]] = []

    def see(params: dict[str, Any], **_: Any) -> None:
        entries.extend(params["Entries"])

    seen = wiring.client("events").meta.events
    seen.register("before-parameter-build.events.PutEvents", see)
    yield Worker(service, s3, queue_url, entries)
    seen.unregister("before-parameter-build.events.PutEvents", see)
    s3_backends[ACCOUNT]["aws"].reset()
    service.sqs.delete_queue(QueueUrl=queue_url)
    events.delete_event_bus(Name="jobs")


def test_all_versions_of_the_user_s_objects_go_and_the_neighbours_stay(worker: Worker) -> None:
    worker.fill(AT, 2_490)
    worker.fill(AT, 5)  # second versions
    for number in range(5):  # and delete markers
        worker.s3.delete_object(Bucket=BUCKET, Key=f"{AT}{number:05}")
    worker.s3.put_object(Bucket=BUCKET, Key=f"{AT}a b+c%&<é💡>", Body=b"")
    neighbours = [prefix_of(PROJECT_KEY, user) for user in ("user", "user/", "user/10", "user%2F1", "USER/1")]
    neighbours += [f"{PROJECT_KEY}/user/1/", f"other/{AT}"]
    for prefix in neighbours:
        worker.fill(prefix, 1)
    assert len(worker.left(AT)) == 2_501

    assert worker.work() == DONE

    assert worker.left(AT) == []
    assert len(worker.left()) == len(neighbours)
    reports = worker.reports()
    assert sorted(detail["progress"] for kind, detail in reports if kind == "Job Progress") == [39, 79, 100, 100]
    assert [detail for kind, detail in reports if kind == "Job Completed"] == [
        {"projectKey": PROJECT_KEY, "jobId": 1, "attempt": 1, "outputs": [{"deletedObjectVersions": 2_501}]}
    ]
    assert {detail["text"] for kind, detail in reports if kind == "Job Message"} == {
        "Deleting 2501 object versions.",
        "Deleted 2501 object versions.",
    }


def test_a_cancel_in_the_middle_leaves_all_but_one_batch(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    worker.fill(AT, 2_500)
    batches = worker.on_delete(monkeypatch, lambda: worker.service.http("cancel_job", "public", path={"jobId": "1"}))

    assert worker.work() == DONE

    assert batches == [1_000]
    assert len(worker.left(AT)) == 1_500
    kinds = {kind for kind, _ in worker.reports()}
    assert not kinds & {"Job Completed", "Job Failed"}


def test_what_time_is_too_short_for_is_done_in_the_next_delivery(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.fill(AT, 1_500)
    monkeypatch.setattr(Context, "get_remaining_time_in_millis", lambda _: 29_999)

    assert worker.work() == DONE
    assert len(worker.left(AT)) == 500
    event = worker.continuation()
    assert worker.work(event) == DONE
    assert worker.left(AT) == []
    assert worker.work(worker.continuation()) == DONE

    assert [kind for kind, _ in worker.reports()].count("Job Completed") == 1


def test_objects_that_s3_refuses_to_delete_fail_the_job_with_their_number_and_its_code(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiring.ports().clock, "sleep", lambda _: None)
    worker.fill(AT, 1_100)
    keeping = {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject"}
    policy = {"Version": "2012-10-17", "Statement": [{**keeping, "Resource": f"arn:aws:s3:::{BUCKET}/{AT}0000*"}]}
    worker.s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))

    assert worker.work() == DONE

    assert len(worker.left(AT)) == 10
    (failed,) = [detail for kind, detail in worker.reports() if kind == "Job Failed"]
    assert failed["errors"] == ["10 of 1100 object versions could not be deleted: AccessDenied"]


def test_a_bucket_that_is_not_there_fails_the_job(worker: Worker) -> None:
    worker.s3.delete_bucket(Bucket=BUCKET)

    assert worker.work() == DONE

    (failed,) = [detail for kind, detail in worker.reports() if kind == "Job Failed"]
    assert failed["errors"] == ["the object versions could not be listed: NoSuchBucket"]


def test_every_delivery_after_the_end_changes_nothing(worker: Worker) -> None:
    worker.fill(AT, 3)
    worker.work()
    job = the_store().get_job(1, 1)
    assert job
    worker.service.dynamodb.put_item(
        TableName=TABLE, Item=items.job_to_item(job._replace(status=Status.COMPLETED), "token", 32)
    )
    worker.reports()
    worker.fill(AT, 1)

    assert worker.work() == DONE

    assert worker.reports() == []
    assert len(worker.left(AT)) == 1


@pytest.mark.parametrize("body", ["", "{}", '{"source":"jobs","detail-type":"Job Started","detail":{}}'])
def test_what_is_no_order_comes_back_until_the_dead_letter_queue_has_it(worker: Worker, body: str) -> None:
    event = worker.service.event("delete_user_data", "started")
    event["Records"][0]["body"] = body

    assert worker.work(event) == {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]}


def test_an_end_that_can_not_be_reported_comes_again(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    worker.fill(AT, 3)
    with monkeypatch.context() as broken:
        broken.setattr(wiring.ports().bus, "put", lambda events: events)
        assert len(worker.work()["batchItemFailures"]) == 1

    assert worker.work() == DONE

    assert "Job Completed" in {kind for kind, _ in worker.reports()}


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """Everything that the log lines hold."""
    return "\n".join(str(vars(record)) for record in caplog.records)


def test_an_unforeseen_failure_comes_again_and_its_log_quotes_nobody(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError(AT + USER)

    monkeypatch.setattr(wiring.ports().sessions, "delete", fail)
    worker.fill(AT, 1)

    assert len(worker.work()["batchItemFailures"]) == 1

    assert "RuntimeError" in logged(caplog)
    assert not {said for said in (USER, AT) if said in logged(caplog)}


def test_the_logs_of_a_whole_deletion_name_no_user(worker: Worker, caplog: pytest.LogCaptureFixture) -> None:
    worker.fill(AT, 3)

    worker.work()

    assert "'outcome': 'completed'" in logged(caplog)
    assert not {said for said in (USER, AT) if said in logged(caplog)}


def test_the_example_of_a_continuation_goes_on_with_its_numbers(worker: Worker) -> None:
    worker.fill(AT, 1_500)

    assert worker.work(worker.service.event("delete_user_data", "continued")) == DONE

    texts = [detail["text"] for kind, detail in worker.reports() if kind == "Job Message"]
    assert texts == ["Deleted 2500 object versions."]
