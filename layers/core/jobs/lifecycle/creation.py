"""Creating jobs: dense numbers, idempotency keys, one active deletion per user.

The algorithm is a conditional append (decision 0005): read the highest number strongly, then put the next number on
the condition that it is free. Only proof that the number is taken moves on to another. Everything else is tried again.
"""

from __future__ import annotations

import json
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from jobs.errors import Busy, DeletionActive, EventSeen, IdempotencyKeyReused
from jobs.lifecycle.contention import BATCH_DEADLINE, DEADLINE, Contention
from jobs.lifecycle.deletion import lock_digest, look_at_lock, person_of
from jobs.lifecycle.limits import check_rate
from jobs.model import HOUR, SECOND, Change, DueJob, IdempotencyRecord, Job, Status
from jobs.outcomes import AppendOutcome, NewRow
from jobs.timing.hints import announce

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from jobs.model import NewJob, ScheduleMove, SeenEvent
    from jobs.ports import Ports
    from jobs.tenants import Project

#: DynamoDB's bounds of a transaction, with room to spare in bytes. A job's row and its mark take ROW_BYTES beside what
#: the request holds.
MAX_ACTIONS = 100
MAX_TRANSACTION_BYTES = 3_500_000
ROW_BYTES = 2_000
#: How long a repeated idempotency key is recognised.
REPLAY_WINDOW = 24 * HOUR


class IdempotencyKey(NamedTuple):
    """A caller's `Idempotency-Key`, and the digest of the body that it came with."""

    key: str
    body_digest: str

    def stored_in(self, project: Project, makes: str) -> tuple[str, str]:
        """What a project's table holds of the key and of the body: digests that nobody can guess without its secret.

        Callers put anything into a key, a person's address too. What the key `makes` is part of the digest, so that one
        key may make a job and a schedule.
        """
        return lock_digest(project, f"{makes} {self.key}"), lock_digest(project, self.body_digest)


class Creation(NamedTuple):
    """A job, and whether an earlier call with the same idempotency key made it."""

    job: Job
    replayed: bool = False


class Request(NamedTuple):
    """What an event or a schedule asks for, by whom, and what shows that it was taken: its mark, or its move."""

    new: NewJob
    by: str
    seen: SeenEvent | None = None
    moved: ScheduleMove | None = None


class _Place(NamedTuple):
    """A request of a batch: its position there, and its creator's token."""

    position: int
    request: Request
    token: str


def create_job(  # noqa: PLR0913  # what is asked for, by whom, and the two ways to be asked twice
    ports: Ports,
    project: Project,
    new: NewJob,
    *,
    by: str,
    idempotency: IdempotencyKey | None = None,
    seen: SeenEvent | None = None,
    fired: ScheduleMove | None = None,
) -> Creation:
    """Create a job under the project's next number, and send a hint if it is due soon.

    Args:
        ports: the world.
        project: where; the caller may use it.
        new: what.
        by: who asks, as `Change.by` names actors.
        idempotency: given if the caller may repeat the call.
        seen: given if an event asks, which may be delivered again. Events know no limit of creations, as they would
            end in the dead-letter queue.
        fired: given if a schedule asks, whose state moves with the job. Schedules know no such limit either.

    Raises:
        EventSeen: the event was taken before, or the schedule has moved.
        IdempotencyKeyReused: the key came with another body in the last 24 hours.
        DeletionActive: it would delete a user who has an active deletion.
        TooManyCreations: a caller asks, and the project's limit is reached.
        Busy: others contended for the number for five seconds, or DynamoDB throttles. Try again.
    """
    token = ports.token()
    contention = Contention(ports, DEADLINE)
    while True:
        if seen is not None and ports.jobs.is_seen(seen.digest, ports.clock.now()):
            raise EventSeen
        # The lock is read before the record, because one transaction writes both: if the lock names a job of this
        # very key, the record is there too. So a replay is answered before the rule is looked at.
        active, lock = look_at_lock(ports, project, new.action, new.reference_id)
        replayed = _find_replay(ports, project, idempotency)
        if replayed is not None:
            return Creation(replayed, replayed=True)
        if active is not None:
            raise DeletionActive(active)
        newest = ports.jobs.highest_job_id(project, strong=True)
        if seen is None and fired is None:
            check_rate(ports, project, newest)
        job = _numbered(ports, project, new, by, newest + 1)
        record = idempotency and IdempotencyRecord(
            *idempotency.stored_in(project, "job"), job.job_id, (job.created_at + REPLAY_WINDOW) // SECOND
        )
        person = person_of(project, new.reference_id)
        rows = [NewRow(job, token, new.params, seen, person, fired and fired._replace(job_id=job.job_id))]
        moved = lock and lock._replace(job_id=job.job_id)
        result = contention.settle(partial(ports.jobs.append, rows, record, moved))
        if result.outcome is AppendOutcome.DONE:
            break
        if result.seen:
            raise EventSeen
        contention.wait()
    _after_commit(ports, project, [job])
    return Creation(job)


def create_batch(
    ports: Ports, project: Project, requests: Sequence[Request], deadline: int = BATCH_DEADLINE
) -> list[Job | None]:
    """Create the jobs that events or schedules ask for, as many at once as one transaction holds.

    This is for requests without an idempotency key and without a rule of their own. `create_job` takes the others one
    by one.

    Returns:
        For each request its job, or None if its event was taken before, or its schedule has moved.

    Raises:
        Busy: others contended for the numbers for `deadline` milliseconds, or DynamoDB throttles. Jobs that were made
            until then stay, and are recognised at the next delivery.
    """
    jobs: list[Job | None] = [None] * len(requests)
    waiting = deque(_Place(position, request, ports.token()) for position, request in enumerate(requests))
    contention = Contention(ports, deadline)
    while waiting:
        for position, job in _append_chunk(ports, project, _take_chunk(project, waiting), contention):
            jobs[position] = job
    return jobs


def _append_chunk(
    ports: Ports, project: Project, chunk: list[_Place], contention: Contention
) -> Iterable[tuple[int, Job]]:
    """Append the jobs of a chunk together, without those whose event turns out to have been taken."""
    while chunk:
        first = ports.jobs.highest_job_id(project, strong=True) + 1
        rows = [_row(ports, project, request, token, number) for number, (_, request, token) in enumerate(chunk, first)]
        result = contention.settle(partial(ports.jobs.append, rows))
        if result.outcome is AppendOutcome.DONE:
            _after_commit(ports, project, [row.job for row in rows])
            return [(place.position, row.job) for place, row in zip(chunk, rows, strict=True)]
        if result.seen:
            chunk = [place for offset, place in enumerate(chunk) if offset not in result.seen]
        else:
            contention.wait()
    return []


def _row(ports: Ports, project: Project, request: Request, token: str, number: int) -> NewRow:
    job = _numbered(ports, project, request.new, request.by, number)
    moved = request.moved and request.moved._replace(job_id=number)
    return NewRow(job, token, request.new.params, request.seen, person_of(project, request.new.reference_id), moved)


def _take_chunk(project: Project, waiting: deque[_Place]) -> list[_Place]:
    """Take from the front what fits one transaction: a row and a mark for each, and parameters and person if any."""
    chunk: list[_Place] = []
    actions = size = 0
    while waiting:
        new = waiting[0].request.new
        actions += 2 + bool(new.params) + bool(person_of(project, new.reference_id))
        size += ROW_BYTES + len(json.dumps(new._asdict(), ensure_ascii=False).encode())
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
        made_by=new.made_by,
    )


def _find_replay(ports: Ports, project: Project, idempotency: IdempotencyKey | None) -> Job | None:
    if idempotency is None:
        return None
    key_digest, body_digest = idempotency.stored_in(project, "job")
    record = ports.jobs.find_idempotency_record(project.project_id, key_digest, ports.clock.now())
    if record is None:
        return None
    if record.body_digest != body_digest:
        raise IdempotencyKeyReused
    return ports.jobs.get_job(project.project_id, record.job_id)


def _after_commit(ports: Ports, project: Project, jobs: Sequence[Job]) -> None:
    """Send hints and note the block. After a crash here the sweep sends the hints, and any creator notes the block."""
    announce(ports, (DueJob(job.next_at, job.project_id, job.job_id) for job in jobs if job.next_at is not None))
    try:
        ports.jobs.note_block(project, jobs[-1].job_id)
    except Busy:
        ports.meter.count("BlockHintNotNoted")
