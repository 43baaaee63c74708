"""A year of schedules in zones with clock changes, while everything goes wrong from time to time."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, partial
from random import Random
from typing import TYPE_CHECKING, Any

from jobs.errors import ScheduleNotFound
from jobs.model import DAY, HOUR, MINUTE, SECOND, NewJob
from jobs.schedules import managing, zones
from jobs.schedules.ports import CatchUp, Overlap, Schedule, Spec
from jobs.schedules.rhythm import Fold, Gap, Rhythm
from jobs.store import directory_items, items, keys
from jobs.timing.dispatch import HORIZON

from tests.builders import a_project
from tests.proofs.occurrences import oracle
from tests.proofs.simulation.book import Book
from tests.proofs.simulation.figures import Lags
from tests.proofs.simulation.ledger import Ledger
from tests.proofs.simulation.stack import Stack
from tests.proofs.simulation.timeline import Timeline
from tests.proofs.simulation.wire import Faults
from tests.proofs.simulation.world import World

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from jobs.tenants import Project

    from tests.proofs.simulation.expressions import Item
    from tests.proofs.simulation.stack import Wired
    from tests.proofs.simulation.world import Json

#: The year, and how much further the oracle looks: a schedule may have its next occurrence after the end.
BEGIN = datetime(2027, 1, 1, tzinfo=zones.EPOCH.tzinfo)
FURTHER = timedelta(days=60)
#: Zones with clock changes of an hour, of half of one and of two, at midnight, before and after a fast, or with none.
ZONES = (
    "UTC",
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Havana",
    "America/New_York",
    "America/Santiago",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Beirut",
    "Asia/Jerusalem",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Europe/Dublin",
    "Pacific/Auckland",
    "Pacific/Chatham",
)
#: Minutes of expressions, as text and as what it means. They are few, so that most minutes of the year have no
#: occurrence and can be left out.
MINUTES = (("0", {0}), ("0", {0}), ("0", {0}), ("*/60", {0}), ("30", {30}), ("0,30", {0, 30}), ("0-59/30", {0, 30}))
#: The most occurrences that an expression may have in a year, so that the year ends.
MOST = 500
#: Faults of a year. A message that comes twice, a lost answer and a crash are as frequent as on a rough day.
FAULTS = Faults(
    lost_request=0.002,
    lost_answer=0.002,
    server_error=0.002,
    crash=0.001,
    conflict=0.005,
    entry_refused=0.01,
    doubled_message=0.03,
    doubled_event=0.02,
    dropped_tick=0.1,
    doubled_tick=0.1,
    slow_index=0.002,
)
#: Occurrences that are this long past at the end must have been seen to.
GRACE = 20 * MINUTE
#: How long no function runs, from just before an hour on which most schedules occur; and how often in a year each.
OUTAGES = (10 * MINUTE, 3 * HOUR)
OUTAGES_OF_EACH = 4
#: How often what is wanted may be asked for again.
TRIES = 5
#: What each whole run must see, because otherwise it shows less than it says.
MUST_HAPPEN = (
    "occurrence: made",
    "occurrence: missed",
    "occurrence: skipped",
    "caller: made",
    "caller: changed",
    "caller: removed",
    "caller: run",
    "metric: FireHintStale",
    "metric: OverdueHinted",
    "fault: request lost",
    "fault: answer lost",
    "fault: server error",
    "fault: crash",
    "fault: transaction conflict",
    "fault: entry refused",
    "fault: key left out",
    "fault: message doubled",
    "fault: tick dropped",
    "fault: tick doubled",
    "fault: index fell behind",
    "FireQueue: dead letter",
)


class Almanac:
    """When occurrences are, by the oracle."""

    def __init__(self, begin: datetime, end: datetime) -> None:
        self._begin, self._end = begin, end
        self.horizon = _milliseconds(end)
        self.drawn: dict[str, oracle.Drawn] = {}
        self._found: dict[str, list[int]] = {}
        self._changed: dict[str, set[int]] = {}

    def clock(self, zone: str) -> oracle.Clock:
        """The clock of a zone."""
        return _watched(zone, self._begin, self._end)

    def is_at_change(self, rhythm: Mapping[str, Any], at: int) -> bool:
        """Whether a clock change has decided about an occurrence: it ends a gap, or its wall-clock time comes twice."""
        if not rhythm["cron"]:
            return False
        zone = rhythm["timezone"]
        if zone not in self._changed:
            walks = self.clock(zone).walks
            gaps = [at for over in walks for _, at in over.skipped]
            folds = [at for over in walks for both in over.twice.values() for at in both]
            self._changed[zone] = {_milliseconds(at) for at in (*gaps, *folds)}
        return at in self._changed[zone]

    def times(self, rhythm: Mapping[str, Any]) -> Sequence[int]:
        """All occurrences of a rhythm."""
        name = json.dumps(rhythm, sort_keys=True)
        if name not in self._found:
            self._found[name] = [
                at
                for at in self._all(rhythm)
                if (rhythm["start_at"] or 0) <= at <= (rhythm["end_at"] or at) and at < self.horizon
            ]
        return self._found[name]

    def _all(self, rhythm: Mapping[str, Any]) -> Iterable[int]:
        if rhythm["at"] is not None:
            return [rhythm["at"]]
        if rhythm["every"]:
            return range(rhythm["anchor"], self.horizon, rhythm["every"] * SECOND)
        drawn = self.drawn[rhythm["cron"]]
        found = oracle.all_between(drawn, rhythm["gap"], rhythm["fold"], self.clock(rhythm["timezone"]))
        return map(_milliseconds, found)


@cache
def _watched(zone: str, begin: datetime, end: datetime) -> oracle.Clock:
    return oracle.watch(zones.zone(zone), begin, end)


@dataclass
class Callers:
    """Who makes, changes and removes schedules, and who does the work of their jobs."""

    world: World
    stack: Stack
    book: Book
    almanac: Almanac
    size: int
    end: float
    #: The calls to come, by when.
    calls: dict[float, Callable[[], None]] = field(default_factory=dict)
    #: The schedules that were said to be removed.
    removed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        count = max(2, self.size // 20)
        self.projects = [a_project(project_id=of, project_key=f"project{of}") for of in range(1, count + 1)]
        self.stack.table.seed(_rows(self.projects))
        self.book.on_start = self._work

    def begin(self) -> None:
        """Let all schedules be made within the first hours."""
        for _ in range(self.size):
            self._later(self.world.random.uniform(0, 6 * HOUR), self._make)

    @property
    def next_call(self) -> float:
        """When the next call begins; infinite if none does."""
        return min(self.calls, default=float("inf"))

    def _later(self, wait: float, call: Callable[[], None]) -> None:
        when = self.world.timeline.now + wait
        while when in self.calls:
            when += 1

        def begin() -> None:
            del self.calls[when]
            call()

        self.calls[when] = begin
        self.world.timeline.at(when, begin)

    # ---- what is asked for ---------------------------------------------------------------------------------------

    def _ask(
        self, what: str, use_case: Callable[[Wired], Any], then: Callable[[Any], None], tries: int = TRIES
    ) -> None:
        def done(answer: Any) -> None:
            if answer is None or isinstance(answer, Exception):
                self.world.ledger.counts[f"caller: not {what}"] += 1
                if tries and not isinstance(answer, ScheduleNotFound):
                    self._later(
                        self.world.random.uniform(SECOND, 5 * SECOND),
                        partial(self._ask, what, use_case, then, tries - 1),
                    )
                return
            self.world.ledger.counts[f"caller: {what}"] += 1
            then(answer)

        if not self.stack.call("manage_schedules", use_case, done):
            done(None)

    def _make(self) -> None:
        project, spec = self.world.random.choice(self.projects), self._spec()

        def use_case(wired: Wired) -> Schedule:
            return managing.create_schedule(wired, project, spec)[0]

        self._ask("made", use_case, self._plan)

    def _plan(self, made: Schedule) -> None:
        """Decide what is to become of a schedule that was made."""
        random = self.world.random
        if random.random() < 0.5:
            for _ in range(random.randint(1, 3)):
                self._plan_call(made, partial(self._change, made))
        if random.random() < 0.1:
            self._plan_call(made, partial(self._run, made))
        if random.random() < 0.15:
            self._plan_call(made, partial(self._remove, made))

    def _plan_call(self, made: Schedule, call: Callable[[], None]) -> None:
        """Let a call come at any time, half of the times within seconds of an occurrence."""
        now, random = self.world.timeline.now, self.world.random
        at = random.uniform(now, self.end)
        entry = self.book.schedules[made.schedule_id]
        if random.random() < 0.5:
            later = [each for each in entry.times if now < each < self.end]
            at = random.choice(later) + random.uniform(-2, 2) * SECOND if later else at
        self._later(max(0.0, at - now), call)

    def _change(self, made: Schedule) -> None:
        random = self.world.random
        kind = random.choice(("rhythm", "off", "on", "policies"))
        new = self._spec()

        def change(spec: Spec) -> Spec:
            match kind:
                case "rhythm":
                    return spec._replace(rhythm=new.rhythm)
                case "policies":
                    return spec._replace(catch_up=new.catch_up, overlap=new.overlap)
                case _:
                    return spec._replace(enabled=kind == "on")

        def use_case(wired: Wired) -> Schedule:
            project = self.projects[made.project_id - 1]
            return managing.change_schedule(wired, project, made.schedule_id, None, change)

        self._ask("changed", use_case, lambda changed: None)
        if kind == "off":
            self._later(random.uniform(MINUTE, 30 * DAY), partial(self._enable, made))

    def _enable(self, made: Schedule) -> None:
        def use_case(wired: Wired) -> Schedule:
            project = self.projects[made.project_id - 1]
            return managing.change_schedule(
                wired, project, made.schedule_id, None, lambda spec: spec._replace(enabled=True)
            )

        self._ask("changed", use_case, lambda changed: None)

    def _run(self, made: Schedule) -> None:
        def use_case(wired: Wired) -> Any:
            return managing.run_schedule(wired, self.projects[made.project_id - 1], made.schedule_id, by="key-1")

        self._ask("run", use_case, lambda job: None, tries=0)

    def _remove(self, made: Schedule) -> None:
        def use_case(wired: Wired) -> str:
            managing.remove_schedule(wired, self.projects[made.project_id - 1], made.schedule_id, None)
            return made.schedule_id

        self._ask("removed", use_case, self.removed.append)

    # ---- what is drawn -------------------------------------------------------------------------------------------

    def _spec(self) -> Spec:
        random = self.world.random
        return Spec(
            name="schedule",
            rhythm=self._rhythm(),
            job=NewJob(action="export", params={"format": "csv"} if random.random() < 0.3 else {}),
            catch_up=random.choice(list(CatchUp)),
            overlap=Overlap.SKIP if random.random() < 0.3 else Overlap.ALLOW,
        )

    def _rhythm(self) -> Rhythm:
        random, now = self.world.random, int(self.world.timeline.now)
        kind = random.random()
        if kind < 0.05:
            return Rhythm(at=self._half_hour(now))
        start_at = random.randint(now, int(self.end)) if random.random() < 0.2 else None
        end_at = random.randint(start_at or now, int(self.end)) if random.random() < 0.1 else None
        if kind < 0.2:
            every = random.choice((DAY // 2, DAY, 2 * DAY, 7 * DAY, DAY + SECOND)) // SECOND
            anchor = self._half_hour(now - 30 * DAY)
            return Rhythm(every=every, anchor=anchor, start_at=start_at, end_at=end_at)
        zone = random.choice(ZONES)
        walks = self.almanac.clock(zone).walks
        changed = [wall for over in walks for wall in (*over.twice, *(wall for wall, _ in over.skipped))]
        meets_one = bool(changed) and random.random() < 0.5
        while True:
            near = random.choice(changed).hour if changed else random.randrange(5)
            drawn = oracle.draw(random, near, random.choice(MINUTES))
            if meets_one and not any(drawn.matches(wall) for wall in changed):
                continue
            self.almanac.drawn[drawn.text] = drawn
            rhythm = Rhythm(
                cron=drawn.text, timezone=zone, gap=random.choice(list(Gap)), fold=random.choice(list(Fold))
            )
            if len(drawn.hours) < 24 and 0 < len(self.almanac.times(_content(rhythm))) < MOST:
                return rhythm._replace(start_at=start_at, end_at=end_at)

    def _half_hour(self, after: int) -> int:
        return self.world.random.randint(after // (30 * MINUTE) + 1, int(self.end) // (30 * MINUTE)) * 30 * MINUTE

    def check(self) -> None:
        """Compare the answers to callers with what was written."""
        for schedule_id in self.removed:
            if self.book.schedules[schedule_id].removed_at is None:
                self.world.ledger.violation(f"schedule {schedule_id} was said to be removed, and is there")

    # ---- workers -------------------------------------------------------------------------------------------------

    def _work(self, job: Item) -> None:
        """Complete the jobs of schedules that skip, after hours or days. The others run on."""
        entry = self.book.schedules[job["sd"]["S"]]
        if entry.spec["overlap"] == "skip":
            project = self.projects[int(job["pk"]["S"].partition("#")[0]) - 1]
            detail = {"projectKey": project.project_key, "jobId": int(job["sk"]["S"]), "attempt": int(job["an"]["N"])}
            takes = self.world.random.expovariate(1 / (18 * HOUR))
            self.world.timeline.after(takes, partial(self._say, "Job Completed", detail))

    def _say(self, detail_type: str, detail: Json) -> None:
        """Put an event on the bus, until it is taken."""
        if self.stack.bus.put("com.example.worker", detail_type, json.dumps(detail)) is not None:
            self.world.timeline.after(SECOND, partial(self._say, detail_type, detail))


@dataclass(frozen=True)
class Year:
    """The result of a year or a part of it."""

    seed: int
    size: int
    days: float
    whole: bool
    counts: Counter[str]
    violations: list[str]
    occurrences: int
    jobs: int
    #: Jobs of occurrences at the end of a gap, or of a wall-clock time that came twice.
    at_changes: int
    #: How late jobs were made, and started, after their occurrence, but for those during or after an outage.
    made: Lags
    started: Lags
    ticks: int

    @property
    def failures(self) -> list[str]:
        """Why the run fails; empty if it does not."""
        must = MUST_HAPPEN if self.whole else ("occurrence: made",)
        return self.violations + [f"never happened: {what}" for what in must if not self.counts[what]]

    def __str__(self) -> str:
        told = ("made", "changed", "removed", "run")
        callers = ", ".join(f"{what} {self.counts[f'caller: {what}']}" for what in told)
        faults = sum(count for what, count in self.counts.items() if what.startswith("fault: "))
        return (
            f"year of {self.size} schedules seed={self.seed} days={self.days:g}: {self.occurrences} occurrences, "
            f"{self.jobs} jobs, {self.at_changes} of them at clock changes, "
            f"missed {self.counts['occurrence: missed']}, skipped {self.counts['occurrence: skipped']}; "
            f"schedules {callers}; {faults} faults, {self.ticks} ticks\n"
            f"  jobs were made after {self.made}, and started after {self.started}"
        )


def run(seed: int, size: int = 1_000, days: float = 365, begin: datetime = BEGIN, *, whole: bool = True) -> Year:
    """Simulate a year, or a part of it.

    A tick that would find nothing is left out: nothing is due within its horizon, no function runs, and nobody calls.
    """
    ledger = Ledger()
    world = World(Timeline(_milliseconds(begin)), Random(seed), FAULTS, ledger)  # noqa: S311  # to be repeated, not to be secret
    end = world.timeline.now + days * DAY
    almanac = Almanac(begin - FURTHER, begin + timedelta(days=days) + FURTHER)
    stack = Stack(world, ("dispatch_due_jobs",), ShardCount=2)
    stack.table.on_record = lambda part, record: None
    book = Book(ledger, almanac.times, almanac.horizon)
    stack.table.on_commit = book.committed
    callers = Callers(world, stack, book, almanac, size, end)
    tick = stack.schedules["dispatch_due_jobs"]

    def idle_until() -> float:
        if stack.account.running:
            return 0.0
        return min(stack.table.first_due("scheduled") - HORIZON - 2 * MINUTE, callers.next_call - MINUTE, end)

    tick.idle_until = idle_until
    outages = list(_outages(world, days))
    for at, length in outages:
        world.timeline.at(at, partial(stack.stop, length))
    with stack.installed():
        callers.begin()
        world.timeline.wait(days * DAY + 2 * GRACE)
        book.check(stack.table.rows(), world.timeline.now - GRACE)
        callers.check()
        ledger.check_rows(stack.table.rows(), until=0)

    def usual(late: Mapping[tuple[str, int], float]) -> Lags:
        away = [(at - HOUR, at + length + HOUR) for at, length in outages]
        return Lags.of([lag for (_, at), lag in late.items() if not any(one <= at < other for one, other in away)])

    return Year(
        seed,
        size,
        days,
        whole,
        ledger.counts,
        ledger.violations,
        sum(ledger.counts[f"occurrence: {what}"] for what in ("made", "missed", "skipped")),
        ledger.counts["job: -S"],
        sum(almanac.is_at_change(book.schedules[of].spec["rhythm"], at) for of, at in book.made_after),
        usual(book.made_after),
        usual(book.started_after),
        len(tick.fired),
    )


def _outages(world: World, days: float) -> Iterator[tuple[float, float]]:
    """When no function runs, and how long: from shortly before an hour on."""
    for length in OUTAGES:
        for _ in range(max(1, round(OUTAGES_OF_EACH * days / 365))):
            hours = world.random.randint(24, int(days * 24) - 24)
            yield world.timeline.now + hours * HOUR - world.random.uniform(0, 5 * MINUTE), length


def _rows(projects: Sequence[Project]) -> Iterator[Item]:
    for project in projects:
        yield directory_items.project_to_item(project)
        yield {**items.key(keys.project_key(project.project_key)), "project": items.number(project.project_id)}


def _content(rhythm: Rhythm) -> Json:
    """A rhythm as it is stored."""
    content: Json = json.loads(json.dumps(rhythm._asdict()))
    return content


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp()) * SECOND
