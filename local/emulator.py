"""The embedded AWS: ministack, served by this process on a port of 127.0.0.1.

ministack reads its configuration from environment variables at import, and its Lambda workers are child processes that
inherit all of them. So the environment is prepared first, and the import comes after it.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import os
import re
import socket
import tempfile
import time
from typing import TYPE_CHECKING, Any, cast

import boto3
from hypercorn.asyncio import serve
from hypercorn.config import Config

from local.guard import Guard

if TYPE_CHECKING:
    from pathlib import Path

    from boto3.session import Session
    from hypercorn.typing import ASGIFramework

    from local.guard import Credentials

HOST = "127.0.0.1"
REGION = "us-east-1"

#: Variables of the caller's shell that the emulator and its workers must not see: real credentials, another endpoint, a
#: profile, the settings of another emulator.
INHERITED_BY_PREFIX = ("AWS_", "EDGE_", "LAMBDA_", "LOCALSTACK_", "MINISTACK_", "POWERTOOLS_", "S3_")
INHERITED_BY_NAME = ("AUTH", "LOG_LEVEL", "PYTHONPATH", "SERVICES", "USE_SSL")

#: The services that the template uses, and state machines, which may be workers. The emulator refuses all others.
SERVICES = (
    *("apigateway", "cloudformation", "dynamodb", "dynamodbstreams", "events", "iam", "lambda", "logs"),
    *("monitoring", "s3", "sqs", "states", "sts"),
)

#: Seconds that saving the data may take: a large table is written at once, at the end.
SAVES_WITHIN = 60.0

QUEUE_URL = re.compile(rf"http://{re.escape(HOST)}:[0-9]+(/[0-9]{{12}}/)")


class Server:
    """A hypercorn server in the running event loop. It takes its port at once and serves later.

    Raises:
        OSError: the port is in use.
    """

    def __init__(self, port: int = 0, host: str = HOST) -> None:
        # asyncio turns Nagle's algorithm off only if the protocol is named.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((host, port))
        self.port: int = self._socket.getsockname()[1]
        self._host = host
        self.url = f"http://{host}:{self.port}"
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self, app: ASGIFramework) -> None:
        """Serve `app`, and return when the port answers."""
        config = Config()
        config.bind = [f"fd://{self._socket.detach()}"]
        config.accesslog = None
        config.errorlog = logging.getLogger("hypercorn.error")
        config.graceful_timeout = 1.0
        config.keep_alive_timeout = 75
        self._task = asyncio.create_task(serve(app, config, shutdown_trigger=self._stop.wait))
        while True:
            if self._task.done():
                self._task.result()
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(self._host, self.port)
                writer.close()
                return
            await asyncio.sleep(0.01)

    async def stop(self, within: float) -> None:
        """Finish the current requests, for `within` seconds at most, and close the port."""
        self._stop.set()
        self._socket.close()
        if self._task:
            await asyncio.wait([self._task], timeout=within)


class Emulator:
    """ministack in this process. There can be only one, because it keeps its state in its modules."""

    def __init__(self, server: Server, scratch: Path, state: Path | None, credentials: Credentials) -> None:
        """Prepare the environment. It will answer on `server`.

        `scratch` takes temporary files, `state` the data that outlives the process.
        """
        self.credentials = credentials
        self._server = server
        self._state = state
        self.endpoint = self._server.url
        self.port = self._server.port
        self._isolate(scratch)
        if state:
            self._keep(state)
        self.app: ASGIFramework = importlib.import_module("ministack.app").app
        self._workers: Any = importlib.import_module("ministack.core.lambda_runtime")
        self._waking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Serve it, with the data of the last graceful stop if there is any."""
        await self._server.start(self.guarded(f"{HOST}:{self.port}"))
        self._waking = asyncio.create_task(self._wake_pollers())

    def guarded(self, *hosts: str) -> ASGIFramework:
        """The emulator for servers that these hosts name."""
        return cast("ASGIFramework", Guard(self.app, self.credentials.access_key_id, hosts))

    async def stop(self) -> None:
        """End the Lambda workers, save the data if it is kept, and close the port."""
        if self._waking:
            self._waking.cancel()
        await asyncio.to_thread(self._end_workers)
        await self._server.stop(within=SAVES_WITHIN if self._state else 2.0)

    async def _wake_pollers(self) -> None:
        """Make the emulator look at its queues ten times a second.

        By itself it looks once a second, so every start would be up to a second late. AWS delivers a message as soon as
        its delay is over.
        """
        wake = importlib.import_module("ministack.services.lambda_svc")._esm_wake  # noqa: SLF001  # the version is pinned
        while True:
            wake.set()
            await asyncio.sleep(0.1)

    def _isolate(self, scratch: Path) -> None:
        """Remove the caller's variables that AWS or the emulator would read, and set those that both need."""
        for name in list(os.environ):
            if name.startswith(INHERITED_BY_PREFIX) or name in INHERITED_BY_NAME:
                del os.environ[name]
        os.environ |= {
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(self._server.port),
            "MINISTACK_HOST": HOST,  # in the URLs of queues
            "MINISTACK_REGION": REGION,
            # of a request without credentials, which is a call of the HTTP API
            "MINISTACK_ACCOUNT_ID": self.credentials.access_key_id,
            "SERVICES": ",".join(SERVICES),
            # ministack would look for a container engine and remove the containers of other emulators.
            "DOCKER_HOST": f"unix://{scratch}/no-container-engine",
            # These services would open ports, the first one on all interfaces.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "TMPDIR": str(scratch),
            # ministack writes here even if nothing is kept, and by default not under TMPDIR.
            "STATE_DIR": str(scratch / "state"),
            "S3_DATA_DIR": str(scratch / "s3"),
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            # The caller's ~/.aws may set another endpoint, a proxy or a retry mode.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "NO_PROXY": HOST,
            "no_proxy": HOST,
        }
        tempfile.tempdir = str(scratch)

    def _keep(self, state: Path) -> None:
        """Keep the data in `state`, and adapt what is already there to this run."""
        os.environ |= {"PERSIST_STATE": "1", "STATE_DIR": str(state)}
        os.environ |= {"S3_PERSIST": "1", "S3_DATA_DIR": str(state / "s3")}
        # The URLs of queues have the port of the run that created them.
        for service in ("cloudformation", "lambda", "sqs"):
            kept = state / f"{service}.json"
            if kept.is_file():
                kept.write_text(QUEUE_URL.sub(rf"{self.endpoint}\1", kept.read_text()))

    def _end_workers(self) -> None:
        """End every Lambda worker, even one that is busy, and let no new one start.

        A worker is a child process and a temporary folder. ministack has no call for this; its version is pinned.
        """

        def refuse(_: object) -> None:
            raise RuntimeError("the emulator is stopping")

        runtime = self._workers
        runtime.Worker._spawn = refuse  # noqa: SLF001  # as the docstring says
        deadline = time.monotonic() + 1.5
        while time.monotonic() < deadline:
            workers = [worker for pool in list(runtime._workers.values()) for worker in list(pool)]  # noqa: SLF001
            runtime.kill_workers(workers)
            # A held lock is an invocation that has not noticed yet, or a worker that was just starting.
            if not any(worker._lock.locked() for worker in workers):  # noqa: SLF001
                return
            time.sleep(0.02)


def session(credentials: Credentials) -> Session:
    """A boto3 session that ignores the caller's AWS configuration."""
    return boto3.session.Session(*credentials, region_name=REGION)
