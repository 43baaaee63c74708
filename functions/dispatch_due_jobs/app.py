"""The minute's tick: hint the start queue at what is due soon or overdue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs import dispatch
from jobs.runtime import observability, wiring

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

#: What a round of reading and sending may still need when the next one is begun.
ROUND_MILLISECONDS = 15_000


def handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Run a tick; an exception fails the invocation, which raises an alarm, and the next tick goes on from here."""
    with observability.invocation(context):
        dispatched = dispatch.dispatch(
            wiring.ports(),
            wiring.settings().shards,
            has_time=lambda: context.get_remaining_time_in_millis() > ROUND_MILLISECONDS,
        )
        observability.logger().info("dispatched", extra=dispatched._asdict())
    return dispatched._asdict()
