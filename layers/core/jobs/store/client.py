"""The DynamoDB client of the functions: botocore's own, with a faster parser and a check for broken answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zlib import crc32

import botocore
import botocore.session
import orjson
from botocore.config import Config
from botocore.exceptions import ChecksumError
from botocore.parsers import JSONParser, ResponseParserFactory

from jobs.store.shortcut import ShortCalls, Shortcut

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.awsrequest import AWSResponse
    from botocore.model import MapShape, Shape
    from mypy_boto3_dynamodb import DynamoDBClient


class ItemsAsTheyCome(JSONParser):
    """Hands answers over as DynamoDB wrote them, and does not walk every attribute against its shape.

    `store.items` reads this form. Only binary attributes and times look different, and no call of ours answers with
    one. Errors are parsed as usual, but for the items in them. `make bench` measures the difference.
    """

    def _do_parse(self, response: Mapping[str, Any], shape: Shape) -> dict[str, Any]:
        try:
            parsed: dict[str, Any] = orjson.loads(response["body"])
        except ValueError:  # nothing, or no JSON
            untyped: dict[str, Any] = super()._do_parse(response, shape)  # type: ignore[misc]  # private
            return untyped
        self._inject_response_metadata(parsed, response["headers"])  # type: ignore[attr-defined]  # as above
        return parsed

    def _handle_map(self, shape: MapShape, value: dict[str, Any]) -> dict[str, Any]:
        if shape.value.name == "AttributeValue":
            return value
        parsed: dict[str, Any] = super()._handle_map(shape, value)  # type: ignore[misc]  # private, so untyped
        return parsed


class _Parsers(ResponseParserFactory):
    def create_parser(self, protocol_name: str) -> Any:
        if protocol_name != "json":
            # The client speaks another protocol to DynamoDB, which this parser does not read.
            raise ValueError(protocol_name)
        return ItemsAsTheyCome()


def dynamodb_client(config: Config) -> DynamoDBClient:
    """Make the client. It names itself by a text that stays, because botocore puts its own together for each call."""
    config = Config(user_agent=f"serverless-jobs Botocore/{botocore.__version__}").merge(config)
    session = botocore.session.get_session()
    session.register_component("response_parser_factory", _Parsers())
    session.register("creating-client-class.dynamodb", _shorten)
    client: Any = session.create_client("dynamodb", config=config)
    client.shortcut = Shortcut(client)
    client.meta.events.register("after-call.dynamodb", _refuse_broken)
    made: DynamoDBClient = client
    return made


def _shorten(**parts: Any) -> None:
    parts["base_classes"].insert(0, ShortCalls)


def _refuse_broken(http_response: AWSResponse, **_: Any) -> None:
    """Refuse an answer that was damaged on its way.

    botocore tries again, but does not check the answer to its last try. Cut short, it would say that a row does not
    exist.

    Raises:
        ChecksumError: the answer does not match its checksum.
    """
    told = http_response.headers.get("x-amz-crc32")
    found = str(crc32(http_response.content))
    if told not in {None, found}:
        raise ChecksumError(checksum_type="crc32", expected_checksum=told, actual_checksum=found)
