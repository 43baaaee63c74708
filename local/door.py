"""What takes the calls of the HTTP API, on a port of 127.0.0.1."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

from local.documentation import Documentation
from local.emulator import HOST, Server
from local.gateway import Gateway

if TYPE_CHECKING:
    from local.emulator import Emulator
    from local.stack import Stack


class RefusedError(Exception):
    """What the service needs is taken or not there; the text says what, and what can be done."""


class Door(Protocol):
    """Where clients find the API, from when it is made; it answers from `open` to `close`."""

    url: str

    @property
    def lines_to_paste(self) -> list[tuple[str, str]]:
        """Commands for a shell that only this one offers, each with what it shows."""
        ...

    async def open(self, emulator: Emulator, deployed: Stack) -> None:
        """Answer calls, by the functions of the deployed stack."""
        ...

    async def close(self) -> None:
        """Answer no more, wherever `open` has got to."""
        ...


class FrontDoor:
    """The emulator's own HTTP API, its functions run by the emulator's workers."""

    def __init__(self, port: int) -> None:
        """Take the port.

        Raises:
            RefusedError: it is in use.
        """
        self._server = server_on(port)
        self.url = self._server.url

    @property
    def lines_to_paste(self) -> list[tuple[str, str]]:
        """See `Door`."""
        return []

    async def open(self, emulator: Emulator, deployed: Stack) -> None:
        """See `Door`."""
        await self._server.start(Documentation(Gateway(emulator.app, deployed.api_id, self._server.port)))

    async def close(self) -> None:
        """See `Door`."""
        await self._server.stop(within=1.5)


def server_on(port: int) -> Server:
    """A server for a port that the caller has asked for.

    Raises:
        RefusedError: it is in use.
    """
    try:
        return Server(port)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise RefusedError(f"{HOST}:{port}: {reason}. PORT=… takes another port.") from error
