"""What artifacts need beside the usual ports: their rows, and signed addresses of their files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from jobs.ports import Ports

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobs.artifacts.model import Address, Artifact
    from jobs.outcomes import AppendOutcome


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
