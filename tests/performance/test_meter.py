"""The meter of request units follows AWS's own examples, and says what each operation of a job costs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from jobs.forgetting.walking import SETTLED
from jobs.model import DAY, JobKey
from jobs.outcomes import Attempt, Stamp
from jobs.runtime import wiring
from jobs.store import items
from jobs.tenants import Retention

from tests.builders import a_job
from tests.conftest import TABLE
from tests.fakes import FakeClock
from tests.integration.conftest import Service, seeded, service
from tests.performance.meter import Spent, index_units, metered, read_units, rows_of, write_units
from tests.performance.price import FORGOTTEN_UNITS, JOB_BYTES, KEPT_UNITS, PAYLOAD_BYTES, REFERENCE_BYTES
from tests.proofs.simulation.table import size_of
from tests.stores import an_admin, the_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["seeded", "service"]  # fixtures, which pytest finds by their names here

KB = 1024
INDEX = ("gk", "due")


def a_row(size: int, **attributes: Any) -> dict[str, Any]:
    """A row of so many bytes beside those attributes."""
    return {"a": {"S": "x" * (size - 1)}, **attributes}


def in_index(gk: str, due: int, **attributes: Any) -> dict[str, Any]:
    return {"pk": {"S": "p"}, "sk": {"S": "s"}, "gk": {"S": gk}, "due": {"N": str(due)}, **attributes}


# ---- the examples of the Developer Guide, «DynamoDB read and write operations» ------------------------------------


@pytest.mark.parametrize(
    ("kilobytes", "strong", "eventual"),
    [(3.5, 1, 0.5), (4, 1, 0.5), (8, 2, 1), (40.8, 11, 5.5), (1500 * 64 / KB, 24, 12), (0, 1, 0.5)],
)
def test_reads_are_counted_by_four_kilobytes_of_their_sum(kilobytes: float, strong: float, eventual: float) -> None:
    size = int(kilobytes * KB)

    assert read_units(size, strong=True) == strong
    assert read_units(size, strong=False) == eventual
    assert read_units(size, strong=True, transaction=True) == 2 * strong


@pytest.mark.parametrize(("kilobytes", "units"), [(0.5, 1), (1, 1), (1.5, 2), (2, 2), (3.5, 4)])
def test_writes_are_counted_by_the_kilobyte_and_twice_in_transactions(kilobytes: float, units: int) -> None:
    row = a_row(int(kilobytes * KB))

    assert write_units({}, row) == units
    assert write_units({}, row, transaction=True) == 2 * units


def test_an_update_counts_the_larger_row_and_a_write_of_nothing_one() -> None:
    assert write_units(a_row(3 * KB), a_row(1 * KB)) == 3
    assert write_units(a_row(1 * KB), a_row(3 * KB)) == 3
    assert write_units({}, {}) == 1


# ---- «Using Global Secondary Indexes in DynamoDB», write considerations -------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "units"),
    [
        ({}, in_index("g", 1), 1),
        ({"pk": {"S": "p"}, "sk": {"S": "s"}}, in_index("g", 1), 1),
        (in_index("g", 1), in_index("h", 1), 2),
        (in_index("g", 1), in_index("g", 2), 2),
        (in_index("g", 1), {"pk": {"S": "p"}, "sk": {"S": "s"}}, 1),
        (in_index("g", 1), in_index("g", 1, other={"S": "x" * 5_000}), 0),
        ({}, {}, 0),
    ],
    ids=["put", "enters", "moves", "moves within", "leaves", "another attribute", "never there"],
)
def test_an_index_counts_what_enters_and_what_leaves(before: Any, after: Any, units: int) -> None:
    assert index_units(before, after, INDEX) == units


# ---- the operations of a job, metered at the real handlers --------------------------------------------------------


@pytest.fixture
def spend(service: Service, say_at_the_end: Callable[[str], None]) -> Callable[..., Spent]:
    """Meter what something does after credential and project were remembered, and say it at the end of the run."""
    service.http("get_job", "public")
    past = rows_of(boto3.client("dynamodb"), TABLE)

    def spend(what: str, do: Callable[[], object]) -> Spent:
        with metered(wiring.dynamodb(), past) as spent:
            do()
        say_at_the_end(f"units: {what}: {spent}")
        return spent

    return spend


def test_a_plain_lifecycle_is_seven_write_units(service: Service, spend: Callable[..., Spent]) -> None:
    later = wiring.ports().clock.now() + 1_000_000
    created = spend("create", lambda: service.create(startAt=later))
    started = spend("start", lambda: the_store().start_jobs([JobKey(1, 1)], later))
    ended = spend("complete", lambda: the_store().complete_job(Attempt(1, 1, 1), Stamp(later, "w", "token"), []))

    assert (created.read, created.write) == (1, 2)
    assert (started.read, started.write) == (0, 3)
    assert (ended.read, ended.write) == (0, 2)


def test_a_cancel_is_two_write_units_and_a_get_one_read(service: Service, spend: Callable[..., Spent]) -> None:
    service.create()

    assert (spend("get", lambda: service.http("get_job", "public")).read) == 1
    cancelled = spend("cancel", lambda: service.http("cancel_job", "public"))
    assert (cancelled.read, cancelled.write, dict(cancelled.calls)) == (0, 2, {"UpdateItem": 1})
    refused = spend("a cancel that is refused", lambda: service.http("cancel_job", "public"))
    assert (refused.read, refused.write) == (0, 1)


def test_a_list_of_fifty_is_within_its_budget(service: Service, spend: Callable[..., Spent]) -> None:
    for number in range(1, 51):
        job = a_job(job_id=number, description="d" * 150, reference_id="r" * 60)
        service.dynamodb.put_item(TableName=TABLE, Item=items.job_to_item(job, "token-of-16-chars", 32))

    listed = spend("list 50", lambda: service.http("list_jobs", "public"))

    assert listed.read <= 3.0
    assert listed.calls == {"Query": 2}


def test_a_key_and_parameters_are_paid_for_in_a_transaction(service: Service, spend: Callable[..., Spent]) -> None:
    keyed = spend("create with a key", lambda: service.http("create_job", "public", body='{"action": "export"}'))
    with_params = spend("create with parameters", lambda: service.create(params={"a": "b"}))

    assert (keyed.write, with_params.write) == (5, 5)


# ---- what forgetting costs -----------------------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    clock = FakeClock()
    monkeypatch.setattr(wiring, "SystemClock", lambda: clock)
    # moto's tables take one call at a time
    monkeypatch.setattr(wiring, "in_threads", lambda work, given: [work(each) for each in given])
    return clock


@pytest.mark.parametrize(
    ("retention", "units"),
    [(Retention(), KEPT_UNITS), (Retention(30, 90), FORGOTTEN_UNITS)],
    ids=["all is kept", "all is forgotten"],
)
def test_the_life_of_a_job_costs_what_the_year_is_computed_from(
    clock: FakeClock,
    service: Service,
    spend: Callable[..., Spent],
    retention: Retention,
    units: tuple[int, float],
) -> None:
    run = partial(service.invoke, "redact_jobs", service.event("redact_jobs", "schedule"))
    if retention.is_on:
        an_admin(service.dynamodb).set_retention(1, retention)
        wiring.clear()
        clock.time += SETTLED + 1
        run()  # the walk over the old jobs, before there are any
    service.http("get_job", "public")
    idle = spend("a run of redact_jobs that has nothing to do", run)

    def live() -> None:
        service.create(referenceId="user-1", params={"format": "x" * 900})
        the_store().start_jobs([JobKey(1, 1)], clock.now())
        end = Stamp(clock.now(), "event:w", "token", retention.first_due(clock.now()))
        the_store().complete_job(Attempt(1, 1, 1), end, ["x" * 900])

    spent = spend(f"a life with {retention}", live)
    stored = rows(service)
    for days in (31, 60):
        clock.time += days * DAY
        forgot = spend(f"redact_jobs, {days} days later", run)
        spent.read, spent.write = spent.read + forgot.read - idle.read, spent.write + forgot.write

    assert [spent.write, spent.read] == [*units]
    assert stored["1#0 0000000001"] <= JOB_BYTES
    assert sum(size for name, size in stored.items() if name.startswith("payload#")) <= PAYLOAD_BYTES
    assert sum(size for name, size in stored.items() if name.startswith("ref#")) <= REFERENCE_BYTES
    left = {name.partition("#")[0] for name in rows(service)} & {"1", "payload", "ref"}
    assert left == ({"1"} if retention.is_on else {"1", "payload"})


def rows(service: Service) -> dict[str, int]:
    """The bytes of each row, with the 100 that DynamoDB adds to it."""
    pages: Iterable[Any] = service.dynamodb.get_paginator("scan").paginate(TableName=TABLE)
    found = [item for page in pages for item in page["Items"]]
    return {f"{item['pk']['S']} {item['sk']['S']}": size_of(item) + 100 for item in found}


def test_a_schedule_of_v3_costs_what_the_chart_says(service: Service, spend: Callable[..., Spent]) -> None:
    service.http("get_schedules", "alteryx_v3_list")  # from now on the caller is known
    made: list[str] = []

    def http(function: str, case: str) -> None:
        path = {"scheduleId": made[0]} if made else {}
        answer = service.http(function, case, path=path)
        assert answer.status == 200, answer.text
        made.extend([answer.json["id"]] if not made else [])

    def cost(function: str, case: str) -> tuple[float, int]:
        spent = spend(f"schedules of v3: {function} {case}", partial(http, function, case))
        return spent.read, spent.write

    assert cost("manage_schedules", "alteryx_v3") == (0.5, 7)
    assert cost("get_schedules", "alteryx_v3") == (2, 0)
    assert cost("manage_schedules", "alteryx_v3_change") == (2, 4)  # the next occurrence stays
    assert cost("manage_schedules", "alteryx_v3_replace") == (2, 5)  # it is paused, and leaves the index
    assert cost("manage_schedules", "alteryx_v3_remove") == (4, 6)  # and is not there any more
