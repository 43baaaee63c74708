"""`Directory` on DynamoDB: organisations and what belongs to them, in the table of the jobs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from jobs import errors
from jobs.model import Credential, Organisation, Project
from jobs.store import failures, items, keys

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef, UpdateItemInputTypeDef

    from jobs.model import AccessToken, Client, Right, Role, User
    from jobs.ports import Directory

#: Entries that one environment remembers before it forgets them all: keeps a flood of projects from filling memory.
MAX_CACHED = 1_000

Found = TypeVar("Found")


class DynamoDBDirectory:
    """The directory rows of the table `table`."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def find_credential(self, digest: str) -> Credential | None:
        """See `Directory.find_credential`: one GetItem, half a read unit."""
        item = self._get(keys.credential(digest))
        return items.credential_from_item(item) if item else None

    def find_project(self, project_key: str) -> Project | None:
        """See `Directory.find_project`: two GetItems, from the key to the id to the project."""
        pointer = self._get(keys.project_key(project_key))
        return self.get_project(int(pointer["project"]["N"])) if pointer else None

    def get_project(self, project_id: int) -> Project | None:
        """See `Directory.get_project`: one GetItem."""
        item = self._get(keys.project(project_id))
        return items.project_from_item(item) if item else None

    def list_projects(self, organisation_id: int) -> Sequence[int]:
        """See `Directory.list_projects`: one Query."""
        pk, _ = keys.organisation(organisation_id)
        with failures.throttling_as_busy():
            page = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
                ExpressionAttributeValues={
                    ":pk": items.string(pk),
                    ":prefix": items.string(keys.ORGANISATION_PROJECT_PREFIX),
                },
                ProjectionExpression="sk",
            )
        return tuple(keys.parse_organisation_project(item["sk"]["S"]) for item in page["Items"])

    def find_token(self, digest: str) -> AccessToken | None:
        """See `Directory.find_token`: one strong GetItem, as clients use a token in the moment they get it."""
        item = self._get(keys.access_token(digest), strong=True)
        return items.token_from_item(item) if item else None

    def find_client(self, client_id: str) -> Client | None:
        """See `Directory.find_client`: one GetItem."""
        item = self._get(keys.client(client_id))
        return items.client_from_item(item) if item else None

    def find_user(self, organisation_id: int, user_id: str) -> User | None:
        """See `Directory.find_user`: one GetItem."""
        item = self._get(keys.user(organisation_id, user_id))
        return items.user_from_item(item) if item else None

    def workflow_collections(self, organisation_id: int, workflow_id: str) -> Sequence[str]:
        """See `Directory.workflow_collections`: one GetItem."""
        item = self._get(keys.workflow(organisation_id, workflow_id))
        return tuple(collection["S"] for collection in item["co"]["L"]) if item else ()

    def add_token(self, token: AccessToken, digest: str) -> None:
        """See `TokenStore.add_token`: one PutItem; a token whose answer was lost is known to nobody."""
        try:
            self._client.put_item(TableName=self._table, Item=items.token_to_item(token, digest))
        except (ClientError, BotoCoreError) as error:
            if failures.outcome_unknown(error):
                raise errors.Busy from error
            raise

    def add_organisation(self, name: str) -> Organisation:
        """See `Directory.add_organisation`."""
        organisation = Organisation(self._next("organisation"), name)
        self._client.put_item(
            TableName=self._table,
            Item={
                **items.key(keys.organisation(organisation.organisation_id)),
                "name": items.string(name),
                "projects": items.number(0),
            },
            ConditionExpression="attribute_not_exists(pk)",
        )
        return organisation

    def add_project(self, organisation_id: int, name: str, project_key: str, secret: bytes, limit: int) -> Project:
        """See `Directory.add_project`: one transaction; an id whose transaction failed is never used."""
        project = Project(
            project_id=self._next("project"),
            organisation_id=organisation_id,
            project_key=project_key,
            name=name,
            secret=secret,
        )
        pointer = {"project": items.number(project.project_id)}
        entry = {"name": items.string(name), "key": items.string(project_key)}
        self._transact(
            {
                "Update": {
                    "TableName": self._table,
                    "Key": items.key(keys.organisation(organisation_id)),
                    "UpdateExpression": "SET projects = projects + :one",
                    "ConditionExpression": "attribute_exists(pk) AND projects < :limit",
                    "ExpressionAttributeValues": {":one": items.number(1), ":limit": items.number(limit)},
                }
            },
            self._put_new(items.project_to_item(project)),
            self._put_new({**items.key(keys.project_key(project_key)), **pointer}),
            self._put_new({**items.key(keys.organisation_project(organisation_id, project.project_id)), **entry}),
            refused=("organisation", f"no organisation {organisation_id}, or it has {limit} projects already"),
        )
        return project

    def set_trust(self, project_id: int, accounts: frozenset[str], sources: frozenset[str]) -> None:
        """See `DirectoryAdmin.set_trust`: one conditional UpdateItem; an empty set is removed."""
        listed = {"accounts": accounts, "sources": sources}
        assign = ", ".join(f"{name} = :{name}" for name, names in listed.items() if names)
        remove = ", ".join(name for name, names in listed.items() if not names)
        self._update(
            keys.project(project_id),
            (f"SET {assign} " if assign else "") + (f"REMOVE {remove}" if remove else ""),
            {f":{name}": {"SS": sorted(names)} for name, names in listed.items() if names},
            refused=("project", f"no project {project_id}"),
        )

    def add_credential(self, credential: Credential, digest: str) -> None:
        """See `DirectoryAdmin.add_credential`: one transaction with its entry in the organisation's list."""
        listed = keys.organisation_credential(credential.organisation_id, credential.credential_id)
        self._transact(
            self._check(keys.organisation(credential.organisation_id)),
            self._put_new(items.credential_to_item(credential, digest)),
            self._put_new({**items.key(listed), "digest": items.string(digest)}),
            refused=("organisation", f"no organisation {credential.organisation_id}"),
        )

    def revoke_credential(self, organisation_id: int, credential_id: str, now: int) -> None:
        """See `DirectoryAdmin.revoke_credential`: one GetItem, one conditional UpdateItem."""
        listed = self._get(keys.organisation_credential(organisation_id, credential_id))
        refused = ("key", f"organisation {organisation_id} has no key {credential_id}")
        if not listed:
            raise errors.InvalidRequest(*refused)
        self._revoke(keys.credential(listed["digest"]["S"]), now, refused)

    def add_user(self, user: User) -> None:
        """See `DirectoryAdmin.add_user`: one transaction with a check of the organisation."""
        self._transact(
            self._check(keys.organisation(user.organisation_id)),
            self._put_new(items.user_to_item(user)),
            refused=("user", f"no organisation {user.organisation_id}, or it has a user {user.user_id} already"),
        )

    def set_role(self, organisation_id: int, user_id: str, role: Role) -> None:
        """See `DirectoryAdmin.set_role`: one conditional UpdateItem."""
        self._update(
            keys.user(organisation_id, user_id),
            "SET #role = :role",
            {":role": items.string(role)},
            names={"#role": "role"},
            refused=("user", f"organisation {organisation_id} has no user {user_id}"),
        )

    def set_right(
        self, organisation_id: int, user_id: str, collection_id: str, right: Right | None, limit: int
    ) -> None:
        """See `DirectoryAdmin.set_right`: one conditional UpdateItem."""
        there_is_room = "(size(co) < :limit OR attribute_exists(co.#collection))"
        values = {":right": items.string(right), ":limit": items.number(limit)} if right else {}
        self._update(
            keys.user(organisation_id, user_id),
            "SET co.#collection = :right" if right else "REMOVE co.#collection",
            values,
            names={"#collection": collection_id},
            condition=there_is_room if right else None,
            refused=("user", f"organisation {organisation_id} has no user {user_id}, or one in {limit} collections"),
        )

    def add_client(self, client: Client) -> None:
        """See `DirectoryAdmin.add_client`: one transaction with checks of its user and of its project."""
        self._transact(
            self._check(keys.user(client.organisation_id, client.user_id)),
            self._check(keys.organisation_project(client.organisation_id, client.project_id)),
            self._put_new(items.client_to_item(client)),
            refused=(
                "client",
                f"organisation {client.organisation_id} has no user {client.user_id} or no project {client.project_id}",
            ),
        )

    def revoke_client(self, client_id: str, now: int) -> None:
        """See `DirectoryAdmin.revoke_client`: one conditional UpdateItem."""
        self._revoke(keys.client(client_id), now, ("client", f"no client {client_id}"))

    def set_workflow_collections(self, organisation_id: int, workflow_id: str, collection_ids: Sequence[str]) -> None:
        """See `DirectoryAdmin.set_workflow_collections`: one transaction with a check of the organisation."""
        item = {
            **items.key(keys.workflow(organisation_id, workflow_id)),
            "co": {"L": [items.string(collection) for collection in collection_ids]},
        }
        self._transact(
            self._check(keys.organisation(organisation_id)),
            {"Put": {"TableName": self._table, "Item": item}},
            refused=("organisation", f"no organisation {organisation_id}"),
        )

    def _revoke(self, key: keys.Key, now: int, refused: tuple[str, str]) -> None:
        self._update(key, "SET rv = if_not_exists(rv, :now)", {":now": items.number(now)}, refused=refused)

    def _check(self, key: keys.Key) -> TransactWriteItemTypeDef:
        is_there = "attribute_exists(pk)"
        return {"ConditionCheck": {"TableName": self._table, "Key": items.key(key), "ConditionExpression": is_there}}

    def _update(  # noqa: PLR0913  # as many parts as an update has
        self,
        key: keys.Key,
        expression: str,
        values: Mapping[str, Any],
        *,
        refused: tuple[str, str],
        names: Mapping[str, str] | None = None,
        condition: str | None = None,
    ) -> None:
        """Update a row that must be there.

        Raises:
            InvalidRequest: it is not, or the further condition failed; `refused` says which field and why.
        """
        is_there = "attribute_exists(pk)"
        update: UpdateItemInputTypeDef = {
            "TableName": self._table,
            "Key": items.key(key),
            "UpdateExpression": expression,
            "ConditionExpression": is_there + (f" AND {condition}" if condition else ""),
        }
        if values:
            update["ExpressionAttributeValues"] = values
        if names:
            update["ExpressionAttributeNames"] = names
        try:
            self._client.update_item(**update)
        except ClientError as error:
            if not failures.failed_conditions(error):
                raise
            raise errors.InvalidRequest(*refused) from None

    def _put_new(self, item: dict[str, Any]) -> TransactWriteItemTypeDef:
        return {"Put": {"TableName": self._table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}}

    def _transact(self, *actions: TransactWriteItemTypeDef, refused: tuple[str, str]) -> None:
        """Write all or nothing.

        Raises:
            Busy: DynamoDB throttles, or the answer was lost.
            InvalidRequest: a condition failed; `refused` says which field and why.
        """
        try:
            self._client.transact_write_items(TransactItems=actions)
        except ClientError as error:
            if failures.outcome_unknown(error):
                raise errors.Busy from error
            if failures.failed_conditions(error):
                raise errors.InvalidRequest(*refused) from None
            raise

    def _next(self, sequence: str) -> int:
        answer = self._client.update_item(
            TableName=self._table,
            Key=items.key(keys.sequence(sequence)),
            UpdateExpression="ADD #last :one",
            ExpressionAttributeNames={"#last": "last"},
            ExpressionAttributeValues={":one": items.number(1)},
            ReturnValues="UPDATED_NEW",
        )
        return int(answer["Attributes"]["last"]["N"])

    def _get(self, key: keys.Key, *, strong: bool = False) -> dict[str, Any]:
        with failures.throttling_as_busy():
            answer = self._client.get_item(TableName=self._table, Key=items.key(key), ConsistentRead=strong)
        return answer.get("Item", {})


class CachedDirectory:
    """A directory that believes what it found for `seconds`, so that a warm handler reads no credential.

    What is not found is asked again each time: a new key works at once, and guesses fill no memory. A revoked key
    works on for up to `seconds` in environments that know it; 0 turns the cache off.
    """

    def __init__(self, directory: Directory, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._directory = directory
        self._seconds = seconds
        self._monotonic = monotonic
        self._found: dict[Hashable, tuple[float, object]] = {}

    def find_credential(self, digest: str) -> Credential | None:
        """See `Directory.find_credential`."""
        return self._remember(("credential", digest), lambda: self._directory.find_credential(digest))

    def find_project(self, project_key: str) -> Project | None:
        """See `Directory.find_project`."""
        return self._remember(("project", project_key), lambda: self._directory.find_project(project_key))

    def get_project(self, project_id: int) -> Project | None:
        """See `Directory.get_project`."""
        return self._remember(("id", project_id), lambda: self._directory.get_project(project_id))

    def list_projects(self, organisation_id: int) -> Sequence[int]:
        """See `Directory.list_projects`."""
        return (
            self._remember(("projects", organisation_id), lambda: self._directory.list_projects(organisation_id)) or ()
        )

    def find_token(self, digest: str) -> AccessToken | None:
        """See `Directory.find_token`."""
        return self._remember(("token", digest), lambda: self._directory.find_token(digest))

    def find_client(self, client_id: str) -> Client | None:
        """See `Directory.find_client`."""
        return self._remember(("client", client_id), lambda: self._directory.find_client(client_id))

    def find_user(self, organisation_id: int, user_id: str) -> User | None:
        """See `Directory.find_user`."""
        return self._remember(
            ("user", organisation_id, user_id), lambda: self._directory.find_user(organisation_id, user_id)
        )

    def workflow_collections(self, organisation_id: int, workflow_id: str) -> Sequence[str]:
        """See `Directory.workflow_collections`: asked each time, as what is shared is kept with the job for good."""
        return self._directory.workflow_collections(organisation_id, workflow_id)

    def _remember(self, key: Hashable, find: Callable[[], Found | None]) -> Found | None:
        now = self._monotonic()
        until, found = self._found.get(key, (0.0, None))
        if now < until:
            return found  # type: ignore[return-value]  # what is under a key came from that key's own `find`
        fresh = find()
        if fresh is not None and self._seconds > 0:
            if len(self._found) >= MAX_CACHED:
                self._found.clear()
            self._found[key] = (now + self._seconds, fresh)
        return fresh
