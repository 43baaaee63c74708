"""A worker's own queue on SQS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import EndpointConnectionError
from jobs.adapters.sqs import SQSWorkerQueue

from tests.builders import a_client_error
from tests.fakes import FakeClock, FakeMeter

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class FakeSQS:
    """Raises the errors of a script, and then takes messages."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.bodies: list[str] = []

    def send_message(self, **message: Any) -> None:
        if self.errors:
            raise self.errors.pop(0)
        assert message.pop("QueueUrl") == "url"
        self.bodies.append(message.pop("MessageBody"))
        assert not message


def queue_over(sqs: FakeSQS, clock: FakeClock, meter: FakeMeter) -> SQSWorkerQueue:
    return SQSWorkerQueue(lambda: cast("SQSClient", sqs), "url", clock, meter)


@pytest.mark.parametrize("error", [a_client_error("RequestThrottled"), EndpointConnectionError(endpoint_url="x")])
def test_a_message_that_is_refused_is_sent_again(error: Exception) -> None:
    sqs, clock, meter = FakeSQS(error, error), FakeClock(), FakeMeter()

    assert queue_over(sqs, clock, meter).send("body")

    assert sqs.bodies == ["body"]
    assert clock.slept == [50, 100]
    assert meter.failures == ["SendMessage"] * 2


def test_a_message_that_is_refused_three_times_is_said_to_be() -> None:
    sqs, clock, meter = FakeSQS(*[a_client_error("RequestThrottled")] * 3), FakeClock(), FakeMeter()

    assert not queue_over(sqs, clock, meter).send("body")

    assert sqs.bodies == []
    assert clock.slept == [50, 100]
