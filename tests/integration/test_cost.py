"""What calls cost, counted as they leave the client: Queries, GetItems, and the rows that they read."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from jobs.model import JobKey, Message, Run, SeenEvent, Severity
from jobs.outcomes import Attempt, Failure, Stamp
from jobs.runtime import wiring
from jobs.store import items
from jobs.tenancy import access
from jobs.tenants import Credential, ListOrder

from tests.builders import a_job
from tests.conftest import TABLE
from tests.integration.conftest import NO_KEY, OTHER_PROJECT_KEY, following
from tests.stores import an_admin, the_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import WriteRequestTypeDef

    from tests.integration.conftest import Service
    from tests.memory_aws import TableRows

JOBS = 10_050


class Calls:
    """The DynamoDB calls of a test: how many of each kind, which reads were strong, and the rows of each Query."""

    def __init__(self) -> None:
        self.count: Counter[str] = Counter()
        self.strong: list[str] = []
        self.rows: list[int] = []

    def ask(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        self.strong += [model.name] if params.get("ConsistentRead") else []

    def __call__(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        self.count[model.name] += 1
        if model.name == "Query":
            self.rows.append(parsed["ScannedCount"])

    def clear(self) -> None:
        self.count.clear()
        self.strong.clear()
        self.rows.clear()


@pytest.fixture
def calls(service: Service) -> Iterator[Calls]:
    """Watch the client of the handlers, after it has authenticated the caller and read the project."""
    calls = Calls()
    events = wiring.dynamodb().meta.events
    events.register("after-call.dynamodb", calls)
    events.register("before-parameter-build.dynamodb", calls.ask)
    service.http("get_job", "public")
    calls.clear()
    yield calls
    events.unregister("after-call.dynamodb", calls)
    events.unregister("before-parameter-build.dynamodb", calls.ask)


@pytest.fixture(scope="module")
def crowded(dynamodb_client: DynamoDBClient, rows: TableRows, seeded: Any) -> Any:
    """The rows with 10,050 jobs, put past the API: ten full blocks and fifty jobs."""
    rows.put(seeded)
    for start in range(1, JOBS + 1, 25):
        requests: list[WriteRequestTypeDef] = [
            {"PutRequest": {"Item": items.job_to_item(a_job(job_id=number), "token", 32)}}
            for number in range(start, min(start + 25, JOBS + 1))
        ]
        dynamodb_client.batch_write_item(RequestItems={TABLE: requests})
    dynamodb_client.update_item(
        TableName=TABLE,
        Key={"pk": {"S": "project#1"}, "sk": {"S": "project"}},
        UpdateExpression="SET #block = :block",
        ExpressionAttributeNames={"#block": "block"},
        ExpressionAttributeValues={":block": {"N": "10"}},
    )
    return rows.get()


@pytest.fixture
def many(service: Service, rows: TableRows, crowded: Any) -> int:
    """How many jobs there are now."""
    rows.put(crowded)
    return JOBS


def test_a_page_costs_the_same_wherever_it_is(service: Service, many: int, calls: Calls) -> None:
    for page in ("200", "1", "201"):
        calls.clear()
        answer = service.http("list_jobs", "public", queryStringParameters={"limit": "50", "page": page})

        first = (int(page) - 1) * 50 + 1
        assert [job["jobId"] for job in answer.json["data"]] == list(range(first, first + 50))
        assert answer.headers["X-Total-Count"] == str(many)
        assert calls.count == {"Query": 2}
        assert sorted(calls.rows) == [1, 50]

    # a page over the end of a block is two Queries, and everything is one for each block
    calls.clear()
    answer = service.http("list_jobs", "public", queryStringParameters={"limit": "150", "page": "7"})
    assert [job["jobId"] for job in answer.json["data"]] == list(range(901, 1051))
    assert calls.count == {"Query": 3}
    calls.clear()
    answer = service.http("list_jobs", "openreplay_v1")
    assert [job["jobId"] for job in answer.json["data"]] == list(range(1, many + 1))
    assert calls.count == {"Query": 1 + 11}


def test_a_page_from_the_newest_end_costs_what_one_from_the_oldest_costs(
    service: Service, many: int, calls: Calls
) -> None:
    an_admin(service.dynamodb).set_list_order(1, ListOrder.NEWEST)
    wiring.clear()
    service.http("get_job", "public")
    for page in ("200", "1", "201"):
        calls.clear()
        answer = service.http("list_jobs", "public", queryStringParameters={"limit": "50", "page": page})

        first = many - (int(page) - 1) * 50
        assert [job["jobId"] for job in answer.json["data"]] == list(range(first, first - 50, -1))
        assert answer.headers["X-Total-Count"] == str(many)
        assert (calls.count, calls.strong) == ({"Query": 2}, [])
        assert sorted(calls.rows) == [1, 50]

    calls.clear()
    answer = service.http("list_jobs", "openreplay_v1")
    assert [job["jobId"] for job in answer.json["data"]] == list(range(many, 0, -1))
    assert calls.count == {"Query": 1 + 11}
    calls.clear()
    answer = service.http("list_jobs", "openreplay_v1", queryStringParameters={"before": "5001", "limit": "50"})
    assert [job["jobId"] for job in answer.json["data"]] == list(range(5_000, 4_950, -1))
    assert (calls.count, calls.strong) == ({"Query": 2}, [])


def test_a_walk_reads_what_it_shows_and_a_filter_a_thousand_rows_at_most(
    service: Service, many: int, calls: Calls
) -> None:
    answer = service.http("list_jobs", "public", queryStringParameters={"order": "desc"})

    assert [job["jobId"] for job in answer.json["data"]] == list(range(many, many - 50, -1))
    assert calls.count == {"Query": 2}
    assert sorted(calls.rows) == [1, 50]

    # nothing passes the filter: the newest number, then 250 rows at a time, once over the end of a block
    calls.clear()
    answer = service.http("list_jobs", "public", queryStringParameters={"status": "failed"})
    assert (answer.json, calls.count, sum(calls.rows)) == ({"data": []}, {"Query": 6}, 1_000)
    calls.clear()
    answer = service.http("list_jobs", "public", queryStringParameters=following(answer))
    assert (answer.json, calls.count, sum(calls.rows)) == ({"data": []}, {"Query": 5}, 999)


def test_a_get_is_one_strong_read(service: Service, calls: Calls) -> None:
    service.create()
    calls.clear()

    assert service.http("get_job", "public").status == 200

    assert calls.count == {"GetItem": 1}


def test_why_attempts_failed_is_one_query_of_the_details_and_nothing_of_any_other_call(
    service: Service, calls: Calls
) -> None:
    service.create(maxAttempts=3)
    now = wiring.ports().clock.now()
    service.http("get_job", "public_details")
    calls.clear()
    for attempt in (1, 2):
        the_store().start_jobs([JobKey(1, 1)], now)
        the_store().back_off_job(Attempt(1, 1, attempt), Stamp(now, "w", f"{attempt}"), now, Failure(["no disk"]))
    assert calls.count == {"PutItem": 2, "UpdateItem": 4}
    calls.clear()

    assert service.http("get_job", "public_details").json["data"]["history"][2]["error"] == "no disk"

    # one Query finds that there is no message
    assert (calls.count, calls.rows) == ({"GetItem": 1, "Query": 2}, [0, 2])
    assert calls.strong == ["GetItem", "Query", "Query"]
    calls.clear()
    service.http("get_job", "public")
    service.http("list_jobs", "public")
    assert calls.rows == [1]  # a first page that is not full tells how many jobs there are


def test_a_create_is_one_read_and_one_write(service: Service, calls: Calls) -> None:
    service.create()

    assert calls.count == {"Query": 1, "PutItem": 1}
    calls.clear()
    service.http("create_job", "public")
    assert calls.count == {"GetItem": 1, "Query": 1, "TransactWriteItems": 1}


def test_a_status_change_and_a_move_are_one_write(service: Service, calls: Calls) -> None:
    service.create()
    calls.clear()

    service.http("move_job", "public", body='{"startAt": 0}')
    assert calls.count == {"UpdateItem": 1}
    calls.clear()
    service.invoke("start_jobs", {"Records": [{"messageId": "1", "body": service.hints()[0]["Body"]}]})
    assert calls.count == {"UpdateItem": 1}
    service.http("cancel_job", "public")
    assert calls.count == {"UpdateItem": 2}


def test_a_tick_with_nothing_due_writes_nothing(service: Service, calls: Calls) -> None:
    service.invoke("dispatch_due_jobs", service.event("dispatch_due_jobs", "schedule"))

    assert calls.count == {"Query": 32}


# ---- what a stranger could learn from the time of an answer ---------------------------------------------------------


@pytest.mark.parametrize(("function", "case"), [("get_job", "public"), ("get_job", "openreplay_v1")])
def test_a_foreign_project_costs_what_an_unknown_one_costs_cold_and_warm(
    service: Service, calls: Calls, function: str, case: str
) -> None:
    """However often it was asked for, and whether its own organisation was here before."""
    other = "jk_0000000000000000000000000000000000000000963fbb8e"
    an_admin(service.dynamodb).add_credential(
        Credential(credential_id="key-other", organisation_id=2), access.digest_of(other)
    )
    header = {"authorization": other if case == "openreplay_v1" else f"Bearer {other}"}

    def reads(project_key: str) -> int:
        calls.clear()
        assert service.http(function, case, path={"projectKey": project_key}).text.count("roject not found") == 1
        assert set(calls.count) <= {"GetItem"}
        return calls.count["GetItem"]

    for _ in range(3):  # cold, and then warm
        assert (reads(OTHER_PROJECT_KEY), reads("unknown")) == (1, 1)
    # its own organisation reads it, which warms the cache for itself
    service.http(function, case, path={"projectKey": OTHER_PROJECT_KEY}, headers=header)
    assert (reads(OTHER_PROJECT_KEY), reads("unknown")) == (1, 1)


def test_a_job_of_a_foreign_project_costs_what_one_of_an_unknown_project_costs(service: Service, calls: Calls) -> None:
    service.http("get_job", "alteryx_v3", path={"jobId": "0" * 24})
    foreign, unknown = (f"{1:08x}{project:08x}{1:08x}" for project in (2, 99))
    for _ in range(3):
        for job_id in (foreign, unknown):
            calls.clear()
            assert service.http("get_job", "alteryx_v3", path={"jobId": job_id}).status == 404
            assert calls.count == {"GetItem": 1}


def test_a_limit_of_creations_is_one_weak_read_and_none_where_no_limit_is_set(service: Service, calls: Calls) -> None:
    an_admin(service.dynamodb).set_limits(1, 3)
    wiring.clear()
    service.http("get_job", "public")
    for number in range(3):
        calls.clear()
        service.create()
        assert calls.count == {"Query": 1, "PutItem": 1}, number

    calls.clear()
    assert service.http("create_job", "public", headers=NO_KEY).status == 429
    assert (calls.count, calls.strong) == ({"Query": 1, "GetItem": 1}, ["Query"])


# ---- the third dialect --------------------------------------------------------------------------------------------


@pytest.fixture
def run(service: Service, calls: Calls) -> dict[str, str]:
    """The path of a job that runs a workflow. Creating it has cached the caller and the project."""
    path = {"jobId": service.run_workflow()}
    service.http("get_job", "alteryx_v3", path=path)
    calls.clear()
    return path


def test_who_has_a_token_costs_three_reads_and_none_after_that(service: Service, calls: Calls) -> None:
    nowhere = {"jobId": "0" * 24}

    service.http("get_job", "alteryx_v3", path=nowhere)
    # the fourth is the project, which does not exist
    assert (calls.count, calls.strong) == ({"GetItem": 4}, ["GetItem"])
    calls.clear()
    service.http("get_job", "alteryx_v3", path={"jobId": "x"})
    assert calls.count == {}


def test_a_stranger_costs_a_read_at_most(service: Service, calls: Calls) -> None:
    for authorization in (None, "Bearer x", f"Bearer jt_{'0' * 48}"):
        service.http("list_jobs", "alteryx_v3", headers={"authorization": authorization})
    assert calls.count == {}

    unknown = "jt_0000000000000000000000000000000000000000963fbb8e"  # the checksum is right
    service.http("list_jobs", "alteryx_v3", headers={"authorization": f"Bearer {unknown}"})
    assert calls.count == {"GetItem": 1}


def test_a_token_is_one_read_of_its_client_and_one_write(service: Service, calls: Calls) -> None:
    service.http("issue_token", "basic")
    assert calls.count == {"GetItem": 1, "PutItem": 1}
    calls.clear()

    service.http("issue_token", "form")
    assert calls.count == {"PutItem": 1}


def test_a_user_s_job_is_a_strong_read_and_its_messages_a_query(
    service: Service, calls: Calls, run: dict[str, str]
) -> None:
    service.http("get_job", "alteryx_v3_without_messages", path=run)
    assert (calls.count, calls.strong) == ({"GetItem": 1}, ["GetItem"])
    calls.clear()

    for function in ("get_job", "get_messages"):
        service.http(function, "alteryx_v3", path=run)
        assert (calls.count, calls.strong) == ({"GetItem": 1, "Query": 1}, ["GetItem", "Query"])
        calls.clear()


def test_however_much_was_said_a_user_s_job_is_one_query(service: Service, calls: Calls, run: dict[str, str]) -> None:
    for number in range(200):
        message = Message(number, Severity.NONE, "x" * 8_000)
        assert the_store().add_message(1, 1, message, SeenEvent(f"{number:064}", 2**40))
    calls.clear()

    service.http("get_job", "alteryx_v3", path=run)

    assert calls.count == {"GetItem": 1, "Query": 1}
    assert calls.rows[0] < 200


def test_a_user_s_cancellation_is_a_read_and_a_write_and_a_refused_one_a_read(
    service: Service, calls: Calls, run: dict[str, str]
) -> None:
    service.http("cancel_job", "alteryx_v3", path=run)
    assert calls.count == {"GetItem": 1, "UpdateItem": 1}
    calls.clear()

    service.http("cancel_job", "alteryx_v3", path=run)
    assert calls.count == {"GetItem": 1}


def test_a_run_is_a_create_and_a_read_of_its_workflow(service: Service, calls: Calls, run: dict[str, str]) -> None:
    service.http("create_job", "alteryx_v3_run_workflow", body="")
    assert (calls.count, calls.strong) == ({"GetItem": 1, "Query": 1, "PutItem": 1}, ["Query"])
    calls.clear()

    service.run_workflow()  # its questions are parameters
    assert calls.count == {"GetItem": 1, "Query": 1, "TransactWriteItems": 1}


def test_the_organisation_s_list_is_two_queries_for_each_project(service: Service, many: int, calls: Calls) -> None:
    directory = an_admin(service.dynamodb)
    directory.add_project(1, "Second", "second", b"secret", 9)
    service.http("list_jobs", "alteryx_v3")
    # token, client, user, both projects; the list of projects, the names of workflows, two of the full project, one of
    # the empty one
    assert calls.count == {"GetItem": 5, "Query": 5}
    calls.clear()

    answer = service.http("list_jobs", "alteryx_v3", queryStringParameters={"limit": "50"})
    assert len(answer.json["data"]) == 50
    assert (calls.count, calls.strong) == ({"Query": 3}, [])
    assert sorted(calls.rows) == [0, 1, 50]
    calls.clear()

    # with two projects 500 rows of each at a time: three times, twice over the end of a block
    service.http("list_jobs", "alteryx_v3", queryStringParameters={"limit": "200", "offset": "1000"})
    assert calls.count == {"Query": 2 + 3 + 2}
    assert sum(calls.rows) == 1 + 3 * 500


@pytest.fixture
def many_runs(service: Service) -> int:
    """250 runs of the workflow of the events, put without the API. Every second one belongs to the member."""
    for number in range(1, 251):
        run = Run("5bc4a813156ae016dcb442bd", "member" if number % 2 else "another")
        item = items.job_to_item(a_job(job_id=number, run=run), "token", 32)
        service.dynamodb.put_item(TableName=TABLE, Item=item)
    return 250


def test_a_workflow_s_list_is_a_query_and_a_batch_of_rows_for_each_hundred(
    service: Service, many_runs: int, calls: Calls
) -> None:
    service.http("list_jobs", "alteryx_v3_workflow")
    calls.clear()

    for limit, offset, batches in ((1, 0, 1), (100, 0, 1), (101, 0, 2), (50, many_runs - 50, 3)):
        query = {"limit": str(limit), "offset": str(offset)}
        answer = service.http("list_jobs", "alteryx_v3_workflow", queryStringParameters=query)
        assert len(answer.json) == limit
        assert (calls.count, calls.strong) == ({"Query": batches, "BatchGetItem": batches}, [])
        calls.clear()
