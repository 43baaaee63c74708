"""OpenReplay's v1 in the document."""

from __future__ import annotations

from jobs import errors
from jobs.dialects.registry import V1
from jobs.queries import Listing, Rest
from jobs.runtime.http import LARGEST_BODY

from openapi.document import Chapter, Operation, Reply, failure, parameter, reference, refusals, strict
from openapi.openreplay import (
    JOB_ID,
    PROJECT_KEY_PARAMETER,
    USER_ID_PARAMETER,
    a_call,
    job_schema,
    seeds,
)

_JOB, _JOBS, _ERROR = "V1JobAnswer", "V1JobsAnswer", "V1Error"
SCHEDULED, CANCELLED = seeds(*[("shekar@example.com", "mehdi@openreplay.com")] * 2)


def _list(name: str, meaning: str, total: int) -> Reply:
    listing = Listing(Rest(after=0), iter((SCHEDULED, CANCELLED)), total)
    return Reply(name, meaning, V1.render_listing(listing, a_call(V1)), _JOBS)


CHAPTER = Chapter(
    tag="OpenReplay v1",
    text="As OpenReplay documents it, with the key of the organisation bare in `Authorization`.",
    name="V1",
    security={
        "V1Key": {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "The organisation's API key, with nothing before it.",
        }
    },
    schemas={
        "V1Job": job_schema(
            SCHEDULED, updatedAt={"description": "When the status last changed; the creation before it ever did."}
        ),
        _JOB: strict(data=reference("V1Job")),
        _JOBS: strict(data={"type": "array", "items": reference("V1Job")}),
        _ERROR: strict(errors={"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 1}),
    },
    path_parameters={
        "projectKey": PROJECT_KEY_PARAMETER,
        "jobId": parameter("path", "jobId", JOB_ID, {"type": "string", "pattern": "^[0-9]{1,15}$"}, "3451"),
        "userId": USER_ID_PARAMETER,
    },
    replies=[
        *refusals(
            V1,
            _ERROR,
            errors.InvalidRequest("body", "must be UTF-8 text"),
            errors.Unauthorized(),
            errors.ProjectNotFound(),
            errors.BodyTooLarge(LARGEST_BODY),
            errors.Busy(),
        ),
        failure(V1, _ERROR),
    ],
    operations=[
        Operation(
            route="GET /api/v1/{projectKey}/jobs",
            name="listJobsV1",
            summary="List all jobs",
            text="Every job of the project, completed and cancelled ones too, oldest first. Where an answer can not "
            "hold them all, `Link` leads to the rest.",
            parameters=[
                parameter(
                    "query",
                    "after",
                    "Only jobs with a higher number; `Link` sets it.",
                    {"type": "integer", "format": "int64", "minimum": 0, "maximum": 10**15 - 1, "default": 0},
                )
            ],
            replies=[
                _list("all", "All jobs.", 2),
                _list("part", "As many jobs as the answer holds, and a `Link` to the rest.", 4711),
                *refusals(V1, _ERROR, errors.InvalidRequest("after", "must be an integer of at least 0")),
            ],
        ),
        Operation(
            route="GET /api/v1/{projectKey}/jobs/{jobId}",
            name="getJobV1",
            summary="Get a job",
            replies=[
                Reply("job", "The job.", V1.render_job(SCHEDULED), _JOB),
                *refusals(V1, _ERROR, errors.JobNotFound()),
            ],
        ),
        Operation(
            route="DELETE /api/v1/{projectKey}/jobs/{jobId}",
            name="cancelJobV1",
            summary="Cancel a job",
            text="Cancels a job that has not started yet or is still running.",
            replies=[
                Reply("cancelled", "The job, cancelled.", V1.render_job(CANCELLED), _JOB),
                *refusals(V1, _ERROR, errors.JobNotFound(), errors.JobNotCancellable(CANCELLED)),
            ],
        ),
        Operation(
            route="DELETE /api/v1/{projectKey}/users/{userId+}",
            name="deleteUserV1",
            summary="Delete a user's data",
            text="Makes the job that deletes the user's data at the next midnight UTC.",
            replies=[
                Reply("scheduled", "The job, or the one of this user that is active.", V1.render_job(SCHEDULED), _JOB),
                *refusals(V1, _ERROR, errors.InvalidRequest("userId", "must not be blank")),
            ],
        ),
    ],
)
