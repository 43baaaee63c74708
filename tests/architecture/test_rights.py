"""A function may make the calls that it makes and no others: its policies compared with the calls of its handler."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from jobs.erasure import erasing
from jobs.erasure.erasing import prefix_of
from jobs.model import BY_SERVICE, DELETE_USER_DATA, Change, Job, Status
from jobs.outcomes import Attempt, Stamp
from jobs.runtime import wiring
from jobs.store import items, keys
from jobs.tenants import Retention

from tests.architecture.project import FOLDERS, logical_id, properties, rights
from tests.builders import a_job, an_artifact
from tests.conftest import TABLE
from tests.integration.conftest import PROJECT_KEY, Service, seeded, service
from tests.stores import an_admin, the_store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["seeded", "service"]  # fixtures, which pytest finds by their names here

#: The rights that the parts of a transaction need.
OF_TRANSACTION = {
    "ConditionCheck": "dynamodb:ConditionCheckItem",
    "Delete": "dynamodb:DeleteItem",
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
}
#: The buckets of the fixture, by their names in the template.
BUCKETS = {"sessions": "SessionsBucket", "artifacts": "ArtifactsBucket"}
#: The right that a PartiQL statement needs, by its verb.
OF_STATEMENT = {"UPDATE": "dynamodb:PartiQLUpdate"}


def needed(client: str, operation: str, parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a call needs by AWS's Service Authorization Reference: a resource of the template and an action on it."""
    match client, operation:
        case "dynamodb", _:
            yield from needed_of_table(operation, parameters)
        case "sqs", _:
            yield queue_of(parameters), "sqs:SendMessage" if operation == "SendMessageBatch" else f"sqs:{operation}"
        case "events", _:
            yield "EventBus", f"events:{operation}"
        case "s3", "ListObjectVersions":
            yield BUCKETS[parameters["Bucket"]], "s3:ListBucketVersions"
        case "s3", "DeleteObjects":
            bucket = parameters["Bucket"]
            yield from (needed_to_delete(bucket, version) for version in parameters["Delete"]["Objects"])
        # signing an address makes no call, but the address acts with the rights of its signer
        case "s3", "PutObject" | "GetObject" if parameters["Bucket"] == "artifacts":
            yield "ArtifactsBucket/*", f"s3:{operation}"
        case "s3", "DeleteObject":
            yield needed_to_delete(parameters["Bucket"], parameters)
        case _:
            yield client, operation


def needed_of_table(operation: str, parameters: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    match operation:
        case "TransactWriteItems":
            for item in parameters["TransactItems"]:
                yield from (("JobsTable", OF_TRANSACTION[part]) for part in item)
        case "BatchExecuteStatement":
            for statement in parameters["Statements"]:
                yield "JobsTable", OF_STATEMENT[statement["Statement"].split()[0]]
        case _ if "IndexName" in parameters:
            yield f"JobsTable/index/{parameters['IndexName']}", f"dynamodb:{operation}"
        case _:
            yield "JobsTable", f"dynamodb:{operation}"


def queue_of(parameters: Mapping[str, Any]) -> str:
    """The queue of a call. The fixture names its queues like those of the template."""
    name: str = parameters["QueueUrl"].rpartition("/")[2]
    return {"start": "StartQueue", "fire": "FireQueue"}.get(name, name)


def needed_to_delete(bucket: str, version: Mapping[str, Any]) -> tuple[str, str]:
    return f"{BUCKETS[bucket]}/*", "s3:DeleteObjectVersion" if "VersionId" in version else "s3:DeleteObject"


#: When the job of v3's events was created.
FILES_AT = 0x66EB_D18D * 1_000
#: The queues that the service fixture lacks, each with the variable that names it for a function.
OTHER_QUEUES = {
    "IngestQueue": "INGEST_QUEUE_URL",
    "IngestDeadLetterQueue": "INGEST_DEAD_LETTER_QUEUE_URL",
    "DeleteUserDataQueue": "WORKER_QUEUE_URL",
}
#: A call that moto does not understand. The test records it and answers in the place of moto.
UNANSWERED = "before-call.dynamodb.BatchExecuteStatement"
#: What Lambda does to read a queue in a function's name.
READ_QUEUE = {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}
#: What Lambda does in a function's name, and no handler is seen to do: reading its event source, and keeping what could
#: not be published.
BY_LAMBDA = {
    "start_jobs": {"StartQueue": READ_QUEUE},
    "fire_schedules": {"FireQueue": READ_QUEUE},
    "ingest_events": {"IngestQueue": READ_QUEUE},
    "delete_user_data": {"DeleteUserDataQueue": READ_QUEUE},
    "publish_changes": {
        "JobsTable/stream": {
            *("dynamodb:DescribeStream", "dynamodb:GetRecords"),
            *("dynamodb:GetShardIterator", "dynamodb:ListStreams"),
        },
        "FailedChangesBucket": {"s3:ListBucket"},
        "FailedChangesBucket/*": {"s3:PutObject"},
    },
}


OF_TRACES = {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}


def by_lambda(folder: str) -> dict[str, set[str]]:
    """What Lambda does in a function's name: logs and traces beside the above."""
    return {
        f"{logical_id(folder).removesuffix('Function')}LogGroup": {"logs:CreateLogStream", "logs:PutLogEvents"},
        **({} if properties(folder).get("Tracing") == "PassThrough" else {"*": OF_TRACES}),
        **BY_LAMBDA.get(folder, {}),
    }


class Watch:
    """The calls of each function, recorded as they enter the clients."""

    def __init__(self, service: Service) -> None:
        self.calls: dict[str, dict[str, set[str]]] = {folder: defaultdict(set) for folder in FOLDERS}
        self._service = service
        self._function = ""

    def invoke(self, function: str, event: dict[str, Any]) -> Any:
        self._function = function
        wiring.clear()  # each function has an environment of its own, which knows no credential yet
        try:
            return Service.invoke(self._service, function, event)
        finally:
            self._function = ""

    def see(self, params: Mapping[str, Any], model: Any, **_: Any) -> None:
        if not self._function:
            return  # made by hand
        for resource, action in needed(model.service_model.service_name, model.name, params):
            self.calls[self._function][resource].add(action)


def tour(service: Service) -> None:
    """Go every way through the functions that makes other calls."""
    for dialect in ("openreplay_v1", "public"):
        service.http("list_jobs", dialect)
    # a job behind a full block, so that the project's row notes the new block
    service.dynamodb.put_item(TableName=TABLE, Item=items.job_to_item(a_job(job_id=1_000), "token", 32))
    job = service.create(params={"format": "csv"})
    service.http("create_job", "public", headers={"idempotency-key": "tour"})
    for dialect in ("openreplay_v1", "public"):
        service.http("create_job", f"{dialect}_delete_user")
    for _ in ("a tick", "its sweep, which looks no further than the tick before"):
        service.invoke("dispatch_due_jobs", service.event("dispatch_due_jobs", "schedule"))
    service.invoke("start_jobs", service.event("start_jobs", "hint"))
    service.invoke("start_jobs", service.event("start_jobs", "herd"))
    path = {"jobId": str(job["jobId"])}
    service.http("get_job", "public_details", path=path)
    service.http("move_job", "public", path=path, body='{"startAt": 0}')
    service.http("cancel_job", "public", path=path)
    service.http("create_job", "public_retry", path=path)
    service.http("get_messages", "public", path=path)
    service.http("issue_token", "basic")
    run = {"jobId": service.run_workflow()}
    for case in ("alteryx_v3", "alteryx_v3_workflow"):
        service.http("list_jobs", case)
    for case in ("alteryx_v3_list", "alteryx_v3"):
        service.http("get_workflows", case)
    for function in ("get_job", "get_messages", "cancel_job"):
        service.http(function, "alteryx_v3", path=run)
    manage_and_fire_schedules(service)
    put_and_get_files(service)
    service.http("answer_unrouted", "unknown_path")
    take_events(service)
    take_requests_for_schedules(service)
    work_and_reap(service)


def manage_and_fire_schedules(service: Service) -> None:
    """Make schedules that are due, let a tick hint them, fire them, have one run out of turn, change and remove it."""
    soon = time.time_ns() // 1_000_000 + 1_000
    asked: Any = {"name": "s", "every": 60, "startAt": soon, "job": {"action": "a", "params": {"b": 1}}}
    deletion = {"action": DELETE_USER_DATA, "referenceId": "ada"}
    ids = []
    several: tuple[dict[str, Any], ...] = ({"overlap": "skip"}, {"job": deletion}, {})
    for number, overrides in enumerate(several):
        key = {"idempotency-key": str(number)}
        made = service.http("manage_schedules", "public", body=json.dumps({**asked, **overrides}), headers=key)
        ids.append(made.json["data"]["scheduleId"])
    service.http("manage_schedules", "public_preview")
    service.invoke("dispatch_due_jobs", service.event("dispatch_due_jobs", "schedule"))
    hint = service.event("fire_schedules", "hint")
    hint["Records"][0]["body"] = json.dumps({"projectId": 1, "schedules": [[of, soon] for of in ids]})
    service.invoke("fire_schedules", hint)
    for of in ids:  # as if a minute had passed: now the last job is looked at, and the user has an active deletion
        service.dynamodb.update_item(
            TableName=TABLE,
            Key=items.key(keys.schedule_state(1, of)),
            UpdateExpression="SET due = :due",
            ExpressionAttributeValues={":due": items.number(soon + 1)},
        )
    service.invoke("fire_schedules", hint)
    path = {"scheduleId": ids[0]}
    service.http("manage_schedules", "public_run", path=path)
    for case in ("public", "public_list", "public_occurrences"):
        service.http("get_schedules", case, path=path)
    service.http("manage_schedules", "public_change", path=path)
    service.http("manage_schedules", "public_remove", path=path)
    of_user = {"scheduleId": service.http("manage_schedules", "alteryx_v3").json["id"]}
    for case in ("alteryx_v3", "alteryx_v3_list"):
        service.http("get_schedules", case, path=of_user)
    for case in ("alteryx_v3_change", "alteryx_v3_replace", "alteryx_v3_remove"):
        service.http("manage_schedules", case, path=of_user)


def put_and_get_files(service: Service) -> None:
    """Announce a file, complete the job with it as an output, list and get it."""
    put(service, running(at=FILES_AT))
    artifact_id = service.http("announce_artifact", "public").json["data"]["artifactId"]
    the_store().complete_job(Attempt(1, 1, 1), Stamp(3, "key:key-demo", "files"), [{"artifact": "report.csv"}])
    service.http("get_artifacts", "public_list")
    service.http("get_artifacts", "public", path={"artifactId": artifact_id})
    service.http("get_artifacts", "alteryx_v3", path={"outputId": artifact_id})
    service.http("get_job", "alteryx_v3")


def take_events(service: Service) -> None:
    """Take events: reports before the start and after it, requests, and one that is refused."""
    put(service, a_job(job_id=1))
    service.invoke("ingest_events", service.event("ingest_events", "job_progress"))
    put(service, running())
    for case in ("job_message", "job_completed", "batch_with_poison"):
        service.invoke("ingest_events", service.event("ingest_events", case))


def take_requests_for_schedules(service: Service) -> None:
    """Have schedules made by events: one, another with the same key, and one that occurs soon."""
    (record,) = service.event("ingest_events", "schedule_requested")["Records"]
    envelope = json.loads(record["body"])
    soon = {"idempotencyKey": None, "cron": None, "timezone": None, "every": 60}
    for number, changes in enumerate(({}, {}, soon)):
        event = {**envelope, "id": f"{number}", "detail": {**envelope["detail"], **changes}}
        arrived = {"SentTimestamp": str(time.time_ns() // 1_000_000)}
        service.invoke("ingest_events", {"Records": [{**record, "body": json.dumps(event), "attributes": arrived}]})


def work_and_reap(service: Service) -> None:
    """Publish a change, delete a user's data in more than one invocation, and end a lost attempt."""
    service.invoke("publish_changes", service.event("publish_changes", "created_with_params"))
    put(service, running(action=DELETE_USER_DATA, reference_id="user/1"))
    wiring.client("s3", 10).put_object(Bucket="sessions", Key=f"{prefix_of(PROJECT_KEY, 'user/1')}session", Body=b"")
    service.invoke("delete_user_data", service.event("delete_user_data", "started"))
    put(service, running(next_at=1, max_attempts=2))
    service.invoke("reap_lost_jobs", service.event("reap_lost_jobs", "schedule"))
    an_admin(service.dynamodb).set_retention(1, Retention(redact_days=0))
    put(service, running(next_at=1, reference_id="ann")._replace(status=Status.CANCELLED))
    old = running(reference_id="ann", action="old")._replace(job_id=2)
    put(service, old)
    artifact = an_artifact()
    row = {**items.key(keys.artifact(1, 1, 0)), "id": items.string(artifact.artifact_id)}
    service.dynamodb.put_item(TableName=TABLE, Item=row)
    wiring.client("s3", 10).put_object(Bucket="artifacts", Key="1/1/1/file", Body=b"")
    wiring.clear()
    service.invoke("redact_jobs", service.event("redact_jobs", "schedule"))
    put(service, running())
    wiring.client("s3", 10).put_object(Bucket="sessions", Key=f"{PROJECT_KEY}/late", Body=b"")
    an_admin(service.dynamodb).close_project(1)
    service.invoke("redact_jobs", service.event("redact_jobs", "schedule"))


def running(at: int = 1, **changes: Any) -> Job:
    history = (Change(Status.SCHEDULED, at, "key:key-demo"), Change(Status.RUNNING, at + 1, BY_SERVICE))
    return a_job(job_id=1, **changes)._replace(status=Status.RUNNING, history=history)


def put(service: Service, job: Job) -> None:
    service.dynamodb.put_item(TableName=TABLE, Item=items.job_to_item(job, "token", 32))


@pytest.fixture
def whole(service: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """The service with everything else that its functions call, by its names in the template."""
    urls = {name: service.sqs.create_queue(QueueName=name)["QueueUrl"] for name in OTHER_QUEUES}
    s3, bus = wiring.client("s3", 10), boto3.client("events")
    for bucket in BUCKETS:
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    bus.create_event_bus(Name="jobs")
    environment = {
        "ACCOUNT_ID": "123456789012",
        "ARTIFACTS_BUCKET": "artifacts",
        "EVENT_BUS_NAME": "jobs",
        "SESSIONS_BUCKET": "sessions",
        "START_BATCH_SIZE": "25",
        **{variable: urls[name] for name, variable in OTHER_QUEUES.items()},
    }
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    answer: Any = SimpleNamespace(status_code=200, headers={}, content=b""), {"Responses": [{"TableName": TABLE}] * 2}
    wiring.dynamodb().meta.events.register(UNANSWERED, lambda **_: answer, unique_id=UNANSWERED)
    # the next invocation does what is left after one batch
    monkeypatch.setattr(erasing, "BATCH_TIME", 60_000)
    yield service
    wiring.dynamodb().meta.events.unregister(UNANSWERED, unique_id=UNANSWERED)
    for url in urls.values():
        service.sqs.delete_queue(QueueUrl=url)
    for bucket in BUCKETS:
        for version in s3.list_object_versions(Bucket=bucket).get("Versions", []):
            s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
        s3.delete_bucket(Bucket=bucket)
    bus.delete_event_bus(Name="jobs")


def test_a_function_may_make_exactly_the_calls_it_makes(whole: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch(whole)
    monkeypatch.setattr(whole, "invoke", watch.invoke)
    clients: list[Any] = [wiring.dynamodb(), wiring.client("sqs"), wiring.client("s3", 10), wiring.client("events")]
    clients.append(wiring.s3_signer())
    seen = [client.meta.events for client in clients]
    for events in seen:
        events.register("before-parameter-build", watch.see)
    try:
        tour(whole)
    finally:
        for events in seen:
            events.unregister("before-parameter-build", watch.see)

    for folder in FOLDERS:
        for resource, actions in by_lambda(folder).items():
            watch.calls[folder][resource] |= actions
    assert watch.calls == {folder: rights(folder) for folder in FOLDERS}
