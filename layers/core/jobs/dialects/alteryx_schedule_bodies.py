"""The bodies that set schedules in Alteryx' v3, validated by pydantic, as leniently as its other bodies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt

from jobs.dialects import alteryx_iterations as iterations
from jobs.dialects.alteryx_iterations import CONTRACTS, DAYS, UTC, Kind
from jobs.dialects.alteryx_schedules import told
from jobs.dialects.bodies import OF_A_RUN, WorkflowRunRequest, check_params
from jobs.dialects.json_text import whole
from jobs.dialects.schedule_bodies import MAX_EVERY, MAX_NAME, check_zone
from jobs.dialects.validation import OnFirstUse, parse_object, validated
from jobs.errors import InvalidRequest, Problem
from jobs.schedules.ports import MAX_AHEAD, Spec
from jobs.schedules.rhythm import MAX_CRON, occurrences
from jobs.workflows.running import MAX_WORKFLOW_ID, PRIORITIES, RunRequest, described, new_run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from collections.abc import Set as AbstractSet

    from jobs.dialects.alteryx_iterations import Iteration
    from jobs.model import NewJob
    from jobs.schedules.rhythm import Rhythm

MAX_COMMENT = 1_024
MAX_OWNER = 256
#: The longest period of an hourly iteration.
MAX_HOURS = MAX_EVERY // 3_600
#: Which such day of a month; -1 is the last one.
OCCURRENCES = (1, 2, 3, 4, iterations.LAST)
_DIGITS = re.compile("-?[0-9]{1,9}")


def _number(value: object) -> object:
    """A number, also as text, which is how the documentation shows it; anything else stays as it is."""
    return int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else whole(value)


def _in_any_case(*words: str) -> BeforeValidator:
    """Spell a word as Alteryx does, whatever its case; leave anything else as it is."""
    spelled = {word.lower(): word for word in words}
    return BeforeValidator(lambda value: spelled.get(value.lower(), value) if isinstance(value, str) else value)


def _check_occurrence(nth: int) -> int:
    if nth not in OCCURRENCES:
        raise ValueError(f"must be one of {', '.join(map(str, OCCURRENCES))}")
    return nth


_NUMBER = BeforeValidator(_number)
#: The order and the repeats of a list mean nothing.
_SET = AfterValidator(lambda numbers: sorted(set(numbers)))
_Day = Annotated[
    Literal["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"], _in_any_case(*DAYS)
]
_DayOfMonth = Annotated[StrictInt, Field(ge=1, le=31), _NUMBER]


class HourlyContract(OnFirstUse):
    """How long it is from one run to the next."""

    hours: Annotated[StrictInt, Field(ge=0, le=MAX_HOURS), _NUMBER] = 0
    minutes: Annotated[StrictInt, Field(ge=0, le=59), _NUMBER] = 0


class DailyContract(OnFirstUse):
    """Whether it runs from Monday to Friday alone."""

    runOnlyWorkWeek: StrictBool = False  # noqa: N815  # the fields' names in the API, here and below


class WeeklyContract(OnFirstUse):
    """On which days of the week it runs."""

    daysOfWeek: Annotated[  # noqa: N815
        list[_Day], Field(min_length=1), AfterValidator(lambda days: sorted(set(days), key=[*DAYS].index))
    ]


class MonthlyContract(OnFirstUse):
    """On which day of a month it runs: the one of a number, or a day of the week by its place in the month."""

    simpleDayOfMonth: StrictBool = False  # noqa: N815
    dayOfMonth: _DayOfMonth | None = None  # noqa: N815
    occurrence: Annotated[StrictInt, AfterValidator(_check_occurrence), _NUMBER] | None = None
    dayOfWeek: _Day | None = None  # noqa: N815


class CustomContract(OnFirstUse):
    """On what days it runs, and in what months."""

    daysOfMonth: Annotated[list[_DayOfMonth], Field(min_length=1), _SET]  # noqa: N815
    months: Annotated[list[Annotated[StrictInt, Field(ge=1, le=12), _NUMBER]], Field(min_length=1), _SET]


class CronContract(OnFirstUse):
    """A cron expression of five fields."""

    cronExpression: Annotated[str, Field(max_length=MAX_CRON)]  # noqa: N815


#: The contract of each type of iteration that has one.
CONTRACT_OF: Mapping[Kind, type[BaseModel]] = {
    Kind.HOURLY: HourlyContract,
    Kind.DAILY: DailyContract,
    Kind.WEEKLY: WeeklyContract,
    Kind.MONTHLY: MonthlyContract,
    Kind.CUSTOM: CustomContract,
    Kind.CRON: CronContract,
}


class IterationRequest(OnFirstUse):
    """When a schedule runs, without its contract."""

    iterationType: Annotated[  # noqa: N815
        Literal["Once", "Hourly", "Daily", "Weekly", "Monthly", "Custom", "Cron"], _in_any_case(*Kind)
    ]
    # a schedule of the public API may have none, and a client that replaces it sends back what it saw
    startTime: str | None = None  # noqa: N815
    endTime: str | None = None  # noqa: N815


class ScheduleChangeRequest(WorkflowRunRequest):
    """The body of `PATCH /webapi/v3/schedules/{scheduleId}`. What is null counts as left out."""

    model_config = ConfigDict(strict=True)

    workflowId: Annotated[str, Field(min_length=1, max_length=MAX_WORKFLOW_ID)] | None = None  # noqa: N815
    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME)] | None = None
    iteration: dict[str, Any] | None = None
    comment: Annotated[str, Field(max_length=MAX_COMMENT)] | None = None
    timeZone: Annotated[str, AfterValidator(lambda name: name and check_zone(name))] | None = None  # noqa: N815
    ownerId: Annotated[str, Field(max_length=MAX_OWNER)] | None = None  # noqa: N815
    enabled: StrictBool | None = None


class ScheduleReplacement(ScheduleChangeRequest):
    """The body of `PUT /webapi/v3/schedules/{scheduleId}`."""

    workflowId: Annotated[str, Field(min_length=1, max_length=MAX_WORKFLOW_ID)]  # noqa: N815
    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
    iteration: dict[str, Any]


#: What a body holds that leaves it out. An owner stays: no schedule may lose it by an omission.
_DEFAULTS: Mapping[str, Any] = {
    "comment": "",
    "enabled": True,
    "timeZone": UTC,
    "priority": PRIORITIES[0],
    "workerTag": "",
    "credentialId": "",
    "questions": [],
}
#: What sets when a schedule of the public API runs, and what.
_READ_ONLY = ("iteration", "timeZone", "workflowId")


def parse_schedule(body: str, now: int) -> Spec:
    """Read a schedule that is to be made. Nobody owns it yet.

    Args:
        body: JSON text.
        now: the time, against which times are bounded.

    Raises:
        InvalidRequest: the body is not JSON or not an object, or fields are missing or out of bounds; it names which.
    """
    content = {name: value for name, value in parse_object(body).items() if name not in {"enabled", "ownerId"}}
    wanted = {**_DEFAULTS, "ownerId": "", **_given(ScheduleReplacement, content)}
    wanted["iteration"] = _normal(wanted["iteration"], wanted["timeZone"])
    told = {name for name in OF_A_RUN if wanted[name] != _DEFAULTS[name]}
    new = Spec(
        name=wanted["name"],
        rhythm=_rhythm(wanted, None, now),
        job=_job(new_run(wanted["workflowId"], RunRequest(), ""), wanted, told),
        comment=wanted["comment"],
        iteration=wanted["iteration"],
    )
    _check_runs(new, now)
    return new


def parse_change(body: str, now: int, *, replaces: bool) -> Callable[[Spec], Spec]:
    """Read what is to be changed of a schedule: what the body names, or everything if it replaces the schedule.

    Args:
        body: JSON text.
        now: the time, against which times are bounded.
        replaces: whether what the body leaves out gets its default.

    Returns:
        What makes the new setting of the old one. It raises `InvalidRequest` if what it makes is out of bounds, or if
        it changes when a schedule of the public API runs, or what.

    Raises:
        InvalidRequest: the body is not JSON or not an object, or fields are missing or out of bounds; it names which.
    """
    given = _given(ScheduleReplacement if replaces else ScheduleChangeRequest, parse_object(body))

    def change(spec: Spec) -> Spec:
        before = told(spec)
        wanted = {**before, **(_DEFAULTS if replaces else {}), **given}
        if "iteration" in given:
            wanted["iteration"] = _normal(given["iteration"], wanted["timeZone"])
        new = {name for name, value in wanted.items() if value != before[name]}
        kept = [Problem(name, "is read-only, because the public API set it") for name in _READ_ONLY if name in new]
        if kept and not spec.job.run.workflow_id:
            raise InvalidRequest(*kept[0], *kept[1:])
        changed = spec._replace(
            name=wanted["name"],
            comment=wanted["comment"],
            enabled=wanted["enabled"],
            job=_job(spec.job, wanted, new),
        )
        if not new & {"iteration", "timeZone"}:
            return changed
        changed = changed._replace(rhythm=_rhythm(wanted, before, now), iteration=wanted["iteration"])
        _check_runs(changed, now)
        return changed

    return change


def _given(model: type[ScheduleChangeRequest], content: Mapping[str, Any]) -> dict[str, Any]:
    """Check a body, and return what it names.

    Raises:
        InvalidRequest: it names every field that is wrong.
    """
    found = []
    iteration = content.get("iteration")
    if isinstance(iteration, dict):
        try:
            iteration = _checked_iteration(iteration)
        except InvalidRequest as error:
            found = [Problem(f"iteration.{name}", reason) for name, reason in error.problems]
    workflow_id = content.get("workflowId")
    if isinstance(workflow_id, str) and not workflow_id.strip():
        found.append(Problem("workflowId", "must not be blank"))
    request = validated(model, {**content, "iteration": iteration} if iteration is not None else content, *found)
    given = {name: value for name, value in request.model_dump(exclude_unset=True).items() if value is not None}
    for name, default in (("timeZone", UTC), ("priority", PRIORITIES[0])):
        if name in given:
            given[name] = given[name] or default
    if not given.get("ownerId"):
        given.pop("ownerId", None)
    return given


def _checked_iteration(iteration: Mapping[str, Any]) -> dict[str, Any]:
    """Check the fields of an iteration, and leave out the contracts of other types.

    Raises:
        InvalidRequest: it names every field that is wrong.
    """
    checked = validated(IterationRequest, iteration).model_dump()
    kind = Kind(checked["iterationType"])
    if kind is Kind.ONCE:
        return {**checked, "endTime": None}
    name = CONTRACTS[kind]
    contract = iteration.get(name)
    if contract is None and kind is Kind.DAILY:
        contract = {}
    if not isinstance(contract, dict):
        raise InvalidRequest(name, "is missing" if contract is None else "must be a JSON object")
    try:
        told = validated(CONTRACT_OF[kind], contract).model_dump()
    except InvalidRequest as error:
        problems = [Problem(f"{name}.{field}", reason) for field, reason in error.problems]
        raise InvalidRequest(*problems[0], *problems[1:]) from None
    return {**checked, name: _of_one_form(told) if kind is Kind.MONTHLY else told}


def _of_one_form(contract: Mapping[str, Any]) -> dict[str, Any]:
    """A monthly contract without the fields of its other form.

    Raises:
        InvalidRequest: it lacks a field of its form.
    """
    wanted = ("dayOfMonth",) if contract["simpleDayOfMonth"] else ("occurrence", "dayOfWeek")
    missing = [Problem(f"{CONTRACTS[Kind.MONTHLY]}.{name}", "is missing") for name in wanted if contract[name] is None]
    if missing:
        raise InvalidRequest(*missing[0], *missing[1:])
    return {name: contract[name] for name in ("simpleDayOfMonth", *wanted)}


def _normal(iteration: Mapping[str, Any], time_zone: str) -> Iteration:
    """An iteration in its normal form, whose times depend on the zone.

    Raises:
        InvalidRequest: a time is malformed.
    """
    times: dict[str, str | None] = {}
    problems = []
    for name in ("startTime", "endTime"):
        try:
            times[name] = iterations.read_time(iteration[name], time_zone) if iteration[name] else None
        except ValueError as error:
            problems.append(Problem(f"iteration.{name}", str(error)))
    if problems:
        raise InvalidRequest(*problems[0], *problems[1:])
    return {**iteration, **times}


def _rhythm(wanted: Mapping[str, Any], before: Mapping[str, Any] | None, now: int) -> Rhythm:
    """The rhythm that is wanted. A time that was not there before must lie ahead.

    Raises:
        InvalidRequest: a time does not, or lies too far ahead, or the period is too long, or the iteration fits no day.
    """
    iteration, zone = wanted["iteration"], wanted["timeZone"]
    if iteration["startTime"] is None:
        raise InvalidRequest("iteration.startTime", "is missing")
    for name in ("startTime", "endTime"):
        time = iteration[name]
        if time is None:
            continue
        at = iterations.instant_of(time, zone)
        is_new = before is None or time != before["iteration"][name]
        if is_new and at <= now:
            raise InvalidRequest(f"iteration.{name}", "must lie in the future")
        if at > now + MAX_AHEAD:
            raise InvalidRequest(f"iteration.{name}", "must be at most 10 years ahead")
    rhythm = iterations.rhythm_of(iteration, zone)
    if rhythm.every > MAX_EVERY:
        raise InvalidRequest(f"iteration.{CONTRACTS[Kind.HOURLY]}", f"must be at most {MAX_HOURS} hours")
    return rhythm


def _check_runs(spec: Spec, now: int) -> None:
    if next(occurrences(spec.rhythm, now), None) is None:
        raise InvalidRequest("iteration", "no run is left")


def _job(job: NewJob, wanted: Mapping[str, Any], new: AbstractSet[str]) -> NewJob:
    """The job with what is new of it. What a worker is told of a run stands in the parameters.

    Raises:
        InvalidRequest: the parameters are too large.
    """
    run = job.run._replace(owner_id=wanted["ownerId"])
    if "workflowId" in new:
        workflow_id = wanted["workflowId"]
        run = run._replace(workflow_id=workflow_id)
        job = job._replace(reference_id=workflow_id, description=described(workflow_id))
    told = new & OF_A_RUN
    if told:
        answers = {name: wanted[name] for name in told if wanted[name] != _DEFAULTS[name]}
        params = {name: value for name, value in job.params.items() if name not in told} | answers
        check_params(params)
        job = job._replace(params=params)
        # each by itself: the parameters of the public API may use the same names for something else
        run = run._replace(
            priority=answers.get("priority", "") if "priority" in told else run.priority,
            worker_tag=answers.get("workerTag", "") if "workerTag" in told else run.worker_tag,
        )
    return job._replace(run=run)
