"""The error codes that AWS documents for an operation, as faults."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from botocore.retries import standard

from tests.proofs.faults.injection import Fault, Kind, cancelled_transaction, refusal, refused_entry

if TYPE_CHECKING:
    from botocore.client import BaseClient

#: «Common errors» of the services' API references, with their HTTP status: those of today and of earlier years.
COMMON = {
    "AccessDeniedException": 400,
    "ExpiredTokenException": 403,
    "IncompleteSignature": 403,
    "InternalFailure": 500,
    "InvalidClientTokenId": 403,
    "MalformedHttpRequestException": 400,
    "MissingAuthenticationToken": 403,
    "NotAuthorized": 401,
    "OptInRequired": 403,
    "RequestAbortedException": 400,
    "RequestEntityTooLargeException": 413,
    "RequestExpired": 400,
    "RequestTimeoutException": 408,
    "ServiceUnavailable": 503,
    "ThrottlingException": 400,
    "UnknownOperationException": 404,
    "UnrecognizedClientException": 403,
    "ValidationError": 400,
    "ValidationException": 400,
}
#: Further errors that services document and botocore's models leave out.
BESIDE = {
    "dynamodb": {"IncompleteSignatureException": 400, "MissingAuthenticationTokenException": 400},
    "sqs": {"OverLimit": 403, "RequestThrottled": 400},
    "events": {"ManagedRuleException": 400, "ResourceNotFoundException": 400, "LimitExceededException": 400},
}
#: «Error responses» of the S3 API Reference, for what lists and deletes object versions.
S3 = {
    "AccessDenied": 403,
    "AccountProblem": 403,
    "AllAccessDisabled": 403,
    "AuthorizationHeaderMalformed": 400,
    "BadDigest": 400,
    "ExpiredToken": 400,
    "InternalError": 500,
    "InvalidAccessKeyId": 403,
    "InvalidArgument": 400,
    "InvalidBucketName": 400,
    "InvalidRequest": 400,
    "InvalidSecurity": 403,
    "InvalidToken": 400,
    "KMS.DisabledException": 400,
    "MalformedXML": 400,
    "MethodNotAllowed": 405,
    "MissingContentLength": 411,
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "NoSuchVersion": 404,
    "NotImplemented": 501,
    "NotSignedUp": 403,
    "OperationAborted": 409,
    "PreconditionFailed": 412,
    "RequestTimeout": 400,
    "RequestTimeTooSkewed": 403,
    "ServiceUnavailable": 503,
    "SignatureDoesNotMatch": 403,
    "SlowDown": 503,
    "ThrottlingException": 503,
    "TokenRefreshRequired": 400,
    "UserKeyMustBeSpecified": 400,
}
#: Errors of DeleteObjects for a single key.
S3_OF_A_KEY = ("AccessDenied", "InternalError", "InvalidArgument", "MethodNotAllowed", "NoSuchVersion", "SlowDown")
#: Errors of SendMessageBatch and PutEvents for a single entry. The model of PutEvents names them.
SQS_OF_AN_ENTRY = ("InternalError", "InvalidMessageContents", "InvalidParameterValue", "KmsThrottled")

#: These are no faults. They say how the row is, and an injected one would lie about it. They come by themselves if an
#: answer is lost after the commit.
VERDICTS = {"ConditionalCheckFailedException", "ConditionalCheckFailed", "None", "TransactionCanceledException"}

#: botocore's own lists, which its stubs lack.
_STANDARD: Any = standard
_THROTTLED = set(_STANDARD.ThrottledRetryableChecker._THROTTLED_ERROR_CODES)
#: What botocore tries again beside the errors that the models call retryable.
_RETRIED = {*_THROTTLED, *_STANDARD.TransientRetryableChecker._TRANSIENT_ERROR_CODES}
_RETRIED_STATUSES = set(_STANDARD.TransientRetryableChecker._TRANSIENT_STATUS_CODES)

#: Another write holds the same rows.
_CONFLICTS = {
    "ReplicatedWriteConflictException",
    "TransactionConflict",
    "TransactionConflictException",
    "TransactionInProgressException",
}
#: What botocore takes for a throttle, and throttles that it does not see or know as the code of a call.
_THROTTLES = {*_THROTTLED, "KmsThrottled", "OverLimit", "ProvisionedThroughputExceeded", "ThrottlingError"}
#: The same, of the service's own failures.
_SERVER_ERRORS = {"InternalError", "InternalServerError", "RequestTimeout", "RequestTimeoutException"}

_CODE_IN_WORDS = re.compile(r"Code: <code>(\w+)</code>")
_NAME_IN_WORDS = re.compile(r"<code>(?:<a [^>]*>)?(\w+)(?:</a>)?</code>")


def documented(client: BaseClient, operation: str) -> list[Fault]:
    """All errors that the service documents for the operation."""
    service: Any = client.meta.service_model
    model = service.operation_model(operation)
    if service.service_name == "s3":
        codes = S3
    else:
        modelled = {shape.error_code: _status(shape) for shape in model.error_shapes}
        codes = {**COMMON, **BESIDE[service.service_name], **modelled}
    retryable = {shape.error_code for shape in model.error_shapes if "retryable" in shape.metadata}
    faults = [
        refusal(code, status, _kind(code, status), retried=code in _RETRIED | retryable or status in _RETRIED_STATUSES)
        for code, status in codes.items()
        if code not in VERDICTS
    ]
    return faults + _of_parts(service, operation)


def _of_parts(service: Any, operation: str) -> list[Fault]:
    """Errors of a part of a request. The models name the codes, most of them in prose."""
    match operation:
        case "TransactWriteItems":
            told = service.shape_for("TransactionCanceledException").documentation
            return [
                cancelled_transaction(code, _kind(code))
                for code in _CODE_IN_WORDS.findall(told)
                if code not in VERDICTS
            ]
        case "BatchExecuteStatement":
            codes = service.shape_for("BatchStatementErrorCodeEnum").enum
        case "BatchGetItem":
            return [refused_entry("left for later", Kind.THROTTLE)]
        case "PutEvents":
            codes = _NAME_IN_WORDS.findall(service.shape_for("PutEventsResultEntry").members["ErrorCode"].documentation)
        case "SendMessageBatch":
            by_sender = [refused_entry(code, Kind.REFUSAL, by_sender=True) for code in SQS_OF_AN_ENTRY]
            return by_sender + [refused_entry(code, _kind(code)) for code in SQS_OF_AN_ENTRY]
        case "DeleteObjects":
            codes = S3_OF_A_KEY
        case _:
            return []
    return [refused_entry(code, _kind(code)) for code in codes if code not in VERDICTS]


def _status(shape: Any) -> int:
    declared: int = shape.metadata.get("error", {}).get("httpStatusCode", 400)
    # botocore reads who is to blame for an error, and does not pass it on
    return 500 if shape._shape_model.get("fault") else declared


def _kind(code: str, status: int = 200) -> Kind:
    if code in _CONFLICTS:
        return Kind.CONFLICT
    if code in _THROTTLES:
        return Kind.THROTTLE
    return Kind.SERVER if code in _SERVER_ERRORS or status in _RETRIED_STATUSES else Kind.REFUSAL
