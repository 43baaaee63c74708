"""What a worker's reports do to an attempt, and when progress is written."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobs.lifecycle import reporting
from jobs.model import Change, DueJob, JobKey, Message, SeenEvent, Severity, StartHint, Status
from jobs.outcomes import Attempt, Failure, ReportOutcome

from tests.builders import NOW, a_job, start
from tests.fakes import World

if TYPE_CHECKING:
    from jobs.model import Job
    from jobs.ports import Ports

FIRST = Attempt(1, 1, 1)
HOUR = 3_600_000


def running(world: World, **job: Any) -> None:
    world.store.jobs[1, 1] = a_job(**job)
    start(world.store, 1, NOW)


def the_job(world: World) -> Job:
    return world.store.jobs[1, 1]


def at_random(world: World, chance: float) -> Ports:
    return replace(world.ports, random=lambda: chance)


def fail(world: World, attempt: Attempt = FIRST) -> ReportOutcome:
    return reporting.fail(world.ports, attempt, Failure(["no disk"]), by="worker")


def beat(world: World, after: int, progress: int | None, attempt: Attempt = FIRST) -> ReportOutcome:
    world.clock.time = NOW + after
    return reporting.note_progress(world.ports, attempt, progress, NOW + after)


def test_a_sign_of_life_that_comes_late_moves_nothing_on(world: World) -> None:
    running(world)
    assert beat(world, 40_000, 10) is ReportOutcome.APPLIED
    before = world.store.jobs[1, 1]
    world.clock.time = NOW + 600_000

    assert reporting.note_progress(world.ports, FIRST, 20, NOW + 30_000) is ReportOutcome.APPLIED
    assert world.store.jobs[1, 1] == before


def test_a_sign_of_life_from_the_future_counts_as_of_now(world: World) -> None:
    running(world)

    reporting.note_progress(world.ports, FIRST, 20, NOW + 10**9)

    assert world.store.jobs[1, 1].timeout_at == world.clock.now() + world.store.jobs[1, 1].timeout_seconds * 1_000


# ---- the end of an attempt ----------------------------------------------------------------------------------------


def test_a_completed_job_says_who_completed_it_and_what_it_put_out(world: World) -> None:
    running(world)
    world.clock.time = NOW + 7

    assert reporting.complete(world.ports, FIRST, by="worker", outputs=["a.csv"]) is ReportOutcome.APPLIED

    assert the_job(world).history[-1] == Change(Status.COMPLETED, NOW + 7, "worker")
    assert world.store.get_outputs(the_job(world)) == ["a.csv"]
    assert world.queue.messages == []


def test_each_completion_has_a_token_of_its_own_so_that_a_later_one_never_finds_it(world: World) -> None:
    running(world)

    reports = [reporting.complete(world.ports, FIRST, by="worker", outputs=[n]) for n in (1, 2)]

    assert reports == [ReportOutcome.APPLIED, ReportOutcome.STALE]
    assert world.store.get_outputs(the_job(world)) == [1]


def test_a_failure_with_attempts_left_schedules_the_next_one_and_hints_it(world: World) -> None:
    running(world, max_attempts=2)

    assert fail(world) is ReportOutcome.APPLIED

    job = the_job(world)
    assert (job.status, job.attempt, job.due_at, job.errors) == (Status.SCHEDULED, 2, NOW + 2_000, ("no disk",))
    assert world.queue.messages == [StartHint(1, ((1, NOW + 2_000),))]


def test_a_failure_that_no_attempt_would_help_fails_the_job_at_once(world: World) -> None:
    running(world, max_attempts=3)

    failure = Failure(["no such user"], retryable=False, retry_after=60)
    assert reporting.fail(world.ports, FIRST, failure, by="worker") is ReportOutcome.APPLIED

    assert (the_job(world).status, the_job(world).attempt) == (Status.FAILED, 1)
    assert world.queue.messages == []


@pytest.mark.parametrize("seconds", [0, 60, 86_400])
def test_a_worker_may_say_when_the_next_attempt_is_due(world: World, seconds: int) -> None:
    running(world, max_attempts=2)

    failure = Failure(["busy"], retry_after=seconds)
    assert reporting.fail(world.ports, FIRST, failure, by="worker") is ReportOutcome.APPLIED

    assert the_job(world).due_at == NOW + seconds * 1_000
    assert bool(world.queue.messages) is (seconds <= 240)


@pytest.mark.parametrize("attempt", [1, 3])
def test_errors_of_a_report_that_changes_nothing_are_not_kept(world: World, attempt: int) -> None:
    running(world, attempt=2, max_attempts=3)

    fail(world, Attempt(1, 1, attempt))
    fail(world, Attempt(1, 9, attempt))

    assert world.store.evidence == {}


def test_a_failure_of_the_last_attempt_is_the_job_s(world: World) -> None:
    running(world, attempt=2, max_attempts=2)

    assert fail(world, Attempt(1, 1, 2)) is ReportOutcome.APPLIED

    assert (the_job(world).status, the_job(world).errors) == (Status.FAILED, ("no disk",))
    assert world.queue.messages == []


@pytest.mark.parametrize("attempt", [1, 2, 3, 20])
def test_a_failure_of_another_attempt_changes_and_hints_nothing(world: World, attempt: int) -> None:
    running(world, attempt=2, max_attempts=3)
    before = the_job(world)

    report = fail(world, Attempt(1, 1, attempt))

    assert report is {1: ReportOutcome.STALE, 2: ReportOutcome.APPLIED}.get(attempt, ReportOutcome.EARLY)
    assert (the_job(world) == before) is (attempt != 2)
    assert bool(world.queue.messages) is (attempt == 2)


def test_reports_of_an_unknown_job_are_told(world: World) -> None:
    assert fail(world) is ReportOutcome.UNKNOWN
    assert beat(world, 0, 1) is ReportOutcome.UNKNOWN
    assert reporting.complete(world.ports, FIRST, by="worker") is ReportOutcome.UNKNOWN
    assert world.store.jobs == {}


# ---- back-off -----------------------------------------------------------------------------------------------------


def test_the_window_doubles_from_four_seconds_up_to_an_hour() -> None:
    windows = [reporting.back_off_window(attempt) for attempt in range(1, 20)]

    assert windows[:4] == [4_000, 8_000, 16_000, 32_000]
    assert windows[10:] == [HOUR] * 9
    assert windows[9] == 2_048_000


@given(st.integers(1, 19), st.floats(0, 1, exclude_max=True))
def test_the_next_attempt_is_due_anywhere_in_the_window(attempt: int, chance: float) -> None:
    world = World()
    running(world, attempt=attempt, max_attempts=20)

    reporting.fail(at_random(world, chance), Attempt(1, 1, attempt), Failure(["no disk"]), by="worker")

    due = the_job(world).due_at
    assert due is not None
    assert due - NOW == round(min(HOUR, 4_000 * 2 ** (attempt - 1)) * chance)
    assert world.queue.messages == ([StartHint(1, ((1, due),))] if due - NOW <= 240_000 else [])


# ---- progress -----------------------------------------------------------------------------------------------------


def test_progress_is_written_first_at_each_quarter_and_every_ten_seconds_if_it_is_news(world: World) -> None:
    running(world)
    beats = {  # milliseconds after the start, and the progress that is reported: what is shown then, and what is moved
        (10, 0): (0, 0),
        (20, 1): (0, 0),
        (10_009, 1): (0, 0),
        (10_010, 1): (1, 0),
        (10_020, 24): (1, 0),
        (10_030, 25): (25, 0),
        (20_030, 25): (25, 0),
        (29_999, 26): (26, 0),
        (30_000, 27): (27, 30_000),
        (30_001, 49): (27, 30_000),
        (30_002, 80): (80, 30_000),
        (59_999, 80): (80, 30_000),
        (60_000, None): (80, 60_000),
        (60_001, 100): (100, 60_000),
    }

    written = {}
    for after, progress in beats:
        assert beat(world, after, progress) is ReportOutcome.APPLIED
        written[after, progress] = (the_job(world).progress, (the_job(world).timeout_at or 0) - NOW - 900_000)

    assert written == beats


def test_a_report_a_second_for_five_minutes_costs_what_decision_0031_says(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    running(world)
    note, moves = world.store.note_progress, list[bool]()

    def counted(attempt: Attempt, progress: int, at: int, timeout_at: int | None) -> ReportOutcome:
        moves.append(timeout_at is not None)
        return note(attempt, progress, at, timeout_at)

    monkeypatch.setattr(world.store, "note_progress", counted)
    for second in range(1, 301):
        beat(world, 1_000 * second, second // 3)

    assert (moves.count(True), moves.count(False)) == (10, 23)


def test_what_is_not_news_makes_no_write(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    running(world)
    beat(world, 0, 30)
    monkeypatch.delattr(type(world.store), "note_progress")

    assert [beat(world, 29_999, 30), beat(world, 5, 40)] == [ReportOutcome.APPLIED] * 2


@pytest.mark.parametrize(("timeout", "gap"), [(1, 250), (4, 1_000), (60, 15_000), (120, 30_000), (31_536_000, 30_000)])
def test_the_time_out_moves_on_after_thirty_seconds_or_a_quarter_of_it(world: World, timeout: int, gap: int) -> None:
    running(world, timeout_seconds=timeout)

    beat(world, gap - 1, 80)
    assert (the_job(world).progress, the_job(world).timeout_at) == (80, NOW + timeout * 1_000)
    beat(world, gap, 80)
    assert the_job(world).timeout_at == NOW + gap + timeout * 1_000


def test_a_report_whose_progress_is_unusable_is_a_sign_of_life(world: World) -> None:
    running(world)

    assert beat(world, 1, None) is ReportOutcome.APPLIED
    assert (the_job(world).progress, the_job(world).timeout_at) == (0, NOW + 900_000)
    assert beat(world, 30_000, None) is ReportOutcome.APPLIED
    assert (the_job(world).progress, the_job(world).timeout_at) == (0, NOW + 930_000)


def test_progress_never_falls_but_a_lesser_one_is_a_sign_of_life(world: World) -> None:
    running(world)
    beat(world, 0, 80)

    assert beat(world, 30_000, 10) is ReportOutcome.APPLIED

    assert (the_job(world).progress, the_job(world).timeout_at) == (80, NOW + 30_000 + 900_000)


def test_progress_that_another_report_overtook_is_no_error(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    running(world)
    read, note = world.store.get_job, world.store.note_progress

    def overtaken(project_id: int, job_id: int) -> Job | None:
        found = read(project_id, job_id)
        assert found is not None
        note(FIRST, 90, NOW, NOW + 1 + 1_000 * found.timeout_seconds)
        return found

    monkeypatch.setattr(world.store, "get_job", overtaken)

    assert beat(world, 1, 10) is ReportOutcome.APPLIED
    assert the_job(world).progress == 90


def test_each_attempt_has_a_progress_of_its_own(world: World) -> None:
    running(world, max_attempts=2)
    beat(world, 0, 80)
    fail(world)
    assert the_job(world).progress is None

    start(world.store, 1, NOW + 2_000)
    assert beat(world, 2_001, 5, Attempt(1, 1, 2)) is ReportOutcome.APPLIED
    assert the_job(world).progress == 5


@pytest.mark.parametrize("attempt", [1, 2, 3])
def test_progress_of_an_attempt_that_does_not_run_changes_nothing(world: World, attempt: int) -> None:
    world.store.jobs[1, 1] = before = a_job(attempt=2, max_attempts=3)

    report = beat(world, 0, 5, Attempt(1, 1, attempt))

    assert report is (ReportOutcome.STALE if attempt == 1 else ReportOutcome.EARLY)
    assert the_job(world) == before


@pytest.mark.parametrize("end", [Status.COMPLETED, Status.FAILED, Status.CANCELLED])
def test_progress_of_an_ended_job_is_stale(world: World, end: Status) -> None:
    world.store.jobs[1, 1] = before = a_job(status=end, next_at=None)

    assert beat(world, 0, 5) is ReportOutcome.STALE
    assert the_job(world) == before


@given(st.lists(st.tuples(st.integers(0, 40_000), st.integers(0, 100)), max_size=20))
def test_what_is_shown_never_falls_and_the_time_out_lags_by_a_gap_at_most(beats: list[tuple[int, int]]) -> None:
    world = World()
    running(world)
    at, highest = 0, -1
    for gap, progress in beats:
        at += gap
        before = the_job(world).progress
        assert beat(world, at, progress) is ReportOutcome.APPLIED
        shown, until = the_job(world).progress, the_job(world).timeout_at
        highest = max(highest, progress)
        assert shown is not None
        assert until is not None
        assert (before or 0) <= shown <= highest
        assert NOW + at - 30_000 < until - 900_000 <= NOW + at


# ---- messages -----------------------------------------------------------------------------------------------------


def say(world: World, event: str = "a") -> ReportOutcome:
    message = Message(world.clock.now(), Severity.NONE, "hello")
    return reporting.add_message(world.ports, JobKey(1, 1), message, SeenEvent(event * 64, NOW // 1_000 + 99_999))


def texts(world: World) -> list[str]:
    return [message.text for message in world.store.list_messages(1, 1, None, 99).messages]


def test_a_message_is_taken_before_during_and_until_an_hour_after(world: World) -> None:
    world.store.jobs[1, 1] = a_job()
    assert say(world, "a") is ReportOutcome.APPLIED
    start(world.store, 1, NOW)
    assert say(world, "b") is ReportOutcome.APPLIED
    world.store.cancel_job(1, 1, NOW, "key-1")
    world.clock.time = NOW + HOUR
    assert say(world, "c") is ReportOutcome.APPLIED
    world.clock.time = NOW + HOUR + 1
    assert say(world, "d") is ReportOutcome.STALE

    assert texts(world) == ["hello"] * 3


def test_a_message_of_an_unknown_job_is_kept_nowhere(world: World) -> None:
    assert say(world) is ReportOutcome.UNKNOWN
    assert texts(world) == []


def test_a_message_that_comes_again_is_stale(world: World) -> None:
    running(world)

    assert [say(world), say(world)] == [ReportOutcome.APPLIED, ReportOutcome.STALE]
    assert texts(world) == ["hello"]


def test_a_back_off_that_can_not_be_hinted_is_left_to_the_sweep(world: World) -> None:
    running(world, max_attempts=2)
    world.queue.refuses = {1}

    assert fail(world) is ReportOutcome.APPLIED

    assert world.meter.counts["StartHintNotSent"] == 1
    assert [row for shard in range(32) for row in world.store.list_due(shard, None, NOW + 2_000, 9)] == [
        DueJob(NOW + 2_000, 1, 1)
    ]


def test_outputs_of_a_report_that_changes_nothing_are_not_kept(world: World) -> None:
    running(world)
    world.store.cancel_job(1, 1, NOW, "key-1")

    for number, report in ((1, ReportOutcome.STALE), (2, ReportOutcome.STALE)):
        assert reporting.complete(world.ports, Attempt(1, 1, number), by="w", outputs=["x"]) is report
    assert reporting.complete(world.ports, Attempt(1, 9, 1), by="w", outputs=["x"]) is ReportOutcome.UNKNOWN

    assert world.store.outputs == {}
