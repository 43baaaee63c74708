"""Who uses the service during a simulated day: callers, services that send events, and workers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from jobs.errors import Busy, DeletionActive
from jobs.lifecycle import cancellation, creation, deletion, moving, retrying
from jobs.lifecycle.creation import Creation, IdempotencyKey
from jobs.model import DELETE_USER_DATA, HOUR, MINUTE, SECOND, Job, NewJob
from jobs.store import directory_items, items, keys
from jobs.tenants import Retention

from tests.builders import a_project
from tests.proofs.simulation.bus import Subscription

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jobs.tenants import Project

    from tests.proofs.simulation.expressions import Item
    from tests.proofs.simulation.stack import Stack, Wired
    from tests.proofs.simulation.table import Row
    from tests.proofs.simulation.world import Json, World

PROJECTS = 40
USERS = 25
#: How often a caller repeats a request that failed or was refused for the moment.
MAX_ASKED = 8

#: What callers ask for, out of a hundred.
KINDS = {"immediate": 35, "near": 20, "far": 25, "deletion": 10, "event": 10}


@dataclass
class Asked:
    """A requested job. Its description identifies it."""

    #: Its number, if the caller knows it.
    answered: tuple[int, int] | None = None
    #: Whether the job must exist in the end although nobody got an answer: an event asks until it is taken.
    must_be: bool = False


@dataclass
class Load:
    """Traffic from now on until `end`."""

    world: World
    stack: Stack
    jobs_an_hour: float
    end: float
    asked: dict[str, Asked] = field(default_factory=dict)
    cancelled: list[tuple[int, int]] = field(default_factory=list)
    refused_events: int = 0

    def __post_init__(self) -> None:
        self.projects = [
            a_project(project_id=number, project_key=f"project{number}", retention=_retention(number))
            for number in range(1, PROJECTS + 1)
        ]
        #: The first few projects have most of the traffic.
        self._weights = list(accumulate(1 / rank for rank in range(1, PROJECTS + 1)))
        self._done: set[str] = set()
        #: The jobs of each description. A job that was redacted has none any more.
        self._made: dict[str, list[tuple[int, int]]] = {}
        self.stack.table.seed(_rows_of(self.projects))
        own = {"source": ["jobs"]}
        self.stack.bus.subscriptions += [
            Subscription({**own, "detail-type": ["Job Started"]}, self._work),
            Subscription({**own, "detail-type": ["Job Failed", "Job Cancelled"]}, self._maybe_retry),
        ]
        self._next()

    # ---- callers -------------------------------------------------------------------------------------------------

    def _next(self) -> None:
        wait = self.world.random.expovariate(self.jobs_an_hour / HOUR)
        if self.world.timeline.now + wait < self.end:
            self.world.timeline.after(wait, self._ask)

    def _ask(self) -> None:
        self._next()
        random = self.world.random
        [kind] = random.choices(list(KINDS), list(KINDS.values()))
        [project] = random.choices(self.projects, cum_weights=self._weights)
        name = f"job {len(self.asked)}"
        asked = self.asked[name] = Asked()
        if kind == "event":
            self._ask_by_event(project, name, asked)
            return
        new = self._deletion(name) if kind == "deletion" else self._job(kind, name)
        key = IdempotencyKey(name, "body") if random.random() < 0.7 else None
        self._create(project, new, key, asked, MAX_ASKED)

    def _job(self, kind: str, name: str) -> NewJob:
        random, now = self.world.random, int(self.world.timeline.now)
        start_at = {
            "immediate": None,
            "near": now + random.randrange(SECOND, 4 * MINUTE),
            "far": random.randrange(now + 4 * MINUTE, max(int(self.end), now + 5 * MINUTE)),
        }[kind]
        return NewJob(
            action="export",
            description=name,
            start_at=start_at,
            params={"format": "csv"} if random.random() < 0.3 else {},
            max_attempts=random.choice([1, 1, 2, 3]),
            timeout_seconds=random.choice([60, 120, 300, 600]),
        )

    def _deletion(self, name: str) -> NewJob:
        user = f"user-{self.world.random.randrange(USERS)}"
        asked = deletion.request_deletion(user, int(self.world.timeline.now))
        return NewJob(
            action=DELETE_USER_DATA,
            description=name,
            reference_id=user,
            start_at=asked.start_at,
            max_attempts=asked.max_attempts,
            timeout_seconds=asked.timeout_seconds,
        )

    def _create(self, project: Project, new: NewJob, key: IdempotencyKey | None, asked: Asked, times: int) -> None:
        def use_case(wired: Wired) -> Creation:
            found = wired.directory.find_project(project.project_key)
            assert found is not None
            return creation.create_job(wired, found, new, by="key-1", idempotency=key)

        def done(answer: Any) -> None:
            if isinstance(answer, Creation):
                self._told("created")
                asked.answered = (answer.job.project_id, answer.job.job_id)
                self._maybe_cancel(project, answer.job)
                self._maybe_move(project, answer.job)
            elif isinstance(answer, DeletionActive):
                self._told("deletion active")
            elif times and key is not None and (answer is None or isinstance(answer, Busy)):
                # Without a key nobody may ask again: a job may be there behind a 429 too, see docs/failures.md.
                self._told("asked again")
                wait = self.world.random.uniform(SECOND, 5 * SECOND)
                self.world.timeline.after(wait, lambda: self._create(project, new, key, asked, times - 1))
            else:
                self._told("gave up")

        self.stack.call("create_job", use_case, done)

    def _maybe_cancel(self, project: Project, job: Job) -> None:
        random, now = self.world.random, self.world.timeline.now
        if random.random() > 0.08:
            return
        left = (job.next_at or now) - now
        wait = random.uniform(0, max(left, 0) + MINUTE)

        def use_case(wired: Wired) -> Job:
            return cancellation.cancel_job(wired, project, job.job_id, by="key-1")

        def done(answer: Any) -> None:
            if isinstance(answer, Job):
                self._told("cancelled")
                self.cancelled.append((job.project_id, job.job_id))
            else:
                self._told("not cancelled")

        self.world.timeline.after(wait, partial(self.stack.call, "cancel_job", use_case, done))

    def _maybe_move(self, project: Project, job: Job) -> None:
        random, now = self.world.random, self.world.timeline.now
        if random.random() > 0.08:
            return
        wait = random.uniform(0, max((job.next_at or now) - now, 0) + SECOND)
        start_at = int(now + wait + random.uniform(-MINUTE, 10 * MINUTE))

        def use_case(wired: Wired) -> Job:
            return moving.move_job(wired, project, job.job_id, start_at, by="key-1")

        def done(answer: Any) -> None:
            self._told("moved" if isinstance(answer, Job) else "not moved")

        self.world.timeline.after(wait, partial(self.stack.call, "move_job", use_case, done))

    def _maybe_retry(self, event: Json) -> None:
        if self.world.random.random() > 0.3 or self.world.timeline.now > self.end:
            return
        detail = event["detail"]
        project = next(each for each in self.projects if each.project_key == detail["projectKey"])

        def use_case(wired: Wired) -> Job:
            return retrying.retry_job(wired, project, detail["jobId"], by="key-1")

        def done(answer: Any) -> None:
            self._told("retried" if isinstance(answer, Job) else "not retried")

        wait = self.world.random.uniform(SECOND, MINUTE)
        self.world.timeline.after(wait, partial(self.stack.call, "create_job", use_case, done))

    def _told(self, what: str) -> None:
        self.world.ledger.counts[f"caller: {what}"] += 1

    # ---- events --------------------------------------------------------------------------------------------------

    def _ask_by_event(self, project: Project, name: str, asked: Asked) -> None:
        random = self.world.random
        detail = {"projectKey": project.project_key, "action": "import", "description": name, "timeoutSeconds": 60}
        kind = random.random()
        if kind < 0.05:
            self.refused_events += 1
            self._say("Job Requested", {**detail, "projectKey": "nobody"})
            return
        if kind < 0.2:
            detail |= {"action": DELETE_USER_DATA, "referenceId": f"user-{random.randrange(USERS)}"}
        else:
            asked.must_be = True
        if kind > 0.7:
            detail["idempotencyKey"] = name
        self._say("Job Requested", detail)
        if kind > 0.9:
            self._say("Job Requested", detail)

    def _say(self, detail_type: str, detail: Json) -> None:
        """Put an event on the bus, until it is taken."""
        if self.stack.bus.put("com.example.worker", detail_type, json.dumps(detail)) is not None:
            self.world.timeline.after(SECOND, lambda: self._say(detail_type, detail))

    # ---- workers -------------------------------------------------------------------------------------------------

    def _work(self, event: Json) -> None:
        random, detail = self.world.random, event["detail"]
        if detail["deduplicationId"] in self._done and random.random() < 0.8:
            return  # most workers read the job
        self._done.add(detail["deduplicationId"])
        of = {"projectKey": detail["projectKey"], "jobId": detail["jobId"]}
        attempt = {**of, "attempt": detail["attempt"]}
        takes = min(random.expovariate(1 / (30 * SECOND)), 15 * MINUTE)
        outcome = random.random()
        if outcome < 0.02:
            self.world.ledger.counts["worker: lost"] += 1
            return
        if outcome < 0.03:
            self.world.ledger.counts["worker: late"] += 1
            takes = 20 * MINUTE
        else:
            for at in _every(20 * SECOND, takes):
                self._later(at, "Job Progress", {**attempt, "progress": int(100 * at / takes)})
        if random.random() < 0.1:
            self._later(takes / 2, "Job Message", {**of, "text": "halfway"})
        if outcome < 0.15:
            self._later(takes, "Job Failed", {**attempt, "errors": ["out of luck"]})
        else:
            outputs = {"outputs": ["s3://bucket/object"]} if outcome < 0.4 else {}
            self._later(takes, "Job Completed", {**attempt, **outputs})
        if outcome > 0.97:
            self._later(takes + SECOND, "Job Completed", attempt)

    def _later(self, wait: float, detail_type: str, detail: Json) -> None:
        self.world.timeline.after(wait, lambda: self._say(detail_type, detail))

    # ---- what is written -----------------------------------------------------------------------------------------

    def committed(self, rows: Sequence[Row]) -> None:
        """Note which job was made for whom."""
        for row in rows:
            if row.new is not None and row.old is None and "st" in row.new:
                number = int(row.new["pk"]["S"].partition("#")[0]), int(row.new["sk"]["S"])
                self._made.setdefault(row.new["de"]["S"], []).append(number)

    # ---- at the end ----------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Compare the answers to callers, and the requests of events, with the table."""
        ledger = self.world.ledger
        for name, asked in self.asked.items():
            jobs = self._made.get(name, [])
            if len(jobs) > 1:
                ledger.violation(f"{name} was made {len(jobs)} times: {jobs}")
            if asked.answered is not None and asked.answered not in jobs:
                ledger.violation(f"{name} was acknowledged as {asked.answered}, and is {jobs}")
            if asked.must_be and not jobs:
                ledger.violation(f"{name} was asked for by an event, and is not there")
        for number in self.cancelled:
            if "X" not in ledger.path_of(*number):
                ledger.violation(f"job {number} was said to be cancelled, and is {ledger.path_of(*number)}")


def _rows_of(projects: list[Project]) -> Iterator[Item]:
    for project in projects:
        yield directory_items.project_to_item(project)
        yield {**items.key(keys.project_key(project.project_key)), "project": items.number(project.project_id)}


def _retention(project_id: int) -> Retention:
    """Some projects forget the payload of jobs as soon as these have ended, and some of those redact them too."""
    forgets, redacts = project_id % 4 == 2, project_id % 8 == 2
    return Retention(0 if forgets else None, 0 if redacts else None)


def _every(step: float, until: float) -> Iterator[float]:
    at = step
    while at < until:
        yield at
        at += step
