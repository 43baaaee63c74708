"""`ScheduleStore` on DynamoDB: for each schedule a row that callers set and a row that firing moves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from jobs.errors import Busy, EventSeen, TooManySchedules
from jobs.model import SECOND, NewJob, Run
from jobs.schedules.ports import MAX_SCHEDULES, CatchUp, Overlap, Schedule, ScheduleRecord, Spec, State
from jobs.schedules.rhythm import Fold, Gap, Rhythm
from jobs.store import items, keys
from jobs.store.failures import ConditionFailed
from jobs.store.jobs import seen_put
from jobs.store.schedule_states import state_update
from jobs.store.table import Write, put, update

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jobs.model import ScheduleMove, SeenEvent
    from jobs.store.table import Table

#: Schedules that one BatchGetItem reads: it takes a hundred keys, and a schedule has two rows.
AT_ONCE = 50
_OLD = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}


class DynamoDBSchedules:
    """The schedules in a table whose status index has `shards` write shards."""

    def __init__(self, table: Table, shards: int) -> None:
        self._table = table
        self._shards = shards

    def add_schedule(self, schedule: Schedule, record: ScheduleRecord | None, seen: SeenEvent | None = None) -> bool:
        """See `ScheduleStore.add_schedule`: a transaction of the two rows, the count, the record and the mark."""
        id_is_free, room_is_left = "attribute_not_exists(pk)", "attribute_not_exists(n) OR n < :most"
        counted = update(
            keys.schedule_count(schedule.project_id),
            "ADD n :one",
            room_is_left,
            ExpressionAttributeValues={":one": items.number(1), ":most": items.number(MAX_SCHEDULES)},
        )
        spec = _spec_item(schedule)
        writes = [
            put(spec, id_is_free, **_OLD),
            put(self._state_item(schedule), id_is_free),
            counted,
            *([_record_put(schedule, record)] if record is not None else []),
            *([seen_put(seen, schedule.created_at)] if seen is not None else []),
        ]
        try:
            self._table.write(*writes)
        except ConditionFailed as failed:
            if 0 in failed.rows:
                if failed.rows[0] == spec:
                    return True  # a second try of the client has won with its first
                raise Busy from None  # chance has given an id twice
            if seen is not None and len(writes) - 1 in failed.rows:
                raise EventSeen from None
            if writes.index(counted) in failed.rows:
                raise TooManySchedules(MAX_SCHEDULES) from None
            return False
        return True

    def find_schedule_record(self, project_id: int, key_digest: str, now: int) -> ScheduleRecord | None:
        """See `ScheduleStore.find_schedule_record`: one strong GetItem. The row tells when it expires."""
        item = self._table.get(keys.idempotency(project_id, key_digest))
        if not item or int(item["ttl"]["N"]) <= now // SECOND:
            return None
        return ScheduleRecord(key_digest, item["body"]["S"], item["sd"]["S"], int(item["ttl"]["N"]))

    def get_schedules(
        self, project_id: int, schedule_ids: Sequence[str], *, strong: bool = True
    ) -> Mapping[str, Schedule]:
        """See `ScheduleStore.get_schedules`: BatchGetItem, of fifty schedules each."""
        rows: dict[str, dict[str, Any]] = {}
        for first in range(0, len(schedule_ids), AT_ONCE):
            ids = schedule_ids[first : first + AT_ONCE]
            wanted = [make(project_id, of) for of in ids for make in (keys.schedule_spec, keys.schedule_state)]
            for item in self._table.batch_get(wanted, strong=strong):
                kind, _, schedule_id = item["sk"]["S"].partition("#")
                rows.setdefault(schedule_id, {})[kind] = item
        return {of: _schedule(**found) for of, found in rows.items() if {"spec", "state"} <= found.keys()}

    def list_schedule_ids(self, project_id: int) -> Sequence[str]:
        """See `ScheduleStore.list_schedule_ids`: one Query for each megabyte of state rows."""
        found = self._table.query(
            KeyConditionExpression="pk = :pk AND begins_with(sk, :state)",
            ExpressionAttributeValues={
                ":pk": items.string(keys.schedules(project_id)),
                ":state": items.string(keys.SCHEDULE_STATE_PREFIX),
            },
            ProjectionExpression="pk, sk",
        )
        return [keys.parse_schedule(item["pk"]["S"], item["sk"]["S"])[1] for item in found]

    def replace_schedule(self, seen: Schedule, changed: Schedule) -> bool:
        """See `ScheduleStore.replace_schedule`: a transaction of the two rows."""
        was_not_changed = "v = :seen"
        item = _spec_item(changed)
        has_not_moved, values = _has_not_moved(seen)
        values |= {":v": items.number(changed.version)}
        due = self._due(changed)
        if due:
            expression = "SET v = :v, gk = :gk, due = :due"
            values |= {":gk": due["gk"], ":due": due["due"]}
        else:
            expression = "SET v = :v REMOVE gk, due"
        state = keys.schedule_state(seen.project_id, seen.schedule_id)
        writes = (
            put(item, was_not_changed, ExpressionAttributeValues={":seen": items.number(seen.version)}, **_OLD),
            update(state, expression, has_not_moved, ExpressionAttributeValues=values),
        )
        try:
            self._table.write(*writes)
        except ConditionFailed as failed:
            return failed.rows.get(0) == item  # a second try of the client has won with its first
        return True

    def remove_schedule(self, seen: Schedule) -> bool:
        """See `ScheduleStore.remove_schedule`: a transaction of the two rows and the count."""
        project_id, schedule_id = seen.project_id, seen.schedule_id
        was_not_changed = {
            "ConditionExpression": "v = :seen",
            "ExpressionAttributeValues": {":seen": items.number(seen.version)},
            **_OLD,
        }
        condition, values = _has_not_moved(seen)
        has_not_moved = {
            "ConditionExpression": condition,
            **({"ExpressionAttributeValues": values} if values else {}),
        }
        is_counted = "n > :none"
        less, none = items.number(-1), items.number(0)
        writes: tuple[Write, ...] = (
            {"Delete": {"Key": items.key(keys.schedule_spec(project_id, schedule_id)), **was_not_changed}},
            {"Delete": {"Key": items.key(keys.schedule_state(project_id, schedule_id)), **has_not_moved}},
            update(
                keys.schedule_count(project_id),
                "ADD n :less",
                is_counted,
                ExpressionAttributeValues={":less": less, ":none": none},
            ),
        )
        try:
            self._table.write(*writes)
        except ConditionFailed as failed:
            return failed.rows.get(0) == {}  # it is gone: another call, or a try before, removed it
        return True

    def set_next_at(self, seen: Schedule, next_at: int | None) -> bool:
        """See `ScheduleStore.set_next_at`: one conditional UpdateItem. The schedule stays in its shard."""
        has_not_moved, values = _has_not_moved(seen)
        was_not_changed = "v = :v"
        values |= {":v": items.number(seen.version)}
        if next_at is None:
            expression = "REMOVE gk, due"
        else:
            expression = "SET due = :next"
            values |= {":next": items.number(next_at)}
        condition = f"{was_not_changed} AND {has_not_moved}"
        state = keys.schedule_state(seen.project_id, seen.schedule_id)
        try:
            self._table.write(update(state, expression, condition, ExpressionAttributeValues=values, **_OLD))
        except ConditionFailed as failed:
            row = failed.rows.get(0) or {}
            # a second try of the client has won with its first
            return bool(row) and _optional(row, "due") == next_at and int(row["v"]["N"]) == seen.version
        return True

    def move_schedule(self, move: ScheduleMove) -> bool:
        """See `ScheduleStore.move_schedule`: one conditional UpdateItem."""
        try:
            self._table.write(state_update(move, self._shards))
        except ConditionFailed:
            return False
        return True

    def _state_item(self, schedule: Schedule) -> items.Item:
        return {
            **items.key(keys.schedule_state(schedule.project_id, schedule.schedule_id)),
            **self._due(schedule),
            "v": items.number(schedule.version),
            "rc": items.number(0),
            "mc": items.number(0),
            "sc": items.number(0),
        }

    def _due(self, schedule: Schedule) -> items.Item:
        next_at = schedule.state.next_at
        if next_at is None:
            return {}
        gk = keys.schedule_shard(schedule.schedule_id, self._shards)
        return {"gk": items.string(gk), "due": items.number(next_at)}


def _has_not_moved(seen: Schedule) -> tuple[str, dict[str, Any]]:
    """The condition on a state that it is still at the occurrence that was seen, with its values."""
    if seen.state.next_at is None:
        return "attribute_exists(pk) AND attribute_not_exists(due)", {}
    return "due = :at", {":at": items.number(seen.state.next_at)}


def _record_put(schedule: Schedule, record: ScheduleRecord) -> Write:
    item = {
        **items.key(keys.idempotency(schedule.project_id, record.key_digest)),
        "body": items.string(record.body_digest),
        "sd": items.string(record.schedule_id),
        "ttl": items.number(record.expires),
    }
    key_is_free = "attribute_not_exists(pk) OR #ttl <= :now"
    names, values = {"#ttl": "ttl"}, {":now": items.number(schedule.created_at // SECOND)}
    return put(item, key_is_free, ExpressionAttributeNames=names, ExpressionAttributeValues=values)


def _spec_item(schedule: Schedule) -> items.Item:
    spec = schedule.spec
    content = {
        "name": spec.name,
        "rhythm": spec.rhythm._asdict(),
        "job": {name: value for name, value in spec.job._asdict().items() if name != "made_by"},
        "enabled": spec.enabled,
        "catchUp": spec.catch_up,
        "overlap": spec.overlap,
        **({"comment": spec.comment} if spec.comment else {}),
        **({"iteration": spec.iteration} if spec.iteration else {}),
    }
    item = {
        **items.key(keys.schedule_spec(schedule.project_id, schedule.schedule_id)),
        "v": items.number(schedule.version),
        "ca": items.number(schedule.created_at),
        "json": items.string(json.dumps(content, separators=(",", ":"), ensure_ascii=False)),
    }
    if schedule.updated_at is not None:
        item["ua"] = items.number(schedule.updated_at)
    return item


def _schedule(spec: Mapping[str, Any], state: Mapping[str, Any]) -> Schedule:
    project_id, schedule_id = keys.parse_schedule(spec["pk"]["S"], spec["sk"]["S"])
    return Schedule(
        project_id=project_id,
        schedule_id=schedule_id,
        spec=_spec(json.loads(spec["json"]["S"])),
        created_at=int(spec["ca"]["N"]),
        updated_at=_optional(spec, "ua"),
        version=int(spec["v"]["N"]),
        state=State(
            next_at=_optional(state, "due"),
            last_at=_optional(state, "la"),
            last_job_id=_optional(state, "lj"),
            run_count=int(state["rc"]["N"]),
            missed_count=int(state["mc"]["N"]),
            skipped_count=int(state["sc"]["N"]),
        ),
    )


def _spec(content: Mapping[str, Any]) -> Spec:
    rhythm, job = content["rhythm"], content["job"]
    run = Run(*job["run"])
    return Spec(
        name=content["name"],
        rhythm=Rhythm(**{**rhythm, "gap": Gap(rhythm["gap"]), "fold": Fold(rhythm["fold"])}),
        job=NewJob(**{**job, "run": run._replace(collection_ids=tuple(run.collection_ids))}),
        enabled=content["enabled"],
        catch_up=CatchUp(content["catchUp"]),
        overlap=Overlap(content["overlap"]),
        comment=content.get("comment", ""),
        iteration=content.get("iteration"),
    )


def _optional(item: Mapping[str, Any], name: str) -> int | None:
    return int(item[name]["N"]) if name in item else None
