"""The files of jobs: as their workers announce them, as they are stored, and their signed addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class NewArtifact(NamedTuple):
    """A file as its worker announces it."""

    name: str
    #: In bytes.
    size: int
    #: 64 hexadecimal digits in lower case.
    sha256: str
    format: str
    #: None means the attempt that runs.
    attempt: int | None = None


class Artifact(NamedTuple):
    """An announced file of one attempt. Nothing of it ever changes."""

    project_id: int
    job_id: int
    attempt: int
    #: 24 hexadecimal digits.
    artifact_id: str
    name: str
    size: int
    sha256: str
    format: str


def files_of(project_id: int, job_id: int) -> str:
    """What the keys of a job's files begin with, and those of no other job."""
    return f"{project_id}/{job_id}/"


class Address(NamedTuple):
    """A signed address. Anybody who has it may make one kind of request with it until it expires."""

    url: str
    #: In milliseconds since the epoch.
    expires_at: int
    #: What the request must send, exactly.
    headers: Mapping[str, str]
