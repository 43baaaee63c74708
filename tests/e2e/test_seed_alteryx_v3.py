"""Every call of seed 3, Alteryx Server's v3 documentation of jobs, with its documented statuses and sentences."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from jobs.tenants import Right, Role

from tests.e2e.embedded import Caller, far_ahead, now, send, text, v3_id
from tests.e2e.test_events import Outside, until

if TYPE_CHECKING:
    from tests.e2e.embedded import Embedded, Tenant

pytestmark = pytest.mark.e2e

WORKFLOW = "5bc4a813156ae016dcb442bd"
UNAUTHORIZED = '{"message":"Unauthorized"}'
NO_JOB = '{"message":"Job not found."}'
CANCELLED = '{"message":"Cancelled Successfully."}'
DELETED = '{"message":"Deleted Successfully."}'
ENDED = "{\"message\":\"This job is not in 'Queued' or 'Running' state.\"}"
NOT_PERMITTED = '{"message":"You do not have permission to cancel this job."}'


@pytest.fixture
def administrator(stack: Embedded, tenant: Tenant) -> Caller:
    return stack.new_caller(tenant, Role.ADMINISTRATOR)


@pytest.fixture
def member(stack: Embedded, tenant: Tenant) -> Caller:
    return stack.new_caller(tenant)


@pytest.fixture
def outside(stack: Embedded, tenant: Tenant) -> Outside:
    return Outside(stack, tenant)


def a_running_job(caller: Caller, **body: Any) -> dict[str, Any]:
    """A run of the workflow, once it has started."""
    job_id = caller.run(WORKFLOW, **body)["id"]
    job: dict[str, Any] = until(lambda: (job := caller.job(job_id))["status"] == "Running" and job)
    return job


def a_queued_job(tenant: Tenant) -> str:
    """A job that does not start during a test; return its id in Alteryx' form."""
    return v3_id(tenant.create(startAt=far_ahead()))


def is_time(shown: str) -> bool:
    """Whether a time has the form of the documentation."""
    return re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", shown) is not None


# ---- GET {baseURL}/v3/jobs/{jobId} --------------------------------------------------------------------------------


def test_a_job_has_the_documented_fields_in_their_order(member: Caller) -> None:
    job = a_running_job(member, priority="High", workerTag="tag")

    answer = member.call("GET", f"/webapi/v3/jobs/{job['id']}")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert is_time(job["createDateTime"])
    assert re.fullmatch(r"[0-9a-f]{24}", job["id"])
    assert answer.text == text(
        {
            "id": job["id"],
            "appId": WORKFLOW,
            "createDateTime": job["createDateTime"],
            "status": "Running",
            "disposition": "None",
            "outputs": [],
            "messages": [],
            "priority": "High",
            "workerTag": "tag",
            "runWithE2": False,
        }
    )


def test_what_a_worker_puts_out_and_says_is_in_the_job(member: Caller, outside: Outside) -> None:
    job = a_running_job(member)
    output = {"id": "1", "availableFormats": ["Yxdb", "Csv"], "fileName": "sales.yxdb"}
    outside.put("Job Message", jobId=1, status=2, text="no rows for Größe", toolId=7)
    until(outside.messages)
    outside.report("Job Completed", outputs=[output])

    done = until(lambda: (seen := member.job(job["id"]))["status"] == "Completed" and seen)

    messages = [{"status": 2, "text": "no rows for Größe", "toolId": 7}]
    expected = {**job, "status": "Completed", "disposition": "Success", "outputs": [output], "messages": messages}
    assert text(done) == text(expected)


def test_a_job_that_fails_is_completed_with_an_error(member: Caller, outside: Outside) -> None:
    job = a_running_job(member)

    outside.report("Job Failed", errors=["no disk"])

    done = until(lambda: (seen := member.job(job["id"]))["status"] == "Completed" and seen)
    assert done == {**job, "status": "Completed", "disposition": "Error"}


@pytest.mark.parametrize("query", ["", "?includeMessages", "?includeMessages=", "?includeMessages=true"])
def test_messages_are_included_by_default(member: Caller, query: str) -> None:
    job = a_running_job(member)

    assert member.call("GET", f"/webapi/v3/jobs/{job['id']}{query}").text == text(job)


def test_without_messages_the_object_is_reduced(member: Caller) -> None:
    job = a_running_job(member)
    del job["messages"]

    for value in ("false", "False"):
        answer = member.call("GET", f"/webapi/v3/jobs/{job['id']}?includeMessages={value}")
        assert (answer.status_code, answer.text) == (200, text(job))
    refused = member.call("GET", f"/webapi/v3/jobs/{job['id']}?includeMessages=faux")
    assert (refused.status_code, list(refused.json())) == (400, ["message", "modelState"])


def test_users_see_what_they_ran_and_what_is_shared_with_them_through_collections(
    stack: Embedded, tenant: Tenant
) -> None:
    member, shared_with = stack.new_caller(tenant, team=Right.RUN), stack.new_caller(tenant, team=Right.VIEW)
    stack.directory.set_workflow_collections(tenant.project.organisation_id, WORKFLOW, ["team"], 9)

    job_id = member.run(WORKFLOW)["id"]

    for caller, status in ((member, 200), (shared_with, 200), (stack.new_caller(tenant), 404)):
        assert caller.call("GET", f"/webapi/v3/jobs/{job_id}").status_code == status


# ---- GET {baseURL}/v3/jobs/{jobId}/messages -----------------------------------------------------------------------


def test_all_messages_are_the_documented_object_and_the_list(
    member: Caller, administrator: Caller, outside: Outside
) -> None:
    path = f"/webapi/v3/jobs/{a_running_job(member)['id']}/messages"
    answer = administrator.call("GET", path)
    assert (answer.status_code, answer.text) == (200, '{"status":0,"text":"","toolId":0,"messages":[]}')

    for count, said in enumerate(("first", "second"), 1):
        outside.put("Job Message", jobId=1, status=count, text=said, toolId=count)
        until(lambda count=count: len(outside.messages()) == count)  # type: ignore[misc]  # mypy sees no type there

    first, second = '{"status":1,"text":"first","toolId":1}', '{"status":2,"text":"second","toolId":2}'
    answer = administrator.call("GET", path)
    assert answer.text == f'{{"status":2,"text":"second","toolId":2,"messages":[{first},{second}]}}'
    assert "link" not in answer.headers


def test_messages_are_for_administrators_alone_even_those_of_an_own_job(member: Caller) -> None:
    job_id = member.run(WORKFLOW)["id"]

    for one in (job_id, "678f97baa15300008c0039fc", "x"):
        answer = member.call("GET", f"/webapi/v3/jobs/{one}/messages")
        assert (answer.status_code, answer.text) == (401, UNAUTHORIZED)


# ---- DELETE {baseURL}/v3/jobs/{jobId} -----------------------------------------------------------------------------


def test_cancelling_a_running_job_cancels_it(member: Caller) -> None:
    job = a_running_job(member)
    path = f"/webapi/v3/jobs/{job['id']}"

    answer = member.call("DELETE", path)

    assert (answer.status_code, answer.text) == (200, CANCELLED)
    assert member.job(job["id"]) == {**job, "status": "Cancelled", "disposition": "Cancelled"}
    again = member.call("DELETE", path)
    assert (again.status_code, again.text) == (400, ENDED)


def test_cancelling_a_queued_job_deletes_it(tenant: Tenant, administrator: Caller) -> None:
    job_id = a_queued_job(tenant)
    assert administrator.job(job_id)["status"] == "Queued"

    answer = administrator.call("DELETE", f"/webapi/v3/jobs/{job_id}")

    assert (answer.status_code, answer.text) == (200, DELETED)
    for method, path in (("GET", ""), ("GET", "/messages"), ("DELETE", "")):
        gone = administrator.call(method, f"/webapi/v3/jobs/{job_id}{path}")
        assert (gone.status_code, gone.text) == (404, NO_JOB)
    assert administrator.call("GET", "/webapi/v3/jobs").text == '{"data":[]}'


def test_a_job_that_has_ended_is_in_no_state_to_be_cancelled(member: Caller, outside: Outside) -> None:
    job = a_running_job(member)
    outside.report("Job Completed")
    until(lambda: member.job(job["id"])["status"] == "Completed")

    answer = member.call("DELETE", f"/webapi/v3/jobs/{job['id']}")

    assert (answer.status_code, answer.text) == (400, ENDED)


def test_who_may_view_a_job_and_no_more_may_not_cancel_it(stack: Embedded, tenant: Tenant) -> None:
    stack.directory.set_workflow_collections(tenant.project.organisation_id, WORKFLOW, ["team"], 9)
    viewer, canceller = stack.new_caller(tenant, team=Right.VIEW), stack.new_caller(tenant, team=Right.CANCEL)
    path = f"/webapi/v3/jobs/{a_running_job(stack.new_caller(tenant, team=Right.RUN))['id']}"

    answer = viewer.call("DELETE", path)
    assert (answer.status_code, answer.text) == (400, NOT_PERMITTED)
    answer = canceller.call("DELETE", path)
    assert (answer.status_code, answer.text) == (200, CANCELLED)


def test_administrators_cancel_any_job(tenant: Tenant, member: Caller, administrator: Caller) -> None:
    for job_id, sentence in ((a_running_job(member)["id"], CANCELLED), (a_queued_job(tenant), DELETED)):
        answer = administrator.call("DELETE", f"/webapi/v3/jobs/{job_id}")
        assert (answer.status_code, answer.text) == (200, sentence)


# ---- 401, 404, and where a jobId comes from -----------------------------------------------------------------------

CALLS = [("GET", ""), ("GET", "?includeMessages=true"), ("GET", "/messages"), ("DELETE", "")]


@pytest.mark.parametrize(("method", "rest"), CALLS)
def test_every_call_needs_a_valid_token(stack: Embedded, administrator: Caller, method: str, rest: str) -> None:
    token = administrator.granted["access_token"]
    target = f"/webapi/v3/jobs/{administrator.run(WORKFLOW)['id']}{rest}"
    refused = ["", "Bearer BearerTokenGoesHere", token, f"Bearer {token[:-1]}x", f"Basic {token}"]

    for headers in [{}, *({"Authorization": header} for header in refused)]:
        answer = send(stack.base_url, method, target, headers=headers)
        assert (answer.status_code, answer.text) == (401, UNAUTHORIZED), headers
        assert answer.headers["www-authenticate"] == 'Bearer realm="jobs"'


@pytest.mark.parametrize(("method", "rest"), CALLS)
@pytest.mark.parametrize("job_id", ["66ebd18d3d6200007e000d8c", "678f97baa15300008c0039fc", "1", "abc", "%D9%A1"])
def test_an_unknown_job_is_not_found(administrator: Caller, method: str, rest: str, job_id: str) -> None:
    answer = administrator.call(method, f"/webapi/v3/jobs/{job_id}{rest}")

    assert (answer.status_code, answer.text) == (404, NO_JOB)


def test_a_job_id_is_found_by_its_workflow(member: Caller) -> None:
    before = now()
    jobs = [member.run(WORKFLOW, workerTag=f"{number}") for number in range(3)]
    member.run("another")

    listed: list[dict[str, Any]] = until(
        lambda: len(found := member.call("GET", f"/webapi/v3/workflows/{WORKFLOW}/jobs").json()) == 3 and found
    )

    assert [job["id"] for job in listed] == [job["id"] for job in reversed(jobs)]
    assert [job["workerTag"] for job in listed] == ["2", "1", "0"]
    for job in listed:
        assert list(job) == ["id", "createDate", "status", "priority", "workerTag", "runWithE2"]
        found = member.job(job["id"])
        assert (found["createDateTime"], found["appId"]) == (job["createDate"], WORKFLOW)
        assert int(job["id"][:8], 16) >= before // 1000


def test_the_list_of_all_jobs_is_for_administrators_alone(
    tenant: Tenant, member: Caller, administrator: Caller
) -> None:
    run, created = member.run(WORKFLOW, priority="Low"), tenant.create(startAt=far_ahead())

    listed = administrator.call("GET", "/webapi/v3/jobs")

    assert listed.status_code == 200
    assert list(listed.json()) == ["data"]
    newest, older = listed.json()["data"]
    assert newest == {
        "jobId": v3_id(created),
        "status": "Queued",
        "workflowName": "export",
        "workflowId": "export",
        "submittedBy": tenant.details(created["jobId"])["history"][0]["by"],
        "startTime": None,
        "queueTime": "00:00:00",
        "executionTime": "00:00:00",
        "priority": "Default",
    }
    assert list(older) == list(newest)
    assert (older["jobId"], older["workflowId"], older["priority"]) == (run["id"], WORKFLOW, "Low")
    refused = member.call("GET", "/webapi/v3/jobs")
    assert (refused.status_code, refused.text) == (401, UNAUTHORIZED)
