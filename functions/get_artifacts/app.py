"""List the files of a completed job, and send callers to one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs import queries
from jobs.artifacts import showing
from jobs.dialects import artifacts, routes
from jobs.dialects.registry import ALTERYX_V3, PUBLIC
from jobs.runtime import wiring
from jobs.runtime.http import Api
from jobs.workflows import viewing

if TYPE_CHECKING:
    from jobs.dialects.base import Answer, Call, UserCall
    from jobs.model import Job

api = handler = Api()


@api.route(routes.PUBLIC_LIST_ARTIFACTS)
def list_artifacts(call: Call) -> Answer:
    """Answer the files of the job of the path."""
    return artifacts.render_artifacts(showing.list_artifacts(wiring.ports(), _job(call)))


@api.route(routes.PUBLIC_GET_ARTIFACT)
def get_artifact(call: Call) -> Answer:
    """Send the caller to the file of the path."""
    artifact = showing.find_artifact(wiring.ports(), _job(call), call.path["artifactId"])
    return artifacts.render_artifact(call.headers, wiring.ports().files.sign_download(artifact))


@api.user_route(routes.ALTERYX_GET_OUTPUT, routes.ALTERYX_GET_OUTPUT_V1)
def get_output(call: UserCall) -> Answer:
    """Send a user who sees the job of the path to its file of the path."""
    ports = wiring.ports()
    _, job = viewing.find_job(ports, call.principal, ALTERYX_V3.parse_job_id(call.path["jobId"]))
    artifact = showing.find_artifact(ports, job, call.path["outputId"].lower())
    showing.check_format(artifact, call.query.get("format", ""))
    return artifacts.render_output(ports.files.sign_download(artifact))


def _job(call: Call) -> Job:
    return queries.get_job(wiring.ports(), call.project, PUBLIC.parse_job_id(call.path["jobId"]))
