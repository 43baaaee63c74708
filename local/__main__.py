"""`python -m local`, which is `make run`: everything up, lines to paste, a line for each status change, all down again.

Settings, from the environment: `PORT` of the API (8080; 0 takes a free one), `PERSIST=1` to keep the data, and
`JOBS_LOCAL_DIR` for the folder of `demo.json`, the log and the kept data (`.local`).
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.demo import Demo
    from local.emulator import Emulator, Server
    from local.follow import Follower

ROOT = Path(__file__).resolve().parent.parent
LOG_LINES_SHOWN = 15
#: Beside the emulator's own files, where the data is kept.
KEYS = "keys.json"
LOCK = "lock"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment asks for."""

    port: int
    persist: bool
    folder: Path

    @classmethod
    def from_environment(cls) -> Settings:
        """Read them.

        Raises:
            ValueError: PORT is not a port.
        """
        port = int(os.environ.get("PORT") or 8080)
        if not 0 <= port < 2**16:
            raise ValueError(port)
        folder = Path(os.environ.get("JOBS_LOCAL_DIR") or ROOT / ".local").resolve()
        return cls(port, os.environ.get("PERSIST", "") not in {"", "0"}, folder)

    @property
    def demo_file(self) -> Path:
        """Says where everything is and what opens it."""
        return self.folder / "demo.json"

    @property
    def log_file(self) -> Path:
        """What the emulator has to say."""
        return self.folder / "emulator.log"

    @property
    def state(self) -> Path | None:
        """Where the emulator keeps the data, None where it is not to."""
        return self.folder / "state" if self.persist else None


@dataclass(slots=True)
class Running:
    """What has been started so far, so that it can be stopped at any point of the start."""

    front: Server
    emulator: Emulator
    follower: Follower | None = None
    demo: Demo = field(default_factory=dict)

    async def stop(self) -> None:
        """Stop it: first what takes calls, then what answers them."""
        if self.follower:
            self.follower.stop()
        await self.front.stop(within=1.5)
        await self.emulator.stop()


def say(line: str = "") -> None:
    """Print a line at once, also into a pipe; one that nobody reads any more is no reason to end."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


async def start(running: Running, settings: Settings) -> None:
    """Start everything, in the order of who needs whom."""
    from jobs.store.directory import DynamoDBDirectory  # noqa: PLC0415  # as in `main`

    from local import demo, stack  # noqa: PLC0415
    from local.emulator import REGION, session  # noqa: PLC0415
    from local.follow import Follower  # noqa: PLC0415
    from local.gateway import Gateway  # noqa: PLC0415

    emulator = running.emulator
    aws, endpoint = session(), emulator.endpoint
    await emulator.start()
    deployed = await asyncio.to_thread(stack.deploy, aws, endpoint, ROOT)

    def seed() -> Demo:
        directory = DynamoDBDirectory(aws.client("dynamodb", endpoint_url=endpoint), deployed.table_name)
        if not settings.state:
            return demo.seed(directory)
        kept = settings.state / KEYS
        keys = demo.seeded_before(directory, kept) or demo.seed(directory)
        demo.write(kept, keys)
        return keys

    keys, _ = await asyncio.gather(
        asyncio.to_thread(seed),
        asyncio.to_thread(stack.warm, aws, endpoint, deployed),
    )
    running.follower = await asyncio.to_thread(Follower, aws, endpoint, deployed.table_name, say)
    await running.front.start(Gateway(emulator.app, deployed.api_id, running.front.port))
    running.demo = {
        "baseUrl": running.front.url,
        "awsEndpoint": endpoint,
        "region": REGION,
        "stackName": stack.STACK_NAME,
        "tableName": deployed.table_name,
        **keys,
    }
    demo.write(settings.demo_file, running.demo)


async def run(settings: Settings, scratch: Path, began: float) -> int:
    """Start, serve until a signal comes, stop; return the exit code."""
    stopped = asyncio.Event()
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    from local import demo  # noqa: PLC0415  # as in `main`
    from local.emulator import HOST, Emulator, Server  # noqa: PLC0415
    from local.stack import DeploymentFailedError  # noqa: PLC0415

    try:
        front = Server(settings.port)
    except OSError as error:
        say(f"{HOST}:{settings.port}: {os.strerror(error.errno or 0)}. `make run PORT=…` takes another port.")
        return 1
    if not claim(settings.state):
        say(f"Another `make run PERSIST=1` is at work with the data in {shown(settings.folder)}.")
        return 1
    log_to(settings.log_file)
    settings.demo_file.unlink(missing_ok=True)
    running = Running(front, Emulator(scratch, settings.state))
    signalled = asyncio.create_task(stopped.wait())
    starting = asyncio.create_task(start(running, settings))
    try:
        await asyncio.wait({starting, signalled}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            return 0
        starting.result()
        show(running, settings, time.monotonic() - began)
        await signalled
        say()
    except DeploymentFailedError as error:
        say(f"The template could not be deployed: {error}")
        show_log(settings)
        return 1
    else:
        return 0
    finally:
        starting.cancel()
        await running.stop()
        if not settings.persist:
            demo.remove(settings.demo_file, running.demo)


def show(running: Running, settings: Settings, seconds: float) -> None:
    """Say that it is ready, what to do with it, and follow what happens."""
    from local.demo import lines_to_paste  # noqa: PLC0415  # as in `main`

    say(f"The API is ready on {running.front.url} (after {seconds:.1f} s).")
    say(f"Keys and addresses are in {shown(settings.demo_file)}, the embedded AWS is on {running.emulator.endpoint}.")
    for title, line in lines_to_paste(running.demo):
        say(f"\n# {title}\n{line}")
    kept = "The data is kept." if settings.persist else "The data goes with it; PERSIST=1 keeps it."
    say(f"\nEvery status change, as it is committed. Ctrl-C stops. {kept}\n")
    if running.follower:
        running.follower.start()


def show_log(settings: Settings) -> None:
    """Show what the emulator said last."""
    lines = settings.log_file.read_text(errors="replace").splitlines()
    say(f"\nThe end of {shown(settings.log_file)}:")
    for line in lines[-LOG_LINES_SHOWN:]:
        say(f"  {line}")


def shown(path: Path) -> str:
    """A path as it is read best: from the project's root where it lies under it."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def claim(state: Path | None) -> bool:
    """Take the kept data for this process until it ends; False where another one has it."""
    if state:
        state.mkdir(exist_ok=True)
        lock = os.open(state / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        if not (state / KEYS).exists():
            # Left by a run that failed before there was anything to keep.
            for path in state.iterdir():
                if path.is_dir():
                    shutil.rmtree(path)
                elif path.name != LOCK:
                    path.unlink()
    return True


def log_to(path: Path) -> None:
    """Send everything that is logged in this process to a file; this must precede the emulator's own set-up."""
    handler = logging.FileHandler(path, mode="w", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.captureWarnings(capture=True)


def main() -> int:
    """Run, and leave nothing behind.

    Imports that take long wait until the loop has its signal handlers, so that a signal during the start ends it in
    good order as well.
    """
    began = time.monotonic()
    try:
        settings = Settings.from_environment()
    except ValueError as error:
        say(f"PORT is not a port: {error}")
        return 1
    settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="jobs-local-"))
    try:
        return asyncio.new_event_loop().run_until_complete(run(settings, scratch, began))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    code = 1
    try:
        code = main()
    except Exception:  # noqa: BLE001  # shown here, as the next line leaves no time for it
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # The emulator's threads know no end, and the interpreter would wait for them.
        os._exit(code)
