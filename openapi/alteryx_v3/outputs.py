"""Outputs of jobs in Alteryx' v3: download one."""

from __future__ import annotations

from jobs import errors
from jobs.artifacts.announcing import ID_DIGITS
from jobs.dialects import artifacts

from openapi.answers import Reply, shown
from openapi.document import Operation, PathParameter
from openapi.examples import ARTIFACT, DOWNLOAD
from openapi.public.artifacts import ADDRESS
from openapi.schemas import Fields, field, query

_ID = field("string", "The id of the output, in upper or lower case.", pattern=f"^[0-9A-Fa-f]{{{ID_DIGITS}}}$")
PATH = {"outputId": PathParameter(_ID, ARTIFACT.artifact_id, [errors.ArtifactNotFound()])}

_FILE = artifacts.render_output(DOWNLOAD)

SCHEMAS = {"V3Download": Fields("openapi/public/artifacts.py ADDRESS", ADDRESS).object_of("V3Download", shown(_FILE))}

OPERATIONS = tuple(
    Operation(
        route=f"GET /webapi/{version}/jobs/{{jobId}}/output/{{outputId}}",
        name=f"getOutput{version.upper()}",
        summary="Download an output of a job",
        text="Redirects to the file. S3 refuses its address if the request to it has an `Authorization` header.",
        parameters=[
            query(
                "format",
                "One of the output's `availableFormats`, in upper or lower case. Its own if left out.",
                type="string",
            )
        ],
        replies=[Reply("file", "The file is at `Location`, for five minutes.", _FILE, "V3Download")],
        refused=[errors.InvalidRequest("format", f"must be {ARTIFACT.format}")],
    )
    for version in ("v3", "v1")
)
