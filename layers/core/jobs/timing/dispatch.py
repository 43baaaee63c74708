"""The tick: send hints for jobs that are due soon, and the sweep: send them again for jobs that are overdue.

An EventBridge schedule fires anywhere in its minute, so the tick itself starts nothing. It looks three minutes ahead
and hands each job to the start queue with the delay that is left. The queue delivers on the second.

First it looks side by side which shards have anything at all. Nearly always most have nothing, and are left alone.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from jobs.model import MINUTE, SECOND, Due, Hint
from jobs.outcomes import SweepCursor, Watermark
from jobs.timing.hints import group, is_full

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from jobs.ports import Ports, TimeLeft

#: How far ahead a tick looks. Two missed ticks and a late third lose nothing.
HORIZON = 180 * SECOND
#: Rows that a tick reads over all shards before it sends hints. Further rounds read more.
ROUND = 150_000
#: Rows that a tick holds, 200 bytes each, before it sends what it has and moves the watermarks.
MAX_UNMARKED = 1_000_000
#: Hints that are sent between two looks at the time.
SLICE = 500
#: Milliseconds that a round of reading and sending may take, and a slice of it.
ROUND_TIME = 15 * SECOND
SLICE_TIME = 3 * SECOND
#: A job is overdue when its hint has had this long to start it.
OVERDUE = MINUTE
#: How many jobs one sweep hints again, and the backlog of hints above which it does nothing.
SWEEP_SIZE = 25_000
SWEEP_BACKLOG = 1_000


class Dispatched(NamedTuple):
    """How many jobs a tick hinted, and how many overdue ones it hinted again."""

    due: int
    overdue: int


def dispatch(ports: Ports, shards: int, has_time: TimeLeft) -> Dispatched:
    """Run one tick.

    Args:
        ports: the world.
        shards: how many write shards the status index has.
        has_time: the time left to this tick. The next tick does the rest.
    """
    now = ports.clock.now()
    # Look up to the end of a second: a herd that two ticks share would take one more hint.
    until = (now + HORIZON) // SECOND * SECOND + SECOND - 1
    first = ports.parallel(lambda shard: ports.due.list_due(shard, None, until, 1), range(shards))
    waiting = {shard: row.due_at for shard, rows in enumerate(first) for row in rows}
    if not waiting:
        return Dispatched(0, 0)
    watermarks = {mark.shard: mark.last for mark in ports.due.list_watermarks()}
    due = _dispatch_due(ports, waiting, watermarks, until, has_time)
    late = {shard: watermarks[shard] for shard in watermarks if waiting.get(shard, until) <= now - OVERDUE}
    overdue = _sweep(ports, shards, late, now - OVERDUE, has_time) if late else 0
    return Dispatched(due, overdue)


def _dispatch_due(
    ports: Ports, shards: Iterable[int], watermarks: Mapping[int, Due], until: int, has_time: TimeLeft
) -> int:
    """Hint every job behind the watermarks that is due by `until`. A watermark moves once its hints are accepted.

    A herd is spread over all shards and may need several rounds. A hint that is not full waits for the next round, so
    a herd takes an extra hint for each tick that ends within it, but none for a round.
    """
    reading: dict[int, Due | None] = {shard: watermarks.get(shard) for shard in shards}
    #: Rows that were read and lie behind no watermark yet; jobs whose hint is not full; jobs whose hint was refused.
    unmarked: dict[int, list[Due]] = {shard: [] for shard in reading}
    waiting: list[Due] = []
    refused: set[Due] = set()
    count = 0
    goes_on = has_time(ROUND_TIME)
    while goes_on and (reading or waiting):
        size = max(1, ROUND // max(1, len(reading)))
        found = ports.parallel(partial(_read, ports, until, size), reading.items())
        read = dict(zip(reading, found, strict=True))
        for shard, rows in read.items():
            unmarked[shard] += rows
            waiting += rows
        more = {shard: rows[-1] for shard, rows in read.items() if len(rows) == size}
        goes_on = has_time(ROUND_TIME)
        more_from = min((row.due_at // SECOND for row in more.values()), default=None)
        if not goes_on or sum(map(len, unmarked.values())) >= MAX_UNMARKED:
            more_from = None
        hints, waiting = _fill(waiting, more_from)
        not_sent = _send(ports, hints, has_time)
        count += sum(len(hint.rows) for hint in hints) - len(not_sent)
        refused |= not_sent
        _raise_watermarks(ports, unmarked, refused.union(waiting))
        # The next tick reads a shard with a refused hint again, so reading on there would only send hints twice.
        reading = {s: row for s, row in more.items() if not refused or refused.isdisjoint(unmarked[s])}
    return count


def _read(ports: Ports, until: int, size: int, behind: tuple[int, Due | None]) -> list[Due]:
    """Read on in a shard behind a row of it."""
    shard, after = behind
    return ports.due.list_due(shard, after, until, size)


def _fill(jobs: Iterable[Due], more_from: int | None) -> tuple[list[Hint], list[Due]]:
    """Make the hints that can go out, and return the jobs whose hint may still be filled.

    Jobs from the second `more_from` on are still being read; None means that all are read.
    """
    ready: list[Hint] = []
    left: list[Due] = []
    for hint in group(jobs):
        if more_from is None or is_full(hint) or hint.due_at // SECOND < more_from:
            ready.append(hint)
        else:
            left += hint.rows
    return ready, left


def _raise_watermarks(ports: Ports, unmarked: dict[int, list[Due]], unsent: set[Due]) -> None:
    """Move each shard's watermark up to its first job whose hint was not sent, and forget the rows before that."""
    for shard, rows in unmarked.items():
        sent = next((position for position, row in enumerate(rows) if row in unsent), len(rows))
        if sent:
            ports.due.raise_watermark(Watermark(shard, rows[sent - 1]))
            del rows[:sent]


def _sweep(ports: Ports, shards: int, late: Mapping[int, Due], until: int, has_time: TimeLeft) -> int:
    """Hint again what is overdue although a tick dispatched it, or was due sooner than any tick looks.

    The sweep goes round the shards from where the last one stopped, so that no shard waits behind another's herd. Only
    the `late` shards have an overdue row; each comes with its watermark.
    """
    if ports.queue.backlog() > SWEEP_BACKLOG:
        return 0
    begin = ports.due.get_sweep_cursor()
    cursor, room, overdue = begin, SWEEP_SIZE, list[Due]()
    for _ in range(shards):
        if not has_time(ROUND_TIME):
            break
        # What this tick has just hinted is not overdue: look only as far as earlier ticks had come.
        mark = late.get(cursor.shard)
        found = ports.due.list_due(cursor.shard, cursor.last, min(mark.due_at, until), room) if mark is not None else []
        overdue += found
        room -= len(found)
        if room == 0:
            cursor = SweepCursor(cursor.shard, found[-1])
            break
        cursor = SweepCursor((cursor.shard + 1) % shards, None)
    refused = _send(ports, list(group(overdue)), has_time)
    if refused:
        cursor = begin  # started jobs leave the index, so the next sweep gets further from the same place
    if cursor != begin:
        ports.due.save_sweep_cursor(cursor)
    hinted = len(overdue) - len(refused)
    if hinted:
        ports.meter.count("OverdueHinted", hinted)
    return hinted


def _send(ports: Ports, hints: list[Hint], has_time: TimeLeft) -> set[Due]:
    """Send hints in order while there is time; return the jobs whose hints were not accepted."""
    not_sent: list[Hint] = []
    for start in range(0, len(hints), SLICE):
        part = hints[start : start + SLICE]
        # The first slice goes out however late it is. Otherwise a tick that reads for too long would never get on.
        not_sent += ports.queue.send(part) if start == 0 or has_time(SLICE_TIME) else part
    refused = {job for hint in not_sent for job in hint.rows}
    if refused:
        ports.meter.count("StartHintNotSent", len(refused))
    return refused
