"""What must hold when many callers come at once, over real HTTP and through many function environments."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.e2e.embedded import far_ahead

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.e2e.embedded import Tenant

pytestmark = pytest.mark.e2e


def at_once(times: int, call: Callable[[int], httpx.Response]) -> list[httpx.Response]:
    """Make calls from as many threads, all at the same moment."""
    barrier = threading.Barrier(times)

    def run(number: int) -> httpx.Response:
        barrier.wait()
        return call(number)

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))


def test_sixty_creates_at_once_are_numbered_without_a_gap_and_without_a_repeat(tenant: Tenant) -> None:
    due = far_ahead()

    answers = at_once(
        60,
        lambda number: tenant.call(
            "POST", f"{tenant.public}/jobs", json={"action": "export", "referenceId": str(number), "startAt": due}
        ),
    )

    assert Counter(answer.status_code for answer in answers) == {201: 60}
    created = {answer.json()["data"]["jobId"]: answer.json()["data"] for answer in answers}
    assert sorted(created) == list(range(1, 61))
    listed = tenant.call("GET", f"{tenant.public}/jobs?limit=200")
    assert listed.json()["data"] == [created[number] for number in range(1, 61)]
    assert {job["referenceId"] for job in created.values()} == {str(number) for number in range(60)}


def test_forty_creates_at_once_with_one_idempotency_key_make_one_job(tenant: Tenant) -> None:
    body = {"action": "export", "startAt": far_ahead()}

    answers = at_once(
        40,
        lambda _: tenant.call("POST", f"{tenant.public}/jobs", json=body, headers={"Idempotency-Key": "once"}),
    )

    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 39}
    assert len({answer.text for answer in answers}) == 1
    assert [job["jobId"] for job in tenant.call("GET", f"{tenant.v1}/jobs").json()["data"]] == [1]


def test_jobs_are_walked_from_the_newest_on_while_others_create_and_cancel(tenant: Tenant) -> None:
    due = far_ahead()
    before = {job["jobId"] for job in (tenant.create(startAt=due) for _ in range(24))}
    cancelled = set(range(1, 25, 4))
    done = threading.Event()

    def create_and_cancel(job_id: int) -> None:
        tenant.create(startAt=due)
        assert tenant.call("DELETE", f"{tenant.public}/jobs/{job_id}").status_code == 200

    def walk() -> list[int]:
        found: list[int] = []
        target = f"{tenant.public}/jobs?status=running&status=scheduled&limit=3"
        while target:
            answer = tenant.call("GET", target)
            found += [job["jobId"] for job in answer.json()["data"]]
            target = answer.links["next"]["url"].removeprefix(tenant.base_url) if answer.links else ""
        return found

    def walk_on() -> list[list[int]]:
        walks = [walk()]
        while not done.is_set():
            walks.append(walk())
        return walks

    with ThreadPoolExecutor(4) as pool:
        walking = pool.submit(walk_on)
        try:
            list(pool.map(create_and_cancel, cancelled))
        finally:
            done.set()
        walks = [*walking.result(), walk()]

    everything = set(range(1, len(before) + len(cancelled) + 1))
    for found in walks:
        assert found == sorted(set(found), reverse=True)
        assert before - cancelled <= set(found) <= everything
    assert set(walks[-1]) == everything - cancelled


def test_of_twenty_four_deletions_of_one_user_at_once_one_is_accepted(tenant: Tenant) -> None:
    answers = at_once(24, lambda _: tenant.call("DELETE", f"{tenant.public}/users/someone"))

    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 23}
    assert len(tenant.call("GET", f"{tenant.v1}/jobs").json()["data"]) == 1


def test_of_twenty_four_deletions_at_once_v1_answers_each_with_the_one_job(tenant: Tenant) -> None:
    answers = at_once(24, lambda _: tenant.call("DELETE", f"{tenant.v1}/users/someone"))

    assert Counter(answer.status_code for answer in answers) == {200: 24}
    assert len({answer.text for answer in answers}) == 1
    assert len(tenant.call("GET", f"{tenant.v1}/jobs").json()["data"]) == 1


def test_of_twelve_cancels_of_one_job_at_once_one_wins(tenant: Tenant) -> None:
    tenant.create(startAt=far_ahead())

    answers = at_once(12, lambda _: tenant.call("DELETE", f"{tenant.public}/jobs/1"))

    assert Counter(answer.status_code for answer in answers) == {200: 1, 400: 11}
    assert [change["to"] for change in tenant.details(1)["history"]] == ["scheduled", "cancelled"]
