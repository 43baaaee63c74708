"""The token endpoint of Alteryx' API in the document."""

from __future__ import annotations

from jobs import errors
from jobs.dialects.oauth2 import GRANT_TYPE
from jobs.dialects.registry import OAUTH2
from jobs.model import SECOND
from jobs.runtime.http import LARGEST_BODY
from jobs.tenancy.access import TOKEN_LIFETIME, TOKEN_PREFIX, IssuedToken

from openapi.document import Chapter, Operation, Reply, failure, refusals, strict

_TOKEN, _ERROR, _FAILURE = "AccessToken", "TokenError", "TokenFailure"  # names of schemas

CHAPTER = Chapter(
    tag="OAuth 2.0",
    text="Access tokens for Alteryx v3 by client credentials (RFC 6749, section 4.4).",
    name="Token",
    security={
        "ClientSecret": {"type": "http", "scheme": "basic", "description": "The client's id and secret by HTTP Basic."}
    },
    open=True,
    schemas={
        _TOKEN: strict(
            access_token={"type": "string", "pattern": f"^{TOKEN_PREFIX}[0-9a-f]{{48}}$"},
            token_type={"type": "string", "enum": ["Bearer"]},
            expires_in={"type": "integer", "minimum": 1, "description": "Seconds."},
        ),
        _ERROR: strict(
            error={
                "type": "string",
                "enum": ["invalid_client", "invalid_request", "temporarily_unavailable", "unsupported_grant_type"],
            }
        ),
        _FAILURE: strict(error={"type": "string", "enum": ["server_error"]}, error_description={"type": "string"}),
    },
    path_parameters={},
    replies=[
        *refusals(
            OAUTH2,
            _ERROR,
            errors.InvalidRequest("client_id", "must come one way"),
            errors.UnsupportedGrantType(),
            errors.InvalidClient(basic=False),
        ),
        Reply(
            "InvalidClient.basic",
            "The same, for a client that came by HTTP Basic.",
            OAUTH2.render_error(errors.InvalidClient(basic=True)),
            _ERROR,
        ),
        *refusals(OAUTH2, _ERROR, errors.BodyTooLarge(LARGEST_BODY), errors.Busy()),
        failure(OAUTH2, _FAILURE),
    ],
    operations=[
        Operation(
            route="POST /webapi/oauth2/token",
            name="issueToken",
            summary="Get an access token",
            text="The client's id and secret come by HTTP Basic or in the form, never both ways.",
            body={
                "required": True,
                "content": {
                    "application/x-www-form-urlencoded": {
                        "schema": {
                            "type": "object",
                            "properties": {
                                "grant_type": {"type": "string", "enum": [GRANT_TYPE]},
                                "client_id": {"type": "string", "description": "Left out with HTTP Basic."},
                                "client_secret": {"type": "string", "description": "Likewise.", "format": "password"},
                            },
                            "required": ["grant_type"],
                            "dependentRequired": {"client_secret": ["client_id"]},
                        },
                        "examples": {
                            "basic": {"summary": "With HTTP Basic.", "value": {"grant_type": GRANT_TYPE}},
                            "form": {
                                "summary": "Without.",
                                "value": {
                                    "grant_type": GRANT_TYPE,
                                    "client_id": "5bc4a813156ae016dcb442bd",
                                    "client_secret": "js_…",
                                },
                            },
                        },
                    }
                },
            },
            replies=[
                Reply(
                    "token",
                    "A token, and the seconds until it ends.",
                    OAUTH2.render_token(IssuedToken(TOKEN_PREFIX + "0123456789abcdef" * 3, TOKEN_LIFETIME // SECOND)),
                    _TOKEN,
                )
            ],
        )
    ],
)
