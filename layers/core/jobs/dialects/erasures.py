"""How the public API answers what was deleted of a user."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from jobs.dialects.base import Answer
from jobs.errors import InvalidRequest
from jobs.model import Forgotten
from jobs.representation import dump

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobs.forgetting.proof import Proof


def parse_user_id(query: Mapping[str, str]) -> str:
    """Read whose deletions are wanted.

    Raises:
        InvalidRequest: the query does not say.
    """
    if "userId" not in query:
        raise InvalidRequest("userId", "is required")
    return query["userId"]


def render_proof(proof: Proof) -> Answer:
    """Answer the deletions of a user. The id is not repeated."""
    erasures = [
        {
            "jobId": job.job_id,
            "status": job.status,
            "createdAt": job.created_at,
            "finishedAt": job.finished_at,
            "deletedObjectVersions": deleted,
            "redacted": job.forgotten is Forgotten.REDACTED,
        }
        for job, deleted in proof.erasures
    ]
    return Answer(HTTPStatus.OK, dump({"data": {"erasures": erasures, "remainingJobs": proof.remaining}}))
