"""Between the code under test and AWS: how long a call takes, what may happen to it on its way, and what ends a call.

An `Environment` is one of Lambda's: clients of its own, a share of a processor, and a deadline. Every call of AWS goes
through `Environment.call`, which does what botocore does: waits, gives up, tries again.
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from botocore.exceptions import ClientError, ReadTimeoutError
from jobs.runtime.wiring import CONFIG
from jobs.store import failures

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from tests.proofs.simulation.ledger import Ledger
    from tests.proofs.simulation.timeline import Timeline

Answer = TypeVar("Answer")

#: Memory at which Lambda gives a function one whole processor (Developer Guide, «Configure Lambda function memory»).
MEGABYTES_OF_A_PROCESSOR = 1769
#: Processor time of a call on one whole processor, and of each statement or entry that it carries; as `make bench` and
#: the pages of decisions have it, rounded up.
CALL_MILLISECONDS = 1.0
ENTRY_MILLISECONDS = 0.03

READ_TIMEOUT = CONFIG.read_timeout * 1000  # type: ignore[attr-defined]  # the stubs know no options
DYNAMODB_TRIES = CONFIG.retries["total_max_attempts"]  # type: ignore[attr-defined]  # likewise
#: What botocore's standard mode tries again beside lost answers (botocore/retries/standard.py).
TRIED_AGAIN = failures.THROTTLES | {"InternalServerError", "TransactionInProgressException"}


@dataclass(frozen=True)
class Faults:
    """How probable each fault is; of a call unless it says otherwise. All are drawn from the run's seed."""

    lost_request: float = 0.0005
    lost_answer: float = 0.0005
    #: Half of these have committed what they were asked for.
    server_error: float = 0.0005
    #: The invocation ends there and then, half of the time after the call took effect.
    crash: float = 0.00005
    #: Of a write: a transaction holds the row.
    conflict: float = 0.002
    #: Of an entry of SendMessageBatch or PutEvents.
    entry_refused: float = 0.002
    #: Of a message that is received, and of an event that is delivered.
    doubled_message: float = 0.005
    doubled_event: float = 0.005
    #: Of a minute of a schedule.
    dropped_tick: float = 0.02
    doubled_tick: float = 0.02
    #: Of a write: the index falls behind with this part of the table, for `slow_index_milliseconds` at most.
    slow_index: float = 0.0005
    slow_index_milliseconds: float = 30_000.0


NO_FAULTS = Faults(*[0.0] * len(Faults.__dataclass_fields__))


class Latency(NamedTuple):
    """A call's time without trouble: log-normal, so that one in a hundred takes exp(2.33 spread) times as long."""

    median: float
    spread: float = 0.5

    def draw(self, random: Random) -> float:
        """Milliseconds of one call."""
        return math.exp(random.gauss(math.log(self.median), self.spread))


class ServiceError(ClientError):
    """What a simulated service answers by its own rules; every other error is a defect of the code under test."""


class LostAnswer(ReadTimeoutError):
    """Request or answer went missing."""


class Killed(BaseException):
    """Lambda ends the invocation: a crash, or its time is up. No `Exception`, which code under test may catch."""


def service_error(code: str, **response: Any) -> ServiceError:
    """Make an error by its code; `response` holds what comes beside it."""
    return ServiceError({"Error": {"Code": code, "Message": ""}, **response}, "Simulated")  # type: ignore[typeddict-item]  # the stubs know less


class Environment:
    """One execution environment of a function; also the `Clock` of the code in it."""

    def __init__(self, timeline: Timeline, random: Random, faults: Faults, ledger: Ledger, memory: int) -> None:
        self.timeline = timeline
        self.random = random
        self.ledger = ledger
        self._faults = faults
        self._share = min(1.0, memory / MEGABYTES_OF_A_PROCESSOR)
        self._deadline = math.inf
        self._free = 0.0

    def begin(self, timeout: float) -> None:
        """Begin an invocation that may take `timeout` milliseconds."""
        self._deadline = self.timeline.now + timeout

    @property
    def remaining(self) -> int:
        """Milliseconds until the invocation is ended."""
        return int(self._deadline - self.timeline.now)

    def now(self) -> int:
        """See `Clock.now`."""
        return int(self.timeline.now)

    def sleep(self, milliseconds: float) -> None:
        """See `Clock.sleep`.

        Raises:
            Killed: the invocation's time is up before.
        """
        if self.timeline.now + milliseconds > self._deadline:
            self.timeline.wait(max(0.0, self._deadline - self.timeline.now))
            self.ledger.counts["lambda: timed out"] += 1
            raise Killed
        self.timeline.wait(milliseconds)

    def work(self, milliseconds: float) -> None:
        """Let the function's own code take that long on a whole processor."""
        self.sleep(self._occupy(milliseconds))

    def _occupy(self, milliseconds: float) -> float:
        """Have the processor for so long, and return how long that takes: its threads share it."""
        now = self.timeline.now
        self._free = max(self._free, now) + milliseconds / self._share
        return self._free - now

    def call(
        self, latency: Latency, effect: Callable[[], Answer], *, entries: int = 1, tries: int = 1, once: bool = False
    ) -> Answer:
        """Call a service as botocore does.

        Args:
            latency: of the call.
            effect: what it does in the service, at the moment that the request arrives.
            entries: how many things it carries, for the processor's time.
            tries: in all.
            once: the service knows a request again that was tried again (`ClientRequestToken`).

        Raises:
            ServiceError: the service says so, at the last try.
            LostAnswer: nothing was heard, at the last try.
            Killed: the invocation ended meanwhile.
        """
        done: list[Answer] = []

        def arrive() -> Answer:
            if once and done:
                return done[0]
            done[:] = [effect()]
            return done[0]

        working = CALL_MILLISECONDS + ENTRY_MILLISECONDS * entries
        for attempt in range(1, tries + 1):
            try:
                return self._try(working, latency.draw(self.random), arrive)
            except LostAnswer:
                if attempt == tries:
                    raise
            except ServiceError as error:
                if attempt == tries or failures.code_of(error) not in TRIED_AGAIN:
                    raise
            self.ledger.counts["botocore: tried again"] += 1
            self.sleep(1000 * self.random.random() * 2 ** (attempt - 1))
        raise AssertionError  # the last try returns or raises

    def _try(self, working: float, duration: float, effect: Callable[[], Answer]) -> Answer:
        faults, chance = self._faults, self.random.random()
        if chance >= faults.lost_request + faults.lost_answer + faults.server_error + faults.crash:
            self.sleep(self._occupy(working) + duration / 2)
            answer = effect()
            self.sleep(duration / 2)
            return answer
        self.work(working)
        if chance < faults.crash:
            self._crash(duration, effect)
        chance -= faults.crash
        if chance < faults.lost_request:
            self.ledger.counts["fault: request lost"] += 1
        elif chance < faults.lost_request + faults.lost_answer:
            self.ledger.counts["fault: answer lost"] += 1
            self.sleep(duration / 2)
            with suppress(ServiceError):  # its refusal is lost too
                effect()
        else:
            self._fail(duration, effect)
        self.sleep(READ_TIMEOUT)
        raise LostAnswer(endpoint_url="simulated")

    def _crash(self, duration: float, effect: Callable[[], Answer]) -> None:
        self.ledger.counts["fault: crash"] += 1
        if self.random.random() < 0.5:
            self.sleep(duration / 2)
            with suppress(ServiceError):
                effect()
        raise Killed

    def _fail(self, duration: float, effect: Callable[[], Answer]) -> None:
        self.ledger.counts["fault: server error"] += 1
        self.sleep(duration / 2)
        if self.random.random() < 0.5:
            with suppress(ServiceError):
                effect()
        self.sleep(duration / 2)
        raise service_error("InternalServerError")
