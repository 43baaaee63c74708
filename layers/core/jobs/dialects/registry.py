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

#: Alteryx' v3 documents one call, a download, under this prefix too.
ALTERYX_V1_PREFIX = "/webapi/v1"

DIALECTS: tuple[Dialect, ...] = (OPENREPLAY_V1, PUBLIC, ALTERYX_V3, OAUTH2)

_PREFIXES = {dialect.prefix: dialect for dialect in DIALECTS} | {ALTERYX_V1_PREFIX: ALTERYX_V3}


def dialect_of(path: str) -> Dialect | None:
    """The dialect whose prefix a path has, or None."""
    for prefix, dialect in _PREFIXES.items():
        if path == prefix or path.startswith(prefix + "/"):
            return dialect
    return None
