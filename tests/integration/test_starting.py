"""From the tick to the start, through the real handlers."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from jobs.outcomes import StartOutcome
from jobs.runtime import wiring
from jobs.store.attempts import DynamoDBAttempts
from jobs.timing import starting

from tests.integration.conftest import Context

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pytest
    from jobs.model import JobKey

    from tests.integration.conftest import Service


def deliver(service: Service, hints: Sequence[Mapping[str, Any]]) -> Any:
    records = [{"messageId": hint["MessageId"], "body": hint["Body"]} for hint in hints]
    return service.invoke("start_jobs", {"Records": records})


def status(service: Service) -> str:
    found: str = service.http("get_job", "public").json["data"]["status"]
    return found


def test_a_job_that_is_due_now_is_hinted_at_once_and_starts(service: Service) -> None:
    service.create()

    assert deliver(service, service.hints()) == {"batchItemFailures": []}

    job = service.http("get_job", "public_details").json["data"]
    assert job["status"] == "running"
    assert job["startedAt"] >= job["startAt"]
    assert job["timeoutAt"] == job["startedAt"] + 900_000


def test_a_job_further_ahead_than_its_creator_hints_waits_for_the_tick(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.create(startAt=time.time_ns() // 1_000_000 + 250_000)
    assert service.hints() == []
    tick = service.event("dispatch_due_jobs", "schedule")
    assert service.invoke("dispatch_due_jobs", tick) == {"due": 0, "overdue": 0}

    now = wiring.ports().clock.now()
    monkeypatch.setattr(wiring.ports().clock, "now", lambda: now + 71_000)
    assert service.invoke("dispatch_due_jobs", tick) == {"due": 1, "overdue": 0}
    assert service.invoke("dispatch_due_jobs", tick) == {"due": 0, "overdue": 0}

    attributes = service.sqs.get_queue_attributes(QueueUrl=service.queue_url, AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessagesDelayed"] == "1"


def test_a_job_whose_hint_was_lost_is_found_by_the_sweep(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    service.create()
    tick = service.event("dispatch_due_jobs", "schedule")
    service.invoke("dispatch_due_jobs", tick)
    service.sqs.purge_queue(QueueUrl=service.queue_url)

    assert service.invoke("dispatch_due_jobs", tick) == {"due": 0, "overdue": 0}
    now = wiring.ports().clock.now()
    monkeypatch.setattr(wiring.ports().clock, "now", lambda: now + 61_000)
    assert service.invoke("dispatch_due_jobs", tick) == {"due": 0, "overdue": 1}

    deliver(service, service.hints())
    assert status(service) == "running"


def test_a_hint_delivered_twice_or_out_of_date_changes_nothing(service: Service) -> None:
    service.create()
    hints = service.hints()
    deliver(service, hints)
    before = service.http("get_job", "public_details").text

    assert deliver(service, hints * 2) == {"batchItemFailures": []}

    assert service.http("get_job", "public_details").text == before


def test_what_is_no_hint_fails_alone(service: Service) -> None:
    service.create()
    good = service.hints()[0]
    poison = [{"MessageId": f"poison-{n}", "Body": body} for n, body in enumerate(["", "[]", "{}", '{"jobs":[1]}'])]

    failures = deliver(service, [*poison, good])["batchItemFailures"]

    assert [failure["itemIdentifier"] for failure in failures] == [message["MessageId"] for message in poison]
    assert status(service) == "running"


def test_a_hint_of_a_job_that_stays_throttled_is_delivered_again_alone(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.create()
    service.create()
    hints = sorted(service.hints(), key=lambda hint: hint["Body"])
    start = DynamoDBAttempts.start_jobs

    def throttle_second(store: DynamoDBAttempts, jobs: Sequence[JobKey], now: int) -> list[StartOutcome]:
        return [StartOutcome.UNCERTAIN if job.job_id == 2 else start(store, [job], now)[0] for job in jobs]

    monkeypatch.setattr(DynamoDBAttempts, "start_jobs", throttle_second)
    monkeypatch.setattr(starting, "TRIES", 1)

    assert deliver(service, hints) == {"batchItemFailures": [{"itemIdentifier": hints[1]["MessageId"]}]}

    assert status(service) == "running"


def test_a_tick_begins_only_with_time_left(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    service.create()
    tick = service.event("dispatch_due_jobs", "schedule")

    with monkeypatch.context() as patch:
        patch.setattr(Context, "get_remaining_time_in_millis", lambda _: 14_000)
        assert service.invoke("dispatch_due_jobs", tick) == {"due": 0, "overdue": 0}
    assert service.invoke("dispatch_due_jobs", tick) == {"due": 1, "overdue": 0}


def test_a_start_begins_only_with_time_left(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    service.create()
    hints = service.hints()
    monkeypatch.setattr(Context, "get_remaining_time_in_millis", lambda _: 9_000)

    assert deliver(service, hints) == {"batchItemFailures": [{"itemIdentifier": hints[0]["MessageId"]}]}

    assert status(service) == "scheduled"


def test_a_cancelled_job_does_not_start(service: Service) -> None:
    service.create()
    service.http("cancel_job", "public")

    deliver(service, service.hints())

    assert status(service) == "cancelled"


def test_the_example_event_is_a_hint(service: Service) -> None:
    event = service.event("start_jobs", "hint")

    assert json.loads(event["Records"][0]["body"])["projectId"] == 1
    assert service.invoke("start_jobs", event) == {"batchItemFailures": []}
