"""Announce a file that the running attempt of a job is about to put."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.artifacts import announcing
from jobs.dialects import artifacts, routes
from jobs.dialects.artifact_bodies import parse_artifact
from jobs.dialects.registry import PUBLIC
from jobs.runtime import wiring
from jobs.runtime.http import Api

if TYPE_CHECKING:
    from jobs.dialects.base import Answer, Call

api = handler = Api()


@api.route(routes.PUBLIC_ANNOUNCE_ARTIFACT)
def announce_artifact(call: Call) -> Answer:
    """Answer where the file of the body is to be put."""
    job_id = PUBLIC.parse_job_id(call.path["jobId"])
    new = parse_artifact(call.body)
    return artifacts.render_announced(announcing.announce(wiring.ports(), call.project, job_id, new))
