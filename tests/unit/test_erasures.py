"""A user is deleted: what becomes of the user's older jobs, and what can still be proven."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from jobs.dialects import erasures
from jobs.errors import InvalidRequest
from jobs.forgetting import redacting
from jobs.forgetting.proof import prove
from jobs.forgetting.redacting import redact, tag_of
from jobs.lifecycle.cancellation import cancel_job
from jobs.lifecycle.creation import Request, create_batch, create_job
from jobs.lifecycle.deletion import lock_digest
from jobs.lifecycle.reporting import complete, fail
from jobs.model import DAY, DELETE_USER_DATA, Forgotten, SeenEvent, Status
from jobs.outcomes import Attempt, Failure
from jobs.tenants import KEEP_EVERYTHING, Retention

from tests.builders import NOW, a_project, a_request, start
from tests.fakes import ever
from tests.proofs.simulation.stack import a_simulated_store
from tests.unit.test_retention import units

if TYPE_CHECKING:
    from jobs.tenants import Project

    from tests.fakes import World

RETENTION = Retention(30, 90)


def a_tenant(world: World, retention: Retention = RETENTION) -> Project:
    project = a_project(retention=retention)
    world.directory.projects[project.project_key] = project
    return project


def created(world: World, project: Project, user: str, action: str = "export") -> int:
    new = a_request(action=action, reference_id=user, description=f"for {user}", params={"user": user})
    return create_job(world.ports, project, new, by="key:1").job.job_id


def done(world: World, project: Project, job_id: int, *outputs: Any) -> None:
    start(world.store, job_id, world.clock.now())
    complete(world.ports, Attempt(1, job_id, 1), by="event:w", outputs=outputs, retention=project.retention)


def run(world: World, days: float = 0) -> int:
    world.clock.time = NOW + days * DAY
    return redact(world.ports, world.store.shards, ever)


def deleted(world: World, project: Project, user: str, count: int = 3) -> int:
    """The deletion of a user, which is completed."""
    job_id = created(world, project, user, DELETE_USER_DATA)
    done(world, project, job_id, {"deletedObjectVersions": count})
    return job_id


def shown(world: World, project: Project, user: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(erasures.render_proof(prove(world.ports, project, user)).body)["data"]
    return found


def test_a_deletion_redacts_the_users_older_ended_jobs_and_no_others(world: World) -> None:
    project = a_tenant(world)
    ended, active, of_another, failed = (created(world, project, user) for user in ("ann", "ann", "bob", "ann"))
    done(world, project, ended, "ann")
    done(world, project, of_another, "bob")
    start(world.store, failed, NOW)
    fail(world.ports, Attempt(1, failed, 1), Failure(["ann"]), by="event:w", retention=RETENTION)
    world.artifact_files.put("1/1/1/a")
    before = dict(world.store.jobs)
    deletion = deleted(world, project, "ann")
    later = created(world, project, "ann")
    done(world, project, later, "ann")

    assert run(world) == 1

    jobs = world.store.jobs
    tag = tag_of(project, "ann")
    assert {number: jobs[1, number].reference_id for number in range(1, 7)} == {
        ended: tag,
        active: "ann",
        of_another: "bob",
        failed: tag,
        deletion: "ann",
        later: "ann",
    }
    for number in (ended, failed):
        job = jobs[1, number]
        assert (job.description, job.forgotten, job.history) == ("", Forgotten.REDACTED, before[1, number].history)
        assert (world.store.get_params(1, number), world.store.get_outputs(before[1, number])) == ({}, [])
    assert jobs[1, active] == before[1, active]
    assert jobs[1, of_another] == before[1, of_another]
    assert jobs[1, deletion].forget_at == NOW + 30 * DAY


def test_the_deletion_itself_keeps_its_count_when_it_is_redacted(world: World) -> None:
    project = a_tenant(world)
    done(world, project, created(world, project, "ann"))
    deletion = deleted(world, project, "ann", 120)
    erasure = {
        "jobId": deletion,
        "status": "completed",
        "createdAt": NOW,
        "finishedAt": NOW,
        "deletedObjectVersions": 120,
        "redacted": False,
    }
    assert shown(world, project, "ann") == {"erasures": [erasure], "remainingJobs": 1}

    for days, redacted in ((0, False), (30, False), (90, True)):
        run(world, days)
        assert shown(world, project, "ann") == {"erasures": [{**erasure, "redacted": redacted}], "remainingJobs": 0}

    job = world.store.jobs[1, deletion]
    assert (job.reference_id, job.description) == (tag_of(project, "ann"), "")
    assert "ann" not in repr((world.store.jobs, world.store.params, world.store.outputs, world.store.references))


def test_an_active_job_of_the_user_is_told_and_follows_the_retention(world: World) -> None:
    project = a_tenant(world)
    active = created(world, project, "ann")
    deleted(world, project, "ann")
    run(world)
    assert shown(world, project, "ann")["remainingJobs"] == 1

    world.clock.time = NOW + DAY
    cancel_job(world.ports, project, active, by="key:1")
    run(world, 91)

    assert world.store.jobs[1, active].reference_id == tag_of(project, "ann")
    assert shown(world, project, "ann")["remainingJobs"] == 0


def test_an_earlier_deletion_is_redacted_by_the_next_and_both_are_proven(world: World) -> None:
    project = a_tenant(world)
    first = deleted(world, project, "ann", 7)
    run(world)
    second = deleted(world, project, "ann", 0)

    run(world, 0.1)

    assert world.store.jobs[1, first].forgotten is Forgotten.REDACTED
    told = shown(world, project, "ann")
    assert [(one["jobId"], one["deletedObjectVersions"], one["redacted"]) for one in told["erasures"]] == [
        (first, 7, True),
        (second, 0, False),
    ]


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED])
def test_a_deletion_that_did_not_succeed_redacts_nobody(world: World, status: Status) -> None:
    project = a_tenant(world)
    job_id = created(world, project, "ann")
    done(world, project, job_id)
    deletion = created(world, project, "ann", DELETE_USER_DATA)
    if status is Status.FAILED:
        start(world.store, deletion, NOW)
        fail(world.ports, Attempt(1, deletion, 1), Failure(["no"]), by="event:w", retention=RETENTION)
    else:
        cancel_job(world.ports, project, deletion, by="key:1")

    for days in (1, 30):  # when it would redact, and when the deletion itself is looked at
        run(world, days)

    assert world.store.jobs[1, job_id].reference_id == "ann"
    assert shown(world, project, "ann")["erasures"][0]["deletedObjectVersions"] is None


def test_a_user_with_more_jobs_than_one_run_redacts_is_done_in_several(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redacting, "MAX_OF_USER", 2)
    monkeypatch.setattr(redacting, "BATCH", 2)
    project = a_tenant(world)
    for _ in range(5):
        done(world, project, created(world, project, "ann"))
    deletion = deleted(world, project, "ann")

    left = []
    for _ in range(3):
        run(world)
        left.append(shown(world, project, "ann")["remainingJobs"])

    assert left == [3, 1, 0]
    assert world.store.jobs[1, deletion].forget_at == NOW + 30 * DAY


def test_without_retention_the_latest_deletion_is_known_and_nobody_counts_jobs(world: World) -> None:
    project = a_tenant(world, KEEP_EVERYTHING)
    created(world, project, "ann")
    deleted(world, project, "ann", 1)
    latest = deleted(world, project, "ann", 2)

    assert run(world, 400) == 0

    told = shown(world, project, "ann")
    assert [(one["jobId"], one["deletedObjectVersions"]) for one in told["erasures"]] == [(latest, 2)]
    assert told["remainingJobs"] is None
    assert world.store.references == {}


def test_nothing_is_known_of_a_user_whom_nobody_deleted(world: World) -> None:
    project = a_tenant(world)
    deleted(world, project, "ann")

    assert shown(world, project, "Ann") == {"erasures": [], "remainingJobs": 0}


@pytest.mark.parametrize("user", ["", " ", "a" * 257, "a\ufffe"])
def test_what_is_no_user_id_is_refused(world: World, user: str) -> None:
    with pytest.raises(InvalidRequest):
        prove(world.ports, a_tenant(world), user)
    with pytest.raises(InvalidRequest):
        erasures.parse_user_id({})


def test_the_outputs_of_another_worker_are_not_kept(world: World) -> None:
    project = a_tenant(world)
    deletion = created(world, project, "ann", DELETE_USER_DATA)
    done(world, project, deletion, "ann", {"deletedObjectVersions": 2}, {"deletedObjectVersions": "ann"}, ["ann"])

    run(world, 31)

    [row] = world.store.references.values()
    assert row.deleted == 2


def test_jobs_of_a_batch_are_found_by_their_person_too(world: World) -> None:
    project = a_tenant(world)
    requests = [
        Request(a_request(reference_id=user), "event:x", SeenEvent(f"{number}", NOW))
        for number, user in enumerate(("ann", "", "bob"))
    ]

    create_batch(world.ports, project, requests)

    assert [*world.store.references] == [(1, lock_digest(project, "ann"), 1), (1, lock_digest(project, "bob"), 3)]


def test_a_batch_with_persons_keeps_within_a_transaction(world: World) -> None:
    project = a_tenant(world)
    sizes: list[int] = []
    append = world.store.append

    def note(rows: Any, *beside: Any) -> Any:
        sizes.append(sum(2 + bool(row.params) + bool(row.person) for row in rows))
        return append(rows, *beside)

    world.store.append = note  # type: ignore[method-assign, assignment]
    requests = [
        Request(a_request(reference_id="ann", params={"a": 1}), "event:x", SeenEvent(f"{number}", NOW))
        for number in range(60)
    ]

    jobs = create_batch(world.ports, project, requests)

    assert (len(jobs), max(sizes), sum(sizes)) == (60, 100, 240)


@pytest.mark.parametrize(
    ("retention", "reference", "cost"), [(KEEP_EVERYTHING, "ann", 2), (RETENTION, "ann", 5), (RETENTION, "", 2)]
)
def test_a_create_costs_three_units_more_where_its_person_must_be_found(
    world: World, retention: Retention, reference: str, cost: int
) -> None:
    world.store = store = a_simulated_store(4)  # type: ignore[assignment]  # the real one, which counts units

    assert units(store, lambda: created_plain(world, a_tenant(world, retention), reference)) == cost


def created_plain(world: World, project: Project, user: str) -> None:
    create_job(world.ports, project, a_request(reference_id=user), by="key:1")
