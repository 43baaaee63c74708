"""`StartQueue` on Amazon SQS: a standard queue, each message delayed until the first of its jobs is due.

`WorkerQueue` is one, too: a worker's own.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from jobs.model import SECOND, StartHint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mypy_boto3_sqs import SQSClient

    from jobs.ports import Clock, Meter

#: SQS's own limits (Developer Guide, «Message quotas»).
BATCH = 10
MAX_DELAY_SECONDS = 900
#: Batches that are under way at once: a million jobs are four thousand of them, which one after the other would take a
#: whole tick.
SENDERS = 4
#: How often an entry that was refused is sent again; what is refused then is the caller's to count.
TRIES = 3
FIRST_PAUSE = 50
#: How often the pause before an early report is looked at again doubles: 1, 2, 4, 8, 16 and 32 seconds.
MAX_DOUBLINGS = 5


class SQSStartQueue:
    """Hints in the queue at `url`."""

    def __init__(self, client: Callable[[], SQSClient], url: str, clock: Clock, meter: Meter) -> None:
        # Made on first use: most invocations of most functions put no hint, and a client costs a cold start dear.
        self._client = client
        self._url = url
        self._clock = clock
        self._meter = meter

    def send(self, messages: Iterable[StartHint]) -> Sequence[StartHint]:
        """See `StartQueue.send`: SendMessageBatch of ten, a few at once; what one refuses is sent again alone."""
        waiting = list(messages)
        batches = [waiting[start : start + BATCH] for start in range(0, len(waiting), BATCH)]
        if len(batches) <= 1:
            return [message for batch in batches for message in self._send_persistently(batch)]
        self._client()  # clients may be shared by threads, but not made by them
        with ThreadPoolExecutor(SENDERS) as senders:
            return [message for refused in senders.map(self._send_persistently, batches) for message in refused]

    def backlog(self) -> int:
        """See `StartQueue.backlog`: an approximation, as SQS gives it."""
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

    def _send_persistently(self, batch: list[StartHint]) -> list[StartHint]:
        """Send up to ten hints, and again those that SQS did not take; return those that it never took."""
        left = self._send_batch(batch)
        for attempt in range(TRIES - 1):
            if not left:
                break
            self._clock.sleep(FIRST_PAUSE * 2**attempt)
            left = self._send_batch(left)
        return left

    def _send_batch(self, batch: list[StartHint]) -> list[StartHint]:
        """Send up to ten hints and return those that SQS did not take."""
        try:
            answer = self._client().send_message_batch(
                QueueUrl=self._url,
                Entries=[
                    {
                        "Id": str(position),
                        "MessageBody": to_body(message),
                        # Reckoned at each send, rounded down: the starter waits out what is left of the second.
                        "DelaySeconds": self._delay(message),
                        # Fair queues: one tenant's herd does not starve another's single job.
                        "MessageGroupId": str(message.project_id),
                    }
                    for position, message in enumerate(batch)
                ],
            )
        except (ClientError, BotoCoreError) as error:
            self._meter.failed("SendMessageBatch", error)
            return batch
        return [batch[int(entry["Id"])] for entry in answer.get("Failed", [])]

    def _delay(self, message: StartHint) -> int:
        return max(0, min(MAX_DELAY_SECONDS, (message.due_at - self._clock.now()) // SECOND))


class SQSWorkerQueue:
    """`WorkerQueue` on the queue at `url`."""

    def __init__(self, client: Callable[[], SQSClient], url: str, clock: Clock, meter: Meter) -> None:
        self._client = client
        self._url = url
        self._clock = clock
        self._meter = meter

    def send(self, body: str) -> bool:
        """See `WorkerQueue.send`."""
        for attempt in range(TRIES):
            if attempt:
                self._clock.sleep(FIRST_PAUSE * 2 ** (attempt - 1))
            try:
                self._client().send_message(QueueUrl=self._url, MessageBody=body)
            except (ClientError, BotoCoreError) as error:
                self._meter.failed("SendMessage", error)
            else:
                return True
        return False


class SQSIngestQueue:
    """What becomes of events that are not taken: set aside in the queue `dead_letters`, or left in the queue `url`."""

    def __init__(self, client: Callable[[], SQSClient], url: str, dead_letters: str, meter: Meter) -> None:
        self._client = client
        self._url = url
        self._dead_letters = dead_letters
        self._meter = meter

    def set_aside(self, records: Sequence[Mapping[str, Any]]) -> list[str]:
        """Put events into the dead-letter queue, whole.

        Returns:
            The message ids of those that it did not take, which must come again.
        """
        failed = []
        for record in records:
            try:
                self._client().send_message(QueueUrl=self._dead_letters, MessageBody=record["body"])
            except (ClientError, BotoCoreError) as error:
                self._meter.failed("SendMessage", error)
                failed.append(record["messageId"])
        return failed

    def look_again_soon(self, records: Sequence[Mapping[str, Any]]) -> list[str]:
        """Have events delivered again after a second, then two, four …, rather than after the visibility time-out.

        Returns:
            The message ids of all of them: they are left in the queue.
        """
        for record in records:
            received = int(record["attributes"]["ApproximateReceiveCount"])
            try:
                self._client().change_message_visibility(
                    QueueUrl=self._url,
                    ReceiptHandle=record["receiptHandle"],
                    VisibilityTimeout=2 ** min(received - 1, MAX_DOUBLINGS),
                )
            except (ClientError, BotoCoreError) as error:
                self._meter.failed("ChangeMessageVisibility", error)
        return [record["messageId"] for record in records]


def to_body(message: StartHint) -> str:
    """The body of a hint."""
    return json.dumps({"projectId": message.project_id, "jobs": message.jobs}, separators=(",", ":"))


def from_body(body: str) -> StartHint:
    """The hint of a body.

    Raises:
        ValueError: it is none.
    """
    try:
        content: dict[str, Any] = json.loads(body)
        pairs = tuple((int(job_id), int(due_at)) for job_id, due_at in content["jobs"])
        return StartHint(int(content["projectId"]), pairs)
    except (KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError("not a start message") from error  # one sentence, one place
