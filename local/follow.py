"""A line for each status change, read from the table's own stream."""

from __future__ import annotations

import logging
import threading
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jobs.model import Status
from jobs.store import items, keys

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from boto3.session import Session

EVERY_SECONDS = 0.3
#: The width of `scheduled → completed`, the longest.
CHANGE_WIDTH = 21
MINUTE = 60
HOUR = 60 * MINUTE

log = logging.getLogger(__name__)


def describe(images: Mapping[str, Any]) -> str | None:
    """The line for a stream record; `None` if no job's status changed."""
    new, old = images.get("NewImage"), images.get("OldImage")
    if not new or not keys.is_job(new["pk"]["S"]):
        return None
    job = items.job_from_item(new)
    before = items.job_from_item(old) if old else None
    if before and before.history == job.history:
        return None
    change = job.history[-1]
    details = [job.action]
    if change.to is Status.SCHEDULED and job.due_at is not None:
        details.append(_from_now(job.due_at - change.at))
    elif change.to is Status.RUNNING and before and before.due_at is not None:
        details.append(f"{(change.at - before.due_at) / 1000:+.2f} s after due")
    clock = datetime.fromtimestamp(change.at / 1000).astimezone().isoformat(timespec="milliseconds")[11:23]
    arrow = f"{before.status if before else 'new'} → {change.to}"
    return f"{clock}  project {job.project_id}  job {job.job_id}  {arrow:<{CHANGE_WIDTH}}  ({', '.join(details)})"


def _from_now(milliseconds: int) -> str:
    seconds = milliseconds / 1000
    if seconds <= 0:
        return "due now"
    if seconds < 2 * MINUTE:
        return f"due in {seconds:.1f} s"
    return f"due in {seconds / MINUTE:.0f} min" if seconds < 2 * HOUR else f"due in {seconds / HOUR:.1f} h"


class Follower:
    """A thread that reads the stream and passes each line on."""

    def __init__(self, session: Session, endpoint: str, table_name: str, say: Callable[[str], None]) -> None:
        """Remember the position in the stream: `start` begins with the changes that come after it."""
        table = session.client("dynamodb", endpoint_url=endpoint).describe_table(TableName=table_name)["Table"]
        self._streams = session.client("dynamodbstreams", endpoint_url=endpoint)
        self._arn = table["LatestStreamArn"]
        # The emulator's streams have one shard, which never splits.
        [shard] = self._streams.describe_stream(StreamArn=self._arn)["StreamDescription"]["Shards"]
        self._next = self._streams.get_shard_iterator(
            StreamArn=self._arn, ShardId=shard["ShardId"], ShardIteratorType="LATEST"
        )["ShardIterator"]
        self._say = say
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follow", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """End, without waiting for the current read."""
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.wait(EVERY_SECONDS):
            try:
                self._read()
            except Exception:
                # The service works without these lines, and the log has the reason.
                if not self._stopping.is_set():
                    log.exception("reading the stream failed")

    def _read(self) -> None:
        answer = self._streams.get_records(ShardIterator=self._next)
        self._next = answer["NextShardIterator"]
        for record in answer["Records"]:
            # The client returns images as DynamoDB's own JSON, which `items` reads.
            if line := describe(record["dynamodb"]):
                self._say(line)
