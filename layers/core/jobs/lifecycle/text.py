"""What text a job may hold: everything that SQS carries, because every job travels through a queue."""

from __future__ import annotations

import re

from jobs.errors import InvalidRequest

#: What is wrong with any other text.
NOT_CARRIED = "must not hold noncharacters (such as U+FFFE) or lone surrogates"

_LAST_OF_PLANES = "".join(chr(plane + last) for plane in range(0, 0x110000, 0x10000) for last in (0xFFFE, 0xFFFF))
#: The noncharacters of Unicode, and surrogates, which alone stand for no character.
_UNCARRIED = re.compile(f"[\ud800-\udfff\ufdd0-\ufdef{_LAST_OF_PLANES}]")


def check_text(field: str, text: str) -> None:
    """Check that text can travel.

    Raises:
        InvalidRequest: it holds a noncharacter or a lone surrogate.
    """
    if _UNCARRIED.search(text):
        raise InvalidRequest(field, NOT_CARRIED)
