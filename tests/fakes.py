"""The world in memory. The contract suite holds the store equal to the real one on moto."""

from __future__ import annotations

import zlib
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING, Any

from jobs import errors
from jobs.model import (
    BY_SERVICE,
    Change,
    Credential,
    DeletionLock,
    DueJob,
    IdempotencyRecord,
    Job,
    Organisation,
    Project,
    StartMessage,
    Status,
)
from jobs.ports import Append, Ports, Start, SweepCursor, Watermark

from tests.builders import NOW

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

BLOCK = 1_000


class FakeClock:
    """Time that passes only when somebody sleeps."""

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
    """Keeps what was sent; refuses what it is told to."""

    def __init__(self) -> None:
        self.messages: list[StartMessage] = []
        self.refuses: set[int] = set()
        self.visible = 0

    def send(self, messages: Iterable[StartMessage]) -> Sequence[StartMessage]:
        refused = []
        for message in messages:
            if self.refuses & {job_id for job_id, _ in message.jobs}:
                refused.append(message)
            else:
                self.messages.append(message)
        return refused

    def backlog(self) -> int:
        return self.visible

    @property
    def job_ids(self) -> list[int]:
        return [job_id for message in self.messages for job_id, _ in message.jobs]


@dataclass
class FakeStore:
    """`JobStore` in memory, one dictionary per kind of row."""

    shards: int = 32
    jobs: dict[tuple[int, int], Job] = field(default_factory=dict)
    tokens: dict[tuple[int, int], str] = field(default_factory=dict)
    params: dict[tuple[int, int], Mapping[str, Any]] = field(default_factory=dict)
    records: dict[tuple[int, str], IdempotencyRecord] = field(default_factory=dict)
    locks: dict[tuple[int, str], DeletionLock] = field(default_factory=dict)
    blocks: dict[int, int] = field(default_factory=dict)
    watermarks: dict[int, DueJob] = field(default_factory=dict)
    cursor: SweepCursor = field(default_factory=lambda: SweepCursor(0, None))

    def get_job(self, project_id: int, job_id: int) -> Job | None:
        return self.jobs.get((project_id, job_id))

    def get_params(self, project_id: int, job_id: int) -> Mapping[str, Any]:
        return self.params.get((project_id, job_id), {})

    def list_jobs(self, project_id: int, first: int, last: int) -> list[Job]:
        return [job for (of, number), job in sorted(self.jobs.items()) if of == project_id and first <= number <= last]

    def highest_job_id(self, project: Project, *, strong: bool) -> int:
        return max((number for of, number in self.jobs if of == project.project_id), default=0)

    def append(
        self,
        job: Job,
        token: str,
        params: Mapping[str, Any],
        record: IdempotencyRecord | None,
        lock: DeletionLock | None,
    ) -> Append:
        key = (job.project_id, job.job_id)
        if key in self.jobs:
            return Append.DONE if self.tokens[key] == token else Append.NUMBER_TAKEN
        if record is not None and self.find_idempotency_record(job.project_id, record.key_digest, job.created_at):
            return Append.OVERTAKEN
        if lock is not None:
            seen = self.locks.get((job.project_id, lock.digest))
            if (seen.version if seen else 0) != lock.version - 1:
                return Append.OVERTAKEN
            self.locks[job.project_id, lock.digest] = lock
        if record is not None:
            self.records[job.project_id, record.key_digest] = record
        if params:
            self.params[key] = params
        self.jobs[key], self.tokens[key] = job, token
        return Append.DONE

    def note_block(self, project: Project, job_id: int) -> None:
        block = (job_id - 1) // BLOCK
        self.blocks[project.project_id] = max(block, self.blocks.get(project.project_id, 0))

    def find_idempotency_record(self, project_id: int, key_digest: str, now: int) -> IdempotencyRecord | None:
        record = self.records.get((project_id, key_digest))
        return record if record is not None and record.expires > now // 1000 else None

    def find_deletion_lock(self, project_id: int, digest: str) -> DeletionLock | None:
        return self.locks.get((project_id, digest))

    def start_job(self, project_id: int, job_id: int, now: int) -> Start:
        job = self.jobs.get((project_id, job_id))
        if job is None or job.status is not Status.SCHEDULED:
            return Start.NOT_SCHEDULED
        if job.next_at is None or job.next_at > now:
            return Start.NOT_DUE
        self._change(job, Status.RUNNING, now, BY_SERVICE, next_at=now + job.timeout_seconds * 1000)
        return Start.STARTED

    def cancel_job(self, project_id: int, job_id: int, now: int, by: str) -> Job:
        job = self.jobs.get((project_id, job_id))
        if job is None:
            raise errors.JobNotFound
        if not job.status.is_active:
            raise errors.JobNotCancellable(job)
        return self._change(job, Status.CANCELLED, now, by, next_at=None)

    def _change(self, job: Job, to: Status, now: int, by: str, **changes: Any) -> Job:
        changed = replace(job, status=to, history=(*job.history, Change(to, now, by)), **changes)
        self.jobs[job.project_id, job.job_id] = changed
        return changed

    def list_due(self, shard: int, after: DueJob | None, until: int, limit: int) -> list[DueJob]:
        due = sorted(
            DueJob(job.due_at, *key)
            for key, job in self.jobs.items()
            if job.due_at is not None and job.due_at <= until and self._shard(*key) == shard
        )
        return [row for row in due if after is None or row > after][:limit]

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


class FakeRegistry:
    """`Registry` in memory; counts the reads."""

    def __init__(self) -> None:
        self.organisations: dict[int, Organisation] = {}
        self.projects: dict[str, Project] = {}
        self.credentials: dict[str, Credential] = {}
        self.reads: list[str] = []

    def find_credential(self, digest: str) -> Credential | None:
        self.reads.append("credential")
        return self.credentials.get(digest)

    def find_project(self, project_key: str) -> Project | None:
        self.reads.append("project")
        return self.projects.get(project_key)

    def add_organisation(self, name: str) -> Organisation:
        organisation = Organisation(len(self.organisations) + 1, name)
        self.organisations[organisation.organisation_id] = organisation
        return organisation

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
        return project

    def add_credential(self, credential: Credential, digest: str) -> None:
        if credential.organisation_id not in self.organisations:
            raise errors.InvalidRequest("organisation", "unknown")
        self.credentials[digest] = credential


@dataclass
class World:
    """All fakes together, and the ports over them."""

    store: FakeStore = field(default_factory=FakeStore)
    queue: FakeQueue = field(default_factory=FakeQueue)
    clock: FakeClock = field(default_factory=FakeClock)
    meter: FakeMeter = field(default_factory=FakeMeter)

    @property
    def ports(self) -> Ports:
        return self._ports

    def __post_init__(self) -> None:
        numbers = count()
        self._ports = Ports(
            store=self.store,
            queue=self.queue,
            clock=self.clock,
            meter=self.meter,
            random=lambda: 0.5,
            token=lambda: f"token-{next(numbers)}",
        )
