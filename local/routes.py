"""The OpenAPI body of an HTTP API, turned into routes and integrations.

AWS imports the body. The emulator ignores it and says nothing: the stack is complete, and every call is answered 404.
"""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING

from local.template import DeploymentFailedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.template import Template

#: SAM's name of the method of a route that takes every method, and the HTTP API's.
ANY_METHOD = {"x-amazon-apigateway-any-method": "ANY"}


def with_routes(template: Template) -> Template:
    """Give each HTTP API the routes of its OpenAPI body as resources of their own.

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
                message = f"{api}: {method} {path} has no plain Lambda integration, which local/routes.py needs"
                raise DeploymentFailedError(message)
            yield path if path == "$default" else f"{ANY_METHOD.get(method, method.upper())} {path}", integration
