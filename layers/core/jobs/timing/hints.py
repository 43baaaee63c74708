"""Hints: what both sides of the start queue share. Code that sets a due time announces it here."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from jobs.model import SECOND, DueJob, StartHint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jobs.ports import Ports

#: Jobs in one hint.
JOBS_PER_HINT = 25
#: Job numbers of one project that are closer than this share a partition, which takes 1,000 writes a second. Hints
#: mix the partitions, so that jobs that are due together do not queue behind one of them.
NEIGHBOURS = 1_000
#: A due time within this is announced at once: a tick's horizon of 180 s and the minute between ticks.
SELF_ENQUEUE = 240 * SECOND


def announce(ports: Ports, jobs: Iterable[DueJob]) -> None:
    """Send the hints of jobs that are due soon. Call this after the commit that set their due times.

    A hint that cannot be sent is counted and left to the sweep. The job is committed, so the caller does not fail.
    """
    latest = ports.clock.now() + SELF_ENQUEUE
    refused = ports.queue.send(group(job for job in jobs if job.due_at <= latest))
    if refused:
        ports.meter.count("StartHintNotSent", sum(len(hint.jobs) for hint in refused))


def group(jobs: Iterable[DueJob]) -> Iterator[StartHint]:
    """Make hints of up to 25 jobs that have the same project and the same due second.

    The soonest go first. Within a second the projects take turns, so that no project waits for another's herd.
    """
    herds = defaultdict[tuple[int, int], list[DueJob]](list)
    for job in jobs:
        herds[job.due_at // SECOND, job.project_id].append(job)
    turns: list[tuple[int, int, int, tuple[tuple[int, int], ...]]] = []
    for (second, project_id), herd in herds.items():
        herd.sort(key=lambda job: (job.due_at, job.job_id % NEIGHBOURS, job.job_id))
        for turn, first in enumerate(range(0, len(herd), JOBS_PER_HINT)):
            pairs = tuple((job.job_id, job.due_at) for job in herd[first : first + JOBS_PER_HINT])
            turns.append((second, turn, project_id, pairs))
    for _, _, project_id, pairs in sorted(turns):
        yield StartHint(project_id, pairs)


def jobs_of(hint: StartHint) -> list[DueJob]:
    """The jobs of a hint."""
    return [DueJob(due_at, hint.project_id, job_id) for job_id, due_at in hint.jobs]
