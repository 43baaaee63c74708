"""`jobs-admin`: create and manage organisations and what belongs to them, on AWS or the embedded stack."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from jobs.errors import JobsError
from jobs.runtime.admin import directory_admin
from jobs.tenancy.administration import checked_name

from cli.admin import credentials, projects, users, workflows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.admin.arguments import Command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program: print one JSON object and return the exit status."""
    options = _parser().parse_args(arguments)
    if not options.table:
        print("jobs-admin: set --table or JOBS_TABLE to the stack's output TableName", file=sys.stderr)
        return 2
    command: Command = options.command
    try:
        client = boto3.client("dynamodb", region_name=options.region, endpoint_url=options.endpoint_url)
        by = checked_name(options.by or _operator(), "by")
        made = command(directory_admin(client, options.table, by), options)
    except (JobsError, BotoCoreError, ClientError) as error:
        print(f"jobs-admin: {error}", file=sys.stderr)
        return 1
    print(json.dumps(made, indent=2, ensure_ascii=False))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="jobs-admin", description=__doc__)
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
