"""What forgetting needs beside the usual ports: ended jobs that are due, and the files of artifacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from jobs.ports import Ports

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.erasure.ports import SessionStore
    from jobs.model import DueJob, Job
    from jobs.tenants import Closing


class PayloadRows(NamedTuple):
    """Names of rows of a job's payload, and whether any of them is about a file. No names are false."""

    names: tuple[str, ...]
    has_files: bool

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.names)


class Reference(NamedTuple):
    """That a job is about a person."""

    job_id: int
    is_deletion: bool = False
    #: How many object versions the deletion has deleted, once its payload is gone; None before, and for other jobs.
    deleted: int | None = None


class RetentionWalk(NamedTuple):
    """That the old jobs of a project are entered into the index: since when, and from which number on."""

    project_id: int
    #: When the retention was set.
    at: int
    next: int = 1


class ForgettingStore(Protocol):
    """Ended jobs in the status index, and the rows beside them.

    All calls raise `errors.Busy` when DynamoDB throttles; a write also when its answer was lost.
    """

    def list_forgettable(self, shard: int, now: int, limit: int) -> list[DueJob]:
        """Read ended jobs of one shard that are to be forgotten by now, the longest due first."""

    def list_payload(self, project_id: int, job_id: int, limit: int) -> PayloadRows:
        """Read the names of up to `limit` rows of a job's payload, strongly."""

    def delete_payload(self, project_id: int, job_id: int, names: Sequence[str]) -> None:
        """Delete rows of a job's payload. A row that is gone counts as deleted."""

    def list_references(self, project_id: int, person: str, after: int, limit: int) -> list[Reference]:
        """Read up to `limit` jobs of a person behind a number, ascending, strongly."""

    def list_walks(self) -> list[RetentionWalk]:
        """Read all walks, strongly, by their projects."""

    def has_walk(self, project_id: int) -> bool:
        """Read strongly whether a project's walk is under way."""

    def move_walk(self, walk: RetentionWalk, onward: int | None) -> bool:
        """Go on from a number, or end with None; False if the walk is at another place or began again."""

    def enter_job(self, seen: Job, due: int | None, person: str) -> bool:
        """Let a job that still is as it was seen be found by a person, and be forgotten from `due` on.

        `due` of an active job stays as it is. False means that the job has changed.
        """

    def note_deleted(self, project_id: int, person: str, job_id: int, count: int) -> None:
        """Keep how many object versions a deletion has deleted. The first count holds."""

    def forget_job(self, seen: Job, left: Job, person: str = "") -> bool:
        """Write what is left of an ended job if it still is what was seen; False if it is not.

        With `person`, the job can no longer be found by that person from then on.
        """


class ClosingStore(Protocol):
    """Projects that are being deleted. Calls raise `errors.Busy` as above."""

    def list_closings(self) -> list[Closing]:
        """Read all, strongly, by their projects."""

    def move_closing(self, seen: Closing, onward: Closing) -> bool:
        """Save how far a deletion has come; False if it is elsewhere by now."""

    def delete_rows(self, project_id: int, cursor: str) -> tuple[int, str | None]:
        """Delete rows of a project behind a cursor; return how many, and the cursor to go on from, None at the end.

        The project's own row stays.
        """

    def finish_closing(self, closing: Closing, now: int) -> bool:
        """Delete the project itself and its clients, and write what was deleted to the audit; False if it cannot."""


class ForgettingPorts(Ports, Protocol):
    """The world in which jobs are forgotten."""

    @property
    def forgetting(self) -> ForgettingStore:
        """Ended jobs and their payload."""

    @property
    def artifact_files(self) -> SessionStore:
        """The objects of all artifacts, with their versions."""


class ClosingPorts(ForgettingPorts, Protocol):
    """The world in which projects are deleted."""

    @property
    def closing(self) -> ClosingStore:
        """Projects that are being deleted."""

    @property
    def sessions(self) -> SessionStore:
        """The objects of users' sessions."""
