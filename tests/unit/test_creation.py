"""Creating: dense numbers, idempotency keys and one active deletion per user, for any answer of the store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobs.errors import Busy, DeletionActive, EventSeen, IdempotencyKeyReused
from jobs.lifecycle import creation
from jobs.lifecycle.creation import IdempotencyKey, Request, create_batch, create_job
from jobs.model import DELETE_USER_DATA, DueJob, Run, SeenEvent, StartHint, Status
from jobs.outcomes import AppendOutcome, AppendResult
from jobs.store import items
from jobs.timing.hints import announce

from tests.builders import NOW, a_job, a_project, a_request, start
from tests.fakes import FakeStore, World

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jobs.model import DeletionLock, IdempotencyRecord
    from jobs.outcomes import NewRow
    from jobs.tenants import Project

PROJECT = a_project()
HOURS_24 = 24 * 3_600_000


@dataclass
class ContendedStore(FakeStore):
    """Answers appends by a script of outcomes and rivals, and after that as the store does."""

    #: What happens instead of each append: an outcome is answered, or a rival goes first.
    script: list[AppendOutcome | Callable[[FakeStore], object]] = field(default_factory=list)
    #: (jobId, token) of every append that was tried.
    tried: list[tuple[int, str]] = field(default_factory=list)

    def append(
        self, rows: Sequence[NewRow], record: IdempotencyRecord | None = None, lock: DeletionLock | None = None
    ) -> AppendResult:
        self.tried += [(row.job.job_id, row.token) for row in rows]
        step = self.script.pop(0) if self.script else None
        if isinstance(step, AppendOutcome):
            return AppendResult(step)
        if step is not None:
            step(self)
        return super().append(rows, record, lock)


def contended(*script: AppendOutcome | Callable[[FakeStore], object]) -> tuple[World, ContendedStore]:
    store = ContendedStore(script=list(script))
    return World(store=store), store


def a_rival(**overrides: Any) -> Callable[[FakeStore], object]:
    """Another caller who creates a job between our read and our write."""

    def create(store: FakeStore) -> None:
        number = store.highest_job_id(PROJECT, strong=True) + 1
        store.jobs[1, number] = a_job(job_id=number, **overrides)
        store.tokens[1, number] = "rival"

    return create


def a_deletion(user_id: str = "u") -> Any:
    return a_request(action=DELETE_USER_DATA, reference_id=user_id)


def create(world: World, new: Any = None, key: IdempotencyKey | None = None, project: Project = PROJECT) -> Any:
    return create_job(world.ports, project, new or a_request(), by="key-1", idempotency=key)


def test_numbers_are_dense_in_each_project_of_its_own(world: World) -> None:
    other = a_project(project_id=2)

    numbers = [create(world, project=project).job.job_id for project in (PROJECT, PROJECT, other, PROJECT)]

    assert numbers == [1, 2, 1, 3]


def test_a_job_is_stored_as_it_was_asked_for(world: World) -> None:
    new = a_request(
        description="d", reference_id="r", start_at=NOW + 5, params={"a": 1}, max_attempts=3, timeout_seconds=60
    )

    created = create(world, new)

    assert created == (
        a_job(
            description="d",
            reference_id="r",
            start_at=NOW + 5,
            next_at=NOW + 5,
            max_attempts=3,
            timeout_seconds=60,
            has_params=True,
        ),
        False,
    )
    assert world.store.get_job(1, 1) == created.job
    assert world.store.get_params(1, 1) == {"a": 1}


def test_a_start_in_the_past_is_due_now_and_remembered_as_asked(world: World) -> None:
    job = create(world, a_request(start_at=NOW - 10)).job

    assert (job.start_at, job.due_at) == (NOW - 10, NOW)


def test_a_taken_number_leads_to_the_next_one_after_a_wait() -> None:
    world, store = contended(a_rival(), a_rival())

    assert create(world).job.job_id == 3

    assert store.tried == [(1, "token-0"), (2, "token-0"), (3, "token-0")]
    assert world.clock.slept == [10, 20]


class Lagging(FakeStore):
    """A store whose weak reads do not see any job yet."""

    def highest_job_id(self, project: Project, *, strong: bool) -> int:
        return super().highest_job_id(project, strong=strong) if strong else 0


def test_no_creator_waits_for_a_weak_read_to_catch_up() -> None:
    world = World(store=Lagging())

    create(world)
    create(world)
    create_batch(world.ports, PROJECT, some(2))

    assert sorted(number for _, number in world.store.jobs) == [1, 2, 3, 4]
    assert world.clock.slept == []


def test_what_proves_nothing_is_tried_again_with_the_same_number_and_token() -> None:
    world, store = contended(AppendOutcome.UNCERTAIN, AppendOutcome.UNCERTAIN)

    assert create(world).job.job_id == 1

    assert store.tried == [(1, "token-0")] * 3


def test_a_lost_answer_is_found_by_its_own_token_and_makes_one_job() -> None:
    def commit_unheard(store: FakeStore) -> None:
        store.jobs[1, 1], store.tokens[1, 1] = a_job(), "token-0"

    world, store = contended(commit_unheard)

    assert create(world).job.job_id == 1
    assert list(store.jobs) == [(1, 1)]


@pytest.mark.parametrize("outcome", [AppendOutcome.UNCERTAIN, AppendOutcome.NUMBER_TAKEN, AppendOutcome.OVERTAKEN])
def test_a_creator_gives_up_after_five_seconds_and_not_after_a_count(outcome: AppendOutcome) -> None:
    world, store = contended(*[outcome] * 1_000)

    with pytest.raises(Busy):
        create(world)

    assert 5_000 <= world.clock.now() - NOW < 5_400
    assert max(world.clock.slept) == 200  # half of the widest window, as the fake's random is a half
    assert store.jobs == {}
    assert world.queue.messages == []


def test_many_losses_within_the_deadline_are_borne() -> None:
    world, _ = contended(*[a_rival()] * 25)

    assert create(world).job.job_id == 26


@given(st.lists(st.sampled_from([*AppendOutcome, None]), max_size=12))
def test_no_answer_of_the_store_makes_a_gap_or_a_repeat(answers: list[AppendOutcome | None]) -> None:
    """`DONE` is a commit whose answer arrives, None a rival who goes first."""
    script = [a_rival() if answer is None else answer for answer in answers if answer is not AppendOutcome.DONE]
    world, store = contended(*script)

    created = [create(world).job.job_id for _ in range(3)]

    assert created == sorted(set(created))
    assert sorted(number for _, number in store.jobs) == list(range(1, len(store.jobs) + 1))


def test_a_replay_gives_the_first_job_whatever_its_state_by_then(world: World) -> None:
    key = IdempotencyKey("k", "body")
    created = create(world, key=key)
    cancelled = world.store.cancel_job(1, 1, NOW + 1, "key-1")

    assert created.replayed is False
    assert create(world, key=key) == (cancelled, True)
    assert len(world.store.jobs) == 1


def test_a_key_with_another_body_is_refused(world: World) -> None:
    create(world, key=IdempotencyKey("k", "body"))

    with pytest.raises(IdempotencyKeyReused):
        create(world, key=IdempotencyKey("k", "other"))

    assert len(world.store.jobs) == 1


def test_a_key_is_one_project_s_own_and_is_stored_as_a_digest(world: World) -> None:
    key = IdempotencyKey("shekar@example.com", "body")
    create(world, key=key)

    assert create(world, key=key, project=a_project(project_id=2)).replayed is False
    assert "shekar" not in str(world.store.records)


def test_nobody_without_the_project_s_secret_can_guess_a_key_or_a_body_from_what_is_stored(world: World) -> None:
    key = IdempotencyKey("shekar@example.com", "body")
    for project in (a_project(), a_project(project_id=2, secret=b"1" * 32)):
        create(world, key=key, project=project)

    one, other = world.store.records.values()

    assert one.key_digest != other.key_digest
    assert one.body_digest not in {other.body_digest, key.body_digest}
    # a job and a schedule have records of their own: one key may make both
    assert {one.key_digest, one.body_digest} == {*key.stored_in(a_project(), "job")}
    assert key.stored_in(a_project(), "schedule")[0] != one.key_digest


def test_a_key_is_free_again_after_a_day(world: World) -> None:
    key = IdempotencyKey("k", "body")
    create(world, key=key)

    world.clock.time += HOURS_24 - 1
    assert create(world, key=key).replayed is True
    world.clock.time += 1
    assert create(world, key=key) == (world.store.jobs[1, 2], False)


def test_of_two_with_one_key_the_slower_gets_the_job_of_the_faster() -> None:
    key = IdempotencyKey("k", "body")
    world, store = contended(lambda store: _create_as_rival(store, a_request(), key))

    created = create(world, key=key)

    assert created == (store.jobs[1, 1], True)
    assert len(store.jobs) == 1


def test_a_user_has_one_active_deletion(world: World) -> None:
    first = create(world, a_deletion()).job

    with pytest.raises(DeletionActive) as refusal:
        create(world, a_deletion())
    assert refusal.value.job == first
    assert create(world, a_deletion("v")).job.job_id == 2
    assert create(world, a_deletion(), project=a_project(project_id=2)).job.job_id == 1
    assert create(world, a_request(reference_id="u")).job.job_id == 3


@pytest.mark.parametrize("end", [Status.COMPLETED, Status.FAILED, Status.CANCELLED])
def test_a_user_whose_deletion_has_ended_can_be_deleted_again_and_once(world: World, end: Status) -> None:
    first = create(world, a_deletion()).job
    world.store.jobs[1, 1] = first._replace(status=end, next_at=None)

    assert create(world, a_deletion()).job.job_id == 2
    with pytest.raises(DeletionActive) as refusal:
        create(world, a_deletion())
    assert refusal.value.job.job_id == 2


def test_a_running_deletion_is_active(world: World) -> None:
    create(world, a_deletion())
    start(world.store, 1, NOW)

    with pytest.raises(DeletionActive):
        create(world, a_deletion())


def test_of_two_deletions_of_one_user_at_once_one_is_refused() -> None:
    world, store = contended(lambda store: _create_as_rival(store, a_deletion(), None))

    with pytest.raises(DeletionActive) as refusal:
        create(world, a_deletion())

    assert refusal.value.job == store.jobs[1, 1]
    assert len(store.jobs) == 1


def test_a_replay_is_answered_before_the_rule_is_looked_at(world: World) -> None:
    key = IdempotencyKey("k", "body")
    first = create(world, a_deletion(), key).job

    assert create(world, a_deletion(), key) == (first, True)
    with pytest.raises(DeletionActive):
        create(world, a_deletion(), IdempotencyKey("other", "body"))


def test_a_replay_wins_over_the_rule_even_where_the_first_is_committed_meanwhile() -> None:
    key = IdempotencyKey("k", "body")
    world, _ = contended(lambda store: _create_as_rival(store, a_deletion(), key))

    assert create(world, a_deletion(), key).replayed is True


def test_a_replay_wins_over_the_rule_where_the_first_is_committed_between_two_reads(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether lock or record is read first, the job that both name appears right after that read."""
    key, store = IdempotencyKey("k", "body"), world.store
    reads = {name: getattr(store, name) for name in ("find_deletion_lock", "find_idempotency_record")}

    def then_the_rival(name: str) -> Callable[..., object]:
        def read(*arguments: object) -> object:
            found = reads[name](*arguments)
            if not store.jobs:
                _create_as_rival(store, a_deletion(), key)
            return found

        return read

    for name in reads:
        monkeypatch.setattr(store, name, then_the_rival(name))

    assert create(world, a_deletion(), key) == (store.jobs[1, 1], True)


@pytest.mark.parametrize(("ahead", "hinted"), [(-5, True), (0, True), (240_000, True), (240_001, False)])
def test_a_job_due_within_four_minutes_is_hinted_by_its_creator(world: World, ahead: int, hinted: bool) -> None:  # noqa: FBT001
    create(world, a_request(start_at=NOW + ahead))

    due = StartHint(1, ((1, max(NOW, NOW + ahead)),))
    assert world.queue.messages == ([due] if hinted else [])


def test_a_hint_that_can_not_be_sent_is_counted_and_no_error_of_the_caller(world: World) -> None:
    world.queue.refuses = {1}

    assert create(world).job.job_id == 1

    assert world.meter.counts["StartHintNotSent"] == 1


def test_a_replay_is_not_hinted_again(world: World) -> None:
    for _ in range(2):
        create(world, key=IdempotencyKey("k", "body"))

    assert world.queue.job_ids == [1]


def test_a_block_that_can_not_be_noted_is_counted_and_the_job_hinted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def throttled(project: Project, job_id: int) -> None:
        raise Busy

    monkeypatch.setattr(world.store, "note_block", throttled)

    assert create(world).job.job_id == 1

    assert world.meter.counts["BlockHintNotNoted"] == 1
    assert world.queue.job_ids == [1]


def test_the_block_of_a_new_job_is_noted(world: World) -> None:
    world.store.jobs[1, 1_000] = a_job(job_id=1_000)

    create(world)

    assert world.store.blocks == {1: 1}


def test_hints_say_whose_jobs_are_due_when_and_leave_out_what_a_tick_will_see(world: World) -> None:
    announce(world.ports, [DueJob(NOW + 7, 3, 9), DueJob(NOW + 240_001, 3, 10), DueJob(NOW + 8, 3, 11)])

    assert world.queue.messages == [StartHint(3, ((9, NOW + 7), (11, NOW + 8)))]


def _create_as_rival(store: FakeStore, new: Any, key: IdempotencyKey | None) -> None:
    """Create a job in between, with the use case itself, on a plain view of the same rows."""
    plain = FakeStore(
        jobs=store.jobs,
        tokens=store.tokens,
        params=store.params,
        records=store.records,
        locks=store.locks,
        seen=store.seen,
    )
    rival = World(store=plain)
    rival.ports.token()  # its tokens must not be ours
    create_job(rival.ports, PROJECT, new, by="key-2", idempotency=key)


# ---- events -------------------------------------------------------------------------------------------------------


def a_mark(event: object) -> SeenEvent:
    return SeenEvent(f"digest-{event}", NOW // 1_000 + 60)


def test_an_event_makes_one_job_however_often_it_comes(world: World) -> None:
    new = a_request(action=DELETE_USER_DATA, reference_id="u")
    create_job(world.ports, PROJECT, new, by="shop", seen=a_mark(1))

    with pytest.raises(EventSeen):  # the answer is the replay, not the active deletion
        create_job(world.ports, PROJECT, new, by="shop", seen=a_mark(1))

    assert len(world.store.jobs) == 1


def test_of_two_deliveries_of_an_event_at_once_one_makes_the_job() -> None:
    def deliver(store: FakeStore) -> None:
        plain = FakeStore(jobs=store.jobs, tokens=store.tokens, seen=store.seen)
        rival = World(store=plain)
        rival.ports.token()
        create_job(rival.ports, PROJECT, a_request(), by="shop", seen=a_mark(1))

    world, store = contended(deliver)

    with pytest.raises(EventSeen):
        create_job(world.ports, PROJECT, a_request(), by="shop", seen=a_mark(1))

    assert len(store.jobs) == 1


def some(count: int, first: int = 0, **changes: Any) -> list[Request]:
    numbers = range(first, first + count)
    return [Request(a_request(description=f"{n}", **changes), f"source-{n}", a_mark(n)) for n in numbers]


def test_a_batch_s_jobs_are_as_they_were_asked_for_and_in_that_order(world: World) -> None:
    requests = some(3, params={"a": 1}, start_at=NOW + 5)

    jobs = create_batch(world.ports, PROJECT, requests)

    assert jobs == [world.store.jobs[1, number] for number in (1, 2, 3)]
    assert [(job.job_id, job.description, job.history[0].by) for job in jobs if job is not None] == [
        (1, "0", "source-0"),
        (2, "1", "source-1"),
        (3, "2", "source-2"),
    ]
    assert world.store.get_params(1, 3) == {"a": 1}
    assert world.queue.messages == [StartHint(1, ((1, NOW + 5), (2, NOW + 5), (3, NOW + 5)))]


def sizes(monkeypatch: pytest.MonkeyPatch, requests: list[Request]) -> list[int]:
    world = World()
    appended = []
    append = world.store.append

    def counted(rows: Sequence[NewRow], *_: object) -> AppendResult:
        appended.append(len(rows))
        assert sum(3 if row.params else 2 for row in rows) <= 100
        assert sum(len(str(row.params)) for row in rows) < 4_000_000
        return append(rows)

    monkeypatch.setattr(world.store, "append", counted)
    assert len(create_batch(world.ports, PROJECT, requests)) == len(requests) == len(world.store.jobs)
    assert [job.description for job in world.store.jobs.values()] == [request.new.description for request in requests]
    return appended


@pytest.mark.parametrize(
    ("requests", "expected"),
    [
        (some(1), [1]),
        (some(50), [50]),
        (some(51), [50, 1]),
        (some(120), [50, 50, 20]),
        (some(33, params={"a": 1}), [33]),
        (some(34, params={"a": 1}), [33, 1]),
        (some(40) + some(10, 40, params={"a": 1}), [46, 4]),
        (some(33, params={"a": "x" * 32_000}), [33]),
    ],
    ids=["1", "50", "51", "120", "33 with params", "34 with params", "mixed", "the largest params"],
)
def test_a_batch_is_cut_at_a_hundred_actions(
    monkeypatch: pytest.MonkeyPatch, requests: list[Request], expected: list[int]
) -> None:
    assert sizes(monkeypatch, requests) == expected


def test_a_batch_is_cut_by_its_bytes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(creation, "MAX_TRANSACTION_BYTES", 100_000)

    # 2,000 for a row and its mark, and 30,010 of parameters
    assert sizes(monkeypatch, some(7, params={"a": "x" * 30_000})) == [3, 3, 1]
    assert sizes(monkeypatch, some(2, params={"a": "x" * 200_000})) == [1, 1]  # a single request is always tried


def test_a_batch_of_the_largest_rows_fits_a_transaction(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """DynamoDB takes 4 MB: fifty rows with a hundred collections each are more."""
    run = Run(collection_ids=("\N{GRINNING FACE}" * 256,) * 100)
    append, weights = world.store.append, list[int]()

    def weighed(rows: Sequence[NewRow], *_: object) -> AppendResult:
        weights.append(sum(len(str(items.job_to_item(row.job, row.token, 32)).encode()) for row in rows))
        return append(rows)

    monkeypatch.setattr(world.store, "append", weighed)
    create_batch(world.ports, PROJECT, some(50, run=run))

    assert max(weights) <= 4_000_000


def test_events_of_a_batch_that_were_taken_are_left_out_and_told(world: World) -> None:
    requests = some(4)
    create_batch(world.ports, PROJECT, [requests[1]])
    create_batch(world.ports, PROJECT, [requests[3]])

    jobs = create_batch(world.ports, PROJECT, requests)

    assert [job and job.job_id for job in jobs] == [3, None, 4, None]
    assert sorted(number for _, number in world.store.jobs) == [1, 2, 3, 4]
    assert create_batch(world.ports, PROJECT, requests) == [None] * 4
    assert world.queue.job_ids == [1, 2, 3, 4]


def test_a_batch_that_loses_its_numbers_goes_on_with_the_next_after_a_wait() -> None:
    world, store = contended(a_rival(), a_rival())

    jobs = create_batch(world.ports, PROJECT, some(2))

    assert [job and job.job_id for job in jobs] == [3, 4]
    assert [number for number, _ in store.tried] == [1, 2, 2, 3, 3, 4]
    assert world.clock.slept == [10, 20]


def test_a_batch_whose_answer_is_lost_is_found_by_its_own_tokens() -> None:
    def commit_unheard(store: FakeStore) -> None:
        for number, mark in ((1, a_mark(0)), (2, a_mark(1))):
            store.jobs[1, number], store.tokens[1, number] = a_job(job_id=number), f"token-{number - 1}"
            store.seen[mark.digest] = mark

    world, store = contended(AppendOutcome.UNCERTAIN, commit_unheard)

    assert [job and job.job_id for job in create_batch(world.ports, PROJECT, some(2))] == [1, 2]

    assert store.tried == [(1, "token-0"), (2, "token-1")] * 2
    assert sorted(number for _, number in store.jobs) == [1, 2]


@pytest.mark.parametrize("outcome", [AppendOutcome.UNCERTAIN, AppendOutcome.NUMBER_TAKEN])
def test_a_batch_gives_up_after_twenty_seconds_and_what_it_made_is_known_again(outcome: AppendOutcome) -> None:
    world, store = contended(lambda _: None, *[outcome] * 1_000)

    with pytest.raises(Busy):
        create_batch(world.ports, PROJECT, some(60))
    assert 20_000 <= world.clock.now() - NOW < 20_400
    assert len(store.jobs) == 50

    store.script.clear()
    jobs = create_batch(world.ports, PROJECT, some(60))
    assert [job and job.job_id for job in jobs] == [None] * 50 + list(range(51, 61))


@given(
    st.lists(st.one_of(st.sampled_from([AppendOutcome.UNCERTAIN, AppendOutcome.NUMBER_TAKEN]), st.none()), max_size=8),
    st.data(),
)
def test_no_answer_of_the_store_makes_a_gap_or_a_second_job_of_an_event(
    answers: list[AppendOutcome | None], data: st.DataObject
) -> None:
    """None is a rival who goes first. Events come again in batches of their own."""
    world, store = contended(*(a_rival() if answer is None else answer for answer in answers))
    requests = some(8)

    made = [
        job
        for _ in range(3)
        for job in create_batch(
            world.ports, PROJECT, data.draw(st.lists(st.sampled_from(requests), unique_by=lambda each: each.seen))
        )
        if job is not None
    ]

    assert sorted(number for _, number in store.jobs) == list(range(1, len(store.jobs) + 1))
    assert len({job.description for job in made}) == len(made)


def test_the_last_block_of_a_batch_is_noted(world: World) -> None:
    world.store.jobs[1, 999] = a_job(job_id=999)

    create_batch(world.ports, PROJECT, some(2))

    assert world.store.blocks == {1: 1}
