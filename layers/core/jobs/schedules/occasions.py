"""What is to be done about the occurrence of a schedule that is due: make its job, or count what was missed."""

from __future__ import annotations

from itertools import islice, takewhile
from typing import TYPE_CHECKING, NamedTuple

from jobs.model import DAY, MINUTE
from jobs.schedules.ports import CatchUp
from jobs.schedules.rhythm import occurrences

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.schedules.ports import Spec

#: An occurrence that is later than this has been missed.
LATE = 10 * MINUTE
#: How old a missed occurrence may be to make a job under `last`, and how many make one under `all`.
LAST_WITHIN = DAY
ALL_OF = 100
#: Missed occurrences that one step looks at. The next step goes on behind them.
MAX_MISSED = 50_000


class Step(NamedTuple):
    """The next step of a schedule whose occurrence is due."""

    #: The occurrence that makes a job; None if none does.
    at: int | None
    #: The occurrence after that; None if there is none.
    next_at: int | None
    #: How many were missed and make no job.
    missed: int = 0


def next_step(spec: Spec, due_at: int, now: int) -> Step:
    """The step that a schedule takes whose occurrence `due_at` is not after `now`.

    Catching up takes one step for each job, so that it can be interrupted anywhere.
    """
    horizon = now - LATE
    if due_at >= horizon:
        return _make(spec, due_at, 0)
    late = [due_at]
    late += islice(takewhile(lambda at: at < horizon, _times(spec, due_at)), MAX_MISSED)
    if len(late) > MAX_MISSED:
        return Step(None, late[-1], len(late) - 1)
    keeps = _kept(spec.catch_up, late, now)
    if keeps:
        return _make(spec, keeps[0], len(late) - len(keeps))
    return Step(None, next(_times(spec, late[-1]), None), len(late))


def _kept(catch_up: CatchUp, late: list[int], now: int) -> list[int]:
    """The missed occurrences that make a job."""
    match catch_up:
        case CatchUp.NONE:
            return []
        case CatchUp.LAST:
            return [at for at in late[-1:] if at >= now - LAST_WITHIN]
        case CatchUp.ALL:
            return late[-ALL_OF:]


def _make(spec: Spec, at: int, missed: int) -> Step:
    return Step(at, next(_times(spec, at), None), missed)


def _times(spec: Spec, after: int) -> Iterator[int]:
    return (occurrence.at for occurrence in occurrences(spec.rhythm, after))
