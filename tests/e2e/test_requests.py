"""How requests are read over HTTP, by decision 0035; and the calls of docs/api.md that none of the seeds has."""

from __future__ import annotations

import gzip
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from jobs.dialects.registry import OPENREPLAY_V1
from jobs.dialects.routes import ROUTES
from jobs.tenants import ListOrder, Role

from tests.e2e.conftest import PAGE
from tests.e2e.embedded import DAY, far_ahead, now, send
from tests.e2e.test_events import Outside, until

if TYPE_CHECKING:
    from httpx import Response

    from tests.e2e.embedded import Embedded, Tenant

pytestmark = pytest.mark.e2e


def post(tenant: Tenant, body: str | bytes, **headers: str) -> Response:
    """Send a body that asks for a job, exactly as it is."""
    content = body.encode() if isinstance(body, str) else body
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return tenant.call("POST", f"{tenant.public}/jobs", content=content, headers=named)


def created(tenant: Tenant) -> int:
    """How many jobs the project has."""
    return int(tenant.call("GET", f"{tenant.public}/jobs").headers["x-total-count"])


# ---- bodies --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["3", "3.0", "3e0", "0.3E+1"])
def test_an_integer_may_be_written_in_any_form_of_json(tenant: Tenant, number: str) -> None:
    answer = post(tenant, f'{{"action":"a","maxAttempts":{number},"startAt":{far_ahead()}.0}}')

    assert answer.status_code == 201, answer.text
    assert tenant.details(1)["maxAttempts"] == 3


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded", ""])
def test_a_body_is_json_whatever_its_type_says_and_a_byte_order_mark_is_skipped(
    tenant: Tenant, content_type: str
) -> None:
    body = "\ufeff" + json.dumps({"action": "a", "description": "ü", "startAt": far_ahead()}, ensure_ascii=False)

    answer = post(tenant, body, content_type=content_type)

    assert answer.status_code == 201, answer.text
    assert answer.json()["data"]["description"] == "ü"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ('{"action":"a","action":"a"}', "body: must hold each key of an object only once"),
        ('{"action":"a","maxAttempts":%s}' % ("9" * 5_000), "body: must not hold a number of over 19 digits"),
        ('{"action":"a","startAt":1e400}', "body: must not hold a number beyond 1.7e308"),
        ('{"action":"a","params":{"n":NaN}}', "body: must be JSON"),
        ("action=a", "body: must be JSON"),
        (b'{"action":"a","description":"\xff"}', "body: must be UTF-8 text"),
        (
            '{"action":"a","params":[],"maxAttempts":1.5,"colour":"red"}',
            "params: must be a JSON object; maxAttempts: must be an integer; colour: does not exist here",
        ),
    ],
    ids=lambda text: text[:40],
)
def test_a_body_that_leaves_doubt_is_refused_and_writes_nothing(
    tenant: Tenant, body: str | bytes, sentence: str
) -> None:
    # of this type, a gateway hands any bytes over
    answer = post(tenant, body, content_type="application/octet-stream")

    assert (answer.status_code, answer.json()) == (400, {"error": sentence})
    assert created(tenant) == 0


def test_a_compressed_body_is_415_in_every_dialect(stack: Embedded, tenant: Tenant) -> None:
    compressed = gzip.compress(b'{"action":"a"}')
    encoded = {"Content-Encoding": "gzip"}
    caller = stack.new_caller(tenant)

    answers = [
        post(tenant, compressed, content_encoding="gzip"),
        caller.call("POST", "/webapi/v3/workflows/w/jobs", content=compressed, headers=encoded),
        send(stack.base_url, "POST", "/webapi/oauth2/token", content=compressed, headers=encoded),
    ]

    assert [answer.status_code for answer in answers] == [415, 415, 415]
    bodies = [list(answer.json()) for answer in answers]
    assert bodies == [["error"], ["message"], ["error", "error_description"]]
    assert {answer.headers["accept-encoding"] for answer in answers} == {"identity"}
    assert created(tenant) == 0


# ---- queries, paths, challenges ------------------------------------------------------------------------------------


def test_public_refuses_parameters_that_it_does_not_know_and_the_others_pass_over_them(
    stack: Embedded, tenant: Tenant
) -> None:
    tenant.create(startAt=far_ahead())
    caller = stack.new_caller(tenant, Role.ADMINISTRATOR)

    refused = [
        tenant.call("GET", f"{tenant.public}/jobs?state=failed&limit=5&colour=red"),
        tenant.call("GET", f"{tenant.public}/jobs/1?includes=details"),
        tenant.call("POST", f"{tenant.public}/jobs?dry=run", json={"action": "a"}),
        tenant.call("DELETE", f"{tenant.public}/jobs/1?force=true"),
    ]

    assert [answer.status_code for answer in refused] == [400] * 4
    assert refused[0].json() == {"error": "colour: is no parameter of this call; state: is no parameter of this call"}
    assert created(tenant) == 1
    assert tenant.call("GET", f"{tenant.v1}/jobs?state=failed").status_code == 200
    assert caller.call("GET", "/webapi/v3/jobs?state=failed").status_code == 200


@pytest.mark.parametrize("path", ["/webapi//v3/jobs", "//webapi/v3/jobs", "/webapi/v3//jobs"])
def test_a_doubled_slash_leads_to_the_list(stack: Embedded, tenant: Tenant, path: str) -> None:
    """A published client makes every call like the first one, by its default base address."""
    caller = stack.new_caller(tenant, Role.ADMINISTRATOR)

    answer = caller.call("GET", f"{path}?limit=1")
    if answer.status_code == 308:
        assert answer.headers["location"] == "/webapi/v3/jobs?limit=1"
        answer = caller.call("GET", answer.headers["location"])

    assert (answer.status_code, list(answer.json())) == (200, ["data"])


@pytest.mark.parametrize("path", ["//users/ada", "/users//ada", "/users/ada/", "/users/ada//"])
def test_a_doubled_slash_never_leads_to_a_user(tenant: Tenant, path: str) -> None:
    answer = tenant.call("DELETE", tenant.public + path)

    assert "location" not in answer.headers
    if answer.status_code == 200:  # a gateway may make one slash of two; then the path is clean
        assert answer.json()["data"]["referenceId"] in {"ada", "ada/", "/ada"}


@pytest.mark.parametrize(
    ("path", "challenge"),
    [
        ("/api/v1/key/jobs", "ApiKey"),
        ("/public/key/jobs", "Bearer"),
        ("/webapi/v3/jobs", "Bearer"),
        ("/webapi/oauth2/token", "Bearer"),
    ],
)
def test_every_401_says_how_to_authenticate(stack: Embedded, path: str, challenge: str) -> None:
    method = "POST" if path.endswith("token") else "GET"
    form = {"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"}
    answers = [send(stack.base_url, method, path, data=form if method == "POST" else None)]
    if method == "POST":
        answers.append(send(stack.base_url, method, path, data={"grant_type": "client_credentials"}, auth=("x", "y")))

    told = [(answer.status_code, answer.headers["www-authenticate"]) for answer in answers]

    assert told == [(401, f'{scheme} realm="jobs"') for scheme in (challenge, "Basic")][: len(answers)]


def test_a_page_that_may_call_reads_the_headers_and_another_page_does_not(stack: Embedded, tenant: Tenant) -> None:
    target = f"{tenant.public}/jobs"
    asking = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}

    preflight = send(stack.base_url, "OPTIONS", target, headers=asking)
    listed = tenant.call("GET", target, headers={"Origin": PAGE})
    foreign = tenant.call("GET", target, headers={"Origin": "https://other.example"})

    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == listed.headers["access-control-allow-origin"] == PAGE
    assert "POST" in preflight.headers["access-control-allow-methods"].split(",")
    assert {"link", "x-total-count"} <= set(listed.headers["access-control-expose-headers"].split(","))
    assert foreign.status_code == 200
    assert not [name for name in foreign.headers if name.startswith("access-control-")]


# ---- calls that none of the seeds has ------------------------------------------------------------------------------


def numbers(tenant: Tenant, target: str) -> tuple[list[int], str | None]:
    """The jobs of a list, and the query of its link to the next ones."""
    answer = tenant.call("GET", target)
    assert answer.status_code == 200, answer.text
    following = re.search(r'\?([^>]*)>; rel="next"', answer.headers.get("link", ""))
    return [job["jobId"] for job in answer.json()["data"]], following and following[1]


@pytest.mark.parametrize("base", ["v1", "public"])
def test_a_list_goes_on_from_a_job_in_either_direction(tenant: Tenant, base: str) -> None:
    for _ in range(5):
        tenant.create(startAt=far_ahead())
    jobs = f"{getattr(tenant, base)}/jobs"

    assert numbers(tenant, f"{jobs}?after=1&limit=2") == ([2, 3], "limit=2&after=3")
    assert numbers(tenant, f"{jobs}?after=3&limit=2") == ([4, 5], None)
    assert numbers(tenant, f"{jobs}?before=5&limit=2") == ([4, 3], "limit=2&before=3")
    assert numbers(tenant, f"{jobs}?before=3&limit=2") == ([2, 1], None)
    assert tenant.call("GET", f"{jobs}?before=3&after=1").status_code == 400


def test_a_project_may_list_its_newest_jobs_first_as_openreplay_s_own_server_does(
    stack: Embedded, tenant: Tenant
) -> None:
    # set before the project's first call, because functions remember a project for a while
    other = stack.new_tenant()
    stack.directory.set_list_order(other.project.project_id, ListOrder.NEWEST)
    for of in (tenant, other):
        for _ in range(5):
            of.create(startAt=far_ahead())

    assert numbers(other, f"{other.v1}/jobs") == ([5, 4, 3, 2, 1], None)
    assert numbers(other, f"{other.public}/jobs?limit=2") == ([5, 4], "limit=2&page=2")
    assert numbers(other, f"{other.public}/jobs?limit=2&page=3") == ([1], None)
    assert numbers(other, f"{other.public}/jobs?limit=2&order=asc") == ([1, 2], "order=asc&limit=2&page=2")
    assert numbers(tenant, f"{tenant.public}/jobs?limit=2") == ([1, 2], "limit=2&page=2")


def test_a_list_is_filtered_by_status_action_and_reference_together(tenant: Tenant) -> None:
    for action, reference in (("a", "x, y&z"), ("b", "x, y&z"), ("a", "other"), ("a", "x, y&z")):
        tenant.create(action=action, referenceId=reference, startAt=far_ahead())
    tenant.call("DELETE", f"{tenant.public}/jobs/4")
    jobs = f"{tenant.public}/jobs?referenceId=x%2C%20y%26z"

    assert numbers(tenant, jobs)[0] == [4, 2, 1]
    assert numbers(tenant, f"{jobs}&action=a")[0] == [4, 1]
    assert numbers(tenant, f"{jobs}&action=a&status=scheduled")[0] == [1]
    first, link = numbers(tenant, f"{jobs}&limit=1")
    second, _ = numbers(tenant, f"{tenant.public}/jobs?{link}")
    assert (first, second) == ([4], [2])


def test_a_failed_job_tells_why_as_one_text_and_as_a_list(stack: Embedded, tenant: Tenant) -> None:
    outside = Outside(stack, tenant)
    tenant.create()
    outside.job_is("running")
    outside.put("Job Message", jobId=1, status=3, text="halfway through", toolId=4)
    until(outside.messages)
    outside.report("Job Failed", errors=["no disk", "on ü"])

    details = outside.job_is("failed")

    for base in (tenant.v1, tenant.public):
        assert tenant.call("GET", f"{base}/jobs/1").json()["data"]["errors"] == "no disk\non ü"
        assert tenant.call("GET", f"{base}/jobs").json()["data"][0]["errors"] == "no disk\non ü"
    assert list(details)[10:] == [
        *("params", "progress", "message", "attempt", "maxAttempts", "startedAt", "finishedAt", "timeoutAt"),
        *("outputs", "errorList", "history"),
    ]
    assert (details["errorList"], details["message"]) == (["no disk", "on ü"], "halfway through")
    retried = tenant.call("POST", f"{tenant.public}/jobs/1/retry")
    assert (retried.status_code, retried.json()["data"]["errors"]) == (200, None)


#: Each call of OpenReplay's two documents, and of what docs/api.md adds to the second: what it is for, and its status.
CALLS: list[tuple[str, str, str, Any, int]] = [
    ("OpenReplay v1: list jobs", "GET", "/api/v1/{projectKey}/jobs", None, 200),
    ("OpenReplay v1: get a job", "GET", "/api/v1/{projectKey}/jobs/{jobId}", None, 200),
    ("OpenReplay v1: cancel a job", "DELETE", "/api/v1/{projectKey}/jobs/{jobId}", None, 200),
    ("OpenReplay v1: delete a user", "DELETE", "/api/v1/{projectKey}/users/{userId+}", None, 200),
    ("public: list jobs", "GET", "/public/{projectKey}/jobs", None, 200),
    ("public: get a job", "GET", "/public/{projectKey}/jobs/{jobId}", None, 200),
    ("public: cancel a job", "DELETE", "/public/{projectKey}/jobs/{jobId}", None, 200),
    ("public: delete a user", "DELETE", "/public/{projectKey}/users/{userId+}", None, 200),
    ("docs/api.md: create a job", "POST", "/public/{projectKey}/jobs", {"action": "export"}, 201),
    ("docs/api.md: list messages", "GET", "/public/{projectKey}/jobs/{jobId}/messages", None, 200),
    ("docs/api.md: retry a job", "POST", "/public/{projectKey}/jobs/{jobId}/retry", None, 409),
]


@pytest.mark.parametrize(("document", "method", "path", "body", "status"), CALLS, ids=[call[0] for call in CALLS])
def test_a_call_of_a_document_is_answered(  # noqa: PLR0913, PLR0917  # a row of the table
    tenant: Tenant, document: str, method: str, path: str, body: Any, status: int
) -> None:
    tenant.create(startAt=far_ahead())
    place = {"projectKey": tenant.project.project_key, "jobId": "1", "userId+": "shekar@example.com"}
    target = re.sub(r"\{([\w+]+)\}", lambda name: place[name[1]], path)

    answer = tenant.call(method, target, json=body)

    assert answer.status_code == status, f"{document}: {answer.text}"
    if status < 300 and not target.endswith("/messages"):
        [job] = [answer.json()["data"]] if isinstance(answer.json()["data"], dict) else answer.json()["data"]
        assert list(job) == [
            *("jobId", "description", "status", "projectId", "action", "referenceId"),
            *("createdAt", "updatedAt", "startAt", "errors"),
        ]
        assert job["startAt"] <= now() + 2 * DAY


def test_every_call_of_openreplay_s_documents_is_among_them() -> None:
    called = {f"{method} {path}" for _, method, path, _, _ in CALLS}

    assert (
        {route.key for route in ROUTES if route.dialect is OPENREPLAY_V1} <= called <= {route.key for route in ROUTES}
    )
    assert {key.replace("/api/v1", "/public") for key in called if "/api/v1" in key} <= called
