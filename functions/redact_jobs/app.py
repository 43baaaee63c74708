"""Forget what retention says of ended jobs, and delete projects, once a minute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.forgetting import closing, redacting, walking
from jobs.runtime import observability, wiring
from jobs.runtime.invocation import time_left

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Run once. An exception fails the invocation, which raises an alarm; the next run begins again."""
    ports = wiring.ports()
    has_time = time_left(context)
    with observability.invocation(context):
        forgotten = redacting.redact(
            ports, ports.settings.table.shards, lambda needed: has_time(needed + walking.KEPT_FOR_WALKS)
        )
        entered = walking.walk(ports, has_time)
        gone = closing.close(ports, has_time)
        observability.logger().info("forgotten", extra={"jobs": forgotten, "entered": entered, "projects": gone})
    return {"jobs": forgotten, "entered": entered, "projects": gone}
