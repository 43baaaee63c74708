"""How late jobs start on simulated days: a quiet one, one with faults, and the same jobs started by a cron.

`python -m tests.performance.days` draws docs/images/days.svg. It takes some minutes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.model import SECOND

from tests.architecture.project import ROOT
from tests.performance.plot import draw
from tests.proofs.simulation import day
from tests.proofs.simulation.figures import percentile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.proofs.simulation.day import Day

SEED, HOURS, JOBS_AN_HOUR = 1, 24, 2_000
#: Seconds that the axis names.
MARKS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60)


def lines(quiet: Day, rough: Day) -> Mapping[str, list[tuple[float, float]]]:
    """How many of 100 attempts had started, by the seconds behind their due time."""
    drawn = {"a day": quiet.lags, "a rough day": rough.lags, "a cron each minute": quiet.cron}
    return {
        name: [(max(percentile(lags.ordered, share) / SECOND, MARKS[0]), share) for share in range(1, 101)]
        for name, lags in drawn.items()
    }


def main() -> None:
    """Simulate both days, print them and draw them."""
    quiet, rough = (day.run(SEED, HOURS, JOBS_AN_HOUR, rough=rough) for rough in (False, True))
    print(quiet, rough, sep="\n")
    title = "When the jobs of a day have started"
    picture = draw(title, lines(quiet, rough), x="seconds after they were due", y="of 100", marks=MARKS)
    (ROOT / "docs" / "images" / "days.svg").write_text(picture)


if __name__ == "__main__":
    main()
