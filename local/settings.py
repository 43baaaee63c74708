"""Settings from the environment, and the places of files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: For all files, if no other folder is asked for.
FOLDER = ROOT / ".local"


@dataclass(frozen=True, slots=True)
class Settings:
    """`PORT` of the API, `PERSIST=1` to keep the data, and `JOBS_LOCAL_DIR`, the folder for all files.

    `AWS_PORT` is the port of the embedded AWS.
    `CORS` are the origins of web pages that may call the API, joined by commas.
    `EMULATOR_HOST` is the name or address by which containers reach this machine, if the engine does not show it.
    """

    port: int
    persist: bool
    folder: Path
    #: Whether the built functions answer, in containers of `sam local`.
    containers: bool = False
    #: Empty to ask the engine.
    emulator_host: str = ""
    #: The value of the template's parameter `CorsAllowedOrigins`.
    cors: str = ""
    #: 0 takes a free port.
    aws_port: int = 0

    @classmethod
    def from_environment(cls, *, containers: bool = False) -> Settings:
        """Read the settings; the defaults are port 8080 (SAM's 3000 with containers), no kept data, and `.local`.

        Port 0 takes a free port, which is the default for the embedded AWS.

        Raises:
            ValueError: PORT or AWS_PORT is not a port.
        """
        port, aws_port = _port("PORT", 3000 if containers else 8080), _port("AWS_PORT", 0)
        folder = Path(os.environ.get("JOBS_LOCAL_DIR") or FOLDER).resolve()
        persist = os.environ.get("PERSIST", "") not in {"", "0"}
        host, cors = os.environ.get("EMULATOR_HOST", ""), os.environ.get("CORS", "")
        return cls(port, persist, folder, containers, host, cors, aws_port)

    @property
    def demo_file(self) -> Path:
        """Shows programs the addresses and the keys."""
        return self.folder / "demo.json"

    @property
    def log_file(self) -> Path:
        """The emulator's log."""
        return self.folder / "emulator.log"

    @property
    def sam_folder(self) -> Path:
        """The files for `sam local`."""
        return self.folder / "sam"

    @property
    def state(self) -> Path | None:
        """The folder in which the emulator keeps the data; `None` if it is not kept."""
        return self.folder / "state" if self.persist else None


def _port(name: str, default: int) -> int:
    """The port that a variable names.

    Raises:
        ValueError: it names none.
    """
    text = os.environ.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or int(text) >= 2**16:
        raise ValueError(f"{name} is not a port: {text}")
    return int(text)


def shown(path: Path) -> str:
    """A path for people to read: relative to the project's root if it is under it."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
