"""`python -m local` (`make run`): start everything, print lines to paste and every status change, stop everything.

With `python -m local sam` (`make sam-local`) the built functions answer the calls, in containers.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from local.settings import Settings, shown

if TYPE_CHECKING:
    from local.service import Service

LOG_LINES_SHOWN = 15


def say(line: str = "") -> None:
    """Print a line at once, even into a pipe. A pipe that nobody reads any more does not end the program."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


async def run(settings: Settings, scratch: Path, began: float) -> int:
    """Start, serve until a signal arrives, and stop; return the exit code."""
    stopped = asyncio.Event()
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    # These imports take a second. A signal is handled from here on, so that it can end the start in good order.
    from local.door import RefusedError  # noqa: PLC0415
    from local.service import Service  # noqa: PLC0415
    from local.template import DeploymentFailedError  # noqa: PLC0415

    try:
        service = Service(settings, scratch, say)
    except RefusedError as error:
        say(str(error))
        return 1
    settings.demo_file.unlink(missing_ok=True)
    signalled = asyncio.create_task(stopped.wait())
    starting = asyncio.create_task(service.start())
    try:
        await asyncio.wait({starting, signalled}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            show(service, settings, time.monotonic() - began)
            service.follow()
            await signalled
            say()
    except RefusedError as error:
        say(str(error))
        return 1
    except DeploymentFailedError as error:
        say(f"The template could not be deployed: {error}")
        show_log(settings)
        return 1
    else:
        return 0
    finally:
        starting.cancel()
        await service.stop()


def show(service: Service, settings: Settings, seconds: float) -> None:
    """Say that the service is ready, and what to do with it."""
    demo = service.demo
    say(f"The API is ready on {demo['baseUrl']} (after {seconds:.1f} s).")
    if not settings.containers:
        say(f"See the jobs in a browser: {demo['baseUrl']}/console")
        say(f"Try every call in a browser: {demo['baseUrl']}/docs")
    say(f"Keys and addresses are in {shown(settings.demo_file)}, the embedded AWS is on {demo['awsEndpoint']}.")
    for title, line in service.lines_to_paste:
        say(f"\n# {title}\n{line}" if title else line)
    say("\ndocs/quickstart.md goes on from here, with a worker of your own.")
    kept = "The data is kept." if settings.persist else "The data is then deleted; PERSIST=1 keeps it."
    say(f"\nEvery status change and refused event appears below. Ctrl-C stops the service. {kept}\n")


def show_log(settings: Settings) -> None:
    """Show the last lines of the emulator's log."""
    lines = settings.log_file.read_text(errors="replace").splitlines()
    say(f"\nThe end of {shown(settings.log_file)}:")
    for line in lines[-LOG_LINES_SHOWN:]:
        say(f"  {line}")


def main() -> int:
    """Run the service, and leave no temporary file behind."""
    began = time.monotonic()
    os.umask(0o077)  # all that is written is for its owner alone, whatever folder it is in
    try:
        settings = Settings.from_environment(containers=sys.argv[1:] == ["sam"])
    except ValueError as error:
        say(str(error))
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
    except Exception:  # noqa: BLE001  # shown here, because `os._exit` shows nothing
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # The emulator's threads never end, and a normal exit would wait for them.
        os._exit(code)
