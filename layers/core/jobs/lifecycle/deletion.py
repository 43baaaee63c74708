"""Deleting a user's data: the one action that may have only one active job per user and project."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from jobs.errors import InvalidRequest
from jobs.lifecycle.text import check_text
from jobs.model import (
    DAY,
    DELETE_USER_DATA,
    DELETION_MAX_ATTEMPTS,
    DELETION_TIMEOUT_SECONDS,
    MAX_REFERENCE_ID,
    DeletionLock,
    NewJob,
)

if TYPE_CHECKING:
    from jobs.model import Job
    from jobs.ports import Ports
    from jobs.tenants import Project


def next_midnight(now: int) -> int:
    """The next UTC midnight strictly after `now`. OpenReplay deletes at night and documents no time zone."""
    return (now // DAY + 1) * DAY


def request_deletion(user_id: str, now: int) -> NewJob:
    """What `DELETE …/users/{userId}` asks for, in the words of OpenReplay's own example.

    Raises:
        InvalidRequest: the user id is blank, over 256 characters, or holds characters that SQS does not carry.
    """
    check_user_id(user_id)
    return NewJob(
        action=DELETE_USER_DATA,
        description=f"Delete user sessions of userId = {user_id}",
        reference_id=user_id,
        start_at=next_midnight(now),
        max_attempts=DELETION_MAX_ATTEMPTS,
        timeout_seconds=DELETION_TIMEOUT_SECONDS,
    )


def check_user_id(user_id: str) -> None:
    """Check the id of a user whose data is to be deleted.

    Raises:
        InvalidRequest: it is blank, over 256 characters, or holds characters that SQS does not carry.
    """
    if not user_id.strip():
        raise InvalidRequest("userId", "must not be blank")
    if len(user_id) > MAX_REFERENCE_ID:
        raise InvalidRequest("userId", f"must be at most {MAX_REFERENCE_ID} characters")
    check_text("userId", user_id)


def person_of(project: Project, reference_id: str) -> str:
    """The digest by which a job is found when its user is deleted; empty where the project keeps everything."""
    return lock_digest(project, reference_id) if reference_id and project.retention.is_on else ""


def lock_digest(project: Project, user_id: str) -> str:
    """The name of a user's lock. It is an HMAC, so that keys of the table reveal no user id, even a guessable one."""
    return hmac.new(project.secret, user_id.encode(), hashlib.sha256).hexdigest()


def look_at_lock(
    ports: Ports, project: Project, action: str, reference_id: str
) -> tuple[Job | None, DeletionLock | None]:
    """Read the user's active deletion, and the lock as the next deletion leaves it (its job still unset).

    Both are None for any other action.
    """
    if action != DELETE_USER_DATA:
        return None, None
    digest = lock_digest(project, reference_id)
    lock = ports.jobs.find_deletion_lock(project.project_id, digest)
    if lock is None:
        return None, DeletionLock(digest, 0, 1)
    latest = ports.jobs.get_job(project.project_id, lock.job_id)
    active = latest if latest is not None and latest.status.is_active else None
    return active, DeletionLock(digest, 0, lock.version + 1)
