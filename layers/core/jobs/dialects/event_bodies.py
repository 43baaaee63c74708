"""Events that come in, validated by pydantic: EventBridge's envelope, requests for jobs, and reports.

A request that does not fit can never become valid. It goes to the dead-letter queue, whole. Reports are read leniently.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from jobs.dialects import bodies, schedule_bodies
from jobs.dialects.report_bodies import (
    CompletedReport,
    FailedReport,
    MessageReport,
    ProgressReport,
    ProjectKey,
    parse_leniently,
)
from jobs.dialects.validation import CARRIED, OnFirstUse, parse_object, validated
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
    ScheduleRequested,
)
from jobs.lifecycle.creation import IdempotencyKey
from jobs.model import Message, Run, Severity

#: What an event may be.
DETAIL_TYPES = ("Job Requested", "Job Progress", "Job Message", "Job Completed", "Job Failed", "Schedule Requested")
#: How long a source may be that a log names.
MAX_TOLD_SOURCE = 64
#: A key or a token has no dots, or parts that are longer; an address of mail has an `@`.
_REVERSED_DOMAIN = re.compile(r"[a-z]{2,24}(\.[A-Za-z][A-Za-z0-9_-]{0,31}){1,6}")


class _Envelope(BaseModel):
    """What EventBridge puts around a detail, as far as we use it."""

    model_config = ConfigDict(strict=True)

    id: Annotated[str, Field(min_length=1, max_length=256)]
    source: Annotated[str, Field(min_length=1, max_length=256)]
    account: Annotated[str, Field(pattern=r"^[0-9]{12}\z", description="12 digits")]
    detail_type: Annotated[str, Field(alias="detail-type")]
    detail: dict[str, Any]


class _Requested(bodies.JobRequest, OnFirstUse):
    """`Job Requested`: the body of a creation, and whose it is."""

    projectKey: ProjectKey  # noqa: N815  # the fields' names in the API, here and below
    idempotencyKey: Annotated[str, AfterValidator(bodies.check_idempotency_key)] | None = None  # noqa: N815
    workflowId: Annotated[str, Field(max_length=256), CARRIED] | None = None  # noqa: N815
    ownerId: Annotated[str, Field(max_length=256), CARRIED] | None = None  # noqa: N815
    collectionIds: Annotated[list[Annotated[str, Field(max_length=256), CARRIED]], Field(max_length=100)] | None = None  # noqa: N815
    priority: (
        Annotated[Literal["Default", "Low", "Medium", "High", "Critical"], BeforeValidator(bodies.any_case)] | None
    ) = None
    workerTag: Annotated[str, Field(max_length=256), CARRIED] | None = None  # noqa: N815


class _ScheduleRequested(schedule_bodies.ScheduleRequest):
    """`Schedule Requested`: the body of the making of a schedule, and whose it is."""

    projectKey: ProjectKey  # noqa: N815
    idempotencyKey: Annotated[str, AfterValidator(bodies.check_idempotency_key)] | None = None  # noqa: N815


#: The names that a refusal may tell. An unknown field's name comes from outside, and could be personal data.
_NAMES = frozenset(
    name
    for model in (_Envelope, _Requested, _ScheduleRequested, ProgressReport)
    for field, about in model.model_fields.items()
    for name in (field, about.alias)
) | {"body", *(f"job.{name}" for name in bodies.JobRequest.model_fields)}


def refusal_of(error: InvalidRequest) -> Refusal:
    """Why an event that `parse_event` does not read is refused."""
    if error.field in _NAMES:
        return Refusal(error.field, error.reason)
    return Refusal("detail", "has a field that does not exist")


def told_of(body: str) -> dict[str, str]:
    """What a log may tell of a refused event: its type and its source, each only if it cannot be somebody's data.

    A type must be one of ours, and a source must look like `com.example.app` or `aws.s3`.
    """
    try:
        envelope = parse_leniently(body)
    except InvalidRequest:
        return {}
    detail_type, source = envelope.get("detail-type"), envelope.get("source")
    told = {"detailType": detail_type} if detail_type in DETAIL_TYPES else {}
    if isinstance(source, str) and len(source) <= MAX_TOLD_SOURCE and _REVERSED_DOMAIN.fullmatch(source):
        told["source"] = source
    return told


def parse_event(body: str, arrived: int, now: int) -> Delivery:
    """Read an event as the bus puts it on a queue.

    Args:
        body: the whole envelope, JSON text.
        arrived: when it came to the queue. This counts as the time of its message.
        now: the time, against which `startAt` is bounded.

    Raises:
        InvalidRequest: it is of another type, or a report that names no job or no attempt, or a request with a field
            that is out of bounds or unknown.
    """
    envelope = validated(_Envelope, parse_leniently(body))
    sender = Envelope(envelope.id, envelope.source, envelope.account)
    return Delivery(sender, _parse_content(envelope, body, arrived, now))


def _parse_content(envelope: _Envelope, body: str, arrived: int, now: int) -> Content:
    detail = envelope.detail
    match envelope.detail_type:
        case "Job Requested":
            # What a request means must be beyond doubt, so it is read strictly. A report stands for work that was done.
            return _requested(bodies.check_request(_Requested, parse_object(body)["detail"], now))
        case "Job Progress":
            progress = validated(ProgressReport, detail)
            said = Message(arrived, Severity.INFORMATION, progress.message) if progress.message else None
            return JobProgress(progress.projectKey, progress.jobId, progress.attempt, progress.progress, said, arrived)
        case "Job Message":
            message = validated(MessageReport, detail)
            return JobMessage(message.projectKey, message.jobId, message.message(arrived))
        case "Job Completed":
            done = validated(CompletedReport, detail)
            return JobCompleted(done.projectKey, done.jobId, done.attempt, done.outputs)
        case "Job Failed":
            failed = validated(FailedReport, detail)
            about = (failed.projectKey, failed.jobId, failed.attempt)
            return JobFailed(*about, failed.errors, failed.retryable, failed.retryAfter)
        case "Schedule Requested":
            asked = parse_object(body)["detail"]
            # A time is past or not by when the event came. Else a delivery that comes again would be refused.
            spec, idempotency = schedule_bodies.parse_requested(_ScheduleRequested, asked, arrived)
            return ScheduleRequested(asked["projectKey"], spec, idempotency)
    raise InvalidRequest("detail-type", f"must be one of {', '.join(DETAIL_TYPES)}")


def _requested(request: _Requested) -> JobRequested:
    run = Run(
        workflow_id=request.workflowId or "",
        owner_id=request.ownerId or "",
        collection_ids=tuple(request.collectionIds or ()),
        priority=request.priority or "",
        worker_tag=request.workerTag or "",
    )
    new, key = bodies.new_job(request, run), request.idempotencyKey
    return JobRequested(request.projectKey, new, None if key is None else IdempotencyKey(key, bodies.digest_of(new)))
