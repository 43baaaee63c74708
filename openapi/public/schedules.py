"""Schedules in the public API: make, list, show, change and remove them, run one out of turn, and look ahead."""

from __future__ import annotations

from jobs import errors
from jobs.dialects import schedules
from jobs.dialects.bodies import MAX_IDEMPOTENCY_KEY
from jobs.dialects.public import MAX_LIMIT
from jobs.dialects.registry import PUBLIC
from jobs.dialects.schedule_bodies import MAX_EVERY, MAX_NAME, MIN_EVERY, PreviewRequest, ScheduleRequest
from jobs.lifecycle.creation import Creation
from jobs.model import NewJob, Occasion
from jobs.schedules.ports import MAX_SCHEDULES, CatchUp, Overlap, Schedule, Spec, State
from jobs.schedules.rhythm import MAX_CRON, Fold, Gap, Note, Rhythm
from jobs.schedules.showing import Found, Wanted

from openapi.answers import Reply, shown
from openapi.document import Operation, PathParameter
from openapi.examples import EXPORT, PARAMS, a_call
from openapi.openreplay import REQUEST as JOB_REQUEST
from openapi.openreplay import moment, number
from openapi.public import limit
from openapi.schemas import (
    Fields,
    Node,
    body_of,
    field,
    integer,
    list_of,
    nullable,
    one_of,
    parameter,
    query,
    reference,
    request_of,
    strict,
)

_SCHEDULE, _SCHEDULES, _OCCURRENCES = "PublicScheduleAnswer", "PublicSchedulesAnswer", "PublicOccurrencesAnswer"

ID = field("string", "The schedule's id.", pattern="^[0-9a-fA-F]{24}$")
_ID = f"60cb0a1b{1:08x}5eed0001"
PATH = {"scheduleId": PathParameter(ID, _ID, [errors.ScheduleNotFound()])}

_TEXTS = {
    "name": "What people call it.",
    "cron": f"Five fields as Debian's cron reads them, with names, `L`, `#` and steps; up to {MAX_CRON} characters. "
    "One of `cron`, `every` and `at` must be given, and only one.",
    "every": f"A number of seconds from {MIN_EVERY} to {MAX_EVERY}. The first occurrence is at `startAt`, else one "
    "period after the creation.",
    "at": "The one time at which it occurs. It must lie in the future.",
    "timezone": "The zone whose clocks `cron` means, by its IANA name. `UTC` if left out.",
    "job": "What each occurrence makes.",
    "startAt": "No occurrence is before this time. In the past it is only the anchor of `every`.",
    "endAt": "No occurrence is after this time.",
    "enabled": "Whether it occurs. Time for which it did not is not made up for.",
    "gap": "Whether a time that the clocks skip runs at the end of the gap (`shift`, the default) or not. This and "
    "`fold` hold where neither minute nor hour begins with `*`. Otherwise time elapses as it does.",
    "fold": "Which one counts of the two times that a clock change makes of one. `first` if left out.",
    "catchUp": "Which of the occurrences that were missed by over ten minutes still make a job: the newest of the last "
    "24 hours (`last`, the default), none, or the newest 100 (`all`).",
    "overlap": "What becomes of an occurrence while the last job is still active: it makes its job (`allow`, the "
    "default), or it is skipped.",
}


def _request(model: type[PreviewRequest]) -> Node:
    made = request_of(model, "openapi/public/schedules.py _TEXTS", _TEXTS)
    properties = made["properties"]
    for name in ("at", "startAt", "endAt"):
        properties[name] = {**JOB_REQUEST["properties"]["startAt"], "description": _TEXTS[name]}
    if model is ScheduleRequest:
        properties["job"] = reference("PublicJobTemplate") | {"description": _TEXTS["job"]}
    return made


_TEMPLATE = {
    **JOB_REQUEST,
    "properties": {name: node for name, node in JOB_REQUEST["properties"].items() if name != "startAt"},
}
_REQUEST, _PREVIEW = _request(ScheduleRequest), _request(PreviewRequest)
_PROPERTIES = _REQUEST["properties"]
#: What may be changed: any of it, and `null` is the default.
_CHANGE = {
    "type": "object",
    "properties": {
        **_PROPERTIES,
        "job": field("object", "The fields of the job to change. The others stay."),
    },
    "additionalProperties": False,
}

_EXAMPLE = Schedule(
    project_id=1,
    schedule_id=_ID,
    spec=Spec(
        name="Export of the night",
        rhythm=Rhythm(cron="30 2 * * MON-FRI", timezone="Europe/Berlin"),
        job=NewJob(action=EXPORT.action, params=PARAMS, reference_id=EXPORT.reference_id, max_attempts=3),
        overlap=Overlap.SKIP,
    ),
    created_at=1623912955277,
    state=State(next_at=1623976200000),
)
_RUN = _EXAMPLE._replace(state=State(1624062600000, 1623976200000, EXPORT.job_id, 1))
_MADE = schedules.render_created(_EXAMPLE, a_call(PUBLIC), replayed=False)
_REPLAYED = schedules.render_created(_EXAMPLE, a_call(PUBLIC), replayed=True)
_SHOWN = schedules.render(_RUN)
_LIST = schedules.render_list(Found(Wanted(50), [_RUN], 1, goes_on=False), a_call(PUBLIC))
_AHEAD = schedules.render_occurrences(_EXAMPLE.spec.rhythm, 1635085800000 - 86_400_000 * 3, {"limit": "3"})
_JOB = PUBLIC.render_created(Creation(EXPORT._replace(made_by=Occasion(_ID))), a_call(PUBLIC))

_FIELDS = Fields(
    "openapi/public/schedules.py _FIELDS",
    {
        "name": field("string", "What people call it.", minLength=1, maxLength=MAX_NAME),
        "cron": nullable(field("string", "The cron expression, or null.", maxLength=MAX_CRON)),
        "every": nullable(integer(MIN_EVERY, MAX_EVERY, description="The period in seconds, or null.")),
        "at": nullable(moment("The one time at which it occurs, or null.")),
        "timezone": nullable(field("string", "The zone of the times; null with `every`.")),
        "job": reference("PublicScheduledJob") | {"description": "What each occurrence makes."},
        "startAt": nullable(moment("No occurrence is before this time, or null.")),
        "endAt": nullable(moment("No occurrence is after this time, or null.")),
        "enabled": field("boolean", "Whether it occurs."),
        "gap": nullable(one_of(*Gap, description="What becomes of a time that the clocks skip; null without `cron`.")),
        "fold": nullable(
            one_of(*Fold, description="Which one counts of a time that comes twice; null without `cron`.")
        ),
        "catchUp": one_of(*CatchUp, description="Which missed occurrences still make a job."),
        "overlap": one_of(*Overlap, description="What becomes of an occurrence while the last job is active."),
        "scheduleId": ID,
        "nextAt": nullable(moment("The next occurrence; null if it is disabled or over.")),
        "lastAt": nullable(
            moment("The occurrence of the last job, or when a call had it made; null before the first.")
        ),
        "lastJobId": nullable(field("integer", "The number of the last job, or null.", format="int64", minimum=1)),
        "runCount": number(0, description="Jobs that were made."),
        "missedCount": number(0, description="Occurrences that were missed and made no job."),
        "skippedCount": number(0, description="Occurrences that made no job, because the last one was active."),
        "createdAt": moment("When it was made."),
        "updatedAt": nullable(moment("When a caller last changed it, or null.")),
    },
)
_OF_OCCURRENCES = Fields(
    "openapi/public/schedules.py _OF_OCCURRENCES",
    {
        "at": moment("When it is."),
        "local": field("string", "The same as clocks of the zone show it, in ISO 8601 with the offset."),
        "note": nullable(
            one_of(*Note, description="What a clock change did: its time was skipped, or comes twice. Else null.")
        ),
    },
)
_OF_JOBS = Fields(
    "openapi/public/schedules.py _OF_JOBS",
    _TEMPLATE["properties"],
)

SCHEMAS = {
    "PublicScheduleRequest": _REQUEST,
    "PublicSchedulePreview": _PREVIEW,
    "PublicScheduleChange": _CHANGE,
    "PublicJobTemplate": _TEMPLATE,
    "PublicScheduledJob": _OF_JOBS.object_of("PublicScheduledJob", shown(_MADE)["data"]["job"]),
    "PublicSchedule": _FIELDS.object_of("PublicSchedule", shown(_MADE)["data"]),
    "PublicOccurrence": _OF_OCCURRENCES.object_of("PublicOccurrence", shown(_AHEAD)["data"][0]),
    _SCHEDULE: strict(data=reference("PublicSchedule")),
    _SCHEDULES: strict(data=list_of("PublicSchedule", maxItems=MAX_LIMIT)),
    _OCCURRENCES: strict(data=list_of("PublicOccurrence", maxItems=schedules.MAX_OCCURRENCES)),
}

_MANY = query(
    "limit",
    f"How many occurrences to show at most. {schedules.DEFAULT_OCCURRENCES} if it is out of range.",
    **integer(1, schedules.MAX_OCCURRENCES, default=schedules.DEFAULT_OCCURRENCES),
)
_KEY = parameter(
    "header",
    "Idempotency-Key",
    "Printable ASCII that the caller chooses.",
    example="nightly-export",
    type="string",
    maxLength=MAX_IDEMPOTENCY_KEY,
    pattern="^[!-~]([ -~]*[!-~])?$",
)
_SEEN = parameter(
    "header",
    "If-Match",
    "The `ETag` that the caller saw. At another version the answer is 412.",
    example='"1"',
    type="string",
)
_BODY = {
    "name": "Export of the night",
    "cron": "30 2 * * MON-FRI",
    "timezone": "Europe/Berlin",
    "job": {"action": "export"},
}

OPERATIONS = (
    Operation(
        route="POST /public/{projectKey}/schedules",
        name="createSchedule",
        summary="Create a schedule",
        text=f"Each of its occurrences makes exactly one job, on its second. A project has at most {MAX_SCHEDULES} "
        "schedules. A request with an `Idempotency-Key` may be sent again for 24 hours and still creates one.",
        parameters=[_KEY],
        body=body_of(
            reference("PublicScheduleRequest"),
            cron=("On weekdays, by the clocks of Berlin.", _BODY),
            every=("Every ten minutes.", {"name": "Poll", "every": 600, "job": {"action": "poll"}}),
        ),
        replies=[
            Reply("created", "The schedule.", _MADE, _SCHEDULE),
            Reply("replayed", "The schedule that the same key created before.", _REPLAYED, _SCHEDULE),
        ],
        refused=[
            errors.InvalidRequest("cron", "must be 5 fields, in up to 256 characters of ASCII"),
            errors.TooManySchedules(MAX_SCHEDULES),
            errors.IdempotencyKeyReused(),
        ],
    ),
    Operation(
        route="GET /public/{projectKey}/schedules",
        name="listSchedules",
        summary="List schedules",
        text="Lists the project's schedules, the oldest first.",
        parameters=[
            limit("schedules"),
            query("page", "The number of the page. 1 if it is out of range.", **number(1, default=1)),
            query("after", "Only schedules that were made after this one. `Link` sets it.", type="string"),
        ],
        replies=[Reply("page", "A page.", _LIST, _SCHEDULES)],
        refused=[errors.InvalidRequest("after", "must be the id of a schedule")],
    ),
    Operation(
        route="GET /public/{projectKey}/schedules/{scheduleId}",
        name="getSchedule",
        summary="Get a schedule",
        replies=[Reply("schedule", "The schedule.", _SHOWN, _SCHEDULE)],
    ),
    Operation(
        route="PATCH /public/{projectKey}/schedules/{scheduleId}",
        name="changeSchedule",
        summary="Change a schedule",
        text="Changes the fields that the body has. `null` is the default. The next occurrence is the first one from "
        "now on: what was due before is not made up for.",
        parameters=[_SEEN],
        body=body_of(reference("PublicScheduleChange"), pause=("Pause it.", {"enabled": False})),
        replies=[Reply("changed", "The schedule as it is then.", _SHOWN, _SCHEDULE)],
        refused=[errors.InvalidRequest("enabled", "must be true or false"), errors.ScheduleChanged()],
    ),
    Operation(
        route="DELETE /public/{projectKey}/schedules/{scheduleId}",
        name="deleteSchedule",
        summary="Delete a schedule",
        text="No occurrence makes a job afterwards. Jobs that were made stay.",
        parameters=[_SEEN],
        replies=[Reply("deleted", "It is gone.", schedules.render_removed(), "")],
        refused=[errors.ScheduleChanged()],
    ),
    Operation(
        route="POST /public/{projectKey}/schedules/{scheduleId}/run",
        name="runSchedule",
        summary="Run a schedule now",
        text="Makes its job now. The rhythm stays as it is.",
        replies=[Reply("job", "The job.", _JOB, "PublicJobAnswer")],
        refused=[errors.DeletionActive(EXPORT)],
    ),
    Operation(
        route="GET /public/{projectKey}/schedules/{scheduleId}/occurrences",
        name="listOccurrences",
        summary="List the next occurrences of a schedule",
        text="A disabled schedule has none. Times that the clocks skip are not listed.",
        parameters=[_MANY],
        replies=[Reply("occurrences", "The next occurrences.", _AHEAD, _OCCURRENCES)],
    ),
    Operation(
        route="POST /public/{projectKey}/schedules/preview",
        name="previewSchedule",
        summary="Look at the occurrences of a schedule that is not stored",
        text="Takes the body of a schedule. The job and the name may be left out. Stores nothing.",
        parameters=[_MANY],
        body=body_of(
            reference("PublicSchedulePreview"),
            cron=("Half past two in Berlin.", {"cron": "30 2 * * *", "timezone": "Europe/Berlin"}),
        ),
        replies=[Reply("occurrences", "The next occurrences.", _AHEAD, _OCCURRENCES)],
        refused=[errors.InvalidRequest("timezone", "must be the name of a time zone, such as Europe/Berlin")],
    ),
)
