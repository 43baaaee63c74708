"""One job, three dialects: all of them read it alike, however it was created."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from jobs.tenants import Right, Role

from tests.e2e.embedded import Caller, far_ahead, v3_id
from tests.e2e.test_events import Outside, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.embedded import Embedded, Tenant

pytestmark = pytest.mark.e2e

WORKFLOW = "5bc4a813156ae016dcb442bd"
#: How the third dialect shows a state of the other two.
SHOWN = {"scheduled": ("Queued", "None"), "running": ("Running", "None"), "cancelled": ("Cancelled", "Cancelled")}


@pytest.fixture
def administrator(stack: Embedded, tenant: Tenant) -> Caller:
    return stack.new_caller(tenant, Role.ADMINISTRATOR)


def in_words_of_v3(job: dict[str, Any], **told: Any) -> dict[str, Any]:
    """A job of the public dialect as the third one shows it. `told` is what an event or a run adds."""
    status, disposition = SHOWN[job["status"]]
    created = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=job["createdAt"])
    return {
        "id": v3_id(job),
        "appId": told.get("workflowId") or job["action"],
        "createDateTime": created.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "status": status,
        "disposition": disposition,
        "outputs": [],
        "messages": [],
        "priority": told.get("priority") or "Default",
        "workerTag": told.get("workerTag") or "",
        "runWithE2": False,
    }


def read_everywhere(tenant: Tenant, administrator: Caller) -> dict[str, Any]:
    """The tenant's only job as the public dialect shows it, after checking that the other two agree."""
    [job] = tenant.call("GET", f"{tenant.public}/jobs").json()["data"]
    in_v1 = {**job, "updatedAt": job["updatedAt"] or job["createdAt"]}
    assert tenant.call("GET", f"{tenant.public}/jobs/1").json() == {"data": job}
    assert tenant.call("GET", f"{tenant.v1}/jobs/1").json() == {"data": in_v1}
    assert tenant.call("GET", f"{tenant.v1}/jobs").json() == {"data": [in_v1]}
    [listed] = administrator.call("GET", "/webapi/v3/jobs").json()["data"]
    in_v3 = administrator.job(v3_id(job))
    same = {
        "jobId": in_v3["id"],
        "status": in_v3["status"],
        "workflowId": in_v3["appId"],
        "priority": in_v3["priority"],
    }
    assert same.items() <= listed.items()
    return {**job, "in_v3": in_v3}


def by_v1(tenant: Tenant, stack: Embedded) -> dict[str, Any]:
    tenant.call("DELETE", f"{tenant.v1}/users/shekar@example.com")
    return {}


def by_public(tenant: Tenant, stack: Embedded) -> dict[str, Any]:
    tenant.create(startAt=far_ahead(), description="Nightly export", referenceId="a/b")
    return {}


def by_event(**told: Any) -> Callable[[Tenant, Embedded], dict[str, Any]]:
    def put(tenant: Tenant, stack: Embedded) -> dict[str, Any]:
        outside = Outside(stack, tenant)
        outside.request(startAt=far_ahead(), **told)
        until(outside.jobs)
        return told

    return put


@pytest.mark.parametrize(
    "create",
    [
        pytest.param(by_v1, id="v1"),
        pytest.param(by_public, id="public"),
        pytest.param(by_event(), id="event"),
        pytest.param(by_event(workflowId=WORKFLOW), id="event with a workflow"),
        pytest.param(by_event(ownerId="somebody", collectionIds=["team"]), id="event with an owner"),
        pytest.param(
            by_event(
                action="run_workflow",
                workflowId=WORKFLOW,
                ownerId="x",
                collectionIds=["a"],
                priority="Low",
                workerTag="t",
            ),
            id="event with everything",
        ),
    ],
)
def test_a_job_that_waits_is_the_same_in_all_dialects_and_so_is_its_end(
    stack: Embedded,
    tenant: Tenant,
    administrator: Caller,
    create: Callable[[Tenant, Embedded], dict[str, Any]],
) -> None:
    told = create(tenant, stack)

    job = read_everywhere(tenant, administrator)
    assert job["status"] == "scheduled"
    assert job["in_v3"] == in_words_of_v3(job, **told)

    # deleted in the third is cancelled in the others; a retry there brings it back
    path = f"/webapi/v3/jobs/{v3_id(job)}"
    assert administrator.call("DELETE", path).text == '{"message":"Deleted Successfully."}'
    assert tenant.call("GET", f"{tenant.v1}/jobs/1").json()["data"]["status"] == "cancelled"
    assert tenant.call("GET", f"{tenant.public}/jobs/1").json()["data"]["status"] == "cancelled"
    assert (administrator.call("GET", path).status_code, administrator.call("GET", "/webapi/v3/jobs").json()) == (
        404,
        {"data": []},
    )
    assert tenant.call("POST", f"{tenant.public}/jobs/1/retry").status_code == 200
    assert administrator.job(v3_id(job))["id"] == v3_id(job)


def test_a_run_is_the_same_in_all_dialects(stack: Embedded, tenant: Tenant, administrator: Caller) -> None:
    member = stack.new_caller(tenant)
    run = member.run(WORKFLOW, priority="High", workerTag="tag", questions=[{"name": "Region", "value": "North"}])
    until(lambda: member.job(run["id"])["status"] == "Running")

    job = read_everywhere(tenant, administrator)

    assert (job["action"], job["referenceId"], job["description"]) == (
        "run_workflow",
        WORKFLOW,
        f"Run workflow {WORKFLOW}",
    )
    assert job["in_v3"] == {**run, "status": "Running"} == member.job(run["id"])
    assert job["in_v3"] == in_words_of_v3(job, workflowId=WORKFLOW, priority="High", workerTag="tag")
    assert tenant.details(1)["params"]["questions"] == [{"name": "Region", "value": "North"}]

    # it ran, so a cancel in another dialect shows as cancelled here
    assert tenant.call("DELETE", f"{tenant.v1}/jobs/1").status_code == 200
    cancelled = read_everywhere(tenant, administrator)
    assert cancelled["status"] == "cancelled"
    assert cancelled["in_v3"] == in_words_of_v3(cancelled, workflowId=WORKFLOW, priority="High", workerTag="tag")


@pytest.mark.parametrize("dialect", ["v1", "public"])
def test_a_job_that_is_cancelled_elsewhere_before_it_starts_is_deleted_here(
    tenant: Tenant, administrator: Caller, dialect: str
) -> None:
    job_id = v3_id(tenant.create(startAt=far_ahead()))

    assert tenant.call("DELETE", f"{getattr(tenant, dialect)}/jobs/1").status_code == 200

    for method, path in (("GET", ""), ("GET", "/messages"), ("DELETE", "")):
        answer = administrator.call(method, f"/webapi/v3/jobs/{job_id}{path}")
        assert (answer.status_code, answer.text) == (404, '{"message":"Job not found."}')


def test_an_event_says_whose_a_job_is_and_who_sees_it(stack: Embedded, tenant: Tenant) -> None:
    owner, viewer, canceller, other = (
        stack.new_caller(tenant, Role.MEMBER, **collections)
        for collections in ({}, {"a": Right.VIEW}, {"b": Right.CANCEL}, {"c": Right.CANCEL})
    )
    outside = Outside(stack, tenant)
    told = {"workflowId": WORKFLOW, "ownerId": owner.client.user_id, "collectionIds": ["a", "b"]}
    outside.request(startAt=far_ahead(), **told)
    outside.request(startAt=far_ahead())
    until(lambda: len(outside.jobs()) == 2)
    ids = {v3_id(job) for job in outside.jobs()}

    def seen_by(caller: Caller) -> list[str]:
        return [one for one in ids if caller.call("GET", f"/webapi/v3/jobs/{one}").status_code == 200]

    assert seen_by(other) == []
    [job_id] = seen_by(owner)
    assert seen_by(viewer) == seen_by(canceller) == [job_id]
    for caller, listed in ((owner, [job_id]), (viewer, [job_id]), (other, [])):
        rows = caller.call("GET", f"/webapi/v3/workflows/{WORKFLOW}/jobs").json()
        assert [row["id"] for row in rows] == listed
    sentences = [caller.call("DELETE", f"/webapi/v3/jobs/{job_id}").json()["message"] for caller in (viewer, canceller)]
    assert sentences == ["You do not have permission to cancel this job.", "Deleted Successfully."]
    assert seen_by(owner) == []
