"""Each dialect over HTTP, with the built functions in containers of `sam local start-api`."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, NamedTuple

import pytest
from jobs.model import Status

from tests.e2e.embedded import send
from tests.sam_local.conftest import CREATED, RUN, a_job_that, event

if TYPE_CHECKING:
    import httpx

    from tests.sam_local.conftest import World

pytestmark = pytest.mark.sam_local

KEY = event("get_job", "openreplay_v1")["headers"]["authorization"]
TOKEN = event("get_job", "alteryx_v3")["headers"]["authorization"]
V1, PUBLIC, V3 = "/api/v1/{project}", "/public/{project}", "/webapi/v3"
#: The job's id in the third dialect, and an id without a job.
ID, NO_ID = (f"{CREATED // 1_000:08x}{1:08x}{number:08x}" for number in (1, 0))
UNAUTHORIZED = {
    V1: '{"errors":["Invalid API Key"]}',
    PUBLIC: '{"error":"unauthorized"}',
    V3: '{"message":"Unauthorized"}',
}
NOT_FOUND = {
    V1: '{"errors":["Job not found."]}',
    PUBLIC: '{"error":"job not found"}',
    V3: '{"message":"Job not found."}',
}
CREDENTIAL = {V1: KEY, PUBLIC: f"Bearer {KEY}", V3: TOKEN}


class Row(NamedTuple):
    """A call of a dialect, and what its answer must have."""

    dialect: str
    method: str
    path: str
    status: int
    text: str
    body: str | None = None


ROWS = [
    Row(V1, "GET", "/jobs", 200, '{"data":[{"jobId":1,'),
    Row(V1, "GET", "/jobs/1", 200, '{"data":{"jobId":1,'),
    Row(V1, "GET", "/jobs/9999", 404, NOT_FOUND[V1]),
    Row(V1, "DELETE", "/jobs/1", 200, '"status":"cancelled"'),
    Row(V1, "DELETE", "/users/ada%40example.com", 200, '"referenceId":"ada@example.com"'),
    Row(V1, "DELETE", "/users/ada%2Flovelace", 400, '{"errors":["userId: must be '),
    Row(PUBLIC, "GET", "/jobs", 200, '{"data":[{"jobId":1,'),
    Row(PUBLIC, "GET", "/jobs/1?include=details", 200, '"history":['),
    Row(PUBLIC, "GET", "/jobs/9999", 404, NOT_FOUND[PUBLIC]),
    Row(PUBLIC, "GET", "/jobs/1/messages", 200, '{"data":['),
    Row(PUBLIC, "GET", "/tasks", 404, '{"error":"not found"}'),
    Row(PUBLIC, "POST", "/jobs", 201, '"action":"export"', '{"action":"export"}'),
    Row(PUBLIC, "POST", "/jobs", 400, '{"error":"', '{"action":"no such thing"}'),
    Row(PUBLIC, "DELETE", "/jobs/1", 200, '"status":"cancelled"'),
    Row(V3, "GET", "/jobs", 200, f'"jobId":"{ID}"'),
    Row(V3, "GET", f"/jobs/{ID}", 200, f'{{"id":"{ID}",'),
    Row(V3, "GET", f"/jobs/{NO_ID}", 404, NOT_FOUND[V3]),
    Row(V3, "GET", f"/jobs/{ID}/messages", 200, '{"status":'),
    Row(V3, "GET", f"/workflows/{RUN.workflow_id}/jobs", 200, f'[{{"id":"{ID}",'),
    Row(V3, "POST", f"/workflows/{RUN.workflow_id}/jobs", 200, '"status":"Queued"', "{}"),
    Row(V3, "DELETE", f"/jobs/{ID}", 200, '{"message":"Cancelled Successfully."}'),
]


@pytest.fixture(autouse=True)
def job(world: World) -> None:
    """Have the job of the calls running."""
    world.given(a_job_that(Status.RUNNING, run=RUN))


def call(world: World, row: Row, credential: str | None, base_url: str | None = None) -> httpx.Response:
    headers = {"Content-Type": "application/json", **({"Authorization": credential} if credential else {})}
    target = (row.dialect + row.path).format(project=world.tenant.project.project_key)
    return send(base_url or world.tenant.base_url, row.method, target, headers=headers, content=row.body)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.method} {row.dialect}{row.path} {row.status}")
def test_a_call_is_answered_as_the_dialect_has_it(world: World, row: Row) -> None:
    answer = call(world, row, CREDENTIAL[row.dialect])

    assert (answer.status_code, answer.headers["content-type"]) == (row.status, "application/json"), answer.text
    assert row.text in answer.text


@pytest.mark.parametrize("dialect", UNAUTHORIZED)
@pytest.mark.parametrize("credential", [None, "Bearer jk_wrong"])
def test_whoever_has_no_key_is_answered_401_in_the_dialect(world: World, dialect: str, credential: str | None) -> None:
    answer = call(world, Row(dialect, "GET", "/jobs", 401, ""), credential)

    assert (answer.status_code, answer.text) == (401, UNAUTHORIZED[dialect])


def test_a_client_gets_a_token_for_its_secret_and_the_token_opens_the_list(world: World) -> None:
    admin = world.stack.demo["admin"]
    basic = base64.b64encode(f"{admin['clientId']}:{admin['clientSecret']}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}

    issued = send(
        world.tenant.base_url,
        *("POST", "/webapi/oauth2/token"),
        headers=headers,
        content="grant_type=client_credentials",
    )
    listed = call(world, Row(V3, "GET", "/jobs", 200, ""), f"Bearer {issued.json().get('access_token')}")

    assert issued.status_code == 200, issued.text
    assert issued.headers["cache-control"] == "no-store"
    assert (listed.status_code, ID in listed.text) == (200, True), listed.text


def test_a_created_job_is_started_by_the_stack_behind(world: World) -> None:
    row = Row(PUBLIC, "POST", "/jobs", 201, "", '{"action":"export"}')
    number = call(world, row, CREDENTIAL[PUBLIC]).json()["data"]["jobId"]

    world.until(lambda: world.job(number).status is Status.RUNNING)


@pytest.mark.parametrize(
    ("dialect", "path"), [(V1, "/jobs/1"), (PUBLIC, "/jobs/1"), (V3, f"/jobs/{ID}")], ids=["v1", "public", "v3"]
)
def test_a_function_that_breaks_is_answered_500_and_not_200(
    world: World, api_without_table: str, dialect: str, path: str
) -> None:
    answer = call(world, Row(dialect, "GET", path, 500, ""), CREDENTIAL[dialect], api_without_table)

    assert answer.status_code == 500, answer.text
    assert list(json.loads(answer.text)) == [{V1: "errors", PUBLIC: "error", V3: "message"}[dialect]]
    assert "gone" not in answer.text
