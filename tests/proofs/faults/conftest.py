"""The real handlers with their real clients, on a wire that fails as a test says."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from botocore.retries import quota, standard
from botocore.signers import RequestSigner
from botocore.useragent import UserAgentString
from jobs.runtime import observability, wiring
from jobs.store import table
from jobs.tenancy import access
from moto.s3.models import s3_backends

from tests.fakes import FakeClock
from tests.integration.conftest import Service, seeded, service
from tests.memory_aws import ACCOUNT
from tests.proofs.faults.arena import Arena
from tests.proofs.faults.injection import Wire
from tests.proofs.faults.matrix import Tally
from tests.proofs.faults.memory import BUCKET, FILES
from tests.proofs.faults.scenarios import NOW, SHARDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.client import BaseClient

__all__ = ["seeded", "service"]  # fixtures, which pytest finds by their names here

#: The queues that the service fixture lacks, by the variables that name them for functions.
QUEUES = {
    "INGEST_QUEUE_URL": "IngestQueue",
    "INGEST_DEAD_LETTER_QUEUE_URL": "IngestDeadLetterQueue",
    "WORKER_QUEUE_URL": "DeleteUserDataQueue",
}


@pytest.fixture(scope="session")
def tally(say_at_the_end: Callable[[str], None]) -> Iterator[Tally]:
    """What all tests of this folder tried."""
    tally = Tally()
    yield tally
    say_at_the_end(f"faults: {tally}")


@pytest.fixture(scope="module")
def quotas() -> list[Any]:
    """How many retries the clients have left. A client that has failed often does not try again."""
    return []


@pytest.fixture(scope="module")
def clients(aws: boto3.Session, quotas: list[Any]) -> Iterator[list[BaseClient]]:
    """New clients for the functions, and new ones again for later tests."""

    class Known(quota.RetryQuota):
        def __init__(self) -> None:
            super().__init__()
            quotas.append(self)

    forget_clients()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quota, "RetryQuota", Known)
        patch.setattr(standard, "ExponentialBackoff", partial(standard.ExponentialBackoff, random=lambda: 1.0))
        ports = wiring.Wiring({})
        found = [
            cast("BaseClient", each)
            for each in (ports._dynamodb, ports._sqs, ports._events, ports._s3, ports._s3_signer)
        ]
    yield found
    forget_clients()


def forget_clients() -> None:
    wiring.dynamodb.cache_clear()
    wiring.client.cache_clear()
    wiring.s3_signer.cache_clear()


@pytest.fixture(scope="module")
def wire(clients: list[BaseClient]) -> Iterator[Wire]:
    wire = Wire(clients)
    yield wire
    wire.close()


@pytest.fixture
def whole(service: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """The service with everything else that its functions call, by its names in the template."""
    urls = {variable: service.sqs.create_queue(QueueName=name)["QueueUrl"] for variable, name in QUEUES.items()}
    s3, bus = boto3.client("s3"), boto3.client("events")
    for bucket in (BUCKET, FILES):
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    bus.create_event_bus(Name="jobs")
    environment = {
        **urls,
        "ACCOUNT_ID": ACCOUNT,
        "ARTIFACTS_BUCKET": FILES,
        "EVENT_BUS_NAME": "jobs",
        "SESSIONS_BUCKET": BUCKET,
        "SHARD_COUNT": f"{SHARDS}",
        "START_BATCH_SIZE": "25",
    }
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    wiring.clear()
    yield service
    for url in urls.values():
        service.sqs.delete_queue(QueueUrl=url)
    bus.delete_event_bus(Name="jobs")
    s3_backends[ACCOUNT]["aws"].reset()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """The clock for everything that waits: the functions, and botocore between its tries."""
    clock = FakeClock(NOW)
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda seconds: clock.sleep(1_000 * seconds)))
    monkeypatch.setattr(wiring, "SystemClock", lambda: clock)
    return clock


@pytest.fixture
def arena(
    whole: Service, wire: Wire, quotas: list[Any], clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Arena]:
    """The service with its own clock, and with nothing random."""

    def begin_environment(*, spent: bool) -> None:
        wiring.clear()
        for each in quotas:
            # the maximum too, because each call that succeeds gives some back
            each._max_capacity = each._available_capacity = 0 if spent else quota.RetryQuota.INITIAL_CAPACITY

    arena = Arena(whole, wire, clock, begin_environment)

    def token() -> str:
        return f"token-{next(arena.numbers)}"

    def token_hex(size: int) -> str:
        return f"{next(arena.numbers):0{2 * size}x}"

    monkeypatch.setattr(table, "new_token", token)
    monkeypatch.setattr(access, "secrets", SimpleNamespace(token_hex=token_hex))
    # always the longest random pause, which gives the fewest tries
    monkeypatch.setattr(wiring, "random", SimpleNamespace(SystemRandom=lambda: SimpleNamespace(random=lambda: 1.0)))
    # one call after another, so that each has the same number every time
    monkeypatch.setattr(wiring, "in_threads", lambda work, given: [work(each) for each in given])
    # the user agent too, which takes half of the time of a call
    monkeypatch.setattr(RequestSigner, "sign", lambda *_, **__: None)
    monkeypatch.setattr(UserAgentString, "to_string", lambda _: "functions")
    monkeypatch.setattr(observability.logger().handlers[0], "stream", arena.log)
    wiring.clear()
    yield arena
    wire.instead.clear()
