"""Taking events: whom a project trusts, what is taken together, and what comes again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from jobs.errors import Busy
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
    ScheduleRequested,
)
from jobs.events.ingestion import Taken
from jobs.lifecycle import creation
from jobs.lifecycle.creation import IdempotencyKey
from jobs.model import DELETE_USER_DATA, Message, Severity, Status
from jobs.schedules.rhythm import Rhythm

from tests.builders import NOW, a_client_error, a_job, a_project, a_request, start
from tests.fakes import FakeDirectory, World, ever
from tests.unit.test_schedules import FIRST, a_spec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.events.incoming import Content
    from jobs.model import Job
    from jobs.outcomes import AppendResult, NewRow
    from jobs.ports import Ports
    from jobs.tenants import Project

OWN, PARTNER, STRANGER = "111111111111", "222222222222", "333333333333"
DAY = 86_400_000
PROJECT = a_project()
KEY = PROJECT.project_key


class Ingestion:
    """The use case over its fakes; counts how many jobs are appended together."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world, self.registry = world, FakeDirectory()
        self.together: list[int] = []
        self.know(PROJECT)
        create_batch = creation.create_batch

        def counted(ports: Ports, project: Project, requests: Sequence[creation.Request]) -> list[Job | None]:
            self.together.append(len(requests))
            return create_batch(ports, project, requests)

        monkeypatch.setattr(creation, "create_batch", counted)

    def know(self, project: Project) -> None:
        self.registry.projects[project.project_key] = project

    def take(self, *deliveries: Delivery) -> list[Taken | Refusal]:
        return ingestion.take(self.world.with_directory(self.registry), OWN, deliveries, ever)

    @property
    def jobs(self) -> dict[tuple[int, int], Job]:
        return self.world.store.jobs

    @property
    def counts(self) -> dict[str, int]:
        return dict(self.world.meter.counts)


@pytest.fixture
def subject(world: World, monkeypatch: pytest.MonkeyPatch) -> Ingestion:
    return Ingestion(world, monkeypatch)


def an_event(content: Content, event_id: str = "1", source: str = "shop", account: str = OWN) -> Delivery:
    return Delivery(Envelope(event_id, source, account), content)


def asks(event_id: str = "1", *, key: str = KEY, idempotency: str | None = None, **event: Any) -> Delivery:
    new = event.pop("new", a_request(description=event_id))
    replay = None if idempotency is None else IdempotencyKey(idempotency, "body")
    return an_event(JobRequested(key, new, replay), event_id, **event)


def a_deletion(event_id: str, **event: Any) -> Delivery:
    return asks(event_id, new=a_request(action=DELETE_USER_DATA, reference_id="u"), **event)


def asks_for_schedule(
    event_id: str = "1", *, idempotency: str | None = None, body: str = "body", **event: Any
) -> Delivery:
    spec = event.pop("spec", a_spec())
    replay = None if idempotency is None else IdempotencyKey(idempotency, body)
    return an_event(ScheduleRequested(KEY, spec, replay), event_id, **event)


def completed(event_id: str = "9", job_id: int = 1, attempt: int = 1, **event: Any) -> Delivery:
    return an_event(JobCompleted(KEY, job_id, attempt, ("out",)), event_id, **event)


# ---- trust --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accounts", "sources", "account", "source", "taken"),
    [
        (set(), set(), OWN, "shop", True),
        (set(), set(), PARTNER, "shop", False),
        ({PARTNER}, set(), PARTNER, "shop", True),
        ({PARTNER}, set(), OWN, "shop", True),
        ({PARTNER}, set(), STRANGER, "shop", False),
        (set(), {"shop"}, OWN, "shop", True),
        (set(), {"shop"}, OWN, "shop.orders", False),
        (set(), {"shop"}, OWN, "Shop", False),
        ({PARTNER}, {"shop"}, PARTNER, "other", False),
        ({PARTNER}, {"shop"}, STRANGER, "shop", False),
        (set(), set(), OWN, "jobs", False),
        ({PARTNER}, {"jobs"}, PARTNER, "jobs", False),
    ],
)
@pytest.mark.parametrize(
    "kind", ["request", "keyed", "deletion", "schedule", "progress", "message", "completion", "failure"]
)
def test_an_event_is_taken_from_an_account_and_a_source_that_the_project_trusts(  # noqa: PLR0913  # as the table has them
    subject: Ingestion, *, accounts: set[str], sources: set[str], account: str, source: str, kind: str, taken: bool
) -> None:
    subject.know(a_project(accounts=frozenset(accounts), sources={source: frozenset() for source in sources}))
    subject.jobs[1, 1] = before = a_job()._replace(status=Status.RUNNING)
    (outcome,) = subject.take(of_kind(kind, account=account, source=source))

    assert outcome in ([Taken.DONE] if taken else [ingestion.UNTRUSTED_ACCOUNT, ingestion.UNTRUSTED_SOURCE])
    if not taken:
        assert_untouched(subject, before)


def of_kind(kind: str, **sender: Any) -> Delivery:
    """An event of each kind that there is; all but requests are about job 1."""
    said = Message(NOW, Severity.NONE, "hello")
    kinds = {
        "request": lambda: asks(**sender),
        "keyed": lambda: asks(idempotency="k", **sender),
        "deletion": lambda: a_deletion("1", **sender),
        "schedule": lambda: asks_for_schedule(**sender),
        "keyed schedule": lambda: asks_for_schedule(idempotency="k", **sender),
        "progress": lambda: an_event(JobProgress(KEY, 1, 1, 50, said, NOW), **sender),
        "message": lambda: an_event(JobMessage(KEY, 1, said), **sender),
        "completion": lambda: completed(**sender),
        "failure": lambda: an_event(JobFailed(KEY, 1, 1, ("no disk",)), **sender),
    }
    return kinds[kind]()


def assert_untouched(subject: Ingestion, *jobs: Job) -> None:
    """An event was refused: it wrote nothing. Its function counts it."""
    store = subject.world.store
    assert list(subject.jobs.values()) == [*jobs]
    assert (store.seen, store.records, store.locks, store.messages, store.outputs) == ({}, {}, {}, {}, {})
    assert (store.schedules, store.schedule_records) == ({}, {})
    assert subject.counts == {}


REQUESTS = ("request", "keyed", "deletion", "schedule", "keyed schedule")
REPORTS = ("progress", "message", "completion", "failure")


@pytest.mark.parametrize("source", ["jobs", "jobs.", "jobs.other", "jobs.delete_user_data", "jobs.delete_user_data.x"])
@pytest.mark.parametrize("action", ["export", DELETE_USER_DATA])
@pytest.mark.parametrize("account", [OWN, PARTNER])
@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize("kind", [*REQUESTS, *REPORTS])
def test_of_our_own_sources_only_the_worker_is_taken_and_only_its_reports_on_deletions(  # noqa: PLR0913  # the whole matrix
    subject: Ingestion,
    source: str,
    action: str,
    account: str,
    kind: str,
    *,
    listed: bool,
) -> None:
    sources: dict[str, frozenset[str]] = {"shop": frozenset(), source: frozenset()} if listed else {}
    subject.know(a_project(accounts=frozenset({PARTNER}), sources=sources))
    running(subject, action=action, reference_id="u")
    before = subject.jobs[1, 1]

    (outcome,) = subject.take(of_kind(kind, source=source, account=account))

    is_worker = (source, account) == ("jobs.delete_user_data", OWN)
    if is_worker and kind in REPORTS and action == DELETE_USER_DATA:
        assert outcome is Taken.DONE
    else:
        assert isinstance(outcome, Refusal)
        assert_untouched(subject, before)


@pytest.mark.parametrize("kind", [*REQUESTS, *REPORTS])
@pytest.mark.parametrize("action", ["export", "import", "other"])
def test_a_source_reports_on_the_actions_that_it_is_listed_with_and_requests_any(
    subject: Ingestion, kind: str, action: str
) -> None:
    subject.know(a_project(sources={"shop": frozenset({"export", "import"}), "any": frozenset()}))
    running(subject, action=action)
    before = subject.jobs[1, 1]

    (outcome,) = subject.take(of_kind(kind, source="shop"))

    if kind in REQUESTS or action != "other":
        assert outcome is Taken.DONE
    else:
        assert outcome == ingestion.UNTRUSTED_REPORT
        assert_untouched(subject, before)
        assert subject.take(of_kind(kind, source="any")) == [Taken.DONE]


@pytest.mark.parametrize("kind", [*REQUESTS, *REPORTS])
def test_a_trusted_source_reaches_no_job_of_another_project(subject: Ingestion, kind: str) -> None:
    """Numbers are given per project: job 1 exists in the foreign one alone, which trusts nobody of these."""
    subject.jobs[2, 1] = foreign = a_job(project_id=2)._replace(status=Status.RUNNING)

    subject.take(of_kind(kind))

    assert subject.jobs[2, 1] == foreign
    assert all(project == 1 for project, number in subject.jobs if (project, number) != (2, 1))
    assert subject.world.store.messages == {}


def test_only_a_source_that_is_limited_to_actions_costs_a_read(
    subject: Ingestion, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []
    get_job = subject.world.store.get_job

    def counted(project_id: int, job_id: int, *, strong: bool = True) -> Job | None:
        reads.append(job_id)
        return get_job(project_id, job_id, strong=strong)

    monkeypatch.setattr(subject.world.store, "get_job", counted)
    subject.know(a_project(sources={"shop": frozenset({"export"}), "any": frozenset()}))
    for source, count in (("any", 0), ("shop", 1)):
        running(subject)
        subject.take(an_event(JobCompleted(KEY, 1, 1, ()), source, source=source))
        assert len(reads) == count


def test_an_event_for_an_unknown_project_is_refused(subject: Ingestion) -> None:
    assert subject.take(asks(key="nobody")) == [ingestion.UNKNOWN_PROJECT]
    assert subject.jobs == {}


def test_an_event_that_is_not_trusted_does_not_hide_the_one_that_is(subject: Ingestion) -> None:
    """A stranger who knows the id of a partner's event cannot make that event disappear."""
    forged, true = asks("1", account=STRANGER), asks("1")

    assert subject.take(forged, true) == [ingestion.UNTRUSTED_ACCOUNT, Taken.DONE]
    assert len(subject.jobs) == 1


# ---- requests -----------------------------------------------------------------------------------------------------


def test_requests_of_one_project_are_appended_together_in_their_order(subject: Ingestion) -> None:
    other = a_project(project_id=2, project_key="other")
    subject.know(other)
    deliveries = [asks(f"{n}", key="other" if n % 3 == 0 else KEY) for n in range(9)]

    assert subject.take(*deliveries) == [Taken.DONE] * 9

    assert sorted(subject.together) == [3, 6]
    assert [job.description for (project, _), job in subject.jobs.items() if project == 1] == [*"124578"]
    assert [job.description for (project, _), job in subject.jobs.items() if project == 2] == [*"036"]
    assert subject.jobs[1, 1].history[0].by == "event:shop"


def test_requests_with_a_key_or_a_rule_of_their_own_are_taken_alone(subject: Ingestion) -> None:
    taken = subject.take(asks("1", idempotency="k"), a_deletion("2"), asks("3"), asks("4"))

    assert taken == [Taken.DONE] * 4
    assert subject.together == [2]
    assert len(subject.jobs) == 4


def test_an_event_counts_once_within_a_batch_and_across_batches(subject: Ingestion) -> None:
    alike = [asks("1"), asks("2", idempotency="k"), a_deletion("3"), asks("1")]

    assert subject.take(*alike, *alike) == [Taken.DONE] * 8
    assert subject.take(*reversed(alike)) == [Taken.DONE] * 4

    assert len(subject.jobs) == 3
    assert subject.counts == {"EventSeen": 3}


def test_an_id_is_a_source_s_own(subject: Ingestion) -> None:
    assert subject.take(asks("1", source="a"), asks("1", source="b")) == [Taken.DONE] * 2
    assert len(subject.jobs) == 2


def test_an_event_is_remembered_for_three_weeks(subject: Ingestion) -> None:
    subject.take(asks("1"))
    for after, jobs in [(21 * DAY - 1, 1), (21 * DAY, 2)]:
        subject.world.clock.time = NOW + after
        subject.take(asks("1"))
        assert len(subject.jobs) == jobs


def test_a_producer_s_own_key_counts_once_under_new_ids(subject: Ingestion) -> None:
    assert subject.take(asks("1", idempotency="k"), asks("2", idempotency="k")) == [Taken.DONE] * 2
    assert len(subject.jobs) == 1


def test_a_key_with_another_body_is_refused(subject: Ingestion) -> None:
    other = an_event(JobRequested(KEY, a_request(), IdempotencyKey("k", "another body")), "2")

    assert subject.take(asks("1", idempotency="k"), other) == [Taken.DONE, ingestion.KEY_REUSED]
    assert subject.counts == {}


def test_a_deletion_of_a_user_who_has_one_is_counted_and_dropped(subject: Ingestion) -> None:
    assert subject.take(a_deletion("1"), a_deletion("2")) == [Taken.DONE] * 2
    assert len(subject.jobs) == 1
    assert subject.counts == {"DeletionDropped": 1}


def test_an_event_that_comes_from_two_accounts_in_one_batch_counts_once(subject: Ingestion) -> None:
    subject.know(a_project(accounts=frozenset({PARTNER})))

    assert subject.take(asks("1"), asks("1", account=PARTNER), asks("2")) == [Taken.DONE] * 3
    assert len(subject.jobs) == 2


def test_a_deletion_that_was_dropped_makes_no_job_when_it_comes_again(subject: Ingestion) -> None:
    subject.take(a_deletion("1"), a_deletion("2"))
    subject.world.store.cancel_job(1, 1, NOW, "key-1")

    assert subject.take(a_deletion("2")) == [Taken.DONE]
    assert len(subject.jobs) == 1


def test_the_service_s_own_worker_is_trusted_whatever_sources_a_project_lists(subject: Ingestion) -> None:
    subject.know(a_project(sources={"shop": frozenset()}))
    running(subject, action=DELETE_USER_DATA, reference_id="u")

    assert subject.take(completed(source="jobs.delete_user_data")) == [Taken.DONE]
    assert subject.jobs[1, 1].status is Status.COMPLETED


def test_a_report_of_an_attempt_to_come_of_a_job_that_has_ended_is_stale(subject: Ingestion) -> None:
    running(subject)
    subject.take(completed("1"))

    assert subject.take(completed("2", attempt=2)) == [Taken.DONE]


# ---- reports ------------------------------------------------------------------------------------------------------


def running(subject: Ingestion, **job: Any) -> None:
    subject.jobs[1, 1] = a_job(**job)
    start(subject.world.store, 1, NOW)


def test_each_report_does_its_work(subject: Ingestion) -> None:
    running(subject, max_attempts=2)
    half = JobProgress(KEY, 1, 1, 50, Message(NOW, Severity.INFORMATION, "half"), NOW)
    said = JobMessage(KEY, 1, Message(NOW + 1, Severity.WARNING, "odd", 3))

    assert subject.take(an_event(half, "a"), an_event(said, "b")) == [Taken.DONE] * 2
    assert subject.jobs[1, 1].progress == 50
    assert subject.take(an_event(JobFailed(KEY, 1, 1, ("no disk",)), "c", source="worker")) == [Taken.DONE]
    assert subject.jobs[1, 1].history[-1].by == "event:worker"
    start(subject.world.store, 1, NOW + 10_000)
    assert subject.take(completed("d", attempt=2)) == [Taken.DONE]

    job = subject.jobs[1, 1]
    assert (job.status, subject.world.store.get_outputs(job)) == (Status.COMPLETED, ["out"])
    page = subject.world.store.list_messages(1, 1, None, 9)
    assert [(message.text, message.severity) for message in page.messages] == [("half", 1), ("odd", 2)]


def test_what_the_last_attempt_says_is_kept_although_its_end_came_first(subject: Ingestion) -> None:
    running(subject)
    half = an_event(JobProgress(KEY, 1, 1, 50, Message(NOW, Severity.INFORMATION, "half"), NOW), "a")

    assert subject.take(completed("b"), half, half) == [Taken.DONE] * 3

    page = subject.world.store.list_messages(1, 1, None, 9)
    assert [message.text for message in page.messages] == ["half"]
    assert subject.jobs[1, 1].progress == 100


def test_what_is_said_is_said_once(subject: Ingestion) -> None:
    running(subject)
    half = an_event(JobProgress(KEY, 1, 1, 50, Message(NOW, Severity.INFORMATION, "half"), NOW), "a")
    said = an_event(JobMessage(KEY, 1, Message(NOW, Severity.INFORMATION, "odd")), "b")

    for _ in range(3):
        assert subject.take(half, said, said, half) == [Taken.DONE] * 4

    assert len(subject.world.store.messages) == 2


@pytest.mark.parametrize(
    ("job_id", "attempt", "outcome", "counted"),
    [(1, 1, Taken.DONE, "ReportStale"), (1, 3, Taken.EARLY, None), (2, 1, ingestion.UNKNOWN_JOB, None)],
)
def test_a_report_that_does_not_apply_is_counted_or_comes_again(
    subject: Ingestion, job_id: int, attempt: int, outcome: Taken | Refusal, counted: str | None
) -> None:
    running(subject, attempt=2, max_attempts=2)
    before = subject.jobs[1, 1]
    reports: list[Content] = [
        JobCompleted(KEY, job_id, attempt, ()),
        JobFailed(KEY, job_id, attempt, ()),
        JobProgress(KEY, job_id, attempt, 5, Message(NOW, Severity.NONE, "late"), NOW),
    ]

    assert subject.take(*(an_event(report, f"{n}") for n, report in enumerate(reports))) == [outcome] * 3

    assert subject.jobs == {(1, 1): before}
    assert subject.world.store.messages == {}
    assert subject.counts == ({counted: 3} if counted else {})


def test_a_report_before_the_start_is_early_and_taken_after_it(subject: Ingestion) -> None:
    subject.jobs[1, 1] = a_job()

    assert subject.take(completed(), completed()) == [Taken.EARLY] * 2
    start(subject.world.store, 1, NOW)
    assert subject.take(completed()) == [Taken.DONE]

    assert subject.jobs[1, 1].status is Status.COMPLETED


def test_a_request_and_its_report_in_one_batch_find_each_other(subject: Ingestion) -> None:
    assert subject.take(completed(), asks("1")) == [Taken.EARLY, Taken.DONE]


# ---- what fails ---------------------------------------------------------------------------------------------------


def test_requests_that_meet_a_busy_store_come_again_and_reports_beside_them_are_taken(
    subject: Ingestion, monkeypatch: pytest.MonkeyPatch
) -> None:
    running(subject)

    def busy(*_: object) -> None:
        raise Busy

    monkeypatch.setattr(creation, "create_batch", busy)
    assert subject.take(asks("1"), completed("2"), asks("3")) == [Taken.AGAIN, Taken.DONE, Taken.AGAIN]
    assert subject.counts["EventThrottled"] == 2

    monkeypatch.undo()
    assert subject.take(asks("1"), completed("2"), asks("3")) == [Taken.DONE] * 3
    assert len(subject.jobs) == 3


@pytest.mark.parametrize("method", ["get_job", "is_seen", "complete_job"])
def test_what_meets_a_busy_store_alone_comes_again_alone(
    subject: Ingestion, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    running(subject)

    def busy(*_: object, **__: object) -> None:
        raise Busy

    monkeypatch.setattr(subject.world.store, method, busy)
    said = an_event(JobFailed(KEY, 1, 1, ()), "2")
    done = an_event(JobCompleted(KEY, 1, 1, ()), "3")
    taken = subject.take(asks("1", idempotency="k"), said, done)

    again = [place for place, outcome in enumerate(taken) if outcome is Taken.AGAIN]
    assert again == {"is_seen": [0], "get_job": [1], "complete_job": [2]}[method]
    assert subject.counts["EventThrottled"] == 1


def test_a_directory_that_is_busy_sends_events_back_unharmed(
    subject: Ingestion, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = subject.registry.find_project

    def busy(project_key: str) -> Project | None:
        if project_key == "slow":
            raise Busy
        return find(project_key)

    monkeypatch.setattr(subject.registry, "find_project", busy)

    assert subject.take(asks("1"), asks("2", key="slow"), asks("2", key="slow")) == [
        Taken.DONE,
        Taken.AGAIN,
        Taken.AGAIN,
    ]


def test_what_there_is_no_time_for_comes_again(subject: Ingestion) -> None:
    running(subject)
    deliveries = [asks("1"), completed("2"), asks("3", idempotency="k"), asks("1")]
    time = iter([True, True])

    taken = ingestion.take(subject.world.with_directory(subject.registry), OWN, deliveries, lambda _: next(time, False))

    assert taken == [Taken.DONE, Taken.DONE, Taken.AGAIN, Taken.DONE]
    assert subject.take(*deliveries) == [Taken.DONE] * 4
    assert len(subject.jobs) == 3


def test_nothing_is_taken_of_nothing(subject: Ingestion) -> None:
    assert subject.take() == []


def test_a_request_that_can_not_be_written_takes_no_other_with_it(
    subject: Ingestion, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = subject.world.store.append

    def refuse_the_second(rows: Sequence[NewRow], *beside: Any) -> AppendResult:
        if "2" in {row.job.reference_id for row in rows}:
            raise a_client_error("ValidationException")
        return append(rows, *beside)

    monkeypatch.setattr(subject.world.store, "append", refuse_the_second)
    requests = [an_event(JobRequested(KEY, a_request(reference_id=number), None), number) for number in ("1", "2", "3")]

    assert subject.take(*requests) == [Taken.DONE, Taken.AGAIN, Taken.DONE]
    assert [job.reference_id for job in subject.jobs.values()] == ["1", "3"]


# ---- schedules ----------------------------------------------------------------------------------------------------


def test_a_schedule_is_made_once_however_often_its_event_is_delivered(subject: Ingestion) -> None:
    once = asks_for_schedule()

    assert subject.take(once, once) == [Taken.DONE] * 2
    assert subject.take(once) == [Taken.DONE]

    (made,) = subject.world.store.schedules.values()
    assert (made.spec, made.state.next_at) == (a_spec(), FIRST)
    assert subject.counts == {"EventSeen": 1}
    assert subject.take(asks_for_schedule("2")) == [Taken.DONE]  # chance is the same here, and so is the second
    subject.world.clock.time += 1_000
    assert subject.take(asks_for_schedule("2")) == [Taken.DONE]
    assert len(subject.world.store.schedules) == 2


def test_a_delivery_that_comes_again_does_nothing_after_its_time_has_passed_and_its_schedule_is_removed(
    subject: Ingestion,
) -> None:
    once = asks_for_schedule(spec=a_spec(rhythm=Rhythm(at=NOW + 5)))
    subject.take(once)
    subject.world.store.schedules.clear()
    subject.world.clock.time += DAY

    assert subject.take(once) == [Taken.DONE]
    assert subject.world.store.schedules == {}


def test_an_idempotency_key_makes_one_schedule_of_several_events(subject: Ingestion) -> None:
    assert subject.take(asks_for_schedule("1", idempotency="k")) == [Taken.DONE]
    assert subject.take(asks_for_schedule("2", idempotency="k")) == [Taken.DONE]
    assert subject.take(asks_for_schedule("3", idempotency="k", body="other")) == [ingestion.KEY_REUSED]
    subject.world.store.schedules.clear()
    assert subject.take(asks_for_schedule("4", idempotency="k")) == [Taken.DONE]
    assert subject.world.store.schedules == {}
    subject.world.clock.time += DAY + 1

    # the day of the key is over, and each event is still remembered
    for event_id in ("1", "2", "4"):
        assert subject.take(asks_for_schedule(event_id, idempotency="k")) == [Taken.DONE]
    assert subject.world.store.schedules == {}
    assert subject.take(asks_for_schedule("5", idempotency="k")) == [Taken.DONE]
    assert len(subject.world.store.schedules) == 1


@pytest.mark.parametrize(
    ("rhythm", "refusal"),
    [
        (Rhythm(at=NOW), ingestion.AT_IS_PAST),
        (Rhythm(every=600, anchor=NOW - 600_000, end_at=NOW), ingestion.END_IS_PAST),
    ],
)
def test_a_schedule_that_never_occurs_by_the_time_it_is_taken_is_refused(
    subject: Ingestion, rhythm: Rhythm, refusal: Refusal
) -> None:
    assert subject.take(asks_for_schedule(spec=a_spec(rhythm=rhythm))) == [refusal]
    assert_untouched(subject)


def test_a_full_project_refuses_an_event_and_not_one_that_was_taken_before(
    subject: Ingestion, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert subject.take(asks_for_schedule("1")) == [Taken.DONE]
    monkeypatch.setattr("tests.fakes.MAX_SCHEDULES", 1)
    subject.world.clock.time += 1_000

    assert subject.take(asks_for_schedule("2"), asks_for_schedule("1")) == [ingestion.PROJECT_IS_FULL, Taken.DONE]
    monkeypatch.setattr("tests.fakes.MAX_SCHEDULES", 2)
    assert subject.take(asks_for_schedule("2")) == [Taken.DONE]


def test_a_throttled_schedule_comes_again(subject: Ingestion, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: Any) -> bool:
        raise Busy

    with monkeypatch.context() as patch:
        patch.setattr(subject.world.store, "add_schedule", busy)
        assert subject.take(asks_for_schedule()) == [Taken.AGAIN]
    assert subject.take(asks_for_schedule()) == [Taken.DONE]
