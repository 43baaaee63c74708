"""One suite for every store: tests on the fake are worth something only if it does what DynamoDB does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError
from jobs import errors
from jobs.model import (
    Change,
    DeletionLock,
    DueJob,
    Forgotten,
    IdempotencyRecord,
    JobKey,
    Message,
    Run,
    SeenEvent,
    Severity,
    Status,
)
from jobs.outcomes import (
    AppendOutcome,
    AppendResult,
    Attempt,
    Failure,
    NewRow,
    ReportOutcome,
    Stamp,
    StartOutcome,
    SweepCursor,
    Watermark,
)

from tests.builders import NOW, a_full_job, a_job, a_project, append, start
from tests.contract.conftest import SHARDS
from tests.fakes import FakeStore
from tests.stores import Store, WholeStore, an_admin

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.model import Due, Job
    from jobs.tenants import Project


def put(store: Store, *jobs: Job) -> None:
    for job in jobs:
        assert append(store, job, f"token-{job.job_id}", {}, None, None) is AppendOutcome.DONE


def due_everywhere(store: Store, until: int) -> list[Due]:
    return sorted(due for shard in range(SHARDS) for due in store.list_due(shard, None, until, 100))


def test_a_job_is_read_as_it_was_appended(store: Store) -> None:
    job = a_full_job()

    assert (
        append(store, job, "token", {"nested": {"pi": 3.14159265358979323846, "n": 10**30}}, None, None)
        is AppendOutcome.DONE
    )

    assert store.get_job(1, 1) == job
    assert store.get_params(1, 1) == {"nested": {"pi": 3.14159265358979323846, "n": 10**30}}


def test_an_unknown_job_is_none_and_has_no_params(store: Store) -> None:
    assert store.get_job(1, 1) is None
    assert store.get_params(1, 1) == {}


def test_a_number_is_given_once(store: Store) -> None:
    put(store, a_job())

    assert append(store, a_job(action="other"), "another", {}, None, None) is AppendOutcome.NUMBER_TAKEN
    assert append(store, a_job(action="other"), "another", {"a": 1}, None, None) is AppendOutcome.NUMBER_TAKEN

    job = store.get_job(1, 1)
    assert job is not None
    assert job.action == "export"
    assert store.get_params(1, 1) == {}


def test_a_creator_that_finds_its_own_token_has_won(store: Store) -> None:
    record = IdempotencyRecord("key", "body", 1, NOW // 1000 + 60)
    for _ in range(2):
        assert append(store, a_job(), "token", {}, None, None) is AppendOutcome.DONE
    for _ in range(2):
        assert (
            append(store, a_job(job_id=2), "token-2", {"a": 1}, record, DeletionLock("d", 2, 1)) is AppendOutcome.DONE
        )


def test_a_live_idempotency_record_keeps_the_job_from_being_appended(store: Store) -> None:
    record = IdempotencyRecord("key", "body", 1, NOW // 1000 + 60)
    assert append(store, a_job(), "token-1", {}, record, None) is AppendOutcome.DONE

    second = record._replace(job_id=2)
    assert append(store, a_job(job_id=2), "token-2", {}, second, None) is AppendOutcome.OVERTAKEN

    assert store.get_job(1, 2) is None
    assert store.find_idempotency_record(1, "key", NOW) == record


def test_an_expired_idempotency_record_is_not_believed_and_gives_way(store: Store) -> None:
    first = IdempotencyRecord("key", "body", 1, NOW // 1000 + 60)
    later = NOW + 60_000
    assert append(store, a_job(), "token-1", {}, first, None) is AppendOutcome.DONE

    assert store.find_idempotency_record(1, "key", later - 1000) == first
    assert store.find_idempotency_record(1, "key", later) is None
    second = IdempotencyRecord("key", "body", 2, later // 1000 + 60)
    assert append(store, a_job(job_id=2, at=later), "token-2", {}, second, None) is AppendOutcome.DONE
    assert store.find_idempotency_record(1, "key", later) == second


def test_a_deletion_lock_moves_from_version_to_version(store: Store) -> None:
    assert store.find_deletion_lock(1, "digest") is None
    assert append(store, a_job(), "token-1", {}, None, DeletionLock("digest", 1, 1)) is AppendOutcome.DONE

    for stale in (1, 3):
        lock = DeletionLock("digest", 2, stale)
        assert append(store, a_job(job_id=2), "token-2", {}, None, lock) is AppendOutcome.OVERTAKEN
    assert store.get_job(1, 2) is None
    assert append(store, a_job(job_id=2), "token-2", {}, None, DeletionLock("digest", 2, 2)) is AppendOutcome.DONE

    assert store.find_deletion_lock(1, "digest") == DeletionLock("digest", 2, 2)
    assert store.find_deletion_lock(2, "digest") is None
    # it has moved twice since it was read
    assert append(store, a_job(job_id=3), "token-3", {}, None, DeletionLock("digest", 3, 3)) is AppendOutcome.DONE
    assert append(store, a_job(job_id=4), "token-4", {}, None, DeletionLock("digest", 4, 2)) is AppendOutcome.OVERTAKEN


def test_the_highest_number_is_found_in_any_block(store: Store) -> None:
    for number in (1, 2, 999, 1000, 1001):
        put(store, a_job(job_id=number))
        if number > 2:  # a block is read from its end, because numbers are dense
            assert store.highest_job_id(a_project(), strong=True) == number
    put(store, a_job(job_id=1, project_id=2))
    assert store.highest_job_id(a_project(project_id=2), strong=False) == 1
    assert store.highest_job_id(a_project(project_id=3), strong=True) == 0


def test_a_range_is_listed_in_order_over_blocks_and_to_the_end(store: Store) -> None:
    put(store, *(a_job(job_id=number) for number in range(995, 1006)))
    put(store, a_job(job_id=996, project_id=2))

    assert [job.job_id for job in store.list_jobs(1, 998, 1003)] == list(range(998, 1004))
    assert [job.job_id for job in store.list_jobs(1, 1004, 1053)] == [1004, 1005]
    assert store.list_jobs(1, 5001, 5050) == []


def test_a_due_job_starts_once_and_gets_its_time_out(store: Store) -> None:
    put(store, a_job(timeout_seconds=60))

    assert start(store, 1, NOW) is StartOutcome.STARTED
    assert start(store, 1, NOW) is StartOutcome.NOT_SCHEDULED

    job = store.get_job(1, 1)
    assert job is not None
    assert job.status is Status.RUNNING
    assert job.history[-1] == Change(Status.RUNNING, NOW, "service")
    assert job.timeout_at == NOW + 60_000
    assert (job.updated_at, job.started_at, job.due_at) == (NOW, NOW, None)


def test_a_job_never_starts_early(store: Store) -> None:
    put(store, a_job())

    assert start(store, 1, NOW - 1) is StartOutcome.NOT_DUE

    assert store.get_job(1, 1) == a_job()


def test_what_is_not_there_does_not_start(store: Store) -> None:
    assert start(store, 1, NOW) is StartOutcome.NOT_SCHEDULED
    assert store.get_job(1, 1) is None


def test_each_job_of_a_batch_starts_or_does_not_by_itself(store: Store) -> None:
    put(
        store, a_job(timeout_seconds=60), a_job(job_id=2, at=NOW + 1), a_job(job_id=3), a_job(job_id=4, has_params=True)
    )
    put(store, a_job(project_id=2, description="Überblick 🙂", reference_id="a'b", max_attempts=3))
    store.cancel_job(1, 3, NOW, "key-9")
    before = {number: store.get_job(1, number) for number in (2, 3)}

    keys = [JobKey(1, 4), JobKey(1, 2), JobKey(2, 1), JobKey(1, 3), JobKey(1, 99), JobKey(1, 1)]
    assert store.start_jobs(keys, NOW) == [
        StartOutcome.STARTED,
        StartOutcome.NOT_DUE,
        StartOutcome.STARTED,
        StartOutcome.NOT_SCHEDULED,
        StartOutcome.NOT_SCHEDULED,
        StartOutcome.STARTED,
    ]

    assert {number: store.get_job(1, number) for number in (2, 3)} == before
    assert store.get_job(1, 99) is None
    started = Change(Status.RUNNING, NOW, "service")
    for job, timeout in (
        (a_job(timeout_seconds=60), 60),
        (a_job(job_id=4, has_params=True), 900),
        (a_job(project_id=2, description="Überblick 🙂", reference_id="a'b", max_attempts=3), 900),
    ):
        assert store.get_job(job.project_id, job.job_id) == job._replace(
            status=Status.RUNNING, next_at=NOW + timeout * 1_000, history=(*job.history, started)
        )


def test_a_herd_starts_at_once_and_moves_in_the_index(store: Store) -> None:
    numbers = range(1, 58)
    put(store, *(a_job(job_id=number) for number in numbers))

    assert store.start_jobs([JobKey(1, number) for number in numbers], NOW) == [StartOutcome.STARTED] * 57
    assert store.start_jobs([JobKey(1, number) for number in numbers], NOW) == [StartOutcome.NOT_SCHEDULED] * 57
    assert store.start_jobs([], NOW) == []

    assert due_everywhere(store, NOW) == []
    lost = sorted(row for shard in range(SHARDS) for row in store.list_lost(shard, NOW + 900_000, 100))
    assert lost == [DueJob(NOW + 900_000, 1, number) for number in numbers]


def test_a_cancel_stays(store: Store) -> None:
    put(store, a_job())

    job = store.cancel_job(1, 1, NOW + 5, "key-9")

    assert job.status is Status.CANCELLED
    assert job.history[-1] == Change(Status.CANCELLED, NOW + 5, "key-9")
    assert (job.next_at, job.finished_at) == (None, NOW + 5)
    assert store.get_job(1, 1) == job
    assert start(store, 1, NOW + 9) is StartOutcome.NOT_SCHEDULED
    assert due_everywhere(store, NOW + 9) == []


def test_a_running_job_is_cancelled_too_and_its_history_says_so(store: Store) -> None:
    put(store, a_job())
    start(store, 1, NOW)

    job = store.cancel_job(1, 1, NOW + 5, "key-9")

    assert [change.to for change in job.history] == ["scheduled", "running", "cancelled"]


def test_a_job_that_has_ended_is_not_cancelled_again(store: Store) -> None:
    put(store, a_job())
    ended = store.cancel_job(1, 1, NOW, "key-9")

    with pytest.raises(errors.JobNotCancellable) as refusal:
        store.cancel_job(1, 1, NOW + 1, "key-8")

    assert refusal.value.job == ended
    assert store.get_job(1, 1) == ended


def test_an_unknown_job_is_not_cancelled_into_being(store: Store) -> None:
    with pytest.raises(errors.JobNotFound):
        store.cancel_job(1, 1, NOW, "key-9")

    assert store.get_job(1, 1) is None


def test_a_moved_job_is_due_at_its_new_time_alone(store: Store) -> None:
    put(store, a_job(next_at=NOW + 5))

    job = store.move_job(JobKey(1, 1), NOW - 1, NOW + 9, "key:9")

    assert job == a_job(start_at=NOW - 1, next_at=NOW + 9, moves=1, moved_by="key:9")
    assert store.get_job(1, 1) == job
    assert due_everywhere(store, NOW + 8) == []
    assert due_everywhere(store, NOW + 9) == [DueJob(NOW + 9, 1, 1)]
    assert start(store, 1, NOW + 8) is StartOutcome.NOT_DUE
    assert start(store, 1, NOW + 9) is StartOutcome.STARTED
    started = store.get_job(1, 1)
    assert started is not None
    assert (started.moves, started.moved_by) == (1, "key:9")


def test_a_second_move_counts_on(store: Store) -> None:
    put(store, a_job(next_at=NOW + 5))
    store.move_job(JobKey(1, 1), NOW + 9, NOW + 9, "key:9")

    job = store.move_job(JobKey(1, 1), NOW + 1, NOW + 1, "key:8")

    assert (job.start_at, job.next_at, job.moves, job.moved_by) == (NOW + 1, NOW + 1, 2, "key:8")


@pytest.mark.parametrize("state", ["running", "cancelled", "failed", "at attempt 2", "retried"])
def test_only_a_scheduled_job_of_the_first_attempt_is_moved(store: Store, state: str) -> None:
    put(store, a_job(max_attempts=2))
    attempt = Attempt(1, 1, 1)
    if state != "cancelled":
        start(store, 1, NOW)
    match state:
        case "cancelled":
            store.cancel_job(1, 1, NOW, "key-9")
        case "failed" | "retried":
            store.fail_job(attempt, Stamp(NOW, "w", "end"), Failure(["x"], retryable=False))
        case "at attempt 2":
            store.back_off_job(attempt, Stamp(NOW, "w", "end"), NOW + 9, Failure(["x"]))
    before = store.get_job(1, 1)
    assert before is not None
    if state == "retried":
        history = (*before.history, Change(Status.SCHEDULED, NOW, "key-9"))
        retried = before._replace(status=Status.SCHEDULED, attempt=2, next_at=NOW, history=history, errors=None)
        store.retry_job(before, retried, "retry", None)
        before = retried

    with pytest.raises(errors.JobNotMovable):
        store.move_job(JobKey(1, 1), NOW + 99, NOW + 99, "key:9")

    assert store.get_job(1, 1) == before


def test_an_unknown_job_is_not_moved_into_being(store: Store) -> None:
    with pytest.raises(errors.JobNotFound):
        store.move_job(JobKey(1, 1), NOW, NOW, "key:9")

    assert store.get_job(1, 1) is None


def test_scheduled_jobs_are_listed_by_due_time_until_they_start(store: Store) -> None:
    put(store, *(a_job(job_id=number, at=NOW + number) for number in range(1, 21)))

    assert due_everywhere(store, NOW + 20) == [DueJob(NOW + number, 1, number) for number in range(1, 21)]
    assert due_everywhere(store, NOW + 5) == [DueJob(NOW + number, 1, number) for number in range(1, 6)]
    start(store, 3, NOW + 3)
    assert due_everywhere(store, NOW + 5) == [DueJob(NOW + number, 1, number) for number in (1, 2, 4, 5)]


def test_due_jobs_go_on_behind_any_row_even_one_that_has_left(store: Store) -> None:
    """All are due in one millisecond, as at midnight. Their order must be the same from page to page."""
    put(store, *(a_job(job_id=number) for number in range(1, 41)))

    walked: list[Due] = []
    for shard in range(SHARDS):
        last = None
        while page := store.list_due(shard, last, NOW, 3):
            walked += page
            last = page[-1]
            assert isinstance(last, DueJob)
            start(store, last.job_id, NOW)

    assert sorted(walked) == [DueJob(NOW, 1, number) for number in range(1, 41)]
    assert store.list_due(0, DueJob(NOW + 1, 1, 1), NOW, 3) == []


def test_a_watermark_only_rises(store: Store) -> None:
    assert store.list_watermarks() == []
    low, high = DueJob(NOW, 1, 1), DueJob(NOW + 1, 1, 2)

    store.raise_watermark(Watermark(3, high))
    store.raise_watermark(Watermark(3, low))
    store.raise_watermark(Watermark(1, low))

    assert store.list_watermarks() == [Watermark(1, low), Watermark(3, high)]


def test_the_sweep_cursor_is_kept(store: Store) -> None:
    assert store.get_sweep_cursor() == SweepCursor(0, None)
    for cursor in (SweepCursor(2, DueJob(NOW, 1, 1)), SweepCursor(3, None)):
        store.save_sweep_cursor(cursor)
        assert store.get_sweep_cursor() == cursor


def test_noting_a_block_can_be_repeated(store: Store) -> None:
    if isinstance(store, WholeStore):
        an_admin(store._table._client).add_organisation("Demo")
        an_admin(store._table._client).add_project(1, "Demo", "key", b"0", 1)
    project: Project = a_project(project_key="key")

    for job_id in (1, 1001, 1002, 1, 2001):
        store.note_block(project, job_id)

    if isinstance(store, WholeStore):
        found = an_admin(store._table._client).find_project("key")
        assert found is not None
        assert found.block == 2
    elif isinstance(store, FakeStore):
        assert store.blocks == {1: 2}


# ---- events that ask for jobs -------------------------------------------------------------------------------------


def a_mark(name: str, expires: int = NOW // 1000 + 60) -> SeenEvent:
    return SeenEvent(name.ljust(64, "0"), expires)


def a_row(number: int, event: str | None = None, token: str | None = None, **changes: object) -> NewRow:
    params = changes.pop("params", {})
    assert isinstance(params, dict)
    job = a_job(job_id=number, has_params=bool(params), **changes)
    return NewRow(job, token or f"token-{number}", params, a_mark(event or f"event-{number}"))


def test_a_job_of_an_event_is_appended_once(store: Store) -> None:
    assert append(store, a_job(), "token-1", {}, None, None, a_mark("a")) is AppendOutcome.DONE

    assert (
        append(store, a_job(), "token-1", {}, None, None, a_mark("a")) is AppendOutcome.DONE
    )  # by its creator, after a lost answer
    assert append(store, a_job(job_id=2), "token-2", {}, None, None, a_mark("a")) is AppendOutcome.OVERTAKEN
    assert append(store, a_job(), "token-2", {}, None, None, a_mark("a")) is AppendOutcome.NUMBER_TAKEN
    assert append(store, a_job(job_id=2), "token-2", {}, None, None, a_mark("b")) is AppendOutcome.DONE

    assert store.highest_job_id(a_project(), strong=True) == 2
    assert [store.is_seen(a_mark(name).digest, NOW) for name in "abc"] == [True, True, False]


def test_an_event_that_was_taken_keeps_everything_beside_the_job_out_too(store: Store) -> None:
    put(store, a_job())
    assert append(store, a_job(job_id=2), "token-2", {}, None, None, a_mark("a")) is AppendOutcome.DONE
    record, lock = IdempotencyRecord("key", "body", 3, NOW // 1000 + 60), DeletionLock("digest", 3, 1)

    assert append(store, a_job(job_id=3), "token-3", {"a": 1}, record, lock, a_mark("a")) is AppendOutcome.OVERTAKEN

    assert store.get_job(1, 3) is None
    assert store.get_params(1, 3) == {}
    assert store.find_idempotency_record(1, "key", NOW) is None
    assert store.find_deletion_lock(1, "digest") is None


def test_a_job_that_is_not_appended_leaves_its_event_untaken(store: Store) -> None:
    put(store, a_job())

    assert append(store, a_job(), "another", {}, None, None, a_mark("a")) is AppendOutcome.NUMBER_TAKEN
    assert (
        append(store, a_job(job_id=2), "x", {}, None, DeletionLock("d", 2, 5), a_mark("a")) is AppendOutcome.OVERTAKEN
    )

    assert store.is_seen(a_mark("a").digest, NOW) is False


def test_an_expired_mark_is_not_believed_and_gives_way(store: Store) -> None:
    later = NOW + 60_000
    assert append(store, a_job(), "token-1", {}, None, None, a_mark("a")) is AppendOutcome.DONE

    assert store.is_seen(a_mark("a").digest, later - 1) is True
    assert store.is_seen(a_mark("a").digest, later) is False
    fresh = a_mark("a", later // 1000 + 60)
    assert append(store, a_job(job_id=2, at=later), "token-2", {}, None, None, fresh) is AppendOutcome.DONE
    assert store.is_seen(fresh.digest, later) is True


def test_an_event_that_makes_no_job_can_be_marked_all_the_same(store: Store) -> None:
    for _ in range(2):
        store.mark_seen(a_mark("a"), NOW)
        assert store.is_seen(a_mark("a").digest, NOW) is True

    later = NOW + 60_000
    store.mark_seen(a_mark("a", later // 1000 + 60), later)
    assert store.is_seen(a_mark("a").digest, later) is True
    assert append(store, a_job(), "token", {}, None, None, a_mark("a")) is AppendOutcome.OVERTAKEN


def test_a_batch_is_appended_whole(store: Store) -> None:
    run = Run("wf", "owner", ("c1", "c2"), "High", "gpu")
    rows = [a_row(1), a_row(2, params={"a": [1.5, None]}), a_row(3, run=run)]

    assert store.append(rows) == AppendResult(AppendOutcome.DONE)

    assert [store.get_job(1, number) for number in (1, 2, 3)] == [row.job for row in rows]
    assert [store.get_params(1, number) for number in (1, 2, 3)] == [{}, {"a": [1.5, None]}, {}]
    assert all(row.seen and store.is_seen(row.seen.digest, NOW) for row in rows)
    assert due_everywhere(store, NOW) == [DueJob(NOW, 1, number) for number in (1, 2, 3)]


def test_a_batch_goes_on_over_the_end_of_a_block(store: Store) -> None:
    put(store, a_job(job_id=999))

    assert store.append([a_row(1000), a_row(1001)]) == AppendResult(AppendOutcome.DONE)

    assert [job.job_id for job in store.list_jobs(1, 999, 1001)] == [999, 1000, 1001]


@pytest.mark.parametrize("taken", [1, 2])
def test_a_batch_of_which_a_number_is_taken_writes_nothing(store: Store, taken: int) -> None:
    put(store, a_job(job_id=taken, action="rival"))

    outcome = store.append([a_row(1, token="mine", params={"a": 1}), a_row(2, token="mine-2", params={"a": 2})])

    assert outcome == AppendResult(AppendOutcome.NUMBER_TAKEN)
    kept = store.get_job(1, taken)
    assert kept is not None
    assert kept.action == "rival"
    assert store.get_job(1, 3 - taken) is None
    assert [store.get_params(1, number) for number in (1, 2)] == [{}, {}]
    assert [store.is_seen(a_mark(f"event-{number}").digest, NOW) for number in (1, 2)] == [False, False]


def test_a_batch_says_which_of_its_events_were_taken_and_writes_nothing(store: Store) -> None:
    assert append(store, a_job(), "token-1", {}, None, None, a_mark("a")) is AppendOutcome.DONE
    assert append(store, a_job(job_id=2), "token-2", {}, None, None, a_mark("c")) is AppendOutcome.DONE

    outcome = store.append([a_row(3, "a"), a_row(4, "b"), a_row(5, "c")])

    assert outcome == AppendResult(AppendOutcome.OVERTAKEN, frozenset({0, 2}))
    assert store.highest_job_id(a_project(), strong=True) == 2
    assert store.is_seen(a_mark("b").digest, NOW) is False


def test_a_batch_whose_numbers_and_events_are_both_taken_says_both(store: Store) -> None:
    assert append(store, a_job(), "rival", {}, None, None, a_mark("b")) is AppendOutcome.DONE

    assert store.append([a_row(1, "a"), a_row(2, "b")]) == AppendResult(AppendOutcome.NUMBER_TAKEN, frozenset({1}))


def test_the_creator_of_a_batch_finds_its_own_tokens_after_a_lost_answer(store: Store) -> None:
    rows = [a_row(1), a_row(2), a_row(3, params={"a": 1})]
    store.append(rows)

    assert store.append(rows).outcome is AppendOutcome.DONE

    assert store.highest_job_id(a_project(), strong=True) == 3
    assert (
        store.append([row._replace(token=f"other-{row.token}") for row in rows]).outcome is AppendOutcome.NUMBER_TAKEN
    )


def test_one_event_can_not_stand_in_a_batch_twice(store: Store) -> None:
    with pytest.raises(ClientError):
        store.append([a_row(1, "a"), a_row(2, "a")])

    assert store.get_job(1, 1) is None


def test_expired_marks_do_not_keep_a_batch_out(store: Store) -> None:
    later = NOW + 60_000
    store.append([a_row(1, "a")])

    assert store.append([a_row(2, "a", at=later)]).outcome is AppendOutcome.DONE


# ---- reports ------------------------------------------------------------------------------------------------------

FIRST = Attempt(1, 1, 1)
TIMEOUT = 900_000


def a_stamp(at: int = NOW + 10, sign: str = "finish") -> Stamp:
    return Stamp(at, "worker", sign)


def running(store: Store, **job: object) -> None:
    put(store, a_job(**job))
    assert start(store, 1, NOW) is StartOutcome.STARTED


def the_job(store: Store) -> Job:
    job = store.get_job(1, 1)
    assert job is not None
    return job


def complete(store: Store, attempt: Attempt = FIRST, sign: str = "finish") -> ReportOutcome:
    return store.complete_job(attempt, a_stamp(sign=sign), [{"file": "a.csv"}])


def fail(store: Store, attempt: Attempt = FIRST, sign: str = "finish") -> ReportOutcome:
    return store.fail_job(attempt, a_stamp(sign=sign), Failure(["no disk"]))


def back_off(store: Store, attempt: Attempt = FIRST, sign: str = "finish") -> ReportOutcome:
    return store.back_off_job(attempt, a_stamp(sign=sign), NOW + 5_000, Failure(["no disk"]))


def progress(store: Store, attempt: Attempt = FIRST, sign: str = "") -> ReportOutcome:
    return store.note_progress(attempt, 50, NOW, NOW + 10 + TIMEOUT)


#: Each way to report, and how many attempts the job must allow for it to apply to the first.
REPORTS: dict[str, tuple[Callable[..., ReportOutcome], int]] = {
    "complete": (complete, 1),
    "fail": (fail, 1),
    "back_off": (back_off, 2),
    "progress": (progress, 1),
}
ENDS = ["complete", "fail", "back_off"]


def test_a_completed_job_has_its_outputs(store: Store) -> None:
    running(store)

    assert store.complete_job(FIRST, a_stamp(), [{"file": "a.csv", "size": 1.5}, "ü", None]) is ReportOutcome.APPLIED

    job = the_job(store)
    assert job.status is Status.COMPLETED
    assert job.history[-1] == Change(Status.COMPLETED, NOW + 10, "worker")
    assert (job.next_at, job.finished_at, job.progress, job.errors) == (None, NOW + 10, 100, None)
    assert store.get_outputs(job) == [{"file": "a.csv", "size": 1.5}, "ü", None]
    assert store.list_lost(0, NOW + 10 * TIMEOUT, 10) == []


def test_a_job_may_complete_without_outputs(store: Store) -> None:
    running(store)

    assert store.complete_job(FIRST, a_stamp(), []) is ReportOutcome.APPLIED

    assert the_job(store).outputs_token is None
    assert store.get_outputs(the_job(store)) == []


def test_a_last_attempt_that_fails_fails_the_job(store: Store) -> None:
    running(store)

    assert store.fail_job(FIRST, a_stamp(), Failure(["no disk", ""])) is ReportOutcome.APPLIED

    job = the_job(store)
    assert (job.status, job.errors, job.next_at) == (Status.FAILED, ("no disk", ""), None)
    assert job.history[-1] == Change(Status.FAILED, NOW + 10, "worker", "finish")
    assert store.get_evidence(job) == {"finish": ["no disk", ""]}


def test_no_further_attempt_follows_where_none_would_help(store: Store) -> None:
    running(store, max_attempts=3)

    assert store.fail_job(FIRST, a_stamp(), Failure(["no such user"], retryable=False)) is ReportOutcome.APPLIED

    assert (the_job(store).status, the_job(store).attempt) == (Status.FAILED, 1)


def test_the_errors_of_every_attempt_stay_whatever_becomes_of_the_job(store: Store) -> None:
    running(store, max_attempts=2)
    assert back_off(store, FIRST, "first") is ReportOutcome.APPLIED
    assert the_job(store).errors == ("no disk",)
    start(store, 1, NOW + 5_000)
    assert the_job(store).errors is None
    second = Attempt(1, 1, 2)
    assert store.fail_job(second, a_stamp(sign="second"), Failure(["a", "b"])) is ReportOutcome.APPLIED
    failed = the_job(store)
    store.retry_job(failed, as_retried(failed), "retry", None)
    start(store, 1, NOW + 100)
    assert store.complete_job(Attempt(1, 1, 3), a_stamp(sign="third"), []) is ReportOutcome.APPLIED

    assert the_job(store).errors is None
    assert store.get_evidence(the_job(store)) == {"first": ["no disk"], "second": ["a", "b"]}


@pytest.mark.parametrize("end", ["complete", "cancel"])
def test_the_errors_of_an_earlier_attempt_are_none_of_what_ends_well(store: Store, end: str) -> None:
    running(store, max_attempts=3)
    back_off(store, FIRST, "first")
    if end == "cancel":
        store.cancel_job(1, 1, NOW, "key-1")
    else:
        start(store, 1, NOW + 5_000)
        complete(store, Attempt(1, 1, 2))

    assert the_job(store).errors is None


def test_the_errors_of_a_change_that_was_not_made_are_never_shown(store: Store) -> None:
    running(store, max_attempts=2)
    assert fail(store, sign="never made") is ReportOutcome.REFUSED
    assert back_off(store, sign="made") is ReportOutcome.APPLIED
    assert back_off(store, sign="late") is ReportOutcome.STALE

    assert store.get_evidence(the_job(store)) == {"made": ["no disk"]}


def test_a_job_that_backs_off_is_scheduled_as_its_next_attempt(store: Store) -> None:
    running(store, max_attempts=2)
    store.note_progress(FIRST, 30, NOW, NOW + TIMEOUT)

    assert store.back_off_job(FIRST, a_stamp(), NOW + 5_000, Failure(["no disk", "x" * 999])) is ReportOutcome.APPLIED

    job = the_job(store)
    assert (job.status, job.attempt, job.due_at, job.progress) == (Status.SCHEDULED, 2, NOW + 5_000, None)
    assert job.history[-1] == Change(Status.SCHEDULED, NOW + 10, "worker", "finish")
    assert store.get_evidence(job) == {"finish": ["no disk", "x" * 999]}
    [short] = job.errors or ()
    assert (short[:10], short[-9:], len(short)) == ("no disk\nxx", "xx… (cut)", 256)
    assert due_everywhere(store, NOW + 5_000) == [DueJob(NOW + 5_000, 1, 1)]
    assert lost_everywhere(store, NOW + 10 * TIMEOUT) == []
    assert start(store, 1, NOW + 4_999) is StartOutcome.NOT_DUE
    assert start(store, 1, NOW + 5_000) is StartOutcome.STARTED
    assert the_job(store).timeout_at == NOW + 5_000 + TIMEOUT


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_of_a_job_that_is_not_there_is_told_and_makes_none(store: Store, name: str) -> None:
    report, _ = REPORTS[name]

    assert report(store) is ReportOutcome.UNKNOWN

    assert store.get_job(1, 1) is None


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("attempt", [1, 2])
def test_a_report_before_its_attempt_has_started_is_early_and_changes_nothing(
    store: Store, name: str, attempt: int
) -> None:
    report, attempts = REPORTS[name]
    put(store, a_job(max_attempts=attempts))
    if attempt == 2:
        start(store, 1, NOW)
    before = the_job(store)

    assert report(store, Attempt(1, 1, attempt)) is ReportOutcome.EARLY

    assert the_job(store) == before


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("started_again", [False, True])
def test_a_report_of_an_attempt_that_is_over_is_stale_and_changes_nothing(
    store: Store,
    name: str,
    started_again: bool,  # noqa: FBT001
) -> None:
    report, _ = REPORTS[name]
    running(store, max_attempts=3)
    assert back_off(store, sign="earlier") is ReportOutcome.APPLIED
    if started_again:
        start(store, 1, NOW + 5_000)
    before = the_job(store)

    assert report(store, FIRST) is ReportOutcome.STALE

    assert the_job(store) == before


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("end", ["complete", "fail", "cancel"])
def test_a_report_of_a_job_that_has_ended_is_stale_and_changes_nothing(store: Store, name: str, end: str) -> None:
    report, _ = REPORTS[name]
    running(store)
    if end == "cancel":
        store.cancel_job(1, 1, NOW, "key-1")
    else:
        assert REPORTS[end][0](store, sign="earlier") is ReportOutcome.APPLIED
    before = the_job(store)

    assert report(store) is ReportOutcome.STALE

    assert the_job(store) == before
    assert store.get_outputs(before) == ([{"file": "a.csv"}] if end == "complete" else [])


@pytest.mark.parametrize(("name", "attempts"), [("fail", 2), ("back_off", 1)])
def test_whether_an_attempt_is_the_last_is_decided_by_the_row(store: Store, name: str, attempts: int) -> None:
    running(store, max_attempts=attempts)
    before = the_job(store)

    assert REPORTS[name][0](store) is ReportOutcome.REFUSED

    assert the_job(store) == before


@pytest.mark.parametrize("name", ENDS)
def test_a_report_that_finds_its_own_token_has_been_applied_once(store: Store, name: str) -> None:
    report, attempts = REPORTS[name]
    running(store, max_attempts=attempts)

    assert [report(store), report(store)] == [ReportOutcome.APPLIED, ReportOutcome.APPLIED]

    assert len(the_job(store).history) == 3
    assert report(store, sign="another") is ReportOutcome.STALE


@pytest.mark.parametrize(("attempts", "status"), [(1, Status.FAILED), (2, Status.SCHEDULED)])
def test_a_lost_attempt_is_ended_only_once_its_time_out_has_passed(store: Store, attempts: int, status: Status) -> None:
    def lose(at: int) -> ReportOutcome:
        if attempts == 1:
            return store.fail_job(FIRST, a_stamp(at), Failure(["lost"], lost=True))
        return store.back_off_job(FIRST, a_stamp(at), at + 5_000, Failure(["lost"], lost=True))

    running(store, max_attempts=attempts)
    store.note_progress(FIRST, 5, NOW, NOW + 1_000 + TIMEOUT)

    assert [lose(NOW + TIMEOUT), lose(NOW + 1_000 + TIMEOUT - 1)] == [ReportOutcome.REFUSED] * 2
    assert the_job(store).status is Status.RUNNING
    assert lose(NOW + 1_000 + TIMEOUT) is ReportOutcome.APPLIED
    assert the_job(store).status is status


def test_progress_moves_the_time_out_on_and_never_falls(store: Store) -> None:
    running(store)
    history = the_job(store).history

    assert store.note_progress(FIRST, 0, NOW, NOW + 1_000 + TIMEOUT) is ReportOutcome.APPLIED
    assert (the_job(store).progress, the_job(store).timeout_at) == (0, NOW + 1_000 + TIMEOUT)
    assert store.note_progress(FIRST, 40, NOW, NOW + 2_000 + TIMEOUT) is ReportOutcome.APPLIED
    assert store.note_progress(FIRST, 39, NOW, NOW + 3_000 + TIMEOUT) is ReportOutcome.REFUSED
    assert (the_job(store).progress, the_job(store).timeout_at) == (40, NOW + 2_000 + TIMEOUT)
    assert store.note_progress(FIRST, 40, NOW, NOW + 4_000 + TIMEOUT) is ReportOutcome.APPLIED
    assert (
        store.note_progress(FIRST, 50, NOW, NOW + 3_000 + TIMEOUT) is ReportOutcome.REFUSED
    )  # nor may the time-out fall

    assert the_job(store).timeout_at == NOW + 4_000 + TIMEOUT
    assert the_job(store).history == history


def test_progress_may_leave_the_time_out_as_it_is(store: Store) -> None:
    running(store)
    before = the_job(store)

    assert store.note_progress(FIRST, 40, NOW + 7, None) is ReportOutcome.APPLIED
    assert the_job(store) == before._replace(progress=40, progress_at=NOW + 7)
    assert store.note_progress(FIRST, 39, NOW + 8, None) is ReportOutcome.REFUSED
    assert store.note_progress(FIRST, 40, NOW + 9, None) is ReportOutcome.APPLIED
    assert lost_everywhere(store, NOW + TIMEOUT) == [DueJob(NOW + TIMEOUT, 1, 1)]


@pytest.mark.parametrize("end", [*ENDS, "cancel"])
def test_when_progress_was_written_is_known_of_running_jobs_alone(store: Store, end: str) -> None:
    running(store, max_attempts=REPORTS[end][1] if end in REPORTS else 1)
    store.note_progress(FIRST, 40, NOW + 7, None)

    if end == "cancel":
        store.cancel_job(1, 1, NOW, "key-1")
    else:
        assert REPORTS[end][0](store) is ReportOutcome.APPLIED

    assert the_job(store).progress_at is None


# ---- lost attempts ------------------------------------------------------------------------------------------------


def lost_everywhere(store: Store, now: int) -> list[DueJob]:
    return sorted(row for shard in range(SHARDS) for row in store.list_lost(shard, now, 100))


def test_lost_attempts_are_listed_by_time_out_the_longest_lost_first(store: Store) -> None:
    put(store, *(a_job(job_id=number) for number in range(1, 21)))
    for number in range(1, 20):
        start(store, number, NOW + number)
    store.cancel_job(1, 3, NOW + 20, "key-1")

    lost = [DueJob(NOW + number + TIMEOUT, 1, number) for number in range(1, 20) if number != 3]
    assert lost_everywhere(store, NOW + 20 + TIMEOUT) == lost
    assert lost_everywhere(store, NOW + 5 + TIMEOUT) == lost[:4]
    assert lost_everywhere(store, NOW + TIMEOUT) == []
    for shard in range(SHARDS):
        of_shard = store.list_lost(shard, NOW + 20 + TIMEOUT, 100)
        assert of_shard == sorted(of_shard)
        assert store.list_lost(shard, NOW + 20 + TIMEOUT, 2) == of_shard[:2]


# ---- retry --------------------------------------------------------------------------------------------------------


def ended(store: Store, **job: object) -> Job:
    running(store, **job)
    store.note_progress(FIRST, 70, NOW, NOW + TIMEOUT)
    assert fail(store) is ReportOutcome.APPLIED
    return the_job(store)


def as_retried(job: Job, at: int = NOW + 100) -> Job:
    return job._replace(
        status=Status.SCHEDULED,
        next_at=at,
        attempt=job.attempt + 1,
        max_attempts=max(job.max_attempts, job.attempt + 1),
        history=(*job.history, Change(Status.SCHEDULED, at, "key-9")),
        errors=None,
        progress=None,
        outputs_token=None,
    )


def test_a_retried_job_is_as_its_caller_says(store: Store) -> None:
    failed = ended(store)

    assert store.retry_job(failed, as_retried(failed), "retry", None) is AppendOutcome.DONE

    assert the_job(store) == as_retried(failed)
    assert due_everywhere(store, NOW + 100) == [DueJob(NOW + 100, 1, 1)]
    assert start(store, 1, NOW + 100) is StartOutcome.STARTED
    assert fail(store, FIRST, "late") is ReportOutcome.STALE
    assert complete(store, Attempt(1, 1, 2), "second") is ReportOutcome.APPLIED


def test_a_job_is_retried_once_from_the_state_in_which_it_was_seen(store: Store) -> None:
    failed = ended(store)
    assert store.retry_job(failed, as_retried(failed), "retry", None) is AppendOutcome.DONE
    retried = the_job(store)

    assert store.retry_job(failed, as_retried(failed), "retry", None) is AppendOutcome.DONE  # its own token
    assert store.retry_job(failed, as_retried(failed), "another", None) is AppendOutcome.OVERTAKEN
    assert the_job(store) == retried

    cancelled = store.cancel_job(1, 1, NOW + 200, "key-1")
    assert store.retry_job(failed, as_retried(failed), "another", None) is AppendOutcome.OVERTAKEN
    assert store.retry_job(cancelled, as_retried(cancelled), "third", None) is AppendOutcome.DONE
    assert the_job(store).attempt == 3

    # cancelled as it was read, but one attempt later
    store.cancel_job(1, 1, NOW + 300, "key-1")
    assert store.retry_job(cancelled, as_retried(cancelled), "fourth", None) is AppendOutcome.OVERTAKEN
    assert the_job(store).attempt == 3


def test_a_retry_moves_the_lock_of_its_user_or_does_nothing(store: Store) -> None:
    put(store, a_job(job_id=2))
    assert append(store, a_job(), "token-1", {}, None, DeletionLock("digest", 1, 1)) is AppendOutcome.DONE
    seen = store.cancel_job(1, 1, NOW, "key-1")

    for stale in (1, 3):
        lock = DeletionLock("digest", 1, stale)
        assert store.retry_job(seen, as_retried(seen), "retry", lock) is AppendOutcome.OVERTAKEN
    assert the_job(store) == seen

    assert store.retry_job(seen, as_retried(seen), "retry", DeletionLock("digest", 1, 2)) is AppendOutcome.DONE
    assert store.find_deletion_lock(1, "digest") == DeletionLock("digest", 1, 2)
    assert store.retry_job(seen, as_retried(seen), "retry", DeletionLock("digest", 1, 2)) is AppendOutcome.DONE
    assert store.retry_job(seen, as_retried(seen), "other", DeletionLock("digest", 1, 3)) is AppendOutcome.OVERTAKEN
    assert store.find_deletion_lock(1, "digest") == DeletionLock("digest", 1, 2)


# ---- messages -----------------------------------------------------------------------------------------------------


def say(store: Store, at: int, text: str, event: str | None = None, job_id: int = 1) -> bool:
    return store.add_message(1, job_id, Message(at, Severity.WARNING, text, 7), a_mark(event or text))


def test_messages_come_back_in_the_order_of_time_whatever_order_they_came_in(store: Store) -> None:
    for at, text in [(NOW + 5, "c"), (NOW, "a"), (NOW + 5, "b"), (999_999, "first"), (10**13 - 1, "last")]:
        assert say(store, at, text) is True
    say(store, NOW, "of another", job_id=11)

    page = store.list_messages(1, 1, None, 10)

    assert [message.text for message in page.messages] == ["first", "a", "b", "c", "last"]
    assert page.messages[1] == Message(NOW, Severity.WARNING, "a", 7)
    assert page.next is None
    assert store.list_messages(1, 2, None, 10)[:2] == ([], None)
    assert store.list_messages(2, 1, None, 10)[:2] == ([], None)


def test_messages_are_paged_without_a_gap_or_a_repeat(store: Store) -> None:
    for number in range(10):
        say(store, NOW + number // 3, f"{number}")

    walked: list[str] = []
    sizes = []
    after = None
    while True:
        page = store.list_messages(1, 1, after, 3)
        walked += [message.text for message in page.messages]
        sizes.append(len(page.messages))
        if (after := page.next) is None:
            break

    assert walked == [f"{number}" for number in range(10)]
    assert sizes == [3, 3, 3, 1]


def test_a_message_is_put_once_for_each_event(store: Store) -> None:
    assert [say(store, NOW, "a"), say(store, NOW, "a"), say(store, NOW + 9, "a again", event="a")] == [
        True,
        False,
        False,
    ]

    assert [message.text for message in store.list_messages(1, 1, None, 10).messages] == ["a"]


def test_params_and_outputs_are_no_messages(store: Store) -> None:
    append(store, a_job(has_params=True), "token", {"a": 1}, None, None)
    start(store, 1, NOW)
    complete(store)
    say(store, NOW, "a")

    assert [message.text for message in store.list_messages(1, 1, None, 10).messages] == ["a"]


def test_messages_are_paged_from_the_newest_on_too(store: Store) -> None:
    for number in range(10):
        say(store, NOW + number // 3, f"{number}")
    say(store, NOW + 99, "of another", job_id=11)

    walked: list[str] = []
    pages = []
    before = None
    while True:
        page = store.list_messages(1, 1, before, 4, newest_first=True)
        walked += [message.text for message in page.messages]
        pages.append(len(page.messages))
        if (before := page.next) is None:
            break

    assert walked == [f"{number}" for number in reversed(range(10))]
    assert pages == [4, 4, 2]


@pytest.mark.parametrize("newest_first", [True, False])
def test_the_place_of_a_message_leads_on_behind_it_in_either_direction(
    store: Store,
    newest_first: bool,  # noqa: FBT001
) -> None:
    for number in range(5):
        say(store, NOW + number, f"{number}")
    whole = store.list_messages(1, 1, None, 10, newest_first=newest_first)

    assert len(set(whole.places)) == 5
    for position, place in enumerate(whole.places, 1):
        rest = store.list_messages(1, 1, place, 10, newest_first=newest_first)
        assert rest.messages == whole.messages[position:]


# ---- a workflow's jobs ----------------------------------------------------------------------------------------------


#: The table of the simulation has no workflow index, because nobody runs workflows there.
with_workflows = pytest.mark.parametrize("store", ["fake", "moto", "ministack"], indirect=True)


def walk(store: Store, workflow: str = "w", project: int = 1, *, newest_first: bool = False) -> list[int]:
    return [job.job_id for job in store.walk_workflow(project, workflow, newest_first=newest_first)]


@with_workflows
def test_a_workflow_s_jobs_are_walked_in_the_order_of_their_numbers_a_hundred_and_more(store: Store) -> None:
    for number in range(1, 231):
        put(store, a_job(job_id=number, run=Run("w" if number % 10 else "other")))
    numbers = [number for number in range(1, 231) if number % 10]

    assert walk(store) == numbers
    assert walk(store, newest_first=True) == numbers[::-1]
    assert walk(store, "other") == list(range(10, 231, 10))


@with_workflows
def test_a_workflow_s_jobs_are_walked_over_the_end_of_a_block(store: Store) -> None:
    for number in range(990, 1_011):
        put(store, a_job(job_id=number, run=Run("w")))

    assert walk(store) == list(range(990, 1_011))
    assert walk(store, newest_first=True) == list(range(1_010, 989, -1))


@with_workflows
def test_a_walk_knows_the_workflow_of_its_project_alone(store: Store) -> None:
    put(store, a_job(run=Run("w")), a_job(job_id=2), a_job(job_id=3, run=Run("W")), a_job(job_id=4, run=Run("w#")))
    put(store, a_job(project_id=2, run=Run("w")), a_job(project_id=11, run=Run("w")))

    assert (walk(store), walk(store, "w#"), walk(store, project=2)) == ([1], [4], [1])
    assert (walk(store, "x"), walk(store, project=3), walk(store, "")) == ([], [], [])


@with_workflows
@pytest.mark.parametrize(
    "run",
    [
        Run("w"),
        Run("a#b 🙂", "user-1", ("c-1", "größe"), "High", "tag"),
        Run("w", collection_ids=("",)),
    ],
    ids=str,
)
def test_a_walked_job_is_as_it_is_stored_now(store: Store, run: Run) -> None:
    job = a_job(run=run, has_params=True)
    assert append(store, job, "token", {"a": 1}, None, None) is AppendOutcome.DONE
    assert list(store.walk_workflow(1, run.workflow_id, newest_first=True)) == [job]

    start(store, 1, NOW)
    cancelled = store.cancel_job(1, 1, NOW + 1, "key-1")

    assert list(store.walk_workflow(1, run.workflow_id, newest_first=True)) == [cancelled]
    assert store.get_job(1, 1) == cancelled
    assert cancelled.run == run


@with_workflows
@pytest.mark.parametrize("run", [Run(owner_id="user-1"), Run(collection_ids=("c-1",)), Run(priority="Low")])
def test_what_is_told_of_a_run_is_kept_without_a_workflow_too(store: Store, run: Run) -> None:
    put(store, a_job(run=run))

    job = store.get_job(1, 1)
    assert job is not None
    assert job.run == run
    assert walk(store, "") == []


@with_workflows
def test_a_batch_s_jobs_are_found_by_their_workflow_too(store: Store) -> None:
    rows = [NewRow(a_job(job_id=number, run=Run("w")), f"t-{number}", {}, a_mark(f"{number}")) for number in (1, 2)]

    assert store.append(rows) == AppendResult(AppendOutcome.DONE)

    assert walk(store) == [1, 2]


# ---- what an end leaves to be forgotten ---------------------------------------------------------------------------

FORGET_AT = NOW + 86_400_000
LAST: dict[str, Callable[[Store, int | None], object]] = {
    "completes": lambda store, at: store.complete_job(FIRST, a_stamp()._replace(forget_at=at), []),
    "fails": lambda store, at: store.fail_job(FIRST, a_stamp()._replace(forget_at=at), Failure(["no disk"])),
    "is cancelled": lambda store, at: store.cancel_job(1, 1, NOW + 10, "key-1", at),
}


@pytest.mark.parametrize("end", LAST)
@pytest.mark.parametrize("forget_at", [None, FORGET_AT])
def test_an_end_says_when_the_job_is_to_be_forgotten(store: Store, end: str, forget_at: int | None) -> None:
    running(store)

    LAST[end](store, forget_at)

    job = the_job(store)
    assert (job.forget_at, job.due_at, job.timeout_at) == (forget_at, None, None)
    assert not job.forgotten
    assert lost_everywhere(store, FORGET_AT) == []


def test_an_attempt_that_backs_off_is_not_to_be_forgotten(store: Store) -> None:
    running(store, max_attempts=2)

    store.back_off_job(FIRST, a_stamp()._replace(forget_at=FORGET_AT), NOW + 5_000, Failure(["no disk"]))

    assert (the_job(store).due_at, the_job(store).forget_at) == (NOW + 5_000, None)


def test_a_retried_job_is_no_longer_to_be_forgotten(store: Store) -> None:
    running(store)
    store.fail_job(FIRST, a_stamp()._replace(forget_at=FORGET_AT), Failure(["no disk"]))
    failed = the_job(store)

    assert store.retry_job(failed, as_retried(failed), "retry", None) is AppendOutcome.DONE

    assert (the_job(store).due_at, the_job(store).forget_at) == (as_retried(failed).next_at, None)


@pytest.mark.parametrize("forgotten", [Forgotten.PAYLOAD, Forgotten.REDACTED])
def test_a_job_that_has_lost_its_payload_is_not_retried(store: Store, forgotten: Forgotten) -> None:
    failed = a_job(
        status=Status.FAILED,
        next_at=FORGET_AT,
        forgotten=forgotten,
        history=(Change(Status.SCHEDULED, NOW, "x"), Change(Status.RUNNING, NOW, "x"), Change(Status.FAILED, NOW, "x")),
    )
    put(store, failed)

    assert store.retry_job(failed, as_retried(failed), "retry", None) is AppendOutcome.OVERTAKEN

    assert the_job(store) == failed
