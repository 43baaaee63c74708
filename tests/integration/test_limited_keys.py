"""What a limited key may do on each route, and how many jobs a limited project lets callers create."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from jobs.dialects.routes import ROUTES
from jobs.runtime import wiring
from jobs.tenancy import access
from jobs.tenants import Credential, Scope

from tests.architecture.project import ROOT
from tests.integration.conftest import NO_KEY, OTHER_PROJECT_KEY, PROJECT_KEY
from tests.stores import an_admin

if TYPE_CHECKING:
    from tests.integration.conftest import Answered, Service

SCOPES = {route.key: route.scopes for route in ROUTES if route.scopes}
EVENTS = {path: json.loads(path.read_text()) for path in sorted((ROOT / "events").rglob("*.json"))}
#: The calls of `events/` that a key opens: function, case, and the scopes of the route.
CALLS = [
    (path.parent.name, path.stem, SCOPES[event["routeKey"]])
    for path, event in EVENTS.items()
    if event.get("routeKey") in SCOPES
]


def limited(service: Service, *scopes: Scope, projects: frozenset[int] = frozenset()) -> str:
    """Store a key with these limits and return it."""
    key = access.new_secret(access.KEY_PREFIX)
    credential = Credential(
        credential_id=f"key-{key[-8:]}", organisation_id=1, scopes=frozenset(scopes), projects=projects
    )
    an_admin(service.dynamodb).add_credential(credential, access.digest_of(key))
    return key


def called(service: Service, function: str, case: str, key: str, **changes: Any) -> Answered:
    scheme = "" if case.startswith("openreplay_v1") else "Bearer "
    headers = {"authorization": scheme + key, **changes.pop("headers", {})}
    return service.http(function, case, headers=headers, **changes)


def refusal(case: str, *scopes: Scope) -> dict[str, Any]:
    sentence = "the API key has no scope " + " or ".join(f"'{scope}'" for scope in scopes)
    return {"errors": [sentence]} if case.startswith("openreplay_v1") else {"error": sentence}


def test_every_route_that_keys_open_is_called() -> None:
    assert {event["routeKey"] for event in EVENTS.values() if event.get("routeKey") in SCOPES} == set(SCOPES)


@pytest.mark.parametrize("has", list(Scope))
@pytest.mark.parametrize(("function", "case", "needs"), CALLS)
def test_a_key_with_one_scope_opens_the_routes_that_name_it_alone(
    service: Service, function: str, case: str, needs: tuple[Scope, ...], has: Scope
) -> None:
    before = service.dynamodb.scan(TableName="jobs")["Count"] + 2  # the key and its entry

    answer = called(service, function, case, limited(service, has))

    if has in needs:
        assert answer.status not in {401, 403}
    else:
        assert (answer.status, answer.json) == (403, refusal(case, *needs))
        assert service.dynamodb.scan(TableName="jobs")["Count"] == before + 1  # and the audit's entry


@pytest.mark.parametrize(("function", "case", "needs"), CALLS)
def test_a_foreign_project_and_one_that_a_key_is_not_for_are_not_found_whatever_the_scope(
    service: Service, function: str, case: str, needs: tuple[Scope, ...]
) -> None:
    second = an_admin(service.dynamodb).add_project(1, "Second", "second", b"secret", 9)
    of_second = limited(service, *needs, projects=frozenset({second.project_id}))
    unknown = called(service, function, case, of_second, path={"projectKey": "unknown"})
    assert unknown.status == 404

    for key, project_key in ((of_second, PROJECT_KEY), (of_second, OTHER_PROJECT_KEY), (limited(service), "unknown")):
        assert called(service, function, case, key, path={"projectKey": project_key}) == unknown
    assert called(service, function, case, of_second, path={"projectKey": "second"}).text != unknown.text


def test_a_deletion_needs_its_scope_by_whatever_route_it_is_made_or_retried(service: Service) -> None:
    key = limited(service, Scope.READ, Scope.CREATE, Scope.CANCEL)
    both = limited(service, Scope.CREATE, Scope.DELETE_USERS)
    refused = (403, refusal("public", Scope.DELETE_USERS))
    deletion = json.dumps({"action": "delete_user_data", "referenceId": "u"})

    def create(key: str) -> Answered:
        return called(service, "create_job", "public", key, body=deletion, headers=NO_KEY)

    def retry(key: str) -> Answered:
        return called(service, "create_job", "public_retry", key)

    assert (create(key).status, create(key).json) == refused
    assert create(both).status == 201
    assert called(service, "cancel_job", "public", key).status == 200
    assert (retry(key).status, retry(key).json) == refused
    assert retry(both).status == 200
    assert called(service, "cancel_job", "public", key).status == 200
    # of a job that does not exist, nothing else is said
    assert called(service, "create_job", "public_retry", key, path={"jobId": "9"}).status == 404


def test_any_other_job_is_created_and_retried_without_it(service: Service) -> None:
    key = limited(service, Scope.CREATE)

    assert called(service, "create_job", "public", key, headers=NO_KEY).status == 201
    service.http("cancel_job", "public")
    assert called(service, "create_job", "public_retry", key).status == 200


def test_the_history_names_the_kind_of_each_actor(service: Service) -> None:
    service.create()
    service.http("cancel_job", "openreplay_v1")
    service.run_workflow()

    details = [service.http("get_job", "public_details", path={"jobId": f"{number}"}) for number in (1, 2)]

    assert [[change["by"] for change in job.json["data"]["history"]] for job in details] == [
        ["key:key-demo", "key:key-demo"],
        ["client:0123456789abcdef01234567"],
    ]


# ---- creations a minute -------------------------------------------------------------------------------------------


def test_callers_create_as_many_jobs_a_minute_as_the_project_lets_them(service: Service) -> None:
    an_admin(service.dynamodb).set_limits(1, 2)
    service.create()
    service.create()
    sentence = "this project may create 2 jobs a minute"

    refused = {
        case: service.http("create_job", case, headers=NO_KEY if case == "public" else {})
        for case in ("public", "public_delete_user", "openreplay_v1_delete_user", "alteryx_v3_run_workflow")
    }

    assert {case: (answer.status, answer.json) for case, answer in refused.items()} == {
        "public": (429, {"error": sentence}),
        "public_delete_user": (429, {"error": sentence}),
        "openreplay_v1_delete_user": (429, {"errors": [sentence]}),
        "alteryx_v3_run_workflow": (429, {"message": sentence}),
    }
    assert all(0 < int(answer.headers["Retry-After"]) <= 60 for answer in refused.values())
    assert service.http("list_jobs", "public").headers["X-Total-Count"] == "2"
    # a retry creates no job
    service.http("cancel_job", "public")
    assert service.http("create_job", "public_retry").status == 200


def test_a_limit_holds_within_the_time_that_a_project_is_remembered_and_can_be_taken_off(service: Service) -> None:
    admin = an_admin(service.dynamodb)
    admin.set_limits(1, 1)
    service.create()
    assert service.http("create_job", "public", headers=NO_KEY).status == 429

    admin.set_limits(1, None)
    wiring.clear()  # what was believed of the project
    assert service.http("create_job", "public", headers=NO_KEY).status == 201
