"""Measure the service and its peers in one run, in CPU seconds of the application's process for each request.

Ours runs under Lambda's own runtime client, which asks a stand-in of Lambda's API for one event after another. What
that client takes by itself is measured with a handler that does nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from jobs.representation import core_fields, dump
from jobs.tenancy import access

from tests.architecture.project import ROOT
from tests.builders import a_project
from tests.performance.artefact import Work
from tests.performance.database import answers, database, free_port, programs
from tests.performance.stand_in import API_KEY, JOBS, the_job

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HERE = Path(__file__).parent / "peers"
#: An environment of its own, because the peers' packages are no part of the project.
PYTHON = ROOT / ".local" / "peers" / "bin" / "python"
REQUESTS, FIRST = 1_500, 200
QUEUED = 5_000
NOTHING = "def handler(event, context):\n    return {'statusCode': 200, 'body': BODY}\n"


def install() -> None:
    """Install the peers where they are not installed as pinned."""
    uv, pins = str(Path(sys.executable).parent / "uv"), str(HERE / "requirements.txt")
    if not PYTHON.exists():
        subprocess.run([uv, "venv", "-q", "-p", sys.executable, str(PYTHON.parents[1])], check=True)
    subprocess.run([uv, "pip", "sync", "-q", "--python", str(PYTHON), "--require-hashes", pins], check=True)


def seconds_of(pid: int) -> float:
    """CPU seconds that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# ---- ours ---------------------------------------------------------------------------------------------------------


class _Api(BaseHTTPRequestHandler):
    """As much of Lambda's runtime API as a handler needs that never fails."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    event = b""
    left = 0
    spent: Sequence[float] = ()
    pid = 0
    done = threading.Event()

    def do_GET(self) -> None:
        cls = type(self)
        if cls.left in {REQUESTS, 0}:
            cls.spent = (*cls.spent, seconds_of(cls.pid))
        if cls.left == 0:
            cls.done.set()
            threading.Event().wait()  # until this process ends
        cls.left -= 1
        self._answer(200, cls.event)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(202, b'{"status":"OK"}')

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Lambda-Runtime-Aws-Request-Id", "request-id")
        self.send_header("Lambda-Runtime-Deadline-Ms", "9999999999999")
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:f")
        self.send_header("Content-Type", "application/json")  # the client crashes without it
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def of_function(work: Work) -> float:
    """CPU seconds of an invocation of `app.handler` under Lambda's runtime client."""
    parts = {"event": json.dumps(work.event or {}).encode(), "left": FIRST + REQUESTS, "done": threading.Event()}
    api: Any = type("Api", (_Api,), parts)
    server = ThreadingHTTPServer(("127.0.0.1", 0), api)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    told = {
        **work.environment,
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_address[1]}",
        "LAMBDA_TASK_ROOT": work.paths[0],
        "_HANDLER": "app.handler",
        "PYTHONPATH": os.pathsep.join(work.paths),
        "PATH": os.environ["PATH"],
    }
    command = [str(PYTHON), "-m", "awslambdaric", "app.handler"]
    with subprocess.Popen(command, env=told, stdout=subprocess.DEVNULL, cwd=work.paths[0]) as process:
        api.pid = process.pid
        api.done.wait(60)
        process.kill()
    server.shutdown()
    before, after = map(float, api.spent)
    return (after - before) / REQUESTS


def of_text(text: str) -> float:
    """CPU seconds of the runtime client alone, for a function that answers with a text."""
    with TemporaryDirectory() as folder:
        (Path(folder) / "app.py").write_text(f"BODY = {text!r}\n{NOTHING}")
        return of_function(Work([folder], ""))


def listed(count: int) -> str:
    """The body of a list of so many jobs."""
    return dump({"data": [core_fields(the_job(number), None) for number in range(1, count + 1)]})


# ---- FastAPI and psycopg ------------------------------------------------------------------------------------------


def of_web(address: str, calls: Mapping[str, tuple[str, str]]) -> dict[str, float]:
    """CPU seconds of a request to FastAPI under uvicorn, by the names of the calls."""
    _fill(address)
    with _served(address) as (pid, port):
        return {name: _of_request(pid, port, *call) for name, call in calls.items()}


def _fill(address: str) -> None:
    project = a_project()
    jobs = [core_fields(the_job(number), None) for number in range(1, JOBS + 1)]
    names = (
        *("projectId", "jobId", "description", "status", "action", "referenceId"),
        *("createdAt", "updatedAt", "startAt", "errors"),
    )
    data = {
        "key": [project.project_key, access.digest_of(API_KEY), project.project_id],
        "jobs": [[job[name] for name in names] for job in jobs],
    }
    subprocess.run([str(PYTHON), str(HERE / "fill.py"), address], input=json.dumps(data), text=True, check=True)


@contextmanager
def _served(address: str) -> Iterator[tuple[int, int]]:
    port = free_port()
    command = [str(PYTHON), "-m", "uvicorn", "web:app", "--port", str(port), "--no-access-log", "--log-level", "error"]
    environment = {"DATABASE": address, "PATH": os.environ["PATH"]}
    with subprocess.Popen(command, cwd=HERE, env=environment) as process:
        try:
            answers(port)
            yield process.pid, port
        finally:
            process.terminate()


def _of_request(pid: int, port: int, method: str, target: str) -> float:
    connection = HTTPConnection("127.0.0.1", port)
    headers = {"Authorization": f"Bearer {API_KEY}"}

    def ask(times: int) -> None:
        for _ in range(times):
            connection.request(method, target, headers=headers)
            answer = connection.getresponse()
            if answer.read() and answer.status != 200:
                raise AssertionError(answer.status)

    ask(FIRST)
    before = seconds_of(pid)
    ask(REQUESTS)
    return (seconds_of(pid) - before) / REQUESTS


# ---- queues -------------------------------------------------------------------------------------------------------


def of_queue(peer: str, address: str) -> float:
    """CPU seconds of a job that a worker of another queue starts."""
    command = [str(PYTHON), str(HERE / "queues.py"), peer, address, str(QUEUED)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    spent: float = json.loads(said.stdout.splitlines()[-1])
    return spent


def calls() -> dict[str, tuple[str, str]]:
    """The calls that are compared: method and target."""
    path = f"/public/{a_project().project_key}/jobs"
    return {
        "get": ("GET", f"{path}/1"),
        "list50": ("GET", f"{path}?limit=50"),
        "list200": ("GET", f"{path}?limit=200"),
        "cancel": ("DELETE", f"{path}/1"),
    }


def peers() -> dict[str, dict[str, float]] | None:
    """Measure FastAPI and both queues; None without PostgreSQL."""
    found = programs()
    if found is None:
        return None
    install()
    with database(found) as address:
        web = of_web(address, calls())
        return {"psycopg": web, "dispatch": {peer: of_queue(peer, address) for peer in ("procrastinate", "pgqueuer")}}
