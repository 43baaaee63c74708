"""What can go wrong, in the domain's words. Each dialect gives each error its own status and sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.model import Job
    from jobs.tenants import Scope


class JobsError(Exception):
    """The root of all errors that a caller is told."""


class Unauthorized(JobsError):
    """The credential is missing, malformed, unknown, expired or revoked."""


class InvalidClient(JobsError):
    """The client is unknown, expired or revoked, or its secret is wrong; `basic` says that it came by HTTP Basic."""

    def __init__(self, *, basic: bool) -> None:
        super().__init__("invalid client")
        self.basic = basic


class UnsupportedGrantType(JobsError):
    """A token was asked for by another grant than client credentials."""


class NotPermitted(JobsError):
    """The caller sees the job, but only through collections that are shared for viewing."""


class RunNotPermitted(JobsError):
    """The workflow is in collections, and none of them lets the caller run it."""


class ScopeMissing(JobsError):
    """The API key is limited to other calls; each of `scopes` would be enough for this one."""

    def __init__(self, *scopes: Scope) -> None:
        super().__init__("the API key has no scope " + " or ".join(f"'{scope}'" for scope in scopes))
        self.scopes = scopes


class NotFound(JobsError):
    """What the path names does not exist for this caller."""


class RouteNotFound(NotFound):
    """No call has this path and method."""


class MethodNotAllowed(JobsError):
    """The path exists, but not with this method; `allowed` are the methods that it has."""

    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__("method not allowed")
        self.allowed = allowed


class ProjectNotFound(NotFound):
    """The project does not exist or belongs to another organisation. A caller cannot tell which."""


class JobNotFound(NotFound):
    """The project has no such job."""


class WorkflowNotFound(NotFound):
    """The organisation knows no such workflow, or the caller may not see it. A caller cannot tell which."""


class TooManyJobs(JobsError):
    """A list needs more jobs than one call reads or sorts; `reason` says which, and what to ask for instead."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Problem(NamedTuple):
    """One thing that is wrong with a request: `field` says what, `reason` says why."""

    field: str
    reason: str


#: How many problems of one request are told.
MAX_PROBLEMS = 20


class InvalidRequest(JobsError):
    """Something in the request is out of bounds; `field` and `reason` are of the first problem, `problems` has all."""

    def __init__(self, field: str, reason: str, *others: Problem) -> None:
        #: each once: every entry of a list may be wrong in the same way
        self.problems = tuple(dict.fromkeys((Problem(field, reason), *others)))
        told = [f"{name}: {why}" for name, why in self.problems[:MAX_PROBLEMS]]
        left = len(self.problems) - len(told)
        super().__init__("; ".join([*told, f"and {left} more"] if left else told))
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


class EncodedBody(JobsError):
    """The request body is compressed, or encoded in another way."""

    def __init__(self) -> None:
        super().__init__("request bodies must come without Content-Encoding")


class JobNotCancellable(JobsError):
    """The job has already ended; `job` says how."""

    def __init__(self, job: Job) -> None:
        super().__init__(f"job is {job.status}")
        self.job = job


class JobNotRetryable(JobsError):
    """The job is not failed or cancelled, or has no attempts or no payload left; `reason` says which."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class JobNotMovable(JobsError):
    """The job no longer waits for its first attempt; `reason` says what it does."""

    def __init__(self, job: Job) -> None:
        is_later = job.status.is_active and job.attempt > 1
        what = f"at attempt {job.attempt}" if is_later else str(job.status)
        self.reason = f"only a scheduled job that was never started can be moved; the job is {what}"
        super().__init__(self.reason)


class ArtifactNotFound(NotFound):
    """The job shows no such artifact."""


class ArtifactRefused(JobsError):
    """No file can be announced now: the attempt does not run, or has as many as it may have; `reason` says which."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class EventSeen(JobsError):
    """The event was taken before. Nothing is left to do."""


class DeletionActive(JobsError):
    """A deletion of this user is scheduled or running; `job` is that one."""

    def __init__(self, job: Job) -> None:
        super().__init__("a deletion of this user is active")
        self.job = job


class IdempotencyKeyReused(JobsError):
    """The idempotency key was used within its 24 hours for another body."""


class Busy(JobsError):
    """AWS throttled the call, or too many callers wanted the same row. Try again after `retry_after` seconds.

    A write whose answer was lost may have been committed. An idempotency key makes it safe to create a job again.
    """

    def __init__(self, retry_after: int = 1, reason: str = "too many requests at once") -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class TooManyCreations(Busy):
    """The project's limit of jobs a minute is reached."""

    def __init__(self, limit: int, retry_after: int) -> None:
        super().__init__(retry_after, f"this project may create {limit} jobs a minute")
