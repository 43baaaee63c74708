"""Writers that meet on one row: in any order, the history is one that the state machine allows."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import pytest
from jobs.dialects.registry import ALTERYX_V3
from jobs.lifecycle import creation
from jobs.model import TRANSITIONS, NewJob, Status
from jobs.runtime.wiring import SystemClock
from jobs.store.table import new_token
from jobs.tenants import Principal, Role
from jobs.workflows import viewing

from tests.builders import start
from tests.e2e.embedded import far_ahead, now, v3_id
from tests.fakes import World
from tests.stores import WholeStore, a_store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import httpx

    from tests.e2e.embedded import Embedded, Tenant

pytestmark = pytest.mark.e2e

JOBS = 50
SHARDS = 32


def is_allowed(history: Sequence[str]) -> bool:
    """Whether each state follows the last one by a move of the state machine."""
    states = [Status(state) for state in history]
    return states[0] is Status.SCHEDULED and all(to in TRANSITIONS[of] for of, to in pairwise(states))


def states_of(job: dict[str, Any]) -> list[str]:
    return [change["to"] for change in job["history"]]


def soon(pool: ThreadPoolExecutor, tenant: Tenant, cancel: Callable[[], httpx.Response]) -> int:
    """A time by which all jobs are created and the first cancels come, as fast as this machine is.

    The calls that find it out change nothing. They end the cold starts, which would hold back the first cancels until
    every job runs.
    """

    def refused(_: int) -> None:
        assert tenant.call("POST", f"{tenant.public}/jobs", json={}).status_code == 400
        assert cancel().status_code == 404

    list(pool.map(refused, range(JOBS)))
    began = now()
    list(pool.map(refused, range(JOBS)))
    return now() + 2 * (now() - began) + 1_500


def test_fifty_cancels_racing_fifty_starts_leave_one_history_each(tenant: Tenant) -> None:
    """Through the service itself: hints are delivered and callers cancel at the same moment."""
    with ThreadPoolExecutor(8) as pool:
        due = soon(pool, tenant, lambda: tenant.call("DELETE", f"{tenant.public}/jobs/0"))
        list(pool.map(lambda _: tenant.create(startAt=due), range(JOBS)))

    def cancel(number: int) -> int:
        # spread around the moment, because the order depends on the machine
        time.sleep(max(0, due + 30 * number - 900 - now()) / 1_000)
        return tenant.call("DELETE", f"{tenant.public}/jobs/{number}").status_code

    with ThreadPoolExecutor(JOBS) as pool:
        answers = list(pool.map(cancel, range(1, JOBS + 1)))
    time.sleep(3)

    histories = Counter(tuple(states_of(tenant.details(number))) for number in range(1, JOBS + 1))
    assert answers == [200] * JOBS
    assert set(histories) <= {("scheduled", "cancelled"), ("scheduled", "running", "cancelled")}
    assert sum(histories.values()) == JOBS


DELETED, CANCELLED = '{"message":"Deleted Successfully."}', '{"message":"Cancelled Successfully."}'
#: The answer to a cancellation, by the history that it ended.
TOLD = {("scheduled", "cancelled"): DELETED, ("scheduled", "running", "cancelled"): CANCELLED}
#: For how many jobs the order does not depend on the machine.
SURE = 5


def test_what_users_are_told_of_fifty_cancels_racing_fifty_starts_is_what_the_histories_say(
    stack: Embedded, tenant: Tenant
) -> None:
    administrator = stack.new_caller(tenant, Role.ADMINISTRATOR)
    with ThreadPoolExecutor(8) as pool:
        due = soon(pool, tenant, lambda: administrator.call("DELETE", f"/webapi/v3/jobs/{0:024}"))
        jobs = list(pool.map(lambda _: tenant.create(startAt=due), range(JOBS - SURE)))
        jobs += pool.map(lambda _: tenant.create(startAt=far_ahead()), range(SURE))
    ids = {job["jobId"]: v3_id(job) for job in jobs}

    def cancel(number: int) -> tuple[int, str]:
        time.sleep(max(0, due + 30 * number - 900 - now()) / 1_000)
        # some run for sure, and those that are due tomorrow do not, so both occur on any machine
        while number <= SURE and administrator.job(ids[number])["status"] == "Queued":
            time.sleep(0.1)
        answer = administrator.call("DELETE", f"/webapi/v3/jobs/{ids[number]}")
        return answer.status_code, answer.text

    with ThreadPoolExecutor(JOBS) as pool:
        told = dict(zip(ids, pool.map(cancel, ids), strict=True))

    histories = {number: tuple(states_of(tenant.details(number))) for number in ids}
    assert told == {number: (200, TOLD[history]) for number, history in histories.items()}
    shown = {
        number: administrator.call("GET", f"/webapi/v3/jobs/{job_id}").status_code for number, job_id in ids.items()
    }
    assert shown == {number: 404 if told[number][1] == DELETED else 200 for number in ids}
    assert set(histories.values()) == set(TOLD)


def test_what_a_user_is_told_is_what_the_write_replaced_not_what_was_read_before(
    stack: Embedded, tenant: Tenant
) -> None:
    """Both at the same moment. This test fails if the answer is made from what the caller read before."""
    store = a_store(stack.aws("dynamodb"), SHARDS, table=stack.demo["tableName"])
    client = stack.new_caller(tenant, Role.ADMINISTRATOR).client
    user = stack.directory.find_user(client.organisation_id, client.user_id)
    assert user is not None
    later, project, directory = now() + 7_200_000, tenant.project.project_id, stack.directory

    def race(number: int) -> tuple[str, list[str]]:
        job = tenant.create(startAt=now() + 3_600_000)
        reference = ALTERYX_V3.parse_job_id(v3_id(job))
        barrier = threading.Barrier(2)

        def start_it() -> None:
            barrier.wait()
            # between the read and the write, wherever that is
            time.sleep(number / JOBS / 100)
            start(store, job["jobId"], later, project)

        with ThreadPoolExecutor(1) as other:
            started = other.submit(start_it)
            barrier.wait()
            cancelled = viewing.cancel_job(ports(store).with_directory(directory), Principal(client, user), reference)
            started.result()
        return ALTERYX_V3.render_cancelled(cancelled).body, states_of(tenant.details(job["jobId"]))

    races = [race(number) for number in range(JOBS)]

    assert [(told, TOLD[tuple(states)]) for told, states in races if told != TOLD[tuple(states)]] == []


def test_a_cancel_and_a_start_in_the_same_moment_leave_one_history(stack: Embedded, tenant: Tenant) -> None:
    """Only the two writes, at the same moment. This test fails without the condition of the start."""
    for _ in range(JOBS):
        tenant.create(startAt=now() + 3_600_000)
    later = now() + 7_200_000
    store = a_store(stack.aws("dynamodb"), SHARDS, table=stack.demo["tableName"])
    project = tenant.project.project_id

    def race(number: int) -> None:
        barrier = threading.Barrier(2)
        go: list[Callable[[], object]] = [
            lambda: start(store, number, later, project),
            lambda: store.cancel_job(project, number, later, "key-race"),
        ]

        def run(write: Callable[[], object]) -> None:
            barrier.wait()
            write()

        with ThreadPoolExecutor(2) as pair:
            list(pair.map(run, go))

    for number in range(1, JOBS + 1):
        race(number)

    histories = [states_of(tenant.details(number)) for number in range(1, JOBS + 1)]
    assert [history for history in histories if not is_allowed(history)] == []
    assert {history[-1] for history in histories} == {"cancelled"}


def test_sixty_creators_on_one_number_at_once_leave_no_gap(stack: Embedded, tenant: Tenant) -> None:
    """The use case without the gateway, which would serialise the calls: sixty threads contend for each number."""
    store = a_store(stack.aws("dynamodb"), SHARDS, table=stack.demo["tableName"])
    barrier = threading.Barrier(60)

    def create(_: int) -> int:
        barrier.wait()
        return creation.create_job(ports(store), tenant.project, NewJob(action="export"), by="key-race").job.job_id

    with ThreadPoolExecutor(60) as pool:
        numbers = list(pool.map(create, range(60)))

    assert sorted(numbers) == list(range(1, 61))


def test_twenty_four_deletions_and_a_cancel_leave_one_active_at_most(stack: Embedded, tenant: Tenant) -> None:
    def delete(number: int) -> int:
        if number % 4 == 0:
            active = tenant.call("DELETE", f"{tenant.v1}/users/someone").json()["data"]["jobId"]
            return tenant.call("DELETE", f"{tenant.public}/jobs/{active}").status_code
        return tenant.call("DELETE", f"{tenant.public}/users/someone").status_code

    with ThreadPoolExecutor(24) as pool:
        statuses = Counter(pool.map(delete, range(24)))

    assert set(statuses) <= {200, 400, 409}
    jobs = tenant.call("GET", f"{tenant.v1}/jobs").json()["data"]
    assert [job["jobId"] for job in jobs] == list(range(1, len(jobs) + 1))
    spans = sorted((job["createdAt"], job["updatedAt"]) for job in jobs)
    active = [job for job in jobs if job["status"] == "scheduled"]
    assert len(active) <= 1
    # each was created after the one before had ended
    assert all(ended <= created for (_, ended), (created, _) in pairwise(spans))


def ports(store: WholeStore) -> World:
    """The real ports, without the queue and the meter, which a race does not need."""
    return World(
        store=cast("Any", store),
        clock=cast("Any", SystemClock()),
        random=random.SystemRandom().random,
        token=new_token,
    )
