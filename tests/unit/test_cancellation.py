"""Cancelling. The contract suite has what the store does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from jobs.errors import JobNotCancellable, JobNotFound
from jobs.lifecycle.cancellation import cancel_job
from jobs.model import Change, Status

from tests.builders import NOW, a_job, a_project

if TYPE_CHECKING:
    from tests.fakes import World


def test_a_cancelled_job_says_when_and_by_whom(world: World) -> None:
    world.store.jobs[1, 1] = a_job(next_at=NOW + 9)

    job = cancel_job(world.ports, a_project(), 1, by="key-2")

    assert job.history[-1] == Change(Status.CANCELLED, NOW, "key-2")
    assert world.store.get_job(1, 1) == job


def test_the_tenant_is_the_projects_whatever_the_number(world: World) -> None:
    world.store.jobs[2, 1] = a_job(project_id=2)

    with pytest.raises(JobNotFound):
        cancel_job(world.ports, a_project(project_id=1), 1, by="key-2")

    assert world.store.jobs[2, 1].status is Status.SCHEDULED


def test_a_second_cancel_changes_nothing(world: World) -> None:
    world.store.jobs[1, 1] = a_job()
    job = cancel_job(world.ports, a_project(), 1, by="key-2")
    world.clock.sleep(5)

    with pytest.raises(JobNotCancellable):
        cancel_job(world.ports, a_project(), 1, by="key-3")

    assert world.store.get_job(1, 1) == job


@pytest.mark.parametrize("job_id", [0, -1, -(10**14)])
def test_numbers_below_one_name_no_job_and_reach_no_store(
    world: World, job_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.store, "cancel_job", None)

    with pytest.raises(JobNotFound):
        cancel_job(world.ports, a_project(), job_id, by="key-2")
