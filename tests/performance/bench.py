"""`make bench`: what cold starts, warm calls, ticks and starts cost, beside what users would pick instead.

This is no test: nothing here passes or fails. It compares figures of one run, and never clock time, because machines
are shared: instructions where valgrind counts them, CPU seconds elsewhere. It writes `.local/bench.json` and
docs/performance.md. Without valgrind or PostgreSQL it leaves out what needs them, and leaves the page alone.
"""

from __future__ import annotations

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from jobs.lifecycle import cancellation, creation
from jobs.model import DAY, JobKey, NewJob
from jobs.outcomes import Attempt, Stamp
from jobs.queries import Page, get_job, list_jobs
from jobs.runtime.wiring import THREADS
from jobs.timing.hints import JOBS_PER_HINT

from tests.architecture.checks import translated
from tests.architecture.project import FOLDERS, ROOT
from tests.builders import NOW
from tests.performance import page, price, side_by_side
from tests.performance.artefact import VALGRIND, Work, event, unpacked
from tests.performance.growth import BY, Grown, costs
from tests.performance.stand_in import stand_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.performance.artefact import Unpacked

BASE = 'import boto3; boto3.client("dynamodb")'
START = "import app; from jobs.runtime import wiring; wiring.dynamodb()"
HANDLER = "import app; call = app.handler"
#: One `get_item` of botocore's own client, as it comes.
UNIT = """
import botocore.session
client = botocore.session.get_session().create_client("dynamodb")
key = {"pk": {"S": "1#0"}, "sk": {"S": "0000000001"}}
call = lambda event, context: client.get_item(TableName="jobs", Key=key)
"""
#: Milliseconds that a call of DynamoDB is assumed to take where ticks are timed.
CALL = 5
HINTS = 10


def main() -> None:
    """Measure, print, and write both results."""
    began = time.monotonic()
    measured: dict[str, Any] = {}
    with unpacked() as built, stand_in() as endpoint:
        for name, part in parts(built, endpoint):
            measured[name] = part
            print(f"{name}: {json.dumps(part)}", flush=True)
    measured["minutes"] = round((time.monotonic() - began) / 60, 1)
    (ROOT / ".local").mkdir(exist_ok=True)
    (ROOT / ".local" / "bench.json").write_text(json.dumps(measured, indent=2) + "\n")
    if VALGRIND and "cpu_us" in measured:
        (ROOT / "docs" / "performance.md").write_text(page.render(measured))


def parts(built: Unpacked, endpoint: str) -> Iterator[tuple[str, Any]]:
    """Every part of the result, each when it is measured."""
    if VALGRIND:
        yield "init", init(built)
    works = warm_calls(built, endpoint)
    unit = Work([built.dependencies], UNIT, endpoint=endpoint)
    if VALGRIND:
        one, *found = on_all_processors(Work.instructions_a_call, [unit, *works.values()])
        yield "warm", {name: ratio(of, one) for name, of in zip(works, found, strict=True)}
    one = unit.seconds_a_call()
    yield "warm_cpu", {name: ratio(work.seconds_a_call(), one) for name, work in works.items()}
    yield "units", units()
    yield "usd_per_million", dict(price.per_million(translated()))
    yield "tick", tick()
    yield "growth", {str(jobs): {cost.operation: cost[2:] for cost in costs(jobs)} for jobs in (150, 10_050, 100_050)}
    yield from beside(built, works, endpoint)


def ratio(of: float, one: float) -> float:
    """Rounded as such figures are known."""
    return round(of / one, 2)


def on_all_processors(count: Callable[[Work], float], works: Sequence[Work]) -> list[float]:
    """Count instructions, which do not change with what else the machine does. Seconds do."""
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return list(threads.map(count, works))


def init(built: Unpacked) -> dict[str, float]:
    """Instructions of a cold start, over those of importing boto3 and making a client, by function."""
    works = [Work([built.dependencies], "pass"), Work([built.whole], BASE)]
    works += [Work(built.paths(name), START) for name in FOLDERS]
    bare, base, *found = on_all_processors(Work.instructions, works)
    return {name: ratio(of - bare, base - bare) for name, of in zip(FOLDERS, found, strict=True)}


def warm_calls(built: Unpacked, endpoint: str) -> dict[str, Work]:
    """The calls that are measured when they are warm, at the whole handler."""
    in_an_hour = time.time_ns() // 1_000_000 + 3_600_000
    create = event("create_job", "public", body=json.dumps({"action": "export", "startAt": in_an_hour}))
    del create["headers"]["idempotency-key"]
    calls = {
        "get": ("get_job", event("get_job", "public")),
        "list50": ("list_jobs", event("list_jobs", "public", queryStringParameters={"limit": "50"})),
        "list200": ("list_jobs", event("list_jobs", "public", queryStringParameters={"limit": "200"})),
        "cancel": ("cancel_job", event("cancel_job", "public")),
        "create": ("create_job", create),
    }
    return {name: Work(built.paths(of), HANDLER, asked, endpoint) for name, (of, asked) in calls.items()}


def units() -> dict[str, dict[str, Any]]:
    """Request units of each operation of a job, metered on the simulated table."""
    grown = Grown(150)
    ports, project = grown.ports, grown.project
    new = NewJob(action="export", start_at=NOW + DAY)
    operations: dict[str, Callable[[], object]] = {
        "create": lambda: creation.create_job(ports, project, new, by=BY),
        "start": lambda: ports.attempts.start_jobs([JobKey(1, 7)], NOW + DAY),
        "complete": lambda: ports.attempts.complete_job(Attempt(1, 7, 1), Stamp(NOW + DAY, BY, "token"), []),
        "cancel": lambda: cancellation.cancel_job(ports, project, 8, by=BY),
        "get": lambda: get_job(ports, project, 9),
        "list50": lambda: list(list_jobs(ports, project, Page(1, 50)).jobs),
    }
    return {name: vars(grown.spend(do)) for name, do in operations.items()}


def tick() -> dict[str, float]:
    """Calls of a tick with nothing to do, and how long they take if each takes five milliseconds."""
    [cost] = [cost for cost in costs(150) if cost.operation == "tick"]
    return {"calls": cost.calls, "ms_at_5ms_a_call": -(-cost.calls // THREADS) * CALL}


def beside(built: Unpacked, works: dict[str, Work], endpoint: str) -> Iterator[tuple[str, Any]]:
    """Ours and the peers, in CPU of the application; nothing without PostgreSQL."""
    found = side_by_side.peers()
    if found is None:
        return
    # what the runtime client takes by itself: for nothing, and to pass on as much text as a list of 200 jobs has
    floors = {"floor_us": "{}", "floor_of_list200_us": side_by_side.listed(200)}
    yield from ((name, round(side_by_side.of_text(text) * 1e6)) for name, text in floors.items())
    ours = {name: side_by_side.of_function(works[name]) for name in found["psycopg"]}
    yield "cpu_us", {"ours": in_us(ours), "psycopg": in_us(found["psycopg"])}
    dispatch = {"ours": of_a_start(built, endpoint), **found["dispatch"]}
    yield "dispatch_ms", {name: round(spent * 1e3, 3) for name, spent in dispatch.items()}


def in_us(seconds: dict[str, float]) -> dict[str, int]:
    """In microseconds."""
    return {name: round(of * 1e6) for name, of in seconds.items()}


def of_a_start(built: Unpacked, endpoint: str) -> float:
    """CPU seconds of one start, in an invocation with ten full hints."""
    body = {"projectId": 1, "jobs": [[number, 1] for number in range(1, JOBS_PER_HINT + 1)]}
    record = event("start_jobs", "hint")["Records"][0] | {"body": json.dumps(body)}
    records = [record | {"messageId": f"message-{number}"} for number in range(HINTS)]
    work = Work(built.paths("start_jobs"), HANDLER, {"Records": records}, endpoint)
    return work.seconds_a_call(count=5) / (HINTS * JOBS_PER_HINT)


if __name__ == "__main__":
    main()
