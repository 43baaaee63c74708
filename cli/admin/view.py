"""What was made or found: tables for people, JSON for programs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table
from rich.text import Text

from cli.client import times
from cli.terminal import Output, as_json, clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Fields that are milliseconds since the epoch.
_TIMES = {"at", "createdAt", "expiresAt", "revokedAt", "until"}
#: Fields that the table does not hold, so nobody can read them again.
_SECRETS = {"apiKey", "clientSecret"}


def show(made: Mapping[str, Any], output: Output) -> None:
    """Write what a command has made or found."""
    if output.json:
        output.line(as_json(made, 2))
        return
    now = datetime.now(UTC)
    match list(made.items()):
        case [(name, [*rows]), *about] if all(isinstance(row, dict) for row in rows):
            if rows:
                output.screen.print(_list(rows, now))
            else:
                output.note(f"No {_title(name).lower()}.")
            for of, value in about:
                if value:
                    output.note(f"{_title(of)}: {value}.")
        case fields:
            output.screen.print(_facts(fields, now))
    if _SECRETS & made.keys():
        output.note("Keep the secret now: it is shown only this once.")


def _list(rows: list[dict[str, Any]], now: datetime) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for name in rows[0]:
        table.add_column(_title(name), overflow="fold")
    for row in rows:
        table.add_row(*(_cell(name, value, now) for name, value in row.items()))
    return table


def _facts(fields: Iterable[tuple[str, Any]], now: datetime) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in fields:
        table.add_row(_title(name), _cell(name, value, now))
    return table


def _title(name: str) -> str:
    """`creationsPerMinute` as people read it."""
    return "".join(f" {sign.lower()}" if sign.isupper() else sign for sign in name).capitalize()


def _cell(name: str, value: Any, now: datetime) -> Text:
    if value is None or value in ("", [], {}):
        return Text("-")
    if name in _TIMES:
        return Text(times.show(value, now), style="" if value > times.to_milliseconds(now) else "dim")
    if isinstance(value, dict):
        lines = (f"{key}: {_words(of)}" if of or of == 0 else str(key) for key, of in value.items())
        return Text("\n".join(map(clean, lines)))
    return Text(clean(_words(value)))


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
