"""`Payload` on DynamoDB: rows in a partition of their own for each job, beside the job's row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.outcomes import MessagePage
from jobs.store import items, keys
from jobs.store.failures import ConditionFailed
from jobs.store.jobs import seen_put
from jobs.store.table import put

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jobs.model import Job, Message, SeenEvent
    from jobs.store.table import Table

#: Characters of an event's digest that tell two messages of one millisecond apart.
MESSAGE_SUFFIX = 16


class DynamoDBPayload:
    """Parameters, outputs, evidence and messages."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get_params(self, project_id: int, job_id: int) -> Mapping[str, Any]:
        """See `Payload.get_params`: one strong GetItem."""
        item = self._table.get(keys.params(project_id, job_id))
        return items.params_from_item(item) if item else {}

    def get_outputs(self, job: Job) -> list[Any]:
        """See `Payload.get_outputs`: one strong GetItem."""
        if job.outputs_token is None:
            return []
        item = self._table.get(keys.outputs(job.project_id, job.job_id, job.outputs_token))
        return items.outputs_from_item(item) if item else []

    def get_evidence(self, job: Job) -> Mapping[str, Sequence[str]]:
        """See `Payload.get_evidence`: one strong Query. What the history does not name was put by a change not made."""
        named = {change.evidence for change in job.history if change.evidence is not None}
        found = self._table.query(
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues={
                ":pk": items.string(keys.evidence(job.project_id, job.job_id, 0, "")[0]),
                ":prefix": items.string(keys.EVIDENCE_PREFIX),
            },
            ConsistentRead=True,
        )
        evidence = map(items.evidence_from_item, found)
        return {token: errors for token, errors in evidence if token in named}

    def add_message(self, project_id: int, job_id: int, message: Message, seen: SeenEvent) -> bool:
        """See `Payload.add_message`: one transaction of the message and the mark of its event."""
        item = items.message_to_item(project_id, job_id, message, seen.digest[:MESSAGE_SUFFIX])
        try:
            self._table.write(seen_put(seen, message.at), put(item))
        except ConditionFailed:
            return False
        return True

    def list_messages(
        self, project_id: int, job_id: int, after: str | None, limit: int, *, newest_first: bool = False
    ) -> MessagePage:
        """See `Payload.list_messages`: one Query, which ends at a megabyte by itself."""
        pk, first = keys.message(project_id, job_id, 0, "")
        last = keys.message(project_id, job_id, keys.MAX_TIME, "~")[1]
        page = self._table.page(
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues={
                ":pk": items.string(pk),
                ":first": items.string(first),
                ":last": items.string(last),
            },
            ScanIndexForward=not newest_first,
            Limit=limit,
            ConsistentRead=True,
            **({} if after is None else {"ExclusiveStartKey": items.key((pk, after))}),
        )
        following = page["LastEvaluatedKey"]["sk"]["S"] if "LastEvaluatedKey" in page else None
        places = [item["sk"]["S"] for item in page["Items"]]
        return MessagePage([items.message_from_item(item) for item in page["Items"]], following, places)
