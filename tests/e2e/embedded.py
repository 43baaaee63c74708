"""`python -m local` as a child process of the tests: to start it, call it, stop it, and see what it leaves behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import httpx
from jobs.runtime.admin import directory_admin
from jobs.tenancy import administration
from jobs.tenants import Role

from tests.fakes import BY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.store.directory_admin import DynamoDBDirectoryAdmin
    from jobs.tenants import Client, Project, Right

DAY = 86_400_000
ROOT = Path(__file__).parents[2]
#: Longer than a newcomer has to wait, because a slow machine is no failure of the service.
STARTS_WITHIN = 60.0
STOPS_WITHIN = 20.0
#: Nothing here uses TLS, and reading the certificates takes most of the time that making a client takes.
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass(frozen=True, slots=True)
class Tenant:
    """A project and a key of its organisation."""

    base_url: str
    project: Project
    key: str

    @property
    def v1(self) -> str:
        """Base of the project's paths in OpenReplay's v1."""
        return f"/api/v1/{self.project.project_key}"

    @property
    def public(self) -> str:
        """Base of the project's paths in the public dialect."""
        return f"/public/{self.project.project_key}"

    def call(self, method: str, target: str, **request: Any) -> httpx.Response:
        """Send a request with the key, in the form of the path's dialect. Escapes in `target` stay as they are."""
        authorization = self.key if target.startswith("/api/v1/") else f"Bearer {self.key}"
        headers = {"Authorization": authorization, **request.pop("headers", {})}
        return send(self.base_url, method, target, headers=headers, **request)

    def create(self, **body: Any) -> dict[str, Any]:
        """Create a job and return it."""
        answer = self.call("POST", f"{self.public}/jobs", json={"action": "export", **body})
        assert answer.status_code == httpx.codes.CREATED, answer.text
        job: dict[str, Any] = answer.json()["data"]
        return job

    def details(self, job_id: int) -> dict[str, Any]:
        """A job with its details."""
        job: dict[str, Any] = self.call("GET", f"{self.public}/jobs/{job_id}?include=details").json()["data"]
        return job


@dataclass(frozen=True, slots=True)
class Caller:
    """A user of an organisation, a client of that user, and the answer with the client's token."""

    base_url: str
    client: Client
    secret: str
    granted: dict[str, Any]

    @property
    def authorization(self) -> str:
        """The header that a client makes from the answer with its token."""
        return f"{self.granted['token_type']} {self.granted['access_token']}"

    def call(self, method: str, target: str, **request: Any) -> httpx.Response:
        """Send one request with the token."""
        headers = {"Authorization": self.authorization, **request.pop("headers", {})}
        return send(self.base_url, method, target, headers=headers, **request)

    def run(self, workflow_id: str, **body: Any) -> dict[str, Any]:
        """Run a workflow and return the job."""
        answer = self.call("POST", f"/webapi/v3/workflows/{workflow_id}/jobs", json=body)
        assert answer.status_code == httpx.codes.OK, answer.text
        job: dict[str, Any] = answer.json()
        return job

    def job(self, job_id: str) -> dict[str, Any]:
        """A job by its id in Alteryx' form."""
        job: dict[str, Any] = self.call("GET", f"/webapi/v3/jobs/{job_id}").json()
        return job


def v3_id(job: dict[str, Any]) -> str:
    """The id that Alteryx' form has for a job of the other dialects."""
    return f"{job['createdAt'] // 1000:08x}{job['projectId']:08x}{job['jobId']:08x}"


def now() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def far_ahead() -> int:
    """A time after the end of every test."""
    return now() + DAY


def text(body: object) -> str:
    """JSON as the service writes it: in order, compact, not escaped."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False)


def send(base_url: str, method: str, target: str, **request: Any) -> httpx.Response:
    """Send one request. Its target stays exactly as it is."""
    with httpx.Client(base_url=base_url, timeout=60, trust_env=False, verify=NO_CERTIFICATES) as client:
        return client.request(method, "/", extensions={"target": target.encode()}, **request)


@dataclass(slots=True)
class Embedded:
    """A running `python -m local`."""

    folder: Path
    environment: dict[str, str]
    #: The project to run.
    root: Path = ROOT
    #: Further arguments of the command.
    arguments: tuple[str, ...] = ()
    #: Seconds that starting and stopping may take.
    starts_within: float = STARTS_WITHIN
    stops_within: float = STOPS_WITHIN
    #: When it was launched, by the system clock.
    _began: float = 0.0
    _process: subprocess.Popen[bytes] | None = None
    #: Seconds until it was ready, and until it had stopped after the signal.
    started: float = 0.0
    stopped: float = 0.0

    def launch(self) -> None:
        """Start the process and wait for nothing."""
        self.scratch.mkdir(parents=True, exist_ok=True)
        self._began = time.time()
        with self.output_file.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "local", *self.arguments],
                cwd=self.root,
                env=self.environment,
                stdout=output,
                stderr=output,
            )

    def start(self) -> None:
        """Start it and wait until it says that it is ready."""
        began = time.monotonic()
        self.launch()
        while "is ready" not in self.output:
            assert self.process.poll() is None, self.output
            if time.monotonic() - began > self.starts_within:
                raise AssertionError(self.output)
            time.sleep(0.05)
        self.started = time.monotonic() - began

    def stop(self) -> None:
        """Send SIGTERM and assert that all is gone: process, workers, temporary files, ports, demo.json."""
        children, ports = self.children(), self.ports()
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(self.stops_within)
        self.stopped = time.monotonic() - began
        assert code == 0, self.output
        assert [child for child in children if is_alive(child)] == []
        assert list(self.scratch.iterdir()) == []
        # the emulator writes here by default, for any TMPDIR
        assert [path for path in Path("/tmp").glob("ministack-*") if path.stat().st_mtime >= self._began] == []  # noqa: S108
        assert [port for port in ports if is_open(port)] == []

    def kill(self) -> None:
        """Kill it and its children if it still runs, after a test that failed."""
        if self._process and self._process.poll() is None:
            children = self.children()
            self._process.kill()
            self._process.wait()
            for child in children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGTERM)

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process; it must be launched."""
        assert self._process, "not launched"
        return self._process

    @property
    def scratch(self) -> Path:
        """The folder for temporary files that the process sees."""
        return self.folder / "tmp"

    @property
    def output_file(self) -> Path:
        """The file that gets its output."""
        return self.folder / "output.txt"

    @property
    def output(self) -> str:
        """Its output so far."""
        return self.output_file.read_text()

    @property
    def demo_file(self) -> Path:
        """The file that it writes for programs."""
        return self.folder / "demo.json"

    @property
    def demo(self) -> dict[str, Any]:
        """The content of demo.json."""
        demo: dict[str, Any] = json.loads(self.demo_file.read_text())
        return demo

    @property
    def base_url(self) -> str:
        """Where the API is."""
        url: str = self.demo["baseUrl"]
        return url

    def aws(self, service: str) -> Any:
        """A client of the embedded AWS."""
        keys = (self.demo["awsAccessKeyId"], self.demo["awsSecretAccessKey"])
        return _client(service, self.demo["region"], self.demo["awsEndpoint"], keys)

    def new_tenant(self, name: str = "Test") -> Tenant:
        """Make an organisation with an empty project, so that tests do not see each other's jobs."""
        organisation = administration.create_organisation(self.directory, name)
        project = administration.create_project(self.directory, organisation.organisation_id, name)
        issued = administration.create_api_key(self.directory, organisation.organisation_id)
        return Tenant(self.base_url, project, issued.secret)

    def new_caller(self, tenant: Tenant, role: Role = Role.MEMBER, **collections: Right) -> Caller:
        """Make a user of a tenant's organisation in these collections, and a client of that user that gets a token."""
        directory, organisation = self.directory, tenant.project.organisation_id
        user = administration.create_user(directory, organisation, "Test", role)
        for collection, right in collections.items():
            administration.share_collection(directory, organisation, collection, user.user_id, right)
        client, secret = administration.create_client(directory, organisation, user.user_id, tenant.project.project_id)
        form = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": secret}
        answer = send(self.base_url, "POST", "/webapi/oauth2/token", data=form)
        assert answer.status_code == httpx.codes.OK, answer.text
        return Caller(self.base_url, client, secret, answer.json())

    @property
    def directory(self) -> DynamoDBDirectoryAdmin:
        """The directory, without the API."""
        return directory_admin(self.aws("dynamodb"), self.demo["tableName"], BY)

    def ports(self) -> list[int]:
        """The ports that it says it listens on."""
        return [httpx.URL(self.demo[name]).port or 0 for name in ("baseUrl", "awsEndpoint")]

    def children(self) -> list[int]:
        """Its child processes; empty if the system has no /proc."""
        return list(_children_of(self.process.pid))


def embedded(folder: Path, **environment: str) -> Embedded:
    """A stack that shares nothing with another one: it has its own folder, temporary files and ports."""
    inherited = {name: value for name, value in os.environ.items() if name not in {"PERSIST", "TMPDIR"}}
    own = {"JOBS_LOCAL_DIR": str(folder), "TMPDIR": str(folder / "tmp"), "PORT": "0"}
    return Embedded(folder, {**inherited, **own, **environment})


@cache
def _client(service: str, region: str, endpoint: str, keys: tuple[str, str]) -> Any:
    """A client of one service. It is kept, as making one takes longer than most tests do."""
    # `Any`, because the stubs take names of services only as literals.
    session: Any = boto3.session.Session(*keys, region_name=region)
    return session.client(service, endpoint_url=endpoint)


def _children_of(parent: int) -> Iterator[int]:
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name, in parentheses, may hold anything. The parent is the second field after it.
            if int(status.read_text().rpartition(")")[2].split()[1]) == parent:
                yield int(status.parent.name)


def is_alive(process: int) -> bool:
    """Whether a process with this number exists."""
    try:
        os.kill(process, 0)
    except OSError:
        return False
    return True


def is_open(port: int) -> bool:
    """Whether something listens on a port of 127.0.0.1."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
