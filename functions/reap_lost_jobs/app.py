"""The reaper: end the attempts whose worker was lost, once a minute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.lifecycle import reaping
from jobs.runtime import observability, wiring
from jobs.runtime.invocation import time_left

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Run the reaper. An exception fails the invocation, which raises an alarm; the next run begins again."""
    ports = wiring.ports()
    with observability.invocation(context):
        reaped = reaping.reap(ports, ports.settings.table.shards, time_left(context))
        observability.logger().info("reaped", extra={"attempts": reaped})
    return {"attempts": reaped}
