"""Every error that AWS documents for a call, at every call of every function."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.proofs.faults.catalogue import documented
from tests.proofs.faults.matrix import Cell, Matrix
from tests.proofs.faults.scenarios import SCENARIOS, Scenario

if TYPE_CHECKING:
    from collections.abc import Iterable

    from botocore.client import BaseClient

    from tests.proofs.faults.arena import Arena
    from tests.proofs.faults.injection import Site
    from tests.proofs.faults.matrix import Tally

every_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)


def cells(sites: Iterable[Site], clients: Iterable[BaseClient]) -> list[Cell]:
    """Each error at each call: once, and from then on."""
    of_service = {client.meta.service_model.service_id.hyphenize(): client for client in clients}
    return [
        Cell(fault, site, lasting)
        for site in sites
        for fault in documented(of_service[site.service], site.operation)
        for lasting in (False, True)
    ]


@pytest.fixture(scope="module")
def met() -> set[tuple[object, ...]]:
    """The lines of the functions at which all errors were tried."""
    return set()


@every_scenario
def test_a_documented_error_is_told_as_it_should_be_and_leaves_nothing_undone(
    arena: Arena, tally: Tally, clients: list[BaseClient], met: set[tuple[object, ...]], scenario: Scenario
) -> None:
    matrix = Matrix(arena, scenario, tally)
    new = [site for site in matrix.sites if site.of(scenario.function) not in met]
    met.update(site.of(scenario.function) for site in new)

    assert matrix.try_cells(cells(new, clients)) == []


@pytest.mark.prove
@every_scenario
def test_it_does_so_by_whatever_way_the_call_is_come_to(
    arena: Arena, tally: Tally, clients: list[BaseClient], scenario: Scenario
) -> None:
    matrix = Matrix(arena, scenario, tally)

    assert matrix.try_cells(cells(matrix.sites, clients)) == []
