"""The table as DynamoDB has it: conditions, index, stream, and its capacity.

Rows are bytes, because there may be a million of them. docs/decisions/0027 lists the rules and their sources.
"""

from __future__ import annotations

import json
import marshal
import math
import re
import zlib
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict, deque
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError
from jobs.model import MINUTE
from jobs.store import failures

from tests.proofs.simulation import expressions
from tests.proofs.simulation.wire import DYNAMODB_TRIES, Latency, service_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tests.proofs.simulation.expressions import Condition, Item, Value, Values
    from tests.proofs.simulation.ledger import Ledger
    from tests.proofs.simulation.wire import Environment, Faults

#: Write units a second of one partition key, the same for table and index.
KEY_UNITS = 1_000
#: Write units a second of a new on-demand table, and of each of its indexes.
COLD_UNITS = 4_000
#: How long it takes until an on-demand table takes twice its peak.
GROWTH_MILLISECONDS = 30 * MINUTE
UNIT_BYTES = 1_024
PAGE_BYTES = 1024 * 1024
BATCH_STATEMENTS = 25
TRANSACTION_ACTIONS = 100
BATCH_KEYS = 100
#: Rows that no transaction touches while the service runs, so they never conflict with one.
ALONE = ("dispatch", "project#")
#: The parts that hold the table's partitions. Each has a shard of the stream and its own delay of the index.
PARTS = 8
#: How far the index usually lags, in milliseconds.
INDEX_LAG = 40.0

READ = Latency(4)
WRITE = Latency(5)
#: The time of a transaction: a base, and for each action.
TRANSACTION = 12.0
ACTION = 0.6
#: The time of a batch of statements or of keys: a base, and for each of them.
BATCH = 8.0
STATEMENT = 0.6
#: The time of a Query of the index for each entry: in the service, and in the reader.
ENTRY = 0.005
ENTRY_WORK = 0.01


class Key(NamedTuple):
    """The primary key of a row."""

    pk: str
    sk: str


class Entry(NamedTuple):
    """An entry of the status index. Entries sort in the order of a Query."""

    due: int
    pk: str
    sk: str


class Write(NamedTuple):
    """One action of a write: the condition, and what the row becomes."""

    key: Key
    #: Returns None if the row is deleted.
    change: Callable[[Item, Values], Item | None]
    values: Values
    condition: Condition | None
    #: Whether the refusal returns the row that failed the condition.
    return_old: bool


class Record(NamedTuple):
    """A record of the stream: a row before and after."""

    number: int
    key: Key
    before: bytes | None
    after: bytes


class Row(NamedTuple):
    """A row before and after a write, in both forms. None stands for no row."""

    key: Key
    old: Item | None
    new: Item | None
    before: bytes | None
    after: bytes | None

    @property
    def units(self) -> int:
        """Write units: one for each KB begun of the larger of both sizes."""
        if len(self.after or b"") <= UNIT_BYTES and len(self.before or b"") <= UNIT_BYTES:
            return 1  # these bytes are at least as many as DynamoDB counts
        return max(math.ceil(size_of(item) / UNIT_BYTES) for item in (self.old, self.new) if item)


class _Change(NamedTuple):
    """A change of the index, and when it becomes visible."""

    visible_at: float
    entry: Entry
    added: bool


class _Refused(Exception):
    """A refused action, with its code among the reasons of a transaction."""

    def __init__(self, reason: str, old: Item | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.old = old


class Throughput:
    """The write units of a table or index in each second, by partition key and in total."""

    def __init__(self, warm: float) -> None:
        self.warm = warm
        self.peak = 0.0
        #: For one key: the units that were taken, and the units that were asked for.
        self.key_peak = 0.0
        self.key_demand = 0.0
        self.total = 0.0
        self.refused = 0
        self._second = -1
        self._in_second = 0.0
        self._keys: defaultdict[str, float] = defaultdict(float)
        self._demand: defaultdict[str, float] = defaultdict(float)
        self._minute = -1
        self._in_minute = 0.0
        self._growth: deque[tuple[float, float]] = deque()

    def fits(self, key: str, units: float, now: float) -> bool:
        """Whether `units` more fit into this second. Asking counts as demand."""
        if int(now // 1000) != self._second:
            self._next_second(now)
        self._demand[key] += units
        self.key_demand = max(self.key_demand, self._demand[key])
        fits = self._keys[key] + units <= KEY_UNITS and self._in_second + units <= self.warm
        self.refused += not fits
        return fits

    def take(self, key: str, units: float) -> None:
        """Take units that fit."""
        self._keys[key] += units
        self._in_second += units
        self._in_minute += units
        self.total += units
        self.key_peak = max(self.key_peak, self._keys[key])
        self.peak = max(self.peak, self._in_second)

    def _next_second(self, now: float) -> None:
        self._second = int(now // 1000)
        self._keys.clear()
        self._demand.clear()
        self._in_second = 0.0
        minute = self._second // 60
        if minute != self._minute:
            ended = (self._minute + 1) * MINUTE
            self._growth.append((ended + GROWTH_MILLISECONDS, 2 * self._in_minute / 60))
            self._minute, self._in_minute = minute, 0.0
        while self._growth and self._growth[0][0] <= now:
            self.warm = max(self.warm, self._growth.popleft()[1])


class _Partition:
    """The rows of one partition key."""

    def __init__(self) -> None:
        self.rows: dict[str, bytes] = {}
        self._order: list[str] | None = None

    @property
    def order(self) -> list[str]:
        """The sort keys in order."""
        if self._order is None:
            self._order = sorted(self.rows)
        return self._order

    def put(self, sk: str, row: bytes | None) -> None:
        """Put a row, or delete it if None is given."""
        if (row is None) is (sk in self.rows):
            self._order = None
        if row is None:
            self.rows.pop(sk, None)
        else:
            self.rows[sk] = row


class _IndexPartition:
    """The visible entries of one partition key of the index."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.pending: list[_Change] = []

    def catch_up(self, now: float) -> None:
        """Apply the changes that have become visible."""
        ripe = [change for change in self.pending if change.visible_at <= now]
        if not ripe:
            return
        self.pending = [change for change in self.pending if change.visible_at > now]
        if len(ripe) < 100:
            for change in ripe:
                self._apply(change)
            return
        # The changes of an entry come in order, so the last one says whether it exists.
        last = {change.entry: change.added for change in ripe}
        kept = [entry for entry in self.entries if entry not in last]
        self.entries = sorted([*kept, *(entry for entry, added in last.items() if added)])

    def _apply(self, change: _Change) -> None:
        if change.added:
            insort(self.entries, change.entry)
            return
        at = bisect_left(self.entries, change.entry)
        if at < len(self.entries) and self.entries[at] == change.entry:
            del self.entries[at]


class Table:
    """The rows at the moment when requests arrive; callers wait elsewhere."""

    def __init__(self, ledger: Ledger, random: Any, faults: Faults, warm: float = COLD_UNITS) -> None:
        self._ledger = ledger
        self._random = random
        self._faults = faults
        self._partitions: defaultdict[str, _Partition] = defaultdict(_Partition)
        self._index: defaultdict[str, _IndexPartition] = defaultdict(_IndexPartition)
        self._shown_until = [0.0] * PARTS
        self._sequence = 0
        self.index_lag = INDEX_LAG
        self.table_units = Throughput(warm)
        self.index_units = Throughput(warm)
        #: Gets each write of a job's row, with the part of the table that holds it.
        self.on_record: Callable[[int, Record], None] = lambda part, record: None
        #: Gets the rows of each write, those of a transaction together.
        self.on_commit: Callable[[Sequence[Row], float], None] = lambda rows, now: None

    # ---- what a run puts there before it begins ------------------------------------------------------------------

    def seed(self, items: Iterable[Item]) -> None:
        """Put rows as if they were old: in the index, and not in the stream."""
        touched = set()
        for item in items:
            key = Key(item["pk"]["S"], item["sk"]["S"])
            self._partitions[key.pk].put(key.sk, _bytes(item))
            if "gk" in item:
                partition = self._index[item["gk"]["S"]]
                partition.entries.append(Entry(int(item["due"]["N"]), *key))
                touched.add(item["gk"]["S"])
        for name in touched:
            self._index[name].entries.sort()

    def rows(self) -> Iterable[Item]:
        """All rows, for the checks at the end."""
        for partition in self._partitions.values():
            for row in partition.rows.values():
                yield marshal.loads(row)

    def first_due(self, status: str) -> float:
        """The least due time in the index of a status, of what is visible and of what will be; infinite if empty."""
        found = [math.inf]
        for name, partition in self._index.items():
            if name.startswith(f"{status}#"):
                found += [entry.due for entry in partition.entries[:1]]
                found += [change.entry.due for change in partition.pending if change.added]
        return min(found)

    def index_sizes(self) -> dict[str, int]:
        """The number of visible entries in each partition of the index."""
        return {name: len(partition.entries) for name, partition in self._index.items()}

    # ---- reading -------------------------------------------------------------------------------------------------

    def get(self, key: Key) -> Item | None:
        """Read a row, strongly."""
        partition = self._partitions.get(key.pk)
        row = partition.rows.get(key.sk) if partition is not None else None
        return None if row is None else marshal.loads(row)

    def batch_get(self, keys: Sequence[Key]) -> tuple[list[Item], list[Key]]:
        """Read rows, and return also the keys that were left out."""
        _check_size(keys, BATCH_KEYS)
        left = [key for key in keys if self._random.random() < self._faults.entry_refused]
        self._ledger.counts["fault: key left out"] += len(left)
        return [item for key in keys if key not in left and (item := self.get(key)) is not None], left

    def batch_delete(self, keys: Sequence[Key], now: float) -> list[Key]:
        """Delete rows, and return the keys that were left out."""
        _check_size(keys, BATCH_STATEMENTS)
        left = [key for key in keys if self._random.random() < self._faults.entry_refused]
        self._ledger.counts["fault: key left out"] += len(left)
        for key in keys:
            if key not in left:
                try:
                    self._write(Write(key, lambda old, values: None, {}, None, return_old=False), now)
                except _Refused:
                    left.append(key)
        return left

    def query(
        self, pk: str, matches: Callable[[Item], bool], *, forward: bool, after: str | None, limit: int | None
    ) -> tuple[list[Item], Key | None]:
        """Read rows of a partition in order; return also the key to go on from if the limit stopped it."""
        partition = self._partitions[pk]
        order = partition.order
        if after is not None:
            order = order[bisect_right(order, after) :] if forward else order[: bisect_left(order, after)]
        found: list[Item] = []
        for sk in order if forward else reversed(order):
            if matches({"pk": {"S": pk}, "sk": {"S": sk}}):
                found.append(marshal.loads(partition.rows[sk]))
                if len(found) == limit:
                    return found, Key(pk, sk)
        return found, None

    def query_index(
        self, name: str, until: int, after: Entry | None, limit: int, now: float
    ) -> tuple[list[Entry], Entry | None]:
        """Read visible entries of a partition of the index, and where to go on."""
        partition = self._index[name]
        partition.catch_up(now)
        entries = partition.entries
        start = bisect_right(entries, after) if after is not None else 0
        end = bisect_right(entries, Entry(until, "\U0010ffff", ""))
        size = len(name) + 60
        found = entries[start : min(end, start + limit, start + PAGE_BYTES // size)]
        more = bool(found) and (start + len(found) < end or len(found) == limit)
        return found, found[-1] if more else None

    # ---- writing -------------------------------------------------------------------------------------------------

    def write(self, write: Write, now: float) -> Item:
        """Make one write, and return the row after it.

        Raises:
            ServiceError: the condition fails, a transaction holds the row, or this second has no capacity left.
        """
        try:
            return self._write(write, now)
        except _Refused as refused:
            raise _as_error(refused, write) from None

    def transact(self, writes: Sequence[Write], now: float) -> None:
        """Make all of several writes, or none.

        Raises:
            ServiceError: at least one of them has a reason against it.
        """
        _check_size([write.key for write in writes], TRANSACTION_ACTIONS)
        reasons: list[dict[str, Any]] = []
        rows = []
        for write in writes:
            try:
                rows.append(self._evaluate(write, 2, now))
                reasons.append({"Code": "None"})
            except _Refused as refused:
                reasons.append(_as_reason(refused, write))
        if len(rows) == len(writes):
            try:
                self._make_room(rows, 2, now)
            except _Refused as refused:
                reasons[0] = {"Code": refused.reason}
        if any(reason["Code"] != "None" for reason in reasons):
            raise service_error(failures.TRANSACTION_CANCELLED, CancellationReasons=reasons)
        for row in rows:
            self._commit(row, now)
        self.on_commit(rows, now)

    def batch(self, writes: Sequence[Write], now: float) -> list[dict[str, Any]]:
        """Make several writes, each by itself, and answer for each."""
        _check_size([write.key for write in writes], BATCH_STATEMENTS)
        answers: list[dict[str, Any]] = []
        for write in writes:
            try:
                self._write(write, now)
                answers.append({"TableName": "jobs"})
            except _Refused as refused:
                answers.append({"TableName": "jobs", "Error": _as_reason(refused, write)})
        return answers

    def _write(self, write: Write, now: float) -> Item:
        row = self._evaluate(write, 1, now)
        self._make_room([row], 1, now)
        self._commit(row, now)
        self.on_commit([row], now)
        return row.new or {}

    def _evaluate(self, write: Write, factor: int, now: float) -> Row:
        if self._random.random() < self._faults.conflict and not write.key.pk.startswith(ALONE):
            self._ledger.counts["fault: transaction conflict"] += 1
            raise _Refused("TransactionConflict")
        before = self._partitions[write.key.pk].rows.get(write.key.sk)
        old: Item | None = None if before is None else marshal.loads(before)
        if write.condition is not None and not write.condition(old or {}, write.values):
            units = math.ceil(size_of(old or _key_item(write.key)) / UNIT_BYTES)
            if self.table_units.fits(write.key.pk, factor * units, now):
                self.table_units.take(write.key.pk, factor * units)  # a failed condition costs the same
            raise _Refused(failures.CONDITION_CODE, old)
        new = write.change(dict(old) if old else _key_item(write.key), write.values)
        return Row(write.key, old, new, before, None if new is None else _bytes(new))

    def _make_room(self, rows: Sequence[Row], factor: int, now: float) -> None:
        """Take the write units of some rows from table and index, or none at all."""
        wanted = [(self.table_units, row.key.pk, factor * row.units) for row in rows]
        for row in rows:
            before, after = _entry_of(row.old), _entry_of(row.new)
            if before != after:
                wanted += [(self.index_units, name, 1) for name, _ in filter(None, (before, after))]
        if not all([throughput.fits(key, units, now) for throughput, key, units in wanted]):  # noqa: C419  # each is demand
            self._ledger.counts["fault: throttled"] += 1
            raise _Refused("ThrottlingError")
        for throughput, key, units in wanted:
            throughput.take(key, units)

    def _commit(self, row: Row, now: float) -> None:
        self._partitions[row.key.pk].put(row.key.sk, row.after)
        part = zlib.crc32(row.key.pk.encode()) % PARTS
        self._change_index(part, row, now)
        if row.new and row.after and "st" in row.new:
            self._ledger.committed(now, row.old, row.new)
            self._sequence += 1
            self.on_record(part, Record(self._sequence, row.key, row.before, row.after))

    def _change_index(self, part: int, row: Row, now: float) -> None:
        before, after = _entry_of(row.old), _entry_of(row.new)
        if before == after:
            return
        lag = self.index_lag * self._random.expovariate(1)
        if self._random.random() < self._faults.slow_index:
            self._ledger.counts["fault: index fell behind"] += 1
            lag = self._random.uniform(0, self._faults.slow_index_milliseconds)
        # the changes of a part come in order, so that no change of a row overtakes another
        shown = self._shown_until[part] = max(self._shown_until[part], now + lag)
        for position, added in ((before, False), (after, True)):
            if position is not None:
                name, due = position
                self._index[name].pending.append(_Change(shown, Entry(due, *row.key), added))


class DynamoDBClient:
    """The client of DynamoDB in one environment, with the calls that the store makes."""

    def __init__(self, environment: Environment, table: Table) -> None:
        self._environment = environment
        self._table = table

    @property
    def _now(self) -> float:
        return self._environment.timeline.now

    def get_item(self, *, Key: Item, **_: Any) -> Any:  # noqa: N803  # AWS's names, here and below
        """Read a row."""
        item = self._call(READ, lambda: self._table.get(_key_of(Key)))
        return {"Item": item} if item is not None else {}

    def query(self, **request: Any) -> Any:
        """Read a page of a partition of the table or its index."""
        if "IndexName" in request:
            return self._query_index(**request)
        values = request["ExpressionAttributeValues"]
        holds = expressions.condition(request["KeyConditionExpression"])
        start = request.get("ExclusiveStartKey")
        found, last = self._call(
            READ,
            lambda: self._table.query(
                values[":pk"]["S"],
                lambda item: holds(item, values),
                forward=request.get("ScanIndexForward", True),
                after=start and start["sk"]["S"],
                limit=request.get("Limit"),
            ),
        )
        return {"Items": found, **({"LastEvaluatedKey": _key_item(last)} if last else {})}

    def _query_index(self, **request: Any) -> Any:
        values = request["ExpressionAttributeValues"]
        if request["KeyConditionExpression"] != "gk = :gk AND due <= :until":
            raise expressions.NotUnderstood(request["KeyConditionExpression"])
        name, until = values[":gk"]["S"], int(values[":until"]["N"])
        start = request.get("ExclusiveStartKey")
        after = start and Entry(int(start["due"]["N"]), start["pk"]["S"], start["sk"]["S"])
        found, last = self._call(READ, lambda: self._table.query_index(name, until, after, request["Limit"], self._now))
        self._environment.sleep(ENTRY * len(found))
        self._environment.work(ENTRY_WORK * len(found))
        items = [{"pk": {"S": pk}, "sk": {"S": sk}, "due": {"N": str(due)}} for due, pk, sk in found]
        more = {"LastEvaluatedKey": {**items[-1], "gk": {"S": name}}} if last else {}
        return {"Items": items, **more}

    def put_item(self, **request: Any) -> Any:
        """Put a row."""
        write = _put(request)
        self._call(WRITE, lambda: self._table.write(write, self._now))
        return {}

    def update_item(self, **request: Any) -> Any:
        """Update a row, and return it."""
        write = _update(request)
        return {"Attributes": self._call(WRITE, lambda: self._table.write(write, self._now))}

    def transact_write_items(self, *, TransactItems: Any) -> Any:  # noqa: N803
        """Write all of several rows, or none."""
        writes = [_ACTIONS[kind](request) for item in TransactItems for kind, request in item.items()]
        latency = Latency(TRANSACTION + ACTION * len(writes))
        # botocore adds a ClientRequestToken, the same at each of its tries
        self._call(latency, lambda: self._table.transact(writes, self._now), entries=len(writes), once=True)
        return {}

    def batch_get_item(self, *, RequestItems: Any) -> Any:  # noqa: N803
        """Read several rows, sometimes not all of them."""
        [(name, wanted)] = RequestItems.items()
        keys = [_key_of(key) for key in wanted["Keys"]]
        latency = Latency(BATCH + STATEMENT * len(keys))
        found, left = self._call(latency, lambda: self._table.batch_get(keys), entries=len(keys))
        more = {name: {**wanted, "Keys": [_key_item(key) for key in left]}} if left else {}
        return {"Responses": {name: found}, "UnprocessedKeys": more}

    def batch_write_item(self, *, RequestItems: Any) -> Any:  # noqa: N803
        """Delete several rows, each by itself, sometimes not all of them."""
        [(name, requests)] = RequestItems.items()
        keys = [_key_of(request["DeleteRequest"]["Key"]) for request in requests]
        latency = Latency(BATCH + STATEMENT * len(keys))
        left = self._call(latency, lambda: self._table.batch_delete(keys, self._now), entries=len(keys))
        more = {name: [{"DeleteRequest": {"Key": _key_item(key)}} for key in left]} if left else {}
        return {"UnprocessedItems": more}

    def batch_execute_statement(self, *, Statements: Any) -> Any:  # noqa: N803
        """Write several rows, each by itself."""
        writes = [_statement(statement) for statement in Statements]
        latency = Latency(BATCH + STATEMENT * len(writes))
        answers = self._call(latency, lambda: self._table.batch(writes, self._now), entries=len(writes))
        return {"Responses": answers}

    def _call(self, latency: Latency, effect: Callable[[], Any], *, entries: int = 1, once: bool = False) -> Any:
        return self._environment.call(latency, effect, entries=entries, tries=DYNAMODB_TRIES, once=once)


def _put(request: Mapping[str, Any]) -> Write:
    item = request["Item"]
    return Write(
        _key_of(item),
        lambda old, values: dict(item),
        request.get("ExpressionAttributeValues", {}),
        _condition(request),
        "ReturnValuesOnConditionCheckFailure" in request,
    )


def _update(request: Mapping[str, Any]) -> Write:
    update = expressions.update(_named(request["UpdateExpression"], request))

    def change(item: Item, values: Values) -> Item:
        update(item, values)
        return item

    return Write(
        _key_of(request["Key"]),
        change,
        request.get("ExpressionAttributeValues", {}),
        _condition(request),
        "ReturnValuesOnConditionCheckFailure" in request,
    )


def _delete(request: Mapping[str, Any]) -> Write:
    return Write(
        _key_of(request["Key"]),
        lambda old, values: None,
        request.get("ExpressionAttributeValues", {}),
        _condition(request),
        "ReturnValuesOnConditionCheckFailure" in request,
    )


def _check(request: Mapping[str, Any]) -> Write:
    """A check leaves the row as it is, and is paid as a write."""
    return _delete(request)._replace(change=lambda old, values: old if len(old) > len(Key._fields) else None)


_ACTIONS: dict[str, Callable[[Mapping[str, Any]], Write]] = {
    "Put": _put,
    "Update": _update,
    "Delete": _delete,
    "ConditionCheck": _check,
}


def _statement(request: Mapping[str, Any]) -> Write:
    statement = expressions.statement(request["Statement"])
    values = {f"?{place}": _as_text(value) for place, value in enumerate(request["Parameters"])}

    def change(item: Item, values: Values) -> Item:
        statement.update(item, values)
        return item

    return Write(
        Key(*(values[statement.keys[name]]["S"] for name in ("pk", "sk"))),
        change,
        values,
        statement.condition,
        "ReturnValuesOnConditionCheckFailure" in request,
    )


def _condition(request: Mapping[str, Any]) -> Condition | None:
    text = request.get("ConditionExpression")
    return None if text is None else expressions.condition(_named(text, request))


def _named(text: str, request: Mapping[str, Any]) -> str:
    names = request.get("ExpressionAttributeNames")
    return re.sub(r"#\w+", lambda found: str(names[found[0]]), text) if names else text


def _bytes(item: Item) -> bytes:
    try:
        return marshal.dumps(item)
    except ValueError:  # botocore writes a member of an enumeration as its text
        return marshal.dumps(json.loads(json.dumps(item)))


def _as_text(value: Value) -> Value:
    """A value as it travels: a member of an enumeration as its text, which is faster to turn into bytes."""
    text = value.get("S", "")
    return value if type(text) is str else {"S": str(text)}


def _key_of(item: Item) -> Key:
    return Key(item["pk"]["S"], item["sk"]["S"])


def _key_item(key: Key) -> Item:
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}


def _entry_of(item: Item | None) -> tuple[str, int] | None:
    """The place of a row in the index: partition and sort key."""
    return (item["gk"]["S"], int(item["due"]["N"])) if item and "gk" in item else None


def _check_size(keys: Sequence[Key], most: int) -> None:
    """Refuse a request that DynamoDB does not even execute. It is a defect of the caller, never a fault of a run.

    Raises:
        ClientError: there are too many actions, or two for one row.
    """
    if len(keys) > most or len(set(keys)) < len(keys):
        raise ClientError({"Error": {"Code": "ValidationException", "Message": ""}}, "Simulated")


def _as_reason(refused: _Refused, write: Write) -> dict[str, Any]:
    shown = refused.reason == failures.CONDITION_CODE and write.return_old and refused.old
    return {"Code": refused.reason, **({"Item": refused.old} if shown else {})}


def _as_error(refused: _Refused, write: Write) -> Exception:
    """The error of a single write that corresponds to a reason of a transaction."""
    code = {
        failures.CONDITION_CODE: failures.CONDITION_FAILED,
        "TransactionConflict": "TransactionConflictException",
        "ThrottlingError": "ThrottlingException",
    }[refused.reason]
    item = _as_reason(refused, write).get("Item")
    return service_error(code, **({"Item": item} if item else {}))


def size_of(item: Item) -> int:
    """The bytes that DynamoDB counts for a row (Developer Guide, «DynamoDB item sizes and formats»)."""
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


def _size(value: Mapping[str, Any]) -> int:
    [(kind, content)] = value.items()
    match kind:
        case "S":
            return len(str(content).encode())
        case "N":
            return len(str(content).strip("-0.")) // 2 + 1 + str(content).startswith("-")
        case "BOOL" | "NULL":
            return 1
        case "L":
            return 3 + sum(1 + _size(each) for each in content)
        case "M":
            return 3 + sum(1 + len(name.encode()) + _size(each) for name, each in content.items())
    raise expressions.NotUnderstood(kind)
