"""`EventBus` on Amazon EventBridge."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from jobs.model import Event
    from jobs.ports import Clock, Meter

#: EventBridge's own limits (User Guide, «Calculating PutEvents event entry size»): a request holds up to ten entries
#: and less than 256 KB of them, by its own rule of what an entry weighs.
BATCH = 10
TOO_LARGE = 256 * 1024
#: What the rule reckons for the time, which EventBridge sets itself where an entry has none: reckoned all the same.
BYTES_OF_TIME = 14
#: How often an entry that was refused is sent again; what is refused then is the caller's to make good.
TRIES = 3
FIRST_PAUSE = 50


class EventsClient(Protocol):
    """As much of boto3's client as is called here."""

    def put_events(self, *, Entries: Any) -> Any:  # noqa: N803  # AWS's own name
        """Put entries."""


class _Entry(NamedTuple):
    event: Event
    detail: str

    @property
    def size(self) -> int:
        """What EventBridge reckons that the entry weighs."""
        parts = (self.event.source, self.event.detail_type, self.detail)
        return BYTES_OF_TIME + sum(len(part.encode(errors="surrogatepass")) for part in parts)


class EventBridgeBus:
    """The bus `name`."""

    def __init__(self, client: Callable[[], EventsClient], name: str, clock: Clock, meter: Meter) -> None:
        # Made on first use: a client costs a cold start dear, and not every invocation has something to say.
        self._client = client
        self._name = name
        self._clock = clock
        self._meter = meter

    def put(self, events: Sequence[Event]) -> Sequence[Event]:
        """See `EventBus.put`: PutEvents filled by count and by bytes; what a request refuses is sent again alone."""
        refused: list[Event] = []
        for batch in self._batches(events, refused):
            left = batch
            for attempt in range(TRIES):
                left = self._put_batch(left)
                if not left:
                    break
                if attempt < TRIES - 1:
                    self._clock.sleep(FIRST_PAUSE * 2**attempt)
            refused += [entry.event for entry in left]
        return refused

    def _batches(self, events: Sequence[Event], refused: list[Event]) -> Iterator[list[_Entry]]:
        """Fill requests in the order of the events; what fits none is refused unsent, as it could never be taken."""
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
    """An event's detail as it travels: compact, as it is paid by size, and in the letters it is written in."""
    return json.dumps(detail, ensure_ascii=False, separators=(",", ":"))
