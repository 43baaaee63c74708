"""The real store and directory over the client of a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from jobs.artifacts.ports import ArtifactStore
from jobs.forgetting.ports import ForgettingStore
from jobs.ports import Attempts, DueIndex, JobStore, Payload
from jobs.runtime import wiring
from jobs.runtime.wiring import SystemClock
from jobs.store.artifacts import DynamoDBArtifacts
from jobs.store.attempts import DynamoDBAttempts
from jobs.store.directory_admin import DynamoDBDirectoryAdmin
from jobs.store.due import DynamoDBDueIndex
from jobs.store.forgetting import DynamoDBForgetting
from jobs.store.jobs import DynamoDBJobStore
from jobs.store.payload import DynamoDBPayload
from jobs.store.table import Table, new_token

from tests.conftest import TABLE
from tests.fakes import BY, FakeClock

if TYPE_CHECKING:
    from jobs.ports import Clock
    from mypy_boto3_dynamodb import DynamoDBClient


class Store(JobStore, Attempts, Payload, ArtifactStore, DueIndex, ForgettingStore, Protocol):
    """All ports of the store."""


class WholeStore(
    DynamoDBJobStore, DynamoDBAttempts, DynamoDBPayload, DynamoDBArtifacts, DynamoDBDueIndex, DynamoDBForgetting
):
    """All parts of the store as one object, for suites that need them together."""

    def __init__(self, table: Table, shards: int, start_batch: int = 1) -> None:
        DynamoDBJobStore.__init__(self, table, shards)
        DynamoDBAttempts.__init__(self, table, shards, new_token, start_batch)


def a_table(client: DynamoDBClient, name: str = TABLE) -> Table:
    """The table."""
    return Table(client, name, SystemClock(), lambda: 0.0)


def a_store(client: DynamoDBClient, shards: int = 4, start_batch: int = 1, table: str = TABLE) -> WholeStore:
    """The store in the table."""
    return WholeStore(a_table(client, table), shards, start_batch)


def an_admin(client: DynamoDBClient, clock: Clock | None = None) -> DynamoDBDirectoryAdmin:
    """The directory in the table."""
    return DynamoDBDirectoryAdmin(a_table(client), clock or FakeClock(), BY)


def the_store() -> WholeStore:
    """The store of the functions that run in this process."""
    ports = wiring.ports()
    return WholeStore(ports.table, ports.settings.table.shards)
