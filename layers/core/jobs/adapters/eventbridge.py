"""`EventBus` on Amazon EventBridge."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from jobs.adapters.retries import until_accepted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from jobs.model import Event
    from jobs.ports import Clock, Meter

#: EventBridge's own limits (User Guide, «Calculating PutEvents event entry size»): a request holds up to ten entries
#: and less than 256 KB of them, by its own rule for the size of an entry.
BATCH = 10
TOO_LARGE = 256 * 1024
#: What the rule counts for the time. It counts even if an entry has no time and EventBridge sets it.
BYTES_OF_TIME = 14


class EventsClient(Protocol):
    """As much of boto3's client as is called here."""

    def put_events(self, *, Entries: Any) -> Any:  # noqa: N803  # AWS's own name
        """Put entries."""


class _Entry(NamedTuple):
    event: Event
    detail: str

    @property
    def size(self) -> int:
        """The size of the entry by EventBridge's rule."""
        parts = (self.event.source, self.event.detail_type, self.detail)
        return BYTES_OF_TIME + sum(len(part.encode(errors="surrogatepass")) for part in parts)


class EventBridgeBus:
    """The bus `name`."""

    def __init__(self, client: Callable[[], EventsClient], name: str, clock: Clock, meter: Meter) -> None:
        # The client is made on first use, because it makes a cold start slow and not every invocation puts events.
        self._client = client
        self._name = name
        self._clock = clock
        self._meter = meter

    def put(self, events: Sequence[Event]) -> Sequence[Event]:
        """See `EventBus.put`: PutEvents filled by count and by bytes. What a request refuses is sent again alone."""
        refused: list[Event] = []
        for batch in self._batches(events, refused):
            refused += [entry.event for entry in until_accepted(self._put_batch, batch, self._clock)]
        return refused

    def _batches(self, events: Sequence[Event], refused: list[Event]) -> Iterator[list[_Entry]]:
        """Fill requests in the order of the events. An event that is too large for any request is refused unsent."""
        batch: list[_Entry] = []
        size = 0
        for event in events:
            entry = _Entry(event, to_detail(event.detail))
            if entry.size >= TOO_LARGE:
                self._meter.count("EventTooLarge")
                refused.append(event)
                continue
            if len(batch) == BATCH or size + entry.size >= TOO_LARGE:
                yield batch
                batch, size = [], 0
            batch.append(entry)
            size += entry.size
        if batch:
            yield batch

    def _put_batch(self, batch: list[_Entry]) -> list[_Entry]:
        """Send one request and return the entries that EventBridge did not take."""
        try:
            answer = self._client().put_events(
                Entries=[
                    {
                        "EventBusName": self._name,
                        "Source": entry.event.source,
                        "DetailType": entry.event.detail_type,
                        "Detail": entry.detail,
                    }
                    for entry in batch
                ]
            )
        except (ClientError, BotoCoreError) as error:
            self._meter.failed("PutEvents", error)
            return batch
        if not answer["FailedEntryCount"]:
            return []
        codes = [result.get("ErrorCode") for result in answer["Entries"]]  # in the order of the entries
        for code in sorted({code for code in codes if code}):
            self._meter.failed("PutEvents", ClientError({"Error": {"Code": code}}, "PutEvents"))
        return [entry for entry, code in zip(batch, codes, strict=True) if code]


def to_detail(detail: Mapping[str, Any]) -> str:
    """An event's detail as it travels: compact and not escaped, because its size sets its price."""
    return json.dumps(detail, ensure_ascii=False, separators=(",", ":"))
