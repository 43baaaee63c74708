"""The events for functions: a row for each way through a function that makes other calls to AWS."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobs.erasure.erasing import prefix_of
from jobs.model import (
    BY_SERVICE,
    DAY,
    DELETE_USER_DATA,
    Change,
    Job,
    JobKey,
    Message,
    NewJob,
    Run,
    SeenEvent,
    Severity,
    Status,
)
from jobs.outcomes import Attempt, Failure, Stamp
from jobs.schedules.ports import Overlap, Schedule, Spec, State
from jobs.schedules.rhythm import Rhythm
from jobs.store import items
from jobs.store.schedules import DynamoDBSchedules
from jobs.tenants import Retention
from jobs.workflows.running import RunRequest, new_run

from tests.architecture.project import TEMPLATE, properties
from tests.builders import a_job, an_artifact
from tests.conftest import TABLE
from tests.integration.conftest import NO_KEY, PROJECT_KEY, USER_ID, WORKFLOW_ID
from tests.stores import a_table, an_admin, the_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.conftest import Service

    Event = dict[str, Any]

#: The second in which the workflow run of `events/` was created.
RUN_AT = 0x66EB_D18D * 1_000
#: The time in the files of `events/`. The functions are called a second later.
IN_FILES = 1_795_219_200_000
NOW = IN_FILES + 1_000
SHARDS = 2
USER = "user/1"


@dataclass(frozen=True)
class Scenario:
    """One way through a function."""

    function: str
    what: str
    #: The event, or the name of a file of `events/`.
    event: str | Callable[[Service], Event]
    prepare: Callable[[Service], None] = lambda _service: None
    #: What a caller may get who asks again for something that was done although the answer said otherwise.
    again: frozenset[int] = frozenset()
    #: Whether a caller who asks again gets another job, because there is no idempotency key.
    repeats: bool = False
    #: Calls of the store whose failure the caller does not see.
    beside: frozenset[str] = frozenset()
    #: Objects in the bucket.
    objects: tuple[str, ...] = ()
    #: Objects in the bucket of files.
    files: tuple[str, ...] = ()
    #: How many seconds the invocation has; None means those of the template.
    seconds: float | None = None
    #: Calls that only botocore tries again in the same invocation.
    tried_once: frozenset[str] = frozenset()

    @property
    def milliseconds(self) -> int:
        """How long the invocation may take."""
        return round(1_000 * (time_out_of(self.function) if self.seconds is None else self.seconds))

    @property
    def name(self) -> str:
        return f"{self.function}: {self.what}"

    def event_for(self, service: Service) -> Event:
        if callable(self.event):
            return self.event(service)
        return service.event(self.function, self.event)


def time_out_of(function: str) -> int:
    """The seconds that the template gives a function."""
    seconds: int = properties(function).get("Timeout", TEMPLATE["Globals"]["Function"]["Timeout"])
    return seconds


# ---- rows ---------------------------------------------------------------------------------------------------------


def put(service: Service, *jobs: Job) -> None:
    for job in jobs:
        service.dynamodb.put_item(TableName=TABLE, Item=items.job_to_item(job, "token-of-creation", SHARDS))
        if job.has_params:
            row = items.params_to_item(job, {"format": "csv"})
            service.dynamodb.put_item(TableName=TABLE, Item=row)


def scheduled(job_id: int = 1, **changes: Any) -> Job:
    return a_job(job_id=job_id, **{"at": IN_FILES, **changes})


def running(job_id: int = 1, **changes: Any) -> Job:
    job = scheduled(job_id, **{"next_at": IN_FILES + 900_000, **changes})
    started = Change(Status.RUNNING, IN_FILES, BY_SERVICE)
    return job._replace(status=Status.RUNNING, history=(*job.history, started))


def ended(status: Status, job_id: int = 1, **changes: Any) -> Job:
    job = running(job_id, **changes)
    return job._replace(status=status, next_at=None, history=(*job.history, Change(status, IN_FILES, "key:key-demo")))


def three_jobs(service: Service) -> None:
    put(service, scheduled(1), running(2), ended(Status.FAILED, 3, errors=("table orders is locked",)))


def one_scheduled(service: Service) -> None:
    put(service, scheduled())


def one_running(service: Service) -> None:
    put(service, running())


def one_with_attempts_left(service: Service) -> None:
    put(service, running(max_attempts=2))


def one_failed(service: Service) -> None:
    put(service, ended(Status.FAILED, errors=("table orders is locked",)))


def a_run(service: Service) -> None:
    """A running run of a workflow, with a message."""
    run = Run(workflow_id=WORKFLOW_ID, owner_id=USER_ID)
    put(service, running(at=RUN_AT, next_at=IN_FILES + 900_000, run=run))
    message = Message(NOW, Severity.WARNING, "Table is empty")
    assert the_store().add_message(1, 1, message, SeenEvent("0" * 64, NOW // 1000 + 60))


def one_with_a_file(service: Service) -> None:
    """A running job whose attempt has announced the file of `events/`."""
    put(service, running())
    announced(service)


def a_run_with_a_file(service: Service) -> None:
    """A completed run of a workflow with the file of `events/`."""
    run = Run(workflow_id=WORKFLOW_ID, owner_id=USER_ID)
    put(service, running(at=RUN_AT, next_at=IN_FILES + 900_000, run=run))
    announced(service)
    the_store().complete_job(Attempt(1, 1, 1), Stamp(NOW, "worker", "token-0"), [{"artifact": "report.csv"}])


def announced(service: Service) -> None:
    path = service.event("get_artifacts", "public")["pathParameters"]
    assert the_store().put_artifact(0, an_artifact(artifact_id=path["artifactId"], format="Csv"), None).name == "DONE"


def an_ended_run(service: Service) -> None:
    """A run that has ended, so that the times of its row stand still while calls are tried again."""
    put(service, ended(Status.COMPLETED, at=RUN_AT, run=Run(workflow_id=WORKFLOW_ID, owner_id=USER_ID)))


def a_full_block(service: Service) -> None:
    put(service, scheduled(1_000))


def one_with_everything(service: Service) -> None:
    """A completed job with parameters, outputs and messages."""
    put(service, running(has_params=True))
    the_store().complete_job(Attempt(1, 1, 1), Stamp(NOW, "com.example.worker", "token-0"), [{"bucket": "exports"}])
    for number in range(2):
        message = Message(NOW + number, Severity.WARNING, f"Table {number} is empty")
        the_store().add_message(1, 1, message, SeenEvent(f"{number}" * 64, NOW // 1000 + 60))


def one_that_failed_first(service: Service) -> None:
    """A job between its first attempt and its second."""
    one_with_attempts_left(service)
    stamp = Stamp(NOW, "com.example.worker", "token-0")
    the_store().back_off_job(Attempt(1, 1, 1), stamp, NOW + 5_000, Failure(["table orders is locked"]))


def a_job_of_its_key(service: Service) -> None:
    assert service.http("create_job", "public").status == 201


def a_cancelled_deletion(service: Service) -> None:
    assert service.http("create_job", "public_delete_user").status == 200
    assert service.http("cancel_job", "public").status == 200


def a_running_deletion(service: Service) -> None:
    put(service, running(action=DELETE_USER_DATA, reference_id=USER))
    lock(service)


def a_stopped_deletion(service: Service) -> None:
    put(service, ended(Status.CANCELLED, action=DELETE_USER_DATA, reference_id=USER))


def lock(service: Service) -> None:
    """The lock of a user's deletion, under any digest."""
    row = {"pk": {"S": "deletion#1#digest"}, "sk": {"S": "deletion"}, "jo": {"N": "1"}, "v": {"N": "1"}}
    service.dynamodb.put_item(TableName=TABLE, Item=row)


def an_active_deletion_by_request(service: Service) -> None:
    assert service.http("create_job", "public_delete_user").status == 200


def due_and_overdue(service: Service) -> None:
    """Jobs that no tick has seen, and some that a tick has seen and that have not started since."""
    put(service, *(scheduled(number, at=NOW - 120_000) for number in (1, 2)))
    service.invoke("dispatch_due_jobs", service.event("dispatch_due_jobs", "schedule"))
    put(service, *(scheduled(number, next_at=NOW + 60_000 + number) for number in (3, 4, 5)))


def three_due(service: Service) -> None:
    put(service, *(scheduled(number) for number in (1, 2, 3)))


def two_lost(service: Service) -> None:
    put(service, running(1, next_at=IN_FILES, max_attempts=2), running(2, next_at=IN_FILES))


SCHEDULE = f"{1:024x}"


def a_schedule(service: Service, number: int = 1, **changes: Any) -> None:
    """A schedule whose occurrence is due."""
    job = changes.pop("job", NewJob(action="export", params={"format": "csv"}))
    spec = Spec(name="s", rhythm=Rhythm(every=60, anchor=IN_FILES), job=job, **changes)
    state = State(next_at=IN_FILES)
    made = Schedule(project_id=1, schedule_id=f"{number:024x}", spec=spec, created_at=IN_FILES, state=state)
    assert DynamoDBSchedules(a_table(service.dynamodb), SHARDS).add_schedule(made, None)


def a_schedule_of_later(service: Service) -> None:
    spec = Spec(name="s", rhythm=Rhythm(every=60, anchor=NOW + 60_000), job=NewJob(action="export"))
    state = State(next_at=NOW + 60_000)
    made = Schedule(project_id=1, schedule_id=SCHEDULE, spec=spec, created_at=IN_FILES, state=state)
    assert DynamoDBSchedules(a_table(service.dynamodb), SHARDS).add_schedule(made, None)


def a_schedule_of_v3(service: Service) -> None:
    """A schedule that runs a workflow in some minutes."""
    spec = Spec(name="s", rhythm=Rhythm(every=60, anchor=NOW), job=new_run(WORKFLOW_ID, RunRequest(), USER_ID))
    made = Schedule(project_id=1, schedule_id=SCHEDULE, spec=spec, created_at=IN_FILES, state=State(NOW + 600_000))
    assert DynamoDBSchedules(a_table(service.dynamodb), SHARDS).add_schedule(made, None)


def three_schedules(service: Service) -> None:
    for number in (1, 2, 3):
        a_schedule(service, number)


def one_that_skips(service: Service) -> None:
    """A schedule that is due while the last job is active."""
    a_schedule(service, overlap=Overlap.SKIP)
    assert service.http("manage_schedules", "public_run", path={"scheduleId": SCHEDULE}).status == 201


def one_that_deletes(service: Service) -> None:
    a_schedule(service, job=NewJob(action=DELETE_USER_DATA, reference_id=USER))


def a_schedule_of_its_key(service: Service) -> None:
    assert service.http("manage_schedules", "public").status == 201


def two_to_forget(service: Service) -> None:
    """One that ended long ago with everything that a job may leave, and one that ends just now."""
    retain(service, Retention(redact_days=0))
    put(service, running(at=NOW - 3 * DAY, has_params=True, reference_id=USER, description="for one"))
    announced(service)
    store = the_store()
    end = NOW - 2 * DAY
    store.fail_job(Attempt(1, 1, 1), Stamp(end, "com.example.worker", "token-0", end), Failure(["one is unknown"]))
    put(service, ended(Status.CANCELLED, 2, reference_id=USER)._replace(next_at=IN_FILES))


def three_old(service: Service) -> None:
    """Jobs of the time before the project forgot anything."""
    put(service, running(1, reference_id=USER), ended(Status.FAILED, 2, reference_id=USER), ended(Status.CANCELLED, 3))
    retain(service, Retention(30, 90))


def a_closed_project(service: Service) -> None:
    """With an active job, one that has ended, and a payload."""
    put(service, running(1, has_params=True), ended(Status.FAILED, 2, reference_id=USER))
    an_admin(service.dynamodb).close_project(1)


def a_completed_deletion(service: Service) -> None:
    """With the reference of its user."""
    retain(service, Retention(30, 90))
    job = service.create(action=DELETE_USER_DATA, referenceId=USER)
    the_store().start_jobs([JobKey(1, job["jobId"])], NOW + 1)
    stamp = Stamp(NOW, "event:jobs.delete_user_data", "token-0", NOW)
    the_store().complete_job(Attempt(1, job["jobId"], 1), stamp, [{"deletedObjectVersions": 3}])


def a_deleted_user(service: Service) -> None:
    """A user whose deletion is completed, and an older job of that user, with a file."""
    retain(service, Retention(30, 90))
    service.create(referenceId=USER, params={"user": USER})
    the_store().start_jobs([JobKey(1, 1)], NOW + 1)
    announced(service)
    the_store().complete_job(Attempt(1, 1, 1), Stamp(NOW - 1, "worker", "token-1", NOW + DAY), [USER])
    a_completed_deletion(service)


def retain(service: Service, retention: Retention) -> None:
    an_admin(service.dynamodb).set_retention(1, retention)


# ---- events -------------------------------------------------------------------------------------------------------


def without_key(service: Service) -> Event:
    event = service.event("create_job", "public")
    return {**event, "headers": {**event["headers"], **NO_KEY}, "body": json.dumps({"action": "export"})}


def to_now(service: Service) -> Event:
    return {**service.event("move_job", "public"), "body": json.dumps({"startAt": 0})}


def one_hint(service: Service) -> Event:
    (record,) = service.event("start_jobs", "hint")["Records"]
    return {"Records": [{**record, "body": json.dumps({"projectId": 1, "jobs": [[1, IN_FILES]]})}]}


def two_hints(service: Service) -> Event:
    (record,) = service.event("start_jobs", "hint")["Records"]
    bodies = [{"projectId": 1, "jobs": [[1, IN_FILES], [2, IN_FILES]]}, {"projectId": 1, "jobs": [[3, IN_FILES]]}]
    return {"Records": [{**record, "messageId": f"{n}", "body": json.dumps(b)} for n, b in enumerate(bodies)]}


def of_schedule(function: str, case: str) -> Callable[[Service], Event]:
    """The event of a file, about the schedule."""

    def build(service: Service) -> Event:
        event = service.event(function, case)
        return {**event, "pathParameters": {**event["pathParameters"], "scheduleId": SCHEDULE}}

    return build


def schedule_without_key(service: Service) -> Event:
    event = service.event("manage_schedules", "public")
    body = {"name": "s", "at": NOW + 60_000, "job": {"action": "export"}}
    return {**event, "headers": {**event["headers"], **NO_KEY}, "body": json.dumps(body)}


def fire_hint(count: int) -> Callable[[Service], Event]:
    def build(service: Service) -> Event:
        (record,) = service.event("fire_schedules", "hint")["Records"]
        pairs = [[f"{number:024x}", IN_FILES] for number in range(1, count + 1)]
        return {"Records": [{**record, "body": json.dumps({"projectId": 1, "schedules": pairs})}]}

    return build


def of_bus(case: str, *changes: dict[str, Any]) -> Callable[[Service], Event]:
    """The event of a file, once for each of some changes of its detail."""

    def build(service: Service) -> Event:
        (record,) = service.event("ingest_events", case)["Records"]
        records = []
        for number, change in enumerate(changes):
            envelope = json.loads(record["body"])
            envelope = {**envelope, "id": f"event-{number}", "detail": {**envelope["detail"], **change}}
            records.append({**record, "messageId": f"{number}", "body": json.dumps(envelope)})
        return {"Records": records}

    return build


def two_changes(service: Service) -> Event:
    created = service.event("publish_changes", "created_with_params")["Records"]
    return {"Records": created + service.event("publish_changes", "started_and_progressed")["Records"]}


CHANGE, RUN = (of_schedule("manage_schedules", case) for case in ("public_change", "public_run"))


# ---- the table ----------------------------------------------------------------------------------------------------

_DELETION = {"action": DELETE_USER_DATA, "referenceId": "mehdi@example.com"}
_OBJECTS = tuple(f"{prefix_of(PROJECT_KEY, user)}{name}" for user in (USER, "user/10") for name in ("1", "2"))

SCENARIOS = (
    Scenario("list_jobs", "v1", "openreplay_v1", three_jobs),
    Scenario("list_jobs", "public", "public", three_jobs),
    Scenario("list_jobs", "filtered", "public_filtered", three_jobs),
    Scenario("list_jobs", "by reference", "public_by_reference", three_jobs),
    Scenario("list_jobs", "erasures", "public_erasures", a_completed_deletion),
    Scenario("list_jobs", "before a job", "openreplay_v1_before", three_jobs),
    Scenario("list_jobs", "v3", "alteryx_v3", an_ended_run),
    Scenario("list_jobs", "of a workflow", "alteryx_v3_workflow", a_run),
    Scenario("get_workflows", "all", "alteryx_v3_list"),
    Scenario("get_workflows", "one that has jobs alone", "alteryx_v3", a_run),
    Scenario("get_job", "v1", "openreplay_v1", one_scheduled),
    Scenario("get_job", "public", "public", one_scheduled),
    Scenario("get_job", "details", "public_details", one_with_everything),
    Scenario("get_job", "details of what failed", "public_details", one_that_failed_first),
    Scenario("get_job", "v3", "alteryx_v3", a_run),
    Scenario("get_job", "v3 with a file", "alteryx_v3", a_run_with_a_file),
    Scenario("announce_artifact", "public", "public", one_running),
    Scenario("announce_artifact", "again", "public", one_with_a_file),
    Scenario("get_artifacts", "list", "public_list", a_run_with_a_file),
    Scenario("get_artifacts", "public", "public", a_run_with_a_file),
    Scenario("get_artifacts", "v3", "alteryx_v3", a_run_with_a_file),
    Scenario("get_messages", "public", "public", one_with_everything),
    Scenario("get_messages", "v3", "alteryx_v3", a_run),
    Scenario("issue_token", "basic", "basic", repeats=True, tried_once=frozenset({"PutItem"})),
    Scenario("cancel_job", "v1 scheduled", "openreplay_v1", one_scheduled, again=frozenset({501})),
    Scenario("cancel_job", "public running", "public", one_running, again=frozenset({400})),
    Scenario("cancel_job", "v3", "alteryx_v3", a_run, again=frozenset({400})),
    Scenario("create_job", "run of a workflow", "alteryx_v3_run_workflow", repeats=True),
    Scenario("create_job", "with a key", "public", again=frozenset({200})),
    Scenario("create_job", "without a key", without_key, repeats=True),
    Scenario("create_job", "in a new block", without_key, a_full_block, repeats=True, beside=frozenset({"UpdateItem"})),
    Scenario("create_job", "replayed", "public", a_job_of_its_key),
    Scenario("create_job", "v1 deletion", "openreplay_v1_delete_user"),
    Scenario("create_job", "public deletion", "public_delete_user", again=frozenset({409})),
    Scenario("create_job", "next deletion", "public_delete_user", a_cancelled_deletion, again=frozenset({409})),
    Scenario("create_job", "retry", "public_retry", one_failed, again=frozenset({409})),
    Scenario("create_job", "retry of a deletion", "public_retry", a_cancelled_deletion, again=frozenset({409})),
    Scenario("move_job", "to later", "public", one_scheduled, repeats=True),
    Scenario("move_job", "to now", to_now, one_scheduled, repeats=True),
    Scenario("dispatch_due_jobs", "due and overdue", "schedule", due_and_overdue),
    Scenario("dispatch_due_jobs", "due schedules", "schedule", three_schedules),
    Scenario("manage_schedules", "make", "public", again=frozenset({200})),
    Scenario("manage_schedules", "make without a key", schedule_without_key, a_schedule_of_later, repeats=True),
    Scenario("manage_schedules", "made before", "public", a_schedule_of_its_key),
    Scenario("manage_schedules", "look ahead", "public_preview"),
    Scenario(
        "manage_schedules",
        "change",
        CHANGE,
        a_schedule_of_later,
        again=frozenset({412}),
    ),
    Scenario(
        "manage_schedules",
        "change a due one",
        CHANGE,
        a_schedule,
        again=frozenset({412}),
    ),
    Scenario(
        "manage_schedules",
        "remove",
        of_schedule("manage_schedules", "public_remove"),
        a_schedule_of_later,
        again=frozenset({404}),
    ),
    Scenario("manage_schedules", "run", RUN, a_schedule_of_later, repeats=True),
    Scenario(
        "manage_schedules",
        "run a deletion",
        RUN,
        one_that_deletes,
        again=frozenset({409}),
    ),
    Scenario("manage_schedules", "v3 make", "alteryx_v3", a_schedule_of_later, repeats=True),
    Scenario("manage_schedules", "v3 replace", of_schedule("manage_schedules", "alteryx_v3_replace"), a_schedule_of_v3),
    Scenario("manage_schedules", "v3 change", of_schedule("manage_schedules", "alteryx_v3_change"), a_schedule),
    Scenario(
        "manage_schedules",
        "v3 remove",
        of_schedule("manage_schedules", "alteryx_v3_remove"),
        a_schedule_of_v3,
        again=frozenset({404}),
    ),
    Scenario("get_schedules", "v3 one", of_schedule("get_schedules", "alteryx_v3"), a_schedule_of_v3),
    Scenario("get_schedules", "v3 all", "alteryx_v3_list", three_schedules),
    Scenario("get_schedules", "one", of_schedule("get_schedules", "public"), a_schedule),
    Scenario("get_schedules", "all", "public_list", three_schedules),
    Scenario("get_schedules", "occurrences", of_schedule("get_schedules", "public_occurrences"), a_schedule),
    Scenario("fire_schedules", "one", fire_hint(1), a_schedule),
    Scenario("fire_schedules", "three", fire_hint(3), three_schedules),
    Scenario("fire_schedules", "one that skips", fire_hint(1), one_that_skips),
    Scenario("fire_schedules", "a deletion", fire_hint(1), one_that_deletes),
    Scenario("start_jobs", "one job", one_hint, one_scheduled),
    Scenario("start_jobs", "two hints", two_hints, three_due),
    Scenario("reap_lost_jobs", "two lost", "schedule", two_lost),
    Scenario("redact_jobs", "two ended", "schedule", two_to_forget, files=("1/1/1/a", "1/1/1/b", "1/10/1/a")),
    Scenario("redact_jobs", "after a deletion", "schedule", a_deleted_user, files=("1/1/1/a",)),
    Scenario("redact_jobs", "old jobs", "schedule", three_old),
    Scenario("redact_jobs", "a closed project", "schedule", a_closed_project, objects=_OBJECTS, files=("1/1/1/a",)),
    Scenario("ingest_events", "two requests", of_bus("job_requested", {}, {"params": {}})),
    Scenario("ingest_events", "request with a key", "job_requested_idempotently"),
    Scenario("ingest_events", "schedule", of_bus("schedule_requested", {"idempotencyKey": None})),
    Scenario("ingest_events", "schedules with a key", of_bus("schedule_requested", {}, {})),
    Scenario(
        "ingest_events",
        "schedule of soon",
        of_bus("schedule_requested", {"cron": None, "timezone": None, "at": NOW + 60_000}),
    ),
    Scenario("ingest_events", "deletion", of_bus("job_requested", _DELETION)),
    Scenario("ingest_events", "dropped deletion", of_bus("job_requested", _DELETION), an_active_deletion_by_request),
    Scenario("ingest_events", "progress", "job_progress", one_running),
    Scenario("ingest_events", "message", "job_message", one_running),
    Scenario("ingest_events", "completed", "job_completed", one_running),
    Scenario("ingest_events", "failed", "job_failed", one_running),
    Scenario("ingest_events", "backs off", "job_failed", one_with_attempts_left),
    Scenario("ingest_events", "fails for good", "job_failed_for_good", one_with_attempts_left),
    Scenario("ingest_events", "early", "job_completed", one_scheduled),
    Scenario("ingest_events", "poison", "batch_with_poison", tried_once=frozenset({"SendMessage"})),
    Scenario("publish_changes", "two changes", two_changes, lambda service: put(service, scheduled(has_params=True))),
    Scenario("delete_user_data", "all", "started", a_running_deletion, objects=_OBJECTS),
    Scenario("delete_user_data", "short of time", "started", a_running_deletion, objects=_OBJECTS, seconds=0.001),
    Scenario("delete_user_data", "cancelled", "started", a_stopped_deletion, objects=_OBJECTS),
)
