"""The composition root: the one place that knows which adapter stands behind which port.

Everything is made on first use and kept for the life of the environment; tests call `clear`.
"""

from __future__ import annotations

import random
import time
from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from jobs.adapters.eventbridge import EventBridgeBus
from jobs.adapters.s3 import S3SessionStore
from jobs.adapters.sqs import SQSIngestQueue, SQSStartQueue, SQSWorkerQueue
from jobs.erasure.erasing import ErasurePorts
from jobs.ports import Ports
from jobs.runtime.observability import PowertoolsMeter
from jobs.runtime.settings import Settings
from jobs.store.client import dynamodb_client
from jobs.store.directory import CachedDirectory, DynamoDBDirectory
from jobs.store.dynamodb import DynamoDBJobStore, new_token

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

    from jobs.adapters.eventbridge import EventsClient

#: Calls are milliseconds long: give up on a lost one soon enough to try again within the caller's patience.
CONFIG = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": 3},
    parameter_validation=False,
)


class SystemClock:
    """`Clock` on the machine's own."""

    def now(self) -> int:
        """See `Clock.now`."""
        return time.time_ns() // 1_000_000

    def sleep(self, milliseconds: float) -> None:
        """See `Clock.sleep`."""
        time.sleep(milliseconds / 1000)


@cache
def settings() -> Settings:
    """The function's settings."""
    return Settings.from_environment()


@cache
def clock() -> SystemClock:
    """The clock."""
    return SystemClock()


@cache
def store() -> DynamoDBJobStore:
    """The jobs."""
    return DynamoDBJobStore(_dynamodb(), settings().table, settings().shards, settings().start_batch)


@cache
def directory() -> CachedDirectory:
    """Who may do what."""
    return CachedDirectory(DynamoDBDirectory(_dynamodb(), settings().table), settings().credential_cache_seconds)


@cache
def tokens() -> DynamoDBDirectory:
    """Where access tokens are put."""
    return DynamoDBDirectory(_dynamodb(), settings().table)


@cache
def ingest_queue() -> SQSIngestQueue:
    """Where events that are not taken go."""
    made = settings()
    return SQSIngestQueue(_sqs, made.ingest_queue_url, made.ingest_dead_letter_queue_url, PowertoolsMeter())


@cache
def ports() -> Ports:
    """The world of the use cases."""
    meter = PowertoolsMeter()
    queue = SQSStartQueue(_sqs, settings().start_queue_url, clock(), meter)
    return Ports(
        store=store(),
        queue=queue,
        clock=clock(),
        meter=meter,
        random=random.SystemRandom().random,
        token=new_token,
    )


@cache
def bus() -> EventBridgeBus:
    """The bus."""
    return EventBridgeBus(_events, settings().event_bus, clock(), PowertoolsMeter())


@cache
def sessions() -> S3SessionStore:
    """The objects of users' sessions."""
    return S3SessionStore(_s3, settings().sessions_bucket, clock(), PowertoolsMeter())


@cache
def erasure_ports() -> ErasurePorts:
    """The world of the worker that erases them."""
    meter = PowertoolsMeter()
    return ErasurePorts(
        store=store(),
        directory=directory(),
        sessions=sessions(),
        bus=bus(),
        queue=SQSWorkerQueue(_sqs, settings().worker_queue_url, clock(), meter),
        clock=clock(),
        meter=meter,
    )


@cache
def _dynamodb() -> DynamoDBClient:
    return dynamodb_client(CONFIG)


@cache
def _sqs() -> SQSClient:
    # The adapter tries again by itself; both together would outlast the invocation.
    return boto3.client("sqs", config=CONFIG.merge(Config(retries={"total_max_attempts": 1})))


@cache
def _events() -> EventsClient:
    client: EventsClient = boto3.client("events", config=CONFIG.merge(Config(retries={"total_max_attempts": 1})))
    return client


@cache
def _s3() -> S3Client:
    # As above. Deleting a thousand objects takes S3 seconds.
    return boto3.client("s3", config=CONFIG.merge(Config(read_timeout=10, retries={"total_max_attempts": 1})))


def clear() -> None:
    """Forget everything but the clients, which are dear to make, for tests that change the environment."""
    for made in (settings, clock, store, directory, tokens, ingest_queue, ports, bus, sessions, erasure_ports):
        made.cache_clear()
