"""What artifacts need beside the usual ports: their rows, and signed addresses of their files."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from jobs.ports import Ports

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobs.outcomes import AppendOutcome


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


class ArtifactStore(Protocol):
    """The rows of a job's artifacts. A job has a fixed number of slots for them."""

    def list_artifacts(self, project_id: int, job_id: int) -> Mapping[int, Artifact]:
        """Read the artifacts of a job by their slots, strongly. Those of earlier attempts may be among them."""

    def put_artifact(self, slot: int, artifact: Artifact, over: Artifact | None) -> AppendOutcome:
        """Put an artifact into a slot that still holds `over`, while its attempt runs.

        The outcome is `OVERTAKEN` if the slot holds something else or the attempt does not run.
        """


class ArtifactFiles(Protocol):
    """Where the files are. Signing an address makes no call."""

    def sign_upload(self, artifact: Artifact) -> Address:
        """An address that takes exactly this file, once."""

    def sign_download(self, artifact: Artifact) -> Address:
        """An address that answers the file under its name."""


class ArtifactPorts(Ports, Protocol):
    """The world that artifacts live in."""

    @property
    def artifacts(self) -> ArtifactStore:
        """The rows."""

    @property
    def files(self) -> ArtifactFiles:
        """The files."""
