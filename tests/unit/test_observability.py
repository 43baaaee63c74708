"""What an invocation leaves in its log, however it ends."""

from __future__ import annotations

import io
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ConnectionClosedError, ConnectTimeoutError, NoCredentialsError, ReadTimeoutError
from jobs.runtime import observability

from tests.builders import a_client_error

if TYPE_CHECKING:
    from collections.abc import Iterator


class Context:
    function_name = "function"
    aws_request_id = "request-id"


@pytest.fixture(autouse=True)
def named(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Jobs")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "jobs")
    observability.metrics.cache_clear()
    yield
    observability.metrics.cache_clear()


@pytest.mark.parametrize("error", [None, RuntimeError("broken")], ids=["returns", "raises"])
def test_metrics_are_written_once_however_an_invocation_ends(
    capsys: pytest.CaptureFixture[str], error: Exception | None
) -> None:
    for _ in range(2):
        with suppress(RuntimeError), observability.invocation(cast("Any", Context())):
            observability.PowertoolsMeter().count("JobStarted", 3)
            if error is not None:
                raise error

    written = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["JobStarted"] for line in written] == [[3.0], [3.0]]


def test_an_invocation_without_metrics_writes_none(capsys: pytest.CaptureFixture[str]) -> None:
    with observability.invocation(cast("Any", Context())):
        pass

    assert capsys.readouterr().out == ""


def test_lines_carry_the_invocation_they_belong_to() -> None:
    with observability.invocation(cast("Any", Context())):
        assert observability.logger().get_correlation_id() == "request-id"


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    written = io.StringIO()
    monkeypatch.setattr(observability.logger().handlers[0], "stream", written)
    return written


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (a_client_error("AccessDeniedException", "of a table that nobody should know"), "AccessDeniedException"),
        # these have a response too, which is None
        (ReadTimeoutError(endpoint_url="https://dynamodb"), None),
        (ConnectionClosedError(endpoint_url="https://dynamodb"), None),
        (ConnectTimeoutError(endpoint_url="https://dynamodb"), None),
        (NoCredentialsError(), None),
        (ValueError("of a caller's"), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_failure_is_logged_by_its_kind_and_code_whatever_failed(
    log: io.StringIO, error: Exception, code: str | None
) -> None:
    observability.log_failure(error)
    observability.PowertoolsMeter().failed("PutEvents", error)

    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [(line["error"], line.get("code")) for line in lines] == [(type(error).__name__, code)] * 2
    assert str(error) not in log.getvalue()
