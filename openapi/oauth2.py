"""The token endpoint of Alteryx' API."""

from __future__ import annotations

from jobs.dialects.oauth2 import GRANT_TYPE
from jobs.dialects.registry import OAUTH2
from jobs.model import SECOND
from jobs.tenancy.access import TOKEN_LIFETIME, TOKEN_PREFIX, IssuedToken

from openapi.answers import Reply, shown
from openapi.document import Operation
from openapi.schemas import Fields, body_of, field

TOKEN_PATH = "/webapi/oauth2/token"  # noqa: S105  # a path

_ISSUED = OAUTH2.render_token(IssuedToken(TOKEN_PREFIX + "0123456789abcdef" * 3, TOKEN_LIFETIME // SECOND))
_FIELDS = Fields(
    "openapi/oauth2.py _FIELDS",
    {
        "access_token": field("string", "The token.", pattern=f"^{TOKEN_PREFIX}[0-9a-f]{{48}}$"),
        "token_type": field("string", "How to send it: after this word, in `Authorization`.", enum=["Bearer"]),
        "expires_in": field("integer", "Seconds until the token expires.", minimum=1),
    },
)
_FORM = {
    "type": "object",
    "properties": {
        "grant_type": field("string", "How the client proves who it is.", enum=[GRANT_TYPE]),
        "client_id": field("string", "The client's id. Left out with HTTP Basic."),
        "client_secret": field("string", "The client's secret. Left out with HTTP Basic.", format="password"),
    },
    "required": ["grant_type"],
    "dependentRequired": {"client_secret": ["client_id"]},
}
_GRANT = {"grant_type": GRANT_TYPE}
_CLIENT = {"client_id": "5bc4a813156ae016dcb442bd", "client_secret": "js_…"}

SCHEMAS = {"AccessToken": _FIELDS.object_of("AccessToken", shown(_ISSUED))}

OPERATIONS = (
    Operation(
        route=f"POST {TOKEN_PATH}",
        name="issueToken",
        summary="Get an access token",
        text="The client's id and secret come either by HTTP Basic or in the form, never both.",
        body=body_of(
            _FORM,
            media="application/x-www-form-urlencoded",
            basic=("With HTTP Basic.", _GRANT),
            form=("With the id and the secret in the form.", _GRANT | _CLIENT),
        ),
        replies=[Reply("token", "A new token.", _ISSUED, "AccessToken")],
    ),
)
