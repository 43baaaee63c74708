"""The dialects, and which of them a path has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.dialects.alteryx_v3 import AlteryxV3
from jobs.dialects.oauth2 import OAuth2
from jobs.dialects.openreplay_v1 import OpenReplayV1
from jobs.dialects.public import Public

if TYPE_CHECKING:
    from jobs.dialects.base import Dialect

OPENREPLAY_V1 = OpenReplayV1()
PUBLIC = Public()
ALTERYX_V3 = AlteryxV3()
OAUTH2 = OAuth2()

DIALECTS: tuple[Dialect, ...] = (OPENREPLAY_V1, PUBLIC, ALTERYX_V3, OAUTH2)


def dialect_of(path: str) -> Dialect | None:
    """The dialect whose prefix a path has, or None."""
    for dialect in DIALECTS:
        if path == dialect.prefix or path.startswith(dialect.prefix + "/"):
            return dialect
    return None
