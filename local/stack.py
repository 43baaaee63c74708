"""template.yaml, deployed on the embedded AWS as it is.

CloudFormation does three things with a SAM template that the emulator leaves out without a word. They are done here
first: code is zipped and uploaded, SAM is translated, and the HTTP API's OpenAPI body becomes routes.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from local.cors import Cors, cors_of
from local.differences import PARAMETERS, with_numbers, without_refused
from local.packages import packages
from local.routes import with_routes
from local.template import DeploymentFailedError, load, translate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from boto3.session import Session
    from mypy_boto3_cloudformation import CloudFormationClient

STACK_NAME = "jobs"
CODE_BUCKET = "jobs-local-code"
CAPABILITIES = ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND")


@dataclass(frozen=True, slots=True)
class Stack:
    """The deployed stack: the physical id and the type of every resource, by its logical id."""

    resources: Mapping[str, str]
    types: Mapping[str, str]
    #: Which pages may call the API; None if none may.
    cors: Cors | None

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
    def refusals_log(self) -> str:
        """Name of the log that says which events were refused."""
        return self.resources["IngestEventsLogGroup"]

    @property
    def functions(self) -> dict[str, str]:
        """Names of the functions, by their logical ids."""
        wanted = "AWS::Lambda::Function"
        return {logical: self.resources[logical] for logical, type_ in self.types.items() if type_ == wanted}

    def _only(self, wanted: str) -> str:
        [logical] = [logical for logical, type_ in self.types.items() if type_ == wanted]
        return self.resources[logical]


def deploy(session: Session, endpoint: str, root: Path, public_url: str, cors_origins: str) -> Stack:
    """Deploy the template of the project at `root`, or update the stack that is there.

    Raises:
        DeploymentFailedError: the template could not be translated or deployed.
    """
    s3 = session.client("s3", endpoint_url=endpoint)
    cloudformation = session.client("cloudformation", endpoint_url=endpoint)
    s3.create_bucket(Bucket=CODE_BUCKET)

    def upload(name: str, content: bytes) -> str:
        # The key depends on the content, so that the stack changes if and only if the code does.
        key = f"{hashlib.sha256(content).hexdigest()}/{name}"
        s3.put_object(Bucket=CODE_BUCKET, Key=key, Body=content)
        return key

    template = load(root)
    cors = cors_of(template, cors_origins)
    for package in packages(template, root):
        key = upload("code.zip", package.zipped())
        package.properties[package.attribute] = {"Bucket": CODE_BUCKET, "Key": key}
    native = with_numbers(without_refused(with_routes(translate(template))))
    # A template in the call itself may have no more than 51,200 bytes, so the call has its address.
    url = f"{endpoint}/{CODE_BUCKET}/{upload('template.json', json.dumps(native).encode())}"
    parameters = {**PARAMETERS, "PublicUrl": public_url, "CorsAllowedOrigins": cors_origins}
    _apply(cloudformation, url, {name: value for name, value in parameters.items() if name in native["Parameters"]})
    found = cloudformation.describe_stack_resources(StackName=STACK_NAME)["StackResources"]
    return Stack(
        {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in found},
        {resource["LogicalResourceId"]: resource["ResourceType"] for resource in found},
        cors,
    )


def warm(session: Session, endpoint: str, stack: Stack) -> None:
    """Load what starts jobs and takes reports, and publish_changes, before the first job.

    A cold start here would make the first job late; on AWS it fits into the second. The first report would be overtaken
    by the end of its job. The emulator also looks at no queue while a function works on a stream.
    """
    functions = session.client("lambda", endpoint_url=endpoint)
    for name in ("FireSchedulesFunction", "StartJobsFunction", "IngestEventsFunction", "PublishChangesFunction"):
        functions.invoke(FunctionName=stack.resources[name], Payload=json.dumps({"Records": []}))


def _apply(cloudformation: CloudFormationClient, url: str, parameters: Mapping[str, str]) -> None:
    """Create or update the stack, and wait until that is done."""
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
    """The first failure and its reason; empty if CloudFormation gives none."""
    # A failed validation is not among the stack's events, which only show what failed during creation.
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
