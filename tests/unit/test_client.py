"""The DynamoDB client, if an answer does not arrive as it was sent."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ChecksumError
from jobs.store import client
from jobs.store.failures import outcome_unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import boto3
    from mypy_boto3_dynamodb import DynamoDBClient

WHOLE = b'{"Item": {"pk": {"S": "1#0"}}}'


class Body(BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


@pytest.fixture
def answered(aws: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> Callable[..., DynamoDBClient]:
    """A client that gets the same answer to every request."""
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)

    def make(body: bytes, checksum: int | None) -> DynamoDBClient:
        headers = {} if checksum is None else {"x-amz-crc32": str(checksum)}
        made = client.dynamodb_client(Config(retries={"mode": "standard", "total_max_attempts": 2}))
        made.meta.events.register_first(
            "before-send.dynamodb",
            lambda request, **_: AWSResponse(request.url, 200, headers, Body(body)),  # type: ignore[arg-type]  # urllib3's
        )
        return made

    return make


@pytest.mark.parametrize("checksum", [crc32(WHOLE), None], ids=["told", "not told"])
def test_an_answer_is_read_as_it_was_sent(answered: Callable[..., DynamoDBClient], checksum: int | None) -> None:
    found = answered(WHOLE, checksum).get_item(TableName="jobs", Key={"pk": {"S": "1#0"}, "sk": {"S": "1"}})

    assert found["Item"] == {"pk": {"S": "1#0"}}


@pytest.mark.parametrize("body", [WHOLE[:20], b"", WHOLE.replace(b"0", b"1")], ids=["cut short", "empty", "changed"])
def test_an_answer_that_stays_other_than_it_was_sent_proves_nothing(
    answered: Callable[..., DynamoDBClient], body: bytes
) -> None:
    with pytest.raises(ChecksumError) as broken:
        answered(body, crc32(WHOLE)).get_item(TableName="jobs", Key={"pk": {"S": "1#0"}, "sk": {"S": "1"}})

    assert outcome_unknown(broken.value)
