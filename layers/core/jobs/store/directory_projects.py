"""`ProjectAdmin` on DynamoDB: organisations, their projects, and what was changed in them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from jobs.errors import InvalidRequest
from jobs.store import directory_items, items, keys
from jobs.store.directory_changes import DirectoryChanges, put_new, refused, update_existing
from jobs.store.table import put, update
from jobs.tenants import Organisation, Project

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jobs.store.table import Write
    from jobs.tenants import AuditEntry, ListOrder, Retention


class ProjectChanges(DirectoryChanges):
    """Organisations and projects."""

    def add_organisation(self, name: str) -> Organisation:
        """See `ProjectAdmin.add_organisation`."""
        organisation = Organisation(self._table.next_number(keys.sequence("organisation")), name)
        organisation_id = organisation.organisation_id
        item = {
            **items.key(keys.organisation(organisation_id)),
            "name": items.string(name),
            "projects": items.number(0),
        }
        about = {"organisationId": organisation_id}
        self._change(organisation_id, "organisation create", about, put_new(item))
        return organisation

    def get_organisation(self, organisation_id: int) -> Organisation | None:
        """See `ProjectAdmin.get_organisation`: one GetItem."""
        item = self._table.get(keys.organisation(organisation_id), strong=True)
        return directory_items.organisation_from_item(item) if item else None

    def list_organisations(self) -> Sequence[Organisation]:
        """See `ProjectAdmin.list_organisations`: GetItem of the sequence, and BatchGetItems up to its last number."""
        last = self._table.get(keys.sequence("organisation"))
        numbers = range(1, int(last["last"]["N"]) + 1) if last else ()
        found = map(
            directory_items.organisation_from_item, self._get_all([keys.organisation(number) for number in numbers])
        )
        return sorted(found, key=lambda organisation: organisation.organisation_id)

    def add_project(self, organisation_id: int, name: str, project_key: str, secret: bytes, limit: int) -> Project:
        """See `ProjectAdmin.add_project`. An id whose transaction failed is never used."""
        project = Project(
            project_id=self._table.next_number(keys.sequence("project")),
            organisation_id=organisation_id,
            project_key=project_key,
            name=name,
            secret=secret,
        )
        entry = {"name": items.string(name), "key": items.string(project_key)}
        there_is_room = "attribute_exists(pk) AND projects < :limit"
        counted = update(
            keys.organisation(organisation_id),
            "SET projects = projects + :one",
            there_is_room,
            ExpressionAttributeValues={":one": items.number(1), ":limit": items.number(limit)},
        )
        with refused("organisation", f"no organisation {organisation_id}, or it has {limit} projects already"):
            self._change(
                organisation_id,
                "project create",
                {"projectId": project.project_id},
                counted,
                put_new(directory_items.project_to_item(project)),
                put_new(directory_items.pointer_to_item(project)),
                put_new({**items.key(keys.organisation_project(organisation_id, project.project_id)), **entry}),
            )
        return project

    def set_trust(self, project_id: int, accounts: frozenset[str], sources: Mapping[str, frozenset[str]]) -> None:
        """See `ProjectAdmin.set_trust`."""
        about = {
            "accounts": sorted(accounts),
            "sources": {source: sorted(actions) for source, actions in sources.items()},
        }
        self._set(project_id, "project trust", directory_items.trust_to_attributes(accounts, sources), about)

    def set_limits(self, project_id: int, creations_per_minute: int | None) -> None:
        """See `ProjectAdmin.set_limits`."""
        about = {"creationsPerMinute": creations_per_minute}
        self._set(project_id, "project limits", directory_items.limits_to_attributes(creations_per_minute), about)

    def set_list_order(self, project_id: int, order: ListOrder) -> None:
        """See `ProjectAdmin.set_list_order`."""
        attributes = directory_items.list_order_to_attributes(order)
        self._set(project_id, "project order", attributes, {"listOrder": order})

    def set_retention(self, project_id: int, retention: Retention) -> None:
        """See `ProjectAdmin.set_retention`."""
        about = {"payloadDays": retention.payload_days, "redactDays": retention.redact_days}
        attributes = directory_items.retention_to_attributes(retention)
        # it replaces a walk that is under way: the jobs are to be entered once more
        walk = put(items.walk_to_item(project_id, self.clock.now(), 1))
        self._set(project_id, "project retention", attributes, about, walk)

    def _set(
        self, project_id: int, what: str, attributes: items.Item, about: Mapping[str, Any], *beside: Write
    ) -> None:
        """Set attributes of a project: a GetItem, as the entry is its organisation's, and a transaction.

        Raises:
            InvalidRequest: the project does not exist.
        """
        project = self.get_project(project_id)
        if project is None:
            raise InvalidRequest("project", f"no project {project_id}")
        assign = ", ".join(f"{name} = :{name}" for name in attributes)
        values = {f":{name}": value for name, value in attributes.items()}
        change = update_existing(keys.project(project_id), f"SET {assign}", values)
        self._change(project.organisation_id, what, {"projectId": project_id, **about}, change, *beside)

    def list_audit(self, organisation_id: int, limit: int) -> Sequence[AuditEntry]:
        """See `ProjectAdmin.list_audit`: one Query for each megabyte."""
        pk, _ = keys.audit(organisation_id, 0, "")
        found = self._table.query(
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": items.string(pk)},
            ScanIndexForward=False,
            ConsistentRead=True,
            Limit=limit,
        )
        return [directory_items.audit_from_item(item) for item in islice(found, limit)]
