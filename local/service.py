"""All parts of the local service: started in the order in which they need each other, and stopped at any point."""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import shutil
from typing import TYPE_CHECKING

from jobs.runtime.admin import directory_admin

from local import demo, examples, stack
from local.door import Door, FrontDoor, RefusedError, server_on
from local.emulator import REGION, Emulator, session
from local.follow import Follower
from local.guard import Credentials
from local.settings import FOLDER, ROOT, shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from boto3.session import Session

    from local.settings import Settings

#: Files beside the emulator's own, if the data is kept.
KEYS = "keys.json"
CREDENTIALS = "credentials.json"
LOCK = "lock"


class Service:
    """The API, the emulator behind it, and the lines that show status changes."""

    def __init__(self, settings: Settings, scratch: Path, say: Callable[[str], None]) -> None:
        """Take the port and the kept data; `scratch` is for the emulator's temporary files.

        Raises:
            RefusedError: one of them is in use, or a container engine is needed and does not answer.
        """
        self._settings = settings
        self._say = say
        self._door = _door(settings)
        if settings.state:
            _claim(settings.state)
        _log_to(settings.log_file)
        self._emulator = Emulator(
            server_on(settings.aws_port, "AWS_PORT"), scratch, settings.state, _credentials(settings.state)
        )
        self._follower: Follower | None = None
        #: The content of demo.json, when it is written.
        self.demo: demo.Demo = {}

    async def start(self) -> None:
        """Start everything.

        Raises:
            DeploymentFailedError: the template could not be deployed.
            RefusedError: the functions could not be built or served in containers.
        """
        aws, endpoint = session(self._emulator.credentials), self._emulator.endpoint
        await self._emulator.start()
        deployed = await asyncio.to_thread(stack.deploy, aws, endpoint, ROOT, self._door.url, self._settings.cors)
        keys, _ = await asyncio.gather(
            asyncio.to_thread(self._seed, aws, deployed),
            asyncio.to_thread(stack.warm, aws, endpoint, deployed),
        )
        names = deployed.table_name, deployed.refusals_log
        self._follower = await asyncio.to_thread(Follower, aws, endpoint, *names, self._say)
        await self._door.open(self._emulator, deployed, keys)
        self.demo = {
            "baseUrl": self._door.url,
            "awsEndpoint": endpoint,
            "awsAccessKeyId": self._emulator.credentials.access_key_id,
            "awsSecretAccessKey": self._emulator.credentials.secret_access_key,
            "region": REGION,
            "stackName": stack.STACK_NAME,
            "tableName": deployed.table_name,
            "busName": deployed.bus_name,
            "sessionsBucket": deployed.sessions_bucket,
            "ingestQueueUrl": deployed.resources["IngestQueue"],
            "refusedQueueUrl": deployed.resources["IngestDeadLetterQueue"],
            **keys,
        }
        demo.write(self._settings.demo_file, self.demo)

    @property
    def lines_to_paste(self) -> list[tuple[str, str]]:
        """Shell commands, each with a title."""
        folder = self._settings.folder
        return demo.lines_to_paste(None if folder == FOLDER else str(folder)) + self._door.lines_to_paste

    def follow(self) -> None:
        """Show status changes from now on."""
        if self._follower:
            self._follower.start()

    async def stop(self) -> None:
        """Stop everything: first the part that takes calls, then the part that answers them."""
        if self._follower:
            self._follower.stop()
        await self._door.close()
        await self._emulator.stop()
        if not self._settings.persist:
            demo.remove(self._settings.demo_file, self.demo)

    def _seed(self, aws: Session, deployed: stack.Stack) -> demo.Demo:
        """Create the demo's keys and sessions, or find those of the kept data."""
        endpoint = self._emulator.endpoint
        directory = directory_admin(aws.client("dynamodb", endpoint_url=endpoint), deployed.table_name, "demo")
        s3 = aws.client("s3", endpoint_url=endpoint)

        def put_object(key: str, content: bytes) -> None:
            s3.put_object(Bucket=deployed.sessions_bucket, Key=key, Body=content)

        def seed() -> demo.Demo:
            opened = examples.seed(directory, ROOT) if self._settings.containers else None
            return demo.seed(directory, put_object, opened)

        if not self._settings.state:
            return seed()
        kept = self._settings.state / KEYS
        keys = demo.seeded_before(directory, kept) or seed()
        demo.write(kept, keys)
        return keys


def _door(settings: Settings) -> Door:
    if not settings.containers:
        return FrontDoor(settings.port)
    from local.sam import SamLocal  # noqa: PLC0415  # it imports the container engine's client, which is slow

    return SamLocal(settings)


def _claim(state: Path) -> None:
    """Lock the kept data until this process ends.

    Raises:
        RefusedError: another process uses it.
    """
    state.mkdir(exist_ok=True)
    lock = os.open(state / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise RefusedError(f"Another `make run PERSIST=1` uses the data in {shown(state)}.") from None
    if not (state / KEYS).exists():
        # A run that failed before it had keys left this behind.
        for path in state.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != LOCK:
                path.unlink()


def _credentials(state: Path | None) -> Credentials:
    """What opens the embedded AWS: the same again if the data is kept, because its account is in all of it."""
    if state is None:
        return Credentials.new()
    kept = state / CREDENTIALS
    if not kept.exists():
        demo.write(kept, Credentials.new()._asdict())
    return Credentials(**json.loads(kept.read_text()))


def _log_to(path: Path) -> None:
    """Log to a file. The emulator would otherwise log to the terminal."""
    handler = logging.FileHandler(path, mode="w", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.captureWarnings(capture=True)
