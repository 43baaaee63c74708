"""The fields of a message from a worker, which two of the dialects show."""

from __future__ import annotations

from jobs.dialects.report_bodies import MAX_TEXT_BYTES
from jobs.model import Severity

from openapi.schemas import field

_LEVELS = ", ".join(f"{severity.value} {severity.name.lower()}" for severity in Severity)

MESSAGE = {
    "status": field("integer", f"How serious it is: {_LEVELS}.", enum=[severity.value for severity in Severity]),
    "text": field("string", "What the worker said.", maxLength=MAX_TEXT_BYTES),
    "toolId": field("integer", "The tool that the message comes from, or 0.", minimum=0, maximum=2**31 - 1),
}
