"""The shard count is raised on a live table: every job is hinted, started and, if its worker is lost, reaped."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest
from jobs.lifecycle import reaping
from jobs.model import HOUR, MINUTE, SECOND, Status
from jobs.outcomes import AppendOutcome
from jobs.timing import dispatch
from jobs.timing.starting import start_jobs

from tests.builders import a_job, append
from tests.fakes import World, ever
from tests.stores import a_store

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

FEW, MANY = 4, 16
JOBS = 20


class Live:
    """A table, and functions with a shard count of their own."""

    def __init__(self, client: DynamoDBClient) -> None:
        self.world = World()
        self.stores = {shards: a_store(client, shards) for shards in (FEW, MANY)}
        self.hinted: list[int] = []

    def create(self, shards: int, first: int) -> None:
        """Create jobs that are due in five minutes, so that only a tick hints them."""
        due = self.world.clock.now() + 5 * MINUTE
        for number in range(first, first + JOBS):
            job = a_job(job_id=number, at=due, timeout_seconds=60, max_attempts=2)
            assert append(self.stores[shards], job, "token") is AppendOutcome.DONE

    def tick(self, shards: int) -> None:
        dispatch.dispatch(replace(self.world.ports, store=cast("Any", self.stores[shards])), shards, ever)
        self.hinted += self.world.queue.job_ids

    def start(self, shards: int) -> None:
        """Start the hinted jobs when they are due."""
        messages, self.world.queue.messages = self.world.queue.messages, []
        for message in sorted(messages, key=lambda message: message.due_at):
            self.world.clock.time = max(self.world.clock.time, message.due_at)
            start_jobs(replace(self.world.ports, store=cast("Any", self.stores[shards])), [message], lambda _: True)

    def reap(self, shards: int) -> int:
        return reaping.reap(replace(self.world.ports, store=cast("Any", self.stores[shards])), shards, ever)

    def statuses(self) -> set[Status]:
        return {job.status for job in self.stores[FEW].list_jobs(1, 1, 1_000)}


@pytest.fixture
def live(dynamodb: DynamoDBClient) -> Live:
    return Live(dynamodb)


def test_raising_the_shards_with_the_dispatcher_first_loses_and_doubles_nothing(live: Live) -> None:
    live.create(FEW, 1)
    live.world.clock.sleep(3 * MINUTE)
    live.tick(FEW)
    live.create(FEW, 101)
    live.start(FEW)

    live.create(FEW, 201)  # the dispatcher knows the new shards, which are empty
    live.world.clock.sleep(3 * MINUTE)
    live.tick(MANY)
    live.start(FEW)
    live.create(MANY, 301)
    live.world.clock.sleep(3 * MINUTE)
    live.tick(MANY)
    live.start(MANY)

    assert sorted(live.hinted) == [
        *range(1, 1 + JOBS),
        *range(101, 101 + JOBS),
        *range(201, 201 + JOBS),
        *range(301, 301 + JOBS),
    ]
    assert live.statuses() == {Status.RUNNING}


def test_jobs_in_shards_that_the_dispatcher_does_not_know_yet_are_found_once_it_does(live: Live) -> None:
    live.create(FEW, 1)
    live.create(MANY, 101)
    live.world.clock.sleep(3 * MINUTE)
    live.tick(FEW)
    assert set(range(1, 1 + JOBS)) < set(live.hinted) < {*range(1, 1 + JOBS), *range(101, 101 + JOBS)}

    live.world.clock.sleep(HOUR)
    live.tick(MANY)
    live.start(FEW)

    assert {*range(1, 1 + JOBS), *range(101, 101 + JOBS)} == set(live.hinted)
    assert live.statuses() == {Status.RUNNING}


@pytest.mark.parametrize("starter", [FEW, MANY])
def test_lost_attempts_of_either_shard_count_are_reaped_and_start_again(live: Live, starter: int) -> None:
    live.create(FEW, 1)
    live.create(MANY, 101)
    live.world.clock.sleep(3 * MINUTE)
    live.tick(MANY)
    live.start(starter)
    live.world.clock.sleep(60 * SECOND)

    assert live.reap(MANY) == 2 * JOBS

    live.world.queue.messages.clear()  # the hints of the reaper are lost
    live.world.clock.sleep(5 * MINUTE)
    live.tick(MANY)
    live.start(starter)
    assert live.statuses() == {Status.RUNNING}
    assert {job.attempt for job in live.stores[FEW].list_jobs(1, 1, 1_000)} == {2}


def test_the_shards_that_are_dropped_are_read_by_nobody(live: Live) -> None:
    """This is why the count is never lowered."""
    live.create(MANY, 1)
    live.world.clock.sleep(3 * MINUTE)

    live.tick(FEW)

    assert len(live.hinted) < JOBS
