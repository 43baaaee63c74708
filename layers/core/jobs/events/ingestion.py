"""Taking events of other services and workers: requests for jobs, and reports about them.

Delivery is at least once and in no order. Each event is taken once, or changes nothing. An event that can never be
valid goes to the dead-letter queue, and no event blocks its neighbours.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from enum import Enum, auto
from typing import TYPE_CHECKING

from jobs.errors import Busy, DeletionActive, EventSeen, IdempotencyKeyReused, ScheduleNotFound, TooManySchedules
from jobs.events.incoming import JobCompleted, JobFailed, JobMessage, JobRequested, Refusal, ScheduleRequested
from jobs.lifecycle import creation, reporting
from jobs.model import DAY, DELETE_USER_DATA, DELETION_EVENT_SOURCE, SECOND, JobKey, SeenEvent, is_reserved
from jobs.outcomes import Attempt, Failure, ReportOutcome
from jobs.schedules import managing
from jobs.schedules.rhythm import occurrences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.events.incoming import Delivery, Envelope, Report, Requested
    from jobs.ports import Ports, TimeLeft
    from jobs.schedules.ports import SchedulePorts
    from jobs.tenants import Project

#: How long an event is remembered: longer than bus, queue and dead-letter queue together keep one (1 + 4 + 14 days).
REMEMBERED = 21 * DAY
#: Milliseconds that one step may take: a batch contends for its numbers for 20 seconds at most.
STEP_TIME = 25 * SECOND


class Taken(Enum):
    """What became of an event that is not refused."""

    DONE = auto()
    #: The report came before its attempt started: look again soon.
    EARLY = auto()
    #: AWS was busy: deliver it again.
    AGAIN = auto()


#: Why an event is refused that could be read.
UNKNOWN_PROJECT = Refusal("projectKey", "is unknown")
UNTRUSTED_ACCOUNT = Refusal("account", "is not one that the project takes events of")
UNTRUSTED_SOURCE = Refusal("source", "is not one that the project takes such events of")
UNTRUSTED_REPORT = Refusal("source", "may not report on jobs of this action, or the project has no such job")
UNKNOWN_JOB = Refusal("jobId", "is unknown in this project")
#: Said of an early report that was looked at again as often as it may be.
NEVER_STARTED = Refusal("attempt", "has not started")
KEY_REUSED = Refusal("idempotencyKey", "was used for another body")
AT_IS_PAST, END_IS_PAST = (Refusal(field, "has passed before the event was taken") for field in ("at", "endAt"))
PROJECT_IS_FULL = Refusal("projectKey", "is of a project that has as many schedules as it may have")

_TAKEN: dict[ReportOutcome, Taken | Refusal] = {
    ReportOutcome.APPLIED: Taken.DONE,
    ReportOutcome.STALE: Taken.DONE,
    ReportOutcome.REFUSED: Taken.DONE,
    ReportOutcome.EARLY: Taken.EARLY,
    ReportOutcome.UNKNOWN: UNKNOWN_JOB,
}


def take(
    ports: SchedulePorts, own_account: str, deliveries: Sequence[Delivery], has_time: TimeLeft
) -> list[Taken | Refusal]:
    """Take some events: plain requests of one project together, everything else one by one.

    Args:
        ports: the world.
        own_account: the AWS account whose events every project takes.
        deliveries: the events.
        has_time: the time left to this invocation. Events that it does not suffice for are delivered again.

    Returns:
        What became of each event, in their order. A refusal says why it can never be taken.
    """
    taken: list[Taken | Refusal | None] = [None] * len(deliveries)
    first: dict[tuple[str, str], int] = {}
    repeats: dict[int, int] = {}
    together: dict[Project, list[tuple[int, creation.Request]]] = defaultdict(list)
    alone: list[tuple[int, Project]] = []
    for position, delivery in enumerate(deliveries):
        project = _project_of(ports, own_account, delivery)
        if isinstance(project, Taken | Refusal):
            taken[position] = project
            continue
        original = first.setdefault(delivery.envelope.identity, position)
        if original != position:
            repeats[position] = original
            continue
        content = delivery.content
        if isinstance(content, JobRequested) and _is_plain(content):
            seen = _seen(ports, delivery.envelope)
            together[project].append((position, creation.Request(content.new, delivery.envelope.actor, seen)))
        else:
            alone.append((position, project))
    for project, requests in together.items():
        outcome = _create_together(ports, project, requests) if has_time(STEP_TIME) else Taken.AGAIN
        for position, _ in requests:
            taken[position] = outcome
            if outcome is None:
                alone.append((position, project))
    for position, project in alone:
        enough = has_time(STEP_TIME)
        taken[position] = _take_alone(ports, project, deliveries[position]) if enough else Taken.AGAIN
    return [taken[repeats.get(position, position)] or Taken.AGAIN for position in range(len(deliveries))]


def _project_of(ports: Ports, own_account: str, delivery: Delivery) -> Project | Taken | Refusal:
    """Find the project that an event is about, or say what becomes of the event without one."""
    _, source, account = delivery.envelope
    try:
        project = ports.directory.find_project(delivery.content.project_key)
    except Busy:
        return Taken.AGAIN
    if project is None:
        return UNKNOWN_PROJECT
    if account != own_account and account not in project.accounts:
        return UNTRUSTED_ACCOUNT
    if is_reserved(source):
        is_report = not isinstance(delivery.content, JobRequested | ScheduleRequested)
        trusted = source == DELETION_EVENT_SOURCE and account == own_account and is_report
    else:
        trusted = not project.sources or source in project.sources
    return project if trusted else UNTRUSTED_SOURCE


def _may_report(ports: Ports, project: Project, source: str, job_id: int) -> bool:
    """Whether a trusted source may report on a job. Only a source that is limited to some actions costs a read."""
    own = frozenset({DELETE_USER_DATA})
    actions = own if source == DELETION_EVENT_SOURCE else project.sources.get(source)
    job = ports.jobs.get_job(project.project_id, job_id) if actions else None
    return not actions or (job is not None and job.action in actions)


def _is_plain(content: JobRequested) -> bool:
    return content.idempotency is None and content.new.action != DELETE_USER_DATA


def _create_together(ports: Ports, project: Project, requests: list[tuple[int, creation.Request]]) -> Taken | None:
    """Create the jobs of requests; None if one that cannot be written makes all of them fail."""
    try:
        jobs = creation.create_batch(ports, project, [request for _, request in requests])
    except Busy:
        ports.meter.count("EventThrottled", len(requests))
        return Taken.AGAIN
    except Exception as error:  # noqa: BLE001  # no error may block the events of others
        ports.meter.failed("create_batch", error)
        return None
    if seen := jobs.count(None):
        ports.meter.count("EventSeen", seen)
    return Taken.DONE


def _take_alone(ports: SchedulePorts, project: Project, delivery: Delivery) -> Taken | Refusal:
    envelope, content = delivery
    try:
        if isinstance(content, JobRequested | ScheduleRequested):
            return _take_request(ports, project, envelope, content)
        if not _may_report(ports, project, envelope.source, content.job_id):
            return UNTRUSTED_REPORT
        outcome = _report(ports, project, envelope, content)
    except Busy:
        ports.meter.count("EventThrottled")
        return Taken.AGAIN
    except (IdempotencyKeyReused, TooManySchedules) as error:
        return KEY_REUSED if isinstance(error, IdempotencyKeyReused) else PROJECT_IS_FULL
    except Exception as error:  # noqa: BLE001  # as above
        ports.meter.failed("take", error)
        return Taken.AGAIN
    if outcome is ReportOutcome.STALE:
        ports.meter.count("ReportStale")
    return _TAKEN[outcome]


def _take_request(ports: SchedulePorts, project: Project, envelope: Envelope, content: Requested) -> Taken | Refusal:
    if isinstance(content, ScheduleRequested):
        return _make_schedule(ports, project, envelope, content)
    _create_alone(ports, project, envelope, content)
    return Taken.DONE


def _create_alone(ports: Ports, project: Project, envelope: Envelope, content: JobRequested) -> None:
    seen = _seen(ports, envelope)
    try:
        created = creation.create_job(
            ports, project, content.new, by=envelope.actor, idempotency=content.idempotency, seen=seen
        )
    except EventSeen:
        ports.meter.count("EventSeen")
        return
    except DeletionActive:
        ports.meter.count("DeletionDropped")
    else:
        if not created.replayed:
            return
    # It made no job, and must not make one if it comes again when the reason for that is gone.
    ports.jobs.mark_seen(seen, ports.clock.now())


def _make_schedule(
    ports: SchedulePorts, project: Project, envelope: Envelope, content: ScheduleRequested
) -> Taken | Refusal:
    seen, now, spec = _seen(ports, envelope), ports.clock.now(), content.spec
    # before anything else: by now the one time of a schedule may be past that was made in time
    if ports.jobs.is_seen(seen.digest, now):
        ports.meter.count("EventSeen")
        return Taken.DONE
    if next(occurrences(spec.rhythm, now), None) is None:
        return AT_IS_PAST if spec.rhythm.at is not None else END_IS_PAST
    try:
        _, replayed = managing.create_schedule(ports, project, spec, content.idempotency, seen)
    except EventSeen:
        ports.meter.count("EventSeen")
        return Taken.DONE
    except ScheduleNotFound:
        replayed = True  # the key made one, which was removed since
    if replayed:
        ports.jobs.mark_seen(seen, now)
    return Taken.DONE


def _report(ports: Ports, project: Project, envelope: Envelope, content: Report) -> ReportOutcome:
    by = envelope.actor
    if isinstance(content, JobMessage):
        about = JobKey(project.project_id, content.job_id)
        return reporting.add_message(ports, about, content.message, _seen(ports, envelope))
    attempt = Attempt(project.project_id, content.job_id, content.attempt)
    if isinstance(content, JobCompleted):
        return reporting.complete(ports, attempt, by=by, outputs=content.outputs, retention=project.retention)
    if isinstance(content, JobFailed):
        failure = Failure(content.errors, content.retryable, content.retry_after)
        return reporting.fail(ports, attempt, failure, by=by, retention=project.retention)
    outcome = reporting.note_progress(ports, attempt, content.progress, content.at)
    # Events have no order. What an attempt says is kept although its end came first.
    if content.message is not None and outcome in {ReportOutcome.APPLIED, ReportOutcome.STALE}:
        reporting.add_message(ports, attempt, content.message, _seen(ports, envelope))
    return outcome


def _seen(ports: Ports, envelope: Envelope) -> SeenEvent:
    """The mark of an event."""
    digest = hashlib.sha256("\0".join(envelope.identity).encode()).hexdigest()
    return SeenEvent(digest, (ports.clock.now() + REMEMBERED) // SECOND)
