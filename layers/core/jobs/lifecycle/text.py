"""What text a job may hold: what SQS carries, because every job travels through a queue. And how text is cut."""

from __future__ import annotations

import re
from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

from jobs.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Ends a text that was cut.
CUT = "… (cut)"
#: Characters of the errors of a failed attempt that the job's own row keeps.
MAX_SUMMARY = 256
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


def replace_uncarried(text: str) -> str:
    """Put the replacement character, U+FFFD, in the place of each character that cannot travel."""
    return _UNCARRIED.sub("\N{REPLACEMENT CHARACTER}", text)


def utf8(text: str) -> int:
    """The size of a text in bytes of UTF-8."""
    return len(text.encode())


def cut(text: str, most: int, size: Callable[[str], int] = utf8) -> str:
    """Cut a text that is larger than `most`, between two characters, and mark it as cut.

    `size` measures a text. The size of a text must be the sum of the sizes of its characters, each at least 1.
    """
    if size(text) <= most:
        return text
    sizes = list(accumulate(map(size, text[:most])))
    return text[: bisect_right(sizes, most - size(CUT))] + CUT


def summary(errors: Sequence[str]) -> str:
    """The errors of an attempt as one short text."""
    return cut("\n".join(errors), MAX_SUMMARY, len)
