"""The table's stream: which records are writes of jobs, and what they wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from jobs.events.publishing import Committed
from jobs.store import items, keys

if TYPE_CHECKING:
    from collections.abc import Sequence


class JobWrite(NamedTuple):
    """A write of a job's row, and its place in the stream."""

    sequence_number: str
    committed: Committed


def job_writes(records: Sequence[dict[str, Any]]) -> list[JobWrite]:
    """The writes of jobs among the records of a stream, in their order; rows of other kinds are passed over."""
    writes = []
    for record in records:
        change = record["dynamodb"]
        new, old = change.get("NewImage"), change.get("OldImage")
        if new is not None and keys.is_job(new["pk"]["S"]):
            committed = Committed(items.job_from_item(old) if old else None, items.job_from_item(new))
            writes.append(JobWrite(change["SequenceNumber"], committed))
    return writes
