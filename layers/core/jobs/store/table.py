"""The calls of DynamoDB that the service makes. What a failure of one means is decided here and nowhere else.

Every call raises `errors.Busy` when DynamoDB throttles for longer than the client retries. Every write raises
`ConditionFailed` when a condition failed, and `Busy` also when a conflict or a lost answer proves nothing.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, TypeAlias

from jobs import errors
from jobs.store import failures, items

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import BatchStatementRequestTypeDef, BatchStatementResponseTypeDef

    from jobs.ports import Clock
    from jobs.store.keys import Key

#: One action of a transaction, by its kind: Put, Update, Delete or ConditionCheck.
Write: TypeAlias = "dict[str, dict[str, Any]]"

#: How often a status change is tried if a transaction holds the row for a moment. botocore never tries that again.
CONFLICT_TRIES = 5
#: Rows that one BatchWriteItem takes.
MAX_BATCH_WRITE = 25
#: The longest wait between two such tries, in milliseconds.
CONFLICT_WAIT = 50


def new_token() -> str:
    """A fresh transition token: 96 random bits."""
    return secrets.token_urlsafe(12)


def put(item: items.Item, condition: str = "", **beside: Any) -> Write:
    """Put a row. `beside` has further parameters of the call, such as `ExpressionAttributeValues`."""
    return {"Put": {"Item": item, **({"ConditionExpression": condition} if condition else {}), **beside}}


def update(key: Key, expression: str, condition: str = "", **beside: Any) -> Write:
    """Update a row; `beside` as above."""
    parts = {"Key": items.key(key), "UpdateExpression": expression}
    return {"Update": {**parts, **({"ConditionExpression": condition} if condition else {}), **beside}}


def remove(key: Key, condition: str = "", **beside: Any) -> Write:
    """Delete a row, which without a condition may be gone already; `beside` as above."""
    return {"Delete": {"Key": items.key(key), **({"ConditionExpression": condition} if condition else {}), **beside}}


def must_exist(key: Key) -> Write:
    """Only check that a row exists."""
    is_there = "attribute_exists(pk)"
    return check(key, is_there)


def check(key: Key, condition: str, **beside: Any) -> Write:
    """Only check a condition of a row; `beside` as above."""
    return {"ConditionCheck": {"Key": items.key(key), "ConditionExpression": condition, **beside}}


class Table:
    """The table `name`; `clock` and `random` are for the waits between tries."""

    def __init__(self, client: DynamoDBClient, name: str, clock: Clock, random: Callable[[], float]) -> None:
        self.name = name
        self._client: Any = client
        self._clock = clock
        self._random = random

    def get(self, key: Key, *, strong: bool = True) -> items.Item:
        """Read a row by GetItem; empty if it does not exist."""
        with failures.reading():
            answer = self._client.get_item(TableName=self.name, Key=items.key(key), ConsistentRead=strong)
        found: items.Item = answer.get("Item", {})
        return found

    def page(self, **query: Any) -> dict[str, Any]:
        """Read one page by Query. It ends at its limit or at a megabyte, whichever comes first."""
        with failures.reading():
            answer: dict[str, Any] = self._client.query(TableName=self.name, **query)
        return answer

    def scan(self, **scan: Any) -> dict[str, Any]:
        """Read one page of the whole table by Scan. It ends at a megabyte, before the filter."""
        with failures.reading():
            answer: dict[str, Any] = self._client.scan(TableName=self.name, **scan)
        return answer

    def query(self, **query: Any) -> Iterator[items.Item]:
        """Read rows by Query, page after page, only as far as they are taken."""
        while True:
            page = self.page(**query)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def batch_get(self, keys: Sequence[Key], *, strong: bool = False) -> list[items.Item]:
        """Read up to a hundred rows by BatchGetItem, in no order. What DynamoDB leaves out is asked again.

        Raises:
            Busy: it leaves out too much.
        """
        found: list[items.Item] = []
        wanted: Any = {self.name: {"Keys": [items.key(key) for key in keys], "ConsistentRead": strong}}
        for _ in range(CONFLICT_TRIES):
            with failures.reading():
                answer = self._client.batch_get_item(RequestItems=wanted)
            found += answer["Responses"].get(self.name, [])
            wanted = answer.get("UnprocessedKeys")
            if not wanted:
                return found
            self._wait()
        raise errors.Busy

    def delete(self, keys: Sequence[Key]) -> None:
        """Delete rows by BatchWriteItems of 25. What DynamoDB leaves out is asked again. A row may be gone already.

        Raises:
            Busy: it leaves out too much, throttles, or the answer was lost.
        """
        for first in range(0, len(keys), MAX_BATCH_WRITE):
            batch = keys[first : first + MAX_BATCH_WRITE]
            left: Any = {self.name: [{"DeleteRequest": {"Key": items.key(key)}} for key in batch]}
            for _ in range(CONFLICT_TRIES):
                with failures.writing():
                    left = self._client.batch_write_item(RequestItems=left).get("UnprocessedItems")
                if not left:
                    break
                self._wait()
            else:
                raise errors.Busy

    def write(self, *writes: Write) -> None:
        """Write all or nothing: one write by its own call, several by a transaction."""
        named = [{kind: {"TableName": self.name, **parts} for kind, parts in write.items()} for write in writes]
        with failures.writing():
            match named:
                case [{"Put": one}]:
                    self._client.put_item(**one)
                case [{"Update": one}]:
                    self._client.update_item(**one)
                case _:
                    self._client.transact_write_items(TransactItems=named)

    def change(
        self, key: Key, *, expression: str, condition: str, values: Mapping[str, Any], tries: int = CONFLICT_TRIES
    ) -> items.Item:
        """Update a row by UpdateItem and return it as it is then. What proves nothing is tried again.

        Raises:
            ConditionFailed: the condition failed on the row in `rows[0]`.
            Busy: `tries` did not suffice.
        """
        for left in reversed(range(tries)):
            try:
                with failures.writing():
                    answer = self._client.update_item(
                        TableName=self.name,
                        Key=items.key(key),
                        UpdateExpression=expression,
                        ConditionExpression=condition,
                        ExpressionAttributeValues=values,
                        ReturnValues="ALL_NEW",
                        ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    )
            except errors.Busy as busy:
                if not left or failures.is_throttle(busy.__cause__):
                    raise
                self._wait()
            else:
                changed: items.Item = answer["Attributes"]
                return changed
        raise AssertionError  # pragma: no cover  # the last try returns or raises

    def execute(self, statements: Sequence[BatchStatementRequestTypeDef]) -> list[BatchStatementResponseTypeDef]:
        """Execute PartiQL statements by BatchExecuteStatement. Each succeeds or fails by itself."""
        with failures.writing():
            answers: list[BatchStatementResponseTypeDef] = self._client.batch_execute_statement(Statements=statements)[
                "Responses"
            ]
        return answers

    def next_number(self, key: Key) -> int:
        """Count a sequence up by UpdateItem and return its new number. A number whose answer is lost is never used."""
        with failures.writing():
            answer = self._client.update_item(
                TableName=self.name,
                Key=items.key(key),
                UpdateExpression="ADD #last :one",
                ExpressionAttributeNames={"#last": "last"},
                ExpressionAttributeValues={":one": items.number(1)},
                ReturnValues="UPDATED_NEW",
            )
        return int(answer["Attributes"]["last"]["N"])

    def _wait(self) -> None:
        self._clock.sleep(CONFLICT_WAIT * self._random())
