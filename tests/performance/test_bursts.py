"""The plot of bursts, from a small one."""

from __future__ import annotations

from tests.performance.bursts import bursts, lines
from tests.performance.plot import draw


def test_a_burst_is_drawn_by_what_the_simulation_found() -> None:
    [burst] = bursts([1])

    assert burst.jobs == burst.counts["job: SR"] == 1_000
    assert not burst.failures
    half, most, last = (line for [(jobs, line)] in lines([burst]).values() if jobs == 1_000)
    assert 0 < half <= most <= last == burst.lags.most / 1_000
    assert "the last" in draw("a burst", lines([burst]), x="jobs", y="seconds")
