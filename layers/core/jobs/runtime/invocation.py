"""What the handlers share that no HTTP caller calls: the time left, the records of a batch, and its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from jobs.errors import InvalidRequest
from jobs.runtime import observability

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from jobs.ports import TimeLeft

Parsed = TypeVar("Parsed")
Record = dict[str, Any]


def time_left(context: LambdaContext) -> TimeLeft:
    """`TimeLeft` of an invocation, as Lambda tells it."""
    return lambda milliseconds: context.get_remaining_time_in_millis() > milliseconds


def read_records(
    event: dict[str, Any], parse: Callable[[Record], Parsed]
) -> tuple[list[tuple[Record, Parsed]], list[Record]]:
    """Parse the records of a queue's batch; return what was parsed, and the records that cannot be read.

    `parse` raises `ValueError` or `InvalidRequest` for those. The log has their ids, never what they hold.
    """
    read, unreadable = [], []
    for record in event["Records"]:
        try:
            read.append((record, parse(record)))
        except (ValueError, InvalidRequest):
            observability.logger().warning("unreadable", extra={"messageId": record["messageId"]})
            unreadable.append(record)
    return read, unreadable


def batch_answer(failed: Iterable[str]) -> dict[str, Any]:
    """Tell Lambda which records of a batch must come again (`ReportBatchItemFailures`)."""
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in failed]}
