"""Fixtures that several suites share."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from jobs.store import client
from moto import mock_aws

from tests.architecture.project import RESOURCES
from tests.fakes import World
from tests.memory_aws import TableRows, quicken
from tests.side_by_side import TOGETHER, SideBySide, share_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

TABLE = "jobs"
#: What is to be read at the end of a run.
SAID = pytest.StashKey[list[str]]()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> SideBySide:
    """Keep in one process what shares something."""
    return SideBySide(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the longest work where there is another process for the quick tests, which come first otherwise."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: share_of(item.nodeid) not in TOGETHER)


@pytest.fixture(scope="session")
def say_at_the_end(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Says a line below the results, whichever process a test runs in."""
    return request.config.stash.setdefault(SAID, []).append


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand over what was said in a process of pytest-xdist."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["said"] = session.config.stash.get(SAID, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take it over; a process that has crashed hands nothing over."""
    node.config.stash.setdefault(SAID, []).extend(getattr(node, "workeroutput", {}).get("said", []))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say it."""
    for line in config.stash.get(SAID, []):
        terminalreporter.write_line(line)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture(scope="session")
def aws() -> Iterator[boto3.Session]:
    """AWS in memory. The credentials open nothing."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "test")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "test")
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        environment.delenv("AWS_PROFILE", raising=False)
        quicken(environment)
        with mock_aws():
            yield boto3.Session()


@pytest.fixture(scope="session")
def dynamodb_client(aws: boto3.Session) -> DynamoDBClient:
    """Shared by all tests, because making a client takes longer than most tests."""
    return client.dynamodb_client(Config())


@pytest.fixture(scope="session")
def sqs_client(aws: boto3.Session) -> SQSClient:
    """Shared too."""
    return aws.client("sqs")


@pytest.fixture(scope="session")
def rows(dynamodb_client: DynamoDBClient) -> Iterator[TableRows]:
    """The rows of the table, which is there from now on."""
    with table(dynamodb_client):
        yield TableRows(TABLE)


@pytest.fixture
def dynamodb(dynamodb_client: DynamoDBClient, rows: TableRows) -> DynamoDBClient:
    """The table, empty."""
    rows.put({})
    return dynamodb_client


@contextmanager
def table(dynamodb_client: DynamoDBClient) -> Iterator[None]:
    """The table as template.yaml has it, so that keys and indexes cannot drift."""
    properties: dict[str, Any] = RESOURCES["JobsTable"]["Properties"]
    taken = ("AttributeDefinitions", "KeySchema", "BillingMode")
    indexes: Any = [
        {name: index[name] for name in ("IndexName", "KeySchema", "Projection")}
        for index in properties["GlobalSecondaryIndexes"]
    ]
    dynamodb_client.create_table(
        TableName=TABLE, GlobalSecondaryIndexes=indexes, **{name: properties[name] for name in taken}
    )
    yield
    dynamodb_client.delete_table(TableName=TABLE)
