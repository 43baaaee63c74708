"""`jobs-worker run module:worker`: work on the messages of a queue until the process is told to end."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from jobs_worker.errors import Stopped
from jobs_worker.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Sequence

log = logging.getLogger("jobs_worker")

#: How long one call of SQS waits for messages, in seconds.
WAIT = 20
#: What SQS hands out in one call.
BATCH = 10
#: Seconds until the next try after SQS could not be asked.
PAUSE = 5.0


class Container:
    """A process that takes messages of one queue, as many at a time as it has threads."""

    def __init__(self, worker: Worker, client: Any, queue_url: str, threads: int, wait: int = WAIT) -> None:
        self._worker = worker
        self._client = client
        self._url = queue_url
        self._threads = threads
        self._wait = wait
        self._free = threading.Semaphore(threads)
        self._ending = threading.Event()

    def run(self) -> None:
        """Work until `end`."""
        with ThreadPoolExecutor(self._threads, thread_name_prefix="jobs-worker") as pool:
            while not self._ending.is_set():
                free = self._take_free()
                messages = self._receive(free) if free else []
                for _ in range(free - len(messages)):
                    self._free.release()
                for message in messages:
                    pool.submit(self._work, message)

    def end(self) -> None:
        """Receive no more; what is being worked on goes back to the queue at its next `progress`."""
        self._ending.set()
        self._worker.stop()

    def _take_free(self) -> int:
        """Take all threads that are free, up to a batch; wait for one if there is none."""
        if not self._free.acquire(timeout=1):
            return 0
        taken = 1
        while taken < BATCH and self._free.acquire(blocking=False):
            taken += 1
        return taken

    def _receive(self, most: int) -> list[dict[str, Any]]:
        try:
            answer = self._client.receive_message(
                QueueUrl=self._url, MaxNumberOfMessages=most, WaitTimeSeconds=self._wait
            )
        except (ClientError, BotoCoreError) as error:
            log.warning("the queue could not be read: %s", type(error).__name__)
            self._ending.wait(PAUSE)
            return []
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def _work(self, message: dict[str, Any]) -> None:
        try:
            if self._ending.is_set():
                self._give_back(message)
                return
            self._worker.work(message["Body"], message["ReceiptHandle"])
            self._client.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        except Stopped:
            self._give_back(message)
        except Exception:
            # It comes again after the visibility time-out, and goes to the dead letters in the end.
            log.exception("a message was not worked on")
        finally:
            self._free.release()

    def _give_back(self, message: dict[str, Any]) -> None:
        try:
            self._client.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
            )
        except (ClientError, BotoCoreError) as error:
            log.warning("a message was not given back: %s", type(error).__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return the exit status: 0 after SIGTERM or Ctrl-C, 2 for a wrong call."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.Formatter.converter = time.gmtime
    logging.getLogger("botocore").setLevel(logging.WARNING)  # it tells where it found its settings
    if not options.queue_url:
        print("jobs-worker: set --queue-url or JOBS_QUEUE_URL to the worker's queue", file=sys.stderr)
        return 2
    try:
        worker = _imported(options.worker)
    except (ImportError, AttributeError, ValueError) as error:
        print(f"jobs-worker: {options.worker}: {error}", file=sys.stderr)
        return 2
    os.environ["JOBS_QUEUE_URL"] = options.queue_url
    container = Container(worker, boto3.client("sqs"), options.queue_url, options.threads, options.wait)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=container.end).start())
    log.info("waiting for jobs")
    container.run()
    return 0


def _imported(name: str) -> Worker:
    """The worker that `module:worker` names. The working directory is looked in too."""
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise ValueError("must be module:worker")
    sys.path.insert(0, "")
    found = getattr(importlib.import_module(module), attribute)
    if not isinstance(found, Worker):
        raise ValueError("is no Worker")  # noqa: TRY004  # main tells all three alike
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="jobs-worker", description=__doc__)
    run = parser.add_subparsers(required=True, metavar="VERB").add_parser("run", help="work until told to end")
    run.add_argument("worker", metavar="MODULE:WORKER", help="where the Worker is, such as export:worker")
    run.add_argument("--queue-url", default=os.environ.get("JOBS_QUEUE_URL"), help="default: $JOBS_QUEUE_URL")
    run.add_argument("--threads", type=int, default=1, help="jobs at a time (default: 1)")
    run.add_argument(
        "--wait",
        type=int,
        choices=range(WAIT + 1),
        default=WAIT,
        metavar="SECONDS",
        help=f"seconds that a look at the queue takes, and the end too (default: {WAIT})",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
