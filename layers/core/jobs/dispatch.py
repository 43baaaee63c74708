"""The minute's tick: put hints for what is due soon, and again for what should have started and has not.

A schedule fires anywhere in its minute, so the tick starts nothing. It hands each job to the start queue with the
delay that is left, three minutes ahead; the queue delivers on the second.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from jobs.model import MINUTE, SECOND, DueJob, StartMessage
from jobs.ports import SweepCursor, Watermark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from jobs.ports import Ports

#: How far ahead a tick looks: two missed ticks and a late third lose nothing.
HORIZON = 180 * SECOND
#: Job ids in one hint.
MESSAGE_SIZE = 25
#: Rows that a tick reads of one shard before it goes on to the next; more are read in further rounds.
ROUND = 5_000
#: Messages that are sent between two looks at the time.
SLICE = 500
#: A scheduled job is overdue when its hint has had this long.
OVERDUE = MINUTE
#: What one sweep hints again at most, and the backlog of hints above which it hints nothing.
SWEEP_SIZE = 25_000
SWEEP_BACKLOG = 1_000


class Dispatched(NamedTuple):
    """How many jobs a tick hinted, and how many overdue ones it hinted again."""

    due: int
    overdue: int


def dispatch(ports: Ports, shards: int, has_time: Callable[[], bool]) -> Dispatched:
    """Run one tick.

    Args:
        ports: the world.
        shards: how many write shards the status index has.
        has_time: whether there is time for another round; what is left is the next tick's.
    """
    now = ports.clock.now()
    watermarks = {mark.shard: mark.last for mark in ports.store.list_watermarks()}
    due = _dispatch_due(ports, range(shards), watermarks, now + HORIZON, has_time)
    overdue = _sweep(ports, shards, watermarks, now - OVERDUE, has_time)
    return Dispatched(due, overdue)


def group(jobs: Iterable[DueJob]) -> Iterator[StartMessage]:
    """Put jobs of one project and one due second together, up to 25 a message, in the order they are due."""
    by_second = sorted(jobs, key=lambda job: (job.due_at // SECOND, job.project_id, job.due_at, job.job_id))
    for (_, project_id), herd in groupby(by_second, key=lambda job: (job.due_at // SECOND, job.project_id)):
        pairs = [(job.job_id, job.due_at) for job in herd]
        for start in range(0, len(pairs), MESSAGE_SIZE):
            yield StartMessage(project_id, tuple(pairs[start : start + MESSAGE_SIZE]))


def _dispatch_due(
    ports: Ports, shards: Iterable[int], watermarks: Mapping[int, DueJob], until: int, has_time: Callable[[], bool]
) -> int:
    """Hint everything behind the watermarks and due by `until`; a watermark moves once its hints are accepted."""
    behind: dict[int, DueJob | None] = {shard: watermarks.get(shard) for shard in shards}
    count = 0
    while behind and has_time():
        rows = {shard: ports.store.list_due(shard, last, until, ROUND) for shard, last in behind.items()}
        refused = _send(ports, (job for of_shard in rows.values() for job in of_shard), has_time)
        behind = {}
        for shard, of_shard in rows.items():
            accepted = _before_first(of_shard, refused)
            count += len(accepted)
            if accepted:
                ports.store.raise_watermark(Watermark(shard, accepted[-1]))
            if len(accepted) == ROUND:
                behind[shard] = accepted[-1]
    return count


def _sweep(
    ports: Ports, shards: int, watermarks: Mapping[int, DueJob], until: int, has_time: Callable[[], bool]
) -> int:
    """Hint again what is overdue although it was dispatched, or was due sooner than any tick looks.

    Goes round the shards from where the last sweep stopped, so that no shard waits behind another's herd.
    """
    if ports.queue.backlog() > SWEEP_BACKLOG:
        return 0
    begin = ports.store.get_sweep_cursor()
    cursor, room, overdue = begin, SWEEP_SIZE, list[DueJob]()
    for _ in range(shards):
        if not has_time():
            break
        # What this tick's own dispatch has just hinted is not overdue: only what earlier ticks had reached.
        mark = watermarks.get(cursor.shard)
        found = (
            ports.store.list_due(cursor.shard, cursor.last, min(mark.due_at, until), room) if mark is not None else []
        )
        overdue += found
        room -= len(found)
        if room == 0:
            cursor = SweepCursor(cursor.shard, found[-1])
            break
        cursor = SweepCursor((cursor.shard + 1) % shards, None)
    refused = _send(ports, overdue, has_time)
    if refused:
        cursor = begin  # what was sent leaves the index as it starts, and the next sweep gets further
    if cursor != begin:
        ports.store.save_sweep_cursor(cursor)
    hinted = len(overdue) - len(refused)
    if hinted:
        ports.meter.count("OverdueHinted", hinted)
    return hinted


def _send(ports: Ports, jobs: Iterable[DueJob], has_time: Callable[[], bool]) -> set[DueJob]:
    """Send hints for jobs, the soonest first, while there is time; return the jobs whose hints were not accepted."""
    messages = list(group(jobs))
    not_sent: list[StartMessage] = []
    for start in range(0, len(messages), SLICE):
        part = messages[start : start + SLICE]
        # The first goes out however late it is, or a tick that reads for too long would never get on.
        not_sent += ports.queue.send(part) if start == 0 or has_time() else part
    refused = {DueJob(due_at, message.project_id, job_id) for message in not_sent for job_id, due_at in message.jobs}
    if refused:
        ports.meter.count("StartHintNotSent", len(refused))
    return refused


def _before_first(rows: list[DueJob], refused: set[DueJob]) -> list[DueJob]:
    for position, row in enumerate(rows):
        if row in refused:
            return rows[:position]
    return rows
