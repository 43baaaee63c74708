"""What must hold after every step of every schedule, and at the end."""

from __future__ import annotations

from itertools import count, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from jobs.errors import JobsError
from jobs.lifecycle.reaping import reap
from jobs.model import BY_SERVICE, DELETE_USER_DATA, MINUTE, TRANSITIONS, Forgotten, Status
from jobs.outcomes import Attempt
from jobs.schedules.firing import fire, is_due
from jobs.timing.dispatch import dispatch
from jobs.timing.starting import start_jobs

from tests.fakes import FakeClock, World, ever
from tests.proofs.interleavings.stage import a_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jobs.model import Change, Job
    from jobs.ports import Ports

    from tests.proofs.interleavings.stage import Stage

    Jobs = Mapping[tuple[int, int], Job]

#: Ticks, minutes apart, after which no job may be active.
MAX_TICKS = 20


class Broken(AssertionError):
    """Something that must always hold did not hold."""


class Told(NamedTuple):
    """What an actor answers."""

    what: str
    #: Whether the answer claims a change of its own; None leaves it open.
    changed: bool | None
    #: Whether its work is not done and comes again.
    again: bool = False


class Commit(NamedTuple):
    """A status change or a move that a call has made: its kind, its job, and its entry in the history.

    A move is no entry. It counts the job's moves instead.
    """

    kind: str
    project_id: int
    job_id: int
    entry: int


def hold(condition: object, sentence: str) -> None:
    """Check a claim.

    Raises:
        Broken: `condition` is false.
    """
    if not condition:
        raise Broken(sentence)


def kind_of(before: Status | None, to: Status) -> str:
    """Which kind of change leads from one status to another: each kind has a token attribute of its own."""
    if before is None:
        return "create"
    if to is Status.RUNNING:
        return "start"
    if to is Status.CANCELLED:
        return "cancel"
    return "finish" if before is Status.RUNNING else "retry"


def check_step(before: Jobs, after: Jobs, args: Sequence[Any]) -> tuple[Commit, ...]:
    """Check what one call has done to the jobs, and return the status changes.

    Args:
        before: all jobs before the call.
        after: all jobs after it.
        args: the arguments of the call.

    Raises:
        Broken: a job is lost, makes an illegal move, starts early or twice in an attempt, or ends in an attempt that is
            not the reported one or has not timed out; numbers have a gap; a user has two active deletions.
    """
    hold(before.keys() <= after.keys(), "a job's row is gone")
    if before == after:
        return ()
    commits = []
    for key, job in after.items():
        was = before.get(key)
        if was == job:
            continue
        if was is None or len(job.history) > len(was.history):
            _check_change(was, job, args)
            commits.append(Commit(kind_of(None if was is None else was.status, job.status), *key, len(job.history) - 1))
        elif job.moves != was.moves:
            _check_move(was, job)
            commits.append(Commit("move", *key, job.moves))
        else:
            hold(job.history == was.history, f"the history of job {key[1]} is rewritten")
            if not job.status.is_active:
                _check_forgotten(was, job)
                continue
            hold(job.status is was.status is Status.RUNNING, f"job {key[1]} is changed without a change of status")
    _check_numbers(after)
    _check_deletions(after)
    return tuple(commits)


def _check_change(was: Job | None, job: Job, args: Sequence[Any]) -> None:
    name = f"job {job.job_id}"
    change = job.history[-1]
    hold(change.to is job.status, f"{name} is {job.status}, its history says {change.to}")
    if was is not None:
        hold(job.history[:-1] == was.history, f"{name} has lost a part of its history")
        hold(job.status in TRANSITIONS[was.status], f"{name} goes from {was.status} to {job.status}")
    check_history(job)
    if was is None:
        hold(len(job.history) == 1, f"{name} is created with a past")
        return
    if job.status is Status.RUNNING:
        hold(was.next_at is not None and change.at >= was.next_at, f"{name} starts early")
    for attempt in args:
        if isinstance(attempt, Attempt):
            hold(attempt.number == was.attempt, f"a report of attempt {attempt.number} ends attempt {was.attempt}")
    if change.by == BY_SERVICE and kind_of(was.status, job.status) == "finish":
        hold((was.next_at or 0) <= change.at, f"{name} counts as lost before its time-out")


def _check_move(was: Job, job: Job) -> None:
    hold(was.status is Status.SCHEDULED and was.attempt == 1, f"job {job.job_id} is moved as {was.status}")
    expected = was._replace(start_at=job.start_at, next_at=job.next_at, moves=was.moves + 1, moved_by=job.moved_by)
    hold(job == expected, f"the move of job {job.job_id} changes something else")


def _check_forgotten(was: Job, job: Job) -> None:
    name = f"job {job.job_id}"
    hold(not was.status.is_active, f"{name} is forgotten as {was.status}")
    hold(job.forgotten >= was.forgotten, f"{name} gets back what was forgotten")
    is_redacted = job.forgotten is Forgotten.REDACTED
    hold((job.reference_id != was.reference_id) <= is_redacted, f"{name} is redacted and does not say so")
    kept = was._replace(
        forgotten=job.forgotten,
        next_at=job.next_at,
        reference_id=job.reference_id,
        description=job.description,
        errors=job.errors,
        has_params=job.has_params,
        outputs_token=job.outputs_token,
        run=job.run,
    )
    hold(job == kept, f"{name} loses what retention leaves")


def check_history(job: Job) -> None:
    """Check a history against the legal moves and the number of attempts.

    Raises:
        Broken: it makes an illegal move, or starts an attempt twice.
    """
    states = [change.to for change in job.history]
    path = " → ".join(states)
    hold(states[0] is Status.SCHEDULED, f"job {job.job_id}: {path}")
    hold(all(to in TRANSITIONS[of] for of, to in pairwise(states)), f"job {job.job_id}: {path}")
    hold(job.attempt == states.count(Status.SCHEDULED), f"job {job.job_id} is in attempt {job.attempt} after {path}")
    hold(states.count(Status.RUNNING) <= job.attempt, f"job {job.job_id} has an attempt that started twice: {path}")


def _check_numbers(jobs: Jobs) -> None:
    for project in {project_id for project_id, _ in jobs}:
        numbers = sorted(job_id for project_id, job_id in jobs if project_id == project)
        hold(numbers == list(range(1, len(numbers) + 1)), f"the numbers are {numbers}")


def _check_deletions(jobs: Jobs) -> None:
    users = [
        (job.project_id, job.reference_id)
        for job in jobs.values()
        if job.action == DELETE_USER_DATA and job.status.is_active
    ]
    hold(len(users) == len(set(users)), "a user has two active deletions")


def check_told(who: str, told: Told, commits: Sequence[Commit], jobs: Jobs) -> None:
    """Check an actor's answer against what it has changed.

    A change whose answer was lost is recognised by its token, until another change of the same kind overwrites it. From
    then on it may look refused, and a caller who still wants it makes it again. A start that is sent again may start
    the next attempt, if that is due. Any hint may.

    Raises:
        Broken: it claims a change that it has not made, denies one that it has made, or has made one twice.
    """
    if told.changed:
        hold(commits, f"{who} was told {told.what!r}, and nothing was changed")
    if told.changed is False:
        for commit in commits:
            hold(
                _is_overwritten(commit, jobs), f"{who} was told {told.what!r}, and yet its {commit.kind} was committed"
            )
    for first, second in pairwise(commits):
        if first[:3] == second[:3] and first.kind != "start":
            hold(_is_overwritten(first, jobs, second.entry), f"one call of {who} was applied twice")


def _is_overwritten(commit: Commit, jobs: Jobs, before: int | None = None) -> bool:
    """Whether another change of the same kind has overwritten the token of a change."""
    job = jobs[commit[1:3]]
    if commit.kind == "move":
        return commit.entry + 1 < (job.moves + 1 if before is None else before)
    return commit.kind in _kinds(job.history)[commit.entry + 1 : before]


def _kinds(history: Sequence[Change]) -> list[str]:
    return ["create", *(kind_of(of.to, change.to) for of, change in pairwise(history))]


def come_to_rest(stage: Stage, begin: int, unfinished: Mapping[str, Callable[[Ports], Told]]) -> None:
    """Let the service run alone, without faults: deliveries that must come again, reapers, ticks and their hints.

    Raises:
        Broken: a repeated delivery is never done, a due job does not start, or a job is active for ever.
    """
    store, waiting, now, tokens = stage.store, dict(unfinished), begin, count()

    def ports() -> World:
        store.call_token = f"rest.{next(tokens)}"
        return World(
            store=store,
            queue=stage.queue,
            directory=a_directory(),
            clock=FakeClock(now),
            random=lambda: 0.0,
            token=lambda: f"rest.{next(tokens)}",
        )

    for _ in range(MAX_TICKS):
        active = any(job.status.is_active for job in store.jobs.values())
        if not waiting and not active and not any(of.state.next_at for of in store.schedules.values()):
            break
        waiting = {name: run for name, run in waiting.items() if _comes_again(run, ports())}
        # A tick a minute. Time jumps to the next due job, so the first tick may find it due without having seen it.
        for _tick in range(2):
            occurrences = (of.state.next_at or 0 for of in store.schedules.values())
            now = max([now, *(job.next_at or 0 for job in store.jobs.values()), *occurrences]) + 2 * MINUTE
            _pass_a_minute(stage, ports)
        for job in store.jobs.values():
            hold(job.due_at is None or job.due_at > now, f"job {job.job_id} is due and nothing starts it")
        for of in store.schedules.values():
            hold(not is_due(of, now), f"{of.spec.name} is due and nothing fires it")
    hold(not waiting, f"{sorted(waiting)} come again for ever")
    for job in store.jobs.values():
        hold(not job.status.is_active, f"job {job.job_id} is {job.status} for ever")
        check_history(job)
        if job.forgotten:
            continue
        named = [change.evidence for change in job.history if change.evidence is not None]
        hold(list(store.get_evidence(job)) == named, f"job {job.job_id} has lost why an attempt ended")
    _check_numbers(store.jobs)


def _pass_a_minute(stage: Stage, ports: Callable[[], World]) -> None:
    """Let the reaper and the tick run, and deliver their hints."""
    reap(ports(), stage.store.shards, ever)
    dispatch(ports(), stage.store.shards, ever)
    fires, stage.queue.fires = stage.queue.fires, []
    for hint in fires:
        fire(ports(), [hint], ever)
    messages, stage.queue.messages = stage.queue.messages, []
    for message in messages:
        start_jobs(ports(), [message], ever)


def _comes_again(run: Callable[[Ports], Told], ports: Ports) -> bool:
    try:
        return run(ports).again
    except JobsError:
        return False
