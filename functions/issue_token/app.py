"""Give a client an access token for its secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.dialects import routes
from jobs.dialects.registry import OAUTH2
from jobs.runtime import wiring
from jobs.runtime.http import Api
from jobs.tenancy import access

if TYPE_CHECKING:
    from jobs.dialects.base import Answer, ClientCall

api = handler = Api()


@api.client_route(routes.ISSUE_TOKEN)
def issue_token(call: ClientCall) -> Answer:
    """Answer a new access token of the client."""
    return OAUTH2.render_token(access.issue_token(wiring.ports(), call.client))
