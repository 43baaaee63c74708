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

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

TABLE = "jobs"


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
        with mock_aws():
            yield boto3.Session()


@pytest.fixture(scope="session")
def dynamodb_client(aws: boto3.Session) -> DynamoDBClient:
    """Shared by all tests, because making a client takes longer than most tests."""
    return client.dynamodb_client(Config())


@pytest.fixture(scope="session")
def sqs_client(aws: boto3.Session) -> SQSClient:
    """Shared by all tests, like the one above."""
    return aws.client("sqs")


@pytest.fixture
def dynamodb(dynamodb_client: DynamoDBClient) -> Iterator[DynamoDBClient]:
    """The table, empty."""
    with table(dynamodb_client):
        yield dynamodb_client


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
