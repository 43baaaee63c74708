"""What the caller's environment asks for, and where things are."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Settings:
    """`PORT` of the API, `PERSIST=1` to keep the data, and `JOBS_LOCAL_DIR` for the folder of what is written.

    `EMULATOR_HOST` is how containers call this machine, where the engine does not tell.
    """

    port: int
    persist: bool
    folder: Path
    #: Whether the built functions answer the calls, in containers of `sam local`.
    containers: bool = False
    #: Empty to have it found out.
    emulator_host: str = ""

    @classmethod
    def from_environment(cls, *, containers: bool = False) -> Settings:
        """Read them: port 8080, or SAM's 3000 (0 takes a free one), nothing kept, and `.local` where nothing is set.

        Raises:
            ValueError: PORT is not a port.
        """
        port = int(os.environ.get("PORT") or (3000 if containers else 8080))
        if not 0 <= port < 2**16:
            raise ValueError(port)
        folder = Path(os.environ.get("JOBS_LOCAL_DIR") or ROOT / ".local").resolve()
        persist = os.environ.get("PERSIST", "") not in {"", "0"}
        return cls(port, persist, folder, containers, os.environ.get("EMULATOR_HOST", ""))

    @property
    def demo_file(self) -> Path:
        """Tells programs where everything is and what opens it."""
        return self.folder / "demo.json"

    @property
    def log_file(self) -> Path:
        """What the emulator has to say."""
        return self.folder / "emulator.log"

    @property
    def sam_folder(self) -> Path:
        """What `sam local` is given."""
        return self.folder / "sam"

    @property
    def state(self) -> Path | None:
        """Where the emulator keeps the data, None where it is not to."""
        return self.folder / "state" if self.persist else None


def shown(path: Path) -> str:
    """A path as it is read best: from the project's root where it lies under it."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
