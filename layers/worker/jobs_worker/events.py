"""Events of the bus: the start of an attempt comes in, reports about it go out."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from jobs_worker.errors import NotReported

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: How often an event is put before the worker gives up, and the first pause in seconds, which doubles.
TRIES = 6
FIRST_PAUSE = 0.2
#: The time-out of a job whose event does not tell it, in seconds: the service's own default.
DEFAULT_TIMEOUT = 900


class Started(NamedTuple):
    """An attempt that has started, as `Job Started` tells it."""

    project_key: str
    job_id: int
    attempt: int
    action: str
    reference_id: str
    description: str
    params: Mapping[str, Any]
    #: How long the attempt may be silent, in seconds.
    timeout_seconds: int
    #: The same at each delivery of this start, and at no other.
    deduplication_id: str

    @classmethod
    def from_body(cls, body: str) -> Started:
        """Read a message of the worker's queue.

        Raises:
            ValueError: it is not the event `Job Started` of the service.
        """
        try:
            envelope = json.loads(body)
            detail = envelope["detail"]
            if (envelope["source"], envelope["detail-type"]) != ("jobs", "Job Started"):
                raise ValueError("not the event Job Started")
            return cls(
                project_key=str(detail["projectKey"]),
                job_id=int(detail["jobId"]),
                attempt=int(detail["attempt"]),
                action=str(detail["action"]),
                reference_id=str(detail["referenceId"]),
                description=str(detail["description"]),
                params=dict(detail["params"]),
                timeout_seconds=int(detail.get("timeoutSeconds", DEFAULT_TIMEOUT)),
                deduplication_id=str(detail["deduplicationId"]),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("not the event Job Started") from error


class Bus:
    """The service's event bus."""

    def __init__(self, client: Any, name: str, source: str, sleep: Callable[[float], object] = time.sleep) -> None:
        self._client = client
        self._name = name
        self._source = source
        self._sleep = sleep

    def put(self, detail_type: str, detail: Mapping[str, Any]) -> None:
        """Put an event, and again until the bus has taken it.

        `PutEvents` may refuse an entry without failing the call, which `FailedEntryCount` tells.

        Raises:
            NotReported: the bus did not take it.
        """
        entry = {
            "EventBusName": self._name,
            "Source": self._source,
            "DetailType": detail_type,
            "Detail": json.dumps(detail),
        }
        why = ""
        for tried in range(TRIES):
            if tried:
                self._sleep(FIRST_PAUSE * 2 ** (tried - 1))
            try:
                answer = self._client.put_events(Entries=[entry])
            except (ClientError, BotoCoreError) as error:
                why = type(error).__name__
                continue
            if not answer["FailedEntryCount"]:
                return
            why = answer["Entries"][0].get("ErrorCode", "refused")
        raise NotReported(f"{detail_type} was not taken: {why}")
