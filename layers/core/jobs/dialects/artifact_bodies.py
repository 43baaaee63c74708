"""The body that announces an artifact, validated by pydantic."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictInt, field_validator

from jobs.artifacts.model import NewArtifact
from jobs.dialects.validation import CARRIED, WHOLE, parse_object, validated
from jobs.model import MAX_ATTEMPTS

#: What S3 takes with one PUT: 5 GB.
MAX_SIZE = 5 * 1024**3
#: So that an output that holds the name fits into the 1 KB that an output may have.
MAX_NAME_BYTES = 1_000
DEFAULT_FORMAT = "Raw"


class ArtifactRequest(BaseModel):
    """The body of `POST /public/{projectKey}/jobs/{jobId}/artifacts`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    # a slash, or a character that no header can carry, has no place in the name of a file
    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=255,
            pattern=r"^[^/\x00-\x1f\x7f]+\z",
            description="text without a slash and without control characters",
        ),
        CARRIED,
    ]
    size: Annotated[StrictInt, Field(ge=0, le=MAX_SIZE), WHOLE]
    sha256: Annotated[str, Field(pattern=r"^[0-9A-Fa-f]{64}\z", description="64 hex digits")]
    format: (
        Annotated[
            str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}\z", description="1 to 64 letters, digits, `_`, `.` or `-`")
        ]
        | None
    ) = None
    attempt: Annotated[StrictInt, Field(ge=1, le=MAX_ATTEMPTS), WHOLE] | None = None

    @field_validator("name")
    @classmethod
    def _name_fits(cls, name: str) -> str:
        if len(name.encode()) > MAX_NAME_BYTES:
            raise ValueError(f"must be at most {MAX_NAME_BYTES} bytes")
        return name


def parse_artifact(body: str) -> NewArtifact:
    """Read which file a worker announces.

    Raises:
        InvalidRequest: the body is not JSON or not an object, or a field is out of bounds or unknown; it names which.
    """
    request = validated(ArtifactRequest, parse_object(body))
    return NewArtifact(
        request.name, request.size, request.sha256.lower(), request.format or DEFAULT_FORMAT, request.attempt
    )
