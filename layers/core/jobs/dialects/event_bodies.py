"""Events that come in, validated by pydantic: EventBridge's envelope and the details of the five types.

An event that does not fit can never become valid. It goes to the dead-letter queue, whole.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, field_validator

from jobs.dialects import bodies
from jobs.errors import InvalidRequest
from jobs.events.incoming import (
    Content,
    Delivery,
    Envelope,
    JobCompleted,
    JobFailed,
    JobMessage,
    JobProgress,
    JobRequested,
    Refusal,
)
from jobs.lifecycle.creation import IdempotencyKey
from jobs.model import MAX_ATTEMPTS, Message, Run, Severity

MAX_TEXT_BYTES = 8 * 1024
MAX_ENTRIES = 20
MAX_ENTRY_BYTES = 1024

ProjectKey = Annotated[str, Field(pattern=r"^[0-9A-Za-z]{1,64}\z")]
JobId = Annotated[StrictInt, Field(ge=1, le=2**32 - 1)]
AttemptNumber = Annotated[StrictInt, Field(ge=1, le=MAX_ATTEMPTS)]
Progress = Annotated[StrictInt, Field(ge=0, le=100)]


def _at_most(size: int, text: str) -> str:
    """Check a text's size in bytes.

    Raises:
        ValueError: it is over `size` bytes of UTF-8.
    """
    if len(text.encode()) > size:
        raise ValueError(f"must be at most {size} bytes")
    return text


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Envelope(BaseModel):
    """What EventBridge puts around a detail, as far as we use it."""

    model_config = ConfigDict(strict=True)

    id: Annotated[str, Field(min_length=1, max_length=256)]
    source: Annotated[str, Field(min_length=1, max_length=256)]
    account: Annotated[str, Field(pattern=r"^[0-9]{12}\z")]
    detail_type: Annotated[str, Field(alias="detail-type")]
    detail: dict[str, Any]


class _Requested(bodies.JobRequest):
    """`Job Requested`: the body of a creation, and whose it is."""

    projectKey: ProjectKey  # noqa: N815  # the fields' names in the API, here and below
    idempotencyKey: str | None = None  # noqa: N815
    workflowId: Annotated[str, Field(max_length=256)] | None = None  # noqa: N815
    ownerId: Annotated[str, Field(max_length=256)] | None = None  # noqa: N815
    collectionIds: Annotated[list[Annotated[str, Field(max_length=256)]], Field(max_length=100)] | None = None  # noqa: N815
    priority: (
        Annotated[Literal["Default", "Low", "Medium", "High", "Critical"], BeforeValidator(bodies.any_case)] | None
    ) = None
    workerTag: Annotated[str, Field(max_length=256)] | None = None  # noqa: N815


class _Message(_Strict):
    """`Job Message`."""

    projectKey: ProjectKey  # noqa: N815
    jobId: JobId  # noqa: N815
    status: Annotated[StrictInt, Field(ge=0, le=3)] = 0
    text: str
    toolId: Annotated[StrictInt, Field(ge=0, le=2**31 - 1)] = 0  # noqa: N815

    @field_validator("text")
    @classmethod
    def _text_fits(cls, text: str) -> str:
        return _at_most(MAX_TEXT_BYTES, text)


class _Report(_Strict):
    projectKey: ProjectKey  # noqa: N815
    jobId: JobId  # noqa: N815
    attempt: AttemptNumber


class _Progress(_Report):
    """`Job Progress`."""

    progress: Progress
    message: str | None = None

    @field_validator("message")
    @classmethod
    def _message_fits(cls, message: str | None) -> str | None:
        return None if message is None else _at_most(MAX_TEXT_BYTES, message)


class _Completed(_Report):
    """`Job Completed`."""

    outputs: Annotated[list[Any], Field(max_length=MAX_ENTRIES)] | None = None

    @field_validator("outputs")
    @classmethod
    def _entries_fit(cls, outputs: list[Any] | None) -> list[Any] | None:
        for entry in outputs or ():
            _at_most(MAX_ENTRY_BYTES, json.dumps(entry, ensure_ascii=False))
        return outputs


class _Failed(_Report):
    """`Job Failed`."""

    errors: Annotated[list[str], Field(max_length=MAX_ENTRIES)]

    @field_validator("errors")
    @classmethod
    def _entries_fit(cls, errors: list[str]) -> list[str]:
        return [_at_most(MAX_ENTRY_BYTES, error) for error in errors]


#: The names that a refusal may tell. An unknown field's name comes from outside, and could be personal data.
_NAMES = frozenset(
    name
    for model in (_Envelope, _Requested, _Message, _Progress, _Completed, _Failed)
    for field, about in model.model_fields.items()
    for name in (field, about.alias)
) | {"body", "Idempotency-Key"}


def refusal_of(error: InvalidRequest) -> Refusal:
    """Why an event that `parse_event` does not read is refused."""
    if error.field in _NAMES:
        return Refusal(error.field, error.reason)
    return Refusal("detail", "has a field that does not exist")


def parse_event(body: str, arrived: int, now: int) -> Delivery:
    """Read an event as the bus puts it on a queue.

    Args:
        body: the whole envelope, JSON text.
        arrived: when it came to the queue. This counts as the time of its message.
        now: the time, against which `startAt` is bounded.

    Raises:
        InvalidRequest: it is of another type, or a field is out of bounds or unknown.
    """
    envelope = bodies.validated(_Envelope, bodies.parse_object(body))
    sender = Envelope(envelope.id, envelope.source, envelope.account)
    return Delivery(sender, _parse_content(envelope, arrived, now))


def _parse_content(envelope: _Envelope, arrived: int, now: int) -> Content:
    detail = envelope.detail
    match envelope.detail_type:
        case "Job Requested":
            return _requested(bodies.validated(_Requested, detail), now)
        case "Job Progress":
            progress = bodies.validated(_Progress, detail)
            said = None if progress.message is None else Message(arrived, Severity.INFORMATION, progress.message)
            return JobProgress(progress.projectKey, progress.jobId, progress.attempt, progress.progress, said, arrived)
        case "Job Message":
            message = bodies.validated(_Message, detail)
            said = Message(arrived, Severity(message.status), message.text, message.toolId)
            return JobMessage(message.projectKey, message.jobId, said)
        case "Job Completed":
            done = bodies.validated(_Completed, detail)
            return JobCompleted(done.projectKey, done.jobId, done.attempt, tuple(done.outputs or ()))
        case "Job Failed":
            failed = bodies.validated(_Failed, detail)
            return JobFailed(failed.projectKey, failed.jobId, failed.attempt, tuple(failed.errors))
    raise InvalidRequest("detail-type", "is not one that this service takes")


def _requested(request: _Requested, now: int) -> JobRequested:
    run = Run(
        workflow_id=request.workflowId or "",
        owner_id=request.ownerId or "",
        collection_ids=tuple(request.collectionIds or ()),
        priority=request.priority or "",
        worker_tag=request.workerTag or "",
    )
    new = bodies.new_job(request, now, run)
    key = bodies.parse_idempotency_key(request.idempotencyKey)
    return JobRequested(request.projectKey, new, None if key is None else IdempotencyKey(key, bodies.digest_of(new)))
