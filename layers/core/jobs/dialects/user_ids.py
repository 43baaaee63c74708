"""User ids in paths, where a wrong reading would erase another user's data.

An HTTP API decodes a path before we see it, cuts it at a decoded `?` and turns `//` into `/`. So `users/a%3Fb` arrives
as `users/a`, which is valid. No alphabet helps against that cut, but a query string gives some of it away.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jobs.errors import InvalidRequest, RouteNotFound

if TYPE_CHECKING:
    from jobs.dialects.base import Call

#: The values of the template's parameter `UserIdsInPaths`.
PLAIN, ANY, OFF = "plain", "any", "off"
PLAIN_ID = "[A-Za-z0-9._~@:+-]{1,256}"
REFUSAL = "must be 1 to 256 letters, digits and . _ ~ @ : + - in a path; POST to jobs takes any user id"


def parse_user_id(call: Call, mode: str) -> str:
    """Read the user id of a path.

    Raises:
        RouteNotFound: the deployment takes no user ids in paths.
        InvalidRequest: the id may not stand in a path, or a query string follows it.
    """
    if mode == OFF:
        raise RouteNotFound
    if call.query:
        raise InvalidRequest("query", "must be empty, because a ? in a user id looks like one")
    user_id = call.path["userId"]
    if mode != ANY and not re.fullmatch(PLAIN_ID, user_id):
        raise InvalidRequest("userId", REFUSAL)
    return user_id
