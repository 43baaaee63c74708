"""What a job's history says, and which moves exist."""

from __future__ import annotations

import pytest
from jobs.model import ACTIVE, TRANSITIONS, Change, Status
from jobs.tenants import Credential

from tests.builders import NOW, a_job


def after(*states: Status) -> tuple[Change, ...]:
    return tuple(Change(status, NOW + position, "key-1") for position, status in enumerate(states))


def test_a_new_job_was_created_and_has_not_changed() -> None:
    job = a_job()

    assert (job.created_at, job.updated_at, job.started_at, job.finished_at) == (NOW, None, None, None)
    assert (job.due_at, job.timeout_at) == (NOW, None)


def test_a_running_job_has_a_time_out_and_is_due_no_more() -> None:
    job = a_job(status=Status.RUNNING, next_at=NOW + 60_000, history=after(Status.SCHEDULED, Status.RUNNING))

    assert (job.updated_at, job.started_at, job.finished_at) == (NOW + 1, NOW + 1, None)
    assert (job.due_at, job.timeout_at) == (None, NOW + 60_000)


@pytest.mark.parametrize("end", [Status.COMPLETED, Status.FAILED, Status.CANCELLED])
def test_an_ended_job_keeps_when_its_last_attempt_started(end: Status) -> None:
    job = a_job(status=end, next_at=None, history=after(Status.SCHEDULED, Status.RUNNING, end))

    assert (job.created_at, job.started_at, job.finished_at) == (NOW, NOW + 1, NOW + 2)


def test_a_job_cancelled_before_its_start_never_started() -> None:
    job = a_job(status=Status.CANCELLED, next_at=None, history=after(Status.SCHEDULED, Status.CANCELLED))

    assert (job.started_at, job.finished_at) == (None, NOW + 1)


def test_a_job_scheduled_again_has_not_started_its_new_attempt() -> None:
    states = (Status.SCHEDULED, Status.RUNNING, Status.FAILED, Status.SCHEDULED)
    job = a_job(history=after(*states), attempt=2)

    assert (job.created_at, job.updated_at, job.started_at, job.finished_at) == (NOW, NOW + 3, None, None)


def test_an_ended_job_is_left_by_a_retry_alone_and_a_completed_one_by_nothing() -> None:
    ended = {status: TRANSITIONS[status] for status in Status if status not in ACTIVE}

    assert ended == {
        Status.COMPLETED: frozenset(),
        Status.FAILED: {Status.SCHEDULED},
        Status.CANCELLED: {Status.SCHEDULED},
    }
    assert all(TRANSITIONS[status] > {Status.CANCELLED} for status in ACTIVE)


def test_a_credential_ends_at_its_expiry_to_the_millisecond() -> None:
    credential = Credential(credential_id="key-1", organisation_id=1, expires_at=NOW)

    assert credential.is_live(NOW - 1)
    assert not credential.is_live(NOW)
