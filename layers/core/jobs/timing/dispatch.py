"""The minute's tick: put hints for what is due soon, and again for what should have started and has not.

A schedule fires anywhere in its minute, so the tick starts nothing. It hands each job to the start queue with the
delay that is left, three minutes ahead; the queue delivers on the second.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from jobs.model import MINUTE, SECOND, DueJob, StartHint
from jobs.ports import SweepCursor, Watermark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from jobs.ports import Ports

#: How far ahead a tick looks: two missed ticks and a late third lose nothing.
HORIZON = 180 * SECOND
#: Job ids in one hint.
MESSAGE_SIZE = 25
#: Job numbers of one project that are nearer to each other than this share a partition of the table, which takes 1,000
#: writes a second: what is due together goes out in an order that meets as many partitions as there are.
NEIGHBOURS = 1_000
#: Rows that a tick reads over all shards before it sends messages; more are read in further rounds.
ROUND = 150_000
#: Rows that it holds until their watermarks are moved, 200 bytes each: with as many it sends what it has.
MAX_UNMARKED = 1_000_000
#: Messages that are sent between two looks at the time.
SLICE = 500
#: Milliseconds that must be left to begin a round of reading and sending, and a slice of it.
ROUND_TIME = 15 * SECOND
SLICE_TIME = 3 * SECOND
#: A scheduled job is overdue when its hint has had this long.
OVERDUE = MINUTE
#: What one sweep hints again at most, and the backlog of hints above which it hints nothing.
SWEEP_SIZE = 25_000
SWEEP_BACKLOG = 1_000


class Dispatched(NamedTuple):
    """How many jobs a tick hinted, and how many overdue ones it hinted again."""

    due: int
    overdue: int


def dispatch(ports: Ports, shards: int, has_time: Callable[[int], bool]) -> Dispatched:
    """Run one tick.

    Args:
        ports: the world.
        shards: how many write shards the status index has.
        has_time: whether that many milliseconds are left; what they do not suffice for is the next tick's.
    """
    now = ports.clock.now()
    watermarks = {mark.shard: mark.last for mark in ports.store.list_watermarks()}
    # Up to the end of a second: between two ticks a herd would take a message more.
    until = (now + HORIZON) // SECOND * SECOND + SECOND - 1
    due = _dispatch_due(ports, range(shards), watermarks, until, has_time)
    overdue = _sweep(ports, shards, watermarks, now - OVERDUE, has_time)
    return Dispatched(due, overdue)


def group(jobs: Iterable[DueJob]) -> Iterator[StartHint]:
    """Put jobs of one project and one due second together, up to 25 a message.

    The soonest go first, and within a second the projects take turns, so that none waits behind another's herd.
    """
    herds = defaultdict[tuple[int, int], list[DueJob]](list)
    for job in jobs:
        herds[job.due_at // SECOND, job.project_id].append(job)
    turns: list[tuple[int, int, int, tuple[tuple[int, int], ...]]] = []
    for (second, project_id), herd in herds.items():
        herd.sort(key=lambda job: (job.due_at, job.job_id % NEIGHBOURS, job.job_id))
        for turn, first in enumerate(range(0, len(herd), MESSAGE_SIZE)):
            pairs = tuple((job.job_id, job.due_at) for job in herd[first : first + MESSAGE_SIZE])
            turns.append((second, turn, project_id, pairs))
    for _, _, project_id, pairs in sorted(turns):
        yield StartHint(project_id, pairs)


def _dispatch_due(
    ports: Ports,
    shards: Iterable[int],
    watermarks: Mapping[int, DueJob],
    until: int,
    has_time: Callable[[int], bool],
) -> int:
    """Hint everything behind the watermarks and due by `until`; a watermark moves once its hints are accepted.

    A herd is spread over all shards and read in more than one round. What fills no message waits for the next round,
    unless there is none: a herd takes one message more for each tick that ends within it, and none for a round.
    """
    reading: dict[int, DueJob | None] = {shard: watermarks.get(shard) for shard in shards}
    #: What was read and lies behind no watermark yet, and what of it was not sent.
    unmarked: dict[int, list[DueJob]] = {shard: [] for shard in reading}
    waiting: list[DueJob] = []
    refused: set[DueJob] = set()
    count = 0
    goes_on = has_time(ROUND_TIME)
    while goes_on and (reading or waiting):
        size = max(1, ROUND // max(1, len(reading)))
        read = {shard: ports.store.list_due(shard, after, until, size) for shard, after in reading.items()}
        for shard, rows in read.items():
            unmarked[shard] += rows
            waiting += rows
        more = {shard: rows[-1] for shard, rows in read.items() if len(rows) == size}
        goes_on = has_time(ROUND_TIME)
        more_from = min((row.due_at // SECOND for row in more.values()), default=None)
        if not goes_on or sum(map(len, unmarked.values())) >= MAX_UNMARKED:
            more_from = None
        messages, waiting = _fill(waiting, more_from)
        not_sent = _send(ports, messages, has_time)
        count += sum(len(message.jobs) for message in messages) - len(not_sent)
        refused |= not_sent
        unsent = refused.union(waiting)
        for shard, rows in unmarked.items():
            accepted = _before_first(rows, unsent)
            if accepted:
                ports.store.raise_watermark(Watermark(shard, accepted[-1]))
                del rows[: len(accepted)]
        # What lies behind a refused one is read again by the next tick: reading on would only send it twice.
        reading = {s: row for s, row in more.items() if not refused or refused.isdisjoint(unmarked[s])}
    return count


def _fill(jobs: Iterable[DueJob], more_from: int | None) -> tuple[list[StartHint], list[DueJob]]:
    """Make the messages that can go out, and the jobs of those that may yet be filled.

    Those are of the second `more_from` and later ones, of which more is to be read; None means that no more is.
    """
    ready: list[StartHint] = []
    left: list[DueJob] = []
    for message in group(jobs):
        if more_from is None or len(message.jobs) == MESSAGE_SIZE or message.due_at // SECOND < more_from:
            ready.append(message)
        else:
            left += _jobs_of(message)
    return ready, left


def _sweep(
    ports: Ports, shards: int, watermarks: Mapping[int, DueJob], until: int, has_time: Callable[[int], bool]
) -> int:
    """Hint again what is overdue although it was dispatched, or was due sooner than any tick looks.

    Goes round the shards from where the last sweep stopped, so that no shard waits behind another's herd.
    """
    if ports.queue.backlog() > SWEEP_BACKLOG:
        return 0
    begin = ports.store.get_sweep_cursor()
    cursor, room, overdue = begin, SWEEP_SIZE, list[DueJob]()
    for _ in range(shards):
        if not has_time(ROUND_TIME):
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
    refused = _send(ports, list(group(overdue)), has_time)
    if refused:
        cursor = begin  # what was sent leaves the index as it starts, and the next sweep gets further
    if cursor != begin:
        ports.store.save_sweep_cursor(cursor)
    hinted = len(overdue) - len(refused)
    if hinted:
        ports.meter.count("OverdueHinted", hinted)
    return hinted


def _send(ports: Ports, messages: list[StartHint], has_time: Callable[[int], bool]) -> set[DueJob]:
    """Send hints in their order, while there is time; return the jobs whose hints were not accepted."""
    not_sent: list[StartHint] = []
    for start in range(0, len(messages), SLICE):
        part = messages[start : start + SLICE]
        # The first goes out however late it is, or a tick that reads for too long would never get on.
        not_sent += ports.queue.send(part) if start == 0 or has_time(SLICE_TIME) else part
    refused = {job for message in not_sent for job in _jobs_of(message)}
    if refused:
        ports.meter.count("StartHintNotSent", len(refused))
    return refused


def _jobs_of(message: StartHint) -> list[DueJob]:
    return [DueJob(due_at, message.project_id, job_id) for job_id, due_at in message.jobs]


def _before_first(rows: list[DueJob], refused: set[DueJob]) -> list[DueJob]:
    for position, row in enumerate(rows):
        if row in refused:
            return rows[:position]
    return rows
