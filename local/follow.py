"""A line for each change of a job or schedule, from the table's own stream, and for each refused event of the log."""

from __future__ import annotations

import json
import logging
import threading
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jobs.events.publishing import Committed, ScheduleChange
from jobs.model import Status
from jobs.store.stream import written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from boto3.session import Session
    from jobs.model import Job

EVERY_SECONDS = 0.3
#: The width of `scheduled → completed`, the longest.
CHANGE_WIDTH = 21
#: Characters of an error that are shown.
ERROR_WIDTH = 100
#: Milliseconds of the log that each read looks at. A line is there long before they have passed.
LOG_WINDOW = 10_000
MINUTE = 60
HOUR = 60 * MINUTE

log = logging.getLogger(__name__)


def describe(record: Mapping[str, Any]) -> Iterator[str]:
    """The lines for a record of the stream; none if it changes nothing that people follow."""
    for write in written([dict(record)]):
        match write.change:
            case Committed() as committed:
                yield from _of_job(committed)
            case ScheduleChange() as changed:
                yield _of_schedule(changed)


def _of_job(committed: Committed) -> Iterator[str]:
    """The line for a job whose status or start changed."""
    before, job = committed
    moved = before is not None and before.moves != job.moves
    if before and before.history == job.history and not moved:
        return
    change = job.history[-1]
    arrow = "moved" if moved else f"{before.status if before else 'new'} → {change.to}"
    details = [job.action]
    if not before and job.made_by.schedule_id:
        details.append(f"schedule {job.made_by.schedule_id}")
    if job.max_attempts > 1 and before and not moved:
        details.append(f"attempt {job.attempt} of {job.max_attempts}")
    if not before and job.made_by.at is not None:
        details.append(f"{(change.at - job.made_by.at) / 1000:+.2f} s after its occurrence")
    elif job.due_at is not None:
        details.append(_from_now(job.due_at - (_now() if moved else change.at)))
    elif change.to is Status.RUNNING and before and before.due_at is not None:
        details.append(f"{(change.at - before.due_at) / 1000:+.2f} s after due")
    text = ", ".join(details) + _why(job)
    at = _clock(_now() if moved else change.at)
    yield f"{at}  project {job.project_id}  job {job.job_id}  {arrow:<{CHANGE_WIDTH}}  ({text})"


def _of_schedule(changed: ScheduleChange) -> str:
    """The line for a schedule that somebody changed, or that left occurrences out."""
    word, about = changed.detail_type.removeprefix("Schedule ").lower(), changed.about
    if "name" in about:
        text = _shown(about["name"]) + ("" if about["enabled"] else ", paused")
    else:
        first = datetime.fromtimestamp(about["scheduledFor"] / 1000).astimezone().isoformat(" ", "seconds")
        text = f"{about[word]} from {first} on, {about[f'{word}Count']} so far"
    return f"{_clock(_now())}  project {changed.project_id}  schedule {changed.schedule_id}  {word:<8}  ({text})"


def describe_refusal(logged: Mapping[str, Any]) -> str | None:
    """The line for a line of the log of ingest_events; `None` if it refuses nothing."""
    try:
        line = json.loads(logged["message"])
    except ValueError:
        return None
    if not isinstance(line, dict) or line.get("message") != "refused":
        return None
    what, source = line.get("detailType", "an event"), line.get("source", "another source")
    return f"{_clock(logged['timestamp'])}  refused  {what} from {source}: {line['field']}: {line['reason']}"


def _why(job: Job) -> str:
    """Why the job has failed, or why its attempt before did; on one line, as a terminal may show it."""
    if not job.errors:
        return ""
    text = _shown("; ".join(job.errors))
    cut = text if len(text) <= ERROR_WIDTH else f"{text[:ERROR_WIDTH]}…"
    return f": {cut}" if job.status is Status.FAILED else f", after: {cut}"


def _shown(text: str) -> str:
    """Text of somebody else on one line, as a terminal may show it."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def _now() -> int:
    return time.time_ns() // 1_000_000


def _clock(at: int) -> str:
    return datetime.fromtimestamp(at / 1000).astimezone().isoformat(timespec="milliseconds")[11:23]


def _from_now(milliseconds: int) -> str:
    seconds = milliseconds / 1000
    if seconds <= 0:
        return "due now"
    if seconds < 2 * MINUTE:
        return f"due in {seconds:.1f} s"
    return f"due in {seconds / MINUTE:.0f} min" if seconds < 2 * HOUR else f"due in {seconds / HOUR:.1f} h"


class Follower:
    """A thread that reads stream and log, and passes each line on."""

    def __init__(
        self, session: Session, endpoint: str, table_name: str, log_group: str, say: Callable[[str], None]
    ) -> None:
        """Remember the position in the stream: `start` begins with the changes that come after it."""
        table = session.client("dynamodb", endpoint_url=endpoint).describe_table(TableName=table_name)["Table"]
        self._streams = session.client("dynamodbstreams", endpoint_url=endpoint)
        self._arn = table["LatestStreamArn"]
        # The emulator's streams have one shard, which never splits.
        [shard] = self._streams.describe_stream(StreamArn=self._arn)["StreamDescription"]["Shards"]
        self._next = self._streams.get_shard_iterator(
            StreamArn=self._arn, ShardId=shard["ShardId"], ShardIteratorType="LATEST"
        )["ShardIterator"]
        self._logs: Any = session.client("logs", endpoint_url=endpoint)
        self._log_group = log_group
        self._began = _now()
        #: The lines of the last read. One that has left the window cannot come again.
        self._read_before: set[str] = set()
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
            for read in (self._read_stream, self._read_log):
                try:
                    read()
                except Exception:
                    # The service works without these lines, and the log has the reason.
                    if not self._stopping.is_set():
                        log.exception("reading stream or log failed")

    def _read_stream(self) -> None:
        answer = self._streams.get_records(ShardIterator=self._next)
        self._next = answer["NextShardIterator"]
        for record in answer["Records"]:
            # The client returns images as DynamoDB's own JSON, which the store reads.
            for line in describe(record):
                self._say(line)

    def _read_log(self) -> None:
        since = max(self._began, _now() - LOG_WINDOW)
        answer = self._logs.filter_log_events(logGroupName=self._log_group, startTime=since, filterPattern='"refused"')
        # The emulator gives events no id. No two lines are the same, because each has the id of its message.
        found = {event["message"]: event for event in answer["events"]}
        for text, event in found.items():
            if text not in self._read_before and (line := describe_refusal(event)):
                self._say(line)
        self._read_before = set(found)
