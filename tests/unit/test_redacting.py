"""What a project forgets: how much, when, beside whom, and what is left."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from jobs.errors import Busy, JobNotRetryable
from jobs.forgetting import redacting
from jobs.forgetting.redacting import LATE, plan, redact, tag_of
from jobs.lifecycle.retrying import retry_job
from jobs.model import DAY, Change, DueJob, Forgotten, Message, Run, Severity, Status
from jobs.queries import get_evidence, get_outputs, get_params, newest_message
from jobs.tenants import KEEP_EVERYTHING, Retention

from tests.builders import NOW, a_job, a_project, an_artifact
from tests.fakes import FakeStore, ever

if TYPE_CHECKING:
    from jobs.forgetting.ports import PayloadRows
    from jobs.model import Job

    from tests.fakes import World

PROJECT = a_project(retention=Retention(30, 90))
KEY = (1, 1)
TAG = tag_of(PROJECT, "ann")


def a_failed_job(**fields: Any) -> Job:
    """It ended now, for ann, after an attempt that left everything that a job may leave."""
    changes = (Change(Status.SCHEDULED, NOW - 9, "key:1"), Change(Status.RUNNING, NOW - 5, "service"))
    values = {
        "status": Status.FAILED,
        "next_at": NOW + 30 * DAY,
        "history": (*changes, Change(Status.FAILED, NOW, "event:worker", "evidence")),
        "description": "for Ann",
        "reference_id": "ann",
        "errors": ("ann is unknown",),
        "has_params": True,
        "outputs_token": "outputs",
        "run": Run("wf", "ann", ("c1",), "High", "gpu"),
    }
    return a_job(**{**values, **fields})


@pytest.fixture
def full(world: World) -> World:
    """A world with that job, its payload and its files."""
    world.directory.projects[PROJECT.project_key] = PROJECT
    store = world.store
    store.jobs[KEY] = a_failed_job()
    store.params[KEY] = {"user": "ann"}
    store.outputs["outputs"], store.outputs_of["outputs"] = ["ann"], KEY
    store.outputs["never named"], store.outputs_of["never named"] = ["ann"], KEY
    store.evidence[*KEY, "evidence"] = ["ann is unknown"]
    store.messages[*KEY, f"message#{NOW:013d}#1"] = Message(NOW, Severity.NONE, "ann")
    store.slots[*KEY, 0] = an_artifact(name="ann.csv")
    for key in ("1/1/1/a", "1/1/2/b", "1/10/1/a", "11/1/1/a"):
        world.artifact_files.put(key, versions=2)
    return world


def run(world: World, days: float = 0, has_time: Any = ever) -> int:
    """A run so many days after the end."""
    world.clock.time = NOW + days * DAY
    return redact(world.ports, world.store.shards, has_time)


def payload(world: World) -> PayloadRows:
    return world.store.list_payload(*KEY, 100)


def retain(world: World, retention: Retention) -> None:
    world.directory.projects[PROJECT.project_key] = replace(PROJECT, retention=retention)


def test_nothing_is_forgotten_before_its_time(full: World) -> None:
    assert run(full, 29.9) == 0

    assert (full.store.jobs[KEY], len(payload(full).names)) == (a_failed_job(), 6)


def test_the_payload_goes_first_with_all_files_of_the_job_and_of_no_other(full: World) -> None:
    assert run(full, 30) == 1

    left = a_failed_job()._replace(
        forgotten=Forgotten.PAYLOAD, has_params=False, outputs_token=None, next_at=NOW + 90 * DAY
    )
    assert (full.store.jobs[KEY], payload(full).names) == (left, ())
    assert full.artifact_files.keys == {"1/10/1/a", "11/1/1/a"}
    ports = full.ports
    assert (get_params(ports, left), get_outputs(ports, left), newest_message(ports, left)) == ({}, [], None)
    assert get_evidence(ports, left) == {}


def test_redaction_leaves_number_status_and_times_and_a_tag(full: World) -> None:
    run(full, 30)

    assert run(full, 90) == 1

    job, was = full.store.jobs[KEY], a_failed_job()
    assert (job.reference_id, job.description, job.errors) == (TAG, "", ("redacted",))
    assert job.run == was.run._replace(owner_id=TAG)
    assert (job.forgotten, job.next_at) == (Forgotten.REDACTED, None)
    assert (job.job_id, job.status, job.history, job.start_at) == (1, was.status, was.history, was.start_at)
    assert get_evidence(full.ports, job) == {"evidence": ("redacted",)}
    assert run(full, 400) == 0


def test_redaction_alone_takes_the_payload_too(full: World) -> None:
    retain(full, Retention(redact_days=0))
    full.store.jobs[KEY] = a_failed_job(next_at=NOW)

    assert run(full, 1) == 1

    assert (full.store.jobs[KEY].reference_id, payload(full).names) == (TAG, ())
    assert full.artifact_files.keys == {"1/10/1/a", "11/1/1/a"}


def test_a_tag_is_the_same_for_a_user_of_a_project_and_for_no_other() -> None:
    assert tag_of(PROJECT, "ann") == tag_of(PROJECT, "ann")
    assert len({TAG, tag_of(PROJECT, "bob"), tag_of(a_project(secret=b"1" * 32), "ann")}) == 3
    assert TAG.startswith("redacted:")
    assert len(TAG) == len("redacted:") + 16
    int(TAG.removeprefix("redacted:"), 16)


def test_what_is_empty_stays_empty(full: World) -> None:
    full.store.jobs[KEY] = a_failed_job(reference_id="", errors=None, run=Run())

    run(full, 90)

    job = full.store.jobs[KEY]
    assert (job.forgotten, job.reference_id, job.errors, job.run) == (Forgotten.REDACTED, "", None, Run())


def test_a_project_that_no_longer_forgets_keeps_what_is_left(full: World) -> None:
    retain(full, KEEP_EVERYTHING)

    assert run(full, 90) == 1

    assert (full.store.jobs[KEY], len(payload(full).names)) == (a_failed_job(next_at=None), 6)


def test_a_longer_retention_holds_for_what_waits(full: World) -> None:
    retain(full, Retention(60, 120))

    run(full, 30)

    assert (full.store.jobs[KEY], len(payload(full).names)) == (a_failed_job(next_at=NOW + 60 * DAY), 6)


def test_a_retried_job_is_left_alone_although_the_index_still_shows_it(
    full: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    retried = retry_job(full.ports, PROJECT, 1, by="key:1")
    late = {full.store._shard(*KEY): [DueJob(NOW, *KEY)]}
    monkeypatch.setattr(full.store, "list_forgettable", lambda shard, _now, _limit: late.get(shard, []))

    assert run(full, 90) == 0

    assert (full.store.jobs[KEY], len(payload(full).names)) == (retried, 6)


class Interrupted(FakeStore):
    """Lets something happen before a call, or loses the process there."""

    def __init__(self, store: FakeStore, before: dict[str, Any]) -> None:
        self.__dict__.update(store.__dict__)
        self.before = before

    def forget_job(self, seen: Job, left: Job, person: str = "") -> bool:
        self._before("forget_job")
        return super().forget_job(seen, left, person)

    def delete_payload(self, project_id: int, job_id: int, names: Any) -> None:
        self._before("delete_payload")
        super().delete_payload(project_id, job_id, names)

    def _before(self, call: str) -> None:
        happens = self.before.pop(call, None)
        if happens is not None:
            happens()


def test_a_retry_that_comes_between_look_and_mark_keeps_everything(full: World) -> None:
    world = full
    world.store = Interrupted(full.store, {"forget_job": lambda: retry_job(full.ports, PROJECT, 1, by="key:1")})

    assert run(world, 30) == 0

    assert world.store.jobs[KEY].status is Status.SCHEDULED
    assert (world.store.jobs[KEY].forgotten, len(payload(world).names)) == (Forgotten.NOTHING, 6)


def test_from_the_mark_on_no_retry_comes_through(full: World) -> None:
    refused: list[JobNotRetryable] = []

    def retry() -> None:
        with pytest.raises(JobNotRetryable) as error:
            retry_job(full.ports, PROJECT, 1, by="key:1")
        refused.append(error.value)

    full.store = Interrupted(full.store, {"delete_payload": retry})

    assert run(full, 30) == 1

    assert (len(refused), payload(full).names) == (1, ())


@pytest.mark.parametrize("call", ["forget_job", "delete_payload"])
def test_what_a_dead_run_leaves_the_next_one_does(full: World, call: str) -> None:
    def die() -> None:
        raise Busy

    store = full.store
    full.store = Interrupted(store, {call: die})
    assert run(full, 90) == 0
    full.store = store

    assert run(full, 90.1) == 1

    assert (store.jobs[KEY].forgotten, payload(full).names) == (Forgotten.REDACTED, ())
    assert store.jobs[KEY].reference_id == TAG


def test_a_run_without_time_goes_on_in_the_next(full: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redacting, "BATCH", 2)

    assert run(full, 30, lambda wanted: wanted > redacting.BATCH_TIME) == 0

    assert (full.store.jobs[KEY].forgotten, len(payload(full).names)) == (Forgotten.PAYLOAD, 4)
    assert run(full, 30.1) == 1
    assert payload(full).names == ()


def test_a_file_that_s3_keeps_keeps_the_job_in_the_index(full: World) -> None:
    full.artifact_files.refuses["1/1/2/b"] = "AccessDenied"

    assert run(full, 30) == 0

    assert full.meter.counts["FileNotDeleted"] == 1
    assert full.store.jobs[KEY].next_at == NOW + 30 * DAY
    full.artifact_files.refuses.clear()
    assert run(full, 30.1) == 1
    assert full.artifact_files.keys == {"1/10/1/a", "11/1/1/a"}


def test_what_is_forgotten_at_once_is_looked_at_again_for_what_came_late(full: World) -> None:
    retain(full, Retention(redact_days=0))
    full.store.jobs[KEY] = a_failed_job(next_at=NOW)
    assert run(full) == 1
    assert full.store.jobs[KEY].next_at == NOW + LATE
    full.store.messages[*KEY, f"message#{NOW:013d}#2"] = Message(NOW, Severity.NONE, "ann")
    full.artifact_files.put("1/1/1/late")

    assert run(full, LATE / DAY) == 1

    assert payload(full).names == ()
    assert "1/1/1/late" not in full.artifact_files.keys
    assert (full.store.jobs[KEY].next_at, full.store.jobs[KEY].reference_id) == (None, TAG)


@pytest.mark.parametrize("days", [0.5, 45, 100, 1_000])
def test_a_plan_never_gives_back_what_was_forgotten(days: float) -> None:
    redacted = a_failed_job(forgotten=Forgotten.REDACTED)

    assert plan(redacted, Retention(30, 90), round(NOW + days * DAY)).level is Forgotten.REDACTED


def test_an_active_job_is_never_touched(full: World) -> None:
    for status in (Status.SCHEDULED, Status.RUNNING):
        full.store.jobs[KEY] = active = a_job(status=status, next_at=NOW)

        assert run(full, 90) == 0

        assert (full.store.jobs[KEY], len(payload(full).names)) == (active, 6)
