"""Moving a job over HTTP, through the real store: what callers are told, when it starts, and who may."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from jobs.model import DAY, HOUR, SECOND
from jobs.tenants import Scope

from tests.integration.conftest import NO_KEY
from tests.integration.test_limited_keys import called, limited, refusal

if TYPE_CHECKING:
    from tests.integration.conftest import Answered, Service

NOT_MOVABLE = "only a scheduled job that was never started can be moved; the job is "


def move(service: Service, start_at: object, **changes: Any) -> Answered:
    return service.http("move_job", "public", body=json.dumps({"startAt": start_at}), **changes)


def details(service: Service) -> dict[str, Any]:
    shown: dict[str, Any] = service.http("get_job", "public_details").json["data"]
    return shown


def test_a_job_is_moved_and_only_its_start_changes(service: Service) -> None:
    created = service.create()
    before = details(service)
    at = created["createdAt"] + DAY

    answer = move(service, at)

    assert (answer.status, answer.json) == (200, {"data": {**created, "startAt": at}})
    assert details(service) == {**before, "startAt": at}
    assert service.http("get_job", "public").json == answer.json


def test_a_time_in_iso_8601_is_taken_too(service: Service) -> None:
    at = service.create()["createdAt"] // SECOND * SECOND + HOUR

    answer = move(service, datetime.fromtimestamp(at / SECOND, UTC).isoformat())

    assert (answer.status, answer.json["data"]["startAt"]) == (200, at)


def test_a_hint_of_the_time_before_starts_nothing_and_one_of_the_new_time_does(service: Service) -> None:
    created = service.create()
    [old] = service.hints()
    move(service, created["createdAt"] + DAY)

    service.invoke("start_jobs", {"Records": [{"messageId": "1", "body": old["Body"]}]})
    assert details(service)["status"] == "scheduled"
    assert service.hints() == []
    move(service, 0)
    [new] = service.hints()
    service.invoke("start_jobs", {"Records": [{"messageId": "2", "body": new["Body"]}]})

    shown = details(service)
    assert (shown["status"], shown["startAt"]) == ("running", 0)
    refused = move(service, 0)
    assert (refused.status, refused.json) == (409, {"error": f"{NOT_MOVABLE}running"})


def test_a_cancelled_job_and_one_that_was_retried_are_not_moved(service: Service) -> None:
    service.create()
    service.http("cancel_job", "public")
    assert (move(service, 0).status, move(service, 0).json) == (409, {"error": f"{NOT_MOVABLE}cancelled"})

    service.http("create_job", "public_retry")
    assert (move(service, 0).status, move(service, 0).json) == (409, {"error": f"{NOT_MOVABLE}at attempt 2"})


@pytest.mark.parametrize(("job_id", "status"), [("9", 404), ("0", 404), ("-1", 404), ("9" * 30, 404), ("x", 400)])
def test_no_job_is_no_job_to_move(service: Service, job_id: str, status: int) -> None:
    assert move(service, 0, path={"jobId": job_id}).status == status


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", '{"startAt": null}', '{"startAt": 1795219200}', '{"startAt": 0, "startAt": 1}', "{"]
)
def test_a_bad_body_is_refused_and_moves_nothing(service: Service, body: str) -> None:
    service.create()
    before = details(service)

    answer = service.http("move_job", "public", body=body)

    assert answer.status == 400
    assert list(answer.json) == ["error"]
    assert details(service) == before


def test_a_replay_of_the_creation_shows_the_moved_job(service: Service) -> None:
    first = service.http("create_job", "public")
    moved = move(service, first.json["data"]["createdAt"] + DAY)

    again = service.http("create_job", "public")

    assert (again.status, again.json) == (200, moved.json)


def test_a_key_that_creates_no_deletion_moves_none(service: Service) -> None:
    key = limited(service, Scope.CREATE)
    both = limited(service, Scope.CREATE, Scope.DELETE_USERS)
    body = '{"startAt": 0}'
    assert service.http("create_job", "public_delete_user").status == 200

    refused = called(service, "move_job", "public", key, body=body)

    assert (refused.status, refused.json) == (403, refusal("public", Scope.DELETE_USERS))
    assert called(service, "move_job", "public", both, body=body).status == 200
    assert called(service, "move_job", "public", key, body=body, path={"jobId": "9"}).status == 404
    assert called(service, "create_job", "public", key, headers=NO_KEY).status == 201
    assert called(service, "move_job", "public", key, body=body, path={"jobId": "2"}).status == 200
