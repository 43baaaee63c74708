"""Invocations that end in the middle: before each call, and after AWS has done it. Then the caller asks again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.proofs.faults.injection import CRASHES
from tests.proofs.faults.matrix import Cell, Matrix
from tests.proofs.faults.scenarios import SCENARIOS, Scenario

if TYPE_CHECKING:
    from tests.proofs.faults.arena import Arena
    from tests.proofs.faults.matrix import Tally


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_after_a_crash_nothing_is_lost_or_doubled_or_half_done(arena: Arena, tally: Tally, scenario: Scenario) -> None:
    matrix = Matrix(arena, scenario, tally)

    assert matrix.try_cells(Cell(fault, site) for site in matrix.sites for fault in CRASHES) == []
