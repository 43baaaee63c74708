"""Starts in batches, on the emulator whose PartiQL works: repeated, without an answer, and contended."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ReadTimeoutError
from jobs.errors import JobNotCancellable
from jobs.model import JobKey, Status
from jobs.outcomes import AppendOutcome, StartOutcome
from jobs.store.shortcut import ShortCalls

from tests.builders import NOW, a_job, append
from tests.stores import WholeStore, a_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient

JOBS = 25
KEYS = [JobKey(1, number) for number in range(1, JOBS + 1)]


@pytest.fixture
def store(ministack: DynamoDBClient) -> WholeStore:
    store = a_store(ministack, 4, start_batch=JOBS)
    for key in KEYS:
        assert append(store, a_job(job_id=key.job_id), "token", {}, None, None) is AppendOutcome.DONE
    return store


def histories(store: WholeStore) -> Counter[tuple[str, ...]]:
    jobs = [store.get_job(*key) for key in KEYS]
    return Counter(tuple(change.to for change in job.history) for job in jobs if job is not None)


def twice(monkeypatch: pytest.MonkeyPatch, second: Callable[[Callable[[], Any]], Any]) -> None:
    """Execute each batch and lose its answer. `second` decides what the caller gets."""
    send = ShortCalls._make_api_call

    def patched(client: ShortCalls, operation: str, arguments: dict[str, Any]) -> Any:
        answer = send(client, operation, arguments)
        if operation != "BatchExecuteStatement":
            return answer
        return second(lambda: send(client, operation, arguments))

    monkeypatch.setattr(ShortCalls, "_make_api_call", patched)


def test_a_batch_that_botocore_repeats_has_started_each_job_once(
    store: WholeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    twice(monkeypatch, lambda send: send())

    assert store.start_jobs(KEYS, NOW) == [StartOutcome.STARTED] * JOBS

    assert histories(store) == {(Status.SCHEDULED, Status.RUNNING): JOBS}


def test_a_batch_whose_answer_is_lost_is_uncertain_and_not_done_again(
    store: WholeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(_: object) -> None:
        raise ReadTimeoutError(endpoint_url="https://dynamodb")

    with monkeypatch.context() as patch:
        twice(patch, lose)
        assert store.start_jobs(KEYS, NOW) == [StartOutcome.UNCERTAIN] * JOBS

    assert store.start_jobs(KEYS, NOW + 1) == [StartOutcome.NOT_SCHEDULED] * JOBS
    assert histories(store) == {(Status.SCHEDULED, Status.RUNNING): JOBS}


def test_of_batches_at_once_one_starts_each_job_and_cancels_win_or_lose_whole(store: WholeStore) -> None:
    barrier = threading.Barrier(4)
    outcomes: list[StartOutcome] = []

    def start() -> None:
        barrier.wait()
        outcomes.extend(store.start_jobs(KEYS, NOW))

    def cancel() -> None:
        barrier.wait()
        for key in reversed(KEYS):
            store.cancel_job(*key, NOW, "key-1")

    with ThreadPoolExecutor(4) as threads:
        for made in [threads.submit(work) for work in (start, start, start, cancel)]:
            made.result()

    found = histories(store)
    begun = found[Status.SCHEDULED, Status.RUNNING, Status.CANCELLED]
    assert begun + found[Status.SCHEDULED, Status.CANCELLED] == JOBS
    assert outcomes.count(StartOutcome.STARTED) == begun
    assert outcomes.count(StartOutcome.NOT_SCHEDULED) == 3 * JOBS - begun
    with pytest.raises(JobNotCancellable):
        store.cancel_job(*KEYS[0], NOW, "key-1")
