"""The callers of a function: how they read a result, and what they do next."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from jobs.dialects.registry import dialect_of
from jobs.errors import Busy

from tests.proofs.faults.injection import Crash, Fault, Kind, Site
from tests.proofs.faults.rows import without_chance

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from jobs.dialects.base import Answer


class Ended(Enum):
    """How an invocation ended, for its caller."""

    #: As it does if nothing fails.
    DONE = auto()
    #: It asks the caller to call again: 429 with `Retry-After`, or items that failed.
    AGAIN = auto()
    #: It failed: the fixed 500, or an exception.
    FAILED = auto()
    CRASHED = auto()
    #: None of these. No caller can work with that.
    ASTRAY = auto()


class Result(NamedTuple):
    """What a handler returned, or how it ended."""

    returned: Any = None
    raised: BaseException | None = None


class Trigger(Protocol):
    """A kind of caller."""

    def ended(self, event: dict[str, Any], result: Result, clean: Any) -> Ended:
        """Read a result. `clean` is what the handler returns if nothing fails."""

    def again(self, event: dict[str, Any], result: Result) -> dict[str, Any]:
        """What is sent again if it is not done."""

    def ended_again(self, event: dict[str, Any], result: Result, clean: Any) -> Ended:
        """Read the result of sending it again. The first call may have done everything."""

    def expected(self, site: Site, fault: Fault, *, lasting: bool) -> AbstractSet[Ended]:
        """How an invocation may end if a call of the store met a fault."""


#: AWS or the network say or mean: try again.
PASSING = {Kind.THROTTLE, Kind.CONFLICT, Kind.SERVER, Kind.NETWORK}
_READS = {"BatchGetItem", "GetItem", "Query"}
_DONE = frozenset({Ended.DONE})


class Caller:
    """Somebody behind the API, who sends the same request again until it is answered.

    If the first request was done although its answer said otherwise, the next answer may have a status in `repeated`.
    """

    def __init__(self, repeated: AbstractSet[int]) -> None:
        self._repeated = repeated

    def ended(self, event: dict[str, Any], result: Result, clean: Any) -> Ended:
        """See `Trigger.ended`."""
        if result.raised is not None:
            return Ended.CRASHED if isinstance(result.raised, Crash) else Ended.ASTRAY
        told = _answer(result.returned)
        if told == _answer(clean):
            return Ended.DONE
        dialect = dialect_of(event["rawPath"])
        assert dialect is not None
        status, headers, body = told
        if told == _rendered(dialect.render_error(Busy())) and status == 429 and int(headers.get("Retry-After", 0)) > 0:
            return Ended.AGAIN
        request_id = event["requestContext"]["requestId"]
        is_failure = told == _rendered(dialect.render_failure(request_id)) and status == 500
        return Ended.FAILED if is_failure and f"internal error, request id {request_id}" in body else Ended.ASTRAY

    def again(self, event: dict[str, Any], result: Result) -> dict[str, Any]:
        """See `Trigger.again`."""
        return event

    def ended_again(self, event: dict[str, Any], result: Result, clean: Any) -> Ended:
        """See `Trigger.ended_again`."""
        if result.raised is None and result.returned["statusCode"] in {clean["statusCode"], *self._repeated}:
            return Ended.DONE
        return self.ended(event, result, clean)

    def expected(self, site: Site, fault: Fault, *, lasting: bool) -> AbstractSet[Ended]:
        """See `Trigger.expected`."""
        if fault.kind in PASSING and not lasting:
            return _DONE
        may_be_done = fault.kind in {Kind.SERVER, Kind.NETWORK} and site.operation not in _READS
        asks_again = may_be_done or fault.kind in {Kind.THROTTLE, Kind.CONFLICT}
        return {Ended.AGAIN if asks_again else Ended.FAILED}


class Queue:
    """SQS, which delivers what failed again."""

    def ended(self, event: dict[str, Any], result: Result, clean: Any) -> Ended:
        """See `Trigger.ended`."""
        if result.raised is not None:
            return Ended.CRASHED if isinstance(result.raised, Crash) else Ended.FAILED
        sent = {_identifier(record) for record in event["Records"]}
        left = sent & _failed(clean)
        if _failed(result.returned) == left:
            return Ended.DONE
        return Ended.AGAIN if left < _failed(result.returned) <= sent else Ended.ASTRAY

    def again(self, event: dict[str, Any], result: Result) -> dict[str, Any]:
        """See `Trigger.again`."""
        return {"Records": [r for r in event["Records"] if result.raised or _identifier(r) in _failed(result.returned)]}

    def ended_again(self, event: dict[str, Any], result: Result, clean: Any) -> Ended:
        """See `Trigger.ended_again`."""
        return self.ended(event, result, clean)

    def expected(self, site: Site, fault: Fault, *, lasting: bool) -> AbstractSet[Ended]:
        """See `Trigger.expected`."""
        if fault.retried and not lasting:
            return _DONE
        # there may be another way to the same end
        asked = {Ended.DONE, Ended.AGAIN}
        return asked if fault.kind in {Kind.THROTTLE, Kind.CONFLICT} else {*asked, Ended.FAILED}


class Stream(Queue):
    """The table's stream, which delivers again from the first record that failed."""

    def again(self, event: dict[str, Any], result: Result) -> dict[str, Any]:
        """See `Trigger.again`."""
        first = super().again(event, result)["Records"][0]
        return {"Records": event["Records"][event["Records"].index(first) :]}

    def expected(self, site: Site, fault: Fault, *, lasting: bool) -> AbstractSet[Ended]:
        """See `Trigger.expected`."""
        return _DONE if fault.retried and not lasting else {Ended.FAILED}


class Schedule:
    """The tick or the reaper. It comes again, however the last run ended."""

    def ended(self, event: dict[str, Any], result: Result, clean: Any) -> Ended:
        """See `Trigger.ended`."""
        if result.raised is not None:
            return Ended.CRASHED if isinstance(result.raised, Crash) else Ended.FAILED
        return Ended.DONE if result.returned == clean else Ended.AGAIN

    def again(self, event: dict[str, Any], result: Result) -> dict[str, Any]:
        """See `Trigger.again`."""
        return event

    def ended_again(self, event: dict[str, Any], result: Result, clean: Any) -> Ended:
        """See `Trigger.ended_again`: it does not matter how much there was to do."""
        return Ended.DONE if result.raised is None else self.ended(event, result, clean)

    def expected(self, site: Site, fault: Fault, *, lasting: bool) -> AbstractSet[Ended]:
        """See `Trigger.expected`."""
        return _DONE if fault.retried and not lasting else {Ended.DONE, Ended.AGAIN, Ended.FAILED}


def trigger_of(event: dict[str, Any], repeated: AbstractSet[int]) -> Trigger:
    """Who sends such an event."""
    if "routeKey" in event:
        return Caller(repeated)
    if "Records" in event:
        return Stream() if "dynamodb" in event["Records"][0] else Queue()
    return Schedule()


def _answer(returned: dict[str, Any]) -> tuple[int, dict[str, str], str]:
    headers = {name: without_chance(value) for name, value in returned["headers"].items()}
    return returned["statusCode"], headers, without_chance(returned["body"])


def _rendered(answer: Answer) -> tuple[int, dict[str, str], str]:
    return int(answer.status), {"Content-Type": "application/json", **answer.headers}, answer.body


def _failed(returned: dict[str, Any]) -> set[str]:
    return {entry["itemIdentifier"] for entry in returned["batchItemFailures"]}


def _identifier(record: dict[str, Any]) -> str:
    identifier: str = record["messageId"] if "messageId" in record else record["dynamodb"]["SequenceNumber"]
    return identifier
