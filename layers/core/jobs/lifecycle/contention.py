"""Writing what others want to write too: how long to wait between tries, and when to give up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.errors import Busy
from jobs.model import SECOND
from jobs.outcomes import AppendOutcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from jobs.outcomes import AppendResult
    from jobs.ports import Ports

#: How long a caller's write contends before it gives up. A count of tries would fail where many create at once.
DEADLINE = 5 * SECOND
#: How long a batch of events contends. It can wait longer, and must not be thrown back half done.
BATCH_DEADLINE = 20 * SECOND
#: The window of the first random wait, and the widest one.
MIN_WINDOW = 20
MAX_WINDOW = 400


class Contention:
    """The waits of one write: each is a random time in a window that doubles."""

    def __init__(self, ports: Ports, deadline: int) -> None:
        self._ports = ports
        self._end = ports.clock.now() + deadline
        self._window = MIN_WINDOW

    def wait(self) -> None:
        """Wait before the next try.

        Raises:
            Busy: the deadline, in milliseconds from the beginning, has passed.
        """
        if self._ports.clock.now() >= self._end:
            raise Busy
        self._ports.clock.sleep(self._window * self._ports.random())
        self._window = min(2 * self._window, MAX_WINDOW)

    def settle(self, write: Callable[[], AppendResult]) -> AppendResult:
        """Try a write again until its outcome is certain.

        Raises:
            Busy: the deadline has passed.
        """
        while (result := write()).outcome is AppendOutcome.UNCERTAIN:
            self.wait()
        return result
