"""The real handlers on the in-memory AWS, called with the events of `events/`."""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest
from jobs.runtime import observability, wiring
from jobs.tenancy import access
from jobs.tenants import AccessToken, Client, Credential, Role, User

from tests.architecture.project import ROOT
from tests.conftest import TABLE
from tests.stores import an_admin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

    from tests.memory_aws import TableRows

#: The credentials in the files of `events/`.
PROJECT_KEY = "3sWXSsqHgSKnE87YkNJK"
API_KEY = "jk_0123456789abcdef0123456789abcdef012345672a342d20"
OTHER_PROJECT_KEY = "9qLmZaTbRcVdWeXfYgHi"
CLIENT_ID = "0123456789abcdef01234567"
CLIENT_SECRET = API_KEY.replace("jk_", "js_")
TOKEN = API_KEY.replace("jk_", "jt_")
USER_ID = "76543210fedcba9876543210"
WORKFLOW_ID = "5bc4a813156ae016dcb442bd"


class Context:
    """What Lambda tells a handler about its invocation."""

    function_name = "function"
    aws_request_id = "request-id"

    def get_remaining_time_in_millis(self) -> int:
        return 55_000


@dataclass
class Answered:
    """An answer with its body."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def following(answer: Answered) -> dict[str, str]:
    """The parameters of the URL in a list's `Link`."""
    url, _, relation = answer.headers["Link"].partition(">; ")
    assert relation == 'rel="next"'
    base, _, query = url.partition("?")
    assert base == f"<https://jobs.example.com/public/{PROJECT_KEY}/jobs"
    return dict(parse_qsl(query, strict_parsing=True))


@dataclass
class Service:
    """The deployed service, as far as it fits into memory."""

    dynamodb: DynamoDBClient
    sqs: SQSClient
    queue_url: str

    def event(self, function: str, case: str) -> dict[str, Any]:
        event: dict[str, Any] = json.loads((ROOT / "events" / function / f"{case}.json").read_text())
        return event

    def invoke(self, function: str, event: dict[str, Any]) -> Any:
        return importlib.import_module(f"functions.{function}.app").handler(event, Context())

    def http(self, function: str, case: str, **changes: Any) -> Answered:
        """Call a function with one of its events. `path` and `headers` are merged into the event's own."""
        event = self.event(function, case)
        event["pathParameters"] = {**(event.get("pathParameters") or {}), **changes.pop("path", {})}
        event["headers"] = {**event["headers"], **changes.pop("headers", {})}
        answer = self.invoke(function, {**event, **changes})
        return Answered(answer["statusCode"], answer["headers"], answer["body"])

    def create(self, **body: Any) -> dict[str, Any]:
        created = self.http("create_job", "public", body=json.dumps({"action": "export", **body}), headers=NO_KEY)
        assert created.status == 201, created
        job: dict[str, Any] = created.json["data"]
        return job

    def run_workflow(self) -> str:
        """Run the workflow of the events, and return the job's id."""
        answer = self.http("create_job", "alteryx_v3_run_workflow")
        assert answer.status == 200, answer
        job_id: str = answer.json["id"]
        return job_id

    def hints(self) -> list[MessageTypeDef]:
        """Take everything that is visible in the start queue."""
        return self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get("Messages", [])


#: The example event carries an idempotency key; most tests want a job each time.
NO_KEY = {"idempotency-key": None}


@pytest.fixture(scope="session")
def seeded(dynamodb_client: DynamoDBClient, rows: TableRows) -> Any:
    """What every test finds in the table. It is written once, as that takes longer than most tests."""
    rows.put({})
    directory = an_admin(dynamodb_client)
    for name, project_key in (("Demo", PROJECT_KEY), ("Other", OTHER_PROJECT_KEY)):
        organisation = directory.add_organisation(name)
        directory.add_project(organisation.organisation_id, name, project_key, b"secret", 1)
    directory.add_credential(Credential(credential_id="key-demo", organisation_id=1), access.digest_of(API_KEY))
    directory.add_user(User(organisation_id=1, user_id=USER_ID, role=Role.ADMINISTRATOR, name="Administrator"))
    client = Client(
        client_id=CLIENT_ID,
        organisation_id=1,
        user_id=USER_ID,
        project_id=1,
        secret_digest=access.digest_of(CLIENT_SECRET),
    )
    directory.add_client(client)
    directory.add_token(AccessToken(client_id=CLIENT_ID), access.digest_of(TOKEN))
    return rows.get()


@pytest.fixture
def service(
    dynamodb: DynamoDBClient, sqs_client: SQSClient, rows: TableRows, seeded: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Service]:
    queue_url, fire_url = (sqs_client.create_queue(QueueName=name)["QueueUrl"] for name in ("start", "fire"))
    environment = {
        "JOBS_TABLE": TABLE,
        "START_QUEUE_URL": queue_url,
        "FIRE_QUEUE_URL": fire_url,
        "POWERTOOLS_SERVICE_NAME": "jobs",
        "POWERTOOLS_METRICS_NAMESPACE": "Jobs",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    wiring.clear()
    # If a test of another suite had made them, they would have no namespace, and hold what that test counted.
    observability.metrics.cache_clear()
    observability.metrics().clear_metrics()
    rows.put(seeded)
    yield Service(dynamodb, sqs_client, queue_url)
    for url in (queue_url, fire_url):
        sqs_client.delete_queue(QueueUrl=url)
    wiring.clear()
