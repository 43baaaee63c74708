"""The scenarios leave no call out: the calls that they make need every right of the functions."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from tests.architecture.project import FOLDERS, rights
from tests.architecture.test_rights import by_lambda, needed
from tests.proofs.faults.matrix import Matrix, Tally
from tests.proofs.faults.scenarios import SCENARIOS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from botocore.client import BaseClient

    from tests.proofs.faults.arena import Arena


@pytest.fixture
def seen(arena: Arena, clients: list[BaseClient]) -> Iterator[dict[str, dict[str, set[str]]]]:
    """What each function has needed so far: actions on resources of the template."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))

    def see(params: Mapping[str, Any], model: Any, **_: Any) -> None:
        for resource, action in needed(model.service_model.service_name, model.name, params):
            found[arena.function][resource].add(action)

    for client in clients:
        client.meta.events.register("before-parameter-build", see)
    yield found
    for client in clients:
        client.meta.events.unregister("before-parameter-build", see)


def test_each_right_of_a_function_is_needed_for_a_call_that_the_matrix_knows(
    arena: Arena, seen: dict[str, dict[str, set[str]]]
) -> None:
    for scenario in SCENARIOS:
        Matrix(arena, scenario, Tally())

    for folder in FOLDERS:
        in_its_name = by_lambda(folder)
        known = {resource: seen[folder][resource] | in_its_name.get(resource, set()) for resource in rights(folder)}
        assert known == rights(folder), folder
