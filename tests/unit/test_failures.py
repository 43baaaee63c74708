"""How DynamoDB's failures are read."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)
from hypothesis import given
from hypothesis import strategies as st
from jobs import errors
from jobs.store import failures

from tests.builders import a_cancelled_transaction, a_client_error

PASSING = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"]


@pytest.mark.parametrize(
    "error",
    [
        ReadTimeoutError(endpoint_url="https://dynamodb"),
        ConnectTimeoutError(endpoint_url="https://dynamodb"),
        EndpointConnectionError(endpoint_url="https://dynamodb"),
        *map(
            a_client_error,
            [
                "InternalServerError",
                "RequestTimeoutException",
                "ServiceUnavailable",
                "ProvisionedThroughputExceededException",
                "RequestLimitExceeded",
                "ThrottlingException",
                "ReplicatedWriteConflictException",
                "TransactionConflictException",
                "TransactionInProgressException",
            ],
        ),
        # the status alone: botocore names an error without a body after it
        a_client_error("InternalFailure", ResponseMetadata={"HTTPStatusCode": 500}),
        a_client_error("503", ResponseMetadata={"HTTPStatusCode": 503}),
    ],
    ids=str,
)
def test_a_lost_answer_a_throttle_and_a_conflict_prove_nothing(error: Exception) -> None:
    assert failures.outcome_unknown(error)


@pytest.mark.parametrize(
    "error",
    [
        NoCredentialsError(),
        ValueError(),
        *map(
            a_client_error,
            [
                "ConditionalCheckFailedException",
                "ValidationException",
                "AccessDeniedException",
                "ResourceNotFoundException",
                "ItemCollectionSizeLimitExceededException",
                "IdempotentParameterMismatchException",
            ],
        ),
        a_client_error("403", ResponseMetadata={"HTTPStatusCode": 403}),
    ],
    ids=str,
)
def test_a_refusal_and_a_mistake_of_ours_prove_that_nothing_was_written(error: Exception) -> None:
    assert not failures.outcome_unknown(error)


codes = st.sampled_from(
    ["None", "ConditionalCheckFailed", "ValidationError", "ItemCollectionSizeLimitExceeded", *PASSING]
)


@given(st.lists(codes, min_size=1, max_size=4))
def test_a_cancelled_transaction_proves_nothing_only_where_nothing_but_contention_cancelled_it(
    reasons: list[str],
) -> None:
    failed = {code for code in reasons if code != "None"}

    assert failures.outcome_unknown(a_cancelled_transaction(*reasons)) == (bool(failed) and failed <= set(PASSING))


def test_a_cancelled_transaction_without_reasons_is_not_taken_for_contention() -> None:
    assert not failures.outcome_unknown(a_client_error("TransactionCanceledException"))


@pytest.mark.parametrize("code", ["ThrottlingException", "ProvisionedThroughputExceededException", "Throttling"])
def test_a_throttle_is_busy_and_keeps_its_cause(code: str) -> None:
    error = a_client_error(code)

    with pytest.raises(errors.Busy) as busy, failures.reading():
        raise error

    assert busy.value.__cause__ is error


@pytest.mark.parametrize("error", [a_client_error("ValidationException"), BotoCoreError(), KeyError()], ids=repr)
def test_any_other_failure_stays_what_it_is(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, failures.reading():
        raise error

    assert caught.value is error


def test_what_a_failed_condition_saw_is_empty_where_there_was_no_row() -> None:
    row: dict[str, Any] = {"tc": {"S": "t"}}

    assert failures.old_item(a_client_error("ConditionalCheckFailedException", Item=row)) == row
    assert failures.old_item(a_client_error("ConditionalCheckFailedException")) == {}
    assert failures.code_of(ClientError({}, "PutItem")) == ""
