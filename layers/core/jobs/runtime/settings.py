"""The environment of a function. It is read here and nowhere else, and each value when it is first needed.

A function has only the variables that it needs: template.yaml gives them, and a missing one is a `KeyError`.
"""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_SHARDS = 32
DEFAULT_CREDENTIAL_CACHE_SECONDS = 30.0


class TableSettings(NamedTuple):
    """What every function is told."""

    name: str
    #: Write shards of the status index.
    shards: int
    #: Jobs that one call starts at most.
    start_batch: int
    credential_cache_seconds: float


class IngestSettings(NamedTuple):
    """What the function that takes events is told."""

    queue_url: str
    dead_letter_queue_url: str
    #: The stack's own AWS account.
    account_id: str


class Settings:
    """What template.yaml tells its functions, in groups."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._environment = environment

    @cached_property
    def table(self) -> TableSettings:
        """The table.

        Raises:
            ValueError: a number is malformed.
        """
        read = self._environment.get
        return TableSettings(
            name=self._environment["JOBS_TABLE"],
            shards=int(read("SHARD_COUNT", DEFAULT_SHARDS)),
            start_batch=int(read("START_BATCH_SIZE", 1)),
            credential_cache_seconds=float(read("CREDENTIAL_CACHE_SECONDS", DEFAULT_CREDENTIAL_CACHE_SECONDS)),
        )

    @property
    def public_url(self) -> str:
        """The address that callers use, without a slash at its end; empty if it is the API's own."""
        return self._environment.get("PUBLIC_URL", "").rstrip("/")

    @property
    def user_ids_in_paths(self) -> str:
        """Which user ids a path may carry: `plain`, `any` or `off`."""
        return self._environment.get("USER_IDS_IN_PATHS", "plain")

    @cached_property
    def start_queue_url(self) -> str:
        """The queue of hints."""
        return self._environment["START_QUEUE_URL"]

    @cached_property
    def event_bus(self) -> str:
        """The name of the event bus."""
        return self._environment["EVENT_BUS_NAME"]

    @cached_property
    def ingest(self) -> IngestSettings:
        """The ingest queue."""
        return IngestSettings(
            self._environment["INGEST_QUEUE_URL"],
            self._environment["INGEST_DEAD_LETTER_QUEUE_URL"],
            self._environment["ACCOUNT_ID"],
        )

    @cached_property
    def artifacts_bucket(self) -> str:
        """The bucket of files that workers put."""
        return self._environment["ARTIFACTS_BUCKET"]

    @cached_property
    def sessions_bucket(self) -> str:
        """The bucket of users' sessions."""
        return self._environment["SESSIONS_BUCKET"]

    @cached_property
    def worker_queue_url(self) -> str:
        """The queue of the worker that erases sessions."""
        return self._environment["WORKER_QUEUE_URL"]
