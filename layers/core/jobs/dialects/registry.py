"""From a path to its dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from jobs.dialects.alteryx_v3 import AlteryxV3
from jobs.dialects.oauth2 import OAuth2
from jobs.dialects.openreplay_v1 import OpenReplayV1
from jobs.dialects.public import Public

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jobs.dialects.base import Dialect, ProjectDialect

OPENREPLAY_V1 = OpenReplayV1()
PUBLIC = Public()
ALTERYX_V3 = AlteryxV3()
OAUTH2 = OAuth2()

PROJECT_DIALECTS: tuple[ProjectDialect, ...] = (OPENREPLAY_V1, PUBLIC)
DIALECTS: tuple[Dialect, ...] = (*PROJECT_DIALECTS, ALTERYX_V3, OAUTH2)

AnyDialect = TypeVar("AnyDialect", bound="Dialect")


def dialect_of(path: str) -> Dialect | None:
    """The dialect whose prefix a path has, None where it has none."""
    return _with_prefix(DIALECTS, path)


def project_dialect_of(path: str) -> ProjectDialect | None:
    """The dialect whose prefix a path has, None where it has none or its paths name no project."""
    return _with_prefix(PROJECT_DIALECTS, path)


def _with_prefix(dialects: Iterable[AnyDialect], path: str) -> AnyDialect | None:
    for dialect in dialects:
        if path == dialect.prefix or path.startswith(dialect.prefix + "/"):
            return dialect
    return None
