"""How a piece of work ends when it does not return. Any other exception is a failure, which may be tried again."""

from __future__ import annotations


class Cancelled(Exception):
    """The job was cancelled, or its attempt is over. Nothing is reported."""


class Retry(Exception):
    """The attempt failed, and the next one is due `after` seconds from now, at most a day.

    Without `after` the service's own back-off decides. If no attempt is left, the job has failed.
    """

    def __init__(self, reason: str = "", *, after: int | None = None) -> None:
        super().__init__(reason)
        self.after = after


class Fatal(Exception):
    """The job failed for good, even if attempts are left."""


class NotReported(Exception):
    """The bus did not take a report. The message stays in the queue, so the work is done again."""


class NotBegun(Exception):
    """Too little time is left to begin. The message comes again."""


class Stopped(Exception):
    """The process is to end. The message goes back to the queue, and another process does the work."""
