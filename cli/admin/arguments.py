"""What the subjects' commands share: nouns, verbs, and how times are read."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from jobs.tenancy.ports import DirectoryAdmin

    Command: TypeAlias = Callable[[DirectoryAdmin, argparse.Namespace], dict[str, Any]]
    Nouns: TypeAlias = Any

#: The highest id of an organisation or a project: eight hexadecimal digits in the ids of v3.
MAX_NUMBER = 2**32 - 1
#: The longest id of a user, a client, a key, a collection or a workflow, in characters.
MAX_ID = 256


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
    added.add_argument("--organisation", type=number, required=True, metavar="ID")
    return added


def of_project(verbs: Any, name: str, meaning: str, command: Command) -> argparse.ArgumentParser:
    """Add a verb that needs to know which project."""
    added = verb(verbs, name, meaning, command)
    added.add_argument("--project", type=number, required=True, metavar="ID")
    return added


def add_expiry(parser: argparse.ArgumentParser) -> None:
    """Add the time at which what is given out ends."""
    parser.add_argument("--expires", type=milliseconds, metavar="TIME", help="ISO 8601 with an offset; default: never")


def milliseconds(text: str) -> int:
    """A time in ISO 8601 with its offset, as milliseconds since the epoch.

    Raises:
        ArgumentTypeError: it is no such time.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ArgumentTypeError("must be ISO 8601 with an offset or Z, such as 2027-01-31T12:00:00Z")
    return round(moment.timestamp() * 1000)


def number(text: str) -> int:
    """A whole number of ASCII digits from 1 to 4,294,967,295.

    Raises:
        ArgumentTypeError: it is no such number.
    """
    if not re.fullmatch(r"[0-9]{1,10}", text) or not 1 <= int(text) <= MAX_NUMBER:
        raise ArgumentTypeError(f"must be a whole number from 1 to {MAX_NUMBER}")
    return int(text)


def identifier(text: str) -> str:
    """An id that is text: of a user, a client, a key, a collection or a workflow.

    Raises:
        ArgumentTypeError: it is blank or over 256 characters.
    """
    if not text.strip() or len(text) > MAX_ID:
        raise ArgumentTypeError(f"must be 1 to {MAX_ID} characters and not blank")
    return text
