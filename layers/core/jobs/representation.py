"""A job as callers and subscribers see it: its fields, their names and their order; and how much an answer may hold."""

from __future__ import annotations

import json
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from jobs.model import Job, ShownJob

#: Lambda passes on 6 MB, and counts the body as the escaped JSON string that it travels as. 64 KB are for the rest.
MAX_ANSWER_BYTES = 6 * 1024 * 1024 - 64 * 1024


class Room:
    """The bytes that are left in an answer. Every list of unknown size is cut by this."""

    def __init__(self) -> None:
        self._left = MAX_ANSWER_BYTES

    def holds(self, text: str) -> bool:
        """Whether a part of the body, which is JSON, still fits. If it does, it takes its place."""
        # Usually the text is ASCII, and orjson writes the same, but faster. JSON has no bare control characters.
        size = len(orjson.dumps(text) if text.isascii() else encode_basestring_ascii(text))
        if size > self._left:
            return False
        self._left -= size
        return True


def core_fields(job: ShownJob, updated_at: int | None) -> dict[str, Any]:
    """The ten fields that OpenReplay documents, in its order.

    `updated_at` is given, because the two APIs show different values before the first change.
    """
    return {
        "jobId": job.job_id,
        "description": job.description,
        "status": job.status,
        "projectId": job.project_id,
        "action": job.action,
        "referenceId": job.reference_id,
        "createdAt": job.created_at,
        "updatedAt": updated_at,
        "startAt": job.start_at,
        "errors": "\n".join(job.errors) if job.errors else None,
    }


def error_list(job: Job) -> list[str] | None:
    """The errors of a failed job one by one, null without. The ten fields have them as one text, as OpenReplay does."""
    return None if job.errors is None else list(job.errors)


def occasion_fields(job: Job) -> dict[str, Any]:
    """Which schedule made a job, and the occurrence that it was made for; nothing of a job that no schedule made."""
    if not job.made_by.schedule_id:
        return {}
    return {"scheduleId": job.made_by.schedule_id, "scheduledFor": job.made_by.at}


def dump(content: object) -> str:
    """Compact JSON, in the order of the fields."""
    try:
        return orjson.dumps(content).decode()
    except TypeError:  # a number of more than 64 bits, or what is no JSON in the eyes of a strict writer
        return json.dumps(content, separators=(",", ":"), ensure_ascii=False)
