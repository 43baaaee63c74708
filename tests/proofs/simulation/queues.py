"""SQS by its documented rules (docs/decisions/0027 says which, and what is left out)."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobs.model import MINUTE, SECOND

from tests.proofs.simulation.wire import Killed, Latency

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.proofs.simulation.wire import Environment
    from tests.proofs.simulation.world import Json, World

SEND = Latency(10)
LOOK = Latency(8)

#: Messages and bytes of a SendMessageBatch (Developer Guide, «Message quotas»).
SEND_BATCH = 10
SEND_BYTES = 1024 * 1024
MAX_START_DELAY = 900
#: How long after its delay a message comes, on average.
LATE = 20.0
#: A message group is noisy above this share of the messages in flight, if it has as many itself (Developer Guide, «How
#: Amazon SQS fair queues work»).
NOISY_SHARE = 0.1
NOISY_LEAST = 30


@dataclass
class Message:
    """A message in a queue."""

    number: int
    body: str
    group: str
    sent: int
    receives: int = 0
    #: The receive that holds it. A copy that is delivered twice shares everything else.
    receipt: int = 0
    deleted: bool = False


class Queue:
    """A standard queue: at least once, roughly in the order of arrival, quiet groups before noisy ones."""

    def __init__(
        self, world: World, name: str, visibility_seconds: int, most_receives: int | None, dead: Queue | None
    ) -> None:
        self.name = name
        self.dead = dead
        self.sent = 0
        #: Fair queues can be switched off, to see what they do.
        self.fair = True
        #: The number of taken messages at which the sender dies, once.
        self.kills_sender_after = 0
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
        """The number of messages that can be received."""
        return len(self._visible) + len(self._behind)

    def send(self, body: str, delay_seconds: int = 0, group: str = "") -> None:
        """Take a message.

        Raises:
            Killed: the run says so.
        """
        if not 0 <= delay_seconds <= MAX_START_DELAY:
            self._world.ledger.violation(f"{self.name}: a delay of {delay_seconds} s")
        self.sent += 1
        self._numbers += 1
        message = Message(self._numbers, body, group, int(self._world.timeline.now))
        late = self._world.random.expovariate(1 / LATE)
        self._world.timeline.after(delay_seconds * SECOND + late, lambda: self._show(message))
        if self.sent == self.kills_sender_after:
            self._world.ledger.counts["fault: crash"] += 1
            raise Killed

    def receive(self, most: int) -> list[Message]:
        """Receive up to `most` messages and hide them for the visibility time-out."""
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
        """Delete a message that was received."""
        message.deleted = True
        self._let_go(message)

    def change_visibility(self, message: Message, seconds: int) -> None:
        """Show a message again some time from now."""
        receipt = message.receipt
        self._world.timeline.after(seconds * SECOND, lambda: self._expire(message, receipt))

    def by_receipt(self, handle: str) -> Message:
        """The message of a receipt handle."""
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


class SQSClient:
    """The client of SQS in one environment."""

    def __init__(self, environment: Environment, world: World, queues: Mapping[str, Queue]) -> None:
        self._environment = environment
        self._world = world
        self._queues = queues

    def send_message_batch(self, *, QueueUrl: str, Entries: Any) -> Any:  # noqa: N803  # AWS's names, here and below
        """Take up to ten messages, each by itself."""
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

    def send_message(self, *, QueueUrl: str, MessageBody: str, MessageAttributes: Any = None) -> Any:  # noqa: N803
        """Take a message; its attributes are for people alone."""
        if MessageAttributes and not all(value["StringValue"] for value in MessageAttributes.values()):
            self._world.ledger.violation("SendMessage with an empty attribute")
        return self._environment.call(SEND, lambda: self._queues[QueueUrl].send(MessageBody))

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> Any:  # noqa: N803
        """Show a message again sooner or later."""
        queue = self._queues[QueueUrl]
        message = queue.by_receipt(ReceiptHandle)
        return self._environment.call(SEND, lambda: queue.change_visibility(message, VisibilityTimeout))

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: Any) -> Any:  # noqa: N803
        """Return how many messages are visible."""
        queue = self._queues[QueueUrl]
        return self._environment.call(LOOK, lambda: {"Attributes": {"ApproximateNumberOfMessages": str(queue.visible)}})
