"""The OpenAPI document says what the service takes: a validator of its schemas and the service judge bodies alike.

No schema can say how many bytes or levels `params` may have, how far ahead of now a start may lie, or that a key may
not come twice. Bodies that differ in these are elsewhere (tests/unit/test_bodies.py).
"""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobs.dialects.bodies import TIME, parse_job, parse_run
from jobs.errors import InvalidRequest
from jobs.model import DAY
from jsonschema_rs import Draft202012Validator

from openapi import FILE
from tests.builders import NOW

if TYPE_CHECKING:
    from collections.abc import Callable

DOCUMENT = json.loads(FILE.read_text())
BODIES = 2_000
LEFT_OUT = object()

#: Values that may stand anywhere.
ANYTHING: list[Any] = [None, True, False, 0, -1, 1, 1.0, 1.5, 10**18, "", "x", [], [None], {}, {"a": 1}]
TEXTS = ["ü", "\U0001f642", "a\nb", " ", "\x1f", "\x85", "\u3000", "\ufeff", "x" * 255, "x" * 256, "x" * 257]
TIMES = [
    *("2023-11-14T22:13:20Z", "2023-11-14T22:13Z", "2023-11-14T22:13:20.123456+23:59", "2024-02-29T00:00Z"),
    *("2023-02-29T00:00Z", "2000-02-29T00:00Z", "1900-02-29T00:00Z", "2023-04-31T00:00Z", "2023-12-31T23:59:59-12:00"),
    *("2023-13-01T00:00Z", "2023-00-10T00:00Z", "0000-01-01T00:00Z", "0001-01-01T00:00Z", "2023-11-14T24:00Z"),
    *("2023-11-14T22:60Z", "2023-11-14T22:13:60Z", "2023-11-14T22:13:20", "2023-11-14 22:13Z", "2023-11-14T22:13Z\n"),
    *(
        "x2023-11-14T22:13Z",
        "1970-02-01T00:00Z",
        "2023-11-14T22:13:20.1234567Z",
        "2023-11-14T22:13+24:00",
        "20231114T221320Z",
        "now",
    ),
]
JOB: dict[str, list[Any]] = {
    "action": ["export", "a" * 64, "a" * 65, "delete_user_data", "Export", "a b", "a\n", "_.-0", LEFT_OUT],
    "description": [*TEXTS, "x" * 1_024, "x" * 1_025, "\U0001f642" * 1_024],
    "referenceId": [*TEXTS, "ada@example.com"],
    "startAt": [
        *(NOW, float(NOW), NOW + 0.5, NOW + 365 * DAY, 10**9 - 1, 10**9, 10**11 - 1, 10**11, 1e9, 1e10, 1e11),
        *(-(2**53), -(2**53) - 1, -1e300, *TIMES),
    ],
    "params": [{"a": [1.5, None, {"b": "ü"}]}, {"": {}}, [1]],
    "maxAttempts": [20, 20.0, 21, 2e1, 0.0, "3"],
    "timeoutSeconds": [31_536_000, 31_536_001, 3.1536e7, 60.5],
    "colour": ["red"],
}
RUN: dict[str, list[Any]] = {
    "workerTag": TEXTS,
    "credentialId": TEXTS,
    "priority": ["Default", "Low", "Medium", "High", "Critical", "Highest"],
    "questions": [
        [{"name": "region", "value": "EMEA"}],
        [{"name": "region"}, {"name": "", "value": None}],
        [{"value": "x"}],
        [{"name": 1}],
        [{"name": "x" * 257}],
        [{"name": "a"}] * 100,
        [{"name": "a"}] * 101,
    ],
}


def generated(fields: dict[str, list[Any]], chance: random.Random) -> Any:
    """A body: mostly an object in which most fields are as they should be, else anything."""
    if chance.random() < 0.02:
        return chance.choice(ANYTHING)
    body: dict[str, Any] = {"action": "export"} if "action" in fields else {}
    for name in chance.sample(sorted(fields), chance.choice([0, 1, 1, 2, 3])):
        value = chance.choice([*fields[name], chance.choice(ANYTHING)])
        if value is LEFT_OUT:
            body.pop(name, None)
        else:
            body[name] = value
    return body


def is_taken(read: Callable[[str], object], body: Any) -> bool:
    try:
        read(json.dumps(body))
    except InvalidRequest:
        return False
    return True


@pytest.mark.parametrize(
    ("schema", "fields", "read"),
    [
        pytest.param("PublicJobRequest", JOB, lambda body: parse_job(body, NOW), id="create a job"),
        pytest.param("V3RunRequest", RUN, parse_run, id="run a workflow"),
    ],
)
def test_the_document_and_the_service_judge_every_body_alike(
    schema: str, fields: dict[str, list[Any]], read: Callable[[str], object]
) -> None:
    chance = random.Random(schema)  # noqa: S311  # the same bodies in every run
    validator = Draft202012Validator(
        {**DOCUMENT["components"]["schemas"][schema], "components": DOCUMENT["components"]}
    )
    bodies = [generated(fields, chance) for _ in range(BODIES)]
    taken = [is_taken(read, body) for body in bodies]

    differences = [body for body, ours in zip(bodies, taken, strict=True) if validator.is_valid(body) is not ours]

    assert differences == []
    assert BODIES // 5 <= sum(taken) <= BODIES * 4 // 5


@given(st.from_regex(TIME, fullmatch=True))
def test_every_text_that_looks_like_a_time_is_one(text: str) -> None:
    body = json.dumps({"action": "a", "startAt": text})
    try:
        parse_job(body, NOW)
    except InvalidRequest as refusal:
        assert refusal.reason == "must be at most 1 year ahead"  # noqa: PT017
