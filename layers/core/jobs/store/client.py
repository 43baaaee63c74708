"""The DynamoDB client of the functions: botocore's own, but for what a list spends its time on, and broken answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zlib import crc32

import boto3
import botocore.session
from botocore.exceptions import ChecksumError
from botocore.parsers import JSONParser, ResponseParserFactory

if TYPE_CHECKING:
    from botocore.awsrequest import AWSResponse
    from botocore.config import Config
    from botocore.model import MapShape
    from mypy_boto3_dynamodb import DynamoDBClient


class ItemsAsTheyCome(JSONParser):
    """Hands items over as DynamoDB wrote them, instead of walking every attribute against its shape.

    `store.items` reads that very form. It differs from the client's usual one in binary attributes alone, which stay
    base64; the table has none. Everything else, modelled errors among it, is parsed as ever. Measured by `make bench`.
    """

    def _handle_map(self, shape: MapShape, value: dict[str, Any]) -> dict[str, Any]:
        if shape.value.name == "AttributeValue":
            return value
        parsed: dict[str, Any] = super()._handle_map(shape, value)  # type: ignore[misc]  # private, so untyped
        return parsed


class _Parsers(ResponseParserFactory):
    def create_parser(self, protocol_name: str) -> Any:
        if protocol_name != "json":
            # The client would speak another protocol to DynamoDB than the one whose parser this is.
            raise ValueError(protocol_name)
        return ItemsAsTheyCome()


def dynamodb_client(config: Config) -> DynamoDBClient:
    """Make the client."""
    session = botocore.session.get_session()
    session.register_component("response_parser_factory", _Parsers())
    client = boto3.Session(botocore_session=session).client("dynamodb", config=config)
    client.meta.events.register("after-call.dynamodb", _refuse_broken)
    return client


def _refuse_broken(http_response: AWSResponse, **_: Any) -> None:
    """Refuse an answer that is not as DynamoDB sent it.

    botocore tries again, but takes the answer to its last try as it comes: cut short, it would say that a row is not
    there.

    Raises:
        ChecksumError: the answer does not match its checksum.
    """
    told = http_response.headers.get("x-amz-crc32")
    found = str(crc32(http_response.content))
    if told not in {None, found}:
        raise ChecksumError(checksum_type="crc32", expected_checksum=told, actual_checksum=found)
