"""What the pages say that a stack costs is what its template comes to."""

from __future__ import annotations

import copy
import re

from tests.architecture.checks import translated
from tests.architecture.project import ROOT
from tests.performance.price import page

DOCS = ROOT / "docs"


def test_the_price_on_the_page_is_that_of_the_template() -> None:
    assert page(translated()) in (DOCS / "operations.md").read_text()


def test_deploying_names_the_same_sums() -> None:
    sums = re.findall(r"\*\*(\d+\.\d\d)\*\*", page(translated()))

    assert re.findall(r"\*\*\$(\d+\.\d\d)\*\*", (DOCS / "deploying.md").read_text()) == sums


def test_another_alarm_changes_the_price() -> None:
    changed = copy.deepcopy(translated())
    changed["Resources"]["AnotherAlarm"] = changed["Resources"]["ReapLagAlarm"]

    assert page(changed) != page(translated())
