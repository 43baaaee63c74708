"""`python -m tests.simulation`: a simulated day, a midnight, and the figures of both."""

from __future__ import annotations

import argparse
import os
import sys

from tests.simulation import day


def main() -> int:
    """Run what is asked for; the exit status says whether all held."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hours", type=float, default=24)
    parser.add_argument("--jobs-an-hour", type=float, default=2_000)
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        # one thread runs at a time: handing on within one processor takes a quarter of the time
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    result = day.run(arguments.seed, arguments.hours, arguments.jobs_an_hour)
    print(result)
    print(f"start lag: {result.lags}; a cron each minute: {result.cron}")
    for failure in result.failures:
        print("FAILED", failure)
    for name, count in sorted(result.counts.items()): print('   ', name, count)
    return 1 if result.failures else 0


if __name__ == "__main__":
    sys.exit(main())
