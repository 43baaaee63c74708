"""The running service against its own document: whatever is sent, the answer is one that the document describes."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks

from local.documentation import PAGE
from local.openapi import FILE
from tests.e2e.embedded import far_ahead, send
from tests.e2e.test_events import Outside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemathesis import Case

    from tests.e2e.embedded import Embedded, Tenant

pytestmark = pytest.mark.e2e

DOCUMENT: dict[str, Any] = json.loads(FILE.read_text())
OPERATIONS: dict[str, Any] = {
    operation["operationId"]: (path, method)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
}

#: Generated for each operation, well formed and malformed ones.
CASES = 60
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.ignored_auth,
]
#: Described, and not to be had by sending requests one after another; 400 only where something can be out of bounds.
OUT_OF_REACH = {400, 413, 429, 500}


@pytest.fixture(scope="module")
def schema(stack: Embedded) -> Any:
    """The document as the running service hands it out."""
    return schemathesis.openapi.from_dict(send(stack.base_url, "GET", "/openapi.json").json())


@pytest.fixture(scope="module")
def ended(stack: Embedded) -> tuple[Tenant, list[int]]:
    """A project, and jobs of it that have run."""
    tenant = stack.new_tenant()
    outside = Outside(stack, tenant)
    for _ in range(3):
        tenant.create(params={"format": "csv"})
    for job_id in (1, 2, 3):
        outside.job_is("running", job_id)
    outside.report("Job Message", text="halfway", status=1, toolId=4)
    outside.put("Job Completed", jobId=2, attempt=1, outputs=[{"rows": 12}])
    outside.put("Job Failed", jobId=3, attempt=1, errors=["no disk"])
    outside.job_is("completed", 2)
    outside.job_is("failed", 3)
    return tenant, [1, 2, 3]


@pytest.fixture(scope="module")
def tally(request: pytest.FixtureRequest) -> Iterator[Counter[int]]:
    """How often each status was answered; told at the end."""
    answered: Counter[int] = Counter()
    yield answered
    line = ", ".join(f"{count} × {status}" for status, count in sorted(answered.items()))
    request.config.get_terminal_writer().line(f"\n{answered.total()} generated requests: {line}")


@pytest.mark.parametrize("name", OPERATIONS)
def test_whatever_is_sent_the_answer_is_as_described_and_nobody_else_is_let_in(  # noqa: PLR0913
    stack: Embedded,
    schema: Any,
    ended: tuple[Tenant, list[int]],
    tally: Counter[int],
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    tenant, job_ids = ended
    path, method = OPERATIONS[name]
    jobs = [*job_ids, *(tenant.create(startAt=far_ahead())["jobId"] for _ in range(8))]
    scheme = "" if path.startswith("/api/v1/") else "Bearer "
    own = scheme + tenant.key
    strangers = [scheme + stack.new_tenant().key, f"{scheme}jk_{'0' * 48}", "Basic Zm9vOmJhcg=="]
    seen: Counter[int] = Counter()

    # The same ones each time, so that a failure is of the change that is tested.
    @settings(derandomize=True, max_examples=CASES, deadline=None, database=None, suppress_health_check=HealthCheck)
    @given(
        case=st.one_of([schema[path][method].as_strategy(generation_mode=mode) for mode in GenerationMode]),
        credential=st.sampled_from([own] * 9 + strangers),
        place=st.sampled_from([{"projectKey": tenant.project.project_key, "jobId": job_id} for job_id in jobs]),
        known=st.sampled_from([{"projectKey", "jobId"}, {"projectKey"}, {"projectKey", "jobId"}, set()]),
    )
    def hold(case: Case[Any], credential: str, place: dict[str, Any], known: set[str]) -> None:
        case.path_parameters |= {name: place[name] for name in known & case.path_parameters.keys()}
        headers = {"Authorization": credential}
        answer = case.call(base_url=stack.base_url, headers=headers, allow_redirects=False)
        seen[answer.status_code] += 1
        if not is_of(path, urlsplit(answer.request.url).path):
            assert answer.status_code in {308, 404}
            return
        is_refused = answer.status_code >= 400
        assert is_refused or answer.request.headers.get("Authorization") == own
        assert answer.status_code < 500 or (answer.status_code, name) == (501, "cancelJobV1")
        case.validate_response(answer, CHECKS, headers=headers)

    hold()
    tally.update(seen)
    print(name, dict(seen))
    described = {int(status) for status in DOCUMENT["paths"][path][method]["responses"]}
    assert described - OUT_OF_REACH <= seen.keys()


def is_of(template: str, path: str) -> bool:
    """Whether a path that was sent is one of an operation: what dots and slashes made of another one is not."""
    pattern = re.sub(r"\{(\w+)\}", lambda name: ".+" if name[1] == "userId" else "[^/]+", template)
    return re.fullmatch(pattern, unquote(path), re.DOTALL) is not None
