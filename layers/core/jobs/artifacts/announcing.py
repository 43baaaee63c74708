"""Announcing a file: a running attempt gets an address to put it."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from jobs import queries
from jobs.artifacts.model import Artifact
from jobs.errors import ArtifactRefused
from jobs.lifecycle.contention import DEADLINE, Contention
from jobs.model import Status
from jobs.outcomes import AppendOutcome, AppendResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobs.artifacts.model import Address, NewArtifact
    from jobs.artifacts.ports import ArtifactPorts
    from jobs.model import Job
    from jobs.tenants import Project

#: Artifacts of one job, and so of one attempt.
MAX_ARTIFACTS = 20
#: Hexadecimal digits of an artifact's id, as Alteryx' own ids have.
ID_DIGITS = 24


class Announced(NamedTuple):
    """An artifact and where its file is to be put."""

    artifact: Artifact
    upload: Address


def announce(ports: ArtifactPorts, project: Project, job_id: int, new: NewArtifact) -> Announced:
    """Announce a file of the running attempt. The newest file of a name counts.

    A job has 20 slots. An announcement takes the slot of its name, otherwise the lowest one that is free or holds what
    an earlier attempt announced. One write puts it there, if the slot is as it was seen and the attempt runs. So two
    announcements at once never make 21, and never two of one name: both want the same slot.

    Raises:
        JobNotFound: the project has no such job.
        ArtifactRefused: the attempt does not run, or has 20 files of other names.
        Busy: too many announced at once, or DynamoDB throttles. Try again.
    """
    artifact_id = hashlib.sha256(ports.token().encode()).hexdigest()[:ID_DIGITS]
    contention = Contention(ports, DEADLINE)
    attempt = new.attempt
    while True:
        attempt = _running(queries.get_job(ports, project, job_id), attempt)
        key = (project.project_id, job_id)
        taken = ports.artifacts.list_artifacts(*key)
        artifact = Artifact(*key, attempt, artifact_id, new.name, new.size, new.sha256, new.format)
        slot = _slot(taken, artifact)
        result = contention.settle(partial(_put, ports, slot, artifact, taken.get(slot)))
        if result.outcome is AppendOutcome.DONE:
            return Announced(artifact, ports.files.sign_upload(artifact))
        contention.wait()


def _put(ports: ArtifactPorts, slot: int, artifact: Artifact, over: Artifact | None) -> AppendResult:
    return AppendResult(ports.artifacts.put_artifact(slot, artifact, over))


def _running(job: Job, attempt: int | None) -> int:
    """The attempt that runs, which is the one that the worker means."""
    if job.status is not Status.RUNNING:
        raise ArtifactRefused(f"the job is {job.status}: only a running attempt takes artifacts")
    if attempt not in {None, job.attempt}:
        raise ArtifactRefused(f"attempt {attempt} does not run: attempt {job.attempt} does")
    return job.attempt


def _slot(taken: Mapping[int, Artifact], artifact: Artifact) -> int:
    """The slot for an artifact."""
    current = {slot: held for slot, held in taken.items() if held.attempt == artifact.attempt}
    of_its_name = (slot for slot, held in current.items() if held.name == artifact.name)
    free = (slot for slot in range(MAX_ARTIFACTS) if slot not in current)
    slot = next(of_its_name, next(free, None))
    if slot is None:
        raise ArtifactRefused(f"the attempt has {MAX_ARTIFACTS} artifacts, as many as it may have")
    return slot
