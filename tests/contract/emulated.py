"""The embedded AWS as a child process of the tests, because it takes over the environment of its process."""

from __future__ import annotations

import asyncio
import importlib
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.emulator import Emulator, Server
from local.guard import Credentials

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def emulator(scratch: Path) -> Iterator[str]:
    """Run one and return its endpoint."""
    with subprocess.Popen(
        [sys.executable, "-m", __name__, str(scratch)],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        yield child.stdout.readline().strip()
        child.stdin.close()


async def _serve(scratch: Path) -> None:
    """Serve until nobody holds the other end of the standard input."""
    emulated = Emulator(Server(), scratch, None, Credentials("test", "test"))
    _teach_list_append()
    await emulated.start()
    sys.stdout.write(f"{emulated.endpoint}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await emulated.stop()


def _teach_list_append() -> None:
    """Add LIST_APPEND, which DynamoDB's PartiQL has by its documentation and the emulator's lacks."""
    service = importlib.import_module("ministack.services.dynamodb")
    known = service._pq_call  # the version is pinned

    def call(name: str, values: list[Any], nodes: list[Any]) -> Any:
        if name == "list_append":
            first, second = values
            return {"L": [*first["L"], *second["L"]]}
        return known(name, values, nodes)

    service.__dict__["_pq_call"] = call


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
