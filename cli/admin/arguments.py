"""What the subjects' commands share: nouns, verbs, and how times are read."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from jobs.tenancy.ports import DirectoryAdmin

    Command: TypeAlias = Callable[[DirectoryAdmin, argparse.Namespace], dict[str, Any]]
    Nouns: TypeAlias = Any


def noun(nouns: Nouns, name: str, meaning: str) -> argparse._SubParsersAction[argparse.ArgumentParser]:
    """Add a noun; its verbs are added to what this returns."""
    added: argparse.ArgumentParser = nouns.add_parser(name, help=meaning, description=meaning)
    return added.add_subparsers(required=True, metavar="VERB")


def verb(verbs: Any, name: str, meaning: str, command: Command) -> argparse.ArgumentParser:
    """Add a verb."""
    added: argparse.ArgumentParser = verbs.add_parser(name, help=meaning)
    added.set_defaults(command=command)
    return added


def of_organisation(verbs: Any, name: str, meaning: str, command: Command) -> argparse.ArgumentParser:
    """Add a verb that needs to know which organisation."""
    added = verb(verbs, name, meaning, command)
    added.add_argument("--organisation", type=int, required=True, metavar="ID")
    return added


def of_project(verbs: Any, name: str, meaning: str, command: Command) -> argparse.ArgumentParser:
    """Add a verb that needs to know which project."""
    added = verb(verbs, name, meaning, command)
    added.add_argument("--project", type=int, required=True, metavar="ID")
    return added


def add_expiry(parser: argparse.ArgumentParser) -> None:
    """Add the time at which what is given out ends."""
    parser.add_argument("--expires", type=milliseconds, metavar="TIME", help="ISO 8601; default: never")


def milliseconds(text: str) -> int:
    """A time in ISO 8601, as milliseconds since the epoch. Local time if it has no zone.

    Raises:
        ValueError: it is no such time.
    """
    return round(datetime.fromisoformat(text).astimezone().timestamp() * 1000)
