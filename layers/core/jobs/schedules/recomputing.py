"""Computing next occurrences again, after the clocks of a zone were given other rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from jobs.schedules.rhythm import occurrences
from jobs.timing.hints import SELF_ENQUEUE

if TYPE_CHECKING:
    from jobs.ports import Clock
    from jobs.schedules.ports import Schedule, ScheduleStore

#: Schedules that are read at a time.
AT_ONCE = 50


class Recomputed(NamedTuple):
    """How many schedules were looked at, how many of them moved, and how many were left because they are about to fire.

    What a caller or an occurrence moved meanwhile is left, too: that was computed by the new rules.
    """

    looked_at: int = 0
    moved: int = 0
    left: int = 0


def recompute(schedules: ScheduleStore, clock: Clock, project_id: int) -> Recomputed:
    """Compute the next occurrence of each cron schedule of a project again from now, and move it where it differs.

    One that is due within four minutes is left as it is: its hint may be on its way, and an occurrence that is due must
    neither be lost nor come again. Its next one follows the new rules. Each move is one conditional write.

    Raises:
        Busy: DynamoDB throttles. What was moved until then stays, and another run finds only the rest.
    """
    counts = Recomputed()
    ids = schedules.list_schedule_ids(project_id)
    for first in range(0, len(ids), AT_ONCE):
        found = schedules.get_schedules(project_id, ids[first : first + AT_ONCE])
        for schedule in found.values():
            counts = _add(counts, _recompute(schedules, schedule, clock.now()))
    return counts


def _recompute(schedules: ScheduleStore, seen: Schedule, now: int) -> Recomputed:
    next_at, rhythm = seen.state.next_at, seen.spec.rhythm
    if next_at is None or not rhythm.cron:
        return Recomputed(1)
    found = next((one.at for one in occurrences(rhythm, now)), None)
    if found == next_at:
        return Recomputed(1)
    moves = next_at > now + SELF_ENQUEUE and schedules.set_next_at(seen, found)
    return Recomputed(1, moved=int(moves), left=int(not moves))


def _add(one: Recomputed, other: Recomputed) -> Recomputed:
    return Recomputed(*map(sum, zip(one, other, strict=True)))
