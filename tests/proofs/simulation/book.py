"""What schedules were set to, and what became of each of their occurrences.

The book sees each write of the table, and asks an independent oracle when the occurrences are. Each of them has exactly
one end: a job was made for it, or it was counted as missed or as skipped.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from jobs.model import DAY, MINUTE, Status
from jobs.store import keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tests.proofs.simulation.expressions import Item
    from tests.proofs.simulation.ledger import Ledger
    from tests.proofs.simulation.table import Row

#: What the documentation promises (docs/schedules.md), in words of its own.
LATE = 10 * MINUTE
LAST_WITHIN = DAY
ALL_OF = 100
#: How long before its write a function may have read the clock by which it decided: the time-out of `fire_schedules`.
DECIDED_WITHIN = MINUTE


class Number(NamedTuple):
    """A job."""

    project_id: int
    job_id: int


class End(NamedTuple):
    """What a step made of occurrences: the one that a job was made for, and how many have none."""

    at: int | None
    missed: int
    skipped: int


@dataclass
class Entry:
    """A schedule."""

    #: How it was last set, when, and the occurrences of that.
    spec: Mapping[str, Any]
    set_at: int
    times: Sequence[int]
    next_at: int | None
    made: int = 0
    missed: int = 0
    skipped: int = 0
    #: The jobs that it made, each with the time of its creation.
    jobs: list[tuple[float, Number]] = field(default_factory=list)
    removed_at: float | None = None


class Book:
    """All schedules of a run. `expected` gives all occurrences of a rhythm before `horizon`, from its first on."""

    def __init__(self, ledger: Ledger, expected: Callable[[Mapping[str, Any]], Sequence[int]], horizon: int) -> None:
        self.schedules: dict[str, Entry] = {}
        #: How late the job of each occurrence was made, and started.
        self.made_after: dict[tuple[str, int], float] = {}
        self.started_after: dict[tuple[str, int], float] = {}
        #: When a job that a schedule made has started.
        self.on_start: Callable[[Item], None] = lambda job: None
        self._ledger = ledger
        self._expected = expected
        self._horizon = horizon
        #: When jobs ended that schedules had made.
        self._ended: dict[Number, float] = {}

    def seeded(self, rows: Iterable[Item]) -> None:
        """Note schedules that are there when a run begins."""
        found: dict[tuple[str, str], Item] = {}
        for row in rows:
            if keys.is_schedule(row["pk"]["S"]):
                kind, _, schedule_id = row["sk"]["S"].partition("#")
                found[schedule_id, kind] = row
        for (schedule_id, kind), spec in found.items():
            if kind == "spec":
                self._set(schedule_id, spec, found[schedule_id, "state"])

    # ---- while it runs -------------------------------------------------------------------------------------------

    def committed(self, rows: Sequence[Row], now: float) -> None:
        """Look at one write. A transaction comes as one."""
        jobs: dict[str, tuple[Number, int | None]] = {}
        specs: dict[str, Item] = {}
        states: list[Row] = []
        for row in rows:
            if keys.is_job(row.key.pk):
                if row.new is not None and "sd" in row.new:
                    self._look_at_job(row, row.new, jobs, now)
            elif keys.is_schedule(row.key.pk):
                kind, _, schedule_id = row.key.sk.partition("#")
                if kind == "state":
                    states.append(row)
                elif kind == "spec" and row.new is not None:
                    specs[schedule_id] = row.new
        for row in states:
            schedule_id = row.key.sk.partition("#")[2]
            self._look_at_state(schedule_id, row, specs.pop(schedule_id, None), jobs.pop(schedule_id, None), now)
        for schedule_id, (number, at) in jobs.items():
            self._violation(f"{schedule_id}: job {number} of {at} was made, and its schedule did not move")
        for schedule_id in specs:
            self._violation(f"{schedule_id}: was set, and its state was not")

    def _look_at_job(self, row: Row, new: Item, jobs: dict[str, tuple[Number, int | None]], now: float) -> None:
        number = Number(int(new["pk"]["S"].partition("#")[0]), int(new["sk"]["S"]))
        schedule_id, at = new["sd"]["S"], _number(new, "sf")
        if row.old is None:
            if schedule_id in jobs:
                self._violation(f"{schedule_id}: one write made two jobs")
            jobs[schedule_id] = number, at
            if at is not None:
                if (schedule_id, at) in self.made_after:
                    self._violation(f"{schedule_id}: a second job for the occurrence {at}")
                self.made_after[schedule_id, at] = now - at
            return
        was, is_ = Status(row.old["st"]["S"]), Status(new["st"]["S"])
        if was is is_:
            return
        if is_ is Status.RUNNING:
            if at is not None:
                self.started_after[schedule_id, at] = now - at
            self.on_start(new)
        if is_.is_active:
            self._ended.pop(number, None)
        else:
            self._ended[number] = now

    def _look_at_state(
        self, schedule_id: str, row: Row, spec: Item | None, job: tuple[Number, int | None] | None, now: float
    ) -> None:
        entry = self.schedules.get(schedule_id)
        if entry is None:
            if spec is None or row.new is None or job is not None:
                self._violation(f"{schedule_id}: {row.new} is written, and there is no such schedule")
            else:
                self._set(schedule_id, spec, row.new)
        elif row.new is None:
            self._remove(schedule_id, entry, now)
        elif entry.removed_at is not None:
            self._violation(f"{schedule_id}: is written after it was removed")
        elif spec is not None:
            if entry.next_at is not None and entry.next_at <= int(spec["ua"]["N"]):
                self._violation(f"{schedule_id}: was changed when the occurrence {entry.next_at} was due")
            if job is not None or _counts(row.new) != (entry.made, entry.missed, entry.skipped):
                self._violation(f"{schedule_id}: a change counts {_counts(row.new)}")
            self._set(schedule_id, spec, row.new)
        elif (of := _counts(row.new))[0] > entry.made and _number(row.new, "due") == entry.next_at:
            self._look_at_run(schedule_id, entry, of, job, now)
        else:
            self._look_at_step(schedule_id, entry, row.new, job, now)

    def _set(self, schedule_id: str, spec: Item, state: Item) -> None:
        content = json.loads(spec["json"]["S"])
        set_at = int((spec.get("ua") or spec["ca"])["N"])
        times = self._expected(content["rhythm"])
        entry = self.schedules.get(schedule_id)
        next_at = _number(state, "due")
        if entry is None:
            entry = self.schedules[schedule_id] = Entry(content, set_at, times, next_at)
        entry.spec, entry.set_at, entry.times, entry.next_at = content, set_at, times, next_at
        first = bisect_right(times, set_at) if content["enabled"] else len(times)
        self._check_next(schedule_id, entry, first, enabled=content["enabled"])

    def _remove(self, schedule_id: str, entry: Entry, now: float) -> None:
        if entry.next_at is not None and entry.next_at <= now - DECIDED_WITHIN:
            self._violation(f"{schedule_id}: was removed when the occurrence {entry.next_at} was due")
        entry.removed_at = now

    def _look_at_run(
        self,
        schedule_id: str,
        entry: Entry,
        counts: tuple[int, int, int],
        job: tuple[Number, int | None] | None,
        now: float,
    ) -> None:
        if job is None or job[1] is not None or counts != (entry.made + 1, entry.missed, entry.skipped):
            self._violation(f"{schedule_id}: a job out of turn is {job}, and the counts are {counts}")
            return
        entry.made += 1
        entry.jobs.append((now, job[0]))

    def _look_at_step(
        self, schedule_id: str, entry: Entry, state: Item, job: tuple[Number, int | None] | None, now: float
    ) -> None:
        made, missed, skipped = _counts(state)
        due_at = entry.next_at
        found = End(job[1] if job else None, missed - entry.missed, skipped - entry.skipped)
        entry.next_at = _number(state, "due")
        if made - entry.made != (job is not None):
            self._violation(f"{schedule_id}: {made - entry.made} jobs are counted, and {job} is made")
        if job is not None and (_number(state, "lj"), _number(state, "la")) != (job[0].job_id, job[1]):
            self._violation(f"{schedule_id}: the last job is {state}, and {job} is made")
        if due_at is None or due_at > now:
            self._violation(f"{schedule_id}: moved from {due_at}, which is not yet due")
            return
        place = bisect_left(entry.times, due_at)
        if entry.times[place : place + 1] != [due_at]:
            self._violation(f"{schedule_id}: {due_at} is no occurrence")
            return
        allowed = {
            _end_of(entry, place, at, last_is_active=active)
            for at in _moments(entry, place, now)
            for active in (self._activity(entry, now) if entry.spec["overlap"] == "skip" else (False,))
        }
        if found not in allowed:
            self._violation(f"{schedule_id}: {due_at} became {found} at {now}, and not one of {allowed}")
        self._check_next(schedule_id, entry, place + (job is not None) + found.missed + found.skipped)
        self._ledger.counts["occurrence: made"] += job is not None
        self._ledger.counts["occurrence: missed"] += found.missed
        self._ledger.counts["occurrence: skipped"] += found.skipped
        entry.made, entry.missed, entry.skipped = made, missed, skipped
        if job is not None:
            entry.jobs.append((now, job[0]))

    def _check_next(self, schedule_id: str, entry: Entry, place: int, *, enabled: bool = True) -> None:
        """Check that the next occurrence of a schedule is the one at a place among them."""
        wanted = entry.times[place] if place < len(entry.times) else None
        is_far = enabled and wanted is None and entry.next_at is not None and entry.next_at >= self._horizon
        if entry.next_at != wanted and not is_far:
            self._violation(f"{schedule_id}: the next occurrence is {entry.next_at}, and not {wanted}")

    def _activity(self, entry: Entry, now: float) -> set[bool]:
        """Whether the last job was active, and whether it was not, when a function may have looked."""
        found: set[bool] = set()
        for created, number in reversed(entry.jobs):
            ended = self._ended.get(number)
            found |= {ended is None, ended is None or ended > now - DECIDED_WITHIN}
            if created <= now - DECIDED_WITHIN:
                return found
        return {*found, False}

    # ---- at the end ----------------------------------------------------------------------------------------------

    def check(self, rows: Iterable[Item], until: float) -> None:
        """Check that no occurrence up to `until` waits, and that the rows count what the book counts."""
        left = {}
        made = Counter[str]()
        for row in rows:
            kind, _, schedule_id = row["sk"]["S"].partition("#")
            if keys.is_schedule(row["pk"]["S"]) and kind == "state":
                left[schedule_id] = row
            elif keys.is_job(row["pk"]["S"]) and "sd" in row:
                made[row["sd"]["S"]] += 1
        for schedule_id, entry in self.schedules.items():
            if made[schedule_id] != entry.made:
                self._violation(f"{schedule_id}: has {made[schedule_id]} jobs, and {entry.made} were counted")
            if (entry.removed_at is None) is not (schedule_id in left):
                self._violation(f"{schedule_id}: was removed at {entry.removed_at}, and has the state {left}")
            if entry.removed_at is not None:
                continue
            if entry.next_at is not None and entry.next_at <= until:
                self._violation(f"{schedule_id}: was due at {entry.next_at}, and was forgotten")
            if _counts(left[schedule_id]) != (entry.made, entry.missed, entry.skipped):
                self._violation(f"{schedule_id}: counts {_counts(left[schedule_id])}")

    def _violation(self, what: str) -> None:
        self._ledger.violation(f"schedule {what}")


def _end_of(entry: Entry, place: int, now: float, *, last_is_active: bool) -> End:
    """What is to become of the occurrence at a place if a function decides at a time."""
    due_at, missed = entry.times[place], 0
    at: int | None = due_at
    if due_at < now - LATE:
        late = entry.times[place : bisect_left(entry.times, now - LATE)]
        kept = {
            "none": [],
            "last": [each for each in late[-1:] if each >= now - LAST_WITHIN],
            "all": late[-ALL_OF:],
        }[entry.spec["catchUp"]]
        at, missed = (kept[0] if kept else None), len(late) - len(kept)
    if at is not None and last_is_active:
        return End(None, missed, 1)
    return End(at, missed, 0)


def _moments(entry: Entry, place: int, now: float) -> set[float]:
    """The times at which a step may have been decided, so far as they differ."""
    if now - entry.times[place] <= LATE:
        return {now}
    first = now - DECIDED_WITHIN
    found = {first, now}
    for bound in (LATE, LAST_WITHIN):
        near = entry.times[bisect_left(entry.times, first - bound) : bisect_right(entry.times, now - bound)]
        found |= {at for each in near for at in (each + bound, each + bound + 1) if first <= at <= now}
    return found


def _counts(state: Item) -> tuple[int, int, int]:
    return int(state["rc"]["N"]), int(state["mc"]["N"]), int(state["sc"]["N"])


def _number(item: Item, name: str) -> int | None:
    return int(item[name]["N"]) if name in item else None
