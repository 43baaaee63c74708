"""The write that moves the state of a schedule, alone or in the transaction that makes its job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.store import items, keys
from jobs.store.table import update

if TYPE_CHECKING:
    from jobs.model import ScheduleMove
    from jobs.store.table import Write


def state_update(move: ScheduleMove, shards: int) -> Write:
    """Move the state of a schedule, if it has not moved since."""
    sets = ["rc = rc + :made", "mc = mc + :missed", "sc = sc + :skipped"]
    values = {
        ":made": items.number(0 if move.job_id is None else 1),
        ":missed": items.number(move.missed),
        ":skipped": items.number(move.skipped),
    }
    if move.job_id is not None and move.at is not None:
        sets += ["lj = :job", "la = :at"]
        values |= {":job": items.number(move.job_id), ":at": items.number(move.at)}
    key = keys.schedule_state(move.project_id, move.schedule_id)
    if move.seen is None:
        is_there = "attribute_exists(pk)"
        return update(key, f"SET {', '.join(sets)}", is_there, ExpressionAttributeValues=values)
    values |= {":v": items.number(move.version), ":seen": items.number(move.seen)}
    remove = ""
    if move.next_at is None:
        remove = " REMOVE gk, due"
    else:
        sets += ["due = :next", "gk = :gk"]
        values |= {":next": items.number(move.next_at)}
        values |= {":gk": items.string(keys.schedule_shard(move.schedule_id, shards))}
    has_not_moved = "v = :v AND due = :seen"
    return update(key, f"SET {', '.join(sets)}{remove}", has_not_moved, ExpressionAttributeValues=values)
