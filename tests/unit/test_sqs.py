"""The start queue on SQS: batches, delays, and what SQS may refuse."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st
from jobs.adapters.sqs import SQSIngestQueue, SQSStartQueue, from_body, to_body
from jobs.events.incoming import Refusal
from jobs.model import StartHint
from jobs.runtime import wiring
from jobs.runtime.wiring import in_threads

from tests.builders import NOW
from tests.fakes import FakeClock, FakeMeter

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.model import Hint
    from mypy_boto3_sqs import SQSClient


class FakeSQS:
    """Takes batches. `answer` may refuse entries of a call, or raise."""

    def __init__(self) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self.answer: Callable[[int], list[int]] = lambda _: []
        #: Errors of a look at the backlog.
        self.unreachable: list[Exception] = []

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        assert QueueUrl == "url"
        self.batches.append(Entries)
        failed = self.answer(len(self.batches))
        return {"Failed": [{"Id": Entries[index]["Id"]} for index in failed]} if failed else {"Successful": []}

    def get_queue_attributes(self, **_: Any) -> dict[str, Any]:
        if self.unreachable:
            raise self.unreachable.pop()
        return {"Attributes": {"ApproximateNumberOfMessages": "12"}}


class Queue:
    """The adapter over the fake."""

    def __init__(self) -> None:
        self.sqs, self.clock, self.meter = FakeSQS(), FakeClock(), FakeMeter()
        self.queue = SQSStartQueue(
            lambda: cast("SQSClient", self.sqs), "url", lambda: "fires", self.clock, self.meter, in_threads
        )

    def send(self, *messages: Hint) -> list[Hint]:
        return list(self.queue.send(messages))

    @property
    def entries(self) -> list[dict[str, Any]]:
        return [entry for batch in self.sqs.batches for entry in batch]


@pytest.fixture
def queue() -> Queue:
    return Queue()


def hint(number: int, due: int = NOW, project: int = 1) -> StartHint:
    return StartHint(project, ((number, due),))


def test_a_hint_carries_its_jobs_its_delay_and_its_tenant(queue: Queue) -> None:
    assert queue.send(StartHint(7, ((1, NOW + 5_900), (2, NOW + 5_100)))) == []

    (entry,) = queue.entries
    assert entry["DelaySeconds"] == 5
    assert entry["MessageGroupId"] == "7"
    assert entry["MessageBody"] == f'{{"projectId":7,"jobs":[[1,{NOW + 5_900}],[2,{NOW + 5_100}]]}}'


@pytest.mark.parametrize(
    ("left", "delay"),
    [(-5_000, 0), (0, 0), (999, 0), (1_000, 1), (1_999, 1), (180_000, 180), (900_999, 900), (10**9, 900)],
)
def test_a_delay_is_whole_seconds_rounded_down_within_what_sqs_takes(queue: Queue, left: int, delay: int) -> None:
    queue.send(hint(1, NOW + left))

    assert queue.entries[0]["DelaySeconds"] == delay


@pytest.fixture
def in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """One batch after another, for tests that check the order."""
    monkeypatch.setattr(wiring, "THREADS", 1)


@pytest.mark.usefixtures("in_turn")
def test_hints_go_in_batches_of_ten_with_ids_of_their_own(queue: Queue) -> None:
    queue.send(*(hint(number) for number in range(1, 24)))

    assert [len(batch) for batch in queue.sqs.batches] == [10, 10, 3]
    assert all(len({entry["Id"] for entry in batch}) == len(batch) for batch in queue.sqs.batches)
    assert [from_body(entry["MessageBody"]) for entry in queue.entries] == [hint(number) for number in range(1, 24)]


def test_what_a_batch_refuses_is_sent_again_alone_with_a_new_delay(queue: Queue) -> None:
    queue.sqs.answer = lambda call: [0, 2] if call == 1 else []

    assert queue.send(hint(1, NOW + 1_020), hint(2), hint(3)) == []

    again = queue.sqs.batches[1]
    assert [from_body(entry["MessageBody"]) for entry in again] == [hint(1, NOW + 1_020), hint(3)]
    assert queue.clock.slept == [50]
    assert [queue.sqs.batches[0][0]["DelaySeconds"], again[0]["DelaySeconds"]] == [1, 0]


def test_batches_are_under_way_together(queue: Queue) -> None:
    """Each waits until all others have begun."""
    together = threading.Barrier(wiring.THREADS, timeout=30)

    def answer(_: int) -> list[int]:
        together.wait()
        return []

    queue.sqs.answer = answer

    assert queue.send(*(hint(number) for number in range(1, 10 * wiring.THREADS + 1))) == []

    assert sorted(from_body(entry["MessageBody"]) for entry in queue.entries) == [
        hint(number) for number in range(1, 10 * wiring.THREADS + 1)
    ]


def test_what_batches_refuse_comes_back_in_the_order_in_which_it_was_sent(queue: Queue) -> None:
    queue.sqs.answer = lambda _: [0]

    assert queue.send(*(hint(number) for number in range(1, 101))) == [hint(number) for number in range(1, 101, 10)]


@pytest.mark.usefixtures("in_turn")
def test_what_is_refused_three_times_comes_back_and_the_others_are_sent(queue: Queue) -> None:
    queue.sqs.answer = lambda call: [1] if call == 1 else [0] if call <= 3 else []

    assert queue.send(*(hint(number) for number in range(1, 13))) == [hint(2)]

    assert len(queue.sqs.batches) == 4
    assert queue.clock.slept == [50, 100]


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "RequestThrottled", "Message": ""}}, "SendMessageBatch"),
        EndpointConnectionError(endpoint_url="https://sqs"),
    ],
)
def test_a_queue_that_can_not_be_reached_is_survived_and_noted(queue: Queue, error: Exception) -> None:
    def unreachable(call: int) -> list[int]:
        raise error

    queue.sqs.answer = unreachable

    assert queue.send(hint(1), hint(2)) == [hint(1), hint(2)]

    assert queue.meter.failures == ["SendMessageBatch"] * 3


def test_no_hints_make_no_client() -> None:
    def forbidden() -> SQSClient:
        raise AssertionError

    assert SQSStartQueue(forbidden, "", str, FakeClock(), FakeMeter(), in_threads).send([]) == []


@pytest.mark.parametrize("failures", [0, 1, 2])
def test_the_backlog_is_what_sqs_says_in_the_end(queue: Queue, failures: int) -> None:
    queue.sqs.unreachable = [EndpointConnectionError(endpoint_url="https://sqs")] * failures

    assert queue.queue.backlog() == 12

    assert queue.clock.slept == [50, 100][:failures]
    assert queue.meter.failures == ["GetQueueAttributes"] * failures


def test_a_backlog_that_sqs_does_not_say_in_three_tries_is_an_error(queue: Queue) -> None:
    queue.sqs.unreachable = [EndpointConnectionError(endpoint_url="https://sqs")] * 3

    with pytest.raises(EndpointConnectionError):
        queue.queue.backlog()


numbers = st.integers(0, 2**53)


@given(st.builds(StartHint, numbers, st.lists(st.tuples(numbers, numbers), min_size=1, max_size=25).map(tuple)))
def test_a_hint_is_read_as_it_was_sent(message: StartHint) -> None:
    assert from_body(to_body(message)) == message


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "null",
        "[]",
        "1",
        "{}",
        '{"projectId":1}',
        '{"jobs":[[1,2]]}',
        '{"projectId":1,"jobs":1}',
        '{"projectId":1,"jobs":[1]}',
        '{"projectId":1,"jobs":[[1]]}',
        '{"projectId":1,"jobs":[[1,2,3]]}',
        '{"projectId":"x","jobs":[[1,2]]}',
        '{"projectId":1,"jobs":[[1,null]]}',
        '{"projectId":NaN,"jobs":[]}',
        "[" * 100_000,
    ],
    ids=lambda body: body[:40],
)
def test_what_is_no_hint_is_a_value_error(body: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # the starter drops it whatever the sentence
        from_body(body)


def test_a_body_is_json_that_others_can_read() -> None:
    assert json.loads(to_body(hint(1))) == {"projectId": 1, "jobs": [[1, NOW]]}


def test_a_number_beyond_all_numbers_is_no_hint() -> None:
    with pytest.raises(ValueError, match="not a hint"):
        from_body('{"projectId":1e999,"jobs":[[1,2]]}')


# ---- events that are not taken ------------------------------------------------------------------------------------


class FakeIngestSQS:
    """Remembers calls. Refuses the bodies and receipts that a test names."""

    def __init__(self, *refuses: str) -> None:
        self.calls: list[tuple[str, ...]] = []
        self._refuses = refuses

    def send_message(self, QueueUrl: str, MessageBody: str, MessageAttributes: dict[str, Any]) -> None:  # noqa: N803
        if MessageBody in self._refuses:
            raise ClientError({"Error": {"Code": "RequestThrottled", "Message": ""}}, "SendMessage")
        told = (f"{name}={value['StringValue']}" for name, value in MessageAttributes.items())
        self.calls.append((QueueUrl, MessageBody, *told))

    def change_message_visibility(self, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:  # noqa: N803
        if ReceiptHandle in self._refuses:
            raise EndpointConnectionError(endpoint_url="https://sqs")
        self.calls.append((QueueUrl, ReceiptHandle, f"{VisibilityTimeout}"))


def ingest_queue(sqs: FakeIngestSQS) -> tuple[SQSIngestQueue, FakeMeter]:
    meter = FakeMeter()
    return SQSIngestQueue(lambda: cast("SQSClient", sqs), "ingest", "dead", meter), meter


def a_record(name: str, received: int = 1) -> dict[str, Any]:
    return {
        "messageId": f"id-{name}",
        "receiptHandle": f"receipt-{name}",
        "body": f"body-{name}",
        "attributes": {"ApproximateReceiveCount": f"{received}"},
    }


def test_what_is_set_aside_is_put_whole_with_the_reason_and_what_is_not_taken_there_comes_again() -> None:
    sqs = FakeIngestSQS("body-b")
    queue, meter = ingest_queue(sqs)

    why = Refusal("jobId", "must be an integer")

    assert queue.set_aside([(a_record(name), why) for name in "abc"]) == ["id-b"]

    told = ("field=jobId", "reason=must be an integer")
    assert sqs.calls == [("dead", "body-a", *told), ("dead", "body-c", *told)]
    assert meter.failures == ["SendMessage"]


@pytest.mark.parametrize(("received", "wait"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 32), (7, 32), (1_000, 32)])
def test_an_early_report_is_looked_at_again_after_a_wait_that_doubles(received: int, wait: int) -> None:
    sqs = FakeIngestSQS()

    assert ingest_queue(sqs)[0].look_again_soon([a_record("a", received)]) == ["id-a"]

    assert sqs.calls == [("ingest", "receipt-a", f"{wait}")]


def test_an_early_report_whose_wait_can_not_be_set_is_left_in_the_queue_all_the_same() -> None:
    queue, meter = ingest_queue(FakeIngestSQS("receipt-a"))

    assert queue.look_again_soon([a_record("a"), a_record("b")]) == ["id-a", "id-b"]

    assert meter.failures == ["ChangeMessageVisibility"]
