"""SQS, EventBridge and Lambda, by their documented rules (docs/decisions/0027 says whose, and what is left out)."""

from __future__ import annotations

import json
import marshal
import zlib
from collections import Counter, deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from jobs.model import MINUTE, SECOND
from jobs.publishing import SOURCE

from tests.simulation.wire import Environment, Killed, Latency

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from random import Random

    from tests.simulation.ledger import Ledger
    from tests.simulation.table import Record
    from tests.simulation.timeline import Timeline
    from tests.simulation.wire import Faults

Json: TypeAlias = dict[str, Any]
#: A function's code in one environment.
Handler: TypeAlias = "Callable[[Any, Context], Any]"
#: What is told of an invocation's end: its answer, None where it failed.
Done: TypeAlias = "Callable[[Any], None]"

SEND = Latency(10)
LOOK = Latency(8)
PUT_EVENTS = Latency(20)


@dataclass
class World:
    """What all services share."""

    timeline: Timeline
    random: Random
    faults: Faults
    ledger: Ledger


# ---- Lambda ----------------------------------------------------------------------------------------------------------

#: How long an environment is kept that nobody calls. AWS promises nothing; minutes are what is seen.
KEPT = 6 * MINUTE
COLD_START = Latency(700, 0.3)
INVOKE = Latency(8)
#: Invocations at a time of all functions of an account (Developer Guide, «Lambda quotas»).
ACCOUNT_CONCURRENCY = 1_000


class Context:
    """What Lambda tells a handler of its invocation."""

    function_name = "function"
    aws_request_id = "request"

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the invocation is ended."""
        return self._environment.remaining


class _Idle(NamedTuple):
    """An environment that waits for a call, and since when."""

    since: float
    environment: Environment
    handler: Handler


class Account:
    """How many invocations run at a time."""

    def __init__(self) -> None:
        self.running = 0
        self.peak = 0


class Function:
    """A Lambda function: environments that are cold once, kept while they are used, and lost at a crash."""

    def __init__(  # noqa: PLR0913, PLR0917  # as many things as a function is made of
        self,
        world: World,
        account: Account,
        name: str,
        boot: Callable[[Environment], Handler],
        memory: int,
        timeout_seconds: int,
    ) -> None:
        self.name = name
        self._world = world
        self._account = account
        self._boot = boot
        self._memory = memory
        self._timeout = timeout_seconds * SECOND
        self._idle: list[_Idle] = []

    def invoke(self, event: Any, done: Done) -> bool:
        """Begin an invocation; False where the account has no room for it."""
        if self._account.running >= ACCOUNT_CONCURRENCY:
            self._world.ledger.counts["lambda: no room"] += 1
            return False
        self._account.running += 1
        self._account.peak = max(self._account.peak, self._account.running)
        self._world.timeline.start(lambda: self._run(event, done))
        return True

    def _run(self, event: Any, done: Done) -> None:
        world = self._world
        world.timeline.wait(INVOKE.draw(world.random))
        environment, handler = self._warm() or self._cold()
        environment.begin(self._timeout)
        answer = None
        lost = False
        try:
            answer = handler(event, Context(environment))
        except Killed:
            world.ledger.counts["lambda: ended early"] += 1
            lost = True
        except Exception as error:  # noqa: BLE001  # Lambda takes whatever it is, and the ledger asks for its cause
            world.ledger.raised(self.name, error)
        self._account.running -= 1
        if not lost:
            self._idle.append(_Idle(world.timeline.now, environment, handler))
        done(answer)

    def _warm(self) -> tuple[Environment, Handler] | None:
        if self._idle and self._idle[-1].since >= self._world.timeline.now - KEPT:
            return self._idle.pop()[1:]
        self._idle.clear()  # the others were left even earlier
        return None

    def _cold(self) -> tuple[Environment, Handler]:
        world = self._world
        world.ledger.counts["lambda: cold start"] += 1
        world.timeline.wait(COLD_START.draw(world.random))
        environment = Environment(world.timeline, world.random, world.faults, world.ledger, self._memory)
        return environment, self._boot(environment)


class Schedule:
    """A rule that fires once a minute, anywhere in it; now and then twice, or not at all."""

    def __init__(self, world: World, function: Function) -> None:
        self._world = world
        self._function = function
        #: When it has fired.
        self.fired: list[float] = []
        world.timeline.at(self._minute, self._plan)

    @property
    def _minute(self) -> float:
        return (self._world.timeline.now // MINUTE + 1) * MINUTE

    def _plan(self) -> None:
        world, faults = self._world, self._world.faults
        chance = world.random.random()
        times = 1
        if chance < faults.dropped_tick:
            world.ledger.counts["fault: tick dropped"] += 1
            times = 0
        elif chance < faults.dropped_tick + faults.doubled_tick:
            world.ledger.counts["fault: tick doubled"] += 1
            times = 2
        for _ in range(times):
            world.timeline.after(world.random.uniform(0, 59 * SECOND), self._fire)
        world.timeline.at(self._minute, self._plan)

    def _fire(self) -> None:
        self.fired.append(self._world.timeline.now)
        self._function.invoke({}, lambda _: None)


# ---- SQS -------------------------------------------------------------------------------------------------------------

#: Messages of a SendMessageBatch, and its bytes (Developer Guide, «Message quotas»).
SEND_BATCH = 10
SEND_BYTES = 1024 * 1024
LONGEST_DELAY = 900
#: By how much a message comes after its delay, on average.
LATE = 20.0
#: A message group is noisy above this share of the messages in flight, if it has as many itself (Developer Guide, «How
#: Amazon SQS fair queues work»).
NOISY_SHARE = 0.1
NOISY_LEAST = 30
#: How long a receive looks for messages, on average.
POLL = Latency(12)
#: Batches that Lambda reads at once from a queue that was empty, and how many more each second (Developer Guide,
#: «Configuring scaling behavior for SQS event source mappings»: 300 more a minute).
FIRST_BATCHES = 5
MORE_BATCHES = 300 / 60


@dataclass
class Message:
    """A message in a queue."""

    number: int
    body: str
    group: str
    sent: int
    receives: int = 0
    #: Which receive holds it; a copy that is delivered twice shares all but this.
    receipt: int = 0
    deleted: bool = False


class Queue:
    """A standard queue: at least once, in about the order of arrival, quiet groups before noisy ones."""

    def __init__(
        self, world: World, name: str, visibility_seconds: int, most_receives: int | None, dead: Queue | None
    ) -> None:
        self.name = name
        self.dead = dead
        self.sent = 0
        #: Fair queues can be turned off, to see what they do.
        self.fair = True
        self.on_visible: Callable[[], None] = lambda: None
        self._world = world
        self._visibility = visibility_seconds * SECOND
        self._most_receives = most_receives
        self._numbers = 0
        self._receipts = 0
        self._visible: deque[Message] = deque()
        #: Visible messages of noisy groups, which wait behind all others.
        self._behind: deque[Message] = deque()
        self._in_flight: Counter[str] = Counter()
        self._in_flight_in_all = 0
        self._held: dict[int, Message] = {}

    @property
    def visible(self) -> int:
        """How many messages could be received."""
        return len(self._visible) + len(self._behind)

    def send(self, body: str, delay_seconds: int = 0, group: str = "") -> None:
        """Take a message."""
        if not 0 <= delay_seconds <= LONGEST_DELAY:
            self._world.ledger.violation(f"{self.name}: a delay of {delay_seconds} s")
        self.sent += 1
        self._numbers += 1
        message = Message(self._numbers, body, group, int(self._world.timeline.now))
        late = self._world.random.expovariate(1 / LATE)
        self._world.timeline.after(delay_seconds * SECOND + late, lambda: self._show(message))

    def receive(self, most: int) -> list[Message]:
        """Hold up to so many messages for the visibility time-out."""
        batch: list[Message] = []
        noisy = self._noisy() if self.fair else set()
        if not noisy and self._behind:
            self._visible.extendleft(reversed(self._behind))
            self._behind.clear()
        while self._visible and len(batch) < most:
            message = self._visible.popleft()
            (self._behind if message.group in noisy else batch).append(message)
        while self._behind and len(batch) < most:
            batch.append(self._behind.popleft())
        return [message for message in batch if self._hold(message)]

    def delete(self, message: Message) -> None:
        """Be done with a message that was received."""
        message.deleted = True
        self._let_go(message)

    def change_visibility(self, message: Message, seconds: int) -> None:
        """Show a message again after a while that counts from now."""
        receipt = message.receipt
        self._world.timeline.after(seconds * SECOND, lambda: self._expire(message, receipt))

    def by_receipt(self, handle: str) -> Message:
        """The message that a receipt handle is of."""
        return self._held[int(handle)]

    def _noisy(self) -> set[str]:
        least = max(NOISY_LEAST, NOISY_SHARE * self._in_flight_in_all)
        return {group for group, count in self._in_flight.items() if count >= least}

    def _show(self, message: Message) -> None:
        self._visible.append(message)
        self.on_visible()

    def _hold(self, message: Message) -> bool:
        if message.deleted:
            return False
        if self._most_receives is not None and message.receives >= self._most_receives:
            self._world.ledger.counts[f"{self.name}: dead letter"] += 1
            message.deleted = True
            if self.dead is not None:
                self.dead.send(message.body)
            return False
        message.receives += 1
        self._receipts += 1
        message.receipt = self._receipts
        self._held[message.receipt] = message
        self._in_flight[message.group] += 1
        self._in_flight_in_all += 1
        receipt = message.receipt
        self._world.timeline.after(self._visibility, lambda: self._expire(message, receipt))
        if self._world.random.random() < self._world.faults.doubled_message:
            self._world.ledger.counts["fault: message doubled"] += 1
            copy = Message(message.number, message.body, message.group, message.sent, message.receives)
            self._world.timeline.after(self._world.random.uniform(0, MINUTE), lambda: self._show(copy))
        return True

    def _expire(self, message: Message, receipt: int) -> None:
        if message.receipt == receipt and self._let_go(message) and not message.deleted:
            self._show(message)

    def _let_go(self, message: Message) -> bool:
        if self._held.pop(message.receipt, None) is None:
            return False
        self._in_flight[message.group] -= 1
        if not self._in_flight[message.group]:
            del self._in_flight[message.group]
        self._in_flight_in_all -= 1
        return True


class QueueSource:
    """Lambda's reading of a queue: batches, and as many at a time as it may."""

    def __init__(  # noqa: PLR0913, PLR0917  # as the template has it
        self, world: World, queue: Queue, function: Function, batch: int, window_seconds: int, most_at_once: int
    ) -> None:
        self._world = world
        self._queue = queue
        self._function = function
        self._batch = batch
        self._window = window_seconds * SECOND
        self._most_at_once = most_at_once
        self._running = 0
        self._busy_since: float | None = None
        self._looking = False
        queue.on_visible = self._look

    @property
    def _allowed(self) -> int:
        busy = 0.0 if self._busy_since is None else self._world.timeline.now - self._busy_since
        return min(self._most_at_once, FIRST_BATCHES + int(MORE_BATCHES * busy / SECOND))

    def _look(self) -> None:
        if self._looking or self._running >= self._allowed:
            return
        self._looking = True
        if self._busy_since is None:
            self._busy_since = self._world.timeline.now
        wait = self._window if self._queue.visible < self._batch else 0
        self._world.timeline.after(wait + POLL.draw(self._world.random), self._receive)

    def _receive(self) -> None:
        self._looking = False
        while self._running < self._allowed and self._queue.visible:
            messages = self._queue.receive(self._batch)
            if messages and not self._hand_over(messages):
                return
        if not self._queue.visible and not self._running:
            self._busy_since = None

    def _hand_over(self, messages: list[Message]) -> bool:
        records = [
            {
                "messageId": str(message.receipt),
                "receiptHandle": str(message.receipt),
                "body": message.body,
                "attributes": {
                    "SentTimestamp": str(message.sent),
                    "ApproximateReceiveCount": str(message.receives),
                },
            }
            for message in messages
        ]
        self._running += 1
        if self._function.invoke({"Records": records}, lambda answer: self._done(messages, answer)):
            return True
        self._running -= 1
        for message in messages:
            self._queue.change_visibility(message, 1)
        return False

    def _done(self, messages: list[Message], answer: Json | None) -> None:
        self._running -= 1
        if answer is not None:
            failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
            for message in messages:
                if str(message.receipt) in failed:
                    self._world.ledger.counts[f"{self._queue.name}: to come again"] += 1
                else:
                    self._queue.delete(message)
        if self._queue.visible:
            self._look()
        elif not self._running:
            self._busy_since = None


class SQSClient:
    """boto3's client of SQS in one environment."""

    def __init__(self, environment: Environment, world: World, queues: Mapping[str, Queue]) -> None:
        self._environment = environment
        self._world = world
        self._queues = queues

    def send_message_batch(self, *, QueueUrl: str, Entries: Any) -> Any:  # noqa: N803  # AWS's names, here and below
        """Take up to ten messages, each for itself."""
        if len(Entries) > SEND_BATCH or sum(len(entry["MessageBody"]) for entry in Entries) > SEND_BYTES:
            self._world.ledger.violation(f"SendMessageBatch of {len(Entries)}")

        def effect() -> Json:
            failed = []
            for entry in Entries:
                if self._world.random.random() < self._world.faults.entry_refused:
                    self._world.ledger.counts["fault: entry refused"] += 1
                    failed.append({"Id": entry["Id"], "Code": "InternalError", "SenderFault": False})
                else:
                    self._queues[QueueUrl].send(entry["MessageBody"], entry["DelaySeconds"], entry["MessageGroupId"])
            return {"Failed": failed}

        return self._environment.call(SEND, effect, entries=len(Entries))

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> Any:  # noqa: N803
        """Take a message."""
        return self._environment.call(SEND, lambda: self._queues[QueueUrl].send(MessageBody))

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> Any:  # noqa: N803
        """Show a message again sooner, or later."""
        queue = self._queues[QueueUrl]
        message = queue.by_receipt(ReceiptHandle)
        return self._environment.call(SEND, lambda: queue.change_visibility(message, VisibilityTimeout))

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: Any) -> Any:  # noqa: N803
        """Tell how many messages are visible."""
        queue = self._queues[QueueUrl]
        return self._environment.call(LOOK, lambda: {"Attributes": {"ApproximateNumberOfMessages": str(queue.visible)}})


# ---- EventBridge -----------------------------------------------------------------------------------------------------

#: Entries of a PutEvents; and how many are taken a second in a large region («Amazon EventBridge quotas»).
PUT_ENTRIES = 10
PUT_EVENTS_A_SECOND = 10_000
DELIVERY = Latency(150, 0.6)


class Subscription(NamedTuple):
    """A rule's pattern, and what gets the events that match it."""

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
        """Take an event, and return None; or the code with which it is refused."""
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
        if source == SOURCE:
            world.ledger.published(detail_type, event["detail"])
        self.deliver(event)
        return None

    def deliver(self, event: Json) -> None:
        """Give an event to whoever has subscribed, now and then twice."""
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
    """boto3's client of EventBridge in one environment."""

    def __init__(self, environment: Environment, world: World, bus: Bus) -> None:
        self._environment = environment
        self._world = world
        self._bus = bus

    def put_events(self, *, Entries: Any) -> Any:  # noqa: N803
        """Take up to ten events, each for itself."""
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
    """Whether an event has what a pattern asks for (User Guide, «Creating Amazon EventBridge event patterns»)."""
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
    if isinstance(choice, dict):
        return value not in choice["anything-but"]
    return value == choice


# ---- the table's stream ----------------------------------------------------------------------------------------------

#: Lambda looks at a shard four times a second (Developer Guide, «Using AWS Lambda with Amazon DynamoDB»).
STREAM_POLL = 250.0
#: What it waits before it delivers a batch again, at first and at most.
FIRST_AGAIN = SECOND
LONGEST_AGAIN = MINUTE


@dataclass
class _Lane:
    """One of the readers of a shard: of one row all records are on the same, in their order."""

    records: deque[Record] = field(default_factory=deque)
    arrived: deque[float] = field(default_factory=deque)
    busy: bool = False
    tries: int = 0
    #: How many records the next batch has at most; halved after a failure that names none.
    size: int = 0


class StreamSource:
    """Lambda's reading of the table's stream."""

    def __init__(self, world: World, function: Function, properties: Mapping[str, Any], parts: int) -> None:
        self._world = world
        self._function = function
        self._batch: int = properties["BatchSize"]
        self._factor: int = properties["ParallelizationFactor"]
        self._most_tries: int = properties["MaximumRetryAttempts"]
        self._most_age: float = properties["MaximumRecordAgeInSeconds"] * SECOND
        self._lanes = [[_Lane(size=self._batch) for _ in range(self._factor)] for _ in range(parts)]

    @property
    def waiting(self) -> int:
        """How many records are not delivered yet."""
        return sum(len(lane.records) for lanes in self._lanes for lane in lanes)

    def record(self, part: int, record: Record) -> None:
        """Take a record of a shard."""
        lane = self._lanes[part][zlib.crc32("".join(record.key).encode()) % self._factor]
        lane.records.append(record)
        lane.arrived.append(self._world.timeline.now)
        if not lane.busy:
            self._soon(lane, self._world.random.uniform(0, STREAM_POLL))

    def _soon(self, lane: _Lane, wait: float) -> None:
        lane.busy = True
        self._world.timeline.after(wait, lambda: self._deliver(lane))

    def _deliver(self, lane: _Lane) -> None:
        count = min(lane.size, len(lane.records))
        batch = [lane.records[place] for place in range(count)]
        event = {"Records": [_stream_record(record) for record in batch]}
        if not self._function.invoke(event, lambda answer: self._done(lane, batch, answer)):
            self._soon(lane, FIRST_AGAIN)

    def _done(self, lane: _Lane, batch: Sequence[Record], answer: Json | None) -> None:
        taken, failed = 0, True
        if answer is None:
            lane.size = max(1, len(batch) // 2)
        elif answer["batchItemFailures"]:
            first = int(answer["batchItemFailures"][0]["itemIdentifier"])
            taken = next(place for place, record in enumerate(batch) if record.number == first)
        else:
            taken, failed = len(batch), False
        for _ in range(taken):
            lane.records.popleft()
            lane.arrived.popleft()
        if taken:
            lane.tries = 0
        if not failed:
            lane.size = self._batch
            if lane.records:
                self._soon(lane, 0)
            else:
                lane.busy = False
            return
        self._world.ledger.counts["stream: delivered again"] += 1
        lane.tries += 1
        if lane.tries > self._most_tries or self._world.timeline.now - lane.arrived[0] > self._most_age:
            self._world.ledger.violation("a change was given up, and never published")
        self._soon(lane, min(LONGEST_AGAIN, FIRST_AGAIN * 2 ** (lane.tries - 1)))


def _stream_record(record: Record) -> Json:
    images = {"NewImage": marshal.loads(record.after)}
    if record.before is not None:
        images["OldImage"] = marshal.loads(record.before)
    return {"dynamodb": {"SequenceNumber": str(record.number), **images}}
