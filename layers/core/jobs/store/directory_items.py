"""Rows of the directory to the model and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from jobs.store import keys
from jobs.store.items import key
from jobs.tenants import (
    UNREGISTERED,
    AccessToken,
    AuditEntry,
    Client,
    Credential,
    ListOrder,
    Organisation,
    Project,
    Question,
    Registration,
    Retention,
    Right,
    Role,
    Scope,
    User,
    Workflow,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from jobs.store.items import Item


def credential_to_item(credential: Credential, digest: str) -> Item:
    """The row of a credential; the secret itself is not in it."""
    return {
        **key(keys.credential(digest)),
        "id": {"S": credential.credential_id},
        "org": {"N": str(credential.organisation_id)},
        "scopes": {"L": [{"S": scope} for scope in sorted(credential.scopes)]},
        "projects": {"L": [{"N": str(project)} for project in sorted(credential.projects)]},
        **_made_to_item(credential),
        **_ends_to_item(credential),
    }


def credential_from_item(item: Mapping[str, Any]) -> Credential:
    """The credential of a row."""
    return Credential(
        credential_id=item["id"]["S"],
        organisation_id=int(item["org"]["N"]),
        scopes=frozenset(Scope(scope["S"]) for scope in item["scopes"]["L"]),
        projects=frozenset(int(project["N"]) for project in item["projects"]["L"]),
        **_made_from_item(item),
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
        **_made_to_item(client),
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
        **_made_from_item(item),
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


def _made_to_item(issued: Credential | Client) -> Item:
    return {"at": {"N": str(issued.created_at)}, "by": {"S": issued.created_by}}


def _made_from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    return {"created_at": int(item["at"]["N"]), "created_by": item["by"]["S"]}


def _ends_to_item(issued: Credential | Client | AccessToken) -> Item:
    ends = {"ex": issued.expires_at, "rv": issued.revoked_at}
    return {name: {"N": str(at)} for name, at in ends.items() if at is not None}


def _ends_from_item(item: Mapping[str, Any]) -> dict[str, Any]:
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
        **trust_to_attributes(project.accounts, project.sources),
        **limits_to_attributes(project.creations_per_minute),
        **list_order_to_attributes(project.list_order),
        **retention_to_attributes(project.retention),
        **({} if project.closed_at is None else {"closed": {"N": str(project.closed_at)}}),
    }


def trust_to_attributes(accounts: Iterable[str], sources: Mapping[str, Iterable[str]]) -> Item:
    """Whose events a project takes, as its row has it."""
    listed = {source: {"L": [{"S": action} for action in sorted(actions)]} for source, actions in sources.items()}
    return {"accounts": {"L": [{"S": account} for account in sorted(accounts)]}, "sources": {"M": listed}}


def limits_to_attributes(creations_per_minute: int | None) -> Item:
    """The limits of a project, as its row has them."""
    return {"creations": {"NULL": True} if creations_per_minute is None else {"N": str(creations_per_minute)}}


def list_order_to_attributes(order: ListOrder) -> Item:
    """The order of a project's lists, as its row has it."""
    return {"listOrder": {"S": order}}


#: Attributes of a project's row that count days, and the fields of its retention. Absent or null means never.
_DAYS = {"payloadDays": "payload_days", "redactDays": "redact_days"}


def retention_to_attributes(retention: Retention) -> Item:
    """What a project forgets, as its row has it."""
    days = {name: getattr(retention, field) for name, field in _DAYS.items()}
    return {name: {"NULL": True} if count is None else {"N": str(count)} for name, count in days.items()}


def _retention_from_item(item: Mapping[str, Any]) -> Retention:
    told = {field: item.get(name, {}).get("N") for name, field in _DAYS.items()}
    return Retention(**{field: int(days) for field, days in told.items() if days is not None})


def project_from_item(item: Mapping[str, Any]) -> Project:
    """The project of a row."""
    return Project(
        project_id=int(item["id"]["N"]),
        organisation_id=int(item["org"]["N"]),
        project_key=item["key"]["S"],
        name=item["name"]["S"],
        secret=bytes.fromhex(item["secret"]["S"]),
        block=int(item["block"]["N"]),
        accounts=frozenset(account["S"] for account in item["accounts"]["L"]),
        sources={
            source: frozenset(action["S"] for action in actions["L"])
            for source, actions in item["sources"]["M"].items()
        },
        creations_per_minute=int(item["creations"]["N"]) if "N" in item["creations"] else None,
        # rows of earlier versions do not have it
        list_order=ListOrder(item["listOrder"]["S"]) if "listOrder" in item else ListOrder.OLDEST,
        retention=_retention_from_item(item),
        closed_at=int(item["closed"]["N"]) if "closed" in item else None,
    )


def pointer_to_item(project: Project) -> Item:
    """The row that leads from a project's key to the project, and says whose it is."""
    return {
        **key(keys.project_key(project.project_key)),
        "project": {"N": str(project.project_id)},
        "org": {"N": str(project.organisation_id)},
    }


def organisation_from_item(item: Mapping[str, Any]) -> Organisation:
    """The organisation of a row."""
    return Organisation(keys.parse_organisation(item["pk"]["S"]), item["name"]["S"])


def collections_to_attributes(collection_ids: Iterable[str]) -> Item:
    """The collections that a workflow is in, as its row has them."""
    return {"co": {"L": [{"S": collection} for collection in collection_ids]}}


def registration_to_attributes(registration: Registration) -> Item:
    """What was said of a workflow, as its row has it."""
    return {
        "name": {"S": registration.name},
        "ow": {"S": registration.owner_id},
        "wt": {"S": registration.worker_tag},
        "rc": {"N": str(registration.run_count)},
        "qu": {"S": json.dumps(registration.questions, separators=(",", ":"), ensure_ascii=False)},
    }


def workflow_from_item(item: Mapping[str, Any]) -> Workflow:
    """The workflow of a row. A row that only a share made has no registration."""
    return Workflow(
        workflow_id=keys.parse_workflow(item["sk"]["S"]),
        created_at=int(item["at"]["N"]),
        registration=_registration_from_item(item) if "name" in item else UNREGISTERED,
        collection_ids=tuple(collection["S"] for collection in item["co"]["L"]) if "co" in item else (),
    )


def _registration_from_item(item: Mapping[str, Any]) -> Registration:
    questions = tuple(
        Question(name, kind, description, value, multiple, tuple((key, label) for key, label in choices))
        for name, kind, description, value, multiple, choices in json.loads(item["qu"]["S"])
    )
    return Registration(item["name"]["S"], item["ow"]["S"], item["wt"]["S"], int(item["rc"]["N"]), questions)


def audit_to_item(organisation_id: int, entry: AuditEntry, suffix: str) -> Item:
    """The row of a change by an administrator."""
    return {
        **key(keys.audit(organisation_id, entry.at, suffix)),
        "by": {"S": entry.by},
        "what": {"S": entry.what},
        "json": {"S": json.dumps(entry.about, separators=(",", ":"), ensure_ascii=False)},
    }


def audit_from_item(item: Mapping[str, Any]) -> AuditEntry:
    """The change of a row."""
    return AuditEntry(
        keys.parse_audit(item["sk"]["S"]), item["by"]["S"], item["what"]["S"], json.loads(item["json"]["S"])
    )
