"""Take the events of other services and workers from the ingest queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.dialects import event_bodies
from jobs.errors import InvalidRequest
from jobs.events import ingestion
from jobs.events.ingestion import Taken
from jobs.runtime import observability, wiring

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

#: What one step may take: a batch contends for its numbers for 20 seconds at most.
STEP_MILLISECONDS = 25_000


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Take a batch: what must come again is reported, what can never be valid is set aside whole."""
    records, deliveries, failed = [], [], []
    queue = wiring.ingest_queue()
    with observability.invocation(context):
        for record in event["Records"]:
            try:
                arrived = int(record["attributes"]["SentTimestamp"])
                deliveries.append(event_bodies.parse_event(record["body"], arrived, wiring.clock().now()))
                records.append(record)
            except InvalidRequest:
                # Not what is wrong with it, which may be a name of the sender's making: the event is kept whole.
                wiring.ports().meter.count("EventRefused")
                observability.logger().warning("not an event", extra={"messageId": record["messageId"]})
                failed += queue.set_aside([record])
        taken = ingestion.take(
            wiring.ports(),
            wiring.directory(),
            wiring.settings().account_id,
            deliveries,
            has_time=lambda: context.get_remaining_time_in_millis() > STEP_MILLISECONDS,
        )
        refused = [record for record, what in zip(records, taken, strict=True) if what is Taken.REFUSED]
        early = [record for record, what in zip(records, taken, strict=True) if what is Taken.EARLY]
        failed += queue.set_aside(refused)
        failed += queue.look_again_soon(early)
        failed += [record["messageId"] for record, what in zip(records, taken, strict=True) if what is Taken.AGAIN]
        observability.logger().info("taken", extra={"events": len(event["Records"]), "again": len(failed)})
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in failed]}
