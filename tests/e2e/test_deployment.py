"""How template.yaml becomes something that the emulator can deploy, and the message if it cannot."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from local.differences import without_refused
from local.routes import with_routes
from local.template import DeploymentFailedError
from tests.e2e.embedded import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.e2e.embedded import Embedded

pytestmark = pytest.mark.e2e

INTEGRATION = {"type": "aws_proxy", "uri": "arn:one", "payloadFormatVersion": "2.0"}


def an_api(paths: dict[str, Any]) -> dict[str, Any]:
    body = {"openapi": "3.0.1", "info": {"title": "t"}, "paths": paths}
    return {"Resources": {"Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Body": body}}}}


def test_each_method_of_an_openapi_body_becomes_a_route_and_each_function_one_integration() -> None:
    other = {**INTEGRATION, "uri": "arn:two"}
    translated = with_routes(
        an_api(
            {
                "/jobs": {
                    "get": {"x-amazon-apigateway-integration": INTEGRATION},
                    "post": {"x-amazon-apigateway-integration": other},
                },
                "/all": {"x-amazon-apigateway-any-method": {"x-amazon-apigateway-integration": INTEGRATION}},
                "$default": {"x-amazon-apigateway-any-method": {"x-amazon-apigateway-integration": other}},
            }
        )
    )["Resources"]

    routes = [resource["Properties"] for resource in translated.values() if resource["Type"].endswith("::Route")]
    assert [route["RouteKey"] for route in routes] == ["GET /jobs", "POST /jobs", "ANY /all", "$default"]
    uris = {
        f"integrations/${{{name}}}": resource["Properties"]["IntegrationUri"]
        for name, resource in translated.items()
        if resource["Type"].endswith("::Integration")
    }
    assert [uris[route["Target"]["Fn::Sub"]] for route in routes] == ["arn:one", "arn:two", "arn:one", "arn:two"]
    assert "Body" not in translated["Api"]["Properties"]


def test_a_body_that_is_not_understood_fails_instead_of_losing_its_route() -> None:
    with pytest.raises(DeploymentFailedError, match="get /jobs"):
        with_routes(an_api({"/jobs": {"get": {"responses": {}}}}))


def test_what_the_emulator_refuses_is_left_out_with_all_that_only_names_it() -> None:
    metric_math = {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Metrics": []}}
    template = {
        "Resources": {
            "Archive": {"Type": "AWS::Events::Archive", "Properties": {}},
            "Ratio": metric_math,
            "Age": {"Type": "AWS::CloudWatch::Alarm", "Properties": {}, "DependsOn": ["Archive", "Queue"]},
            "Queue": {"Type": "AWS::SQS::Queue", "DependsOn": "Ratio"},
        },
        "Outputs": {
            "ByRef": {"Value": {"Ref": "Archive"}},
            "ByAttribute": {"Value": {"Fn::GetAtt": ["Archive", "Arn"]}},
            "ByText": {"Value": {"Fn::Sub": "x/${Ratio.Arn}"}},
            "Kept": {"Value": {"Ref": "Queue"}},
        },
    }

    left = without_refused(template)

    assert left["Resources"] == {
        "Age": {"Type": "AWS::CloudWatch::Alarm", "Properties": {}, "DependsOn": ["Queue"]},
        "Queue": {"Type": "AWS::SQS::Queue"},
    }
    assert list(left["Outputs"]) == ["Kept"]


@pytest.mark.parametrize(
    ("resource", "said"),
    [
        (
            "{Type: 'Custom::Thing', Properties: {ServiceToken: 'arn:aws:lambda:us-east-1:1:function:gone'}}",
            "gone",
        ),
        ("{Type: 'AWS::S3::Bucket', Properties: {BucketName: jobs-local-code}}", "already exists"),
        ("{Type: 'AWS::Serverless::Function', Properties: {CodeUri: functions/gone/}}", "functions/gone/"),
    ],
)
def test_a_failed_deployment_names_the_resource_and_the_reason(
    tmp_path: Path, another: Callable[..., Embedded], resource: str, said: str
) -> None:
    for name in ("functions", "layers", "local", "openapi"):
        shutil.copytree(ROOT / name, tmp_path / "project" / name)
    template = (ROOT / "template.yaml").read_text()
    assert template.count("\nResources:\n") == 1
    broken = template.replace("\nResources:\n", f"\nResources:\n  Broken: {resource}\n")
    (tmp_path / "project" / "template.yaml").write_text(broken)
    failing = another()
    failing.root = tmp_path / "project"
    failing.launch()

    assert failing.process.wait(30) == 1
    first = failing.output.splitlines()[0]
    assert first.startswith("The template could not be deployed: Broken (")
    assert said in first
    assert "emulator.log" in failing.output
    assert list(failing.scratch.iterdir()) == []
