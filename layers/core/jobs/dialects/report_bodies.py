"""Details of reports, which are read leniently: nothing that decorates a report may veto what it reports.

Only what names no job or no attempt is refused. A text that is too long is cut and marked, a value that cannot be used
counts as left out, and an unknown field is ignored.
"""

from __future__ import annotations

import json
import math
import re
from typing import Annotated, Any

from pydantic import ConfigDict, Field, PlainValidator, StrictInt

from jobs.dialects.json_text import BYTE_ORDER_MARK, refuse_constant, whole
from jobs.dialects.validation import WHOLE, OnFirstUse
from jobs.errors import InvalidRequest
from jobs.lifecycle.text import CUT, cut, replace_uncarried
from jobs.model import DAY, MAX_ATTEMPTS, MINUTE, SECOND, Message, Severity
from jobs.representation import dump

MAX_TEXT_BYTES = 8 * 1024
MAX_ENTRIES = 20
MAX_ENTRY_BYTES = 1024
MAX_TOOL_ID = 2**31 - 1
#: Up to here every number of JSON is exact wherever it is read.
MAX_INTEGER = 2**53
MAX_RETRY_AFTER = DAY // SECOND
#: How far the time that a producer gives for a message may be from its arrival.
MAX_CLOCK_ERROR = 5 * MINUTE
#: Why an attempt failed if its worker does not say.
NO_ERROR = "the worker reported no error"

QUOTES = 2
#: How deep arrays and objects may be nested. More do not fit into an entry.
MAX_DEPTH = 500
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)


def parse_leniently(body: str) -> dict[str, Any]:
    """Read a JSON object that may be a report.

    Of a key that comes twice, the last value counts. Characters that SQS does not carry become U+FFFD. A number that is
    too large to be one, and what is nested too deeply, become texts.

    Raises:
        InvalidRequest: it is not a JSON object.
    """
    try:
        text = _flattened(body.removeprefix(BYTE_ORDER_MARK))
        content = json.loads(text, parse_int=_number, parse_float=_number, parse_constant=refuse_constant)
        text = json.dumps(content, ensure_ascii=False)
        if (carried := replace_uncarried(text)) != text:
            content = json.loads(carried)
    except (ValueError, RecursionError):
        raise InvalidRequest("body", "must be JSON") from None
    if not isinstance(content, dict):
        raise InvalidRequest("body", "must be a JSON object")
    return content


def _flattened(body: str) -> str:
    """The body, in which arrays and objects that are nested too deeply are texts."""
    parts: list[str] = []
    depth = start = end = 0
    for found in _STRING_OR_BRACKET.finditer(body):
        if found[0] in {"[", "{"}:
            if depth == MAX_DEPTH:
                start = found.start()
            depth += 1
        elif found[0] in {"]", "}"}:
            depth -= 1
            if depth == MAX_DEPTH:
                parts += [body[end:start], dump(cut(body[start : found.end()], MAX_ENTRY_BYTES))]
                end = found.end()
    return "".join([*parts, body[end:]])


def _number(text: str) -> float | str:
    """A number of JSON, or its text if it has thousands of digits or is beyond all floating-point numbers."""
    try:
        return int(text)
    except ValueError:
        number = float(text)
        return number if math.isfinite(number) else text


def _up_to(value: object, most: int) -> int | None:
    """An integer from 0 to `most`, or None if it is none."""
    value = whole(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most else None


def _percent(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return max(0, min(100, math.floor(value)))


def _text(value: object) -> str:
    """A value as a text for people: what is not a string is shown as JSON."""
    return "" if value is None else value if isinstance(value, str) else dump(value)


def _cut_text(value: object) -> str:
    return cut(_text(value), MAX_TEXT_BYTES)


def _entries(value: object) -> list[Any]:
    """The entries of a list; a value that is not a list is its only one."""
    entries = value if isinstance(value, list) else [] if value is None else [value]
    return entries if len(entries) <= MAX_ENTRIES else [*entries[: MAX_ENTRIES - 1], CUT]


def _errors(value: object) -> tuple[str, ...]:
    # Measured as they travel: an event that goes out has all of them twice, and EventBridge bounds it.
    errors = tuple(cut(_text(entry), MAX_ENTRY_BYTES, _travelling) for entry in _entries(value))
    return errors if "".join(errors).strip() else (NO_ERROR,)


def _outputs(value: object) -> tuple[Any, ...]:
    return tuple(map(_output, _entries(value)))


def _output(entry: object) -> object:
    """An output, or the beginning of its text if it is too large: JSON that is cut is no JSON."""
    if len(dump(entry).encode()) <= MAX_ENTRY_BYTES:
        return entry
    return cut(_text(entry), MAX_ENTRY_BYTES - QUOTES, _travelling)


def _travelling(text: str) -> int:
    """The size of a text in bytes, as JSON escapes it."""
    return len(dump(text).encode()) - QUOTES


ProjectKey = Annotated[str, Field(pattern=r"^[0-9A-Za-z]{1,64}\z", description="1 to 64 letters and digits")]


class _Report(OnFirstUse):
    model_config = ConfigDict(extra="ignore", strict=True)

    projectKey: ProjectKey  # noqa: N815  # the fields' names in the API, here and below
    jobId: Annotated[StrictInt, Field(ge=1, le=2**32 - 1), WHOLE]  # noqa: N815


class _OfAttempt(_Report):
    attempt: Annotated[StrictInt, Field(ge=1, le=MAX_ATTEMPTS), WHOLE]


class MessageReport(_Report):
    """`Job Message`."""

    status: Annotated[int, PlainValidator(lambda value: _up_to(value, max(Severity)) or 0)] = 0
    text: Annotated[str, PlainValidator(_cut_text)] = ""
    toolId: Annotated[int, PlainValidator(lambda value: _up_to(value, MAX_TOOL_ID) or 0)] = 0  # noqa: N815
    at: Annotated[int | None, PlainValidator(lambda value: _up_to(value, MAX_INTEGER))] = None

    def message(self, arrived: int) -> Message:
        """The message. The time that its producer gives orders it among others of one burst."""
        at = self.at if self.at is not None and abs(self.at - arrived) <= MAX_CLOCK_ERROR else arrived
        return Message(at, Severity(self.status), self.text, self.toolId)


class ProgressReport(_OfAttempt):
    """`Job Progress`."""

    progress: Annotated[int | None, PlainValidator(_percent)] = None
    message: Annotated[str, PlainValidator(_cut_text)] = ""


class CompletedReport(_OfAttempt):
    """`Job Completed`."""

    outputs: Annotated[tuple[Any, ...], PlainValidator(_outputs)] = ()


class FailedReport(_OfAttempt):
    """`Job Failed`."""

    errors: Annotated[tuple[str, ...], PlainValidator(_errors)] = (NO_ERROR,)
    retryable: Annotated[bool, PlainValidator(lambda value: value is not False)] = True
    retryAfter: Annotated[int | None, PlainValidator(lambda value: _up_to(value, MAX_RETRY_AFTER))] = None  # noqa: N815
