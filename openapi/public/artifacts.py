"""Files of jobs in the public API: announce one, list them, get one."""

from __future__ import annotations

from jobs import errors
from jobs.artifacts.announcing import ID_DIGITS, MAX_ARTIFACTS, Announced
from jobs.dialects import artifacts
from jobs.dialects.artifact_bodies import DEFAULT_FORMAT, MAX_NAME_BYTES, MAX_SIZE, ArtifactRequest
from jobs.model import MAX_ATTEMPTS

from openapi.answers import Reply, shown
from openapi.document import Operation, PathParameter
from openapi.examples import ARTIFACT, DOWNLOAD, UPLOAD
from openapi.openreplay import moment
from openapi.schemas import Fields, body_of, field, integer, list_of, reference, request_of, strict

_ANNOUNCED, _ARTIFACTS, _ADDRESS = "PublicAnnouncedAnswer", "PublicArtifactsAnswer", "PublicAddressAnswer"

ID = field("string", "The id of the artifact.", pattern=f"^[0-9a-f]{{{ID_DIGITS}}}$")
PATH = {"artifactId": PathParameter(ID, ARTIFACT.artifact_id, [errors.ArtifactNotFound()])}

REQUEST = request_of(
    ArtifactRequest,
    "openapi/public/artifacts.py REQUEST",
    {
        "name": 'The name of the file. An output of the form `{"artifact": name}` refers to it. '
        f"At most {MAX_NAME_BYTES} bytes of UTF-8.",
        "size": "The size of the file in bytes. The upload must have exactly this one.",
        "sha256": "The SHA-256 of the file in hexadecimal digits. The upload must have exactly this one.",
        "format": f"What the file is, in a word of the worker's own. `{DEFAULT_FORMAT}` if left out.",
        "attempt": "The attempt that announces, so that a late worker is refused. The running one if left out.",
    },
)
_ASKED = REQUEST["properties"]

ADDRESS = {
    "url": field("string", "A signed address. Anybody who has it may use it, so keep it secret.", format="uri"),
    "expiresAt": moment("When the address expires, in milliseconds since the epoch."),
}
_FIELDS = Fields(
    "openapi/public/artifacts.py _FIELDS",
    {
        "artifactId": ID,
        "name": field("string", "The name of the file.", minLength=1, maxLength=_ASKED["name"]["maxLength"]),
        "size": integer(0, MAX_SIZE, format="int64", description="The size of the file in bytes."),
        "sha256": field("string", "The SHA-256 of the file.", pattern="^[0-9a-f]{64}$"),
        "format": field("string", "What the file is.", minLength=1, maxLength=64),
        "attempt": integer(1, MAX_ATTEMPTS, description="The attempt that put it."),
        "headers": field(
            "object", "The headers that the upload must send, exactly.", additionalProperties={"type": "string"}
        ),
        **ADDRESS,
    },
)

_PUT = artifacts.render_announced(Announced(ARTIFACT, UPLOAD))
_LIST = artifacts.render_artifacts([ARTIFACT])
_FILE = artifacts.render_artifact({}, DOWNLOAD)
_JSON = artifacts.render_artifact({"accept": "application/json"}, DOWNLOAD)

SCHEMAS = {
    "PublicArtifactRequest": REQUEST,
    "PublicAnnounced": _FIELDS.object_of("PublicAnnounced", shown(_PUT)["data"]),
    "PublicArtifact": _FIELDS.object_of("PublicArtifact", shown(_LIST)["data"][0]),
    "PublicAddress": _FIELDS.object_of("PublicAddress", shown(_JSON)["data"]),
    _ANNOUNCED: strict(data=reference("PublicAnnounced")),
    _ARTIFACTS: strict(data=list_of("PublicArtifact", maxItems=MAX_ARTIFACTS)),
    _ADDRESS: strict(data=reference("PublicAddress")),
}

OPERATIONS = (
    Operation(
        route="POST /public/{projectKey}/jobs/{jobId}/artifacts",
        name="announceArtifact",
        summary="Announce a file that a job produces",
        text="For workers, while the attempt runs. Put the file to `url` with these `headers`, and with no "
        "`Authorization`. Then name it in the outputs of `Job Completed`. If a name is announced again in the same "
        f"attempt, the newest file counts. A job has at most {MAX_ARTIFACTS}.",
        body=body_of(
            reference("PublicArtifactRequest"),
            least=("The minimum.", {"name": ARTIFACT.name, "size": ARTIFACT.size, "sha256": ARTIFACT.sha256}),
            all=(
                "With its format and the worker's attempt.",
                {
                    "name": ARTIFACT.name,
                    "size": ARTIFACT.size,
                    "sha256": ARTIFACT.sha256,
                    "format": ARTIFACT.format,
                    "attempt": ARTIFACT.attempt,
                },
            ),
        ),
        replies=[Reply("announced", "Where the file is to be put.", _PUT, _ANNOUNCED)],
        refused=[
            errors.InvalidRequest("name", "Field required"),
            errors.ArtifactRefused("attempt 1 does not run: attempt 2 does"),
        ],
    ),
    Operation(
        route="GET /public/{projectKey}/jobs/{jobId}/artifacts",
        name="listArtifacts",
        summary="List a job's files",
        text="Lists the files that the completed attempt announced and named in its outputs, in their order. A job "
        "that is not completed has none.",
        replies=[Reply("artifacts", "The files.", _LIST, _ARTIFACTS)],
    ),
    Operation(
        route="GET /public/{projectKey}/jobs/{jobId}/artifacts/{artifactId}",
        name="getArtifact",
        summary="Get a file of a job",
        text="Redirects to the file. With `Accept: application/json` the answer is 200 and the address. S3 refuses the "
        "address if the request to it has an `Authorization` header.",
        replies=[
            Reply("address", "The address of the file, for a caller who takes JSON.", _JSON, _ADDRESS),
            Reply("file", "The file is at `Location`, for five minutes.", _FILE, _ADDRESS),
        ],
    ),
)
