"""No call costs more because its project has more jobs."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from tests.architecture.project import ROOT
from tests.performance.growth import SIZES, Cost, costs
from tests.performance.plot import draw


@pytest.fixture(scope="module")
def measured() -> list[Cost]:
    """A project in its first block and one in its eleventh."""
    return [cost for jobs in SIZES[:2] for cost in costs(jobs)]


def of_size(measured: list[Cost], jobs: int) -> dict[str, tuple[float, ...]]:
    """Calls, read and write units of each operation in a project of so many jobs."""
    return {cost.operation: (cost.calls, cost.read, cost.write) for cost in measured if cost.jobs == jobs}


def test_no_call_grows_with_its_project(measured: list[Cost]) -> None:
    small, large = (of_size(measured, jobs) for jobs in SIZES[:2])

    # the small project has no page 200, which costs no page
    assert [small.pop("page 200"), large.pop("page 200")] == [(1, 0.5, 0), large["page 1"]]
    assert small == large


def test_the_operations_cost_what_the_pages_say(measured: list[Cost]) -> None:
    found = of_size(measured, SIZES[1])

    expected = {"get": (1, 1, 0), "create": (2, 1, 2), "cancel": (1, 0, 2), "tick": (32, 16, 0)}
    assert {name: found[name] for name in expected} == expected


def test_a_plot_is_well_formed_and_names_each_line() -> None:
    drawn = ET.fromstring(  # noqa: S314  # it is our own
        draw("A & B", {"a": [(1, 1), (10, 2)], "b": [(1, 3), (10, 2)]}, x="x", y="y")
    )

    texts = [text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {"A & B", "a", "b"} <= set(texts)


def test_the_plot_of_the_docs_has_every_size() -> None:
    drawn = (ROOT / "docs" / "images" / "growth.svg").read_text()

    assert all(f">{size:,}<" in drawn for size in SIZES)
