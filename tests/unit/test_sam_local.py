"""What `sam local` is given: a template, variables, an environment, and the way back to this machine."""

from __future__ import annotations

import asyncio
import base64
import copy
import json
import sys
import tarfile
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from jobs.tenancy import access

from local import engine, examples, sam
from local.differences import PARAMETERS
from local.emulator import Server
from local.gateway import HttpOnly
from local.settings import Settings
from tests.architecture.project import FOLDERS, FUNCTIONS, ROOT, TEMPLATE, logical_id, resources
from tests.builders import NOW
from tests.fakes import at
from tests.stores import an_admin

if TYPE_CHECKING:
    from pathlib import Path

    from mypy_boto3_dynamodb import DynamoDBClient

LAYERS = resources("AWS::Serverless::LayerVersion")
ENDPOINT = "http://192.0.2.1:4566"


@pytest.fixture
def built(tmp_path: Path) -> dict[str, Any]:
    """The template as `sam build` leaves it: code in folders beside it, named by the resources."""
    template = copy.deepcopy(TEMPLATE)
    for name in FUNCTIONS:
        template["Resources"][name]["Properties"]["CodeUri"] = name
        (tmp_path / name).mkdir()
    for name in LAYERS:
        template["Resources"][name]["Properties"]["ContentUri"] = name
        (tmp_path / name / "python").mkdir(parents=True)
        (tmp_path / name / "python" / "module.py").touch()
    return template


def test_the_derived_template_runs_from_anywhere_on_this_machine_and_lets_the_endpoint_in(
    built: dict[str, Any], tmp_path: Path
) -> None:
    before = copy.deepcopy(built)
    (tmp_path / "sam").mkdir()

    derived = sam.derived(built, tmp_path, tmp_path / "sam", ENDPOINT)

    assert built == before
    for name, value in {**PARAMETERS, "Architecture": sam.ARCHITECTURE, "PublicUrl": ENDPOINT}.items():
        assert derived["Parameters"][name].pop("Default") == value
        before["Parameters"][name].pop("Default")
    for variable in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        assert derived["Globals"]["Function"]["Environment"]["Variables"].pop(variable) == ""
    for name in FUNCTIONS:
        assert derived["Resources"][name]["Properties"].pop("CodeUri") == str(tmp_path / name)
        before["Resources"][name]["Properties"].pop("CodeUri")
    for name in LAYERS:
        with tarfile.open(derived["Resources"][name]["Properties"].pop("ContentUri")) as archive:
            assert "./python/module.py" in archive.getnames()
        before["Resources"][name]["Properties"].pop("ContentUri")
    assert derived == before


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_variable_that_names_a_resource_has_its_physical_id_and_sam_fills_in_the_others(folder: str) -> None:
    physical = {name: f"physical-{name}" for name in TEMPLATE["Resources"]}
    everywhere = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    declared = everywhere | FUNCTIONS[logical_id(folder)].get("Environment", {}).get("Variables", {})

    given = sam.variables(TEMPLATE, physical, {"AWS_ENDPOINT_URL": ENDPOINT})[logical_id(folder)]

    assert given.pop("AWS_ENDPOINT_URL") == ENDPOINT
    assert given["JOBS_TABLE"] == "physical-JobsTable"
    for name, value in declared.items():
        if name in given:
            assert given.pop(name) == f"physical-{value['Ref']}"
        else:
            # what SAM knows without the cloud: text, a parameter's default, its own idea of the account
            known = {*TEMPLATE["Parameters"], "AWS::AccountId"}
            assert isinstance(value, str) or "Fn::Sub" in value or value["Ref"] in known, name
    assert given == {}


def test_sam_learns_nothing_of_the_caller_s_aws_account(tmp_path: Path) -> None:
    caller = {"AWS_PROFILE": "shop", "AWS_SECRET_ACCESS_KEY": "secret", "DOCKER_HOST": "tcp://engine", "PATH": "/bin"}

    environment = sam.environment(caller, tmp_path)

    assert {"AWS_PROFILE", "AWS_SECRET_ACCESS_KEY"} & environment.keys() == set()
    assert environment["AWS_SHARED_CREDENTIALS_FILE"] == environment["AWS_CONFIG_FILE"] == "/dev/null"
    assert environment["DOCKER_HOST"] == "tcp://engine"
    assert environment["PATH"].endswith(":/bin")
    assert environment["TMPDIR"] == str(tmp_path)


@pytest.mark.parametrize(
    ("networks", "seen"),
    [
        pytest.param(None, ("127.0.0.1", "127.0.0.1"), id="no network of its own: containers are on the machine's"),
        pytest.param([{"Gateway": "127.0.0.1"}], ("127.0.0.1", "127.0.0.1"), id="a bridge on this machine"),
        pytest.param([{"Subnet": "127.0.0.0/16"}], ("127.0.0.1", "127.0.0.1"), id="a bridge that hides its gateway"),
        pytest.param(
            [{"Gateway": "192.0.2.1"}], ("host.docker.internal", "127.0.0.1"), id="a bridge in a virtual machine"
        ),
        pytest.param([], ("host.docker.internal", "127.0.0.1"), id="a network without addresses"),
    ],
)
def test_containers_find_this_machine_by_the_engine_s_default_network(
    networks: list[dict[str, str]] | None, seen: tuple[str, str]
) -> None:
    bridge = None if networks is None else {"IPAM": {"Config": networks}}

    assert engine.as_seen_from(bridge) == seen


@pytest.mark.parametrize(
    ("asked", "listens_on"),
    [
        ("127.0.0.1", "127.0.0.1"),
        pytest.param(
            "127.0.0.2", "127.0.0.2", marks=pytest.mark.skipif(sys.platform != "linux", reason="has one only")
        ),
        ("192.0.2.1", "127.0.0.1"),
        ("host.containers.internal", "127.0.0.1"),
    ],
)
def test_containers_are_told_what_emulator_host_says_and_only_an_own_address_is_listened_on(
    asked: str, listens_on: str
) -> None:
    assert engine.as_asked(asked) == (asked, listens_on)


def test_a_second_server_hands_on_requests_and_leaves_start_and_stop_to_the_first() -> None:
    asked = []

    async def emulator(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope["type"])
        await receive()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def ask() -> int:
        server = Server(host="127.0.0.1")
        await server.start(HttpOnly(emulator))
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(server.url)
        await server.stop(within=5)
        return answer.status_code

    assert asyncio.run(ask()) == 204
    assert asked == ["http"]


def test_make_sam_local_takes_sam_s_own_port_and_make_run_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PORT", raising=False)

    assert Settings.from_environment(containers=True).port == 3000
    assert Settings.from_environment().port == 8080


def test_each_credential_of_the_example_events_opens_something(dynamodb: DynamoDBClient) -> None:
    directory = an_admin(dynamodb)

    project, api_key = examples.seed(directory, ROOT)

    assert project.project_id == 1  # as events without a project key have it
    credentials = {
        (event["headers"]["authorization"], event.get("pathParameters", {}).get("projectKey"))
        for path in (ROOT / "events").rglob("*.json")
        if "authorization" in (event := json.loads(path.read_text())).get("headers", {})
    }
    assert {kind.partition("_")[0] for kind, _ in credentials} >= {"jk", "Bearer jk", "Bearer jt"}
    for authorization, project_key in credentials:
        secret = authorization.removeprefix("Bearer ")
        if secret.startswith("jk_"):
            assert secret == api_key
            credential = access.authenticate(at(NOW, directory), secret)
            assert project_key is None or access.open_project(at(NOW, directory), credential, project_key) == project
        elif secret.startswith("jt_"):
            assert access.authorize(at(NOW, directory), secret).client.project_id == project.project_id
        else:
            client_id, _, client_secret = base64.b64decode(secret.removeprefix("Basic ")).decode().partition(":")
            assert access.authenticate_client(at(NOW, directory), client_id, client_secret).client_id == client_id
