"""Callers choose the ids of workflows. Each call checks that an id can be stored and can be part of a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from jobs.errors import InvalidRequest
from jobs.tenants import Client, Principal, Role, User
from jobs.workflows import catalogue, listing, running
from jobs.workflows.listing import Selection
from jobs.workflows.running import RunRequest

from tests.fakes import FakeDirectory

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes import World

PRINCIPAL = Principal(
    Client(client_id="c", organisation_id=1, user_id="u", project_id=1, secret_digest=""),
    User(organisation_id=1, user_id="u", role=Role.ADMINISTRATOR),
)


@pytest.mark.parametrize("workflow_id", ["", " ", "x" * 257, "x" * 4_000])
def test_an_id_that_no_workflow_can_have_is_refused_by_name_at_every_call(world: World, workflow_id: str) -> None:
    # DynamoDB refuses a key of over 2,048 bytes. No emulator here does.
    ports = world.with_directory(FakeDirectory())
    calls: list[Callable[[], object]] = [
        lambda: running.run_workflow(ports, PRINCIPAL, workflow_id, RunRequest()),
        lambda: listing.list_workflow_jobs(ports, PRINCIPAL, workflow_id, Selection()),
        lambda: catalogue.find_workflow(ports, PRINCIPAL, workflow_id),
    ]

    for call in calls:
        with pytest.raises(InvalidRequest) as refusal:
            call()
        assert refusal.value.field == "workflowId"
