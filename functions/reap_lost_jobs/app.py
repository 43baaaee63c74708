"""End the attempts whose worker was lost, once a minute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.lifecycle import reaping
from jobs.runtime import observability, wiring

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

#: What ending one attempt may still need when the next one is looked at.
JOB_MILLISECONDS = 10_000


def handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Run the reaper; an exception fails the invocation, which raises an alarm, and the next run begins anew."""
    with observability.invocation(context):
        reaped = reaping.reap(
            wiring.ports(),
            wiring.settings().shards,
            has_time=lambda: context.get_remaining_time_in_millis() > JOB_MILLISECONDS,
        )
        observability.logger().info("reaped", extra={"attempts": reaped})
    return {"attempts": reaped}
