"""Reading messages, once or as they come."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from cli.client.watching import OUTCOMES, PAUSE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cli.client.service import Service
    from cli.client.session import Job

#: Producers may give messages times up to this much before their arrival, so a later look may find earlier ones.
LATE = 300_000
_PAGE = 200


def read(service: Service, job_id: int) -> Iterator[Job]:
    """Yield all messages, oldest first."""
    for page, _ in service.pages(f"/jobs/{job_id}/messages", limit=_PAGE):
        yield from page


def follow(service: Service, job_id: int, sleep: Callable[[float], object]) -> Iterator[Job]:
    """Yield the messages as they come, until the job has ended.

    Each look begins with the last page that starts five minutes before the newest message or earlier, and leaves out
    what was shown.
    """
    shown: Counter[tuple[Any, ...]] = Counter()
    starts: list[tuple[int, dict[str, Any]]] = []
    newest = 0
    while True:
        # looked at before the messages: what was said up to the end is then still read
        ended = service.read(f"/jobs/{job_id}")["status"] in OUTCOMES
        while len(starts) > 1 and starts[-1][0] > newest - LATE:
            starts.pop()
        query = starts.pop()[1] if starts else {"limit": _PAGE}
        found: Counter[tuple[Any, ...]] = Counter()
        for page, following in service.pages(f"/jobs/{job_id}/messages", **query):
            if page:
                starts.append((page[0]["at"], query))
            for message in page:
                known = tuple(message[name] for name in ("at", "status", "toolId", "text"))
                found[known] += 1
                newest = max(newest, message["at"])
                if found[known] > shown[known]:
                    shown[known] += 1
                    yield message
            query = following or {}
        # nothing before the window is read again
        shown = Counter({known: count for known, count in shown.items() if known[0] >= starts[0][0]} if starts else {})
        if ended:
            return
        sleep(PAUSE)
