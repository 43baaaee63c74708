"""The composition root: the one place that knows which adapter stands behind which port.

`Wiring` is the world of the use cases. It makes each part on first use and keeps it for the life of the environment.
What only some functions use is also imported on first use, so that the others start without it (decision 0043).
Tests and the simulation put another `Wiring` in the place of `ports`.
"""

from __future__ import annotations

import os
import random
import time
from functools import cache, cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config

from jobs.runtime.observability import PowertoolsMeter
from jobs.runtime.settings import Settings
from jobs.store import table
from jobs.store.artifacts import DynamoDBArtifacts
from jobs.store.attempts import DynamoDBAttempts
from jobs.store.caching import CachedDirectory
from jobs.store.client import dynamodb_client
from jobs.store.closing import DynamoDBClosing
from jobs.store.directory import DynamoDBDirectory
from jobs.store.due import DynamoDBDueIndex
from jobs.store.forgetting import DynamoDBForgetting
from jobs.store.jobs import DynamoDBJobStore
from jobs.store.payload import DynamoDBPayload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from botocore.session import Session
    from mypy_boto3_dynamodb import DynamoDBClient

    from jobs.adapters.artifacts import S3ArtifactFiles
    from jobs.adapters.eventbridge import EventBridgeBus
    from jobs.adapters.s3 import S3SessionStore
    from jobs.adapters.sqs import SQSIngestQueue, SQSStartQueue, SQSWorkerQueue
    from jobs.ports import Clock, Given, Made, Meter, Parallel
    from jobs.schedules.ports import ScheduleStore

#: Calls take milliseconds: give up on a lost one soon enough to try again while the caller still waits.
CONFIG = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": 3},
    parameter_validation=False,
)
#: For clients whose adapter tries again by itself. Both together would outlast the invocation.
ONE_TRY = CONFIG.merge(Config(retries={"total_max_attempts": 1}))
#: For signed addresses. By itself botocore names the host of all regions, which redirects requests for a new bucket.
#: A redirected request has a wrong signature. It also signs in an older way, which knows no checksum.
SIGNING = Config(
    signature_version="s3v4",
    s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"},
    request_checksum_calculation="when_required",
)

#: Calls that are made side by side. More would double more hints when a tick dies.
THREADS = 4


class SystemClock:
    """`Clock` of the machine."""

    def now(self) -> int:
        """See `Clock.now`."""
        return time.time_ns() // 1_000_000

    def sleep(self, milliseconds: float) -> None:
        """See `Clock.sleep`."""
        time.sleep(milliseconds / 1000)


def in_threads(work: Callable[[Given], Made], given: Iterable[Given]) -> list[Made]:
    """`Parallel` by threads. One thing alone costs no thread."""
    todo = list(given)
    if len(todo) <= 1:
        return [work(each) for each in todo]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(THREADS, len(todo))) as threads:
        return list(threads.map(work, todo))


class Wiring:
    """`Ports`, `TokenPorts`, `ArtifactPorts`, `ErasurePorts` and `ForgettingPorts` on AWS."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self.settings = Settings(environment)
        self.public_url = self.settings.public_url

    # ---- time, chance, counts -----------------------------------------------------------------------------------

    @cached_property
    def clock(self) -> Clock:
        """The machine's clock."""
        return SystemClock()

    @cached_property
    def meter(self) -> Meter:
        """Powertools' metrics."""
        return PowertoolsMeter()

    @cached_property
    def parallel(self) -> Parallel:
        """Threads."""
        return in_threads

    @cached_property
    def random(self) -> Callable[[], float]:
        """The system's chance."""
        return random.SystemRandom().random

    @cached_property
    def token(self) -> Callable[[], str]:
        """Transition tokens."""
        return table.new_token

    # ---- the table ----------------------------------------------------------------------------------------------

    @cached_property
    def table(self) -> table.Table:
        """The one table."""
        return table.Table(self._dynamodb, self.settings.table.name, self.clock, self.random)

    @cached_property
    def jobs(self) -> DynamoDBJobStore:
        """Job rows."""
        return DynamoDBJobStore(self.table, self.settings.table.shards)

    @cached_property
    def attempts(self) -> DynamoDBAttempts:
        """Status changes."""
        told = self.settings.table
        return DynamoDBAttempts(self.table, told.shards, self.token, told.start_batch)

    @cached_property
    def payload(self) -> DynamoDBPayload:
        """What is stored beside the rows."""
        return DynamoDBPayload(self.table)

    @cached_property
    def artifacts(self) -> DynamoDBArtifacts:
        """Announced files."""
        return DynamoDBArtifacts(self.table)

    @cached_property
    def forgetting(self) -> DynamoDBForgetting:
        """Ended jobs that are to be forgotten."""
        return DynamoDBForgetting(self.table, self.settings.table.shards)

    @cached_property
    def closing(self) -> DynamoDBClosing:
        """Projects that are being deleted."""
        return DynamoDBClosing(self.table, self.token)

    @cached_property
    def due(self) -> DynamoDBDueIndex:
        """The status index."""
        return DynamoDBDueIndex(self.table)

    @cached_property
    def schedules(self) -> ScheduleStore:
        """Schedules. Few functions have any, and importing a calendar takes time."""
        from jobs.store.schedules import DynamoDBSchedules

        return DynamoDBSchedules(self.table, self.settings.table.shards)

    @cached_property
    def directory(self) -> CachedDirectory:
        """Who may do what."""
        seconds = self.settings.table.credential_cache_seconds
        return CachedDirectory(DynamoDBDirectory(self.table), seconds, self._monotonic)

    @cached_property
    def tokens(self) -> DynamoDBDirectory:
        """Where access tokens are put."""
        return DynamoDBDirectory(self.table)

    # ---- queues, bus, bucket ------------------------------------------------------------------------------------

    @cached_property
    def queue(self) -> SQSStartQueue:
        """The queues of hints."""
        from jobs.adapters.sqs import SQSStartQueue

        told = self.settings
        return SQSStartQueue(
            lambda: self._sqs, told.start_queue_url, lambda: told.fire_queue_url, self.clock, self.meter, self.parallel
        )

    @cached_property
    def bus(self) -> EventBridgeBus:
        """The event bus."""
        from jobs.adapters.eventbridge import EventBridgeBus

        return EventBridgeBus(lambda: self._events, self.settings.event_bus, self.clock, self.meter)

    @cached_property
    def ingest_queue(self) -> SQSIngestQueue:
        """The ingest queue and its dead-letter queue."""
        from jobs.adapters.sqs import SQSIngestQueue

        told = self.settings.ingest
        return SQSIngestQueue(lambda: self._sqs, told.queue_url, told.dead_letter_queue_url, self.meter)

    @cached_property
    def sessions(self) -> S3SessionStore:
        """The objects of users' sessions."""
        from jobs.adapters.s3 import S3SessionStore

        return S3SessionStore(lambda: self._s3, self.settings.sessions_bucket, self.clock, self.meter)

    @cached_property
    def files(self) -> S3ArtifactFiles:
        """Files that workers put."""
        from jobs.adapters.artifacts import S3ArtifactFiles

        return S3ArtifactFiles(lambda: self._s3_signer, self.settings.artifacts_bucket, self.clock)

    @cached_property
    def artifact_files(self) -> S3SessionStore:
        """The objects of those files."""
        from jobs.adapters.s3 import S3SessionStore

        return S3SessionStore(lambda: self._s3, self.settings.artifacts_bucket, self.clock, self.meter)

    @cached_property
    def worker_queue(self) -> SQSWorkerQueue:
        """The queue of the worker that erases sessions."""
        from jobs.adapters.sqs import SQSWorkerQueue

        return SQSWorkerQueue(lambda: self._sqs, self.settings.worker_queue_url, self.clock, self.meter)

    # ---- clients; another wiring has others -----------------------------------------------------------------------

    @property
    def _dynamodb(self) -> DynamoDBClient:
        return dynamodb()

    @property
    def _sqs(self) -> Any:
        return client("sqs")

    @property
    def _events(self) -> Any:
        return client("events")

    @property
    def _s3(self) -> Any:
        return client("s3", 10)  # S3 takes seconds to delete a thousand objects

    @property
    def _s3_signer(self) -> Any:
        return s3_signer()

    def _monotonic(self) -> float:
        return time.monotonic()


#: Threads may share clients, but may not make two at once.
_MAKING = Lock()


@cache
def _session() -> Session:
    return botocore.session.get_session()


@cache
def dynamodb() -> DynamoDBClient:
    """The client of the table. A client takes long to make, so each wiring of this process shares it."""
    with _MAKING:
        return dynamodb_client(CONFIG)


@cache
def client(service: str, read_timeout: int = 2) -> Any:
    """The client of a service whose adapter tries again by itself; shared as above."""
    with _MAKING:
        return _session().create_client(service, config=ONE_TRY.merge(Config(read_timeout=read_timeout)))


@cache
def s3_signer() -> Any:
    """The client that signs addresses and makes no call; shared as above."""
    with _MAKING:
        return _session().create_client("s3", config=SIGNING)


@cache
def ports() -> Wiring:
    """The wiring of this environment."""
    return Wiring()


def clear() -> None:
    """Forget the wiring but not the clients, for tests that change the environment."""
    ports.cache_clear()
