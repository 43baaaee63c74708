"""Rows of the directory to the model and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.store import keys
from jobs.store.items import key
from jobs.tenants import AccessToken, Client, Credential, Project, Right, Role, User

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobs.store.items import Item


def credential_to_item(credential: Credential, digest: str) -> Item:
    """The row of a credential; the secret itself is not in it."""
    return {
        **key(keys.credential(digest)),
        "id": {"S": credential.credential_id},
        "org": {"N": str(credential.organisation_id)},
        **_ends_to_item(credential),
    }


def credential_from_item(item: Mapping[str, Any]) -> Credential:
    """The credential of a row."""
    return Credential(
        credential_id=item["id"]["S"],
        organisation_id=int(item["org"]["N"]),
        **_ends_from_item(item),
    )


def client_to_item(client: Client) -> Item:
    """The row of a client; the secret itself is not in it."""
    return {
        **key(keys.client(client.client_id)),
        "id": {"S": client.client_id},
        "org": {"N": str(client.organisation_id)},
        "user": {"S": client.user_id},
        "project": {"N": str(client.project_id)},
        "digest": {"S": client.secret_digest},
        **_ends_to_item(client),
    }


def client_from_item(item: Mapping[str, Any]) -> Client:
    """The client of a row."""
    return Client(
        client_id=item["id"]["S"],
        organisation_id=int(item["org"]["N"]),
        user_id=item["user"]["S"],
        project_id=int(item["project"]["N"]),
        secret_digest=item["digest"]["S"],
        **_ends_from_item(item),
    )


def token_to_item(token: AccessToken, digest: str) -> Item:
    """The row of an access token, which DynamoDB deletes some time after it has expired."""
    item = {**key(keys.access_token(digest)), "client": {"S": token.client_id}, **_ends_to_item(token)}
    if token.expires_at is not None:
        item["ttl"] = {"N": str(-(-token.expires_at // 1000))}
    return item


def token_from_item(item: Mapping[str, Any]) -> AccessToken:
    """The access token of a row."""
    return AccessToken(client_id=item["client"]["S"], **_ends_from_item(item))


def user_to_item(user: User) -> Item:
    """The row of a user."""
    return {
        **key(keys.user(user.organisation_id, user.user_id)),
        "id": {"S": user.user_id},
        "org": {"N": str(user.organisation_id)},
        "name": {"S": user.name},
        "role": {"S": user.role},
        "co": {"M": {collection: {"S": right} for collection, right in user.collections.items()}},
    }


def user_from_item(item: Mapping[str, Any]) -> User:
    """The user of a row."""
    return User(
        organisation_id=int(item["org"]["N"]),
        user_id=item["id"]["S"],
        role=Role(item["role"]["S"]),
        name=item["name"]["S"],
        collections={collection: Right(right["S"]) for collection, right in item["co"]["M"].items()},
    )


def _ends_to_item(issued: Credential | Client | AccessToken) -> Item:
    ends = {"ex": issued.expires_at, "rv": issued.revoked_at}
    return {name: {"N": str(at)} for name, at in ends.items() if at is not None}


def _ends_from_item(item: Mapping[str, Any]) -> dict[str, int | None]:
    ends = {"expires_at": "ex", "revoked_at": "rv"}
    return {field: int(item[name]["N"]) if name in item else None for field, name in ends.items()}


def project_to_item(project: Project) -> Item:
    """The row of a project."""
    return {
        **key(keys.project(project.project_id)),
        "id": {"N": str(project.project_id)},
        "org": {"N": str(project.organisation_id)},
        "key": {"S": project.project_key},
        "name": {"S": project.name},
        "secret": {"S": project.secret.hex()},
        "block": {"N": str(project.block)},
        **{
            name: {"SS": sorted(listed)}
            for name, listed in (("accounts", project.accounts), ("sources", project.sources))
            if listed
        },
    }


def project_from_item(item: Mapping[str, Any]) -> Project:
    """The project of a row."""
    return Project(
        project_id=int(item["id"]["N"]),
        organisation_id=int(item["org"]["N"]),
        project_key=item["key"]["S"],
        name=item["name"]["S"],
        secret=bytes.fromhex(item["secret"]["S"]),
        block=int(item["block"]["N"]),
        accounts=frozenset(item["accounts"]["SS"]) if "accounts" in item else frozenset(),
        sources=frozenset(item["sources"]["SS"]) if "sources" in item else frozenset(),
    )
