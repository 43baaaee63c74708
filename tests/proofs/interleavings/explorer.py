"""Explore all races, and print for each how many schedules there were. Run it with `make prove`.

`--full` is the size of `make prove`: one more fault, and a million drawn schedules. It fails if something did not hold,
or if no schedule has reached an end that must be reached.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from typing import TYPE_CHECKING

from tests.proofs.interleavings.claims import Broken
from tests.proofs.interleavings.interleavings import Explorer, Tally
from tests.proofs.interleavings.races import RACES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.proofs.interleavings.interleavings import Race

#: The most faults of a schedule. A second fault multiplies the situations by about ten.
MAX_FAULTS = 1
MAX_FAULTS_IN_FULL = 2
#: How many schedules are drawn over all races. Each has as many faults as with `--full`.
DRAWN = 10_000
DRAWN_IN_FULL = 1_000_000


def explore(race: Race, seed: int, *, full: bool) -> Iterator[Tally]:
    """Explore a race: first all its schedules, then some on an index that lags.

    Raises:
        Broken: something that must always hold did not, or an end was not reached.
    """
    explorer = Explorer(race)
    chance = random.Random(seed)  # noqa: S311  # which schedules are drawn is no secret
    yield _checked(explorer.exhaust(MAX_FAULTS_IN_FULL if full else MAX_FAULTS))
    yield _checked(explorer.draw(chance, (DRAWN_IN_FULL if full else DRAWN) // len(RACES) + 1, MAX_FAULTS_IN_FULL))


def _checked(tally: Tally) -> Tally:
    if tally.missing:
        raise Broken(f"{tally}\nno schedule ends in {sorted(tally.missing)}")
    if not all(tally.by_fault.values()):
        raise Broken(f"{tally}\nnot every fault was met")
    return tally


def main() -> int:
    """Explore, print, and return the exit code."""
    parser = argparse.ArgumentParser(
        description="Explore every order in which callers, workers and functions can meet."
    )
    parser.add_argument("--full", action="store_true", help="to full size, which takes minutes")
    parser.add_argument("--seed", type=int, default=1, help="of the schedules that are drawn (default: 1)")
    parser.add_argument("--race", default="", metavar="WORDS", help="only the races whose name has these words")
    arguments = parser.parse_args()
    races = [race for race in RACES if arguments.race in race.name]
    if not races:
        parser.error(f"no race has {arguments.race!r} in its name")
    began = time.monotonic()
    exhausted = drawn = situations = 0
    try:
        for race in races:
            every, some = explore(race, arguments.seed, full=arguments.full)
            print(every, some, sep="\n", flush=True)
            exhausted += every.schedules
            situations += every.situations
            drawn += some.schedules
    except Broken as broken:
        print(broken)
        return 1
    print(
        f"{len(races)} races: all {exhausted:,} schedules in {situations:,} situations, {drawn:,} drawn"
        f" (seed {arguments.seed}); 0 lost, 0 doubled, 0 early; {time.monotonic() - began:.0f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
