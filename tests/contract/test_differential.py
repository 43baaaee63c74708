"""The same random operations on both stores: equal answers, and equal rows after each.

The suite of test_job_store.py says what a store must do, case by case. This one looks for cases that nobody thought of,
because a proof over the store in memory is worth only as much as that store is like the real one. A call that comes
again with the token of its first try stands for the client's second try after a lost answer.
"""

from __future__ import annotations

import random
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from jobs.artifacts.ports import ArtifactStore
from jobs.errors import JobsError
from jobs.lifecycle import retrying
from jobs.model import (
    NO_RUN,
    SECOND,
    DeletionLock,
    Due,
    DueJob,
    DueSchedule,
    IdempotencyRecord,
    Job,
    JobKey,
    Message,
    Occasion,
    Run,
    ScheduleMove,
    SeenEvent,
    Severity,
    Status,
)
from jobs.outcomes import Attempt, Failure, NewRow, Stamp, SweepCursor, Watermark
from jobs.ports import Attempts, DueIndex, JobStore, Payload
from jobs.schedules.ports import CatchUp, Overlap, Schedule, ScheduleRecord, ScheduleStore, Spec, State
from jobs.schedules.rhythm import Fold, Gap, Rhythm

from tests.builders import NOW, a_job, a_project, a_request, an_artifact
from tests.proofs.interleavings.stage import TokenStore
from tests.stores import Store, a_store, an_admin

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

SHARDS = 2
PROJECTS = (1, 2)
#: Episodes begin with an empty table, some of them just before the end of a block of a thousand jobs.
EPISODES = 16
EPISODES_IN_FULL = 80
OPERATIONS = 250
BEFORE_THE_FIRST = (0, 0, 997)
#: Callers, keys and events.
NAMES = ("ann", "bob", "cy")
#: The user with a lock in each project.
USER = "ann"
#: One of this many operations repeats an earlier one.
AGAIN = 6
#: The schedules that there may be in each project, and how many it may have.
SCHEDULES = tuple(f"{number:024x}" for number in range(1, 6))
MOST_SCHEDULES = 3
KEYS_OF_SCHEDULES = ("dan", "eve")
SPECS = (
    Spec(name="Nächtlich", rhythm=Rhythm(cron="30 2 * * 1#2", timezone="Europe/Berlin"), job=a_request()),
    Spec(
        name="off",
        rhythm=Rhythm(every=60, anchor=5, start_at=NOW, end_at=NOW + 10, gap=Gap.SKIP, fold=Fold.BOTH),
        job=a_request(params={"a": [1, None]}, run=Run("wf", "owner", ("c1", "c2"), "High", "gpu")),
        enabled=False,
        catch_up=CatchUp.ALL,
        overlap=Overlap.SKIP,
    ),
)


class Operation(NamedTuple):
    """A call of a port, with the token that a store makes within it."""

    method: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    token: str

    def answer(self, store: Store) -> Any:
        """What a store answers, or the error that it raises."""
        try:
            answer = getattr(store, self.method)(*self.args, **self.kwargs)
        except JobsError as error:
            return type(error), vars(error)
        # After a last page that is full DynamoDB says that there is more; moto does not.
        if self.method == "list_messages":
            return answer.messages
        return [*answer] if self.method.startswith("walk_") else answer


#: The arguments of a call.
Made = tuple[tuple[Any, ...], dict[str, Any]]


def given(*args: Any, **kwargs: Any) -> Made:
    return args, kwargs


class Operations:
    """Makes operations up. Each method makes the arguments of the port's method that has its name."""

    def __init__(self, seed: int, store: TokenStore) -> None:
        self._chance = random.Random(seed)  # noqa: S311  # any operations do
        self._store = store
        self._now = NOW
        self._numbers = count()
        self._before_the_first = self._chance.choice(BEFORE_THE_FIRST)
        #: Jobs as they were when they had failed or were cancelled.
        self._ended: list[Job] = []
        #: Schedules as somebody has seen them.
        self._seen: list[Schedule] = []
        self._past: list[Operation] = []

    def next(self) -> Operation:
        """A new operation, or an earlier one again."""
        self._now += self._one_of(0, 1, 400, 5_000)
        if self._past and self._chance.randrange(AGAIN) == 0:
            return self._chance.choice(self._past[-2 * AGAIN :])
        made: Made | None = None
        while made is None:
            [method] = self._chance.choices(METHODS, WEIGHTS)
            made = getattr(self, method)()
        args, kwargs = made
        self._past.append(Operation(method, args, kwargs, self._token()))
        return self._past[-1]

    # ---- creating -----------------------------------------------------------------------------------------------

    def append(self) -> Made:
        return self._chance.choice((self._append_one, self._append_several, self._append_of_schedules))()

    def _append_one(self) -> Made:
        job, params = self._new_job(*self._free())
        record = lock = seen = None
        if self._maybe():
            record = IdempotencyRecord(self._name(), self._name(), job.job_id, self._expiry())
        if self._maybe():
            lock = self._lock(job.project_id, job.job_id)
        if self._maybe():
            seen = self._mark()
        return given([NewRow(job, self._token(), params, seen)], record, lock)

    def _append_several(self) -> Made:
        project, first = self._free()
        rows = []
        for number, name in enumerate(self._chance.sample(NAMES, self._one_of(1, 2, 3)), first):
            job, params = self._new_job(project, number)
            rows.append(NewRow(job, self._token(), params, self._mark(name)))
        return given(rows)

    def _append_of_schedules(self) -> Made:
        project, first = self._free()
        rows = []
        there = [of for of in SCHEDULES if (project, of) in self._store.schedules] * self._one_of(1, 1, 1, 0)
        for number, schedule_id in enumerate(
            (there or self._chance.sample(SCHEDULES, 2))[: self._one_of(1, 2, 3)], first
        ):
            job, params = self._new_job(project, number)
            move = self._move(project, schedule_id)._replace(job_id=number)
            occasion = Occasion(schedule_id, move.at if move.seen else None)
            rows.append(NewRow(job._replace(made_by=occasion), self._token(), params, moved=move))
        return given(rows)

    def put_artifact(self) -> Made:
        """Into a slot as it is, or as a late caller saw it."""
        attempt = self._attempt()
        of = {"project_id": attempt.project_id, "job_id": attempt.job_id, "attempt": attempt.number}
        slot = self._one_of(0, 1, 19)
        held = self._store.list_artifacts(*attempt[:2]).get(slot)
        artifact = an_artifact(
            **of, artifact_id=self._token(), name=self._one_of("a.csv", "ü"), size=self._one_of(0, 5)
        )
        return given(slot, artifact, self._one_of(held, held, held, None, an_artifact()))

    def note_block(self) -> Made:
        project = self._project()
        return given(a_project(project_id=project), max(self._highest(project), 1))

    def mark_seen(self) -> Made:
        return given(self._mark(), self._now)

    def add_message(self) -> Made:
        severity = self._one_of(*Severity)
        at = self._now + self._one_of(0, 0, -1, -5_000)
        return given(*self._key(), Message(at, severity, self._name(), self._one_of(0, 7)), self._mark(self._token()))

    # ---- status changes -----------------------------------------------------------------------------------------

    def start_jobs(self) -> Made:
        keys = dict.fromkeys(JobKey(*self._key()) for _ in range(self._one_of(1, 1, 3)))
        return given([*keys], self._now + self._one_of(0, 0, -3_000, 3_000))

    def cancel_job(self) -> Made:
        return given(*self._key(), self._now, self._name())

    def move_job(self) -> Made:
        at = self._now + self._one_of(0, 3_000, 86_400 * SECOND)
        return given(JobKey(*self._key()), at, at, self._name())

    def complete_job(self) -> Made:
        return given(self._attempt(), self._stamp(), self._one_of([], [{"file": "a.csv", "size": 1.5}, None]))

    def fail_job(self) -> Made:
        return given(self._attempt(), self._stamp(), self._failure())

    def back_off_job(self) -> Made:
        return given(self._attempt(), self._stamp(), self._now + self._one_of(0, 4_000), self._failure())

    def note_progress(self) -> Made:
        timeout_at = self._one_of(None, self._now + self._one_of(1, 60) * SECOND)
        return given(self._attempt(), self._one_of(0, 50, 100), self._now, timeout_at)

    def retry_job(self) -> Made | None:
        """Only failed and cancelled jobs are retried, perhaps by a caller who read them long ago."""
        self._ended += [job for job in self._store.jobs.values() if job.status in {Status.FAILED, Status.CANCELLED}]
        if not self._ended:
            return None
        self._ended = self._ended[-20:]
        seen = self._chance.choice(self._ended)
        lock = self._lock(seen.project_id, seen.job_id) if self._maybe() else None
        return given(seen, retrying._retried(seen, self._now, self._name()), self._token(), lock)

    # ---- reading ------------------------------------------------------------------------------------------------

    def get_job(self) -> Made:
        return given(*self._key())

    def get_params(self) -> Made:
        return given(*self._key())

    def get_outputs(self) -> Made | None:
        return given(self._chance.choice([*self._store.jobs.values()])) if self._store.jobs else None

    def list_artifacts(self) -> Made:
        return given(*self._key())

    def get_evidence(self) -> Made | None:
        return given(self._chance.choice([*self._store.jobs.values()])) if self._store.jobs else None

    def list_jobs(self) -> Made:
        first = self._before_the_first + self._one_of(1, 2, 5)
        return given(self._project(), first, first + self._one_of(0, 3, 20))

    def highest_job_id(self) -> Made:
        return given(a_project(project_id=self._project()), strong=self._maybe())

    def is_seen(self) -> Made:
        return given(self._mark().digest, self._now)

    def find_idempotency_record(self) -> Made:
        return given(self._project(), self._name(), self._now)

    def find_deletion_lock(self) -> Made:
        return given(self._project(), self._one_of(USER, USER, "nobody"))

    def list_messages(self) -> Made:
        return given(*self._key(), None, self._one_of(1, 3, 50), newest_first=self._chance.random() < 0.5)

    def walk_jobs(self) -> Made:
        first = self._before_the_first + self._one_of(1, 2, 5)
        last = first + self._one_of(0, 3, 20)
        return given(self._project(), first, last, newest_first=self._chance.random() < 0.5)

    def walk_listed(self) -> Made:
        return self.walk_jobs()

    def walk_workflow(self) -> Made:
        return given(self._project(), self._one_of("wf", "another"), newest_first=self._chance.random() < 0.5)

    # ---- schedules ----------------------------------------------------------------------------------------------

    def add_schedule(self) -> Made:
        project = self._project()
        free = [of for of in SCHEDULES if (project, of) not in self._store.schedules]
        schedule = Schedule(
            project_id=project,
            schedule_id=self._chance.choice([*SCHEDULES, *free, *free]),
            spec=self._chance.choice(SPECS),
            created_at=self._now,
            state=State(next_at=self._next_at()),
        )
        self._seen.append(schedule)
        record = ScheduleRecord(self._key_of_schedule(), self._name(), schedule.schedule_id, self._expiry())
        return given(schedule, self._one_of(None, record))

    def replace_schedule(self) -> Made | None:
        seen = self._seen_schedule()
        if seen is None:
            return None
        changed = seen._replace(
            spec=self._chance.choice(SPECS),
            version=seen.version + 1,
            updated_at=self._now + self._one_of(0, 0, 1),
            state=seen.state._replace(next_at=self._next_at()),
        )
        return given(seen, changed)

    def remove_schedule(self) -> Made | None:
        seen = self._seen_schedule() if self._maybe() else None
        return None if seen is None else given(seen)

    def set_next_at(self) -> Made | None:
        seen = self._seen_schedule()
        return None if seen is None or seen.state.next_at is None else given(seen, self._next_at())

    def move_schedule(self) -> Made:
        there = [*self._store.schedules]
        move = self._move(*self._chance.choice([*there, *there, (self._project(), SCHEDULES[0])]))
        return given(move._replace(at=None, missed=self._one_of(0, 3), skipped=self._one_of(0, 1)))

    def find_schedule_record(self) -> Made:
        return given(self._project(), self._key_of_schedule(), self._now)

    def get_schedules(self) -> Made:
        wanted = self._chance.sample(SCHEDULES, self._one_of(0, 1, 4))
        return given(self._project(), wanted, strong=self._maybe())

    def list_schedule_ids(self) -> Made:
        return given(self._project())

    # ---- dispatching --------------------------------------------------------------------------------------------

    def list_due(self) -> Made:
        after = self._one_of(None, self._place())
        return given(self._shard(), after, self._now + self._one_of(-5_000, 0, 60_000), self._one_of(1, 3, 100))

    def list_lost(self) -> Made:
        return given(self._shard(), self._now + self._one_of(0, 60_000, 10**6), self._one_of(1, 3, 100))

    def list_watermarks(self) -> Made:
        return given()

    def raise_watermark(self) -> Made:
        return given(Watermark(self._shard(), self._place()))

    def get_sweep_cursor(self) -> Made:
        return given()

    def save_sweep_cursor(self) -> Made:
        return given(SweepCursor(self._shard(), self._one_of(None, self._place())))

    # ---- parts --------------------------------------------------------------------------------------------------

    def _one_of(self, *values: Any) -> Any:
        return self._chance.choice(values)

    def _maybe(self) -> bool:
        return self._chance.random() < 0.3  # not this time

    def _token(self) -> str:
        return f"token-{next(self._numbers)}"

    def _name(self) -> str:
        return self._chance.choice(NAMES)

    def _project(self) -> int:
        return self._chance.choice(PROJECTS)

    def _shard(self) -> int:
        return self._chance.randrange(SHARDS)

    def _expiry(self) -> int:
        return self._now // SECOND + self._chance.choice([1, 20, 3_600])

    def _highest(self, project: int) -> int:
        return max((job_id for of, job_id in self._store.jobs if of == project), default=self._before_the_first)

    def _key(self) -> tuple[int, int]:
        """A job that usually exists."""
        there = [*self._store.jobs]
        return self._chance.choice([*there, *there, *there, (1, self._before_the_first + 50)])

    def _place(self) -> Due:
        at = self._now + self._one_of(-5_000, 0, 5_000)
        of_schedule = DueSchedule(at, self._project(), self._chance.choice(SCHEDULES))
        return DueJob(at, *self._key()) if self._chance.random() < 0.5 else of_schedule

    def _seen_schedule(self) -> Schedule | None:
        """A schedule as it is, or as it was once."""
        self._seen += self._store.schedules.values()
        self._seen = self._seen[-20:]
        return self._chance.choice(self._seen) if self._seen else None

    def _key_of_schedule(self) -> str:
        """An idempotency key; those of jobs are digests of something else."""
        return self._chance.choice(KEYS_OF_SCHEDULES)

    def _next_at(self) -> int | None:
        return self._chance.choice([None, self._now, self._now + 3_000, self._now + 86_400 * SECOND])

    def _move(self, project: int, schedule_id: str) -> ScheduleMove:
        """From where a schedule usually is; or out of turn."""
        held = self._store.schedules.get((project, schedule_id))
        version = (held.version if held else 1) + (self._chance.random() < 0.1)
        seen = held.state.next_at if held else self._now
        seen = seen if self._chance.random() < 0.8 else self._one_of(None, self._now)
        return ScheduleMove(
            project, schedule_id, version, seen, next_at=self._next_at() if seen else None, at=self._now
        )

    def _attempt(self) -> Attempt:
        key = self._key()
        job = self._store.jobs.get(key)
        return Attempt(*key, max(1, (job.attempt if job else 1) + self._one_of(0, 0, 0, 0, -1, 1)))

    def _stamp(self) -> Stamp:
        return Stamp(self._now + self._one_of(0, 0, 10**6), self._name(), self._token())

    def _failure(self) -> Failure:
        errors = self._one_of([], ["no disk", ""], ["no disk" * 40])
        return Failure(errors, retryable=self._chance.random() < 0.8, lost=self._maybe())

    def _mark(self, name: str | None = None) -> SeenEvent:
        return SeenEvent((name or self._name()).ljust(64, "0"), self._expiry())

    def _lock(self, project: int, job_id: int) -> DeletionLock:
        held = self._store.locks.get((project, USER))
        version = (held.version if held else 0) + self._one_of(1, 1, 1, 0, 2)
        return DeletionLock(USER, job_id, max(version, 1))

    def _free(self) -> tuple[int, int]:
        """A project and its next number, or its last one, as a late caller sees it."""
        project = self._project()
        highest = self._highest(project)
        return project, max(highest + self._one_of(1, 1, 1, 0), self._before_the_first + 1)

    def _new_job(self, project: int, number: int) -> tuple[Job, dict[str, Any]]:
        params = self._one_of({}, {}, {"a": [1.5, None, "ü"]})
        job = a_job(
            project_id=project,
            job_id=number,
            at=self._now,
            next_at=self._now + self._one_of(0, 0, 3_000),
            description=self._one_of("", "Überblick"),
            reference_id=self._one_of("", "user-1"),
            max_attempts=self._one_of(1, 2, 3),
            timeout_seconds=self._one_of(5, 900),
            has_params=bool(params),
            run=self._one_of(NO_RUN, Run("wf", "owner", ("c1", "c2"), "High", "gpu")),
        )
        return job, params


METHODS = sorted(
    name
    for port in (JobStore, Attempts, Payload, ArtifactStore, DueIndex, ScheduleStore)
    for name in vars(port)
    if not name.startswith("_")
)
WRITES = {name for name in METHODS if name.split("_")[0] not in {"get", "list", "find", "is", "highest", "walk"}}
CHANGES_OF_SCHEDULES = WRITES & {
    name for name in METHODS if name.endswith("_schedule") or name in {"append", "set_next_at"}
}
WEIGHTS = [3 if name in WRITES else 1 for name in METHODS]


def written(operation: Operation) -> Iterator[tuple[int, int]]:
    """The jobs that an operation may have changed."""
    if operation.method == "cancel_job":
        yield operation.args[:2]
    for arg in operation.args if operation.method in WRITES else ():
        if isinstance(arg, JobKey):
            yield arg
        elif isinstance(arg, Job | Attempt):
            yield arg.project_id, arg.job_id
        elif isinstance(arg, list):
            yield from ((row.job.project_id, row.job.job_id) for row in arg if isinstance(row, NewRow))
            yield from (key for key in arg if isinstance(key, JobKey))


def schedules(store: Store) -> list[Mapping[str, Schedule]]:
    """All schedules of a store."""
    return [store.get_schedules(project, SCHEDULES) for project in PROJECTS]


def everything(store: Store) -> dict[str, Any]:
    """Everything that can be read from a store."""
    jobs = [job for project in PROJECTS for start in (1, 998) for job in store.list_jobs(project, start, start + 60)]
    return {
        "jobs": jobs,
        "params": [store.get_params(job.project_id, job.job_id) for job in jobs],
        "outputs": [store.get_outputs(job) for job in jobs],
        "evidence": [store.get_evidence(job) for job in jobs],
        "messages": [store.list_messages(job.project_id, job.job_id, None, 100).messages for job in jobs],
        "artifacts": [store.list_artifacts(job.project_id, job.job_id) for job in jobs],
        "records": [store.find_idempotency_record(project, name, NOW) for project in PROJECTS for name in NAMES],
        "locks": [store.find_deletion_lock(project, USER) for project in PROJECTS],
        "seen": [store.is_seen(name.ljust(64, "0"), NOW) for name in NAMES],
        "due": [store.list_due(shard, None, 10**15, 1_000) for shard in range(SHARDS)],
        "lost": [store.list_lost(shard, 10**15, 1_000) for shard in range(SHARDS)],
        "watermarks": store.list_watermarks(),
        "cursor": store.get_sweep_cursor(),
        "schedules": schedules(store),
        "ids of schedules": [store.list_schedule_ids(project) for project in PROJECTS],
        "records of schedules": [
            store.find_schedule_record(project, key, NOW) for project in PROJECTS for key in KEYS_OF_SCHEDULES
        ],
    }


@pytest.mark.parametrize(
    "seed",
    [*range(EPISODES), *(pytest.param(seed, marks=pytest.mark.prove) for seed in range(EPISODES, EPISODES_IN_FULL))],
)
def test_the_same_operations_have_the_same_answers_on_both_stores(
    seed: int, dynamodb: DynamoDBClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake, real = TokenStore(shards=SHARDS), a_store(dynamodb, SHARDS)
    monkeypatch.setattr(real, "_token", lambda: fake.call_token)
    for module in ("jobs.store.schedules", "tests.fakes"):
        monkeypatch.setattr(f"{module}.MAX_SCHEDULES", MOST_SCHEDULES)
    operations = Operations(seed, fake)
    directory = an_admin(dynamodb)
    directory.add_organisation("Demo")
    for project in PROJECTS:
        directory.add_project(1, "Demo", f"key-{project}", b"0", len(PROJECTS))
    past: list[Operation] = []

    for _ in range(OPERATIONS):
        operation = operations.next()
        past.append(operation)
        fake.call_token = operation.token

        assert operation.answer(real) == operation.answer(fake), past[-20:]
        for project, number in written(operation):
            assert real.get_job(project, number) == fake.get_job(project, number), past[-20:]
        if operation.method in CHANGES_OF_SCHEDULES:
            assert schedules(real) == schedules(fake), past[-20:]

    assert everything(real) == everything(fake), past
    for project in PROJECTS:
        there = directory.get_project(project)
        assert there is not None
        assert there.block == fake.blocks.get(project, 0)
