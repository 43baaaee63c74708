"""`jobs-admin`: create and manage organisations, projects, keys, users and clients, on AWS or the embedded stack."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from jobs.errors import JobsError
from jobs.runtime.admin import directory_admin
from jobs.tenancy import administration
from jobs.tenants import Right, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jobs.tenancy.ports import DirectoryAdmin

    Command = Callable[[DirectoryAdmin, argparse.Namespace], dict[str, Any]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program: print one JSON object and return the exit status."""
    options = _parser().parse_args(arguments)
    if not options.table:
        print("jobs-admin: set --table or JOBS_TABLE to the stack's output TableName", file=sys.stderr)
        return 2
    command: Command = options.command
    try:
        client = boto3.client("dynamodb", region_name=options.region, endpoint_url=options.endpoint_url)
        made = command(directory_admin(client, options.table), options)
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
    nouns = parser.add_subparsers(required=True, metavar="NOUN")

    create = _noun(nouns, "organisation", "the owner of projects and keys").add_parser("create", help="create one")
    create.add_argument("name")
    create.set_defaults(command=_create_organisation)

    verbs = _noun(nouns, "project", "a group of jobs; its project key is in the paths of the API")
    _of_organisation(verbs, "create", "create one", _create_project).add_argument("name")
    trust = verbs.add_parser("trust", help="set the senders of events that it trusts; all others are removed")
    trust.add_argument("--project", type=int, required=True, metavar="ID")
    trust.add_argument("--account", action="append", default=[], help="an AWS account besides the stack's own")
    trust.add_argument("--source", action="append", default=[], help="an event source (default: every source)")
    trust.set_defaults(command=_trust)

    verbs = _noun(nouns, "key", "an API key of an organisation")
    create = _of_organisation(verbs, "create", "create one, which is shown only once", _create_key)
    create.add_argument("--expires", type=datetime.fromisoformat, metavar="TIME", help="ISO 8601; default: never")
    revoke = _of_organisation(verbs, "revoke", "revoke one for ever", _revoke_key)
    revoke.add_argument("--key", required=True, metavar="ID", help="the keyId, not the key itself")

    verbs = _noun(nouns, "user", "an owner of workflow runs, who sees other runs through collections")
    create = _of_organisation(verbs, "create", "create one", _create_user)
    create.add_argument("--role", type=Role, choices=list(Role), default=Role.MEMBER)
    create.add_argument("name")
    role = _of_organisation(verbs, "role", "change the role of one", _set_role)
    role.add_argument("--user", required=True, metavar="ID")
    role.add_argument("--role", type=Role, choices=list(Role), required=True)

    verbs = _noun(nouns, "client", "an OAuth 2.0 client, which acts for a user")
    create = _of_organisation(verbs, "create", "create one; its secret is shown only once", _create_client)
    create.add_argument("--user", required=True, metavar="ID")
    create.add_argument(
        "--project", type=int, required=True, metavar="ID", help="the project for the runs that it starts"
    )
    create.add_argument("--expires", type=datetime.fromisoformat, metavar="TIME", help="ISO 8601; default: never")
    revoke = verbs.add_parser("revoke", help="revoke one and its tokens for ever")
    revoke.add_argument("--client", required=True, metavar="ID")
    revoke.set_defaults(command=_revoke_client)

    verbs = _noun(nouns, "collection", "a group of users that jobs are shared with")
    share = _of_organisation(verbs, "share", "add a user to one, or remove the user", _share_collection)
    share.add_argument("--collection", required=True, metavar="ID", help="any id; a new id creates a collection")
    share.add_argument("--user", required=True, metavar="ID")
    share.add_argument(
        "--right", choices=[*Right, "none"], required=True, help="cancel includes view; none removes the user"
    )

    verbs = _noun(nouns, "workflow", "what workers run")
    share = _of_organisation(verbs, "share", "set the collections of its future runs", _share_workflow)
    share.add_argument("--workflow", required=True, metavar="ID")
    share.add_argument("--collection", action="append", default=[], metavar="ID", help="a collection (default: none)")
    return parser


def _of_organisation(verbs: Any, name: str, meaning: str, command: Command) -> argparse.ArgumentParser:
    verb: argparse.ArgumentParser = verbs.add_parser(name, help=meaning)
    verb.add_argument("--organisation", type=int, required=True, metavar="ID")
    verb.set_defaults(command=command)
    return verb


def _noun(nouns: Any, name: str, meaning: str) -> argparse._SubParsersAction[argparse.ArgumentParser]:
    noun: argparse.ArgumentParser = nouns.add_parser(name, help=meaning, description=meaning)
    return noun.add_subparsers(required=True, metavar="VERB")


def _create_organisation(registry: DirectoryAdmin, options: argparse.Namespace) -> dict[str, Any]:
    organisation = administration.create_organisation(registry, options.name)
    return {"organisationId": organisation.organisation_id, "name": organisation.name}


def _create_project(registry: DirectoryAdmin, options: argparse.Namespace) -> dict[str, Any]:
    project = administration.create_project(registry, options.organisation, options.name)
    return {
        "projectId": project.project_id,
        "organisationId": project.organisation_id,
        "name": project.name,
        "projectKey": project.project_key,
    }


def _trust(registry: DirectoryAdmin, options: argparse.Namespace) -> dict[str, Any]:
    administration.trust(registry, options.project, options.account, options.source)
    return {"projectId": options.project, "accounts": options.account, "sources": options.source}


def _create_key(registry: DirectoryAdmin, options: argparse.Namespace) -> dict[str, Any]:
    issued = administration.create_api_key(registry, options.organisation, expires_at=_expiry(options))
    return {
        "keyId": issued.credential.credential_id,
        "organisationId": issued.credential.organisation_id,
        "expiresAt": issued.credential.expires_at,
        "apiKey": issued.secret,
    }


def _revoke_key(registry: DirectoryAdmin, options: argparse.Namespace) -> dict[str, Any]:
    now = _now()
    registry.revoke_credential(options.organisation, options.key, now)
    return {"keyId": options.key, "revokedAt": now}


def _create_user(registry: DirectoryAdmin, options: argparse.Namespace) -> dict[str, Any]:
    user = administration.create_user(registry, options.organisation, options.name, options.role)
    return {"userId": user.user_id, "organisationId": user.organisation_id, "name": user.name, "role": user.role}


def _set_role(registry: DirectoryAdmin, options: argparse.Namespace) -> dict[str, Any]:
    registry.set_role(options.organisation, options.user, options.role)
    return {"userId": options.user, "organisationId": options.organisation, "role": options.role}


def _create_client(registry: DirectoryAdmin, options: argparse.Namespace) -> dict[str, Any]:
    issued = administration.create_client(
        registry, options.organisation, options.user, options.project, expires_at=_expiry(options)
    )
    return {
        "clientId": issued.client.client_id,
        "organisationId": issued.client.organisation_id,
        "userId": issued.client.user_id,
        "projectId": issued.client.project_id,
        "expiresAt": issued.client.expires_at,
        "clientSecret": issued.secret,
    }


def _revoke_client(registry: DirectoryAdmin, options: argparse.Namespace) -> dict[str, Any]:
    now = _now()
    registry.revoke_client(options.client, now)
    return {"clientId": options.client, "revokedAt": now}


def _share_collection(registry: DirectoryAdmin, options: argparse.Namespace) -> dict[str, Any]:
    right = None if options.right == "none" else Right(options.right)
    administration.share_collection(registry, options.organisation, options.collection, options.user, right)
    return {"collectionId": options.collection, "userId": options.user, "right": options.right}


def _share_workflow(registry: DirectoryAdmin, options: argparse.Namespace) -> dict[str, Any]:
    administration.share_workflow(registry, options.organisation, options.workflow, options.collection)
    return {"workflowId": options.workflow, "collectionIds": options.collection}


def _expiry(options: argparse.Namespace) -> int | None:
    return None if options.expires is None else round(options.expires.astimezone().timestamp() * 1000)


def _now() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    sys.exit(main())
