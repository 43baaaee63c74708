"""Creating jobs: dense numbers, idempotency keys, one active deletion per user.

The algorithm is a conditional append (docs/decisions/0005): read the highest number strongly, put the next one where
it must be free. Only a number that is proven taken moves on; whatever proves nothing is tried again.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from jobs.errors import Busy, DeletionActive, EventSeen, IdempotencyKeyReused
from jobs.lifecycle.deletion import lock_digest
from jobs.model import (
    DELETE_USER_DATA,
    HOUR,
    SECOND,
    Change,
    DeletionLock,
    DueJob,
    IdempotencyRecord,
    Job,
    Status,
)
from jobs.ports import AppendOutcome, NewRow
from jobs.timing.dispatch import group

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jobs.model import NewJob, Project, SeenEvent
    from jobs.ports import Ports

#: How long a creator contends before it gives up with `Busy`. Not a count: that fails where many create at once.
DEADLINE = 5 * SECOND
#: The same for a batch of events, which can wait longer and must not be thrown back half done.
BATCH_DEADLINE = 20 * SECOND
#: DynamoDB's bounds of a transaction, and what a job's row and mark take of the second beside what the request holds:
#: both with room to spare.
MAX_ACTIONS = 100
MAX_TRANSACTION_BYTES = 3_500_000
ROW_BYTES = 2_000
MIN_WINDOW = 20
MAX_WINDOW = 400
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


class Request(NamedTuple):
    """What an event asks for, who asks, and the mark that it was taken."""

    new: NewJob
    by: str
    seen: SeenEvent


class _Place(NamedTuple):
    """A request of a batch: where it stands in it, and its creator's token."""

    position: int
    request: Request
    token: str


class Contention:
    """Waiting between the tries of a write that others want too: a random time, in a window that doubles."""

    def __init__(self, ports: Ports, patience: int) -> None:
        self._ports = ports
        self._deadline = ports.clock.now() + patience
        self._window = MIN_WINDOW

    def wait(self) -> None:
        """Wait before the next try.

        Raises:
            Busy: the patience, in milliseconds, is at its end.
        """
        if self._ports.clock.now() >= self._deadline:
            raise Busy
        self._ports.clock.sleep(self._window * self._ports.random())
        self._window = min(2 * self._window, MAX_WINDOW)


def create_job(  # noqa: PLR0913  # what is asked for, by whom, and the two ways to be asked twice
    ports: Ports,
    project: Project,
    new: NewJob,
    *,
    by: str,
    idempotency: IdempotencyKey | None = None,
    seen: SeenEvent | None = None,
) -> Creation:
    """Create a job under the project's next number, and hint that it is due if that is soon.

    Args:
        ports: the world.
        project: where; the caller has been let into it.
        new: what.
        by: the id of the caller's key or client.
        idempotency: where the caller may send the same again.
        seen: where an event asks, which may be delivered again.

    Raises:
        EventSeen: the event was taken before.
        IdempotencyKeyReused: the key was used for another body in the last 24 hours.
        DeletionActive: it is the deletion of a user of whom one is active.
        Busy: the number was contended for five seconds, or DynamoDB throttles; try again.
    """
    token = ports.token()
    contention = Contention(ports, DEADLINE)
    while True:
        if seen is not None and ports.store.is_seen(seen.digest, ports.clock.now()):
            raise EventSeen
        # The lock is read before the record: one transaction writes both, so a lock that names a job of this very
        # key finds the key's record there too, and a replay is answered before the rule is looked at.
        active, lock = look_at_lock(ports, project, new.action, new.reference_id)
        replayed = _find_replay(ports, project, idempotency)
        if replayed is not None:
            return Creation(replayed, replayed=True)
        if active is not None:
            raise DeletionActive(active)
        job = _numbered(ports, project, new, by, ports.store.highest_job_id(project, strong=True) + 1)
        record = idempotency and IdempotencyRecord(
            idempotency.digest, idempotency.body_digest, job.job_id, (job.created_at + REPLAY_WINDOW) // SECOND
        )
        moved = lock and replace(lock, job_id=job.job_id)
        outcome = ports.store.append(job, token, new.params, record, moved, seen)
        while outcome is AppendOutcome.UNCERTAIN:
            contention.wait()
            outcome = ports.store.append(job, token, new.params, record, moved, seen)
        if outcome is AppendOutcome.DONE:
            break
        contention.wait()
    _after_commit(ports, project, [job])
    return Creation(job)


def create_batch(ports: Ports, project: Project, requests: Sequence[Request]) -> list[Job | None]:
    """Create the jobs that events ask for, as many at once as one transaction holds.

    Only for requests without an idempotency key and without a rule of their own, which `create_job` looks at one by
    one.

    Returns:
        For each request its job, or None where its event was taken before.

    Raises:
        Busy: the numbers were contended for 20 seconds, or DynamoDB throttles. What was created until then stays, and
            is known by the events' marks when they are delivered again.
    """
    jobs: list[Job | None] = [None] * len(requests)
    waiting = deque(_Place(position, request, ports.token()) for position, request in enumerate(requests))
    contention = Contention(ports, BATCH_DEADLINE)
    while waiting:
        for position, job in _append_chunk(ports, project, _take_chunk(waiting), contention):
            jobs[position] = job
    return jobs


def _append_chunk(
    ports: Ports, project: Project, chunk: list[_Place], contention: Contention
) -> Iterable[tuple[int, Job]]:
    """Append the jobs of a chunk together, without those whose event turns out to have been taken."""
    while chunk:
        first = ports.store.highest_job_id(project, strong=True) + 1
        rows = [
            NewRow(
                _numbered(ports, project, place.request.new, place.request.by, number),
                place.token,
                place.request.new.params,
                place.request.seen,
            )
            for number, place in enumerate(chunk, first)
        ]
        result = ports.store.append_batch(rows)
        while result.outcome is AppendOutcome.UNCERTAIN:
            contention.wait()
            result = ports.store.append_batch(rows)
        if result.outcome is AppendOutcome.DONE:
            _after_commit(ports, project, [row.job for row in rows])
            return [(place.position, row.job) for place, row in zip(chunk, rows, strict=True)]
        if result.seen:
            chunk = [place for offset, place in enumerate(chunk) if offset not in result.seen]
        else:
            contention.wait()
    return []


def announce(ports: Ports, jobs: Iterable[DueJob]) -> None:
    """Put the hints that jobs are due, where that is soon; whoever sets a due time calls this after its commit.

    A hint that can not be sent is counted and left to the sweep: the job is committed, so the caller is not failed.
    """
    latest = ports.clock.now() + SELF_ENQUEUE
    refused = ports.queue.send(group(job for job in jobs if job.due_at <= latest))
    if refused:
        ports.meter.count("StartHintNotSent", sum(len(message.jobs) for message in refused))


def _take_chunk(waiting: deque[_Place]) -> list[_Place]:
    """Take from the front what fits one transaction: a row and a mark for each, and the parameters where given."""
    chunk: list[_Place] = []
    actions = size = 0
    while waiting:
        new = waiting[0].request.new
        actions += 3 if new.params else 2
        held = [new.action, new.description, new.reference_id, new.params, new.run]
        size += ROW_BYTES + len(json.dumps(held, ensure_ascii=False).encode())
        if chunk and (actions > MAX_ACTIONS or size > MAX_TRANSACTION_BYTES):
            break
        chunk.append(waiting.popleft())
    return chunk


def _numbered(ports: Ports, project: Project, new: NewJob, by: str, number: int) -> Job:
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
        run=new.run,
    )


def look_at_lock(
    ports: Ports, project: Project, action: str, reference_id: str
) -> tuple[Job | None, DeletionLock | None]:
    """The user's active deletion if there is one, and the lock as the next deletion leaves it (its job unset).

    Both are None for an action that is no deletion.
    """
    if action != DELETE_USER_DATA:
        return None, None
    digest = lock_digest(project, reference_id)
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


def _after_commit(ports: Ports, project: Project, jobs: Sequence[Job]) -> None:
    """What a crash here would leave undone is made good by others: the hint by the sweep, the block by any creator."""
    announce(ports, (DueJob(job.next_at, job.project_id, job.job_id) for job in jobs if job.next_at is not None))
    try:
        ports.store.note_block(project, jobs[-1].job_id)
    except Busy:
        ports.meter.count("BlockHintNotNoted")
