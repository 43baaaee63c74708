"""`make mutants`: does the suite notice when the code is wrong?

Each mutant is one bug, written into a copy of the project. The tests that are named beside it must fail there. A mutant
that they let live is a gap in the suite, and one whose code is no longer found is out of date. Both fail the run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, NamedTuple

from tests.proofs.mutants.anchors import Edit, NotAnchored, Product
from tests.proofs.mutants.mutants import MUTANTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.proofs.mutants.mutants import Mutant

ROOT = Path(__file__).parents[3]
#: What a mutant's tests need of the project.
COPIED = (
    *("cli", "events", "functions", "layers", "local", "openapi", "tests"),
    *("pyproject.toml", "template.yaml", "README.md"),
)
#: A mutant that makes the suite hang is noticed too.
PATIENCE_SECONDS = 240
#: What pytest exits with when tests have failed. Anything else but 0 is no verdict: nothing was found to run, say.
FAILED, PASSED = 1, 0


class Verdict(NamedTuple):
    """What became of a mutant; `said` is the end of what its tests printed."""

    mutant: Mutant
    killed: bool
    seconds: float
    said: str


def main(names: Sequence[str]) -> int:
    """Run all mutants, or those named; print a line for each, and how many were killed."""
    wanted = [mutant for mutant in MUTANTS if not names or mutant.name in names]
    edits = _edits(wanted)
    if len(edits) < len(wanted):
        return 1
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies = SimpleQueue[Path]()
        for number in range(os.cpu_count() or 1):
            copies.put(_copy(Path(folder) / str(number)))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for code, said in pool.map(lambda tests: _run_tests(ROOT, tests), {mutant.tests for mutant in wanted}):
                if code != PASSED:
                    print(f"Without any mutant the tests do not pass:\n{said}")
                    return 1
            verdicts = []
            for verdict in pool.map(lambda mutant: _try(mutant, edits[mutant.name], copies), wanted):
                verdicts.append(verdict)
                fate = "killed" if verdict.killed else "ALIVE "
                print(f"{fate}  {verdict.mutant.name}  ({verdict.seconds:.0f} s)", flush=True)
                if not verdict.killed:
                    print(verdict.said, flush=True)
    killed = sum(verdict.killed for verdict in verdicts)
    print(f"{killed} of {len(verdicts)} mutants killed")
    return 0 if verdicts and killed == len(verdicts) else 1


def _edits(mutants: Sequence[Mutant]) -> dict[str, Edit]:
    """The edits of mutants by their names; say why of each that has none."""
    product, edits = Product(ROOT), dict[str, Edit]()
    for mutant in mutants:
        try:
            edits[mutant.name] = product.mutate(mutant.place, mutant.code, mutant.bug)
        except NotAnchored as error:
            print(f"OUT OF DATE  {mutant.name}\n  {error}")
    return edits


def _copy(folder: Path) -> Path:
    folder.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / name)
    return folder


def _try(mutant: Mutant, edit: Edit, copies: SimpleQueue[Path]) -> Verdict:
    """Write a mutant into a copy of the project, run its tests there, and undo it."""
    folder = copies.get()
    file = folder / edit.file
    text = file.read_text(encoding="utf-8")
    began = time.monotonic()
    try:
        file.write_text(edit.text, encoding="utf-8")
        code, said = _run_tests(folder, mutant.tests)
        return Verdict(mutant, killed=code == FAILED, seconds=time.monotonic() - began, said=said)
    finally:
        file.write_text(text, encoding="utf-8")
        copies.put(folder)


def _run_tests(folder: Path, tests: Sequence[str]) -> tuple[int, str]:
    command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, "PYTHONPATH": f"{folder / 'layers' / 'core'}{os.pathsep}{folder}"}
    try:
        run = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return FAILED, "it hung"
    return run.returncode, "\n".join((run.stdout + run.stderr).splitlines()[-12:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
