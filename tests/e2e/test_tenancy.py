"""What belongs to another organisation looks like something that does not exist: status, body and headers are equal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from jobs.tenancy import registering
from jobs.tenants import Registration, Right, Role

from tests.e2e.embedded import Caller, Tenant, far_ahead, send, v3_id
from tests.e2e.test_events import until

if TYPE_CHECKING:
    import httpx

    from tests.e2e.embedded import Embedded

pytestmark = pytest.mark.e2e

#: Headers that differ between any two answers.
PASSING = {"date", "apigw-requestid", "x-amzn-requestid", "x-amz-request-id"}
V3 = "/webapi/v3/"
#: What access tokens open. Alteryx documents one download under another prefix too.
OF_USERS = (V3, "/webapi/v1/")
TOKENS = "/webapi/oauth2/token"
#: A workflow of the foreign organisation.
WORKFLOW = "5bc4a813156ae016dcb442bd"
#: The id of a file that nobody announced.
FILE = "79b1c0a2f4de8835b6a1c2d3"


@pytest.fixture(scope="module")
def routes(stack: Embedded) -> list[tuple[str, str]]:
    """Every route of the deployed API except `$default`, so that no later one is forgotten."""
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
    """Another organisation. Its project has jobs and deletes a user."""
    tenant = stack.new_tenant("Foreign")
    for _ in range(3):
        tenant.create(startAt=far_ahead())
    tenant.call("DELETE", f"{tenant.public}/users/someone")
    caller = stack.new_caller(tenant)
    run = caller.run(WORKFLOW)
    # the last change of these jobs: from here on they stay as they are
    until(lambda: caller.job(run["id"])["status"] == "Running")
    return tenant


@pytest.fixture(scope="module")
def own_caller(stack: Embedded, own: Tenant) -> Caller:
    """An administrator of the caller's organisation."""
    return stack.new_caller(own, Role.ADMINISTRATOR)


def all_but_passing(answer: httpx.Response) -> tuple[int, bytes, list[tuple[str, str]]]:
    return answer.status_code, answer.content, [pair for pair in answer.headers.multi_items() if pair[0] not in PASSING]


def call(caller: Tenant, method: str, path: str, project_key: str, job_id: str) -> httpx.Response:
    target = path.replace("{projectKey}", project_key).replace("{jobId}", job_id).replace("{userId+}", "someone")
    target = target.replace("{artifactId}", FILE).replace("{scheduleId}", FILE)
    assert "{" not in target, f"say here what {path} is to be called with"
    asked: dict[str, Any] = {"action": "export"}
    if path.endswith("/artifacts"):
        asked = {"name": "a.csv", "size": 0, "sha256": "0" * 64}
    elif path.endswith(("/schedules", "/preview")):
        asked = {"name": "s", "every": 600, "job": asked}
    changed = {"enabled": False} if "/schedules/" in path else {"startAt": far_ahead()}
    body = {"POST": asked, "PATCH": changed}.get(method)
    return caller.call(method, target, json=body)


def test_a_foreign_project_answers_as_an_unknown_one_on_every_route(
    routes: list[tuple[str, str]], own: Tenant, foreign: Tenant
) -> None:
    before = foreign.call("GET", f"{foreign.v1}/jobs").text
    # As long as a real key, because an answer that repeats the key would have another length otherwise.
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
        if "{jobId}" not in path or path.startswith(OF_USERS):
            continue
        # Each project has numbers of its own: job 2 exists there and not here, job 4242 nowhere.
        of_foreign = call(own, method, path, own.project.project_key, "2")
        of_unknown = call(own, method, path, own.project.project_key, "4242")
        assert of_foreign.status_code == 404, (method, path)
        assert all_but_passing(of_foreign) == all_but_passing(of_unknown), (method, path)
        compared += 1

    assert compared >= 4
    assert foreign.call("GET", f"{foreign.v1}/jobs").text == before


def test_a_foreign_job_answers_as_an_unknown_one_on_every_route_of_users(
    routes: list[tuple[str, str]], own_caller: Caller, foreign: Tenant
) -> None:
    jobs = foreign.call("GET", f"{foreign.v1}/jobs")
    of_foreign = v3_id(jobs.json()["data"][0])
    unknown = of_foreign[:8] + "ffffffff" + of_foreign[16:]
    compared = 0

    for method, path in routes:
        if "{jobId}" not in path or not path.startswith(OF_USERS):
            continue
        path = path.replace("{outputId}", FILE)  # noqa: PLW2901  # the same route
        answers = [own_caller.call(method, path.replace("{jobId}", job_id)) for job_id in (of_foreign, unknown)]
        assert answers[0].status_code == 404, (method, path)
        assert all_but_passing(answers[0]) == all_but_passing(answers[1]), (method, path)
        compared += 1

    assert compared >= 3
    assert foreign.call("GET", f"{foreign.v1}/jobs").text == jobs.text


def test_a_foreign_schedule_answers_as_an_unknown_one_on_every_route(
    routes: list[tuple[str, str]], own: Tenant, own_caller: Caller, foreign: Tenant
) -> None:
    body = {"name": "s", "every": 600, "job": {"action": "export"}}
    made = foreign.call("POST", f"{foreign.public}/schedules", json=body).json()["data"]
    of_foreign = made["scheduleId"]
    unknown = of_foreign[:8] + "ffffffff" + of_foreign[16:]
    in_v3 = {
        "name": "s",
        "workflowId": "w",
        "iteration": {"iterationType": "Once", "startTime": "2035-01-01T08:30:00"},
    }
    compared = 0

    for method, path in routes:
        if "{scheduleId}" not in path:
            continue
        caller = own_caller if path.startswith(OF_USERS) else own
        target = path.replace("{projectKey}", own.project.project_key)
        sent = {"PUT": in_v3, "PATCH": {"enabled": False}}.get(method)
        request = {} if sent is None else {"json": sent}
        answers = [caller.call(method, target.replace("{scheduleId}", of), **request) for of in (of_foreign, unknown)]
        assert answers[0].status_code == 404, (method, path)
        assert all_but_passing(answers[0]) == all_but_passing(answers[1]), (method, path)
        compared += 1

    assert compared >= 8
    assert own_caller.call("GET", f"{V3}schedules").text == "[]"
    assert foreign.call("GET", f"{foreign.public}/schedules/{of_foreign}").json()["data"] == made
    assert foreign.call("DELETE", f"{foreign.public}/schedules/{of_foreign}").status_code == 204


def test_a_foreign_workflow_is_as_one_that_nobody_has_run(
    stack: Embedded, own: Tenant, own_caller: Caller, foreign: Tenant
) -> None:
    answers = [own_caller.call("GET", f"{V3}workflows/{one}/jobs") for one in (WORKFLOW, WORKFLOW[::-1])]
    assert (answers[0].status_code, answers[0].text) == (200, "[]")
    assert all_but_passing(answers[0]) == all_but_passing(answers[1])
    assert own_caller.call("GET", f"{V3}jobs").text == '{"data":[]}'
    registering.register_workflow(stack.directory, foreign.project.organisation_id, WORKFLOW, Registration("Foreign"))
    for rest in ("", "/questions"):
        answers = [own_caller.call("GET", f"{V3}workflows/{one}{rest}") for one in (WORKFLOW, WORKFLOW[::-1])]
        assert answers[0].status_code == 404
        assert all_but_passing(answers[0]) == all_but_passing(answers[1])
    assert own_caller.call("GET", f"{V3}workflows").text == "[]"

    # a workflow with that id that runs here is another one, and the foreign collections do not share it
    stack.directory.set_workflow_collections(foreign.project.organisation_id, WORKFLOW, ["team"], 9)
    caller = stack.new_tenant()
    job = stack.new_caller(caller).run(WORKFLOW)
    for stranger in (
        stack.new_caller(foreign, Role.ADMINISTRATOR),
        stack.new_caller(foreign, team=Right.CANCEL),
        stack.new_caller(caller, team=Right.CANCEL),
    ):
        assert stranger.call("GET", f"{V3}jobs/{job['id']}").status_code == 404


def test_no_credential_opens_the_routes_of_another_dialect(
    stack: Embedded, routes: list[tuple[str, str]], own: Tenant, own_caller: Caller
) -> None:
    token, secret, key = own_caller.granted["access_token"], own_caller.secret, own.key
    before = own.call("GET", f"{own.v1}/jobs").text
    tried = 0

    for method, path in routes:
        if path == TOKENS or not path.startswith(("/api/v1/", "/public/", *OF_USERS)):
            continue
        target = path.replace("{projectKey}", own.project.project_key).replace("{jobId}", "1")
        target = target.replace("{userId+}", "someone").replace("{workflowId}", WORKFLOW)
        target = target.replace("{artifactId}", FILE).replace("{outputId}", FILE).replace("{scheduleId}", FILE)
        wrong = [f"Bearer {secret}", secret, *([key, f"Bearer {key}"] if path.startswith(OF_USERS) else [token])]
        wrong += [] if path.startswith(OF_USERS) else [f"Bearer {token}"]
        wrong += [f"Bearer {key}"] if path.startswith("/api/v1/") else []
        wrong += [key] if path.startswith("/public/") else []
        for authorization in wrong:
            answer = send(stack.base_url, method, target, headers={"Authorization": authorization})
            assert answer.status_code == 401, (method, path, authorization[:10])
            tried += 1

    assert tried >= 60
    assert own.call("GET", f"{own.v1}/jobs").text == before


def test_a_token_is_given_for_a_client_s_secret_and_for_no_other(
    stack: Embedded, own: Tenant, own_caller: Caller
) -> None:
    client_id = own_caller.client.client_id
    for secret in (own.key, own_caller.granted["access_token"]):
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        answer = send(stack.base_url, "POST", TOKENS, data=form)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    for authorization in (own.key, f"Bearer {own.key}", own_caller.authorization):
        headers = {"Authorization": authorization}
        answer = send(stack.base_url, "POST", TOKENS, data={"grant_type": "client_credentials"}, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_user_who_is_being_deleted_elsewhere_is_another_user_here(foreign: Tenant, stack: Embedded) -> None:
    assert foreign.call("DELETE", f"{foreign.public}/users/someone").status_code == 409
    caller = stack.new_tenant()

    assert caller.call("DELETE", f"{caller.public}/users/someone").status_code == 200


def test_two_organisations_number_their_jobs_apart(own: Tenant, foreign: Tenant) -> None:
    assert own.project.project_id != foreign.project.project_id
    assert own.call("GET", f"{own.v1}/jobs").text == '{"data":[]}'
    assert [job["jobId"] for job in foreign.call("GET", f"{foreign.v1}/jobs").json()["data"]] == [1, 2, 3, 4, 5]
