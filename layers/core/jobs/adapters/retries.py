"""Sending again what AWS did not accept."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.ports import Clock

Entry = TypeVar("Entry")

#: How often an entry is sent in all, and the first pause in milliseconds. Each further pause is twice as long.
TRIES = 3
FIRST_PAUSE = 50


def until_accepted(send: Callable[[list[Entry]], list[Entry]], batch: list[Entry], clock: Clock) -> list[Entry]:
    """Send a batch, then again what was refused; return what was never accepted. `send` returns what is left."""
    left = send(batch)
    for attempt in range(TRIES - 1):
        if not left:
            break
        clock.sleep(FIRST_PAUSE * 2**attempt)
        left = send(left)
    return left
