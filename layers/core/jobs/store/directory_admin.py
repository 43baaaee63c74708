"""`DirectoryAdmin` on DynamoDB: how organisations, projects, keys, users and clients come and go."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from jobs.errors import InvalidRequest
from jobs.store import directory_items, items, keys
from jobs.store.directory import DynamoDBDirectory
from jobs.store.failures import ConditionFailed
from jobs.store.table import must_exist, put, update
from jobs.tenants import Organisation, Project

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from jobs.store.keys import Key
    from jobs.store.table import Write
    from jobs.tenants import Client, Credential, Right, Role, User


class DynamoDBDirectoryAdmin(DynamoDBDirectory):
    """The directory's rows, as administrators write them."""

    def add_organisation(self, name: str) -> Organisation:
        """See `DirectoryAdmin.add_organisation`."""
        organisation = Organisation(self._table.next_number(keys.sequence("organisation")), name)
        item = {
            **items.key(keys.organisation(organisation.organisation_id)),
            "name": items.string(name),
            "projects": items.number(0),
        }
        self._table.write(_put_new(item))
        return organisation

    def add_project(self, organisation_id: int, name: str, project_key: str, secret: bytes, limit: int) -> Project:
        """See `DirectoryAdmin.add_project`: one transaction. An id whose transaction failed is never used."""
        project = Project(
            project_id=self._table.next_number(keys.sequence("project")),
            organisation_id=organisation_id,
            project_key=project_key,
            name=name,
            secret=secret,
        )
        pointer = {"project": items.number(project.project_id)}
        entry = {"name": items.string(name), "key": items.string(project_key)}
        there_is_room = "attribute_exists(pk) AND projects < :limit"
        counted = update(
            keys.organisation(organisation_id),
            "SET projects = projects + :one",
            there_is_room,
            ExpressionAttributeValues={":one": items.number(1), ":limit": items.number(limit)},
        )
        with _refused("organisation", f"no organisation {organisation_id}, or it has {limit} projects already"):
            self._table.write(
                counted,
                _put_new(directory_items.project_to_item(project)),
                _put_new({**items.key(keys.project_key(project_key)), **pointer}),
                _put_new({**items.key(keys.organisation_project(organisation_id, project.project_id)), **entry}),
            )
        return project

    def set_trust(self, project_id: int, accounts: frozenset[str], sources: frozenset[str]) -> None:
        """See `DirectoryAdmin.set_trust`: one conditional UpdateItem, which removes an empty set."""
        listed = {"accounts": accounts, "sources": sources}
        assign = ", ".join(f"{name} = :{name}" for name, names in listed.items() if names)
        remove = ", ".join(name for name, names in listed.items() if not names)
        with _refused("project", f"no project {project_id}"):
            self._update(
                keys.project(project_id),
                (f"SET {assign} " if assign else "") + (f"REMOVE {remove}" if remove else ""),
                {f":{name}": {"SS": sorted(names)} for name, names in listed.items() if names},
            )

    def add_credential(self, credential: Credential, digest: str) -> None:
        """See `DirectoryAdmin.add_credential`: one transaction with its entry in the organisation's list."""
        listed = keys.organisation_credential(credential.organisation_id, credential.credential_id)
        with _refused("organisation", f"no organisation {credential.organisation_id}"):
            self._table.write(
                must_exist(keys.organisation(credential.organisation_id)),
                _put_new(directory_items.credential_to_item(credential, digest)),
                _put_new({**items.key(listed), "digest": items.string(digest)}),
            )

    def revoke_credential(self, organisation_id: int, credential_id: str, now: int) -> None:
        """See `DirectoryAdmin.revoke_credential`: one GetItem and one conditional UpdateItem."""
        listed = self._table.get(keys.organisation_credential(organisation_id, credential_id), strong=False)
        with _refused("key", f"organisation {organisation_id} has no key {credential_id}"):
            if not listed:
                raise ConditionFailed({})
            self._revoke(keys.credential(listed["digest"]["S"]), now)

    def add_user(self, user: User) -> None:
        """See `DirectoryAdmin.add_user`: one transaction with a check of the organisation."""
        with _refused("user", f"no organisation {user.organisation_id}, or it has a user {user.user_id} already"):
            self._table.write(
                must_exist(keys.organisation(user.organisation_id)), _put_new(directory_items.user_to_item(user))
            )

    def set_role(self, organisation_id: int, user_id: str, role: Role) -> None:
        """See `DirectoryAdmin.set_role`: one conditional UpdateItem."""
        with _refused("user", f"organisation {organisation_id} has no user {user_id}"):
            self._update(
                keys.user(organisation_id, user_id),
                "SET #role = :role",
                {":role": items.string(role)},
                names={"#role": "role"},
            )

    def set_right(
        self, organisation_id: int, user_id: str, collection_id: str, right: Right | None, limit: int
    ) -> None:
        """See `DirectoryAdmin.set_right`: one conditional UpdateItem."""
        there_is_room = "(size(co) < :limit OR attribute_exists(co.#collection))"
        values = {":right": items.string(right), ":limit": items.number(limit)} if right else {}
        with _refused("user", f"organisation {organisation_id} has no user {user_id}, or one in {limit} collections"):
            self._update(
                keys.user(organisation_id, user_id),
                "SET co.#collection = :right" if right else "REMOVE co.#collection",
                values,
                names={"#collection": collection_id},
                condition=there_is_room if right else None,
            )

    def add_client(self, client: Client) -> None:
        """See `DirectoryAdmin.add_client`: one transaction with checks of its user and of its project."""
        of = f"organisation {client.organisation_id}"
        with _refused("client", f"{of} has no user {client.user_id} or no project {client.project_id}"):
            self._table.write(
                must_exist(keys.user(client.organisation_id, client.user_id)),
                must_exist(keys.organisation_project(client.organisation_id, client.project_id)),
                _put_new(directory_items.client_to_item(client)),
            )

    def revoke_client(self, client_id: str, now: int) -> None:
        """See `DirectoryAdmin.revoke_client`: one conditional UpdateItem."""
        with _refused("client", f"no client {client_id}"):
            self._revoke(keys.client(client_id), now)

    def set_workflow_collections(self, organisation_id: int, workflow_id: str, collection_ids: Sequence[str]) -> None:
        """See `DirectoryAdmin.set_workflow_collections`: one transaction with a check of the organisation."""
        item = {
            **items.key(keys.workflow(organisation_id, workflow_id)),
            "co": {"L": [items.string(collection) for collection in collection_ids]},
        }
        with _refused("organisation", f"no organisation {organisation_id}"):
            self._table.write(must_exist(keys.organisation(organisation_id)), put(item))

    def _revoke(self, key: Key, now: int) -> None:
        self._update(key, "SET rv = if_not_exists(rv, :now)", {":now": items.number(now)})

    def _update(
        self,
        key: Key,
        expression: str,
        values: Mapping[str, Any],
        *,
        names: Mapping[str, str] | None = None,
        condition: str | None = None,
    ) -> None:
        """Update a row that must exist; DynamoDB refuses empty maps of names and values."""
        is_there = "attribute_exists(pk)"
        maps = {"ExpressionAttributeValues": values, "ExpressionAttributeNames": names}
        beside = {name: given for name, given in maps.items() if given}
        self._table.write(update(key, expression, is_there + (f" AND {condition}" if condition else ""), **beside))


def _put_new(item: items.Item) -> Write:
    is_new = "attribute_not_exists(pk)"
    return put(item, is_new)


@contextmanager
def _refused(field: str, reason: str) -> Iterator[None]:
    """Say what a failed condition means.

    Raises:
        InvalidRequest: a condition failed.
    """
    try:
        yield
    except ConditionFailed:
        raise InvalidRequest(field, reason) from None
