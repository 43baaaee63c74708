"""What happens beside the work: beats, looks whether it is cancelled, and a longer hold of the message."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Self

from botocore.exceptions import BotoCoreError, ClientError

from jobs_worker.errors import NotReported
from jobs_worker.service import why

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from jobs_worker.events import Started
    from jobs_worker.job import Job, Place

log = logging.getLogger("jobs_worker")

#: Beats within one time-out. Two may be lost.
BEATS = 3


class Watch:
    """A thread beside one attempt, from `with` to its end."""

    def __init__(
        self,
        job: Job,
        started: Started,
        service: Place | None,
        cancel_every: float,
        hold: Callable[[float], None] | None,
    ) -> None:
        self._job = job
        self._started = started
        self._service = service
        self._beat_every = started.timeout_seconds / BEATS
        self._look_every = cancel_every
        self._hold = hold
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"jobs-worker-{started.job_id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        now = time.monotonic()
        beat_at = now + self._beat_every
        look_at = now + self._look_every if self._service else float("inf")
        while not self._over.wait(max(0.0, min(beat_at, look_at) - time.monotonic())):
            now = time.monotonic()
            if now >= beat_at:
                beat_at = now + self._beat_every
                self._beat()
            if now >= look_at:
                look_at = now + self._look_every
                self._look()

    def _beat(self) -> None:
        try:
            self._job.beat()
            if self._hold is not None:
                # the next beat holds it again; two may be lost
                self._hold(BEATS * self._beat_every)
        except NotReported as error:
            log.warning("no beat: %s", error)
        except (ClientError, BotoCoreError) as error:
            log.warning("the message is not held: %s", type(error).__name__)

    def _look(self) -> None:
        assert self._service is not None  # noqa: S101  # for mypy: it looks only where there is one
        try:
            state = self._service.state(self._started)
        except OSError as error:
            log.warning("the job could not be read: %s", why(error))
            return
        if (state.status, state.attempt) != ("running", self._started.attempt):
            self._job.cancel()
