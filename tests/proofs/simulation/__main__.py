"""Simulated days, midnights and a year of schedules: `python -m tests.proofs.simulation --seed 1 --hours 24`.

It prints a line for each run. The exit status says whether everything held. The same seed gives the same lines.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from tests.proofs.simulation import day, fires, lost, midnight, outages, year

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.proofs.simulation.day import Day
    from tests.proofs.simulation.fires import Fired
    from tests.proofs.simulation.lost import Reaped
    from tests.proofs.simulation.midnight import Started
    from tests.proofs.simulation.outages import Recovered
    from tests.proofs.simulation.year import Year


def main() -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="what all chance is drawn from")
    parser.add_argument("--hours", type=float, default=24, help="of the day; 0 leaves it out")
    parser.add_argument("--jobs-an-hour", type=float, default=2_000, help="that are asked for during the day")
    parser.add_argument("--schedules", type=int, default=1_000, help="of the year; 0 leaves it and the outages out")
    parser.add_argument("--part", type=int, default=1, help="one part in so many of each herd; 0 leaves them out")
    arguments = parser.parse_args()
    stay_on_one_processor()
    failed = False
    for result in _runs(arguments):
        print(result, flush=True)
        for failure in result.failures:
            print("FAILED", failure, flush=True)
            failed = True
    return int(failed)


def _runs(arguments: argparse.Namespace) -> Iterator[Day | Started | Fired | Reaped | Year | Recovered]:
    if arguments.hours:
        yield day.run(arguments.seed, arguments.hours, arguments.jobs_an_hour)
        rough = max(arguments.hours / 4, min(arguments.hours, 2))
        yield day.run(arguments.seed, rough, arguments.jobs_an_hour, rough=True)
    if arguments.part:
        yield from (midnight.run(herd, arguments.seed) for herd in midnight.herds(arguments.part))
        yield from (fires.run(flock, arguments.seed) for flock in fires.flocks(arguments.part))
        yield lost.run(100_000 // arguments.part, arguments.seed)
    if arguments.schedules:
        yield from (outages.run(outage, arguments.seed) for outage in outages.outages())
        yield year.run(arguments.seed, arguments.schedules)


def stay_on_one_processor() -> None:
    """Stay on one processor, if the system allows it: handing on the baton then takes a quarter of the time."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


if __name__ == "__main__":
    sys.exit(main())
