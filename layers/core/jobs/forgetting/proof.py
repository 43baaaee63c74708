"""What the service can still say of a user who was deleted, to a caller who knows the user's id."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from jobs.forgetting.redacting import deleted_in
from jobs.lifecycle.deletion import check_user_id, lock_digest
from jobs.model import DELETE_USER_DATA, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.forgetting.ports import ForgettingPorts
    from jobs.model import Job
    from jobs.tenants import Project

#: Rows of a user that one call reads.
MAX_ROWS = 1_000


class Erasure(NamedTuple):
    """A deletion of the user, and how many object versions it has deleted; None if it has not said so."""

    job: Job
    deleted: int | None


class Proof(NamedTuple):
    """The deletions of a user, oldest first, and how many other jobs still hold the user's id; None if nobody knows."""

    erasures: Sequence[Erasure]
    remaining: int | None


def prove(ports: ForgettingPorts, project: Project, user_id: str) -> Proof:
    """Find the deletions of a user. A project that keeps everything knows the latest alone.

    Raises:
        InvalidRequest: the id is blank, over 256 characters, or holds characters that SQS does not carry.
    """
    check_user_id(user_id)
    person = lock_digest(project, user_id)
    known = ports.forgetting.list_references(project.project_id, person, 0, MAX_ROWS)
    deleted = {row.job_id: row.deleted for row in known if row.is_deletion}
    lock = ports.jobs.find_deletion_lock(project.project_id, person)
    if lock is not None:
        deleted.setdefault(lock.job_id, None)
    found = (ports.jobs.get_job(project.project_id, number) for number in sorted(deleted))
    erasures = [
        Erasure(job, _deleted_by(ports, job, deleted[job.job_id]))
        for job in found
        if job is not None and job.action == DELETE_USER_DATA
    ]
    counted = project.retention.is_on and not ports.forgetting.has_walk(project.project_id)
    return Proof(erasures, sum(not row.is_deletion for row in known) if counted else None)


def _deleted_by(ports: ForgettingPorts, job: Job, kept: int | None) -> int | None:
    if kept is not None or job.status is not Status.COMPLETED or job.outputs_token is None:
        return kept
    return sum(map(deleted_in, ports.payload.get_outputs(job)))
