"""Tell the bus of every status change, and every change of a schedule, that the table's stream shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.events import publishing
from jobs.runtime import observability, wiring
from jobs.runtime.invocation import batch_answer
from jobs.store import stream

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Publish a batch. From the first write whose event was refused, the stream delivers again."""
    writes = stream.written(event["Records"])
    with observability.invocation(context):
        refused = publishing.publish(wiring.ports(), [write.change for write in writes])
        observability.logger().info("published", extra={"writes": len(writes), "refused": len(refused)})
    return batch_answer(writes[position].sequence_number for position in sorted(refused)[:1])
