"""Which jobs of an organisation a user sees, and what the user may do with them."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from jobs.errors import JobNotCancellable, JobNotFound, JobsError, NotPermitted, Unauthorized
from jobs.lifecycle import cancellation, retrying
from jobs.model import Change, Message, Run, SeenEvent, Severity, Status
from jobs.tenants import Right, Role
from jobs.workflows import listing, viewing
from jobs.workflows.listing import Selection
from jobs.workflows.viewing import AlteryxJobId

from tests.builders import NOW, ORGANISATION, a_job, a_principal, a_project, start
from tests.fakes import FakeDirectory, FakeStore, World

if TYPE_CHECKING:
    from jobs.model import Job
    from jobs.tenants import Principal

S, R, C, F, X = Status.SCHEDULED, Status.RUNNING, Status.COMPLETED, Status.FAILED, Status.CANCELLED
#: How a job came to its state. The last two were cancelled before they started, the second of them after an attempt.
HISTORIES = [(S,), (S, R), (S, R, S), (S, R, C), (S, R, F), (S, R, X), (S, X), (S, R, S, X)]
DELETED = {(S, X), (S, R, S, X)}
#: Who owns the job that the caller looks at, and what the caller's collections allow.
OWNERS = {"own": "user-1", "another's": "user-2", "nobody's": ""}
SHARES: dict[str, dict[str, Right]] = {
    "in no collection": {},
    "in others": {"c-9": Right.CANCEL},
    "to view": {"c-1": Right.VIEW},
    "to run": {"c-1": Right.RUN},
    "to cancel": {"c-2": Right.CANCEL},
    "to view and to cancel": {"c-1": Right.VIEW, "c-2": Right.CANCEL},
}
ADMINISTRATOR = a_principal(role=Role.ADMINISTRATOR)
REFERENCE = AlteryxJobId(NOW // 1000, 1, 1)


def a_job_that_was(*states: Status, **overrides: Any) -> Job:
    history = tuple(Change(state, NOW + place, "key-1") for place, state in enumerate(states))
    next_at = NOW if states[-1].is_active else None
    return a_job(status=states[-1], history=history, next_at=next_at, **overrides)


@pytest.fixture
def registry() -> FakeDirectory:
    return a_registry(a_project())


def a_registry(*projects: Any) -> FakeDirectory:
    registry = FakeDirectory()
    registry.projects = {f"key-{project.project_id}": project for project in projects}
    return registry


# ---- one job ------------------------------------------------------------------------------------------------------


def outcome(world: World, principal: Principal, reference: AlteryxJobId = REFERENCE) -> tuple[str, str]:
    """What the caller sees, and then the result of a cancellation."""
    registry = a_registry(a_project(), a_project(project_id=2, organisation_id=ORGANISATION + 1))
    answers = []
    for look in (
        lambda: viewing.find_job(world.with_directory(registry), principal, reference),
        lambda: viewing.cancel_job(world.with_directory(registry), principal, reference),
    ):
        try:
            look()
            answers.append("done")
        except JobsError as error:
            answers.append(type(error).__name__)
    return answers[0], answers[1]


@pytest.mark.parametrize(("role", "owner", "share", "history"), list(product(Role, OWNERS, SHARES, HISTORIES)), ids=str)
def test_role_owner_and_collections_decide_and_then_the_state(
    world: World, role: Role, owner: str, share: str, history: tuple[Status, ...]
) -> None:
    run = Run("w", OWNERS[owner], ("c-1", "c-2"))
    world.store.jobs[1, 1] = before = a_job_that_was(*history, run=run)
    mine = role is Role.ADMINISTRATOR or owner == "own"
    sees = (mine or "to" in share.split()) and history not in DELETED
    may_cancel = mine or "cancel" in share

    seen, cancelled = outcome(world, a_principal(role=role, collections=SHARES[share]))

    assert seen == ("done" if sees else "JobNotFound")
    if not sees:
        assert cancelled == "JobNotFound"
    elif not may_cancel:
        assert cancelled == "NotPermitted"
    elif history[-1].is_active:
        assert cancelled == "done"
        client = a_principal().client
        assert world.store.jobs[1, 1].history == (*before.history, Change(X, NOW, client.actor))
        assert world.store.jobs[1, 1].cancelled_from is history[-1]
        return
    else:
        assert cancelled == "JobNotCancellable"
    assert world.store.jobs[1, 1] == before


def test_a_member_without_an_id_of_an_owner_owns_nothing(world: World) -> None:
    """A job without an owner has an empty owner, which is no user's id."""
    world.store.jobs[1, 1] = a_job()

    assert outcome(world, a_principal(user_id="user-1")) == ("JobNotFound", "JobNotFound")


@pytest.mark.parametrize(
    "reference",
    [
        pytest.param(REFERENCE._replace(created=NOW // 1000 - 1), id="a second early"),
        pytest.param(REFERENCE._replace(created=NOW // 1000 + 1), id="a second late"),
        pytest.param(REFERENCE._replace(created=0), id="no time"),
        pytest.param(REFERENCE._replace(job_id=2), id="no such number"),
        pytest.param(REFERENCE._replace(job_id=0), id="number 0"),
        pytest.param(REFERENCE._replace(project_id=2), id="a foreign project's"),
        pytest.param(REFERENCE._replace(project_id=3), id="no such project's"),
        pytest.param(REFERENCE._replace(project_id=0), id="project 0"),
    ],
)
def test_what_an_id_does_not_lead_to_is_not_there_even_for_administrators(
    world: World, reference: AlteryxJobId
) -> None:
    world.store.jobs[1, 1] = a_job()
    world.store.jobs[2, 1] = a_job(project_id=2)

    assert outcome(world, a_principal(role=Role.ADMINISTRATOR), reference) == ("JobNotFound", "JobNotFound")
    assert world.store.jobs[1, 1] == a_job()
    assert world.store.jobs[2, 1] == a_job(project_id=2)


def test_the_time_of_an_id_is_that_of_the_creation_in_whole_seconds(world: World, registry: FakeDirectory) -> None:
    job = a_job_that_was(S, R, at=NOW)
    late = job._replace(history=(job.history[0]._replace(at=NOW + 999), *job.history[1:]))
    world.store.jobs[1, 1] = late

    sighting = viewing.find_job(world.with_directory(registry), a_principal(role=Role.ADMINISTRATOR), REFERENCE)

    assert sighting == (a_project(), late)


def test_a_retry_shows_a_deleted_job_again_under_its_id(world: World, registry: FakeDirectory) -> None:
    world.store.jobs[1, 1] = a_job(run=Run("w", "user-1"))
    owner = a_principal()
    viewing.cancel_job(world.with_directory(registry), owner, REFERENCE)
    with pytest.raises(JobNotFound):
        viewing.find_job(world.with_directory(registry), owner, REFERENCE)

    retrying.retry_job(world.ports, a_project(), 1, by="key-1")

    _, job = viewing.find_job(world.with_directory(registry), owner, REFERENCE)
    assert (job.status, job.attempt) == (S, 2)
    assert viewing.cancel_job(world.with_directory(registry), owner, REFERENCE).cancelled_from is S


class Overtaken(FakeStore):
    """A store in which another caller cancels between the read and the cancellation."""

    def cancel_job(self, project_id: int, job_id: int, now: int, by: str, forget_at: int | None = None) -> Job:
        super().cancel_job(project_id, job_id, now, "key-9")
        return super().cancel_job(project_id, job_id, now, by)


@pytest.mark.parametrize(("history", "refusal"), [((S,), JobNotFound), ((S, R), JobNotCancellable)])
def test_a_job_that_another_deletes_first_is_not_there_and_one_that_is_cancelled_is_in_no_state_for_it(
    registry: FakeDirectory, history: tuple[Status, ...], refusal: type[JobsError]
) -> None:
    world = World(store=Overtaken())
    world.store.jobs[1, 1] = a_job_that_was(*history)

    with pytest.raises(refusal):
        viewing.cancel_job(world.with_directory(registry), a_principal(role=Role.ADMINISTRATOR), REFERENCE)

    assert world.store.jobs[1, 1].history[-1].by == "key-9"


def test_what_is_cancelled_is_what_the_write_replaced_not_what_was_seen(registry: FakeDirectory) -> None:
    class Started(FakeStore):
        def cancel_job(self, project_id: int, job_id: int, now: int, by: str, forget_at: int | None = None) -> Job:
            start(self, job_id, now)
            return super().cancel_job(project_id, job_id, now, by)

    world = World(store=Started())
    world.store.jobs[1, 1] = a_job()

    job = viewing.cancel_job(world.with_directory(registry), a_principal(role=Role.ADMINISTRATOR), REFERENCE)

    assert job.cancelled_from is R


def test_a_job_shared_for_viewing_is_refused_before_its_state_is_looked_at(
    world: World, registry: FakeDirectory
) -> None:
    world.store.jobs[1, 1] = a_job_that_was(S, R, C, run=Run("w", "user-2", ("c-1",)))

    with pytest.raises(NotPermitted):
        viewing.cancel_job(world.with_directory(registry), a_principal(collections={"c-1": Right.VIEW}), REFERENCE)


def test_administrators_alone_pass() -> None:
    viewing.require_administrator(a_principal(role=Role.ADMINISTRATOR))
    with pytest.raises(Unauthorized):
        viewing.require_administrator(a_principal(role=Role.MEMBER))


# ---- messages -----------------------------------------------------------------------------------------------------


def say(world: World, count: int) -> list[str]:
    for number in range(count):
        message = Message(NOW + number, Severity.INFORMATION, f"{number:04} {'x' * 7000}")
        assert world.store.add_message(1, 1, message, SeenEvent(f"{number:064}", NOW))
    return [f"{number:04}" for number in range(count)]


def test_the_newest_messages_are_told_as_they_were_said_and_those_before_lead_on(world: World) -> None:
    said = say(world, 1_500)  # more than an answer holds
    told: list[str] = []
    before, pages = None, 0
    while True:
        page = viewing.newest_messages(world, a_job(), before)
        told = [message.text[:4] for message in page.messages] + told
        before, pages = page.next, pages + 1
        if before is None:
            break
        assert page.messages[-1].at > page.messages[0].at

    assert told == said
    assert pages == 2


def test_few_messages_are_one_page(world: World) -> None:
    said = say(world, 3)

    page = viewing.newest_messages(world, a_job())

    assert ([message.text[:4] for message in page.messages], page.next) == (said, None)
    assert viewing.newest_messages(world, a_job(job_id=2)).messages == []


def test_a_cancellation_in_another_way_deletes_too(world: World, registry: FakeDirectory) -> None:
    world.store.jobs[1, 1] = a_job()
    cancellation.cancel_job(world.ports, a_project(), 1, by="key-1")

    assert outcome(world, ADMINISTRATOR) == ("JobNotFound", "JobNotFound")
    assert listing.list_jobs(world.with_directory(registry), ADMINISTRATOR, Selection()) == []
