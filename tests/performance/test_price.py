"""The pages say what the template of a stack costs."""

from __future__ import annotations

import copy
import re

from tests.architecture.checks import translated
from tests.architecture.project import ROOT
from tests.performance.price import page, year_page


def test_the_price_on_the_page_is_that_of_the_template() -> None:
    assert page(translated()) in (ROOT / "docs" / "costs.md").read_text()


def test_the_year_on_the_page_is_computed_from_what_is_metered() -> None:
    assert year_page() in (ROOT / "docs" / "costs.md").read_text()


def test_the_readme_names_the_sum_of_an_idle_month() -> None:
    idle, *_ = re.findall(r"\*\*(\d+\.\d\d)\*\*", page(translated()))

    assert f"${idle} a month" in (ROOT / "README.md").read_text()


def test_another_alarm_changes_the_price() -> None:
    changed = copy.deepcopy(translated())
    changed["Resources"]["AnotherAlarm"] = changed["Resources"]["ReapLagAlarm"]

    assert page(changed) != page(translated())
