"""`jobs-admin`: create and manage organisations and what belongs to them, on AWS or the embedded stack."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
import unicodedata
from typing import TYPE_CHECKING, Any, NoReturn

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from jobs.errors import Busy, InvalidRequest
from jobs.lifecycle.text import check_text
from jobs.runtime.admin import directory_admin
from jobs.tenancy.administration import checked_name

from cli.admin import credentials, projects, users, workflows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.admin.arguments import Command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program: print one JSON object, or one line that says what is wrong.

    Returns:
        The exit status: 2 where the input is wrong, and nothing was written; 1 where AWS refused or did not answer.
    """
    try:
        options = _parser().parse_args(_checked(sys.argv[1:] if arguments is None else arguments))
        made = _run(options)
    except (InvalidRequest, argparse.ArgumentError) as error:
        return _failed(str(error), 2)
    except Busy as error:
        cause = type(error.__cause__).__name__
        return _failed(f"DynamoDB throttled this or its answer was lost ({cause}): list before you try again", 1)
    except (BotoCoreError, ClientError) as error:
        return _failed(str(error), 1)
    print(json.dumps(made, indent=2, ensure_ascii=False))
    return 0


def _run(options: argparse.Namespace) -> dict[str, Any]:
    """Run a command.

    Raises:
        InvalidRequest: an argument is wrong, and nothing was written.
    """
    if not options.table:
        raise InvalidRequest("table", "set --table or JOBS_TABLE to the stack's output TableName")
    by = checked_name(options.by or _operator(), "by")
    try:
        client = boto3.client("dynamodb", region_name=options.region, endpoint_url=options.endpoint_url)
    except ValueError:
        raise InvalidRequest("endpoint-url", "must be an address such as http://127.0.0.1:4566") from None
    admin = directory_admin(client, options.table, by)
    organisation_id: int | None = getattr(options, "organisation", None)
    if organisation_id is not None and admin.get_organisation(organisation_id) is None:
        raise InvalidRequest("organisation", f"no organisation {organisation_id}")
    command: Command = options.command
    return command(admin, options)


def _checked(arguments: Sequence[str]) -> Sequence[str]:
    """Check that all arguments are text without control characters.

    Raises:
        InvalidRequest: one is not UTF-8, or holds what no name may hold.
    """
    for position, argument in enumerate(arguments, 1):
        name = f"argument {position}"
        check_text(name, argument)
        if any(unicodedata.category(character) == "Cc" for character in argument):
            raise InvalidRequest(name, "must not hold control characters")
    return arguments


def _failed(text: str, status: int) -> int:
    """Say in one line what is wrong."""
    print(f"jobs-admin: {' '.join(text.split())}", file=sys.stderr)
    return status


class _Parser(argparse.ArgumentParser):
    """A parser that leaves it to the program to say in one line what is wrong."""

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would print below the usage."""
        raise argparse.ArgumentError(None, f"{message} (see {self.prog} --help)")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="jobs-admin", description=__doc__)
    parser.add_argument("--table", default=os.environ.get("JOBS_TABLE"), help="the table's name (default: $JOBS_TABLE)")
    parser.add_argument("--region", default=None, help="AWS region (default: that of the AWS CLI)")
    parser.add_argument("--endpoint-url", default=None, help="another endpoint, such as that of the embedded stack")
    parser.add_argument("--by", metavar="NAME", help="who makes the change, for the audit (default: the login name)")
    nouns = parser.add_subparsers(required=True, metavar="NOUN")
    for subject in (projects, credentials, users, workflows):
        subject.add_to(nouns)
    return parser


def _operator() -> str:
    """The login name. Which AWS identity calls would be one call more at each start, and CloudTrail has it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
