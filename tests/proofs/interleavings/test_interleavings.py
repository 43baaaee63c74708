"""No order of steps and no fault loses a job, doubles it or starts it early; and the explorer would notice."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from jobs.errors import JobNotCancellable
from jobs.model import BY_SERVICE, SECOND, Change, Status
from jobs.outcomes import AppendOutcome, AppendResult, ReportOutcome, StartOutcome

from tests.builders import NOW, start
from tests.proofs.interleavings.claims import Broken, Told, hold
from tests.proofs.interleavings.explorer import explore, main
from tests.proofs.interleavings.interleavings import (
    ANSWER_LOST,
    CRASH,
    FAULTS,
    MAX_RUNS,
    REQUEST_LOST,
    SENT_AGAIN,
    Actor,
    Call,
    Explorer,
    Race,
    follow,
    make,
    no_answer,
)
from tests.proofs.interleavings.races import RACES, canceller, completes, fails, one_job, starter
from tests.proofs.interleavings.stage import Stage, TokenStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jobs.model import DeletionLock, Due, IdempotencyRecord, Job, JobKey
    from jobs.outcomes import Attempt, Failure, NewRow, Stamp
    from jobs.ports import Ports

    from tests.proofs.interleavings.stage import State

ONE_JOB = one_job(2, fails)


def named(words: str) -> Race:
    [race] = [race for race in RACES if words in race.name]
    return race


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.name)
def test_whatever_the_order_and_the_fault_nothing_is_lost_doubled_or_early(race: Race) -> None:
    for tally in explore(race, seed=1, full=False):
        print(tally)  # shown if it fails
        assert tally.missing == set()
        assert set(tally.by_fault) == set(FAULTS)


def test_words_select_races(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["explorer", "--race", "a batch that is delivered twice"])
    assert main() == 0
    *lines, summary = capsys.readouterr().out.splitlines()
    assert [line.partition(",")[0] for line in lines] == ["a batch that is delivered twice"] * 2
    assert summary.startswith("1 races: ")

    monkeypatch.setattr("sys.argv", ["explorer", "--race", "nobody"])
    with pytest.raises(SystemExit):
        main()
    assert "no race has 'nobody' in its name" in capsys.readouterr().err


# ---- the explorer counts and replays as it says ---------------------------------------------------------------------


@pytest.mark.parametrize("faults", [0, 1])
def test_merging_equal_situations_counts_what_walking_each_schedule_counts(faults: int) -> None:
    race = replace(ONE_JOB, actors=(starter("start"), starter("start too"), canceller("cancel"), ONE_JOB.actors[3]))
    explorer = Explorer(race)

    merged = explorer.exhaust(faults)

    walked = Counter(situation for situation, _ in explorer.each(faults))
    assert merged.schedules == walked.total() > len(walked)
    by_faults: Counter[tuple[str, ...]] = Counter()
    for situation, schedules in walked.items():
        by_faults[situation.faults] += schedules
    assert merged.faults == by_faults


def alone(race: Race, schedule: Sequence[tuple[int, str]]) -> tuple[State, dict[int, str]]:
    """Run a schedule on its own store without memory; return the contents, and the answer of each actor."""
    stage = Stage(TokenStore())
    race.given(stage.store)
    runs = [0] * len(race.actors)
    logs: list[tuple[Any, ...]] = [()] * len(race.actors)
    answers = {}
    for place, fault in schedule:
        actor = race.actors[place]
        call = follow(actor, runs[place], logs[place])
        assert isinstance(call, Call)
        lost = no_answer(call)
        answer = lost if fault == REQUEST_LOST else make(stage, call, f"{place}.{runs[place]}.{len(logs[place])}")
        if fault == SENT_AGAIN:
            continue
        logs[place] = (*logs[place], lost if fault == ANSWER_LOST else answer)
        told = follow(actor, runs[place], logs[place])
        if fault == CRASH:
            told = Told("crash", changed=None, again=actor.comes_again)
        if isinstance(told, Told):
            answers[place] = told.what
            if told.again and runs[place] + 1 < MAX_RUNS:
                runs[place], logs[place] = runs[place] + 1, ()
    return stage.state(), answers


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.name)
def test_what_is_remembered_is_what_a_schedule_does_by_itself(race: Race) -> None:
    explorer, chance = Explorer(race), random.Random(race.name)  # noqa: S311  # any schedules do
    for _ in range(100):
        situation, schedule = explorer.root, []
        while moves := list(explorer.moves(situation, 3)):
            place, fault, situation = chance.choice(moves)
            schedule.append((place, fault))

        left, answers = alone(race, schedule)

        assert left == explorer.state(situation)
        assert [answers[place] for place in range(len(race.actors))] == explorer.answers(situation)


# ---- the explorer finds what is broken ------------------------------------------------------------------------------


class StartsWhateverItIs(TokenStore):
    def _start(self, key: JobKey, now: int) -> StartOutcome:
        job = self.jobs[key]
        self._change(job, Status.RUNNING, now, BY_SERVICE, next_at=now + job.timeout_seconds * SECOND)
        return StartOutcome.STARTED


class StartsEarly(TokenStore):
    def _start(self, key: JobKey, now: int) -> StartOutcome:
        job = self.jobs[key]
        if job.status is not Status.SCHEDULED:
            return StartOutcome.NOT_SCHEDULED
        self._change(job, Status.RUNNING, now, BY_SERVICE, next_at=now + job.timeout_seconds * SECOND)
        return StartOutcome.STARTED


class CancelsWhateverItIs(TokenStore):
    def cancel_job(self, project_id: int, job_id: int, now: int, by: str, forget_at: int | None = None) -> Job:
        return self._change(self.jobs[project_id, job_id], Status.CANCELLED, now, by, next_at=None)


class CancelsAgain(TokenStore):
    """Its second try cancels what was retried between the two tries."""

    def cancel_job(self, project_id: int, job_id: int, now: int, by: str, forget_at: int | None = None) -> Job:
        if self.jobs[project_id, job_id].status.is_active:
            self.cancel_tokens.pop((project_id, job_id), None)
        return super().cancel_job(project_id, job_id, now, by)


class MovesWhateverItIs(TokenStore):
    def move_job(self, job: JobKey, start_at: int, due_at: int, by: str) -> Job:
        self.jobs[job] = self.jobs[job]._replace(start_at=start_at, next_at=due_at, moves=self.jobs[job].moves + 1)
        return self.jobs[job]


class MovesAgain(TokenStore):
    def move_job(self, job: JobKey, start_at: int, due_at: int, by: str) -> Job:
        self.move_tokens.pop(job, None)
        return super().move_job(job, start_at, due_at, by)


class OneTokenForStartAndCancel(TokenStore):
    def cancel_job(self, project_id: int, job_id: int, now: int, by: str, forget_at: int | None = None) -> Job:
        job = super().cancel_job(project_id, job_id, now, by)
        self.start_tokens[project_id, job_id] = self.call_token
        return job


class NoToken(TokenStore):
    def append(self, rows: Sequence[NewRow], *beside: Any, **named: Any) -> AppendResult:
        result = super().append(rows, *beside, **named)
        self.tokens.update({(row.job.project_id, row.job.job_id): "forgotten" for row in rows})
        return result


class ReportsOfAnyAttempt(TokenStore):
    def _refusal(self, attempt: Attempt, job: Job | None) -> ReportOutcome | None:
        is_running = job is not None and job.status is Status.RUNNING
        return None if is_running else super()._refusal(attempt, job)


class LosesWhoLives(TokenStore):
    def back_off_job(self, attempt: Attempt, stamp: Stamp, due: int, failure: Failure) -> ReportOutcome:
        return super().back_off_job(attempt, stamp, due, failure._replace(lost=False))


class RetriesWhateverItIs(TokenStore):
    def retry_job(self, seen: Job, retried: Job, token: str, lock: DeletionLock | None) -> AppendOutcome:
        self.jobs[seen.project_id, seen.job_id] = retried
        return AppendOutcome.DONE


class LockIsNotMoved(TokenStore):
    def append(
        self, rows: Sequence[NewRow], record: IdempotencyRecord | None = None, lock: DeletionLock | None = None
    ) -> AppendResult:
        return super().append(rows, record, None)


class LockIsNotMovedByRetry(TokenStore):
    def retry_job(self, seen: Job, retried: Job, token: str, lock: DeletionLock | None) -> AppendOutcome:
        return super().retry_job(seen, retried, token, None)


class KeyIsNotHeld(TokenStore):
    def append(
        self, rows: Sequence[NewRow], record: IdempotencyRecord | None = None, lock: DeletionLock | None = None
    ) -> AppendResult:
        result = super().append(rows, None, lock)
        if record is not None and result.outcome is AppendOutcome.DONE:
            self.records[rows[0].job.project_id, record.key_digest] = record
        return result


class EventsAreNotMarked(TokenStore):
    def append(self, rows: Sequence[NewRow], *beside: Any, **named: Any) -> AppendResult:
        result = super().append(rows, *beside, **named)
        self.seen.clear()
        return result


class OverwritesOthers(TokenStore):
    def append(self, rows: Sequence[NewRow], *_: Any, **__: Any) -> AppendResult:
        self.jobs.update({(row.job.project_id, row.job.job_id): row.job for row in rows})
        return AppendResult(AppendOutcome.DONE)


class ForgetsWhatIsDue(TokenStore):
    def list_due(self, shard: int, after: Due | None, until: int, limit: int) -> list[Due]:
        return []


class WritesWhatItHasRead(TokenStore):
    """Its cancel reads, decides, and then writes."""

    def overwrite(self, job: Job) -> None:
        self.jobs[job.project_id, job.job_id] = job


def read_then_cancel(ports: Ports) -> Told:
    job = ports.jobs.get_job(1, 1)
    assert job is not None
    if not job.status.is_active:
        raise JobNotCancellable(job)
    history = (*job.history, Change(Status.CANCELLED, NOW, "cancel"))
    ports.attempts.overwrite(job._replace(status=Status.CANCELLED, next_at=None, history=history))  # type: ignore[attr-defined]  # no port has it
    return Told("cancelled", changed=True)


ENDS = one_job(1, completes, "completed")
READS_THEN_WRITES = replace(ONE_JOB, actors=(starter("start"), Actor("cancel", read_then_cancel, NOW)))


@pytest.mark.parametrize(
    ("race", "faults", "store", "sentence"),
    [
        (ONE_JOB, 0, StartsWhateverItIs, "goes from running to running"),
        (ONE_JOB, 0, StartsEarly, "starts early"),
        (ONE_JOB, 1, CancelsAgain, "one call of cancel was applied twice"),
        (ONE_JOB, 1, OneTokenForStartAndCancel, "was told 'stale', and yet its start was committed"),
        (named("a failed job"), 0, RetriesWhateverItIs, "the history of job 1 is rewritten"),
        (named("a failed job"), 0, ReportsOfAnyAttempt, "a report of attempt 1 ends attempt 2"),
        (ONE_JOB, 1, ForgetsWhatIsDue, "job 1 is due and nothing starts it"),
        (named("to now, beside"), 0, MovesWhateverItIs, "job 1 is moved as "),
        (named("of later that one moves"), 1, MovesAgain, "one call of now was applied twice"),
        (ENDS, 0, CancelsWhateverItIs, "goes from completed to cancelled"),
        (READS_THEN_WRITES, 0, WritesWhatItHasRead, "the history of job 1 is rewritten"),
        (named("a worker that lives"), 0, LosesWhoLives, "lost before its time-out"),
        (named("deletions"), 0, LockIsNotMoved, "two active deletions"),
        (named("deletions"), 0, LockIsNotMovedByRetry, "two active deletions"),
        (named("two creators"), 0, KeyIsNotHeld, "'keyed' has made the jobs"),
        (named("two creators"), 1, NoToken, "was told 'created 0', and yet its create was committed"),
        (named("two creators"), 0, OverwritesOthers, "the history of job 1 is rewritten"),
        (named("a batch that"), 0, EventsAreNotMarked, "'event 1' has made the jobs"),
    ],
)
def test_the_explorer_finds_a_store_that(race: Race, faults: int, store: type[TokenStore], sentence: str) -> None:
    with pytest.raises(Broken, match=sentence) as found:
        Explorer(race, store()).exhaust(faults)

    assert len(str(found.value).splitlines()) > 1  # it lists the steps


def lone(run: Callable[[Ports], Told], *, comes_again: bool = False) -> Race:
    return replace(ONE_JOB, actors=(Actor("actor", run, NOW, comes_again),), reaches=frozenset())


def never_done(ports: Ports) -> Told:
    ports.jobs.get_job(1, 1)
    return Told("not yet", changed=None, again=True)


def never_quiet(ports: Ports) -> Told:
    while True:
        ports.jobs.get_job(1, 1)


def boasts(ports: Ports) -> Told:
    ports.jobs.get_job(1, 1)
    return Told("done", changed=True)


def fails_on_its_own(ports: Ports) -> Told:
    ports.jobs.get_job(1, 1)
    raise KeyError("oops")


@pytest.mark.parametrize(
    ("run", "sentence"),
    [
        (never_done, "come again for ever"),
        (never_quiet, "goes round in circles"),
        (boasts, "told 'done', and nothing was changed"),
        (fails_on_its_own, "raised KeyError"),
    ],
)
def test_the_explorer_finds_an_actor_that(run: Callable[[Ports], Told], sentence: str) -> None:
    with pytest.raises(Broken, match=sentence):
        Explorer(lone(run)).exhaust(0)


def test_a_race_in_which_an_end_is_never_reached_fails() -> None:
    race = replace(ONE_JOB, actors=(starter("start"),), reaches=frozenset({"job 1: failed"}))

    with pytest.raises(Broken, match="no schedule ends in \\['job 1: failed'\\]"):
        list(explore(race, 1, full=False))


def trusts_the_index(ports: Ports) -> Told:
    start(ports.attempts, 1, NOW)
    hold(ports.due.list_due(0, None, NOW, 1) == [], "the job that has started is still due")
    return Told("started", changed=True)


def test_schedules_are_drawn_on_an_index_that_lags() -> None:
    explorer = Explorer(lone(trusts_the_index))
    explorer.exhaust(0)

    with pytest.raises(Broken, match="still due"):
        explorer.draw(random.Random(1), 100, 0)  # noqa: S311  # any do
