"""The store if DynamoDB fails: each call is patched to fail before or after it has done its work."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError, ReadTimeoutError
from jobs import errors
from jobs.lifecycle.creation import IdempotencyKey, create_job
from jobs.model import (
    DELETE_USER_DATA,
    Change,
    DeletionLock,
    DueJob,
    IdempotencyRecord,
    JobKey,
    Message,
    Run,
    SeenEvent,
    Severity,
    Status,
)
from jobs.outcomes import AppendOutcome, Attempt, Failure, ReportOutcome, Stamp, StartOutcome, SweepCursor, Watermark
from jobs.store import table as subject

from tests.builders import (
    NOW,
    a_cancelled_transaction,
    a_client_error,
    a_job,
    a_project,
    a_request,
    append,
    start,
)
from tests.conftest import TABLE
from tests.fakes import FakeClock, FakeMeter, FakeQueue, World
from tests.stores import WholeStore, a_store, an_admin

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.tenants import Project
    from mypy_boto3_dynamodb import DynamoDBClient

    Call = Callable[[], dict[str, Any]]
    Fault = Callable[[Call], dict[str, Any]]

LOST = ReadTimeoutError(endpoint_url="https://dynamodb")
CONFLICT = a_client_error("TransactionConflictException")
RECORD = IdempotencyRecord("key", "body", 1, NOW // 1000 + 60)
LOCK = DeletionLock("digest", 1, 1)
#: Everything that an append may write beside the row.
BESIDE = [
    ({}, None, None),
    ({"a": 1}, None, None),
    ({}, RECORD, None),
    ({}, None, LOCK),
    ({"a": 1}, RECORD, LOCK),
]


def refused(error: Exception) -> Fault:
    """The call never reaches the table."""

    def fault(call: Call) -> dict[str, Any]:
        raise error

    return fault


def unheard(call: Call) -> dict[str, Any]:
    """The call does its work, and its answer is lost for good."""
    call()
    raise LOST


def repeated(call: Call) -> dict[str, Any]:
    """The call does its work, its answer is lost, and botocore sends it again."""
    call()
    return call()


class Faults:
    """What happens to the next calls of each operation, one after the other."""

    def __init__(self) -> None:
        self.next: dict[str, deque[Fault]] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def on(self, operation: str, *faults: Fault) -> None:
        self.next[operation] = deque(faults)

    def on_append(self, *faults: Fault) -> None:
        for operation in ("PutItem", "TransactWriteItems"):
            self.on(operation, *faults)

    def count(self, operation: str) -> int:
        return sum(called == operation for called, _ in self.calls)


@pytest.fixture
def faults(dynamodb: DynamoDBClient, monkeypatch: pytest.MonkeyPatch) -> Faults:
    faults = Faults()
    send = BaseClient._make_api_call  # type: ignore[attr-defined]  # botocore's one way out, unknown to its stubs

    def patched(client: BaseClient, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        faults.calls.append((operation, arguments))
        waiting = faults.next.get(operation)
        fault = waiting.popleft() if waiting else None
        answer: dict[str, Any] = (fault or (lambda call: call()))(lambda: send(client, operation, arguments))
        return answer

    monkeypatch.setattr(BaseClient, "_make_api_call", patched)
    return faults


@pytest.fixture
def store(dynamodb: DynamoDBClient) -> WholeStore:
    return a_store(dynamodb, 4, start_batch=25)


def put(store: WholeStore, **job: Any) -> None:
    assert append(store, a_job(**job), "token", {}, None, None) is AppendOutcome.DONE


def rows(client: DynamoDBClient) -> set[str]:
    return {item["pk"]["S"].partition("#")[0] for item in client.scan(TableName=TABLE)["Items"]}


# ---- append -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("beside", BESIDE, ids=str)
def test_an_append_that_botocore_repeats_after_a_lost_answer_finds_its_own_token(
    store: WholeStore, faults: Faults, beside: Any
) -> None:
    faults.on_append(repeated)

    assert append(store, a_job(), "token", *beside) is AppendOutcome.DONE


@pytest.mark.parametrize("beside", BESIDE, ids=str)
def test_an_append_whose_answer_is_lost_is_uncertain_and_won_when_tried_again(
    store: WholeStore, faults: Faults, beside: Any
) -> None:
    faults.on_append(unheard)

    assert append(store, a_job(), "token", *beside) is AppendOutcome.UNCERTAIN
    assert append(store, a_job(), "token", *beside) is AppendOutcome.DONE
    assert append(store, a_job(), "another", *beside) is AppendOutcome.NUMBER_TAKEN


@pytest.mark.parametrize("beside", BESIDE, ids=str)
@pytest.mark.parametrize(
    "error",
    [
        LOST,
        CONFLICT,
        a_client_error("ThrottlingException"),
        a_client_error("InternalServerError"),
        a_cancelled_transaction("TransactionConflict", "None"),
        a_cancelled_transaction("None", "ThrottlingError", "TransactionConflict"),
    ],
    ids=str,
)
def test_what_proves_nothing_is_uncertain_and_writes_nothing(
    dynamodb: DynamoDBClient, store: WholeStore, faults: Faults, error: Exception, beside: Any
) -> None:
    faults.on_append(refused(error))

    assert append(store, a_job(), "token", *beside) is AppendOutcome.UNCERTAIN
    assert rows(dynamodb) == set()


OWN, FOREIGN = {"tc": {"S": "token"}}, {"tc": {"S": "another"}}
FAILED = "ConditionalCheckFailed"


@pytest.mark.parametrize(
    ("reasons", "outcome"),
    [
        ([(FAILED, FOREIGN), "None"], AppendOutcome.NUMBER_TAKEN),
        ([(FAILED, FOREIGN), "TransactionConflict"], AppendOutcome.NUMBER_TAKEN),
        ([(FAILED, FOREIGN), (FAILED, {})], AppendOutcome.NUMBER_TAKEN),
        ([(FAILED, OWN), "None"], AppendOutcome.DONE),
        ([(FAILED, OWN), (FAILED, {})], AppendOutcome.DONE),
        ([(FAILED, OWN), "TransactionConflict", (FAILED, {})], AppendOutcome.DONE),
        (["None", (FAILED, {})], AppendOutcome.OVERTAKEN),
        (["None", "None", (FAILED, {})], AppendOutcome.OVERTAKEN),
        (["TransactionConflict", (FAILED, {})], AppendOutcome.OVERTAKEN),
        (["ThrottlingError", "None", (FAILED, {})], AppendOutcome.OVERTAKEN),
        (["TransactionConflict", "ThrottlingError"], AppendOutcome.UNCERTAIN),
        (["None", "ProvisionedThroughputExceeded"], AppendOutcome.UNCERTAIN),
    ],
    ids=str,
)
def test_each_mixture_of_reasons_is_read_for_what_it_proves(
    store: WholeStore, faults: Faults, reasons: list[Any], outcome: AppendOutcome
) -> None:
    faults.on_append(refused(a_cancelled_transaction(*reasons)))

    assert append(store, a_job(), "token", {"a": 1}, None, None) is outcome


@pytest.mark.parametrize(
    "error",
    [
        a_client_error("ValidationException"),
        a_client_error("AccessDeniedException"),
        a_cancelled_transaction("ValidationError", "None"),
        a_cancelled_transaction("None", "ItemCollectionSizeLimitExceeded"),
        a_cancelled_transaction("TransactionConflict", "ValidationError"),
    ],
    ids=str,
)
def test_a_mistake_of_ours_is_not_taken_for_contention(store: WholeStore, faults: Faults, error: Exception) -> None:
    faults.on_append(refused(error))

    with pytest.raises(ClientError) as caught:
        append(store, a_job(), "token", {"a": 1}, None, None)

    assert caught.value is error


# ---- creation over this store -------------------------------------------------------------------------------------


@pytest.fixture
def project(dynamodb: DynamoDBClient) -> Project:
    directory = an_admin(dynamodb)
    organisation = directory.add_organisation("Demo")
    return directory.add_project(organisation.organisation_id, "Demo", "key", b"secret", 1)


def a_world(store: WholeStore) -> World:
    return World(store=store, queue=FakeQueue(), clock=FakeClock(), meter=FakeMeter())  # type: ignore[arg-type]  # the real store


REQUESTS = [
    (a_request(), None),
    (a_request(params={"a": 1}), IdempotencyKey("k", "body")),
    (a_request(action=DELETE_USER_DATA, reference_id="u"), IdempotencyKey("k", "body")),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=str)
@pytest.mark.parametrize(
    "fault",
    [
        unheard,
        repeated,
        refused(LOST),
        refused(CONFLICT),
        refused(a_client_error("ThrottlingException")),
        refused(a_cancelled_transaction("TransactionConflict", "None")),
    ],
    ids=["unheard", "repeated", "lost", "conflict", "throttled", "cancelled"],
)
def test_a_creation_that_fails_twice_on_its_way_makes_one_job_under_the_first_number(
    store: WholeStore, faults: Faults, project: Project, request_: Any, fault: Fault
) -> None:
    new, key = request_
    world = a_world(store)
    faults.on_append(fault, fault)

    created = create_job(world.ports, project, new, by="key-1", idempotency=key)

    assert (created.job.job_id, created.replayed) == (1, False)
    assert store.highest_job_id(project, strong=True) == 1
    assert world.queue.job_ids == [1]


def test_a_throttle_that_lasts_is_busy_after_five_seconds(store: WholeStore, faults: Faults, project: Project) -> None:
    world = a_world(store)
    faults.on_append(*[refused(a_client_error("ThrottlingException"))] * 1_000)

    with pytest.raises(errors.Busy):
        create_job(world.ports, project, a_request(), by="key-1")

    assert 5_000 <= world.clock.now() - NOW < 5_400
    assert faults.count("PutItem") > 20
    assert {arguments["Item"]["sk"]["S"] for operation, arguments in faults.calls if operation == "PutItem"} == {
        "0000000001"
    }


# ---- status changes -----------------------------------------------------------------------------------------------


def test_a_start_that_botocore_repeats_has_started_the_job_once(store: WholeStore, faults: Faults) -> None:
    put(store)
    faults.on("UpdateItem", repeated)

    assert start(store, 1, NOW) is StartOutcome.STARTED

    job = store.get_job(1, 1)
    assert job is not None
    assert [change.to for change in job.history] == [Status.SCHEDULED, Status.RUNNING]


def test_a_cancel_that_botocore_repeats_is_told_as_done(store: WholeStore, faults: Faults) -> None:
    put(store)
    faults.on("UpdateItem", repeated)

    job = store.cancel_job(1, 1, NOW, "key-1")

    assert [change.to for change in job.history] == [Status.SCHEDULED, Status.CANCELLED]
    assert store.get_job(1, 1) == job


def test_a_cancel_that_botocore_repeats_leaves_what_was_retried_meanwhile(store: WholeStore, faults: Faults) -> None:
    put(store)

    def retried_meanwhile(call: Call) -> dict[str, Any]:
        call()
        seen = store.get_job(1, 1)
        assert seen is not None
        changes = (*seen.history, Change(Status.SCHEDULED, NOW + 9, "key-2"))
        retried = seen._replace(status=Status.SCHEDULED, next_at=NOW + 9, attempt=2, max_attempts=2, history=changes)
        assert store.retry_job(seen, retried, "retry", None) is AppendOutcome.DONE
        return call()

    faults.on("UpdateItem", retried_meanwhile)

    job = store.cancel_job(1, 1, NOW, "key-1")

    assert [change.to for change in job.history] == [Status.SCHEDULED, Status.CANCELLED, Status.SCHEDULED]
    assert store.get_job(1, 1) == job


def test_a_start_does_not_take_another_s_start_or_cancel_for_its_own(store: WholeStore) -> None:
    put(store)
    put(store, job_id=2)
    store.cancel_job(1, 2, NOW, "key-1")

    assert [start(store, 1, NOW), start(store, 1, NOW)] == [StartOutcome.STARTED, StartOutcome.NOT_SCHEDULED]
    assert start(store, 2, NOW) is StartOutcome.NOT_SCHEDULED


@pytest.mark.parametrize("conflicts", [1, 4])
def test_a_status_change_outlasts_a_passing_conflict(store: WholeStore, faults: Faults, conflicts: int) -> None:
    put(store)
    faults.on("UpdateItem", *[refused(CONFLICT)] * conflicts)

    assert store.cancel_job(1, 1, NOW, "key-1").status is Status.CANCELLED


@pytest.mark.parametrize("error", [CONFLICT, LOST], ids=str)
def test_a_start_that_is_alone_is_tried_again_by_who_starts_jobs(
    store: WholeStore, faults: Faults, error: Exception
) -> None:
    put(store)
    faults.on("UpdateItem", refused(error))

    assert [start(store, 1, NOW), start(store, 1, NOW)] == [StartOutcome.UNCERTAIN, StartOutcome.STARTED]


@pytest.mark.parametrize("then", ["nothing", "a start", "a cancel"])
def test_a_move_that_botocore_repeats_is_made_once_and_told_as_done(
    store: WholeStore, faults: Faults, then: str
) -> None:
    def committed_then_repeated(call: Call) -> dict[str, Any]:
        call()
        if then == "a start":
            assert start(store, 1, NOW) is StartOutcome.STARTED
        elif then == "a cancel":
            store.cancel_job(1, 1, NOW, "key-1")
        return call()

    put(store)
    faults.on("UpdateItem", committed_then_repeated)

    job = store.move_job(JobKey(1, 1), NOW, NOW, "key:1")

    assert (job.moves, job.moved_by) == (1, "key:1")
    assert store.get_job(1, 1) == job


def test_a_move_does_not_take_another_s_move_for_its_own(store: WholeStore) -> None:
    put(store)
    store.move_job(JobKey(1, 1), NOW, NOW, "key:1")
    start(store, 1, NOW)

    with pytest.raises(errors.JobNotMovable):
        store.move_job(JobKey(1, 1), NOW, NOW, "key:2")


def test_a_conflict_after_a_lost_cancel_still_finds_its_own_token(store: WholeStore, faults: Faults) -> None:
    def committed_then_conflict(call: Call) -> dict[str, Any]:
        call()
        raise CONFLICT

    put(store)
    faults.on("UpdateItem", committed_then_conflict)

    assert store.cancel_job(1, 1, NOW, "key-1").status is Status.CANCELLED


@pytest.mark.parametrize("error", [CONFLICT, a_client_error("ThrottlingException")], ids=str)
def test_a_conflict_or_throttle_that_lasts_is_told_and_changes_nothing(
    store: WholeStore, faults: Faults, error: Exception
) -> None:
    put(store)

    faults.on("UpdateItem", refused(error))
    assert start(store, 1, NOW) is StartOutcome.UNCERTAIN
    faults.on("UpdateItem", *[refused(error)] * 5)
    with pytest.raises(errors.Busy):
        store.cancel_job(1, 1, NOW, "key-1")

    assert store.get_job(1, 1) == a_job()


def test_any_other_refusal_of_a_status_change_is_not_hidden(store: WholeStore, faults: Faults) -> None:
    put(store)

    for change in (lambda: start(store, 1, NOW), lambda: store.cancel_job(1, 1, NOW, "key-1")):
        faults.on("UpdateItem", refused(a_client_error("ValidationException")))
        with pytest.raises(ClientError):
            change()


# ---- starts that go out together ----------------------------------------------------------------------------------


def of_batch(faults: Faults, *answers: Callable[[str], dict[str, Any]]) -> Fault:
    """Answers for the statements of a batch, each made from the token in its statement."""

    def fault(call: Call) -> dict[str, Any]:
        statements = faults.calls[-1][1]["Statements"]
        tokens = [statement["Parameters"][2]["S"] for statement in statements]
        return {"Responses": [answer(token) for answer, token in zip(answers, tokens, strict=True)]}

    return fault


def done(token: str) -> dict[str, Any]:
    return {"TableName": TABLE}


def failed(code: str, **error: Any) -> Callable[[str], dict[str, Any]]:
    return lambda token: {"Error": {"Code": code, "Message": "", **error}}


def saw(status: str, token: str | None = None) -> Callable[[str], dict[str, Any]]:
    """A condition that failed on a row with this status and this start token; None is the token of the statement."""
    return lambda own: failed("ConditionalCheckFailed", Item={"st": {"S": status}, "ts": {"S": token or own}})(own)


def start_all(store: WholeStore, count: int) -> list[StartOutcome]:
    return store.start_jobs([JobKey(1, number) for number in range(1, count + 1)], NOW)


def test_what_became_of_each_start_of_a_batch_is_read_from_its_own_answer(store: WholeStore, faults: Faults) -> None:
    answers = [done, saw("running"), saw("running", "another"), saw("scheduled", "another"), saw("completed", "x")]
    faults.on("BatchExecuteStatement", of_batch(faults, *answers, failed("ConditionalCheckFailed")))

    assert start_all(store, 6) == [
        StartOutcome.STARTED,
        StartOutcome.STARTED,  # a second try of the client; the first one was committed
        StartOutcome.NOT_SCHEDULED,
        StartOutcome.NOT_DUE,
        StartOutcome.NOT_SCHEDULED,
        StartOutcome.NOT_SCHEDULED,
    ]


@pytest.mark.parametrize(
    "code",
    [
        "InternalServerError",
        "ProvisionedThroughputExceeded",
        "RequestLimitExceeded",
        "ThrottlingError",
        "TransactionConflict",
    ],
)
def test_a_start_of_a_batch_that_proves_nothing_is_uncertain_and_its_neighbours_are_not(
    store: WholeStore, faults: Faults, code: str
) -> None:
    faults.on("BatchExecuteStatement", of_batch(faults, done, failed(code), done))

    assert start_all(store, 3) == [StartOutcome.STARTED, StartOutcome.UNCERTAIN, StartOutcome.STARTED]


@pytest.mark.parametrize(
    "code", ["AccessDenied", "DuplicateItem", "ItemCollectionSizeLimitExceeded", "ResourceNotFound", "ValidationError"]
)
def test_a_start_of_a_batch_that_is_wrong_in_itself_is_not_hidden(store: WholeStore, faults: Faults, code: str) -> None:
    faults.on("BatchExecuteStatement", of_batch(faults, done, failed(code)))

    with pytest.raises(ClientError, match=code):
        start_all(store, 2)


@pytest.mark.parametrize(
    "error", [CONFLICT, LOST, a_client_error("ThrottlingException"), a_client_error("InternalServerError")], ids=str
)
def test_a_batch_of_starts_without_an_answer_is_uncertain_as_a_whole(
    store: WholeStore, faults: Faults, error: Exception
) -> None:
    faults.on("BatchExecuteStatement", refused(error))

    assert start_all(store, 3) == [StartOutcome.UNCERTAIN] * 3


def test_a_batch_of_starts_that_is_refused_for_good_is_not_hidden(store: WholeStore, faults: Faults) -> None:
    faults.on("BatchExecuteStatement", refused(a_client_error("AccessDeniedException")))

    with pytest.raises(ClientError):
        start_all(store, 2)


def test_a_herd_goes_out_in_batches_and_a_job_that_is_alone_by_an_update(store: WholeStore, faults: Faults) -> None:
    put(store, job_id=51)
    faults.on("BatchExecuteStatement", *[of_batch(faults, *[done] * 25)] * 2)
    faults.calls.clear()

    assert start_all(store, 51) == [StartOutcome.STARTED] * 51

    assert [operation for operation, _ in faults.calls] == ["BatchExecuteStatement"] * 2 + ["UpdateItem"]
    statements = [statement for _, call in faults.calls[:2] for statement in call["Statements"]]
    assert len({statement["Parameters"][2]["S"] for statement in statements}) == 50  # each has a token of its own


def test_where_a_batch_is_one_every_start_is_an_update(dynamodb: DynamoDBClient, faults: Faults) -> None:
    store = a_store(dynamodb, 4)
    for number in range(1, 4):
        put(store, job_id=number)
    faults.calls.clear()

    assert start_all(store, 3) == [StartOutcome.STARTED] * 3

    assert [operation for operation, _ in faults.calls] == ["UpdateItem"] * 3


# ---- reports, retries and messages ----------------------------------------------------------------------------------

FIRST = Attempt(1, 1, 1)
STAMP = Stamp(NOW, "worker", "finish")
LATE = STAMP._replace(at=NOW + 10**6)
MARK = SeenEvent("0" * 64, NOW // 1_000 + 60)
SAID = Message(NOW, Severity.NONE, "hello")
#: Each way to end an attempt, how many attempts the job must allow for it, and the state that it leads to.
ENDS: dict[str, tuple[Callable[[WholeStore], ReportOutcome], int, Status]] = {
    "complete": (lambda store: store.complete_job(FIRST, STAMP, ["out"]), 1, Status.COMPLETED),
    "fail": (lambda store: store.fail_job(FIRST, STAMP, Failure(["no"])), 1, Status.FAILED),
    "back_off": (lambda store: store.back_off_job(FIRST, STAMP, NOW + 5, Failure(["no"])), 2, Status.SCHEDULED),
    "lost": (lambda store: store.fail_job(FIRST, LATE, Failure(["no"], lost=True)), 1, Status.FAILED),
}


def running(store: WholeStore, attempts: int = 1) -> None:
    put(store, max_attempts=attempts)
    assert start(store, 1, NOW) is StartOutcome.STARTED


@pytest.mark.parametrize("name", ENDS)
@pytest.mark.parametrize(
    "fault", [repeated, unheard, refused(CONFLICT), refused(LOST)], ids=["repeated", "unheard", "conflict", "lost"]
)
def test_an_end_that_fails_on_its_way_is_made_once_and_told_as_applied(
    store: WholeStore, faults: Faults, name: str, fault: Fault
) -> None:
    end, attempts, status = ENDS[name]
    running(store, attempts)
    faults.on("UpdateItem", fault)

    assert end(store) is ReportOutcome.APPLIED

    job = store.get_job(1, 1)
    assert job is not None
    assert [change.to for change in job.history] == [Status.SCHEDULED, Status.RUNNING, status]


@pytest.mark.parametrize("name", ENDS)
def test_outputs_and_errors_are_there_before_the_row_that_refers_to_them(
    store: WholeStore, faults: Faults, name: str
) -> None:
    end, attempts, _ = ENDS[name]
    running(store, attempts)
    faults.calls.clear()

    end(store)

    assert [operation for operation, _ in faults.calls] == ["PutItem", "UpdateItem"]


@pytest.mark.parametrize("with_lock", [False, True])
@pytest.mark.parametrize("fault", [unheard, repeated], ids=["unheard", "repeated"])
def test_a_retry_whose_answer_is_lost_is_won_when_it_is_tried_again(
    store: WholeStore, faults: Faults, fault: Fault, *, with_lock: bool
) -> None:
    put(store)
    seen = store.cancel_job(1, 1, NOW, "key-1")
    retried = seen._replace(
        status=Status.SCHEDULED,
        attempt=2,
        max_attempts=2,
        next_at=NOW,
        history=(*seen.history, Change(Status.SCHEDULED, NOW, "key-1")),
    )
    lock = DeletionLock("digest", 1, 1) if with_lock else None
    faults.on("TransactWriteItems" if with_lock else "UpdateItem", fault)

    outcomes = [store.retry_job(seen, retried, "retry", lock) for _ in range(2)]

    assert outcomes == [AppendOutcome.UNCERTAIN if fault is unheard else AppendOutcome.DONE, AppendOutcome.DONE]
    assert store.get_job(1, 1) == retried
    assert store.retry_job(seen, retried, "another", lock) is AppendOutcome.OVERTAKEN


@pytest.mark.parametrize(
    "error",
    [CONFLICT, a_client_error("ThrottlingException"), a_cancelled_transaction("TransactionConflict", "None")],
    ids=str,
)
def test_a_message_that_meets_a_conflict_is_not_taken_for_one_that_was_seen(
    store: WholeStore, faults: Faults, error: Exception
) -> None:
    faults.on("TransactWriteItems", refused(error))

    with pytest.raises(errors.Busy):
        store.add_message(1, 1, SAID, MARK)

    assert store.add_message(1, 1, SAID, MARK) is True
    assert store.list_messages(1, 1, None, 9).messages == [SAID]


def test_a_message_whose_answer_is_lost_comes_again(store: WholeStore, faults: Faults) -> None:
    faults.on("TransactWriteItems", refused(LOST))

    with pytest.raises(errors.Busy):
        store.add_message(1, 1, SAID, MARK)


def test_any_other_refusal_of_a_message_is_not_hidden(store: WholeStore, faults: Faults) -> None:
    faults.on("TransactWriteItems", refused(a_client_error("ValidationException")))

    with pytest.raises(ClientError):
        store.add_message(1, 1, SAID, MARK)


# ---- everything else that may be throttled ------------------------------------------------------------------------


CALLS: dict[str, tuple[str, Callable[[WholeStore], object]]] = {
    "get_job": ("GetItem", lambda store: store.get_job(1, 1)),
    "get_params": ("GetItem", lambda store: store.get_params(1, 1)),
    "find_idempotency_record": ("GetItem", lambda store: store.find_idempotency_record(1, "k", NOW)),
    "find_deletion_lock": ("GetItem", lambda store: store.find_deletion_lock(1, "d")),
    "get_sweep_cursor": ("GetItem", lambda store: store.get_sweep_cursor()),
    "list_jobs": ("Query", lambda store: store.list_jobs(1, 1, 5)),
    "highest_job_id": ("Query", lambda store: store.highest_job_id(a_project(), strong=True)),
    "list_due": ("Query", lambda store: store.list_due(0, None, NOW, 5)),
    "list_watermarks": ("Query", lambda store: store.list_watermarks()),
    "save_sweep_cursor": ("PutItem", lambda store: store.save_sweep_cursor(SweepCursor(0, None))),
    "raise_watermark": ("PutItem", lambda store: store.raise_watermark(Watermark(0, DueJob(NOW, 1, 1)))),
    "is_seen": ("GetItem", lambda store: store.is_seen("d", NOW)),
    "mark_seen": ("PutItem", lambda store: store.mark_seen(MARK, NOW)),
    "add_message": ("TransactWriteItems", lambda store: store.add_message(1, 1, SAID, MARK)),
    "get_outputs": ("GetItem", lambda store: store.get_outputs(a_job(outputs_token="t"))),
    "get_evidence": ("Query", lambda store: store.get_evidence(a_job())),
    "list_lost": ("Query", lambda store: store.list_lost(0, NOW, 5)),
    "list_messages": ("Query", lambda store: store.list_messages(1, 1, None, 5)),
    "complete_job, its outputs": ("PutItem", ENDS["complete"][0]),
    "complete_job": ("UpdateItem", ENDS["complete"][0]),
    "fail_job, its errors": ("PutItem", ENDS["fail"][0]),
    "fail_job": ("UpdateItem", ENDS["fail"][0]),
    "back_off_job, its errors": ("PutItem", ENDS["back_off"][0]),
    "back_off_job": ("UpdateItem", ENDS["back_off"][0]),
    "note_progress": ("UpdateItem", lambda store: store.note_progress(FIRST, 5, NOW, NOW)),
    "note_block": ("UpdateItem", lambda store: store.note_block(a_project(), 1_001)),
}


@pytest.mark.parametrize("name", CALLS)
def test_every_call_that_is_throttled_is_busy(store: WholeStore, faults: Faults, name: str) -> None:
    operation, call = CALLS[name]
    faults.on(operation, refused(a_client_error("ProvisionedThroughputExceededException")))

    with pytest.raises(errors.Busy):
        call(store)


@pytest.mark.parametrize("name", [name for name in CALLS if name != "note_block"])  # this one has a test of its own
def test_every_call_that_is_refused_otherwise_says_so(store: WholeStore, faults: Faults, name: str) -> None:
    """If a refusal counted as a failed condition, the write would be lost."""
    operation, call = CALLS[name]
    faults.on(operation, refused(a_client_error("AccessDeniedException")))

    with pytest.raises(ClientError, match="AccessDeniedException"):
        call(store)


@pytest.mark.parametrize(
    "error", [a_client_error("ThrottlingException"), a_client_error("AccessDeniedException"), LOST]
)
def test_a_block_that_was_not_noted_for_whatever_reason_is_noted_next_time(
    store: WholeStore, faults: Faults, project: Project, dynamodb: DynamoDBClient, error: Exception
) -> None:
    faults.on("UpdateItem", refused(error))
    with pytest.raises(errors.Busy):
        store.note_block(project, 1_001)

    store.note_block(project, 1_001)

    found = an_admin(dynamodb).find_project("key")
    assert found is not None
    assert found.block == 1


def test_a_block_is_noted_once_by_an_environment(store: WholeStore, faults: Faults, project: Project) -> None:
    before = faults.count("UpdateItem")

    for job_id in (1, 1_000, 1_001, 1_002, 2_000):
        store.note_block(project, job_id)

    assert faults.count("UpdateItem") - before == 1


def test_a_block_that_another_environment_has_noted_is_no_error_and_tried_once(
    store: WholeStore, faults: Faults, project: Project, dynamodb: DynamoDBClient
) -> None:
    a_store(dynamodb, 4).note_block(project, 2_001)
    before = faults.count("UpdateItem")

    for job_id in (1_001, 1_002):
        store.note_block(project, job_id)  # knows the project as it was before

    assert faults.count("UpdateItem") - before == 1
    found = an_admin(dynamodb).find_project("key")
    assert found is not None
    assert found.block == 2


# ---- the highest number, with a hint that lags and reads that are behind it ----------------------------------------


def test_a_hint_that_lags_is_caught_up_with_once(store: WholeStore, faults: Faults) -> None:
    for number in (1_000, 2_000, 3_000, 3_001):
        put(store, job_id=number)

    assert [store.highest_job_id(a_project(), strong=True) for _ in range(2)] == [3_001, 3_001]

    assert faults.count("Query") == 4 + 1


@pytest.mark.parametrize(("last", "reads"), [(3, 2), (1_000, 2), (999, 2)])
def test_an_empty_block_is_believed_only_behind_a_full_one(
    store: WholeStore, faults: Faults, last: int, reads: int
) -> None:
    """The known block is ahead of what a weak read sees."""
    put(store, job_id=last)

    assert store.highest_job_id(a_project(block=1), strong=False) == last

    assert faults.count("Query") == reads


@pytest.mark.parametrize("strong", [True, False])
def test_numbers_are_read_as_strongly_as_asked(store: WholeStore, faults: Faults, strong: bool) -> None:  # noqa: FBT001
    store.highest_job_id(a_project(), strong=strong)

    (read,) = [arguments for operation, arguments in faults.calls if operation == "Query"]
    assert read["ConsistentRead"] is strong
    assert read["Limit"] == 1


def test_a_page_is_one_query_and_never_more_than_its_rows(store: WholeStore, faults: Faults) -> None:
    for number in range(1, 121):
        put(store, job_id=number)

    assert len(store.list_jobs(1, 51, 100)) == 50

    (read,) = [arguments for operation, arguments in faults.calls if operation == "Query"]
    assert read["ExpressionAttributeValues"][":first"] == {"S": "0000000051"}
    assert read["ExpressionAttributeValues"][":last"] == {"S": "0000000100"}


def test_tokens_are_never_the_same_twice_and_hard_to_guess() -> None:
    tokens = {subject.new_token() for _ in range(1_000)}

    assert len(tokens) == 1_000
    assert min(map(len, tokens)) >= 16


HIDDEN = a_cancelled_transaction("TransactionConflict", (FAILED, {}))


def test_an_own_lock_that_hides_behind_a_conflict_is_no_other_creator_s(store: WholeStore, faults: Faults) -> None:
    """The answer was lost. At the second try the row is in a conflict, and this very creation has moved the lock."""
    lock = DeletionLock("digest", 1, 1)
    assert append(store, a_job(), "token", {}, None, lock) is AppendOutcome.DONE

    for token, outcome in (("token", AppendOutcome.DONE), ("another", AppendOutcome.OVERTAKEN)):
        faults.on("TransactWriteItems", refused(HIDDEN))
        assert append(store, a_job(), token, {}, None, lock) is outcome


def test_an_own_retry_that_hides_behind_a_conflict_is_known_too(store: WholeStore, faults: Faults) -> None:
    lock = DeletionLock("digest", 1, 1)
    append(store, a_job(), "token", {}, None, None)
    seen = store.cancel_job(1, 1, NOW, "key-1")
    retried = seen._replace(status=Status.SCHEDULED, next_at=NOW, attempt=2, max_attempts=2)
    assert store.retry_job(seen, retried, "retry", lock) is AppendOutcome.DONE

    for token, outcome in (("retry", AppendOutcome.DONE), ("another", AppendOutcome.OVERTAKEN)):
        faults.on("TransactWriteItems", refused(HIDDEN))
        assert store.retry_job(seen, retried, token, lock) is outcome


# ---- a workflow's jobs ----------------------------------------------------------------------------------------------


def run(store: WholeStore, count: int) -> None:
    for number in range(1, count + 1):
        put(store, job_id=number, run=Run("w"))


def walk(store: WholeStore) -> list[int]:
    return [job.job_id for job in store.walk_workflow(1, "w", newest_first=False)]


def leaving(*numbers: int) -> Fault:
    """DynamoDB answers with some of the rows, and names the keys of the others as unprocessed."""

    def fault(call: Call) -> dict[str, Any]:
        answer = call()
        found = answer["Responses"][TABLE]
        later = [row for row in found if int(row["sk"]["S"]) in numbers]
        keys = [{"pk": row["pk"], "sk": row["sk"]} for row in later]
        return {
            **answer,
            "Responses": {TABLE: [row for row in found if row not in later]},
            "UnprocessedKeys": {TABLE: {"Keys": keys}} if keys else {},
        }

    return fault


def wanted(faults: Faults) -> list[list[int]]:
    """The numbers of the jobs that each BatchGetItem asked for."""
    asked = [arguments["RequestItems"][TABLE]["Keys"] for name, arguments in faults.calls if name == "BatchGetItem"]
    return [sorted(int(key["sk"]["S"]) for key in keys) for keys in asked]


def test_rows_that_dynamodb_leaves_for_later_are_asked_for_again_and_stand_in_their_place(
    store: WholeStore, faults: Faults
) -> None:
    run(store, 6)
    faults.on("BatchGetItem", leaving(1, 4, 5), leaving(4))

    assert walk(store) == [1, 2, 3, 4, 5, 6]
    assert wanted(faults) == [[1, 2, 3, 4, 5, 6], [1, 4, 5], [4]]


def test_rows_that_are_left_for_too_long_are_busy(store: WholeStore, faults: Faults) -> None:
    run(store, 2)
    faults.on("BatchGetItem", *[leaving(2)] * subject.CONFLICT_TRIES)

    with pytest.raises(errors.Busy):
        walk(store)
    assert wanted(faults) == [[1, 2]] + [[2]] * (subject.CONFLICT_TRIES - 1)


def test_rows_that_come_with_the_last_try_are_there(store: WholeStore, faults: Faults) -> None:
    run(store, 2)
    faults.on("BatchGetItem", *[leaving(2)] * (subject.CONFLICT_TRIES - 1))

    assert walk(store) == [1, 2]


@pytest.mark.parametrize("operation", ["Query", "BatchGetItem"])
def test_a_throttled_walk_is_busy(store: WholeStore, faults: Faults, operation: str) -> None:
    run(store, 1)
    faults.on(operation, refused(a_client_error("ProvisionedThroughputExceededException")))

    with pytest.raises(errors.Busy):
        walk(store)


def test_a_walk_that_is_refused_otherwise_says_so(store: WholeStore, faults: Faults) -> None:
    run(store, 1)
    faults.on("BatchGetItem", refused(a_client_error("ValidationException")))

    with pytest.raises(ClientError):
        walk(store)


def test_more_than_a_hundred_jobs_are_read_a_hundred_at_a_time_and_as_far_as_they_are_taken(
    store: WholeStore, faults: Faults
) -> None:
    run(store, 230)

    walked = store.walk_workflow(1, "w", newest_first=True)
    assert [next(walked).job_id for _ in range(100)] == list(range(230, 130, -1))
    assert (faults.count("Query"), list(map(len, wanted(faults)))) == (1, [100])

    assert [job.job_id for job in walked] == list(range(130, 0, -1))
    assert list(map(len, wanted(faults))) == [100, 100, 30]
