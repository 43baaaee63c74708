"""Events in and out through the real handlers: whole envelopes from the queue, records of real rows."""

from __future__ import annotations

import copy
import io
import json
import random
from dataclasses import dataclass, field
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs, urlsplit

import moto.dynamodb.models
import pytest
from jobs.model import DueJob, JobKey
from jobs.runtime import observability, wiring
from jobs.store import keys
from moto.dynamodb.models.table import Table

from tests.conftest import TABLE
from tests.integration.conftest import NO_KEY, OTHER_PROJECT_KEY, PROJECT_KEY
from tests.integration.test_canaries import EVENTS
from tests.integration.test_fuzz import REQUESTS, REQUESTS_IN_FULL, nasty_text
from tests.integration.test_starting import deliver as deliver_hints
from tests.stores import an_admin, the_store

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator

    import boto3

    from tests.integration.conftest import Answered, Service

OWN, PARTNER, STRANGER = "111122223333", "222222222222", "333333333333"
NONE_FAILED: dict[str, list[Any]] = {"batchItemFailures": []}


@dataclass
class Bus:
    """The bus between other services and this one."""

    service: Service
    queue_url: str
    dead_letters_url: str
    #: What publish_changes has put.
    entries: list[dict[str, Any]]
    _ids: Iterator[int] = field(default_factory=lambda: count(1))
    _images: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def envelope(self, detail_type: str, detail: dict[str, Any], project_key: str = PROJECT_KEY, **changes: Any) -> str:
        envelope = {
            "version": "0",
            "id": f"event-{next(self._ids)}",
            "detail-type": detail_type,
            "source": "com.example.worker",
            "account": OWN,
            "time": "2026-11-21T00:00:00Z",
            "region": "us-east-1",
            "resources": [],
            "detail": {"projectKey": project_key, **detail},
        }
        return json.dumps({**envelope, **changes})

    def record(self, body: str, number: int = 0, *, received: int = 1) -> dict[str, Any]:
        return {
            "messageId": f"message-{number}",
            "receiptHandle": "handle",
            "body": body,
            "attributes": {
                "ApproximateReceiveCount": f"{received}",
                "SentTimestamp": f"{wiring.ports().clock.now()}",
            },
        }

    def deliver(self, *bodies: str) -> Any:
        records = [self.record(body, number) for number, body in enumerate(bodies)]
        return self.service.invoke("ingest_events", {"Records": records})

    def report(self, detail_type: str, job_id: int = 1, **detail: Any) -> None:
        assert self.deliver(self.envelope(detail_type, {"jobId": job_id, **detail})) == NONE_FAILED

    def dead_letters(self) -> list[str]:
        return [body for body, _ in self.refusals()]

    def refusals(self) -> list[tuple[str, dict[str, str]]]:
        """The bodies of the dead letters, and what their attributes say."""
        found: list[tuple[str, dict[str, str]]] = []
        while messages := self.service.sqs.receive_message(
            QueueUrl=self.dead_letters_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages"):
            for message in messages:
                attributes = message["MessageAttributes"].items()
                found.append((message["Body"], {name: value["StringValue"] for name, value in attributes}))
        return found

    def rows(self) -> dict[tuple[str, str], dict[str, Any]]:
        pages = self.service.dynamodb.get_paginator("scan").paginate(TableName=TABLE)
        return {(item["pk"]["S"], item["sk"]["S"]): item for page in pages for item in page["Items"]}

    def stream(self) -> list[dict[str, Any]]:
        """The records of the table's stream since the last call, made from the rows themselves."""
        before, self._images = self._images, self.rows()
        changed = [key for key in sorted(self._images) if self._images[key] != before.get(key)]
        return [
            {
                "eventName": "MODIFY" if key in before else "INSERT",
                "dynamodb": {
                    "Keys": {"pk": {"S": key[0]}, "sk": {"S": key[1]}},
                    "SequenceNumber": f"{next(self._ids):021}",
                    "NewImage": self._images[key],
                    **({"OldImage": before[key]} if key in before else {}),
                },
            }
            for key in changed
        ]

    def publish(self) -> list[dict[str, Any]]:
        """Hand the stream over and return the events that were put."""
        self.entries.clear()
        assert self.service.invoke("publish_changes", {"Records": self.stream()}) == NONE_FAILED
        return [{**entry, "Detail": json.loads(entry["Detail"])} for entry in self.entries]


@pytest.fixture
def bus(service: Service, aws: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bus]:
    urls = [service.sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("ingest", "ingest-dead-letters")]
    monkeypatch.setenv("INGEST_QUEUE_URL", urls[0])
    monkeypatch.setenv("INGEST_DEAD_LETTER_QUEUE_URL", urls[1])
    monkeypatch.setenv("ACCOUNT_ID", OWN)
    monkeypatch.setenv("EVENT_BUS_NAME", "jobs")
    monkeypatch.setenv("CREDENTIAL_CACHE_SECONDS", "0")
    wiring.clear()
    client, entries = wiring.client("events"), []

    def put_events(*, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803  # AWS's own name
        entries.extend(Entries)
        return {"FailedEntryCount": 0, "Entries": [{} for _ in Entries]}

    monkeypatch.setattr(client, "put_events", put_events)
    bus = Bus(service, urls[0], urls[1], entries)
    bus.stream()
    yield bus
    for url in urls:
        service.sqs.delete_queue(QueueUrl=url)


def details(service: Service) -> dict[str, Any]:
    found: dict[str, Any] = service.http("get_job", "public_details").json["data"]
    return found


def start(service: Service) -> None:
    assert deliver_hints(service, service.hints()) == NONE_FAILED


# ---- schedules ----------------------------------------------------------------------------------------------------


def test_an_event_makes_one_schedule_that_every_dialect_sees(bus: Bus) -> None:
    (record,) = bus.service.event("ingest_events", "schedule_requested")["Records"]
    event = json.dumps({**json.loads(record["body"]), "account": OWN})
    for _ in range(2):
        assert bus.deliver(event) == NONE_FAILED
    asked = {"name": "Export of the night", "cron": "30 2 * * MON-FRI", "timezone": "Europe/Berlin"}
    job = {"action": "export", "params": {"format": "csv"}}
    again = bus.envelope("Schedule Requested", {**asked, "job": job, "idempotencyKey": "nightly"})
    other = bus.envelope("Schedule Requested", {**asked, "job": {"action": "import"}, "idempotencyKey": "nightly"})
    assert bus.deliver(again, other) == NONE_FAILED

    (found,) = bus.service.http("get_schedules", "public_list").json["data"]
    assert {name: found[name] for name in asked} == asked
    assert (found["job"]["action"], found["job"]["params"]) == ("export", {"format": "csv"})
    (shown,) = bus.service.http("get_schedules", "alteryx_v3_list").json
    assert (shown["id"], shown["workflowId"]) == (found["scheduleId"], "export")
    ((body, told),) = bus.refusals()
    assert (body, told["field"]) == (other, "idempotencyKey")
    assert [entry["DetailType"] for entry in bus.publish()] == ["Schedule Created"]


# ---- requests -----------------------------------------------------------------------------------------------------


@pytest.fixture
def fast_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep moto from copying the whole table for each action of a transaction; no test needs the rollback."""

    def shallow(value: Any) -> Any:
        return value if isinstance(value, Table) else copy.deepcopy(value)

    monkeypatch.setattr(moto.dynamodb.models, "copy", SimpleNamespace(deepcopy=shallow))


@pytest.mark.usefixtures("fast_transactions")
def test_of_a_thousand_events_with_one_poison_all_but_that_are_taken_and_that_is_set_aside_whole(bus: Bus) -> None:
    poison = bus.envelope("Job Requested", {"action": "export", "colour": "blü"}).replace("}}", '},"more":[1.50]}')
    bodies = [bus.envelope("Job Requested", {"action": "export", "referenceId": f"{n}"}) for n in range(999)]
    bodies.insert(437, poison)

    for first in range(0, 1_000, 100):  # delivered as the template says
        assert bus.deliver(*bodies[first : first + 100]) == NONE_FAILED

    jobs = the_store().list_jobs(1, 1, 2_000)
    assert [job.job_id for job in jobs] == list(range(1, 1_000))
    assert [job.reference_id for job in jobs] == [f"{n}" for n in range(999)]
    assert bus.dead_letters() == [poison]


def test_events_that_are_delivered_again_make_no_second_job(bus: Bus) -> None:
    bodies = [bus.envelope("Job Requested", {"action": "export"}) for _ in range(60)]
    bodies += [bus.envelope("Job Requested", {"action": "export", "idempotencyKey": "k"}) for _ in range(3)]

    for again in (bodies, bodies[::-1], bodies[30:] + bodies[:30]):
        assert bus.deliver(*again) == NONE_FAILED

    assert len(the_store().list_jobs(1, 1, 100)) == 61


def test_a_job_of_an_event_is_as_it_asked_and_says_who_asked(bus: Bus) -> None:
    asked = {
        "action": "run_workflow",
        "params": {"format": "csv"},
        "maxAttempts": 2,
        "workflowId": "w",
        "ownerId": "o",
        "collectionIds": ["c"],
        "priority": "High",
        "workerTag": "gpu",
    }

    bus.deliver(bus.envelope("Job Requested", asked))

    job = details(bus.service)
    assert (job["action"], job["params"], job["maxAttempts"]) == ("run_workflow", {"format": "csv"}, 2)
    assert job["history"][0]["by"] == "event:com.example.worker"
    stored = the_store().get_job(1, 1)
    assert stored is not None
    assert stored.run == ("w", "o", ("c",), "High", "gpu")
    start(bus.service)
    assert details(bus.service)["status"] == "running"


@pytest.mark.parametrize(
    "changes",
    [
        {"account": STRANGER},
        {"account": PARTNER, "source": "com.example.other"},
        {"source": "com.example.other"},
        {"source": "jobs"},
        {"project_key": OTHER_PROJECT_KEY, "account": PARTNER},
        {"project_key": "unknown"},
    ],
    ids=str,
)
def test_an_event_that_its_project_does_not_trust_writes_nothing_and_is_set_aside_whole(
    bus: Bus, changes: dict[str, Any]
) -> None:
    an_admin(bus.service.dynamodb).set_trust(1, frozenset({PARTNER}), {"com.example.worker": frozenset()})
    assert bus.deliver(bus.envelope("Job Requested", {"action": "export"}, account=PARTNER)) == NONE_FAILED
    before = bus.rows()
    refused = [
        bus.envelope("Job Requested", {"action": "export", **extra}, **changes)
        for extra in ({}, {"idempotencyKey": "k"}, {"params": {"a": 1}})
    ]
    refused.append(bus.envelope("Job Completed", {"jobId": 1, "attempt": 1, "outputs": ["x"]}, **changes))

    assert bus.deliver(*refused) == NONE_FAILED

    assert bus.rows() == before
    assert sorted(bus.dead_letters()) == sorted(refused)


@pytest.mark.parametrize(
    ("detail_type", "detail", "changes", "field"),
    [
        ("Job Requested", {"action": "export", "nobody@example.com": 1}, {}, "detail"),
        ("Job Requested", {"action": "nobody@example.com"}, {}, "action"),
        ("Job Requested", {"action": "export", "params": {"a": "x" * 40_000}}, {}, "params"),
        ("Job Requested", {"action": "export", "idempotencyKey": ""}, {}, "idempotencyKey"),
        ("Job Progress", {"jobId": "nobody@example.com", "attempt": 1, "progress": 5}, {}, "jobId"),
        ("Job Failed", {"jobId": 1, "attempt": "nobody@example.com", "errors": []}, {}, "attempt"),
        ("Job Completed", {"jobId": 9, "attempt": 1}, {}, "jobId"),
        ("nobody@example.com", {}, {}, "detail-type"),
        ("Schedule Request", {}, {}, "detail-type"),
        ("Schedule Requested", {"name": "s", "every": 60, "job": {"action": "nobody@example.com"}}, {}, "job.action"),
        ("Schedule Requested", {"name": "s", "every": 60, "job": {"nobody@example.com": 1}}, {}, "job.action"),
        ("Schedule Requested", {"name": "s", "every": 60, "nobody@example.com": 1}, {}, "job"),
        ("Schedule Requested", {"name": "s", "cron": "nobody@example.com", "job": {}}, {}, "cron"),
        ("Job Requested", {"action": "export"}, {"account": STRANGER}, "account"),
        ("Job Requested", {"action": "export"}, {"source": "jobs"}, "source"),
        ("Job Requested", {"action": "export"}, {"project_key": "unknown"}, "projectKey"),
        ("Job Requested", {"action": "export"}, {"id": ["nobody@example.com"]}, "id"),
    ],
)
def test_a_refused_event_says_why_beside_its_body_and_in_the_log_and_quotes_nothing(  # noqa: PLR0913  # as the table has them
    bus: Bus, log: io.StringIO, *, detail_type: str, detail: dict[str, Any], changes: dict[str, Any], field: str
) -> None:
    body = bus.envelope(detail_type, detail, **changes)

    assert bus.deliver(body) == NONE_FAILED

    ((letter, told),) = bus.refusals()
    assert letter == body
    assert told["field"] == field
    (line,) = [json.loads(line) for line in log.getvalue().splitlines() if '"message":"refused"' in line]
    assert (line["field"], line["reason"]) == (field, told["reason"])
    assert line.get("detailType") == (detail_type if detail_type in DETAILS else None)
    assert line.get("source") == (None if changes.get("source") == "jobs" else "com.example.worker")
    assert "nobody" not in f"{told} {line}"
    assert len(told["reason"]) > 5


#: Each type of event with a detail that is taken; what is not a request is about job 1.
DETAILS: dict[str, dict[str, Any]] = {
    "Job Requested": {"action": "export"},
    "Job Progress": {"jobId": 1, "attempt": 1, "progress": 50, "message": "half"},
    "Job Message": {"jobId": 1, "text": "hello"},
    "Job Completed": {"jobId": 1, "attempt": 1, "outputs": ["a"]},
    "Job Failed": {"jobId": 1, "attempt": 1, "errors": ["no disk"]},
    "Schedule Requested": {"name": "s", "every": 600, "job": {"action": "export"}},
}
#: Who sends it, and whether a project takes it that trusts a partner and two sources, one for another action.
SENDERS: dict[str, tuple[dict[str, str], set[str]]] = {
    "own": ({}, set(DETAILS)),
    "a partner": ({"account": PARTNER}, set(DETAILS)),
    "a foreign account": ({"account": STRANGER}, set()),
    "a foreign project": ({"project_key": OTHER_PROJECT_KEY, "account": PARTNER}, set()),
    "an unknown project": ({"project_key": "unknown"}, set()),
    "a source that is not trusted": ({"source": "com.example.other"}, set()),
    "a source for other actions": ({"source": "com.example.importer"}, {"Job Requested", "Schedule Requested"}),
    "the service": ({"source": "jobs"}, set()),
    "what is named like it": ({"source": "jobs.other"}, set()),
    "its worker, which deletes": ({"source": "jobs.delete_user_data"}, set()),
    "a partner as its worker": ({"source": "jobs.delete_user_data", "account": PARTNER}, set()),
}


@pytest.mark.parametrize("detail_type", DETAILS)
@pytest.mark.parametrize("sender", SENDERS)
def test_each_type_of_event_is_taken_from_whom_the_project_trusts_for_it_and_from_nobody_else(
    bus: Bus, detail_type: str, sender: str
) -> None:
    trusted = {"com.example.worker": frozenset({"export"}), "com.example.importer": frozenset({"import"})}
    an_admin(bus.service.dynamodb).set_trust(1, frozenset({PARTNER}), trusted)
    bus.service.create()
    start(bus.service)
    changes, taken = SENDERS[sender]
    before = bus.rows()
    event = bus.envelope(detail_type, DETAILS[detail_type], **changes)

    assert bus.deliver(event) == NONE_FAILED

    if detail_type in taken:
        assert bus.rows() != before
        assert bus.dead_letters() == []
    else:
        assert bus.rows() == before
        assert bus.dead_letters() == [event]


# ---- reports ------------------------------------------------------------------------------------------------------


def test_a_job_is_reported_on_from_start_to_end_and_shown_with_all_its_details(bus: Bus) -> None:
    created = bus.service.create(params={"format": "csv"}, maxAttempts=2)
    start(bus.service)
    bus.report("Job Progress", attempt=1, progress=25, message="a quarter")
    job = details(bus.service)
    assert list(job)[10:] == [
        "params", "progress", "message", "attempt", "maxAttempts", "startedAt", "finishedAt", "timeoutAt", "outputs",
        "errorList", "history",
    ]  # fmt: skip
    assert (job["status"], job["progress"], job["attempt"], job["outputs"]) == ("running", 25, 1, [])
    assert job["message"] == "a quarter"
    assert job["startedAt"] + 900_000 <= job["timeoutAt"]

    bus.report("Job Failed", attempt=1, errors=["no disk"])
    job = details(bus.service)
    assert (job["status"], job["attempt"], job["progress"]) == ("scheduled", 2, None)
    assert "no disk" in job["errors"]
    assert (job["startedAt"], job["finishedAt"], job["timeoutAt"]) == (None, None, None)

    due = the_store().get_job(1, 1)
    assert due is not None
    the_store().start_jobs([JobKey(1, 1)], due.next_at or 0)
    bus.report("Job Completed", attempt=1)  # late, and about the attempt before
    bus.report("Job Completed", attempt=2, outputs=[{"file": "a.csv"}, "ü"])
    bus.report("Job Failed", attempt=2, errors=["too late"])

    job = details(bus.service)
    assert {name: job[name] for name in ("params", "progress", "attempt", "maxAttempts", "timeoutAt", "outputs")} == {
        "params": {"format": "csv"},
        "progress": 100,
        "attempt": 2,
        "maxAttempts": 2,
        "timeoutAt": None,
        "outputs": [{"file": "a.csv"}, "ü"],
    }
    assert [tuple(entry[name] for name in entry if name != "at") for entry in job["history"]] == [
        (None, "scheduled", "key:key-demo", 1, None),
        ("scheduled", "running", "service", 1, None),
        ("running", "scheduled", "event:com.example.worker", 2, "no disk"),
        ("scheduled", "running", "service", 2, None),
        ("running", "completed", "event:com.example.worker", 2, None),
    ]
    assert job["errors"] is None
    assert job["finishedAt"] == job["updatedAt"] == job["history"][-1]["at"]
    assert job["startAt"] == created["startAt"]
    assert bus.dead_letters() == []


def test_what_failed_first_is_known_whatever_became_of_the_job(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """An attempt that its worker reported, one that was lost, one that failed for good, and a caller's retry."""
    bus.service.create(maxAttempts=3)
    clock, told = wiring.ports().clock, bus.publish()
    for fail in (
        lambda: bus.report("Job Failed", attempt=1, errors=["no disk", "no hope"]),
        lambda: bus.service.invoke("reap_lost_jobs", bus.service.event("reap_lost_jobs", "schedule")),
        lambda: bus.report("Job Failed", attempt=3, errors=["no such month"]),
    ):
        now = clock.now() + 1_000_000  # longer than any back-off or time-out here
        monkeypatch.setattr(clock, "now", lambda now=now: now)
        the_store().start_jobs([JobKey(1, 1)], now - 900_000)
        told += bus.publish()
        fail()
        told += bus.publish()
    assert details(bus.service)["status"] == "failed"
    assert bus.service.http("create_job", "public_retry").json["data"]["errors"] is None
    told += bus.publish()

    history = details(bus.service)["history"]

    lost = "attempt 2 of 3 timed out (timeoutSeconds 900)"
    ends = [entry["error"] for entry in history if entry["from"] == "running"]
    assert ends == ["no disk\nno hope", lost, "no such month"]
    assert [entry["error"] for entry in history if entry["from"] != "running"] == [None] * 5
    errors = [(entry["DetailType"], entry["Detail"]["errors"]) for entry in told if entry["Detail"]["errors"]]
    assert [name for name, _ in errors] == ["Job Retried", "Job Retried", "Job Failed"]
    for text, (_, shown) in zip(["no disk\nno hope", lost, "no such month"], errors, strict=True):
        assert text in shown


def test_whatever_is_wrong_in_a_report_the_state_changes_and_nothing_is_set_aside(bus: Bus) -> None:
    bus.service.create(maxAttempts=3)
    start(bus.service)

    bus.report("Job Progress", attempt=1, progress=40.9, message="x" * 8_193, eta="soon")
    assert details(bus.service)["progress"] == 40
    bus.report("Job Progress", attempt=1, progress="half", message=["\ud800"])
    bus.report("Job Message", status="error", text="ü" * 4_097, toolId=-1)
    bus.report("Job Failed", attempt=1, errors=["x" * 1_025] * 21, retryAfter="a minute", code=7)
    first = details(bus.service)
    assert (first["status"], first["attempt"]) == ("scheduled", 2)
    the_store().start_jobs([JobKey(1, 1)], wiring.ports().clock.now() + 4_000)
    bus.report("Job Completed", attempt=2, outputs=[{"rows": "x" * 1_024}, "y" * 1_023, {"file": "a.csv"}], took=1)

    job = details(bus.service)
    assert job["status"] == "completed"
    assert [str(output)[-7:] for output in job["outputs"]] == ["… (cut)"[-7:], "… (cut)"[-7:], "a.csv'}"]
    lines = job["history"][2]["error"].split("\n")
    assert (len(lines), lines[0][-7:], lines[-1]) == (20, "… (cut)"[-7:], "… (cut)")
    said = bus.service.http("get_messages", "public").json["data"]
    assert [(message["status"], message["text"][-7:], message["toolId"]) for message in said] == [
        (1, "… (cut)"[-7:], 0), (1, '["\ufffd"]', 0), (0, "… (cut)"[-7:], 0)
    ]  # fmt: skip
    assert bus.dead_letters() == []


def test_messages_of_one_burst_are_in_the_order_of_their_producer(bus: Bus) -> None:
    bus.service.create()
    now = wiring.ports().clock.now()

    for at in (2, 1, 3):
        bus.report("Job Message", text=f"{at}", at=now + at)

    said = bus.service.http("get_messages", "public").json["data"]
    assert [(message["text"], message["at"]) for message in said] == [(f"{at}", now + at) for at in (1, 2, 3)]


def test_a_report_before_the_start_is_looked_at_again_and_taken_then(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    bus.service.create()
    waits: list[int] = []
    monkeypatch.setattr(
        wiring.client("sqs"), "change_message_visibility", lambda **call: waits.append(call["VisibilityTimeout"])
    )
    body = bus.envelope("Job Completed", {"jobId": 1, "attempt": 1})
    requested = bus.envelope("Job Requested", {"action": "export"})

    for received in (1, 2, 3):
        records = [bus.record(requested, 0), bus.record(body, 1, received=received)]
        assert bus.service.invoke("ingest_events", {"Records": records}) == {
            "batchItemFailures": [{"itemIdentifier": "message-1"}]
        }
    start(bus.service)
    assert bus.deliver(body) == NONE_FAILED

    assert waits == [1, 2, 4]
    assert details(bus.service)["status"] == "completed"


def test_a_report_of_an_attempt_that_never_starts_is_refused_at_its_last_delivery_with_the_reason(
    bus: Bus, capsys: pytest.CaptureFixture[str]
) -> None:
    bus.service.create()
    start(bus.service)
    body = bus.envelope("Job Completed", {"jobId": 1, "attempt": 2})

    assert bus.service.invoke("ingest_events", {"Records": [bus.record(body, received=5)]}) != NONE_FAILED
    assert bus.refusals() == []
    assert '"EventRefused"' not in capsys.readouterr().out
    assert bus.service.invoke("ingest_events", {"Records": [bus.record(body, received=6)]}) == NONE_FAILED

    assert bus.refusals() == [(body, {"field": "attempt", "reason": "has not started"})]
    assert '"EventRefused":[1.0]' in capsys.readouterr().out


def test_a_cancelled_job_stays_cancelled_whatever_its_worker_says(bus: Bus) -> None:
    bus.service.create()
    start(bus.service)
    bus.service.http("cancel_job", "public")
    before = details(bus.service)

    bus.report("Job Completed", attempt=1, outputs=["x"])
    bus.report("Job Progress", attempt=1, progress=50)
    bus.report("Job Failed", attempt=1, errors=["x"])

    assert details(bus.service) == before


def test_a_report_of_a_job_that_is_not_there_is_set_aside(bus: Bus) -> None:
    body = bus.envelope("Job Failed", {"jobId": 9, "attempt": 1, "errors": []})

    assert bus.deliver(body) == NONE_FAILED

    assert bus.dead_letters() == [body]


def test_a_lost_worker_s_job_is_attempted_again_and_then_fails(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    bus.service.create(maxAttempts=2, timeoutSeconds=60)
    start(bus.service)
    reap = bus.service.event("reap_lost_jobs", "schedule")
    assert bus.service.invoke("reap_lost_jobs", reap) == {"attempts": 0}

    now = wiring.ports().clock.now()
    monkeypatch.setattr(wiring.ports().clock, "now", lambda: now + 61_000)
    assert bus.service.invoke("reap_lost_jobs", reap) == {"attempts": 1}
    assert details(bus.service)["status"] == "scheduled"
    the_store().start_jobs([JobKey(1, 1)], now + 70_000)
    bus.report("Job Completed", attempt=1)
    monkeypatch.setattr(wiring.ports().clock, "now", lambda: now + 131_000)
    assert bus.service.invoke("reap_lost_jobs", reap) == {"attempts": 1}

    job = details(bus.service)
    assert (job["status"], job["errors"]) == ("failed", "attempt 2 of 2 timed out (timeoutSeconds 60)")
    assert [entry["to"] for entry in job["history"]] == ["scheduled", "running", "scheduled", "running", "failed"]


def test_what_the_dead_letter_queue_does_not_take_comes_again(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INGEST_DEAD_LETTER_QUEUE_URL", bus.dead_letters_url + "-gone")
    wiring.clear()

    failures = bus.deliver("poison", bus.envelope("Job Requested", {"action": "export"}))

    assert failures == {"batchItemFailures": [{"itemIdentifier": "message-0"}]}
    assert the_store().get_job(1, 1) is not None


@pytest.mark.parametrize(
    "case",
    [
        "batch_with_poison", "job_completed", "job_failed", "job_message", "job_progress", "job_requested",
        "job_requested_idempotently", "object_created",
    ],
)  # fmt: skip
def test_the_example_events_are_taken(bus: Bus, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    monkeypatch.setenv("ACCOUNT_ID", "123456789012")
    wiring.clear()
    bus.service.create()
    start(bus.service)
    event = bus.service.event("ingest_events", case)

    assert bus.service.invoke("ingest_events", event) == NONE_FAILED

    assert (len(bus.dead_letters()) > 0) is (case == "batch_with_poison")


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the functions log."""
    written = io.StringIO()
    handler = cast("logging.StreamHandler[io.StringIO]", observability.logger().handlers[0])
    before = handler.setStream(written)
    yield written
    if before is not None:
        handler.setStream(before)


def test_no_personal_data_of_an_event_reaches_the_logs(bus: Bus, log: io.StringIO) -> None:
    bus.deliver(
        bus.envelope("Job Requested", {"action": "export", "referenceId": "shekar", "description": "shekar"}),
        bus.envelope("Job Requested", {"action": "shekar!", "referenceId": "shekar"}),
        bus.envelope("Job Failed", {"jobId": 9, "attempt": 1, "errors": ["shekar"]}),
        "shekar",
    )

    assert '"field":"action"' in log.getvalue()
    assert "shekar" not in log.getvalue()


def test_no_field_that_a_sender_made_up_reaches_the_logs(bus: Bus, log: io.StringIO) -> None:
    bus.deliver(bus.envelope("Job Requested", {"action": "export", "shekar@example.com": 1}))

    assert "shekar" not in log.getvalue()


# ---- messages -----------------------------------------------------------------------------------------------------


def messages(service: Service, **query: str) -> Answered:
    return service.http("get_messages", "public", queryStringParameters=query or None)


def texts(answer: Answered) -> list[str]:
    return [message["text"] for message in answer.json["data"]]


def test_messages_are_shown_oldest_first_as_the_contract_has_them(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    bus.service.create()
    start(bus.service)
    assert messages(bus.service).json == {"data": []}
    now = wiring.ports().clock.now()
    said: list[tuple[str, dict[str, Any]]] = [
        ("Job Message", {"status": 2, "text": "ü\n", "toolId": 7}),
        ("Job Progress", {"attempt": 1, "progress": 5, "message": "on it"}),
        ("Job Message", {"text": "none"}),
    ]
    for second, (kind, detail) in enumerate(said):
        monkeypatch.setattr(wiring.ports().clock, "now", lambda second=second: now + second)
        bus.report(kind, **detail)

    answer = messages(bus.service)

    assert answer.text == (
        f'{{"data":[{{"status":2,"text":"ü\\n","toolId":7,"at":{now}}},'
        f'{{"status":1,"text":"on it","toolId":0,"at":{now + 1}}},'
        f'{{"status":0,"text":"none","toolId":0,"at":{now + 2}}}]}}'
    )
    assert "Link" not in answer.headers


def test_messages_are_walked_by_their_links_and_a_cursor_serves_its_own_job_alone(bus: Bus) -> None:
    for _ in range(2):
        bus.service.create()
    said = [f"{n}" for n in range(7)]
    bus.deliver(*(bus.envelope("Job Message", {"jobId": 1, "text": text}) for text in said))

    walked, cursor = [], ""
    while True:
        answer = messages(bus.service, limit="3", **({"cursor": cursor} if cursor else {}))
        walked.append(texts(answer))
        if "Link" not in answer.headers:
            break
        url, _, relation = answer.headers["Link"].partition(">; ")
        query = parse_qs(urlsplit(url.removeprefix("<")).query)
        assert relation == 'rel="next"'
        assert query["limit"] == ["3"]
        (cursor,) = query["cursor"]

    assert [len(page) for page in walked] == [3, 3, 1]
    assert sorted(text for page in walked for text in page) == said
    for changes in ({"path": {"jobId": "2"}}, {}):
        forged = cursor if changes else cursor[:-1] + ("A" if cursor[-1] != "A" else "B")
        refused = bus.service.http("get_messages", "public", queryStringParameters={"cursor": forged}, **changes)
        assert (refused.status, refused.text) == (400, '{"error":"cursor: is not one of this list"}')


@pytest.mark.parametrize(
    ("job_id", "status", "text"),
    [("9", 404, '{"error":"job not found"}'), ("x", 400, '{"error":"invalid jobId: not an integer"}')],
)
def test_messages_of_no_job(bus: Bus, job_id: str, status: int, text: str) -> None:
    answer = bus.service.http("get_messages", "public", path={"jobId": job_id})

    assert (answer.status, answer.text) == (status, text)


def test_messages_beyond_a_megabyte_come_in_pages_that_a_lambda_can_answer(bus: Bus) -> None:
    bus.service.create()
    bodies = [bus.envelope("Job Message", {"jobId": 1, "text": f"{n:03}" + "x" * 8_000}) for n in range(150)]
    for first in range(0, 150, 50):
        bus.deliver(*bodies[first : first + 50])

    first_page = messages(bus.service, limit="200")
    assert 0 < len(texts(first_page)) < 150
    assert len(first_page.text) < 1_100_000
    walked = texts(first_page)
    while "Link" in first_page.headers:
        query = parse_qs(urlsplit(first_page.headers["Link"].partition(">")[0][1:]).query)
        first_page = messages(bus.service, limit="200", cursor=query["cursor"][0])
        walked += texts(first_page)

    assert sorted(text[:3] for text in walked) == [f"{n:03}" for n in range(150)]


# ---- retry --------------------------------------------------------------------------------------------------------


def test_an_ended_job_is_retried_at_once_and_a_second_time_it_is_a_conflict(bus: Bus) -> None:
    created = bus.service.create()
    start(bus.service)
    bus.report("Job Failed", attempt=1, errors=["no disk"])

    answer = bus.service.http("create_job", "public_retry", headers=NO_KEY)

    assert answer.status == 200
    job = answer.json["data"]
    assert {**created, "updatedAt": job["updatedAt"]} == job
    assert list(job) == list(created)
    shown = details(bus.service)
    assert (shown["attempt"], shown["maxAttempts"], shown["status"]) == (2, 2, "scheduled")
    again = bus.service.http("create_job", "public_retry")
    assert (again.status, again.text) == (409, '{"error":"only a failed or cancelled job can be retried"}')
    start(bus.service)
    bus.report("Job Completed", attempt=1)
    assert details(bus.service)["status"] == "running"
    bus.report("Job Completed", attempt=2)
    assert bus.service.http("create_job", "public_retry").status == 409


@pytest.mark.parametrize(("job_id", "status"), [("9", 404), ("0", 404), ("-1", 404), ("x", 400)])
def test_no_job_is_no_job_to_retry(bus: Bus, job_id: str, status: int) -> None:
    assert bus.service.http("create_job", "public_retry", path={"jobId": job_id}).status == status


def test_a_deletion_is_not_retried_beside_another_of_its_user(bus: Bus) -> None:
    for _ in range(2):
        assert bus.service.http("create_job", "public_delete_user").status == 200
        bus.service.http("cancel_job", "public")
    the_store()  # job 1 is cancelled, job 2 is the user's active deletion

    answer = bus.service.http("create_job", "public_retry")

    assert answer.status == 409
    assert "already scheduled or running" in answer.text


# ---- events out ---------------------------------------------------------------------------------------------------


def test_every_status_change_is_told_once_with_an_id_that_is_its_own(bus: Bus) -> None:
    bus.service.create(params={"a": 1}, maxAttempts=2)
    told = bus.publish()
    start(bus.service)
    told += bus.publish()
    bus.report("Job Progress", attempt=1, progress=5, message="on it")
    assert bus.publish() == []
    bus.report("Job Failed", attempt=1, errors=["no disk"])
    told += bus.publish()
    bus.service.http("cancel_job", "public")
    told += bus.publish()
    bus.service.http("create_job", "public_retry")
    told += bus.publish()
    start(bus.service)
    told += bus.publish()
    bus.report("Job Completed", attempt=3, outputs=["x"])
    told += bus.publish()

    assert [(entry["Source"], entry["EventBusName"]) for entry in told] == [("jobs", "jobs")] * 7
    assert [(entry["DetailType"], entry["Detail"]["status"], entry["Detail"]["attempt"]) for entry in told] == [
        ("Job Scheduled", "scheduled", 1),
        ("Job Started", "running", 1),
        ("Job Retried", "scheduled", 2),
        ("Job Cancelled", "cancelled", 2),
        ("Job Retried", "scheduled", 3),
        ("Job Started", "running", 3),
        ("Job Completed", "completed", 3),
    ]
    assert [entry["Detail"]["deduplicationId"] for entry in told] == [f"1-1-{length}" for length in range(1, 8)]
    assert {(entry["Detail"]["projectKey"], entry["Detail"]["params"]["a"]) for entry in told} == {(PROJECT_KEY, 1)}


def test_the_stream_delivers_again_from_the_first_write_whose_event_was_refused(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        bus.service.create()
    records = bus.stream()
    jobs = [record for record in records if keys.is_job(record["dynamodb"]["Keys"]["pk"]["S"])]
    assert len(jobs) == 3
    put = wiring.client("events").put_events

    def refuse_second(*, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803  # AWS's own name
        refused = [json.loads(entry["Detail"])["jobId"] == 2 for entry in Entries]
        put(Entries=[entry for entry, no in zip(Entries, refused, strict=True) if not no])
        return {
            "FailedEntryCount": sum(refused),
            "Entries": [{"ErrorCode": "InternalFailure"} if no else {} for no in refused],
        }

    monkeypatch.setattr(wiring.client("events"), "put_events", refuse_second)
    monkeypatch.setattr(wiring.ports().clock, "sleep", lambda _: None)
    failures = bus.service.invoke("publish_changes", {"Records": records})["batchItemFailures"]

    assert failures == [{"itemIdentifier": jobs[1]["dynamodb"]["SequenceNumber"]}]
    assert [json.loads(entry["Detail"])["jobId"] for entry in bus.entries] == [1, 3]


@pytest.mark.parametrize("case", ["created", "created_with_params", "started_and_progressed"])
def test_the_example_records_are_told(bus: Bus, case: str) -> None:
    assert bus.service.invoke("publish_changes", bus.service.event("publish_changes", case)) == NONE_FAILED

    assert len(bus.entries) == 1


def test_a_failed_attempt_s_next_start_is_hinted(bus: Bus) -> None:
    bus.service.create(maxAttempts=2)
    start(bus.service)
    bus.report("Job Failed", attempt=1, errors=[])

    job = the_store().get_job(1, 1)
    assert job is not None
    found = [row for shard in range(32) for row in the_store().list_due(shard, None, 2**53, 9)]
    assert found == [DueJob(job.next_at or 0, 1, 1)]
    assert hints_waiting(bus.service) == 1


def hints_waiting(service: Service) -> int:
    """How many hints are in the start queue, delayed ones included, without those that were taken."""
    attributes = service.sqs.get_queue_attributes(QueueUrl=service.queue_url, AttributeNames=["All"])["Attributes"]
    return int(attributes["ApproximateNumberOfMessages"]) + int(attributes["ApproximateNumberOfMessagesDelayed"])


_EVENTS_IN = [path for path, event in EVENTS.items() if len(event.get("Records", [])) == 1 and "ingest" in str(path)]


@pytest.mark.parametrize("requests", [REQUESTS, pytest.param(REQUESTS_IN_FULL, marks=pytest.mark.prove)])
@pytest.mark.parametrize("path", _EVENTS_IN, ids=lambda path: path.stem)
def test_no_event_is_delivered_again_because_of_what_it_holds(bus: Bus, path: Any, requests: int) -> None:
    chance = random.Random(path.stem)  # noqa: S311
    (record,) = EVENTS[path]["Records"]
    again = []
    for number in range(requests):
        envelope = json.loads(record["body"])
        change = chance.choice(["envelope", "detail", "body"])
        value: Any = chance.choice(
            [None, True, -1, 10**30, 1.5, [], {}, [None], {"a": {}}, nasty_text(chance), nasty_text(chance)]
        )
        if change == "envelope":
            envelope[chance.choice([*envelope, nasty_text(chance)])] = value
        elif change == "detail":
            envelope["detail"][chance.choice([*envelope["detail"], nasty_text(chance)])] = value
        # SQS carries text alone, so a lone surrogate comes in escaped or not at all.
        text = nasty_text(chance).encode(errors="replace").decode()
        body = text if change == "body" else json.dumps(envelope)
        changed = {**record, "body": body, "messageId": f"{number}"}
        if bus.service.invoke("ingest_events", {"Records": [changed]})["batchItemFailures"]:
            again.append(body)

    # A report of an attempt that has not started comes again by design; nothing else does.
    assert [body for body in again if json.loads(body)["detail-type"] == "Job Requested"] == []
