"""Bodies that come from outside, validated by pydantic; imported by functions that write alone (decision 0004)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from typing import Annotated, Any, NoReturn

from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError

from jobs.errors import InvalidRequest
from jobs.model import (
    DEFAULT_MAX_ATTEMPTS,
    DEFAULT_TIMEOUT_SECONDS,
    DELETE_USER_DATA,
    DELETION_MAX_ATTEMPTS,
    DELETION_TIMEOUT_SECONDS,
    LONGEST_DELAY,
    NewJob,
)

#: What a request may hold: the service's own limits, as no document of the two APIs gives any.
LARGEST_PARAMS = 32 * 1024
DEEPEST_PARAMS = 16
MOST_ATTEMPTS = 20
LONGEST_TIMEOUT_SECONDS = 31_536_000
LONGEST_IDEMPOTENCY_KEY = 255
#: An unknown field is named back to the caller, as far as this.
LONGEST_FIELD_NAME = 64


class JobRequest(BaseModel):
    """The body of `POST /public/{projectKey}/jobs`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    action: Annotated[str, Field(pattern=r"^[a-z0-9_.-]{1,64}\z")]
    description: Annotated[str, Field(max_length=1024)] = ""
    referenceId: Annotated[str, Field(max_length=256)] = ""  # noqa: N815  # the field's name in the API
    startAt: Annotated[StrictInt, Field(ge=0)] | None = None  # noqa: N815
    params: dict[str, Any] = Field(default_factory=dict)
    maxAttempts: Annotated[StrictInt, Field(ge=1, le=MOST_ATTEMPTS)] | None = None  # noqa: N815
    timeoutSeconds: Annotated[StrictInt, Field(ge=1, le=LONGEST_TIMEOUT_SECONDS)] | None = None  # noqa: N815


def parse_job(body: str, now: int) -> tuple[NewJob, str]:
    """Read what a caller wants created.

    Args:
        body: JSON text.
        now: the time, against which `startAt` is bounded.

    Returns:
        The job, and the digest of the validated body: two bodies that ask for the same have the same.

    Raises:
        InvalidRequest: the body is not JSON or not an object, or a field is out of bounds or unknown; it names which.
    """
    request = _validated(_parse_object(body))
    if request.startAt is not None and request.startAt > now + LONGEST_DELAY:
        raise InvalidRequest("startAt", "must be at most 1 year ahead")
    is_deletion = request.action == DELETE_USER_DATA
    if is_deletion and not request.referenceId.strip():
        raise InvalidRequest("referenceId", f"must be the user's id for {DELETE_USER_DATA}")
    new = NewJob(
        action=request.action,
        start_at=request.startAt,
        description=request.description,
        reference_id=request.referenceId,
        params=request.params,
        max_attempts=request.maxAttempts or (DELETION_MAX_ATTEMPTS if is_deletion else DEFAULT_MAX_ATTEMPTS),
        timeout_seconds=request.timeoutSeconds
        or (DELETION_TIMEOUT_SECONDS if is_deletion else DEFAULT_TIMEOUT_SECONDS),
    )
    return new, _digest(new)


def parse_idempotency_key(header: str | None) -> str | None:
    """Read an `Idempotency-Key` header.

    Raises:
        InvalidRequest: it is empty, too long or not printable ASCII.
    """
    if header is None:
        return None
    if not 1 <= len(header) <= LONGEST_IDEMPOTENCY_KEY or not (header.isascii() and header.isprintable()):
        raise InvalidRequest("Idempotency-Key", f"must be 1 to {LONGEST_IDEMPOTENCY_KEY} printable ASCII characters")
    return header


def _parse_object(body: str) -> dict[str, Any]:
    try:
        content = json.loads(body, parse_constant=_refuse_constant)
        # A lone surrogate is JSON, but no text that can be stored.
        json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise InvalidRequest("body", "must be JSON") from None
    if not isinstance(content, dict):
        raise InvalidRequest("body", "must be a JSON object")
    return content


def _refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and the infinities, which Python reads and JSON does not have."""
    raise ValueError(name)


def _validated(content: dict[str, Any]) -> JobRequest:
    try:
        request = JobRequest.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise InvalidRequest(str(first["loc"][0])[:LONGEST_FIELD_NAME], str(first["msg"])) from None
    if len(_canonical(request.params).encode()) > LARGEST_PARAMS:
        raise InvalidRequest("params", f"must be at most {LARGEST_PARAMS} bytes of JSON")
    if _depth(request.params) > DEEPEST_PARAMS:
        raise InvalidRequest("params", f"must be at most {DEEPEST_PARAMS} levels deep")
    return request


def _depth(value: object) -> int:
    """How deep objects and arrays are nested, level by level rather than by recursion."""
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        level = [inner for outer in level for inner in (outer.values() if isinstance(outer, dict) else outer)]
    return depth


def _canonical(content: object) -> str:
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False, sort_keys=True)


def _digest(new: NewJob) -> str:
    content = {field.name: getattr(new, field.name) for field in fields(new)}
    return hashlib.sha256(_canonical(content).encode()).hexdigest()
