"""What Alteryx' lists read of ten thousand jobs, filter by filter; docs/access-patterns.md has the table."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest
from jobs.model import DAY, Change, Run, Status
from jobs.runtime import wiring
from jobs.store import directory_items, items
from jobs.tenants import Role, User

from tests.architecture.project import ROOT
from tests.builders import a_job
from tests.conftest import TABLE
from tests.proofs.simulation.table import size_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.model import Job
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import WriteRequestTypeDef

    from tests.integration.conftest import Service
    from tests.memory_aws import TableRows

JOBS = 10_000
#: Jobs that the list of one workflow reads: every thousandth.
RARE = "5bc4a813156ae016dcb442bd"
OF_ORGANISATION, OF_WORKFLOW = "GET /webapi/v3/jobs", "GET /webapi/v3/workflows/{workflowId}/jobs"
EVENTS = {OF_ORGANISATION: "alteryx_v3", OF_WORKFLOW: "alteryx_v3_workflow"}
#: Each list with a query.
CASES = [
    (OF_ORGANISATION, ""),
    (OF_ORGANISATION, "direction=asc"),
    (OF_ORGANISATION, "limit=200&offset=9800"),
    (OF_ORGANISATION, "statuses=Completed"),
    (OF_ORGANISATION, "statuses=Running"),
    (OF_ORGANISATION, "statuses=Cancelled"),
    (OF_ORGANISATION, "statuses=Created"),
    (OF_ORGANISATION, "priorities=High"),
    (OF_ORGANISATION, "allUsers=true&users=user-1"),
    (OF_ORGANISATION, f"workflowNames={RARE}"),
    (OF_ORGANISATION, "completedAfter=2026-11-19"),
    (OF_ORGANISATION, "completedBefore=2026-11-02"),
    (OF_ORGANISATION, "sortField=Priority"),
    (OF_ORGANISATION, "sortField=Status&statuses=Running"),
    (OF_WORKFLOW, ""),
    (OF_WORKFLOW, "resultCode=Success"),
    (OF_WORKFLOW, "status=Running"),
]
#: 2026-11-01T00:00:00Z, when the first job was created. The last one came 20 days later.
BEGIN = 1_793_491_200_000


def the_job(number: int) -> Job:
    """One of the jobs: the newest ten run, all others are completed. All jobs are runs of workflows."""
    at = BEGIN + number * 20 * DAY // JOBS
    history = [Change(Status.SCHEDULED, at, "client:0123456789abcdef01234567"), Change(Status.RUNNING, at, "service")]
    is_running = number > JOBS - 10
    if not is_running:
        history.append(Change(Status.COMPLETED, at + 1_000, "event:com.example.worker"))
    workflow = RARE if number % 1_000 == 0 else f"workflow-{number % 10}"
    return a_job(
        job_id=number,
        at=at,
        action="run_workflow",
        reference_id=workflow,
        description=f"Run workflow {workflow}",
        status=history[-1].to,
        next_at=at + 900_000 if is_running else None,
        history=tuple(history),
        run=Run(workflow, f"user-{number % 10}", (), "High" if number % 100 == 0 else "", ""),
    )


@pytest.fixture(scope="module")
def crowded(dynamodb_client: DynamoDBClient, rows: TableRows, seeded: Any) -> Any:
    """The rows with ten thousand jobs, put past the API."""
    rows.put(seeded)
    for start in range(1, JOBS + 1, 25):
        requests: list[WriteRequestTypeDef] = [
            {"PutRequest": {"Item": items.job_to_item(the_job(number), "token-of-16-chars", 32)}}
            for number in range(start, start + 25)
        ]
        dynamodb_client.batch_write_item(RequestItems={TABLE: requests})
    for number in range(10):
        user = User(organisation_id=1, user_id=f"user-{number}", role=Role.MEMBER, name=f"Planner {number}")
        dynamodb_client.put_item(TableName=TABLE, Item=directory_items.user_to_item(user))
    dynamodb_client.update_item(
        TableName=TABLE,
        Key={"pk": {"S": "project#1"}, "sk": {"S": "project"}},
        UpdateExpression="SET #block = :block",
        ExpressionAttributeNames={"#block": "block"},
        ExpressionAttributeValues={":block": {"N": "9"}},
    )
    return rows.get()


class Reads:
    """The calls of DynamoDB, the rows that they read, and their request units by DynamoDB's documented rules."""

    def __init__(self) -> None:
        self.calls = self.rows = 0
        self.units = 0.0

    def __call__(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        self.calls += 1
        if model.name == "Query":
            found = parsed["Items"]
            self.rows += parsed["ScannedCount"]
            self.units += max(_units(sum(map(size_of, found))), 0.5)
        elif model.name == "BatchGetItem":
            self.rows += len(parsed["Responses"][TABLE])
            self.units += sum(_units(size_of(row)) for row in parsed["Responses"][TABLE])
        else:
            self.rows += 1
            self.units += max(_units(size_of(parsed.get("Item", {}))), 0.5)


def _units(size: int) -> float:
    """What an eventually consistent read of so many bytes costs."""
    return math.ceil(size / 4_096) / 2


@pytest.fixture
def reads(service: Service, rows: TableRows, crowded: Any) -> Iterator[Reads]:
    """What the handlers read. They know caller, projects, workflows and owners, as they do for 30 seconds."""
    rows.put(crowded)
    events = wiring.dynamodb().meta.events
    service.http("list_jobs", "alteryx_v3")
    reads = Reads()
    events.register("after-call.dynamodb", reads)
    yield reads
    events.unregister("after-call.dynamodb", reads)


@pytest.mark.slow  # what the emulator takes for ten thousand jobs
def test_the_page_has_what_each_filter_reads_of_ten_thousand_jobs(service: Service, reads: Reads) -> None:
    found = []
    for route, query in CASES:
        reads.calls, reads.rows, reads.units = 0, 0, 0.0
        parameters = dict(parse_qsl(query))
        answer = service.http("list_jobs", EVENTS[route], queryStringParameters=parameters)
        shown = answer.json["data"] if route == OF_ORGANISATION else answer.json
        assert answer.status == 200
        asked = f"{route}?{query}" if query else route
        found.append(f"| `{asked}` | {len(shown)} | {reads.calls} | {reads.rows:,} | {reads.units:,.1f} |")

    page = (ROOT / "docs" / "access-patterns.md").read_text()
    assert re.findall(r"^\| `GET /webapi.*$", page, re.MULTILINE) == found, "\n".join(["paste:", *found])
