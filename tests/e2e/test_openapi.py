"""The running service compared with its own document, which must describe the answer to every request."""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jobs.dialects.public import DEFAULT_LIMIT, MAX_LIMIT
from jobs.runtime.admin import directory_admin
from jobs.tenancy import administration
from jobs.tenants import Role
from schemathesis import GenerationMode
from schemathesis.core import NOT_SET
from schemathesis.specs.openapi import checks

from openapi import FILE
from tests.e2e.embedded import ROOT, far_ahead, send, v3_id
from tests.e2e.test_events import Outside
from tests.fakes import BY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from schemathesis import Case

    from tests.e2e.embedded import Embedded, Tenant

pytestmark = pytest.mark.e2e

DOCUMENT: dict[str, Any] = json.loads(FILE.read_text())
OPERATIONS = {
    operation["operationId"]: (path, method)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
}
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
#: The SHA-256 of nothing.
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#: Bodies that get further than generated ones: a user who is deleted twice, a form for HTTP Basic.
BODIES: dict[str, Any] = {
    "createJob": {"action": "delete_user_data", "referenceId": "ada@example.com"},
    "issueToken": {"grant_type": "client_credentials"},
    "announceArtifact": {"name": "report.csv", "size": 0, "sha256": EMPTY},
    "createSchedule": {"name": "nightly", "cron": "0 2 * * *", "job": {"action": "export"}},
    "changeSchedule": {"overlap": "skip"},
    "previewSchedule": {"every": 600},
    "createScheduleV3": {
        "workflowId": "5bc4a813156ae016dcb442bd",
        "name": "nightly",
        "iteration": {"iterationType": "Daily", "startTime": "2035-01-01T02:30:00"},
    },
    "changeScheduleV3": {"comment": "every night"},
}
BODIES["replaceScheduleV3"] = {**BODIES["createScheduleV3"], "priority": "high"}
#: Operations whose body is shown in examples.
BODIES_SHOWN = [
    "announceArtifact",
    "createJob",
    "createSchedule",
    "changeSchedule",
    "previewSchedule",
    "runWorkflowV3",
    "createScheduleV3",
    "replaceScheduleV3",
    "changeScheduleV3",
]
#: How many requests are generated for an operation: some in `make test`, all in `make prove`.
sizes = pytest.mark.parametrize("size", [12, pytest.param(50, marks=pytest.mark.prove)])
#: Parts of a request that replace the generated ones, so that it gets somewhere.
IN_PATH = {"projectKey", "jobId", "workflowId", "artifactId", "outputId", "scheduleId"}
ALL = IN_PATH | {"userId", "body"}


@dataclass
class Organisation:
    """What requests may use: a project with jobs in every state, its key, and an administrator's client."""

    tenant: Tenant
    client: str
    token: str
    ended: list[dict[str, Any]]
    #: A file of the completed job.
    artifact_id: str

    def credential(self, path: str) -> str:
        """The credential of an operation."""
        if path.startswith("/api/v1/"):
            return self.tenant.key
        if path.startswith("/public/"):
            return f"Bearer {self.tenant.key}"
        return f"Bearer {self.token}" if path.startswith(("/webapi/v3/", "/webapi/v1/")) else f"Basic {self.client}"

    def places(self, path: str) -> list[dict[str, Any]]:
        """Parameters of a path that name jobs in every state."""
        jobs = [*self.ended, *(self.tenant.create(startAt=far_ahead()) for _ in range(8))]
        for job in jobs[-4:]:
            self.tenant.call("DELETE", f"{self.tenant.public}/jobs/{job['jobId']}")
        project = {"projectKey": self.tenant.project.project_key, "workflowId": "5bc4a813156ae016dcb442bd"}
        project |= {"artifactId": self.artifact_id, "outputId": self.artifact_id}
        in_v3 = path.startswith(("/webapi/v3/", "/webapi/v1/"))
        # a project has a thousand at most
        made = [self._schedule(in_v3=in_v3) if "{scheduleId}" in path else "none" for _ in jobs]
        # users whom no other call of this has had deleted
        users = f"user-{jobs[-1]['jobId']}"
        return [
            {
                **project,
                "jobId": v3_id(job) if in_v3 else job["jobId"],
                "userId": f"{users}-{job['jobId']}",
                "scheduleId": schedule,
            }
            for job, schedule in zip(jobs, made, strict=True)
        ]

    def _schedule(self, *, in_v3: bool) -> str:
        """Make a schedule in a dialect; return its id."""
        if not in_v3:
            answer = self.tenant.call("POST", f"{self.tenant.public}/schedules", json=BODIES["createSchedule"])
            return str(answer.json()["data"]["scheduleId"])
        headers = {"Authorization": f"Bearer {self.token}"}
        url, body = "/webapi/v3/schedules", BODIES["createScheduleV3"]
        return str(send(self.tenant.base_url, "POST", url, json=body, headers=headers).json()["id"])


@pytest.fixture(scope="module")
def organisation(stack: Embedded) -> Organisation:
    tenant = stack.new_tenant()
    outside = Outside(stack, tenant)
    for _ in range(3):
        tenant.create(params={"format": "csv"})
    running = outside.job_is("running", 1)
    outside.job_is("running", 2)
    outside.job_is("running", 3)
    outside.report("Job Message", text="halfway", status=1, toolId=4)
    announced = tenant.call("POST", f"{tenant.public}/jobs/2/artifacts", json=BODIES["announceArtifact"])
    artifact_id = announced.json()["data"]["artifactId"]
    outside.put("Job Completed", jobId=2, attempt=1, outputs=[{"rows": 12}, {"artifact": "report.csv"}])
    outside.put("Job Failed", jobId=3, attempt=1, errors=["no disk"])
    ended = [running, outside.job_is("completed", 2), outside.job_is("failed", 3)]

    directory = directory_admin(stack.aws("dynamodb"), stack.demo["tableName"], BY)
    project = tenant.project
    user = administration.create_user(directory, project.organisation_id, "Admin", Role.ADMINISTRATOR)
    issued = administration.create_client(directory, project.organisation_id, user.user_id, project.project_id)
    client = base64.b64encode(f"{issued.client.client_id}:{issued.secret}".encode()).decode()
    answer = send(
        stack.base_url,
        "POST",
        "/webapi/oauth2/token",
        data={"grant_type": "client_credentials"},
        headers={"Authorization": f"Basic {client}"},
    )
    return Organisation(tenant, client, answer.json()["access_token"], ended, artifact_id)


@pytest.fixture(scope="module")
def schema(stack: Embedded) -> Any:
    """The document as the running service hands it out."""
    return schemathesis.openapi.from_dict(send(stack.base_url, "GET", "/openapi.json").json())


@pytest.fixture(scope="module")
def tally(say_at_the_end: Callable[[str], None]) -> Iterator[Counter[int]]:
    """How often each status was answered; printed at the end."""
    answered: Counter[int] = Counter()
    yield answered
    told = ", ".join(f"{count} with {status}" for status, count in sorted(answered.items()))
    say_at_the_end(f"{answered.total()} generated requests: {told}")


def generated(size: int) -> settings:
    """The settings for so many requests. There is no chance in them, so that a failure comes again."""
    return settings(
        derandomize=True,
        max_examples=size,
        phases=[Phase.generate, Phase.shrink],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.mark.parametrize("name", BODIES_SHOWN)
def test_every_body_that_is_shown_as_an_example_is_taken(
    stack: Embedded, organisation: Organisation, name: str
) -> None:
    path, method = OPERATIONS[name]
    headers = {"Authorization": organisation.credential(path)}
    target = path.format(**organisation.places(path)[0])
    [content] = DOCUMENT["paths"][path][method]["requestBody"]["content"].values()

    for example in content["examples"].values():
        answer = send(stack.base_url, method.upper(), target, json=example["value"], headers=headers)
        assert answer.is_success, answer.text


@sizes
@pytest.mark.parametrize("name", OPERATIONS)
def test_whatever_is_sent_the_answer_is_as_described_and_nobody_else_is_let_in(  # noqa: PLR0913, PLR0917  # fixtures
    stack: Embedded, organisation: Organisation, schema: Any, tally: Counter[int], name: str, size: int
) -> None:
    path, method = OPERATIONS[name]
    operation = schema[path][method]
    own = organisation.credential(path)
    scheme = own[: own.find(" ") + 1]
    nobody = [f"{scheme}jk_{'0' * 48}", "Basic Zm9vOmJhcg=="]
    foreign = scheme + stack.new_tenant().key if "{projectKey}" in path else None
    places = cycle(organisation.places(path))
    let_in = 0
    seen: Counter[int] = Counter()

    @generated(size)
    @given(
        case=st.one_of([operation.as_strategy(generation_mode=mode) for mode in GenerationMode]),
        credential=st.sampled_from([own] * 9 + nobody),
        known=st.sampled_from([ALL, IN_PATH, {"projectKey"}, ALL, {"projectKey"}, set()]),
    )
    def hold(case: Case[Any], credential: str, known: set[str]) -> None:
        nonlocal let_in
        place = next(places)
        case.path_parameters |= {name: place[name] for name in known & case.path_parameters.keys()}
        if "body" in known and name in BODIES:
            case.body = BODIES[name]
        headers = {"Authorization": credential}
        answer = case.call(base_url=stack.base_url, headers=headers, allow_redirects=False)
        seen[answer.status_code] += 1
        if not is_of(path, urlsplit(str(answer.request.url)).path):
            assert answer.status_code in {308, 404}
            return
        assert answer.status_code < 500 or (answer.status_code, name) == (501, "cancelJobV1")
        case.validate_response(answer, CHECKS, headers=headers)
        if answer.status_code < 400:
            assert answer.request.headers.get("Authorization") == own
            let_in += 1
            if let_in <= 5:
                # sent again without a credential, with a wrong one, and with another organisation's
                case.validate_response(answer, [checks.ignored_auth], headers=headers)
                if foreign:
                    assert case.call(base_url=stack.base_url, headers={"Authorization": foreign}).status_code == 404

    hold()

    tally.update(seen)
    assert let_in, f"only refusals: {seen}"


def is_of(template: str, path: str) -> bool:
    """Whether a path belongs to an operation. Dots and slashes may have turned it into another path."""
    pattern = re.sub(r"\{(\w+)\}", lambda name: ".+" if name[1] == "userId" else "[^/]+", template)
    return re.fullmatch(pattern, unquote(path), re.DOTALL) is not None


@sizes
@pytest.mark.parametrize("name", ["announceArtifact", "createJob", "createSchedule", "changeSchedule", "runWorkflowV3"])
def test_a_body_that_is_not_as_described_is_refused(  # noqa: PLR0913, PLR0917  # fixtures
    stack: Embedded, organisation: Organisation, schema: Any, tally: Counter[int], name: str, size: int
) -> None:
    path, method = OPERATIONS[name]
    place = organisation.places(path)[0]
    headers = {"Authorization": organisation.credential(path), "Idempotency-Key": "key"}
    bodies = schema[path][method].as_strategy(
        generation_mode=GenerationMode.NEGATIVE,
        path_parameters={parameter: place[parameter] for parameter in re.findall(r"\{(\w+)\}", path)},
        headers=headers,
    )

    @generated(size)
    @given(case=bodies.filter(lambda case: case.body is not NOT_SET))
    def hold(case: Case[Any]) -> None:
        answer = case.call(base_url=stack.base_url)
        tally[answer.status_code] += 1
        assert answer.status_code == 400, case
        case.validate_response(answer, CHECKS)

    hold()


def test_the_documentation_is_served_from_this_machine_alone(stack: Embedded) -> None:
    page = send(stack.base_url, "GET", "/docs")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")

    named = re.findall(r'(?:src=|href=|read\()"([^"]*)"', page.text)
    assert named == ["/docs/swagger-ui.css", "/docs/swagger-ui.js", "/openapi.json", "/console/demo.json"]
    assert "//" not in page.text
    for target in named:
        assert send(stack.base_url, "GET", target).status_code == 200
    assert send(stack.base_url, "GET", "/openapi.json").content == FILE.read_bytes()


def test_the_root_leads_to_the_documentation_which_begins_with_the_public_dialect(stack: Embedded) -> None:
    root = send(stack.base_url, "GET", "/")
    assert (root.status_code, root.headers["location"]) == (307, "/docs")

    spec = DOCUMENT
    assert spec["tags"][0]["name"] == "public"
    assert next(iter(spec["paths"])) == "/public/{projectKey}/jobs"


def test_a_limit_says_its_bounds_and_its_default_where_people_look() -> None:
    listing = DOCUMENT["paths"]["/public/{projectKey}/jobs"]["get"]
    [limit] = [parameter for parameter in listing["parameters"] if parameter["name"] == "limit"]

    assert limit["description"].startswith(
        f"How many jobs to list at most: 1 to {MAX_LIMIT}, by default {DEFAULT_LIMIT}."
    )
    assert limit["schema"] == {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
    assert f"`?limit=` 1 to {MAX_LIMIT}, by default {DEFAULT_LIMIT}" in (ROOT / "docs/api.md").read_text()


def test_only_the_documentation_is_taken_from_the_api(stack: Embedded) -> None:
    for method, target in (("POST", "/docs"), ("GET", "/docs/x"), ("GET", "/public/openapi.json")):
        assert send(stack.base_url, method, target).status_code == 404
