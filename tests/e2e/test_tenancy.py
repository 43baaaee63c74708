"""What belongs to another organisation can not be told from what does not exist: not by status, body or header."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.embedded import Tenant, far_ahead

if TYPE_CHECKING:
    import httpx

    from tests.e2e.embedded import Embedded

pytestmark = pytest.mark.e2e

#: Headers that differ from answer to answer whatever is answered.
PASSING = {"date", "apigw-requestid", "x-amzn-requestid", "x-amz-request-id"}


@pytest.fixture(scope="module")
def routes(stack: Embedded) -> list[tuple[str, str]]:
    """Every route of the deployed API but `$default`, so that none that comes later is forgotten."""
    gateway = stack.aws("apigatewayv2")
    [api] = gateway.get_apis()["Items"]
    keys = [route["RouteKey"] for route in gateway.get_routes(ApiId=api["ApiId"])["Items"]]
    found = [(method, path) for method, _, path in (key.partition(" ") for key in keys if key != "$default")]
    assert len(found) >= 9
    return found


@pytest.fixture(scope="module")
def own(stack: Embedded) -> Tenant:
    """The caller: an organisation with a project that has no job."""
    return stack.new_tenant("Own")


@pytest.fixture(scope="module")
def foreign(stack: Embedded) -> Tenant:
    """Another organisation, whose project has jobs and deletes a user."""
    tenant = stack.new_tenant("Foreign")
    for _ in range(3):
        tenant.create(startAt=far_ahead())
    tenant.call("DELETE", f"{tenant.public}/users/someone")
    return tenant


def all_but_passing(answer: httpx.Response) -> tuple[int, bytes, list[tuple[str, str]]]:
    return answer.status_code, answer.content, [pair for pair in answer.headers.multi_items() if pair[0] not in PASSING]


def call(caller: Tenant, method: str, path: str, project_key: str, job_id: str) -> httpx.Response:
    target = path.replace("{projectKey}", project_key).replace("{jobId}", job_id).replace("{userId+}", "someone")
    assert "{" not in target, f"say here what {path} is to be called with"
    body = {"action": "export"} if method == "POST" else None
    return caller.call(method, target, json=body)


def test_a_foreign_project_answers_as_an_unknown_one_on_every_route(
    routes: list[tuple[str, str]], own: Tenant, foreign: Tenant
) -> None:
    before = foreign.call("GET", f"{foreign.v1}/jobs").text
    # As long as a real one: an answer that repeats the key would have another length.
    unknown = "A" * len(foreign.project.project_key)
    compared = 0

    for method, path in routes:
        if "{projectKey}" not in path:
            continue
        of_foreign = call(own, method, path, foreign.project.project_key, "1")
        of_unknown = call(own, method, path, unknown, "1")
        assert of_foreign.status_code == 404, (method, path)
        assert all_but_passing(of_foreign) == all_but_passing(of_unknown), (method, path)
        compared += 1

    assert compared >= 9
    assert foreign.call("GET", f"{foreign.v1}/jobs").text == before


def test_a_foreign_job_answers_as_an_unknown_one_on_every_route(
    routes: list[tuple[str, str]], own: Tenant, foreign: Tenant
) -> None:
    before = foreign.call("GET", f"{foreign.v1}/jobs").text
    compared = 0

    for method, path in routes:
        if "{jobId}" not in path:
            continue
        # Numbers are given per project: 2 is a job there and none here, 4242 is none anywhere.
        of_foreign = call(own, method, path, own.project.project_key, "2")
        of_unknown = call(own, method, path, own.project.project_key, "4242")
        assert of_foreign.status_code == 404, (method, path)
        assert all_but_passing(of_foreign) == all_but_passing(of_unknown), (method, path)
        compared += 1

    assert compared >= 4
    assert foreign.call("GET", f"{foreign.v1}/jobs").text == before


def test_a_user_who_is_being_deleted_elsewhere_is_another_user_here(foreign: Tenant, stack: Embedded) -> None:
    assert foreign.call("DELETE", f"{foreign.public}/users/someone").status_code == 409
    caller = stack.new_tenant()

    assert caller.call("DELETE", f"{caller.public}/users/someone").status_code == 200


def test_two_organisations_number_their_jobs_apart(own: Tenant, foreign: Tenant) -> None:
    assert own.project.project_id != foreign.project.project_id
    assert own.call("GET", f"{own.v1}/jobs").text == '{"data":[]}'
    assert [job["jobId"] for job in foreign.call("GET", f"{foreign.v1}/jobs").json()["data"]] == [1, 2, 3, 4]
