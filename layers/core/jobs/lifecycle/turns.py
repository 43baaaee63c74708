"""Working through rows of the status index so that no project waits for another's herd."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from jobs.errors import Busy
from jobs.model import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from jobs.model import DueJob
    from jobs.ports import Ports, TimeLeft

#: Rows that a run reads over all shards before it works on the first. The next run reads what is left.
MAX_READ = 150_000
#: Rows that are worked on between two looks at the time.
SLICE = 64
#: Milliseconds that a slice may take.
SLICE_TIME = 10 * SECOND

Did = TypeVar("Did")


class Watch(NamedTuple):
    """How operators are told of a run."""

    #: Takes for how many milliseconds the oldest row has been due.
    lag: Callable[[int], None]
    #: Something was left to the next run because AWS throttles.
    throttled: Callable[[], None]


def take_turns(  # noqa: PLR0913  # where to look, what to do, how long, and whom to tell
    ports: Ports,
    shards: int,
    find: Callable[[int, int, int], list[DueJob]],
    work: Callable[[DueJob], Did],
    *,
    has_time: TimeLeft,
    watch: Watch,
) -> list[Did]:
    """Work on what is due in the index, the projects in turns.

    Args:
        ports: the world.
        shards: how many write shards the status index has.
        find: reads what is due in a shard by a time, at most so many rows, the longest due first.
        work: does what is due.
        has_time: the time left to this run. The next run does the rest.
        watch: tells operators how late the work is, and when DynamoDB throttles.

    Returns:
        What came of each row that was worked on.
    """
    now = ports.clock.now()

    def look(shard: int) -> list[DueJob]:
        try:
            return find(shard, now, MAX_READ // shards)
        except Busy:
            watch.throttled()
            return []

    def attempt(row: DueJob) -> list[Did]:
        try:
            return [work(row)]
        except Busy:
            watch.throttled()
            return []

    turns = in_turns(row for rows in ports.parallel(look, range(shards)) for row in rows)
    if turns:
        watch.lag(now - min(row.due_at for row in turns))
    done: list[Did] = []
    for first in range(0, len(turns), SLICE):
        if not has_time(SLICE_TIME):
            break
        done += [did for each in ports.parallel(attempt, turns[first : first + SLICE]) for did in each]
    return done


def in_turns(rows: Iterable[DueJob]) -> list[DueJob]:
    """Order rows so that the projects take turns, each with the row that is overdue for longest."""
    turns: Counter[int] = Counter()
    places: list[tuple[int, DueJob]] = []
    for row in sorted(rows):
        places.append((turns[row.project_id], row))
        turns[row.project_id] += 1
    return [row for _, row in sorted(places)]
