"""Retrying: the first caller who asks schedules an ended job again, and only once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from jobs.errors import Busy, DeletionActive, JobNotFound, JobNotRetryable
from jobs.lifecycle.creation import create_job
from jobs.lifecycle.retrying import retry_job
from jobs.model import DELETE_USER_DATA, Change, StartHint, Status
from jobs.outcomes import AppendOutcome

from tests.builders import NOW, a_job, a_project, a_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.model import DeletionLock, Job

    from tests.fakes import World

PROJECT = a_project()


def retry(world: World, number: int = 1) -> Job:
    return retry_job(world.ports, PROJECT, number, by="key-9")


def an_ended(world: World, status: Status = Status.FAILED, **job: Any) -> Job:
    history = tuple(Change(to, NOW - 9, "x") for to in (Status.SCHEDULED, Status.RUNNING, status))
    ended = a_job(status=status, next_at=None, history=history, **job)
    world.store.jobs[1, 1] = ended
    return ended


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED])
def test_an_ended_job_is_due_now_as_a_new_attempt(world: World, status: Status) -> None:
    ended = an_ended(
        world, status, start_at=NOW - 99, errors=("no disk",), progress=40, outputs_token="t", max_attempts=5
    )

    job = retry(world)

    assert job == ended._replace(
        status=Status.SCHEDULED,
        attempt=2,
        next_at=NOW,
        errors=None,
        progress=None,
        outputs_token=None,
        history=(*ended.history, Change(Status.SCHEDULED, NOW, "key-9")),
    )
    assert (job.start_at, job.created_at, job.updated_at) == (NOW - 99, NOW - 9, NOW)
    assert world.store.jobs[1, 1] == job
    assert world.queue.messages == [StartHint(1, ((1, NOW),))]


@pytest.mark.parametrize(("attempt", "before", "after"), [(1, 1, 2), (1, 2, 2), (3, 3, 4), (2, 5, 5), (19, 19, 20)])
def test_as_many_attempts_are_allowed_as_the_new_one_needs(world: World, attempt: int, before: int, after: int) -> None:
    an_ended(world, attempt=attempt, max_attempts=before)

    assert (retry(world).attempt, world.store.jobs[1, 1].max_attempts) == (attempt + 1, after)


def test_a_job_is_attempted_twenty_times_and_no_more(world: World) -> None:
    world.store.jobs[1, 1] = a_job()
    for attempt in range(2, 21):
        world.store.cancel_job(1, 1, NOW, "key-1")
        assert retry(world).attempt == attempt
    world.store.cancel_job(1, 1, NOW, "key-1")
    before = world.store.jobs[1, 1]

    with pytest.raises(JobNotRetryable, match="20 times"):
        retry(world)

    assert world.store.jobs[1, 1] == before
    assert before.max_attempts == 20


@pytest.mark.parametrize("status", [Status.SCHEDULED, Status.RUNNING, Status.COMPLETED])
def test_a_job_that_has_not_failed_or_been_cancelled_is_not_retried(world: World, status: Status) -> None:
    world.store.jobs[1, 1] = before = a_job(status=status)

    with pytest.raises(JobNotRetryable, match="only a failed or cancelled job"):
        retry(world)

    assert world.store.jobs[1, 1] == before
    assert world.queue.messages == []


@pytest.mark.parametrize("number", [-1, 0, 2])
def test_an_unknown_job_is_not_found(world: World, number: int) -> None:
    an_ended(world)

    with pytest.raises(JobNotFound):
        retry(world, number)


def test_of_two_who_retry_at_once_one_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    an_ended(world)
    read = world.store.get_job

    def then_a_rival(project_id: int, job_id: int) -> Job | None:
        found = read(project_id, job_id)
        monkeypatch.setattr(world.store, "get_job", read)
        assert retry(world).attempt == 2
        return found

    monkeypatch.setattr(world.store, "get_job", then_a_rival)
    with pytest.raises(JobNotRetryable):
        retry(world)

    assert world.store.jobs[1, 1].attempt == 2
    assert world.queue.job_ids == [1]


def answered(world: World, monkeypatch: pytest.MonkeyPatch, *script: AppendOutcome | Callable[[], object]) -> list[str]:
    """Answer retries by a script, and after that as the store does; return the tokens that the store gets."""
    steps, tokens, write = list(script), list[str](), world.store.retry_job

    def scripted(seen: Job, retried: Job, token: str, lock: DeletionLock | None) -> AppendOutcome:
        tokens.append(token)
        step = steps.pop(0) if steps else None
        if isinstance(step, AppendOutcome):
            return step
        if step is not None:
            write(seen, retried, token, lock)
            return AppendOutcome.UNCERTAIN
        return write(seen, retried, token, lock)

    monkeypatch.setattr(world.store, "retry_job", scripted)
    return tokens


def test_a_lost_answer_is_found_by_its_own_token(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    an_ended(world)
    tokens = answered(world, monkeypatch, lambda: None, AppendOutcome.UNCERTAIN)

    assert retry(world).attempt == 2

    assert tokens == ["token-0"] * 3
    assert len(world.store.jobs[1, 1].history) == 4


@pytest.mark.parametrize("outcome", [AppendOutcome.UNCERTAIN, AppendOutcome.OVERTAKEN])
def test_a_retry_that_is_contended_gives_up_after_five_seconds(
    world: World, monkeypatch: pytest.MonkeyPatch, outcome: AppendOutcome
) -> None:
    an_ended(world)
    answered(world, monkeypatch, *[outcome] * 1_000)

    with pytest.raises(Busy):
        retry(world)

    assert 5_000 <= world.clock.now() - NOW < 5_400
    assert world.queue.messages == []


# ---- deletions ----------------------------------------------------------------------------------------------------


def delete(world: World) -> Job:
    new = a_request(action=DELETE_USER_DATA, reference_id="u", max_attempts=3)
    return create_job(world.ports, PROJECT, new, by="key-1").job


def test_a_deletion_that_is_retried_is_the_user_s_active_one(world: World) -> None:
    delete(world)
    world.store.cancel_job(1, 1, NOW, "key-1")

    retry(world)

    (lock,) = world.store.locks.values()
    assert (lock.job_id, lock.version) == (1, 2)
    with pytest.raises(DeletionActive):
        delete(world)


def test_a_deletion_is_not_retried_while_a_later_one_of_the_user_is_active(world: World) -> None:
    delete(world)
    before = world.store.cancel_job(1, 1, NOW, "key-1")
    later = delete(world)

    with pytest.raises(DeletionActive) as refusal:
        retry(world)
    assert refusal.value.job == later
    assert world.store.jobs[1, 1] == before

    world.store.cancel_job(1, later.job_id, NOW, "key-1")
    assert retry(world).status is Status.SCHEDULED
    (lock,) = world.store.locks.values()
    assert (lock.job_id, lock.version) == (1, 3)


def test_a_deletion_that_comes_between_the_look_and_the_write_wins(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete(world)
    world.store.cancel_job(1, 1, NOW, "key-1")
    look = world.store.find_deletion_lock

    def then_a_rival(project_id: int, digest: str) -> DeletionLock | None:
        found = look(project_id, digest)
        monkeypatch.setattr(world.store, "find_deletion_lock", look)
        delete(world)
        return found

    monkeypatch.setattr(world.store, "find_deletion_lock", then_a_rival)
    with pytest.raises(DeletionActive) as refusal:
        retry(world)

    assert refusal.value.job.job_id == 2
    assert world.store.jobs[1, 1].status is Status.CANCELLED
