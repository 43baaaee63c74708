"""Events in and their dead-letter queue, with AWS credentials."""

from __future__ import annotations

import contextlib
import json
import time
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from cli.deployment import current, outputs
from cli.verify.report import Claims, Unproven, Wrong, expect
from cli.verify.service import data

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.verify.options import Account
    from cli.verify.service import Run

EVENTS = Claims()
SOURCE = "serverless-jobs.verify"
#: Seconds that an event may take to be looked at.
PATIENCE = 30.0
#: More messages of others than this make ours hard to find.
CROWDED = 50


class Bus:
    """The bus of the stack and the queue of what was refused."""

    def __init__(self, account: Account) -> None:
        access, secret = account.keys or (None, None)
        # One value for all clients: `Any`, as services are named by strings here.
        self._session: Any = boto3.Session(
            access, secret, region_name=account.region, profile_name=None if account.keys else account.profile
        )
        self._endpoint = account.endpoint
        stack = current(self._client("cloudformation"), account.stack)
        expect(stack, f"there is no stack {account.stack}")
        self._outputs = outputs(stack or {})
        self._events, self._sqs = self._client("events"), self._client("sqs")

    def put(self, detail_type: str, **detail: Any) -> None:
        """Put one event.

        Raises:
            Wrong: the bus refused it.
        """
        entry = {"Source": SOURCE, "DetailType": detail_type, "Detail": json.dumps(detail)}
        answer = self._events.put_events(Entries=[{"EventBusName": self._outputs["EventBusName"], **entry}])
        expect(not answer["FailedEntryCount"], "the bus refused the event")

    def take_refused(self, mark: str) -> list[dict[str, Any]]:
        """Delete the refused events that have a mark, and leave all others; return their attributes."""
        queue = self._outputs["IngestDeadLetterQueueUrl"]
        taken = self._sqs.receive_message(
            QueueUrl=queue,
            MaxNumberOfMessages=10,
            VisibilityTimeout=2,
            WaitTimeSeconds=1,
            MessageAttributeNames=["field", "reason"],
        ).get("Messages", [])
        own = [message for message in taken if mark in message["Body"]]
        for message in own:
            self._sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return [message.get("MessageAttributes", {}) for message in own]

    def refused(self) -> int:
        """How many messages the dead-letter queue has, about."""
        answer = self._sqs.get_queue_attributes(
            QueueUrl=self._outputs["IngestDeadLetterQueueUrl"], AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def _client(self, service: str) -> Any:
        return self._session.client(service, endpoint_url=self._endpoint)


@contextlib.contextmanager
def _aws(failed: str) -> Iterator[None]:
    """Take an error of AWS for no proof; only its kind is told, as its text may name anything."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise Unproven(f"{failed}: {type(error).__name__}") from None


def _bus(run: Run) -> Bus:
    """The bus, found once.

    Raises:
        Unproven: no account was named, or it cannot be used.
    """
    if run.options.account is None:
        raise Unproven("say STACK, REGION and PROFILE, with rights on the bus and its dead-letter queue")
    with _aws("the stack was not found"):
        if "bus" not in run.notes:
            run.notes["bus"] = Bus(run.options.account)
    bus: Bus = run.notes["bus"]
    return bus


def _put(run: Run, detail_type: str, **detail: Any) -> None:
    bus = _bus(run)
    with _aws("the event was not put"):
        bus.put(detail_type, projectKey=run.options.project, **detail)


@EVENTS.add("An event Job Requested makes a job", aws_only=True)
def _requested(run: Run) -> str:
    began = time.monotonic()
    _put(run, "Job Requested", action=run.action, description="by event")

    def look() -> int | None:
        rows = data(run.call("GET", f"{run.public}/jobs?order=desc&action={run.action}"), 200)
        return next((row["jobId"] for row in rows if row["description"] == "by event"), None)

    job_id = run.wait(look, PATIENCE, f"if the project lists its sources, list {SOURCE}; no job was made")
    run.made.add(job_id)
    run.notes["by event"] = job_id
    return f"job {job_id} in {time.monotonic() - began:.1f} s"


def _by_event(run: Run) -> int:
    _bus(run)
    if "by event" not in run.notes:
        raise Unproven("no event made a job")
    job_id: int = run.notes["by event"]
    return job_id


@EVENTS.add("The job of an event starts, and its history says by which source it came", aws_only=True)
def _starts(run: Run) -> str:
    job = run.wait_for(_by_event(run), "running", PATIENCE)
    by = [f"{change['to']} by {change['by']}" for change in job["history"]]
    expect(by[0] == f"scheduled by event:{SOURCE}", f"its history is {', '.join(by)}")
    return ", ".join(by)


@EVENTS.add("A report Job Completed completes the job", aws_only=True)
def _completed(run: Run) -> str:
    job_id, began = _by_event(run), time.monotonic()
    _put(run, "Job Completed", jobId=job_id, attempt=1, outputs=[{"verified": run.mark}])
    job = run.wait_for(job_id, "completed", PATIENCE)
    expect(job["outputs"] == [{"verified": run.mark}], "its outputs are others")
    return f"{time.monotonic() - began:.1f} s after the report"


@EVENTS.add("An event that is not valid ends whole in the dead-letter queue, with the reason", aws_only=True)
def _poison(run: Run) -> str:
    bus, poison, began = _bus(run), f"poison-{run.mark}", time.monotonic()
    _put(run, "Job Requested", action=run.action, colour=poison)
    with _aws(f"the queue was not read, and keeps {poison}"):
        try:
            told = run.wait(lambda: bus.take_refused(poison), PATIENCE, "not there")
        except Wrong:
            if (others := bus.refused()) > CROWDED:
                raise Unproven(f"not found among about {others} others, and left there: {poison}") from None
            raise
    names = sorted(told[0])
    expect(names == ["field", "reason"], f"its attributes are {', '.join(names) or 'none'}")
    return f"{time.monotonic() - began:.1f} s; deleted from the queue"
