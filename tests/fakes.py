"""The world in memory. The contract suite compares the store with the real one on two emulators."""

from __future__ import annotations

import zlib
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING, Any

from jobs import errors
from jobs.artifacts.model import Address
from jobs.erasure.ports import ObjectVersion, VersionPage
from jobs.forgetting.ports import PayloadRows, Reference, RetentionWalk
from jobs.lifecycle.text import summary
from jobs.model import (
    BY_SERVICE,
    DELETE_USER_DATA,
    Change,
    DeletionLock,
    DueJob,
    DueSchedule,
    FireHint,
    IdempotencyRecord,
    Job,
    ListedJob,
    StartHint,
    Status,
)
from jobs.outcomes import (
    AppendOutcome,
    AppendResult,
    MessagePage,
    ReportOutcome,
    StartOutcome,
    SweepCursor,
    Watermark,
)
from jobs.schedules.ports import MAX_SCHEDULES
from jobs.tenants import UNREGISTERED, AuditEntry, Closing, Credential, Organisation, Project, Workflow

from tests.builders import NOW, a_client_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from jobs.artifacts.model import Artifact
    from jobs.model import Due, Event, Hint, JobKey, Message, ScheduleMove, SeenEvent
    from jobs.outcomes import Attempt, Failure, NewRow, Stamp
    from jobs.ports import Parallel
    from jobs.schedules.ports import Schedule, ScheduleRecord
    from jobs.tenants import AccessToken, Client, ListOrder, Registration, Retention, Right, Role, User

BLOCK = 1_000
#: Who makes the changes of tests.
BY = "tester"


class FakeClock:
    """Time that passes only by `sleep`."""

    def __init__(self, now: int = NOW) -> None:
        self.time = float(now)
        self.slept: list[float] = []

    def now(self) -> int:
        return int(self.time)

    def sleep(self, milliseconds: float) -> None:
        self.slept.append(milliseconds)
        self.time += milliseconds


class FakeMeter:
    """Remembers what was counted."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.durations: dict[str, list[float]] = {}
        self.failures: list[str] = []

    def count(self, name: str, value: float = 1) -> None:
        self.counts[name] += int(value)

    def milliseconds(self, name: str, value: float) -> None:
        self.durations.setdefault(name, []).append(value)

    def failed(self, call: str, error: Exception) -> None:
        self.failures.append(call)


class FakeQueue:
    """Keeps what was sent. Refuses what a test names."""

    def __init__(self) -> None:
        self.messages: list[StartHint] = []
        self.fires: list[FireHint] = []
        self.refuses: set[int] = set()
        self.visible = 0

    def send(self, messages: Iterable[Hint]) -> Sequence[Hint]:
        refused: list[Hint] = []
        for message in messages:
            if isinstance(message, FireHint):
                self.fires.append(message)
            elif self.refuses & {job_id for job_id, _ in message.jobs}:
                refused.append(message)
            else:
                self.messages.append(message)
        return refused

    def backlog(self) -> int:
        return self.visible

    @property
    def job_ids(self) -> list[int]:
        return [job_id for message in self.messages for job_id, _ in message.jobs]


class FakeBus:
    """Keeps what was put. Refuses the detail types that a test names."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.refuses: set[str] = set()

    def put(self, events: Sequence[Event]) -> Sequence[Event]:
        self.events += [event for event in events if event.detail_type not in self.refuses]
        return [event for event in events if event.detail_type in self.refuses]


class FakeFiles:
    """`ArtifactFiles` in memory."""

    def sign_upload(self, artifact: Artifact) -> Address:
        return Address(
            f"https://files/{artifact.artifact_id}?put", NOW + 900_000, {"Content-Length": f"{artifact.size}"}
        )

    def sign_download(self, artifact: Artifact) -> Address:
        return Address(f"https://files/{artifact.artifact_id}?get", NOW + 300_000, {})


class FakeWorkerQueue:
    """Keeps what was sent, unless a test has it refuse that."""

    def __init__(self) -> None:
        self.bodies: list[str] = []
        self.refuses = False

    def send(self, body: str) -> bool:
        if not self.refuses:
            self.bodies.append(body)
        return not self.refuses


class FakeSessions:
    """`SessionStore` in memory: the versions of each key, the newest first."""

    def __init__(self) -> None:
        self.versions: dict[ObjectVersion, None] = {}
        self._numbers = count()
        #: The codes with which deletions are refused, by key.
        self.refuses: dict[str, str] = {}
        self.batches: list[int] = []
        #: Called after each batch with its number.
        self.after_batch: Callable[[int], None] = lambda _: None
        self.closed: Exception | None = None

    def put(self, key: str, versions: int = 1) -> None:
        for _ in range(versions):
            self.versions[ObjectVersion(key, f"v{next(self._numbers):06}")] = None

    @property
    def keys(self) -> set[str]:
        return {version.key for version in self.versions}

    def _under(self, prefix: str) -> list[ObjectVersion]:
        if self.closed:
            raise self.closed
        newest_first = sorted(self.versions, key=lambda version: version.version_id, reverse=True)
        return sorted((v for v in newest_first if v.key.startswith(prefix)), key=lambda version: version.key.encode())

    def list_versions(self, prefix: str, after: ObjectVersion | None, limit: int) -> VersionPage:
        found = self._under(prefix)
        if after is not None:
            found = found[found.index(after) + 1 :]  # S3 promises nothing about a marker that is gone
        return VersionPage(found[:limit], len(found) > limit)

    def count_versions(self, prefix: str, at_most: int) -> int:
        return min(len(self._under(prefix)), at_most)

    def delete(self, versions: Sequence[ObjectVersion]) -> list[tuple[ObjectVersion, str]]:
        refused = [(version, self.refuses[version.key]) for version in versions if version.key in self.refuses]
        for version in versions:
            if version.key not in self.refuses:
                self.versions.pop(version, None)  # S3 reports a version that is gone as deleted
        self.batches.append(len(versions))
        self.after_batch(len(self.batches))
        return refused


def listed(job: Job) -> ListedJob:
    """What a list shows of a job."""
    return ListedJob(**{name: getattr(job, name) for name in ListedJob._fields})


@dataclass
class FakeStore:
    """`JobStore` in memory, one dictionary per kind of row."""

    shards: int = 32
    jobs: dict[tuple[int, int], Job] = field(default_factory=dict)
    tokens: dict[tuple[int, int], str] = field(default_factory=dict)
    params: dict[tuple[int, int], Mapping[str, Any]] = field(default_factory=dict)
    records: dict[tuple[int, str], IdempotencyRecord] = field(default_factory=dict)
    locks: dict[tuple[int, str], DeletionLock] = field(default_factory=dict)
    seen: dict[str, SeenEvent] = field(default_factory=dict)
    outputs: dict[str, list[Any]] = field(default_factory=dict)
    outputs_of: dict[str, tuple[int, int]] = field(default_factory=dict)
    #: By project, job and token.
    evidence: dict[tuple[int, int, str], list[str]] = field(default_factory=dict)
    messages: dict[tuple[int, int, str], Message] = field(default_factory=dict)
    finish_tokens: dict[tuple[int, int], str] = field(default_factory=dict)
    retry_tokens: dict[tuple[int, int], str] = field(default_factory=dict)
    blocks: dict[int, int] = field(default_factory=dict)
    watermarks: dict[int, Due] = field(default_factory=dict)
    cursor: SweepCursor = field(default_factory=lambda: SweepCursor(0, None))
    slots: dict[tuple[int, int, int], Artifact] = field(default_factory=dict)
    schedules: dict[tuple[int, str], Schedule] = field(default_factory=dict)
    schedule_records: dict[tuple[int, str], ScheduleRecord] = field(default_factory=dict)
    references: dict[tuple[int, str, int], Reference] = field(default_factory=dict)
    walks: dict[int, RetentionWalk] = field(default_factory=dict)

    def get_job(self, project_id: int, job_id: int, *, strong: bool = True) -> Job | None:
        return self.jobs.get((project_id, job_id))

    def get_params(self, project_id: int, job_id: int) -> Mapping[str, Any]:
        return self.params.get((project_id, job_id), {})

    def list_jobs(self, project_id: int, first: int, last: int) -> list[Job]:
        return [job for (of, number), job in sorted(self.jobs.items()) if of == project_id and first <= number <= last]

    def walk_jobs(self, project_id: int, first: int, last: int, *, newest_first: bool = False) -> Iterator[Job]:
        found = self.list_jobs(project_id, first, last)
        return iter(found[::-1] if newest_first else found)

    def walk_listed(self, project_id: int, first: int, last: int, *, newest_first: bool = False) -> Iterator[ListedJob]:
        return map(listed, self.walk_jobs(project_id, first, last, newest_first=newest_first))

    def highest_job_id(self, project: Project, *, strong: bool) -> int:
        return max((number for of, number in self.jobs if of == project.project_id), default=0)

    def append(
        self, rows: Sequence[NewRow], record: IdempotencyRecord | None = None, lock: DeletionLock | None = None
    ) -> AppendResult:
        marks = [row.seen for row in rows if row.seen is not None]
        if len({mark.digest for mark in marks}) < len(marks):
            raise a_client_error("ValidationException", "multiple operations on one item")
        job = rows[0].job
        seen = frozenset(
            place
            for place, row in enumerate(rows)
            if (row.seen is not None and self.is_seen(row.seen.digest, row.job.created_at))
            or (row.moved is not None and not self._may_move(row.moved))
        )
        keys = [(row.job.project_id, row.job.job_id) for row in rows]
        if any(key in self.jobs for key in keys):
            own = any(self.tokens.get(key) == row.token for key, row in zip(keys, rows, strict=True))
            return AppendResult(AppendOutcome.DONE if own else AppendOutcome.NUMBER_TAKEN, seen)
        overtaken = record is not None and self.find_idempotency_record(
            job.project_id, record.key_digest, job.created_at
        )
        if seen or overtaken or (lock is not None and self._has_moved(job.project_id, lock)):
            return AppendResult(AppendOutcome.OVERTAKEN, seen)
        if record is not None:
            self.records[job.project_id, record.key_digest] = record
        if lock is not None:
            self.locks[job.project_id, lock.digest] = lock
        for key, row in zip(keys, rows, strict=True):
            self._put_row(key, row)
        return AppendResult(AppendOutcome.DONE)

    def _put_row(self, key: tuple[int, int], row: NewRow) -> None:
        self.jobs[key], self.tokens[key] = row.job, row.token
        if row.person:
            is_deletion = row.job.action == DELETE_USER_DATA
            self.references[key[0], row.person, key[1]] = Reference(key[1], is_deletion)
        if row.params:
            self.params[key] = row.params
        if row.seen is not None:
            self.seen[row.seen.digest] = row.seen
        if row.moved is not None:
            self.move_schedule(row.moved)

    def add_schedule(self, schedule: Schedule, record: ScheduleRecord | None, seen: SeenEvent | None = None) -> bool:
        of = schedule.project_id
        held = self.schedules.get((of, schedule.schedule_id))
        if held is not None:
            if _as_set(held) != _as_set(schedule):
                raise errors.Busy
            return True
        if seen is not None and self.is_seen(seen.digest, schedule.created_at):
            raise errors.EventSeen
        if sum(project_id == of for project_id, _ in self.schedules) >= MAX_SCHEDULES:
            raise errors.TooManySchedules(MAX_SCHEDULES)
        if record is not None:
            if self.find_schedule_record(of, record.key_digest, schedule.created_at):
                return False
            self.schedule_records[of, record.key_digest] = record
        if seen is not None:
            self.seen[seen.digest] = seen
        self.schedules[of, schedule.schedule_id] = schedule
        return True

    def find_schedule_record(self, project_id: int, key_digest: str, now: int) -> ScheduleRecord | None:
        record = self.schedule_records.get((project_id, key_digest))
        return record if record is not None and record.expires > now // 1000 else None

    def get_schedules(
        self, project_id: int, schedule_ids: Sequence[str], *, strong: bool = True
    ) -> Mapping[str, Schedule]:
        return {of: self.schedules[project_id, of] for of in schedule_ids if (project_id, of) in self.schedules}

    def list_schedule_ids(self, project_id: int) -> Sequence[str]:
        return sorted(schedule_id for of, schedule_id in self.schedules if of == project_id)

    def replace_schedule(self, seen: Schedule, changed: Schedule) -> bool:
        key = (seen.project_id, seen.schedule_id)
        held = self.schedules.get(key)
        if held is None or held.version != seen.version:
            return held is not None and _as_set(held) == _as_set(changed)
        if held.state.next_at != seen.state.next_at:
            return False
        state = held.state._replace(next_at=changed.state.next_at)
        self.schedules[key] = changed._replace(state=state)
        return True

    def remove_schedule(self, seen: Schedule) -> bool:
        held = self.schedules.get((seen.project_id, seen.schedule_id))
        if held is not None and (held.version, held.state.next_at) != (seen.version, seen.state.next_at):
            return False
        self.schedules.pop((seen.project_id, seen.schedule_id), None)
        return True

    def set_next_at(self, seen: Schedule, next_at: int | None) -> bool:
        key = (seen.project_id, seen.schedule_id)
        held = self.schedules.get(key)
        if held is None or held.version != seen.version:
            return False
        if held.state.next_at != seen.state.next_at:
            return held.state.next_at == next_at
        self.schedules[key] = held._replace(state=held.state._replace(next_at=next_at))
        return True

    def _may_move(self, move: ScheduleMove) -> bool:
        held = self.schedules.get((move.project_id, move.schedule_id))
        if held is None or move.seen is None:
            return held is not None
        return (held.version, held.state.next_at) == (move.version, move.seen)

    def move_schedule(self, move: ScheduleMove) -> bool:
        if not self._may_move(move):
            return False
        key = (move.project_id, move.schedule_id)
        held = self.schedules[key]
        made = {} if move.job_id is None else {"last_at": move.at, "last_job_id": move.job_id}
        on = {} if move.seen is None else {"next_at": move.next_at}
        state = held.state._replace(
            run_count=held.state.run_count + len(made) // 2,
            missed_count=held.state.missed_count + move.missed,
            skipped_count=held.state.skipped_count + move.skipped,
            **made,
            **on,
        )
        self.schedules[key] = held._replace(state=state)
        return True

    def _has_moved(self, project_id: int, lock: DeletionLock) -> bool:
        held = self.locks.get((project_id, lock.digest))
        return (held.version if held else 0) != lock.version - 1

    def mark_seen(self, seen: SeenEvent, now: int) -> None:
        if not self.is_seen(seen.digest, now):
            self.seen[seen.digest] = seen

    def is_seen(self, digest: str, now: int) -> bool:
        seen = self.seen.get(digest)
        return seen is not None and seen.expires > now // 1000

    def note_block(self, project: Project, job_id: int) -> None:
        block = (job_id - 1) // BLOCK
        self.blocks[project.project_id] = max(block, self.blocks.get(project.project_id, 0))

    def find_idempotency_record(self, project_id: int, key_digest: str, now: int) -> IdempotencyRecord | None:
        record = self.records.get((project_id, key_digest))
        return record if record is not None and record.expires > now // 1000 else None

    def find_deletion_lock(self, project_id: int, digest: str) -> DeletionLock | None:
        return self.locks.get((project_id, digest))

    def start_jobs(self, jobs: Sequence[JobKey], now: int) -> list[StartOutcome]:
        if len(set(jobs)) < len(jobs):
            raise a_client_error("ValidationException", "multiple operations on one item")
        return [self._start(key, now) for key in jobs]

    def _start(self, key: JobKey, now: int) -> StartOutcome:
        job = self.jobs.get(key)
        if job is None or job.status is not Status.SCHEDULED:
            return StartOutcome.NOT_SCHEDULED
        if job.next_at is None or job.next_at > now:
            return StartOutcome.NOT_DUE
        next_at = now + job.timeout_seconds * 1000
        self._change(job, Status.RUNNING, now, BY_SERVICE, next_at=next_at, errors=None)
        return StartOutcome.STARTED

    def cancel_job(self, project_id: int, job_id: int, now: int, by: str, forget_at: int | None = None) -> Job:
        job = self.jobs.get((project_id, job_id))
        if job is None:
            raise errors.JobNotFound
        if not job.status.is_active:
            raise errors.JobNotCancellable(job)
        return self._change(job, Status.CANCELLED, now, by, next_at=forget_at, errors=None, progress_at=None)

    def move_job(self, job: JobKey, start_at: int, due_at: int, by: str) -> Job:
        found = self.jobs.get(job)
        if found is None:
            raise errors.JobNotFound
        if found.status is not Status.SCHEDULED or found.attempt != 1:
            raise errors.JobNotMovable(found)
        moved = found._replace(start_at=start_at, next_at=due_at, moves=found.moves + 1, moved_by=by)
        self.jobs[job] = moved
        return moved

    def complete_job(self, attempt: Attempt, stamp: Stamp, outputs: Sequence[Any]) -> ReportOutcome:
        if outputs:
            self.outputs[stamp.token] = list(outputs)
            self.outputs_of[stamp.token] = attempt[:2]
        token = stamp.token if outputs else None
        return self._end(
            attempt, stamp, Status.COMPLETED, next_at=stamp.forget_at, progress=100, outputs_token=token, errors=None
        )

    def fail_job(self, attempt: Attempt, stamp: Stamp, failure: Failure) -> ReportOutcome:
        evidence = self._put_evidence(attempt, stamp, failure.errors)
        job = self.jobs.get(attempt[:2])
        if (
            job is not None
            and self._refusal(attempt, job) is None
            and ((job.attempt < job.max_attempts and failure.retryable) or self._lives(job, stamp, failure))
        ):
            return ReportOutcome.REFUSED
        errors = tuple(failure.errors)
        return self._end(attempt, stamp, Status.FAILED, evidence, next_at=stamp.forget_at, errors=errors)

    def back_off_job(self, attempt: Attempt, stamp: Stamp, due: int, failure: Failure) -> ReportOutcome:
        evidence = self._put_evidence(attempt, stamp, failure.errors)
        job = self.jobs.get(attempt[:2])
        if (
            job is not None
            and self._refusal(attempt, job) is None
            and (job.attempt >= job.max_attempts or self._lives(job, stamp, failure))
        ):
            return ReportOutcome.REFUSED
        errors = (summary(failure.errors),)
        following = attempt.number + 1
        return self._end(
            attempt, stamp, Status.SCHEDULED, evidence, next_at=due, progress=None, attempt=following, errors=errors
        )

    @staticmethod
    def _lives(job: Job, stamp: Stamp, failure: Failure) -> bool:
        return failure.lost and (job.next_at or 0) > stamp.at

    def _put_evidence(self, attempt: Attempt, stamp: Stamp, errors: Sequence[str]) -> str | None:
        if not errors:
            return None
        self.evidence[*attempt[:2], stamp.token] = list(errors)
        return stamp.token

    def note_progress(self, attempt: Attempt, progress: int, at: int, timeout_at: int | None) -> ReportOutcome:
        job = self.jobs.get(attempt[:2])
        refusal = self._refusal(attempt, job)
        if job is None or refusal is not None:
            return refusal or ReportOutcome.UNKNOWN
        moved_to = job.next_at if timeout_at is None else timeout_at
        if (moved_to or 0) < (job.next_at or 0) or (job.progress is not None and progress < job.progress):
            return ReportOutcome.REFUSED
        self.jobs[attempt[:2]] = job._replace(progress=progress, progress_at=at, next_at=moved_to)
        return ReportOutcome.APPLIED

    def retry_job(self, seen: Job, retried: Job, token: str, lock: DeletionLock | None) -> AppendOutcome:
        key = (seen.project_id, seen.job_id)
        if self.retry_tokens.get(key) == token:
            return AppendOutcome.DONE
        job = self.jobs[key]
        if (job.status, job.attempt) != (seen.status, seen.attempt) or job.forgotten:
            return AppendOutcome.OVERTAKEN
        if lock is not None:
            if self._has_moved(seen.project_id, lock):
                return AppendOutcome.OVERTAKEN
            self.locks[seen.project_id, lock.digest] = lock
        self.jobs[key], self.retry_tokens[key] = retried, token
        return AppendOutcome.DONE

    def get_outputs(self, job: Job) -> list[Any]:
        return self.outputs.get(job.outputs_token, []) if job.outputs_token is not None else []

    def get_evidence(self, job: Job) -> Mapping[str, Sequence[str]]:
        keys = [(job.project_id, job.job_id, change.evidence or "") for change in job.history]
        return {key[2]: self.evidence[key] for key in keys if key in self.evidence}

    def add_message(self, project_id: int, job_id: int, message: Message, seen: SeenEvent) -> bool:
        if self.is_seen(seen.digest, message.at):
            return False
        self.seen[seen.digest] = seen
        self.messages[project_id, job_id, f"{message.at:013d}#{seen.digest[:16]}"] = message
        return True

    def list_messages(
        self, project_id: int, job_id: int, after: str | None, limit: int, *, newest_first: bool = False
    ) -> MessagePage:
        found = sorted(
            (
                (place, message)
                for (project, job, place), message in self.messages.items()
                if (project, job) == (project_id, job_id)
                and (after is None or (place < after if newest_first else place > after))
            ),
            reverse=newest_first,
        )
        page = found[:limit]
        places = [place for place, _ in page]
        return MessagePage([message for _, message in page], places[-1] if len(page) == limit else None, places)

    def list_artifacts(self, project_id: int, job_id: int) -> Mapping[int, Artifact]:
        return {slot: held for (*key, slot), held in sorted(self.slots.items()) if key == [project_id, job_id]}

    def put_artifact(self, slot: int, artifact: Artifact, over: Artifact | None) -> AppendOutcome:
        key = (artifact.project_id, artifact.job_id)
        held = self.slots.get((*key, slot))
        if held is not None and held.artifact_id == artifact.artifact_id:
            return AppendOutcome.DONE
        job = self.jobs.get(key)
        runs = job is not None and (job.status, job.attempt) == (Status.RUNNING, artifact.attempt)
        if not runs or (held and held.artifact_id) != (over and over.artifact_id):
            return AppendOutcome.OVERTAKEN
        self.slots[*key, slot] = artifact
        return AppendOutcome.DONE

    def walk_workflow(
        self, project_id: int, workflow_id: str, *, newest_first: bool, at_once: int = 100
    ) -> Iterator[Job]:
        numbers = sorted((number for of, number in self.jobs if of == project_id), reverse=newest_first)
        jobs = (self.jobs[project_id, number] for number in numbers)
        return (job for job in jobs if workflow_id and job.run.workflow_id == workflow_id)

    def list_lost(self, shard: int, now: int, limit: int) -> list[DueJob]:
        lost = sorted(
            DueJob(job.timeout_at, *key)
            for key, job in self.jobs.items()
            if job.timeout_at is not None and job.timeout_at <= now and self._shard(*key) == shard
        )
        return lost[:limit]

    def list_forgettable(self, shard: int, now: int, limit: int) -> list[DueJob]:
        due = sorted(
            DueJob(job.forget_at, *key)
            for key, job in self.jobs.items()
            if job.forget_at is not None and job.forget_at <= now and self._shard(*key) == shard
        )
        return due[:limit]

    def list_payload(self, project_id: int, job_id: int, limit: int) -> PayloadRows:
        of = (project_id, job_id)
        names = [f"artifact#{slot:02d}" for *key, slot in self.slots if (*key,) == of]
        files = len(names)
        names += [f"evidence#{token}" for *key, token in self.evidence if (*key,) == of]
        names += [place for *key, place in self.messages if (*key,) == of]
        names += [f"outputs#{token}" for token, key in self.outputs_of.items() if key == of]
        names += ["params"] if of in self.params else []
        return PayloadRows(tuple(names[:limit]), bool(files))

    def delete_payload(self, project_id: int, job_id: int, names: Sequence[str]) -> None:
        for name in names:
            kind, _, rest = name.partition("#")
            match kind:
                case "artifact":
                    self.slots.pop((project_id, job_id, int(rest)), None)
                case "evidence":
                    self.evidence.pop((project_id, job_id, rest), None)
                case "outputs":
                    self.outputs.pop(rest, None)
                    self.outputs_of.pop(rest, None)
                case "params":
                    self.params.pop((project_id, job_id), None)
                case _:
                    self.messages.pop((project_id, job_id, name), None)

    def list_references(self, project_id: int, person: str, after: int, limit: int) -> list[Reference]:
        found = [row for (*of, number), row in sorted(self.references.items()) if of == [project_id, person]]
        return [row for row in found if row.job_id > after][:limit]

    def list_walks(self) -> list[RetentionWalk]:
        return [walk for _, walk in sorted(self.walks.items())]

    def has_walk(self, project_id: int) -> bool:
        return project_id in self.walks

    def move_walk(self, walk: RetentionWalk, onward: int | None) -> bool:
        held = self.walks.get(walk.project_id)
        if held != walk:
            return onward is not None and held == walk._replace(next=onward)
        if onward is None:
            del self.walks[walk.project_id]
        else:
            self.walks[walk.project_id] = walk._replace(next=onward)
        return True

    def enter_job(self, seen: Job, due: int | None, person: str) -> bool:
        if not self.forget_job(seen, seen._replace(next_at=due)):
            return False
        if person:
            key = (seen.project_id, person, seen.job_id)
            self.references.setdefault(key, Reference(seen.job_id, seen.action == DELETE_USER_DATA))
        return True

    def note_deleted(self, project_id: int, person: str, job_id: int, count: int) -> None:
        key = (project_id, person, job_id)
        if key not in self.references or self.references[key].deleted is None:
            self.references[key] = Reference(job_id, is_deletion=True, deleted=count)

    def forget_job(self, seen: Job, left: Job, person: str = "") -> bool:
        key = (seen.project_id, seen.job_id)
        job = self.jobs.get(key)
        if job is None or _as_forgetting_sees(job) != _as_forgetting_sees(seen):
            return job == left
        self.jobs[key] = left
        self.references.pop((*key[:1], person, key[1]), None)
        return True

    def _refusal(self, attempt: Attempt, job: Job | None) -> ReportOutcome | None:
        return attempt.refusal(job)

    def _end(self, of: Attempt, stamp: Stamp, to: Status, evidence: str | None = None, **changes: Any) -> ReportOutcome:
        key = of[:2]
        if key in self.jobs and self.finish_tokens.get(key) == stamp.token:
            return ReportOutcome.APPLIED
        job = self.jobs.get(key)
        refusal = self._refusal(of, job)
        if job is None or refusal is not None:
            return refusal or ReportOutcome.UNKNOWN
        self.finish_tokens[key] = stamp.token
        self._change(job, to, stamp.at, stamp.by, evidence=evidence, progress_at=None, **changes)
        return ReportOutcome.APPLIED

    def _change(  # a status change has this many parts
        self, job: Job, to: Status, now: int, by: str, evidence: str | None = None, **changes: Any
    ) -> Job:
        changed = job._replace(status=to, history=(*job.history, Change(to, now, by, evidence)), **changes)
        self.jobs[job.project_id, job.job_id] = changed
        return changed

    def list_due(self, shard: int, after: Due | None, until: int, limit: int) -> list[Due]:
        jobs: list[Due] = [
            DueJob(job.due_at, *key)
            for key, job in self.jobs.items()
            if job.due_at is not None and job.due_at <= until and self._shard(*key) == shard
        ]
        schedules: list[Due] = [
            DueSchedule(found.state.next_at, *key)
            for key, found in self.schedules.items()
            if found.state.next_at is not None
            and found.state.next_at <= until
            and zlib.crc32(key[1].encode()) % self.shards == shard
        ]
        due = sorted(jobs + schedules, key=_place)
        return [row for row in due if after is None or _place(row) > _place(after)][:limit]

    def _shard(self, project_id: int, job_id: int) -> int:
        return zlib.crc32(f"{project_id}#{job_id}".encode()) % self.shards

    def list_watermarks(self) -> list[Watermark]:
        return [Watermark(shard, last) for shard, last in sorted(self.watermarks.items())]

    def raise_watermark(self, watermark: Watermark) -> None:
        saved = self.watermarks.get(watermark.shard)
        if saved is None or saved.due_at <= watermark.last.due_at:
            self.watermarks[watermark.shard] = watermark.last

    def get_sweep_cursor(self) -> SweepCursor:
        return self.cursor

    def save_sweep_cursor(self, cursor: SweepCursor) -> None:
        self.cursor = cursor


def _place(row: Due) -> tuple[int, bool, int, str]:
    """Where a row of the index stands: by its time, then by its key in the table, where jobs come first."""
    return row.due_at, isinstance(row, DueSchedule), row.project_id, f"{row[2]:>32}"


def _as_set(schedule: Schedule) -> tuple[Any, ...]:
    """What the row has that callers set."""
    return schedule.spec, schedule.version, schedule.created_at, schedule.updated_at


def _as_forgetting_sees(job: Job) -> tuple[Any, ...]:
    return job.status, job.attempt, job.next_at, job.forgotten


class FakeDirectory:
    """`DirectoryAdmin` in memory; counts the reads."""

    def __init__(self) -> None:
        self.organisations: dict[int, Organisation] = {}
        self.projects: dict[str, Project] = {}
        self.credentials: dict[str, Credential] = {}
        self.clients: dict[str, Client] = {}
        self.tokens: dict[str, AccessToken] = {}
        self.users: dict[tuple[int, str], User] = {}
        self.workflows: dict[tuple[int, str], Workflow] = {}
        self.closed: dict[int, Project] = {}
        self.closings: dict[int, Closing] = {}
        self.reads: list[str] = []
        self.audit: list[tuple[int, AuditEntry]] = []
        self.clock = FakeClock()
        self.by = BY

    def _note(self, organisation_id: int, what: str, **about: Any) -> None:
        self.audit.insert(0, (organisation_id, AuditEntry(self.clock.now(), self.by, what, about)))

    def find_credential(self, digest: str) -> Credential | None:
        self.reads.append("credential")
        return self.credentials.get(digest)

    def find_project(self, project_key: str) -> Project | None:
        self.reads.append("project")
        return self.projects.get(project_key)

    def open_project(self, credential: Credential, project_key: str) -> Project | None:
        project = self.find_project(project_key)
        opened = project is not None and credential.opens(project.organisation_id, project.project_id)
        return project if opened else None

    def get_own_project(self, organisation_id: int, project_id: int) -> Project | None:
        project = self.get_project(project_id)
        if project is None or project.organisation_id != organisation_id or project.closed_at is not None:
            return None
        return project

    def get_project(self, project_id: int) -> Project | None:
        self.reads.append("id")
        found = (project for project in self.projects.values() if project.project_id == project_id)
        return next(found, self.closed.get(project_id))

    def list_projects(self, organisation_id: int) -> Sequence[int]:
        self.reads.append("projects")
        known = (*self.projects.values(), *self.closed.values())
        return tuple(sorted(p.project_id for p in known if p.organisation_id == organisation_id))

    def find_token(self, digest: str) -> AccessToken | None:
        self.reads.append("token")
        return self.tokens.get(digest)

    def find_client(self, client_id: str) -> Client | None:
        self.reads.append("client")
        return self.clients.get(client_id)

    def find_user(self, organisation_id: int, user_id: str) -> User | None:
        self.reads.append("user")
        return self.users.get((organisation_id, user_id))

    def find_workflow(self, organisation_id: int, workflow_id: str) -> Workflow | None:
        self.reads.append("workflow")
        return self.workflows.get((organisation_id, workflow_id))

    def list_workflows(self, organisation_id: int) -> Sequence[Workflow]:
        self.reads.append("workflows")
        return [
            found for (of, _), found in sorted(self.workflows.items(), key=lambda row: row[0]) if of == organisation_id
        ]

    def add_token(self, token: AccessToken, digest: str) -> None:
        self.tokens[digest] = token

    def add_organisation(self, name: str) -> Organisation:
        organisation = Organisation(len(self.organisations) + 1, name)
        self.organisations[organisation.organisation_id] = organisation
        self._note(organisation.organisation_id, "organisation create", organisationId=organisation.organisation_id)
        return organisation

    def get_organisation(self, organisation_id: int) -> Organisation | None:
        return self.organisations.get(organisation_id)

    def list_organisations(self) -> Sequence[Organisation]:
        return list(self.organisations.values())

    def list_audit(self, organisation_id: int, limit: int) -> Sequence[AuditEntry]:
        return [entry for of, entry in self.audit if of == organisation_id][:limit]

    def add_project(self, organisation_id: int, name: str, project_key: str, secret: bytes, limit: int) -> Project:
        of = [project for project in self.projects.values() if project.organisation_id == organisation_id]
        if organisation_id not in self.organisations or len(of) >= limit:
            raise errors.InvalidRequest("organisation", "unknown or full")
        project = Project(
            project_id=len(self.projects) + 1,
            organisation_id=organisation_id,
            project_key=project_key,
            name=name,
            secret=secret,
        )
        self.projects[project_key] = project
        self._note(organisation_id, "project create", projectId=project.project_id)
        return project

    def set_trust(self, project_id: int, accounts: frozenset[str], sources: Mapping[str, frozenset[str]]) -> None:
        project = self._set(project_id, accounts=accounts, sources=sources)
        listed = {source: sorted(actions) for source, actions in sources.items()}
        about = {"projectId": project_id, "accounts": sorted(accounts), "sources": listed}
        self._note(project.organisation_id, "project trust", **about)

    def set_limits(self, project_id: int, creations_per_minute: int | None) -> None:
        project = self._set(project_id, creations_per_minute=creations_per_minute)
        about = {"projectId": project_id, "creationsPerMinute": creations_per_minute}
        self._note(project.organisation_id, "project limits", **about)

    def set_list_order(self, project_id: int, order: ListOrder) -> None:
        project = self._set(project_id, list_order=order)
        self._note(project.organisation_id, "project order", projectId=project_id, listOrder=order)

    def set_retention(self, project_id: int, retention: Retention) -> None:
        project = self._set(project_id, retention=retention)
        about = {"payloadDays": retention.payload_days, "redactDays": retention.redact_days}
        self._note(project.organisation_id, "project retention", projectId=project_id, **about)

    def _set(self, project_id: int, **changes: Any) -> Project:
        project = self.get_project(project_id)
        if project is None:
            raise errors.InvalidRequest("project", "unknown")
        self.projects[project.project_key] = replace(project, **changes)
        return project

    def close_project(self, project_id: int) -> None:
        project = self.get_project(project_id)
        if project is None or project.closed_at is not None:
            raise errors.InvalidRequest("project", "unknown or being deleted")
        del self.projects[project.project_key]
        self.closed[project_id] = replace(project, closed_at=self.clock.now())
        self.closings[project_id] = Closing(
            project_id=project_id,
            organisation_id=project.organisation_id,
            project_key=project.project_key,
            at=self.clock.now(),
            by=self.by,
        )
        self._note(project.organisation_id, "project delete", projectId=project_id)

    def find_closing(self, project_id: int) -> Closing | None:
        return self.closings.get(project_id)

    def remove_organisation(self, organisation_id: int) -> int:
        if organisation_id not in self.organisations or self.list_projects(organisation_id):
            raise errors.InvalidRequest("organisation", "unknown, or has projects")
        credentials = [digest for digest, one in self.credentials.items() if one.organisation_id == organisation_id]
        clients = [name for name, one in self.clients.items() if one.organisation_id == organisation_id]
        users = [key for key in self.users if key[0] == organisation_id]
        workflows = [key for key in self.workflows if key[0] == organisation_id]
        for digest in credentials:
            del self.credentials[digest]
        for name in clients:
            del self.clients[name]
        for key in users:
            del self.users[key]
        for key in workflows:
            del self.workflows[key]
        del self.organisations[organisation_id]
        count = 2 * len(credentials) + 2 * len(clients) + len(users) + len(workflows)
        self._note(organisation_id, "organisation delete", organisationId=organisation_id, rows=count)
        return count

    def add_credential(self, credential: Credential, digest: str) -> None:
        if credential.organisation_id not in self.organisations:
            raise errors.InvalidRequest("organisation", "unknown")
        self.credentials[digest] = credential
        self._note(credential.organisation_id, "key create", keyId=credential.credential_id, **_about(credential))

    def list_credentials(self, organisation_id: int) -> Sequence[Credential]:
        found = (one for one in self.credentials.values() if one.organisation_id == organisation_id)
        return sorted(found, key=lambda one: (one.created_at, one.credential_id))

    def rotate_credential(self, credential_id: str, until: int, credential: Credential, digest: str) -> None:
        of, old = self._credential(credential.organisation_id, credential_id)
        if old.revoked_at is not None or (old.expires_at is not None and old.expires_at < until):
            raise errors.InvalidRequest("key", "ends before that")
        self.credentials[of] = old._replace(expires_at=until)
        self.credentials[digest] = credential
        about = {"keyId": credential_id, "until": until, "newKeyId": credential.credential_id}
        self._note(credential.organisation_id, "key rotate", **about, **_about(credential))

    def revoke_credential(self, organisation_id: int, credential_id: str) -> int:
        digest, credential = self._credential(organisation_id, credential_id)
        ended = credential.revoked_at or self.clock.now()
        self.credentials[digest] = credential._replace(revoked_at=ended)
        self._note(organisation_id, "key revoke", keyId=credential_id)
        return ended

    def _credential(self, organisation_id: int, credential_id: str) -> tuple[str, Credential]:
        for digest, credential in self.credentials.items():
            if (credential.organisation_id, credential.credential_id) == (organisation_id, credential_id):
                return digest, credential
        raise errors.InvalidRequest("key", "unknown")

    def add_user(self, user: User) -> None:
        key = (user.organisation_id, user.user_id)
        if user.organisation_id not in self.organisations or key in self.users:
            raise errors.InvalidRequest("user", "no organisation, or there already")
        self.users[key] = user
        self._note(user.organisation_id, "user create", userId=user.user_id, role=user.role)

    def list_users(self, organisation_id: int) -> Sequence[User]:
        return [user for (of, _), user in sorted(self.users.items(), key=lambda row: row[0]) if of == organisation_id]

    def set_role(self, organisation_id: int, user_id: str, role: Role) -> None:
        self._change_user(organisation_id, user_id, role=role)
        self._note(organisation_id, "user role", userId=user_id, role=role)

    def set_right(
        self, organisation_id: int, user_id: str, collection_id: str, right: Right | None, limit: int
    ) -> None:
        user = self.users.get((organisation_id, user_id))
        collections = dict(user.collections) if user else {}
        if right is None:
            collections.pop(collection_id, None)
        elif collection_id not in collections and len(collections) >= limit:
            raise errors.InvalidRequest("user", "full")
        else:
            collections[collection_id] = right
        self._change_user(organisation_id, user_id, collections=collections)
        about = {"collectionId": collection_id, "userId": user_id, "right": right}
        self._note(organisation_id, "collection share", **about)

    def _change_user(self, organisation_id: int, user_id: str, **changes: Any) -> None:
        if (organisation_id, user_id) not in self.users:
            raise errors.InvalidRequest("user", "unknown")
        self.users[organisation_id, user_id] = self.users[organisation_id, user_id]._replace(**changes)

    def add_client(self, client: Client) -> None:
        project = self.get_project(client.project_id)
        known = (client.organisation_id, client.user_id) in self.users
        if not known or project is None or project.organisation_id != client.organisation_id:
            raise errors.InvalidRequest("client", "no such user or project")
        self.clients[client.client_id] = client
        about = {"clientId": client.client_id, "userId": client.user_id, "projectId": client.project_id}
        self._note(client.organisation_id, "client create", **about, expiresAt=client.expires_at)

    def list_clients(self, organisation_id: int) -> Sequence[Client]:
        found = (one for one in self.clients.values() if one.organisation_id == organisation_id)
        return sorted(found, key=lambda one: (one.created_at, one.client_id))

    def revoke_client(self, client_id: str) -> int:
        if client_id not in self.clients:
            raise errors.InvalidRequest("client", "unknown")
        client = self.clients[client_id]
        ended = client.revoked_at or self.clock.now()
        self.clients[client_id] = replace(client, revoked_at=ended)
        self._note(client.organisation_id, "client revoke", clientId=client_id)
        return ended

    def set_workflow_collections(
        self, organisation_id: int, workflow_id: str, collection_ids: Sequence[str], limit: int
    ) -> None:
        heard_of = self._heard_of(organisation_id, workflow_id, limit)
        self.workflows[organisation_id, workflow_id] = heard_of._replace(collection_ids=tuple(collection_ids))
        about = {"workflowId": workflow_id, "collectionIds": list(collection_ids)}
        self._note(organisation_id, "workflow share", **about)

    def _heard_of(self, organisation_id: int, workflow_id: str, limit: int) -> Workflow:
        found = self.workflows.get((organisation_id, workflow_id))
        count = sum(of == organisation_id for of, _ in self.workflows)
        if organisation_id not in self.organisations or (found is None and count >= limit):
            raise errors.InvalidRequest("organisation", "unknown or full")
        return found or Workflow(workflow_id=workflow_id, created_at=self.clock.now())

    def add_registration(self, organisation_id: int, workflow_id: str, registration: Registration, limit: int) -> None:
        found = self.workflows.get((organisation_id, workflow_id))
        if found is not None and found.registration is not UNREGISTERED:
            raise errors.InvalidRequest("workflow", "registered already")
        try:
            heard_of = self._heard_of(organisation_id, workflow_id, limit)
        except errors.InvalidRequest as error:
            raise errors.InvalidRequest("workflow", error.reason) from None
        self._register("workflow create", organisation_id, heard_of, registration)

    def change_registration(self, organisation_id: int, workflow_id: str, registration: Registration) -> None:
        found = self.workflows.get((organisation_id, workflow_id))
        if found is None or found.registration is UNREGISTERED:
            raise errors.InvalidRequest("workflow", "not registered")
        self._register("workflow change", organisation_id, found, registration)

    def _register(self, what: str, organisation_id: int, workflow: Workflow, registration: Registration) -> None:
        owner = registration.owner_id
        if owner and (organisation_id, owner) not in self.users:
            raise errors.InvalidRequest("workflow", "no such owner")
        self.workflows[organisation_id, workflow.workflow_id] = workflow._replace(registration=registration)
        about = {"workflowId": workflow.workflow_id, "ownerId": owner, "questions": len(registration.questions)}
        self._note(organisation_id, what, **about)


def _about(credential: Credential) -> dict[str, Any]:
    return {
        "scopes": sorted(credential.scopes),
        "projects": sorted(credential.projects),
        "expiresAt": credential.expires_at,
    }


@dataclass
class World:
    """All fakes together: the ports of every use case."""

    store: FakeStore = field(default_factory=FakeStore)
    directory: FakeDirectory = field(default_factory=FakeDirectory)
    queue: FakeQueue = field(default_factory=FakeQueue)
    bus: FakeBus = field(default_factory=FakeBus)
    clock: FakeClock = field(default_factory=FakeClock)
    meter: FakeMeter = field(default_factory=FakeMeter)
    sessions: FakeSessions = field(default_factory=FakeSessions)
    artifact_files: FakeSessions = field(default_factory=FakeSessions)
    worker_queue: FakeWorkerQueue = field(default_factory=FakeWorkerQueue)
    files: FakeFiles = field(default_factory=FakeFiles)
    public_url: str = ""
    parallel: Parallel = lambda work, given: [work(each) for each in given]  # a field
    random: Callable[[], float] = lambda: 0.5
    token: Callable[[], str] = field(default_factory=lambda: map("token-{}".format, count()).__next__)

    @property
    def jobs(self) -> FakeStore:
        return self.store

    attempts = payload = due = artifacts = forgetting = schedules = jobs

    @property
    def tokens(self) -> FakeDirectory:
        return self.directory

    @property
    def ports(self) -> World:
        return self

    def with_directory(self, directory: Any) -> World:
        """The same world with another directory."""
        return replace(self, directory=directory)


def at(now: int, directory: Any) -> World:
    """A world at a time, with a directory."""
    return World(directory=directory, clock=FakeClock(now))


def ever(_milliseconds: int, /) -> bool:
    """`TimeLeft` of an invocation that never ends."""
    return True
