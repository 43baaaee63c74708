"""The rows of artifacts on every store: who gets a slot, and that only a running attempt does."""

from __future__ import annotations

import pytest
from jobs.model import Change, JobKey, Status
from jobs.outcomes import AppendOutcome, Attempt, Failure, Stamp

from tests.builders import NOW, a_job, an_artifact, append
from tests.fakes import FakeStore
from tests.stores import Store, a_store

DONE, OVERTAKEN = AppendOutcome.DONE, AppendOutcome.OVERTAKEN
SEEN = an_artifact()


@pytest.fixture(params=["fake", "moto", "ministack"])
def store(request: pytest.FixtureRequest) -> Store:
    """The fake, and the real one on either emulator. The simulated days have no artifacts."""
    match request.param:
        case "moto":
            return a_store(request.getfixturevalue("dynamodb"))
        case "ministack":
            return a_store(request.getfixturevalue("ministack"))
        case _:
            return FakeStore()


@pytest.fixture
def running(store: Store) -> Store:
    """The store with a job whose first attempt runs, of two that it may have."""
    history = (Change(Status.SCHEDULED, NOW, "x"), Change(Status.RUNNING, NOW, "service"))
    job = a_job(max_attempts=2, next_at=NOW + 900_000)._replace(status=Status.RUNNING, history=history)
    assert append(store, job, "token") is DONE
    return store


def test_an_artifact_is_read_as_it_was_put(running: Store) -> None:
    artifact = an_artifact(name='Bericht "ü" 🙂.csv', size=5 * 1024**3, sha256="ab" * 32, format="Csv")

    assert running.list_artifacts(1, 1) == {}
    assert running.put_artifact(19, artifact, None) is DONE
    assert running.put_artifact(2, SEEN, None) is DONE
    assert running.list_artifacts(1, 1) == {2: SEEN, 19: artifact}
    assert running.list_artifacts(1, 11) == {}


def test_a_slot_has_one_taker_and_a_second_try_with_the_same_id_has_won(running: Store) -> None:
    assert running.put_artifact(0, SEEN, None) is DONE
    assert running.put_artifact(0, an_artifact(artifact_id="other"), None) is OVERTAKEN
    assert running.put_artifact(0, SEEN, None) is DONE
    assert running.list_artifacts(1, 1) == {0: SEEN}


def test_a_slot_is_taken_over_only_from_what_was_seen_in_it(running: Store) -> None:
    second, third = an_artifact(artifact_id="second"), an_artifact(artifact_id="third")
    running.put_artifact(0, SEEN, None)

    assert running.put_artifact(0, second, SEEN) is DONE
    assert running.put_artifact(0, third, SEEN) is OVERTAKEN
    assert running.put_artifact(1, third, SEEN) is OVERTAKEN
    assert running.list_artifacts(1, 1) == {0: second}


def test_only_the_attempt_that_runs_gets_a_slot(running: Store) -> None:
    later = an_artifact(attempt=2, artifact_id="later")
    assert running.put_artifact(0, later, None) is OVERTAKEN
    running.put_artifact(0, SEEN, None)
    running.back_off_job(Attempt(1, 1, 1), Stamp(NOW, "x", "lost"), NOW, Failure(["x"]))

    # between two attempts
    assert running.put_artifact(1, an_artifact(artifact_id="late"), None) is OVERTAKEN
    assert running.put_artifact(1, later, None) is OVERTAKEN
    running.start_jobs([JobKey(1, 1)], NOW)
    assert running.put_artifact(1, an_artifact(artifact_id="late"), None) is OVERTAKEN
    assert running.put_artifact(0, later, SEEN) is DONE
    # after the end
    running.complete_job(Attempt(1, 1, 2), Stamp(NOW, "x", "end"), [])
    assert running.put_artifact(1, an_artifact(attempt=2, artifact_id="late"), None) is OVERTAKEN
    assert running.list_artifacts(1, 1) == {0: later}


def test_a_job_that_does_not_exist_gets_none(store: Store) -> None:
    assert store.put_artifact(0, SEEN, None) is OVERTAKEN
    assert store.list_artifacts(1, 1) == {}


def test_what_was_put_while_the_attempt_ran_is_found_by_a_second_try_after_its_end(running: Store) -> None:
    running.put_artifact(0, SEEN, None)
    running.complete_job(Attempt(1, 1, 1), Stamp(NOW, "x", "end"), [])

    assert running.put_artifact(0, SEEN, None) is DONE


def test_the_row_of_the_job_stays_as_it_is(running: Store) -> None:
    before = running.get_job(1, 1)

    running.put_artifact(0, SEEN, None)

    assert running.get_job(1, 1) == before
