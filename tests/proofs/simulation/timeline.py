"""Simulated time: a heap of events, and processes that run one at a time.

The code under test blocks as it does on Lambda, so each invocation needs a stack of its own to wait on. It gets a
thread, but only one thread runs at a time: a baton goes to the next process in simulated time. So every effect happens
at its own time, in the order of the heap, and a run depends on nothing but its seed.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from functools import partial
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Action: TypeAlias = "Callable[[], object]"

#: Product code never recurses deeply, and hundreds of invocations wait at once.
STACK_BYTES = 512 * 1024


class Closed(BaseException):
    """The simulation is over. It unwinds waiting processes, and is no `Exception` because tested code catches those."""


class _Process:
    """A thread that runs one body after another while it holds the baton."""

    def __init__(self, timeline: Timeline) -> None:
        self.baton = threading.Lock()
        self.baton.acquire()
        self.body: Action | None = None
        self._timeline = timeline
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        self.baton.acquire()
        with suppress(Closed):
            while self.body is not None and not self._timeline.closed:
                try:
                    self.body()
                except Exception as error:  # noqa: BLE001  # raised again where the simulation is driven from
                    self._timeline.fail(error)
                self._timeline.retire(self)


class Timeline:
    """Milliseconds since the epoch, which pass only by waiting. The thread that makes it is its first process."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.closed = False
        self._heap: list[tuple[float, int, Action | _Process]] = []
        self._order = count()
        self._driver = self._running = _Process(self)
        self._idle: list[_Process] = []
        self._processes: list[_Process] = []
        self._error: Exception | None = None

    def at(self, when: float, action: Action) -> None:
        """Schedule an action at a time. It must not wait."""
        heappush(self._heap, (max(when, self.now), next(self._order), action))

    def after(self, milliseconds: float, action: Action) -> None:
        """Schedule an action after some time. It must not wait."""
        self.at(self.now + milliseconds, action)

    def start(self, body: Action) -> None:
        """Begin a process now. Its body may wait."""
        if self._idle:
            process = self._idle.pop()
        else:
            before = threading.stack_size(STACK_BYTES)
            process = _Process(self)
            process.thread.start()
            threading.stack_size(before)
            self._processes.append(process)
        process.body = body
        heappush(self._heap, (self.now, next(self._order), process))

    def wait(self, milliseconds: float) -> None:
        """Let time pass for the calling process.

        Raises:
            Exception: what another process or an action has raised; only in the driver.
        """
        until = self.now + milliseconds
        if not self._heap or self._heap[0][0] > until:
            self.now = until  # nobody else has anything to do until then
            return
        me = self._running
        heappush(self._heap, (until, next(self._order), me))
        self._hand_on(me)
        if me is self._driver and self._error is not None:
            raise self._error

    def wait_for(self, bodies: Iterable[Action]) -> None:
        """Begin several processes, and wait in the calling one until all have ended."""
        me = self._running
        left = 0

        def run(body: Action) -> None:
            nonlocal left
            try:
                body()
            finally:
                left -= 1
                if not left and not self.closed:
                    heappush(self._heap, (self.now, next(self._order), me))

        for body in bodies:
            left += 1
            self.start(partial(run, body))
        if left:
            self._hand_on(me)

    def retire(self, process: _Process) -> None:
        """Put a process whose body has ended aside for the next body, and hand the baton on."""
        self._idle.append(process)
        self._hand_on(process)

    def fail(self, error: Exception) -> None:
        """Keep an exception that must never occur, and wake the driver, which raises it."""
        self._error = self._error or error
        heappush(self._heap, (float("-inf"), next(self._order), self._driver))

    def close(self) -> None:
        """End all processes, wherever they are."""
        self.closed = True
        for process in self._processes:
            process.baton.release()
            process.thread.join()

    def _hand_on(self, me: _Process) -> None:
        """Do the next actions until a process has its turn, and give it the baton."""
        while True:
            when, _, what = heappop(self._heap)
            self.now = max(self.now, when)
            if not isinstance(what, _Process):
                try:
                    what()
                except Exception as error:  # noqa: BLE001  # as above: this thread is not to blame
                    self.fail(error)
                continue
            if what is not me:
                self._running = what
                what.baton.release()
                me.baton.acquire()
                if self.closed:
                    raise Closed
            return
