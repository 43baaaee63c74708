"""Retention is set for a project that has old jobs: they are entered, each once, however often that is interrupted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from jobs.forgetting import walking
from jobs.forgetting.ports import RetentionWalk
from jobs.forgetting.proof import prove
from jobs.forgetting.redacting import LATE, redact
from jobs.forgetting.walking import SETTLED, walk
from jobs.lifecycle.cancellation import cancel_job
from jobs.lifecycle.creation import create_job
from jobs.lifecycle.deletion import lock_digest
from jobs.lifecycle.reporting import complete
from jobs.model import DAY, DELETE_USER_DATA, Forgotten, Status
from jobs.outcomes import Attempt
from jobs.tenants import KEEP_EVERYTHING, Retention

from tests.builders import NOW, a_project, a_request, start
from tests.fakes import FakeStore, ever

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.model import Job
    from jobs.tenants import Project

    from tests.fakes import World

RETENTION = Retention(30, 90)
BEFORE = a_project()


def project_of(world: World) -> Project:
    return world.directory.projects[BEFORE.project_key]


def set_retention(world: World, retention: Retention, at: int = NOW) -> None:
    """As `jobs-admin` does: the project and its walk."""
    world.directory.projects[BEFORE.project_key] = replace(BEFORE, retention=retention)
    world.store.walks[1] = RetentionWalk(1, at)


def old_job(world: World, user: str = "ann", action: str = "export", *, ends: bool = True) -> int:
    """A job of the time before retention was on."""
    job_id = create_job(world.ports, BEFORE, a_request(action=action, reference_id=user), by="key:1").job.job_id
    start(world.store, job_id, NOW)
    if ends:
        complete(world.ports, Attempt(1, job_id, 1), by="event:w")
    return job_id


def go(world: World, after: int = SETTLED, has_time: Any = ever) -> int:
    world.clock.time = NOW + after
    return walk(world.ports, has_time)


def test_old_jobs_are_entered_and_found_by_their_person(world: World) -> None:
    ended, active, nameless, deletion = (
        old_job(world),
        old_job(world, ends=False),
        old_job(world, ""),
        old_job(world, "ann", DELETE_USER_DATA),
    )
    before = dict(world.store.jobs)
    set_retention(world, RETENTION)

    assert go(world) == 4

    times = {number: world.store.jobs[1, number].next_at for number in (ended, nameless, deletion)}
    assert times == {ended: NOW + 30 * DAY, nameless: NOW + 30 * DAY, deletion: NOW}
    assert world.store.jobs[1, active] == before[1, active]
    person = lock_digest(BEFORE, "ann")
    found = world.store.list_references(1, person, 0, 9)
    assert [(row.job_id, row.is_deletion) for row in found] == [(ended, False), (active, False), (deletion, True)]
    assert world.store.walks == {}
    for key, job in world.store.jobs.items():
        assert job._replace(next_at=before[key].next_at) == before[key]


def test_a_user_who_was_deleted_before_is_forgotten_too(world: World) -> None:
    ended = old_job(world)
    old_job(world, "ann", DELETE_USER_DATA)
    set_retention(world, RETENTION)

    go(world)
    redact(world.ports, world.store.shards, ever)

    assert world.store.jobs[1, ended].forgotten is Forgotten.REDACTED


def test_a_walk_waits_until_no_function_believes_the_retention_of_before(world: World) -> None:
    old_job(world)
    set_retention(world, RETENTION)

    assert go(world, SETTLED - 1) == 0
    assert world.store.jobs[1, 1].forget_at is None
    assert go(world) == 1


def test_what_ends_while_the_walk_waits_is_entered_once(world: World) -> None:
    late = old_job(world, ends=False)
    set_retention(world, RETENTION)
    cancel_job(world.ports, BEFORE, late, by="a function that has not heard of it")

    go(world)

    assert world.store.jobs[1, late].forget_at == NOW + 30 * DAY


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_an_interrupted_walk_goes_on_where_it_was(world: World, monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    monkeypatch.setattr(walking, "STEP", 2)
    for _ in range(7):
        old_job(world)
    set_retention(world, RETENTION)
    runs = [0]

    for _ in range(20):
        left = iter(range(steps))
        runs.append(go(world, SETTLED, lambda _, left=left: next(left, None) is not None))
        if not world.store.walks:
            break

    assert sum(runs) == 7
    assert {job.forget_at for job in world.store.jobs.values()} == {NOW + 30 * DAY}


def test_projects_take_turns(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "STEP", 1)
    for _ in range(3):
        old_job(world)
    set_retention(world, RETENTION)
    other = replace(BEFORE, project_id=2, project_key="other", retention=RETENTION)
    world.directory.projects["other"] = other
    world.store.walks[2] = RetentionWalk(2, NOW)
    create_job(world.ports, replace(other, retention=KEEP_EVERYTHING), a_request(), by="key:1")
    left = iter(range(2))

    go(world, SETTLED, lambda _: next(left, None) is not None)

    assert {walk.project_id: walk.next for walk in world.store.list_walks()} == {1: 2, 2: 2}


class Meddling(FakeStore):
    """Lets something happen before the first entry."""

    def __init__(self, store: FakeStore, happens: Callable[[], object]) -> None:
        self.__dict__.update(store.__dict__)
        self.happens: Callable[[], object] | None = happens

    def enter_job(self, seen: Job, due: int | None, person: str) -> bool:
        happens, self.happens = self.happens, None
        if happens is not None:
            happens()
        return super().enter_job(seen, due, person)


def test_a_job_that_changes_meanwhile_is_looked_at_again(world: World) -> None:
    job_id = old_job(world, ends=False)
    set_retention(world, RETENTION)
    world.store = Meddling(world.store, lambda: cancel_job(world.ports, BEFORE, job_id, by="key:1"))

    go(world)

    job = world.store.jobs[1, job_id]
    assert (job.status, job.forget_at) == (Status.CANCELLED, NOW + SETTLED + 30 * DAY)
    assert len(world.store.references) == 1


def test_a_retention_that_is_set_again_begins_the_walk_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "STEP", 1)
    for _ in range(3):
        old_job(world)
    set_retention(world, RETENTION)
    again = NOW + SETTLED
    world.store = Meddling(world.store, lambda: set_retention(world, Retention(10, 20), again))

    go(world)
    assert world.store.walks == {1: RetentionWalk(1, again)}
    go(world, 2 * SETTLED)

    assert {job.forget_at for job in world.store.jobs.values()} == {NOW + 10 * DAY}


def test_a_shorter_and_a_longer_retention_move_what_waits(world: World) -> None:
    old_job(world)
    for retention, due in ((RETENTION, 30), (Retention(5), 5), (Retention(None, 200), 200)):
        set_retention(world, retention)
        go(world)
        assert world.store.jobs[1, 1].forget_at == NOW + due * DAY


def test_what_was_forgotten_or_is_looked_at_once_more_stays_as_it_is(world: World) -> None:
    old_job(world)
    job = world.store.jobs[1, 1]
    for left, after in (
        (job._replace(forgotten=Forgotten.REDACTED, next_at=None), SETTLED),
        (job._replace(forgotten=Forgotten.PAYLOAD, next_at=NOW + LATE), SETTLED),
    ):
        world.store.jobs[1, 1] = left
        set_retention(world, RETENTION)

        go(world, after)

        assert world.store.jobs[1, 1] == left


def test_a_payload_that_is_gone_still_waits_for_redaction(world: World) -> None:
    old_job(world)
    world.store.jobs[1, 1] = world.store.jobs[1, 1]._replace(forgotten=Forgotten.PAYLOAD, next_at=NOW + 90 * DAY)
    set_retention(world, Retention(30, 60))

    go(world, LATE)

    assert world.store.jobs[1, 1].forget_at == NOW + 60 * DAY


def test_the_walk_of_a_project_that_keeps_everything_ends(world: World) -> None:
    old_job(world)
    set_retention(world, KEEP_EVERYTHING)

    assert go(world) == 0

    assert (world.store.walks, world.store.jobs[1, 1].forget_at) == ({}, None)


def test_nobody_counts_remaining_jobs_before_the_walk_has_ended(world: World) -> None:
    old_job(world)
    set_retention(world, RETENTION)
    assert prove(world.ports, project_of(world), "ann").remaining is None

    go(world)

    assert prove(world.ports, project_of(world), "ann").remaining == 1
