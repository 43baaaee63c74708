"""PartiQL for moto, whose own does not work: each statement of a batch becomes an UpdateItem with the same meaning.

tests/contract/test_starts.py shows that a real parser takes the statement.
"""

from __future__ import annotations

import ast
import json
import re
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_UPDATE = re.compile(r'UPDATE "(?P<table>[^"]+)" SET (?P<sets>.+) WHERE (?P<conditions>.+)')
_KEY = re.compile(r"(pk|sk) = (:\d+)")


def update_of(statement: dict[str, Any]) -> dict[str, Any]:
    """The UpdateItem that a statement stands for.

    Raises:
        ValueError: it is not of the form that this service writes.
    """
    values: dict[str, Any] = {}
    names = (f":{number}" for number in count())

    def bind(value: Any) -> str:
        name = next(names)
        values[name] = value
        return name

    given = iter(statement["Parameters"])
    text = re.sub(r"\?", lambda _: bind(next(given)), statement["Statement"])
    text = re.sub(r"\[.*\]", lambda literal: bind(_typed(ast.literal_eval(literal[0]))), text)
    text = re.sub(r"(?<=\+ )\d+", lambda literal: bind({"N": literal[0]}), text)
    parts = _UPDATE.fullmatch(text)
    if parts is None:
        raise ValueError(text)
    conditions = parts["conditions"].split(" AND ")
    keys = {match[1]: match[2] for match in map(_KEY.fullmatch, conditions) if match}
    return {
        "TableName": parts["table"],
        "Key": {attribute: values.pop(name) for attribute, name in keys.items()},
        "UpdateExpression": "SET " + ", ".join(parts["sets"].split(" SET ")),
        "ConditionExpression": " AND ".join(each for each in conditions if not _KEY.fullmatch(each)),
        "ExpressionAttributeValues": values,
        "ReturnValuesOnConditionCheckFailure": statement["ReturnValuesOnConditionCheckFailure"],
    }


def execute(body: str, update: Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]) -> bytes:
    """Execute a batch with `update`, which makes one UpdateItem and returns its status and answer."""
    responses: list[dict[str, Any]] = []
    for statement in json.loads(body)["Statements"]:
        asked = update_of(statement)
        status, answer = update(asked)
        if status < 300:
            responses.append({"TableName": asked["TableName"]})
        else:
            code = answer["__type"].partition("#")[2].removesuffix("Exception")
            responses.append({"Error": {"Code": code, "Message": "", "Item": answer.get("Item", {})}})
    return json.dumps({"Responses": responses}).encode()


def _typed(value: Any) -> dict[str, Any]:
    if isinstance(value, list):
        return {"L": [_typed(each) for each in value]}
    return {"N": str(value)} if isinstance(value, int) else {"S": value}
