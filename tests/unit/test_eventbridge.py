"""The bus on EventBridge: requests filled by count and bytes, and what EventBridge may refuse."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st
from jobs.adapters.eventbridge import EventBridgeBus, EventsClient, to_detail
from jobs.model import Event

from tests.builders import a_client_error
from tests.fakes import FakeClock, FakeMeter

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = 256 * 1024


class FakeEvents:
    """Takes requests. `answer` gives the codes of refused entries, or raises."""

    def __init__(self) -> None:
        self.requests: list[list[dict[str, str]]] = []
        self.answer: Callable[[int], dict[int, str]] = lambda _: {}

    def put_events(self, *, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        self.requests.append(Entries)
        codes = self.answer(len(self.requests))
        results = [{"ErrorCode": codes[i]} if i in codes else {"EventId": f"id-{i}"} for i in range(len(Entries))]
        return {"FailedEntryCount": len(codes), "Entries": results}


class Bus:
    """The adapter over the fake."""

    def __init__(self) -> None:
        self.events, self.clock, self.meter = FakeEvents(), FakeClock(), FakeMeter()
        self.bus = EventBridgeBus(lambda: self.events, "bus", self.clock, self.meter)

    def put(self, *events: Event) -> list[Event]:
        return list(self.bus.put(events))

    @property
    def sizes(self) -> list[int]:
        return [len(request) for request in self.events.requests]


@pytest.fixture
def bus() -> Bus:
    return Bus()


def event(number: int, filling: int = 0, letter: str = "x") -> Event:
    return Event("jobs", "Job Started", {"jobId": number, "filling": letter * filling})


def size(entry: dict[str, str]) -> int:
    """AWS's documented rule, time included."""
    return 14 + sum(len(entry[part].encode()) for part in ("Source", "DetailType", "Detail"))


def test_an_entry_names_its_bus_its_source_and_its_kind_and_its_detail_is_compact(bus: Bus) -> None:
    assert bus.put(Event("jobs", "Job Started", {"jobId": 1, "description": "حذف بيانات", "errors": None})) == []

    assert bus.events.requests == [
        [
            {
                "EventBusName": "bus",
                "Source": "jobs",
                "DetailType": "Job Started",
                "Detail": '{"jobId":1,"description":"حذف بيانات","errors":null}',
            }
        ]
    ]


def test_requests_are_filled_by_count(bus: Bus) -> None:
    assert bus.put(*map(event, range(23))) == []

    assert bus.sizes == [10, 10, 3]
    sent = [json.loads(entry["Detail"])["jobId"] for request in bus.events.requests for entry in request]
    assert sent == list(range(23))


def test_requests_are_filled_by_bytes(bus: Bus) -> None:
    """Letters of two bytes: three events of 100 KB. A request holds two of them."""
    assert bus.put(*(event(number, 50 * 1024, "é") for number in range(5))) == []

    assert bus.sizes == [2, 2, 1]
    assert all(sum(map(size, request)) < LIMIT for request in bus.events.requests)


@pytest.mark.parametrize(("spare", "sent"), [(1, True), (0, False)])
def test_an_event_is_sent_only_if_it_is_smaller_than_a_request(bus: Bus, spare: int, sent: bool) -> None:  # noqa: FBT001
    bare = event(1)
    room = LIMIT - 14 - len("jobs" + "Job Started" + to_detail(bare.detail)) - spare
    whole = event(1, room)

    assert bus.put(bare, whole, bare) == ([] if sent else [whole])

    assert bus.sizes == ([1, 1, 1] if sent else [2])
    assert bus.meter.counts["EventTooLarge"] == (not sent)


def test_a_request_is_smaller_than_its_limit_to_the_byte(bus: Bus) -> None:
    first = event(1, 100_000)
    bare = 14 + len("jobs" + "Job Started" + to_detail(event(2).detail))
    room = LIMIT - bare - (14 + len("jobs" + "Job Started" + to_detail(first.detail)))

    bus.put(first, event(2, room), first, event(2, room - 1))

    assert bus.sizes == [1, 1, 2]


@given(st.lists(st.integers(0, LIMIT), max_size=12))
def test_every_event_is_sent_once_in_order_in_requests_that_eventbridge_takes(fillings: list[int]) -> None:
    bus = Bus()
    events = [event(number, filling) for number, filling in enumerate(fillings)]

    refused = bus.put(*events)

    sent = [json.loads(entry["Detail"])["jobId"] for request in bus.events.requests for entry in request]
    assert [events[number] for number in sent] == [each for each in events if each not in refused]
    assert all(sum(map(size, request)) < LIMIT for request in bus.events.requests)
    assert all(14 + 15 + len(to_detail(each.detail)) >= LIMIT for each in refused)


def test_what_a_request_refuses_is_sent_again_alone(bus: Bus) -> None:
    bus.events.answer = lambda call: {0: "ThrottlingException", 2: "InternalFailure"} if call == 1 else {}

    assert bus.put(event(1), event(2), event(3)) == []

    assert [json.loads(entry["Detail"])["jobId"] for entry in bus.events.requests[1]] == [1, 3]
    assert bus.clock.slept == [50]
    assert bus.meter.failures == ["PutEvents", "PutEvents"]


def test_what_is_refused_three_times_comes_back_and_the_others_are_sent(bus: Bus) -> None:
    bus.events.answer = lambda call: {0: "InternalFailure"} if call <= 3 else {}

    assert bus.put(*map(event, range(12))) == [event(0)]

    assert bus.sizes == [10, 1, 1, 2]
    assert bus.clock.slept == [50, 100]


@pytest.mark.parametrize(
    "error", [a_client_error("ThrottlingException"), EndpointConnectionError(endpoint_url="https://events")]
)
def test_a_bus_that_can_not_be_reached_is_survived_and_noted(bus: Bus, error: Exception) -> None:
    def unreachable(call: int) -> dict[int, str]:
        raise error

    bus.events.answer = unreachable

    assert bus.put(event(1), event(2)) == [event(1), event(2)]

    assert bus.sizes == [2, 2, 2]
    assert bus.meter.failures == ["PutEvents"] * 3


def test_no_events_make_no_client() -> None:
    def forbidden() -> EventsClient:
        raise AssertionError

    assert EventBridgeBus(forbidden, "", FakeClock(), FakeMeter()).put([]) == []
