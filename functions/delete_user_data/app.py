"""Erase the objects of the user whom a started job names: a worker behind its own queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs import errors
from jobs.erasure import erasing
from jobs.runtime import observability, wiring

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

#: With less than this left no further batch is begun: what a slow one takes, waiting for S3 included.
RESERVE_MILLISECONDS = 30_000


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Work on the jobs of some messages; report those that must come again, and what is none of this worker's."""
    log = observability.logger()
    failed = []
    with observability.invocation(context):
        for record in event["Records"]:
            try:
                order = erasing.Order.from_body(record["body"])
                outcome = erasing.erase(wiring.erasure_ports(), order, lambda: _has_time(context))
            except (ValueError, errors.JobsError) as error:
                log.warning("not worked on", extra={"messageId": record["messageId"], "error": type(error).__name__})
                failed.append({"itemIdentifier": record["messageId"]})
            except Exception as error:  # noqa: BLE001  # escaping, it would be logged with what it quotes
                observability.log_failure(error)
                failed.append({"itemIdentifier": record["messageId"]})
            else:
                about = {"projectId": order.project_id, "jobId": order.job_id, "attempt": order.attempt}
                log.info("worked on", extra={**about, "outcome": outcome.value})
    return {"batchItemFailures": failed}


def _has_time(context: LambdaContext) -> bool:
    return context.get_remaining_time_in_millis() > RESERVE_MILLISECONDS
