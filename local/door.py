"""Where calls of the HTTP API come in, on a port of 127.0.0.1."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

from local.console import Console
from local.cors import WithCors
from local.documentation import Documentation
from local.emulator import HOST, Server
from local.gateway import Gateway

if TYPE_CHECKING:
    from local.demo import Demo
    from local.emulator import Emulator
    from local.stack import Stack


class RefusedError(Exception):
    """Something that the service needs is missing or in use; the text says what, and what to do about it."""


class Door(Protocol):
    """The address of the API, known at once; calls are answered between `open` and `close`."""

    url: str

    @property
    def lines_to_paste(self) -> list[tuple[str, str]]:
        """Shell commands that only this door offers, each with a title."""
        ...

    async def open(self, emulator: Emulator, deployed: Stack, keys: Demo) -> None:
        """Answer calls with the functions of the deployed stack; `keys` are the demo's, for pages."""
        ...

    async def close(self) -> None:
        """Stop answering, even if `open` has not finished."""
        ...


class FrontDoor:
    """The emulator's own HTTP API. The emulator's workers run the functions."""

    def __init__(self, port: int) -> None:
        """Take the port.

        Raises:
            RefusedError: the port is in use.
        """
        self._server = server_on(port, "PORT")
        self.url = self._server.url

    @property
    def lines_to_paste(self) -> list[tuple[str, str]]:
        """See `Door`."""
        return []

    async def open(self, emulator: Emulator, deployed: Stack, keys: Demo) -> None:
        """See `Door`."""
        gateway = Gateway(emulator.app, deployed.api_id, self._server.port)
        documented = Documentation(WithCors(gateway, deployed.cors))
        await self._server.start(Console(documented, keys))

    async def close(self) -> None:
        """See `Door`."""
        await self._server.stop(within=1.5)


def server_on(port: int, name: str) -> Server:
    """A server on the port that the user asked for by the variable `name`.

    Raises:
        RefusedError: the port is in use.
    """
    try:
        return Server(port)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise RefusedError(f"{HOST}:{port}: {reason}. Set {name} to use another port.") from error
