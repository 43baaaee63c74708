"""Every call of seed 2, the documentation of the public jobs API, with its documented status and exact body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.embedded import DAY, Tenant, far_ahead, now, send, text

if TYPE_CHECKING:
    from tests.e2e.embedded import Embedded

pytestmark = pytest.mark.e2e

UNAUTHORIZED = '{"error":"unauthorized"}'
NO_PROJECT = '{"error":"project not found"}'
NO_JOB = '{"error":"job not found"}'
NO_INTEGER = '{"error":"invalid jobId: not an integer"}'
UNKNOWN_KEY = f"jk_{'0' * 48}"


def delete_user(tenant: Tenant, user: str = "shekar@example.com") -> dict[str, Any]:
    """Delete a user and return the job."""
    answer = tenant.call("DELETE", f"{tenant.public}/users/{user}")
    assert answer.status_code == 200, answer.text
    job: dict[str, Any] = answer.json()["data"]
    return job


def test_deleting_a_user_yields_a_job_at_the_next_utc_midnight(tenant: Tenant) -> None:
    before = now()
    answer = tenant.call("DELETE", f"{tenant.public}/users/shekar@example.com")
    after = now()

    created = answer.json()["data"]["createdAt"]
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.text == text(
        {
            "data": {
                "jobId": 1,
                "description": "Delete user sessions of userId = shekar@example.com",
                "status": "scheduled",
                "projectId": tenant.project.project_id,
                "action": "delete_user_data",
                "referenceId": "shekar@example.com",
                "createdAt": created,
                "updatedAt": None,
                "startAt": (created // DAY + 1) * DAY,
                "errors": None,
            }
        }
    )
    assert before <= created <= after


def test_deleting_a_user_again_is_a_conflict_until_the_deletion_is_over(tenant: Tenant) -> None:
    delete_user(tenant)

    answer = tenant.call("DELETE", f"{tenant.public}/users/shekar@example.com")

    assert answer.status_code == 409
    assert answer.text == '{"error":"a deletion job for this user is already scheduled or running"}'
    tenant.call("DELETE", f"{tenant.public}/jobs/1")
    assert delete_user(tenant)["jobId"] == 2


def test_the_list_has_every_job_oldest_first_the_cancelled_among_them(tenant: Tenant) -> None:
    first = delete_user(tenant, "shekar@example.com")
    delete_user(tenant, "mehdi@example.com")
    second = tenant.call("DELETE", f"{tenant.public}/jobs/2").json()["data"]

    answer = tenant.call("GET", f"{tenant.public}/jobs")

    assert answer.status_code == 200
    assert answer.text == text({"data": [first, second]})
    assert [job["status"] for job in answer.json()["data"]] == ["scheduled", "cancelled"]
    assert [job["updatedAt"] is None for job in answer.json()["data"]] == [True, False]


def test_pages_are_cut_by_limit_and_page_and_what_is_out_of_range_falls_back(tenant: Tenant) -> None:
    for _ in range(5):
        tenant.create(startAt=far_ahead())

    def ids(query: str) -> list[int]:
        answer = tenant.call("GET", f"{tenant.public}/jobs{query}")
        assert answer.status_code == 200
        assert answer.headers["x-total-count"] == "5"
        return [job["jobId"] for job in answer.json()["data"]]

    everything = [1, 2, 3, 4, 5]
    assert ids("?limit=2&page=1") == [1, 2]
    assert ids("?limit=2&page=2") == [3, 4]
    assert ids("?limit=2&page=3") == [5]
    assert ids("?limit=2&page=4") == []
    assert ids("?limit=1&page=5") == [5]
    for query in ("", "?limit=50&page=1", "?limit=200", "?limit=0", "?limit=201", "?limit=-1", "?limit=x", "?limit="):
        assert ids(query) == everything, query
    for query in ("?page=0", "?page=-3", "?page=x", "?page=1.5", "?limit=%D9%A2"):
        assert ids(query) == everything, query


def test_links_lead_through_the_pages(tenant: Tenant) -> None:
    for _ in range(5):
        tenant.create(startAt=far_ahead())
    target, seen = f"{tenant.public}/jobs?limit=2", []

    while target:
        answer = tenant.call("GET", target)
        seen += [job["jobId"] for job in answer.json()["data"]]
        target = answer.links.get("next", {}).get("url", "").removeprefix(tenant.base_url)

    assert seen == [1, 2, 3, 4, 5]


def test_a_job_is_shown_as_the_list_shows_it(tenant: Tenant) -> None:
    job = delete_user(tenant)

    answer = tenant.call("GET", f"{tenant.public}/jobs/1")

    assert (answer.status_code, answer.text) == (200, text({"data": job}))


def test_cancelling_answers_with_the_cancelled_job(tenant: Tenant) -> None:
    job = delete_user(tenant)

    answer = tenant.call("DELETE", f"{tenant.public}/jobs/1")

    updated = answer.json()["data"]["updatedAt"]
    assert answer.status_code == 200
    assert answer.text == text({"data": {**job, "status": "cancelled", "updatedAt": updated}})
    assert job["createdAt"] <= updated <= now()


def test_cancelling_a_cancelled_job_is_400_and_says_so(tenant: Tenant) -> None:
    delete_user(tenant)
    cancelled = tenant.call("DELETE", f"{tenant.public}/jobs/1")

    answer = tenant.call("DELETE", f"{tenant.public}/jobs/1")

    assert (answer.status_code, answer.text) == (400, '{"error":"the requested job has already been cancelled"}')
    assert tenant.call("GET", f"{tenant.public}/jobs/1").text == cancelled.text


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("job_id", ["abc", "1.0", "1e3", "+1", "0x1", "%D9%A1", "%20"])
def test_a_job_id_that_is_no_integer_is_400(tenant: Tenant, method: str, job_id: str) -> None:
    answer = tenant.call(method, f"{tenant.public}/jobs/{job_id}")

    assert (answer.status_code, answer.text) == (400, NO_INTEGER)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("job_id", ["1", "0", "-1", "999999999999999", "9" * 5_000])
def test_an_unknown_job_is_404(tenant: Tenant, method: str, job_id: str) -> None:
    answer = tenant.call(method, f"{tenant.public}/jobs/{job_id}")

    assert (answer.status_code, answer.text) == (404, NO_JOB)


CALLS = [
    ("GET", "jobs"),
    ("GET", "jobs/1"),
    ("DELETE", "jobs/1"),
    ("DELETE", "users/someone"),
    ("POST", "jobs"),
]


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_every_call_needs_a_valid_key(tenant: Tenant, method: str, path: str) -> None:
    refused = ["", "Bearer", "Bearer ", "Bearer nonsense", f"Bearer {UNKNOWN_KEY}", tenant.key, f"Basic {tenant.key}"]

    for headers in [{}, *({"Authorization": value.strip()} for value in refused)]:
        answer = send(tenant.base_url, method, f"{tenant.public}/{path}", headers=headers)
        assert (answer.status_code, answer.text) == (401, UNAUTHORIZED), headers
    assert tenant.call("GET", f"{tenant.public}/jobs").text == '{"data":[]}'


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_every_call_needs_a_project_of_the_key_s_organisation(stack: Embedded, method: str, path: str) -> None:
    answer = send(
        stack.base_url,
        method,
        f"/public/3sWXSsqHgSKnE87YkNJK/{path}",
        headers={"Authorization": f"Bearer {stack.demo['apiKey']}"},
    )

    assert (answer.status_code, answer.text) == (404, NO_PROJECT)


@pytest.mark.parametrize("user", ["%20", "%20%09", "x" * 257])
def test_a_blank_or_overlong_user_is_refused_and_nothing_is_created(tenant: Tenant, user: str) -> None:
    answer = tenant.call("DELETE", f"{tenant.public}/users/{user}")

    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]
    assert tenant.call("GET", f"{tenant.public}/jobs").text == '{"data":[]}'


def test_a_created_job_is_where_its_location_says(tenant: Tenant) -> None:
    body = {"action": "export", "description": "d", "referenceId": "r", "startAt": far_ahead(), "params": {"a": [1.50]}}

    # the service does not believe a caller who sends what only the gateway may send
    answer = tenant.call("POST", f"{tenant.public}/jobs", json=body, headers={"X-Forwarded-Proto": "https"})

    assert answer.status_code == 201
    job = answer.json()["data"]
    assert answer.text == text(
        {
            "data": {
                "jobId": 1,
                "description": "d",
                "status": "scheduled",
                "projectId": tenant.project.project_id,
                "action": "export",
                "referenceId": "r",
                "createdAt": job["createdAt"],
                "updatedAt": None,
                "startAt": body["startAt"],
                "errors": None,
            }
        }
    )
    assert answer.headers["location"] == f"{tenant.base_url}{tenant.public}/jobs/1"
    followed = tenant.call("GET", answer.headers["location"].removeprefix(tenant.base_url))
    assert followed.text == answer.text
    assert tenant.details(1)["params"] == {"a": [1.50]}


def test_an_idempotency_key_creates_once_and_is_bound_to_its_body(tenant: Tenant) -> None:
    def create(body: dict[str, Any]) -> tuple[int, Any]:
        answer = tenant.call("POST", f"{tenant.public}/jobs", json=body, headers={"Idempotency-Key": "k"})
        return answer.status_code, answer.json()

    due = far_ahead()
    first = create({"action": "export", "startAt": due})

    assert first[0] == 201
    assert create({"startAt": due, "action": "export"}) == (200, first[1])
    assert create({"action": "export", "startAt": due + 1})[0] == 422
    assert tenant.call("GET", f"{tenant.public}/jobs").json() == {"data": [first[1]["data"]]}


@pytest.mark.parametrize("base", ["v1", "public"])
def test_a_trailing_slash_is_redirected_to_the_path_without_it(tenant: Tenant, base: str) -> None:
    path = f"{getattr(tenant, base)}/jobs"

    answer = tenant.call("GET", f"{path}/?limit=1")

    assert answer.status_code == 308
    assert answer.headers["location"] == f"{path}?limit=1"


@pytest.mark.parametrize(("base", "member"), [("v1", "errors"), ("public", "error")])
def test_an_unknown_path_is_404_in_its_dialect(tenant: Tenant, base: str, member: str) -> None:
    for path in ("nothing", "jobs/1/nothing"):
        answer = tenant.call("GET", f"{getattr(tenant, base)}/{path}")
        assert (answer.status_code, list(answer.json())) == (404, [member]), path


@pytest.mark.parametrize(("base", "member"), [("v1", "errors"), ("public", "error")])
def test_a_path_with_another_method_is_405_in_its_dialect_and_names_those_it_has(
    tenant: Tenant, base: str, member: str
) -> None:
    for method, path, allowed in [
        ("PUT", "jobs", "GET"),
        ("GET", "users/someone", "DELETE"),
        ("PUT", "jobs/1", "GET"),
    ]:
        answer = tenant.call(method, f"{getattr(tenant, base)}/{path}")
        assert (answer.status_code, list(answer.json())) == (405, [member]), path
        assert allowed in answer.headers["allow"].split(", ")
