"""A part of the simulated day and a part of each herd; `make prove` runs the whole of both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.simulation import day, midnight

if TYPE_CHECKING:
    from tests.simulation.midnight import Herd

SEED = 1
#: One part in so many of each herd.
PART = 20


def test_hours_of_mixed_load_start_on_time_and_lose_nothing() -> None:
    run = day.run(SEED, hours=6, jobs_an_hour=1_000)

    assert run.failures == [], run
    assert run.lags.p99 < run.cron.p50


def test_rough_hours_lose_nothing_either() -> None:
    run = day.run(SEED, hours=2, jobs_an_hour=1_000, rough=True)

    assert run.failures == [], run


@pytest.mark.parametrize("herd", midnight.herds(PART), ids=lambda herd: herd.name)
def test_a_herd_is_started_within_its_bounds(herd: Herd) -> None:
    run = midnight.run(herd, SEED)

    assert run.failures == [], run


def test_the_same_seed_gives_the_same_run() -> None:
    first, second = (str(day.run(SEED, hours=0.5, jobs_an_hour=500)) for _ in range(2))

    assert first == second
