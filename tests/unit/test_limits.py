"""How many jobs callers may create within a minute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from jobs.errors import DeletionActive, TooManyCreations
from jobs.lifecycle import retrying
from jobs.lifecycle.creation import IdempotencyKey, Request, create_batch, create_job
from jobs.model import SeenEvent

from tests.builders import NOW, a_project, a_request

if TYPE_CHECKING:
    from jobs.model import Job

    from tests.fakes import World

BY = "key:key-1"


def create(world: World, limit: int | None, **overrides: Any) -> Job:
    project = a_project(creations_per_minute=limit)
    new = overrides.pop("new", a_request())
    return create_job(world.ports, project, new, by=BY, **overrides).job


def reads(world: World, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, bool]]:
    """Which jobs are read from now on, and whether strongly."""
    found: list[tuple[int, bool]] = []
    get_job = world.store.get_job

    def seen(project_id: int, job_id: int, *, strong: bool = True) -> Job | None:
        found.append((job_id, strong))
        return get_job(project_id, job_id, strong=strong)

    monkeypatch.setattr(world.store, "get_job", seen)
    return found


def test_the_limit_is_reached_while_the_oldest_of_as_many_jobs_is_younger_than_a_minute(world: World) -> None:
    for _ in range(3):
        create(world, 3)
        world.clock.time += 10_000

    with pytest.raises(TooManyCreations) as refusal:
        create(world, 3)
    assert (refusal.value.retry_after, str(refusal.value)) == (30, "this project may create 3 jobs a minute")
    assert len(world.store.jobs) == 3

    world.clock.time = NOW + 59_999
    with pytest.raises(TooManyCreations) as refusal:
        create(world, 3)
    assert refusal.value.retry_after == 1

    world.clock.time = NOW + 60_000
    assert create(world, 3).job_id == 4
    with pytest.raises(TooManyCreations) as refusal:
        create(world, 3)
    assert refusal.value.retry_after == 10


def test_a_limit_of_one_lets_one_job_through_a_minute(world: World) -> None:
    create(world, 1)

    with pytest.raises(TooManyCreations) as refusal:
        create(world, 1)
    assert refusal.value.retry_after == 60
    world.clock.time += 60_000
    create(world, 1)


def test_without_a_limit_nothing_is_read_and_with_one_a_single_row_weakly(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = reads(world, monkeypatch)
    for limit in (None, None, 3):
        create(world, limit)
    assert found == []

    world.clock.time += 60_000
    create(world, 2)
    assert found == [(2, False)]


def test_a_weak_read_that_lacks_the_job_means_that_it_is_new(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    create(world, 1)
    monkeypatch.setattr(world.store, "get_job", lambda *_, **__: None)

    with pytest.raises(TooManyCreations) as refusal:
        create(world, 1)
    assert refusal.value.retry_after == 60


def test_what_creates_no_job_passes(world: World) -> None:
    deletion, key = a_request(action="delete_user_data", reference_id="u"), IdempotencyKey("k", "digest")
    create(world, 2, idempotency=key)
    create(world, 2, new=deletion)

    assert create(world, 2, idempotency=key).job_id == 1
    with pytest.raises(DeletionActive):
        create(world, 2, new=deletion)
    world.store.cancel_job(1, 1, NOW, BY)
    assert retrying.retry_job(world.ports, a_project(creations_per_minute=2), 1, by=BY).attempt == 2


def test_events_know_no_limit(world: World) -> None:
    project = a_project(creations_per_minute=1)
    create(world, 1)

    create(world, 1, seen=SeenEvent("1", 2**40))
    create_batch(world.ports, project, [Request(a_request(), "event:shop", SeenEvent("2", 2**40))])

    assert len(world.store.jobs) == 3
