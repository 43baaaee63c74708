"""`Directory` and `TokenStore` on DynamoDB: organisations and what belongs to them, in the table of the jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.store import directory_items, items, keys
from jobs.store.table import put

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jobs.store.table import Table
    from jobs.tenants import AccessToken, Client, Credential, Project, User, Workflow


class DynamoDBDirectory:
    """The directory's rows, as every request reads them. A weak GetItem costs half a read unit."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def find_credential(self, digest: str) -> Credential | None:
        """See `Directory.find_credential`: one GetItem."""
        item = self._table.get(keys.credential(digest), strong=False)
        return directory_items.credential_from_item(item) if item else None

    def find_project(self, project_key: str) -> Project | None:
        """See `Directory.find_project`: two GetItems, from the key to the id to the project."""
        pointer = self._table.get(keys.project_key(project_key), strong=False)
        return self.get_project(int(pointer["project"]["N"])) if pointer else None

    def open_project(self, credential: Credential, project_key: str) -> Project | None:
        """See `Directory.open_project`: as `find_project`, but the first row already says whose the project is."""
        pointer = self._table.get(keys.project_key(project_key), strong=False)
        if not pointer or not credential.opens(int(pointer["org"]["N"]), int(pointer["project"]["N"])):
            return None
        return self.get_project(int(pointer["project"]["N"]))

    def get_project(self, project_id: int) -> Project | None:
        """See `Directory.get_project`: one GetItem."""
        item = self._table.get(keys.project(project_id), strong=False)
        return directory_items.project_from_item(item) if item else None

    def get_own_project(self, organisation_id: int, project_id: int) -> Project | None:
        """See `Directory.get_own_project`: one GetItem."""
        project = self.get_project(project_id)
        if project is None or project.organisation_id != organisation_id or project.closed_at is not None:
            return None
        return project

    def list_projects(self, organisation_id: int) -> Sequence[int]:
        """See `Directory.list_projects`: one Query."""
        found = self._listed(organisation_id, keys.ORGANISATION_PROJECT_PREFIX, strong=False)
        return tuple(keys.parse_organisation_project(item["sk"]["S"]) for item in found)

    def find_token(self, digest: str) -> AccessToken | None:
        """See `Directory.find_token`: one strong GetItem, because clients use a token the moment they get it."""
        item = self._table.get(keys.access_token(digest))
        return directory_items.token_from_item(item) if item else None

    def find_client(self, client_id: str) -> Client | None:
        """See `Directory.find_client`: one GetItem."""
        item = self._table.get(keys.client(client_id), strong=False)
        return directory_items.client_from_item(item) if item else None

    def find_user(self, organisation_id: int, user_id: str) -> User | None:
        """See `Directory.find_user`: one GetItem."""
        item = self._table.get(keys.user(organisation_id, user_id), strong=False)
        return directory_items.user_from_item(item) if item else None

    def find_workflow(self, organisation_id: int, workflow_id: str) -> Workflow | None:
        """See `Directory.find_workflow`: one GetItem."""
        item = self._table.get(keys.workflow(organisation_id, workflow_id), strong=False)
        return directory_items.workflow_from_item(item) if item else None

    def list_workflows(self, organisation_id: int) -> Sequence[Workflow]:
        """See `Directory.list_workflows`: one Query for each megabyte."""
        return [
            directory_items.workflow_from_item(item)
            for item in self._listed(organisation_id, keys.WORKFLOW_PREFIX, strong=False)
        ]

    def _listed(self, organisation_id: int, prefix: str, *, strong: bool = True) -> Iterator[items.Item]:
        """Read the rows of one kind in an organisation's partition."""
        pk, _ = keys.organisation(organisation_id)
        return self._table.query(
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues={":pk": items.string(pk), ":prefix": items.string(prefix)},
            ConsistentRead=strong,
        )

    def add_token(self, token: AccessToken, digest: str) -> None:
        """See `TokenStore.add_token`: one PutItem. Nobody knows a token whose answer was lost."""
        self._table.write(put(directory_items.token_to_item(token, digest)))
