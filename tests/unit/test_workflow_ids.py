"""Callers choose the ids of workflows. Each call checks that an id can be stored and can be part of a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from jobs.errors import InvalidRequest
from jobs.model import Status
from jobs.tenants import Client, Principal, Role, User
from jobs.workflows import running, viewing
from jobs.workflows.running import RunRequest

from tests.fakes import FakeDirectory

if TYPE_CHECKING:
    from tests.fakes import World

PRINCIPAL = Principal(
    Client(client_id="c", organisation_id=1, user_id="u", project_id=1, secret_digest=""),
    User(organisation_id=1, user_id="u", role=Role.ADMINISTRATOR),
)


@pytest.mark.parametrize("workflow_id", ["", " ", "x" * 257, "x" * 4_000])
def test_an_id_that_no_workflow_can_have_is_refused_by_name_to_whoever_runs_or_lists_it(
    world: World, workflow_id: str
) -> None:
    # DynamoDB refuses a key of over 2,048 bytes. No emulator here does.
    wanted = viewing.Selection(frozenset(Status), offset=0, limit=50)

    with pytest.raises(InvalidRequest) as refused_run:
        running.run_workflow(world.with_directory(FakeDirectory()), PRINCIPAL, workflow_id, RunRequest())
    with pytest.raises(InvalidRequest) as listing:
        viewing.list_workflow_jobs(world.with_directory(FakeDirectory()), PRINCIPAL, workflow_id, wanted)

    assert refused_run.value.field == listing.value.field == "workflowId"
