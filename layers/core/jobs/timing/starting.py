"""Starting jobs that hints say are due. The condition on the write decides, never the hint."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

from jobs.model import SECOND, JobKey
from jobs.ports import StartOutcome
from jobs.timing.dispatch import MESSAGE_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jobs.model import StartHint
    from jobs.ports import Ports

#: A hint this early is waited out: SQS delays in whole seconds rounded down, and a message covers one due second.
MAX_WAIT = 2 * SECOND
#: How often a start is tried that DynamoDB throttles or does not answer, and about how long is waited before the next
#: try: doubled from the first to the longest, at random within that.
TRIES = 8
FIRST_PAUSE = 100
MAX_PAUSE = 3 * SECOND
#: Milliseconds that a pause and a call of a store that does not answer may take.
CALL_TIME = 13 * SECOND


class _Hint(NamedTuple):
    #: When to try, which is when the job is due until a try has failed.
    at: int
    due_at: int
    #: The position of its message.
    message: int
    job: JobKey
    tries: int = 0


def start_jobs(ports: Ports, messages: Sequence[StartHint], has_time: Callable[[int], bool]) -> set[int]:
    """Start the jobs of some hints, each as soon as it is due, in the order they are due.

    What is due by now goes out together, whichever message it is of: a herd of one due time in a few calls, and so
    does whatever has become late.

    Hints that are earlier than two seconds are out of date or mistaken; whoever moved the job has put its own, and the
    sweep makes good what was lost.

    Args:
        ports: the world.
        messages: the hints.
        has_time: whether that many milliseconds are left.

    Returns:
        The positions of the messages that must be delivered again because the time did not suffice, or because
        DynamoDB went on throttling one of their jobs.
    """
    began = ports.clock.now()
    again: set[int] = set()
    waiting: list[_Hint] = []
    for position, message in enumerate(messages):
        for job_id, due_at in message.jobs:
            if due_at - began > MAX_WAIT:
                ports.meter.count("StartHintEarly")
            else:
                waiting.append(_Hint(due_at, due_at, position, JobKey(message.project_id, job_id)))
    heapify(waiting)
    while waiting and has_time(CALL_TIME):
        now = _wait_until(ports, waiting[0].at)
        uncertain = _start(ports, _take_due(waiting, now), now)
        if uncertain:
            longest = min(MAX_PAUSE, FIRST_PAUSE * 2 ** max(hint.tries for hint in uncertain))
            at = ports.clock.now() + 1 + int(longest * ports.random())
            for hint in uncertain:
                if hint.tries + 1 < TRIES:
                    heappush(waiting, hint._replace(at=at, tries=hint.tries + 1))
                else:
                    again.add(hint.message)
    return again.union(hint.message for hint in waiting)


def _take_due(waiting: list[_Hint], now: int) -> dict[JobKey, list[_Hint]]:
    """Take the hints for as many due jobs as one call starts, the soonest first."""
    due: dict[JobKey, list[_Hint]] = {}
    while waiting and waiting[0].at <= now and len(due) < MESSAGE_SIZE:
        hint = heappop(waiting)
        due.setdefault(hint.job, []).append(hint)
    return due


def _start(ports: Ports, due: dict[JobKey, list[_Hint]], now: int) -> list[_Hint]:
    """Start jobs, count what became of their hints, and return those hints of which nothing is known."""
    uncertain: list[_Hint] = []
    for hints, outcome in zip(due.values(), ports.store.start_jobs(list(due), now), strict=True):
        stale = len(hints)
        if outcome is StartOutcome.UNCERTAIN:
            ports.meter.count("StartThrottled")
            uncertain += hints
            continue
        if outcome is StartOutcome.STARTED:
            ports.meter.count("JobStarted")
            ports.meter.milliseconds("StartLag", now - hints[0].due_at)
            stale -= 1
        if stale:
            ports.meter.count("StartHintStale", stale)
    return uncertain


def _wait_until(ports: Ports, at: int) -> int:
    """Wait until it is time, and return the time."""
    while (now := ports.clock.now()) < at:
        ports.clock.sleep(at - now)
    return now
