"""Every route, once. Functions register theirs from here, and the template must have the same ones.

A route's dialect also decides which credential opens it: API keys the routes of projects, access tokens Alteryx'
routes, and the secret of a client the token endpoint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from jobs.dialects.public import LIST_PARAMETERS
from jobs.dialects.registry import ALTERYX_V1_PREFIX, ALTERYX_V3, OAUTH2, OPENREPLAY_V1, PUBLIC
from jobs.errors import InvalidRequest, Problem
from jobs.tenants import Scope

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jobs.dialects.alteryx_v3 import AlteryxV3
    from jobs.dialects.base import Dialect, ProjectDialect
    from jobs.dialects.oauth2 import OAuth2

#: How much of an unknown parameter's name is told to the caller.
MAX_NAME = 64

AnyDialect = TypeVar("AnyDialect", bound="Dialect")


class Route(NamedTuple, Generic[AnyDialect]):
    """A method and a path, in the form of API Gateway's `routeKey`, and the dialect of its answers."""

    key: str
    dialect: AnyDialect
    #: The scopes that open it to an API key that is limited: one of them is enough. Empty where no API key opens it.
    scopes: tuple[Scope, ...] = ()
    #: The parameters that its query may have. None where unknown ones are ignored, as OpenReplay v1 and Alteryx do.
    query: frozenset[str] | None = None

    def check_query(self, query: Iterable[str]) -> None:
        """Check the names of a query. A slip of the pen in a filter must not answer the whole list.

        Raises:
            InvalidRequest: the route does not have some of them; it names each.
        """
        if self.query is None:
            return
        unknown = [
            Problem(name[:MAX_NAME].encode(errors="replace").decode(), "is no parameter of this call")
            for name in sorted(query)
            if name not in self.query
        ]
        if unknown:
            raise InvalidRequest(*unknown[0], *unknown[1:])


def _project(
    dialect: ProjectDialect, method: str, path: str, scopes: Scope | tuple[Scope, ...], *query: str
) -> Route[ProjectDialect]:
    known = frozenset(query) if dialect is PUBLIC else None
    opened_by = scopes if isinstance(scopes, tuple) else (scopes,)
    return Route(f"{method} {dialect.prefix}/{{projectKey}}{path}", dialect, opened_by, known)


def _alteryx(method: str, path: str, prefix: str = ALTERYX_V3.prefix) -> Route[AlteryxV3]:
    return Route(f"{method} {prefix}{path}", ALTERYX_V3)


#: A worker's key reads the job that it works on, to learn that it was cancelled, but no list of jobs.
_READ_ONE = (Scope.READ, Scope.WORK)

OPENREPLAY_LIST_JOBS = _project(OPENREPLAY_V1, "GET", "/jobs", Scope.READ)
OPENREPLAY_GET_JOB = _project(OPENREPLAY_V1, "GET", "/jobs/{jobId}", Scope.READ)
OPENREPLAY_CANCEL_JOB = _project(OPENREPLAY_V1, "DELETE", "/jobs/{jobId}", Scope.CANCEL)
OPENREPLAY_DELETE_USER = _project(OPENREPLAY_V1, "DELETE", "/users/{userId+}", Scope.DELETE_USERS)

PUBLIC_LIST_JOBS = _project(PUBLIC, "GET", "/jobs", Scope.READ, *LIST_PARAMETERS)
PUBLIC_CREATE_JOB = _project(PUBLIC, "POST", "/jobs", Scope.CREATE)
PUBLIC_GET_JOB = _project(PUBLIC, "GET", "/jobs/{jobId}", _READ_ONE, "include")
PUBLIC_MOVE_JOB = _project(PUBLIC, "PATCH", "/jobs/{jobId}", Scope.CREATE)
PUBLIC_CANCEL_JOB = _project(PUBLIC, "DELETE", "/jobs/{jobId}", Scope.CANCEL)
PUBLIC_RETRY_JOB = _project(PUBLIC, "POST", "/jobs/{jobId}/retry", Scope.CREATE)
PUBLIC_ANNOUNCE_ARTIFACT = _project(PUBLIC, "POST", "/jobs/{jobId}/artifacts", Scope.WORK)
PUBLIC_LIST_ARTIFACTS = _project(PUBLIC, "GET", "/jobs/{jobId}/artifacts", _READ_ONE)
PUBLIC_GET_ARTIFACT = _project(PUBLIC, "GET", "/jobs/{jobId}/artifacts/{artifactId}", _READ_ONE)
PUBLIC_GET_MESSAGES = _project(PUBLIC, "GET", "/jobs/{jobId}/messages", _READ_ONE, "limit", "cursor")
PUBLIC_CREATE_SCHEDULE = _project(PUBLIC, "POST", "/schedules", Scope.CREATE)
PUBLIC_LIST_SCHEDULES = _project(PUBLIC, "GET", "/schedules", Scope.READ, "limit", "page", "after")
PUBLIC_PREVIEW_SCHEDULE = _project(PUBLIC, "POST", "/schedules/preview", Scope.READ, "limit")
PUBLIC_GET_SCHEDULE = _project(PUBLIC, "GET", "/schedules/{scheduleId}", Scope.READ)
PUBLIC_CHANGE_SCHEDULE = _project(PUBLIC, "PATCH", "/schedules/{scheduleId}", Scope.CREATE)
PUBLIC_REMOVE_SCHEDULE = _project(PUBLIC, "DELETE", "/schedules/{scheduleId}", Scope.CREATE)
PUBLIC_RUN_SCHEDULE = _project(PUBLIC, "POST", "/schedules/{scheduleId}/run", Scope.CREATE)
PUBLIC_LIST_OCCURRENCES = _project(PUBLIC, "GET", "/schedules/{scheduleId}/occurrences", Scope.READ, "limit")
PUBLIC_LIST_ERASURES = _project(PUBLIC, "GET", "/erasures", Scope.READ, "userId")
# `user_ids` refuses any query, in both dialects and with a better reason
PUBLIC_DELETE_USER = _project(PUBLIC, "DELETE", "/users/{userId+}", Scope.DELETE_USERS)._replace(query=None)

ALTERYX_LIST_JOBS = _alteryx("GET", "/jobs")
ALTERYX_GET_JOB = _alteryx("GET", "/jobs/{jobId}")
ALTERYX_CANCEL_JOB = _alteryx("DELETE", "/jobs/{jobId}")
ALTERYX_GET_MESSAGES = _alteryx("GET", "/jobs/{jobId}/messages")
ALTERYX_GET_OUTPUT = _alteryx("GET", "/jobs/{jobId}/output/{outputId}")
ALTERYX_GET_OUTPUT_V1 = _alteryx("GET", "/jobs/{jobId}/output/{outputId}", ALTERYX_V1_PREFIX)
ALTERYX_LIST_WORKFLOWS = _alteryx("GET", "/workflows")
ALTERYX_GET_WORKFLOW = _alteryx("GET", "/workflows/{workflowId}")
ALTERYX_GET_QUESTIONS = _alteryx("GET", "/workflows/{workflowId}/questions")
ALTERYX_LIST_WORKFLOW_JOBS = _alteryx("GET", "/workflows/{workflowId}/jobs")
ALTERYX_RUN_WORKFLOW = _alteryx("POST", "/workflows/{workflowId}/jobs")
ALTERYX_CREATE_SCHEDULE = _alteryx("POST", "/schedules")
ALTERYX_LIST_SCHEDULES = _alteryx("GET", "/schedules")
ALTERYX_GET_SCHEDULE = _alteryx("GET", "/schedules/{scheduleId}")
ALTERYX_REPLACE_SCHEDULE = _alteryx("PUT", "/schedules/{scheduleId}")
ALTERYX_CHANGE_SCHEDULE = _alteryx("PATCH", "/schedules/{scheduleId}")
ALTERYX_REMOVE_SCHEDULE = _alteryx("DELETE", "/schedules/{scheduleId}")

ISSUE_TOKEN: Route[OAuth2] = Route(f"POST {OAUTH2.prefix}/token", OAUTH2)

ROUTES: tuple[Route[Dialect], ...] = tuple(value for value in globals().values() if isinstance(value, Route))
