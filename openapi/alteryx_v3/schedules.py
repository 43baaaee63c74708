"""Schedules in Alteryx' v3: make, list, show, replace, change and remove them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs import errors
from jobs.dialects import alteryx_schedules
from jobs.dialects.alteryx_iterations import CONTRACTS, DAYS, Kind, rhythm_of
from jobs.dialects.alteryx_schedule_bodies import (
    CONTRACT_OF,
    OCCURRENCES,
    IterationRequest,
    ScheduleChangeRequest,
    ScheduleReplacement,
)
from jobs.dialects.alteryx_schedules import MAX_OFFSET
from jobs.dialects.alteryx_workflows import DEFAULT, FULL, VIEWS
from jobs.dialects.schedule_bodies import MAX_NAME
from jobs.model import DAY, SECOND, Run
from jobs.schedules.ports import MAX_SCHEDULES, Schedule, Spec, State
from jobs.schedules.rhythm import Rhythm
from jobs.workflows.running import PRIORITIES, RunRequest, new_run
from jobs.workflows.scheduling import MAX_LOOKED_AT, MAX_WINDOW, Seen

from openapi.alteryx_v3 import CUT, MOMENT, NO_MOMENT, REQUEST, cut
from openapi.answers import Reply, shown
from openapi.document import Operation, PathParameter
from openapi.examples import EXPORT, V3_CALL, WORKFLOW_ID
from openapi.schemas import (
    Fields,
    Node,
    body_of,
    field,
    integer,
    nullable,
    one_of,
    query,
    reference,
    request_of,
    strict,
)

if TYPE_CHECKING:
    from pydantic import BaseModel

_OWNER = "64a1f0c2b7d3e85a9c104f6e"
_ID = f"66ebd18d{0x3D620000:08x}5eed0001"
_CREATED_AT = 0x66EBD18D * SECOND + 589
ID = field("string", "The schedule's id.", pattern="^[0-9a-fA-F]{24}$")
PATH = {"scheduleId": PathParameter(ID, _ID, [errors.ScheduleNotFound()])}

_CONTRACT_TEXTS: dict[Kind, dict[str, str]] = {
    Kind.HOURLY: {
        "hours": "Hours from one run to the next. They and the minutes must not both be 0.",
        "minutes": "Minutes that are added to them.",
    },
    Kind.DAILY: {"runOnlyWorkWeek": "Whether it runs from Monday to Friday alone."},
    Kind.WEEKLY: {"daysOfWeek": "The days on which it runs."},
    Kind.MONTHLY: {
        "simpleDayOfMonth": "Whether it runs on the day `dayOfMonth`, and not on a day of the week.",
        "dayOfMonth": "The day. Months that do not have it are left out.",
        "occurrence": "Which of the days `dayOfWeek` of a month: 1 to 4, or -1 for the last one.",
        "dayOfWeek": "The day of the week.",
    },
    Kind.CUSTOM: {
        "daysOfMonth": "The days on which it runs. Months that do not have one are left out.",
        "months": "The months in which it runs: 1 is January.",
    },
    Kind.CRON: {"cronExpression": "Five fields as Debian's cron reads them."},
}
_BODY_TEXTS = {
    "workflowId": "The workflow that it runs.",
    "name": "What people call it.",
    "iteration": "When it runs.",
    "comment": "Text for people.",
    "timeZone": "The zone whose clocks the times of `iteration` mean, by its IANA name. Empty for UTC.",
    "ownerId": "The user who owns it and its jobs. Only administrators may change it.",
    "enabled": "Whether it runs.",
    "workerTag": "Which workers may take its jobs. That of the workflow if left out.",
    "credentialId": "The credential that the workflow runs with.",
    "questions": "Answers to the questions that the workflow asks.",
    "questions.name": "The name of the question.",
    "questions.value": "The answer.",
    "priority": f"How urgent its jobs are, in any case. `{PRIORITIES[0]}` if left out.",
}
_TIMES = {
    "iterationType": "How it repeats, in any case. Each type but `Once` has its contract.",
    "startTime": "When it first may run, in ISO 8601. It must lie in the future, at most ten years ahead. Seconds are "
    "dropped. `Z` counts as no offset, and the time is what the clocks of `timeZone` show.",
    "endTime": "No run is after this time. `Once` has none.",
}


def _contract_of(kind: Kind) -> Node:
    where = "openapi/alteryx_v3/schedules.py _CONTRACT_TEXTS"
    return request_of(CONTRACT_OF[kind], where, _CONTRACT_TEXTS[kind]) | {"description": f"For the type `{kind}`."}


_ITERATION = request_of(IterationRequest, "openapi/alteryx_v3/schedules.py _TIMES", _TIMES)
_ITERATION["properties"] |= {CONTRACTS[kind]: _contract_of(kind) for kind in CONTRACTS}
_ITERATION["required"] = ["iterationType", "startTime"]


def _request(model: type[BaseModel]) -> Node:
    made = request_of(model, "openapi/alteryx_v3/schedules.py _BODY_TEXTS", _BODY_TEXTS)
    made["properties"] |= {
        "iteration": reference("V3IterationRequest") | {"description": _BODY_TEXTS["iteration"]},
        "questions": REQUEST["properties"]["questions"],
    }
    return made


_REPLACEMENT, _CHANGE = _request(ScheduleReplacement), _request(ScheduleChangeRequest)
_NEW = {
    **_REPLACEMENT,
    "properties": {
        name: node for name, node in _REPLACEMENT["properties"].items() if name not in {"ownerId", "enabled"}
    },
}

_CLOCK = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:00Z?$"
_START = field("string", "When it first may run, as the clocks of the zone show it; `Z` in UTC.", pattern=_CLOCK)
_END = nullable(field("string", "No run is after this time. Null for no end.", pattern=_CLOCK))
_NO_START = nullable(_START | {"description": "The same; null if a schedule of the public API has no start."})
_DAY = one_of(*DAYS)
_DAYS_OF_MONTH = field("array", "The days.", items=integer(1, 31), minItems=1)
_SIMPLE = field("boolean", "Whether it runs on a day by its number.")
_SHOWN_CONTRACTS: dict[Kind, list[Node]] = {
    Kind.HOURLY: [
        strict(
            hours=field("integer", "Hours from one run to the next.", minimum=0),
            minutes=integer(0, 59, description="Minutes that are added to them."),
        )
    ],
    Kind.DAILY: [strict(runOnlyWorkWeek=field("boolean", _CONTRACT_TEXTS[Kind.DAILY]["runOnlyWorkWeek"]))],
    Kind.WEEKLY: [strict(daysOfWeek=field("array", "The days on which it runs.", items=_DAY, minItems=1))],
    Kind.MONTHLY: [
        strict(simpleDayOfMonth=_SIMPLE, dayOfMonth=integer(1, 31, description="The day.")),
        strict(
            simpleDayOfMonth=_SIMPLE,
            occurrence=field("integer", "Which such day of the month; -1 is the last one.", enum=list(OCCURRENCES)),
            dayOfWeek=_DAY | {"description": "The day of the week."},
        ),
    ],
    Kind.CUSTOM: [
        strict(
            daysOfMonth=_DAYS_OF_MONTH,
            months=field("array", "The months: 1 is January.", items=integer(1, 12), minItems=1),
        )
    ],
    Kind.CRON: [strict(cronExpression=field("string", "The cron expression."))],
}


def _shown_iteration(kind: Kind, contract: Node | None) -> Node:
    start = _NO_START if kind is Kind.CRON else _START
    told = {} if contract is None else {CONTRACTS[kind]: contract | {"description": "How it repeats."}}
    named = one_of(kind, description="How it repeats.")
    return strict(iterationType=named, startTime=start, endTime=_END, **told)


_SHOWN_ITERATIONS = [_shown_iteration(Kind.ONCE, None)]
_SHOWN_ITERATIONS += [_shown_iteration(kind, one) for kind, forms in _SHOWN_CONTRACTS.items() for one in forms]

_WEEKLY: dict[str, Any] = {
    "iterationType": "Weekly",
    "startTime": "2024-09-23T08:30:00",
    "endTime": None,
    "weeklyContract": {"daysOfWeek": ["Monday", "Friday"]},
}
_ASKED = {
    "workflowId": WORKFLOW_ID,
    "name": "Sales",
    "iteration": {**_WEEKLY, "startTime": "2035-01-01T08:30:00"},
    "timeZone": "Europe/Berlin",
    "priority": "High",
    "questions": [{"name": "region", "value": "EMEA"}],
}
_ONCE = {**_ASKED, "iteration": {"iterationType": "Once", "startTime": "2035-01-01T08:30:00"}}


def _spec() -> Spec:
    rhythm = rhythm_of(_WEEKLY, "Europe/Berlin")
    answers = {"questions": _ASKED["questions"], "priority": "High"}
    job = new_run(WORKFLOW_ID, RunRequest(priority="High", params=answers), _OWNER)
    return Spec(name="Sales", rhythm=rhythm, job=job, comment="For the meeting", iteration=_WEEKLY)


_EXAMPLE = Schedule(
    project_id=0x3D620000,
    schedule_id=_ID,
    spec=_spec(),
    created_at=_CREATED_AT,
    state=State(next_at=1727073000000),
)
#: One that the public API made.
_PUBLIC = _EXAMPLE._replace(
    spec=Spec(
        name="Poll",
        rhythm=Rhythm(cron="*/10 * * * *"),
        job=_EXAMPLE.spec.job._replace(action=EXPORT.action, params={}, run=Run()),
    ),
)
_SHOWN, _OF_PUBLIC = alteryx_schedules.render(_EXAMPLE), alteryx_schedules.render(_PUBLIC)
_SEEN = [Seen(0, _EXAMPLE, _EXAMPLE.state.next_at)]
_REDUCED, _FULL = (alteryx_schedules.render_list(_SEEN, V3_CALL, full=full) for full in (False, True))

_UNKNOWN = "Always empty."
_MOMENT = field("string", "", format="date-time")
_FIELDS = Fields(
    "openapi/alteryx_v3/schedules.py _FIELDS",
    {
        "id": ID,
        "name": field("string", "What people call it.", maxLength=MAX_NAME),
        "workflowId": field("string", "The workflow that it runs. The action, if the public API made it."),
        "versionId": field("string", "Always empty: the service keeps no versions of workflows."),
        "ownerId": field("string", "The id of the user who owns it. Empty if the public API made it."),
        "runDateTime": nullable(
            _MOMENT | {"description": "The next run, or the first one in the window of a list. Null if there is none."}
        ),
        "comment": field("string", "Text for people."),
        "enabled": field("boolean", "Whether it runs."),
        "priority": one_of(*PRIORITIES, description="How urgent its jobs are."),
        "workerTag": field("string", "Which workers may take its jobs. Empty for any."),
        "status": field("string", _UNKNOWN),
        "credentialId": field("string", "The credential that the workflow runs with. Empty for none."),
        "creationTime": _MOMENT | {"description": "When it was made."},
        "lastRunTime": nullable(_MOMENT | {"description": "The last run. Null before the first."}),
        "state": one_of("Active", "Completed", "Disabled", description="Whether it runs, has no run left, or is off."),
        "runCount": field("integer", "How often it ran.", minimum=0),
        "iteration": reference("V3Iteration") | {"description": "When it runs."},
        "frequency": one_of(*Kind, description="The type of the iteration."),
        "lastError": field("string", _UNKNOWN),
        "cpuName": field("string", _UNKNOWN),
        "lastModifiedId": field("string", _UNKNOWN),
        "lastModifiedDate": _MOMENT | {"description": "When a caller last changed it, or made it."},
        "canEdit": field("boolean", "Always true: who sees it may change it.", enum=[True]),
        "timeZone": field("string", "The zone of the times of `iteration`."),
        "questions": field(
            "array",
            "Answers to the questions that the workflow asks.",
            items=strict(name=field("string", "The question."), value=nullable(field("string", "The answer."))),
        ),
    },
)

SCHEMAS = {
    "V3ScheduleRequest": _NEW,
    "V3ScheduleReplacement": _REPLACEMENT,
    "V3ScheduleChange": _CHANGE,
    "V3IterationRequest": _ITERATION,
    "V3Iteration": {"oneOf": _SHOWN_ITERATIONS},
    "V3Schedule": _FIELDS.object_of("V3Schedule", shown(_SHOWN)),
    "V3ReducedSchedule": _FIELDS.object_of("V3ReducedSchedule", shown(_REDUCED)[0]),
    "V3Schedules": {
        "type": "array",
        "items": {"oneOf": [reference("V3ReducedSchedule"), reference("V3Schedule")]},
        "maxItems": MAX_LOOKED_AT,
    },
    "V3Removed": {"type": "object", "additionalProperties": False},
}

_PAST = errors.InvalidRequest("iteration.startTime", "must lie in the future")
_READ_ONLY = errors.InvalidRequest("iteration", "is read-only, because the public API set it")

OPERATIONS = (
    Operation(
        route="POST /webapi/v3/schedules",
        name="createScheduleV3",
        summary="Create a schedule",
        text="For administrators. The schedule belongs to the caller, stands in the client's project, and each of its "
        f"runs makes exactly one job of the workflow. A project has at most {MAX_SCHEDULES} schedules. A field that is "
        "null or empty counts as left out, and one that is unknown is ignored.",
        body=body_of(
            reference("V3ScheduleRequest"),
            weekly=("On Mondays and Fridays, by the clocks of Berlin.", _ASKED),
            once=("Once.", _ONCE),
        ),
        replies=[Reply("schedule", "The schedule.", _SHOWN, "V3Schedule")],
        refused=[_PAST, errors.RunNotPermitted(), errors.TooManySchedules(MAX_SCHEDULES)],
    ),
    Operation(
        route="GET /webapi/v3/schedules",
        name="listSchedulesV3",
        summary="List schedules",
        text="Lists the schedules of the organisation that the caller sees: administrators see all, others their own. "
        f"A call looks at {MAX_LOOKED_AT} of them.",
        parameters=[
            query("view", "Reduced objects or whole ones, in any case.", **one_of(*VIEWS, default=DEFAULT)),
            query("ownerId", "Only schedules of this user.", type="string"),
            query("workflowId", "Only schedules that run this workflow, or make jobs of this action.", type="string"),
            query("runsAfter", "Only schedules that run after this day or time.", **MOMENT),
            query(
                "runsBefore",
                f"Only schedules that run before this day or time, at most {MAX_WINDOW // DAY} days after `runsAfter`.",
                **MOMENT,
            ),
            query("offset", "How many schedules not to look at. `Link` sets it.", **integer(0, MAX_OFFSET, default=0)),
        ],
        replies=[
            Reply("reduced", "The schedules.", _REDUCED, "V3Schedules"),
            Reply("full", "The whole schedules.", _FULL, "V3Schedules"),
            Reply("cut", CUT, cut(_FULL, view=FULL, offset="1000"), "V3Schedules"),
        ],
        refused=[errors.InvalidRequest("runsAfter", NO_MOMENT)],
    ),
    Operation(
        route="GET /webapi/v3/schedules/{scheduleId}",
        name="getScheduleV3",
        summary="Get a schedule",
        replies=[
            Reply("schedule", "The schedule.", _SHOWN, "V3Schedule"),
            Reply("public", "A schedule that the public API made.", _OF_PUBLIC, "V3Schedule"),
        ],
    ),
    Operation(
        route="PUT /webapi/v3/schedules/{scheduleId}",
        name="replaceScheduleV3",
        summary="Replace a schedule",
        text="Sets everything: what the body leaves out gets its default, but for the owner, who stays. A start that "
        "is not changed may be past. When a schedule of the public API runs, and what, cannot be changed here.",
        body=body_of(
            reference("V3ScheduleReplacement"), weekly=("Everything, and paused.", {**_ASKED, "enabled": False})
        ),
        replies=[Reply("schedule", "The schedule as it is then.", _SHOWN, "V3Schedule")],
        refused=[_PAST, _READ_ONLY, errors.RunNotPermitted()],
    ),
    Operation(
        route="PATCH /webapi/v3/schedules/{scheduleId}",
        name="changeScheduleV3",
        summary="Change a schedule",
        text="Changes the fields that the body has; `iteration` as a whole. The next run is the first one from now on.",
        body=body_of(reference("V3ScheduleChange"), pause=("Pause it.", {"enabled": False})),
        replies=[Reply("schedule", "The schedule as it is then.", _SHOWN, "V3Schedule")],
        refused=[_PAST, _READ_ONLY, errors.RunNotPermitted()],
    ),
    Operation(
        route="DELETE /webapi/v3/schedules/{scheduleId}",
        name="deleteScheduleV3",
        summary="Delete a schedule",
        text="It runs no more. Jobs that it made stay.",
        replies=[Reply("removed", "It is gone.", alteryx_schedules.render_removed(), "V3Removed")],
    ),
)
