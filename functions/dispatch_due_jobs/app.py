"""The tick: send hints to the start queue for jobs that are due soon or overdue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.runtime import observability, wiring
from jobs.runtime.invocation import time_left
from jobs.timing import dispatch

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Run a tick. An exception fails the invocation, which raises an alarm; the next tick goes on from here."""
    ports = wiring.ports()
    with observability.invocation(context):
        dispatched = dispatch.dispatch(ports, ports.settings.table.shards, time_left(context))
        observability.logger().info("dispatched", extra=dispatched._asdict())
    return dispatched._asdict()
