"""Between the code under test and AWS: how long a call takes, what may happen to it, and what ends it.

An `Environment` is one of Lambda: it has its own clients, a share of a processor, and a deadline. Every call of AWS
goes through `Environment.call`, which waits, gives up and tries again as botocore does.
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
#: Time of one whole processor for a call, and for each statement or entry in it, rounded up from `make bench` and the
#: decisions.
CALL_MILLISECONDS = 1.0
ENTRY_MILLISECONDS = 0.03

READ_TIMEOUT = CONFIG.read_timeout * 1000  # type: ignore[attr-defined]  # the stubs know no options
DYNAMODB_TRIES = CONFIG.retries["total_max_attempts"]  # type: ignore[attr-defined]  # as above
#: Errors that botocore's standard mode tries again, beside lost answers (botocore/retries/standard.py).
TRIED_AGAIN = failures.THROTTLES | {"InternalServerError", "TransactionInProgressException"}


@dataclass(frozen=True)
class Faults:
    """The probability of each fault, for a call unless it says otherwise. All are drawn from the run's seed."""

    lost_request: float = 0.0005
    lost_answer: float = 0.0005
    #: Half of these have committed.
    server_error: float = 0.0005
    #: The invocation ends at the call, in half of the cases after its effect.
    crash: float = 0.00005
    #: For a write: a transaction holds the row.
    conflict: float = 0.002
    #: For an entry of SendMessageBatch or PutEvents, and for a key of a batch of DynamoDB.
    entry_refused: float = 0.002
    #: For a received message, and for a delivered event.
    doubled_message: float = 0.005
    doubled_event: float = 0.005
    #: For a minute of a schedule.
    dropped_tick: float = 0.02
    doubled_tick: float = 0.02
    #: For a write: the index lags with this part of the table, for at most `slow_index_milliseconds`.
    slow_index: float = 0.0005
    slow_index_milliseconds: float = 30_000.0


NO_FAULTS = Faults(*[0.0] * len(Faults.__dataclass_fields__))


class Latency(NamedTuple):
    """The time of a call without faults: log-normal, so one in a hundred takes exp(2.33 spread) times as long."""

    median: float
    spread: float = 0.5

    def draw(self, random: Random) -> float:
        """Milliseconds of one call."""
        return math.exp(random.gauss(math.log(self.median), self.spread))


class ServiceError(ClientError):
    """An error by the rules of a simulated service. Every other error is a defect of the code under test."""


class LostAnswer(ReadTimeoutError):
    """Request or answer went missing."""


class Killed(BaseException):
    """Lambda ends the invocation: a crash or a time-out. It is no `Exception`, because tested code catches those."""


def service_error(code: str, **response: Any) -> ServiceError:
    """Make an error by its code; `response` has the rest of its answer."""
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
            Killed: the invocation's time is up first.
        """
        if self.timeline.now + milliseconds > self._deadline:
            self.timeline.wait(max(0.0, self._deadline - self.timeline.now))
            self.ledger.counts["lambda: timed out"] += 1
            raise Killed
        self.timeline.wait(milliseconds)

    def work(self, milliseconds: float) -> None:
        """Let the function's own code take a time on one whole processor."""
        self.sleep(self._occupy(milliseconds))

    def _occupy(self, milliseconds: float) -> float:
        """Use the processor, and return how long that takes, because threads share it."""
        now = self.timeline.now
        self._free = max(self._free, now) + milliseconds / self._share
        return self._free - now

    def call(
        self, latency: Latency, effect: Callable[[], Answer], *, entries: int = 1, tries: int = 1, once: bool = False
    ) -> Answer:
        """Call a service as botocore does.

        Args:
            latency: of the call.
            effect: what it does in the service at the moment when the request arrives.
            entries: how many entries it carries, for the time of the processor.
            tries: in all.
            once: the service recognises a second try of a request (`ClientRequestToken`).

        Raises:
            ServiceError: the service answered with an error at the last try.
            LostAnswer: no answer came at the last try.
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
            with suppress(ServiceError):  # the refusal is lost too
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
