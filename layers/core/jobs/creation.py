"""Creating jobs: dense numbers, idempotency keys, one active deletion per user.

The algorithm is a conditional append (docs/decisions/0005): read the highest number strongly, put the next one where it must be
free. Only a number that is proven taken moves on; whatever proves nothing is tried again with the same number.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from jobs.deletion import lock_digest
from jobs.errors import Busy, DeletionActive, IdempotencyKeyReused, JobsError
from jobs.model import (
    DELETE_USER_DATA,
    HOUR,
    SECOND,
    Change,
    DeletionLock,
    DueJob,
    IdempotencyRecord,
    Job,
    StartMessage,
    Status,
)
from jobs.ports import Append

if TYPE_CHECKING:
    from jobs.model import NewJob, Project
    from jobs.ports import Ports

#: How long a creator contends before it gives up with `Busy`. Not a count: that fails where many create at once.
DEADLINE = 5 * SECOND
FIRST_WINDOW = 20
WIDEST_WINDOW = 400
#: Replays of an idempotency key are recognised this long.
REPLAY_WINDOW = 24 * HOUR
#: Whoever sets a due time within this puts the hint itself: a tick's horizon of 180 s and the minute between ticks.
SELF_ENQUEUE = 240 * SECOND


class IdempotencyKey(NamedTuple):
    """A caller's `Idempotency-Key` and the digest of the validated body it came with."""

    key: str
    body_digest: str

    @property
    def digest(self) -> str:
        """What the key is stored under: callers put anything into it, personal data too."""
        return hashlib.sha256(self.key.encode()).hexdigest()


class Creation(NamedTuple):
    """A job, and whether it was there already because its idempotency key was replayed."""

    job: Job
    replayed: bool = False


def create_job(
    ports: Ports, project: Project, new: NewJob, *, by: str, idempotency: IdempotencyKey | None = None
) -> Creation:
    """Create a job under the project's next number, and hint that it is due if that is soon.

    Args:
        ports: the world.
        project: where; the caller has been let into it.
        new: what.
        by: the id of the caller's key or client.
        idempotency: where the caller may send the same again.

    Raises:
        IdempotencyKeyReused: the key was used for another body in the last 24 hours.
        DeletionActive: it is the deletion of a user of whom one is active.
        Busy: the number was contended for five seconds, or DynamoDB throttles; try again.
    """
    token = ports.token()
    deadline = ports.clock.now() + DEADLINE
    window = FIRST_WINDOW
    while True:
        # The lock is read before the record: one transaction writes both, so a lock that names a job of this very
        # key finds the key's record there too, and a replay is answered before the rule is looked at.
        active, lock = _look_at_lock(ports, project, new)
        replayed = _find_replay(ports, project, idempotency)
        if replayed is not None:
            return Creation(replayed, replayed=True)
        if active is not None:
            raise DeletionActive(active)
        job = _number(ports, project, new, by)
        record = idempotency and IdempotencyRecord(
            idempotency.digest, idempotency.body_digest, job.job_id, (job.created_at + REPLAY_WINDOW) // SECOND
        )
        moved = lock and replace(lock, job_id=job.job_id)
        outcome = ports.store.append(job, token, new.params, record, moved)
        while outcome is Append.UNCERTAIN:
            window = _wait(ports, window, deadline)
            outcome = ports.store.append(job, token, new.params, record, moved)
        if outcome is Append.DONE:
            break
        window = _wait(ports, window, deadline)
    _after_commit(ports, project, job)
    return Creation(job)


def announce(ports: Ports, due: DueJob) -> None:
    """Put the hint that a job is due, if that is soon; whoever sets a due time calls this after its commit.

    A hint that can not be sent is counted and left to the sweep: the job is committed, so the caller is not failed.
    """
    if due.due_at - ports.clock.now() > SELF_ENQUEUE:
        return
    if ports.queue.send([StartMessage(due.project_id, ((due.job_id, due.due_at),))]):
        ports.meter.count("StartHintNotSent")


def _number(ports: Ports, project: Project, new: NewJob, by: str) -> Job:
    number = ports.store.highest_job_id(project, strong=True) + 1
    now = ports.clock.now()
    start_at = now if new.start_at is None else new.start_at
    return Job(
        project_id=project.project_id,
        job_id=number,
        action=new.action,
        description=new.description,
        reference_id=new.reference_id,
        status=Status.SCHEDULED,
        start_at=start_at,
        next_at=max(start_at, now),
        history=(Change(Status.SCHEDULED, now, by),),
        max_attempts=new.max_attempts,
        timeout_seconds=new.timeout_seconds,
        has_params=bool(new.params),
    )


def _look_at_lock(ports: Ports, project: Project, new: NewJob) -> tuple[Job | None, DeletionLock | None]:
    """The user's active deletion if there is one, and the lock as this creation would leave it (its job unset)."""
    if new.action != DELETE_USER_DATA:
        return None, None
    digest = lock_digest(project, new.reference_id)
    lock = ports.store.find_deletion_lock(project.project_id, digest)
    if lock is None:
        return None, DeletionLock(digest, 0, 1)
    latest = ports.store.get_job(project.project_id, lock.job_id)
    active = latest if latest is not None and latest.status.is_active else None
    return active, DeletionLock(digest, 0, lock.version + 1)


def _find_replay(ports: Ports, project: Project, idempotency: IdempotencyKey | None) -> Job | None:
    if idempotency is None:
        return None
    record = ports.store.find_idempotency_record(project.project_id, idempotency.digest, ports.clock.now())
    if record is None:
        return None
    if record.body_digest != idempotency.body_digest:
        raise IdempotencyKeyReused
    return ports.store.get_job(project.project_id, record.job_id)


def _wait(ports: Ports, window: int, deadline: int) -> int:
    """Wait a random time within the window and return the next window.

    Raises:
        Busy: the deadline has passed.
    """
    if ports.clock.now() >= deadline:
        raise Busy
    ports.clock.sleep(window * ports.random())
    return min(2 * window, WIDEST_WINDOW)


def _after_commit(ports: Ports, project: Project, job: Job) -> None:
    """What a crash here would leave undone is made good by others: the hint by the sweep, the block by any creator."""
    try:
        ports.store.note_block(project, job.job_id)
    except JobsError:
        ports.meter.count("BlockHintNotNoted")
    announce(ports, DueJob(job.start_at if job.next_at is None else job.next_at, job.project_id, job.job_id))
