"""`make bench`: what a cold start and a warm call cost, as ratios of one run.

This is no test: machines are shared, so nothing here passes or fails. It compares CPU seconds of this process, never
clock time. Each figure is the least of several rounds. DynamoDB is a stand-in on 127.0.0.1 with canned answers.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import boto3
from botocore.config import Config
from jobs.dialects.registry import PUBLIC
from jobs.model import JobKey
from jobs.queries import Page, get_job, list_jobs
from jobs.store import client, items

from tests.builders import a_call, a_job, a_project
from tests.fakes import World
from tests.stores import a_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

ROOT = Path(__file__).parents[2]
COLD_ROUNDS = 7
WARM_ROUNDS = 5
BASE = 'import boto3; boto3.client("dynamodb", region_name="us-east-1")'
#: A function as Lambda starts it: the module, and the clients that its first call makes.
COLD = "import functions.{0}.app; from jobs.runtime import wiring; the_store()"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_DEFAULT_REGION": "us-east-1",
    "JOBS_TABLE": "jobs",
    "POWERTOOLS_SERVICE_NAME": "jobs",
    "POWERTOOLS_METRICS_NAMESPACE": "Jobs",
}


def cold(program: str) -> float:
    """CPU seconds of a fresh interpreter, byte code in place."""
    environment = {**os.environ, **ENVIRONMENT, "PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    spent = []
    for _ in range(COLD_ROUNDS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", program], env=environment, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return min(spent)


def warm(call: Callable[[], object], times: int) -> float:
    """CPU seconds of one call in this process."""
    call()
    spent = []
    for _ in range(WARM_ROUNDS):
        before = time.process_time()
        for _ in range(times):
            call()
        spent.append((time.process_time() - before) / times)
    return min(spent)


def answer_canned(ready: Connection, rows: dict[int, bytes]) -> None:
    """Stand in for DynamoDB: answer a GetItem or UpdateItem with one row, a Query with as many as its bounds say."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # One segment for head and body, because waiting for an acknowledgement in between would dominate the figures.
        wbufsize = -1

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            values = request.get("ExpressionAttributeValues", {})
            count = int(values[":last"]["S"]) - int(values[":first"]["S"]) + 1 if ":last" in values else 1
            body = rows[count if "KeyConditionExpression" in request else 0]
            if "Statements" in request:
                body = json.dumps({"Responses": [{"TableName": "jobs"} for _ in request["Statements"]]}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    ready.send(server.server_address[1])
    server.serve_forever()


def canned() -> dict[int, bytes]:
    """Answers by their number of rows; 0 is the answer of a GetItem and of an UpdateItem."""
    row = items.job_to_item(
        a_job(description="Delete user sessions of userId = someone@example.com", reference_id="someone@example.com"),
        "token-of-16-chars",
        32,
    )
    queries = {count: json.dumps({"Items": [row] * count, "Count": count}).encode() for count in (1, 50, 200)}
    return {0: json.dumps({"Item": row, "Attributes": row}).encode(), **queries}


def show(title: str, rows: dict[str, float], unit: float) -> None:
    """Print figures as ratios of the unit."""
    print(f"\n{title}")
    for name, seconds in rows.items():
        print(f"  {name:<44}{seconds / unit:6.2f}")


def main() -> None:
    """Measure and print."""
    os.environ.update(ENVIRONMENT)
    base = cold(BASE) - cold("pass")
    functions = sorted(path.name for path in (ROOT / "functions").iterdir() if (path / "app.py").is_file())
    show(
        'Cold start, CPU. 1.00 is `import boto3; boto3.client("dynamodb")` over a bare interpreter',
        {name: cold(COLD.format(name)) - cold("pass") for name in functions},
        base,
    )

    context = get_context("spawn")
    here, there = context.Pipe()
    stand_in = context.Process(target=answer_canned, args=(there, canned()), daemon=True)
    stand_in.start()
    endpoint = f"http://127.0.0.1:{here.recv()}"
    try:
        measure_warm(endpoint)
    finally:
        stand_in.terminate()
        stand_in.join()


def measure_warm(endpoint: str) -> None:
    """Measure what a call does between its arrival and its answer, with our client and with botocore's own."""
    os.environ["AWS_ENDPOINT_URL"] = endpoint
    stock: Any = boto3.client("dynamodb")
    ours: Any = client.dynamodb_client(Config(parameter_validation=False))
    project, call = a_project(), a_call(PUBLIC)
    key = items.key(("1#0", "0000000001"))
    unit = warm(lambda: stock.get_item(TableName="jobs", Key=key), 200)

    def rows(of: Any) -> dict[str, float]:
        store = a_store(of, 32, table="jobs")
        store.highest_job_id = lambda *_, **__: 10_000  # type: ignore[method-assign]  # the total is another call

        def list_of(size: int) -> object:
            return PUBLIC.render_listing(list_jobs(World(store=cast("Any", store)), project, Page(1, size)), call)

        return {
            "get": warm(lambda: PUBLIC.render_job(get_job(World(store=cast("Any", store)), project, 1)), 200),
            "list 50": warm(lambda: list_of(50), 50),
            "list 200": warm(lambda: list_of(200), 20),
        }

    title = "Warm call, CPU. 1.00 is one `get_item` of botocore's own client over a socket"
    show(f"{title}\n  with botocore's own parser", rows(stock), unit)
    show("  with items as they come", rows(ours), unit)

    herd = [JobKey(1, number) for number in range(1, 26)]
    alone, together = (a_store(ours, 32, start_batch, table="jobs") for start_batch in (1, len(herd)))
    show(
        "Start of one job, CPU, in the same unit",
        {
            "alone": warm(lambda: alone.start_jobs(herd, 0), 20) / len(herd),
            "one of 25 together": warm(lambda: together.start_jobs(herd, 0), 100) / len(herd),
        },
        unit,
    )


if __name__ == "__main__":
    main()
