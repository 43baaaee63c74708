"""docs/performance.md, written from what a bench has measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.performance.meter import Spent
from tests.performance.price import OTHERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: What was aimed at, in the units of the tables.
INIT_TARGETS = {"read": 0.90, "write": 1.20}
WARM_TARGETS = {"get": 0.90, "list50": 1.8, "list200": 3.3}
#: The same figures of the service as it was on 2026-11-28, measured in the same way on the same day as the first page.
INIT_BEFORE = {"get_job": 1.30, "list_jobs": 1.30, "create_job": 1.64}
WARM_BEFORE = {"get": 1.01, "list50": 3.97, "list200": 10.0, "cancel": 1.06, "create": 2.02}
#: Functions that validate bodies by pydantic.
WRITE = frozenset({"announce_artifact", "create_job", "ingest_events", "manage_schedules", "move_job"})
NAMES = {"get": "get", "list50": "list of 50", "list200": "list of 200", "cancel": "cancel", "create": "create"}

PAGE = """# Performance

`make bench` wrote this page on a shared virtual machine with two processors. It compares figures of one run:
instructions where valgrind counts them, processor seconds elsewhere, and never clock time. It says nothing about
networks, about Lambda, or about how long a caller waits: nothing was measured on AWS. DynamoDB is a stand-in on
127.0.0.1 that answers with canned bytes and real check sums.

The bench needs valgrind and PostgreSQL (Debian: `apt install valgrind postgresql`). Without them it leaves out what
needs them, and this page alone. On first use it installs the peers, from PyPI, in `.local/peers`. It took {minutes}
minutes after the build.

## Cold starts

Instructions of importing the built function and making its client, over `import boto3; boto3.client("dynamodb")`.

{init}

The target is {read} for functions that read and {write} for those that validate bodies. botocore and its client are
0.68 of it. Functions with bodies take about 0.3 more: pydantic, and the building of our models. Models that not every
environment needs are built when the first body of their kind comes, so the first call of a kind takes what it takes to
build its own. What keeps cold starts short is in decision [0043](decisions/0043-what-a-cold-start-leaves-out.md). Byte
code travels in the layers.

## Warm calls

The whole handler, over one `get_item` of botocore's own client, with credential and project remembered.

{warm}

The fifth of a call that is left is ours, not botocore's: decision [0048](decisions/0048-the-short-way-to-dynamodb.md).
A list is two calls of DynamoDB, the page and the number of all jobs, or one if the first page is not full. In
instructions, the rows of a list of 200 are 1.04 for reading the answer with orjson, which makes a dictionary of each
attribute, 0.61 for mapping, 0.24 for their fields, and 0.2 for writing. Without the garbage collector it would take
2.6 % less, which is not worth a rule of its own. What else was done is in decisions
[0011](decisions/0011-items-as-dynamodb-wrote-them.md) and [0044](decisions/0044-a-faster-json-library.md).

## Peers

Processor time of the application for a request, in microseconds. Ours runs under Lambda's own runtime client, which
takes {floor} for a function that does nothing; that is taken off here. The peer is FastAPI with psycopg under
uvicorn, with the same data and answers (`tests/performance/peers/web.py`).

{peers}

The aim is 2.0 of the peer for get and cancel, and less than the peer for lists. A list of 200 misses it. Lambda's
client takes {passing} more to pass on an answer of 52 KB than an empty one, which is not ours. To read DynamoDB's JSON
takes about 300, because each attribute is an object of its own. The history of a job is two fifths of that. The peer's
rows come as columns, which its driver, written in C, has unpacked already. msgspec reads into declared types: it would
save half of the 300, but add 0.03 to each cold start. A history that is stored as one text would save 70. Times of
creation and change beside the history would save 120, but each change would write more. Together they would not
suffice.

Processor time of one start, in milliseconds, of a worker with a full queue; the aim is 1.2 of the least:

{dispatch}

## What operations cost

Request units by DynamoDB's documented rules, metered by `tests/performance/meter.py`:

{units}

A million jobs that are created by HTTP, started and completed one by one, in dollars by list prices
([costs.md](costs.md)):

{dollars}

A tick with nothing to do makes {calls} calls, which take {ms} ms at 5 ms a call.

## Growth

No call costs more because its project has more jobs:

![Request units of a call, by the jobs of its project](images/growth.svg)

{growth}

## Start lag

How late jobs start that are due at once, 1,000 projects together, on simulated services whose call times are guesses
(`python -m tests.performance.bursts`):

![When jobs of 1,000 projects have started that are due at once](images/bursts.svg)

And how late the jobs of a simulated day start, with the faults of a good day and of a bad one, beside the same jobs
with a cron that looks once a minute (`python -m tests.performance.days`):

![When the jobs of a day have started](images/days.svg)

Whole days, and single jobs beside a herd, are [simulated too](proofs.md#days-and-midnights). What a burst needs on
AWS is computed in [operations.md](operations.md#a-burst-at-midnight).
"""


def render(measured: Mapping[str, Any]) -> str:
    """The page."""
    cpu, floor = measured["cpu_us"], measured["floor_us"]
    ours = {name: of - floor for name, of in cpu["ours"].items()}
    return PAGE.format(
        minutes=measured["minutes"],
        read=f"{INIT_TARGETS['read']:.2f}",
        write=f"{INIT_TARGETS['write']:.2f}",
        init=table(["Function", "Before", "Now"], _init(measured["init"])),
        warm=table(
            ["Call", "Target", "Before", "Now", "Now, in processor time"],
            (
                (NAMES[name], WARM_TARGETS.get(name, ""), WARM_BEFORE[name], of, measured["warm_cpu"][name])
                for name, of in measured["warm"].items()
            ),
        ),
        floor=floor,
        passing=measured["floor_of_list200_us"] - floor,
        peers=table(
            ["", *(NAMES[name] for name in ours)],
            [
                ("ours", *ours.values()),
                ("FastAPI and psycopg", *(cpu["psycopg"][name] for name in ours)),
                ("ours, over the peer", *(f"{of / cpu['psycopg'][name]:.2f}" for name, of in ours.items())),
            ],
        ),
        dispatch=table(["", "ms"], measured["dispatch_ms"].items()),
        units=table(["Operation", "Units and calls"], ((name, Spent(**of)) for name, of in measured["units"].items())),
        dollars=table(["", "", "$"], _dollars(measured["usd_per_million"])),
        calls=measured["tick"]["calls"],
        ms=measured["tick"]["ms_at_5ms_a_call"],
        growth=table(
            ["Calls, read units and write units", *(f"{int(jobs):,} jobs" for jobs in measured["growth"])],
            (
                (name, *(" · ".join(f"{part:g}" for part in of[name]) for of in measured["growth"].values()))
                for name in next(iter(measured["growth"].values()))
            ),
        ),
    )


def _init(found: Mapping[str, float]) -> Iterable[tuple[object, ...]]:
    for name, of in sorted(found.items(), key=lambda one: (one[0] in WRITE, one[0])):
        yield f"`{name}`", INIT_BEFORE.get(name, ""), f"{of:.2f}"


def _dollars(found: Mapping[str, float]) -> Iterable[tuple[object, ...]]:
    how = {other.name: other.how for other in OTHERS}
    for name, of in found.items():
        yield name.replace("_", " "), how.get(name, "this service"), f"{of:.2f}"


def table(heads: list[str], rows: Iterable[Iterable[object]]) -> str:
    """A table of Markdown: the first column is text."""
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *([str(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
