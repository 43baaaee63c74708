"""`make deploy` and `make remove`: SAM's own commands, with what has to be looked at before and said after."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
SAM = (sys.executable, "-m", "samcli")
#: Parameters that say how many functions run at once, in the order in which they are lowered.
CONCURRENCY = ("StartConcurrency", "FireConcurrency", "IngestConcurrency", "DeletionConcurrency", "PublishParallelism")
#: A tick or a caller. The queues are rarely all busy, and what finds no room is tried again.
LEFT_FOR_OTHERS = 1
#: What AWS keeps unreserved in an account.
UNRESERVED = 100
#: Types that the template retains.
RETAINED = ("AWS::DynamoDB::Table", "AWS::S3::Bucket")


class Target(NamedTuple):
    """What is deployed, and where."""

    stack: str
    region: str
    config: str
    #: Those of samconfig.toml, and over them those of the command line.
    parameters: Mapping[str, str]


def target(environment: Mapping[str, str], root: Path = ROOT) -> Target:
    """Read STACK, REGION, CONFIG and PARAMS, and what samconfig.toml has for CONFIG.

    Raises:
        ValueError: one is missing or unknown; the text says which.
    """
    config = environment.get("CONFIG") or "default"
    known = tomllib.loads((root / "samconfig.toml").read_text())
    configured = known.get(config, {}).get("deploy", {}).get("parameters")
    if configured is None:
        raise ValueError(f"samconfig.toml has no deployment for CONFIG={config}")
    stack = environment.get("STACK") or configured.get("stack_name")
    region = environment.get("REGION")
    if not stack or not region:
        raise ValueError("say STACK=name and REGION=region, such as STACK=jobs REGION=eu-west-1")
    given = shlex.split(environment.get("PARAMS", ""))
    if bad := [one for one in given if "=" not in one]:
        raise ValueError(f"PARAMS wants Name=value, and has {bad[0]}")
    parameters = dict(one.split("=", 1) for one in [*configured.get("parameter_overrides", []), *given])
    if unknown := parameters.keys() - declared(root).keys():
        raise ValueError(f"the template has no parameter {min(unknown)}")
    return Target(stack, region, config, parameters)


def declared(root: Path = ROOT) -> dict[str, Any]:
    """The parameters of the template."""
    parameters: dict[str, Any] = yaml_parse((root / "template.yaml").read_text())["Parameters"]
    return parameters


def too_much(limits: Mapping[str, int], parameters: Mapping[str, Any]) -> list[str]:
    """What does not fit into an account's limits of concurrent functions, and what to set instead."""
    limit, unreserved = limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"]
    said = []
    asked = {name: int(parameters[name]) for name in CONCURRENCY}
    if sum(asked.values()) > limit - LEFT_FOR_OTHERS:
        fitting = _fitting(asked, limit - LEFT_FOR_OTHERS)
        said.append(
            f"This account runs {limit} functions at once in this region, and {_spelt(asked)} would take"
            f" {sum(asked.values())}, with {LEFT_FOR_OTHERS} needed for ticks and callers."
            f' Ask AWS for a higher limit, or set PARAMS="{_spelt(fitting)}".'
        )
    ticks = int(parameters["TickConcurrency"])
    if ticks and unreserved - 2 * ticks < UNRESERVED:
        said.append(
            f"TickConcurrency={ticks} reserves {2 * ticks} for two functions, and AWS keeps {UNRESERVED} of the"
            f" account's {unreserved} unreserved. Ask AWS for a higher limit, or set TickConcurrency=0."
        )
    return said


def _fitting(asked: Mapping[str, int], most: int) -> dict[str, int]:
    """The same parameters, the largest lowered first, until they fit or are as low as they can be."""
    least = {name: int(declared()[name]["MinValue"]) for name in asked}
    fitting = dict(asked)
    while sum(fitting.values()) > most and (above := [name for name in fitting if fitting[name] > least[name]]):
        fitting[max(above, key=lambda name: fitting[name])] -= 1
    return fitting


def _spelt(parameters: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in parameters.items())


def current(cloudformation: Any, stack: str) -> dict[str, Any] | None:
    """The stack as it is deployed; None where it is not."""
    try:
        [found] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    described: dict[str, Any] = found
    return described


def outputs(stack: Mapping[str, Any]) -> dict[str, str]:
    """The outputs of a deployed stack."""
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def command(to: Target, *, asks: bool) -> list[str]:
    """The `sam deploy` that deploys; `asks` where somebody is there to answer."""
    config = [] if to.config == "default" else ["--config-env", to.config]
    overrides = ["--parameter-overrides", *(f"{name}={value}" for name, value in to.parameters.items())]
    return [
        *(*SAM, "deploy", "--stack-name", to.stack, "--region", to.region, *config),
        *([] if asks else ["--no-confirm-changeset"]),
        *(overrides if to.parameters else []),
    ]


def first_steps(stack: Mapping[str, Any], region: str) -> str:
    """The commands for the first organisation, project and key, and the first call."""
    named = outputs(stack)
    admin = f".venv/bin/jobs-admin --region {region} --table {named['TableName']}"
    return "\n".join(
        [
            "\n# The first organisation, its project and its key. Each command prints the ids that the next one needs.",
            f"{admin} organisation create 'First'",
            f"{admin} project create --organisation 1 'First'",
            f"{admin} key create --organisation 1",
            "\n# With the projectKey and the apiKey that were printed:",
            f'curl -H "Authorization: Bearer $API_KEY" {named["ApiUrl"]}/public/$PROJECT_KEY/jobs',
        ]
    )


def deploy(to: Target) -> int:
    """Look at the account's limits, deploy, and say how to go on."""
    session = boto3.Session(region_name=to.region)
    cloudformation = session.client("cloudformation")
    before = current(cloudformation, to.stack)
    kept = {one["ParameterKey"]: one["ParameterValue"] for one in (before or {}).get("Parameters", [])}
    defaults = {name: parameter["Default"] for name, parameter in declared().items()}
    limits: Any = session.client("lambda").get_account_settings()["AccountLimit"]
    # what this stack has reserved is free for it again
    limits["UnreservedConcurrentExecutions"] += 2 * int(kept.get("TickConcurrency", 0))
    if said := too_much(limits, {**defaults, **kept, **to.parameters}):
        print("\n".join(said), file=sys.stderr)
        return 1
    if limits["ConcurrentExecutions"] < UNRESERVED:
        print(f"This account runs only {limits['ConcurrentExecutions']} functions at once; see docs/deploying.md.")
    code = run(command(to, asks=sys.stdin.isatty()))
    after = None if code else current(cloudformation, to.stack)
    if after:
        print(first_steps(after, to.region))
    return code


def physical_ids(cloudformation: Any, stack: str) -> dict[str, list[str]]:
    """What a stack consists of: physical ids by type."""
    found: dict[str, list[str]] = {}
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack):
        for one in page["StackResourceSummaries"]:
            found.setdefault(one["ResourceType"], []).append(one["PhysicalResourceId"])
    return found


def foreign_rules(events: Any, resources: Mapping[str, list[str]]) -> list[str]:
    """The rules on the stack's bus that the stack does not have."""
    own = {rule.rpartition("|")[2] for rule in resources["AWS::Events::Rule"]}
    [bus] = resources["AWS::Events::EventBus"]
    rules: set[str] = set()
    token: dict[str, str] | None = {}
    while token is not None:
        page = events.list_rules(EventBusName=bus, **token)
        rules |= {rule["Name"] for rule in page["Rules"]}
        token = {"NextToken": page["NextToken"]} if "NextToken" in page else None
    return sorted(rules - own)


def how_to_free(bus: str, rules: Sequence[str], region: str) -> str:
    """What to do about rules of others on a bus."""
    of = f"--region {region} --event-bus-name {bus}"
    lines = [f"Others have rules on the bus {bus}, which cannot be deleted before them. Ask their owners, or run:"]
    for rule in rules:
        lines += [
            f"  aws events list-targets-by-rule {of} --rule {rule} --query 'Targets[].Id' --output text",
            f"  aws events remove-targets {of} --rule {rule} --ids IDS",
            f"  aws events delete-rule {of} --name {rule}",
        ]
    return "\n".join(lines)


def remove(to: Target) -> int:
    """Remove the stack, unless others have rules on its bus, and say what stays."""
    session = boto3.Session(region_name=to.region)
    resources = physical_ids(session.client("cloudformation"), to.stack)
    if foreign := foreign_rules(session.client("events"), resources):
        print(how_to_free(resources["AWS::Events::EventBus"][0], foreign, to.region), file=sys.stderr)
        return 1
    code = run([*SAM, "delete", "--stack-name", to.stack, "--region", to.region])
    if not code:
        print("These stay with their data, and are billed until you delete them:")
        print("\n".join(f"  {type_} {name}" for type_ in RETAINED for name in resources[type_]))
    return code


def run(sam: Sequence[str]) -> int:
    """Run SAM in the terminal; its exit status."""
    return subprocess.run(sam, cwd=ROOT, check=False).returncode  # noqa: S603  # SAM, with arguments made here


def main() -> int:
    """Run the program and return the exit status."""
    verbs = {"deploy": deploy, "remove": remove}
    if sys.argv[1:] not in [[verb] for verb in verbs]:
        print(f"deployment: one of {', '.join(verbs)}", file=sys.stderr)
        return 2
    try:
        return verbs[sys.argv[1]](target(os.environ))
    except (ValueError, BotoCoreError, ClientError) as error:
        print(f"make {sys.argv[1]}: {error}", file=sys.stderr)
        return 2 if isinstance(error, ValueError) else 1


if __name__ == "__main__":
    sys.exit(main())
