"""`jobs-admin` from its command line to the table, and the use of a key that it made."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from unittest.mock import ANY

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from jobs.runtime import wiring
from jobs.store import items, keys

from cli import admin
from cli.admin import program
from cli.client import times
from tests.conftest import TABLE
from tests.fakes import FakeClock
from tests.integration.conftest import USER_ID, WORKFLOW_ID
from tests.stores import an_admin

if TYPE_CHECKING:
    from pathlib import Path

    from mypy_boto3_dynamodb import DynamoDBClient

    from tests.integration.conftest import Service


END_OF_2098 = 4_070_908_800_000
QUESTION = {"name": "Region", "questionType": "DropDown", "items": [{"key": "n", "value": "North"}]}


#: Its last word is the id of the workflow.
REGISTER = ("workflow", "create", "--organisation", "1", "--workflow")


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
    _, key = run("key", "create", "--organisation", "1", "--expires", "2099-01-01T00:00:00+00:00")
    header = {"authorization": key["apiKey"]}

    assert key["expiresAt"] == END_OF_2098
    assert service.http("list_jobs", "openreplay_v1", headers=header).status == 200
    wiring.ports().clock = FakeClock(END_OF_2098)
    assert service.http("list_jobs", "openreplay_v1", headers=header).status == 401


def test_trust_is_set_as_a_whole(dynamodb: DynamoDBClient, run: Any) -> None:
    run("organisation", "create", "Example")
    _, project = run("project", "create", "--organisation", "1", "Shop")
    number = str(project["projectId"])
    run("project", "trust", "--project", number, "--account", "111122223333", "--source", "a", "--source", "b")
    run("project", "trust", "--project", number, "--source", "c=export,import")

    found = an_admin(dynamodb).get_project(project["projectId"])

    assert found is not None
    assert (found.accounts, found.sources) == (frozenset(), {"c": frozenset({"export", "import"})})


def bearer(service: Service, client: dict[str, Any]) -> dict[str, str]:
    """Ask for a token as a new client, and return the header that uses it."""
    secret = b64encode(f"{client['clientId']}:{client['clientSecret']}".encode()).decode()
    answer = service.http("issue_token", "basic", headers={"authorization": f"Basic {secret}"})
    assert answer.status == 200, answer
    return {"authorization": f"Bearer {answer.json['access_token']}"}


def test_a_user_and_a_client_that_it_makes_are_let_in_and_run_workflows(service: Service, run: Any) -> None:
    _, organisation = run("organisation", "create", "Example")
    owner = str(organisation["organisationId"])
    _, project = run("project", "create", "--organisation", owner, "Shop")
    _, user = run("user", "create", "--organisation", owner, "--role", "administrator", "Ada")
    number = str(project["projectId"])
    _, client = run("client", "create", "--organisation", owner, "--user", user["userId"], "--project", number)

    header = bearer(service, client)
    job = service.http("create_job", "alteryx_v3_run_workflow", headers=header).json

    assert (user["role"], client["expiresAt"]) == ("administrator", None)
    assert int(job["id"][8:16], 16) == project["projectId"]
    listed = service.http("list_jobs", "alteryx_v3", headers=header).json["data"]
    assert [one["jobId"] for one in listed] == [job["id"]]
    # neither organisation sees anything of the other
    assert service.http("list_jobs", "alteryx_v3").text == '{"data":[]}'


def test_a_client_that_it_revokes_is_refused_and_its_tokens_too(service: Service, run: Any) -> None:
    _, client = run("client", "create", "--organisation", "1", "--user", USER_ID, "--project", "1")
    header = bearer(service, client)
    assert service.http("list_jobs", "alteryx_v3", headers=header).status == 200

    _, revoked = run("client", "revoke", "--client", client["clientId"])
    wiring.clear()  # what was cached of it

    assert revoked["clientId"] == client["clientId"]
    assert service.http("list_jobs", "alteryx_v3", headers=header).status == 401
    secret = b64encode(f"{client['clientId']}:{client['clientSecret']}".encode()).decode()
    answer = service.http("issue_token", "basic", headers={"authorization": f"Basic {secret}"})
    assert (answer.status, answer.json["error"]) == (401, "invalid_client")
    assert service.http("issue_token", "basic").status == 200  # another organisation's is not touched


def test_a_client_expires_when_it_was_said_to(service: Service, run: Any) -> None:
    of_user = ("--organisation", "1", "--user", USER_ID, "--project", "1")
    _, client = run("client", "create", *of_user, "--expires", "2099-01-01T00:00:00+00:00")

    assert client["expiresAt"] == END_OF_2098
    bearer(service, client)
    wiring.ports().clock = FakeClock(END_OF_2098)
    secret = b64encode(f"{client['clientId']}:{client['clientSecret']}".encode()).decode()
    assert service.http("issue_token", "basic", headers={"authorization": f"Basic {secret}"}).status == 401


def test_a_member_sees_what_is_shared_and_a_role_opens_the_rest(service: Service, run: Any) -> None:
    _, user = run("user", "create", "--organisation", "1", "Ada")
    _, client = run("client", "create", "--organisation", "1", "--user", user["userId"], "--project", "1")
    member = bearer(service, client)
    of_user = ("--organisation", "1", "--user", user["userId"])
    shared = ("workflow", "share", "--organisation", "1", "--workflow", WORKFLOW_ID, "--collection")

    before = service.run_workflow()
    run(*shared, "first", "--collection", "sales")
    after = service.run_workflow()
    run("workflow", "share", "--organisation", "1", "--workflow", WORKFLOW_ID)
    service.run_workflow()

    def seen() -> list[str]:
        wiring.clear()  # what was cached of the user
        return [job["id"] for job in service.http("list_jobs", "alteryx_v3_workflow", headers=member).json]

    def cancel() -> tuple[int, str]:
        answer = service.http("cancel_job", "alteryx_v3", path={"jobId": after}, headers=member)
        return answer.status, answer.json["message"]

    assert seen() == []
    run("collection", "share", *of_user, "--collection", "sales", "--right", "view")
    assert seen() == [after]
    assert cancel() == (400, "You do not have permission to cancel this job.")
    run("collection", "share", *of_user, "--collection", "sales", "--right", "none")
    assert seen() == []
    run("collection", "share", *of_user, "--collection", "sales", "--right", "cancel")
    assert seen() == [after]
    assert cancel() == (200, "Deleted Successfully.")
    assert service.http("list_jobs", "alteryx_v3", headers=member).status == 401
    _, changed = run("user", "role", *of_user, "--role", "administrator")
    assert changed["role"] == "administrator"
    assert len(seen()) == 2
    assert before in seen()
    assert service.http("list_jobs", "alteryx_v3", headers=member).status == 200


TO_USER = ("--organisation", "1", "--user", USER_ID)
SHARE = ("collection", "share", *TO_USER, "--right", "view", "--collection")
NEW_CLIENT = ("client", "create", *TO_USER, "--project", "1")
LIMIT = ("project", "limits", "--project", "1", "--creations-per-minute")
RETENTION = ("project", "retention", "--project", "1")
NEW_KEY = ("key", "create", "--organisation", "1")
ROTATE = ("key", "rotate", "--organisation", "1", "--key")
NUMBER = "must be a whole number from 1 to 4294967295"
ISO = "must be ISO 8601 with an offset or Z"
TEXT = "must be 1 to 256 characters and not blank"
#: A word that is not UTF-8, as Python hands it over.
BYTES = b"Ad\xff".decode(errors="surrogateescape")
#: Command lines that are wrong, and how the line about them begins.
WRONG: list[tuple[tuple[str, ...], str]] = [
    # names
    (("organisation", "create", " "), "name: must be 1 to 128 characters"),
    (("organisation", "create", "x" * 129), "name: must be 1 to 128 characters"),
    (("organisation", "create", BYTES), "argument 5: must not hold noncharacters (such as U+FFFE) or lone surrogates"),
    (("organisation", "create", "\ufffe"), "argument 5: must not hold noncharacters"),
    (("organisation", "create", "a\nb"), "argument 5: must not hold control characters"),
    (("user", "create", "--organisation", "1", BYTES), "argument 7: must not hold"),
    (("user", "create", "--organisation", "1", " "), "name: must be 1 to 128 characters"),
    (("project", "create", "--organisation", "1", BYTES), "argument 7: must not hold"),
    (("--by", BYTES, "organisation", "create", "Example"), "argument 4: must not hold"),
    (("--by", " ", "organisation", "create", "Example"), "by: must be 1 to 128 characters"),
    # numbers
    *(
        ((*NEW_KEY, "--project", text), f"Invalid value for '--project': {NUMBER}")
        for text in ("0", "-1", "1.0", "٣", "1_0", "x")
    ),
    (("key", "list", "--organisation", "9" * 400), f"Invalid value for '--organisation': {NUMBER}"),
    (("project", "limits", "--project", "4294967296"), f"Invalid value for '--project': {NUMBER}"),
    (
        ("project", "limits", "--project", "1", "--creations-per-minute", "0"),
        f"Invalid value for '--creations-per-minute': {NUMBER}",
    ),
    (
        ("project", "limits", "--project", "1", "--creations-per-minute", "1000001"),
        "creations-per-minute: must be from",
    ),
    *(
        ((*RETENTION, "--redact-days", text), "Invalid value for '--redact-days': must be a whole number of days")
        for text in ("-1", "1.5", "٣", "", "100000")
    ),
    ((*RETENTION, "--payload-days", "36501"), "payload-days: must be from 0 to 36500"),
    ((*RETENTION, "--payload-days", "2", "--redact-days", "1"), "payload-days: must be at most redact-days"),
    (("project", "retention", "--project", "9", "--redact-days", "1"), "project: no project 9"),
    (("audit", "list", "--organisation", "1", "--limit", "0"), f"Invalid value for '--limit': {NUMBER}"),
    # times
    *(
        ((*command, text), f"Invalid value for '{command[-1]}': {ISO}")
        for command in ((*NEW_KEY, "--expires"), (*NEW_CLIENT, "--expires"), (*ROTATE, "x", "--until"))
        for text in ("2099-01-01", "2099-01-01T00:00", "99999-01-01T00:00Z", "2099-13-01T00:00Z", "tomorrow", "1", "")
    ),
    *(
        ((*command, "2020-01-01T00:00Z"), f"{command[-1][2:]}: must lie in the future")
        for command in ((*NEW_KEY, "--expires"), (*NEW_CLIENT, "--expires"), (*ROTATE, "x", "--until"))
    ),
    # ids that are text
    *(((*SHARE, text), f"Invalid value for '--collection': {TEXT}") for text in ("", " ", "x" * 257)),
    (("client", "revoke", "--client", ""), f"Invalid value for '--client': {TEXT}"),
    (("key", "revoke", "--organisation", "1", "--key", "x" * 2_000), f"Invalid value for '--key': {TEXT}"),
    (("workflow", "share", "--organisation", "1", "--workflow", ""), f"Invalid value for '--workflow': {TEXT}"),
    (("user", "role", "--organisation", "1", "--user", "", "--role", "member"), f"Invalid value for '--user': {TEXT}"),
    *(((*REGISTER, text), f"Invalid value for '--workflow': {TEXT}") for text in ("", " ", "x" * 257)),
    # what is said of workflows
    ((*REGISTER, "w", "--name", " "), "name: must be 1 to 128 characters"),
    ((*REGISTER, "w", "--owner", " "), f"Invalid value for '--owner': {TEXT}"),
    ((*REGISTER, "w", "--owner", "x"), "workflow: organisation 1 has it already, has no such owner"),
    ((*REGISTER, "w", "--worker-tag", "x" * 257), "worker-tag: must be at most 256 characters"),
    ((*REGISTER, "w", "--run-count", "-1"), f"Invalid value for '--run-count': {NUMBER}"),
    ((*REGISTER, "w", "--questions", "/dev/null/none"), "questions: the file cannot be read"),
    ((*REGISTER, "w", "--questions", "/dev/null"), "questions: must be a JSON list of objects with"),
    (("workflow", "change", "--organisation", "1", "--workflow", "w"), "workflow: organisation 1 has not registered"),
    # what does not exist
    *(
        ((noun, "list", "--organisation", "9"), "organisation: no organisation 9")
        for noun in ("project", "key", "user", "client", "collection", "workflow", "audit")
    ),
    (("project", "create", "--organisation", "9", "Shop"), "organisation: no organisation 9"),
    (("key", "create", "--organisation", "9"), "organisation: no organisation 9"),
    (("user", "create", "--organisation", "9", "Ada"), "organisation: no organisation 9"),
    (("workflow", "share", "--organisation", "9", "--workflow", "w"), "organisation: no organisation 9"),
    ((*NEW_KEY, "--project", "9"), "project: organisation 1 has no project 9"),
    (("key", "revoke", "--organisation", "1", "--key", "x"), "key: organisation 1 has no key x"),
    ((*ROTATE, "x", "--until", "2099-01-01T00:00Z"), "key: organisation 1 has no key x"),
    (("project", "limits", "--project", "9"), "project: no project 9"),
    (("project", "trust", "--project", "9"), "project: no project 9"),
    (("user", "role", "--organisation", "1", "--user", "x", "--role", "member"), "user: organisation 1 has no user x"),
    (
        ("client", "create", "--organisation", "1", "--user", "x", "--project", "1"),
        "client: organisation 1 has no user x",
    ),
    (("client", "create", *TO_USER, "--project", "2"), f"client: organisation 1 has no user {USER_ID} or no project 2"),
    (("client", "revoke", "--client", "x"), "client: no client x"),
    (
        ("collection", "share", "--organisation", "1", "--user", "x", "--collection", "a", "--right", "view"),
        "user: organisation 1 has no user x",
    ),
    # words that are not in their list
    (("project", "trust", "--project", "1", "--source", "jobs.delete_user_data"), "source: must not be blank"),
    (("project", "trust", "--project", "1", "--account", "12"), "account: must be 12 digits"),
    (("user", "create", "--organisation", "1", "--role", "owner", "Ada"), "Invalid value for '--role': "),
    ((*SHARE[:-2], "edit", "--collection", "a"), "Invalid value for '--right': "),
    ((*NEW_KEY, "--scope", "all"), "Invalid value for '--scope': "),
    (("client", "create", "--organisation", "1", "--user", "x"), "Missing option '--project'"),
    (("user", "create", "Ada"), "Missing option '--organisation'"),
    (("nobody",), "No such command 'nobody'."),
    ((), "Missing command. (see --help)"),
    (("--table", "", "organisation", "list"), "table: set --table or JOBS_TABLE to the stack's output TableName"),
    (("--endpoint-url", "nowhere", "organisation", "list"), "endpoint-url: must be an address"),
]


@pytest.fixture
def on_a_terminal(service: Service, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> Any:
        assert admin.main(["--table", TABLE, "--no-json", *arguments]) == 0
        return capsys.readouterr()

    return run


def test_people_get_tables_with_local_times_and_without_what_a_terminal_obeys(on_a_terminal: Any) -> None:
    on_a_terminal("organisation", "create", "Example")
    made = on_a_terminal("project", "create", "--organisation", "1", "Shop\u202e\u2066x")
    key = on_a_terminal("key", "create", "--organisation", "1", "--expires", "2099-01-01T00:00:00Z", "--scope", "read")
    keys = on_a_terminal("key", "list", "--organisation", "1").out

    facts = {line[:20].strip(): line[20:].strip() for line in made.out.splitlines()}
    assert (facts["Name"], facts["List order"], facts["Sources"]) == ("Shop��x", "oldest", "-")
    assert (made.err, key.err) == ("", "Keep the secret now: it is shown only this once.\n")
    assert f"{times.clock(END_OF_2098)}  in " in key.out
    assert re.split(r" {2,}", keys.splitlines()[0])[:3] == ["Key id", "Organisation id", "Scopes"]
    assert "jk_" not in keys
    assert len(keys.splitlines()) == 4  # with that of the demo


def test_an_empty_list_is_said_in_words(on_a_terminal: Any) -> None:
    printed = on_a_terminal("workflow", "list", "--organisation", "1")

    assert (printed.out, printed.err) == ("", "No workflows.\n")


def test_every_command_says_in_its_help_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    nouns = {str(noun.name): noun.typer_instance for noun in program.app.registered_groups}
    verbs = [[name, str(verb.name)] for name, noun in nouns.items() if noun for verb in noun.registered_commands]
    assert len(verbs) > 20

    for command in ([], *([name] for name in nouns), *verbs):
        assert admin.main([*command, "--help"]) == 0
        assert len(capsys.readouterr().out.splitlines()[2].split()) > 1, command


@pytest.mark.parametrize(("arguments", "complaint"), WRONG, ids=lambda value: ascii(value)[-90:])
def test_what_is_wrong_is_said_in_one_line_with_status_2_and_writes_nothing(
    service: Service, run: Any, arguments: tuple[str, ...], complaint: str
) -> None:
    before = service.dynamodb.scan(TableName=TABLE)["Items"]

    code, said = run(*arguments)

    assert (code, said.count("\n")) == (2, 1)
    assert said.startswith(f"jobs-admin: {complaint}")
    assert service.dynamodb.scan(TableName=TABLE)["Items"] == before


def test_a_table_must_be_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JOBS_TABLE", raising=False)

    assert admin.main(["organisation", "list"]) == 2
    assert "TableName" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("endpoint", "status", "code", "said"),
    [
        (None, 400, "ResourceNotFoundException", "An error occurred (ResourceNotFoundException)"),
        (None, 400, "ValidationException", "An error occurred (ValidationException)"),
        (None, 403, "AccessDeniedException", "An error occurred (AccessDeniedException)"),
        (None, 400, "ThrottlingException", "DynamoDB throttled this or its answer was lost (ClientError)"),
        (None, 500, "InternalServerError", "An error occurred (InternalServerError)"),
        ("http://127.0.0.1:9", 0, "", "Could not connect to the endpoint URL"),
    ],
)
def test_what_aws_refuses_is_said_in_one_line_with_status_1(  # noqa: PLR0913  # as the table has them
    aws: object,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    endpoint: str | None,
    status: int,
    code: str,
    said: str,
) -> None:
    def refuse(_: object, operation: str, __: object) -> None:
        answer: Any = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
        raise ClientError(answer, operation)

    if endpoint is None:
        monkeypatch.setattr(BaseClient, "_make_api_call", refuse)
    else:
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    there = ["--endpoint-url", endpoint] if endpoint else []

    assert admin.main(["--table", "nowhere", *there, "organisation", "list"]) == 1

    printed = capsys.readouterr().err
    assert printed.startswith(f"jobs-admin: {said}")
    assert printed.count("\n") == 1
    assert ("throttled" in printed) == (code == "ThrottlingException")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"\xff", "questions: the file cannot be read"),
        (b'[{"name": "\\ufffe"}]', "questions: must not hold noncharacters"),
        (b'[{"name": "\\ud800"}]', "questions: must be a JSON list of objects with"),
    ],
)
def test_a_file_of_questions_that_is_no_text_is_refused(
    service: Service, run: Any, tmp_path: Path, content: bytes, complaint: str
) -> None:
    file = tmp_path / "questions.json"
    file.write_bytes(content)

    code, said = run(*REGISTER, "w", "--questions", str(file))

    assert (code, said.startswith(f"jobs-admin: {complaint}"), said.count("\n")) == (2, True, 1)


def test_what_was_made_is_listed_as_it_was_printed(service: Service, run: Any, tmp_path: Path) -> None:
    _, organisation = run("--by", "Ada", "organisation", "create", "Example")
    of = ("--organisation", str(organisation["organisationId"]))
    _, project = run("--by", "Ada", "project", "create", *of, "Shop")
    number = str(project["projectId"])
    _, limited = run("project", "limits", "--project", number, "--creations-per-minute", "60")
    _, ordered = run("project", "order", "--project", number, "--order", "newest")
    _, retained = run("project", "retention", "--project", number, "--payload-days", "0", "--redact-days", "30")
    _, trusted = run("project", "trust", "--project", number, "--source", "a=y,x", "--source", "b", "--source", "a=z")
    _, key = run("--by", "Ada", "key", "create", *of, "--scope", "read", "--scope", "delete-users", "--project", number)
    _, user = run("--by", "Ada", "user", "create", *of, "Planner")
    _, client = run("--by", "Ada", "client", "create", *of, "--user", user["userId"], "--project", number)
    run("collection", "share", *of, "--collection", "sales", "--user", user["userId"], "--right", "run")
    run("workflow", "share", *of, "--workflow", "w", "--collection", "sales", "--collection", "all")
    run("workflow", "share", *of, "--workflow", "x", "--collection", "all")
    asked = tmp_path / "questions.json"
    asked.write_text(json.dumps([QUESTION]))
    told = ("--name", "Sales", "--owner", user["userId"], "--worker-tag", "gpu", "--run-count", "7")
    run("workflow", "create", *of, "--workflow", "w")
    _, registered = run("workflow", "change", *of, "--workflow", "w", *told, "--questions", str(asked))
    _, revoked = run("client", "revoke", "--client", client["clientId"])
    _, again = run("client", "revoke", "--client", client["clientId"])

    unregistered = {
        "workflowId": "x",
        "name": "",
        "ownerId": "",
        "workerTag": "",
        "runCount": 0,
        "questions": [],
    }
    assert registered == {
        "workflowId": "w",
        "name": "Sales",
        "ownerId": user["userId"],
        "workerTag": "gpu",
        "runCount": 7,
        "questions": ["Region"],
    }
    assert (limited["creationsPerMinute"], trusted["sources"]) == (60, {"a": ["x", "y", "z"], "b": []})
    assert (project["listOrder"], ordered["listOrder"]) == ("oldest", "newest")
    assert (project["payloadDays"], project["redactDays"]) == (None, None)
    assert (retained["payloadDays"], retained["redactDays"]) == (0, 30)
    assert (key["createdBy"], client["createdBy"], key["scopes"]) == ("Ada", "Ada", ["delete-users", "read"])
    assert revoked == again
    secrets = {key.pop("apiKey"), client.pop("clientSecret")}
    listed = {
        noun: run(noun, "list", *of)[1] for noun in ("project", "key", "user", "client", "collection", "workflow")
    }
    assert listed == {
        "project": {"projects": [trusted]},
        "key": {"keys": [key]},
        "user": {"users": [{**user, "collections": {"sales": "run"}}]},
        "client": {"clients": [{**client, "revokedAt": revoked["revokedAt"]}]},
        "collection": {
            "collections": [
                {"collectionId": "all", "users": {}, "workflowIds": ["w", "x"]},
                {"collectionId": "sales", "users": {user["userId"]: "run"}, "workflowIds": ["w"]},
            ]
        },
        "workflow": {
            "workflows": [
                {**registered, "collectionIds": ["sales", "all"], "createdAt": ANY},
                {**unregistered, "collectionIds": ["all"], "createdAt": ANY},
            ]
        },
    }
    assert [one["name"] for one in run("organisation", "list")[1]["organisations"]] == ["Demo", "Other", "Example"]
    _, audit = run("audit", "list", *of)
    assert {(entry["what"], entry["by"]) for entry in audit["audit"]} >= {
        ("organisation create", "Ada"),
        ("project create", "Ada"),
        ("key create", "Ada"),
        ("user create", "Ada"),
        ("client create", "Ada"),
    }
    assert len(audit["audit"]) == 16
    assert len(run("audit", "list", *of, "--limit", "2")[1]["audit"]) == 2
    assert not any(secret in str((listed, audit)) for secret in secrets)


def test_who_makes_a_change_is_the_login_name_if_nothing_else_is_said(
    service: Service, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody() -> str:
        raise OSError("No username set in the environment")

    monkeypatch.setattr("getpass.getuser", lambda: "operator")
    run("organisation", "create", "First")
    monkeypatch.setattr("getpass.getuser", nobody)
    run("organisation", "create", "Second")

    by = [run("audit", "list", "--organisation", number)[1]["audit"][0]["by"] for number in ("3", "4")]
    assert by == ["operator", "unknown"]


def test_a_rotated_key_and_the_new_one_both_open_until_the_given_time(service: Service, run: Any) -> None:
    of = ("--organisation", "1")
    _, old = run("key", "create", *of, "--scope", "read", "--project", "1")
    _, new = run("key", "rotate", *of, "--key", old["keyId"], "--until", "2099-01-01T00:00:00Z")

    def opens(key: dict[str, Any]) -> bool:
        return service.http("list_jobs", "openreplay_v1", headers={"authorization": key["apiKey"]}).status == 200

    assert (new["replaces"], new["until"]) == (old["keyId"], END_OF_2098)
    assert (new["scopes"], new["projects"], new["expiresAt"]) == (["read"], [1], None)
    listed = {key["keyId"]: key["expiresAt"] for key in run("key", "list", *of)[1]["keys"]}
    assert listed == {"key-demo": None, old["keyId"]: END_OF_2098, new["keyId"]: None}
    assert (opens(old), opens(new)) == (True, True)
    wiring.ports().clock = FakeClock(END_OF_2098)
    assert (opens(old), opens(new)) == (False, True)


def test_a_member_runs_a_shared_workflow_only_with_the_right_to(service: Service, run: Any) -> None:
    _, user = run("user", "create", "--organisation", "1", "Ada")
    _, client = run("client", "create", "--organisation", "1", "--user", user["userId"], "--project", "1")
    member = bearer(service, client)
    of_user = ("--organisation", "1", "--user", user["userId"], "--collection", "sales")

    def ran() -> tuple[int, str | None]:
        wiring.clear()  # what was believed of the user
        answer = service.http("create_job", "alteryx_v3_run_workflow", headers=member)
        return answer.status, answer.json.get("message")

    refused = (403, "You do not have permission to run this workflow.")
    assert ran() == (200, None)  # it is in no collection yet
    run("workflow", "share", "--organisation", "1", "--workflow", WORKFLOW_ID, "--collection", "sales")
    assert ran() == refused
    run("collection", "share", *of_user, "--right", "view")
    assert ran() == refused
    for right in ("run", "cancel"):
        run("collection", "share", *of_user, "--right", right)
        assert ran() == (200, None)
    run("collection", "share", *of_user, "--right", "none")
    assert ran() == refused
    run("user", "role", "--organisation", "1", "--user", user["userId"], "--role", "administrator")
    assert ran() == (200, None)
    assert service.http("list_jobs", "public").headers["X-Total-Count"] == "4"


def test_schedules_are_computed_anew_in_one_project_or_in_all(
    service: Service, run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    made = service.http("manage_schedules", "public").json["data"]
    capsys.readouterr()  # what that logged
    key = items.key(keys.schedule_state(1, made["scheduleId"]))

    def next_at() -> int:
        row = service.dynamodb.get_item(TableName=TABLE, Key=key)["Item"]
        return int(row["due"]["N"])

    def other_rules() -> None:
        service.dynamodb.update_item(
            TableName=TABLE,
            Key=key,
            UpdateExpression="SET due = :due",
            ExpressionAttributeValues={":due": items.number(made["nextAt"] + 3_600_000)},
        )

    shard = service.dynamodb.get_item(TableName=TABLE, Key=key)["Item"]["gk"]
    expected = {"lookedAt": 1, "moved": 1, "left": 0, "tzdata": version("tzdata")}
    for arguments, projects in ((("--project", "1"), 1), ((), 2)):
        other_rules()
        assert run("schedules", "recompute", *arguments) == (0, {"projects": projects, **expected})
        assert next_at() == made["nextAt"]
    assert run("schedules", "recompute", "--project", "2")[1]["lookedAt"] == 0
    assert run("schedules", "recompute", "--project", "9") == (2, "jobs-admin: project: no project 9\n")
    assert run("schedules", "recompute")[1]["moved"] == 0
    assert service.dynamodb.get_item(TableName=TABLE, Key=key)["Item"]["gk"] == shard
