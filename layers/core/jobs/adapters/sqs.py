"""`StartQueue` and `WorkerQueue` on Amazon SQS, and what becomes of events that the ingest queue cannot get rid of.

The start queue is a standard queue. Each message is delayed until the first of its jobs is due.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from jobs.adapters.retries import FIRST_PAUSE, TRIES, until_accepted
from jobs.model import SECOND, StartHint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mypy_boto3_sqs import SQSClient

    from jobs.events.incoming import Refusal
    from jobs.ports import Clock, Meter, Parallel

#: SQS's own limits (Developer Guide, «Message quotas»).
BATCH = 10
MAX_DELAY_SECONDS = 900
#: How often the ingest queue delivers an event: its `maxReceiveCount` in the template.
RECEIVES = 6
#: How often the pause before an early report is looked at again doubles: 1, 2, 4, 8, 16 and 32 seconds.
MAX_DOUBLINGS = 5


class SQSStartQueue:
    """Hints in the queue at `url`."""

    def __init__(
        self, client: Callable[[], SQSClient], url: str, clock: Clock, meter: Meter, parallel: Parallel
    ) -> None:
        # The client is made on first use, because most invocations send no hint and a client makes a cold start slow.
        self._client = client
        self._url = url
        self._clock = clock
        self._meter = meter
        self._parallel = parallel

    def send(self, hints: Iterable[StartHint]) -> Sequence[StartHint]:
        """See `StartQueue.send`: SendMessageBatch of ten, a few at once. What one refuses is sent again alone."""
        waiting = list(hints)
        batches = [waiting[start : start + BATCH] for start in range(0, len(waiting), BATCH)]
        send = partial(until_accepted, self._send_batch, clock=self._clock)
        return [hint for refused in self._parallel(send, batches) for hint in refused]

    def backlog(self) -> int:
        """See `StartQueue.backlog`: SQS counts approximately."""
        for attempt in range(TRIES):
            try:
                answer = self._client().get_queue_attributes(
                    QueueUrl=self._url, AttributeNames=["ApproximateNumberOfMessages"]
                )
            except (ClientError, BotoCoreError) as error:
                if attempt == TRIES - 1:
                    raise
                self._meter.failed("GetQueueAttributes", error)
                self._clock.sleep(FIRST_PAUSE * 2**attempt)
            else:
                return int(answer["Attributes"]["ApproximateNumberOfMessages"])
        raise AssertionError  # pragma: no cover  # the last try returns or raises

    def _send_batch(self, batch: list[StartHint]) -> list[StartHint]:
        """Send up to ten hints and return those that SQS did not take."""
        try:
            answer = self._client().send_message_batch(
                QueueUrl=self._url,
                Entries=[
                    {
                        "Id": str(position),
                        "MessageBody": to_body(hint),
                        # Computed at each send and rounded down. The starter waits for the rest of the second.
                        "DelaySeconds": self._delay(hint),
                        # Fair queues: one tenant's herd does not starve another's single job.
                        "MessageGroupId": str(hint.project_id),
                    }
                    for position, hint in enumerate(batch)
                ],
            )
        except (ClientError, BotoCoreError) as error:
            self._meter.failed("SendMessageBatch", error)
            return batch
        return [batch[int(entry["Id"])] for entry in answer.get("Failed", [])]

    def _delay(self, hint: StartHint) -> int:
        return max(0, min(MAX_DELAY_SECONDS, (hint.due_at - self._clock.now()) // SECOND))


class SQSWorkerQueue:
    """`WorkerQueue` on the queue at `url`."""

    def __init__(self, client: Callable[[], SQSClient], url: str, clock: Clock, meter: Meter) -> None:
        self._client = client
        self._url = url
        self._clock = clock
        self._meter = meter

    def send(self, body: str) -> bool:
        """See `WorkerQueue.send`."""
        return not until_accepted(self._send, [body], self._clock)

    def _send(self, bodies: list[str]) -> list[str]:
        try:
            self._client().send_message(QueueUrl=self._url, MessageBody=bodies[0])
        except (ClientError, BotoCoreError) as error:
            self._meter.failed("SendMessage", error)
            return bodies
        return []


class SQSIngestQueue:
    """Events that were not taken: set aside in the queue `dead_letters`, or left in the queue `url`."""

    def __init__(self, client: Callable[[], SQSClient], url: str, dead_letters: str, meter: Meter) -> None:
        self._client = client
        self._url = url
        self._dead_letters = dead_letters
        self._meter = meter

    def set_aside(self, refused: Iterable[tuple[Mapping[str, Any], Refusal]]) -> list[str]:
        """Put events into the dead-letter queue, whole, with the attributes `field` and `reason`.

        Returns:
            The ids of the messages that it did not take, which must come again.
        """
        failed = []
        for record, refusal in refused:
            try:
                self._client().send_message(
                    QueueUrl=self._dead_letters,
                    MessageBody=record["body"],
                    MessageAttributes={
                        name: {"DataType": "String", "StringValue": text} for name, text in refusal._asdict().items()
                    },
                )
            except (ClientError, BotoCoreError) as error:
                self._meter.failed("SendMessage", error)
                failed.append(record["messageId"])
        return failed

    def is_last(self, record: Mapping[str, Any]) -> bool:
        """Whether this is the last time that the queue delivers an event."""
        return _receives(record) >= RECEIVES

    def look_again_soon(self, records: Sequence[Mapping[str, Any]]) -> list[str]:
        """Have events delivered again after a second, then two, four …, and not only after the visibility time-out.

        Returns:
            The message ids of all of them, because they stay in the queue.
        """
        for record in records:
            try:
                self._client().change_message_visibility(
                    QueueUrl=self._url,
                    ReceiptHandle=record["receiptHandle"],
                    VisibilityTimeout=2 ** min(_receives(record) - 1, MAX_DOUBLINGS),
                )
            except (ClientError, BotoCoreError) as error:
                self._meter.failed("ChangeMessageVisibility", error)
        return [record["messageId"] for record in records]


def _receives(record: Mapping[str, Any]) -> int:
    """How often an event was delivered, this time included."""
    return int(record["attributes"]["ApproximateReceiveCount"])


def to_body(hint: StartHint) -> str:
    """The body of a hint."""
    return json.dumps({"projectId": hint.project_id, "jobs": hint.jobs}, separators=(",", ":"))


def from_body(body: str) -> StartHint:
    """The hint of a body.

    Raises:
        ValueError: it is not a hint.
    """
    try:
        content: dict[str, Any] = json.loads(body)
        pairs = tuple((int(job_id), int(due_at)) for job_id, due_at in content["jobs"])
        return StartHint(int(content["projectId"]), pairs)
    except (KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError("not a hint") from error
