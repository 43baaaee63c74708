"""Take the events of other services and workers from the ingest queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.dialects import event_bodies
from jobs.errors import InvalidRequest
from jobs.events import ingestion
from jobs.events.incoming import Delivery, Refusal
from jobs.events.ingestion import Taken
from jobs.runtime import observability, wiring
from jobs.runtime.invocation import batch_answer, time_left

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Take a batch: report what must come again, and set aside whole what can never be valid."""
    ports = wiring.ports()
    queue = ports.ingest_queue

    def parse(record: dict[str, Any]) -> Delivery | Refusal:
        arrived = int(record["attributes"]["SentTimestamp"])
        try:
            return event_bodies.parse_event(record["body"], arrived, ports.clock.now())
        except InvalidRequest as error:
            return event_bodies.refusal_of(error)

    def final(record: dict[str, Any], outcome: Taken | Refusal) -> Taken | Refusal:
        # SQS would set it aside too, but not say why.
        return ingestion.NEVER_STARTED if outcome is Taken.EARLY and queue.is_last(record) else outcome

    with observability.invocation(context):
        parsed = [(record, parse(record)) for record in event["Records"]]
        readable = [(record, content) for record, content in parsed if isinstance(content, Delivery)]
        deliveries = [delivery for _, delivery in readable]
        taken = ingestion.take(ports, ports.settings.ingest.account_id, deliveries, time_left(context))
        outcomes = [
            *((record, content) for record, content in parsed if isinstance(content, Refusal)),
            *((record, final(record, outcome)) for (record, _), outcome in zip(readable, taken, strict=True)),
        ]
        refused = [(record, outcome) for record, outcome in outcomes if isinstance(outcome, Refusal)]
        for record, refusal in refused:
            told = event_bodies.told_of(record["body"])
            about = {"messageId": record["messageId"], **told, **refusal._asdict()}
            observability.logger().warning("refused", extra=about)
        if refused:
            ports.meter.count("EventRefused", len(refused))
        failed = queue.set_aside(refused)
        failed += queue.look_again_soon([record for record, outcome in outcomes if outcome is Taken.EARLY])
        failed += [record["messageId"] for record, outcome in outcomes if outcome is Taken.AGAIN]
        observability.logger().info("taken", extra={"events": len(event["Records"]), "again": len(failed)})
    return batch_answer(failed)
