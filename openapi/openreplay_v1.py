"""OpenReplay's v1: its routes on jobs and users."""

from __future__ import annotations

from jobs import errors
from jobs.dialects.registry import OPENREPLAY_V1
from jobs.queries import Listing, Rest

from openapi.answers import TOO_MANY, Reply, shown
from openapi.document import Operation
from openapi.examples import V1_CANCELLED, V1_SCHEDULED, a_call
from openapi.openreplay import CANCEL, DELETE_USER, FIELDS, SIDES, moment, number
from openapi.schemas import Fields, list_of, query, reference, strict

_JOB = OPENREPLAY_V1.render_job(V1_SCHEDULED)
_FIELDS = Fields(
    "openapi/openreplay.py FIELDS",
    FIELDS | {"updatedAt": moment("When the status last changed. Before the first change, the time of creation.")},
)


def _list(name: str, meaning: str, total: int) -> Reply:
    listing = Listing(Rest(), iter((V1_SCHEDULED, V1_CANCELLED)), total)
    return Reply(name, meaning, OPENREPLAY_V1.render_listing(listing, a_call(OPENREPLAY_V1)), "V1JobsAnswer")


SCHEMAS = {
    "V1Job": _FIELDS.object_of("V1Job", shown(_JOB)["data"]),
    "V1JobAnswer": strict(data=reference("V1Job")),
    "V1JobsAnswer": strict(data=list_of("V1Job")),
}

OPERATIONS = (
    Operation(
        route="GET /api/v1/{projectKey}/jobs",
        name="listJobsV1",
        summary="List all jobs",
        text="Lists every job of the project, whatever its status: oldest first, or newest first if the project is set "
        "to that. If one answer cannot hold them all, `Link` leads to the rest.",
        parameters=[
            query("limit", "At most so many jobs. All, if it is left out.", **number(1)),
            *SIDES,
        ],
        replies=[
            _list("all", "All jobs.", 2),
            _list("part", "As many jobs as the answer holds, and a `Link` to the rest.", 4711),
        ],
        refused=[errors.InvalidRequest("after", "must be an integer of at least 0")],
    ),
    Operation(
        route="GET /api/v1/{projectKey}/jobs/{jobId}",
        name="getJobV1",
        summary="Get a job",
        replies=[Reply("job", "The job.", _JOB, "V1JobAnswer")],
    ),
    Operation(
        route="DELETE /api/v1/{projectKey}/jobs/{jobId}",
        name="cancelJobV1",
        summary="Cancel a job",
        text=CANCEL,
        replies=[Reply("cancelled", "The cancelled job.", OPENREPLAY_V1.render_job(V1_CANCELLED), "V1JobAnswer")],
        refused=[errors.JobNotCancellable(V1_CANCELLED)],
    ),
    Operation(
        route="DELETE /api/v1/{projectKey}/users/{userId+}",
        name="deleteUserV1",
        summary="Delete a user's data",
        text=DELETE_USER,
        replies=[
            Reply("scheduled", "The new job, or the one that is already active for this user.", _JOB, "V1JobAnswer")
        ],
        refused=[TOO_MANY],
    ),
)
