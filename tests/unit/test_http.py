"""From an event of API Gateway to an answer, over fakes: who gets in, in what order, and that nothing escapes."""

from __future__ import annotations

import base64
import gzip
import importlib
import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobs import errors
from jobs.dialects import routes
from jobs.dialects.base import Answer
from jobs.dialects.routes import ROUTES as ALL_ROUTES
from jobs.dialects.routes import Route
from jobs.model import Status
from jobs.runtime import observability, wiring
from jobs.runtime import unrouted as unrouted_module
from jobs.runtime.http import Api
from jobs.runtime.unrouted import answer_unrouted
from jobs.tenancy import access
from jobs.tenants import AccessToken, Principal, Scope

from tests.architecture.project import FOLDERS
from tests.builders import NOW, ORGANISATION, a_client, a_credential, a_job, a_project, a_user
from tests.fakes import FakeDirectory, World

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from jobs.dialects.base import Call, ClientCall, UserCall

#: With the right checksums, and written out: they are part of the names of tests, which must be equal in each process.
KEY = "jk_1111111111111111111111111111111111111111492f0064"
SECRET = "js_2222222222222222222222222222222222222222f36fca1b"
TOKEN = "jt_33333333333333333333333333333333333333332c7f71f1"
CLIENT = a_client(secret_digest=access.digest_of(SECRET))
PROJECT = a_project()
FOREIGN = a_project(project_id=2, organisation_id=ORGANISATION + 1, project_key="9qLmZaTbRcVdWeXfYgHi")
CONTEXT = cast("LambdaContext", object())
V1 = routes.OPENREPLAY_GET_JOB.key
PUBLIC = routes.PUBLIC_GET_JOB.key
V3 = routes.ALTERYX_GET_JOB.key
TOKENS = routes.ISSUE_TOKEN.key


def an_event(route: str, **overrides: Any) -> dict[str, Any]:
    """An event of payload format 2.0 from a caller who may come in."""
    path = {"projectKey": PROJECT.project_key, "jobId": "1", **overrides.pop("path", {})}
    raw = route.partition(" ")[2]
    for name, value in path.items():
        raw = raw.replace(f"{{{name}}}", value).replace(f"{{{name}+}}", value)
    values: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route,
        "rawPath": raw,
        "rawQueryString": "",
        "headers": {
            "authorization": KEY if "/v1/" in route else f"Bearer {KEY}",
            "host": "jobs.example.com",
            "x-forwarded-proto": "https",
        },
        "requestContext": {"requestId": "request-1", "domainName": "jobs.example.com"},
        "pathParameters": path,
        "isBase64Encoded": False,
    }
    headers = {**values["headers"], **overrides.pop("headers", {})}
    return {**values, "headers": {name: value for name, value in headers.items() if value is not None}, **overrides}


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> FakeDirectory:
    registry = FakeDirectory()
    registry.credentials[access.digest_of(KEY)] = a_credential()
    registry.projects = {project.project_key: project for project in (PROJECT, FOREIGN)}
    registry.clients[CLIENT.client_id] = CLIENT
    registry.users[ORGANISATION, CLIENT.user_id] = a_user()
    registry.tokens[access.digest_of(TOKEN)] = AccessToken(client_id=CLIENT.client_id, expires_at=NOW + 1)
    monkeypatch.setattr(wiring, "ports", lambda: World(directory=registry))
    return registry


class Recorder:
    """A handler on both dialects that remembers its calls."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.error: Exception | None = None
        self.api = Api()
        self.api.route(
            routes.OPENREPLAY_GET_JOB, routes.PUBLIC_GET_JOB, routes.PUBLIC_CREATE_JOB, routes.PUBLIC_DELETE_USER
        )(self)

    def __call__(self, call: Call) -> Answer:
        self.calls.append(call)
        if self.error is not None:
            raise self.error
        return Answer(200, '{"data":null}', {"X-Total-Count": "3"})

    def answer(self, route: str, **overrides: Any) -> dict[str, Any]:
        return self.api(an_event(route, **overrides), CONTEXT)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.mark.parametrize("route", [V1, PUBLIC])
def test_a_caller_with_a_key_comes_in(recorder: Recorder, route: str) -> None:
    query = {"include": "details"}
    answer = recorder.answer(route, queryStringParameters=query)

    assert answer == {
        "statusCode": 200,
        "headers": {"Content-Type": "application/json", "X-Total-Count": "3"},
        "body": '{"data":null}',
        "isBase64Encoded": False,
    }
    (call,) = recorder.calls
    assert (call.project, call.credential, call.query) == (PROJECT, a_credential(), query)
    assert call.path == {"projectKey": PROJECT.project_key, "jobId": "1"}
    assert call.dialect.prefix == ("/api/v1" if route is V1 else "/public")


@pytest.mark.parametrize("name", ["authorization", "Authorization", "AUTHORIZATION"])
def test_header_names_are_case_insensitive(recorder: Recorder, name: str) -> None:
    assert recorder.answer(V1, headers={"authorization": None, name: KEY})["statusCode"] == 200


@pytest.mark.parametrize("project", [PROJECT.project_key, FOREIGN.project_key, "unknown"])
@pytest.mark.parametrize("header", [None, "", "jk_x", "Basic x", f"Bearer Bearer {KEY}", f"{KEY},{KEY}"])
@pytest.mark.parametrize(
    ("route", "body"), [(V1, '{"errors":["Invalid API Key"]}'), (PUBLIC, '{"error":"unauthorized"}')]
)
def test_nobody_without_a_key_learns_whether_a_project_exists(
    recorder: Recorder, route: str, body: str, header: str | None, project: str
) -> None:
    answer = recorder.answer(route, headers={"authorization": header}, path={"projectKey": project})

    assert (answer["statusCode"], answer["body"]) == (401, body)
    assert recorder.calls == []


@pytest.mark.parametrize("header", [f"Bearer {KEY}", f" {KEY}", f"{KEY} "])
def test_v1_takes_the_bare_key_alone(recorder: Recorder, header: str) -> None:
    assert recorder.answer(V1, headers={"authorization": header})["statusCode"] == 401


@pytest.mark.parametrize("route", [V1, PUBLIC])
def test_a_foreign_project_and_an_unknown_one_are_answered_byte_for_byte_alike(recorder: Recorder, route: str) -> None:
    foreign, unknown, impossible = (
        recorder.answer(route, path={"projectKey": key}) for key in (FOREIGN.project_key, "0" * 20, "a#b/%")
    )

    assert foreign == unknown == impossible
    assert foreign["statusCode"] == 404
    assert recorder.calls == []


def test_a_key_is_looked_at_before_the_body_and_the_project_too(recorder: Recorder) -> None:
    """A stranger learns nothing about a request, and costs no work."""
    too_large = "x" * (256 * 1024 + 1)
    route = "POST /public/{projectKey}/jobs"

    assert recorder.answer(route, body=too_large, headers={"authorization": None})["statusCode"] == 401
    assert recorder.answer(route, body=too_large, path={"projectKey": FOREIGN.project_key})["statusCode"] == 404
    assert recorder.answer(route, body=too_large)["statusCode"] == 413


@pytest.mark.parametrize(("size", "status"), [(256 * 1024, 200), (256 * 1024 + 1, 413)])
@pytest.mark.parametrize("encoded", [False, True])
def test_a_body_may_hold_256_kilobytes_and_no_more(
    recorder: Recorder,
    size: int,
    status: int,
    encoded: bool,  # noqa: FBT001
) -> None:
    body = "é" * (size // 2) + "x" * (size % 2)
    sent = base64.b64encode(body.encode()).decode() if encoded else body

    answer = recorder.answer("POST /public/{projectKey}/jobs", body=sent, isBase64Encoded=encoded)

    assert answer["statusCode"] == status
    assert [call.body for call in recorder.calls] == ([body] if status == 200 else [])


@pytest.mark.parametrize("body", ["!", "YQ", base64.b64encode(b"\xff").decode()])
def test_a_body_that_is_no_text_is_a_bad_request(recorder: Recorder, body: str) -> None:
    answer = recorder.answer("POST /public/{projectKey}/jobs", body=body, isBase64Encoded=True)

    assert (answer["statusCode"], answer["body"]) == (400, '{"error":"body: must be UTF-8 text"}')


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "br", "deflate", "gzip, identity", ""])
@pytest.mark.parametrize(
    ("route", "body"),
    [
        (V1, '{"errors":["request bodies must come without Content-Encoding"]}'),
        (routes.PUBLIC_CREATE_JOB.key, '{"error":"request bodies must come without Content-Encoding"}'),
    ],
)
def test_a_compressed_body_is_refused_before_it_is_read(
    recorder: Recorder, route: str, body: str, encoding: str
) -> None:
    compressed = base64.b64encode(gzip.compress(b"{}")).decode()

    answer = recorder.answer(route, body=compressed, isBase64Encoded=True, headers={"Content-Encoding": encoding})

    assert (answer["statusCode"], answer["body"]) == (415, body)
    assert answer["headers"]["Accept-Encoding"] == "identity"
    assert recorder.calls == []


def test_an_encoding_of_nothing_is_passed_over_and_identity_is_none(recorder: Recorder) -> None:
    assert recorder.answer(PUBLIC, headers={"content-encoding": "gzip"})["statusCode"] == 200
    body = recorder.answer(routes.PUBLIC_CREATE_JOB.key, body="{}", headers={"content-encoding": "Identity"})
    assert body["statusCode"] == 200


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"limit": "5"}, "limit: is no parameter of this call"),
        ({"Include": "details"}, "Include: is no parameter of this call"),
        ({"b": "", "include": "details", "a": "1"}, "a: is no parameter of this call; b: is no parameter of this call"),
        ({"\ud800": "1"}, "?: is no parameter of this call"),
        ({"x" * 99: "1"}, f"{'x' * 64}: is no parameter of this call"),
    ],
)
def test_public_names_every_parameter_that_it_does_not_know_and_v1_passes_over_it(
    recorder: Recorder, query: dict[str, str], sentence: str
) -> None:
    answer = recorder.answer(PUBLIC, queryStringParameters=query)

    assert (answer["statusCode"], json.loads(answer["body"])) == (400, {"error": sentence})
    assert recorder.calls == []
    assert recorder.answer(V1, queryStringParameters=query)["statusCode"] == 200


def test_a_stranger_learns_nothing_of_parameters(recorder: Recorder) -> None:
    query = {"queryStringParameters": {"x": "1"}}

    assert recorder.answer(PUBLIC, **query, headers={"authorization": None})["statusCode"] == 401
    assert recorder.answer(PUBLIC, **query, path={"projectKey": FOREIGN.project_key})["statusCode"] == 404


@pytest.mark.parametrize(
    ("public_url", "origin"),
    [("", "https://jobs.example.com"), ("https://api.example.org/jobs", "https://api.example.org/jobs")],
)
def test_links_lead_to_the_service_s_own_address_and_never_to_the_host_that_a_caller_names(
    recorder: Recorder, registry: FakeDirectory, monkeypatch: pytest.MonkeyPatch, public_url: str, origin: str
) -> None:
    monkeypatch.setattr(wiring, "ports", lambda: World(directory=registry, public_url=public_url))

    recorder.answer(PUBLIC, headers={"host": "evil.example", "x-forwarded-proto": "http", "x-forwarded-host": "evil"})

    (call,) = recorder.calls
    assert call.url(page=2) == f"{origin}/public/{PROJECT.project_key}/jobs/1?page=2"
    assert call.url("/public/a b") == f"{origin}/public/a%20b"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.JobNotFound(), 404),
        (errors.JobNotCancellable(a_job(status=Status.COMPLETED)), 400),
        (errors.Busy(), 429),
        (errors.InvalidRequest("limit", "no"), 400),
    ],
)
def test_an_error_of_the_domain_is_rendered_by_the_dialect(
    recorder: Recorder, error: errors.JobsError, status: int
) -> None:
    recorder.error = error

    answer = recorder.answer(PUBLIC)

    assert answer["statusCode"] == status
    assert list(json.loads(answer["body"])) == ["error"]


@pytest.mark.parametrize(
    ("route", "body"),
    [
        (V1, '{"errors":["internal error, request id request-1"]}'),
        (PUBLIC, '{"error":"internal error, request id request-1"}'),
    ],
)
def test_any_other_error_is_a_500_that_says_nothing_of_the_inside(recorder: Recorder, route: str, body: str) -> None:
    recorder.error = KeyError("password=hunter2")

    answer = recorder.answer(route)

    assert (answer["statusCode"], answer["body"]) == (500, body)
    assert answer["headers"] == {"Content-Type": "application/json"}


def test_a_failing_directory_is_a_500_too(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "ports", lambda: World(directory=cast("Any", None)))

    assert recorder.answer(PUBLIC)["statusCode"] == 500


def test_logs_hold_the_route_and_no_path_query_or_secret(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []

    def record(message: str, **kwargs: Any) -> None:
        lines.append(f"{message} {kwargs}")

    monkeypatch.setattr(observability.logger(), "info", record)
    route = "DELETE /public/{projectKey}/users/{userId+}"

    recorder.answer(route, path={"userId": "shekar@example.com"}, queryStringParameters={"q": "secret-query"})

    (line,) = lines
    assert route in line
    assert "200" in line
    for private in ("shekar", "secret-query", KEY, PROJECT.project_key):
        assert private not in line


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the logger writes."""
    written = io.StringIO()
    monkeypatch.setattr(observability.logger().registered_handler, "stream", written)
    return written


def logged(log: io.StringIO) -> list[dict[str, Any]]:
    """The log lines so far, read."""
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_a_log_line_names_key_and_project_of_its_own_call_and_no_other(recorder: Recorder, log: io.StringIO) -> None:
    recorder.answer(V1)
    recorder.answer(PUBLIC, path={"projectKey": FOREIGN.project_key})
    recorder.answer(PUBLIC, headers={"authorization": None})

    named = [(line.get("keyId"), line.get("projectId"), line.get("clientId")) for line in logged(log)]
    assert named == [("key-1", 1, None), ("key-1", None, None), (None, None, None)]


@pytest.mark.parametrize("scope", Scope)
def test_a_key_that_is_limited_is_refused_in_the_words_of_the_dialect(
    recorder: Recorder, registry: FakeDirectory, scope: Scope
) -> None:
    registry.credentials[access.digest_of(KEY)] = a_credential(scopes=frozenset({scope}))
    needed = {
        V1: [Scope.READ],
        PUBLIC: [Scope.READ, Scope.WORK],
        routes.PUBLIC_CREATE_JOB.key: [Scope.CREATE],
        routes.PUBLIC_DELETE_USER.key: [Scope.DELETE_USERS],
    }

    for route, wanted in needed.items():
        answer = recorder.answer(route, path={"userId": "u"})
        sentence = "the API key has no scope " + " or ".join(f"'{one}'" for one in wanted)
        refused = {"errors": [sentence]} if route == V1 else {"error": sentence}
        assert answer["statusCode"] == (200 if scope in wanted else 403)
        assert json.loads(answer["body"]) == ({"data": None} if scope in wanted else refused)
    assert len(recorder.calls) == sum(scope in wanted for wanted in needed.values())


def test_a_limited_key_is_told_of_its_scope_after_the_project_and_before_the_body(
    recorder: Recorder, registry: FakeDirectory
) -> None:
    registry.credentials[access.digest_of(KEY)] = a_credential(scopes=frozenset({Scope.READ}))
    route = routes.PUBLIC_CREATE_JOB.key

    assert recorder.answer(route, path={"projectKey": FOREIGN.project_key})["statusCode"] == 404
    assert recorder.answer(route, body="x" * (256 * 1024 + 1))["statusCode"] == 403


# ---- users with tokens, clients with secrets -----------------------------------------------------------------------


class UsersRecorder:
    """A handler of a user's route and of a client's, which remembers its calls."""

    def __init__(self) -> None:
        self.calls: list[UserCall | ClientCall] = []
        self.error: Exception | None = None
        self.api = Api()
        self.api.user_route(routes.ALTERYX_GET_JOB, routes.ALTERYX_RUN_WORKFLOW)(self)
        self.api.client_route(routes.ISSUE_TOKEN)(self)

    def __call__(self, call: UserCall | ClientCall) -> Answer:
        self.calls.append(call)
        if self.error is not None:
            raise self.error
        return Answer(200, "{}")

    def answer(self, route: str, authorization: str | None, **overrides: Any) -> dict[str, Any]:
        return self.api(an_event(route, headers={"authorization": authorization}, **overrides), CONTEXT)

    def ask(self, authorization: str | None = None, **form: str) -> tuple[int, str]:
        """Ask for a token. API Gateway hands forms over base64-encoded."""
        body = base64.b64encode(urlencode(form).encode()).decode()
        answer = self.answer(TOKENS, authorization, body=body, isBase64Encoded=True)
        return answer["statusCode"], answer["body"]


@pytest.fixture
def users() -> UsersRecorder:
    return UsersRecorder()


def basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


IN_FORM = {"grant_type": "client_credentials", "client_id": CLIENT.client_id, "client_secret": SECRET}


def test_a_user_with_a_token_comes_in_and_no_project_is_opened(users: UsersRecorder, registry: FakeDirectory) -> None:
    answer = users.answer(V3, f"bearer {TOKEN}", queryStringParameters={"includeMessages": "false"})

    assert (answer["statusCode"], answer["body"]) == (200, "{}")
    (call,) = cast("list[UserCall]", users.calls)
    assert call.principal == Principal(CLIENT, a_user())
    assert (call.query, call.path["jobId"]) == ({"includeMessages": "false"}, "1")
    assert registry.reads == ["token", "client", "user"]


@pytest.mark.parametrize(
    "authorization",
    [None, "", TOKEN, "Bearer", f"Bearer {TOKEN}x", f"Bearer {KEY}", f"Bearer {SECRET}", f"Basic {TOKEN}"],
)
def test_nobody_without_a_token_comes_in(users: UsersRecorder, authorization: str | None) -> None:
    answer = users.answer(V3, authorization)

    assert (answer["statusCode"], answer["body"]) == (401, '{"message":"Unauthorized"}')
    assert answer["headers"] == {"Content-Type": "application/json", "WWW-Authenticate": 'Bearer realm="jobs"'}
    assert users.calls == []


def test_what_has_expired_by_the_clock_opens_nothing(users: UsersRecorder, registry: FakeDirectory) -> None:
    registry.tokens[access.digest_of(TOKEN)] = AccessToken(client_id=CLIENT.client_id, expires_at=NOW)
    assert users.answer(V3, f"Bearer {TOKEN}")["statusCode"] == 401

    registry.clients[CLIENT.client_id] = replace(CLIENT, expires_at=NOW)
    status, body = users.ask(**IN_FORM)
    assert (status, json.loads(body)["error"]) == (401, "invalid_client")


def test_a_token_opens_no_project(recorder: Recorder) -> None:
    for route, authorization in ((V1, TOKEN), (PUBLIC, f"Bearer {TOKEN}"), (V1, SECRET), (PUBLIC, f"Bearer {SECRET}")):
        assert recorder.answer(route, headers={"authorization": authorization})["statusCode"] == 401
    assert recorder.calls == []


def test_a_log_line_names_the_client_and_the_project_of_its_runs(users: UsersRecorder, log: io.StringIO) -> None:
    users.answer(V3, f"Bearer {TOKEN}")
    users.ask(**IN_FORM)
    users.ask(**{**IN_FORM, "client_secret": KEY})

    lines = logged(log)
    known = (CLIENT.client_id, CLIENT.project_id)
    assert [(line.get("clientId"), line.get("projectId")) for line in lines] == [known, known, (None, None)]
    assert not any(secret in str(lines) for secret in (TOKEN, SECRET, KEY))


def test_a_token_is_looked_at_before_the_body(users: UsersRecorder) -> None:
    route, too_large = "POST /webapi/v3/workflows/{workflowId}/jobs", "x" * (256 * 1024 + 1)

    assert users.answer(route, "Bearer x", body=too_large)["statusCode"] == 401
    assert users.answer(route, f"Bearer {TOKEN}", body=too_large)["statusCode"] == 413
    assert users.answer(route, f"Bearer {TOKEN}", body="/w==", isBase64Encoded=True)["statusCode"] == 400


def test_a_client_comes_in_by_either_way(users: UsersRecorder) -> None:
    assert users.ask(**IN_FORM) == (200, "{}")
    assert users.ask(basic(CLIENT.client_id, SECRET), grant_type="client_credentials") == (200, "{}")

    assert [cast("ClientCall", call).client for call in users.calls] == [CLIENT, CLIENT]


def test_a_form_that_is_not_encoded_is_read_too(users: UsersRecorder) -> None:
    assert users.answer(TOKENS, None, body=urlencode(IN_FORM))["statusCode"] == 200


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"client_secret": KEY}, 401, "invalid_client"),
        ({"client_secret": access.new_secret("js_")}, 401, "invalid_client"),
        ({"client_id": "0" * 24}, 401, "invalid_client"),
        ({"client_id": "x"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": ""}, 400, "invalid_request"),
        ({"client_id": ""}, 400, "invalid_request"),
        # a caller that is no client learns nothing about grants
        ({"grant_type": "password", "client_secret": KEY}, 401, "invalid_client"),
    ],
)
def test_a_client_that_is_none_is_told_in_the_words_of_oauth(
    users: UsersRecorder, form: dict[str, str], status: int, error: str
) -> None:
    answered, body = users.ask(**{**IN_FORM, **form})
    assert (answered, json.loads(body)["error"]) == (status, error)
    assert users.calls == []


def test_a_client_is_challenged_where_it_came_by_basic_alone(users: UsersRecorder) -> None:
    by_basic = users.answer(TOKENS, basic(CLIENT.client_id, KEY), body="grant_type=client_credentials")
    in_form = users.answer(TOKENS, None, body=urlencode({**IN_FORM, "client_secret": KEY}))

    assert (by_basic["statusCode"], by_basic["body"]) == (in_form["statusCode"], in_form["body"])
    assert by_basic["headers"] == {**in_form["headers"], "WWW-Authenticate": 'Basic realm="jobs"'}
    assert in_form["headers"]["Cache-Control"] == "no-store"


@pytest.mark.parametrize(("body", "status"), [("/w==", 400), ("!", 400), ("IAAg" * 87_382, 413)])
def test_a_form_that_can_not_be_read_is_an_invalid_request(users: UsersRecorder, body: str, status: int) -> None:
    answer = users.answer(TOKENS, None, body=body, isBase64Encoded=True)

    assert (answer["statusCode"], json.loads(answer["body"])["error"]) == (status, "invalid_request")


@pytest.mark.parametrize(("route", "authorization"), [(V3, f"Bearer {TOKEN}"), (TOKENS, None)])
def test_a_failure_is_a_500_in_the_words_of_each(
    users: UsersRecorder, route: str, authorization: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    users.error = KeyError("password=hunter2")
    answer = users.answer(route, authorization, body=urlencode(IN_FORM))
    assert answer["statusCode"] == 500
    assert "hunter2" not in str(answer)
    assert "internal error, request id request-1" in answer["body"]

    monkeypatch.setattr(wiring, "ports", lambda: World(directory=cast("Any", None)))
    assert users.answer(route, authorization, body=urlencode(IN_FORM)) == answer


APIS = {
    folder: app.handler
    for folder in FOLDERS
    if isinstance((app := importlib.import_module(f"functions.{folder}.app")).handler, Api)
}
ROUTES = sorted((folder, route) for folder, api in APIS.items() for route in api.route_keys)


@pytest.mark.parametrize(("folder", "route"), ROUTES)
def test_no_route_of_any_function_answers_who_has_not_what_opens_it(
    registry: FakeDirectory, folder: str, route: str
) -> None:
    of_clients = "/webapi/oauth2/" in route
    of_users = "/webapi/" in route and not of_clients
    wrong = [None, "", "Bearer", f"Basic {KEY}", f"Bearer {SECRET}", basic(CLIENT.client_id, TOKEN)]
    wrong += [KEY, f"Bearer {KEY}"] if of_users or of_clients else [TOKEN, f"Bearer {TOKEN}"]

    for authorization in wrong:
        answer = APIS[folder](an_event(route, headers={"authorization": authorization}), CONTEXT)
        # a request for a token needs a form
        assert answer["statusCode"] == (400 if of_clients else 401), (authorization, answer)
        challenge = "ApiKey" if "/api/v1/" in route else "Bearer"
        assert answer["headers"].get("WWW-Authenticate") == (None if of_clients else f'{challenge} realm="jobs"')
    assert registry.reads == []


def test_there_are_routes_of_every_kind_to_be_held_to_that() -> None:
    paths = [route.partition(" ")[2] for _, route in ROUTES]

    for prefix in ("/api/v1/", "/public/", "/webapi/v3/", "/webapi/oauth2/"):
        assert any(path.startswith(prefix) for path in paths), prefix


# ---- what no route takes ------------------------------------------------------------------------------------------


def unrouted(path: str, query: str = "", method: str = "GET") -> dict[str, Any]:
    context = {"requestId": "r", "http": {"method": method}}
    event = {"routeKey": "$default", "rawPath": path, "rawQueryString": query, "requestContext": context}
    return answer_unrouted(event, CONTEXT)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/key/nothing", '{"errors":["Not found."]}'),
        ("/public/key/nothing", '{"error":"not found"}'),
        ("/public", '{"error":"not found"}'),
        ("/webapi/v3/jobs/1/2", '{"message":"Not found."}'),
        ("/webapi/oauth2/tokens", '{"message":"Not found."}'),
        ("/webapi/v4/jobs", '{"message":"Not Found"}'),
        ("/", '{"message":"Not Found"}'),
        ("//", '{"message":"Not Found"}'),
    ],
)
def test_an_unknown_path_is_not_found_in_the_words_of_its_dialect(path: str, body: str) -> None:
    answer = unrouted(path)

    assert (answer["statusCode"], answer["body"]) == (404, body)
    assert answer["headers"] == {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("path", "query", "location"),
    [
        ("/public/key/jobs/", "", "/public/key/jobs"),
        ("/public/key/jobs//", "", "/public/key/jobs"),
        ("/webapi//v3/jobs", "", "/webapi/v3/jobs"),
        ("//public///key/jobs", "x=1", "/public/key/jobs?x=1"),
        ("/public/key/jobs/", "limit=5&x=%20", "/public/key/jobs?limit=5&x=%20"),
        ("/a b/é?/", "", "/a%20b/%C3%A9%3F"),
    ],
)
def test_a_trailing_slash_leads_to_the_path_without_it_and_keeps_the_query(
    path: str, query: str, location: str
) -> None:
    answer = unrouted(path, query)

    assert (answer["statusCode"], answer["headers"]["Location"]) == (308, location)
    assert json.loads(answer["body"]) == {"location": location}


@given(path=st.text(max_size=20), query=st.text(max_size=20))
def test_a_redirect_stays_on_this_host_and_in_its_header_line(path: str, query: str) -> None:
    answer = unrouted(f"/{path}/", query)

    location = answer["headers"].get("Location", "/x")
    assert location.startswith("/")
    assert not location.startswith(("//", "/\\"))
    assert location.isascii()
    assert location.isprintable()
    assert " " not in location


@pytest.mark.parametrize(
    "path",
    [
        "/public/key/users/a/",
        "/api/v1/key/users/a//b",
        "/public/key/users//a",
        "/public//key/users/a",
        "//public/key/users/a//b",
        "/api//v1/key/users/a/",
        "/public/key//users/a",
        "/public/key/users//",
    ],
)
def test_nobody_is_sent_to_another_spelling_of_a_user_id(path: str) -> None:
    answer = unrouted(path)

    assert answer["statusCode"] in {404, 405}
    assert "Location" not in answer["headers"]


@pytest.mark.parametrize(
    ("method", "path", "allow", "body"),
    [
        ("PUT", "/public/key/jobs", "GET, POST", '{"error":"method not allowed"}'),
        ("HEAD", "/public/key/jobs/1", "DELETE, GET, PATCH", '{"error":"method not allowed"}'),
        ("OPTIONS", "/api/v1/key/jobs", "GET", '{"errors":["method not allowed"]}'),
        ("GET", "/api/v1/key/users/team/a", "DELETE", '{"errors":["method not allowed"]}'),
        ("PATCH", "/webapi/v3/jobs/1", "DELETE, GET", '{"message":"method not allowed"}'),
        ("GET", "/webapi/oauth2/token", "POST", '{"message":"method not allowed"}'),
    ],
)
def test_a_known_path_with_another_method_names_those_that_it_has(
    method: str, path: str, allow: str, body: str
) -> None:
    answer = unrouted(path, method=method)

    assert (answer["statusCode"], answer["headers"]["Allow"], answer["body"]) == (405, allow, body)


@pytest.mark.parametrize("route", ALL_ROUTES, ids=lambda route: route.key)
def test_every_route_is_known_to_what_answers_the_rest(route: Route[Any]) -> None:
    method, _, path = route.key.partition(" ")

    answer = unrouted(path.replace("{", "").replace("+}", "").replace("}", ""), method="TRACE")

    assert answer["statusCode"] == 405
    assert method in answer["headers"]["Allow"].split(", ")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/public/key/nothing", '{"error":"internal error, request id r"}'),
        ("/nothing", '{"message":"internal error"}'),
    ],
)
def test_a_failure_of_what_answers_the_rest_is_a_500_too(path: str, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unrouted_module, "_PATHS", None)

    answer = unrouted(path)

    assert (answer["statusCode"], answer["body"]) == (500, body)
