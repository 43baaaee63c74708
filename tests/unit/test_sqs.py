"""The start queue on SQS: batches, delays, and what SQS may refuse."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st
from jobs.adapters.sqs import SQSStartQueue, from_body, to_body
from jobs.model import StartMessage

from tests.builders import NOW
from tests.fakes import FakeClock, FakeMeter

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_sqs import SQSClient


class FakeSQS:
    """Takes batches; `answer` may refuse entries of a call, or raise."""

    def __init__(self) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self.answer: Callable[[int], list[int]] = lambda _: []

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        assert QueueUrl == "url"
        self.batches.append(Entries)
        failed = self.answer(len(self.batches))
        return {"Failed": [{"Id": Entries[index]["Id"]} for index in failed]} if failed else {"Successful": []}

    def get_queue_attributes(self, **_: Any) -> dict[str, Any]:
        return {"Attributes": {"ApproximateNumberOfMessages": "12"}}


class Queue:
    """The adapter over the fake."""

    def __init__(self) -> None:
        self.sqs, self.clock, self.meter = FakeSQS(), FakeClock(), FakeMeter()
        self.queue = SQSStartQueue(lambda: cast("SQSClient", self.sqs), "url", self.clock, self.meter)

    def send(self, *messages: StartMessage) -> list[StartMessage]:
        return list(self.queue.send(messages))

    @property
    def entries(self) -> list[dict[str, Any]]:
        return [entry for batch in self.sqs.batches for entry in batch]


@pytest.fixture
def queue() -> Queue:
    return Queue()


def hint(number: int, due: int = NOW, project: int = 1) -> StartMessage:
    return StartMessage(project, ((number, due),))


def test_a_hint_carries_its_jobs_its_delay_and_its_tenant(queue: Queue) -> None:
    assert queue.send(StartMessage(7, ((1, NOW + 5_900), (2, NOW + 5_100)))) == []

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

    assert SQSStartQueue(forbidden, "", FakeClock(), FakeMeter()).send([]) == []


def test_the_backlog_is_what_sqs_says(queue: Queue) -> None:
    assert queue.queue.backlog() == 12


numbers = st.integers(0, 2**53)


@given(st.builds(StartMessage, numbers, st.lists(st.tuples(numbers, numbers), min_size=1, max_size=25).map(tuple)))
def test_a_hint_is_read_as_it_was_sent(message: StartMessage) -> None:
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
