"""`StartQueue` on Amazon SQS: a standard queue, each message delayed until the first of its jobs is due."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from jobs.model import SECOND, StartMessage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mypy_boto3_sqs import SQSClient

    from jobs.ports import Clock, Meter

#: SQS's own limits (Developer Guide, «Message quotas»).
BATCH = 10
LONGEST_DELAY_SECONDS = 900
#: How often an entry that was refused is sent again; what is refused then is the caller's to count.
TRIES = 3
FIRST_PAUSE = 50


class SQSStartQueue:
    """Hints in the queue at `url`."""

    def __init__(self, client: Callable[[], SQSClient], url: str, clock: Clock, meter: Meter) -> None:
        # Made on first use: most invocations of most functions put no hint, and a client costs a cold start dear.
        self._client = client
        self._url = url
        self._clock = clock
        self._meter = meter

    def send(self, messages: Iterable[StartMessage]) -> Sequence[StartMessage]:
        """See `StartQueue.send`: SendMessageBatch of ten; what a batch refuses is sent again alone."""
        refused: list[StartMessage] = []
        waiting = list(messages)
        for start in range(0, len(waiting), BATCH):
            left = waiting[start : start + BATCH]
            for attempt in range(TRIES):
                left = self._send_batch(left)
                if not left:
                    break
                if attempt < TRIES - 1:
                    self._clock.sleep(FIRST_PAUSE * 2**attempt)
            refused += left
        return refused

    def backlog(self) -> int:
        """See `StartQueue.backlog`: an approximation, as SQS gives it."""
        answer = self._client().get_queue_attributes(QueueUrl=self._url, AttributeNames=["ApproximateNumberOfMessages"])
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def _send_batch(self, batch: list[StartMessage]) -> list[StartMessage]:
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

    def _delay(self, message: StartMessage) -> int:
        return max(0, min(LONGEST_DELAY_SECONDS, (message.due_at - self._clock.now()) // SECOND))


def to_body(message: StartMessage) -> str:
    """The body of a hint."""
    return json.dumps({"projectId": message.project_id, "jobs": message.jobs}, separators=(",", ":"))


def from_body(body: str) -> StartMessage:
    """The hint of a body.

    Raises:
        ValueError: it is none.
    """
    try:
        content: dict[str, Any] = json.loads(body)
        pairs = tuple((int(job_id), int(due_at)) for job_id, due_at in content["jobs"])
        return StartMessage(int(content["projectId"]), pairs)
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("not a start message") from error  # one sentence, one place
