"""Bodies that come from outside, validated by pydantic. Only functions that write import this (decision 0004)."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictInt

from jobs.dialects.json_text import read_object, whole
from jobs.dialects.validation import CARRIED, WHOLE, OnFirstUse, carried, parse_object, validated
from jobs.errors import InvalidRequest, Problem
from jobs.model import (
    ACTION,
    ACTION_IN_WORDS,
    DEFAULT_MAX_ATTEMPTS,
    DEFAULT_TIMEOUT_SECONDS,
    DELETE_USER_DATA,
    DELETION_MAX_ATTEMPTS,
    DELETION_TIMEOUT_SECONDS,
    MAX_ATTEMPTS,
    MAX_REFERENCE_ID,
    MAX_START_DELAY,
    NO_RUN,
    SECOND,
    NewJob,
    Run,
)
from jobs.workflows.running import PRIORITIES, RunRequest

if TYPE_CHECKING:
    from pydantic import ValidationInfo

#: What a request may hold. These limits are the service's own, because no API document gives any.
MAX_PARAMS_BYTES = 32 * 1024
MAX_PARAMS_DEPTH = 16
MAX_TIMEOUT_SECONDS = 31_536_000
MAX_IDEMPOTENCY_KEY = 255
#: Any past time means now. Below this, a number is out of bounds and not a time that a client could mean.
MIN_START = -(2**53)

#: Numbers of this range are seconds of the years 2001 to 5138. As milliseconds they are past, and would start a job.
SECONDS = range(10**9, 10**11)
_HUNDRED = "(0[48]|[2468][048]|[13579][26])"  # multiples of four, without zero
_DATE = (
    f"([0-9]{{2}}{_HUNDRED}|{_HUNDRED}00)-02-29|"
    "(?!0000)[0-9]{4}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)"
)
_CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9]"
#: A time in ISO 8601 with an offset, as a regular expression. Every text that matches is a time that exists, so the
#: OpenAPI document can say what is taken.
TIME = f"({_DATE})T{_CLOCK}(:[0-5][0-9]([.][0-9]{{1,6}})?)?(Z|[+-]{_CLOCK})"


def read_time(value: object) -> object:
    """Read a time in one of its two forms: milliseconds, or ISO 8601 with an offset.

    Raises:
        ValueError: it has another form, or looks like seconds.
    """
    if isinstance(value, str):
        if not re.fullmatch(TIME, value):
            raise ValueError("must be milliseconds, or ISO 8601 with an offset or Z")
        return round(datetime.fromisoformat(value).timestamp() * SECOND)
    value = whole(value)
    if isinstance(value, int) and value in SECONDS:
        raise ValueError("looks like seconds; milliseconds are wanted")
    return value


def _check_start(start_at: int, about: ValidationInfo) -> int:
    """Check a time against now, which the context has.

    Raises:
        ValueError: it lies too far ahead.
    """
    if start_at > cast("int", about.context) + MAX_START_DELAY:
        raise ValueError("must be at most 1 year ahead")
    return start_at


def _check_params(params: dict[str, Any]) -> dict[str, Any]:
    """Check what the worker is to get.

    Raises:
        ValueError: it is too large or too deep, or holds text that no queue carries.
    """
    if _depth(params) > MAX_PARAMS_DEPTH:
        raise ValueError(f"must be at most {MAX_PARAMS_DEPTH} levels deep")
    if len(carried(_canonical(params)).encode()) > MAX_PARAMS_BYTES:
        raise ValueError(f"must be at most {MAX_PARAMS_BYTES} bytes of JSON")
    return params


#: When a job is to start.
_StartAt = Annotated[StrictInt, Field(ge=MIN_START), BeforeValidator(read_time), AfterValidator(_check_start)]


class JobRequest(BaseModel):
    """The body of `POST /public/{projectKey}/jobs`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    action: Annotated[str, Field(pattern=rf"^{ACTION}\z", description=ACTION_IN_WORDS)]
    # many clients send null for a field that they leave out
    description: Annotated[str, Field(max_length=1024), CARRIED] | None = None
    referenceId: Annotated[str, Field(max_length=MAX_REFERENCE_ID), CARRIED] | None = None  # noqa: N815  # the field's name in the API
    startAt: _StartAt | None = None  # noqa: N815
    params: Annotated[dict[str, Any], AfterValidator(_check_params)] | None = None
    maxAttempts: Annotated[StrictInt, Field(ge=1, le=MAX_ATTEMPTS), WHOLE] | None = None  # noqa: N815
    timeoutSeconds: Annotated[StrictInt, Field(ge=1, le=MAX_TIMEOUT_SECONDS), WHOLE] | None = None  # noqa: N815


class MoveRequest(OnFirstUse):
    """The body of `PATCH /public/{projectKey}/jobs/{jobId}`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    startAt: _StartAt  # noqa: N815


Request = TypeVar("Request", bound=JobRequest)


def any_case(value: object) -> object:
    """Spell the name of a priority as Alteryx does, whatever its case; leave anything else as it is."""
    return _PRIORITIES.get(value.lower(), value) if isinstance(value, str) else value


def _read_questions(value: object) -> object:
    """Turn an object of names and values into the documented list; leave anything else as it is."""
    return [{"name": name, "value": answer} for name, answer in value.items()] if isinstance(value, dict) else value


_PRIORITIES = {name.lower(): name for name in PRIORITIES}


class _Answer(OnFirstUse):
    """An answer to a question that a workflow asks."""

    model_config = ConfigDict(strict=True)

    name: Annotated[str, Field(max_length=256)]
    value: str | None = None


class WorkflowRunRequest(OnFirstUse):
    """The body of `POST /webapi/v3/workflows/{workflowId}/jobs`, as lenient as Alteryx is.

    Unknown fields are ignored. Clients send `""` for what they leave out.
    """

    model_config = ConfigDict(strict=True)

    workerTag: Annotated[str, Field(max_length=256)] | None = None  # noqa: N815
    credentialId: Annotated[str, Field(max_length=256)] | None = None  # noqa: N815
    questions: Annotated[list[_Answer], Field(max_length=100), BeforeValidator(_read_questions)] | None = None
    priority: (
        Annotated[Literal["Default", "Low", "Medium", "High", "Critical", ""], BeforeValidator(any_case)] | None
    ) = None


#: The fields that say how a workflow is run. Its worker finds them in the parameters.
OF_A_RUN = frozenset(WorkflowRunRequest.model_fields)


def parse_run(body: str) -> RunRequest:
    """Read how a workflow is to be run. An empty body asks for nothing special.

    Raises:
        InvalidRequest: the body is not JSON or not an object, or a field is out of bounds; it names which.
    """
    request = validated(WorkflowRunRequest, parse_object(body or "{}"))
    # The worker gets all of it as parameters, because events show only those and the ten fields.
    params = {name: value for name, value in request.model_dump().items() if value}
    check_params(params)
    return RunRequest(request.priority or "", request.workerTag or "", params)


def check_params(params: dict[str, Any]) -> None:
    """Check what a worker is to get of a run.

    Raises:
        InvalidRequest: it is too large or too deep.
    """
    try:
        _check_params(params)
    except ValueError as error:
        raise InvalidRequest("params", str(error)) from None


def parse_job(body: str, now: int, idempotency_key: str | None = None) -> tuple[NewJob, str]:
    """Read what a caller wants created.

    Args:
        body: JSON text.
        now: the time, against which `startAt` is bounded.
        idempotency_key: the header `Idempotency-Key`, which is checked with the body.

    Returns:
        The job, and the digest of the validated body. Bodies that ask for the same have the same digest.

    Raises:
        InvalidRequest: the body is not JSON or not an object, or the key or fields are out of bounds or unknown; it
            names every one of them.
    """
    problems = []
    try:
        if idempotency_key is not None:
            check_idempotency_key(idempotency_key)
    except ValueError as error:
        problems.append(Problem("Idempotency-Key", str(error)))
    new = new_job(check_request(JobRequest, read_object(body), now, *problems))
    return new, digest_of(new)


def parse_move(body: str, now: int) -> int:
    """Read when a job is to start instead; `now` bounds it.

    Raises:
        InvalidRequest: the body is not JSON or not an object, or a field is out of bounds or unknown.
    """
    return validated(MoveRequest, read_object(body), now=now).startAt


def check_request(model: type[Request], content: dict[str, Any], now: int, *problems: Problem) -> Request:
    """Check a request for a job: each field, and what they must be together. `problems` were found before.

    Raises:
        InvalidRequest: a field is out of bounds or unknown; it names every one of them.
    """
    found = list(problems)
    user = content.get("referenceId")
    nameless = user is None or (isinstance(user, str) and not user.strip())
    if content.get("action") == DELETE_USER_DATA and nameless:
        found.append(Problem("referenceId", f"must be the user's id for {DELETE_USER_DATA}"))
    return validated(model, content, *found, now=now)


def new_job(request: JobRequest, run: Run = NO_RUN) -> NewJob:
    """Fill in what a request leaves open."""
    is_deletion = request.action == DELETE_USER_DATA
    return NewJob(
        action=request.action,
        start_at=request.startAt,
        description=request.description or "",
        reference_id=request.referenceId or "",
        params=request.params or {},
        max_attempts=request.maxAttempts or (DELETION_MAX_ATTEMPTS if is_deletion else DEFAULT_MAX_ATTEMPTS),
        timeout_seconds=request.timeoutSeconds
        or (DELETION_TIMEOUT_SECONDS if is_deletion else DEFAULT_TIMEOUT_SECONDS),
        run=run,
    )


def check_idempotency_key(key: str) -> str:
    """Check an idempotency key, for pydantic.

    Raises:
        ValueError: it is empty, too long or not printable ASCII.
    """
    if not 1 <= len(key) <= MAX_IDEMPOTENCY_KEY or not (key.isascii() and key.isprintable()):
        raise ValueError(f"must be 1 to {MAX_IDEMPOTENCY_KEY} printable ASCII characters")
    return key


def _depth(value: object) -> int:
    """How deep objects and arrays are nested, level by level rather than by recursion."""
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        level = [inner for outer in level for inner in (outer.values() if isinstance(outer, dict) else outer)]
    return depth


def _canonical(content: object) -> str:
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False, sort_keys=True)


def digest_of(new: NewJob) -> str:
    """The digest of what a caller asked for. It does not depend on how the body was written.

    Defaults are left out. So a new optional field does not change the digest of a body that does not have it.
    """
    asked = {name: told for name, told in new._asdict().items() if told != new._field_defaults.get(name)}
    return hashlib.sha256(_canonical(asked).encode()).hexdigest()
