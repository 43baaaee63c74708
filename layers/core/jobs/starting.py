"""Starting jobs that hints say are due. The condition on the write decides, never the hint."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from jobs.errors import Busy
from jobs.model import SECOND
from jobs.ports import Start

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.model import StartMessage
    from jobs.ports import Ports

#: A hint this early is waited out: SQS delays in whole seconds rounded down, and a message covers one due second.
LONGEST_WAIT = 2 * SECOND


class _Hint(NamedTuple):
    due_at: int
    message: int
    project_id: int
    job_id: int


def start_jobs(ports: Ports, messages: Sequence[StartMessage]) -> set[int]:
    """Start the jobs of some hints, each as soon as it is due, in the order they are due.

    Hints that are earlier than two seconds are out of date or mistaken; whoever moved the job has put its own, and the
    sweep makes good what was lost.

    Returns:
        The positions of the messages that must be delivered again because DynamoDB throttled one of their jobs.
    """
    again: set[int] = set()
    hints = sorted(
        _Hint(due_at, position, message.project_id, job_id)
        for position, message in enumerate(messages)
        for job_id, due_at in message.jobs
    )
    began = ports.clock.now()
    for hint in hints:
        if hint.due_at - began > LONGEST_WAIT:
            ports.meter.count("StartHintEarly")
            continue
        now = _wait_until(ports, hint.due_at)
        try:
            outcome = ports.store.start_job(hint.project_id, hint.job_id, now)
        except Busy:
            ports.meter.count("StartThrottled")
            again.add(hint.message)
            continue
        if outcome is Start.STARTED:
            ports.meter.count("JobStarted")
            ports.meter.milliseconds("StartLag", now - hint.due_at)
        else:
            ports.meter.count("StartHintStale")
    return again


def _wait_until(ports: Ports, due_at: int) -> int:
    """Wait until it is time, and return the time."""
    while (now := ports.clock.now()) < due_at:
        ports.clock.sleep(due_at - now)
    return now
