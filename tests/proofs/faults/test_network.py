"""Network faults at every call of every function: before the call gets to AWS, and after AWS has done it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.proofs.faults.injection import NETWORK, UNHEARD
from tests.proofs.faults.matrix import Cell, Matrix
from tests.proofs.faults.scenarios import SCENARIOS, Scenario

if TYPE_CHECKING:
    from tests.proofs.faults.arena import Arena
    from tests.proofs.faults.matrix import Tally

every_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)


@every_scenario
def test_a_call_that_gets_lost_or_whose_answer_does_is_as_if_it_had_not_been_or_done_once(
    arena: Arena, tally: Tally, scenario: Scenario
) -> None:
    matrix = Matrix(arena, scenario, tally)
    cells = [Cell(fault, site, lasting) for site in matrix.sites for fault in NETWORK for lasting in (False, True)]

    assert matrix.try_cells(cells) == []


@every_scenario
def test_an_environment_that_has_no_retries_left_tells_the_same_truth(
    arena: Arena, tally: Tally, scenario: Scenario
) -> None:
    matrix = Matrix(arena, scenario, tally)
    cells = [Cell(fault, site, spent=True) for site in matrix.sites for fault in UNHEARD]

    assert matrix.try_cells(cells) == []


def test_there_is_no_call_that_met_no_fault(tally: Tally) -> None:
    """This counts the tests before this one, which are all of them unless some were left out."""
    assert tally.calls == tally.known
    assert tally.cells.total() >= len(tally.known) * len({fault.kind for fault in NETWORK})
    assert tally.failed == []
