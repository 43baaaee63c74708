"""Faults on the wire: below botocore's retries and error parsing, above the AWS in memory.

A fault replaces the sender of one HTTP request. It answers by itself, or sends the request and loses or spoils the
answer, or raises what botocore's own HTTP session raises. Everything above is the real code.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import partial as bind
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.sax.saxutils import escape
from zlib import crc32

from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from moto.core.models import botocore_stubber

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from types import FrameType

    from botocore.awsrequest import AWSPreparedRequest
    from botocore.client import BaseClient

    Send = Callable[[], AWSResponse]
    Act = Callable[["Request", Send], AWSResponse]

#: The message of every injected error. No answer and no log may contain it.
SECRET = "arn:aws:dynamodb:us-east-1:123456789012:table/jobs is nobody's business"


class Crash(BaseException):
    """The environment is gone in the middle of an invocation: out of memory, out of time, a host that died."""


class Kind(Enum):
    """Kinds of faults that somebody outside can tell apart."""

    #: AWS refuses the call because there are too many.
    THROTTLE = auto()
    #: AWS refuses it because another write holds the same rows.
    CONFLICT = auto()
    #: AWS fails. The call may have been done.
    SERVER = auto()
    #: There is no answer. The call may have been done.
    NETWORK = auto()
    #: AWS refuses the call, and would refuse it again.
    REFUSAL = auto()
    CRASH = auto()


@dataclass(frozen=True)
class Fault:
    """What happens to a request instead of a normal answer."""

    name: str
    kind: Kind
    act: Act = field(compare=False)
    #: Whether botocore tries again by itself.
    retried: bool = False
    #: Whether botocore notices it by a checksum. Only DynamoDB has one.
    by_checksum: bool = False
    #: Whether AWS has executed the request.
    done: bool = False
    #: Whether a transaction that comes again with the same token gets the result of the first one, as DynamoDB does for
    #: ten minutes (and moto does not).
    remembered: bool = True

    def __str__(self) -> str:
        return self.name


class Site(NamedTuple):
    """An API call of an invocation: which one it is, and the lines of the product that make it."""

    call: int
    service: str
    operation: str
    lines: tuple[str, ...]

    def of(self, function: str) -> tuple[object, ...]:
        """The call as a part of its function, on any way that leads to it."""
        return function, *self[1:]


@dataclass(frozen=True)
class Request:
    """One HTTP request: one try of an API call."""

    service: str
    operation: str
    #: The number of its API call in the invocation, from 0.
    call: int
    http: AWSPreparedRequest

    @property
    def text(self) -> str:
        body = self.http.body or b""
        return body.decode() if isinstance(body, bytes | bytearray) else str(body)

    @property
    def parameters(self) -> dict[str, Any]:
        """Its parameters, if its service speaks JSON."""
        found: dict[str, Any] = json.loads(self.text)
        return found

    def ask_for(self, text: str) -> None:
        """Change its parameters."""
        self.http.body = text.encode()
        self.http.headers["Content-Length"] = str(len(self.http.body))

    def answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> AWSResponse:
        """An answer to it, as botocore's HTTP session hands it over. DynamoDB's answers have a checksum."""
        checksum = {"x-amz-crc32": f"{crc32(body)}"} if self.service == "dynamodb" else {}
        told: Any = HeadersDict({**checksum, **(headers or {})})
        raw: Any = _Raw(body)
        return AWSResponse(self.http.url, status, told, raw)


class _Raw(BytesIO):
    """A body as urllib3 hands it over."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


class Wire:
    """The connection of some clients to AWS. It takes one fault at a time."""

    def __init__(self, clients: Iterable[BaseClient]) -> None:
        #: What answers the requests of a service instead of moto.
        self.instead: dict[str, Callable[[Request], AWSResponse]] = {}
        self._invocation: dict[str, int] = {}
        self._remembered: dict[str, AWSResponse] = {}
        self._fault: Fault | None = None
        self._at = 0
        self._lasting = False
        #: The API calls of the invocation.
        self.sites: list[Site] = []
        #: How many tries met the fault, and how many there were of each call.
        self.met = 0
        self.tries: Counter[int] = Counter()
        #: What SQS and EventBridge have done: operations and parameters.
        self.done: list[tuple[str, dict[str, Any]]] = []
        self._events: list[Any] = [client.meta.events for client in clients]
        for events in self._events:
            events.unregister("before-send", botocore_stubber)
            events.register("before-send", self._see)

    def close(self) -> None:
        """Give the clients back to moto."""
        for events in self._events:
            events.unregister("before-send", self._see)
            events.register("before-send", botocore_stubber)

    def begin(self, fault: Fault | None = None, at: int = 0, *, lasting: bool = False) -> None:
        """Begin an invocation, with a fault at the API call number `at`.

        It meets one try of that call. If `lasting`, it meets all tries, and all later calls of the operation too.
        """
        self._invocation.clear()
        self._remembered.clear()
        self.sites = []
        self.met = 0
        self.tries.clear()
        self._fault, self._at, self._lasting = fault, at, lasting

    def _see(self, request: AWSPreparedRequest, event_name: str, **_: Any) -> AWSResponse:
        service, operation = event_name.split(".")[1:]
        call = self._number(request)
        self.tries[call] += 1
        if call == len(self.sites):
            # a run without a fault also records where the calls come from
            lines = tuple(_product_lines(sys._getframe())) if self._fault is None else ()
            self.sites.append(Site(call, service, operation, lines))
        asked = Request(service, operation, call, request)
        send = bind(self._send, asked)
        if self._fault is None or not self._is_met(asked):
            return send()
        self.met += 1
        return self._fault.act(asked, send)

    def _number(self, request: AWSPreparedRequest) -> int:
        """The number of a request's API call: botocore gives each call an id, for AWS's own logs."""
        identifier = str(request.headers["amz-sdk-invocation-id"])
        return self._invocation.setdefault(identifier, len(self._invocation))

    def _is_met(self, asked: Request) -> bool:
        if not self._lasting:
            return asked.call == self._at and self.met == 0
        if asked.call <= self._at:
            return asked.call == self._at
        return self.sites[self._at][1:3] == (asked.service, asked.operation)

    def _send(self, asked: Request) -> AWSResponse:
        token = str(asked.parameters["ClientRequestToken"]) if asked.operation == "TransactWriteItems" else ""
        if token in self._remembered:
            return self._remembered[token]
        instead = self.instead.get(asked.service)
        answer = instead(asked) if instead else ask_moto(asked)
        if answer.status_code < 300:
            if token and (self._fault is None or self._fault.remembered):
                self._remembered[token] = answer
            if asked.service in {"sqs", "eventbridge"}:
                self.done.append((asked.operation, asked.parameters))
        return answer


def ask_moto(request: Request) -> AWSResponse:
    """Let the AWS in memory answer."""
    answer: AWSResponse | None = botocore_stubber("before-send", request.http)
    assert answer is not None, f"moto has no {request.service} {request.operation}"
    return answer


def _product_lines(frame: FrameType | None) -> Iterator[str]:
    """The lines of the product on the stack, the innermost first."""
    while frame is not None:
        _, within, path = frame.f_code.co_filename.partition("layers/core/jobs/")
        if within:
            yield f"{path}:{frame.f_lineno}"
        frame = frame.f_back


# ---- AWS's own errors ---------------------------------------------------------------------------------------------


def refusal(code: str, status: int, kind: Kind, *, retried: bool) -> Fault:
    """AWS answers with an error and does nothing."""
    return Fault(code, kind, lambda request, _send: _error(request, code, status), retried)


def cancelled_transaction(reason: str, kind: Kind) -> Fault:
    """A transaction is cancelled because of its last action."""

    def act(request: Request, _send: Send) -> AWSResponse:
        actions = len(request.parameters["TransactItems"])
        reasons = [{"Code": "None"}] * (actions - 1) + [{"Code": reason, "Message": SECRET}]
        return _error(request, "TransactionCanceledException", 400, CancellationReasons=reasons)

    return Fault(f"TransactionCanceledException: {reason}", kind, act)


def _error(request: Request, code: str, status: int, **beside: Any) -> AWSResponse:
    """An error in the protocol of its service."""
    if request.service == "s3":
        text = f"<Error><Code>{escape(code)}</Code><Message>{SECRET}</Message><RequestId>1</RequestId></Error>"
        return request.answer(status, text.encode(), {"Content-Type": "application/xml"})
    content = {"__type": f"com.amazonaws.{request.service}#{code}", "message": SECRET, **beside}
    return request.answer(status, json.dumps(content).encode(), {"Content-Type": "application/x-amz-json-1.0"})


# ---- batches that are taken in part --------------------------------------------------------------------------------


def refused_entry(code: str, kind: Kind, *, by_sender: bool = False) -> Fault:
    """AWS takes a batch without its first entry."""

    def act(request: Request, send: Send) -> AWSResponse:
        if request.operation == "SendMessageBatch":
            return _without_message(request, send, code, by_sender=by_sender)
        return _WITHOUT[request.operation](request, send, code)

    return Fault(f"first entry: {code}" + ", the sender's fault" * by_sender, kind, act)


def _without_key(request: Request, send: Send, _code: str) -> AWSResponse:
    ((table, asked),) = request.parameters["RequestItems"].items()
    left, *taken = asked["Keys"]
    request.ask_for(json.dumps({"RequestItems": {table: {**asked, "Keys": taken}}}))
    answer = json.loads(send().content) if taken else {"Responses": {table: []}}
    return request.answer(200, json.dumps({**answer, "UnprocessedKeys": {table: {"Keys": [left]}}}).encode())


def _without_statement(request: Request, send: Send, code: str) -> AWSResponse:
    taken = request.parameters["Statements"][1:]
    request.ask_for(json.dumps({"Statements": taken}))
    answer = json.loads(send().content)
    failed = {"Error": {"Code": code, "Message": SECRET}}
    return request.answer(200, json.dumps({"Responses": [failed, *answer["Responses"]]}).encode())


def _without_message(request: Request, send: Send, code: str, *, by_sender: bool) -> AWSResponse:
    refused, *taken = request.parameters["Entries"]
    failed = {"Id": refused["Id"], "Code": code, "Message": SECRET, "SenderFault": by_sender}
    request.ask_for(json.dumps({**request.parameters, "Entries": taken}))
    answer = json.loads(send().content) if taken else {"Successful": []}
    return request.answer(200, json.dumps({**answer, "Failed": [failed]}).encode())


def _without_event(request: Request, send: Send, code: str) -> AWSResponse:
    taken = request.parameters["Entries"][1:]
    request.ask_for(json.dumps({**request.parameters, "Entries": taken}))
    answer = json.loads(send().content) if taken else {"Entries": []}
    entries = [{"ErrorCode": code, "ErrorMessage": SECRET}, *answer["Entries"]]
    return request.answer(200, json.dumps({"FailedEntryCount": 1, "Entries": entries}).encode())


def _without_object(request: Request, send: Send, code: str) -> AWSResponse:
    refused, *taken = re.findall("<Object>(.*?)</Object>", request.text)
    if taken:
        request.ask_for(request.text.replace(f"<Object>{refused}</Object>", ""))
        send()
    told = f"{refused}<Code>{code}</Code><Message>{SECRET}</Message>"
    return request.answer(200, f"<DeleteResult><Error>{told}</Error></DeleteResult>".encode())


_WITHOUT = {
    "BatchExecuteStatement": _without_statement,
    "BatchGetItem": _without_key,
    "DeleteObjects": _without_object,
    "PutEvents": _without_event,
}


# ---- the network, and a crash -------------------------------------------------------------------------------------


def _unsent(error: Callable[[str], BaseException]) -> Act:
    def act(request: Request, _send: Send) -> AWSResponse:
        raise error(request.http.url)

    return act


def _unheard(error: Callable[[str], BaseException]) -> Act:
    def act(request: Request, send: Send) -> AWSResponse:
        send()
        raise error(request.http.url)

    return act


def _connect_time_out(url: str) -> Exception:
    return ConnectTimeoutError(endpoint_url=url)


def _no_connection(url: str) -> Exception:
    return EndpointConnectionError(endpoint_url=url)


def _time_out(url: str) -> Exception:
    return ReadTimeoutError(endpoint_url=url)


def _closed(url: str) -> Exception:
    return ConnectionClosedError(endpoint_url=url)


def _crash(_url: str) -> Crash:
    return Crash()


def _empty(status: int) -> Act:
    return lambda request, _send: request.answer(status, b"")


def _failed_after_commit(request: Request, send: Send) -> AWSResponse:
    send()
    return _error(request, "InternalError" if request.service == "s3" else "InternalFailure", 500)


def _garbled(request: Request, send: Send) -> AWSResponse:
    """The first half of the answer, as if it were all of it. Only DynamoDB has a checksum that shows this."""
    answer = send()
    return request.answer(answer.status_code, answer.content[: len(answer.content) // 2], answer.headers)


#: What networks do, as botocore's HTTP session reports it (test_injection.py does it with sockets).
NETWORK = (
    Fault("connect time-out", Kind.NETWORK, _unsent(_connect_time_out), retried=True),
    Fault("connection refused", Kind.NETWORK, _unsent(_no_connection), retried=True),
    Fault("connection reset", Kind.NETWORK, _unsent(_closed), retried=True),
    Fault("answer late", Kind.NETWORK, _unheard(_time_out), retried=True, done=True),
    Fault("answer cut off", Kind.NETWORK, _unheard(_closed), retried=True, done=True),
    Fault("answer late, token forgotten", Kind.NETWORK, _unheard(_time_out), retried=True, done=True, remembered=False),
    Fault("answer garbled", Kind.NETWORK, _garbled, retried=True, done=True, by_checksum=True),
    Fault("500 without a body", Kind.SERVER, _empty(500), retried=True),
    Fault("503 without a body", Kind.SERVER, _empty(503), retried=True),
    Fault("500 after commit", Kind.SERVER, _failed_after_commit, retried=True, done=True),
)

#: The faults after which AWS has executed the request.
UNHEARD = tuple(fault for fault in NETWORK if fault.done)

CRASHES = (
    Fault("crash before commit", Kind.CRASH, _unsent(_crash)),
    Fault("crash after commit", Kind.CRASH, _unheard(_crash)),
)
