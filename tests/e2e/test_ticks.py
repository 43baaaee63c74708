"""The tick in real time: the emulator fires the schedule."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.e2e.embedded import now

if TYPE_CHECKING:
    from tests.e2e.embedded import Embedded, Tenant

LATEST = 1_500

#: Over four minutes. `make check` and CI run it, `make test` does not.
pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def physical_id(stack: Embedded, logical_id: str) -> str:
    """The name under which a resource of the template was deployed."""
    described = stack.aws("cloudformation").describe_stack_resource(
        StackName=stack.demo["stackName"], LogicalResourceId=logical_id
    )
    return str(described["StackResourceDetail"]["PhysicalResourceId"])


def waiting(stack: Embedded) -> int:
    """How many hints are in the start queue, delayed or not."""
    names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed")
    found = stack.aws("sqs").get_queue_attributes(
        QueueUrl=physical_id(stack, "StartQueue"), AttributeNames=list(names)
    )["Attributes"]
    return sum(int(found[name]) for name in names)


def watch_start(tenant: Tenant, job_id: int, until: int) -> int:
    """Wait for a job to start and return when it did."""
    while (job := tenant.details(job_id))["status"] == "scheduled":
        assert now() < until, "it never started"
        time.sleep(0.25)
    at: int = job["startedAt"]
    return at


def test_the_tick_starts_what_nobody_else_has_hinted(stack: Embedded) -> None:
    """The creator does not hint a job that is 250 s ahead. The sweep finds a job whose hint was thrown away."""
    ahead, lost = stack.new_tenant(), stack.new_tenant()

    def ahead_starts_by_the_tick() -> int:
        due = now() + 250_000
        ahead.create(startAt=due)
        return watch_start(ahead, 1, due + 30_000) - due

    def lost_starts_by_the_sweep() -> int:
        due = now() + 20_000
        lost.create(startAt=due)
        # A tick that the test runs moves the watermark past it, so that only the sweep can find it.
        stack.aws("lambda").invoke(FunctionName=physical_id(stack, "DispatchDueJobsFunction"))
        assert waiting(stack) > 0
        stack.aws("sqs").purge_queue(QueueUrl=physical_id(stack, "StartQueue"))
        assert waiting(stack) == 0
        return watch_start(lost, 1, due + 180_000) - due

    with ThreadPoolExecutor(2) as pool:
        lag, sweep_lag = pool.submit(ahead_starts_by_the_tick), pool.submit(lost_starts_by_the_sweep)
        assert 0 <= lag.result() < LATEST
        assert 60_000 <= sweep_lag.result() < 130_000
