"""Each rule of the simulated services at work, and each check of the ledger failing once."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from jobs.model import MINUTE, SECOND, Change, Forgotten, Status
from jobs.store import items, keys
from jobs.tenants import Retention

from tests.builders import NOW, a_job, a_project
from tests.proofs.simulation import expressions, table
from tests.proofs.simulation.bus import Bus, Subscription
from tests.proofs.simulation.forgotten import Forgetting
from tests.proofs.simulation.functions import Account, Function, QueueSource, Schedule, StreamSource
from tests.proofs.simulation.ledger import Ledger
from tests.proofs.simulation.queues import Queue
from tests.proofs.simulation.table import COLD_UNITS, KEY_UNITS, DynamoDBClient, Table, Throughput, size_of
from tests.proofs.simulation.timeline import Timeline
from tests.proofs.simulation.wire import NO_FAULTS, Environment, Faults, Latency, LostAnswer, service_error
from tests.proofs.simulation.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.proofs.simulation.expressions import Item
    from tests.proofs.simulation.functions import Context


@pytest.fixture
def timeline() -> Iterator[Timeline]:
    timeline = Timeline(NOW)
    yield timeline
    timeline.close()


@pytest.fixture
def world(timeline: Timeline) -> World:
    return World(timeline, Random(1), NO_FAULTS, Ledger())  # noqa: S311  # to be repeated, not to be secret


def an_environment(world: World) -> Environment:
    return Environment(world.timeline, world.random, world.faults, world.ledger, 1_769)


def a_function(world: World, handle: Callable[[Any, Context], Any], timeout: int = 60) -> Function:
    return Function(world, Account(), "function", lambda _: handle, 1_769, timeout)


# ---- time ----------------------------------------------------------------------------------------------------------


def test_processes_go_on_in_the_order_of_time(timeline: Timeline) -> None:
    seen: list[tuple[str, float]] = []

    def walk(name: str, step: float) -> None:
        for _ in range(3):
            timeline.wait(step)
            seen.append((name, timeline.now - NOW))

    timeline.start(partial(walk, "slow", 10))
    timeline.start(partial(walk, "fast", 4))
    timeline.after(9, lambda: seen.append(("action", 9)))
    timeline.wait(100)

    assert [name for name, _ in seen] == ["fast", "fast", "action", "slow", "fast", "slow", "slow"]
    assert [at for _, at in seen] == [4, 8, 9, 10, 12, 20, 30]
    assert timeline.now == NOW + 100


def test_what_a_process_raises_is_raised_where_the_run_is_driven(timeline: Timeline) -> None:
    def fail() -> None:
        timeline.wait(1)
        raise ValueError("a defect of the simulation")

    timeline.start(fail)

    with pytest.raises(ValueError, match="a defect"):
        timeline.wait(10)


def test_who_waits_for_others_goes_on_with_the_last_of_them(timeline: Timeline) -> None:
    def wait() -> None:
        timeline.wait_for([partial(timeline.wait, 5), partial(timeline.wait, 20)])
        ended.append(timeline.now - NOW)

    ended: list[float] = []
    timeline.start(wait)
    timeline.wait(100)

    assert ended == [20]


# ---- calls ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fault", "done"), [("lost_request", 0), ("lost_answer", 3)])
def test_what_is_lost_is_sent_again_and_then_given_up(world: World, fault: str, done: int) -> None:
    faulty = replace(world, faults=replace(NO_FAULTS, **{fault: 1.0}))
    effects: list[int] = []

    with pytest.raises(LostAnswer):
        an_environment(faulty).call(Latency(5), lambda: effects.append(1), tries=3)

    assert len(effects) == done
    assert world.ledger.counts["botocore: tried again"] == 2


def test_a_request_that_the_service_knows_again_takes_effect_once(world: World) -> None:
    faulty = replace(world, faults=replace(NO_FAULTS, lost_answer=1.0))
    effects: list[int] = []

    with pytest.raises(LostAnswer):
        an_environment(faulty).call(Latency(5), lambda: effects.append(1), tries=3, once=True)

    assert effects == [1]


def test_a_server_error_may_have_committed_or_not(world: World) -> None:
    faulty = replace(world, faults=replace(NO_FAULTS, server_error=1.0))
    effects: list[int] = []

    for _ in range(50):
        with pytest.raises(ClientError, match="InternalServerError"):
            an_environment(faulty).call(Latency(5), lambda: effects.append(1))

    assert 10 < len(effects) < 40


def test_threads_of_an_environment_share_its_processor(world: World) -> None:
    environment = Environment(world.timeline, world.random, world.faults, world.ledger, 1_769 // 2)
    work = partial(environment.work, 100)

    world.timeline.wait_for([work, work])

    assert world.timeline.now - NOW == pytest.approx(400, rel=0.01)


# ---- the table -----------------------------------------------------------------------------------------------------


def test_a_key_takes_a_thousand_units_a_second_and_asking_for_more_is_seen() -> None:
    throughput = Throughput(warm=40_000)
    for _ in range(KEY_UNITS + 5):
        if throughput.fits("key", 1, NOW):
            throughput.take("key", 1)

    assert throughput.fits("other", 1, NOW)
    assert (throughput.key_peak, throughput.key_demand, throughput.refused) == (KEY_UNITS, KEY_UNITS + 5, 5)
    assert throughput.fits("key", 1, NOW + SECOND)


def test_a_new_table_takes_four_thousand_and_twice_its_peak_half_an_hour_later() -> None:
    throughput = Throughput(warm=COLD_UNITS)

    def take_all(now: float) -> int:
        keys = [str(key) for key in range(10) for _ in range(KEY_UNITS)]
        before = throughput.total
        for key in keys:
            if throughput.fits(key, 1, now):
                throughput.take(key, 1)
        return int(throughput.total - before)

    begin = (NOW // MINUTE + 1) * MINUTE
    for second in range(60):
        assert take_all(begin + second * SECOND) == COLD_UNITS
    assert take_all(begin + 29 * MINUTE) == COLD_UNITS
    assert take_all(begin + 32 * MINUTE) == 2 * COLD_UNITS


def a_table(world: World) -> tuple[Table, DynamoDBClient]:
    simulated = Table(world.ledger, world.random, world.faults)
    return simulated, DynamoDBClient(an_environment(world), simulated)


def put(client: DynamoDBClient, **job: Any) -> None:
    client.put_item(Item=items.job_to_item(a_job(**job), "token", 1))


def listed(client: DynamoDBClient, until: int = NOW * 2) -> list[str]:
    values = {":gk": {"S": "scheduled#0"}, ":until": {"N": str(until)}}
    condition = "gk = :gk AND due <= :until"
    page = client.query(
        IndexName="status-index", KeyConditionExpression=condition, ExpressionAttributeValues=values, Limit=100
    )
    return [item["sk"]["S"] for item in page["Items"]]


def test_the_index_shows_a_write_later_and_each_row_s_writes_in_their_order(world: World) -> None:
    simulated, client = a_table(world)
    simulated.index_lag = 10_000

    put(client)
    assert listed(client) == []
    client.update_item(Key=items.key(("1#0", "0000000001")), UpdateExpression="REMOVE gk, due")
    seen = set()
    for _ in range(2_000):
        world.timeline.wait(100)
        seen.add(len(listed(client)))

    assert seen <= {0, 1}
    assert listed(client) == []


def test_an_update_of_the_index_key_is_paid_on_both_partitions_and_a_transaction_twice(world: World) -> None:
    simulated, client = a_table(world)

    put(client)
    assert (simulated.table_units.total, simulated.index_units.total) == (1, 1)
    client.update_item(
        Key=items.key(("1#0", "0000000001")),
        UpdateExpression="SET gk = :gk",
        ExpressionAttributeValues={":gk": {"S": "running#0"}},
    )
    assert (simulated.table_units.total, simulated.index_units.total) == (2, 3)
    row = items.job_to_item(a_job(job_id=2), "token", 1)
    client.transact_write_items(TransactItems=[{"Put": {"Item": row}}])
    assert (simulated.table_units.total, simulated.index_units.total) == (4, 4)


def test_a_condition_that_fails_is_paid_and_shows_the_row(world: World) -> None:
    simulated, client = a_table(world)
    put(client)
    row = items.job_to_item(a_job(), "other token", 1)

    with pytest.raises(ClientError) as caught:
        client.put_item(
            Item=row,
            ConditionExpression="attribute_not_exists(pk)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )

    assert caught.value.response["Item"]["tc"] == {"S": "token"}  # type: ignore[typeddict-item]  # the stubs know less
    assert simulated.table_units.total == 2


def test_a_statement_succeeds_or_fails_by_itself(world: World) -> None:
    simulated, client = a_table(world)
    for number in (1, 2):
        put(client, job_id=number, next_at=NOW + number)
    statement = 'UPDATE "jobs" SET st = ? WHERE pk = ? AND sk = ? AND due <= ?'
    parameters = [[{"S": "running"}, {"S": "1#0"}, {"S": f"{number:010d}"}, {"N": str(NOW + 1)}] for number in (1, 2)]

    answers = client.batch_execute_statement(
        Statements=[{"Statement": statement, "Parameters": each} for each in parameters]
    )["Responses"]

    assert [answer.get("Error", {}).get("Code") for answer in answers] == [None, "ConditionalCheckFailed"]
    assert [row["st"]["S"] for row in simulated.rows()] == ["running", "scheduled"]


def test_a_row_that_is_deleted_is_in_neither_table_nor_index_and_is_paid_as_a_write(world: World) -> None:
    simulated, client = a_table(world)
    simulated.index_lag = 0
    for number in (1, 2, 3):
        put(client, job_id=number)
    key = items.key(("1#0", "0000000002"))

    for _ in range(2):  # as in DynamoDB: it may be gone already
        client.transact_write_items(TransactItems=[{"Delete": {"Key": key}}])

    assert (simulated.table_units.total, simulated.index_units.total) == (3 + 2 + 2, 3 + 1)
    assert listed(client) == ["0000000001", "0000000003"]
    values = {":pk": {"S": "1#0"}}
    found = client.query(KeyConditionExpression="pk = :pk", ExpressionAttributeValues=values)["Items"]
    assert [row["sk"]["S"] for row in found] == ["0000000001", "0000000003"]
    with pytest.raises(ClientError) as caught:
        client.transact_write_items(
            TransactItems=[{"Delete": {"Key": key, "ConditionExpression": "attribute_exists(pk)"}}]
        )
    assert caught.value.response["CancellationReasons"] == [{"Code": "ConditionalCheckFailed"}]


def test_a_batch_of_reads_may_leave_keys_out_and_names_them(world: World) -> None:
    faulty = replace(world, faults=replace(NO_FAULTS, entry_refused=0.5))
    _, client = a_table(faulty)
    for number in range(1, 21):
        put(client, job_id=number)
    wanted = {
        "jobs": {"Keys": [items.key(("1#0", f"{number:010d}")) for number in range(1, 22)], "ConsistentRead": True}
    }

    found: list[str] = []
    asked = 0
    while wanted:
        answer = client.batch_get_item(RequestItems=wanted)
        found += [row["sk"]["S"] for row in answer["Responses"]["jobs"]]
        wanted = answer["UnprocessedKeys"]
        asked += 1

    assert sorted(found) == [f"{number:010d}" for number in range(1, 21)]
    assert asked > 1
    with pytest.raises(ClientError, match="ValidationException"):
        client.batch_get_item(RequestItems={"jobs": {"Keys": [items.key(("1#0", str(at))) for at in range(101)]}})


def test_the_first_due_row_is_seen_before_the_index_shows_it(world: World) -> None:
    simulated, client = a_table(world)
    simulated.index_lag = 10_000
    assert simulated.first_due("scheduled") == math.inf

    put(client, next_at=NOW + 5)
    assert listed(client) == []
    assert (simulated.first_due("scheduled"), simulated.first_due("running")) == (NOW + 5, math.inf)


def test_one_row_can_not_be_written_twice_in_a_batch(world: World) -> None:
    _, client = a_table(world)
    row = items.job_to_item(a_job(), "token", 1)

    with pytest.raises(ClientError, match="ValidationException"):
        client.transact_write_items(TransactItems=[{"Put": {"Item": row}}, {"Put": {"Item": row}}])


@pytest.mark.parametrize(
    "compile_", [expressions.condition, expressions.update, expressions.statement], ids=lambda each: each.__name__
)
@pytest.mark.parametrize("text", ["size(st) > :one", "DELETE tags :one", "", "SET a ~ b"])
def test_an_expression_that_is_not_understood_is_an_error(compile_: Callable[[str], Any], text: str) -> None:
    with pytest.raises(expressions.NotUnderstood):
        compile_(text)


texts = st.text(max_size=20)
changes = st.builds(Change, st.sampled_from(Status), st.integers(0, 10**13), texts)


@given(
    st.builds(
        partial(a_job, has_params=True),
        description=texts,
        reference_id=texts,
        history=st.lists(changes, min_size=1, max_size=20).map(tuple),
        errors=st.none() | st.lists(texts).map(tuple),
    )
)
def test_a_row_s_bytes_are_never_fewer_than_dynamodb_counts(job: Any) -> None:
    item = items.job_to_item(job, "0" * 16, 32)

    assert len(table._bytes(item)) >= size_of(item)


def test_a_row_s_size_is_as_documented() -> None:
    item: Item = {"pk": {"S": "é"}, "n": {"N": "-12345"}, "b": {"BOOL": True}, "l": {"L": [{"S": "ab"}]}}
    beside: Item = {"m": {"M": {"ab": {"NULL": True}}}}

    assert size_of(item) == (2 + 2) + (1 + 4) + (1 + 1) + (1 + 3 + 1 + 2)
    assert size_of(beside) == 1 + 3 + (1 + 2 + 1)


# ---- queues --------------------------------------------------------------------------------------------------------


def a_queue(world: World, most_receives: int | None = None) -> Queue:
    dead = Queue(world, "dead letters", 30, None, None)
    return Queue(world, "queue", 180, most_receives, dead)


def test_a_message_comes_after_its_delay_and_again_after_the_visibility_timeout(world: World) -> None:
    queue = a_queue(world)
    queue.send("body", delay_seconds=5)

    world.timeline.wait(4_999)
    assert queue.receive(10) == []
    world.timeline.wait(1_000)
    assert [message.body for message in queue.receive(10)] == ["body"]
    world.timeline.wait(179 * SECOND)
    assert queue.receive(10) == []
    world.timeline.wait(SECOND)
    [again] = queue.receive(10)
    assert again.receives == 2
    queue.delete(again)
    world.timeline.wait(10 * MINUTE)
    assert queue.receive(10) == []


def test_what_was_received_too_often_is_a_dead_letter(world: World) -> None:
    queue = a_queue(world, most_receives=2)
    queue.send("body")
    for _ in range(3):
        world.timeline.wait(3 * MINUTE + SECOND)
        queue.receive(10)

    world.timeline.wait(SECOND)
    assert queue.dead is not None
    assert (queue.visible, queue.dead.visible) == (0, 1)


@pytest.mark.parametrize("fair", [True, False])
def test_a_noisy_group_yields_to_a_quiet_one(world: World, *, fair: bool) -> None:
    queue = a_queue(world)
    queue.fair = fair
    for number in range(100):
        queue.send(f"noisy {number}", group="noisy")
    world.timeline.wait(SECOND)
    queue.receive(40)
    queue.send("quiet", group="quiet")
    world.timeline.wait(SECOND)

    assert (queue.receive(1)[0].body == "quiet") is fair


def test_a_delay_that_sqs_refuses_is_seen(world: World) -> None:
    a_queue(world).send("body", delay_seconds=901)

    assert world.ledger.violations == ["queue: a delay of 901 s"]


# ---- functions -----------------------------------------------------------------------------------------------------


def test_an_invocation_that_takes_too_long_is_ended_and_its_environment_lost(world: World) -> None:
    environments: list[int] = []

    def boot(environment: Environment) -> Callable[[Any, Context], Any]:
        environments.append(len(environments))
        return lambda event, context: environment.sleep(event)

    function = Function(world, Account(), "function", boot, 1_769, 10)
    answers: list[Any] = []
    for milliseconds in (1_000, 11_000, 1_000):
        function.invoke(milliseconds, answers.append)
        world.timeline.wait(MINUTE)

    assert world.ledger.counts["lambda: timed out"] == 1
    assert environments == [0, 1]


def test_an_environment_is_kept_while_it_is_used(world: World) -> None:
    function = a_function(world, lambda event, context: None)
    for pause in (MINUTE, MINUTE, 30 * MINUTE):
        function.invoke({}, lambda _: None)
        world.timeline.wait(pause)
    function.invoke({}, lambda _: None)
    world.timeline.wait(MINUTE)

    assert world.ledger.counts["lambda: cold start"] == 2


def test_a_queue_is_read_by_five_at_first_and_never_by_more_than_it_may(world: World) -> None:
    account = Account()
    environment = an_environment(world)
    slow = Function(world, account, "slow", lambda _: lambda event, context: environment.sleep(MINUTE), 1_769, 900)
    queue = a_queue(world)
    QueueSource(world, queue, slow, batch=10, window_seconds=0, most_at_once=8)
    for number in range(1_000):
        queue.send(str(number))
    world.timeline.wait(200)
    assert account.running == 5
    world.timeline.wait(10 * MINUTE)
    assert account.peak == 8


def test_only_what_a_function_reports_as_failed_comes_again(world: World) -> None:
    seen: list[str] = []

    def handle(event: Any, context: Context) -> Any:
        seen.extend(record["body"] for record in event["Records"])
        failed = [record["messageId"] for record in event["Records"] if record["body"] == "bad"]
        return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in failed]}

    queue = a_queue(world, most_receives=3)
    QueueSource(world, queue, a_function(world, handle), batch=10, window_seconds=0, most_at_once=2)
    for body in ("good", "bad"):
        queue.send(body)
    world.timeline.wait(30 * MINUTE)

    assert sorted(seen) == ["bad", "bad", "bad", "good"]


@pytest.mark.parametrize(("fault", "fired"), [({}, 1), ({"dropped_tick": 1.0}, 0), ({"doubled_tick": 1.0}, 2)])
def test_a_schedule_fires_once_in_each_minute_unless_it_is_dropped_or_doubled(
    world: World, fault: dict[str, float], fired: int
) -> None:
    faulty = replace(world, faults=replace(NO_FAULTS, **fault))
    schedule = Schedule(faulty, a_function(faulty, lambda event, context: None))
    begin = (NOW // MINUTE + 1) * MINUTE
    world.timeline.wait(begin - NOW + 10 * MINUTE - 1)

    assert [int(at - begin) // MINUTE for at in sorted(schedule.fired)] == [
        minute for minute in range(10) for _ in range(fired)
    ]


def test_minutes_in_which_a_function_has_nothing_to_do_can_be_left_out(world: World) -> None:
    schedule = Schedule(world, a_function(world, lambda event, context: None))
    begin = (NOW // MINUTE + 1) * MINUTE
    schedule.idle_until = lambda: begin + 5 * MINUTE - 1
    world.timeline.wait(begin - NOW + 8 * MINUTE - 1)

    assert [int(at - begin) // MINUTE for at in sorted(schedule.fired)] == [0, 5, 6, 7]


# ---- the stream and the bus ----------------------------------------------------------------------------------------

STREAM = {
    "BatchSize": 100,
    "ParallelizationFactor": 2,
    "MaximumRetryAttempts": 100,
    "MaximumRecordAgeInSeconds": 21_600,
}


def a_streamed_table(world: World, handle: Callable[[Any, Context], Any]) -> tuple[StreamSource, DynamoDBClient]:
    simulated, client = a_table(world)
    stream = StreamSource(world, a_function(world, handle), STREAM, table.PARTS)
    simulated.on_record = stream.record
    return stream, client


def test_a_row_s_records_come_in_their_order_and_from_the_first_failure_on_again(world: World) -> None:
    seen: list[str] = []

    def handle(event: Any, context: Context) -> Any:
        numbers = [record["dynamodb"]["NewImage"]["an"]["N"] for record in event["Records"]]
        seen.extend(numbers)
        refuses = "2" in numbers and seen.count("2") == 1
        at = event["Records"][numbers.index("2")]["dynamodb"]["SequenceNumber"] if refuses else ""
        return {"batchItemFailures": [{"itemIdentifier": at}] if refuses else []}

    stream, client = a_streamed_table(world, handle)
    for attempt in (1, 2, 3):
        put(client, attempt=attempt)
    world.timeline.wait(MINUTE)

    assert seen == ["1", "2", "3", "2", "3"]
    assert stream.waiting == 0


def test_a_batch_that_fails_as_a_whole_is_halved(world: World) -> None:
    sizes: list[int] = []

    def handle(event: Any, context: Context) -> Any:
        sizes.append(len(event["Records"]))
        if len(event["Records"]) > 1:
            raise service_error("InternalServerError")
        return {"batchItemFailures": []}

    stream, client = a_streamed_table(world, handle)
    for attempt in (1, 2, 3, 4):
        put(client, attempt=attempt)
    world.timeline.wait(5 * MINUTE)

    assert sizes[:3] == [4, 2, 1]
    assert stream.waiting == 0


def test_the_bus_gives_an_event_to_those_whose_pattern_it_matches(world: World) -> None:
    bus = Bus(world, "123456789012")
    got: list[tuple[str, str]] = []
    patterns: dict[str, dict[str, Any]] = {
        "all reports": {"detail-type": ["Job Completed"], "source": [{"anything-but": ["jobs"]}]},
        "of one action": {"detail": {"action": ["export"]}},
        "named like a job": {"detail-type": [{"prefix": {"equals-ignore-case": "job"}}]},
        "either": {"$or": [{"source": ["jobs"]}, {"detail-type": ["Job Message"]}]},
    }
    for name, pattern in patterns.items():
        bus.subscriptions.append(
            Subscription(pattern, lambda event, name=name: got.append((name, event["detail-type"])))  # type: ignore[misc]  # bound now
        )

    bus.put("worker", "Job Completed", json.dumps({"action": "export"}))
    bus.put("worker", "Job Message", "{}")
    world.timeline.wait(MINUTE)

    assert sorted(got) == [
        ("all reports", "Job Completed"),
        ("either", "Job Message"),
        ("named like a job", "Job Completed"),
        ("named like a job", "Job Message"),
        ("of one action", "Job Completed"),
    ]


# ---- the ledger ----------------------------------------------------------------------------------------------------


def a_row(path: str, **job: Any) -> Item:
    states = {"S": Status.SCHEDULED, "R": Status.RUNNING, "C": Status.COMPLETED, "F": Status.FAILED}
    history = tuple(Change(states[letter], NOW, "service") for letter in path)
    at = NOW if path[-1] in "SR" else None
    made = a_job(status=history[-1].to, history=history, attempt=path.count("S"), next_at=at, **job)
    return items.job_to_item(made, "token", 1)


def committed(*paths: str, **job: Any) -> Ledger:
    ledger = Ledger()
    old = None
    for path in paths:
        new = a_row(path, **job)
        ledger.committed(NOW, old, new)
        old = new
    return ledger


def test_a_legal_path_is_no_violation() -> None:
    ledger = committed("S", "SR", "SRS", "SRSR", "SRSRF", "SRSRFS")

    assert ledger.violations == []
    assert ledger.path_of(1, 1) == "SRSRFS"


@pytest.mark.parametrize("paths", [("S", "SR", "SRR"), ("S", "SC"), ("S", "SR", "SRC", "SRCR"), ("S", "SRC")])
def test_a_path_that_is_not_legal_is_a_violation(paths: tuple[str, ...]) -> None:
    assert committed(*paths).violations


def test_a_start_before_its_time_is_a_violation() -> None:
    ledger = Ledger()
    scheduled = {**a_row("S"), "due": {"N": str(NOW + 1)}}

    ledger.committed(NOW, None, scheduled)
    ledger.committed(NOW, scheduled, a_row("SR"))

    assert "started at" in ledger.violations[0]


def test_a_second_active_deletion_of_a_user_is_a_violation() -> None:
    ledger = Ledger()
    for job_id in (1, 2):
        ledger.committed(NOW, None, a_row("S", job_id=job_id, action="delete_user_data", reference_id="ada"))

    assert "a second active deletion" in ledger.violations[0]


@pytest.mark.parametrize(("status", "violations"), [(Status.RUNNING, 1), (Status.COMPLETED, 0)])
def test_an_active_job_that_is_forgotten_is_a_violation(world: World, status: Status, violations: int) -> None:
    simulated, client = a_table(world)
    forgetting = Forgetting(world.ledger, simulated, [])
    simulated.on_commit = lambda rows, _now: forgetting.committed(rows)

    put(client, history=(Change(Status.SCHEDULED, NOW, "key-1"),))
    put(
        client, status=status, attempt=1, forgotten=Forgotten.PAYLOAD, history=(Change(Status.SCHEDULED, NOW, "key-1"),)
    )

    assert sum("and forgotten" in each for each in world.ledger.violations) == violations


@pytest.mark.parametrize(
    ("job", "violation"),
    [
        ({}, "was to be forgotten"),
        ({"forgotten": Forgotten.PAYLOAD}, "was to be forgotten"),
        ({"forgotten": Forgotten.REDACTED, "reference_id": "ann"}, "names somebody"),
        ({"forgotten": Forgotten.REDACTED, "reference_id": "redacted:0"}, "has a payload"),
    ],
)
def test_what_is_not_forgotten_in_time_is_a_violation(world: World, job: dict[str, Any], violation: str) -> None:
    simulated, client = a_table(world)
    changes = (Change(Status.SCHEDULED, NOW, "key-1"), Change(Status.COMPLETED, NOW, "service"))
    put(client, status=Status.COMPLETED, next_at=None, history=changes, **job)
    client.put_item(Item=items.key(keys.params(1, 1)))
    projects = [a_project(retention=Retention(0, 0)), a_project(project_id=2)]

    Forgetting(world.ledger, simulated, projects).check(NOW + 1)

    assert violation in "\n".join(world.ledger.violations)


def test_what_a_project_keeps_and_is_forgotten_is_a_violation(world: World) -> None:
    simulated, client = a_table(world)
    put(client, status=Status.FAILED, next_at=None, forgotten=Forgotten.PAYLOAD)

    Forgetting(world.ledger, simulated, [a_project()]).check(NOW + 1)

    assert "its project keeps all" in "\n".join(world.ledger.violations)


def test_a_gap_and_a_job_that_is_overdue_are_violations() -> None:
    ledger = Ledger()

    ledger.check_rows([a_row("S", job_id=1), a_row("SR", job_id=3)], until=NOW)

    assert [violation.split()[0:3:2] for violation in ledger.violations] == [
        ["job", "is"],
        ["job", "is"],
        ["project", "has"],
    ]


def test_a_change_that_was_not_published_and_an_event_of_none_are_violations() -> None:
    ledger = committed("S", "SR")
    ledger.published("Job Scheduled", {"deduplicationId": "1-1-1"})

    ledger.check_events()
    ledger.published("Job Started", {"deduplicationId": "1-1-3"})

    assert ["not every change of" in ledger.violations[0], "says Job Started" in ledger.violations[1]] == [True, True]


def test_an_exception_is_accounted_for_if_a_fault_is_at_its_root() -> None:
    ledger = Ledger()
    try:
        try:
            raise service_error("ThrottlingException")
        except ClientError as error:
            raise KeyError("busy") from error
    except KeyError as error:
        ledger.raised("function", error)
    assert ledger.violations == []

    ledger.raised("function", ValueError("a defect"))
    ledger.survived("call", ValueError("a defect"))
    assert len(ledger.violations) == 2


def test_all_faults_can_be_turned_off() -> None:
    assert {
        field: getattr(NO_FAULTS, field) for field in Faults.__dataclass_fields__ if getattr(NO_FAULTS, field)
    } == {}
