"""Which workflows an organisation knows, and which of them a user sees."""

from __future__ import annotations

from typing import Any

import pytest
from jobs.errors import WorkflowNotFound
from jobs.model import Run
from jobs.tenants import Registration, Right, Role
from jobs.workflows import catalogue
from jobs.workflows.catalogue import WorkflowFilter

from tests.builders import NOW, ORGANISATION, a_job, a_principal, a_project, a_workflow
from tests.fakes import World
from tests.unit.test_viewing import ADMINISTRATOR, a_registry

ANYBODY = a_principal()


@pytest.fixture
def world() -> World:
    """Two projects of the organisation and one of another."""
    foreign = a_project(project_id=3, organisation_id=ORGANISATION + 1)
    return World(directory=a_registry(a_project(), a_project(project_id=2), foreign))


def tell(world: World, workflow_id: str, organisation_id: int = ORGANISATION, **told: Any) -> Any:
    workflow = a_workflow(workflow_id=workflow_id, **told)
    world.directory.workflows[organisation_id, workflow_id] = workflow
    return workflow


@pytest.mark.parametrize(
    ("principal", "sees"),
    [
        (ADMINISTRATOR, True),
        (a_principal(user_id="owner"), True),
        (a_principal(collections={"c-1": Right.VIEW}), True),
        (a_principal(collections={"c-2": Right.CANCEL, "c-9": Right.VIEW}), True),
        (a_principal(collections={"c-9": Right.CANCEL}), False),
        (ANYBODY, False),
    ],
)
def test_a_workflow_in_collections_is_seen_through_them_by_its_owner_and_by_administrators(
    world: World, principal: Any, *, sees: bool
) -> None:
    told = Registration(owner_id="owner")
    workflow = tell(world, "w", collection_ids=("c-1", "c-2"), registration=told)

    assert catalogue.list_workflows(world, principal, WorkflowFilter()) == ([workflow] if sees else [])
    if sees:
        assert catalogue.find_workflow(world, principal, "w") == workflow
    else:
        with pytest.raises(WorkflowNotFound):
            catalogue.find_workflow(world, principal, "w")


def test_a_workflow_in_no_collection_is_everybody_s_in_its_organisation(world: World) -> None:
    workflow = tell(world, "w")

    assert catalogue.find_workflow(world, ANYBODY, "w") == workflow
    assert catalogue.list_workflows(world, ANYBODY, WorkflowFilter()) == [workflow]
    stranger = a_principal(organisation_id=ORGANISATION + 1, role=Role.ADMINISTRATOR)
    assert catalogue.list_workflows(world, stranger, WorkflowFilter()) == []
    with pytest.raises(WorkflowNotFound):
        catalogue.find_workflow(world, stranger, "w")


def test_a_workflow_of_which_only_jobs_tell_was_seen_when_the_first_was_created(world: World) -> None:
    for project, number, at in ((1, 1, 9), (1, 2, 10), (2, 1, 5), (2, 2, 20), (3, 1, 1)):
        job = a_job(project_id=project, job_id=number, at=NOW + at, run=Run("w", "user-9", ("c-9",)))
        world.store.jobs[project, number] = job

    assert catalogue.find_workflow(world, ANYBODY, "w") == a_workflow(created_at=NOW + 5)
    assert catalogue.list_workflows(world, ADMINISTRATOR, WorkflowFilter()) == []
    with pytest.raises(WorkflowNotFound):
        catalogue.find_workflow(world, ADMINISTRATOR, "x")


def test_what_was_told_of_a_workflow_goes_before_what_its_jobs_tell(world: World) -> None:
    world.store.jobs[1, 1] = a_job(at=NOW - 5, run=Run("w", "user-1"))
    workflow = tell(world, "w", registration=Registration("Sales"))

    assert catalogue.find_workflow(world, ANYBODY, "w") == workflow


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (WorkflowFilter(), ["a", "b", "c"]),
        (WorkflowFilter(name="sales"), ["a"]),
        (WorkflowFilter(name="sale"), []),
        (WorkflowFilter(name="c"), ["c"]),
        (WorkflowFilter(owner_id="user-1"), ["a", "b"]),
        (WorkflowFilter(name="stock", owner_id="user-1"), ["b"]),
        (WorkflowFilter(created_from=NOW + 1), ["b", "c"]),
        (WorkflowFilter(created_before=NOW + 1), ["a"]),
        (WorkflowFilter(created_from=NOW + 1, created_before=NOW + 2), ["b"]),
        (WorkflowFilter(created_from=-5, created_before=0), []),
    ],
)
def test_workflows_are_filtered_by_name_owner_and_time(
    world: World, wanted: WorkflowFilter, expected: list[str]
) -> None:
    for number, (one, told) in enumerate(
        {"a": Registration("Sales", "User-1"), "b": Registration("STOCK", "User-1"), "c": Registration()}.items()
    ):
        tell(world, one, registration=told, created_at=NOW + number)

    assert [workflow.workflow_id for workflow in catalogue.list_workflows(world, ANYBODY, wanted)] == expected
