"""Alteryx Server's v3 documentation of workflows, call by call, and its lists of jobs, as clients make them."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from jobs.tenancy import registering
from jobs.tenants import Question, Registration, Right, Role

from tests.e2e.embedded import far_ahead, send, text, v3_id
from tests.e2e.test_events import Outside, until

if TYPE_CHECKING:
    from tests.e2e.embedded import Caller, Embedded, Tenant

pytestmark = pytest.mark.e2e

QUESTIONS = (Question("Region", "DropDown", "Where?", "n", multiple=True, items=(("n", "North"), ("s", "South"))),)
NO_WORKFLOW = (404, '{"message":"Workflow not found."}')
FORBIDDEN = (403, '{"message":"You do not have permission to run this workflow."}')
UNAUTHORIZED = (401, '{"message":"Unauthorized"}')
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


@pytest.fixture
def administrator(stack: Embedded, tenant: Tenant) -> Caller:
    return stack.new_caller(tenant, Role.ADMINISTRATOR)


@pytest.fixture
def member(stack: Embedded, tenant: Tenant) -> Caller:
    return stack.new_caller(tenant, team=Right.VIEW)


@pytest.fixture
def outside(stack: Embedded, tenant: Tenant) -> Outside:
    return Outside(stack, tenant)


def answered(caller: Caller, target: str) -> tuple[int, str]:
    answer = caller.call("GET", f"/webapi/v3{target}")
    return answer.status_code, answer.text


def listed(caller: Caller, target: str) -> Any:
    answer = caller.call("GET", f"/webapi/v3{target}")
    assert answer.status_code == 200, answer.text
    return answer.json()


# ---- GET {baseURL}/v3/workflows, …/{workflowId}, …/{workflowId}/questions -----------------------------------------


def test_a_client_looks_for_a_workflow_by_its_name_reads_its_questions_and_runs_it(
    stack: Embedded, tenant: Tenant, member: Caller
) -> None:
    workflow_id, organisation_id = uuid.uuid4().hex, tenant.project.organisation_id
    told = Registration("Sales", member.client.user_id, "gpu", 7, QUESTIONS)
    registering.register_workflow(stack.directory, organisation_id, workflow_id, told)

    [found] = listed(member, "/workflows?name=sales&view=Default")
    assert re.fullmatch(TIME, found["dateCreated"])
    assert text(found) == text(
        {
            "id": workflow_id,
            "sourceAppId": "",
            "name": "Sales",
            "ownerId": member.client.user_id,
            "dateCreated": found["dateCreated"],
            "publishedVersionNumber": 0,
            "isAmp": False,
            "executionMode": "Standard",
        }
    )
    whole = listed(member, f"/workflows/{workflow_id}")
    assert listed(member, f"/workflows?view=Full&ownerId={member.client.user_id}") == [whole]
    assert text(whole) == text(
        {
            "id": workflow_id,
            "sourceAppId": "",
            "dateCreated": found["dateCreated"],
            "runCount": 7,
            "versions": [],
            "name": "Sales",
            "ownerId": member.client.user_id,
            "workerTag": "gpu",
            "districtTags": [],
            "comments": "",
            "isPublic": False,
            "isReadyForMigration": False,
            "publishedVersionId": "",
            "othersMayDownload": False,
            "othersCanViewHistory": False,
            "othersCanExecute": False,
            "executionMode": "Standard",
            "hasPrivateDataExemption": False,
        }
    )
    assert listed(member, f"/workflows/{workflow_id}/questions") == [
        {
            "name": "Region",
            "questionType": "DropDown",
            "description": "Where?",
            "value": "n",
            "multiple": True,
            "items": [{"key": "n", "value": "North"}, {"key": "s", "value": "South"}],
        }
    ]
    day = found["dateCreated"][:10]
    assert listed(member, f"/workflows?createdAfter={day}") == listed(member, f"/workflows?createdBefore={day}") == []
    assert listed(member, "/workflows?createdAfter=2020-01-01&createdBefore=2100-01-01") == [found]

    job = member.run(workflow_id, questions={"Region": "n"}, priority="high", unknown=1)
    assert (job["appId"], job["priority"], job["workerTag"]) == (workflow_id, "High", "gpu")
    params = tenant.details(int(job["id"][16:], 16))["params"]
    assert params == {"questions": [{"name": "Region", "value": "n"}], "priority": "High", "workerTag": "gpu"}


def test_a_workflow_is_known_once_it_has_a_job_but_no_list_has_it(member: Caller) -> None:
    workflow_id = uuid.uuid4().hex
    for rest in ("", "/questions"):
        assert answered(member, f"/workflows/{workflow_id}{rest}") == NO_WORKFLOW
    job = member.run(workflow_id)

    seen: dict[str, Any] = until(
        lambda: (
            (answer := member.call("GET", f"/webapi/v3/workflows/{workflow_id}")).status_code == 200 and answer.json()
        )
    )

    assert (seen["name"], seen["dateCreated"]) == (workflow_id, job["createDateTime"])
    assert (listed(member, f"/workflows/{workflow_id}/questions"), listed(member, "/workflows")) == ([], [])


def test_a_workflow_in_a_collection_is_seen_and_run_by_the_right_in_it(
    stack: Embedded, tenant: Tenant, member: Caller, administrator: Caller
) -> None:
    workflow_id = uuid.uuid4().hex
    registering.share_workflow(stack.directory, tenant.project.organisation_id, workflow_id, ["team"])
    stranger, runner = stack.new_caller(tenant), stack.new_caller(tenant, team=Right.RUN)

    for caller, may_see, may_run in (
        (stranger, False, False),
        (member, True, False),
        (runner, True, True),
        (administrator, True, True),
    ):
        assert (answered(caller, f"/workflows/{workflow_id}") == NO_WORKFLOW) is not may_see
        assert [one["id"] for one in listed(caller, "/workflows")] == [workflow_id] * may_see
        ran = caller.call("POST", f"/webapi/v3/workflows/{workflow_id}/jobs", json={})
        assert ((ran.status_code, ran.text) == FORBIDDEN) is not may_run


@pytest.mark.parametrize("target", ["/workflows", "/workflows/w", "/workflows/w/questions", "/jobs"])
def test_every_call_needs_a_valid_token(stack: Embedded, target: str) -> None:
    answer = send(stack.base_url, "GET", f"/webapi/v3{target}", headers={"Authorization": "Bearer x"})

    assert (answer.status_code, answer.text) == UNAUTHORIZED
    assert answer.headers["www-authenticate"] == 'Bearer realm="jobs"'


# ---- GET {baseURL}/v3/jobs ----------------------------------------------------------------------------------------


def test_the_organisation_s_jobs_are_filtered_and_sorted_as_documented(
    stack: Embedded, tenant: Tenant, member: Caller, administrator: Caller, outside: Outside
) -> None:
    workflow_id = uuid.uuid4().hex
    told = Registration("Stock, all")
    registering.register_workflow(stack.directory, tenant.project.organisation_id, workflow_id, told)
    done = member.run(workflow_id, priority="Critical")["id"]
    until(lambda: member.job(done)["status"] == "Running")
    outside.report("Job Completed")
    until(lambda: member.job(done)["status"] == "Completed")
    running = member.run("another", priority="Low")["id"]
    until(lambda: member.job(running)["status"] == "Running")
    queued = v3_id(tenant.create(startAt=far_ahead()))
    user_name = stack.directory.find_user(tenant.project.organisation_id, member.client.user_id)
    assert user_name is not None

    def found(query: str) -> list[str]:
        return [job["jobId"] for job in listed(administrator, f"/jobs?{query}")["data"]]

    rows = {job["jobId"]: job for job in listed(administrator, "/jobs")["data"]}
    assert list(rows) == [queued, running, done]
    row = rows[done]
    assert list(row) == [
        *("jobId", "status", "workflowName", "workflowId", "submittedBy"),
        *("startTime", "queueTime", "executionTime", "priority"),
    ]
    assert (row["status"], row["workflowName"], row["workflowId"]) == ("Completed", "Stock, all", workflow_id)
    assert (row["submittedBy"], row["priority"]) == (user_name.name, "Critical")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row["startTime"])
    assert all(re.fullmatch(r"\d\d:\d\d:\d\d", row[name]) for name in ("queueTime", "executionTime"))

    day = row["startTime"][:10]
    for query, expected in {
        "direction=asc": [done, running, queued],
        "limit=1&offset=1": [running],
        "limit=1000000": [queued, running, done],
        "statuses=Complete,Queued": [queued, done],
        "statuses=Complete&statuses=Queued": [queued, done],
        "statuses=initializing": [],
        "priorities=critical,LOW": [running, done],
        "priorities=Critical&priorities=Default": [queued, done],
        "workflowNames=Stock,%20all": [done],
        "workflowNames=another,export": [queued, running],
        f"allUsers=true&users={member.client.user_id}": [running, done],
        "allUsers=true&users=nobody": [],
        "users=nobody": [queued, running, done],
        f"completedAfter={day}": [],
        "completedAfter=2020-01-01&completedBefore=2100-01-01": [done],
        "sortField=completiondatetime": [done, queued, running],
        "sortField=AppName&direction=asc": [running, queued, done],
        "sortField=Priority": [done, running, queued],
        "sortField=Status": [running, queued, done],
    }.items():
        assert found(query) == expected, query


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=x", "offset=10001", "offset=-1", "offset=ten", "sortField=Owner", "direction=up"),
        *("statuses=failed", "priorities=Urgent", "allUsers=yes", "completedAfter=20.11.2026", "completedBefore=x"),
    ],
)
def test_what_is_not_documented_is_refused_by_its_name(administrator: Caller, query: str) -> None:
    answer = administrator.call("GET", f"/webapi/v3/jobs?{query}")

    name = query.partition("=")[0]
    assert (answer.status_code, list(answer.json())) == (400, ["message", "modelState"])
    assert answer.json()["message"] == f"{name}: {answer.json()['modelState'][name][0]}"


# ---- GET {baseURL}/v3/workflows/{workflowId}/jobs -----------------------------------------------------------------


def test_a_workflow_s_jobs_are_filtered_by_status_and_result(member: Caller, outside: Outside) -> None:
    workflow_id = uuid.uuid4().hex
    ids = [member.run(workflow_id)["id"] for _ in range(3)]
    until(lambda: {member.job(one)["status"] for one in ids} == {"Running"})
    outside.report("Job Completed", jobId=1)
    outside.report("Job Failed", jobId=2, errors=["no disk"])
    member.call("DELETE", f"/webapi/v3/jobs/{ids[2].upper()}")
    until(lambda: {member.job(one)["status"] for one in ids} == {"Completed", "Cancelled"})

    def found(query: str) -> list[str]:
        return [job["id"] for job in listed(member, f"/workflows/{workflow_id}/jobs?{query}")]

    for query, expected in {
        "": [ids[2], ids[1], ids[0]],
        "sortField=CREATEDATE&direction=ASC": ids,
        "status=Completed": [ids[1], ids[0]],
        "status=complete,cancelled": [ids[2], ids[1], ids[0]],
        "status=Created": [],
        "resultCode=Success": [ids[0]],
        "resultCode=Error": [ids[1]],
        "resultCode=Cancelled,Success": [ids[2], ids[0]],
        "resultCode=None": [],
        "resultCode=Error&status=Completed": [ids[1]],
        "limit=99999&offset=1": [ids[1], ids[0]],
    }.items():
        until(lambda query=query, expected=expected: found(query) == expected)  # type: ignore[misc]  # as elsewhere
    for query in ("sortField=status", "status=failed", "resultCode=Failed", "offset=10001"):
        assert member.call("GET", f"/webapi/v3/workflows/{workflow_id}/jobs?{query}").status_code == 400
