"""The minute's tick: hint the start queue at what is due soon or overdue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.runtime import observability, wiring
from jobs.timing import dispatch

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Run a tick; an exception fails the invocation, which raises an alarm, and the next tick goes on from here."""
    with observability.invocation(context):
        dispatched = dispatch.dispatch(
            wiring.ports(),
            wiring.settings().shards,
            has_time=lambda milliseconds: context.get_remaining_time_in_millis() > milliseconds,
        )
        observability.logger().info("dispatched", extra=dispatched._asdict())
    return dispatched._asdict()
