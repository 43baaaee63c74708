"""What calls cost, counted where they leave the client: Queries, GetItems and the rows they read."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from jobs.runtime import wiring
from jobs.store import items

from tests.builders import a_job
from tests.conftest import TABLE
from tests.integration.conftest import following

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb.type_defs import WriteRequestTypeDef

    from tests.integration.conftest import Service

JOBS = 10_050


class Calls:
    """The DynamoDB calls of a test: how many of each, and the rows that each Query read."""

    def __init__(self) -> None:
        self.count: Counter[str] = Counter()
        self.rows: list[int] = []

    def __call__(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        self.count[model.name] += 1
        if model.name == "Query":
            self.rows.append(parsed["ScannedCount"])

    def clear(self) -> None:
        self.count.clear()
        self.rows.clear()


@pytest.fixture
def calls(service: Service) -> Iterator[Calls]:
    """Watches the client of the handlers, once it has let the caller in and knows the project."""
    calls = Calls()
    events = wiring._dynamodb().meta.events
    events.register("after-call.dynamodb", calls)
    service.http("get_job", "public")
    calls.clear()
    yield calls
    events.unregister("after-call.dynamodb", calls)


@pytest.fixture
def many(service: Service) -> int:
    """10,050 jobs, put past the API: ten full blocks and fifty jobs."""
    for start in range(1, JOBS + 1, 25):
        requests: list[WriteRequestTypeDef] = [
            {"PutRequest": {"Item": items.job_to_item(a_job(job_id=number), "token", 32)}}
            for number in range(start, min(start + 25, JOBS + 1))
        ]
        service.dynamodb.batch_write_item(RequestItems={TABLE: requests})
    service.dynamodb.update_item(
        TableName=TABLE,
        Key={"pk": {"S": "project#1"}, "sk": {"S": "project"}},
        UpdateExpression="SET #block = :block",
        ExpressionAttributeNames={"#block": "block"},
        ExpressionAttributeValues={":block": {"N": "10"}},
    )
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


def test_a_walk_reads_what_it_shows_and_a_filter_a_thousand_rows_at_most(
    service: Service, many: int, calls: Calls
) -> None:
    answer = service.http("list_jobs", "public", queryStringParameters={"order": "desc"})

    assert [job["jobId"] for job in answer.json["data"]] == list(range(many, many - 50, -1))
    assert calls.count == {"Query": 2}
    assert sorted(calls.rows) == [1, 50]

    # a filter that nothing passes: the newest number, then 250 rows at a time, one time over the end of a block
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


def test_a_create_is_one_read_and_one_write(service: Service, calls: Calls) -> None:
    service.create()

    assert calls.count == {"Query": 1, "PutItem": 1}
    calls.clear()
    service.http("create_job", "public")
    assert calls.count == {"GetItem": 1, "Query": 1, "TransactWriteItems": 1}


def test_a_status_change_is_one_write(service: Service, calls: Calls) -> None:
    service.create()
    calls.clear()

    service.invoke("start_jobs", {"Records": [{"messageId": "1", "body": service.hints()[0]["Body"]}]})
    assert calls.count == {"UpdateItem": 1}
    service.http("cancel_job", "public")
    assert calls.count == {"UpdateItem": 2}


def test_a_tick_with_nothing_due_writes_nothing(service: Service, calls: Calls) -> None:
    service.invoke("dispatch_due_jobs", service.event("dispatch_due_jobs", "schedule"))

    assert calls.count == {"Query": 33, "GetItem": 1}
