"""`ArtifactStore` on DynamoDB: up to twenty rows in the partition of the job's payload, one for each slot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs import errors
from jobs.artifacts.model import Artifact
from jobs.model import Status
from jobs.outcomes import AppendOutcome
from jobs.store import items, keys
from jobs.store.failures import ConditionFailed
from jobs.store.table import check, put

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobs.store.table import Table


class DynamoDBArtifacts:
    """Artifacts of jobs."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def list_artifacts(self, project_id: int, job_id: int) -> Mapping[int, Artifact]:
        """See `ArtifactStore.list_artifacts`: one strong Query."""
        pk, prefix = keys.artifacts(project_id, job_id)
        found = self._table.query(
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues={":pk": items.string(pk), ":prefix": items.string(prefix)},
            ConsistentRead=True,
        )
        return {keys.parse_artifact(item["sk"]["S"]): _from_item(project_id, job_id, item) for item in found}

    def put_artifact(self, slot: int, artifact: Artifact, over: Artifact | None) -> AppendOutcome:
        """See `ArtifactStore.put_artifact`: a transaction of the row and a check of the job, which stays as it is."""
        is_running = "st = :running"
        is_this_attempt = "an = :attempt"
        attempt_runs = check(
            keys.job(artifact.project_id, artifact.job_id),
            f"{is_running} AND {is_this_attempt}",
            ExpressionAttributeValues={
                ":running": items.string(Status.RUNNING),
                ":attempt": items.number(artifact.attempt),
            },
        )
        key = keys.artifact(artifact.project_id, artifact.job_id, slot)
        slot_is_as_seen = "attribute_not_exists(pk)" if over is None else "id = :over"
        seen = {} if over is None else {"ExpressionAttributeValues": {":over": items.string(over.artifact_id)}}
        row = put(_to_item(key, artifact), slot_is_as_seen, ReturnValuesOnConditionCheckFailure="ALL_OLD", **seen)
        try:
            self._table.write(row, attempt_runs)
        except errors.Busy:
            return AppendOutcome.UNCERTAIN
        except ConditionFailed as failed:
            # A second try of the client that finds its own row has won with its first; the attempt may have ended.
            held = failed.rows[0] if 0 in failed.rows else self._table.get(key)
            own = held.get("id") == items.string(artifact.artifact_id)
            return AppendOutcome.DONE if own else AppendOutcome.OVERTAKEN
        return AppendOutcome.DONE


def _to_item(key: keys.Key, artifact: Artifact) -> items.Item:
    return {
        **items.key(key),
        "id": items.string(artifact.artifact_id),
        "an": items.number(artifact.attempt),
        "nm": items.string(artifact.name),
        "sz": items.number(artifact.size),
        "sh": items.string(artifact.sha256),
        "fm": items.string(artifact.format),
    }


def _from_item(project_id: int, job_id: int, item: Mapping[str, Any]) -> Artifact:
    return Artifact(
        project_id,
        job_id,
        int(item["an"]["N"]),
        item["id"]["S"],
        item["nm"]["S"],
        int(item["sz"]["N"]),
        item["sh"]["S"],
        item["fm"]["S"],
    )
