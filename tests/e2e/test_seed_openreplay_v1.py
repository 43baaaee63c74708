"""Every call of seed 1, OpenReplay's v1 documentation of jobs, with its documented status and exact body."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.embedded import DAY, Tenant, now, send, text

if TYPE_CHECKING:
    from tests.e2e.embedded import Embedded

pytestmark = pytest.mark.e2e

INVALID_KEY = '{"errors":["Invalid API Key"]}'
NO_PROJECT = '{"errors":["project not found."]}'
NO_JOB = '{"errors":["Job not found."]}'
ENDED = '{"errors":["The request job has already been canceled/completed."]}'
UNKNOWN_KEY = f"jk_{'0' * 48}"


def deletion(tenant: Tenant, job_id: int, user: str, **changed: Any) -> dict[str, Any]:
    """The documented job of a user's deletion, without its times."""
    return {
        "jobId": job_id,
        "description": f"Delete user sessions of userId = {user}",
        "status": "scheduled",
        "projectId": tenant.project.project_id,
        "action": "delete_user_data",
        "referenceId": user,
        **changed,
    }


def test_deleting_a_user_yields_a_job_at_the_next_utc_midnight(tenant: Tenant) -> None:
    before = now()
    answer = tenant.call("DELETE", f"{tenant.v1}/users/shekar@example.com")
    after = now()

    job = answer.json()["data"]
    created = job["createdAt"]
    times = {"createdAt": created, "updatedAt": created, "startAt": (created // DAY + 1) * DAY, "errors": None}
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.text == text({"data": {**deletion(tenant, 1, "shekar@example.com"), **times}})
    assert before <= created <= after


def test_deleting_a_user_again_answers_with_the_job_that_is_still_active(tenant: Tenant) -> None:
    first = tenant.call("DELETE", f"{tenant.v1}/users/shekar@example.com")
    second = tenant.call("DELETE", f"{tenant.v1}/users/shekar@example.com")

    assert (second.status_code, second.text) == (200, first.text)


def test_a_user_whose_deletion_was_cancelled_can_be_deleted_again(tenant: Tenant) -> None:
    tenant.call("DELETE", f"{tenant.v1}/users/shekar@example.com")
    tenant.call("DELETE", f"{tenant.v1}/jobs/1")

    assert tenant.call("DELETE", f"{tenant.v1}/users/shekar@example.com").json()["data"]["jobId"] == 2


def test_the_list_has_every_job_oldest_first_the_cancelled_among_them(tenant: Tenant) -> None:
    first = tenant.call("DELETE", f"{tenant.v1}/users/shekar@example.com").json()["data"]
    tenant.call("DELETE", f"{tenant.v1}/users/mehdi@example.com")
    second = tenant.call("DELETE", f"{tenant.v1}/jobs/2").json()["data"]

    answer = tenant.call("GET", f"{tenant.v1}/jobs")

    assert answer.status_code == 200
    assert answer.text == text({"data": [first, second]})
    assert [job["status"] for job in answer.json()["data"]] == ["scheduled", "cancelled"]
    assert answer.headers["x-total-count"] == "2"
    assert "link" not in answer.headers


def test_the_list_of_a_project_without_jobs_is_empty(tenant: Tenant) -> None:
    answer = tenant.call("GET", f"{tenant.v1}/jobs")

    assert (answer.status_code, answer.text) == (200, '{"data":[]}')


def test_a_job_is_shown_as_the_list_shows_it(tenant: Tenant) -> None:
    job = tenant.call("DELETE", f"{tenant.v1}/users/shekar@example.com").json()["data"]

    answer = tenant.call("GET", f"{tenant.v1}/jobs/1")

    assert (answer.status_code, answer.text) == (200, text({"data": job}))


def test_cancelling_answers_with_the_cancelled_job(tenant: Tenant) -> None:
    job = tenant.call("DELETE", f"{tenant.v1}/users/shekar@example.com").json()["data"]

    answer = tenant.call("DELETE", f"{tenant.v1}/jobs/1")

    updated = answer.json()["data"]["updatedAt"]
    assert answer.status_code == 200
    assert answer.text == text({"data": {**job, "status": "cancelled", "updatedAt": updated}})
    assert job["createdAt"] <= updated <= now()


def test_cancelling_a_cancelled_job_is_501(tenant: Tenant) -> None:
    tenant.call("DELETE", f"{tenant.v1}/users/shekar@example.com")
    cancelled = tenant.call("DELETE", f"{tenant.v1}/jobs/1")

    answer = tenant.call("DELETE", f"{tenant.v1}/jobs/1")

    assert (answer.status_code, answer.text) == (501, ENDED)
    assert tenant.call("GET", f"{tenant.v1}/jobs/1").text == cancelled.text


def test_cancelling_a_running_job_is_documented_as_possible(tenant: Tenant) -> None:
    tenant.create()
    wait_until_running(tenant, 1)

    answer = tenant.call("DELETE", f"{tenant.v1}/jobs/1")

    assert (answer.status_code, answer.json()["data"]["status"]) == (200, "cancelled")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("job_id", ["1", "0", "-1", "999999999999999", "9" * 5_000, "abc", "1.0", "%D9%A1"])
def test_an_unknown_job_is_404_and_so_is_what_is_no_number(tenant: Tenant, method: str, job_id: str) -> None:
    answer = tenant.call(method, f"{tenant.v1}/jobs/{job_id}")

    assert (answer.status_code, answer.text) == (404, NO_JOB)


CALLS = [("GET", "jobs"), ("GET", "jobs/1"), ("DELETE", "jobs/1"), ("DELETE", "users/someone")]


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_every_call_needs_a_valid_key(tenant: Tenant, method: str, path: str) -> None:
    refused = ["", "nonsense", UNKNOWN_KEY, f"{tenant.key[:-1]}x", f"Bearer {tenant.key}"]

    for headers in [{}, *({"Authorization": key} for key in refused)]:
        answer = send(tenant.base_url, method, f"{tenant.v1}/{path}", headers=headers)
        assert (answer.status_code, answer.text) == (401, INVALID_KEY), headers
    assert tenant.call("GET", f"{tenant.v1}/jobs").text == '{"data":[]}'


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_every_call_needs_a_project_of_the_key_s_organisation(stack: Embedded, method: str, path: str) -> None:
    answer = send(
        stack.base_url,
        method,
        f"/api/v1/3sWXSsqHgSKnE87YkNJK/{path}",
        headers={"Authorization": stack.demo["apiKey"]},
    )

    assert (answer.status_code, answer.text) == (404, NO_PROJECT)


@pytest.mark.parametrize("user", ["%20", "%20%09", "x" * 257])
def test_a_blank_or_overlong_user_is_refused_and_nothing_is_created(tenant: Tenant, user: str) -> None:
    answer = tenant.call("DELETE", f"{tenant.v1}/users/{user}")

    assert answer.status_code == 400
    assert list(answer.json()) == ["errors"]
    assert tenant.call("GET", f"{tenant.v1}/jobs").text == '{"data":[]}'


def wait_until_running(tenant: Tenant, job_id: int) -> None:
    """Wait for up to ten seconds until a due job starts."""
    deadline = time.monotonic() + 10
    while tenant.details(job_id)["status"] == "scheduled":
        assert time.monotonic() < deadline
        time.sleep(0.05)
