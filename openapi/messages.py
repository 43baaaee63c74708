"""What workers say of jobs, as two of the dialects show it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.dialects.event_bodies import LARGEST_TEXT
from jobs.model import Severity

if TYPE_CHECKING:
    from openapi.document import Node

MESSAGE: dict[str, Node] = {
    "status": {
        "type": "integer",
        "enum": [severity.value for severity in Severity],
        "description": "; ".join(f"{severity.value} {severity.name.lower()}" for severity in Severity),
    },
    "text": {"type": "string", "maxLength": LARGEST_TEXT},
    "toolId": {"type": "integer", "minimum": 0, "maximum": 2**31 - 1, "description": "0 where no tool spoke."},
}
