"""Give a client an access token for its secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.dialects.registry import OAUTH2
from jobs.runtime import wiring
from jobs.runtime.http import Api
from jobs.tenancy import access

if TYPE_CHECKING:
    from jobs.dialects.base import Answer, ClientCall

api = handler = Api()


@api.client_route("POST /webapi/oauth2/token")
def issue_token(call: ClientCall) -> Answer:
    """Answer a new access token of the client."""
    issued = access.issue_token(wiring.tokens(), call.client, wiring.clock().now())
    return OAUTH2.render_token(issued)
