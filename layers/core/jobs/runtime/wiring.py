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

from jobs.adapters.sqs import SQSStartQueue
from jobs.ports import Ports
from jobs.runtime.observability import PowertoolsMeter
from jobs.runtime.settings import Settings
from jobs.store.directory import CachedDirectory, DynamoDBDirectory
from jobs.store.dynamodb import DynamoDBJobStore, new_token

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

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
    return DynamoDBJobStore(_dynamodb(), settings().table, settings().shards)


@cache
def directory() -> CachedDirectory:
    """Who may do what."""
    return CachedDirectory(DynamoDBDirectory(_dynamodb(), settings().table), settings().credential_cache_seconds)


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
def _dynamodb() -> DynamoDBClient:
    return boto3.client("dynamodb", config=CONFIG)


@cache
def _sqs() -> SQSClient:
    return boto3.client("sqs", config=CONFIG)


def clear() -> None:
    """Forget everything but the clients, which are dear to make, for tests that change the environment."""
    for made in (settings, clock, store, directory, ports):
        made.cache_clear()
