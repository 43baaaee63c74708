"""Mutants without their tests: each still finds its code, and code is found by its meaning."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from tests.proofs.mutants import runner
from tests.proofs.mutants.anchors import NotAnchored, Product
from tests.proofs.mutants.mutants import MUTANTS, Mutant

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[..., Product]

MODULE = "layers/core/jobs/timing/starting.py"
SOURCE = """
    from typing import TYPE_CHECKING, Protocol

    if TYPE_CHECKING:
        from jobs.model import Clock

    HORIZON = 180 * SECOND
    SECOND: int = 1_000


    class Port(Protocol):
        def start(self, job: int) -> bool:
            '''Start it.'''


    class Store:
        def start(self, job, now=HORIZON):
            is_due = "due <= :now"
            if job is None or job == 0:
                return False
            self.write(job, condition=f"{is_due} AND st = 'scheduled'")
            self.write(job + 1)
            return True
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write the modules of a product; one module by default."""

    def write(source: str = SOURCE, module: str = MODULE, **others: str) -> Product:
        for path, text in {module: source, **others}.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(dedent(text), encoding="utf-8")
        return Product(tmp_path)

    return write


def lines(product: Product, place: str, code: str, bug: str) -> list[str]:
    return [line.strip() for line in product.mutate(place, code, bug).text.splitlines()]


# ---- the project's mutants ----------------------------------------------------------------------------------------

PROJECT = Product(runner.ROOT)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_finds_its_code_and_its_tests(mutant: Mutant) -> None:
    edit = PROJECT.mutate(mutant.place, mutant.code, mutant.bug)

    assert (runner.ROOT / edit.file).is_file()
    files = [argument for argument in mutant.tests if argument.startswith("tests/")]
    assert files
    assert all((runner.ROOT / file).is_file() for file in files)


def test_every_mutant_has_a_name_of_its_own() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


def test_a_mutant_that_is_out_of_date_fails_the_run_before_any_test(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stray = Mutant("stray", "_start_alone", "no_such_name", "True", ("tests/unit/test_model.py",))
    monkeypatch.setattr(runner, "MUTANTS", (stray,))
    monkeypatch.setattr(runner, "_run_tests", None)

    assert runner.main([]) == 1
    assert "OUT OF DATE  stray\n  not found in jobs." in capsys.readouterr().out


# ---- what is replaced ---------------------------------------------------------------------------------------------


def test_an_expression_is_replaced_wherever_it_stands(write: Write) -> None:
    product = write()

    assert "if job is None:" in lines(product, "start", "job is None or job == 0", "job is None")
    assert "def start(self, job, now=0):" in lines(product, "start", "HORIZON", "0")
    assert "self.write(job, condition=is_due)" in lines(
        product, "start", "f\"{is_due} AND st = 'scheduled'\"", "is_due"
    )
    assert "HORIZON = 60 * SECOND" in lines(product, "HORIZON", "180 * SECOND", "60 * SECOND")
    assert "SECOND: int = 1" in lines(product, "SECOND", "1000", "1")


def test_everything_else_stays_as_it_is(write: Write) -> None:
    product = write()
    as_it_was = lines(product, "SECOND", "1_000", "1_000")

    changed = lines(product, "start", "job == 0", "job == 1")

    assert [(old, new) for old, new in zip(as_it_was, changed, strict=True) if old != new] == [
        ("if job is None or job == 0:", "if job is None or job == 1:")
    ]


def test_a_statement_is_replaced_by_one_or_by_several(write: Write) -> None:
    product = write()

    assert "is_due = 'due < :now'" in lines(product, "start", 'is_due = "due <= :now"', 'is_due = "due < :now"')
    mutated = lines(product, "start", 'is_due = "due <= :now"', 'now += 1\nis_due = "due <= :now"')
    assert mutated[mutated.index("now += 1") + 1] == "is_due = 'due <= :now'"


def test_a_statement_is_removed(write: Write) -> None:
    product = write()

    assert "self.write(job + 1)" not in lines(product, "start", "self.write(job + 1)", "")
    mutated = lines(product, "start", "return False", "")  # the only statement of its block
    assert mutated[mutated.index("if job is None or job == 0:") + 1] == "pass"


def test_neighbouring_statements_are_one_piece_of_code(write: Write) -> None:
    source = """
        def start(store):
            store.read()
            store.write()
            while store:
                store.wait()
                store.write()
    """
    code = """
        store.wait()
        store.write()
    """

    assert lines(write(source), "start", code, "store.write()")[-2:] == ["while store:", "store.write()"]


def test_a_bug_may_be_statements_where_the_code_is_a_call(write: Write) -> None:
    assert "raise ValueError" in lines(write(), "start", "self.write(job + 1)", "raise ValueError")


# ---- how it is found ----------------------------------------------------------------------------------------------


def test_comments_quotes_and_line_breaks_do_not_matter(write: Write) -> None:
    source = """
        class Store:
            def start(
                self,
                job,
            ):
                is_due = (
                    'due <= '  # «not before its time»
                    ':now'
                )
                if (
                    job is None  # there is none
                    or job == 0
                ):
                    return False
                return self.write(job,
                    condition=f'''{is_due} AND st = 'scheduled\\'''',
                )
    """
    product = write(source)

    assert "is_due = ''" in lines(product, "start", 'is_due = "due <= :now"', 'is_due = ""')
    assert "if False:" in lines(product, "start", "job is None or job == 0", "False")
    code = "return self.write(job, condition=f\"{is_due} AND st = 'scheduled'\")"
    assert lines(product, "start", code, "return True")[-1] == "return True"


@pytest.mark.parametrize("place", ["start", "Store.start", "starting:start", "jobs.timing:Store.start", "timing:start"])
def test_a_place_is_as_much_of_its_name_as_makes_it_the_only_one(write: Write, place: str) -> None:
    others = {"functions/start/app.py": "def handler(event, context): start(event)"}

    assert "if False:" in lines(write(**others), place, "job is None or job == 0", "False")


def test_a_definition_is_found_in_whichever_module_and_class_it_is(write: Write) -> None:
    moved = SOURCE.replace("class Store", "class Starts")
    edit = write(moved, "layers/core/jobs/store/attempts.py").mutate("start", "job is None or job == 0", "False")

    assert edit.file.as_posix() == "layers/core/jobs/store/attempts.py"
    assert "if False:" in edit.text


def test_a_definition_that_is_nowhere_is_told(write: Write) -> None:
    for place in ("stop", "Shop.start", "art", "dispatch:start", "start:start"):
        with pytest.raises(NotAnchored, match=f"no definition of {place} in "):
            write().mutate(place, "HORIZON", "0")


def test_definitions_of_one_name_are_told(write: Write) -> None:
    product = write(**{"functions/start/app.py": "def start(): return None"})

    with pytest.raises(
        NotAnchored, match=r"several .* start: jobs\.timing\.starting:Store\.start, functions\.start\.app"
    ):
        product.mutate("start", "None", "True")
    assert "return True" in lines(product, "functions:start", "None", "True")


def test_code_that_is_not_in_its_definition_is_told(write: Write) -> None:
    with pytest.raises(NotAnchored, match=r"not found in jobs\.timing\.starting:Store\.start: 180 \* SECOND"):
        write().mutate("start", "180 * SECOND", "0")


def test_code_that_is_there_twice_is_told_with_its_lines(write: Write) -> None:
    with pytest.raises(NotAnchored, match=r"found 2 times in .*:Store\.start \(lines 21, 22\): self\.write"):
        write().mutate("start", "self.write", "print")


def test_a_name_is_not_found_in_a_longer_one_nor_an_operand_in_another_operation(write: Write) -> None:
    for code in ("due", "SEC", "None or job", "is_due = 'due <='"):
        with pytest.raises(NotAnchored, match="not found"):
            write().mutate("start", code, "x = 1")


# ---- a bug that would not run kills itself ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "bug", "sentence"),
    [
        ("return True", "return Clock()", "does not know Clock"),  # imported only for types
        ("return True", "return minute", "does not know minute"),
        ("return True", "continue", "'continue'"),
        ("return True", "return (", "not valid Python: return"),
        ("return (", "return True", "not valid Python: return"),
        ("", "return True", "no code"),
    ],
)
def test_a_bug_that_would_not_run_is_told(write: Write, code: str, bug: str, sentence: str) -> None:
    with pytest.raises(NotAnchored, match=sentence):
        write().mutate("start", code, bug)


def test_a_bug_may_use_what_it_imports_or_what_its_module_knows(write: Write) -> None:
    for bug in ("import time\nreturn time.time()", "return [other for other in (job, HORIZON)]", "return max(now, 0)"):
        write().mutate("start", "return True", bug)
