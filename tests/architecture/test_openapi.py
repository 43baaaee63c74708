"""The OpenAPI document: it has every route and no other, is valid, and is the one that is committed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from jobs import errors
from jobs.dialects import alteryx_lists, alteryx_workflows, bodies, cursor, user_ids
from jobs.dialects.registry import ALTERYX_V3, OPENREPLAY_V1, PUBLIC
from jobs.dialects.routes import ROUTES as ROUTES_TABLE
from jobs.lifecycle import retrying
from jobs.runtime import http
from jobs.tenants import ListOrder
from jobs.workflows.running import check_workflow_id
from jsonschema_rs import Draft202012Validator, meta
from pydantic import BaseModel
from schemathesis.specs.openapi.definitions import OPENAPI_31

from openapi import FILE
from openapi.answers import MEANINGS
from openapi.chapters import ROUTES, described
from openapi.document import text_of
from openapi.schemas import Fields, request_of
from tests.architecture.project import FOLDERS, ROOT, route_keys
from tests.builders import NOW, a_call, a_job, a_project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from jobs.dialects.base import Dialect

DOCUMENT = described()
OPERATIONS: dict[str, Any] = {
    operation["operationId"]: operation for item in DOCUMENT["paths"].values() for operation in item.values()
}
#: What the references of a schema lead to.
COMPONENTS = {"components": DOCUMENT["components"]}
IN_SECONDS = json.dumps({"action": "a", "startAt": NOW // 1_000})
OF_NOBODY = a_call(OPENREPLAY_V1, path={"userId": " "})
GOLDEN = ROOT / "tests" / "golden"


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    """The node that a reference within the document leads to, or the node itself."""
    if "$ref" not in node:
        return node
    found: Any = DOCUMENT
    for name in node["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return dict(found)


def examples(name: str, status: int) -> dict[str, Any]:
    """The example bodies of an operation for a status, by name."""
    content = resolved(OPERATIONS[name]["responses"][str(status)])["content"]["application/json"]
    return {example: shown["value"] for example, shown in content["examples"].items()}


def shown() -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Every example: where it stands, its schema, and its value."""
    for name, operation in OPERATIONS.items():
        for parameter in operation["parameters"]:
            if "example" in parameter:
                yield f"{name} {parameter['name']}", parameter["schema"], parameter["example"]
        contents = {"request": operation["requestBody"]["content"]} if "requestBody" in operation else {}
        for status, response in operation["responses"].items():
            contents[status] = resolved(response).get("content", {})
            for header, told in resolved(response).get("headers", {}).items():
                yield f"{name} {status} {header}", told["schema"], told["example"]
        for where, content in contents.items():
            for media in content.values():
                for example, told in media["examples"].items():
                    yield f"{name} {where} {example}", media["schema"], told["value"]


def test_the_committed_document_is_that_of_the_routes_and_their_descriptions() -> None:
    assert FILE.read_text("utf-8") == text_of(DOCUMENT), "run `make openapi`"


def test_it_has_the_routes_of_the_template() -> None:
    assert frozenset[str]().union(*(route_keys(folder) for folder in FOLDERS)) - {"$default"} == ROUTES


def test_a_route_without_a_description_is_an_error_and_so_is_a_description_without_a_route() -> None:
    with pytest.raises(ValueError, match=r"^GET /public/\{projectKey\}/news has no description: add an Operation"):
        described(ROUTES | {"GET /public/{projectKey}/news"})

    with pytest.raises(ValueError, match=r"^GET /webapi/v3/jobs is described and does not exist: remove "):
        described(ROUTES - {"GET /webapi/v3/jobs"})


@pytest.mark.parametrize(
    "route", [route for route in ROUTES_TABLE if route.query is not None], ids=lambda route: route.key
)
def test_an_operation_has_the_parameters_that_its_route_takes(route: Any) -> None:
    method, _, path = route.key.partition(" ")
    parameters = DOCUMENT["paths"][path.replace("+}", "}")][method.lower()]["parameters"]

    assert {parameter["name"] for parameter in parameters if parameter["in"] == "query"} == route.query


def test_it_is_valid_openapi_3_1() -> None:
    # Without formats: this schema wants an absolute address of the token endpoint; the specification does not.
    Draft202012Validator(OPENAPI_31, validate_formats=False).validate(DOCUMENT)
    for schema in DOCUMENT["components"]["schemas"].values():
        meta.validate(schema)


def test_an_operation_has_an_id_of_its_own_a_summary_and_a_body_for_each_answer() -> None:
    assert len(OPERATIONS) == len(ROUTES)
    for operation in OPERATIONS.values():
        assert operation["summary"]
        for status, response in operation["responses"].items():
            assert resolved(response)["description"]
            if status == "204":
                assert "content" not in resolved(response)
                continue
            [media] = resolved(response)["content"].values()
            assert media["examples"]


def test_every_example_is_one_of_its_schema() -> None:
    found = list(shown())

    wrong = {
        where: [error.message for error in errors_]
        for where, schema, example in found
        if (errors_ := list(Draft202012Validator({**schema, **COMPONENTS}, validate_formats=True).iter_errors(example)))
    }

    assert len(found) > 100
    assert wrong == {}


def objects(schema: object) -> Iterator[dict[str, Any]]:
    """Every object within a schema."""
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for inner in schema.values():
            yield from objects(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from objects(inner)


def test_an_answer_has_all_its_fields_and_no_other() -> None:
    requests = {"PublicArtifactRequest", "PublicJobRequest", "PublicJobTemplate", "V3RunRequest"}
    of_schedules = {"PublicScheduleRequest", "PublicSchedulePreview", "PublicScheduleChange"}
    of_schedules |= {"V3ScheduleRequest", "V3ScheduleReplacement", "V3ScheduleChange", "V3IterationRequest"}
    # a job that no schedule made has fewer details
    others = {*requests, *of_schedules, "PublicJobDetails", "V3Error"}
    schemas = [schema for name, schema in DOCUMENT["components"]["schemas"].items() if name not in others]
    told = [schema for schema in objects(schemas) if "properties" in schema]

    assert len(told) > 10
    for schema in told:
        assert schema["additionalProperties"] is False
        assert schema["required"] == list(schema["properties"])


def test_a_pydantic_field_without_a_description_is_named_with_the_file_to_edit() -> None:
    class JobRequest(bodies.JobRequest):
        colour: str | None = None

    descriptions = dict.fromkeys(bodies.JobRequest.model_fields, "Words.")
    with pytest.raises(
        ValueError, match=r"^JobRequest\.colour has no description: add it to openapi/openreplay\.py REQ"
    ):
        request_of(JobRequest, "openapi/openreplay.py REQUEST", descriptions)


def test_a_field_of_an_object_in_a_list_needs_a_description_too() -> None:
    class Answer(BaseModel):
        name: str

    class Asked(BaseModel):
        questions: list[Answer]

    with pytest.raises(ValueError, match=r"^Asked\.questions\.name has no description: add it to openapi/x\.py X$"):
        request_of(Asked, "openapi/x.py X", {"questions": "Words."})


def test_a_description_without_a_pydantic_field_is_named_with_the_file_to_edit() -> None:
    descriptions = dict.fromkeys([*bodies.JobRequest.model_fields, "colour"], "Words.")

    with pytest.raises(ValueError, match=r"^JobRequest has no colour: remove it from openapi/openreplay\.py REQUEST$"):
        request_of(bodies.JobRequest, "openapi/openreplay.py REQUEST", descriptions)


@pytest.mark.parametrize("nodes", [{}, {"tags": {"type": "array"}}], ids=["no entry", "an entry without words"])
def test_a_rendered_field_without_a_description_is_named_with_the_file_to_edit(nodes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^PublicJob\.tags has no description: add it to openapi/openreplay\.py FIEL"):
        Fields("openapi/openreplay.py FIELDS", nodes).object_of("PublicJob", {"tags": []})


def test_a_field_that_a_dialect_begins_to_show_stops_the_generator(tmp_path: Path) -> None:
    shown = tmp_path / "jobs"
    shutil.copytree(ROOT / "layers" / "core" / "jobs", shown)
    representation = shown / "representation.py"
    representation.write_text(representation.read_text().replace('"jobId":', '"tags": [],\n        "jobId":'))

    command = [sys.executable, "-c", "import openapi.chapters"]
    run = subprocess.run(
        command, cwd=ROOT, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )

    assert run.stderr.splitlines()[-1] == (
        "ValueError: V1Job.tags has no description: add it to openapi/openreplay.py FIELDS"
    )


def test_a_table_that_is_named_to_somebody_is_there() -> None:
    named = {
        table
        for path in (ROOT / "openapi").rglob("*.py")
        for table in re.findall(r'"(openapi/[\w/]+\.py \w+)"', path.read_text())
    }

    assert len(named) > 5
    for table in named:
        path, name = table.split()
        assert re.search(rf"^{name}\b.* = ", (ROOT / path).read_text(), re.MULTILINE), table


def test_every_field_of_a_body_is_described() -> None:
    bare = [
        f"{name}: {field}"
        for name, schema in DOCUMENT["components"]["schemas"].items()
        for told in objects(schema)
        for field, node in told.get("properties", {}).items()
        # what is in it is described
        if field != "data" and not node.get("description")
    ]

    assert bare == []


@pytest.mark.parametrize(
    ("golden", "listing", "getting", "cancelling"),
    [
        ("openreplay_v1_list.json", ("listJobsV1", "all"), "getJobV1", "cancelJobV1"),
        ("public_list.json", ("listJobs", "page"), "getJob", "cancelJob"),
    ],
)
def test_the_examples_are_those_of_the_original_documents(
    golden: str, listing: tuple[str, str], getting: str, cancelling: str
) -> None:
    documented = json.loads((GOLDEN / golden).read_text("utf-8"))
    first, second = documented["data"]

    operation, example = listing
    assert json.dumps(examples(operation, 200)[example]) == json.dumps(documented)
    assert json.dumps(examples(getting, 200)["job"]) == json.dumps({"data": first})
    assert json.dumps(examples(cancelling, 200)["cancelled"]) == json.dumps({"data": second})


def test_alteryx_example_is_the_job_that_its_documentation_asks_for() -> None:
    job = examples("getJobV3", 200)["job"]

    assert job["id"] == OPERATIONS["getJobV3"]["parameters"][0]["example"] == "66ebd18d3d6200007e000d8c"
    assert list(job) == [
        *("id", "appId", "createDateTime", "status", "disposition"),
        *("outputs", "messages", "priority", "workerTag", "runWithE2"),
    ]


def test_every_error_that_a_caller_is_told_of_is_described_for_some_operation() -> None:
    unheard = {errors.NotFound, errors.RouteNotFound, errors.MethodNotAllowed, errors.EventSeen}
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.JobsError)]
    responses = [
        resolved(response) for operation in OPERATIONS.values() for response in operation["responses"].values()
    ]
    contents = [content for response in responses for content in response.get("content", {}).values()]
    names = {name.partition(".")[0] for content in contents for name in content["examples"]}

    assert MEANINGS.keys() == set(kinds) - unheard - {errors.JobsError}
    assert {kind.__name__ for kind in MEANINGS} <= names


@pytest.mark.parametrize(
    ("name", "example", "dialect", "refuse"),
    [
        (
            "getJobV1",
            "InvalidRequest.body",
            OPENREPLAY_V1,
            lambda: http._body({"body": "/w==", "isBase64Encoded": True}),
        ),
        ("getJobV1", "BodyTooLarge", OPENREPLAY_V1, lambda: http._body({"body": "x" * (http.MAX_BODY_BYTES + 1)})),
        (
            "listJobsV1",
            "InvalidRequest.after",
            OPENREPLAY_V1,
            lambda: OPENREPLAY_V1.parse_list({"after": "x"}, ListOrder.OLDEST),
        ),
        ("deleteUserV1", "InvalidRequest.userId", OPENREPLAY_V1, lambda: user_ids.parse_user_id(OF_NOBODY, "plain")),
        ("getJob", "InvalidRequest.include", PUBLIC, lambda: PUBLIC.parse_include({"include": "x"})),
        ("createJob", "InvalidRequest.startAt", PUBLIC, lambda: bodies.parse_job(IN_SECONDS, NOW)),
        ("retryJob", "JobNotRetryable", PUBLIC, lambda: retrying._check(a_job())),
        ("listMessages", "InvalidRequest.cursor", PUBLIC, lambda: cursor.decode(a_project(), "messages", "x")),
        (
            "getJobV3",
            "InvalidRequest.includeMessages",
            ALTERYX_V3,
            lambda: ALTERYX_V3.parse_include_messages({"includeMessages": "x"}),
        ),
        ("listMessagesV3", "InvalidRequest.cursor", ALTERYX_V3, lambda: cursor.decode(a_project(), "messages", "x")),
        (
            "listOrganisationsJobsV3",
            "InvalidRequest.limit",
            ALTERYX_V3,
            lambda: alteryx_lists.parse_jobs({"limit": "0"}),
        ),
        (
            "listWorkflowsV3",
            "InvalidRequest.createdAfter",
            ALTERYX_V3,
            lambda: alteryx_workflows.parse_workflows({"createdAfter": "x"}),
        ),
        ("runWorkflowV3", "InvalidRequest.workflowId", ALTERYX_V3, lambda: check_workflow_id("")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_sentence_that_the_document_repeats_is_the_one_that_is_said(
    name: str, example: str, dialect: Dialect, refuse: Callable[[], object]
) -> None:
    with pytest.raises(errors.JobsError) as refusal:
        refuse()

    answer = dialect.render_error(refusal.value)
    assert examples(name, answer.status)[example] == json.loads(answer.body)
