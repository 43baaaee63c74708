"""`jobs-admin` from its command line to the table, and a key that it made, used."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from jobs.store.directory import DynamoDBDirectory

from cli import admin
from tests.conftest import TABLE

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from tests.integration.conftest import Service


@pytest.fixture
def run(dynamodb: DynamoDBClient, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: str) -> tuple[int, Any]:
        code = admin.main(["--table", TABLE, *arguments])
        printed = capsys.readouterr()
        return code, json.loads(printed.out) if code == 0 else printed.err

    return run


def test_what_it_makes_lets_a_caller_in(service: Service, run: Any) -> None:
    _, organisation = run("organisation", "create", "Example")
    owner = str(organisation["organisationId"])
    _, project = run("project", "create", "--organisation", owner, "Shop")
    _, key = run("key", "create", "--organisation", owner)

    answer = service.http(
        "list_jobs",
        "public",
        path={"projectKey": project["projectKey"]},
        headers={"authorization": f"Bearer {key['apiKey']}"},
    )

    assert (answer.status, answer.json) == (200, {"data": []})
    assert key["expiresAt"] is None


def test_a_key_expires_when_it_was_said_to(service: Service, run: Any) -> None:
    _, key = run("key", "create", "--organisation", "1", "--expires", "2020-01-01T00:00:00+00:00")

    assert key["expiresAt"] == 1_577_836_800_000
    answer = service.http("list_jobs", "openreplay_v1", headers={"authorization": key["apiKey"]})
    assert answer.status == 401


def test_trust_is_set_as_a_whole(dynamodb: DynamoDBClient, run: Any) -> None:
    run("organisation", "create", "Example")
    _, project = run("project", "create", "--organisation", "1", "Shop")
    number = str(project["projectId"])
    run("project", "trust", "--project", number, "--account", "111122223333", "--source", "a", "--source", "b")
    run("project", "trust", "--project", number, "--source", "c")

    found = DynamoDBDirectory(dynamodb, TABLE).get_project(project["projectId"])

    assert found is not None
    assert (found.accounts, found.sources) == (frozenset(), frozenset({"c"}))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("organisation", "create", " "), "name: must be 1 to 128 characters"),
        (("project", "create", "--organisation", "9", "Shop"), "organisation: no organisation 9"),
        (("key", "create", "--organisation", "9"), "organisation: no organisation 9"),
        (("project", "trust", "--project", "9"), "project: no project 9"),
        (("project", "trust", "--project", "1", "--account", "12"), "account: must be 12 digits"),
    ],
    ids=str,
)
def test_what_can_not_be_is_said_in_one_line(run: Any, arguments: tuple[str, ...], complaint: str) -> None:
    code, said = run(*arguments)

    assert code == 1
    assert said.startswith(f"jobs-admin: {complaint}")
    assert said.count("\n") == 1


def test_a_table_must_be_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JOBS_TABLE", raising=False)

    assert admin.main(["organisation", "create", "Example"]) == 2
    assert "TableName" in capsys.readouterr().err


def test_a_table_that_is_not_there_is_no_traceback(aws: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert admin.main(["--table", "nowhere", "organisation", "create", "Example"]) == 1
    assert capsys.readouterr().err.startswith("jobs-admin: ")
