"""The bodies that set schedules, validated by pydantic."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt

from jobs.dialects.bodies import (
    MIN_START,
    JobRequest,
    check_idempotency_key,
    check_request,
    new_job,
    read_time,
)
from jobs.dialects.json_text import read_object
from jobs.dialects.schedule_fields import as_body
from jobs.dialects.validation import CARRIED, WHOLE, OnFirstUse, validated
from jobs.errors import InvalidRequest, Problem
from jobs.lifecycle.creation import IdempotencyKey
from jobs.model import SECOND
from jobs.representation import dump
from jobs.schedules import zones
from jobs.schedules.ports import MAX_AHEAD, CatchUp, Overlap, Spec
from jobs.schedules.rhythm import Fold, Gap, Rhythm, check_cron, occurrences
from jobs.tenancy import access

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import ValidationInfo

    from jobs.tenants import Credential

MAX_NAME = 128
#: The shortest period, in seconds, and the longest.
MIN_EVERY = 60
MAX_EVERY = 31_536_000
#: Of these a body has exactly one.
RHYTHMS = ("cron", "every", "at")
#: What only a rhythm of the clock has.
OF_THE_CLOCK = ("timezone", "gap", "fold")
#: What sets when a schedule occurs.
OF_THE_RHYTHM = frozenset({*RHYTHMS, *OF_THE_CLOCK, "startAt", "endAt"})


def _check_ahead(at: int, about: ValidationInfo) -> int:
    if at > cast("int", about.context) + MAX_AHEAD:
        raise ValueError("must be at most 10 years ahead")
    return at


def _check_cron(expression: str) -> str:
    check_cron(expression)
    return expression


def check_zone(name: str) -> str:
    """Check the name of a time zone, for pydantic.

    Raises:
        ValueError: there is no such zone.
    """
    if name not in zones.names():
        raise ValueError("must be the name of a time zone, such as Europe/Berlin")
    return name


_Time = Annotated[StrictInt, Field(ge=MIN_START), BeforeValidator(read_time), AfterValidator(_check_ahead)]


class PreviewRequest(OnFirstUse):
    """The body of `POST /public/{projectKey}/schedules/preview`. Nothing is stored: name and job may be left out."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME), CARRIED] | None = None
    cron: Annotated[str, AfterValidator(_check_cron)] | None = None
    every: Annotated[StrictInt, Field(ge=MIN_EVERY, le=MAX_EVERY), WHOLE] | None = None
    at: _Time | None = None
    timezone: Annotated[str, AfterValidator(check_zone)] | None = None
    job: dict[str, Any] | None = None
    startAt: _Time | None = None  # noqa: N815
    endAt: _Time | None = None  # noqa: N815
    enabled: StrictBool | None = None
    gap: Literal["shift", "skip"] | None = None
    fold: Literal["first", "second", "both"] | None = None
    catchUp: Literal["last", "none", "all"] | None = None  # noqa: N815
    overlap: Literal["allow", "skip"] | None = None


class ScheduleRequest(PreviewRequest):
    """The body of `POST /public/{projectKey}/schedules`."""

    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME), CARRIED]
    job: dict[str, Any]


def parse_schedule(body: str, now: int, key: str | None) -> tuple[Spec, IdempotencyKey | None]:
    """Read a schedule that a caller wants made.

    Args:
        body: JSON text.
        now: the time, against which times are bounded.
        key: the header `Idempotency-Key`.

    Raises:
        InvalidRequest: the body is not JSON or not an object, or the key or fields are out of bounds or unknown; it
            names every one of them.
    """
    problems = []
    try:
        if key is not None:
            check_idempotency_key(key)
    except ValueError as error:
        problems.append(Problem("Idempotency-Key", str(error)))
    content = read_object(body)
    spec = _spec(ScheduleRequest, content, now, problems)
    return spec, _idempotency(key, spec, content)


def parse_requested(
    model: type[ScheduleRequest], detail: dict[str, Any], now: int
) -> tuple[Spec, IdempotencyKey | None]:
    """Read a schedule that an event asks for; `now` bounds its times.

    Raises:
        InvalidRequest: as for one that a caller wants made.
    """
    spec = _spec(model, detail, now, [])
    return spec, _idempotency(detail.get("idempotencyKey"), spec, detail)


def _idempotency(key: str | None, spec: Spec, content: Mapping[str, Any]) -> IdempotencyKey | None:
    if key is None:
        return None
    # anchors come from the clock, so a repeated body has another one
    told = as_body(spec) | {"startAt": content.get("startAt")}
    return IdempotencyKey(key, hashlib.sha256(dump(told).encode()).hexdigest())


def parse_preview(body: str, now: int) -> Rhythm:
    """Read a schedule that is only to be looked at; the job in it may be left out.

    Raises:
        InvalidRequest: as for one that is made.
    """
    return _spec(PreviewRequest, read_object(body), now, []).rhythm


def parse_change(body: str, now: int, credential: Credential) -> Callable[[Spec], Spec]:
    """Read what is to be changed: the fields that a body has; of `job` the fields that it has. `null` is the default.

    Returns:
        What makes the new setting of the old one. It raises `InvalidRequest` as above, and `ScopeMissing` if the
        credential may not have such jobs made.

    Raises:
        InvalidRequest: the body is not JSON or not an object.
    """
    content = read_object(body)

    def change(spec: Spec) -> Spec:
        told = as_body(spec)
        is_of_another_kind = any(content.get(name) is not None and told[name] is None for name in RHYTHMS)
        if is_of_another_kind:
            told |= dict.fromkeys((*RHYTHMS, *OF_THE_CLOCK))
        job = content.get("job")
        merged = {**told, **content}
        if isinstance(job, dict):
            merged["job"] = {**told["job"], **job}
        changed = _spec(ScheduleRequest, merged, now, [], given=content)
        access.require_for(credential, changed.job.action)
        rhythm, iteration = changed.rhythm, None
        if not content.keys() & OF_THE_RHYTHM:
            rhythm, iteration = spec.rhythm, spec.iteration
        elif rhythm.every and not {"every", "startAt"} & content.keys():
            rhythm = rhythm._replace(anchor=spec.rhythm.anchor)
        # a body of this API does not have these, and what it does not have stays
        job = changed.job._replace(run=spec.job.run)
        return changed._replace(rhythm=rhythm, iteration=iteration, job=job, comment=spec.comment)

    return change


def _spec(
    model: type[PreviewRequest],
    content: Mapping[str, Any],
    now: int,
    problems: list[Problem],
    given: Mapping[str, Any] | None = None,
) -> Spec:
    """Check a schedule; `given` are the fields whose times must lie ahead, because they are new.

    Raises:
        InvalidRequest: it names every field that is wrong.
    """
    given = content if given is None else given
    found = [*problems, *_together(content)]
    job = content.get("job")
    template = JobRequest(action="none")
    if isinstance(job, dict):
        is_told = [Problem("startAt", "does not exist here")] if "startAt" in job else []
        try:
            template = check_request(JobRequest, job, now, *is_told)
        except InvalidRequest as error:
            found += [Problem(f"job.{name}", reason) for name, reason in error.problems]
    request = validated(model, content, *found, now=now)
    late = [name for name in ("at", "endAt") if name in given and (getattr(request, name) or now + 1) <= now]
    if late:
        raise InvalidRequest(late[0], "must lie in the future")
    rhythm = _rhythm(request, now)
    if given is content and next(occurrences(rhythm, now), None) is None:
        raise InvalidRequest("endAt", "no occurrence lies before it")
    return Spec(
        name=request.name or "",
        rhythm=rhythm,
        job=new_job(template),
        enabled=request.enabled is not False,
        catch_up=CatchUp(request.catchUp or CatchUp.LAST),
        overlap=Overlap(request.overlap or Overlap.ALLOW),
    )


def _together(content: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with fields because of others."""
    rhythms = [name for name in RHYTHMS if content.get(name) is not None]
    if len(rhythms) != 1:
        return [Problem("cron", "one of cron, every and at must be given, and only one")]
    if rhythms == ["every"]:
        told = [name for name in OF_THE_CLOCK if content.get(name) is not None]
        return [Problem(name, "is for cron, because a period is the same in every zone") for name in told]
    return []


def _rhythm(request: PreviewRequest, now: int) -> Rhythm:
    begin = request.startAt
    if begin is None and request.every is not None:
        begin = -(-now // SECOND) * SECOND + request.every * SECOND
    return Rhythm(
        cron=request.cron or "",
        every=request.every or 0,
        at=request.at,
        anchor=(begin or 0) if request.every is not None else 0,
        start_at=request.startAt,
        end_at=request.endAt,
        timezone=request.timezone or "UTC",
        gap=Gap(request.gap or Gap.SHIFT),
        fold=Fold(request.fold or Fold.FIRST),
    )
