"""PostgreSQL for a bench: a cluster of its own in a temporary folder, on 127.0.0.1, gone at the end."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Where Debian's package puts what is not on the path.
DEBIAN = Path("/usr/lib/postgresql")
#: PostgreSQL refuses root. Debian's package makes this user.
USER = "postgres"


def programs() -> Path | None:
    """The folder with PostgreSQL's programs; None if it is not installed."""
    versions = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = versions[-1] if versions else shutil.which("initdb")
    return Path(found).parent if found else None


@contextmanager
def database(bin_: Path) -> Iterator[str]:
    """Run PostgreSQL, and give its address."""
    runner = ["runuser", "-u", USER, "--"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory() as folder:
        if runner:
            shutil.chown(folder, USER)
        data = Path(folder) / "data"
        made = [*runner, str(bin_ / "initdb"), "-D", str(data), "-A", "trust", "-U", "bench"]
        subprocess.run(made, check=True, stdout=subprocess.DEVNULL, cwd=folder)
        port = free_port()
        options = ["-h", "127.0.0.1", "-p", str(port), "-k", folder, "-c", "fsync=off"]
        command = [*runner, str(bin_ / "postgres"), "-D", str(data), *options]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=folder) as process:
            try:
                answers(port)
                yield f"postgresql://bench@127.0.0.1:{port}/postgres"
            finally:
                stop = [*runner, str(bin_ / "pg_ctl"), "stop", "-m", "fast", "-D", str(data)]
                subprocess.run(stop, check=True, stdout=subprocess.DEVNULL, cwd=folder)
                process.wait()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def answers(port: int, seconds: float = 30) -> None:
    """Wait until something listens there."""
    end = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return
