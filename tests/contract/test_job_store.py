"""One suite, two stores: the fake is worth testing on as long as it does what DynamoDB does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from jobs import errors
from jobs.model import Change, DeletionLock, DueJob, IdempotencyRecord, Project, Status
from jobs.ports import Append, Start, SweepCursor, Watermark
from jobs.store.directory import DynamoDBDirectory
from jobs.store.dynamodb import DynamoDBJobStore

from tests.builders import NOW, a_job, a_project
from tests.conftest import TABLE
from tests.fakes import FakeStore

if TYPE_CHECKING:
    from jobs.model import Job
    from jobs.ports import JobStore

SHARDS = 4


@pytest.fixture(params=["fake", "moto"])
def store(request: pytest.FixtureRequest) -> JobStore:
    if request.param == "fake":
        return FakeStore(shards=SHARDS)
    return DynamoDBJobStore(request.getfixturevalue("dynamodb"), TABLE, SHARDS)


def put(store: JobStore, *jobs: Job) -> None:
    for job in jobs:
        assert store.append(job, f"token-{job.job_id}", {}, None, None) is Append.DONE


def due_everywhere(store: JobStore, until: int) -> list[DueJob]:
    return sorted(due for shard in range(SHARDS) for due in store.list_due(shard, None, until, 100))


def test_a_job_is_read_as_it_was_appended(store: JobStore) -> None:
    job = a_job(
        description="Überblick 🙂",
        reference_id="a/b",
        errors=("no disk", ""),
        max_attempts=3,
        timeout_seconds=43_200,
        has_params=True,
    )

    assert (
        store.append(job, "token", {"nested": {"pi": 3.14159265358979323846, "n": 10**30}}, None, None) is Append.DONE
    )

    assert store.get_job(1, 1) == job
    assert store.get_params(1, 1) == {"nested": {"pi": 3.14159265358979323846, "n": 10**30}}


def test_an_unknown_job_is_none_and_has_no_params(store: JobStore) -> None:
    assert store.get_job(1, 1) is None
    assert store.get_params(1, 1) == {}


def test_a_number_is_given_once(store: JobStore) -> None:
    put(store, a_job())

    assert store.append(a_job(action="other"), "another", {}, None, None) is Append.NUMBER_TAKEN
    assert store.append(a_job(action="other"), "another", {"a": 1}, None, None) is Append.NUMBER_TAKEN

    job = store.get_job(1, 1)
    assert job is not None
    assert job.action == "export"
    assert store.get_params(1, 1) == {}


def test_a_creator_that_finds_its_own_token_has_won(store: JobStore) -> None:
    record = IdempotencyRecord("key", "body", 1, NOW // 1000 + 60)
    for _ in range(2):
        assert store.append(a_job(), "token", {}, None, None) is Append.DONE
    for _ in range(2):
        assert store.append(a_job(job_id=2), "token-2", {"a": 1}, record, DeletionLock("d", 2, 1)) is Append.DONE


def test_a_live_idempotency_record_keeps_the_job_from_being_appended(store: JobStore) -> None:
    record = IdempotencyRecord("key", "body", 1, NOW // 1000 + 60)
    assert store.append(a_job(), "token-1", {}, record, None) is Append.DONE

    second = replace(record, job_id=2)
    assert store.append(a_job(job_id=2), "token-2", {}, second, None) is Append.OVERTAKEN

    assert store.get_job(1, 2) is None
    assert store.find_idempotency_record(1, "key", NOW) == record


def test_an_expired_idempotency_record_is_not_believed_and_gives_way(store: JobStore) -> None:
    first = IdempotencyRecord("key", "body", 1, NOW // 1000 + 60)
    later = NOW + 60_000
    assert store.append(a_job(), "token-1", {}, first, None) is Append.DONE

    assert store.find_idempotency_record(1, "key", later - 1000) == first
    assert store.find_idempotency_record(1, "key", later) is None
    second = IdempotencyRecord("key", "body", 2, later // 1000 + 60)
    assert store.append(a_job(job_id=2, at=later), "token-2", {}, second, None) is Append.DONE
    assert store.find_idempotency_record(1, "key", later) == second


def test_a_deletion_lock_moves_from_version_to_version(store: JobStore) -> None:
    assert store.find_deletion_lock(1, "digest") is None
    assert store.append(a_job(), "token-1", {}, None, DeletionLock("digest", 1, 1)) is Append.DONE

    for stale in (1, 3):
        lock = DeletionLock("digest", 2, stale)
        assert store.append(a_job(job_id=2), "token-2", {}, None, lock) is Append.OVERTAKEN
    assert store.get_job(1, 2) is None
    assert store.append(a_job(job_id=2), "token-2", {}, None, DeletionLock("digest", 2, 2)) is Append.DONE

    assert store.find_deletion_lock(1, "digest") == DeletionLock("digest", 2, 2)
    assert store.find_deletion_lock(2, "digest") is None


def test_the_highest_number_is_found_in_any_block(store: JobStore) -> None:
    for number in (1, 2, 999, 1000, 1001):
        put(store, a_job(job_id=number))
        if number > 2:  # a block is looked at from its end, as numbers are dense
            assert store.highest_job_id(a_project(), strong=True) == number
    put(store, a_job(job_id=1, project_id=2))
    assert store.highest_job_id(a_project(project_id=2), strong=False) == 1
    assert store.highest_job_id(a_project(project_id=3), strong=True) == 0


def test_a_range_is_listed_in_order_over_blocks_and_to_the_end(store: JobStore) -> None:
    put(store, *(a_job(job_id=number) for number in range(995, 1006)))
    put(store, a_job(job_id=996, project_id=2))

    assert [job.job_id for job in store.list_jobs(1, 998, 1003)] == list(range(998, 1004))
    assert [job.job_id for job in store.list_jobs(1, 1004, 1053)] == [1004, 1005]
    assert store.list_jobs(1, 5001, 5050) == []


def test_a_due_job_starts_once_and_gets_its_time_out(store: JobStore) -> None:
    put(store, a_job(timeout_seconds=60))

    assert store.start_job(1, 1, NOW) is Start.STARTED
    assert store.start_job(1, 1, NOW) is Start.NOT_SCHEDULED

    job = store.get_job(1, 1)
    assert job is not None
    assert job.status is Status.RUNNING
    assert job.history[-1] == Change(Status.RUNNING, NOW, "service")
    assert job.timeout_at == NOW + 60_000
    assert (job.updated_at, job.started_at, job.due_at) == (NOW, NOW, None)


def test_a_job_never_starts_early(store: JobStore) -> None:
    put(store, a_job())

    assert store.start_job(1, 1, NOW - 1) is Start.NOT_DUE

    assert store.get_job(1, 1) == a_job()


def test_what_is_not_there_does_not_start(store: JobStore) -> None:
    assert store.start_job(1, 1, NOW) is Start.NOT_SCHEDULED
    assert store.get_job(1, 1) is None


def test_a_cancel_stays(store: JobStore) -> None:
    put(store, a_job())

    job = store.cancel_job(1, 1, NOW + 5, "key-9")

    assert job.status is Status.CANCELLED
    assert job.history[-1] == Change(Status.CANCELLED, NOW + 5, "key-9")
    assert (job.next_at, job.finished_at) == (None, NOW + 5)
    assert store.get_job(1, 1) == job
    assert store.start_job(1, 1, NOW + 9) is Start.NOT_SCHEDULED
    assert due_everywhere(store, NOW + 9) == []


def test_a_running_job_is_cancelled_too_and_its_history_says_so(store: JobStore) -> None:
    put(store, a_job())
    store.start_job(1, 1, NOW)

    job = store.cancel_job(1, 1, NOW + 5, "key-9")

    assert [change.to for change in job.history] == ["scheduled", "running", "cancelled"]


def test_a_job_that_has_ended_is_not_cancelled_again(store: JobStore) -> None:
    put(store, a_job())
    ended = store.cancel_job(1, 1, NOW, "key-9")

    with pytest.raises(errors.JobNotCancellable) as refusal:
        store.cancel_job(1, 1, NOW + 1, "key-8")

    assert refusal.value.job == ended
    assert store.get_job(1, 1) == ended


def test_an_unknown_job_is_not_cancelled_into_being(store: JobStore) -> None:
    with pytest.raises(errors.JobNotFound):
        store.cancel_job(1, 1, NOW, "key-9")

    assert store.get_job(1, 1) is None


def test_scheduled_jobs_are_listed_by_due_time_until_they_start(store: JobStore) -> None:
    put(store, *(a_job(job_id=number, at=NOW + number) for number in range(1, 21)))

    assert due_everywhere(store, NOW + 20) == [DueJob(NOW + number, 1, number) for number in range(1, 21)]
    assert due_everywhere(store, NOW + 5) == [DueJob(NOW + number, 1, number) for number in range(1, 6)]
    store.start_job(1, 3, NOW + 3)
    assert due_everywhere(store, NOW + 5) == [DueJob(NOW + number, 1, number) for number in (1, 2, 4, 5)]


def test_due_jobs_go_on_behind_any_row_even_one_that_has_left(store: JobStore) -> None:
    """All due in one millisecond, as at midnight: the order within it must hold from page to page."""
    put(store, *(a_job(job_id=number) for number in range(1, 41)))

    walked: list[DueJob] = []
    for shard in range(SHARDS):
        last = None
        while page := store.list_due(shard, last, NOW, 3):
            walked += page
            last = page[-1]
            store.start_job(last.project_id, last.job_id, NOW)

    assert sorted(walked) == [DueJob(NOW, 1, number) for number in range(1, 41)]
    assert store.list_due(0, DueJob(NOW + 1, 1, 1), NOW, 3) == []


def test_a_watermark_only_rises(store: JobStore) -> None:
    assert store.list_watermarks() == []
    low, high = DueJob(NOW, 1, 1), DueJob(NOW + 1, 1, 2)

    store.raise_watermark(Watermark(3, high))
    store.raise_watermark(Watermark(3, low))
    store.raise_watermark(Watermark(1, low))

    assert store.list_watermarks() == [Watermark(1, low), Watermark(3, high)]


def test_the_sweep_cursor_is_kept(store: JobStore) -> None:
    assert store.get_sweep_cursor() == SweepCursor(0, None)
    for cursor in (SweepCursor(2, DueJob(NOW, 1, 1)), SweepCursor(3, None)):
        store.save_sweep_cursor(cursor)
        assert store.get_sweep_cursor() == cursor


def test_noting_a_block_can_be_repeated(store: JobStore) -> None:
    if isinstance(store, DynamoDBJobStore):
        DynamoDBDirectory(store._client, TABLE).add_organisation("Demo")
        DynamoDBDirectory(store._client, TABLE).add_project(1, "Demo", "key", b"0", 1)
    project: Project = a_project(project_key="key")

    for job_id in (1, 1001, 1002, 1, 2001):
        store.note_block(project, job_id)

    if isinstance(store, DynamoDBJobStore):
        found = DynamoDBDirectory(store._client, TABLE).find_project("key")
        assert found is not None
        assert found.block == 2
    elif isinstance(store, FakeStore):
        assert store.blocks == {1: 2}
