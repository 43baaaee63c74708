"""The fields of a schedule in the public dialect: what a caller sends and sees.

Apart from how answers look, because events that ask for schedules need no answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.schedules.ports import Spec


def as_body(spec: Spec) -> dict[str, Any]:
    """What a caller could have sent to make this, with every default."""
    rhythm, job = spec.rhythm, spec.job
    is_cron, is_every = bool(rhythm.cron), bool(rhythm.every)
    return {
        "name": spec.name,
        "cron": rhythm.cron or None,
        "every": rhythm.every or None,
        "at": rhythm.at,
        "timezone": None if is_every else rhythm.timezone,
        "job": {
            "action": job.action,
            "description": job.description,
            "referenceId": job.reference_id,
            "params": job.params,
            "maxAttempts": job.max_attempts,
            "timeoutSeconds": job.timeout_seconds,
        },
        "startAt": rhythm.start_at,
        "endAt": rhythm.end_at,
        "enabled": spec.enabled,
        "gap": rhythm.gap if is_cron else None,
        "fold": rhythm.fold if is_cron else None,
        "catchUp": spec.catch_up,
        "overlap": spec.overlap,
    }
