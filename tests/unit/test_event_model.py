"""Every event delivered three times in shuffled order, among cancels, retries, starts and the reaper.

The model knows nothing about rows, tokens and conditions. It gets each delivery in the order in which it is taken,
and keeps for each job what the contract says. After every step model and service must be equal.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from itertools import count, pairwise
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from jobs.errors import DeletionActive, JobNotCancellable, JobNotFound, JobNotRetryable
from jobs.events import ingestion
from jobs.events.incoming import (
    Delivery,
    Envelope,
    JobCompleted,
    JobFailed,
    JobMessage,
    JobProgress,
    JobRequested,
    Refusal,
)
from jobs.events.ingestion import Taken
from jobs.lifecycle import cancellation, reaping, retrying
from jobs.lifecycle.creation import IdempotencyKey
from jobs.model import TRANSITIONS, Message, Severity, StartHint, Status
from jobs.timing.hints import group
from jobs.timing.starting import start_jobs

from tests.builders import NOW, a_project, a_request
from tests.fakes import FakeClock, FakeDirectory, FakeStore, World, ever

STEPS, EXAMPLES = 50, 200
DELIVERIES, TRIES = 3, 6
SHARDS = 2
ACCOUNT = "111111111111"
SECOND, HOUR, DAY = 1_000, 3_600_000, 86_400_000
ENDED = {"completed", "failed", "cancelled"}
PROJECT = a_project()


class Sent(NamedTuple):
    """An event, in the model's words: `about` is what its kind says about a job."""

    event_id: str
    kind: str
    job: int = 0
    attempt: int = 0
    progress: int = 0
    name: str = ""
    attempts: int = 1
    timeout: int = 60
    at: int = 0

    @property
    def delivery(self) -> Delivery:
        content: Any
        key, said = PROJECT.project_key, Message(NOW, Severity.NONE, self.event_id)
        if self.kind in {"ask", "keyed", "delete"}:
            new = a_request(
                action="delete_user_data" if self.kind == "delete" else "export",
                reference_id=self.name,
                max_attempts=self.attempts,
                timeout_seconds=self.timeout,
            )
            content = JobRequested(key, new, IdempotencyKey(self.name, "body") if self.kind == "keyed" else None)
        elif self.kind == "completed":
            content = JobCompleted(key, self.job, self.attempt, (self.event_id,))
        elif self.kind == "failed":
            content = JobFailed(key, self.job, self.attempt, (self.event_id,))
        elif self.kind == "message":
            content = JobMessage(key, self.job, said)
        else:
            content = JobProgress(key, self.job, self.attempt, self.progress, said, self.at)
        return Delivery(Envelope(self.event_id, "worker", ACCOUNT), content)


@dataclass
class Known:
    """A job as the model has it."""

    attempts: int
    timeout: int
    user: str
    status: str = "scheduled"
    attempt: int = 1
    next_at: int | None = NOW
    progress: int | None = None
    progress_at: int = 0
    result: str | None = None
    ended_at: int = 0
    history: list[str] = field(default_factory=lambda: ["scheduled"])
    messages: set[str] = field(default_factory=set)

    def become(self, status: str, next_at: int | None = None) -> None:
        self.status, self.next_at = status, next_at
        self.history.append(status)

    def end(self, status: str, now: int) -> None:
        self.become(status)
        self.ended_at = now


class Model:
    """What the contract says about each event and job."""

    def __init__(self) -> None:
        self.now = NOW
        self.jobs: list[Known] = []
        self.taken: set[str] = set()
        self.keys: dict[str, int] = {}

    def take(self, batch: list[Sent]) -> dict[str, str]:
        """What becomes of each event of a batch, by its id. Plain requests come first."""
        outcomes: dict[str, str] = {}
        for sent in sorted(batch, key=lambda each: each.kind != "ask"):
            if sent.event_id not in outcomes:
                outcomes[sent.event_id] = self._take(sent)
        return outcomes

    def _take(self, sent: Sent) -> str:
        if sent.kind in {"ask", "keyed", "delete"}:
            return self._ask(sent)
        if sent.job > len(self.jobs):
            return "refused"
        job = self.jobs[sent.job - 1]
        if sent.kind == "message":
            self._say(job, sent)
            return "done"
        if job.status in ENDED or sent.attempt < job.attempt:
            if sent.kind == "progress" and sent.attempt == job.attempt:
                self._say(job, sent)
            return "done"
        if sent.attempt > job.attempt or job.status == "scheduled":
            return "early"
        if sent.kind == "completed":
            job.progress, job.result = 100, sent.event_id
            job.end("completed", self.now)
        elif sent.kind == "failed":
            self.fail(job, sent.event_id)
        else:
            self._beat(job, sent.progress, sent.at)
            self._say(job, sent)
        return "done"

    def _ask(self, sent: Sent) -> str:
        if sent.event_id in self.taken:
            return "done"
        dropped = (sent.kind == "keyed" and (self.keys.get(sent.name, -DAY) + DAY) // SECOND > self.now // SECOND) or (
            sent.kind == "delete" and any(job.user == sent.name and job.status not in ENDED for job in self.jobs)
        )
        self.taken.add(sent.event_id)
        if not dropped:
            user = sent.name if sent.kind == "delete" else ""
            self.jobs.append(Known(sent.attempts, sent.timeout * SECOND, user, next_at=self.now))
            if sent.kind == "keyed":
                self.keys[sent.name] = self.now
        return "done"

    def _say(self, job: Known, sent: Sent) -> None:
        if job.status not in ENDED or self.now - job.ended_at <= HOUR:
            job.messages.add(sent.event_id)

    def _beat(self, job: Known, progress: int, sent_at: int) -> None:
        assert job.next_at is not None
        moves = sent_at + job.timeout - job.next_at >= min(30 * SECOND, job.timeout // 4)
        reached = max(progress, job.progress or 0)
        is_first = job.progress is None
        is_further = reached > (job.progress or 0) and sent_at - job.progress_at >= 10 * SECOND
        if moves or is_first or is_further or reached // 25 > (job.progress or 0) // 25:
            job.progress, job.progress_at = reached, sent_at
            job.next_at = sent_at + job.timeout if moves else job.next_at

    def fail(self, job: Known, why: str | None) -> None:
        if job.attempt < job.attempts:
            window = min(HOUR, 4 * SECOND * 2 ** (job.attempt - 1))
            job.become("scheduled", self.now + window // 2)  # chance is always a half here
            job.attempt += 1
            job.progress = None
        else:
            job.result = why
            job.end("failed", self.now)

    def pass_time(self, by: int) -> None:
        self.now += by
        for job in self.jobs:
            if job.status == "scheduled" and job.next_at is not None and job.next_at <= self.now:
                job.become("running", self.now + job.timeout)
        for job in self.jobs:
            if job.status == "running" and job.next_at is not None and job.next_at <= self.now:
                self.fail(job, None)

    def cancel(self, number: int) -> bool:
        job = self.jobs[number - 1] if number <= len(self.jobs) else None
        if job is None or job.status in ENDED:
            return False
        job.end("cancelled", self.now)
        return True

    def retry(self, number: int) -> bool:
        job = self.jobs[number - 1] if number <= len(self.jobs) else None
        if job is None or job.status not in {"failed", "cancelled"} or job.attempt == 20:
            return False
        if job.user and any(other.user == job.user and other.status not in ENDED for other in self.jobs):
            return False
        job.become("scheduled", self.now)
        job.attempt += 1
        job.attempts = max(job.attempts, job.attempt)
        job.progress = job.result = None
        return True


class StillClock(FakeClock):
    """Waiting takes no time, so that model and service agree on the time."""

    def sleep(self, milliseconds: float) -> None:
        self.slept.append(milliseconds)


class Service:
    """The use cases over the fakes, which get the same events as the model."""

    def __init__(self) -> None:
        self.world, self.model, self.registry = (
            World(store=FakeStore(shards=SHARDS), clock=StillClock()),
            Model(),
            FakeDirectory(),
        )
        self.registry.projects[PROJECT.project_key] = PROJECT
        self.ids = count()
        #: Deliveries under way, each with the number of times that it has come.
        self.pending: list[tuple[Sent, int]] = []
        self.sent: list[Sent] = []
        self.delivered: Counter[str] = Counter()

    def send(self, kind: str, **about: Any) -> None:
        sent = Sent(f"event-{next(self.ids)}", kind, at=self.world.clock.now(), **about)
        self.sent.append(sent)
        self.pending += [(sent, 0)] * DELIVERIES

    def deliver(self, size: int, seed: int) -> None:
        """Take some of the deliveries, in random order, as one batch. Early ones come again five times."""
        chance = random.Random(seed)  # noqa: S311  # reproducible, as hypothesis draws the seed
        chance.shuffle(self.pending)
        batch, self.pending = self.pending[:size], self.pending[size:]
        expected = self.model.take([sent for sent, _ in batch])
        taken = ingestion.take(
            self.world.with_directory(self.registry), ACCOUNT, [sent.delivery for sent, _ in batch], ever
        )
        for (sent, tries), outcome in zip(batch, taken, strict=True):
            became = "refused" if isinstance(outcome, Refusal) else outcome.name.lower()
            assert became == expected[sent.event_id], sent
            self.delivered[sent.event_id] += 1
            if outcome is Taken.EARLY and tries + 1 < TRIES:
                self.pending.append((sent, tries + 1))

    def pass_time(self, by: int) -> None:
        self.model.pass_time(by)
        self.world.clock.time += by
        store, now = self.world.store, self.world.clock.now()
        due = [row for shard in range(SHARDS) for row in store.list_due(shard, None, now, 1_000)]
        hints = [hint for hint in group(due) if isinstance(hint, StartHint)]
        start_jobs(self.world.ports, hints, lambda _: True)
        reaping.reap(self.world.ports, SHARDS, has_time=ever)

    def cancel(self, number: int) -> None:
        try:
            cancellation.cancel_job(self.world.ports, PROJECT, number, by="key-1")
            done = True
        except (JobNotFound, JobNotCancellable):
            done = False
        assert done == self.model.cancel(number)

    def retry(self, number: int) -> None:
        try:
            retrying.retry_job(self.world.ports, PROJECT, number, by="key-1")
            done = True
        except (JobNotFound, JobNotRetryable, DeletionActive):
            done = False
        assert done == self.model.retry(number)

    def check(self) -> None:
        store = self.world.store
        assert sorted(store.jobs) == [(1, number) for number in range(1, len(self.model.jobs) + 1)]  # dense
        for (_, number), job in store.jobs.items():
            known = self.model.jobs[number - 1]
            assert (job.status, job.attempt, job.max_attempts, job.next_at, job.progress) == (
                known.status,
                known.attempt,
                known.attempts,
                known.next_at,
                known.progress,
            )
            states = [change.to for change in job.history]
            assert states == known.history
            assert all(after in TRANSITIONS[before] for before, after in pairwise(states))
            assert states.count(Status.SCHEDULED) == job.attempt
            if known.result is not None:
                assert (job.errors or store.get_outputs(job)) == (
                    (known.result,) if job.status is Status.FAILED else [known.result]
                )
            said = [message.text for message in store.list_messages(1, number, None, 1_000).messages]
            assert sorted(said) == sorted(known.messages)  # once each
        active = Counter(
            job.reference_id for job in store.jobs.values() if job.action != "export" and job.status.is_active
        )
        assert all(count == 1 for count in active.values())


numbers, attempts = st.integers(1, 6), st.sampled_from([1, 1, 1, 2, 2, 3])
about = {"job": numbers, "attempt": attempts}
asked = {"attempts": st.integers(1, 3), "timeout": st.sampled_from([1, 60, 900])}
steps = st.one_of(
    st.tuples(st.just("send"), st.fixed_dictionaries({"kind": st.just("ask"), **asked})),
    st.tuples(
        st.just("send"),
        st.fixed_dictionaries({"kind": st.sampled_from(["keyed", "delete"]), "name": st.sampled_from("ab"), **asked}),
    ),
    st.tuples(st.just("send"), st.fixed_dictionaries({"kind": st.sampled_from(["completed", "failed"]), **about})),
    st.tuples(
        st.just("send"), st.fixed_dictionaries({"kind": st.just("progress"), "progress": st.integers(0, 100), **about})
    ),
    st.tuples(st.just("send"), st.fixed_dictionaries({"kind": st.just("message"), "job": numbers})),
    st.tuples(st.just("deliver"), st.fixed_dictionaries({"size": st.integers(1, 12), "seed": st.integers(0, 2**32)})),
    st.tuples(st.just("deliver"), st.fixed_dictionaries({"size": st.integers(1, 12), "seed": st.integers(0, 2**32)})),
    st.tuples(
        st.just("pass_time"),
        st.fixed_dictionaries({"by": st.sampled_from([0, 1, 999, 5_000, 31_000, 61_000, 901_000, HOUR + 1])}),
    ),
    st.tuples(st.sampled_from(["cancel", "retry"]), st.fixed_dictionaries({"number": numbers})),
)


def test_ten_thousand_steps_end_as_the_model_has_them() -> None:
    ran: Counter[str] = Counter()
    ends: Counter[str] = Counter()

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(st.lists(steps, min_size=STEPS, max_size=STEPS), st.randoms(use_true_random=False))
    def walk(script: list[tuple[str, dict[str, Any]]], chance: random.Random) -> None:
        service = Service()
        for name, arguments in script:
            getattr(service, name)(**arguments)
            service.check()
            ran[name] += 1
        while service.pending:
            service.deliver(chance.randint(1, 30), chance.randint(0, 2**32))
            service.pass_time(chance.choice([0, 5_000]))
            service.check()
        assert all(service.delivered[sent.event_id] >= DELIVERIES for sent in service.sent)
        ran["deliveries"] += service.delivered.total()
        ends.update(job.status for job in service.world.store.jobs.values())

    walk()

    deliveries = ran.pop("deliveries")
    assert ran.total() >= STEPS * EXAMPLES, ran
    assert deliveries >= STEPS * EXAMPLES
    assert set(ends) >= {Status.COMPLETED, Status.FAILED, Status.CANCELLED}, ends
    print(f"\n{ran.total()} steps {dict(ran)}, {deliveries} deliveries, jobs at the end: {dict(ends)}")  # noqa: T201
