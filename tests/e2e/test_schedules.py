"""Schedules over HTTP on the embedded stack: each operation, and jobs on the second of their occurrences."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from jobs.tenants import Role

from tests.e2e.embedded import now, v3_id

if TYPE_CHECKING:
    import httpx

    from tests.e2e.embedded import Caller, Embedded, Tenant

pytestmark = pytest.mark.e2e

LATEST = 1_500
#: The fields of a view, in order.
VIEW = [
    "name", "cron", "every", "at", "timezone", "job", "startAt", "endAt", "enabled", "gap", "fold", "catchUp",
    "overlap", "scheduleId", "nextAt", "lastAt", "lastJobId", "runCount", "missedCount", "skippedCount", "createdAt",
    "updatedAt",
]  # fmt: skip
NIGHTLY = {"name": "nightly", "cron": "30 2 * * *", "timezone": "Europe/Berlin", "job": {"action": "export"}}


def ask(
    tenant: Tenant, method: str, path: str = "", params: dict[str, object] | None = None, **request: Any
) -> httpx.Response:
    query = f"?{urlencode(params)}" if params else ""
    return tenant.call(method, f"{tenant.public}/schedules{path}{query}", **request)


def make(tenant: Tenant, **body: Any) -> dict[str, Any]:
    answer = ask(tenant, "POST", json={**NIGHTLY, **body})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()["data"]
    return made


def test_a_schedule_is_made_read_changed_and_removed(tenant: Tenant) -> None:
    answer = ask(tenant, "POST", json=NIGHTLY)
    made = answer.json()["data"]
    path = f"/{made['scheduleId']}"

    assert (answer.status_code, answer.headers["ETag"], list(made)) == (201, '"1"', VIEW)
    assert answer.headers["Location"].endswith(f"{tenant.public}/schedules{path}")
    assert made["job"] == {
        "action": "export",
        "description": "",
        "referenceId": "",
        "params": {},
        "maxAttempts": 1,
        "timeoutSeconds": 900,
    }
    assert (made["gap"], made["fold"], made["catchUp"], made["overlap"]) == ("shift", "first", "last", "allow")
    assert now() < made["nextAt"] <= now() + 25 * 3_600_000
    read = ask(tenant, "GET", path)
    assert (read.status_code, read.headers["ETag"], read.json()["data"]) == (200, '"1"', made)
    changed = ask(
        tenant, "PATCH", path, json={"enabled": False, "job": {"params": {"a": 1}}}, headers={"If-Match": '"1"'}
    )
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    assert changed.json()["data"] == {
        **made,
        "enabled": False,
        "job": {**made["job"], "params": {"a": 1}},
        "nextAt": None,
        "updatedAt": changed.json()["data"]["updatedAt"],
    }
    stale = ask(tenant, "PATCH", path, json={"enabled": True}, headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json()) == (
        412,
        {"error": "the schedule has changed meanwhile: read it again"},
    )
    assert ask(tenant, "DELETE", path, headers={"If-Match": "nonsense"}).status_code == 412
    removed = ask(tenant, "DELETE", path)
    assert (removed.status_code, removed.text) == (204, "")
    for method in ("GET", "PATCH", "DELETE"):
        gone = ask(tenant, method, path, **({"json": {}} if method == "PATCH" else {}))
        assert (gone.status_code, gone.json()) == (404, {"error": "schedule not found"})


def test_a_change_of_the_rhythm_keeps_the_zone_and_another_kind_drops_it(tenant: Tenant) -> None:
    made = make(tenant, gap="skip")
    path = f"/{made['scheduleId']}"

    other = ask(tenant, "PATCH", path, json={"cron": "0 9 * * MON"}).json()["data"]
    assert (other["cron"], other["timezone"], other["gap"]) == ("0 9 * * MON", "Europe/Berlin", "skip")
    period = ask(tenant, "PATCH", path, json={"every": 3600}).json()["data"]
    assert (period["cron"], period["every"], period["timezone"], period["gap"]) == (None, 3600, None, None)
    named = ask(tenant, "PATCH", path, json={"name": "other"}).json()["data"]
    assert named["nextAt"] == period["nextAt"]
    wrong = ask(tenant, "PATCH", path, json={"gap": "skip", "name": "", "job": {"action": "A B"}})
    assert wrong.status_code == 400
    assert wrong.json()["error"].count(";") == 2
    assert ask(tenant, "GET", path).json()["data"] == named


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": None}, "name: must be text"),
    ({"name": "x" * 129}, "name: must be at most 128 characters"),
    ({"cron": "x"}, "cron: must be 5 fields, in up to 256 characters of ASCII"),
    ({"cron": None}, "cron: one of cron, every and at must be given, and only one"),
    ({"every": 60}, "cron: one of cron, every and at must be given, and only one"),
    ({"cron": None, "timezone": None, "every": 59}, "every: must be at least 60"),
    ({"cron": None, "every": 60}, "timezone: is for cron, because a period is the same in every zone"),
    ({"cron": None, "at": 1_700_000_000_000}, "at: must lie in the future"),
    ({"cron": None, "at": 1_700_000_000}, "at: looks like seconds; milliseconds are wanted"),
    ({"cron": None, "at": "2099-01-01T00:00:00Z"}, "at: must be at most 10 years ahead"),
    ({"endAt": 1_700_000_000_000}, "endAt: must lie in the future"),
    ({"timezone": "Europe/Atlantis"}, "timezone: must be the name of a time zone, such as Europe/Berlin"),
    ({"gap": "jump"}, "gap: must be one of shift, skip"),
    ({"enabled": "yes"}, "enabled: must be true or false"),
    ({"job": None}, "job: must be a JSON object"),
    ({"job": {"action": "export", "startAt": 1}}, "job.startAt: does not exist here"),
    ({"job": {"action": "delete_user_data"}}, "job.referenceId: must be the user's id for delete_user_data"),
    ({"jobs": {}}, "jobs: does not exist here"),
]


@pytest.mark.parametrize(("change", "complaint"), WRONG, ids=lambda value: str(value)[:50])
def test_what_is_wrong_is_said_and_nothing_is_stored(tenant: Tenant, change: dict[str, Any], complaint: str) -> None:
    answer = ask(tenant, "POST", json={**NIGHTLY, **change})

    assert (answer.status_code, answer.json()) == (400, {"error": complaint})
    assert ask(tenant, "GET").json() == {"data": []}


def test_a_repeated_key_makes_one_schedule(tenant: Tenant) -> None:
    def post(**body: Any) -> httpx.Response:
        return ask(tenant, "POST", json={**NIGHTLY, **body}, headers={"Idempotency-Key": "k"})

    first, again, other = post(), post(), post(name="other")

    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 422)
    assert first.json() == again.json()
    assert ask(tenant, "GET").headers["X-Total-Count"] == "1"


def test_lists_have_pages_and_links(tenant: Tenant) -> None:
    ids = sorted(make(tenant, name=str(number))["scheduleId"] for number in range(5))

    first = ask(tenant, "GET", params={"limit": 2})
    assert [one["scheduleId"] for one in first.json()["data"]] == ids[:2]
    assert first.headers["X-Total-Count"] == "5"
    assert [f'rel="{name}"' in first.headers["Link"] for name in ("first", "prev", "next", "last")] == [1, 0, 1, 1]
    last = ask(tenant, "GET", params={"limit": 2, "page": 3})
    assert [one["scheduleId"] for one in last.json()["data"]] == ids[4:]
    behind = ask(tenant, "GET", params={"limit": 2, "after": ids[0]})
    assert [one["scheduleId"] for one in behind.json()["data"]] == ids[1:3]
    assert f"after={ids[2]}" in behind.headers["Link"]
    assert ask(tenant, "GET", params={"page": 2, "after": ids[0]}).status_code == 400
    assert ask(tenant, "GET", params={"state": "x"}).status_code == 400


def test_occurrences_of_one_that_is_stored_and_of_one_that_is_not(tenant: Tenant) -> None:
    body = {"cron": "30 2 * * *", "timezone": "Europe/Berlin"}
    shown = ask(tenant, "POST", "/preview", json=body, params={"limit": 3}).json()["data"]
    made = make(tenant)

    stored = ask(tenant, "GET", f"/{made['scheduleId']}/occurrences", params={"limit": 3}).json()["data"]

    assert shown == stored
    assert [list(one) for one in shown] == [["at", "local", "note"]] * 3
    assert shown[0]["local"][10:19] == "T02:30:00"
    assert len(ask(tenant, "POST", "/preview", json=body).json()["data"]) == 10
    assert ask(tenant, "POST", "/preview", json={"cron": "* * * *"}).status_code == 400


def wait_for_job(tenant: Tenant, job_id: int, until: int) -> dict[str, Any]:
    while True:
        answer = tenant.call("GET", f"{tenant.public}/jobs/{job_id}?include=details")
        if answer.status_code == 200 and answer.json()["data"]["startedAt"]:
            found: dict[str, Any] = answer.json()["data"]
            return found
        assert now() < until, answer.text
        time.sleep(0.05)


def test_an_occurrence_makes_its_job_on_its_second(tenant: Tenant) -> None:
    at = now() // 1000 * 1000 + 3_000
    made = make(tenant, cron=None, timezone=None, at=at, job={"action": "export", "params": {"a": 1}})

    job = wait_for_job(tenant, 1, at + 10_000)

    assert (job["startAt"], job["params"], job["scheduleId"], job["scheduledFor"]) == (
        at, {"a": 1}, made["scheduleId"], at,
    )  # fmt: skip
    assert at <= job["createdAt"] <= job["startedAt"] < at + LATEST
    after = ask(tenant, "GET", f"/{made['scheduleId']}").json()["data"]
    assert (after["nextAt"], after["lastAt"], after["lastJobId"], after["runCount"]) == (None, at, 1, 1)


def test_a_job_out_of_turn_and_overlap(tenant: Tenant) -> None:
    made = make(tenant, overlap="skip")

    answer = ask(tenant, "POST", f"/{made['scheduleId']}/run")

    assert (answer.status_code, answer.json()["data"]["jobId"]) == (201, 1)
    assert answer.headers["Location"].endswith("/jobs/1")
    job = wait_for_job(tenant, 1, now() + 5_000)
    assert (job["scheduleId"], job["scheduledFor"]) == (made["scheduleId"], None)


def test_schedules_of_another_project_cannot_be_told_from_none(tenant: Tenant) -> None:
    made = make(tenant)
    foreign = ask(tenant, "GET", f"/{made['scheduleId'][:-1]}{'0' if made['scheduleId'][-1] != '0' else '1'}")

    assert (foreign.status_code, foreign.json()) == (404, {"error": "schedule not found"})
    for path in ("/x", "/" + "g" * 24, "/1"):
        assert ask(tenant, "GET", path).json() == {"error": "schedule not found"}
    assert ask(tenant, "PUT", f"/{made['scheduleId']}", json={}).status_code == 405


#: Where Alteryx' v3 has its schedules.
V3 = "/webapi/v3/schedules"
DAILY = {
    "name": "Sales",
    "workflowId": "5bc4a813156ae016dcb442bd",
    "iteration": {"iterationType": "Daily", "startTime": "2035-01-01T08:30:00"},
    "questions": [{"name": "Region", "value": "North"}],
}


def test_the_six_operations_of_alteryx_are_over_the_same_schedules(stack: Embedded, tenant: Tenant) -> None:
    administrator, member = stack.new_caller(tenant, Role.ADMINISTRATOR), stack.new_caller(tenant)

    def v3(caller: Caller, method: str, path: str = "", **request: Any) -> Any:
        answer = caller.call(method, f"{V3}{path}", **request)
        return answer.json() if answer.status_code == 200 else answer.status_code

    made = v3(administrator, "POST", json=DAILY)
    path = f"/{made['id']}"
    assert v3(member, "POST", json=DAILY) == 401
    assert v3(member, "GET", path) == 404
    assert v3(administrator, "GET") == [
        {name: made[name] for name in ("id", "name", "workflowId", "ownerId", "runDateTime", "timeZone")}
    ]
    owned = v3(administrator, "PATCH", path, json={"ownerId": member.client.user_id, "comment": "c"})
    replaced = v3(member, "PUT", path, json={**DAILY, "priority": "high", "timeZone": "Europe/Berlin"})
    assert (owned["comment"], replaced["comment"], replaced["priority"]) == ("c", "", "High")
    assert replaced["ownerId"] == member.client.user_id
    # the public API moves it to a time that is near: its job is a run that its owner sees
    at = now() // 1000 * 1000 + 3_000
    moved = ask(tenant, "PATCH", path, json={"at": at, "startAt": None})
    assert moved.status_code == 200, moved.text
    job = wait_for_job(tenant, 1, at + 10_000)
    assert at <= job["startedAt"] < at + LATEST
    assert job["params"] == {"questions": DAILY["questions"], "priority": "High"}
    shown = member.job(v3_id(job))
    assert (shown["appId"], shown["priority"]) == (DAILY["workflowId"], "High")
    after = v3(member, "GET", path)
    assert (after["frequency"], after["state"], after["runCount"]) == ("Once", "Completed", 1)
    assert v3(member, "DELETE", path) == {}
    assert v3(member, "GET", path) == 404
