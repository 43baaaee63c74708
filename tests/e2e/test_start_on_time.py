"""Jobs start on the second they are due, never early, and not noticeably late."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.embedded import now

if TYPE_CHECKING:
    from tests.e2e.embedded import Tenant

pytestmark = pytest.mark.e2e

#: How late a start may look to an HTTP caller, whose reads take time too.
LATEST = 1_500


def test_a_job_three_seconds_ahead_runs_when_it_is_due_and_not_before(tenant: Tenant) -> None:
    due = now() + 3_000
    tenant.create(startAt=due)

    looks = 0
    while True:
        job = tenant.details(1)
        seen = now()
        if job["status"] == "running":
            break
        assert job["status"] == "scheduled"
        assert seen < due + LATEST, "late"
        looks += seen < due
        time.sleep(0.02)

    assert looks > 10, "it was not watched while it had to wait"
    assert seen >= due
    assert due <= job["startedAt"] < due + LATEST
    assert [(change["from"], change["to"], change["at"], change["attempt"]) for change in job["history"]] == [
        (None, "scheduled", job["createdAt"], 1),
        ("scheduled", "running", job["startedAt"], 1),
    ]
    assert job["history"][1]["by"] == "service"
    assert job["updatedAt"] == job["startedAt"]


def test_a_job_without_a_time_starts_at_once(tenant: Tenant) -> None:
    created = tenant.create()

    assert started(tenant, 1) - created["createdAt"] < LATEST


def test_many_jobs_at_different_times_each_start_at_its_own(tenant: Tenant) -> None:
    dues = [now() + 2_000 + 130 * number for number in range(15)]
    for due in dues:
        tenant.create(startAt=due)

    lags = [started(tenant, number) - due for number, due in enumerate(dues, 1)]

    assert min(lags) >= 0
    assert max(lags) < LATEST


def test_a_job_cancelled_before_it_is_due_never_starts(tenant: Tenant) -> None:
    due = now() + 1_000
    tenant.create(startAt=due)
    tenant.call("DELETE", f"{tenant.public}/jobs/1")

    time.sleep(max(0.0, due - now()) / 1_000 + 1.5)

    assert [change["to"] for change in tenant.details(1)["history"]] == ["scheduled", "cancelled"]


def started(tenant: Tenant, job_id: int) -> int:
    """Wait for up to ten seconds until a job starts, and return when it did."""
    deadline = time.monotonic() + 10
    while (job := tenant.details(job_id))["status"] == "scheduled":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    at: int = job["startedAt"]
    return at
