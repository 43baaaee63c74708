"""`ClosingStore` on DynamoDB: the deletion of projects, row by row, and where it has come."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from jobs.store import directory_items, items, keys
from jobs.store.failures import ConditionFailed
from jobs.store.table import put, remove, update
from jobs.tenants import AuditEntry, Closing, ClosingStep

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jobs.store.table import Table


def closing_to_item(closing: Closing) -> items.Item:
    """The row of the deletion of a project."""
    return {
        **items.key(keys.ongoing(keys.CLOSINGS, closing.project_id)),
        "org": {"N": str(closing.organisation_id)},
        "key": {"S": closing.project_key},
        "at": {"N": str(closing.at)},
        "by": {"S": closing.by},
        "step": {"S": closing.step},
        "cursor": {"S": closing.cursor},
        "jobs": {"N": str(closing.jobs)},
        "objects": {"N": str(closing.objects)},
        "rows": {"N": str(closing.rows)},
    }


def closing_from_item(item: Mapping[str, Any]) -> Closing:
    """The deletion of a row."""
    return Closing(
        project_id=int(item["sk"]["S"]),
        organisation_id=int(item["org"]["N"]),
        project_key=item["key"]["S"],
        at=int(item["at"]["N"]),
        by=item["by"]["S"],
        step=ClosingStep(item["step"]["S"]),
        cursor=item["cursor"]["S"],
        jobs=int(item["jobs"]["N"]),
        objects=int(item["objects"]["N"]),
        rows=int(item["rows"]["N"]),
    )


class DynamoDBClosing:
    """Projects that are being deleted."""

    def __init__(self, table: Table, token: Callable[[], str]) -> None:
        self._table = table
        self._token = token

    def list_closings(self) -> list[Closing]:
        """See `ClosingStore.list_closings`: one Query."""
        found = self._table.query(
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": items.string(keys.CLOSINGS)},
            ConsistentRead=True,
        )
        return [closing_from_item(item) for item in found]

    def move_closing(self, seen: Closing, onward: Closing) -> bool:
        """See `ClosingStore.move_closing`: one conditional PutItem."""
        old = closing_to_item(seen)
        moving = ("at", "step", "cursor", "objects", "rows")
        is_as_seen = " AND ".join(f"#{name} = :{name}" for name in moving)
        moved = put(
            closing_to_item(onward),
            is_as_seen,
            ExpressionAttributeNames={f"#{name}": name for name in moving},
            ExpressionAttributeValues={f":{name}": old[name] for name in moving},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        try:
            self._table.write(moved)
        except ConditionFailed as failed:
            # A second try of the client that finds what it wrote has won with its first.
            return failed.rows[0] == closing_to_item(onward)
        return True

    def delete_rows(self, project_id: int, cursor: str) -> tuple[int, str | None]:
        """See `ClosingStore.delete_rows`: a Scan of a megabyte, and BatchWriteItems of the keys that it finds."""
        prefixes = keys.of_project(project_id)
        page = self._table.scan(
            FilterExpression=" OR ".join(f"begins_with(pk, :{number})" for number, _ in enumerate(prefixes)),
            ExpressionAttributeValues={f":{number}": items.string(prefix) for number, prefix in enumerate(prefixes)},
            ProjectionExpression="pk, sk",
            **({"ExclusiveStartKey": items.key(tuple(json.loads(cursor)))} if cursor else {}),
        )
        found = [(item["pk"]["S"], item["sk"]["S"]) for item in page["Items"]]
        self._table.delete(found)
        last = page.get("LastEvaluatedKey")
        return len(found), json.dumps([last["pk"]["S"], last["sk"]["S"]]) if last else None

    def finish_closing(self, closing: Closing, now: int) -> bool:
        """See `ClosingStore.finish_closing`: BatchWriteItems of its clients, and one transaction of the rest.

        The audit's entry is in the transaction, so there is exactly one.
        """
        project_id, organisation_id = closing.project_id, closing.organisation_id
        clients = self._clients_of(closing)
        # An entry of the list is what finds the client, so it goes later.
        self._table.delete([keys.client(client_id) for client_id in clients])
        self._table.delete([keys.organisation_client(organisation_id, client_id) for client_id in clients])
        about = {
            "projectId": project_id,
            "jobs": closing.jobs,
            "objects": closing.objects,
            "rows": closing.rows,
            "begunAt": closing.at,
        }
        entry = AuditEntry(now, closing.by, "project deleted", about)
        is_this = "#at = :at"
        is_counted = "projects > :none"
        of_this = {":at": items.number(closing.at)}
        writes = (
            remove(
                keys.ongoing(keys.CLOSINGS, project_id),
                is_this,
                ExpressionAttributeNames={"#at": "at"},
                ExpressionAttributeValues=of_this,
            ),
            remove(keys.project(project_id)),
            remove(keys.ongoing(keys.WALKS, project_id)),
            remove(keys.organisation_project(organisation_id, project_id)),
            update(
                keys.organisation(organisation_id),
                "SET projects = projects - :one",
                is_counted,
                ExpressionAttributeValues={":one": items.number(1), ":none": items.number(0)},
            ),
            put(directory_items.audit_to_item(organisation_id, entry, self._token())),
        )
        try:
            self._table.write(*writes)
        except ConditionFailed as failed:
            return 0 in failed.rows  # it is finished, by a first try of the client or by another run
        return True

    def _clients_of(self, closing: Closing) -> list[str]:
        """The clients that run workflows in the project, and entries whose client is gone already."""
        listed = self._table.query(
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues={
                ":pk": items.string(keys.organisation(closing.organisation_id)[0]),
                ":prefix": items.string(keys.ORGANISATION_CLIENT_PREFIX),
            },
            ConsistentRead=True,
        )
        clients = [keys.parse_organisation_client(entry["sk"]["S"]) for entry in listed]
        rows = {client_id: self._table.get(keys.client(client_id)) for client_id in clients}
        return [name for name, row in rows.items() if not row or int(row["project"]["N"]) == closing.project_id]
