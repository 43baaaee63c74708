"""Each call of the third dialect through the real handlers, with the events that `sam local` gets too."""

from __future__ import annotations

import io
import json
import re
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest
from jobs.model import Message, SeenEvent, Severity, Status
from jobs.outcomes import Attempt, Failure, Stamp
from jobs.runtime import observability, wiring
from jobs.store.directory import DynamoDBDirectory
from jobs.store.jobs import DynamoDBJobStore
from jobs.tenancy import access
from jobs.tenants import AccessToken, Client, Question, Registration, Right, Role, User

from tests.fakes import at
from tests.integration.conftest import API_KEY, CLIENT_ID, CLIENT_SECRET, TOKEN, USER_ID, WORKFLOW_ID
from tests.stores import a_store, an_admin, the_store

if TYPE_CHECKING:
    import logging

    from tests.integration.conftest import Answered, Service

#: Every call that a user makes, by its event.
CALLS = [
    ("list_jobs", "alteryx_v3"),
    ("list_jobs", "alteryx_v3_workflow"),
    ("get_workflows", "alteryx_v3_list"),
    ("get_workflows", "alteryx_v3"),
    ("get_workflows", "alteryx_v3_questions"),
    ("get_job", "alteryx_v3"),
    ("get_job", "alteryx_v3_without_messages"),
    ("get_messages", "alteryx_v3"),
    ("cancel_job", "alteryx_v3"),
    ("get_schedules", "alteryx_v3_list"),
    ("get_schedules", "alteryx_v3"),
    ("manage_schedules", "alteryx_v3"),
    ("manage_schedules", "alteryx_v3_replace"),
    ("manage_schedules", "alteryx_v3_change"),
    ("manage_schedules", "alteryx_v3_remove"),
    ("create_job", "alteryx_v3_run_workflow"),
]
OF_ADMINISTRATORS = [("list_jobs", "alteryx_v3"), ("get_messages", "alteryx_v3"), ("manage_schedules", "alteryx_v3")]
NO_JOB = (404, '{"message":"Job not found."}')
UNAUTHORIZED = (401, '{"message":"Unauthorized"}')
#: Well-formed, with the right checksum, and unknown.
UNKNOWN_TOKEN = "jt_0000000000000000000000000000000000000000963fbb8e"


def told(answer: Answered) -> tuple[int, str]:
    return answer.status, answer.text


def start(service: Service) -> None:
    """Let every job that waits in the start queue start."""
    records = [{"messageId": hint["MessageId"], "body": hint["Body"]} for hint in service.hints()]
    service.invoke("start_jobs", {"Records": records})


def a_member(service: Service, **collections: Right) -> dict[str, str]:
    """Make a member of the organisation; return the header of a call by the member's client."""
    directory = an_admin(service.dynamodb)
    client = Client(client_id="f" * 24, organisation_id=1, user_id="member", project_id=1, secret_digest="")
    directory.add_user(User(organisation_id=1, user_id="member", role=Role.MEMBER, collections=collections))
    directory.add_client(client)
    token = access.issue_token(at(wiring.ports().clock.now(), directory), client).token
    return {"authorization": f"Bearer {token}"}


def say(count: int, size: int = 0) -> list[str]:
    """Put messages about job 1, one for each millisecond."""
    store = a_store(wiring.dynamodb(), 32)
    texts = [f"{number:04} ".ljust(size, "x") for number in range(count)]
    for number, text in enumerate(texts):
        assert store.add_message(1, 1, Message(number, Severity.WARNING, text, 7), SeenEvent(f"{number:064}", 2**40))
    return texts


@pytest.mark.parametrize("case", ["basic", "form"])
def test_a_client_gets_a_token_that_opens_what_its_user_may(service: Service, case: str) -> None:
    answer = service.http("issue_token", case)

    assert answer.status == 200
    assert list(answer.json) == ["access_token", "token_type", "expires_in"]
    assert re.fullmatch(r"jt_[0-9a-f]{48}", answer.json["access_token"])
    assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", 3600)
    assert answer.headers == {"Content-Type": "application/json", "Cache-Control": "no-store", "Pragma": "no-cache"}
    granted = {"authorization": f"{answer.json['token_type']} {answer.json['access_token']}"}
    assert told(service.http("list_jobs", "alteryx_v3", headers=granted)) == (200, '{"data":[]}')


def test_a_run_is_answered_as_it_is_read(service: Service) -> None:
    ran = service.http("create_job", "alteryx_v3_run_workflow")

    job = ran.json
    assert ran.status == 200
    assert re.fullmatch(r"[0-9a-f]{8}0000000100000001", job["id"])
    assert ran.text == json.dumps(
        {
            "id": job["id"],
            "appId": WORKFLOW_ID,
            "createDateTime": job["createDateTime"],
            "status": "Queued",
            "disposition": "None",
            "outputs": [],
            "messages": [],
            "priority": "High",
            "workerTag": "",
            "runWithE2": False,
        },
        separators=(",", ":"),
    )
    path = {"jobId": job["id"]}
    assert told(service.http("get_job", "alteryx_v3", path=path)) == told(ran)
    del job["messages"]
    assert service.http("get_job", "alteryx_v3_without_messages", path=path).json == job


def test_a_run_is_a_job_like_any_other_for_the_other_dialects(service: Service) -> None:
    service.run_workflow()

    job = service.http("get_job", "public_details").json["data"]

    assert (job["action"], job["referenceId"], job["description"]) == (
        "run_workflow",
        WORKFLOW_ID,
        f"Run workflow {WORKFLOW_ID}",
    )
    assert job["params"] == {"questions": [{"name": "Region", "value": "North"}], "priority": "High"}
    assert job["history"][0]["by"] == f"client:{CLIENT_ID}"
    assert service.http("get_job", "openreplay_v1").json["data"]["jobId"] == 1


def test_a_queued_job_that_is_cancelled_is_gone_here_and_cancelled_elsewhere(service: Service) -> None:
    path = {"jobId": service.run_workflow()}

    assert told(service.http("cancel_job", "alteryx_v3", path=path)) == (200, '{"message":"Deleted Successfully."}')

    for function in ("get_job", "get_messages", "cancel_job"):
        assert told(service.http(function, "alteryx_v3", path=path)) == NO_JOB
    assert service.http("list_jobs", "alteryx_v3").text == '{"data":[]}'
    assert service.http("list_jobs", "alteryx_v3_workflow").text == "[]"
    for dialect in ("public", "openreplay_v1"):
        assert service.http("get_job", dialect).json["data"]["status"] == "cancelled"

    service.http("create_job", "public_retry", path={"jobId": "1"})
    assert service.http("get_job", "alteryx_v3", path=path).json["status"] == "Queued"
    assert [job["id"] for job in service.http("list_jobs", "alteryx_v3_workflow").json] == [path["jobId"]]


def test_a_running_job_that_is_cancelled_stays(service: Service) -> None:
    path = {"jobId": service.run_workflow()}
    start(service)
    assert service.http("get_job", "alteryx_v3", path=path).json["status"] == "Running"

    assert told(service.http("cancel_job", "alteryx_v3", path=path)) == (200, '{"message":"Cancelled Successfully."}')

    job = service.http("get_job", "alteryx_v3", path=path).json
    assert (job["status"], job["disposition"]) == ("Cancelled", "Cancelled")
    again = service.http("cancel_job", "alteryx_v3", path=path)
    assert told(again) == (400, "{\"message\":\"This job is not in 'Queued' or 'Running' state.\"}")


def test_what_a_worker_said_and_put_out_is_shown(service: Service) -> None:
    path = {"jobId": service.run_workflow()}
    start(service)
    say(2)
    output = {"id": "1", "availableFormats": ["Yxdb"], "fileName": "sales.yxdb"}
    now = wiring.ports().clock.now()
    the_store().complete_job(Attempt(1, 1, 1), Stamp(now, "worker", "t"), [output, "log.txt"])

    job = service.http("get_job", "alteryx_v3", path=path).json

    messages = [{"status": 2, "text": f"{number:04} ", "toolId": 7} for number in range(2)]
    assert (job["status"], job["disposition"]) == ("Completed", "Success")
    assert job["outputs"] == [output, {"id": "", "availableFormats": [], "fileName": "log.txt"}]
    assert job["messages"] == messages
    answer = service.http("get_messages", "alteryx_v3", path=path)
    assert (answer.status, answer.json) == (200, {**messages[-1], "messages": messages})
    assert "Link" not in answer.headers


def test_messages_beyond_a_megabyte_are_the_newest_and_links_to_the_rest(service: Service) -> None:
    path = {"jobId": service.run_workflow()}
    said = say(300, 8_000)

    answer = service.http("get_messages", "alteryx_v3", path=path)

    newest = [message["text"] for message in answer.json["messages"]]
    assert 0.9 * 1_048_576 < sum(map(len, newest)) <= 1_048_576
    assert newest == said[-len(newest) :]
    assert [message["text"] for message in service.http("get_job", "alteryx_v3", path=path).json["messages"]] == newest

    read = newest
    while "Link" in answer.headers:
        match = re.fullmatch(r'<(\S+)>; rel="next"', answer.headers["Link"])
        assert match
        url = urlsplit(match[1])
        assert (
            f"{url.scheme}://{url.netloc}{url.path}"
            == "https://jobs.example.com" + service.event("get_messages", "alteryx_v3")["rawPath"]
        )
        query = {name: value for name, [value] in parse_qs(url.query, strict_parsing=True).items()}
        answer = service.http("get_messages", "alteryx_v3", path=path, queryStringParameters=query)
        page = [message["text"] for message in answer.json["messages"]]
        assert answer.json["text"] == (page[-1] if page else "")
        read = page + read

    assert read == said
    # a cursor works for the messages of its own job only
    service.run_workflow()
    other = service.http("list_jobs", "alteryx_v3").json["data"][0]["jobId"]
    for job_id, cursor in ((other, query["cursor"]), (path["jobId"], "x" + query["cursor"][1:]), (path["jobId"], "é")):
        refused = service.http(
            "get_messages", "alteryx_v3", path={"jobId": job_id}, queryStringParameters={"cursor": cursor}
        )
        assert (refused.status, refused.json["message"]) == (400, "cursor: is not one of this list")


def test_lists_show_what_was_asked_for(service: Service) -> None:
    ids = [service.run_workflow() for _ in range(3)]
    service.create()
    service.http("cancel_job", "alteryx_v3", path={"jobId": ids[1]})

    listed = service.http("list_jobs", "alteryx_v3").json["data"]
    assert [job["workflowId"] for job in listed] == ["export", WORKFLOW_ID, WORKFLOW_ID]
    assert [job["jobId"] for job in listed[1:]] == [ids[2], ids[0]]
    assert list(listed[0]) == [
        *("jobId", "status", "workflowName", "workflowId", "submittedBy"),
        *("startTime", "queueTime", "executionTime", "priority"),
    ]
    assert [job["submittedBy"] for job in listed] == ["key:key-demo", "Administrator", "Administrator"]

    def organisation(**query: str) -> list[str]:
        answer = service.http("list_jobs", "alteryx_v3_filtered", queryStringParameters=query)
        assert answer.status == 200
        return [job["jobId"] for job in answer.json["data"]]

    assert organisation(workflowNames=WORKFLOW_ID, direction="asc") == [ids[0], ids[2]]
    assert organisation(users=USER_ID.upper(), allUsers="true", limit="1") == [ids[2]]
    assert organisation(priorities="default") == [listed[0]["jobId"]]
    assert organisation(statuses="Running,Complete") == organisation(completedAfter="2020-01-01") == []
    assert organisation(sortField="priority", direction="asc") == [listed[0]["jobId"], ids[2], ids[0]]

    def workflow(**query: str) -> list[str]:
        answer = service.http("list_jobs", "alteryx_v3_workflow", queryStringParameters=query)
        assert answer.status == 200
        return [job["id"] for job in answer.json]

    assert workflow() == [ids[2], ids[0]]
    assert workflow(direction="asc") == [ids[0], ids[2]]
    assert workflow(direction="asc", limit="1", offset="1") == [ids[2]]
    assert workflow(status="Running,Completed") == workflow(resultCode="Success") == []
    assert workflow(resultCode="None") == [ids[2], ids[0]]
    assert workflow(sortField="createDate", direction="", offset="", limit="", status="") == [ids[2], ids[0]]
    [first, _] = service.http("list_jobs", "alteryx_v3_workflow").json
    assert list(first) == ["id", "createDate", "status", "priority", "workerTag", "runWithE2"]


@pytest.mark.parametrize(
    ("function", "case", "query", "name"),
    [
        ("get_job", "alteryx_v3", {"includeMessages": "yes"}, "includeMessages"),
        ("list_jobs", "alteryx_v3", {"limit": "0"}, "limit"),
        ("list_jobs", "alteryx_v3", {"offset": "10001"}, "offset"),
        ("list_jobs", "alteryx_v3", {"statuses": "scheduled"}, "statuses"),
        ("list_jobs", "alteryx_v3", {"sortField": "Owner"}, "sortField"),
        ("list_jobs", "alteryx_v3", {"completedBefore": "yesterday"}, "completedBefore"),
        ("list_jobs", "alteryx_v3_workflow", {"sortField": "status"}, "sortField"),
        ("list_jobs", "alteryx_v3_workflow", {"direction": "down"}, "direction"),
        ("list_jobs", "alteryx_v3_workflow", {"status": "x"}, "status"),
        ("list_jobs", "alteryx_v3_workflow", {"resultCode": "x"}, "resultCode"),
        ("get_workflows", "alteryx_v3_list", {"view": "Whole"}, "view"),
        ("get_workflows", "alteryx_v3_list", {"createdAfter": "x"}, "createdAfter"),
        ("get_workflows", "alteryx_v3_list", {"offset": "x"}, "offset"),
    ],
)
def test_a_parameter_out_of_bounds_is_refused_by_its_name(
    service: Service, function: str, case: str, query: dict[str, str], name: str
) -> None:
    answer = service.http(function, case, queryStringParameters=query)

    assert answer.status == 400
    assert answer.json["message"].startswith(f"{name}: ")
    assert list(answer.json["modelState"]) == [name]


@pytest.mark.parametrize(("function", "case"), [CALLS[1], CALLS[3], CALLS[4], CALLS[-1]])
@pytest.mark.parametrize("workflow_id", [" ", "x" * 257, "é" * 1024])
def test_a_workflow_s_id_that_can_be_none_is_refused_by_every_call(
    service: Service, function: str, case: str, workflow_id: str
) -> None:
    answer = service.http(function, case, path={"workflowId": workflow_id})

    reason = "must be 1 to 256 characters and not blank"
    assert (answer.status, answer.json) == (
        400,
        {"message": f"workflowId: {reason}", "modelState": {"workflowId": [reason]}},
    )
    assert service.http("list_jobs", "alteryx_v3").text == '{"data":[]}'


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("[]", "body: "),
        ('{"priority":"Urgent"}', "priority: "),
        ('{"questions":"x"}', "questions: "),
        ('{"questions":{"Region":1}}', "questions: "),
    ],
)
def test_a_bad_body_runs_nothing(service: Service, body: str, message: str) -> None:
    answer = service.http("create_job", "alteryx_v3_run_workflow", body=body)

    assert answer.status == 400
    assert answer.json["message"].startswith(message)
    assert service.http("list_jobs", "alteryx_v3").text == '{"data":[]}'


@pytest.mark.parametrize("function", ["get_job", "get_messages", "cancel_job"])
def test_what_an_id_leads_to_nowhere_is_not_found_byte_for_byte_alike(service: Service, function: str) -> None:
    job_id = service.run_workflow()
    seconds = int(job_id[:8], 16)
    wrong = [
        job_id[:-1] + "2",
        f"{seconds + 1:08x}{job_id[8:]}",
        f"{job_id[:8]}00000002{job_id[16:]}",
        f"{job_id[:8]}00000003{job_id[16:]}",
        job_id[:-1],
        "1",
        "x",
    ]

    answers = [service.http(function, "alteryx_v3", path={"jobId": one}) for one in wrong]

    assert [told(answer) for answer in answers] == [NO_JOB] * len(wrong)
    assert {str(answer.headers) for answer in answers} == {"{'Content-Type': 'application/json'}"}


@pytest.mark.parametrize(("function", "case"), CALLS)
@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", TOKEN, f"Basic {TOKEN}", f"Bearer {API_KEY}", f"Bearer {UNKNOWN_TOKEN}", f"Bearer {TOKEN},x"],
)
def test_nobody_is_let_in_without_a_token(
    service: Service, function: str, case: str, authorization: str | None
) -> None:
    answer = service.http(function, case, headers={"authorization": authorization})

    assert told(answer) == UNAUTHORIZED
    assert answer.headers == {"Content-Type": "application/json", "WWW-Authenticate": 'Bearer realm="jobs"'}
    assert service.http("list_jobs", "alteryx_v3").text == '{"data":[]}'


def test_a_token_that_has_ended_opens_nothing(service: Service) -> None:
    directory, ended = an_admin(service.dynamodb), access.new_secret(access.TOKEN_PREFIX)
    token = AccessToken(client_id=CLIENT_ID, expires_at=wiring.ports().clock.now() - 1)
    headers = {"authorization": f"Bearer {ended}"}
    directory.add_token(token, access.digest_of(ended))
    for function, case in CALLS:
        assert told(service.http(function, case, headers=headers)) == UNAUTHORIZED

    directory.add_token(token._replace(expires_at=None), access.digest_of(ended))
    wiring.clear()
    assert service.http("list_jobs", "alteryx_v3", headers=headers).status == 200


@pytest.mark.parametrize(("function", "case"), OF_ADMINISTRATORS)
def test_what_is_administrators_alone_is_refused_to_others_before_it_is_looked_at(
    service: Service, function: str, case: str
) -> None:
    member = a_member(service)
    job_id = service.http("create_job", "alteryx_v3_run_workflow", headers=member).json["id"]

    for one in (job_id, "x"):
        answer = service.http(function, case, headers=member, path={"jobId": one}, queryStringParameters={"limit": "x"})
        assert told(answer) == UNAUTHORIZED
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="jobs"'


def test_a_member_sees_and_cancels_what_is_theirs_or_shared(service: Service) -> None:
    member = a_member(service, seen=Right.VIEW, shared=Right.CANCEL)
    directory = an_admin(service.dynamodb)
    ids = {}
    for collection in ("other", "seen", "shared"):
        directory.set_workflow_collections(1, WORKFLOW_ID, [collection], 9)
        ids[collection] = service.run_workflow()
    ids["own"] = service.http("create_job", "alteryx_v3_run_workflow", headers=member).json["id"]

    def by_member(function: str, name: str) -> tuple[int, str]:
        return told(service.http(function, "alteryx_v3", path={"jobId": ids[name]}, headers=member))

    assert [by_member("get_job", name)[0] for name in ("own", "shared", "seen", "other")] == [200, 200, 200, 404]
    listed = service.http("list_jobs", "alteryx_v3_workflow", headers=member).json
    assert [job["id"] for job in listed] == [ids["own"], ids["shared"], ids["seen"]]
    assert by_member("cancel_job", "other") == NO_JOB
    assert by_member("cancel_job", "seen") == (400, '{"message":"You do not have permission to cancel this job."}')
    for name in ("own", "shared"):
        assert by_member("cancel_job", name) == (200, '{"message":"Deleted Successfully."}')
    assert [job["jobId"] for job in service.http("list_jobs", "alteryx_v3").json["data"]] == [ids["seen"], ids["other"]]


def test_a_workflow_is_found_before_it_is_run(service: Service) -> None:
    no_workflow = (404, '{"message":"Workflow not found."}')
    for case in ("alteryx_v3", "alteryx_v3_questions"):
        assert told(service.http("get_workflows", case)) == no_workflow
    assert service.http("get_workflows", "alteryx_v3_list", queryStringParameters={}).text == "[]"

    # its jobs make it known, though no list has it
    first = service.http("get_job", "alteryx_v3", path={"jobId": service.run_workflow()}).json["createDateTime"]
    service.run_workflow()
    seen = service.http("get_workflows", "alteryx_v3").json
    assert (seen["id"], seen["name"], seen["dateCreated"], seen["runCount"]) == (WORKFLOW_ID, WORKFLOW_ID, first, 0)
    assert service.http("get_workflows", "alteryx_v3_questions").text == "[]"

    directory = an_admin(service.dynamodb)
    questions = (Question("Region", "DropDown", "Where?", "n", multiple=True, items=(("n", "North"),)),)
    directory.add_registration(1, WORKFLOW_ID, Registration("Sales", USER_ID, "gpu", 7, questions), 9)
    wiring.clear()  # the list is remembered

    told_of = service.http("get_workflows", "alteryx_v3").json
    assert [told_of[name] for name in ("name", "ownerId", "workerTag", "runCount")] == ["Sales", USER_ID, "gpu", 7]
    whole = {"view": "Full", "name": "Sales"}
    assert service.http("get_workflows", "alteryx_v3_list", queryStringParameters=whole).json == [told_of]
    [reduced] = service.http("get_workflows", "alteryx_v3_list", queryStringParameters={"name": "sales"}).json
    assert reduced["id"] == WORKFLOW_ID
    none = service.http("get_workflows", "alteryx_v3_list", queryStringParameters={"ownerId": "x"})
    assert told(none) == (200, "[]")
    assert service.http("get_workflows", "alteryx_v3_questions").json == [
        {
            "name": "Region",
            "questionType": "DropDown",
            "description": "Where?",
            "value": "n",
            "multiple": True,
            "items": [{"key": "n", "value": "North"}],
        }
    ]
    newest = service.http("get_job", "alteryx_v3", path={"jobId": service.run_workflow()}).json
    assert newest["workerTag"] == "gpu"
    [listed, *_] = service.http("list_jobs", "alteryx_v3").json["data"]
    assert (listed["workflowName"], listed["workflowId"]) == ("Sales", WORKFLOW_ID)


def test_a_workflow_that_is_not_shared_with_a_member_is_as_one_that_nobody_knows(service: Service) -> None:
    member = a_member(service, seen=Right.VIEW)
    directory = an_admin(service.dynamodb)

    def by_member(workflow_id: str, case: str = "alteryx_v3") -> tuple[int, str]:
        path = {"workflowId": workflow_id}
        return told(service.http("get_workflows", case, headers=member, path=path))

    for collection, statuses in (("other", 404), ("seen", 200)):
        directory.set_workflow_collections(1, WORKFLOW_ID, [collection], 9)
        wiring.clear()
        for case in ("alteryx_v3", "alteryx_v3_questions"):
            assert by_member(WORKFLOW_ID, case)[0] == statuses
            if statuses == 404:
                assert by_member(WORKFLOW_ID, case) == by_member("unknown", case)
        listed = service.http("get_workflows", "alteryx_v3_list", headers=member, queryStringParameters={}).json
        assert [workflow["id"] for workflow in listed] == [WORKFLOW_ID] * (statuses == 200)


def test_a_failure_inside_says_nothing_of_the_inside(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr(DynamoDBJobStore, "get_job", broken)
    answer = service.http("get_job", "alteryx_v3", path={"jobId": f"{0:08x}{1:08x}{1:08x}"})
    assert told(answer) == (500, '{"message":"internal error, request id request-id"}')

    monkeypatch.setattr(DynamoDBDirectory, "add_token", broken)
    answer = service.http("issue_token", "form")
    assert answer.status == 500
    assert answer.json == {"error": "server_error", "error_description": "internal error, request id request-id"}


def test_no_token_secret_or_workflow_reaches_the_logs(service: Service) -> None:
    log = io.StringIO()
    handler = cast("logging.StreamHandler[io.StringIO]", observability.logger().handlers[0])
    before = handler.setStream(log)
    token: dict[str, Any] = service.http("issue_token", "basic").json
    service.http("issue_token", "form")
    path = {"jobId": service.run_workflow()}
    for function in ("get_job", "get_messages", "cancel_job"):
        service.http(function, "alteryx_v3", path=path)

    if before is not None:
        handler.setStream(before)
    assert log.getvalue().count("answered") == 6
    for private in (TOKEN, CLIENT_SECRET, token["access_token"], WORKFLOW_ID, path["jobId"], "Region"):
        assert private not in log.getvalue()


def test_every_state_of_a_job_is_one_that_is_documented(service: Service) -> None:
    """Every state of the model has words in this dialect, for any history and any caller."""
    ids = [service.run_workflow() for _ in Status]
    start(service)
    now, store = wiring.ports().clock.now(), the_store()
    store.complete_job(Attempt(1, 2, 1), Stamp(now, "worker", "t"), [])
    store.fail_job(Attempt(1, 3, 1), Stamp(now, "worker", "t"), Failure(["no"]))
    store.cancel_job(1, 4, now, "key:key-demo")
    waiting = service.run_workflow()

    shown = {}
    for job in service.http("list_jobs", "alteryx_v3").json["data"]:
        alone = service.http("get_job", "alteryx_v3", path={"jobId": job["jobId"].upper()}).json
        assert (alone["id"], alone["status"]) == (job["jobId"], job["status"])
        shown[job["jobId"]] = (alone["status"], alone["disposition"])

    assert [shown[one] for one in (waiting, *ids[:4])] == [
        ("Queued", "None"),
        ("Running", "None"),
        ("Completed", "Success"),
        ("Completed", "Error"),
        ("Cancelled", "Cancelled"),
    ]
