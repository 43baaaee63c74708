"""API keys and clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.tenancy import administration
from jobs.tenants import Scope

from cli.admin.arguments import add_expiry, identifier, milliseconds, noun, number, of_organisation, verb

if TYPE_CHECKING:
    import argparse

    from jobs.tenancy.administration import IssuedKey
    from jobs.tenancy.ports import DirectoryAdmin
    from jobs.tenants import Client, Credential

    from cli.admin.arguments import Nouns


def add_to(nouns: Nouns) -> None:
    """Add the nouns."""
    verbs = noun(nouns, "key", "an API key of an organisation")
    create = of_organisation(verbs, "create", "create one, which is shown only once", _create_key)
    create.add_argument(
        "--scope", type=Scope, choices=list(Scope), action="append", default=[], help="what it is for (default: all)"
    )
    create.add_argument(
        "--project", type=number, action="append", default=[], metavar="ID", help="a project it opens (default: all)"
    )
    add_expiry(create)
    of_organisation(verbs, "list", "list those of an organisation, also ended ones", _list_keys)
    rotate = of_organisation(verbs, "rotate", "create one like another, which ends at a given time", _rotate_key)
    rotate.add_argument("--key", type=identifier, required=True, metavar="ID", help="the keyId of the other one")
    rotate.add_argument(
        "--until", type=milliseconds, required=True, metavar="TIME", help="when it ends, like --expires"
    )
    add_expiry(rotate)
    revoke = of_organisation(verbs, "revoke", "revoke one for ever", _revoke_key)
    revoke.add_argument("--key", type=identifier, required=True, metavar="ID", help="the keyId, not the key itself")

    verbs = noun(nouns, "client", "an OAuth 2.0 client, which acts for a user")
    create = of_organisation(verbs, "create", "create one; its secret is shown only once", _create_client)
    create.add_argument("--user", type=identifier, required=True, metavar="ID")
    create.add_argument(
        "--project", type=number, required=True, metavar="ID", help="the project for the runs that it starts"
    )
    add_expiry(create)
    of_organisation(verbs, "list", "list those of an organisation, also ended ones", _list_clients)
    verb(verbs, "revoke", "revoke one and its tokens for ever", _revoke_client).add_argument(
        "--client", type=identifier, required=True, metavar="ID"
    )


def _create_key(registry: DirectoryAdmin, options: argparse.Namespace) -> dict[str, Any]:
    issued = administration.create_api_key(
        registry, options.organisation, expires_at=options.expires, scopes=options.scope, projects=options.project
    )
    return _issued(issued)


def _list_keys(registry: DirectoryAdmin, options: argparse.Namespace) -> dict[str, Any]:
    return {"keys": [_key(found) for found in registry.list_credentials(options.organisation)]}


def _rotate_key(registry: DirectoryAdmin, options: argparse.Namespace) -> dict[str, Any]:
    issued = administration.rotate_api_key(
        registry, options.organisation, options.key, options.until, expires_at=options.expires
    )
    return {**_issued(issued), "replaces": options.key, "until": options.until}


def _revoke_key(registry: DirectoryAdmin, options: argparse.Namespace) -> dict[str, Any]:
    return {"keyId": options.key, "revokedAt": registry.revoke_credential(options.organisation, options.key)}


def _issued(issued: IssuedKey) -> dict[str, Any]:
    return {**_key(issued.credential), "apiKey": issued.secret}


def _key(key: Credential) -> dict[str, Any]:
    return {
        "keyId": key.credential_id,
        "organisationId": key.organisation_id,
        "scopes": sorted(key.scopes),
        "projects": sorted(key.projects),
        "createdAt": key.created_at,
        "createdBy": key.created_by,
        "expiresAt": key.expires_at,
        "revokedAt": key.revoked_at,
    }


def _create_client(registry: DirectoryAdmin, options: argparse.Namespace) -> dict[str, Any]:
    issued = administration.create_client(
        registry, options.organisation, options.user, options.project, expires_at=options.expires
    )
    return {**_client(issued.client), "clientSecret": issued.secret}


def _list_clients(registry: DirectoryAdmin, options: argparse.Namespace) -> dict[str, Any]:
    return {"clients": [_client(found) for found in registry.list_clients(options.organisation)]}


def _revoke_client(registry: DirectoryAdmin, options: argparse.Namespace) -> dict[str, Any]:
    return {"clientId": options.client, "revokedAt": registry.revoke_client(options.client)}


def _client(client: Client) -> dict[str, Any]:
    return {
        "clientId": client.client_id,
        "organisationId": client.organisation_id,
        "userId": client.user_id,
        "projectId": client.project_id,
        "createdAt": client.created_at,
        "createdBy": client.created_by,
        "expiresAt": client.expires_at,
        "revokedAt": client.revoked_at,
    }
