"""Take the events of other services and workers from the ingest queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.dialects import event_bodies
from jobs.events import ingestion
from jobs.events.ingestion import Taken
from jobs.runtime import observability, wiring
from jobs.runtime.invocation import batch_answer, read_records, time_left

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from jobs.events.incoming import Delivery


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Take a batch: report what must come again, and set aside whole what can never be valid."""
    ports = wiring.ports()
    queue = ports.ingest_queue

    def parse(record: dict[str, Any]) -> Delivery:
        arrived = int(record["attributes"]["SentTimestamp"])
        return event_bodies.parse_event(record["body"], arrived, ports.clock.now())

    with observability.invocation(context):
        read, unreadable = read_records(event, parse)
        if unreadable:
            ports.meter.count("EventRefused", len(unreadable))
        deliveries = [delivery for _, delivery in read]
        taken = ingestion.take(ports, ports.settings.ingest.account_id, deliveries, time_left(context))

        def that_are(what: Taken) -> list[dict[str, Any]]:
            return [record for (record, _), of in zip(read, taken, strict=True) if of is what]

        failed = queue.set_aside([*unreadable, *that_are(Taken.REFUSED)])
        failed += queue.look_again_soon(that_are(Taken.EARLY))
        failed += [record["messageId"] for record in that_are(Taken.AGAIN)]
        observability.logger().info("taken", extra={"events": len(event["Records"]), "again": len(failed)})
    return batch_answer(failed)
