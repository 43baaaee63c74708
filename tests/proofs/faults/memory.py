"""An AWS in memory that is asked nothing twice.

A service's answer and next state follow from its state and the request. Thousands of cells go the same few ways, and
moto takes as long for one answer as botocore for ten.
"""

from __future__ import annotations

import copy
import json
import re
from dataclasses import replace
from functools import partial as bind
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from moto.s3.models import s3_backends
from moto.sqs.models import sqs_backends

from tests.memory_aws import ACCOUNT, REGION
from tests.proofs.faults import partiql
from tests.proofs.faults.injection import ask_moto

if TYPE_CHECKING:
    from botocore.awsrequest import AWSResponse

    from tests.proofs.faults.injection import Request
    from tests.proofs.faults.rows import Rows

#: The buckets: of sessions, and of files.
BUCKET, FILES = "sessions", "artifacts"
#: botocore's own, new for each call.
_REQUEST_TOKEN = re.compile(r'"ClientRequestToken": ?"[^"]*"')
_READS = frozenset({"BatchGetItem", "GetItem", "Query", "GetQueueAttributes", "ListObjectVersions"})


class Content(Protocol):
    """What a service holds."""

    def get(self) -> Any:
        """A copy of it."""

    def put(self, content: Any) -> None:
        """Hold a copy of it."""


class Messages:
    """The messages of all queues."""

    def __init__(self) -> None:
        self._queues = sqs_backends[ACCOUNT][REGION].queues

    def get(self) -> Any:
        return {name: list(queue._messages) for name, queue in self._queues.items()}

    def put(self, content: Any) -> None:
        for name, messages in content.items():
            self._queues[name]._messages = list(messages)


class Objects:
    """The objects of all buckets."""

    def __init__(self) -> None:
        self._buckets = s3_backends[ACCOUNT]["aws"].buckets

    def get(self) -> Any:
        return {name: copy.deepcopy(bucket.keys) for name, bucket in self._buckets.items()}

    def put(self, content: Any) -> None:
        for name, keys in content.items():
            self._buckets[name].keys = copy.deepcopy(keys)


class Nothing:
    """A bus keeps nothing."""

    def get(self) -> Any:
        return None

    def put(self, content: Any) -> None:
        pass


class _Told(NamedTuple):
    """An answer, and the state of the service behind it."""

    status: int
    headers: dict[str, str]
    body: bytes
    after: int


class Memory:
    """A service in one of the states that it has been in since `begin`."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._at_first = content.get()
        self.begin()

    def clear(self) -> None:
        """Remember the first state."""
        self._content.put(self._at_first)

    def begin(self) -> None:
        """Forget all states but the current one, which is 0 from now on."""
        self._states = [self._content.get()]
        self._answers: dict[tuple[int, str, str, str], _Told] = {}
        self._held = 0
        self.state = 0

    @property
    def now(self) -> Any:
        """What the service holds."""
        return self._states[self.state]

    def ask(self, request: Request) -> AWSResponse:
        """Answer a request as moto does."""
        text = _REQUEST_TOKEN.sub("", request.text)
        question = (self.state, request.operation, request.http.url, text)
        told = self._answers.get(question)
        if told is None:
            told = self._answers[question] = self._ask_moto(request)
        self.state = told.after
        return request.answer(told.status, told.body, told.headers)

    def _ask_moto(self, request: Request) -> _Told:
        if self._held != self.state:
            self._content.put(self.now)
            self._held = self.state
        if request.operation == "BatchExecuteStatement":
            answer = request.answer(200, partiql.execute(request.text, bind(_update, request)))
        else:
            answer = ask_moto(request)
        if request.operation not in _READS and answer.status_code < 300:
            self._states.append(self._content.get())
            self._held = len(self._states) - 1
        return _Told(answer.status_code, dict(answer.headers), answer.content, self._held)


def _update(batch: Request, parameters: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    http = copy.copy(batch.http)
    http.headers = copy.copy(http.headers)
    http.headers["X-Amz-Target"] = "DynamoDB_20120810.UpdateItem"
    alone = replace(batch, operation="UpdateItem", http=http)
    alone.ask_for(json.dumps(parameters))
    answer = ask_moto(alone)
    return answer.status_code, json.loads(answer.content)


def rows_of(items: Any) -> Rows:
    """The rows among the items that moto holds."""
    return {
        (item.hash_key.value, item.range_key.value): item.to_json()["Attributes"]
        for partition in items.values()
        for item in partition.values()
    }
