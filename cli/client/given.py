"""What a person has given a command: the fields of a job, and a yes before something that cannot be taken back."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cli.client.errors import DONE, REFUSED, Problem, WrongUsage
from cli.terminal import complain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cli.terminal import Output

_Id = TypeVar("_Id", int, str)


def only(**fields: Any) -> dict[str, Any]:
    """The fields that were given."""
    return {name: value for name, value in fields.items() if value is not None}


def key(of: str | None) -> dict[str, str]:
    """The header for an idempotency key.

    Raises:
        WrongUsage: no header can carry it.
    """
    if of is None:
        return {}
    if not of.isascii() or not of.isprintable():
        raise WrongUsage("an idempotency key has 1 to 255 printable ASCII characters")
    return {"Idempotency-Key": of}


def params(whole: str | None, single: list[str]) -> dict[str, Any] | None:
    """The parameters: `--params`, and over them each `-p`."""
    found = {} if whole is None else _object(whole)
    named: dict[str, Any] = {}
    for pair in single:
        name, given, value = pair.partition("=")
        if not given or not name:
            raise WrongUsage(f"-p {pair!r}: write it like -p month=2026-11")
        if name in named:
            raise WrongUsage(f"-p {name!r} is given twice")
        try:
            named[name] = _parse(value)
        except ValueError:
            named[name] = value
    return {**found, **named} or None


def _object(text: str) -> dict[str, Any]:
    try:
        if text.startswith("@"):
            text = sys.stdin.read() if text == "@-" else Path(text[1:]).read_text(encoding="utf-8-sig")
        found = _parse(text)
    except OSError as error:
        raise WrongUsage(f"--params: {text[1:]!r} cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise WrongUsage(f"--params is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise WrongUsage('--params must be an object, such as {"month": "2026-11"}')
    return found


def _parse(text: str) -> Any:
    """JSON, and nothing that Python alone takes for it."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) < len(pairs):
            raise ValueError("a key comes twice")
        return dict(pairs)

    def refuse(name: str) -> None:
        raise ValueError(f"{name} is no JSON")

    try:
        return json.loads(text, object_pairs_hook=once, parse_constant=refuse)
    except RecursionError:
        raise ValueError("it is too deep") from None


def confirm(output: Output, question: str, *, yes: bool) -> None:
    """Ask before something that cannot be taken back."""
    if yes:
        return
    if not output.asks:
        raise WrongUsage("nobody is there to confirm this: say --yes")
    output.note(f"{question} [y/N]")
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise WrongUsage("nothing was done")


def each(what: str, ids: Sequence[_Id], do: Callable[[_Id], object]) -> int:
    """Do something with each job or schedule; one that cannot be done is told, and the others are still done."""
    code = DONE
    for one in dict.fromkeys(ids):
        try:
            do(one)
        except Problem as problem:
            complain(f"{what} {one}: {problem}" if len(ids) > 1 else str(problem))
            code = REFUSED
    return code
