"""AWS in memory: the rows of its table taken and put back in one go, and without copies that nobody needs."""

from __future__ import annotations

import copy
from collections import defaultdict
from inspect import signature
from typing import TYPE_CHECKING, Any

from moto.core.serialize import JSONSerializer
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import Table

if TYPE_CHECKING:
    import pytest

ACCOUNT = "123456789012"  # moto's
REGION = "us-east-1"
#: A value of these types is replaced by another and never changed itself, so copies of a row can share it.
SHARED = frozenset({"S", "N", "B", "BOOL", "NULL"})


class TableRows:
    """The rows of one table.

    moto replaces the table by another one when it rolls a transaction back, so it is looked up each time.
    """

    def __init__(self, table: str) -> None:
        self._table = table

    def get(self) -> Any:
        """A copy of them."""
        return copy.deepcopy(self._items)

    def put(self, rows: Any) -> None:
        """Hold a copy of these and no others."""
        kept = copy.deepcopy(rows)
        self._items.clear()
        self._items.update(kept)

    @property
    def _items(self) -> Any:
        return dynamodb_backends[ACCOUNT][REGION].tables[self._table].items


#: What `quicken` replaces.
UNTOUCHED: tuple[tuple[Any, str, Any], ...] = (
    (DynamoType, "__deepcopy__", DynamoType.__deepcopy__),
    (Item, "__deepcopy__", Item.__deepcopy__),
    (JSONSerializer, "_serialize_type_structure", JSONSerializer._serialize_type_structure),
    (Table, "query", Table.query),
)


def quicken(patch: pytest.MonkeyPatch) -> None:
    """Spare moto more than half of its time.

    It copies and takes apart each value of each row that it answers with, copies the table for each transaction, and
    sorts all rows of the table for each page of a partition. Its answers stay the same, as test_memory_aws.py shows.
    """
    copy_value, take_apart, query = UNTOUCHED[0][2], UNTOUCHED[2][2], UNTOUCHED[3][2]

    def share_value(value: DynamoType, memo: dict[int, Any]) -> Any:
        return value if value.type in SHARED else copy_value(value, memo)

    def share_values(item: Item, memo: dict[int, Any]) -> Any:
        made: Any = Item.__new__(Item)
        made.hash_key, made.range_key = item.hash_key, item.range_key
        made.attrs = LimitedSizeDict()
        dict.update(made.attrs, {name: share_value(value, memo) for name, value in item.attrs.items()})
        return made

    def leave_whole(self: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if shape.name == "AttributeValue" and _is_as_it_looks(value):
            self._default_serialize(serialized, value, shape, key)
        else:
            take_apart(self, serialized, value, shape, key)

    def query_partition(table: Table, *args: Any, **more: Any) -> Any:
        whole, asked = table.items, signature(query).bind(table, *args, **more).arguments
        if asked["index_name"] is None:
            partition = asked["hash_key"]
            table.items = defaultdict(dict, {partition: whole.get(partition, {})})
        try:
            return query(table, *args, **more)
        finally:
            table.items = whole

    quicker = (share_value, share_values, leave_whole, query_partition)
    for (owner, name, _), quick in zip(UNTOUCHED, quicker, strict=True):
        patch.setattr(owner, name, quick)


def _is_as_it_looks(value: object) -> bool:
    """Whether a value looks in an answer as it looks in the row."""
    match value:
        case {"S": str()} | {"N": str()} | {"BOOL": bool()} | {"NULL": bool()}:
            return True
        case {"L": list(held)}:
            return all(map(_is_as_it_looks, held))
        case {"M": dict(held)}:
            return all(map(_is_as_it_looks, held.values()))
        case _:
            return False
