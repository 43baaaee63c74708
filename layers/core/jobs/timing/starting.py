"""Starting jobs that hints say are due. The condition on the write decides, never the hint."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

from jobs.model import SECOND, JobKey
from jobs.outcomes import StartOutcome
from jobs.timing.hints import JOBS_PER_HINT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.model import StartHint
    from jobs.ports import Ports, TimeLeft

#: A hint this early is waited out: SQS delays in whole seconds, rounded down, and a hint covers one due second.
MAX_WAIT = 2 * SECOND
#: How often a start is tried if DynamoDB throttles or does not answer.
TRIES = 8
#: About how long the pause before the next try is: it doubles from the first to the longest, at random within that.
FIRST_PAUSE = 100
MAX_PAUSE = 3 * SECOND
#: Milliseconds that a pause and an unanswered call of the store may take.
CALL_TIME = 13 * SECOND


class _Start(NamedTuple):
    #: When to try: when the job is due, or later after a failed try.
    at: int
    due_at: int
    #: The position of its hint.
    hint: int
    job: JobKey
    tries: int = 0


def start_jobs(ports: Ports, hints: Sequence[StartHint], has_time: TimeLeft) -> set[int]:
    """Start the jobs of some hints, each as soon as it is due, in the order they are due.

    Jobs that are due by now go out together, whichever hint they came with: a herd takes few calls.

    A hint that is more than two seconds early is out of date or mistaken. The change that moved the job has sent
    another, and the sweep makes up for a lost one.

    Args:
        ports: the world.
        hints: the hints.
        has_time: the time left to this invocation.

    Returns:
        The positions of the hints that must be delivered again, because time ran out or because DynamoDB kept
        throttling one of their jobs.
    """
    began = ports.clock.now()
    again: set[int] = set()
    waiting: list[_Start] = []
    for position, hint in enumerate(hints):
        for job_id, due_at in hint.jobs:
            if due_at - began > MAX_WAIT:
                ports.meter.count("StartHintEarly")
            else:
                waiting.append(_Start(due_at, due_at, position, JobKey(hint.project_id, job_id)))
    heapify(waiting)
    while waiting and has_time(CALL_TIME):
        now = _wait_until(ports, waiting[0].at)
        uncertain = _start(ports, _take_due(waiting, now), now)
        if uncertain:
            longest = min(MAX_PAUSE, FIRST_PAUSE * 2 ** max(start.tries for start in uncertain))
            at = ports.clock.now() + 1 + int(longest * ports.random())
            for start in uncertain:
                if start.tries + 1 < TRIES:
                    heappush(waiting, start._replace(at=at, tries=start.tries + 1))
                else:
                    again.add(start.hint)
    return again.union(start.hint for start in waiting)


def _take_due(waiting: list[_Start], now: int) -> dict[JobKey, list[_Start]]:
    """Take as many due jobs as one call starts, the soonest first."""
    due: dict[JobKey, list[_Start]] = {}
    while waiting and waiting[0].at <= now and len(due) < JOBS_PER_HINT:
        start = heappop(waiting)
        due.setdefault(start.job, []).append(start)
    return due


def _start(ports: Ports, due: dict[JobKey, list[_Start]], now: int) -> list[_Start]:
    """Start jobs, count what became of their hints, and return the starts whose outcome is unknown."""
    uncertain: list[_Start] = []
    for starts, outcome in zip(due.values(), ports.attempts.start_jobs(list(due), now), strict=True):
        stale = len(starts)
        if outcome is StartOutcome.UNCERTAIN:
            ports.meter.count("StartThrottled")
            uncertain += starts
            continue
        if outcome is StartOutcome.STARTED:
            ports.meter.count("JobStarted")
            ports.meter.milliseconds("StartLag", now - starts[0].due_at)
            stale -= 1
        if stale:
            ports.meter.count("StartHintStale", stale)
    return uncertain


def _wait_until(ports: Ports, at: int) -> int:
    """Wait until it is time, and return the time."""
    while (now := ports.clock.now()) < at:
        ports.clock.sleep(at - now)
    return now
