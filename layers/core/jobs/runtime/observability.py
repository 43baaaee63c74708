"""One logger and one set of metrics. They carry ids, counts and codes, never personal data or a secret."""

from __future__ import annotations

import traceback
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aws_lambda_powertools.utilities.typing import LambdaContext


@cache
def logger() -> Logger:
    """The logger writes JSON lines. Its name and level come from Powertools' own environment variables."""
    return Logger()


@cache
def metrics() -> Metrics:
    """The metrics are embedded in the log and written once an invocation."""
    return Metrics()


class PowertoolsMeter:
    """`Meter` on Powertools' metrics."""

    def count(self, name: str, value: float = 1) -> None:
        """See `Meter.count`."""
        metrics().add_metric(name=name, unit=MetricUnit.Count, value=value)

    def milliseconds(self, name: str, value: float) -> None:
        """See `Meter.milliseconds`."""
        metrics().add_metric(name=name, unit=MetricUnit.Milliseconds, value=value)

    def failed(self, call: str, error: Exception) -> None:
        """See `Meter.failed`."""
        about = {"call": call, "error": type(error).__name__, "code": _code_of(error)}
        logger().warning("AWS call failed", extra=about)


def log_failure(error: Exception) -> None:
    """Log what an operator needs to know of an unexpected failure: its kind, AWS's code and where it happened.

    The message stays out of the log, because it may quote what a caller sent.
    """
    frames = traceback.extract_tb(error.__traceback__)
    logger().error(
        "unhandled",
        extra={
            "error": type(error).__name__,
            "code": _code_of(error),
            "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
        },
    )


def _code_of(error: Exception) -> str | None:
    """AWS's code of an error, or None. The response of botocore's own errors may be None."""
    response: dict[str, Any] = getattr(error, "response", None) or {}
    code: str | None = response.get("Error", {}).get("Code")
    return code


#: The ids that `note` takes.
NOTED = ("keyId", "clientId", "projectId")


def note(**ids: str | int) -> None:
    """Name who calls, and the project, in each further log line of this invocation."""
    logger().append_keys(**ids)


@contextmanager
def invocation(context: LambdaContext) -> Iterator[None]:
    """Tie the log lines of an invocation together, and write its metrics at the end, also after an error."""
    logger().set_correlation_id(getattr(context, "aws_request_id", None))
    try:
        yield
    finally:
        logger().remove_keys(NOTED)
        if metrics().metric_set:
            metrics().flush_metrics()
