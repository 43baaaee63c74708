"""Schedules in real time, over a stop of the service: each occurrence has one job, those of the meantime too."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.embedded import now

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.embedded import Embedded, Tenant

#: About four minutes. `make check` and CI run it, `make test` does not.
pytestmark = [pytest.mark.e2e, pytest.mark.slow]

MINUTE = 60_000
#: Occurrences before the stop, during it, and after it.
BEFORE, MEANWHILE, AFTER = 1, 2, 1
#: Milliseconds that a slow machine may take for what is due.
PATIENCE = 150_000


def make(tenant: Tenant, **body: Any) -> str:
    """Make a schedule that catches up on all that it misses."""
    answer = tenant.call("POST", f"{tenant.public}/schedules", json={**body, "catchUp": "all"})
    assert answer.status_code == 201, answer.text
    schedule_id: str = answer.json()["data"]["scheduleId"]
    return schedule_id


def wait_for_runs(tenant: Tenant, schedule_id: str, count: int) -> dict[str, Any]:
    """Wait until a schedule has made so many jobs."""
    until = now() + count * MINUTE + PATIENCE
    while True:
        schedule: dict[str, Any] = tenant.call("GET", f"{tenant.public}/schedules/{schedule_id}").json()["data"]
        if schedule["runCount"] >= count:
            return schedule
        assert now() < until, schedule
        time.sleep(0.25)


def jobs_of(tenant: Tenant) -> dict[str, list[dict[str, Any]]]:
    """The jobs of a project by their schedules, each started, in the order of their occurrences."""
    total = int(tenant.call("GET", f"{tenant.public}/jobs").headers["X-Total-Count"])
    found: dict[str, list[dict[str, Any]]] = {}
    for number in range(1, total + 1):
        until = now() + PATIENCE
        while not (job := tenant.details(number))["startedAt"]:
            assert now() < until, job
            time.sleep(0.25)
        found.setdefault(job["scheduleId"], []).append(job)
    return {of: sorted(jobs, key=lambda job: job["scheduledFor"]) for of, jobs in found.items()}


def test_no_occurrence_is_lost_or_doubled_while_the_service_is_stopped_and_started_again(
    another: Callable[..., Embedded], say_at_the_end: Callable[[str], None]
) -> None:
    kept = another(PERSIST="1")
    kept.start()
    tenant = kept.new_tenant()
    # both occur within the same few seconds of a minute, so that all of them lie on the same side of the stop
    begin = (now() // MINUTE + 1) * MINUTE
    ids = {
        "cron": make(tenant, name="cron", cron="* * * * *", job={"action": "export"}),
        "every": make(tenant, name="every", every=60, startAt=begin + 3_000, job={"action": "export"}),
    }
    for of in ids.values():
        wait_for_runs(tenant, of, BEFORE)
    kept.stop()
    time.sleep(max(0.0, (begin + (BEFORE - 1 + MEANWHILE) * MINUTE + 5_000 - now()) / 1_000))
    kept.start()
    started = now()
    tenant = replace(tenant, base_url=kept.base_url)
    wanted = BEFORE + MEANWHILE + AFTER
    schedules = {name: wait_for_runs(tenant, of, wanted) for name, of in ids.items()}
    jobs = jobs_of(tenant)
    kept.stop()

    for name, first in (("cron", None), ("every", begin + 3_000)):
        times = [job["scheduledFor"] for job in jobs[ids[name]]]
        assert first in {None, times[0]}
        assert len(times) >= wanted
        assert times == list(range(times[0], times[0] + len(times) * MINUTE, MINUTE)), name
        assert schedules[name]["missedCount"] == 0
        lags = [(job["startedAt"] - job["scheduledFor"]) / 1_000 for job in jobs[ids[name]]]
        late = [
            lag for lag, at in zip(lags, times, strict=True) if begin + (BEFORE - 1) * MINUTE + 10_000 < at < started
        ]
        told = ", ".join(f"{lag:.2f}" for lag in lags)
        say_at_the_end(
            f"a schedule over a restart ({name}): {len(times)} occurrences, {len(late)} of them while it was stopped, "
            f"started {told} s after their time"
        )
        assert len(late) >= MEANWHILE
    assert sum(map(len, jobs.values())) == len({(of, job["scheduledFor"]) for of in jobs for job in jobs[of]})
