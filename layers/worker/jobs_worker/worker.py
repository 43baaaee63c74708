"""A worker: the actions that it can do, and what it does with each message of its queue."""

from __future__ import annotations

import logging
import os
import threading
from collections import OrderedDict
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from jobs_worker.errors import Cancelled, Fatal, NotBegun, Retry, Stopped
from jobs_worker.events import Bus, Started
from jobs_worker.job import Job
from jobs_worker.service import Service, why
from jobs_worker.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from jobs_worker.job import Place, Reports

    Action = Callable[[Job], Any]

log = logging.getLogger("jobs_worker")

#: A Lambda function stops so many seconds before its end, or this share of its time if that is less.
MARGIN = 10.0
SHARE_OF_MARGIN = 1 / 3
#: How many starts a process remembers, to know those that are delivered again.
REMEMBERED = 10_000
#: An error is cut to this many characters. The service takes a kilobyte.
MAX_ERROR = 250
#: The longest that SQS hides a message, in seconds.
MAX_HOLD = 43_000


class Worker:
    """Does the jobs of some actions.

    What is not given comes from the environment: `JOBS_EVENT_BUS`, `JOBS_SOURCE`, and where they are set `JOBS_URL` and
    `JOBS_KEY`, without which no cancellation is noticed and no file attached, and `JOBS_QUEUE_URL`, without which a
    message is not held beyond its queue's visibility time-out.

    Args:
        bus: the name of the event bus, which is the stack's output `EventBusName`.
        source: what the reports name as their source, such as `com.example.export`.
        url: the base of the HTTP API, which is the stack's output `ApiUrl`.
        key: an API key of the scope `work`.
        cancel_every: seconds between two looks whether the job is cancelled.
    """

    def __init__(  # each has its default in the environment
        self,
        *,
        bus: str | None = None,
        source: str | None = None,
        url: str | None = None,
        key: str | None = None,
        cancel_every: float = 30.0,
    ) -> None:
        self._given = {"JOBS_EVENT_BUS": bus, "JOBS_SOURCE": source, "JOBS_URL": url, "JOBS_KEY": key}
        self._cancel_every = cancel_every
        self._actions: dict[str, Action] = {}
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()
        self._working: set[Job] = set()

    @property
    def actions(self) -> list[str]:
        """The names of the actions that it does."""
        return list(self._actions)

    def action(self, name: str) -> Callable[[Action], Action]:
        """Make a function the one that does an action. Its return value becomes the job's outputs."""

        def register(does: Action) -> Action:
            if name in self._actions:
                raise ValueError(f"the action {name} is registered twice")
            self._actions[name] = does
            return does

        return register

    def handler(self, event: dict[str, Any], context: LambdaContext) -> Any:
        """The handler of a Lambda function behind the queue, with `ReportBatchItemFailures`."""
        began = context.get_remaining_time_in_millis()
        margin = min(MARGIN, began * SHARE_OF_MARGIN / 1000)

        def spare() -> float:
            return context.get_remaining_time_in_millis() / 1000 - margin

        def work(record: SQSRecord) -> None:
            self.work(record.body, record.receipt_handle, spare)

        processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False, logger=log)
        return process_partial_response(event, work, processor, context)

    def work(self, body: str, receipt: str | None = None, spare: Callable[[], float] | None = None) -> None:
        """Do what a message asks for. When this returns, the message can be deleted.

        Args:
            body: the message.
            receipt: the handle by which it is held.
            spare: the seconds until the work should stop, because a function ends soon after.

        Raises:
            Exception: the message must come again, or go to the dead letters: it is not a start, nobody does its
                action, no report was taken, or there is no time to begin.
        """
        started = Started.from_body(body)
        does = self._actions.get(started.action)
        if does is None:
            raise LookupError(f"no function does the action {started.action}")
        if spare is not None and spare() <= 0:
            raise NotBegun("too little time is left")
        if not self._begin(started):
            log.info("job %s is delivered again", started.job_id)
            return
        try:
            self._attempt(started, does, receipt, spare)
        except BaseException:
            with self._lock:
                self._seen.pop(started.deduplication_id, None)
            raise

    def connected_to(self, bus: Reports, service: Place | None, cancel_every: float) -> Worker:
        """A worker with the same actions, and with these in the place of AWS and the service."""
        other = Worker(cancel_every=cancel_every)
        other._actions = self._actions
        other.__dict__ |= {"_bus": bus, "_service": service}
        return other

    def stop(self) -> None:
        """Have all work that goes on stop at its next `progress`, so that another process does it."""
        with self._lock:
            for job in self._working:
                job.stop()

    def _attempt(self, started: Started, does: Action, receipt: str | None, spare: Callable[[], float] | None) -> None:
        if self._is_over(started):
            log.info("job %s: attempt %s is over", started.job_id, started.attempt)
            return
        job = Job(started, self._bus, self._service, spare)
        with self._lock:
            self._working.add(job)
        try:
            with Watch(job, started, self._service, self._cancel_every, self._holder(receipt)):
                made = does(job)
        except Cancelled:
            log.info("job %s was cancelled", job.job_id)
        except Stopped:
            raise
        except Fatal as error:
            job.fail(_text(error), retryable=False)
        except Retry as error:
            job.fail(_text(error), after=error.after)
        except Exception as error:
            log.exception("job %s failed", job.job_id)
            job.fail(_text(error))
        else:
            job.complete(made if isinstance(made, list) else [] if made is None else [made])
        finally:
            with self._lock:
                self._working.discard(job)

    def _begin(self, started: Started) -> bool:
        """Remember a start; whether it is the first delivery that this process sees."""
        with self._lock:
            if started.deduplication_id in self._seen:
                return False
            self._seen[started.deduplication_id] = None
            if len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
            return True

    def _is_over(self, started: Started) -> bool:
        """Whether the attempt has ended already, so that another process has done it or nobody wants it any more."""
        if self._service is None:
            return False
        try:
            state = self._service.state(started)
        except OSError as error:
            log.warning("the job could not be read: %s", why(error))
            return False
        return (state.status, state.attempt) != ("running", started.attempt)

    def _holder(self, receipt: str | None) -> Callable[[float], None] | None:
        url = os.environ.get("JOBS_QUEUE_URL")
        if not url or receipt is None:
            return None

        def hold(seconds: float) -> None:
            self._sqs.change_message_visibility(
                QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=max(1, min(MAX_HOLD, round(seconds)))
            )

        return hold

    def _setting(self, name: str) -> str | None:
        return self._given[name] or os.environ.get(name)

    @cached_property
    def _bus(self) -> Reports:
        name, source = self._setting("JOBS_EVENT_BUS"), self._setting("JOBS_SOURCE")
        if not name or not source:
            raise RuntimeError("set JOBS_EVENT_BUS to the stack's output EventBusName, and JOBS_SOURCE to your source")
        return Bus(boto3.client("events"), name, source)

    @cached_property
    def _service(self) -> Place | None:
        url, key = self._setting("JOBS_URL"), self._setting("JOBS_KEY")
        return Service(url, key) if url and key else None

    @cached_property
    def _sqs(self) -> Any:
        return boto3.client("sqs")


def _text(error: Exception) -> str:
    """What is reported of an exception: its kind, and what it says."""
    said = str(error)
    if isinstance(error, Retry | Fatal) and said:
        return said[:MAX_ERROR]
    return f"{type(error).__name__}: {said}".removesuffix(": ")[:MAX_ERROR]
