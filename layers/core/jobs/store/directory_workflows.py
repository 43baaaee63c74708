"""`WorkflowAdmin` on DynamoDB: what operators say of workflows, and the collections that they are in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.store import directory_items, items, keys
from jobs.store.directory_changes import DirectoryChanges, refused
from jobs.store.table import must_exist, update

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.store.table import Write
    from jobs.tenants import Registration, Workflow


class WorkflowChanges(DirectoryChanges):
    """Workflows."""

    def set_workflow_collections(
        self, organisation_id: int, workflow_id: str, collection_ids: Sequence[str], limit: int
    ) -> None:
        """See `WorkflowAdmin.set_workflow_collections`."""
        attributes = directory_items.collections_to_attributes(collection_ids)
        about = {"workflowId": workflow_id, "collectionIds": list(collection_ids)}
        with refused("organisation", f"no organisation {organisation_id}, or it has {limit} workflows already"):
            writes = self._telling(organisation_id, workflow_id, attributes, limit)
            self._change(organisation_id, "workflow share", about, *writes)

    def add_registration(self, organisation_id: int, workflow_id: str, registration: Registration, limit: int) -> None:
        """See `WorkflowAdmin.add_registration`."""
        attributes = directory_items.registration_to_attributes(registration)
        is_unregistered = "attribute_not_exists(#name)"
        of = f"organisation {organisation_id}"
        with refused("workflow", f"{of} has it already, has no such owner, or has {limit} workflows already"):
            writes = self._telling(organisation_id, workflow_id, attributes, limit, is_unregistered)
            self._register(organisation_id, "workflow create", workflow_id, registration, *writes)

    def change_registration(self, organisation_id: int, workflow_id: str, registration: Registration) -> None:
        """See `WorkflowAdmin.change_registration`."""
        attributes = directory_items.registration_to_attributes(registration)
        is_registered = "attribute_exists(#name)"
        change = _set(keys.workflow(organisation_id, workflow_id), attributes, is_registered)
        with refused("workflow", f"organisation {organisation_id} has not registered it, or has no such owner"):
            self._register(organisation_id, "workflow change", workflow_id, registration, change)

    def list_workflows(self, organisation_id: int) -> Sequence[Workflow]:
        """See `Directory.list_workflows`: strongly, because operators look at what they have just changed."""
        found = self._listed(organisation_id, keys.WORKFLOW_PREFIX)
        return [directory_items.workflow_from_item(item) for item in found]

    def _register(
        self, organisation_id: int, what: str, workflow_id: str, registration: Registration, *writes: Write
    ) -> None:
        """Write what was said of a workflow, if the organisation has its owner."""
        owner_id = registration.owner_id
        checks = [must_exist(keys.user(organisation_id, owner_id))] if owner_id else []
        about = {"workflowId": workflow_id, "ownerId": owner_id, "questions": len(registration.questions)}
        self._change(organisation_id, what, about, *writes, *checks)

    def _telling(
        self, organisation_id: int, workflow_id: str, attributes: items.Item, limit: int, *conditions: str
    ) -> list[Write]:
        """Set attributes of a workflow. Its row is made and counted when we first hear of it, if there is room."""
        key = keys.workflow(organisation_id, workflow_id)
        is_there = "attribute_exists(pk)"
        if self._table.get(key):
            return [_set(key, attributes, is_there, *conditions)]
        is_new = "attribute_not_exists(pk)"
        there_is_room = "attribute_exists(pk) AND (attribute_not_exists(workflows) OR workflows < :limit)"
        numbers = {":none": 0, ":one": 1, ":limit": limit}
        counted = update(
            keys.organisation(organisation_id),
            "SET workflows = if_not_exists(workflows, :none) + :one",
            there_is_room,
            ExpressionAttributeValues={name: items.number(number) for name, number in numbers.items()},
        )
        return [_set(key, {**attributes, "at": items.number(self.clock.now())}, is_new), counted]


def _set(key: keys.Key, attributes: items.Item, *conditions: str) -> Write:
    """Set attributes of a row, whose names may be words of DynamoDB's own."""
    assign = ", ".join(f"#{name} = :{name}" for name in attributes)
    return update(
        key,
        f"SET {assign}",
        " AND ".join(conditions),
        ExpressionAttributeNames={f"#{name}": name for name in attributes},
        ExpressionAttributeValues={f":{name}": value for name, value in attributes.items()},
    )
