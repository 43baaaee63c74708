"""API keys and clients."""

from typing import Annotated, Any

import typer
from jobs.tenancy import administration
from jobs.tenancy.administration import IssuedKey
from jobs.tenants import Client, Credential, Scope

from cli.admin.arguments import (
    Expires,
    Made,
    OrganisationId,
    ProjectId,
    UserId,
    directory,
    group,
    identifier,
    milliseconds,
    number,
)

KeyId = Annotated[
    str, typer.Option("--key", parser=identifier, metavar="ID", help="The keyId, which is not the key itself.")
]


def _create_key(
    context: typer.Context,
    organisation: OrganisationId,
    scope: Annotated[list[Scope] | None, typer.Option(help="What it is for (default: all).")] = None,
    project: Annotated[
        list[int] | None, typer.Option(parser=number, metavar="ID", help="A project it opens (default: all).")
    ] = None,
    expires: Expires = None,
) -> Made:
    """Create one, which is shown only once."""
    admin = directory(context, organisation)
    return _issued(
        administration.create_api_key(
            admin, organisation, expires_at=expires, scopes=scope or (), projects=project or ()
        )
    )


def _list_keys(context: typer.Context, organisation: OrganisationId) -> Made:
    """List those of an organisation, also ended ones."""
    return {"keys": [_key(found) for found in directory(context, organisation).list_credentials(organisation)]}


def _rotate_key(
    context: typer.Context,
    organisation: OrganisationId,
    key: KeyId,
    until: Annotated[int, typer.Option(parser=milliseconds, metavar="TIME", help="When it ends, like --expires.")],
    expires: Expires = None,
) -> Made:
    """Create one like another, which ends at a given time."""
    admin = directory(context, organisation)
    issued = administration.rotate_api_key(admin, organisation, key, until, expires_at=expires)
    return {**_issued(issued), "replaces": key, "until": until}


def _revoke_key(context: typer.Context, organisation: OrganisationId, key: KeyId) -> Made:
    """Revoke one for ever."""
    return {"keyId": key, "revokedAt": directory(context, organisation).revoke_credential(organisation, key)}


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


def _create_client(
    context: typer.Context, organisation: OrganisationId, user: UserId, project: ProjectId, expires: Expires = None
) -> Made:
    """Create one that runs workflows in a project; its secret is shown only once."""
    admin = directory(context, organisation)
    issued = administration.create_client(admin, organisation, user, project, expires_at=expires)
    return {**_client(issued.client), "clientSecret": issued.secret}


def _list_clients(context: typer.Context, organisation: OrganisationId) -> Made:
    """List those of an organisation, also ended ones."""
    return {"clients": [_client(found) for found in directory(context, organisation).list_clients(organisation)]}


def _revoke_client(
    context: typer.Context, client: Annotated[str, typer.Option(parser=identifier, metavar="ID")]
) -> Made:
    """Revoke one and its tokens for ever."""
    return {"clientId": client, "revokedAt": directory(context).revoke_client(client)}


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


NOUNS = {
    "key": group(
        "An API key of an organisation.",
        {"create": _create_key, "list": _list_keys, "rotate": _rotate_key, "revoke": _revoke_key},
    ),
    "client": group(
        "An OAuth 2.0 client, which acts for a user.",
        {"create": _create_client, "list": _list_clients, "revoke": _revoke_client},
    ),
}
