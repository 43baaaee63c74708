"""A cell of the matrix: one scenario, one fault, one call. Then its caller goes on until everything is done."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from jobs.model import MINUTE
from jobs.runtime import wiring

from tests.proofs.faults.injection import SECRET, Fault, Kind, Site
from tests.proofs.faults.scenarios import NOW, time_out_of
from tests.proofs.faults.triggers import Caller, Ended, Result, Schedule, trigger_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Set as AbstractSet

    from tests.proofs.faults.arena import Arena, Effects
    from tests.proofs.faults.scenarios import Event, Scenario

#: How often a caller may have to ask again once nothing fails any more.
PATIENCE = 3
#: After this time a tick has found an overdue job.
A_TICK = 2 * MINUTE


class Cell(NamedTuple):
    """A fault at a call."""

    fault: Fault
    site: Site
    #: Whether it meets every later call of the operation too.
    lasting: bool = False
    #: Whether the environment has failed so often that botocore tries nothing again.
    spent: bool = False

    def __str__(self) -> str:
        how = ", lasting" * self.lasting + ", retries spent" * self.spent
        return f"{self.fault}{how}, in call {self.site.call}, {self.site.operation} at {self.site.lines[:1]}"

    @property
    def is_retried(self) -> bool:
        """Whether botocore tries the call again. For services other than DynamoDB the adapters do."""
        return self.fault.retried and not self.spent and self.site.service == "dynamodb"

    @property
    def tries(self) -> int:
        """How often botocore tries the call."""
        if not self.is_retried:
            return 1
        retries: dict[str, Any] = wiring.CONFIG.retries  # type: ignore[attr-defined]  # unknown to the stubs
        return int(retries["total_max_attempts"]) if self.lasting else 2


@dataclass
class Tally:
    """What was tried."""

    #: The calls that scenarios make, and those that met a fault.
    known: set[tuple[str, int]] = field(default_factory=set)
    calls: set[tuple[str, int]] = field(default_factory=set)
    #: The lines of the functions that make these calls.
    sites: set[tuple[object, ...]] = field(default_factory=set)
    cells: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)

    def note(self, scenario: Scenario, cell: Cell, wrong: Iterable[str]) -> None:
        self.cells[cell.fault.kind.name.lower()] += 1
        self.calls.add((scenario.name, cell.site.call))
        self.sites.add(cell.site.of(scenario.function))
        self.failed += [f"{scenario.name}, {cell}: {each}" for each in wrong]

    def __str__(self) -> str:
        kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(self.cells.items()))
        where = f"{len(self.calls)} of {len(self.known)} calls from {len(self.sites)} call sites"
        return f"{self.cells.total()} cells tried ({kinds}) at {where}, {len(self.failed)} failed"


class Matrix:
    """The cells of one scenario."""

    def __init__(self, arena: Arena, scenario: Scenario, tally: Tally) -> None:
        self._arena = arena
        self._scenario = scenario
        self._tally = tally
        arena.prepare(scenario)
        self._event = scenario.event_for(arena.service)
        self._trigger = trigger_of(self._event, scenario.again)
        arena.restore()
        self._continued = 0
        arena.wire.begin()
        clean = self._invoke(self._event)
        assert clean.raised is None, clean.raised
        self._clean = clean.returned
        #: The calls that are made if nothing fails.
        self.sites = list(arena.wire.sites)
        tally.known |= {(scenario.name, site.call) for site in self.sites}
        self._hinted = arena.hinted()
        self._follow()
        self._made = arena.rows_made()
        self._effects = arena.effects()
        assert arena.table.wrongs == []

    def try_cells(self, cells: Iterable[Cell]) -> list[str]:
        """Try some cells and return what went wrong."""
        before = len(self._tally.failed)
        for cell in cells:
            self._tally.note(self._scenario, cell, self._wrong_with(cell))
        return self._tally.failed[before:]

    def _wrong_with(self, cell: Cell) -> Iterator[str]:
        arena = self._arena
        arena.restore()
        self._continued = 0
        arena.wire.begin(cell.fault, cell.site.call, lasting=cell.lasting)
        result = self._invoke(self._event, spent=cell.spent)
        ended = self._trigger.ended(self._event, result, self._clean)
        if not arena.wire.met:
            yield "the fault was never met"
        if (tries := arena.wire.tries[cell.site.call]) != cell.tries:
            yield f"botocore made {tries} tries, not {cell.tries}"
        if ended not in (expected := self._expected(cell)):
            yield f"ended as {ended.name} where {[each.name for each in expected]} is expected: {result}"
        if (waited := arena.clock.now() - NOW) > 1_000 * time_out_of(self._scenario.function):
            yield f"waited {waited} ms, when it was long over"
        if SECRET in f"{result.returned}":
            yield f"its caller is told {result.returned}"
        yield from arena.table.wrongs
        if ended is Ended.DONE and not isinstance(self._trigger, Schedule):
            yield from self._wrong_when_done(cell)
        yield from self._wrong_afterwards(cell, result, ended)
        if SECRET in arena.log.getvalue():
            yield "its log tells what AWS has said"

    def _expected(self, cell: Cell) -> AbstractSet[Ended]:
        fault, site, lasting, spent = cell
        if fault.kind is Kind.CRASH:
            return {Ended.CRASHED}
        if spent:
            return {Ended.DONE, *self._expected(cell._replace(lasting=True, spent=False))}
        if fault.by_checksum and site.service != "dynamodb":
            return {Ended.DONE, Ended.AGAIN, Ended.FAILED}
        lasts = lasting or (site.operation in self._scenario.tried_once and not cell.is_retried)
        if site.service == "dynamodb" and site.operation not in self._scenario.beside:
            return self._trigger.expected(site, fault, lasting=lasts)
        # the next run asks S3 again for what it has refused
        lasts |= site.service == "s3" and fault.kind is Kind.REFUSAL and isinstance(self._trigger, Schedule)
        if isinstance(self._trigger, Caller) or (site.service != "dynamodb" and not lasts):
            return {Ended.DONE}
        return {Ended.DONE, Ended.AGAIN, *[Ended.FAILED] * isinstance(self._trigger, Schedule)}

    def _wrong_when_done(self, cell: Cell) -> Iterator[str]:
        """What is reported as done and is not done."""
        self._follow()
        effects = self._arena.effects()
        if effects != self._effects and not self._is_reported_as_failed(cell, effects):
            yield f"said to be done, and is not: {_difference(effects, self._effects)}"

    def _wrong_afterwards(self, cell: Cell, result: Result, ended: Ended) -> Iterator[str]:
        """What is wrong once nothing fails any more and every caller has asked as often as it does."""
        arena = self._arena
        tries = 1
        event = self._event
        while ended is not Ended.DONE or (tries == 1 and isinstance(self._trigger, Schedule)):
            if tries > PATIENCE:
                yield f"let down again and again: {result}"
                return
            event = self._trigger.again(event, result)
            arena.wire.begin()
            result = self._invoke(event)
            ended = self._trigger.ended_again(event, result, self._clean)
            tries += 1
        self._follow()
        yield from arena.table.wrongs
        effects = arena.effects()
        if self._scenario.repeats and arena.rows_made() in {time * self._made for time in range(1, tries + 1)}:
            pass
        elif effects != self._effects and not self._is_reported_as_failed(cell, effects):
            yield f"in the end it is not as it should be: {_difference(effects, self._effects)}"
        yield from self._wrong_hints()

    def _wrong_hints(self) -> Iterator[str]:
        """Due jobs that are on the start queue neither by the call that made them due nor by the next tick."""
        arena = self._arena
        lost = (self._hinted | arena.made_due()) - arena.hinted()
        if lost and self._scenario.function == "dispatch_due_jobs":
            yield f"the next tick has passed over {lost}"
        elif lost:
            arena.clock.time += A_TICK
            arena.wire.begin()
            tick = arena.invoke("dispatch_due_jobs", {}, self._scenario.milliseconds)
            if tick.raised or not lost <= arena.hinted():
                yield f"nobody will start {lost - arena.hinted()}"

    def _is_reported_as_failed(self, cell: Cell, effects: Effects) -> bool:
        """Whether a worker has reported that S3 refuses its work."""
        refused = cell.site.service == "s3" and cell.fault.kind is Kind.REFUSAL
        return refused and bool(effects.told) and all(each.startswith("Job Failed") for each in effects.told)

    def _invoke(self, event: Event, *, spent: bool = False) -> Result:
        return self._arena.invoke(self._scenario.function, event, self._scenario.milliseconds, spent=spent)

    def _follow(self) -> None:
        """Deliver what the worker puts on its own queue, until it puts no more."""
        arena = self._arena
        while len(orders := arena.sent_to("DeleteUserDataQueue")) > self._continued:
            self._continued += 1
            arena.wire.begin()
            record = {**self._event["Records"][0], "body": orders[self._continued - 1]}
            arena.invoke(self._scenario.function, {"Records": [record]}, 1_000 * time_out_of(self._scenario.function))


def _difference(effects: Effects, clean: Effects) -> str:
    """What exists and should not, and what should exist and does not."""
    more = [each for one, other in zip(effects, clean, strict=True) for each in one if each not in other]
    less = [each for one, other in zip(effects, clean, strict=True) for each in other if each not in one]
    return f"too much {more}, too little {less}"
