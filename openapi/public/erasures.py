"""What the public API still says of a user who was deleted."""

from __future__ import annotations

from jobs import errors
from jobs.dialects import erasures
from jobs.forgetting.proof import MAX_ROWS, Erasure, Proof
from jobs.model import Forgotten, Status

from openapi.answers import Reply, shown
from openapi.document import Operation
from openapi.examples import SCHEDULED, moved
from openapi.openreplay import FIELDS, STATUS, moment
from openapi.schemas import Fields, field, integer, list_of, nullable, query, reference, strict

_PROOF = "PublicProofAnswer"
_COMPLETED = moved(moved(SCHEDULED, Status.RUNNING, "service"), Status.COMPLETED, "event:jobs.delete_user_data")
_ANSWER = erasures.render_proof(Proof([Erasure(_COMPLETED._replace(forgotten=Forgotten.REDACTED), 120)], 0))

_FIELDS = Fields(
    "openapi/public/erasures.py _FIELDS",
    {
        "erasures": list_of("PublicErasure", description="The deletions of the user, oldest first.", maxItems=MAX_ROWS),
        "remainingJobs": nullable(
            integer(
                0,
                MAX_ROWS,
                description=f"How many other jobs still hold the user's id, {MAX_ROWS} at most. Null where the project "
                "has no retention, so that nobody keeps count.",
            )
        ),
        "jobId": FIELDS["jobId"],
        "status": STATUS,
        "createdAt": moment("When the deletion was asked for, in milliseconds since the epoch."),
        "finishedAt": nullable(moment("When it ended, or null.")),
        "deletedObjectVersions": nullable(
            field("integer", "How many object versions it deleted. Null until it has said so.", minimum=0)
        ),
        "redacted": field("boolean", "Whether the deletion itself no longer holds the user's id."),
    },
)

SCHEMAS = {
    "PublicErasure": _FIELDS.object_of("PublicErasure", shown(_ANSWER)["data"]["erasures"][0]),
    "PublicProof": _FIELDS.object_of("PublicProof", shown(_ANSWER)["data"]),
    _PROOF: strict(data=reference("PublicProof")),
}

OPERATIONS = (
    Operation(
        route="GET /public/{projectKey}/erasures",
        name="listErasures",
        summary="What was deleted of a user",
        text="For a caller who knows the user's id. The answer does not repeat it, and the service keeps a keyed "
        "digest of it alone. A project without retention knows the user's latest deletion and no earlier one.",
        parameters=[
            query(
                "userId",
                "Whose deletions are wanted. It may hold any character.",
                type="string",
                minLength=1,
                maxLength=FIELDS["referenceId"]["maxLength"],
            )
            | {"required": True}
        ],
        replies=[Reply("erasures", "The deletions of the user.", _ANSWER, _PROOF)],
        refused=[errors.InvalidRequest("userId", "is required")],
    ),
)
