"""`make test` does not run the proofs. That they can be run, and how, is held here."""

from __future__ import annotations

import importlib
import re
from typing import TYPE_CHECKING

import pytest

from tests.architecture.project import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PROOFS = ROOT / "tests" / "proofs"
FOLDERS = sorted(path for path in PROOFS.iterdir() if path.is_dir() and path.name != "__pycache__")
MODULES = sorted(".".join(path.relative_to(ROOT).with_suffix("").parts) for path in PROOFS.rglob("*.py"))
MAKEFILE = (ROOT / "Makefile").read_text()
#: What a page says, in this order.
HEADINGS = [
    "What is claimed",
    "How it is proven",
    "How to run it",
    "How to read a failure",
    "What it does not prove",
]


def recipe(target: str) -> str:
    """What make does for a target."""
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert found, target
    return found[1]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_of_the_proofs_can_be_imported(module: str) -> None:
    importlib.import_module(module)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_proof_has_a_page_that_the_overview_links(folder: Path) -> None:
    text = (folder / "README.md").read_text()

    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS
    assert f"../tests/proofs/{folder.name}/README.md" in (ROOT / "docs" / "proofs.md").read_text()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_proof_can_be_made_alone_by_the_name_of_its_folder(folder: Path) -> None:
    assert f"proofs.{folder.name}" in recipe(folder.name).replace("/", ".")


@pytest.mark.parametrize("target", ["prove", "prove-part"])
def test_all_proofs_are_made_together(target: str) -> None:
    """Those that are tests with all of this folder, the others by their names."""
    made = recipe(target)
    unmade = [
        folder.name
        for folder in FOLDERS
        if folder.name not in made.split() and not ("tests/proofs" in made and list(folder.glob("test_*.py")))
    ]

    assert unmade == []
