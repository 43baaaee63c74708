"""What DynamoDB's failures mean: try later, nothing is proven, or a condition failed."""

from __future__ import annotations

from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ChecksumError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotocoreConnectionError

from jobs import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What DynamoDB documents as throttling (Developer Guide, «Error handling with DynamoDB»). botocore has retried it.
THROTTLES = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
    }
)
#: The service's own failures: the write may or may not have been committed. Every answer with the HTTP status of such a
#: failure counts too, because one without a body has no other name.
SERVER_ERRORS = frozenset(
    {"InternalServerError", "InternalServerErrorException", "RequestTimeoutException", "ServiceUnavailable"}
)
CONFLICTS = frozenset(
    {"ReplicatedWriteConflictException", "TransactionConflictException", "TransactionInProgressException"}
)
#: Reasons of a cancelled transaction that say nothing about its conditions.
PASSING_REASONS = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
#: The same for a statement in a batch.
PASSING_STATEMENT_ERRORS = PASSING_REASONS | {"InternalServerError", "RequestLimitExceeded"}

CONDITION_FAILED = "ConditionalCheckFailedException"
#: The same as a reason of a cancelled transaction, and as the error of a statement in a batch.
CONDITION_CODE = "ConditionalCheckFailed"
TRANSACTION_CANCELLED = "TransactionCanceledException"


def code_of(error: ClientError) -> str:
    """The error code of a refused call."""
    return error.response.get("Error", {}).get("Code", "")


def old_item(error: ClientError) -> dict[str, Any]:
    """The row that a failed condition saw (`ReturnValuesOnConditionCheckFailure=ALL_OLD`); empty if no row exists."""
    item: dict[str, Any] = error.response.get("Item", {})  # type: ignore[assignment]  # the stubs do not know it
    return item


def reasons_of(error: ClientError) -> list[dict[str, Any]]:
    """Why each action of a cancelled transaction failed, in the order of the actions."""
    reasons: list[dict[str, Any]] = error.response.get("CancellationReasons", [])  # type: ignore[assignment]  # as above
    return reasons


def failed_conditions(error: Exception) -> dict[int, dict[str, Any]]:
    """The conditions of a write that failed: by the position of the action, the row that each saw.

    Empty if the error is of another kind.
    """
    if not isinstance(error, ClientError):
        return {}
    if code_of(error) == CONDITION_FAILED:
        return {0: old_item(error)}
    if code_of(error) != TRANSACTION_CANCELLED:
        return {}
    return {
        position: reason.get("Item", {})
        for position, reason in enumerate(reasons_of(error))
        if reason.get("Code") == CONDITION_CODE
    }


def outcome_unknown(error: Exception) -> bool:
    """Whether a write that failed in this way may have been committed all the same, or was only turned away for now."""
    if isinstance(error, HTTPClientError | BotocoreConnectionError | ChecksumError):
        return True
    if not isinstance(error, ClientError):
        return False
    code = code_of(error)
    if code == TRANSACTION_CANCELLED:
        codes = {reason.get("Code") for reason in reasons_of(error)} - {"None"}
        return bool(codes) and codes <= PASSING_REASONS
    return code in THROTTLES | SERVER_ERRORS | CONFLICTS or _status_of(error) >= HTTPStatus.INTERNAL_SERVER_ERROR


def _status_of(error: ClientError) -> int:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


class ConditionFailed(Exception):
    """Conditions of a write failed; `rows` has the row that each of them saw, by the position of its action."""

    def __init__(self, rows: dict[int, dict[str, Any]]) -> None:
        super().__init__("a condition failed")
        self.rows = rows


@contextmanager
def reading() -> Iterator[None]:
    """Turn a throttle that outlasted the client's retries into `Busy`."""
    try:
        yield
    except ClientError as error:
        if is_throttle(error):
            raise errors.Busy from error
        raise


@contextmanager
def writing() -> Iterator[None]:
    """Tell what a failed write means.

    Raises:
        ConditionFailed: a condition failed.
        Busy: DynamoDB throttles, or the write met a conflict or lost its answer. It may have been committed.
    """
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        rows = failed_conditions(error)
        if rows:
            raise ConditionFailed(rows) from error
        if outcome_unknown(error):
            raise errors.Busy from error
        raise


def is_throttle(error: BaseException | None) -> bool:
    """Whether DynamoDB throttled a call. botocore has already tried it again."""
    return isinstance(error, ClientError) and code_of(error) in THROTTLES
