"""The project as its files describe it: the folders of functions/ and what template.yaml makes of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from local.template import load

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = load(ROOT)
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]

#: The folders of the functions. A folder's name says what its function does.
FOLDERS = sorted(path.name for path in (ROOT / "functions").iterdir() if path.name != "__pycache__")


def logical_id(folder: str) -> str:
    """A function's id in the template: list_jobs is ListJobsFunction."""
    return "".join(word.capitalize() for word in folder.split("_")) + "Function"


def resources(type_: str) -> dict[str, Any]:
    """The properties of all resources of a type, by logical id."""
    return {name: resource.get("Properties", {}) for name, resource in RESOURCES.items() if resource["Type"] == type_}


FUNCTIONS = resources("AWS::Serverless::Function")


def properties(folder: str) -> dict[str, Any]:
    """The properties of a function; empty if the template lacks it, which is for test_tree.py to say."""
    found: dict[str, Any] = FUNCTIONS.get(logical_id(folder), {})
    return found


def events(folder: str, type_: str) -> list[dict[str, Any]]:
    """The properties of a function's event sources of a type."""
    sources = properties(folder).get("Events", {}).values()
    return [source.get("Properties", {}) for source in sources if source["Type"] == type_]


def route_keys(folder: str) -> frozenset[str]:
    """The routes of a function, as the access log has them: "GET /public/{projectKey}/jobs"."""
    return frozenset(
        f"{event['Method']} {event['Path']}" if "Path" in event else "$default" for event in events(folder, "HttpApi")
    )


def statements(folder: str) -> list[dict[str, Any]]:
    """The statements of the policies of a function's role."""
    role = RESOURCES[properties(folder)["Role"]["Fn::GetAtt"][0]]["Properties"]
    return [statement for policy in role["Policies"] for statement in policy["PolicyDocument"]["Statement"]]


def rights(folder: str) -> dict[str, set[str]]:
    """The actions that a function's role allows, by the resource that they are allowed on."""
    found: dict[str, set[str]] = {}
    for statement in statements(folder):
        for arn in _listed(statement["Resource"]):
            found.setdefault(resource_of(arn), set()).update(_listed(statement["Action"]))
    return found


def resource_of(arn: object) -> str:
    """The resource that an ARN of the template is of: a logical id, with what follows it, or all of them.

    Raises:
        ValueError: it is no ARN of a single resource of this stack.
    """
    match arn:
        case {"Fn::GetAtt": [str(name), "Arn"]}:
            return name
        case {"Fn::GetAtt": [str(name), "StreamArn"]}:
            return f"{name}/stream"
        case "*":
            return "*"
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{(\w+)\.Arn\}", r"\1", text)
    message = f"no single resource of this stack: {arn}"
    raise ValueError(message)


def _listed(value: object) -> list[Any]:
    """What a policy lists. One thing may stand there without a list."""
    return value if isinstance(value, list) else [value]
