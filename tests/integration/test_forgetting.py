"""One user of many is deleted: where the user's id still is, in everything that the service keeps, and what is left."""

from __future__ import annotations

import copy
import io
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import moto.dynamodb.models
import pytest
from jobs.erasure.erasing import prefixes_of
from jobs.lifecycle.creation import Request, create_batch
from jobs.model import DAY, DELETE_USER_DATA, JobKey, Message, SeenEvent, Severity
from jobs.outcomes import Attempt, Failure, Stamp
from jobs.runtime import observability, wiring
from jobs.tenants import Retention
from moto.dynamodb.models.table import Table
from moto.s3.models import S3Backend, s3_backends

from tests.builders import a_request, an_artifact
from tests.conftest import TABLE
from tests.fakes import FakeClock
from tests.integration.conftest import PROJECT_KEY
from tests.stores import an_admin, the_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    import boto3
    from jobs.model import Job

    from tests.integration.conftest import Service

ACCOUNT = "123456789012"  # moto's
RETENTION = Retention(30, 90)
#: Jobs, and the users that they are about in turn.
SIZES = [(60, 6), pytest.param((3_000, 50), marks=pytest.mark.prove)]
NOW = 1_795_219_200_000
#: Whose data is deleted: an id that is spelt in another way wherever it is encoded.
ANN = "ann+o'neil(ü)@example.com"
SPELLINGS = {
    ANN,
    ANN.upper(),
    quote(ANN, safe=""),
    quote(ANN, safe="!'()*"),
    quote(ANN, safe="").lower(),
    json.dumps(ANN)[1:-1],
    "o'neil",
}


def user(number: int) -> str:
    return ANN if number == 0 else f"user-{number}@example.com"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    clock = FakeClock(NOW)
    monkeypatch.setattr(wiring, "SystemClock", lambda: clock)
    # moto's tables take one call at a time
    monkeypatch.setattr(wiring, "in_threads", lambda work, given: [work(each) for each in given])
    return clock


@pytest.fixture(autouse=True)
def quick_moto(monkeypatch: pytest.MonkeyPatch) -> None:
    """Moto in a time that grows with the jobs, not with their square.

    For each row of a transaction moto copies the whole table, to put it back if a condition fails. Here none does, as
    nobody else is at work. For each page of a bucket it copies all versions.
    """
    list_versions = S3Backend.list_object_versions
    copies = SimpleNamespace(copy=copy.copy, deepcopy=lambda of: of if isinstance(of, Table) else copy.deepcopy(of))
    monkeypatch.setattr(moto.dynamodb.models, "copy", copies)

    def list_prefix(backend: S3Backend, bucket_name: str, **more: Any) -> Any:
        bucket = backend.get_bucket(bucket_name)
        whole, part = bucket.keys, type(bucket.keys)()
        for key, versions in whole.lists():
            if key.startswith(more.get("prefix") or ""):
                part.setlist(key, versions)
        bucket.keys = part
        try:
            return list_versions(backend, bucket_name, **more)
        finally:
            bucket.keys = whole

    monkeypatch.setattr(S3Backend, "list_object_versions", list_prefix)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    log = io.StringIO()
    monkeypatch.setattr(observability.logger().registered_handler, "stream", log)
    return log


@pytest.fixture
def whole(
    service: Service, aws: boto3.Session, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Service, list[Any]]]:
    """The service with buckets, the queue of its worker, and the events that it puts on the bus."""
    s3 = aws.client("s3")
    for variable, bucket in {"SESSIONS_BUCKET": "sessions", "ARTIFACTS_BUCKET": "artifacts"}.items():
        monkeypatch.setenv(variable, bucket)
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    queues = {"WORKER_QUEUE_URL": "worker", "INGEST_QUEUE_URL": "ingest", "INGEST_DEAD_LETTER_QUEUE_URL": "dead"}
    urls = {variable: service.sqs.create_queue(QueueName=name)["QueueUrl"] for variable, name in queues.items()}
    for variable, value in {**urls, "ACCOUNT_ID": ACCOUNT, "EVENT_BUS_NAME": "jobs", "SHARD_COUNT": "4"}.items():
        monkeypatch.setenv(variable, value)
    an_admin(service.dynamodb).set_retention(1, RETENTION)
    wiring.clear()
    put: list[Any] = []

    def keep(events: Any) -> list[Any]:
        put.extend(events)
        return []

    monkeypatch.setattr(type(wiring.ports().bus), "put", lambda _self, events: keep(events))
    yield service, put
    for url in urls.values():
        service.sqs.delete_queue(QueueUrl=url)
    s3_backends[ACCOUNT]["aws"].reset()
    wiring.clear()


def live(number: int, of: str) -> None:
    """What a job leaves that fails once and then completes: evidence, messages, a file, outputs."""
    store = the_store()
    key = JobKey(1, number)
    store.start_jobs([key], NOW + 1)
    store.add_message(1, number, Message(NOW + 1, Severity.WARNING, of), SeenEvent(f"{number}".zfill(64), NOW))
    store.back_off_job(Attempt(1, number, 1), Stamp(NOW + 2, "event:w", f"a{number}"), NOW + 3, Failure([of]))
    store.start_jobs([key], NOW + 4)
    artifact = an_artifact(job_id=number, attempt=2, name=of.replace("/", ""))
    store.put_artifact(0, artifact, None)
    s3_backends[ACCOUNT]["aws"].put_object("artifacts", f"1/{number}/2/{artifact.artifact_id}", of.encode())
    end = Stamp(NOW + 5, "event:w", f"b{number}", RETENTION.first_due(NOW + 5))
    store.complete_job(Attempt(1, number, 2), end, [{"artifact": artifact.name}, of])


def dump(service: Service, log: io.StringIO) -> dict[str, str]:
    """Everything that the service keeps, by where it is: rows, objects with what is in them, messages, the log."""
    found: dict[str, str] = {}
    for page in service.dynamodb.get_paginator("scan").paginate(TableName=TABLE):
        found |= {f"row {item['pk']['S']} {item['sk']['S']}": repr(item) for item in page["Items"]}
    for name, bucket in s3_backends[ACCOUNT]["aws"].buckets.items():
        for key, versions in bucket.keys.lists():
            found[f"object {name} {key}"] = key + repr([version.value for version in versions])
    for url in service.sqs.list_queues()["QueueUrls"]:
        messages = service.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        found[f"queue {url}"] = repr(messages.get("Messages"))
    return {**found, "log": log.getvalue()}


def hits(dumped: dict[str, str]) -> set[str]:
    return {where for where, what in dumped.items() if any(spelling in what for spelling in SPELLINGS)}


def report(service: Service, event: Any, number: int) -> None:
    """An event of the bus, as the rule puts it on the ingest queue."""
    body = {
        "id": f"{number}",
        "source": event.source,
        "account": ACCOUNT,
        "detail-type": event.detail_type,
        "detail": event.detail,
        "time": "2026-11-21T00:00:00Z",
    }
    record = {**service.event("ingest_events", "job_completed")["Records"][0], "body": json.dumps(body)}
    assert service.invoke("ingest_events", {"Records": [record]}) == {"batchItemFailures": []}


def run(service: Service) -> Any:
    return service.invoke("redact_jobs", service.event("redact_jobs", "schedule"))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]} jobs")
def test_nothing_is_left_of_a_user_who_was_deleted_where_retention_says_so(
    whole: tuple[Service, list[Any]], log: io.StringIO, clock: FakeClock, size: tuple[int, int]
) -> None:
    service, put = whole
    jobs, users = size
    project = wiring.ports().directory.get_project(1)
    assert project is not None
    requests = [
        Request(
            a_request(
                reference_id=user(number % users),
                description=f"for {user(number % users)}",
                params={"user": user(number % users)},
                max_attempts=2,
            ),
            "event:w",
            SeenEvent(f"x{number}".zfill(64), NOW),
        )
        for number in range(jobs)
    ]
    create_batch(wiring.ports(), project, requests)
    for number in range(1, jobs + 1):
        live(number, user((number - 1) % users))
    for each in range(users):
        for prefix in prefixes_of(PROJECT_KEY, user(each)):
            s3_backends[ACCOUNT]["aws"].put_object("sessions", f"{prefix}1", user(each).encode())
    before = dump(service, log)
    assert len(hits(before)) > 5 * jobs // users

    deletion = service.create(action=DELETE_USER_DATA, referenceId=ANN)["jobId"]
    the_store().start_jobs([JobKey(1, deletion)], clock.now() + 1)
    event = json.loads(service.event("delete_user_data", "started")["Records"][0]["body"])
    event["detail"] |= {"projectId": 1, "projectKey": PROJECT_KEY, "jobId": deletion, "attempt": 1}
    put.clear()
    record = {**service.event("delete_user_data", "started")["Records"][0], "body": json.dumps(event)}
    service.invoke("delete_user_data", {"Records": [record]})
    for number, told in enumerate(put[:]):
        report(service, told, number)
    of_ann = jobs // users
    clock.time = NOW + DAY
    runs = 0
    while "job" in {kind for kind, left in remaining(service).items() if left}:
        run(service)
        runs += 1
        assert runs < 10

    # at once: only the deletion's own row has the id
    after = dump(service, log)
    assert {place for place in hits(after) if not place.startswith(("row 1#", f"row payload#1#{deletion}"))} == set()
    assert [job.job_id for job in the_jobs(jobs + 1) if ANN in repr(job)] == [deletion]
    # other users are whole
    ours = {f"{number}" for number in range(1, jobs + 1, users)} | {f"{deletion}"}
    assert {place: what for place, what in after.items() if is_of_others(place, ours)} == {
        place: what for place, what in before.items() if is_of_others(place, ours)
    }
    # numbers are dense, pages jump, the erasure is found by the id
    assert [job.job_id for job in the_jobs(jobs + 1)] == list(range(1, jobs + 2))
    last = service.http("list_jobs", "public", queryStringParameters={"limit": "50", "page": f"{jobs // 50 + 1}"})
    assert [job["jobId"] for job in last.json["data"]] == list(range(jobs // 50 * 50 + 1, jobs + 2))
    tagged = [job for job in the_jobs(jobs) if job.reference_id.startswith("redacted:")]
    assert (len(tagged), len({job.reference_id for job in tagged})) == (of_ann, 1)
    proof = service.http("list_jobs", "public_erasures", queryStringParameters={"userId": ANN}).json["data"]
    [erasure] = proof["erasures"]
    assert (proof["remainingJobs"], erasure["jobId"], erasure["status"]) == (0, deletion, "completed")
    assert erasure["deletedObjectVersions"] == len(prefixes_of(PROJECT_KEY, ANN))

    # after ninety days: nothing has it
    clock.time = NOW + 92 * DAY
    while run(service)["jobs"]:
        pass
    assert hits(dump(service, log)) == set()
    assert [job.job_id for job in the_jobs(jobs + 1)] == list(range(1, jobs + 2))
    again = service.http("list_jobs", "public_erasures", queryStringParameters={"userId": ANN}).json["data"]
    assert again == {**proof, "erasures": [{**erasure, "redacted": True}]}


def remaining(service: Service) -> dict[str, int]:
    proof = service.http("list_jobs", "public_erasures", queryStringParameters={"userId": ANN}).json["data"]
    return {"job": 1 if proof["remainingJobs"] is None else proof["remainingJobs"]}


def the_jobs(last: int) -> list[Job]:
    return the_store().list_jobs(1, 1, last)


def is_of_others(place: str, ours: set[str]) -> bool:
    """Whether it is a job's row, payload or file, or a session, and of a user who was not deleted."""
    kind, name, *rest = [*place.split(" "), ""]
    if kind == "row" and name.startswith("1#"):
        return f"{int(rest[0])}" not in ours
    if kind == "row" and name.startswith("payload#1#"):
        return name.rpartition("#")[2] not in ours
    if kind == "object" and name == "artifacts":
        return rest[0].split("/")[1] not in ours
    return kind == "object" and not any(rest[0].startswith(prefix) for prefix in prefixes_of(PROJECT_KEY, ANN))


def test_a_job_for_the_user_afterwards_is_a_new_matter(
    whole: tuple[Service, list[Any]], log: io.StringIO, clock: FakeClock
) -> None:
    service, _ = whole
    deletion = service.create(action=DELETE_USER_DATA, referenceId=ANN)["jobId"]
    the_store().start_jobs([JobKey(1, deletion)], clock.now() + 1)
    the_store().complete_job(Attempt(1, deletion, 1), Stamp(NOW, "event:w", "end", NOW), [])
    later = service.create(referenceId=ANN)
    clock.time = NOW + DAY

    run(service)

    job = the_store().get_job(1, later["jobId"])
    assert job is not None
    assert job.reference_id == ANN
    assert remaining(service) == {"job": 1}
    assert job._replace(reference_id="") != job


def test_the_route_wants_a_user_and_nothing_else(service: Service) -> None:
    for query, sentence in (
        (None, "userId: is required"),
        ({"userId": ""}, "userId: must not be blank"),
        ({"userId": "a" * 257}, "userId: must be at most 256 characters"),
        ({"userId": "a", "limit": "1"}, "limit: is no parameter of this call"),
    ):
        answer = service.http("list_jobs", "public_erasures", queryStringParameters=query)
        assert (answer.status, answer.json) == (400, {"error": sentence})
    nobody = service.http("list_jobs", "public_erasures", queryStringParameters={"userId": "nobody"})
    assert (nobody.status, nobody.json) == (200, {"data": {"erasures": [], "remainingJobs": None}})
