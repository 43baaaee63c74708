"""template.yaml as it is, deployed on the embedded AWS.

What CloudFormation does by itself with a SAM template is done here first, since the emulator leaves part of it out in
silence: code is zipped and uploaded, SAM is translated, and the HTTP API's OpenAPI body becomes routes.
"""

from __future__ import annotations

import copy
import hashlib
import io
import json
import logging
import time
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from botocore.exceptions import ClientError
from samtranslator.model import exceptions  # type: ignore[import-untyped]
from samtranslator.translator.transform import transform  # type: ignore[import-untyped]
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from boto3.session import Session
    from mypy_boto3_cloudformation import CloudFormationClient

#: A template, or a part of one.
Template: TypeAlias = dict[str, Any]

STACK_NAME = "jobs"
CODE_BUCKET = "jobs-local-code"
CAPABILITIES = ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND")

#: Each worker is a process: what AWS runs beside each other would here only wait for the same few processors. And the
#: emulator's PartiQL knows no LIST_APPEND, and its streams nothing of what PartiQL writes.
PARAMETERS = {"DeletionConcurrency": "2", "IngestConcurrency": "2", "StartBatchSize": "1", "StartConcurrency": "2"}

#: Resources that the emulator's CloudFormation refuses, and the whole stack with them.
LEFT_OUT = {
    "AWS::CloudWatch::CompositeAlarm": "unknown to the emulator; nothing watches alarms here",
    "AWS::Events::ApiDestination": "unknown to the emulator; nothing is to leave this machine",
    "AWS::Events::Archive": "unknown to the emulator",
    "AWS::Events::Connection": "unknown to the emulator; nothing is to leave this machine",
    "AWS::Events::EventBusPolicy": "unknown to the emulator, which checks no permissions",
    "AWS::Logs::QueryDefinition": "unknown to the emulator; a convenience of the console",
}
#: Alarms over several metrics are refused as well, those over one are taken.
LEFT_OUT_WITH_PROPERTY = {("AWS::CloudWatch::Alarm", "Metrics"): "metric math is unknown to the emulator"}

#: Where a resource names its code, and where in the archive the code goes: layers are unpacked under /opt, and Python
#: looks in /opt/python.
CODE = {
    "AWS::Serverless::Function": ("CodeUri", ""),
    "AWS::Serverless::LayerVersion": ("ContentUri", "python/"),
}

#: What SAM calls a route for every method, and the HTTP API's name for it.
ANY_METHOD = {"x-amazon-apigateway-any-method": "ANY"}

log = logging.getLogger(__name__)


class DeploymentFailedError(Exception):
    """The template could not be deployed; the text names the resource and the reason."""


@dataclass(frozen=True, slots=True)
class Stack:
    """The deployed stack: the physical id of every resource of the template, by its logical id."""

    resources: Mapping[str, str]
    types: Mapping[str, str]

    @property
    def api_id(self) -> str:
        """Id of the HTTP API."""
        return self._only("AWS::ApiGatewayV2::Api")

    @property
    def table_name(self) -> str:
        """Name of the table."""
        return self._only("AWS::DynamoDB::Table")

    @property
    def bus_name(self) -> str:
        """Name of the event bus."""
        return self.resources["EventBus"]

    @property
    def sessions_bucket(self) -> str:
        """Name of the bucket of users' sessions."""
        return self.resources["SessionsBucket"]

    @property
    def functions(self) -> dict[str, str]:
        """Names of the functions, by their logical ids."""
        wanted = "AWS::Lambda::Function"
        return {logical: self.resources[logical] for logical, type_ in self.types.items() if type_ == wanted}

    def _only(self, wanted: str) -> str:
        [logical] = [logical for logical, type_ in self.types.items() if type_ == wanted]
        return self.resources[logical]


def deploy(session: Session, endpoint: str, root: Path) -> Stack:
    """Deploy the template of the project at `root`, or update the stack that is there.

    Raises:
        DeploymentFailedError: it could not be translated or deployed.
    """
    s3 = session.client("s3", endpoint_url=endpoint)
    cloudformation = session.client("cloudformation", endpoint_url=endpoint)
    s3.create_bucket(Bucket=CODE_BUCKET)

    def upload(name: str, content: bytes) -> str:
        # Named by content: unchanged code is no change of the stack, changed code is one.
        key = f"{hashlib.sha256(content).hexdigest()}/{name}"
        s3.put_object(Bucket=CODE_BUCKET, Key=key, Body=content)
        return key

    template = load(root)
    for package in packages(template, root):
        key = upload("code.zip", package.zipped())
        package.properties[package.attribute] = {"Bucket": CODE_BUCKET, "Key": key}
    native = with_numbers(without_refused(with_routes(translate(template))))
    # By its address: as an argument a template may have 51,200 bytes.
    url = f"{endpoint}/{CODE_BUCKET}/{upload('template.json', json.dumps(native).encode())}"
    _apply(cloudformation, url, {name: value for name, value in PARAMETERS.items() if name in native["Parameters"]})
    found = cloudformation.describe_stack_resources(StackName=STACK_NAME)["StackResources"]
    return Stack(
        {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in found},
        {resource["LogicalResourceId"]: resource["ResourceType"] for resource in found},
    )


def warm(session: Session, endpoint: str, stack: Stack) -> None:
    """Have start_jobs loaded, so that the first job is not late by a cold start; on AWS a second is wide enough.

    Likewise publish_changes: the emulator looks at no queue while a function works on a stream.
    """
    functions = session.client("lambda", endpoint_url=endpoint)
    for name in ("StartJobsFunction", "PublishChangesFunction"):
        functions.invoke(FunctionName=stack.resources[name], Payload=json.dumps({"Records": []}))


def load(root: Path) -> Template:
    """Read template.yaml, with CloudFormation's short forms (`!Ref`) spelt out."""
    template: Template = yaml_parse((root / "template.yaml").read_text())
    return template


@dataclass(frozen=True, slots=True)
class Package:
    """A folder that the template names as code, and where it names it."""

    properties: dict[str, Any]
    attribute: str
    folder: Path
    prefix: str
    #: Whether what is installed here stands in for the content.
    installed: bool

    def zipped(self) -> bytes:
        """The archive, the same bytes for the same content."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in [] if self.installed else sorted(self.folder.rglob("*")):
                if path.is_file() and "__pycache__" not in path.parts:
                    name = f"{self.prefix}{path.relative_to(self.folder).as_posix()}"
                    archive.writestr(zipfile.ZipInfo(name), path.read_bytes())
        return buffer.getvalue()


def packages(template: Template, root: Path) -> Iterator[Package]:
    """Find every folder of code that the template names.

    Raises:
        DeploymentFailedError: there is no such folder.
    """
    for name, resource in template["Resources"].items():
        if resource["Type"] not in CODE:
            continue
        properties = resource["Properties"]
        attribute, prefix = CODE[resource["Type"]]
        folder = root / properties[attribute]
        if not folder.is_dir():
            raise DeploymentFailedError(f"{name} ({resource['Type']}): there is no folder {properties[attribute]}")
        # A folder of requirements is a layer of what others wrote. The workers run this process's interpreter and see
        # what is installed for it, so here that layer stays empty; `sam build` proves that it is complete.
        yield Package(properties, attribute, folder, prefix, installed=(folder / "requirements.txt").is_file())


def translate(template: Template) -> Template:
    """Turn SAM's resources into CloudFormation's, as AWS does at deployment.

    Raises:
        DeploymentFailedError: SAM does not accept the template.
    """
    try:
        native: Template = transform(copy.deepcopy(template), {}, _NoManagedPolicies())
    except exceptions.InvalidDocumentException as error:
        raise DeploymentFailedError("; ".join(str(cause.message) for cause in error.causes)) from error
    return native


class _NoManagedPolicies:
    """Stands for the list of AWS's managed policies, which is asked of IAM; the template names none by a short name."""

    def load(self) -> dict[str, str]:
        return {}


def with_routes(template: Template) -> Template:
    """Give each HTTP API the routes of its OpenAPI body as resources of their own.

    AWS imports the body. The emulator ignores it: the stack is complete and every call answers 404.

    Raises:
        DeploymentFailedError: the body has a form that this translation does not know.
    """
    template = copy.deepcopy(template)
    resources = template["Resources"]
    for api, resource in list(resources.items()):
        if resource["Type"] != "AWS::ApiGatewayV2::Api" or "Body" not in resource.get("Properties", {}):
            continue
        body = resource["Properties"].pop("Body")
        resource["Properties"] = {
            "Name": body["info"]["title"] if isinstance(body["info"]["title"], str) else api,
            "ProtocolType": "HTTP",
            **{name: value for name, value in resource["Properties"].items() if name in {"Tags", "Description"}},
        }
        integrations: dict[str, str] = {}
        for number, (route, integration) in enumerate(_routes(api, body)):
            uri = json.dumps(integration["uri"], sort_keys=True)
            if uri not in integrations:
                integrations[uri] = f"{api}Integration{len(integrations)}"
                resources[integrations[uri]] = {
                    "Type": "AWS::ApiGatewayV2::Integration",
                    "Properties": {
                        "ApiId": {"Ref": api},
                        "IntegrationType": "AWS_PROXY",
                        "IntegrationUri": integration["uri"],
                        "PayloadFormatVersion": integration["payloadFormatVersion"],
                    },
                }
            resources[f"{api}Route{number}"] = {
                "Type": "AWS::ApiGatewayV2::Route",
                "Properties": {
                    "ApiId": {"Ref": api},
                    "RouteKey": route,
                    "Target": {"Fn::Sub": f"integrations/${{{integrations[uri]}}}"},
                },
            }
    return template


def _routes(api: str, body: Template) -> Iterator[tuple[str, Template]]:
    """Each route key of an OpenAPI body with its integration."""
    for path, methods in body["paths"].items():
        for method, operation in methods.items():
            integration = operation.get("x-amazon-apigateway-integration") if isinstance(operation, dict) else None
            if not integration or str(integration.get("type")).lower() != "aws_proxy":
                message = f"{api}: {method} {path} has no plain Lambda integration, which local/stack.py needs"
                raise DeploymentFailedError(message)
            yield path if path == "$default" else f"{ANY_METHOD.get(method, method.upper())} {path}", integration


def without_refused(template: Template) -> Template:
    """Take out what `LEFT_OUT` lists, and the outputs and orders of creation that name it."""
    template = copy.deepcopy(template)
    resources = template["Resources"]
    gone = {name: reason for name, resource in resources.items() if (reason := _left_out(resource))}
    for name, reason in gone.items():
        log.info("%s is left out: %s", name, reason)
        del resources[name]
    for resource in resources.values():
        waits_for = resource.get("DependsOn", [])
        waits_for = [waits_for] if isinstance(waits_for, str) else waits_for
        if left := [name for name in waits_for if name not in gone]:
            resource["DependsOn"] = left
        else:
            resource.pop("DependsOn", None)
    outputs = template.get("Outputs", {})
    template["Outputs"] = {name: output for name, output in outputs.items() if not _names(output) & gone.keys()}
    return template


def with_numbers(template: Template) -> Template:
    """Put the values of numeric parameters where event source mappings refer to them.

    CloudFormation hands them on as numbers. The emulator hands on text, compares it with numbers, and polls no queue.
    """
    template = copy.deepcopy(template)
    numbers = {
        name: int(PARAMETERS.get(name, parameter["Default"]))
        for name, parameter in template.get("Parameters", {}).items()
        if parameter["Type"] == "Number"
    }
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Lambda::EventSourceMapping":
            resource["Properties"] = _replaced(resource["Properties"], numbers)
    return template


def _replaced(value: Any, numbers: Mapping[str, int]) -> Any:
    match value:
        case {"Ref": str(name)} if name in numbers:
            return numbers[name]
        case dict():
            return {name: _replaced(inner, numbers) for name, inner in value.items()}
        case list():
            return [_replaced(inner, numbers) for inner in value]
    return value


def _left_out(resource: Template) -> str | None:
    by_property = (
        reason
        for (type_, name), reason in LEFT_OUT_WITH_PROPERTY.items()
        if type_ == resource["Type"] and name in resource.get("Properties", {})
    )
    return LEFT_OUT.get(resource["Type"]) or next(by_property, None)


def _names(value: object) -> set[str]:
    """The resources that a part of a template may refer to."""
    match value:
        case {"Ref": str(name)}:
            return {name}
        case {"Fn::GetAtt": [str(name), *_]}:
            return {name}
        case {"Fn::GetAtt": str(name)} | {"Fn::Sub": str(name)}:
            # Every word of it: more than it names, and certainly what it names.
            return set("".join(character if character.isalnum() else " " for character in name).split())
        case dict():
            return set().union(*(_names(inner) for inner in value.values()))
        case list():
            return set().union(*(_names(inner) for inner in value))
    return set()


def _apply(cloudformation: CloudFormationClient, url: str, parameters: Mapping[str, str]) -> None:
    """Create or update the stack and wait for the end."""
    call: Any = {
        "StackName": STACK_NAME,
        "TemplateURL": url,
        "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        "Capabilities": CAPABILITIES,
    }
    try:
        try:
            cloudformation.describe_stacks(StackName=STACK_NAME)
        except ClientError:
            cloudformation.create_stack(**call, OnFailure="DO_NOTHING")
        else:
            cloudformation.update_stack(**call)
    except ClientError as error:
        reason = error.response["Error"]["Message"]
        if "No updates are to be performed" in reason:
            return
        raise DeploymentFailedError(reason) from error
    while True:
        [stack] = cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"]
        if stack["StackStatus"] in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            return
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            raise DeploymentFailedError(_failure(cloudformation) or f"the stack is {stack['StackStatus']}")
        time.sleep(0.02)


def _failure(cloudformation: CloudFormationClient) -> str:
    """What failed first, and why; empty where CloudFormation does not say."""
    # What was refused before anything was made is told apart from what failed while it was made.
    for event in cloudformation.describe_events(StackName=STACK_NAME)["OperationEvents"]:
        if reason := event.get("ValidationStatusReason"):
            return f"{event['LogicalResourceId']} ({event['ResourceType']}): {reason}"
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=STACK_NAME)
    events = [event for page in pages for event in page["StackEvents"]]
    failed = [event for event in events if event.get("ResourceStatus", "").endswith("_FAILED")]
    if not failed:
        return ""
    first = failed[-1]  # they come newest first
    return f"{first['LogicalResourceId']} ({first['ResourceType']}): {first.get('ResourceStatusReason', 'no reason')}"
