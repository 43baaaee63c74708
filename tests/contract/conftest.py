"""The stores that suites run on, and the table on the embedded AWS, for what moto cannot do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.config import Config
from jobs.store import client

from tests.conftest import table
from tests.contract.emulated import emulator
from tests.fakes import FakeStore
from tests.proofs.simulation.stack import a_simulated_store
from tests.stores import a_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

    from tests.stores import Store

SHARDS = 4


@pytest.fixture(scope="session")
def ministack_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DynamoDBClient]:
    """Shared by all tests, as the emulator is."""
    with emulator(tmp_path_factory.mktemp("ministack")) as endpoint, pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "test")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "test")
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        environment.setenv("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
        made = client.dynamodb_client(Config())
        environment.undo()
        yield made


@pytest.fixture
def ministack(ministack_client: DynamoDBClient) -> Iterator[DynamoDBClient]:
    """That table, empty."""
    with table(ministack_client):
        yield ministack_client


def a_store_of_kind(kind: str, request: pytest.FixtureRequest) -> Store:
    """The fake, or the real one on either emulator or on the table of the simulation.

    Each emulator has its faults: starts go out in batches on ministack, whose PartiQL works, and one by one on moto.
    """
    match kind:
        case "moto":
            return a_store(request.getfixturevalue("dynamodb"), SHARDS)
        case "ministack":
            return a_store(request.getfixturevalue("ministack"), SHARDS, start_batch=25)
        case "simulated":
            return a_simulated_store(SHARDS)
        case _:
            return FakeStore(shards=SHARDS)


@pytest.fixture(params=["fake", "moto", "ministack", "simulated"])
def store(request: pytest.FixtureRequest) -> Store:
    """Each kind of store."""
    return a_store_of_kind(request.param, request)
