"""The composition root of operators' tools. No function imports it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from jobs.runtime.wiring import SystemClock
from jobs.store.directory_admin import DynamoDBDirectoryAdmin
from jobs.store.schedules import DynamoDBSchedules
from jobs.store.table import Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from jobs.schedules.ports import ScheduleStore


def directory_admin(client: DynamoDBClient, table: str, by: str) -> DynamoDBDirectoryAdmin:
    """The directory in a table, for the administrator `by`."""
    clock = SystemClock()
    return DynamoDBDirectoryAdmin(Table(client, table, clock, random.SystemRandom().random), clock, by)


def schedule_store(client: DynamoDBClient, table: str) -> ScheduleStore:
    """The schedules in a table. Make none with it: it does not know how many shards there are."""
    return DynamoDBSchedules(Table(client, table, SystemClock(), random.SystemRandom().random), shards=1)
