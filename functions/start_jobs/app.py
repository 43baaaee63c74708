"""Start the jobs that the start queue's hints say are due."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.adapters import sqs
from jobs.runtime import observability, wiring
from jobs.timing import starting

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Start jobs; report hints that must come again, and what is no hint and belongs to the dead-letter queue."""
    identifiers, hints, failed = [], [], []
    with observability.invocation(context):
        for record in event["Records"]:
            try:
                hints.append(sqs.from_body(record["body"]))
                identifiers.append(record["messageId"])
            except ValueError:
                observability.logger().error("not a start message", extra={"messageId": record["messageId"]})
                failed.append(record["messageId"])
        again = starting.start_jobs(
            wiring.ports(),
            hints,
            has_time=lambda milliseconds: context.get_remaining_time_in_millis() > milliseconds,
        )
        failed += [identifiers[position] for position in sorted(again)]
        observability.logger().info("started", extra={"hints": len(hints), "failed": len(failed)})
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in failed]}
