"""What the commands write to a terminal or a pipe: tables or JSON, without anything that a terminal would obey."""

from __future__ import annotations

import json
import os
import re
import sys
import unicodedata
from typing import Any, NoReturn

from rich.console import Console

#: What JSON leaves as it is and a terminal may obey: C1 controls, and marks that turn the direction of text.
_OBEYED = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")
_UNSEEN = {"Cc", "Cf", "Zl", "Zp", "Cs"}


def clean(text: object) -> str:
    """Text of somebody else as one harmless line: a line break becomes a space, another control character a �."""
    spaced = re.sub(r"\s*[\r\n\t]+\s*", " ", str(text))
    return "".join("�" if unicodedata.category(sign) in _UNSEEN else sign for sign in spaced)


def as_json(value: Any, indent: int | None = None) -> str:
    """JSON that is safe on a terminal too."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return _OBEYED.sub(lambda sign: f"\\u{ord(sign[0]):04x}", text).encode(errors="replace").decode()


class PipeClosed(Exception):
    """Nobody reads the output any more."""


class _Screen(Console):
    """A console that tells when nobody reads it any more."""

    def on_broken_pipe(self) -> NoReturn:
        raise PipeClosed


class Output:
    """Where a command writes: tables on a terminal, JSON elsewhere, unless told otherwise."""

    def __init__(self, *, as_json: bool | None = None) -> None:
        terminal = sys.stdout.isatty()
        self.json = not terminal if as_json is None else as_json
        #: Somebody is there to answer a question.
        self.asks = sys.stdin.isatty() and sys.stderr.isatty()
        self.screen = _screen(sys.stdout)
        self.notes = _screen(sys.stderr)

    def item(self, value: Any) -> None:
        """Write one thing as JSON: indented for people, on one line for programs."""
        self.line(as_json(value, 2 if sys.stdout.isatty() else None))

    def line(self, text: str) -> None:
        """Write one line that is safe already."""
        try:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()
        except BrokenPipeError:
            raise PipeClosed from None

    def note(self, text: str) -> None:
        """Say something to the person beside the result."""
        self.notes.print(clean(text), markup=False, highlight=False, soft_wrap=True)


def _screen(file: Any) -> _Screen:
    return _Screen(file=file, highlight=False, markup=False, emoji=False, soft_wrap=False)


def complain(sentence: str, program: str = "jobs") -> None:
    """Write the one line that says what is wrong."""
    sys.stderr.write(f"{program}: {clean(sentence)}\n")


def close_pipe() -> None:
    """Let nothing be written at the end of the process, where an error would be printed."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
