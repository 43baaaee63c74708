"""What workers say of jobs, as two of the dialects show it."""

from __future__ import annotations

from jobs.dialects.event_bodies import LARGEST_TEXT
from jobs.model import Severity

from openapi.schemas import field

_MEANINGS = "; ".join(f"{severity.value} {severity.name.lower()}" for severity in Severity)

MESSAGE = {
    "status": field("integer", _MEANINGS, enum=[severity.value for severity in Severity]),
    "text": {"type": "string", "maxLength": LARGEST_TEXT},
    "toolId": field("integer", "0 where no tool spoke.", minimum=0, maximum=2**31 - 1),
}
