"""Announcing a job's files and showing them: which attempt, which slot, which of two of one name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from jobs.artifacts import showing
from jobs.artifacts.announcing import MAX_ARTIFACTS, announce
from jobs.artifacts.model import NewArtifact
from jobs.errors import ArtifactNotFound, ArtifactRefused, Busy, InvalidRequest, JobNotFound
from jobs.model import Change, JobKey, Status
from jobs.outcomes import AppendOutcome, Attempt, Failure, Stamp

from tests.builders import NOW, a_job, a_project, an_artifact

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.artifacts.announcing import Announced
    from jobs.artifacts.model import Artifact
    from jobs.model import Job

    from tests.fakes import World

PROJECT = a_project()


def new(name: str = "report.csv", **changes: Any) -> NewArtifact:
    return NewArtifact(**{"name": name, "size": 3, "sha256": "0" * 64, "format": "Raw", **changes})


def put(world: World, name: str = "report.csv", **changes: Any) -> Announced:
    return announce(world.ports, PROJECT, 1, new(name, **changes))


@pytest.fixture
def running(world: World) -> World:
    """A world with a job whose first attempt of three runs."""
    history = (Change(Status.SCHEDULED, NOW, "x"), Change(Status.RUNNING, NOW, "service"))
    job = a_job(max_attempts=3, next_at=NOW + 9)._replace(status=Status.RUNNING, history=history)
    world.store.jobs[1, 1] = job
    return world


def fail(world: World, attempt: int = 1) -> None:
    """End an attempt and start the next one."""
    world.store.back_off_job(Attempt(1, 1, attempt), Stamp(NOW, "x", f"failed-{attempt}"), NOW, Failure(["x"]))
    world.store.start_jobs([JobKey(1, 1)], NOW)


def complete(world: World, *outputs: Any, attempt: int = 1) -> Job:
    world.store.complete_job(Attempt(1, 1, attempt), Stamp(NOW, "x", "completed"), outputs)
    return world.store.jobs[1, 1]


def named(*names: str) -> list[dict[str, str]]:
    return [{"artifact": name} for name in names]


def slots(world: World) -> list[tuple[int, int, str]]:
    return [(slot, held.attempt, held.name) for slot, held in world.store.list_artifacts(1, 1).items()]


def ids(artifacts: list[Artifact]) -> list[str]:
    return [artifact.artifact_id for artifact in artifacts]


# ---- announcing ---------------------------------------------------------------------------------------------------


def test_a_running_attempt_gets_an_address_for_its_file(running: World) -> None:
    announced = put(running, format="Csv", attempt=1)

    artifact = an_artifact(artifact_id=announced.artifact.artifact_id, format="Csv")
    assert announced.artifact == artifact
    assert len(artifact.artifact_id) == 24
    assert int(artifact.artifact_id, 16)
    assert announced.upload == running.files.sign_upload(artifact)
    assert running.store.list_artifacts(1, 1) == {0: artifact}


@pytest.mark.parametrize("status", [Status.SCHEDULED, Status.COMPLETED, Status.FAILED, Status.CANCELLED])
@pytest.mark.parametrize("attempt", [None, 1])
def test_a_job_that_does_not_run_takes_none(running: World, status: Status, attempt: int | None) -> None:
    running.store.jobs[1, 1] = running.store.jobs[1, 1]._replace(status=status)

    with pytest.raises(ArtifactRefused, match=f"^the job is {status}: only a running attempt takes artifacts$"):
        put(running, attempt=attempt)
    assert slots(running) == []


@pytest.mark.parametrize("attempt", [1, 3])
def test_neither_does_another_attempt_than_the_one_that_runs(running: World, attempt: int) -> None:
    fail(running)

    with pytest.raises(ArtifactRefused, match=f"^attempt {attempt} does not run: attempt 2 does$"):
        put(running, attempt=attempt)
    assert slots(running) == []
    assert put(running).artifact.attempt == 2


@pytest.mark.parametrize("job_id", [-1, 0, 2])
def test_a_job_that_does_not_exist_is_not_found(running: World, job_id: int) -> None:
    with pytest.raises(JobNotFound):
        announce(running.ports, PROJECT, job_id, new())


def test_of_two_announcements_of_one_name_the_newest_counts_and_takes_no_further_slot(running: World) -> None:
    first, other, second = put(running), put(running, "log.txt"), put(running, size=5)

    assert slots(running) == [(0, 1, "report.csv"), (1, 1, "log.txt")]
    assert first.artifact.artifact_id != second.artifact.artifact_id
    job = complete(running, *named("report.csv", "log.txt"))
    assert showing.list_artifacts(running.ports, job) == [second.artifact, other.artifact]


def test_a_job_takes_twenty_and_the_next_attempt_takes_twenty_in_their_place(running: World) -> None:
    for number in range(MAX_ARTIFACTS):
        put(running, f"{number}.csv")

    with pytest.raises(ArtifactRefused, match=r"^the attempt has 20 artifacts, as many as it may have$"):
        put(running, "one.too.many")
    put(running, "7.csv")
    fail(running)
    for number in range(MAX_ARTIFACTS):
        put(running, f"again {number}.csv")

    assert slots(running) == [(number, 2, f"again {number}.csv") for number in range(20)]
    with pytest.raises(ArtifactRefused):
        put(running, "one.too.many")


def meanwhile(world: World, act: Callable[[], object]) -> None:
    """Let something happen once between the read of the slots and the write."""
    read = world.store.list_artifacts

    def reading(project_id: int, job_id: int) -> Any:
        found = read(project_id, job_id)
        world.store.list_artifacts = read  # type: ignore[method-assign]  # once
        act()
        return found

    world.store.list_artifacts = reading  # type: ignore[method-assign]  # as above


def test_two_at_once_make_no_twenty_first(running: World) -> None:
    for number in range(MAX_ARTIFACTS - 1):
        put(running, f"{number}.csv")
    meanwhile(running, lambda: put(running, "other"))

    with pytest.raises(ArtifactRefused, match="20 artifacts"):
        put(running, "late")
    assert [name for _, _, name in slots(running)][-1] == "other"


@pytest.mark.parametrize("before", [0, 3])
def test_two_of_one_name_at_once_leave_one_row(running: World, before: int) -> None:
    for number in range(before):
        put(running, f"{number}.csv")
    meanwhile(running, lambda: put(running, size=1))

    newest = put(running, size=2)

    held = running.store.list_artifacts(1, 1)
    assert [artifact for artifact in held.values() if artifact.name == "report.csv"] == [newest.artifact]


def test_a_late_worker_that_names_no_attempt_does_not_get_into_the_next_one_while_it_announces(running: World) -> None:
    meanwhile(running, lambda: fail(running))

    with pytest.raises(ArtifactRefused, match=r"^attempt 1 does not run: attempt 2 does$"):
        put(running)
    assert slots(running) == []


def test_an_end_while_it_announces_is_told(running: World) -> None:
    meanwhile(running, lambda: complete(running))

    with pytest.raises(ArtifactRefused, match="the job is completed"):
        put(running)


def test_a_write_whose_answer_is_lost_is_tried_again_and_an_endless_contention_is_given_up(
    running: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = running.store.put_artifact
    outcomes = iter([AppendOutcome.UNCERTAIN])
    monkeypatch.setattr(running.store, "put_artifact", lambda *given: next(outcomes, None) or write(*given))
    assert put(running).artifact.name == "report.csv"

    monkeypatch.setattr(running.store, "put_artifact", lambda *_: AppendOutcome.UNCERTAIN)
    with pytest.raises(Busy):
        put(running)


# ---- showing ------------------------------------------------------------------------------------------------------


def test_what_is_announced_and_named_in_the_outputs_is_listed_in_their_order_each_once(running: World) -> None:
    a, b, _ = (put(running, name).artifact for name in ("a", "b", "unnamed"))

    job = complete(
        running, {"rows": 3}, *named("b", "unknown", "a", "b"), {"artifact": "a", "rows": 1}, {"artifact": 1}
    )

    assert showing.list_artifacts(running.ports, job) == [b, a]
    outputs = running.store.get_outputs(job)
    resolved = showing.resolve(running.ports, job, outputs)
    assert resolved == [{"rows": 3}, b, {"artifact": "unknown"}, a, b, {"artifact": "a", "rows": 1}, {"artifact": 1}]
    # what the worker reported stays as it was
    assert running.store.get_outputs(job) == outputs


def test_files_of_an_earlier_attempt_are_not_shown(running: World) -> None:
    put(running)
    fail(running)
    job = complete(running, *named("report.csv"), attempt=2)

    assert showing.list_artifacts(running.ports, job) == []
    assert showing.resolve(running.ports, job, named("report.csv")) == named("report.csv")


def test_a_job_that_is_not_completed_shows_none(running: World) -> None:
    artifact_id = put(running).artifact.artifact_id

    job = running.store.jobs[1, 1]
    assert showing.list_artifacts(running.ports, job) == []
    with pytest.raises(ArtifactNotFound):
        showing.find_artifact(running.ports, job, artifact_id)


def test_an_artifact_is_found_by_the_id_that_counts_alone(running: World) -> None:
    replaced, newest, unnamed = put(running).artifact, put(running).artifact, put(running, "log").artifact
    job = complete(running, *named("report.csv"))

    assert showing.find_artifact(running.ports, job, newest.artifact_id) == newest
    for artifact_id in (replaced.artifact_id, unnamed.artifact_id, "", newest.artifact_id[:-1]):
        with pytest.raises(ArtifactNotFound):
            showing.find_artifact(running.ports, job, artifact_id)


def test_outputs_that_name_no_artifact_cost_no_read(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    job = complete(running, {"rows": 3})
    monkeypatch.setattr(running.store, "list_artifacts", None)

    assert showing.resolve(running.ports, job, [{"rows": 3}, "artifact", None]) == [{"rows": 3}, "artifact", None]


@pytest.mark.parametrize("wanted", ["", "Csv", "csv", "CSV"])
def test_a_format_is_taken_in_any_case(wanted: str) -> None:
    showing.check_format(an_artifact(format="Csv"), wanted)


@pytest.mark.parametrize("wanted", ["Raw", "Csv ", "*"])
def test_another_format_is_refused(wanted: str) -> None:
    with pytest.raises(InvalidRequest, match=r"^format: must be Csv$"):
        showing.check_format(an_artifact(format="Csv"), wanted)
