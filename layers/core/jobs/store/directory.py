"""`Directory` on DynamoDB: organisations, projects and credentials in the table of the jobs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from jobs import errors
from jobs.model import Credential, Organisation, Project
from jobs.store import aws, items, keys

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef, UpdateItemInputTypeDef

    from jobs.ports import Directory

#: Entries that one environment remembers before it forgets them all: keeps a flood of projects from filling memory.
MOST_CACHED = 1_000

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
            refused=f"no organisation {organisation_id}, or it has {limit} projects already",
        )
        return project

    def set_trust(self, project_id: int, accounts: frozenset[str], sources: frozenset[str]) -> None:
        """See `Registry.set_trust`: one conditional UpdateItem; DynamoDB has no empty sets, so those are removed."""
        listed = {"accounts": accounts, "sources": sources}
        assign = ", ".join(f"{name} = :{name}" for name, names in listed.items() if names)
        remove = ", ".join(name for name, names in listed.items() if not names)
        update: UpdateItemInputTypeDef = {
            "TableName": self._table,
            "Key": items.key(keys.project(project_id)),
            "UpdateExpression": (f"SET {assign} " if assign else "") + (f"REMOVE {remove}" if remove else ""),
            "ConditionExpression": "attribute_exists(pk)",
        }
        if assign:
            update["ExpressionAttributeValues"] = {
                f":{name}": {"SS": sorted(names)} for name, names in listed.items() if names
            }
        try:
            self._client.update_item(**update)
        except ClientError as error:
            if not aws.failed_conditions(error):
                raise
            raise errors.InvalidRequest("project", f"no project {project_id}") from None

    def add_credential(self, credential: Credential, digest: str) -> None:
        """See `Directory.add_credential`: one transaction with its entry in the organisation's list."""
        listed = keys.organisation_credential(credential.organisation_id, credential.credential_id)
        self._transact(
            {
                "ConditionCheck": {
                    "TableName": self._table,
                    "Key": items.key(keys.organisation(credential.organisation_id)),
                    "ConditionExpression": "attribute_exists(pk)",
                }
            },
            self._put_new(items.credential_to_item(credential, digest)),
            self._put_new({**items.key(listed), "digest": items.string(digest)}),
            refused=f"no organisation {credential.organisation_id}",
        )

    def _put_new(self, item: dict[str, Any]) -> TransactWriteItemTypeDef:
        return {"Put": {"TableName": self._table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}}

    def _transact(self, organisation: TransactWriteItemTypeDef, *puts: TransactWriteItemTypeDef, refused: str) -> None:
        try:
            self._client.transact_write_items(TransactItems=[organisation, *puts])
        except ClientError as error:
            if aws.proves_nothing(error):
                raise errors.Busy from error
            if 0 in aws.failed_conditions(error):
                raise errors.InvalidRequest("organisation", refused) from None
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

    def _get(self, key: keys.Key) -> dict[str, Any]:
        with aws.throttling_as_busy():
            return self._client.get_item(TableName=self._table, Key=items.key(key)).get("Item", {})


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

    def _remember(self, key: Hashable, find: Callable[[], Found | None]) -> Found | None:
        now = self._monotonic()
        until, found = self._found.get(key, (0.0, None))
        if now < until:
            return found  # type: ignore[return-value]  # what is under a key came from that key's own `find`
        fresh = find()
        if fresh is not None and self._seconds > 0:
            if len(self._found) >= MOST_CACHED:
                self._found.clear()
            self._found[key] = (now + self._seconds, fresh)
        return fresh
