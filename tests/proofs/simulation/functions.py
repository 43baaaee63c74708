"""Lambda by its documented rules, and the callers of functions: schedules, queues, the table's stream.

docs/decisions/0027 says which rules, and what is left out.
"""

from __future__ import annotations

import marshal
import zlib
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from jobs.model import MINUTE, SECOND

from tests.proofs.simulation.wire import Environment, Killed, Latency

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.proofs.simulation.queues import Message, Queue
    from tests.proofs.simulation.table import Record
    from tests.proofs.simulation.world import Json, World

#: A function's code in one environment.
Handler: TypeAlias = "Callable[[Any, Context], Any]"
#: The end of an invocation: its answer, or None if it failed.
Done: TypeAlias = "Callable[[Any], None]"

#: How long an idle environment is kept. AWS promises nothing; minutes are usual.
KEPT = 6 * MINUTE
COLD_START = Latency(700, 0.3)
INVOKE = Latency(8)
#: Concurrent invocations of all functions of an account (Developer Guide, «Lambda quotas»).
ACCOUNT_CONCURRENCY = 1_000


class Context:
    """What Lambda tells a handler about its invocation."""

    function_name = "function"
    aws_request_id = "request"

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the invocation is ended."""
        return self._environment.remaining


class _Idle(NamedTuple):
    """An idle environment, and since when it is idle."""

    since: float
    environment: Environment
    handler: Handler


class Account:
    """The number of concurrent invocations."""

    def __init__(self) -> None:
        self.running = 0
        self.peak = 0


class Function:
    """A Lambda function. Its environments start cold, are kept while they are used, and are lost at a crash."""

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
        """Begin an invocation; False if the account has no room for it."""
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
        self._idle.clear()  # the others have been idle even longer
        return None

    def _cold(self) -> tuple[Environment, Handler]:
        world = self._world
        world.ledger.counts["lambda: cold start"] += 1
        world.timeline.wait(COLD_START.draw(world.random))
        environment = Environment(world.timeline, world.random, world.faults, world.ledger, self._memory)
        return environment, self._boot(environment)


class Schedule:
    """A rule that fires once a minute, anywhere in it; sometimes twice, or not at all."""

    def __init__(self, world: World, function: Function) -> None:
        self._world = world
        self._function = function
        #: When it has fired.
        self.fired: list[float] = []
        #: Until when the function would find nothing to do. A run may leave those minutes out.
        self.idle_until: Callable[[], float] = lambda: 0.0
        world.timeline.at(self._minute, self._plan)

    @property
    def _minute(self) -> float:
        return (max(self._world.timeline.now, self.idle_until()) // MINUTE + 1) * MINUTE

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


# ---- reading queues -------------------------------------------------------------------------------------------------

#: How long a receive looks for messages, on average.
POLL = Latency(12)
#: How many batches Lambda reads at once from a queue that was empty, and how many more each second (Developer Guide,
#: «Configuring scaling behavior for SQS event source mappings»: 300 more a minute).
FIRST_BATCHES = 5
MORE_BATCHES = 300 / 60


class QueueSource:
    """Lambda's reading of a queue: in batches, as many at a time as it may."""

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


# ---- reading the stream ---------------------------------------------------------------------------------------------

#: Lambda looks at a shard four times a second (Developer Guide, «Using AWS Lambda with Amazon DynamoDB»).
STREAM_POLL = 250.0
#: The first and the longest wait before it delivers a batch again.
FIRST_AGAIN = SECOND
MAX_AGAIN = MINUTE


@dataclass
class _Lane:
    """One of the readers of a shard. It has all records of a row, in their order."""

    records: deque[Record] = field(default_factory=deque)
    arrived: deque[float] = field(default_factory=deque)
    busy: bool = False
    tries: int = 0
    #: The most records of the next batch; halved after a failure that names none.
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
        """The number of records that are not delivered yet."""
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
        self._soon(lane, min(MAX_AGAIN, FIRST_AGAIN * 2 ** (lane.tries - 1)))


def _stream_record(record: Record) -> Json:
    images = {"NewImage": marshal.loads(record.after)}
    if record.before is not None:
        images["OldImage"] = marshal.loads(record.before)
    return {"dynamodb": {"SequenceNumber": str(record.number), **images}}
