"""The actors of this service, and the races between them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from jobs.errors import ScheduleNotFound
from jobs.forgetting.ports import Reference
from jobs.forgetting.redacting import redact
from jobs.lifecycle import cancellation, creation, moving, reporting, retrying
from jobs.lifecycle.creation import IdempotencyKey, Request
from jobs.lifecycle.deletion import lock_digest, request_deletion
from jobs.lifecycle.reaping import reap
from jobs.model import (
    DAY,
    DELETE_USER_DATA,
    MINUTE,
    SECOND,
    DeletionLock,
    FireHint,
    Occasion,
    SeenEvent,
    StartHint,
    Status,
)
from jobs.outcomes import Attempt, Failure, ReportOutcome, Stamp
from jobs.schedules import managing
from jobs.schedules.firing import fire
from jobs.schedules.ports import CatchUp, Overlap, Schedule, Spec, State
from jobs.schedules.rhythm import Rhythm
from jobs.tenants import Retention
from jobs.timing.dispatch import dispatch
from jobs.timing.starting import start_jobs

from tests.builders import NOW, a_job, a_project, a_request, append, start
from tests.fakes import World, ever
from tests.proofs.interleavings.claims import Told, hold
from tests.proofs.interleavings.interleavings import Actor, Race

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jobs.model import NewJob
    from jobs.ports import Ports
    from jobs.schedules.ports import SchedulePorts

    from tests.fakes import FakeMeter
    from tests.proofs.interleavings.stage import StageQueue, TokenStore

PROJECT = a_project()
USER = "user-1"
SCHEDULE = f"{1:024x}"
PERSON = lock_digest(PROJECT, USER)
#: When the first attempt of a job that started at NOW counts as lost.
TIMED_OUT = NOW + a_job().timeout_seconds * SECOND
FIRST = Attempt(1, 1, 1)
#: Behind what any tick at NOW looks at.
LATER = NOW + 10 * MINUTE


def hint(job_id: int = 1) -> StartHint:
    return StartHint(1, ((job_id, NOW),))


# ---- actors ---------------------------------------------------------------------------------------------------------


def _start(ports: Ports, messages: Sequence[StartHint]) -> Told:
    if start_jobs(ports, messages, lambda _: True):
        return Told("throttled", changed=None, again=True)
    counts = cast("FakeMeter", ports.meter).counts
    started = counts["JobStarted"] > 0
    # A start without an answer is tried again as a new start. That finds the job running, but not who started it.
    changed = None if counts["StartThrottled"] and not started else started
    return Told("started" if started else "stale", changed=changed)


def starter(name: str, at: int = NOW) -> Actor:
    """Received a hint."""
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


def mover(name: str, start_at: int, at: int = NOW) -> Actor:
    """A caller who moves the job."""

    def run(ports: Ports) -> Told:
        moving.move_job(ports, PROJECT, 1, start_at, by=name)
        return Told("moved", changed=True)

    return Actor(name, run, at)


def retrier(name: str, job_id: int = 1, at: int = TIMED_OUT) -> Actor:
    """A caller who retries."""

    def run(ports: Ports) -> Told:
        retrying.retry_job(ports, PROJECT, job_id, by=name)
        return Told("retried", changed=True)

    return Actor(name, run, at)


def reporter(name: str, report: Callable[[Ports], ReportOutcome], at: int = TIMED_OUT) -> Actor:
    """A worker's report, which is delivered at least once; an early one comes again."""

    def run(ports: Ports) -> Told:
        outcome = report(ports)
        return Told(outcome.name, changed=outcome is ReportOutcome.APPLIED, again=outcome is ReportOutcome.EARLY)

    return Actor(name, run, at, comes_again=True)


def completes(ports: Ports) -> ReportOutcome:
    return reporting.complete(ports, FIRST, by="worker", outputs=["a.csv"])


def completes_with_nothing(ports: Ports) -> ReportOutcome:
    return reporting.complete(ports, FIRST, by="worker")  # without looking first


def fails(ports: Ports) -> ReportOutcome:
    return reporting.fail(ports, FIRST, Failure(["no disk"]), by="worker")


def heart(name: str, at: int = TIMED_OUT) -> Actor:
    """A worker that reports progress at the moment in which it counts as lost."""

    def run(ports: Ports) -> Told:
        outcome = reporting.note_progress(ports, FIRST, 50, at)
        return Told(outcome.name, changed=None, again=outcome is ReportOutcome.EARLY)

    return Actor(name, run, at, comes_again=True)


def reaper(name: str = "reaper", at: int = TIMED_OUT) -> Actor:
    """The run of the reaper in one minute; the next one comes by itself."""

    def run(ports: Ports) -> Told:
        ended = reap(ports, 1, ever)
        throttled = cast("FakeMeter", ports.meter).counts["ReapThrottled"]
        return Told(f"ended {ended}", changed=None if throttled else ended > 0)

    return Actor(name, run, at)


def redactor(name: str, at: int = TIMED_OUT) -> Actor:
    """The run of `redact_jobs` in one minute; the next one comes by itself."""

    def run(ports: Ports) -> Told:
        forgotten = redact(forgetting(ports), 1, ever)
        return Told(f"forgot {forgotten}", changed=None)

    return Actor(name, run, at)


def forgetting(ports: Ports) -> World:
    """The world of an actor in which the project forgets everything at once."""
    world = cast("World", ports)
    world.directory.projects[PROJECT.project_key] = replace(PROJECT, retention=Retention(redact_days=0))
    return world


def dispatcher(name: str, at: int = NOW) -> Actor:
    """The tick of one minute; the next one comes by itself."""

    def run(ports: Ports) -> Told:
        dispatched = dispatch(ports, 1, lambda _: True)
        return Told(f"hinted {dispatched.due} and {dispatched.overdue} again", changed=False)

    return Actor(name, run, at)


def creator(name: str, new: NewJob, *, key: str | None = None, seen: SeenEvent | None = None) -> Actor:
    """A caller who creates. With an idempotency key, or by an event, the call comes again until it is answered."""

    def run(ports: Ports) -> Told:
        idempotency = IdempotencyKey(key, "body") if key else None
        created = creation.create_job(ports, PROJECT, new, by=name, idempotency=idempotency, seen=seen)
        hold(created.job.reference_id == new.reference_id, f"{name} was told of a job that it has not asked for")
        return Told("replayed", changed=False) if created.replayed else Told("created", changed=True)

    return Actor(name, run, NOW, comes_again=key is not None or seen is not None)


def ingester(name: str, *events: str, at: int = NOW) -> Actor:
    """A batch of events that each ask for a job, delivered at least once."""

    def run(ports: Ports) -> Told:
        requests = [Request(a_request(reference_id=event), name, mark(event)) for event in events]
        jobs = creation.create_batch(ports, PROJECT, requests)
        made = sum(job is not None for job in jobs)
        return Told(f"created {made}", changed=made > 0)

    return Actor(name, run, at, comes_again=True)


def mark(event: str) -> SeenEvent:
    return SeenEvent(event.ljust(64, "0"), NOW // SECOND + 3_600)


def firer(name: str, at: int = NOW) -> Actor:
    """Received a hint of the schedule."""

    def run(ports: Ports) -> Told:
        again = fire(cast("SchedulePorts", ports), [FireHint(1, ((SCHEDULE, at),))], ever)
        made = len(cast("FakeMeter", ports.meter).durations.get("FireLag", ()))
        return Told(f"made {made}", changed=None if again else made > 0, again=bool(again))

    return Actor(name, run, at, comes_again=True)


def changer(name: str, at: int = NOW, **changes: Any) -> Actor:
    """A caller who changes the schedule, and so its occurrences from now on."""

    def change(ports: SchedulePorts) -> None:
        managing.change_schedule(ports, PROJECT, SCHEDULE, None, lambda spec: spec._replace(**changes))

    return _manager(name, change, at)


def remover(name: str, at: int = NOW) -> Actor:
    """A caller who removes the schedule."""
    return _manager(name, lambda ports: managing.remove_schedule(ports, PROJECT, SCHEDULE, None), at)


def _manager(name: str, manage: Callable[[SchedulePorts], None], at: int) -> Actor:
    def run(ports: Ports) -> Told:
        try:
            manage(cast("SchedulePorts", ports))
        except ScheduleNotFound:
            # another caller may remove it after this one has made the job that was due
            return Told("gone", changed=None)
        return Told("done", changed=None)

    return Actor(name, run, at)


def runner(name: str, at: int = NOW) -> Actor:
    """A caller who has a job of the schedule made out of turn."""

    def run(ports: Ports) -> Told:
        managing.run_schedule(cast("SchedulePorts", ports), PROJECT, SCHEDULE, by=name)
        return Told("ran", changed=True)

    return Actor(name, run, at)


# ---- races ----------------------------------------------------------------------------------------------------------


def _nothing(_: TokenStore) -> None: ...


def _due(attempts: int, at: int = NOW) -> Callable[[TokenStore], None]:
    """A due job; its hints are not made here."""

    def given(store: TokenStore) -> None:
        append(store, a_job(max_attempts=attempts, next_at=at), "given", {}, None, None)

    return given


def _runs(attempts: int) -> Callable[[TokenStore], None]:
    def given(store: TokenStore) -> None:
        _due(attempts)(store)
        start(store, 1, NOW)

    return given


def _failed(store: TokenStore) -> None:
    _runs(1)(store)
    store.fail_job(FIRST, Stamp(NOW + SECOND, "worker", "given"), Failure(["no disk"]))


def _failed_for_a_person(store: TokenStore) -> None:
    """A failed job with everything that retention takes, which is to be forgotten now."""
    append(store, a_job(has_params=True, reference_id=USER, description=USER), "given", {"user": USER})
    store.references[1, PERSON, 1] = Reference(1)
    start(store, 1, NOW)
    store.fail_job(FIRST, Stamp(NOW + SECOND, "worker", "given", NOW + SECOND), Failure([USER]))


def _forgotten_whole_or_not_at_all(store: TokenStore) -> None:
    """What runs leave, the next ones do: nothing stays half forgotten, and no job that was retried lost anything."""
    world = forgetting(World(store=store))
    for later in (DAY, 2 * DAY):
        world.clock.time = NOW + later
        redact(world, 1, ever)
    job = store.jobs[1, 1]
    if job.forgotten:
        told = repr((job, store.params, store.evidence, store.references))
        hold(USER not in told, f"half forgotten: {told}")
        hold(job.next_at is None, "a job that is forgotten stays in the index")
        hold(not store.list_payload(1, 1, 9), "a payload is left behind")
    else:
        hold(job.attempt > 1, "a job that nobody retried is not forgotten")
        hold(store.params and store.references, "a job that was retried has lost something")


def _cancelled_deletion(store: TokenStore) -> None:
    job = a_job(action=DELETE_USER_DATA, reference_id=USER)
    append(store, job, "given", {}, None, DeletionLock(lock_digest(PROJECT, USER), 1, 1))
    store.cancel_job(1, 1, NOW, "given")


def _one_job_of_each(*references: str) -> Callable[[TokenStore], None]:
    def at_rest(store: TokenStore) -> None:
        for reference in references:
            made = [job.job_id for job in store.jobs.values() if job.reference_id == reference]
            hold(len(made) == 1, f"{reference!r} has made the jobs {made}")

    return at_rest


def _worker_ends_its_own_attempt(store: TokenStore) -> None:
    for job in store.jobs.values():
        states = [change.to for change in job.history]
        for place, change in enumerate(job.history):
            attempt = states[:place].count(Status.SCHEDULED)
            hold(change.by != "worker" or attempt == FIRST.number, f"a report of attempt 1 ends attempt {attempt}")


def _scheduled(overlap: Overlap = Overlap.ALLOW) -> Callable[[TokenStore], None]:
    """A schedule with two occurrences, now and in a minute."""

    def given(store: TokenStore) -> None:
        rhythm = Rhythm(every=60, anchor=NOW, end_at=NOW + MINUTE)
        spec = Spec(name="a schedule", rhythm=rhythm, job=a_request(), overlap=overlap)
        state = State(next_at=NOW)
        made = Schedule(project_id=1, schedule_id=SCHEDULE, spec=spec, created_at=NOW - MINUTE, state=state)
        store.add_schedule(made, None)

    return given


def _occurrences(store: TokenStore) -> list[int]:
    times = sorted(job.made_by.at for job in store.jobs.values() if job.made_by.at is not None)
    for job in store.jobs.values():
        hold((job.made_by.at or 0) <= job.created_at, f"job {job.job_id} is made before its occurrence")
    return times


def _each_occurrence_once(store: TokenStore) -> None:
    """The first was due while the schedule was enabled. The second is due if it still is."""
    times = _occurrences(store)
    held = store.schedules.get((1, SCHEDULE))
    both = held is not None and held.spec.enabled
    hold(times in ([NOW, NOW + MINUTE], [NOW])[: 1 if both else 2], f"the occurrences {times} have jobs")
    if held is not None:
        out_of_turn = sum(job.made_by == Occasion(SCHEDULE) for job in store.jobs.values())
        hold(held.state.run_count == len(times) + out_of_turn, f"{held.state} counts {len(times)} + {out_of_turn} jobs")


def _each_occurrence_made_or_skipped(store: TokenStore) -> None:
    times = _occurrences(store)
    state = store.schedules[1, SCHEDULE].state
    hold(len(times) == len(set(times)), f"the occurrences {times} have jobs")
    hold(len(times) + state.skipped_count + state.missed_count == 2, f"{state} and {times} are not two occurrences")


def one_job(attempts: int, report: Callable[[Ports], ReportOutcome], *ends: str) -> Race:
    """Everything that can happen to a due job: two hints, a cancel, its worker, the reaper, a retry."""
    actors = (
        starter("start"),
        starter("start later", TIMED_OUT),
        canceller("cancel"),
        reporter("report", report),
        reaper(),
        retrier("retry"),
    )
    answers = {
        "start": ("started", "stale"),
        "start later": ("started", "stale"),
        # if attempts are left, only the worker of the second start could end the job, and there is no such worker
        "cancel": ("cancelled", "JobNotCancellable")[: 1 + ("completed" in ends or "failed" in ends)],
        "report": ("APPLIED", "STALE", "EARLY"),
        "reaper": ("ended 0", "ended 1"),
        "retry": ("retried", "JobNotRetryable"),
    }
    statuses = ("scheduled", "running", "cancelled", *ends)
    name = f"one job, attempts {attempts}, its worker {report.__name__}"
    reaches = reaching(answers, job_1=statuses)
    return Race(name, actors, _due(attempts), reaches, _worker_ends_its_own_attempt)


def reaching(answers: Mapping[str, Sequence[str]], **statuses: Sequence[str]) -> frozenset[str]:
    """Ends that must be reached: answers of actors, and statuses of jobs."""
    named = {**answers, **{job.replace("_", " "): of for job, of in statuses.items()}}
    return frozenset(f"{name}: {what}" for name, all_ in named.items() for what in all_)


RACES = (
    one_job(1, completes, "completed", "failed"),
    one_job(2, completes, "completed"),
    one_job(1, fails, "failed"),
    one_job(2, fails),
    Race(
        "a due job that one moves to later and one to now, beside everything else",
        (
            mover("later", LATER),
            mover("now", NOW),
            starter("start"),
            receiver("start by the queue"),
            dispatcher("tick"),
            canceller("cancel"),
            retrier("retry", at=NOW),
        ),
        _due(1),
        reaching(
            {
                "later": ("moved", "JobNotMovable"),
                "now": ("moved", "JobNotMovable"),
                "start": ("started", "stale"),
                "start by the queue": ("started", "stale", "nothing"),
                "cancel": ("cancelled",),
                "retry": ("retried", "JobNotRetryable"),
            },
            job_1=("scheduled", "running", "cancelled"),
        ),
    ),
    Race(
        "a job of later that one moves to now",
        (mover("now", NOW), receiver("start by the queue"), dispatcher("tick"), canceller("cancel")),
        _due(1, LATER),
        reaching(
            {
                "now": ("moved", "JobNotMovable"),
                "start by the queue": ("started", "nothing"),
                "cancel": ("cancelled",),
            },
            job_1=("cancelled",),
        ),
    ),
    Race(
        "a failed job that two retry and two cancel",
        (
            retrier("retry"),
            retrier("retry too"),
            canceller("cancel"),
            canceller("cancel too"),
            starter("start", TIMED_OUT),
            reporter("late report", completes_with_nothing),
        ),
        _failed,
        reaching(
            {
                "retry": ("retried", "JobNotRetryable"),
                "retry too": ("retried", "JobNotRetryable"),
                "cancel": ("cancelled", "JobNotCancellable"),
                "start": ("started", "stale"),
                "late report": ("STALE",),
            },
            job_1=("scheduled", "running", "cancelled"),
        ),
        _worker_ends_its_own_attempt,
    ),
    Race(
        "a worker that lives in the moment in which it counts as lost",
        (
            heart("heart"),
            reaper(),
            reaper("reaper later", TIMED_OUT + MINUTE),
            reporter("report", fails),
            starter("start", TIMED_OUT + MINUTE),
        ),
        _runs(2),
        reaching(
            {
                "heart": ("APPLIED", "STALE"),
                "reaper": ("ended 0", "ended 1"),
                "reaper later": ("ended 0", "ended 1"),
                "report": ("APPLIED", "STALE"),
                "start": ("started", "stale"),
            },
            job_1=("scheduled", "running"),
        ),
        _worker_ends_its_own_attempt,
    ),
    Race(
        "two runs that forget a job while one retries it and one cancels that",
        (
            redactor("redact"),
            redactor("redact too", TIMED_OUT + MINUTE),
            retrier("retry"),
            canceller("cancel", at=TIMED_OUT),
        ),
        _failed_for_a_person,
        reaching(
            {
                "redact": ("forgot 0", "forgot 1"),
                "redact too": ("forgot 0", "forgot 1"),
                "retry": ("retried", "JobNotRetryable"),
                "cancel": ("cancelled", "JobNotCancellable"),
            },
            job_1=("scheduled", "failed", "cancelled"),
        ),
        _forgotten_whole_or_not_at_all,
    ),
    Race(
        "two creators with one key, and a batch",
        (
            creator("create", a_request(reference_id="keyed"), key="key"),
            creator("create too", a_request(reference_id="keyed"), key="key"),
            ingester("batch", "event 1", "event 2"),
        ),
        _nothing,
        reaching(
            {
                "create": ("created", "replayed"),
                "create too": ("created", "replayed"),
                "batch": ("created 2",),
            },
            job_1=("scheduled",),
            job_2=("scheduled",),
            job_3=("scheduled",),
        ),
        _one_job_of_each("keyed", "event 1", "event 2"),
    ),
    Race(
        "a batch that is delivered twice, and one of its events alone",
        (
            ingester("batch", "event 1", "event 2"),
            ingester("batch too", "event 1", "event 2"),
            creator("alone", a_request(reference_id="event 2"), seen=mark("event 2")),
        ),
        _nothing,
        reaching(
            {
                "batch": ("created 0", "created 1", "created 2"),
                "batch too": ("created 0", "created 1", "created 2"),
                "alone": ("created", "EventSeen"),
            },
            job_1=("scheduled",),
            job_2=("scheduled",),
        ),
        _one_job_of_each("event 1", "event 2"),
    ),
    Race(
        "deletions of one user: two new ones, one that is retried, and cancels",
        (
            creator("create", request_deletion(USER, NOW)),
            creator("create too", request_deletion(USER, NOW)),
            retrier("retry"),
            canceller("cancel"),
            canceller("cancel new", job_id=2),
        ),
        _cancelled_deletion,
        reaching(
            {
                "create": ("created", "DeletionActive"),
                "create too": ("created", "DeletionActive"),
                "retry": ("retried", "DeletionActive"),
                "cancel": ("cancelled", "JobNotCancellable"),
                "cancel new": ("cancelled", "JobNotFound"),
            },
            job_1=("scheduled", "cancelled"),
            job_2=("scheduled", "cancelled"),
            job_3=("scheduled",),
        ),
    ),
    Race(
        "a schedule that is due and is changed, beside a batch",
        (firer("fire"), firer("fire again"), changer("change", catch_up=CatchUp.ALL), ingester("batch", "event 1")),
        _scheduled(),
        reaching(
            {
                "fire": ("made 0", "made 1"),
                "fire again": ("made 0", "made 1"),
                "change": ("done",),
                "batch": ("created 1",),
            },
            job_1=("scheduled",),
            job_2=("scheduled",),
        ),
        _each_occurrence_once,
    ),
    Race(
        "a schedule that is due, disabled and removed, beside a tick",
        (firer("fire"), changer("disable", enabled=False), remover("remove"), dispatcher("tick")),
        _scheduled(),
        reaching(
            {
                "fire": ("made 0", "made 1"),
                "disable": ("done", "gone"),
                "remove": ("done",),
                "tick": ("hinted 0 and 0 again", "hinted 1 and 0 again"),
            },
            job_1=("scheduled",),
        ),
        _each_occurrence_once,
    ),
    Race(
        "a schedule that skips while its last job is active",
        (firer("fire"), firer("fire later", NOW + MINUTE), runner("run"), canceller("cancel")),
        _scheduled(Overlap.SKIP),
        reaching(
            {
                "fire": ("made 0", "made 1"),
                "fire later": ("made 0", "made 1"),
                "run": ("ran",),
                "cancel": ("cancelled", "JobNotFound"),
            },
            job_1=("scheduled", "cancelled"),
            job_2=("scheduled",),
        ),
        _each_occurrence_made_or_skipped,
    ),
    Race(
        "two ticks that overlap, a job whose hint was lost and a new one",
        (
            dispatcher("tick"),
            dispatcher("next tick", NOW + 2 * MINUTE),
            creator("create", a_request(start_at=NOW)),
            receiver("start", NOW + 2 * MINUTE),
        ),
        _due(1, NOW + SECOND),  # so the watermark may be beyond the new job, and then only the sweep finds it
        reaching(
            {
                "tick": ("hinted 0 and 0 again", "hinted 2 and 0 again"),
                "next tick": ("hinted 0 and 0 again", "hinted 0 and 2 again", "hinted 2 and 0 again"),
                "create": ("created",),
                "start": ("nothing", "started"),
            },
            job_1=("scheduled", "running"),
            job_2=("scheduled", "running"),
        ),
    ),
)
