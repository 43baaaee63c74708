"""Events that were not taken: reading the dead-letter queue of the ingest queue, and moving its messages back.

SQS hands messages out in no order and hides them while somebody looks. So all that is wanted is received first. Then it
is made visible again, or moved: each message is sent, and deleted after that. A crash in between leaves two copies, and
`ingest_events` takes one of them. SQS's own `StartMessageMoveTask` would move everything that is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from jobs.adapters.sqs import BATCH
from jobs.dialects import event_bodies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import ChangeMessageVisibilityBatchRequestEntryTypeDef, MessageTypeDef

#: Messages that one run reads at most.
MAX_LETTERS = 1_000
#: Seconds that others do not see them, if this run dies before it is done.
HOLD = 300
#: Seconds that a receive waits. Without waiting, SQS asks only some of its servers.
WAIT = 1
COUNT: Final = "ApproximateNumberOfMessages"


class Letters(NamedTuple):
    """What was read of the queue: the newest first, and how many are there in all, as SQS counts approximately."""

    read: list[MessageTypeDef]
    in_queue: int


def read(client: SQSClient, url: str) -> Letters:
    """Receive all messages, `MAX_LETTERS` at most; `release` or `move` must follow for each."""
    in_queue = int(client.get_queue_attributes(QueueUrl=url, AttributeNames=[COUNT])["Attributes"][COUNT])
    found: dict[str, MessageTypeDef] = {}
    try:
        while len(found) < MAX_LETTERS:
            batch = client.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=min(BATCH, MAX_LETTERS - len(found)),
                VisibilityTimeout=HOLD,
                WaitTimeSeconds=WAIT,
                MessageAttributeNames=["field", "reason"],
                MessageSystemAttributeNames=["SentTimestamp"],
            ).get("Messages", [])
            if not {message["MessageId"] for message in batch} - found.keys():
                break
            found |= {message["MessageId"]: message for message in batch}
    except BaseException:
        release(client, url, list(found.values()))
        raise
    newest_first = sorted(found.values(), key=_sent, reverse=True)
    return Letters(newest_first, max(in_queue, len(found)))


def release(client: SQSClient, url: str, messages: Sequence[MessageTypeDef]) -> None:
    """Let others see messages again. What SQS does not take here they see after `HOLD`."""
    for start in range(0, len(messages), BATCH):
        entries: list[ChangeMessageVisibilityBatchRequestEntryTypeDef] = [
            {"Id": str(place), "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0}
            for place, message in enumerate(messages[start : start + BATCH])
        ]
        client.change_message_visibility_batch(QueueUrl=url, Entries=entries)


def move(client: SQSClient, url: str, to: str, messages: Sequence[MessageTypeDef]) -> None:
    """Put messages back into the ingest queue `to`, the oldest first. After an error the others stay where they are."""
    waiting = list(messages)
    try:
        while waiting:
            client.send_message(QueueUrl=to, MessageBody=waiting[-1]["Body"])
            client.delete_message(QueueUrl=url, ReceiptHandle=waiting[-1]["ReceiptHandle"])
            waiting.pop()
    finally:
        release(client, url, waiting)


def told(message: MessageTypeDef) -> dict[str, Any]:
    """What may be shown of a message: what the log tells of a refusal, and nothing else of the event.

    Without `field` and `reason` it was not refused, but failed six times.
    """
    about = {"detailType": None, "source": None, **event_bodies.told_of(message["Body"])}
    attributes = message.get("MessageAttributes", {})
    why = {name: attributes[name]["StringValue"] if name in attributes else None for name in ("field", "reason")}
    return {"at": _sent(message), **about, **why, "messageId": message["MessageId"]}


def _sent(message: MessageTypeDef) -> int:
    return int(message["Attributes"]["SentTimestamp"])
