"""A meter of request units: what DynamoDB would bill for the calls of a client, by its documented rules.

The rules are those of the Developer Guide: «DynamoDB read and write operations», «DynamoDB item sizes and formats» and
«Using Global Secondary Indexes in DynamoDB» (write considerations). No emulator here counts them right. Indexes hold
keys alone, as those of template.yaml do.

    with metered(client, rows_of(other)) as spent:
        ...
    print(spent)
"""

from __future__ import annotations

import math
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.architecture.project import RESOURCES
from tests.proofs.simulation.table import size_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Item = dict[str, Any]
    #: Reads a row past the meter; empty if it does not exist.
    Rows = Callable[[Item], Item]

READ_UNIT, WRITE_UNIT = 4096, 1024
KEY = ("pk", "sk")
#: The keys of each index. They are all that it holds beside those of the table.
INDEXES = [
    tuple(part["AttributeName"] for part in index["KeySchema"])
    for index in RESOURCES["JobsTable"]["Properties"]["GlobalSecondaryIndexes"]
]


def read_units(size: int, *, strong: bool, transaction: bool = False) -> float:
    """Units of reading so many bytes in one go: at least one, half of it eventually, twice in a transaction."""
    units = max(1, math.ceil(size / READ_UNIT))
    return 2 * units if transaction else units if strong else units / 2


def write_units(before: Item, after: Item, *, transaction: bool = False) -> int:
    """Units of a write to the table, of the larger of the row before and after; twice in a transaction."""
    size = max(size_of(before), size_of(after))
    return (2 if transaction else 1) * max(1, math.ceil(size / WRITE_UNIT))


def index_units(before: Item, after: Item, keys: tuple[str, ...]) -> int:
    """Units of what a write changes in an index of these keys. A row without all of them is not in it."""
    old, new = (_entry(row, keys) for row in (before, after))
    if old == new:
        return 0
    # a new key is a deletion and a put
    return sum(max(1, math.ceil(size_of(entry) / WRITE_UNIT)) for entry in (old, new) if entry)


def _entry(row: Item, keys: tuple[str, ...]) -> Item:
    return {name: row[name] for name in (*KEY, *keys)} if row.keys() >= {*KEY, *keys} else {}


@dataclass
class Spent:
    """What some calls took."""

    calls: Counter[str] = field(default_factory=Counter)
    read: float = 0
    write: int = 0

    def __str__(self) -> str:
        calls = ", ".join(f"{count} {operation}" for operation, count in sorted(self.calls.items()))
        return f"{self.read:g} read, {self.write} write units; {calls or 'no call'}"


class Meter:
    """Counts calls into `spent`. It reads what rows were before and are after a write by `rows`."""

    def __init__(self, rows: Rows) -> None:
        self.spent = Spent()
        self._rows = rows

    def before(self, operation: str, asked: Mapping[str, Any]) -> list[Item]:
        """The rows that a call is about to write."""
        return [self._rows(key) for key in _written(operation, asked)]

    def after(self, operation: str, asked: Mapping[str, Any], answer: Mapping[str, Any], before: list[Item]) -> None:
        """Count a call.

        Raises:
            ValueError: the meter does not know the rules of such a call.
        """
        self.spent.calls[operation] += 1
        written = _written(operation, asked)
        transaction = operation == "TransactWriteItems"
        for key, old in zip(written, before, strict=True):
            new = self._rows(key)
            self.spent.write += write_units(old, new, transaction=transaction)
            self.spent.write += sum(index_units(old, new, keys) for keys in INDEXES)
        if not written:
            self.spent.read += self._read(operation, asked, answer)

    def _read(self, operation: str, asked: Mapping[str, Any], answer: Mapping[str, Any]) -> float:
        strong = asked.get("ConsistentRead", False)
        match operation:
            case "GetItem":
                return read_units(size_of(answer.get("Item", {})), strong=strong)
            case "Query":
                # A projection changes nothing: the whole row is read. An index has what it answers with.
                whole = "ProjectionExpression" not in asked
                partition = {"pk": asked["ExpressionAttributeValues"].get(":pk")}
                rows = [row if whole else self._rows(_key_of({**partition, **row})) for row in answer["Items"]]
                return read_units(sum(map(size_of, rows)), strong=strong)
            case "BatchGetItem":
                [(table, wanted)] = asked["RequestItems"].items()
                found = answer["Responses"].get(table, [])
                sizes = [size_of(row) for row in found] + [0] * (len(wanted["Keys"]) - len(found))
                return sum(read_units(size, strong=wanted.get("ConsistentRead", False)) for size in sizes)
        raise ValueError(operation)


def _written(operation: str, asked: Mapping[str, Any]) -> list[Item]:
    """The keys of the rows that a call writes or checks."""
    match operation:
        case "PutItem":
            return [_key_of(asked["Item"])]
        case "UpdateItem":
            return [asked["Key"]]
        case "TransactWriteItems":
            parts = [part for one in asked["TransactItems"] for part in one.values()]
            return [_key_of(part.get("Key") or part["Item"]) for part in parts]
        case "BatchExecuteStatement":
            return [_key_of_statement(**statement) for statement in asked["Statements"]]
        case "BatchWriteItem":
            [requests] = asked["RequestItems"].values()
            parts = [part for one in requests for part in one.values()]
            return [_key_of(part.get("Key") or part["Item"]) for part in parts]
        case _:
            return []


def _key_of(row: Item) -> Item:
    return {name: row[name] for name in KEY}


def _key_of_statement(Statement: str, Parameters: list[Any], **_: Any) -> Item:  # noqa: N803  # AWS's names
    """The key in the conditions of a PartiQL statement: the parameter of `pk = ?` and that of `sk = ?`."""
    return {name: Parameters[Statement.partition(f"{name} = ?")[0].count("?")] for name in KEY}


@contextmanager
def metered(client: Any, rows: Rows) -> Iterator[Spent]:
    """Meter a client of botocore by its events. `rows` reads past it, by another client."""
    meter = Meter(rows)

    def ask(params: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        context["metered"] = params, meter.before(model.name, params)

    def count(parsed: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        asked, before = context["metered"]
        meter.after(model.name, asked, parsed, before)

    events = client.meta.events
    events.register("before-parameter-build.dynamodb", ask)
    events.register("after-call.dynamodb", count)
    try:
        yield meter.spent
    finally:
        events.unregister("before-parameter-build.dynamodb", ask)
        events.unregister("after-call.dynamodb", count)


def rows_of(client: Any, table: str) -> Rows:
    """Read rows by a client of botocore."""
    return lambda key: client.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {})


class MeteredClient:
    """A client that is none of botocore's, such as the simulation's, with a meter before it."""

    def __init__(self, client: Any, rows: Rows) -> None:
        self._client = client
        self._meter = Meter(rows)

    def take(self) -> Spent:
        """What was spent since the last time."""
        spent, self._meter.spent = self._meter.spent, Spent()
        return spent

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        operation = "".join(word.capitalize() for word in name.split("_"))

        def counted(**asked: Any) -> Any:
            before = self._meter.before(operation, asked)
            answer = call(**asked)
            self._meter.after(operation, asked, answer, before)
            return answer

        return counted
