"""Every route, once. Functions register theirs from here, and the template must have the same ones.

A route's dialect also decides which credential opens it: API keys the routes of projects, access tokens Alteryx'
routes, and the secret of a client the token endpoint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from jobs.dialects.registry import ALTERYX_V3, OAUTH2, OPENREPLAY_V1, PUBLIC
from jobs.tenants import Scope

if TYPE_CHECKING:
    from jobs.dialects.alteryx_v3 import AlteryxV3
    from jobs.dialects.base import Dialect, ProjectDialect
    from jobs.dialects.oauth2 import OAuth2

AnyDialect = TypeVar("AnyDialect", bound="Dialect")


class Route(NamedTuple, Generic[AnyDialect]):
    """A method and a path, in the form of API Gateway's `routeKey`, and the dialect of its answers."""

    key: str
    dialect: AnyDialect
    #: What an API key that is limited needs for it; None where no API key opens the route.
    scope: Scope | None = None


def _project(dialect: ProjectDialect, method: str, path: str, scope: Scope) -> Route[ProjectDialect]:
    return Route(f"{method} {dialect.prefix}/{{projectKey}}{path}", dialect, scope)


def _alteryx(method: str, path: str) -> Route[AlteryxV3]:
    return Route(f"{method} {ALTERYX_V3.prefix}{path}", ALTERYX_V3)


OPENREPLAY_LIST_JOBS = _project(OPENREPLAY_V1, "GET", "/jobs", Scope.READ)
OPENREPLAY_GET_JOB = _project(OPENREPLAY_V1, "GET", "/jobs/{jobId}", Scope.READ)
OPENREPLAY_CANCEL_JOB = _project(OPENREPLAY_V1, "DELETE", "/jobs/{jobId}", Scope.CANCEL)
OPENREPLAY_DELETE_USER = _project(OPENREPLAY_V1, "DELETE", "/users/{userId+}", Scope.DELETE_USERS)

PUBLIC_LIST_JOBS = _project(PUBLIC, "GET", "/jobs", Scope.READ)
PUBLIC_CREATE_JOB = _project(PUBLIC, "POST", "/jobs", Scope.CREATE)
PUBLIC_GET_JOB = _project(PUBLIC, "GET", "/jobs/{jobId}", Scope.READ)
PUBLIC_CANCEL_JOB = _project(PUBLIC, "DELETE", "/jobs/{jobId}", Scope.CANCEL)
PUBLIC_RETRY_JOB = _project(PUBLIC, "POST", "/jobs/{jobId}/retry", Scope.CREATE)
PUBLIC_GET_MESSAGES = _project(PUBLIC, "GET", "/jobs/{jobId}/messages", Scope.READ)
PUBLIC_DELETE_USER = _project(PUBLIC, "DELETE", "/users/{userId+}", Scope.DELETE_USERS)

ALTERYX_LIST_JOBS = _alteryx("GET", "/jobs")
ALTERYX_GET_JOB = _alteryx("GET", "/jobs/{jobId}")
ALTERYX_CANCEL_JOB = _alteryx("DELETE", "/jobs/{jobId}")
ALTERYX_GET_MESSAGES = _alteryx("GET", "/jobs/{jobId}/messages")
ALTERYX_LIST_WORKFLOWS = _alteryx("GET", "/workflows")
ALTERYX_GET_WORKFLOW = _alteryx("GET", "/workflows/{workflowId}")
ALTERYX_GET_QUESTIONS = _alteryx("GET", "/workflows/{workflowId}/questions")
ALTERYX_LIST_WORKFLOW_JOBS = _alteryx("GET", "/workflows/{workflowId}/jobs")
ALTERYX_RUN_WORKFLOW = _alteryx("POST", "/workflows/{workflowId}/jobs")

ISSUE_TOKEN: Route[OAuth2] = Route(f"POST {OAUTH2.prefix}/token", OAUTH2)

ROUTES: tuple[Route[Dialect], ...] = tuple(value for value in globals().values() if isinstance(value, Route))
