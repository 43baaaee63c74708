"""The composition root of operators' tools. No function imports it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from jobs.runtime.wiring import SystemClock
from jobs.store.directory_admin import DynamoDBDirectoryAdmin
from jobs.store.table import Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def directory_admin(client: DynamoDBClient, table: str, by: str) -> DynamoDBDirectoryAdmin:
    """The directory in a table, for the administrator `by`."""
    clock = SystemClock()
    return DynamoDBDirectoryAdmin(Table(client, table, clock, random.SystemRandom().random), clock, by)
