"""Make the jobs of the occurrences that the fire queue's hints say are due."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.adapters import sqs
from jobs.runtime import observability, wiring
from jobs.runtime.invocation import batch_answer, read_records, time_left
from jobs.schedules import firing

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Fire. Report hints that must come again, and what is not a hint: SQS moves that to the dead letters."""
    with observability.invocation(context):
        read, unreadable = read_records(event, lambda record: sqs.fire_from_body(record["body"]))
        again = firing.fire(wiring.ports(), [hint for _, hint in read], time_left(context))
        failed = [record["messageId"] for record in unreadable]
        failed += [read[position][0]["messageId"] for position in sorted(again)]
        observability.logger().info("fired", extra={"hints": len(read), "failed": len(failed)})
    return batch_answer(failed)
