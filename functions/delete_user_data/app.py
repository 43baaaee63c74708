"""Erase the objects of the user whom a started job names: a worker behind its own queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs import errors
from jobs.erasure import erasing
from jobs.erasure.order import Order
from jobs.runtime import observability, wiring
from jobs.runtime.invocation import batch_answer, read_records, time_left

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Work on the jobs of some messages. Report those that must come again, and those that this worker cannot read."""
    log = observability.logger()
    with observability.invocation(context):
        orders, unreadable = read_records(event, lambda record: Order.from_body(record["body"]))
        failed = [record["messageId"] for record in unreadable]
        for record, order in orders:
            about = {"projectId": order.project_id, "jobId": order.job_id, "attempt": order.attempt}
            try:
                outcome = erasing.erase(wiring.ports(), order, time_left(context))
            except errors.JobsError as error:
                log.warning("not worked on", extra={**about, "error": type(error).__name__})
                failed.append(record["messageId"])
            except Exception as error:  # noqa: BLE001  # uncaught, it would be logged with what it quotes
                observability.log_failure(error)
                failed.append(record["messageId"])
            else:
                log.info("worked on", extra={**about, "outcome": outcome.value})
    return batch_answer(failed)
