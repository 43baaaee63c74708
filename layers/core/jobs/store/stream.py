"""The table's stream: which records are writes of jobs or schedules, and what they wrote."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from jobs.events.publishing import Committed, ScheduleChange
from jobs.store import items, keys

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


class Written(NamedTuple):
    """What a write says to subscribers, and its place in the stream."""

    sequence_number: str
    change: Committed | ScheduleChange


def written(records: Sequence[dict[str, Any]]) -> list[Written]:
    """What the records of a stream say, in their order; rows of other kinds are passed over."""
    found = []
    for record in records:
        told = record["dynamodb"]
        new, old = told.get("NewImage"), told.get("OldImage")
        row = new or old
        if keys.is_job(row["pk"]["S"]):
            if new is not None:
                before = items.job_from_item(old) if old else None
                found.append(Written(told["SequenceNumber"], Committed(before, items.job_from_item(new))))
        elif keys.is_schedule(row["pk"]["S"]):
            found += [Written(told["SequenceNumber"], change) for change in _schedule_changes(old, new)]
    return found


def _schedule_changes(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Iterator[ScheduleChange]:
    row = new or old or {}
    kind = row["sk"]["S"].partition("#")[0]
    if kind == "spec":
        told = "Schedule Deleted" if new is None else "Schedule Created" if old is None else "Schedule Updated"
        content, version = json.loads(row["json"]["S"]), row["v"]["N"]
        about = {"name": content["name"], "enabled": content["enabled"], "version": int(version)}
        change = f"{version}-deleted" if new is None else version
        yield ScheduleChange(*keys.parse_schedule(row["pk"]["S"], row["sk"]["S"]), told, about, change)
    elif kind == "state" and old is not None and new is not None:
        for name, counter in (("missed", "mc"), ("skipped", "sc")):
            count = int(new[counter]["N"])
            more = count - int(old[counter]["N"])
            if more:
                about = {name: more, f"{name}Count": count, "scheduledFor": int(old["due"]["N"])}
                which = keys.parse_schedule(row["pk"]["S"], row["sk"]["S"])
                yield ScheduleChange(*which, f"Schedule {name.title()}", about, f"{name}-{count}")
