"""What a stack costs: an idle month and a million jobs, by the template as AWS gets it and by list prices.

`python -m tests.performance.price` prints the tables of docs/costs.md; a test compares them. No bill was ever
seen. Times and log lines are assumptions, named here; numbers of alarms, memory, batches and such are the template's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from jobs.runtime.wiring import THREADS

from tests.architecture.checks import mappings, of, ticks, translated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.architecture.checks import Json

# List prices of us-east-1 in dollars, on demand, without free allowances.
WRITE_UNITS = 0.625 / 1e6
READ_UNITS = 0.125 / 1e6
HTTP_REQUESTS = 1.00 / 1e6
LAMBDA_REQUESTS = 0.20 / 1e6
LAMBDA_GB_SECONDS = 16.67 / 1e6
SQS_REQUESTS = 0.40 / 1e6
EVENTS = 1.00 / 1e6
TRACES = 5.00 / 1e6
LOG_GB = 0.50
STORED_GB_MONTH = 0.25
ALARM_MONTH = 0.10
DASHBOARD_MONTH = 3.00

MONTH = 30 * 24 * 3600
#: Lambda looks at a queue with so many long polls at a time, of so many seconds each.
POLLERS, LONG_POLL = 5, 20
#: X-Ray's default: one trace a second, and of the rest one in twenty. A tick a minute is always traced.
TRACED = 0.05
#: Assumed: one call of DynamoDB, the work of a function around it, and what an invocation writes to its log.
CALL = 0.005
WORK = 0.006
LOG_KB = 1.5
ACCESS_LOG_KB = 0.4
#: Read units of a Query of the index that finds nothing.
LOOK = 0.5
#: Request units of a plain job, from docs/access-patterns.md: create, start, end.
WRITES = 2 + 3 + 2
#: The newest number; and alone also credential and project, the report's project, and the project of three changes.
READS_IN_BULK, READS_ALONE = 1.0, 1.0 + 1.5 + 1.0 + 3 * 0.5
#: Scheduled, Started, Completed.
CHANGES = 3
JOBS_PER_HINT = 25
#: What SQS gives in one request, and what the bus takes.
SQS_BATCH = 10
EVENTS_PER_CALL = 10
#: A year in a project that keeps everything, and in one that forgets: payload after a month, what names people after
#: three. Never is after so many months as the year has.
YEAR = 12
PAYLOAD_MONTHS, REDACT_MONTHS = (YEAR, 1), (0, 3)
#: Write and read units of a whole life, metered by test_meter.py: a job with a reference, up to 1 KB of parameters and
#: as much of outputs, in a project that keeps everything, and in one that forgets.
KEPT_UNITS, FORGOTTEN_UNITS = (11, 1.0), (25, 6.0)
#: Bytes of its rows, each with the 100 that DynamoDB adds: the job, its payload, and that it is about a person.
JOB_BYTES, PAYLOAD_BYTES, REFERENCE_BYTES = 500, 2_500, 300


class Line(NamedTuple):
    """One row of a table, its dollars in one or two columns."""

    what: str
    how: str
    dollars: tuple[float, ...]


class Part(NamedTuple):
    """What a function does for one job: alone, and as its share of a full batch."""

    function: str
    invocations: tuple[float, float]
    #: Calls that an invocation makes one after another.
    calls: tuple[int, int]


def idle(template: Json) -> Iterator[Line]:
    """A month in which nothing is due."""
    minutes = MONTH / 60
    shards = template["Parameters"]["ShardCount"]["Default"]
    resources = template["Resources"]
    alarms = len([name for name in of(template, "AWS::CloudWatch::Alarm") if "Condition" not in resources[name]])
    yield Line("Alarms", f"{alarms} at {ALARM_MONTH:.2f}", (alarms * ALARM_MONTH,))
    dashboards = len(of(template, "AWS::CloudWatch::Dashboard"))
    how = f"{dashboards}, of three that are free in an account; otherwise {DASHBOARD_MONTH:.2f}"
    yield Line("Dashboard", how, (0,))
    queues = len(list(mappings(template, "AWS::SQS::Queue")))
    how = f"{queues} queues with consumers, {POLLERS} polls of {LONG_POLL} s each"
    yield Line("SQS", how, (queues * POLLERS * MONTH / LONG_POLL * SQS_REQUESTS,))
    traced = len([name for name in ticks(template) if _is_traced(template, name)])
    if traced:
        yield Line("Ticks, X-Ray", f"{traced} traces a minute", (traced * minutes * TRACES,))
    # what is to be forgotten is also two strong Queries that find nothing
    units = shards * (LOOK + LOOK + LOOK) + 2
    what = "for what is due, timed out and to be forgotten"
    how = f"{units:.0f} units a minute: a look into each of {shards} shards {what}"
    yield Line("Ticks, reading", how, (units * minutes * READ_UNITS,))
    how = f"{shards} calls each, {THREADS} at a time; {1000 * CALL:.0f} ms each assumed"
    functions = ("DispatchDueJobsFunction", "ReapLostJobsFunction", "RedactJobsFunction")
    run = sum(_invocation(template, name, -(-shards // THREADS)) for name in functions)
    yield Line("Ticks, Lambda", how, (minutes * run,))
    logged = len(ticks(template)) * minutes * LOG_KB / 1e6
    yield Line("Ticks, logs", f"{LOG_KB} KB a run assumed", (logged * LOG_GB,))


def a_job(template: Json) -> Iterator[Line]:
    """A job that is created by HTTP, started and completed: alone, and among as many as batches take."""
    yield Line("Writing", f"{WRITES} units: create 2, start 3, complete 2", (WRITES * WRITE_UNITS,) * 2)
    how = f"{READS_ALONE} units alone, {READS_IN_BULK} if credentials and projects are cached"
    yield Line("Reading", how, (READS_ALONE * READ_UNITS, READS_IN_BULK * READ_UNITS))
    yield Line("HTTP API", "1 request", (HTTP_REQUESTS,) * 2)
    yield Line("EventBridge", f"{CHANGES} changes out, 1 report in", ((CHANGES + 1) * EVENTS,) * 2)
    how = "send, receive and delete of a hint and of a report"
    in_bulk = 3 / JOBS_PER_HINT + 1 + 2 / SQS_BATCH
    yield Line("SQS", how, (6 * SQS_REQUESTS, in_bulk * SQS_REQUESTS))
    parts = list(_parts(template))
    invocations = [sum(part.invocations[column] for part in parts) for column in (0, 1)]
    how = f"{invocations[0]:.0f} invocations alone, {invocations[1]:.2f} in full batches; times assumed"
    yield Line("Lambda", how, (_invoked(template, parts, 0), _invoked(template, parts, 1)))
    yield Line("X-Ray", f"one in {1 / TRACED:.0f} invocations", tuple(often * TRACED * TRACES for often in invocations))
    how = f"{LOG_KB} KB an invocation assumed, and {ACCESS_LOG_KB} KB of access log"
    yield Line("Logs", how, tuple((often * LOG_KB + ACCESS_LOG_KB) / 1e6 * LOG_GB for often in invocations))


def _parts(template: Json) -> Iterator[Part]:
    kinds = ("AWS::SQS::Queue", "AWS::DynamoDB::Table")
    sizes = {function: mapping["BatchSize"] for kind in kinds for _, mapping, function, _ in mappings(template, kind)}
    hints, reports = sizes["StartJobsFunction"], sizes["IngestEventsFunction"]
    changes = sizes["PublishChangesFunction"]
    yield Part("CreateJobFunction", (1, 1), (5, 3))
    yield Part("StartJobsFunction", (1, 1 / (hints * JOBS_PER_HINT)), (1, hints))
    yield Part("IngestEventsFunction", (1, 1 / reports), (3, reports))
    yield Part("PublishChangesFunction", (CHANGES, CHANGES / changes), (2, changes // EVENTS_PER_CALL))


def _invoked(template: Json, parts: list[Part], column: int) -> float:
    """Dollars of all invocations for one job, alone or in bulk."""
    return sum(part.invocations[column] * _invocation(template, part.function, part.calls[column]) for part in parts)


def _invocation(template: Json, name: str, calls: int) -> float:
    """Dollars of one invocation that makes so many calls one after another."""
    memory: int = of(template, "AWS::Lambda::Function")[name]["MemorySize"]
    return LAMBDA_REQUESTS + memory / 1024 * (WORK + calls * CALL) * LAMBDA_GB_SECONDS


def _is_traced(template: Json, name: str) -> bool:
    traced: bool = of(template, "AWS::Lambda::Function")[name].get("TracingConfig") == {"Mode": "Active"}
    return traced


class Other(NamedTuple):
    """Another way to run a million jobs that are asked for by HTTP, started at their time and reported on."""

    name: str
    how: str
    #: Write and read units of a job beside those that ours has in any case.
    writes: float
    reads: float
    #: Dollars for what it has and ours has not, less what ours has and it has not, for one job.
    more: float


#: A hint is sent, received and deleted.
HINT = 3 * SQS_REQUESTS
#: Standard workflows, each state a transition: wait, start and await the report, end.
TRANSITIONS = 3 * 25.00 / 1e6
SCHEDULE = 1.00 / 1e6
OTHERS = (
    Other("scheduler", "a schedule of EventBridge Scheduler a job, no index: 60 s precision", 3, 0, SCHEDULE - HINT),
    Other("step_functions", "a standard workflow a job, its state kept there too", 3, 0, TRANSITIONS - HINT),
    Other("naive", "numbers from a counter, a row for each change, all in transactions, a read before each", 18, 3, 0),
)


def per_million(template: Json) -> Iterator[tuple[str, float]]:
    """Dollars of a million jobs, one by one: ours, and the others with the same HTTP, events, functions and logs."""
    ours = sum(line.dollars[0] for line in a_job(template))
    yield "ours", round(1e6 * ours, 2)
    for other in OTHERS:
        units = (other.writes - WRITES) * WRITE_UNITS + other.reads * READ_UNITS
        yield other.name, round(1e6 * (ours + units + other.more), 2)


def a_year() -> Iterator[tuple[str, float, float]]:
    """What a year of a million jobs a month takes: without retention, and with it."""
    rows, stored, bytes_at_end = [], [], []
    for payload_months, reference_months in zip(PAYLOAD_MONTHS, REDACT_MONTHS, strict=True):
        months = [(m, min(m, payload_months), min(m, reference_months)) for m in range(1, YEAR + 1)]
        sizes = [m * JOB_BYTES + p * PAYLOAD_BYTES + r * REFERENCE_BYTES for m, p, r in months]
        jobs, payloads, references = months[-1]
        # parameters and outputs
        rows.append(jobs + 2 * payloads + references)
        bytes_at_end.append(sizes[-1] / 1e3)
        stored.append(sum(sizes) / 1e3 * STORED_GB_MONTH)
    units = [YEAR * 1e6 * (write * WRITE_UNITS + read * READ_UNITS) for write, read in (KEPT_UNITS, FORGOTTEN_UNITS)]
    yield "Rows at its end, in millions", rows[0], rows[1]
    yield "GB at its end", bytes_at_end[0], bytes_at_end[1]
    yield "$ for storage", stored[0], stored[1]
    yield "$ for request units, of whole lives", units[0], units[1]


def page(template: Json) -> str:
    """The tables of the month and of the jobs, as docs/costs.md has them."""
    million = [Line(what, how, tuple(1e6 * each for each in dollars)) for what, how, dollars in a_job(template)]
    month = _table(["A month in which nothing is due", "From", "$"], list(idle(template)))
    jobs = _table(["A million jobs", "From", "$ one by one", "$ in full batches"], million)
    return f"{month}\n\n{jobs}"


def year_page() -> str:
    """The table of the year."""
    heads = "| A year of a million jobs a month | All is kept | Forgets |\n| --- | ---: | ---: |\n"
    return heads + "\n".join(f"| {what} | {kept:.1f} | {forgets:.1f} |" for what, kept, forgets in a_year())


def _table(heads: list[str], lines: list[Line]) -> str:
    together = tuple(sum(column) for column in zip(*(line.dollars for line in lines), strict=True))
    rows = [heads, ["---", "---", *["---:"] * (len(heads) - 2)]]
    rows += [[line.what, line.how, *(f"{each:.2f}" for each in line.dollars)] for line in lines]
    rows.append(["**Together**", "", *(f"**{each:.2f}**" for each in together)])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


if __name__ == "__main__":
    print(page(translated()), year_page(), sep="\n\n")
