"""The third dialect's answer to each kind of caller at each call. No refusal tells more than another."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from jobs.dialects import alteryx_schedules
from jobs.lifecycle import creation
from jobs.model import Message, NewJob, Run, SeenEvent, Severity
from jobs.outcomes import Attempt, Stamp
from jobs.schedules.ports import Schedule, Spec, State
from jobs.schedules.rhythm import Rhythm
from jobs.tenancy import access, registering
from jobs.tenants import AccessToken, Question, Registration, Right, Role
from jobs.workflows import running

from tests.builders import start
from tests.e2e.embedded import far_ahead, now, send, text
from tests.e2e.test_races import SHARDS, ports
from tests.e2e.test_tenancy import all_but_passing
from tests.stores import a_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.model import Job
    from jobs.tenants import Project

    from tests.e2e.embedded import Embedded, Tenant

pytestmark = pytest.mark.e2e

#: What each caller gets at each call. The owner owns the job, and collections share it with the viewer and the
#: canceller. The stranger is an administrator of another organisation. The token of the late caller has expired.
MATRIX = """
                administrator owner      viewer   canceller  member   stranger nobody   late
job             job           job        job      job        none     none     refused  refused
reduced         reduced       reduced    reduced  reduced    none     none     refused  refused
messages        messages      refused    refused  refused    refused  none     refused  refused
cancel-queued   deleted       deleted    denied   deleted    none     none     refused  refused
cancel-running  cancelled     cancelled  denied   cancelled  none     none     refused  refused
cancel-ended    ended         ended      denied   ended      none     none     refused  refused
run             run           run        run      run        run      run      refused  refused
workflow        listed        listed     listed   listed     empty    empty    refused  refused
organisation    all           refused    refused  refused    refused  all      refused  refused
known           known         known      known    known      unknown  unknown  refused  refused
questions       asked         asked      asked    asked      unknown  unknown  refused  refused
catalogue       found         found      found    found      empty    empty    refused  refused
schedule        schedule      schedule   gone     gone       gone     gone     refused  refused
schedules       scheduled     scheduled  empty    empty      empty    empty    refused  refused
end-schedule    done          done       gone     gone       gone     gone     refused  refused
make-schedule   no-body       refused    refused  refused    refused  no-body  refused  refused
run-shared      run-shared    forbidden  forbidden run-shared forbidden run     refused  refused
"""
CALLERS, *ROWS = (line.split() for line in MATRIX.strip().splitlines())
CASES = [(call, caller, outcome) for call, *outcomes in ROWS for caller, outcome in zip(CALLERS, outcomes, strict=True)]
CALLS = {
    "job": ("GET", "/webapi/v3/jobs/{jobId}"),
    "reduced": ("GET", "/webapi/v3/jobs/{jobId}?includeMessages=false"),
    "messages": ("GET", "/webapi/v3/jobs/{jobId}/messages"),
    "cancel-queued": ("DELETE", "/webapi/v3/jobs/{jobId}"),
    "cancel-running": ("DELETE", "/webapi/v3/jobs/{jobId}"),
    "cancel-ended": ("DELETE", "/webapi/v3/jobs/{jobId}"),
    "run": ("POST", "/webapi/v3/workflows/{workflowId}/jobs"),
    "workflow": ("GET", "/webapi/v3/workflows/{workflowId}/jobs"),
    "organisation": ("GET", "/webapi/v3/jobs?limit=1"),
    "known": ("GET", "/webapi/v3/workflows/{shared}"),
    "questions": ("GET", "/webapi/v3/workflows/{shared}/questions"),
    "catalogue": ("GET", "/webapi/v3/workflows?name={shared}"),
    "run-shared": ("POST", "/webapi/v3/workflows/{shared}/jobs"),
    "schedule": ("GET", "/webapi/v3/schedules/{scheduleId}"),
    "schedules": ("GET", "/webapi/v3/schedules?workflowId={workflowId}"),
    "end-schedule": ("DELETE", "/webapi/v3/schedules/{scheduleId}"),
    "make-schedule": ("POST", "/webapi/v3/schedules"),
}
#: The answers of refusals and cancellations, the same for every caller.
SENTENCES = {
    "none": (404, "Job not found."),
    "refused": (401, "Unauthorized"),
    "denied": (400, "You do not have permission to cancel this job."),
    "ended": (400, "This job is not in 'Queued' or 'Running' state."),
    "deleted": (200, "Deleted Successfully."),
    "cancelled": (200, "Cancelled Successfully."),
    "unknown": (404, "Workflow not found."),
    "gone": (404, "Schedule not found."),
    "no-body": (400, "body: must be JSON"),
    "forbidden": (403, "You do not have permission to run this workflow."),
}
COLLECTIONS = {"seen": Right.VIEW, "shared": Right.CANCEL}
#: A workflow that is registered and in these collections.
SHARED = uuid.uuid4().hex


@dataclass
class Cast:
    """The `Authorization` header of each caller, and the projects of both organisations."""

    stack: Embedded
    tenant: Tenant
    foreign: Tenant
    owner_id: str
    headers: dict[str, str | None]

    def __post_init__(self) -> None:
        self.store = a_store(self.stack.aws("dynamodb"), SHARDS, table=self.stack.demo["tableName"])

    def call(self, caller: str, method: str, target: str) -> Any:
        authorization = self.headers[caller]
        headers = {} if authorization is None else {"Authorization": authorization}
        return send(self.stack.base_url, method, target, headers=headers)

    def put(self, project: Project, workflow_id: str) -> Job:
        """Create a job as another service's event does: owned, shared, and due in a day."""
        run = Run(workflow_id, self.owner_id, tuple(COLLECTIONS), "High", "tag")
        new = NewJob(action="run_workflow", start_at=far_ahead(), run=run)
        return creation.create_job(ports(self.store), project, new, by="key-1").job

    def plan(self, project: Project, workflow_id: str) -> Schedule:
        """Make a schedule of the owner, whose workflow is shared."""
        new = running.new_run(workflow_id, running.RunRequest(), self.owner_id)
        job = new._replace(run=new.run._replace(collection_ids=tuple(COLLECTIONS)))
        made = Schedule(
            project_id=project.project_id,
            schedule_id=f"{now() // 1000:08x}{project.project_id:08x}{uuid.uuid4().hex[:8]}",
            spec=Spec(name="s", rhythm=Rhythm(every=600, anchor=far_ahead()), job=job),
            created_at=now(),
            state=State(next_at=far_ahead()),
        )
        assert self.store.add_schedule(made, None)
        return made

    def move(self, job: Job, *moves: str) -> None:
        """Start it, and then complete it."""
        later = far_ahead() + 1_000
        if "start" in moves:
            start(self.store, job.job_id, later, job.project_id)
        if "complete" in moves:
            self.store.complete_job(Attempt(job.project_id, job.job_id, 1), Stamp(later, "worker", "token"), [])


@pytest.fixture(scope="module")
def cast(stack: Embedded) -> Cast:
    tenant, foreign = stack.new_tenant("Own"), stack.new_tenant("Foreign")
    made = {
        "administrator": stack.new_caller(tenant, Role.ADMINISTRATOR),
        "owner": stack.new_caller(tenant),
        "viewer": stack.new_caller(tenant, seen=Right.VIEW, other=Right.CANCEL),
        "canceller": stack.new_caller(tenant, shared=Right.CANCEL),
        "member": stack.new_caller(tenant, other=Right.CANCEL),
        # in collections of the same names, in another organisation
        "stranger": stack.new_caller(foreign, Role.ADMINISTRATOR, **COLLECTIONS),
    }
    late = access.new_secret(access.TOKEN_PREFIX)
    expired = AccessToken(client_id=made["administrator"].client.client_id, expires_at=now() - 1)
    stack.directory.add_token(expired, access.digest_of(late))
    headers = {name: caller.authorization for name, caller in made.items()}
    owner_id = made["owner"].client.user_id
    organisation_id = tenant.project.organisation_id
    told = Registration(owner_id=owner_id, questions=(Question("Region"),))
    registering.register_workflow(stack.directory, organisation_id, SHARED, told)
    registering.share_workflow(stack.directory, organisation_id, SHARED, list(COLLECTIONS))
    return Cast(stack, tenant, foreign, owner_id, {**headers, "nobody": None, "late": f"Bearer {late}"})


def time_of(job: Job) -> str:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=job.created_at)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def id_of(job: Job) -> str:
    return f"{job.created_at // 1000:08x}{job.project_id:08x}{job.job_id:08x}"


def a_job(job: Job, messages: list[dict[str, Any]] | None) -> dict[str, Any]:
    """The documented job while it is queued."""
    body = {
        "id": id_of(job),
        "appId": job.run.workflow_id,
        "createDateTime": time_of(job),
        "status": "Queued",
        "disposition": "None",
        "outputs": [],
        "messages": messages,
        "priority": "High",
        "workerTag": "tag",
        "runWithE2": False,
    }
    return {name: value for name, value in body.items() if value is not None}


def a_row(job: Job) -> dict[str, Any]:
    """A job as the list of its workflow shows it."""
    shown = {"id": id_of(job), "createDate": time_of(job), "status": "Queued"}
    return {**shown, "priority": "High", "workerTag": "tag", "runWithE2": False}


def an_entry(job: Job, submitted_by: str) -> dict[str, Any]:
    """A job as the list of the organisation's jobs shows it. It is due in a day."""
    workflow = {"workflowName": job.run.workflow_id, "workflowId": job.run.workflow_id, "submittedBy": submitted_by}
    times = {"startTime": None, "queueTime": "00:00:00", "executionTime": "00:00:00"}
    return {"jobId": id_of(job), "status": "Queued", **workflow, **times, "priority": "High"}


def a_workflow(workflow_id: str, owner_id: str, created: str) -> dict[str, Any]:
    """A registered workflow in the reduced view."""
    about = {"id": workflow_id, "sourceAppId": "", "name": workflow_id, "ownerId": owner_id, "dateCreated": created}
    return {**about, "publishedVersionNumber": 0, "isAmp": False, "executionMode": "Standard"}


def a_whole_workflow(workflow_id: str, owner_id: str, created: str) -> dict[str, Any]:
    """A registered workflow in the full view."""
    return {
        "id": workflow_id,
        "sourceAppId": "",
        "dateCreated": created,
        "runCount": 0,
        "versions": [],
        "name": workflow_id,
        "ownerId": owner_id,
        "workerTag": "",
        "districtTags": [],
        "comments": "",
        "isPublic": False,
        "isReadyForMigration": False,
        "publishedVersionId": "",
        "othersMayDownload": False,
        "othersCanViewHistory": False,
        "othersCanExecute": False,
        "executionMode": "Standard",
        "hasPrivateDataExemption": False,
    }


def a_run(body: dict[str, Any], workflow_id: str) -> dict[str, Any]:
    """The documented job of a run with an empty body, with its own id and time."""
    given = {"id": body["id"], "appId": workflow_id, "createDateTime": body["createDateTime"]}
    state: dict[str, Any] = {"status": "Queued", "disposition": "None", "outputs": [], "messages": []}
    return {**given, **state, "priority": "Default", "workerTag": "", "runWithE2": False}


@pytest.mark.parametrize(("call", "caller", "outcome"), CASES)
def test_everybody_gets_what_is_theirs_and_no_more(cast: Cast, call: str, caller: str, outcome: str) -> None:
    workflow_id = uuid.uuid4().hex
    job, of_stranger = cast.put(cast.tenant.project, workflow_id), cast.put(cast.foreign.project, "another")
    said = Message(now(), Severity.WARNING, "no rows", 7)
    cast.store.add_message(job.project_id, job.job_id, said, SeenEvent(uuid.uuid4().hex * 2, 2**40))
    message = {"status": 2, "text": "no rows", "toolId": 7}
    cast.move(job, *{"cancel-running": ["start"], "cancel-ended": ["start", "complete"]}.get(call, []))
    before = cast.store.get_job(job.project_id, job.job_id)
    schedule = cast.plan(cast.tenant.project, workflow_id)
    named = {"jobId": id_of(job), "workflowId": workflow_id, "shared": SHARED, "scheduleId": schedule.schedule_id}

    method, path = CALLS[call]
    answer = cast.call(caller, method, path.format(**named))

    bodies: dict[str, Callable[[], object]] = {
        "job": lambda: a_job(job, [message]),
        "reduced": lambda: a_job(job, None),
        "messages": lambda: {**message, "messages": [message]},
        "run": lambda: a_run(answer.json(), SHARED if call == "run-shared" else workflow_id),
        "listed": lambda: [a_row(job)],
        "empty": list,
        "known": lambda: a_whole_workflow(SHARED, cast.owner_id, answer.json()["dateCreated"]),
        "found": lambda: [a_workflow(SHARED, cast.owner_id, answer.json()[0]["dateCreated"])],
        "asked": lambda: [
            {
                "name": "Region",
                "questionType": "",
                "description": "",
                "value": "",
                "multiple": False,
                "items": [],
            }
        ],
        "run-shared": lambda: a_run(answer.json(), SHARED),
        "schedule": lambda: json.loads(alteryx_schedules.render(schedule).body),
        "scheduled": lambda: [
            {
                "id": schedule.schedule_id,
                "name": "s",
                "workflowId": workflow_id,
                "ownerId": cast.owner_id,
                "runDateTime": answer.json()[0]["runDateTime"],
                "timeZone": "UTC",
            }
        ],
        "done": dict,
        "all": lambda: {
            # the owner is a user of the first organisation alone
            "data": [an_entry(of_stranger, "key-1") if caller == "stranger" else an_entry(job, "Test")]
        },
    }
    if outcome in SENTENCES:
        status, sentence = SENTENCES[outcome]
        assert (answer.status_code, answer.text) == (status, text({"message": sentence}))
    else:
        assert (answer.status_code, answer.text) == (200, text(bodies[outcome]()))
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers.get("www-authenticate") == ('Bearer realm="jobs"' if outcome == "refused" else None)

    after = cast.store.get_job(job.project_id, job.job_id)
    assert (after != before) == (outcome in {"deleted", "cancelled"})
    left = cast.store.get_schedules(schedule.project_id, [schedule.schedule_id])
    assert left == ({} if outcome == "done" else {schedule.schedule_id: schedule})
    if outcome in {"run", "run-shared"}:
        project = cast.foreign.project if caller == "stranger" else cast.tenant.project
        assert int(answer.json()["id"][8:16], 16) == project.project_id


@pytest.mark.parametrize("caller", ["administrator", "member"])
@pytest.mark.parametrize(
    ("method", "rest"), [("GET", ""), ("GET", "?includeMessages=false"), ("GET", "/messages"), ("DELETE", "")]
)
def test_what_is_not_there_for_a_caller_answers_in_one_way_for_every_reason(
    cast: Cast, method: str, rest: str, caller: str
) -> None:
    job, deleted, foreign = (
        cast.put(project, "w") for project in (cast.tenant.project, cast.tenant.project, cast.foreign.project)
    )
    cast.store.cancel_job(deleted.project_id, deleted.job_id, now(), "key-1")
    seconds, project, number = (int(id_of(job)[place : place + 8], 16) for place in (0, 8, 16))
    ids = [
        id_of(foreign),
        id_of(deleted),
        f"{seconds:08x}{project:08x}{number + 1_000_000:08x}",
        f"{seconds:08x}{project:08x}{0:08x}",
        f"{seconds:08x}{project + 1_000_000:08x}{number:08x}",
        f"{seconds + 1:08x}{project:08x}{number:08x}",
        f"{seconds - 1:08x}{project:08x}{number:08x}",
        f"{seconds:08x}{foreign.project_id:08x}{0xFFFFFFFF:08x}",
        id_of(job)[:-1] + "G",
        id_of(job).upper().replace("0", "A", 1),
        id_of(foreign).upper(),
        id_of(job)[:-1],
        id_of(job) + "0",
        "1",
        "null",
    ]
    if caller == "member":
        ids.append(id_of(job))  # it belongs to another user and is not shared

    answers = [cast.call(caller, method, f"/webapi/v3/jobs/{one}{rest}") for one in ids]

    status, sentence = SENTENCES["refused" if (caller, rest) == ("member", "/messages") else "none"]
    assert (answers[0].status_code, answers[0].text) == (status, text({"message": sentence}))
    for one, answer in zip(ids, answers, strict=True):
        assert all_but_passing(answer) == all_but_passing(answers[0]), one
    for untouched in (job, foreign):
        assert cast.store.get_job(untouched.project_id, untouched.job_id) == untouched
