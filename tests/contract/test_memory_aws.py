"""What tests/memory_aws.py spares moto changes none of its answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import TABLE
from tests.memory_aws import UNTOUCHED, TableRows

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEY: dict[str, Any] = {"pk": {"S": "a"}, "sk": {"S": "b"}}
#: A value of each type, and some within others.
VALUES: dict[str, Any] = {
    "text": {"S": "ü"},
    "empty": {"S": ""},
    "number": {"N": "1.50"},
    "bytes": {"B": b"\x00\xff"},
    "yes": {"BOOL": True},
    "no": {"BOOL": False},
    "nothing": {"NULL": True},
    "list": {"L": [{"S": "x"}, {"M": {"y": {"N": "1"}}}]},
    "map": {"M": {"S": {"S": "not a type"}, "deep": {"L": []}}},
    "texts": {"SS": ["a", "b"]},
    "numbers": {"NS": ["1", "2"]},
}
#: The row as it comes back: the store's client leaves values as DynamoDB sends them.
ROW = {**KEY, **VALUES, "bytes": {"B": "AP8="}}


def answers(dynamodb: DynamoDBClient) -> list[Any]:
    """What moto answers, in each of the ways in which a row comes back."""
    dynamodb.put_item(TableName=TABLE, Item={**KEY, **VALUES})
    changed = dynamodb.update_item(
        TableName=TABLE,
        Key=KEY,
        UpdateExpression="SET #list = list_append(#list, :more), #number = :number ADD #texts :text REMOVE #map.#deep",
        ConditionExpression="#number < :number",
        ExpressionAttributeNames={f"#{name}": name for name in ("list", "number", "texts", "map", "deep")},
        ExpressionAttributeValues={
            ":more": {"L": [{"S": "z"}]},
            ":number": {"N": "2"},
            ":text": {"SS": ["c"]},
        },
        ReturnValues="ALL_OLD",
    )
    got = dynamodb.get_item(TableName=TABLE, Key=KEY)
    queried = dynamodb.query(
        TableName=TABLE,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": "a"}},
        ReturnConsumedCapacity="TOTAL",
    )
    batch = dynamodb.batch_get_item(RequestItems={TABLE: {"Keys": [KEY]}})
    return [
        {name: part for name, part in answer.items() if name != "ResponseMetadata"}
        for answer in (changed, got, queried, batch)
    ]


def test_answers_are_as_they_are_without(dynamodb: DynamoDBClient, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = answers(dynamodb)
    TableRows(TABLE).put({})
    for owner, name, method in UNTOUCHED:
        monkeypatch.setattr(owner, name, method)

    assert quick == answers(dynamodb)
    assert quick[0]["Attributes"] == ROW
    assert quick[1]["Item"]["list"] == {"L": [*VALUES["list"]["L"], {"S": "z"}]}


def test_a_transaction_that_is_cancelled_leaves_all_as_it_was(dynamodb: DynamoDBClient) -> None:
    dynamodb.put_item(TableName=TABLE, Item={**KEY, **VALUES})
    before = dynamodb.get_item(TableName=TABLE, Key=KEY)["Item"]

    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        dynamodb.transact_write_items(
            TransactItems=[
                {
                    "Update": {
                        "TableName": TABLE,
                        "Key": KEY,
                        "UpdateExpression": "SET #list = list_append(#list, #list), #text = :text REMOVE #map.#deep",
                        "ExpressionAttributeNames": {f"#{name}": name for name in ("list", "text", "map", "deep")},
                        "ExpressionAttributeValues": {":text": {"S": "changed"}},
                    }
                },
                {
                    "Put": {
                        "TableName": TABLE,
                        "Item": {"pk": {"S": "a"}, "sk": {"S": "c"}},
                        "ConditionExpression": "attribute_exists(pk)",
                    }
                },
            ]
        )

    assert dynamodb.get_item(TableName=TABLE, Key=KEY)["Item"] == before
    assert "Item" not in dynamodb.get_item(TableName=TABLE, Key={"pk": {"S": "a"}, "sk": {"S": "c"}})


def test_rows_that_were_taken_stay_as_they_were(dynamodb: DynamoDBClient) -> None:
    rows = TableRows(TABLE)
    dynamodb.put_item(TableName=TABLE, Item={**KEY, **VALUES})
    taken = rows.get()

    for _ in range(2):
        dynamodb.update_item(
            TableName=TABLE,
            Key=KEY,
            UpdateExpression="SET #list = list_append(#list, #list), #text = :text",
            ExpressionAttributeNames={"#list": "list", "#text": "text"},
            ExpressionAttributeValues={":text": {"S": "changed"}},
        )
        rows.put(taken)

        assert dynamodb.get_item(TableName=TABLE, Key=KEY)["Item"] == ROW


def test_each_test_begins_with_an_empty_table(dynamodb: DynamoDBClient) -> None:
    assert dynamodb.scan(TableName=TABLE)["Items"] == []
