"""`jobs-admin`: make organisations, projects and API keys, on AWS or on the embedded stack."""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from jobs import administration
from jobs.errors import JobsError
from jobs.store.directory import DynamoDBDirectory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jobs.ports import Registry

    Command = Callable[[Registry, argparse.Namespace], dict[str, Any]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; prints one JSON object and returns the exit status."""
    options = _parser().parse_args(arguments)
    if not options.table:
        print("jobs-admin: give --table, or set JOBS_TABLE (the stack's output TableName)", file=sys.stderr)
        return 2
    command: Command = options.command
    try:
        client = boto3.client("dynamodb", region_name=options.region, endpoint_url=options.endpoint_url)
        made = command(DynamoDBDirectory(client, options.table), options)
    except (JobsError, BotoCoreError, ClientError) as error:
        print(f"jobs-admin: {error}", file=sys.stderr)
        return 1
    print(json.dumps(made, indent=2, ensure_ascii=False))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="jobs-admin", description=__doc__)
    parser.add_argument("--table", default=os.environ.get("JOBS_TABLE"), help="the table's name (default: $JOBS_TABLE)")
    parser.add_argument("--region", default=None, help="AWS region (default: as the AWS CLI finds it)")
    parser.add_argument("--endpoint-url", default=None, help="another endpoint, such as the embedded stack's")
    nouns = parser.add_subparsers(required=True, metavar="organisation | project | key")

    create = _noun(nouns, "organisation", "who owns projects and keys").add_parser("create", help="make one")
    create.add_argument("name")
    create.set_defaults(command=_create_organisation)

    verbs = _noun(nouns, "project", "where jobs live; it has a project key that paths carry")
    create = verbs.add_parser("create", help="make one")
    create.add_argument("--organisation", type=int, required=True, metavar="ID")
    create.add_argument("name")
    create.set_defaults(command=_create_project)
    trust = verbs.add_parser("trust", help="set whose events it takes; what is not named is taken off")
    trust.add_argument("--project", type=int, required=True, metavar="ID")
    trust.add_argument("--account", action="append", default=[], help="an AWS account beside the stack's own")
    trust.add_argument("--source", action="append", default=[], help="an event source; without any, all are taken")
    trust.set_defaults(command=_trust)

    create = _noun(nouns, "key", "an API key of an organisation").add_parser(
        "create", help="make one; it is shown once"
    )
    create.add_argument("--organisation", type=int, required=True, metavar="ID")
    create.add_argument("--expires", type=datetime.fromisoformat, metavar="TIME", help="ISO 8601; default: never")
    create.set_defaults(command=_create_key)
    return parser


def _noun(nouns: Any, name: str, meaning: str) -> argparse._SubParsersAction[argparse.ArgumentParser]:
    noun: argparse.ArgumentParser = nouns.add_parser(name, help=meaning, description=meaning)
    return noun.add_subparsers(required=True, metavar="VERB")


def _create_organisation(registry: Registry, options: argparse.Namespace) -> dict[str, Any]:
    organisation = administration.create_organisation(registry, options.name)
    return {"organisationId": organisation.organisation_id, "name": organisation.name}


def _create_project(registry: Registry, options: argparse.Namespace) -> dict[str, Any]:
    project = administration.create_project(registry, options.organisation, options.name)
    return {
        "projectId": project.project_id,
        "organisationId": project.organisation_id,
        "name": project.name,
        "projectKey": project.project_key,
    }


def _trust(registry: Registry, options: argparse.Namespace) -> dict[str, Any]:
    administration.trust(registry, options.project, options.account, options.source)
    return {"projectId": options.project, "accounts": options.account, "sources": options.source}


def _create_key(registry: Registry, options: argparse.Namespace) -> dict[str, Any]:
    expires_at = None if options.expires is None else round(options.expires.astimezone().timestamp() * 1000)
    issued = administration.create_api_key(registry, options.organisation, expires_at=expires_at)
    return {
        "keyId": issued.credential.credential_id,
        "organisationId": issued.credential.organisation_id,
        "expiresAt": issued.credential.expires_at,
        "apiKey": issued.secret,
    }


if __name__ == "__main__":
    sys.exit(main())
