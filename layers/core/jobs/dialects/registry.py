"""From a path to its dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.dialects.openreplay_v1 import OpenReplayV1
from jobs.dialects.public import Public

if TYPE_CHECKING:
    from jobs.dialects.base import Dialect

V1 = OpenReplayV1()
PUBLIC = Public()

DIALECTS: tuple[Dialect, ...] = (V1, PUBLIC)


def dialect_of(path: str) -> Dialect | None:
    """The dialect whose prefix a path has, None where it has none."""
    for dialect in DIALECTS:
        if path == dialect.prefix or path.startswith(dialect.prefix + "/"):
            return dialect
    return None
