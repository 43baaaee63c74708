"""What can go wrong, in the domain's words. Each dialect gives every one its own status and sentence.

JobsError
├── Unauthorized              no credential, or none that opens anything
├── InvalidClient             an OAuth 2.0 client that is unknown, or has another secret
├── UnsupportedGrantType      a token was asked for in a way that is not offered
├── NotPermitted              the job may be seen by the caller, but not cancelled
├── NotFound
│   ├── RouteNotFound         no such path
│   ├── ProjectNotFound       unknown, or another organisation's: the two can not be told apart
│   └── JobNotFound
├── InvalidRequest            names the field that is out of bounds
│   └── InvalidJobId          the job id in the path is no number
├── BodyTooLarge
├── JobNotCancellable         it has already ended
├── DeletionActive            the user has a deletion that is scheduled or running
├── JobNotRetryable           it has not failed or been cancelled, or was attempted too often
├── EventSeen                 the event was taken before
├── IdempotencyKeyReused      same key, other body
└── Busy                      throttled, or contended for too long: try again
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobs.model import Job


class JobsError(Exception):
    """The root of all that a caller can be told."""


class Unauthorized(JobsError):
    """The credential is missing, malformed, unknown, expired or revoked."""


class InvalidClient(JobsError):
    """The client is unknown, expired or revoked, or its secret another; `basic`: it came by HTTP Basic."""

    def __init__(self, *, basic: bool) -> None:
        super().__init__("invalid client")
        self.basic = basic


class UnsupportedGrantType(JobsError):
    """A token was asked for by another grant than client credentials."""


class NotPermitted(JobsError):
    """The caller sees the job through collections that are shared for viewing only."""


class NotFound(JobsError):
    """What the path names is not there for this caller."""


class RouteNotFound(NotFound):
    """No call has this path and method."""


class ProjectNotFound(NotFound):
    """The project key is unknown or belongs to another organisation."""


class JobNotFound(NotFound):
    """The project has no such job."""


class InvalidRequest(JobsError):
    """Something in the request is out of bounds; `field` says what, `reason` says why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class InvalidJobId(InvalidRequest):
    """The job id in the path is not an integer."""

    def __init__(self) -> None:
        super().__init__("jobId", "not an integer")


class BodyTooLarge(JobsError):
    """The request body is over `limit` bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"request body over {limit} bytes")
        self.limit = limit


class JobNotCancellable(JobsError):
    """The job has already ended; `job` says how."""

    def __init__(self, job: Job) -> None:
        super().__init__(f"job is {job.status}")
        self.job = job


class JobNotRetryable(JobsError):
    """The job is not failed or cancelled, or has been attempted as often as a job may be; `reason` says which."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class EventSeen(JobsError):
    """The event was taken before: nothing is left to do."""


class DeletionActive(JobsError):
    """A deletion of this user is scheduled or running; `job` is that one."""

    def __init__(self, job: Job) -> None:
        super().__init__("a deletion of this user is active")
        self.job = job


class IdempotencyKeyReused(JobsError):
    """The idempotency key was used within its 24 hours for another body."""


class Busy(JobsError):
    """AWS throttled the call, or too many callers wanted the same row; try again after `retry_after` seconds.

    A write whose answer was lost may have been committed all the same: what must not be made twice is created with an
    idempotency key.
    """

    def __init__(self, retry_after: int = 1) -> None:
        super().__init__("too many requests at once")
        self.retry_after = retry_after
