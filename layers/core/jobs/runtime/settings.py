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
    start_queue_url: str
    shards: int
    credential_cache_seconds: float

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
            shards=int(environment.get("SHARD_COUNT", DEFAULT_SHARDS)),
            credential_cache_seconds=float(
                environment.get("CREDENTIAL_CACHE_SECONDS", DEFAULT_CREDENTIAL_CACHE_SECONDS)
            ),
        )
