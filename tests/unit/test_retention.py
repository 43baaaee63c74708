"""What a project forgets of its jobs, and when that begins: every way to end a job, and what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from jobs.errors import InvalidRequest, JobNotRetryable
from jobs.events import ingestion
from jobs.events.incoming import Delivery, Envelope, JobCompleted, JobFailed
from jobs.lifecycle.cancellation import cancel_job
from jobs.lifecycle.creation import create_job
from jobs.lifecycle.reaping import reap
from jobs.lifecycle.reporting import add_message
from jobs.lifecycle.retrying import retry_job
from jobs.model import DAY, DELETE_USER_DATA, Change, Forgotten, JobKey, Message, SeenEvent, Severity, Status
from jobs.outcomes import Attempt, Failure, ReportOutcome, Stamp
from jobs.tenancy import administration
from jobs.tenants import KEEP_EVERYTHING, Retention

from tests.builders import NOW, a_job, a_project, a_request, append, start
from tests.fakes import FakeDirectory, ever
from tests.proofs.simulation.stack import a_simulated_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.model import Job
    from jobs.tenants import Project

    from tests.fakes import World
    from tests.proofs.simulation.table import Table
    from tests.stores import Store

ACCOUNT = "123456789012"
KEY = a_project().project_key
FIRST = Attempt(1, 1, 1)


def forgetting(retention: Retention) -> Project:
    return a_project(retention=retention)


def a_world(world: World, retention: Retention, **job: Any) -> World:
    """A running job of a project with this retention."""
    project = forgetting(retention)
    world.directory.projects[project.project_key] = project
    created = create_job(world.ports, project, a_request(**job), by="key:1").job
    start(world.store, created.job_id, NOW)
    return world


def report(world: World, content: JobCompleted | JobFailed) -> None:
    ingestion.take(world.ports, ACCOUNT, [Delivery(Envelope("1", "worker", ACCOUNT), content)], ever)


def times_out(world: World) -> None:
    world.clock.time = world.store.jobs[1, 1].next_at or 0
    reap(world.ports, world.store.shards, ever)


def cancels(world: World) -> None:
    cancel_job(world.ports, next(iter(world.directory.projects.values())), 1, by="key:1")


ENDS: dict[str, Callable[[World], None]] = {
    "completed": lambda world: report(world, JobCompleted(KEY, 1, 1, ())),
    "completed with outputs": lambda world: report(world, JobCompleted(KEY, 1, 1, ("a",))),
    "failed": lambda world: report(world, JobFailed(KEY, 1, 1, ("no disk",))),
    "cancelled": cancels,
    "lost": times_out,
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(
    ("retention", "days"),
    [
        (KEEP_EVERYTHING, None),
        (Retention(30, 90), 30),
        (Retention(payload_days=7), 7),
        (Retention(redact_days=2), 2),
        (Retention(0, 0), 0),
    ],
)
def test_every_end_begins_the_time_until_a_job_is_forgotten(
    world: World, end: str, retention: Retention, days: int | None
) -> None:
    ENDS[end](a_world(world, retention))

    job = world.store.jobs[1, 1]
    assert job.finished_at == world.clock.now()
    assert job.forget_at == (None if days is None else world.clock.now() + days * DAY)


@pytest.mark.parametrize("outputs", [(), ({"deletedObjectVersions": 3},)])
def test_the_end_of_a_deletion_is_due_at_once_where_the_project_forgets(world: World, outputs: tuple[Any, ...]) -> None:
    a_world(world, Retention(30), action=DELETE_USER_DATA, reference_id="ann")

    report(world, JobCompleted(KEY, 1, 1, outputs))

    assert world.store.jobs[1, 1].forget_at == NOW


def test_the_end_of_a_deletion_is_due_for_nothing_where_the_project_keeps_everything(world: World) -> None:
    a_world(world, KEEP_EVERYTHING, action=DELETE_USER_DATA, reference_id="ann")

    report(world, JobCompleted(KEY, 1, 1, ()))

    assert world.store.jobs[1, 1].forget_at is None


def a_failed_job(**fields: Any) -> Job:
    states = (Status.SCHEDULED, Status.RUNNING, Status.FAILED)
    history = tuple(Change(to, NOW, "service") for to in states)
    return a_job(**{"status": Status.FAILED, "next_at": None, "history": history, "errors": ("no disk",), **fields})


@pytest.mark.parametrize("forgotten", [Forgotten.PAYLOAD, Forgotten.REDACTED])
def test_a_job_without_its_payload_is_not_retried_and_takes_no_message(world: World, forgotten: Forgotten) -> None:
    world.store.jobs[1, 1] = job = a_failed_job(forgotten=forgotten)

    with pytest.raises(JobNotRetryable, match="payload was deleted"):
        retry_job(world.ports, a_project(), 1, by="key:1")
    said = add_message(world.ports, JobKey(1, 1), Message(NOW, Severity.NONE, "ann"), SeenEvent("1", NOW))

    assert said is ReportOutcome.STALE
    assert (world.store.jobs[1, 1], world.store.messages) == (job, {})


@pytest.mark.parametrize(
    ("payload_days", "redact_days", "field"),
    [
        (-1, None, "payload-days"),
        (36_501, None, "payload-days"),
        (None, -1, "redact-days"),
        (None, 36_501, "redact-days"),
        (2, 1, "payload-days"),
    ],
)
def test_a_retention_that_cannot_be_is_refused(payload_days: int | None, redact_days: int | None, field: str) -> None:
    registry = FakeDirectory()
    registry.projects[KEY] = a_project()

    with pytest.raises(InvalidRequest) as refused:
        administration.retain(registry, 1, Retention(payload_days, redact_days))

    assert refused.value.field == field
    assert registry.projects[KEY].retention == KEEP_EVERYTHING


def units(store: Store, call: Callable[[], object]) -> int:
    """The write units of a call, on the table of the simulation, which counts them by DynamoDB's rules."""
    table: Table = store._table._client._table  # type: ignore[attr-defined]  # the table behind the store
    before = table.table_units.total + table.index_units.total
    call()
    return round(table.table_units.total + table.index_units.total - before)


@pytest.mark.parametrize(("forget_at", "more"), [(None, 0), (NOW + 30 * DAY, 1)], ids=["keeps", "forgets"])
def test_an_end_costs_what_it_cost_and_one_unit_more_where_the_project_forgets(
    forget_at: int | None, more: int
) -> None:
    stamp = Stamp(NOW + 1, "event:worker", "finish", forget_at)
    ends: dict[str, tuple[Callable[[Store], object], int]] = {
        "complete": (lambda store: store.complete_job(FIRST, stamp, []), 2),
        "complete with outputs": (lambda store: store.complete_job(FIRST, stamp, ["a"]), 3),
        "fail": (lambda store: store.fail_job(FIRST, stamp, Failure(["no disk"])), 3),
        "cancel": (lambda store: store.cancel_job(1, 1, NOW + 1, "key:1", forget_at), 2),
    }
    for end, (call, cost) in ends.items():
        store = a_simulated_store(4)
        append(store, a_job(), "create")
        start(store, 1, NOW)

        assert (end, units(store, lambda call=call, store=store: call(store))) == (end, cost + more)  # type: ignore[misc]  # bound at once
