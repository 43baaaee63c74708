"""`RemovalAdmin` on DynamoDB: how projects and organisations are deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.errors import InvalidRequest
from jobs.store import items, keys
from jobs.store.closing import closing_from_item, closing_to_item
from jobs.store.directory_changes import DirectoryChanges, put_new, refused, update_existing
from jobs.store.table import remove
from jobs.tenants import Closing

if TYPE_CHECKING:
    from jobs.store.keys import Key


class RemovalChanges(DirectoryChanges):
    """Deletions."""

    def close_project(self, project_id: int) -> None:
        """See `RemovalAdmin.close_project`: a GetItem and a transaction."""
        project = self.get_project(project_id)
        if project is None:
            raise InvalidRequest("project", f"no project {project_id}")
        closing = Closing(
            project_id=project_id,
            organisation_id=project.organisation_id,
            project_key=project.project_key,
            at=self.clock.now(),
            by=self.by,
        )
        is_open = "attribute_not_exists(closed)"
        with refused("project", f"{project_id} is being deleted already"):
            self._change(
                project.organisation_id,
                "project delete",
                {"projectId": project_id},
                update_existing(
                    keys.project(project_id),
                    "SET closed = :at",
                    {":at": items.number(closing.at)},
                    condition=is_open,
                ),
                remove(keys.project_key(project.project_key)),
                put_new(closing_to_item(closing)),
            )

    def find_closing(self, project_id: int) -> Closing | None:
        """See `RemovalAdmin.find_closing`: one GetItem."""
        item = self._table.get(keys.ongoing(keys.CLOSINGS, project_id))
        return closing_from_item(item) if item else None

    def remove_organisation(self, organisation_id: int) -> int:
        """See `RemovalAdmin.remove_organisation`: BatchWriteItems, and a transaction at the end."""
        row = self._table.get(keys.organisation(organisation_id))
        if not row or int(row["projects"]["N"]):
            raise InvalidRequest("organisation", f"no organisation {organisation_id}, or it has projects")
        entries, led_to = self._belongings(organisation_id)
        # An entry of the list is what finds the row that it leads to, so it goes later.
        self._table.delete(led_to)
        self._table.delete(entries)
        count = len(led_to) + len(entries)
        has_no_project = "projects = :none"
        with refused("organisation", f"{organisation_id} has projects by now"):
            self._change(
                organisation_id,
                "organisation delete",
                {"organisationId": organisation_id, "rows": count},
                remove(
                    keys.organisation(organisation_id),
                    has_no_project,
                    ExpressionAttributeValues={":none": items.number(0)},
                ),
            )
        return count

    def _belongings(self, organisation_id: int) -> tuple[list[Key], list[Key]]:
        """The keys of an organisation's list, and those of the rows that the list leads to."""
        partition, own = keys.organisation(organisation_id)
        listed = self._table.query(
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": items.string(partition)},
            ConsistentRead=True,
        )
        entries: list[Key] = []
        led_to: list[Key] = []
        for entry in listed:
            sort = entry["sk"]["S"]
            if sort.startswith(keys.ORGANISATION_CREDENTIAL_PREFIX):
                led_to.append(keys.credential(entry["digest"]["S"]))
            if sort.startswith(keys.ORGANISATION_CLIENT_PREFIX):
                led_to.append(keys.client(keys.parse_organisation_client(sort)))
            if sort != own:
                entries.append((partition, sort))
        return entries, led_to
