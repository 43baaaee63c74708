"""Forget what retention says of ended jobs, once a minute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.forgetting import redacting
from jobs.runtime import observability, wiring
from jobs.runtime.invocation import time_left

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Run once. An exception fails the invocation, which raises an alarm; the next run begins again."""
    ports = wiring.ports()
    with observability.invocation(context):
        forgotten = redacting.redact(ports, ports.settings.table.shards, time_left(context))
        observability.logger().info("forgotten", extra={"jobs": forgotten})
    return {"jobs": forgotten}
