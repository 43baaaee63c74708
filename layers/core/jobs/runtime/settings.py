"""The environment of a function, read once and only here."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_SHARDS = 32
DEFAULT_CREDENTIAL_CACHE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Settings:
    """What template.yaml tells its functions."""

    table: str
    #: Only functions that put hints have one.
    start_queue_url: str = ""
    #: Only functions that say something on the bus have one.
    event_bus: str = ""
    #: Only the worker that erases sessions has these.
    sessions_bucket: str = ""
    worker_queue_url: str = ""
    #: Only the function that takes events has these.
    ingest_queue_url: str = ""
    ingest_dead_letter_queue_url: str = ""
    #: The stack's own AWS account.
    account_id: str = ""
    shards: int = DEFAULT_SHARDS
    #: How many jobs one call starts at most; only the function that starts them is told.
    start_batch: int = 1
    credential_cache_seconds: float = DEFAULT_CREDENTIAL_CACHE_SECONDS

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings.

        Raises:
            KeyError: `JOBS_TABLE` is missing.
            ValueError: a number is none.
        """
        return cls(
            table=environment["JOBS_TABLE"],
            start_queue_url=environment.get("START_QUEUE_URL", ""),
            event_bus=environment.get("EVENT_BUS_NAME", ""),
            sessions_bucket=environment.get("SESSIONS_BUCKET", ""),
            worker_queue_url=environment.get("WORKER_QUEUE_URL", ""),
            ingest_queue_url=environment.get("INGEST_QUEUE_URL", ""),
            ingest_dead_letter_queue_url=environment.get("INGEST_DEAD_LETTER_QUEUE_URL", ""),
            account_id=environment.get("ACCOUNT_ID", ""),
            shards=int(environment.get("SHARD_COUNT", DEFAULT_SHARDS)),
            start_batch=int(environment.get("START_BATCH_SIZE", 1)),
            credential_cache_seconds=float(
                environment.get("CREDENTIAL_CACHE_SECONDS", DEFAULT_CREDENTIAL_CACHE_SECONDS)
            ),
        )
