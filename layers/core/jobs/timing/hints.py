"""Hints: what both sides of the start queue share. Code that sets a due time announces it here."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from jobs.model import SECOND, DueJob, DueSchedule, FireHint, StartHint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jobs.model import Due, Hint
    from jobs.ports import Ports

#: Jobs in one hint, and schedules.
JOBS_PER_HINT = 25
SCHEDULES_PER_HINT = 100
#: Job numbers of one project that are closer than this share a partition, which takes 1,000 writes a second. Hints
#: mix the partitions, so that jobs that are due together do not queue behind one of them.
NEIGHBOURS = 1_000
#: A due time within this is announced at once: a tick's horizon of 180 s and the minute between ticks.
SELF_ENQUEUE = 240 * SECOND


def announce(ports: Ports, rows: Iterable[Due]) -> None:
    """Send the hints of what is due soon. Call this after the commit that set the due times.

    A hint that cannot be sent is counted and left to the sweep. The change is committed, so the caller does not fail.
    """
    latest = ports.clock.now() + SELF_ENQUEUE
    refused = ports.queue.send(group(row for row in rows if row.due_at <= latest))
    if refused:
        ports.meter.count("StartHintNotSent", sum(len(hint.rows) for hint in refused))


def group(rows: Iterable[Due]) -> Iterator[Hint]:
    """Make hints of what has the same project and the same due second: up to 25 jobs, or up to 100 schedules.

    The soonest go first. Within a second the projects take turns, so that no project waits for another's herd.
    """
    jobs = defaultdict[tuple[int, int], list[DueJob]](list)
    schedules = defaultdict[tuple[int, int], list[DueSchedule]](list)
    for row in rows:
        if isinstance(row, DueJob):
            jobs[row.due_at // SECOND, row.project_id].append(row)
        else:
            schedules[row.due_at // SECOND, row.project_id].append(row)
    turns: list[tuple[int, int, int, Hint]] = []
    for (second, project_id), herd in jobs.items():
        herd.sort(key=lambda job: (job.due_at, job.job_id % NEIGHBOURS, job.job_id))
        for turn, first in enumerate(range(0, len(herd), JOBS_PER_HINT)):
            pairs = tuple((job.job_id, job.due_at) for job in herd[first : first + JOBS_PER_HINT])
            turns.append((second, turn, project_id, StartHint(project_id, pairs)))
    for (second, project_id), due in schedules.items():
        for turn, first in enumerate(range(0, len(due), SCHEDULES_PER_HINT)):
            ids = tuple((one.schedule_id, one.due_at) for one in sorted(due)[first : first + SCHEDULES_PER_HINT])
            turns.append((second, turn, project_id, FireHint(project_id, ids)))
    turns.sort(key=lambda place: place[:3])
    for _, _, _, hint in turns:
        yield hint


def is_full(hint: Hint) -> bool:
    """Whether no more fits into a hint."""
    return len(hint.rows) == (JOBS_PER_HINT if isinstance(hint, StartHint) else SCHEDULES_PER_HINT)
