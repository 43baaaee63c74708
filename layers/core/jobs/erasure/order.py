"""What the worker is to do, and how far it has come: read from a message of its queue, and written into the next."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from jobs.erasure.ports import ObjectVersion
from jobs.model import DELETE_USER_DATA, EVENT_SOURCE

if TYPE_CHECKING:
    from collections.abc import Mapping

_STARTED = (EVENT_SOURCE, "Job Started", DELETE_USER_DATA)


@dataclass(slots=True, kw_only=True)
class Tally:
    """How far an attempt has come. It travels in the message that continues the attempt."""

    #: Versions counted at the start, more if others turn up later.
    total: int
    #: Whether that count was complete.
    exact: bool
    done: int = 0
    #: Walks through all that is left that have ended.
    walks: int = 0
    #: Where the walk goes on: behind the last version that S3 refused to delete; None from the beginning.
    after: ObjectVersion | None = None
    #: How many versions S3 refused in this walk, by its codes.
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def progress(self) -> int:
        """Percent. It stays below 100 while the total is unknown."""
        return min(100 * self.done // max(self.total, 1), 100 if self.exact else 99)

    @property
    def total_in_words(self) -> str:
        """How many versions there are, as far as we know."""
        return str(self.total) if self.exact else f"at least {self.total}"

    def book(self, tried: int, refused: list[tuple[ObjectVersion, str]]) -> None:
        """Note a batch."""
        self.done += tried - len(refused)
        self.refused.update(code for _, code in refused)
        self.total = max(self.total, self.done + self.refused.total())
        if refused:
            self.after = refused[-1][0]

    def begin_walk(self) -> None:
        """Go back to the beginning of what is left."""
        self.walks += 1
        self.after = None

    def errors(self, found: int) -> list[str]:
        """Why the job fails while at least `found` versions are left: numbers and codes, no names."""
        if not self.refused:
            return [f"at least {found} object versions were written while the user's data was deleted"]
        of = f"of {self.total_in_words} object versions could not be deleted"
        return [f"{count} {of}: {code}" for code, count in sorted(self.refused.items())]

    def to_content(self) -> dict[str, Any]:
        """The tally as JSON."""
        return {
            "total": self.total,
            "exact": self.exact,
            "done": self.done,
            "walks": self.walks,
            "after": self.after,
            "refused": self.refused,
        }

    @classmethod
    def from_content(cls, content: Mapping[str, Any]) -> Self:
        """The tally of such JSON."""
        return cls(
            total=int(content["total"]),
            exact=bool(content["exact"]),
            done=int(content["done"]),
            walks=int(content["walks"]),
            after=ObjectVersion(*content["after"]) if content["after"] else None,
            refused=Counter({str(code): int(count) for code, count in content["refused"].items()}),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The event that a deletion has started, as EventBridge puts it on the worker's queue, and the tally so far."""

    #: Kept whole, because the message that continues this one repeats it.
    envelope: Mapping[str, Any]
    project_id: int
    project_key: str
    job_id: int
    attempt: int
    tally: Tally | None = None

    @classmethod
    def from_body(cls, body: str) -> Self:
        """Read a message of the worker's queue.

        Raises:
            ValueError: it is not an order and never will be.
        """
        try:
            envelope = json.loads(body)
            detail, tally = envelope["detail"], envelope.get("continuation")
            numbers = (detail["projectId"], detail["jobId"], detail["attempt"])
            is_order = (
                (envelope["source"], envelope["detail-type"], detail["action"]) == _STARTED
                and all(type(number) is int for number in numbers)
                and isinstance(detail["projectKey"], str)
            )
            if not is_order:
                raise ValueError("not an order to delete a user's data")
            return cls(
                envelope=envelope,
                project_id=numbers[0],
                project_key=detail["projectKey"],
                job_id=numbers[1],
                attempt=numbers[2],
                tally=None if tally is None else Tally.from_content(tally),
            )
        except (AttributeError, KeyError, TypeError, OverflowError, RecursionError):
            raise ValueError("not an order to delete a user's data") from None  # the cause would quote its content

    def to_body(self, tally: Tally) -> str:
        """The message that continues this one."""
        # Escaped, because keys of S3 may hold characters that SQS does not carry.
        return json.dumps({**self.envelope, "continuation": tally.to_content()}, separators=(",", ":"))
