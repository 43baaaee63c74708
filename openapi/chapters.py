"""The introduction of the document, and a chapter for each dialect: what all of its routes have in common."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from jobs import errors
from jobs.dialects import registry, routes
from jobs.runtime.http import MAX_BODY_BYTES
from jobs.workflows.running import MAX_WORKFLOW_ID

from openapi import ROOT, alteryx_v3, examples, oauth2, openreplay, openreplay_v1
from openapi.alteryx_v3 import jobs as alteryx_jobs
from openapi.alteryx_v3 import outputs as alteryx_outputs
from openapi.alteryx_v3 import schedules as alteryx_schedules
from openapi.alteryx_v3 import workflows as alteryx_workflows
from openapi.answers import ANYWHERE, Reply
from openapi.document import Chapter, PathParameter, document_of
from openapi.openreplay import JOB_ID, number
from openapi.public import artifacts as public_artifacts
from openapi.public import erasures as public_erasures
from openapi.public import jobs as public_jobs
from openapi.public import schedules as public_schedules
from openapi.schemas import Node, field, not_blank, strict

if TYPE_CHECKING:
    from collections.abc import Iterable

TEXT = """\
The service has one job model and several dialects. The prefix of the path decides the dialect: how a request is read,
and how every answer looks, errors included.

Three answers are possible for any path and are not repeated below. A path that ends in a slash, or has two slashes in
a row, is answered with 308, and `Location` has the clean path. No path of a user is answered so. A method that a path
does not have is answered with 405. A path that is not listed here is answered with 404, in the dialect of its prefix.

API Gateway may answer before the service does, for example if headers are too large or if it throttles. Such an answer
has a status of the gateway's own and the body `{"message": "…"}`.
"""

OPENREPLAY_V1 = Chapter(
    tag="OpenReplay v1",
    text="OpenReplay's documented v1 API. `Authorization` holds the organisation's API key and nothing else. "
    "A key that is limited to other calls is answered 403.",
    name="V1",
    dialect=registry.OPENREPLAY_V1,
    security={
        "V1Key": {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "The organisation's API key, with no scheme before it.",
        }
    },
    path={
        **openreplay.PATH,
        "jobId": PathParameter(field("string", JOB_ID, pattern="^-?[0-9]+$"), "3451", [errors.JobNotFound()]),
    },
    schemas={
        **openreplay_v1.SCHEMAS,
        "V1Error": strict(errors=field("array", "What is wrong.", items={"type": "string"}, minItems=1, maxItems=1)),
    },
    refused=(*ANYWHERE, errors.ProjectNotFound()),
    operations=openreplay_v1.OPERATIONS,
)

PUBLIC = Chapter(
    tag="public",
    text="OpenReplay's newer API, with the organisation's API key as a bearer token. This service adds creation, "
    "retries, messages, details, and the headers of lists. Query parameters that an operation does not list are "
    "refused. A key may be limited to some calls: to others the answer is 403. A key may also be limited to some "
    "projects: others do not exist for it.",
    name="Public",
    dialect=registry.PUBLIC,
    security={
        "PublicKey": {"type": "http", "scheme": "bearer", "description": "The organisation's API key, after `Bearer`."}
    },
    path={
        **openreplay.PATH,
        "jobId": PathParameter(number(1, description=JOB_ID), 3451, [errors.InvalidJobId(), errors.JobNotFound()]),
        **public_artifacts.PATH,
        **public_schedules.PATH,
    },
    schemas={
        **public_jobs.SCHEMAS,
        **public_artifacts.SCHEMAS,
        **public_erasures.SCHEMAS,
        **public_schedules.SCHEMAS,
        "PublicError": strict(error=field("string", "What is wrong.")),
    },
    refused=(*ANYWHERE, errors.ProjectNotFound()),
    operations=(
        *public_jobs.OPERATIONS,
        *public_artifacts.OPERATIONS,
        *public_erasures.OPERATIONS,
        *public_schedules.OPERATIONS,
    ),
)

_CODES = ["invalid_client", "invalid_request", "temporarily_unavailable", "unsupported_grant_type"]
_BASIC = registry.OAUTH2.render_error(errors.InvalidClient(basic=True))
OAUTH2 = Chapter(
    tag="OAuth 2.0",
    text="Access tokens for Alteryx v3, by client credentials (RFC 6749, section 4.4).",
    name="Token",
    dialect=registry.OAUTH2,
    security={
        "ClientSecret": {"type": "http", "scheme": "basic", "description": "The client's id and secret, by HTTP Basic."}
    },
    open=True,
    path={},
    schemas={
        **oauth2.SCHEMAS,
        "TokenError": strict(
            error=field("string", "What is wrong (RFC 6749, section 5.2).", enum=_CODES),
            error_description=field("string", "The same in words."),
        ),
        "TokenFailure": strict(
            error=field("string", "That the service failed.", enum=["server_error"]),
            error_description=field("string", "A sentence with the id of the request."),
        ),
    },
    refused=(
        errors.InvalidRequest("client_id", "must come one way"),
        errors.UnsupportedGrantType(),
        errors.InvalidClient(basic=False),
        errors.BodyTooLarge(MAX_BODY_BYTES),
        errors.EncodedBody(),
        errors.Busy(),
    ),
    replies=[Reply("InvalidClient.basic", "The same, for a client that used HTTP Basic.", _BASIC, "TokenError")],
    operations=oauth2.OPERATIONS,
)

_WORKFLOW_ID = not_blank("The workflow's id: any that your workers know.", MAX_WORKFLOW_ID)
_NO_WORKFLOW = errors.InvalidRequest("workflowId", f"must be 1 to {MAX_WORKFLOW_ID} characters and not blank")
ALTERYX_V3 = Chapter(
    tag="Alteryx v3",
    text="Alteryx Server's documented v3 API, with an access token. Administrators see every job of the organisation. "
    "Other users see their own jobs and those that are shared with them. A job that was cancelled before it started "
    "does not exist here.",
    name="V3",
    dialect=registry.ALTERYX_V3,
    security={
        "V3Client": {
            "type": "oauth2",
            "description": "The id and the secret of a client, which get an access token.",
            "flows": {"clientCredentials": {"tokenUrl": oauth2.TOKEN_PATH, "scopes": {}}},
        },
        "V3Token": {"type": "http", "scheme": "bearer", "description": "An access token, after `Bearer`."},
    },
    path={
        "jobId": PathParameter(alteryx_v3.ID, examples.V3_JOB_ID, [errors.JobNotFound()]),
        "workflowId": PathParameter(_WORKFLOW_ID, examples.WORKFLOW_ID, [_NO_WORKFLOW]),
        **alteryx_outputs.PATH,
        **alteryx_schedules.PATH,
    },
    schemas={
        **alteryx_jobs.SCHEMAS,
        **alteryx_outputs.SCHEMAS,
        **alteryx_workflows.SCHEMAS,
        **alteryx_schedules.SCHEMAS,
        "V3Error": {
            **strict(
                message=field("string", "What is wrong."),
                modelState=field(
                    "object",
                    "What is wrong with each field that is to blame.",
                    additionalProperties={"type": "array", "items": {"type": "string"}, "minItems": 1},
                ),
            ),
            "required": ["message"],
        },
    },
    refused=ANYWHERE,
    operations=(
        *alteryx_jobs.OPERATIONS,
        *alteryx_outputs.OPERATIONS,
        *alteryx_workflows.OPERATIONS,
        *alteryx_schedules.OPERATIONS,
    ),
)

ROUTES = frozenset(route.key for route in routes.ROUTES)
#: In this order a page shows them: the one for new clients first.
CHAPTERS = (PUBLIC, OPENREPLAY_V1, OAUTH2, ALTERYX_V3)


def described(routes: Iterable[str] = ROUTES) -> Node:
    """The document of these routes. The default is every route.

    Raises:
        ValueError: a route exists without a description, or a description without a route.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    info = {
        "title": project["name"],
        "summary": project["description"],
        "description": TEXT,
        "license": {"name": project["license"], "identifier": project["license"]},
        "version": project["version"],
    }
    return document_of(info, CHAPTERS, routes)
