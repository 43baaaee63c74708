"""Each call of both dialects through the real handlers, with the events that `sam local` gets too."""

from __future__ import annotations

import io
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from jobs.model import DAY, Status
from jobs.runtime import observability, wiring
from jobs.store.jobs import DynamoDBJobStore
from jobs.tenants import ListOrder

from tests.integration.conftest import API_KEY, NO_KEY, OTHER_PROJECT_KEY, Service, following
from tests.stores import an_admin

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.conftest import Answered

#: Every route that names a project, by the event that calls it.
ROUTES = [
    ("list_jobs", "openreplay_v1"),
    ("list_jobs", "public"),
    ("get_job", "openreplay_v1"),
    ("get_job", "public"),
    ("cancel_job", "openreplay_v1"),
    ("cancel_job", "public"),
    ("move_job", "public"),
    ("create_job", "public"),
    ("create_job", "openreplay_v1_delete_user"),
    ("create_job", "public_delete_user"),
]
UNAUTHORIZED = {"openreplay_v1": '{"errors":["Invalid API Key"]}', "public": '{"error":"unauthorized"}'}
#: What can be wrong with an `Authorization` header although the caller has a key.
SPOILT: dict[str, Callable[[str], str | None]] = {
    "missing": lambda _: None,
    "empty": lambda _: "",
    "no key": lambda _: "Bearer ",
    "no key and no space": lambda _: "Bearer",
    "cut short": lambda key: key[:-1],
    "wrong checksum": lambda key: key[:-1] + "1",
    "unknown": lambda key: key.replace(API_KEY, UNKNOWN_KEY),
    "another scheme": lambda key: f"Basic {key}",
    "doubled scheme": lambda key: f"Bearer Bearer {key}",
    "line end": lambda key: key + "\n",
}
#: Well-formed, with the right checksum, and unknown.
UNKNOWN_KEY = "jk_0000000000000000000000000000000000000000963fbb8e"


def dialect(case: str) -> str:
    return "openreplay_v1" if case.startswith("openreplay_v1") else "public"


def test_a_created_job_is_shown_by_both_dialects(service: Service) -> None:
    created = service.http("create_job", "public")

    assert created.status == 201
    assert created.headers["Location"] == "https://jobs.example.com/public/3sWXSsqHgSKnE87YkNJK/jobs/1"
    job = created.json["data"]
    assert job == {
        "jobId": 1,
        "description": "Nightly export",
        "status": "scheduled",
        "projectId": 1,
        "action": "export",
        "referenceId": "",
        "createdAt": job["createdAt"],
        "updatedAt": None,
        "startAt": job["createdAt"],
        "errors": None,
    }
    assert service.http("get_job", "public").text == created.text
    in_v1 = {**job, "updatedAt": job["createdAt"]}
    assert service.http("get_job", "openreplay_v1").json == {"data": in_v1}
    assert service.http("list_jobs", "public").json == {"data": [job]}
    assert service.http("list_jobs", "openreplay_v1").json == {"data": [in_v1]}


def test_details_hold_the_parameters_and_the_history(service: Service) -> None:
    service.http("create_job", "public")
    service.http("cancel_job", "public")

    job = service.http("get_job", "public_details").json["data"]

    extension = ["params", "progress", "message", "attempt", "maxAttempts", "startedAt", "finishedAt", "timeoutAt"]
    assert list(job)[10:] == [*extension, "outputs", "errorList", "history"]
    assert job["params"] == {"format": "csv"}
    assert job["finishedAt"] == job["updatedAt"] == job["history"][1]["at"]
    made = {"by": "key:key-demo", "attempt": 1, "error": None}
    assert job["history"] == [
        {"from": None, "to": "scheduled", "at": job["createdAt"], **made},
        {"from": "scheduled", "to": "cancelled", "at": job["updatedAt"], **made},
    ]


def test_a_second_cancel_is_refused_in_the_words_of_each_dialect(service: Service) -> None:
    service.create()

    assert service.http("cancel_job", "openreplay_v1").json["data"]["status"] == "cancelled"

    again = service.http("cancel_job", "openreplay_v1")
    assert (again.status, again.text) == (
        501,
        '{"errors":["The request job has already been canceled/completed."]}',
    )
    again = service.http("cancel_job", "public")
    assert (again.status, again.text) == (400, '{"error":"the requested job has already been cancelled"}')


@pytest.mark.parametrize("function", ["get_job", "cancel_job"])
@pytest.mark.parametrize(
    ("job_id", "public"),
    [
        ("7", (404, '{"error":"job not found"}')),
        ("0", (404, '{"error":"job not found"}')),
        ("-1", (404, '{"error":"job not found"}')),
        ("9" * 15, (404, '{"error":"job not found"}')),
        pytest.param("9" * 5_000, (404, '{"error":"job not found"}'), id="of 5,000 digits"),
        ("abc", (400, '{"error":"invalid jobId: not an integer"}')),
        ("1.0", (400, '{"error":"invalid jobId: not an integer"}')),
        ("+1", (400, '{"error":"invalid jobId: not an integer"}')),
        ("1_0", (400, '{"error":"invalid jobId: not an integer"}')),
        (" 1", (400, '{"error":"invalid jobId: not an integer"}')),
        ("1\n", (400, '{"error":"invalid jobId: not an integer"}')),
        ("\u0661", (400, '{"error":"invalid jobId: not an integer"}')),
    ],
)
def test_a_job_id_that_names_no_job(service: Service, function: str, job_id: str, public: tuple[int, str]) -> None:
    answer = service.http(function, "public", path={"jobId": job_id})
    assert (answer.status, answer.text) == public

    answer = service.http(function, "openreplay_v1", path={"jobId": job_id})
    assert (answer.status, answer.text) == (404, '{"errors":["Job not found."]}')


@pytest.mark.parametrize(("function", "case"), ROUTES)
@pytest.mark.parametrize("spoilt", SPOILT)
def test_nobody_is_let_in_without_a_key(service: Service, function: str, case: str, spoilt: str) -> None:
    present = f"Bearer {API_KEY}" if dialect(case) == "public" else API_KEY

    answer = service.http(function, case, headers={"authorization": SPOILT[spoilt](present)})

    assert (answer.status, answer.text) == (401, UNAUTHORIZED[dialect(case)])
    scheme = "Bearer" if dialect(case) == "public" else "ApiKey"
    assert answer.headers == {"Content-Type": "application/json", "WWW-Authenticate": f'{scheme} realm="jobs"'}


@pytest.mark.parametrize(("function", "case"), ROUTES)
def test_a_foreign_project_answers_as_an_unknown_one_does(service: Service, function: str, case: str) -> None:
    def answer(project_key: str) -> Answered:
        return service.http(function, case, path={"projectKey": project_key})

    foreign = answer(OTHER_PROJECT_KEY)

    assert foreign.status == 404
    assert foreign.text in {'{"errors":["project not found."]}', '{"error":"project not found"}'}
    for unknown in ("8" * 20, "x", "x" * 3000, "é", " ", "#"):
        assert answer(unknown) == foreign


def test_a_user_is_deleted_at_the_next_utc_midnight(service: Service) -> None:
    first = service.http("create_job", "openreplay_v1_delete_user")

    assert first.status == 200
    job = first.json["data"]
    assert job["action"] == "delete_user_data"
    assert job["referenceId"] == "shekar@example.com"
    assert job["description"] == "Delete user sessions of userId = shekar@example.com"
    assert job["startAt"] % DAY == 0
    assert 0 < job["startAt"] - job["createdAt"] <= DAY
    details = service.http("get_job", "public_details").json["data"]
    assert details["maxAttempts"] == 3


def test_one_deletion_of_a_user_is_active_by_whatever_route_it_came(service: Service) -> None:
    path = {"userId": "shekar@example.com"}
    first = service.http("create_job", "openreplay_v1_delete_user", path=path)
    conflict = (409, '{"error":"a deletion job for this user is already scheduled or running"}')

    again = service.http("create_job", "openreplay_v1_delete_user", path=path)
    assert (again.status, again.text) == (200, first.text)
    refused = service.http("create_job", "public_delete_user", path=path)
    assert (refused.status, refused.text) == conflict
    body = json.dumps({"action": "delete_user_data", "referenceId": "shekar@example.com"})
    refused = service.http("create_job", "public", headers=NO_KEY, body=body)
    assert (refused.status, refused.text) == conflict

    service.http("cancel_job", "public")
    assert service.http("create_job", "public_delete_user", path=path).json["data"]["jobId"] == 2


def test_a_project_that_lists_its_newest_jobs_first_does_so_in_both_dialects_and_by_every_link(
    service: Service,
) -> None:
    for _ in range(5):
        service.create()
    an_admin(service.dynamodb).set_list_order(1, ListOrder.NEWEST)
    wiring.clear()

    def numbers(case: str, **query: str) -> tuple[list[int], str, str]:
        answer = service.http("list_jobs", case, queryStringParameters=query)
        shown = [job["jobId"] for job in answer.json["data"]]
        links = re.findall(r'jobs\?([^>]*)>; rel="(\w+)"', answer.headers.get("Link", ""))
        return shown, answer.headers["X-Total-Count"], " ".join(f"{relation} {to}" for to, relation in links)

    assert numbers("openreplay_v1") == ([5, 4, 3, 2, 1], "5", "")
    assert numbers("openreplay_v1", limit="2") == ([5, 4], "5", "next limit=2&before=4")
    assert numbers("openreplay_v1", limit="2", before="4") == ([3, 2], "5", "next limit=2&before=2")
    assert numbers("openreplay_v1", after="3") == ([4, 5], "5", "")
    assert numbers("public", limit="2") == ([5, 4], "5", "first limit=2&page=1 next limit=2&page=2 last limit=2&page=3")
    assert numbers("public", limit="2", page="3") == (
        [1],
        "5",
        "first limit=2&page=1 prev limit=2&page=2 last limit=2&page=3",
    )
    assert numbers("public", limit="2", before="4") == ([3, 2], "5", "next limit=2&before=2")
    assert numbers("public", limit="3", order="asc") == (
        [1, 2, 3],
        "5",
        "first order=asc&limit=3&page=1 next order=asc&limit=3&page=2 last order=asc&limit=3&page=2",
    )


def test_a_list_may_be_filtered_by_what_the_jobs_are_about(service: Service) -> None:
    for reference in ("user/1", "user/2", "user/1"):
        service.create(referenceId=reference)
    service.create(action="import", referenceId="user/1")

    def numbers(**query: str) -> list[int]:
        return [job["jobId"] for job in service.http("list_jobs", "public", queryStringParameters=query).json["data"]]

    assert numbers(referenceId="user/1") == [4, 3, 1]
    assert numbers(referenceId="user/1", action="export", status="scheduled") == [3, 1]
    assert numbers(referenceId="user/1", limit="1") == [4]
    assert numbers(referenceId="user") == []


@pytest.mark.parametrize("user_id", [" ", "\t", "x" * 257])
def test_a_user_id_out_of_bounds_is_refused(service: Service, user_id: str) -> None:
    for case in ("openreplay_v1_delete_user", "public_delete_user"):
        assert service.http("create_job", case, path={"userId": user_id}).status == 400
    assert service.http("list_jobs", "public").json == {"data": []}


def test_a_percent_sign_that_api_gateway_leaves_escaped_is_decoded_once(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USER_IDS_IN_PATHS", "any")
    wiring.clear()
    job = service.http("create_job", "public_delete_user", path={"userId": "50%25/a%252Fb"}).json["data"]

    assert job["referenceId"] == "50%/a%2Fb"


def test_a_replayed_idempotency_key_gives_the_same_job_whatever_its_state(service: Service) -> None:
    first = service.http("create_job", "public")
    body = {"description": "Nightly export", "action": "export", "params": {"format": "csv"}, "maxAttempts": 1}

    again = service.http("create_job", "public", body=json.dumps(body))
    assert (again.status, again.text) == (200, first.text)
    assert "Location" not in again.headers
    service.http("cancel_job", "public")
    assert service.http("create_job", "public").json["data"]["status"] == "cancelled"
    other = service.http("create_job", "public", body='{"action":"import"}')
    assert other.status == 422
    assert service.http("list_jobs", "public").headers["X-Total-Count"] == "1"


def test_a_replay_is_answered_before_the_rule_of_one_deletion_is_looked_at(service: Service) -> None:
    body = '{"action":"delete_user_data","referenceId":"a"}'
    first = service.http("create_job", "public", body=body)

    again = service.http("create_job", "public", body=body)

    assert (first.status, again.status, again.text) == (201, 200, first.text)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("", "body"),
        ("[]", "body"),
        ("null", "body"),
        ("{", "body"),
        ('{"action":"a","params":{"x":NaN}}', "body"),
        ('{"action":"a","params":{"x":1e999}}', "body"),
        ('{"action":"a","description":"\\ud800"}', "description"),
        ('{"action":"a","action":"b"}', "body"),
        ('{"action":"a","maxAttempts":%s}' % ("9" * 20), "body"),
        ('{"action":"a","maxAttempts":1e400}', "body"),
        ("[" * 100_000, "body"),
        ("{}", "action"),
        ('{"action":""}', "action"),
        ('{"action":"Export"}', "action"),
        ('{"action":"export\\n"}', "action"),
        (json.dumps({"action": "a" * 65}), "action"),
        ('{"action":1}', "action"),
        (json.dumps({"action": "a", "description": "x" * 1025}), "description"),
        (json.dumps({"action": "a", "referenceId": "x" * 257}), "referenceId"),
        ('{"action":"a","startAt":"2026-11-21"}', "startAt"),
        ('{"action":"a","startAt":1.5}', "startAt"),
        ('{"action":"a","startAt":true}', "startAt"),
        ('{"action":"a","startAt":-99999999999999999}', "startAt"),
        ('{"action":"a","startAt":99999999999999}', "startAt"),
        ('{"action":"a","params":[]}', "params"),
        (json.dumps({"action": "a", "params": {"x": "y" * 33_000}}), "params"),
        ('{"action":"a","params":' + '{"x":' * 16 + "{}" + "}" * 16 + "}", "params"),
        ('{"action":"a","maxAttempts":0}', "maxAttempts"),
        ('{"action":"a","maxAttempts":21}', "maxAttempts"),
        ('{"action":"a","timeoutSeconds":0}', "timeoutSeconds"),
        ('{"action":"a","timeoutSeconds":31536001}', "timeoutSeconds"),
        ('{"action":"a","priority":"High"}', "priority"),
        ('{"action":"delete_user_data"}', "referenceId"),
        ('{"action":"delete_user_data","referenceId":" "}', "referenceId"),
    ],
)
def test_a_bad_body_is_refused_by_the_name_of_the_field_and_writes_nothing(
    service: Service, body: str, field: str
) -> None:
    answer = service.http("create_job", "public", body=body)

    assert answer.status == 400, answer
    assert answer.json["error"].startswith(f"{field}: ")
    assert service.http("list_jobs", "public").json == {"data": []}


def test_what_is_just_within_bounds_is_created(service: Service) -> None:
    deep: dict[str, Any] = {}
    for _ in range(15):
        deep = {"x": deep}
    job = service.create(
        action="a" * 64,
        description="é" * 1024,
        referenceId="🙂" * 256,
        startAt=0,
        params=deep,
        maxAttempts=20,
        timeoutSeconds=31_536_000,
    )

    assert job["startAt"] == 0
    assert service.http("get_job", "public_details").json["data"]["params"] == deep


def test_a_body_over_256_kb_is_413_however_it_is_encoded(service: Service) -> None:
    answer = service.http("create_job", "public", body=" " * 262_145)
    assert answer.status == 413
    answer = service.http("create_job", "public", body="IAAg" * 87_382, isBase64Encoded=True)
    assert answer.status == 413
    assert service.http("create_job", "public", body="{}".ljust(262_144)).status == 400


@pytest.mark.parametrize("body", ["not base64", "/w=="])
def test_a_body_that_is_no_text_is_refused(service: Service, body: str) -> None:
    assert service.http("create_job", "public", body=body, isBase64Encoded=True).status == 400


@pytest.mark.parametrize("key", ["", "x" * 256, "ä", "a\tb"])
def test_a_bad_idempotency_key_is_refused(service: Service, key: str) -> None:
    answer = service.http("create_job", "public", headers={"idempotency-key": key})

    assert answer.status == 400
    assert answer.json["error"].startswith("Idempotency-Key: ")


@pytest.mark.parametrize(
    ("query", "ids", "links"),
    [
        ({}, [1, 2, 3, 4, 5], {"first": (50, 1), "last": (50, 1)}),
        ({"limit": "2"}, [1, 2], {"first": (2, 1), "next": (2, 2), "last": (2, 3)}),
        ({"limit": "2", "page": "2"}, [3, 4], {"first": (2, 1), "prev": (2, 1), "next": (2, 3), "last": (2, 3)}),
        ({"limit": "2", "page": "3"}, [5], {"first": (2, 1), "prev": (2, 2), "last": (2, 3)}),
        ({"limit": "2", "page": "9"}, [], {"first": (2, 1), "prev": (2, 3), "last": (2, 3)}),
        ({"limit": "2", "page": "9" * 15}, [], {"first": (2, 1), "prev": (2, 3), "last": (2, 3)}),
        ({"limit": "0", "page": "0"}, [1, 2, 3, 4, 5], {"first": (50, 1), "last": (50, 1)}),
        ({"limit": "201", "page": "-1"}, [1, 2, 3, 4, 5], {"first": (50, 1), "last": (50, 1)}),
        ({"limit": "x", "page": "y"}, [1, 2, 3, 4, 5], {"first": (50, 1), "last": (50, 1)}),
        ({"limit": "2,3", "page": "1e1"}, [1, 2, 3, 4, 5], {"first": (50, 1), "last": (50, 1)}),
        ({"limit": "200"}, [1, 2, 3, 4, 5], {"first": (200, 1), "last": (200, 1)}),
    ],
)
def test_public_pages(
    service: Service, query: dict[str, str], ids: list[int], links: dict[str, tuple[int, int]]
) -> None:
    for _ in range(5):
        service.create()

    answer = service.http("list_jobs", "public", queryStringParameters=query)

    assert [job["jobId"] for job in answer.json["data"]] == ids
    assert answer.headers["X-Total-Count"] == "5"
    base = "https://jobs.example.com/public/3sWXSsqHgSKnE87YkNJK/jobs"
    assert answer.headers["Link"] == ", ".join(
        f'<{base}?limit={limit}&page={page}>; rel="{relation}"' for relation, (limit, page) in links.items()
    )


def newest(service: Service, **query: str) -> Answered:
    return service.http("list_jobs", "public_filtered", queryStringParameters=query)


def ids(answer: Answered) -> list[int]:
    assert answer.status == 200, answer
    return [job["jobId"] for job in answer.json["data"]]


@pytest.fixture
def mixed(service: Service) -> Service:
    """Ten jobs: every third one is an import, every second one is cancelled."""
    for number in range(1, 11):
        service.create(action="import" if number % 3 == 0 else "export", description=f"{number}")
        if number % 2 == 0:
            service.http("cancel_job", "public", path={"jobId": str(number)})
    return service


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"order": "desc"}, [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]),
        ({"status": "cancelled"}, [10, 8, 6, 4, 2]),
        ({"status": "scheduled,cancelled", "action": "import"}, [9, 6, 3]),
        ({"action": "import,export", "status": "scheduled"}, [9, 7, 5, 3, 1]),
        ({"action": "never"}, []),
        ({"status": "failed"}, []),
        ({"order": "asc"}, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        ({"order": "asc", "limit": "3", "page": "2"}, [4, 5, 6]),
    ],
)
def test_a_list_is_filtered_by_status_and_action(mixed: Service, query: dict[str, str], found: list[int]) -> None:
    answer = newest(mixed, **query)

    assert ids(answer) == found
    shown = {job["jobId"]: job for job in mixed.http("list_jobs", "public").json["data"]}
    assert answer.json["data"] == [shown[number] for number in found]


def test_the_example_event_of_a_filtered_list_is_one(service: Service) -> None:
    for number in (1, 2):
        service.create()
        service.http("cancel_job", "public", path={"jobId": str(number)})
    service.create()

    assert ids(service.http("list_jobs", "public_filtered")) == [2, 1]


def test_a_filtered_list_is_walked_by_its_links(mixed: Service) -> None:
    first = newest(mixed, status="scheduled", action="import,export", limit="2")
    second = newest(mixed, **following(first))
    third = newest(mixed, **following(second))

    assert [ids(answer) for answer in (first, second, third)] == [[9, 7], [5, 3], [1]]
    assert "Link" not in third.headers
    assert "X-Total-Count" not in first.headers
    onward = following(first)
    assert onward.pop("cursor")
    assert onward == {"order": "desc", "status": "scheduled", "action": "export,import", "limit": "2"}


def test_a_list_from_the_newest_on_tells_how_many_there_are_and_is_walked_by_its_links(mixed: Service) -> None:
    first = newest(mixed, order="desc", limit="4")
    mixed.create()
    second = newest(mixed, **following(first))
    third = newest(mixed, cursor=following(second)["cursor"])

    assert [ids(answer) for answer in (first, second, third)] == [[10, 9, 8, 7], [6, 5, 4, 3], [2, 1]]
    assert [answer.headers["X-Total-Count"] for answer in (first, second, third)] == ["10", "11", "11"]
    assert "Link" not in third.headers


def test_a_project_without_jobs_has_no_newest_one(service: Service) -> None:
    answer = newest(service, order="desc")

    assert (answer.text, answer.headers) == (
        '{"data":[]}',
        {"Content-Type": "application/json", "X-Total-Count": "0"},
    )
    assert newest(service, status="failed").headers == {"Content-Type": "application/json"}


def test_a_cursor_serves_its_own_project_and_filter_alone_and_any_limit(mixed: Service) -> None:
    directory = an_admin(mixed.dynamodb)
    directory.add_project(1, "Second", "2ndProjectOfTheSameO", b"another secret", 2)
    for _ in range(3):
        mixed.create()
    found = newest(mixed, status="scheduled,cancelled", limit="2")
    cursor = following(found)["cursor"]
    own = {"status": "cancelled,scheduled", "cursor": cursor}

    assert ids(newest(mixed, **own, limit="3", order="desc")) == [11, 10, 9]
    for query in (
        {**own, "status": "scheduled"},
        {**own, "action": "export"},
        {"order": "desc", "cursor": cursor},
        {"cursor": cursor},
        {**own, "cursor": f"{cursor},{cursor}"},
        *(
            {**own, "cursor": cursor[:at] + ("B" if cursor[at] == "A" else "A") + cursor[at + 1 :]}
            for at in (0, 20, -1)
        ),
    ):
        refused = newest(mixed, **query)
        assert (refused.status, refused.text) == (400, '{"error":"cursor: is not one of this list"}'), query
    foreign = mixed.http(
        "list_jobs", "public_filtered", queryStringParameters=own, path={"projectKey": "2ndProjectOfTheSameO"}
    )
    assert (foreign.status, foreign.text) == (400, '{"error":"cursor: is not one of this list"}')


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"order": "up"}, "order: must be asc or desc"),
        (
            {"order": "asc", "status": "failed"},
            "order: must be desc where status, action, referenceId or cursor is given",
        ),
        ({"order": "desc", "page": "2"}, "page: is for lists without filter or cursor; here follow the Link header"),
        (
            {"status": "done"},
            f"status: must be one of {', '.join(Status)}, or several of these joined by commas",
        ),
        ({"action": "A"}, "action: must be 1 to 64 of a-z, 0-9, _, . and -, or several of these joined by commas"),
        ({"cursor": "x"}, "cursor: is not one of this list"),
    ],
)
def test_a_bad_parameter_of_a_walk_is_refused_by_its_name(
    service: Service, query: dict[str, str], sentence: str
) -> None:
    refused = newest(service, **query)

    assert (refused.status, refused.json) == (400, {"error": sentence})


def test_v1_knows_no_filter(mixed: Service) -> None:
    query = {"order": "desc", "status": "failed", "cursor": "x"}

    answer = mixed.http("list_jobs", "openreplay_v1", queryStringParameters=query)

    assert ids(answer) == list(range(1, 11))


def test_v1_lists_everything_behind_a_job(service: Service) -> None:
    for _ in range(3):
        service.create()

    answer = service.http("list_jobs", "openreplay_v1", queryStringParameters={"after": "1"})

    assert [job["jobId"] for job in answer.json["data"]] == [2, 3]
    assert answer.headers["X-Total-Count"] == "3"
    assert "Link" not in answer.headers
    bad = service.http("list_jobs", "openreplay_v1", queryStringParameters={"after": "x"})
    assert (bad.status, list(bad.json)) == (400, ["errors"])


def test_an_unknown_include_is_refused(service: Service) -> None:
    service.create()

    assert service.http("get_job", "public", queryStringParameters={"include": "all"}).status == 400


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/api/v1/x/tasks", 404, '{"errors":["Not found."]}'),
        ("/public", 404, '{"error":"not found"}'),
        ("/publicity", 404, '{"message":"Not Found"}'),
        ("/", 404, '{"message":"Not Found"}'),
        ("//", 404, '{"message":"Not Found"}'),
    ],
)
def test_an_unknown_path_is_404_in_the_dialect_of_its_prefix(
    service: Service, path: str, status: int, text: str
) -> None:
    answer = service.http("answer_unrouted", "unknown_path", rawPath=path)

    assert (answer.status, answer.text) == (status, text)


@pytest.mark.parametrize(
    ("path", "query", "location"),
    [
        ("/public/x/jobs/", "limit=2&page=1", "/public/x/jobs?limit=2&page=1"),
        ("/public/x/jobs///", "", "/public/x/jobs"),
        ("//evil.example/", "", "/evil.example"),
        ("/\\evil.example/", "", "/%5Cevil.example"),
        ("/a\r\nset-cookie: b/", "c=\r\nd", "/a%0D%0Aset-cookie%3A%20b?c=%0D%0Ad"),
    ],
)
def test_a_trailing_slash_is_redirected_within_this_host(
    service: Service, path: str, query: str, location: str
) -> None:
    answer = service.http("answer_unrouted", "trailing_slash", rawPath=path, rawQueryString=query)

    assert (answer.status, answer.headers["Location"]) == (308, location)


def test_a_failure_inside_is_a_500_that_says_nothing_of_the_inside(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr(DynamoDBJobStore, "get_job", broken)

    for case, body in (
        ("openreplay_v1", '{"errors":["internal error, request id request-id"]}'),
        ("public", '{"error":"internal error, request id request-id"}'),
    ):
        answer = service.http("get_job", case)
        assert (answer.status, answer.text) == (500, body)


def test_no_user_id_and_no_key_reaches_the_logs(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    monkeypatch.setattr(observability.logger().registered_handler, "stream", log)
    service.http("create_job", "public_delete_user")
    service.http("get_job", "public_details")
    service.http("cancel_job", "public")

    assert "answered" in log.getvalue()
    assert "mehdi" not in log.getvalue()
    assert API_KEY not in log.getvalue()
