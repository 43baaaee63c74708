"""What all actors of a race share: the store and the start queue in memory, as one state that can be restored."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from jobs.outcomes import StartOutcome
from jobs.schedules.ports import Schedule

from tests.builders import a_project
from tests.fakes import FakeDirectory, FakeQueue, FakeStore

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from jobs.model import FireHint, Job, JobKey, StartHint

State = dict[str, Any]


@dataclass
class TokenStore(FakeStore):
    """The store in memory, with the tokens that the real one makes within a call, so that a call can be sent again."""

    #: One write shard, so that reading the index is one call.
    shards: int = 1
    start_tokens: dict[tuple[int, int], str] = field(default_factory=dict)
    cancel_tokens: dict[tuple[int, int], str] = field(default_factory=dict)
    move_tokens: dict[tuple[int, int], str] = field(default_factory=dict)
    #: The token of the current call; it stays the same when the client sends the call again.
    call_token: str = ""

    def _start(self, key: JobKey, now: int) -> StartOutcome:
        outcome = super()._start(key, now)
        if outcome is StartOutcome.STARTED:
            self.start_tokens[key] = self.call_token
        elif self.start_tokens.get(key) == self.call_token:
            return StartOutcome.STARTED
        return outcome

    def cancel_job(self, project_id: int, job_id: int, now: int, by: str, forget_at: int | None = None) -> Job:
        key = (project_id, job_id)
        if self.cancel_tokens.get(key) == self.call_token:
            return self.jobs[key]
        cancelled = super().cancel_job(project_id, job_id, now, by, forget_at)
        self.cancel_tokens[key] = self.call_token
        return cancelled

    def move_job(self, job: JobKey, start_at: int, due_at: int, by: str) -> Job:
        if self.move_tokens.get(job) == self.call_token:
            return self.jobs[job]
        moved = super().move_job(job, start_at, due_at, by)
        self.move_tokens[job] = self.call_token
        return moved


class StageQueue(FakeQueue):
    """Delivers at least once: its messages stay, and come again when everything else is done."""

    def receive(self) -> Sequence[StartHint]:
        return sorted(self.messages)  # it has no order

    def receive_fires(self) -> Sequence[FireHint]:
        return sorted(self.fires)


def a_directory() -> FakeDirectory:
    """The project of all races. No race changes it, so reading it is no step."""
    directory, project = FakeDirectory(), a_project()
    directory.projects[project.project_key] = project
    return directory


class Stage:
    """A store and a queue."""

    def __init__(self, store: TokenStore) -> None:
        self.store = store
        self.queue = StageQueue()
        self._rows = [of.name for of in fields(store) if of.name not in {"shards", "call_token"}]

    def state(self) -> State:
        """The contents of both."""
        state = {name: copy(getattr(self.store, name)) for name in self._rows}
        return {**state, "messages_of_queue": sorted(self.queue.messages), "fires_of_queue": sorted(self.queue.fires)}

    def put_back(self, state: State) -> None:
        """Restore the contents of both."""
        for name in self._rows:
            setattr(self.store, name, copy(state[name]))
        self.queue.messages = list(state["messages_of_queue"])
        self.queue.fires = list(state["fires_of_queue"])


def frozen(value: Any) -> Hashable:
    """A value in a hashable form."""
    if isinstance(value, dict):
        return frozenset((key, frozen(of)) for key, of in value.items())
    if isinstance(value, list):
        return tuple(frozen(of) for of in value)
    if isinstance(value, Schedule):
        return repr(value)
    if isinstance(value, Exception):
        return type(value), frozen(vars(value))
    return value  # type: ignore[no-any-return]  # ports answer with values
