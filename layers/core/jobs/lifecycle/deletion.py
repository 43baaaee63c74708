"""Deleting a user's data: the one action that is held to one active job per user and project."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from jobs.errors import InvalidRequest
from jobs.model import (
    DAY,
    DELETE_USER_DATA,
    DELETION_MAX_ATTEMPTS,
    DELETION_TIMEOUT_SECONDS,
    NewJob,
)

if TYPE_CHECKING:
    from jobs.model import Project

MAX_USER_ID = 256


def next_midnight(now: int) -> int:
    """The next UTC midnight strictly after `now`: OpenReplay deletes at night, and documents no time zone."""
    return (now // DAY + 1) * DAY


def request_deletion(user_id: str, now: int) -> NewJob:
    """What `DELETE …/users/{userId}` asks for, in the words of seed 1's example.

    Raises:
        InvalidRequest: the user id is blank or over 256 characters.
    """
    if not user_id.strip():
        raise InvalidRequest("userId", "must not be blank")
    if len(user_id) > MAX_USER_ID:
        raise InvalidRequest("userId", f"must be at most {MAX_USER_ID} characters")
    return NewJob(
        action=DELETE_USER_DATA,
        description=f"Delete user sessions of userId = {user_id}",
        reference_id=user_id,
        start_at=next_midnight(now),
        max_attempts=DELETION_MAX_ATTEMPTS,
        timeout_seconds=DELETION_TIMEOUT_SECONDS,
    )


def lock_digest(project: Project, user_id: str) -> str:
    """The name of a user's lock: keyed, so that table keys give away no user id, even a guessable one."""
    return hmac.new(project.secret, user_id.encode(), hashlib.sha256).hexdigest()
