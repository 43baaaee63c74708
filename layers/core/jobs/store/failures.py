"""How DynamoDB's failures are read: which mean «try later», which prove nothing, which say that a condition failed."""

from __future__ import annotations

from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ChecksumError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotocoreConnectionError

from jobs import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Documented by DynamoDB as throttling (Developer Guide, «Error handling with DynamoDB»); botocore has retried them.
THROTTLES = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
    }
)
#: The service's own failures: the write may or may not have been committed. Beside these, all that have the HTTP status
#: of one, whatever they are called: those without a body have no other name.
SERVER_ERRORS = frozenset(
    {"InternalServerError", "InternalServerErrorException", "RequestTimeoutException", "ServiceUnavailable"}
)
CONFLICTS = frozenset(
    {"ReplicatedWriteConflictException", "TransactionConflictException", "TransactionInProgressException"}
)
#: Reasons of a cancelled transaction that say nothing of the conditions.
PASSING_REASONS = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
#: Likewise, of a statement in a batch.
PASSING_STATEMENT_ERRORS = PASSING_REASONS | {"InternalServerError", "RequestLimitExceeded"}

CONDITION_FAILED = "ConditionalCheckFailedException"
#: The same, as a reason of a cancelled transaction and as the error of a statement in a batch.
CONDITION_CODE = "ConditionalCheckFailed"
TRANSACTION_CANCELLED = "TransactionCanceledException"


def code_of(error: ClientError) -> str:
    """The error code of a refused call."""
    return error.response.get("Error", {}).get("Code", "")


def old_item(error: ClientError) -> dict[str, Any]:
    """The row that a failed condition saw (`ReturnValuesOnConditionCheckFailure=ALL_OLD`), empty if there was none."""
    item: dict[str, Any] = error.response.get("Item", {})  # type: ignore[assignment]  # the stubs do not know it
    return item


def reasons_of(error: ClientError) -> list[dict[str, Any]]:
    """Why each action of a cancelled transaction failed, in the order of the actions."""
    reasons: list[dict[str, Any]] = error.response.get("CancellationReasons", [])  # type: ignore[assignment]  # as above
    return reasons


def failed_conditions(error: Exception) -> dict[int, dict[str, Any]]:
    """Which conditions of a write failed, by the position of the action, with the row that each saw.

    Empty where the error is of another kind.
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
    """Whether a write that ended so may or may not have been committed, or was turned away for the moment."""
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


@contextmanager
def throttling_as_busy() -> Iterator[None]:
    """Turn a throttle that outlived the client's retries into `Busy`.

    Raises:
        Busy: DynamoDB throttles.
    """
    try:
        yield
    except ClientError as error:
        if code_of(error) in THROTTLES:
            raise errors.Busy from error
        raise
