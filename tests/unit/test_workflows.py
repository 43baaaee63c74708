"""Running a workflow: which job it creates, and how the request is read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from jobs.dialects.bodies import parse_run
from jobs.errors import InvalidRequest, RunNotPermitted, Unauthorized
from jobs.model import Change, NewJob, Run, Status
from jobs.tenants import Principal, Registration, Right, Role
from jobs.workflows.running import RunRequest, run_workflow

from tests.builders import NOW, ORGANISATION, a_client, a_job, a_principal, a_project, a_user, a_workflow
from tests.fakes import FakeDirectory, World

if TYPE_CHECKING:
    from jobs.model import Job

WORKFLOW = "5bc4a813156ae016dcb442bd"


@pytest.fixture
def registry() -> FakeDirectory:
    registry = FakeDirectory()
    registry.projects = {f"key-{number}": a_project(project_id=number) for number in (1, 2)}
    return registry


def run(world: World, registry: FakeDirectory, workflow: str = WORKFLOW, **request: Any) -> Job:
    runner = a_principal(collections={"c-1": Right.RUN})
    return run_workflow(world.with_directory(registry), runner, workflow, RunRequest(**request))


def test_a_run_is_a_job_of_the_client_s_project_that_starts_now(world: World, registry: FakeDirectory) -> None:
    registry.workflows[ORGANISATION, WORKFLOW] = a_workflow(collection_ids=("c-1", "c-2"))

    params = {"workerTag": "tag", "questions": []}
    job = run(world, registry, priority="High", worker_tag="tag", params=params)

    assert job == a_job(
        action="run_workflow",
        reference_id=WORKFLOW,
        description=f"Run workflow {WORKFLOW}",
        history=(Change(Status.SCHEDULED, NOW, a_client().actor),),
        has_params=True,
        run=Run(WORKFLOW, "user-1", ("c-1", "c-2"), "High", "tag"),
    )
    assert world.store.jobs == {(1, 1): job}
    assert world.store.params == {(1, 1): params}
    assert world.queue.job_ids == [1]


def test_a_run_that_asks_for_nothing_has_every_default(world: World, registry: FakeDirectory) -> None:
    job = run(world, registry)

    assert job.run == Run(WORKFLOW, "user-1")
    assert (job.max_attempts, job.timeout_seconds) == (
        NewJob(action="x").max_attempts,
        NewJob(action="x").timeout_seconds,
    )
    assert world.store.params == {}


def test_the_project_is_the_client_s_and_the_owner_its_user_whatever_the_role(
    world: World, registry: FakeDirectory
) -> None:
    user = a_user(user_id="user-9", role=Role.ADMINISTRATOR)
    principal = Principal(a_client(client_id="c" * 24, user_id="user-9", project_id=2), user)

    job = run_workflow(world.with_directory(registry), principal, WORKFLOW, RunRequest())

    assert (job.project_id, job.run.owner_id, job.history[0].by) == (2, "user-9", f"client:{'c' * 24}")


def test_a_workflow_of_this_id_in_another_organisation_shares_nothing(world: World, registry: FakeDirectory) -> None:
    registry.workflows[ORGANISATION + 1, WORKFLOW] = a_workflow(collection_ids=("c-1",))

    assert run(world, registry).run.collection_ids == ()


def test_a_run_that_names_no_workers_is_for_those_of_the_workflow(world: World, registry: FakeDirectory) -> None:
    registry.workflows[ORGANISATION, WORKFLOW] = a_workflow(registration=Registration(worker_tag="gpu"))

    default, own = run(world, registry), run(world, registry, worker_tag="cpu", params={"workerTag": "cpu"})

    assert [job.run.worker_tag for job in (default, own)] == ["gpu", "cpu"]
    assert list(world.store.params.values()) == [{"workerTag": "gpu"}, {"workerTag": "cpu"}]


def test_a_share_holds_for_the_runs_that_come_alone(world: World, registry: FakeDirectory) -> None:
    before = run(world, registry)
    registry.workflows[ORGANISATION, WORKFLOW] = a_workflow(collection_ids=("c-1",))
    after = run(world, registry)
    registry.workflows[ORGANISATION, WORKFLOW] = a_workflow(collection_ids=())

    assert [job.run.collection_ids for job in (before, after)] == [(), ("c-1",)]
    assert [job.run.collection_ids for job in world.store.jobs.values()] == [(), ("c-1",)]


@pytest.mark.parametrize(
    ("role", "collections", "may_run"),
    [
        (Role.MEMBER, {}, False),
        (Role.MEMBER, {"c-9": Right.CANCEL}, False),
        (Role.MEMBER, {"c-1": Right.VIEW, "c-2": Right.VIEW}, False),
        (Role.MEMBER, {"c-1": Right.VIEW, "c-2": Right.RUN}, True),
        (Role.MEMBER, {"c-1": Right.RUN}, True),
        (Role.MEMBER, {"c-1": Right.CANCEL}, True),
        (Role.ADMINISTRATOR, {}, True),
    ],
)
def test_a_workflow_in_collections_is_run_through_one_of_them_or_by_an_administrator(
    world: World, registry: FakeDirectory, role: Role, collections: dict[str, Right], *, may_run: bool
) -> None:
    registry.workflows[ORGANISATION, WORKFLOW] = a_workflow(collection_ids=("c-1", "c-2"))
    principal = a_principal(role=role, collections=collections)
    subject = world.with_directory(registry)

    if may_run:
        assert run_workflow(subject, principal, WORKFLOW, RunRequest()).run.collection_ids == ("c-1", "c-2")
    else:
        with pytest.raises(RunNotPermitted):
            run_workflow(subject, principal, WORKFLOW, RunRequest())
        assert (world.store.jobs, world.queue.messages) == ({}, [])


@pytest.mark.parametrize("workflow", ["", " ", "\t\n", "x" * 257])
def test_a_workflow_s_id_is_1_to_256_characters_and_not_blank(
    world: World, registry: FakeDirectory, workflow: str
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        run(world, registry, workflow)

    assert refusal.value.field == "workflowId"
    assert (world.store.jobs, registry.reads) == ({}, [])


@pytest.mark.parametrize("workflow", ["x", "🙂" * 256, "a#b/c d"])
def test_any_other_text_may_be_one(world: World, registry: FakeDirectory, workflow: str) -> None:
    assert run(world, registry, workflow).run.workflow_id == workflow


def test_a_client_whose_project_is_gone_runs_nothing(world: World, registry: FakeDirectory) -> None:
    registry.projects.clear()

    with pytest.raises(Unauthorized):
        run(world, registry)
    assert world.store.jobs == {}


# ---- the body -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{}",
        '{"workerTag":null,"credentialId":null,"questions":null,"priority":null}',
        '{"workerTag":"","credentialId":"","questions":[],"priority":""}',
        '{"questions":{}}',
        '{"startAt":1,"ownerId":"user-2","collectionIds":["c-1"],"params":{"a":1},"maxAttempts":20}',
    ],
)
def test_what_is_left_out_null_or_empty_asks_for_nothing(body: str) -> None:
    assert parse_run(body) == RunRequest("", "", {})


@pytest.mark.parametrize("priority", ["Default", "Low", "Medium", "High", "Critical"])
def test_a_priority_is_one_of_five_in_any_case(priority: str) -> None:
    for spelled in (priority, priority.lower(), priority.upper()):
        asked = parse_run(json.dumps({"priority": spelled}))
        assert (asked.priority, asked.params) == (priority, {"priority": priority})


def test_answers_come_as_a_list_or_as_an_object() -> None:
    questions: list[dict[str, Any]] = [{"name": "Region", "value": "North"}, {"name": "Year", "value": None}]

    as_object = parse_run('{"questions":{"Region":"North","Year":null}}')
    as_list = parse_run(json.dumps({"questions": [{**question, "other": 1} for question in questions]}))

    assert as_object == as_list == RunRequest("", "", {"questions": questions})


def test_what_the_workflow_is_told_becomes_parameters() -> None:
    questions = [{"name": "Region", "value": "North"}, {"name": "Ä", "value": ""}, {"name": "", "value": None}]

    asked = {"workerTag": "tag", "credentialId": "c", "questions": questions}

    assert parse_run(json.dumps(asked)) == RunRequest("", "tag", asked)


def test_an_answer_without_a_value_has_none() -> None:
    assert parse_run('{"questions":[{"name":"a"}]}').params == {"questions": [{"name": "a", "value": None}]}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (" ", "body"),
        ("{", "body"),
        ("[]", "body"),
        ("null", "body"),
        ('{"workerTag":"\\ud800"}', "body"),
        ('{"priority":2}', "priority"),
        ('{"priority":"Urgent"}', "priority"),
        ('{"priority":["High"]}', "priority"),
        ('{"questions":"x"}', "questions"),
        ('{"questions":{"a":1}}', "questions"),
        (json.dumps({"questions": {"x" * 257: "y"}}), "questions"),
        (json.dumps({"questions": {f"{number}": "y" for number in range(101)}}), "questions"),
        ('{"workerTag":1}', "workerTag"),
        (json.dumps({"workerTag": "x" * 257}), "workerTag"),
        (json.dumps({"credentialId": "x" * 257}), "credentialId"),
        ('{"questions":[{}]}', "questions"),
        ('{"questions":[{"name":1}]}', "questions"),
        ('{"questions":[{"name":"a","value":1}]}', "questions"),
        (json.dumps({"questions": [{"name": "x" * 257}]}), "questions"),
        (json.dumps({"questions": [{"name": "x"}] * 101}), "questions"),
        (json.dumps({"questions": [{"name": "x", "value": "y" * 33_000}]}), "params"),
    ],
)
def test_a_bad_body_is_refused_by_the_name_of_the_field(body: str, field: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parse_run(body)

    assert refusal.value.field == field


def test_what_is_just_within_bounds_is_taken() -> None:
    body = {
        "workerTag": "é" * 256,
        "credentialId": "é" * 256,
        "questions": [{"name": "é" * 64, "value": "x"}] * 100,
    }

    assert parse_run(json.dumps(body)).worker_tag == "é" * 256
