"""A job as callers and subscribers see it: its fields, their names and their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.model import Job


def core_fields(job: Job, updated_at: int | None) -> dict[str, Any]:
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
        "errors": None if job.errors is None else list(job.errors),
    }
