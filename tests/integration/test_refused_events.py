"""`jobs-admin events refused`: what it shows of dead letters, and that all of them come back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from jobs.runtime import wiring

from cli import admin
from cli.admin import letters
from tests.integration.test_events import Bus, bus

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

__all__ = ["bus"]  # the fixture

#: More than SQS hands out in one call.
MANY = 23


@dataclass
class Desk:
    """An operator with the queues of a stack."""

    bus: Bus
    capsys: pytest.CaptureFixture[str]

    def refused(self, *options: str, status: int = 0) -> Any:
        queues = ["--queue-url", self.bus.dead_letters_url, "--to", self.bus.queue_url]
        self.capsys.readouterr()  # what the functions logged
        assert admin.main(["events", "refused", *queues, *options]) == status
        printed = self.capsys.readouterr()
        return json.loads(printed.out) if status == 0 else printed.err

    def bodies(self, url: str) -> list[str]:
        """What a queue holds; nobody sees it again."""
        found = []
        while batch := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            found += [message["Body"] for message in batch]
        return sorted(found)

    @property
    def sqs(self) -> SQSClient:
        client: SQSClient = self.bus.service.sqs
        return client

    def refuse(self, count: int) -> list[str]:
        """Have events refused, and return them."""
        bodies = [self.bus.envelope("Job Failed", {"jobId": f"x{number}", "attempt": 1}) for number in range(count)]
        self.bus.deliver(*bodies)
        return sorted(bodies)


@pytest.fixture
def desk(bus: Bus, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(letters, "WAIT", 0)
    return Desk(bus, capsys)


def test_it_tells_who_sent_what_and_why_not_and_no_value(desk: Desk) -> None:
    secret = "someone@example.com"  # somebody's address
    desk.bus.deliver(desk.bus.envelope("Job Progress", {"jobId": secret, "attempt": 1}))
    desk.bus.deliver(desk.bus.envelope(secret, {"jobId": 1}, source=secret))
    desk.sqs.send_message(QueueUrl=desk.bus.dead_letters_url, MessageBody=f"not JSON {secret}")  # as SQS itself does

    found = desk.refused()

    assert secret not in json.dumps(found)
    rows = {row["detailType"] or row["field"]: row for row in found["refusedEvents"]}
    about = {"source": "com.example.worker", "field": "jobId", "reason": "must be an integer"}
    assert about.items() <= rows["Job Progress"].items()
    assert (rows["detail-type"]["source"], rows["detail-type"]["reason"][:11]) == (None, "must be one")
    assert {name: rows[None][name] for name in ("source", "field", "reason")} == {
        "source": None,
        "field": None,
        "reason": None,
    }
    assert found["others"] == 0


def test_a_look_changes_nothing_and_the_newest_come_first(desk: Desk) -> None:
    bodies = desk.refuse(MANY)

    first, second = desk.refused(), desk.refused()

    ids = [[row["messageId"] for row in found["refusedEvents"]] for found in (first, second)]
    assert sorted(ids[0]) == sorted(ids[1])
    assert len(set(ids[0])) == MANY
    times = [row["at"] for row in first["refusedEvents"]]
    assert times == sorted(times, reverse=True)
    assert desk.bodies(desk.bus.dead_letters_url) == bodies


def test_a_limit_shows_the_newest_and_says_how_many_others_there_are(desk: Desk) -> None:
    desk.refuse(MANY)
    everything = desk.refused()["refusedEvents"]

    found = desk.refused("--limit", "7")

    assert [row["at"] for row in found["refusedEvents"]] == [row["at"] for row in everything[:7]]
    assert (len(found["refusedEvents"]), found["others"]) == (7, MANY - 7)


def test_moved_back_they_are_in_the_ingest_queue_whole_and_no_longer_among_the_dead(desk: Desk) -> None:
    bodies = desk.refuse(MANY)

    moved = desk.refused("--redrive")

    assert len(moved["movedEvents"]) == MANY
    assert desk.bodies(desk.bus.queue_url) == bodies
    assert desk.bodies(desk.bus.dead_letters_url) == []


def test_with_a_limit_the_others_stay_where_they_are_and_can_be_seen(desk: Desk) -> None:
    bodies = desk.refuse(MANY)

    desk.refused("--redrive", "--limit", "4")

    moved, left = desk.bodies(desk.bus.queue_url), desk.bodies(desk.bus.dead_letters_url)
    assert (len(moved), sorted(moved + left)) == (4, bodies)


@pytest.mark.parametrize("call", ["ReceiveMessage", "SendMessage", "DeleteMessage"])
def test_an_error_in_the_middle_loses_none_and_is_one_line(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    bodies = desk.refuse(MANY)
    made = wiring.client("sqs")._make_api_call
    calls = 0

    def fail_third(_: object, operation: str, arguments: dict[str, Any]) -> Any:
        nonlocal calls
        calls += operation == call
        if operation == call and calls == 3:
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "no"}}, operation)
        return made(operation, arguments)

    with monkeypatch.context() as broken:
        broken.setattr("botocore.client.BaseClient._make_api_call", fail_third)
        said = desk.refused("--redrive", status=1)

    assert said.startswith("jobs-admin: An error occurred (ThrottlingException)")
    assert said.count("\n") == 1
    both = desk.bodies(desk.bus.queue_url), desk.bodies(desk.bus.dead_letters_url)
    assert sorted({*both[0], *both[1]}) == bodies
    assert len(both[0] + both[1]) == MANY + (call == "DeleteMessage")  # then one is there twice, and is taken once


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "queue-url: set --queue-url to the stack's output IngestDeadLetterQueueUrl"),
        (("--queue-url", "u", "--redrive"), "to: set --to to the stack's output IngestQueueUrl"),
        (("--queue-url", "u", "--limit", "1001"), "limit: must be at most 1000"),
        (("--queue-url", "u", "--limit", "0"), "Invalid value for '--limit'"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], complaint: str
) -> None:
    for name in ("JOBS_REFUSED_QUEUE_URL", "JOBS_INGEST_QUEUE_URL"):
        monkeypatch.delenv(name, raising=False)

    assert admin.main(["events", "refused", *arguments]) == 2
    assert capsys.readouterr().err.startswith(f"jobs-admin: {complaint}")
