"""Opaque cursors: a position that a caller hands back, bound to the list that it belongs to.

A cursor is the position and an HMAC of it and of its purpose. Each project has its own key, so a cursor of another
project or list, or a forged one, is refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING

from jobs.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobs.tenants import Project

_DIGEST_BYTES = 16


def encode(project: Project, purpose: str, position: str) -> str:
    """Make a cursor."""
    text = position.encode()
    return base64.urlsafe_b64encode(_digest(project, purpose, text) + text).decode().rstrip("=")


def decode(project: Project, purpose: str, cursor: str) -> str:
    """Read the position of a cursor.

    Raises:
        InvalidRequest: it was not made here for this project and this purpose.
    """
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        position = raw[_DIGEST_BYTES:].decode()
    except (binascii.Error, ValueError):
        raise InvalidRequest("cursor", "is not one of this list") from None
    # compare all of it, because base64 has several texts for the same bytes
    if not hmac.compare_digest(cursor, encode(project, purpose, position)):
        raise InvalidRequest("cursor", "is not one of this list")
    return position


def position(project: Project, purpose: str, query: Mapping[str, str]) -> str | None:
    """The position that a query's `cursor` names; None if it has none.

    Raises:
        InvalidRequest: it was not made here for this project and this purpose.
    """
    given = query.get("cursor")
    return decode(project, purpose, given) if given else None


def _digest(project: Project, purpose: str, text: bytes) -> bytes:
    message = b"cursor\0" + purpose.encode() + b"\0" + text
    return hmac.new(project.secret, message, hashlib.sha256).digest()[:_DIGEST_BYTES]
