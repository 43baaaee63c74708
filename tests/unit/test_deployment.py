"""`make deploy` and `make remove`: what is refused before AWS changes anything, and what is said at the end."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from typing import Any

import pytest

from cli import deployment
from cli.deployment import Target
from tests.architecture.project import ROOT, TEMPLATE

DEFAULTS = {name: parameter["Default"] for name, parameter in TEMPLATE["Parameters"].items()}
PROD = deployment.target({"CONFIG": "prod", "REGION": "eu-west-1"}).parameters
FRESH = {"ConcurrentExecutions": 10, "UnreservedConcurrentExecutions": 10}
USUAL = {"ConcurrentExecutions": 1_000, "UnreservedConcurrentExecutions": 900}


def asks(**parameters: Any) -> dict[str, Any]:
    return {**DEFAULTS, **parameters}


def test_a_fresh_account_has_room_for_the_defaults() -> None:
    assert deployment.too_much(FRESH, DEFAULTS) == []


def test_a_usual_account_has_room_for_production() -> None:
    assert deployment.too_much(USUAL, {**DEFAULTS, **PROD}) == []


def test_a_fresh_account_has_none_for_production_and_is_told_what_to_set() -> None:
    concurrency, ticks = deployment.too_much(FRESH, {**DEFAULTS, **PROD})

    assert "runs 10 functions at once" in concurrency
    assert "would take 52" in concurrency
    assert (
        'PARAMS="StartConcurrency=2 FireConcurrency=2 IngestConcurrency=2 DeletionConcurrency=2 PublishParallelism=1"'
        in concurrency
    )
    assert "set TickConcurrency=0" in ticks


def test_what_to_set_fits_and_lowers_the_largest_first() -> None:
    limits = {"ConcurrentExecutions": 20, "UnreservedConcurrentExecutions": 20}
    [said] = deployment.too_much(limits, asks(StartConcurrency=16, IngestConcurrency=5))
    told = dict(one.split("=") for one in said.partition('PARAMS="')[2].partition('"')[0].split())

    assert deployment.too_much(limits, asks(**told)) == []
    assert int(told["StartConcurrency"]) > 2
    assert int(told["IngestConcurrency"]) == 5


def test_a_reservation_that_aws_would_refuse_is_refused_here() -> None:
    limits = {"ConcurrentExecutions": 103, "UnreservedConcurrentExecutions": 103}

    [said] = deployment.too_much(limits, asks(TickConcurrency=2))

    assert "reserves 4" in said
    assert deployment.too_much(limits, asks(TickConcurrency=1)) == []


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"STACK": "jobs"}, "REGION=region"),
        ({"REGION": "eu-west-1"}, "STACK=name"),
        ({"CONFIG": "stage", "REGION": "eu-west-1"}, "CONFIG=stage"),
        ({"STACK": "jobs", "REGION": "eu-west-1", "PARAMS": "LogLevel DEBUG"}, "Name=value"),
        ({"STACK": "jobs", "REGION": "eu-west-1", "PARAMS": "Loglevel=DEBUG"}, "no parameter Loglevel"),
    ],
)
def test_a_wrong_call_is_told_what_is_wrong(environment: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        deployment.target(environment)


def test_it_is_plain_sam_deploy_with_the_parameters_of_both() -> None:
    to = deployment.target(
        {"CONFIG": "dev", "REGION": "eu-west-1", "PARAMS": "LogLevel=DEBUG CorsAllowedOrigins=https://a,https://b"}
    )

    command = deployment.command(to, asks=False)

    assert command[3:] == [
        *("deploy", "--stack-name", "jobs-dev", "--region", "eu-west-1", "--config-env", "dev"),
        *("--no-confirm-changeset", "--parameter-overrides"),
        *("LogRetentionDays=3", "LogLevel=DEBUG", "CorsAllowedOrigins=https://a,https://b"),
    ]
    assert "--guided" not in command
    assert "--no-confirm-changeset" not in deployment.command(to, asks=True)


@pytest.mark.parametrize("config", ["default", "dev", "prod"])
def test_every_environment_of_samconfig_is_whole_and_names_parameters_of_the_template(config: str) -> None:
    configured = tomllib.loads((ROOT / "samconfig.toml").read_text())[config]["deploy"]["parameters"]
    given = {"STACK": "jobs", "REGION": "eu-west-1", "CONFIG": config}

    assert configured["capabilities"] == "CAPABILITY_IAM"
    assert configured["resolve_s3"] is True
    assert deployment.target(given).parameters.keys() <= DEFAULTS.keys()


class CloudFormation:
    """The stack as CloudFormation tells of it."""

    def describe_stacks(self, **_: Any) -> Any:
        outputs = {"TableName": "jobs-JobsTable-1", "ApiUrl": "https://id.execute-api.eu-west-1.amazonaws.com"}
        return {"Stacks": [{"Outputs": [{"OutputKey": k, "OutputValue": v} for k, v in outputs.items()]}]}

    def get_paginator(self, _: str) -> Any:
        return self

    def paginate(self, **_: Any) -> Any:
        first = ("AWS::Events::EventBus", "jobs"), ("AWS::Events::Rule", "jobs|jobs-IngestRule-1")
        second = ("AWS::Events::Rule", "jobs-EveryMinute-1"), ("AWS::S3::Bucket", "one"), ("AWS::S3::Bucket", "two")
        for page in (first, second):
            summaries = [{"ResourceType": type_, "PhysicalResourceId": name} for type_, name in page]
            yield {"StackResourceSummaries": summaries}


class Events:
    """A bus with two rules of others, told on two pages."""

    def list_rules(self, EventBusName: str, NextToken: str = "") -> Any:  # noqa: N803  # AWS's own names
        assert EventBusName == "jobs"
        if not NextToken:
            return {"Rules": [{"Name": "jobs-IngestRule-1"}, {"Name": "shop-orders"}], "NextToken": "more"}
        return {"Rules": [{"Name": "audit"}]}


def test_at_the_end_stand_the_commands_for_the_first_key_filled_in() -> None:
    stack = deployment.current(CloudFormation(), "jobs")
    assert stack

    steps = deployment.first_steps(stack, "eu-west-1")

    commands = re.findall(r"jobs-admin --region eu-west-1 --table jobs-JobsTable-1 (\w+ \w+)", steps)
    assert commands == ["organisation create", "project create", "key create"]
    assert "https://id.execute-api.eu-west-1.amazonaws.com/public/$PROJECT_KEY/jobs" in steps


def test_rules_of_others_on_the_bus_are_found_and_it_is_said_how_to_remove_them() -> None:
    resources = deployment.physical_ids(CloudFormation(), "jobs")

    foreign = deployment.foreign_rules(Events(), resources)

    assert foreign == ["audit", "shop-orders"]
    said = deployment.how_to_free("jobs", foreign, "eu-west-1")
    assert said.count("aws events delete-rule --region eu-west-1 --event-bus-name jobs --name ") == 2


class Session:
    """An AWS session of fakes, which is asked for clients by name."""

    def __init__(self, **clients: Any) -> None:
        self.clients = clients

    def client(self, name: str) -> Any:
        return self.clients[name]


class Lambda:
    """An account of ten functions at once."""

    def get_account_settings(self) -> Any:
        return {"AccountLimit": dict(FRESH)}


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands of SAM that were run, on an account of fakes."""
    ran: list[list[str]] = []
    session = Session(cloudformation=CloudFormation(), events=Events(), **{"lambda": Lambda()})
    monkeypatch.setattr("boto3.Session", lambda **_: session)

    def run(command: list[str]) -> int:
        ran.append(command)
        return 0

    monkeypatch.setattr(deployment, "run", run)
    return ran


def test_what_does_not_fit_is_not_deployed(ran: list[list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    assert deployment.deploy(Target("jobs", "eu-west-1", "default", {"StartConcurrency": "16"})) == 1

    assert ran == []
    assert "StartConcurrency=2" in capsys.readouterr().err


def test_what_fits_is_deployed_and_ends_with_the_first_steps(
    ran: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert deployment.deploy(Target("jobs", "eu-west-1", "default", {})) == 0

    assert [command[3] for command in ran] == ["deploy"]
    assert "key create --organisation 1" in capsys.readouterr().out


def test_a_stack_with_rules_of_others_on_its_bus_is_not_removed(
    ran: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert deployment.remove(Target("jobs", "eu-west-1", "default", {})) == 1

    assert ran == []
    assert "shop-orders" in capsys.readouterr().err


@pytest.mark.parametrize(("goal", "seen"), [("deploy", "some"), ("remove", "some"), ("verify", "some"), ("test", "")])
def test_make_shows_the_caller_s_aws_account_to_what_concerns_deployments_alone(goal: str, seen: str) -> None:
    # of what is asked for only the line with a plus is run
    makefile = 'include Makefile\nprint-profile: ; +@echo "[$$AWS_PROFILE]"\n'
    command = ["make", "-n", "-f", "-", "print-profile", goal]
    environment = {"AWS_PROFILE": "some", "PATH": os.environ["PATH"]}

    said = subprocess.run(
        command, input=makefile, env=environment, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout

    assert f"[{seen}]" in said.splitlines()


def test_make_runs_no_program_from_outside_of_the_project_by_itself() -> None:
    makefile = (ROOT / "Makefile").read_text()

    assert "../" not in makefile
    assert re.search(r"^LENDS_ENGINE \?=$", makefile, re.MULTILINE)
