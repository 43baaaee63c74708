"""How late jobs start that are due at once, on the simulated services.

`python -m tests.performance.bursts` draws docs/images/bursts.svg. It takes some minutes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.model import SECOND

from tests.architecture.project import ROOT
from tests.performance.plot import draw
from tests.proofs.simulation.midnight import Herd, run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.proofs.simulation.midnight import Started

PROJECTS = range(1, 1_001)
#: Jobs of each of the thousand projects.
SIZES = (1, 10, 100, 1_000)
SEED = 1


def bursts(sizes: Iterable[int]) -> list[Started]:
    """Simulate a midnight for each number of jobs that a project has."""
    return [run(Herd("burst", dict.fromkeys(PROJECTS, size), told=False), SEED) for size in sizes]


def lines(found: Iterable[Started]) -> Mapping[str, list[tuple[float, float]]]:
    """Seconds behind the due time, by the jobs that are due at once."""
    drawn: dict[str, list[tuple[float, float]]] = {"half of them": [], "99 of 100": [], "the last": []}
    for burst in found:
        for name, late in zip(drawn, (burst.lags.p50, burst.lags.p99, burst.lags.most), strict=True):
            drawn[name].append((burst.jobs, late / SECOND))
    return drawn


def main() -> None:
    """Simulate all sizes, print them and draw them."""
    found = bursts(SIZES)
    for burst in found:
        print(burst, flush=True)
    title = "When jobs of 1,000 projects have started that are due at once"
    picture = draw(title, lines(found), x="jobs", y="seconds after they were due")
    (ROOT / "docs" / "images" / "bursts.svg").write_text(picture)


if __name__ == "__main__":
    main()
