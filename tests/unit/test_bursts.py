"""Bursts at midnight: how many hints a tick sends, in which order, and what the starts cost.

Each burst is a tenth of a real one. `make prove` runs them whole.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobs.errors import Busy
from jobs.model import MINUTE, SECOND, DueJob
from jobs.store import keys
from jobs.timing import dispatch
from jobs.timing.dispatch import Dispatched
from jobs.timing.starting import start_jobs

from tests.builders import NOW, a_job
from tests.fakes import FakeStore, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from jobs.model import Due, Hint, JobKey, StartHint
    from jobs.outcomes import StartOutcome

SHARDS = 32
MIDNIGHT = NOW + 2 * MINUTE
Scale = pytest.mark.parametrize("scale", [10, pytest.param(1, marks=pytest.mark.prove)])


class Index(FakeStore):
    """A status index of rows without jobs. Rows that are due in one millisecond have no particular order."""

    def __init__(self, rows: Iterable[DueJob], shards: int = SHARDS) -> None:
        super().__init__(shards=shards)
        chance = random.Random(7)  # noqa: S311  # no secret
        self.rows = defaultdict[int, list[DueJob]](list)
        for row in sorted(rows, key=lambda row: (row.due_at, chance.random())):
            self.rows[self._shard(row.project_id, row.job_id)].append(row)
        self.places: dict[Due, int] = {row: place for rows in self.rows.values() for place, row in enumerate(rows)}

    def list_due(self, shard: int, after: Due | None, until: int, limit: int) -> list[Due]:
        first = 0 if after is None else self.places[after] + 1
        return [row for row in self.rows[shard][first : first + limit] if row.due_at <= until]


def midnight(scale: int) -> list[DueJob]:
    """1,000 jobs of each of 1,000 projects, all due in one millisecond."""
    return [DueJob(MIDNIGHT, project, job) for project in range(1_000 // scale) for job in range(1, 1_001)]


def minute(scale: int) -> list[DueJob]:
    """As many jobs, due all over a minute."""
    chance = random.Random(11)  # noqa: S311  # no secret
    return [row._replace(due_at=row.due_at - chance.randrange(MINUTE)) for row in midnight(scale)]


def one_tenant(scale: int) -> list[DueJob]:
    """100,000 jobs of one tenant, and one job of each of 1,000 others."""
    return [DueJob(MIDNIGHT, 0, job) for job in range(1, 100_000 // scale + 1)] + [
        DueJob(MIDNIGHT, project, 1) for project in range(1, 1_000 // scale + 1)
    ]


def least(rows: Iterable[DueJob]) -> int:
    """The fewest possible hints: 25 jobs each, for each project and due second."""
    herds = Counter((row.due_at // SECOND, row.project_id) for row in rows)
    return sum(-(-size // 25) for size in herds.values())


def told(messages: Iterable[StartHint]) -> Counter[DueJob]:
    return Counter(DueJob(due_at, message.project_id, job) for message in messages for job, due_at in message.jobs)


def tick(world: World, has_time: Callable[[int], bool] = lambda _: True) -> Dispatched:
    return dispatch.dispatch(world.ports, world.store.shards, has_time)


@pytest.fixture
def scaled(scale: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """Rounds are smaller by the same factor as the burst, so their number stays the same."""
    monkeypatch.setattr(dispatch, "ROUND", dispatch.ROUND // scale)
    return scale


# ---- how many messages --------------------------------------------------------------------------------------------


@Scale
@pytest.mark.parametrize("burst", [midnight, minute, one_tenant])
def test_a_burst_takes_no_message_more_than_it_must(scaled: int, burst: Callable[[int], list[DueJob]]) -> None:
    rows = burst(scaled)
    world = World(store=Index(rows))

    assert tick(world) == Dispatched(len(rows), 0)

    assert told(world.queue.messages) == Counter(rows)
    assert len(world.queue.messages) == least(rows)
    assert tick(world) == Dispatched(0, 0)


@Scale
@pytest.mark.parametrize("burst", [midnight, minute, one_tenant])
def test_a_burst_that_takes_more_than_one_tick_takes_a_tenth_more_messages_at_most(
    scaled: int, burst: Callable[[int], list[DueJob]]
) -> None:
    """The time runs out in the third round of each tick. What is left of it is for the hints of that round."""
    rows = burst(scaled)
    world = World(store=Index(rows))

    for _ in range(3):
        rounds = iter([True, True, True])

        def has_time(milliseconds: int, rounds: Any = rounds) -> bool:
            return milliseconds < dispatch.ROUND_TIME or next(rounds, False)

        tick(world, has_time)

    assert told(world.queue.messages) == Counter(rows)
    assert least(rows) <= len(world.queue.messages) <= 1.1 * least(rows)


def test_a_herd_that_is_due_all_the_time_takes_no_message_more_for_the_ticks_between(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dispatch, "ROUND", 200)
    rows = [DueJob(NOW + at, 1, number) for number, at in enumerate(range(0, 10 * MINUTE, 137), 1)]
    world = World(store=Index(rows))

    world.queue.visible = dispatch.SWEEP_BACKLOG + 1  # the sweep finds nothing, because everything that is due starts
    world.clock.sleep(234)
    for _ in range(10):
        tick(world)
        world.clock.sleep(MINUTE - 777)

    assert told(world.queue.messages) == Counter(rows)
    assert len(world.queue.messages) == least(rows)


@given(
    jobs=st.lists(st.tuples(st.integers(0, 4_000), st.integers(1, 3)), min_size=1, max_size=150),
    size=st.integers(1, 40),
    held=st.integers(1, 200),
    rounds=st.lists(st.integers(1, 9), max_size=4),
    refused=st.sets(st.integers(1, 150), max_size=3),
)
def test_however_ticks_are_cut_short_every_job_is_hinted_and_no_watermark_passes_one(
    jobs: list[tuple[int, int]], size: int, held: int, rounds: list[int], refused: set[int]
) -> None:
    rows = [DueJob(NOW + at, project, number) for number, (at, project) in enumerate(jobs, 1)]
    world = World(store=Index(rows, shards=3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dispatch, "ROUND", size)
        patch.setattr(dispatch, "MAX_UNMARKED", held)
        patch.setattr(dispatch, "SLICE", 3)
        for looks in [*rounds, None]:
            world.queue.refuses = refused if looks else set()
            left = iter([True] * looks) if looks else iter(lambda: True, None)
            tick(world, lambda _, left=left: next(left, False))  # type: ignore[misc]  # bound where it is made

            hinted = told(world.queue.messages)
            for row in rows:
                mark = world.store.watermarks.get(world.store._shard(row.project_id, row.job_id))
                places = world.store.places  # type: ignore[attr-defined]
                assert mark is None or places[row] > places[mark] or hinted[row]

    assert set(told(world.queue.messages)) == set(rows)


def test_seconds_that_were_read_to_their_end_go_out_before_more_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tick that fails in a later round has kept the watermarks of the rounds before."""
    monkeypatch.setattr(dispatch, "ROUND", 5_000)
    rows = minute(100)
    world = World(store=Index(rows))
    list_due = world.store.list_due

    def break_in_second_round(shard: int, after: Due | None, until: int, limit: int) -> list[Due]:
        if after is not None:
            raise Busy
        return list_due(shard, after, until, limit)

    with monkeypatch.context() as patch:
        patch.setattr(world.store, "list_due", break_in_second_round)
        with pytest.raises(Busy):
            tick(world)

    read = {shard: list_due(shard, None, MIDNIGHT, 5_000 // SHARDS) for shard in range(SHARDS)}
    end = min(of_shard[-1].due_at for of_shard in read.values()) // SECOND * SECOND
    assert set(told(world.queue.messages)) >= {row for row in rows if row.due_at < end}
    for shard, of_shard in read.items():
        assert world.store.watermarks[shard] >= max(row for row in of_shard if row.due_at < end)
    tick(world)
    assert set(told(world.queue.messages)) == set(rows)


def test_what_a_tick_holds_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that fills no hint stops its shard's watermark, so all rows behind it have to be kept."""
    monkeypatch.setattr(dispatch, "ROUND", 1_000)
    monkeypatch.setattr(dispatch, "MAX_UNMARKED", 3_000)
    rows = midnight(100)
    world = World(store=Index(rows))
    marks: list[int] = []
    raise_watermark = world.store.raise_watermark

    def note(watermark: Any) -> None:
        raise_watermark(watermark)
        marks.append(len(world.queue.messages))

    monkeypatch.setattr(world.store, "raise_watermark", note)

    tick(world)

    assert told(world.queue.messages) == Counter(rows)
    # all of it moves after every third round, with up to one more hint for each of the ten projects
    assert len(set(marks)) >= 3
    assert least(rows) < len(world.queue.messages) <= least(rows) + 3 * 10


def test_two_ticks_at_once_double_the_messages_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "ROUND", 1_000)
    rows = midnight(100)
    world = World(store=Index(rows))
    send = world.queue.send
    others = iter([tick])

    def send_beside_another(messages: Iterable[Hint]) -> Sequence[Hint]:
        for other in others:
            other(world)
        return send(messages)

    monkeypatch.setattr(world.queue, "send", send_beside_another)

    tick(world)

    assert set(told(world.queue.messages).values()) == {2}
    assert len(world.queue.messages) == 2 * least(rows)
    world.queue.messages.clear()
    assert tick(world) == Dispatched(0, 0)


def test_a_refused_hint_stops_its_own_shard_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next tick would send again what lies behind it. A hint that is not full waits for that shard in vain."""
    monkeypatch.setattr(dispatch, "ROUND", 60)
    store = FakeStore(shards=2)
    of_first = [job for job in range(1, 1_000) if store._shard(1, job) == 0][:90]
    of_second = next(job for job in range(1_000, 2_000) if store._shard(2, job) == 1)
    rows = [DueJob(MIDNIGHT + place, 1, job) for place, job in enumerate(of_first)]
    rows.append(DueJob(MIDNIGHT, 2, of_second))
    world = World(store=Index(rows, shards=2))
    world.queue.refuses = {of_first[0]}

    tick(world)

    assert sorted(told(world.queue.messages)) == sorted([*rows[25:30], rows[-1]])
    world.queue.refuses = set()
    tick(world)
    assert set(told(world.queue.messages)) == set(rows)


# ---- in which order -----------------------------------------------------------------------------------------------


@Scale
def test_a_tenant_with_one_job_does_not_wait_behind_another_s_herd(scale: int) -> None:
    rows = one_tenant(scale)
    world = World(store=Index(rows))

    tick(world)

    tenants = 1_000 // scale + 1
    first = [message.project_id for message in world.queue.messages[:tenants]]
    assert sorted(first) == list(range(tenants))


def test_jobs_of_one_message_are_in_as_many_partitions_of_the_table_as_there_are() -> None:
    world = World(store=Index(one_tenant(10)))

    tick(world)

    for message in world.queue.messages[:100]:
        if message.project_id == 0:
            assert len({keys.block_of(job) for job, _ in message.jobs}) == 10
    first = [job for message in world.queue.messages for job, _ in message.jobs if message.project_id == 0][:1_000]
    assert set(Counter(map(keys.block_of, first)).values()) == {100}


# ---- what starts cost ---------------------------------------------------------------------------------------------


def test_a_burst_starts_in_a_twenty_fifth_of_as_many_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    rows = midnight(100)
    world.store.jobs |= {row[1:]: a_job(project_id=row.project_id, job_id=row.job_id, at=MIDNIGHT) for row in rows}
    tick(world)
    calls: list[int] = []
    start = world.store.start_jobs

    def counted(jobs: Sequence[JobKey], now: int) -> list[StartOutcome]:
        calls.append(len(jobs))
        return start(jobs, now)

    monkeypatch.setattr(world.store, "start_jobs", counted)
    world.clock.sleep(MIDNIGHT - NOW)

    while invocation := world.queue.messages[:10]:
        assert start_jobs(world.ports, invocation, lambda _: True) == set()
        del world.queue.messages[:10]

    assert {job.started_at for job in world.store.jobs.values()} == {MIDNIGHT}
    assert len(calls) == least(rows) == len(rows) / 25
