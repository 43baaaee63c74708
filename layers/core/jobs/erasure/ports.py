"""What the worker needs beside the usual ports: the users' sessions, and its own queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from jobs.ports import Ports

if TYPE_CHECKING:
    from collections.abc import Sequence


class ObjectVersion(NamedTuple):
    """One version of an object of the sessions bucket. A delete marker is one too."""

    key: str
    version_id: str


class VersionPage(NamedTuple):
    """Some versions in the order they are listed, and whether more follow."""

    versions: list[ObjectVersion]
    more: bool


class SessionsRefused(Exception):
    """S3 does not let us list the sessions; `code` is S3's own word for why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class SessionStore(Protocol):
    """The objects of users' sessions, with all their versions.

    Every call raises `errors.Busy` when S3 throttles or cannot be reached for longer than it is tried again.
    """

    def list_versions(self, prefix: str, after: ObjectVersion | None, limit: int) -> VersionPage:
        """Read versions under a prefix, behind one that exists. A page is empty only at the end.

        Raises:
            SessionsRefused: S3 does not let us list them.
        """

    def count_versions(self, prefix: str, at_most: int) -> int:
        """Count the versions under a prefix; `at_most` means at least that many.

        Raises:
            SessionsRefused: S3 does not let us list them.
        """

    def delete(self, versions: Sequence[ObjectVersion]) -> list[tuple[ObjectVersion, str]]:
        """Delete up to 1,000 versions permanently; return those that S3 refuses to delete, each with its code."""


class WorkerQueue(Protocol):
    """The worker's own queue. It puts there what it has no time left for."""

    def send(self, body: str) -> bool:
        """Send a message; False if it was not accepted after retries."""


class ErasurePorts(Ports, Protocol):
    """The world that the worker works in."""

    @property
    def sessions(self) -> SessionStore:
        """The objects that it erases."""

    @property
    def worker_queue(self) -> WorkerQueue:
        """Its own queue."""
