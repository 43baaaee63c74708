"""Which artifacts a job has to show: those that the completed attempt announced and named in its outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs import queries
from jobs.errors import ArtifactNotFound, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jobs.artifacts.model import Artifact
    from jobs.artifacts.ports import ArtifactPorts
    from jobs.model import Job


def resolve(ports: ArtifactPorts, job: Job, outputs: Sequence[Any]) -> list[Any]:
    """Put artifacts in the place of the outputs that name one. An unknown name stays what the worker reported.

    Outputs that name nothing cost no read.
    """
    known = _announced(ports, job) if any(_name_in(output) is not None for output in outputs) else {}
    return [known.get(_name_in(output) or "", output) for output in outputs]


def list_artifacts(ports: ArtifactPorts, job: Job) -> list[Artifact]:
    """List a job's artifacts in the order of its outputs, each once. A job that is not completed has none."""
    outputs = queries.get_outputs(ports, job)
    known = _announced(ports, job) if outputs else {}
    names = dict.fromkeys(_name_in(output) for output in outputs)
    return [known[name] for name in names if name is not None and name in known]


def find_artifact(ports: ArtifactPorts, job: Job, artifact_id: str) -> Artifact:
    """Find one of a job's artifacts.

    Raises:
        ArtifactNotFound: the job shows no such artifact.
    """
    for artifact in list_artifacts(ports, job):
        if artifact.artifact_id == artifact_id:
            return artifact
    raise ArtifactNotFound


def check_format(artifact: Artifact, wanted: str) -> None:
    """Check that an artifact has a format, in any case. An empty one asks for what there is.

    Raises:
        InvalidRequest: it has another.
    """
    if wanted and wanted.lower() != artifact.format.lower():
        raise InvalidRequest("format", f"must be {artifact.format}")


def _announced(ports: ArtifactPorts, job: Job) -> Mapping[str, Artifact]:
    """What the job's last attempt announced, by name."""
    rows = ports.artifacts.list_artifacts(job.project_id, job.job_id).values()
    return {artifact.name: artifact for artifact in rows if artifact.attempt == job.attempt}


def _name_in(output: Any) -> str | None:
    """The name in an output of the form `{"artifact": name}`; None if it has another form."""
    match output:
        case {"artifact": str(name), **others} if not others:
            return name
    return None
