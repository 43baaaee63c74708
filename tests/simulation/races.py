"""Who may meet: the actors of this service and the races between them that are explored."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from jobs import cancellation, creation, reporting, retrying
from jobs.creation import IdempotencyKey, Request
from jobs.deletion import lock_digest, request_deletion
from jobs.dispatch import dispatch
from jobs.model import DELETE_USER_DATA, MINUTE, SECOND, DeletionLock, SeenEvent, StartMessage, Status
from jobs.ports import Attempt, Report, Stamp
from jobs.reaping import reap
from jobs.starting import start_jobs

from tests.builders import NOW, a_job, a_project, a_request
from tests.simulation.claims import Told, hold
from tests.simulation.interleavings import Actor, Race

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jobs.model import NewJob
    from jobs.ports import Ports

    from tests.fakes import FakeMeter
    from tests.simulation.stage import StageQueue, TokenStore

PROJECT = a_project()
USER = "user-1"
#: When the first attempt of a job that started at NOW counts as lost.
TIMED_OUT = NOW + a_job().timeout_seconds * SECOND
FIRST = Attempt(1, 1, 1)


def hint(job_id: int = 1) -> StartMessage:
    return StartMessage(1, ((job_id, NOW),))


# ---- actors ---------------------------------------------------------------------------------------------------------


def _start(ports: Ports, messages: Sequence[StartMessage]) -> Told:
    again = start_jobs(ports, messages)
    started = cast("FakeMeter", ports.meter).counts["JobStarted"]
    return (
        Told("throttled", changed=None, again=True)
        if again
        else Told("started", True)
        if started
        else Told("stale", False)
    )


def starter(name: str, at: int = NOW) -> Actor:
    """Has received a hint."""
    return Actor(name, lambda ports: _start(ports, [hint()]), at, comes_again=True)


def receiver(name: str, at: int = NOW) -> Actor:
    """Receives whatever hints the queue holds."""

    def run(ports: Ports) -> Told:
        messages = cast("StageQueue", ports.queue).receive()
        return _start(ports, messages) if messages else Told("nothing", changed=False)

    return Actor(name, run, at, comes_again=True)


def canceller(name: str, job_id: int = 1, at: int = NOW) -> Actor:
    """A caller who cancels."""

    def run(ports: Ports) -> Told:
        cancellation.cancel_job(ports, PROJECT, job_id, by=name)
        return Told("cancelled", changed=True)

    return Actor(name, run, at)


def retrier(name: str, job_id: int = 1, at: int = TIMED_OUT) -> Actor:
    """A caller who retries."""

    def run(ports: Ports) -> Told:
        retrying.retry_job(ports, PROJECT, job_id, by=name)
        return Told("retried", changed=True)

    return Actor(name, run, at)


def reporter(name: str, report: Callable[[Ports], Report], at: int = TIMED_OUT) -> Actor:
    """A worker's report, which is delivered at least once; an early one comes again."""

    def run(ports: Ports) -> Told:
        outcome = report(ports)
        return Told(outcome.name, changed=outcome is Report.APPLIED, again=outcome is Report.EARLY)

    return Actor(name, run, at, comes_again=True)


def completes(ports: Ports) -> Report:
    return reporting.complete(ports, FIRST, by="worker", outputs=["a.csv"])


def fails(ports: Ports) -> Report:
    return reporting.fail(ports, FIRST, by="worker", errors=["no disk"])


def heart(name: str, at: int = TIMED_OUT) -> Actor:
    """A worker that says it is alive, in the moment in which it counts as lost."""

    def run(ports: Ports) -> Told:
        outcome = reporting.note_progress(ports, FIRST, 50, at)
        return Told(outcome.name, changed=None, again=outcome is Report.EARLY)

    return Actor(name, run, at, comes_again=True)


def reaper(name: str = "reaper", at: int = TIMED_OUT) -> Actor:
    """The reaper's run of one minute; the next comes by itself."""

    def run(ports: Ports) -> Told:
        ended = reap(ports, 1, lambda: True)
        throttled = cast("FakeMeter", ports.meter).counts["ReapThrottled"]
        return Told(f"ended {ended}", changed=None if throttled else ended > 0)

    return Actor(name, run, at)


def dispatcher(name: str, at: int = NOW) -> Actor:
    """The tick of one minute; the next comes by itself."""

    def run(ports: Ports) -> Told:
        dispatched = dispatch(ports, 1, lambda: True)
        return Told(f"hinted {dispatched.due} and {dispatched.overdue} again", changed=False)

    return Actor(name, run, at)


def creator(name: str, new: NewJob, key: str | None = None, at: int = NOW) -> Actor:
    """A caller who creates; with an idempotency key it sends the same again until it has an answer."""

    def run(ports: Ports) -> Told:
        created = creation.create_job(
            ports, PROJECT, new, by=name, idempotency=IdempotencyKey(key, "body") if key else None
        )
        return Told("replayed", changed=False) if created.replayed else Told("created", changed=True)

    return Actor(name, run, at, comes_again=key is not None)


def ingester(name: str, *events: str, at: int = NOW) -> Actor:
    """A batch of events that ask for a job each; it is delivered at least once."""

    def run(ports: Ports) -> Told:
        requests = [Request(a_request(reference_id=event), name, mark(event)) for event in events]
        jobs = creation.create_batch(ports, PROJECT, requests)
        made = sum(job is not None for job in jobs)
        return Told(f"created {made}", changed=made > 0)

    return Actor(name, run, at, comes_again=True)


def mark(event: str) -> SeenEvent:
    return SeenEvent(event.ljust(64, "0"), NOW // SECOND + 3_600)


# ---- races ----------------------------------------------------------------------------------------------------------


def _due(attempts: int) -> Callable[[TokenStore], None]:
    def given(store: TokenStore) -> None:
        store.append(a_job(max_attempts=attempts), "given", {}, None, None)

    return given


def _running(attempts: int) -> Callable[[TokenStore], None]:
    def given(store: TokenStore) -> None:
        _due(attempts)(store)
        store.start_job(1, 1, NOW)

    return given


def _failed(store: TokenStore) -> None:
    _running(1)(store)
    store.fail_job(FIRST, Stamp(NOW + SECOND, "worker", "given"), ["no disk"], lost=False)


def _cancelled_deletion(store: TokenStore) -> None:
    job = a_job(action=DELETE_USER_DATA, reference_id=USER)
    store.append(job, "given", {}, None, DeletionLock(lock_digest(PROJECT, USER), 1, 1))
    store.cancel_job(1, 1, NOW, "given")


def _one_job_of_each(*references: str) -> Callable[[TokenStore], None]:
    def at_rest(store: TokenStore) -> None:
        for reference in references:
            made = [job.job_id for job in store.jobs.values() if job.reference_id == reference]
            hold(len(made) == 1, f"{reference} has made the jobs {made}")

    return at_rest


def _lock_names_the_latest(store: TokenStore) -> None:
    lock = store.locks[1, lock_digest(PROJECT, USER)]
    latest = max(job.history[-1].at for job in store.jobs.values())


def one_job(report: Callable[[Ports], Report], attempts: int, *reaches: str) -> Race:
    """Everything that can befall a job that is due."""
    return Race(
        f"one job, {attempts} attempt{'s' * (attempts > 1)}, whose worker {report.__name__}",
        (
            starter("start"),
            starter("start later", TIMED_OUT),
            canceller("cancel"),
            reporter("report", report),
            reaper(),
        ),
        _due(attempts),
        frozenset(reaches),
    )


def with_retry(report: Callable[[Ports], Report], attempts: int, *reaches: str) -> Race:
    """Everything that can befall a job that is due."""
    return Race(
        f"retry: one job, {attempts} attempt{'s' * (attempts > 1)}, whose worker {report.__name__}",
        (
            starter("start"),
            starter("start later", TIMED_OUT),
            canceller("cancel"),
            reporter("report", report),
            reaper(),
            retrier("retry"),
        ),
        _due(attempts),
        frozenset(reaches),
    )


RACES = (
    one_job(completes, 1),
    one_job(completes, 2),
    one_job(fails, 1),
    one_job(fails, 2),
    with_retry(completes, 1),
    with_retry(completes, 2),
    with_retry(fails, 1),
    with_retry(fails, 2),
    Race(
        "retry of a failed job",
        (
            retrier("retry"),
            retrier("retry too"),
            canceller("cancel"),
            canceller("cancel too"),
            starter("start", TIMED_OUT),
            reporter("late report", completes),
        ),
        _failed,
        frozenset(),
    ),
    Race(
        "two creators with one key, and a batch",
        (
            creator("create", a_request(reference_id="keyed"), "key"),
            creator("create too", a_request(reference_id="keyed"), "key"),
            ingester("batch", "a", "b"),
        ),
        lambda store: None,
        frozenset(),
        _one_job_of_each("keyed", "a", "b"),
    ),
    Race(
        "a batch twice, and a creator",
        (
            creator("create", a_request(reference_id="plain")),
            ingester("batch", "a", "b"),
            ingester("batch too", "a", "b"),
        ),
        lambda store: None,
        frozenset(),
        _one_job_of_each("a", "b"),
    ),
    Race(
        "deletions of one user",
        (
            creator("create", request_deletion(USER, NOW)),
            creator("create too", request_deletion(USER, NOW)),
            retrier("retry"),
            canceller("cancel"),
            canceller("cancel new", 2),
        ),
        _cancelled_deletion,
        frozenset(),
    ),
    Race(
        "hints",
        (
            dispatcher("tick"),
            dispatcher("next tick", NOW + MINUTE),
            creator("create", a_request()),
            receiver("start", NOW + MINUTE),
        ),
        _due(1),
        frozenset(),
    ),
    Race(
        "a worker that is alive when it counts as lost",
        (
            heart("heart"),
            reaper(),
            reaper("reaper later", TIMED_OUT + MINUTE),
            reporter("report", fails),
            starter("start", TIMED_OUT + MINUTE),
        ),
        _running(2),
        frozenset(),
    ),
)
