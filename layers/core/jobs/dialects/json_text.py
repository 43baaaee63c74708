"""JSON from outside. Python's own reader takes some texts that are none, and breaks on some that are."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from jobs.errors import InvalidRequest

#: Digits of an integer that is read: enough for 64 bits.
MAX_DIGITS = 19
#: Some editors and serialisers begin a file with it.
BYTE_ORDER_MARK = "\ufeff"


class _RefusedError(ValueError):
    """The text is not taken; the sentence says why."""


def read_object(body: str) -> dict[str, Any]:
    """Read a JSON object strictly: a request whose sense is in doubt is refused.

    Raises:
        InvalidRequest: it is not a JSON object, holds a key twice in one object, or a number that is too large.
    """
    try:
        content = json.loads(
            body.removeprefix(BYTE_ORDER_MARK),
            parse_int=_integer,
            parse_float=_number,
            parse_constant=refuse_constant,
            object_pairs_hook=_object,
        )
        # What is nested so deeply that it cannot be written again is not taken.
        json.dumps(content)
    except _RefusedError as error:
        raise InvalidRequest("body", str(error)) from None
    except (ValueError, RecursionError):
        raise InvalidRequest("body", "must be JSON") from None
    if not isinstance(content, dict):
        raise InvalidRequest("body", "must be a JSON object")
    return content


def refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and the infinities: Python reads them, but they are not JSON.

    Raises:
        ValueError: always.
    """
    raise ValueError(name)


def whole(value: object) -> object:
    """A number without a fraction as an integer: JSON does not tell `3.0` and `3e0` from `3`. Anything else stays."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _integer(text: str) -> int:
    if len(text.removeprefix("-")) > MAX_DIGITS:
        raise _RefusedError(f"must not hold a number of over {MAX_DIGITS} digits")
    return int(text)


def _number(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _RefusedError("must not hold a number beyond 1.7e308")
    return number


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) < len(pairs):
        raise _RefusedError("must hold each key of an object only once")
    return read
