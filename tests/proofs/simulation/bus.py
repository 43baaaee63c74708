"""EventBridge's bus by its documented rules (docs/decisions/0027 says which, and what is left out)."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from jobs.model import EVENT_SOURCE, SECOND

from tests.proofs.simulation.wire import Latency

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.proofs.simulation.wire import Environment
    from tests.proofs.simulation.world import Json, World

PUT_EVENTS = Latency(20)

#: Entries of a PutEvents, and how many a large region takes in a second («Amazon EventBridge quotas»).
PUT_ENTRIES = 10
PUT_EVENTS_A_SECOND = 10_000
DELIVERY = Latency(150, 0.6)


class Subscription(NamedTuple):
    """A rule's pattern, and the target of the events that match it."""

    pattern: Mapping[str, Any]
    target: Callable[[Json], None]


class Bus:
    """An event bus: at least once, in no order."""

    def __init__(self, world: World, account_id: str) -> None:
        self.subscriptions: list[Subscription] = []
        self._world = world
        self._account_id = account_id
        self._numbers = 0
        self._second = -1
        self._in_second = 0

    def put(self, source: str, detail_type: str, text: str) -> str | None:
        """Take an event and return None, or return the code of its refusal."""
        world = self._world
        second = int(world.timeline.now // SECOND)
        if second != self._second:
            self._second, self._in_second = second, 0
        if self._in_second >= PUT_EVENTS_A_SECOND:
            world.ledger.counts["fault: bus throttled"] += 1
            return "ThrottlingException"
        if world.random.random() < world.faults.entry_refused:
            world.ledger.counts["fault: entry refused"] += 1
            return "InternalFailure"
        self._in_second += 1
        self._numbers += 1
        event = {
            "id": f"event-{self._numbers}",
            "source": source,
            "account": self._account_id,
            "detail-type": detail_type,
            "detail": json.loads(text),
        }
        if source == EVENT_SOURCE:
            world.ledger.published(detail_type, event["detail"])
        self.deliver(event)
        return None

    def deliver(self, event: Json) -> None:
        """Give an event to every subscriber, sometimes twice."""
        world = self._world
        for subscription in self.subscriptions:
            if not _matches(subscription.pattern, event):
                continue
            deliver = partial(subscription.target, event)
            world.timeline.after(DELIVERY.draw(world.random), deliver)
            if world.random.random() < world.faults.doubled_event:
                world.ledger.counts["fault: event doubled"] += 1
                world.timeline.after(10 * DELIVERY.draw(world.random), deliver)


class EventsClient:
    """The client of EventBridge in one environment."""

    def __init__(self, environment: Environment, world: World, bus: Bus) -> None:
        self._environment = environment
        self._world = world
        self._bus = bus

    def put_events(self, *, Entries: Any) -> Any:  # noqa: N803
        """Take up to ten events, each by itself."""
        if len(Entries) > PUT_ENTRIES:
            self._world.ledger.violation(f"PutEvents of {len(Entries)}")

        def effect() -> Json:
            codes = []
            for entry in Entries:
                code = self._bus.put(entry["Source"], entry["DetailType"], entry["Detail"])
                codes.append({"ErrorCode": code} if code else {"EventId": "event"})
            return {"FailedEntryCount": sum("ErrorCode" in code for code in codes), "Entries": codes}

        return self._environment.call(PUT_EVENTS, effect, entries=len(Entries))


def _matches(pattern: Mapping[str, Any], content: Mapping[str, Any]) -> bool:
    """Whether an event matches a pattern (User Guide, «Creating Amazon EventBridge event patterns»)."""
    for name, wanted in pattern.items():
        if name == "$or":
            if not any(_matches(choice, content) for choice in wanted):
                return False
        elif isinstance(wanted, dict):
            if not _matches(wanted, content.get(name, {})):
                return False
        elif not any(_is(content.get(name), choice) for choice in wanted):
            return False
    return True


def _is(value: object, choice: object) -> bool:
    if isinstance(choice, dict) and "prefix" in choice:
        return str(value).lower().startswith(choice["prefix"]["equals-ignore-case"])
    if isinstance(choice, dict):
        return value not in choice["anything-but"]
    return value == choice
