"""Whatever comes in is answered or refused: every event is changed in ways that break parsers.

HTTP requests never get a 5xx. An event of the bus is taken or refused, and its neighbours are taken.
"""

from __future__ import annotations

import base64
import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.test_canaries import EVENTS, HTTP_INPUTS, PLACES, replaced

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.conftest import Service

PROVE = pytest.mark.prove
FILES = [path for path, event in EVENTS.items() if "routeKey" in event]
#: Changed requests for each file of `events/`.
REQUESTS, REQUESTS_IN_FULL = 40, 1_000

NASTY = [
    *(
        "",
        " ",
        "\x00",
        "\r\nx: y",
        "\ud800",
        "\ufffe",
        "\U0010ffff",
        "é",
        "٣",
        "\uff10",
        "-0",
        "+1",
        "1e9",
        "NaN",
        "0x1",
    ),
    *("null", "true", "[]", "{}", '"', "{", "[" * 5_000, '{"a":' * 3_000, '{"a":1,"a":2}', "1e999", "9" * 400),
    *(
        "%",
        "%00",
        "%2F",
        "%zz",
        "..",
        "/",
        "//",
        "?",
        "#",
        "a" * 100_000,
        "Bearer",
        "Basic",
        "Basic ====",
        "=",
        "&",
        "&=&",
    ),
    base64.b64encode(b"\xff:\xff").decode(),
    "Basic " + base64.b64encode(b"\xff:\xff").decode(),
    json.dumps({"action": "a", "startAt": 10**30, "params": {"a": "\ud800"}}),
    json.dumps({"action": "a", "maxAttempts": True, "timeoutSeconds": -1.5}),
    json.dumps([[[]]]),
]


def nasty_text(chance: random.Random) -> str:
    if chance.random() < 0.6:
        return chance.choice(NASTY)
    return "".join(chr(chance.choice([chance.randrange(0x20, 0x7F), chance.randrange(0x3000)])) for _ in range(20))


def _in_place(chance: random.Random, event: dict[str, Any], places: list[Any]) -> dict[str, Any]:
    changed: dict[str, Any] = replaced(event, chance.choice(places), nasty_text(chance))
    return changed


def _more_query(chance: random.Random, event: dict[str, Any], _places: list[Any]) -> dict[str, Any]:
    names = [
        "limit",
        "page",
        "after",
        "before",
        "status",
        "action",
        "include",
        "cursor",
        "sortField",
        "offset",
        nasty_text(chance),
    ]
    given = {chance.choice(names): nasty_text(chance) for _ in range(2)}
    return {**event, "queryStringParameters": {**(event.get("queryStringParameters") or {}), **given}}


def _body(chance: random.Random, event: dict[str, Any], _places: list[Any]) -> dict[str, Any]:
    body = nasty_text(chance)
    encoded = chance.random() < 0.3
    return {**event, "body": body, "isBase64Encoded": encoded}


def _field(chance: random.Random, event: dict[str, Any], _places: list[Any]) -> dict[str, Any]:
    values: list[Any] = [None, True, -1, 10**30, 1.5, [], {}, [None], {"a": {}}, nasty_text(chance)]
    names = ["action", "startAt", "params", "maxAttempts", "timeoutSeconds", "description", "referenceId", "priority"]
    body = {"action": "export", chance.choice([*names, "extra"]): chance.choice(values)}
    return {**event, "body": json.dumps(body)}


CHANGES: list[Callable[..., dict[str, Any]]] = [_in_place, _in_place, _more_query, _body, _field]


@pytest.mark.parametrize("requests", [REQUESTS, pytest.param(REQUESTS_IN_FULL, marks=PROVE)])
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_no_request_is_answered_with_a_5xx(service: Service, path: Any, requests: int) -> None:
    chance = random.Random(f"{path.parent.name}/{path.stem}")  # noqa: S311
    places = [place for of, place in PLACES if of == path and place[0] in HTTP_INPUTS]
    broken = []

    for _ in range(requests):
        event = EVENTS[path]
        for change in chance.choices(CHANGES, k=chance.choice([1, 1, 2])):
            try:
                event = change(chance, event, places)
            except (KeyError, TypeError, IndexError):
                continue  # an earlier change took this place away
        answer = service.invoke(path.parent.name, event)
        if answer["statusCode"] >= 500:
            broken.append(
                (answer["statusCode"], event.get("body"), event["headers"], event.get("queryStringParameters"))
            )

    assert broken == []
