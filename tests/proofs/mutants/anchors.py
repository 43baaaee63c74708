"""Where a bug goes: a definition by its name, whichever module it is in, and a piece of its code.

Code is compared as syntax trees. Formatting, comments, quotes and moves between modules do not matter.
"""

from __future__ import annotations

import ast
import builtins
from textwrap import dedent
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

#: The folders that hold the product's code. The names of modules begin with the last part.
PACKAGES = ("layers/core/jobs", "functions")


class NotAnchored(Exception):
    """A bug has no place: its definition or its code is not there, or there several times."""


class Edit(NamedTuple):
    """A module with a bug in it; `file` is relative to the project."""

    file: Path
    text: str


class _Definition(NamedTuple):
    module: str
    #: With its classes, as in "Job.cancelled_from".
    name: str
    file: Path

    def __str__(self) -> str:
        return f"{self.module}:{self.name}"

    def answers_to(self, place: str) -> bool:
        module, _, name = place.rpartition(":")
        return f".{self.name}".endswith(f".{name}") and (not module or f".{module}." in f".{self.module}.")


class _Spot(NamedTuple):
    """Neighbouring nodes of a syntax tree, by the field of their parent that holds them."""

    parent: ast.AST
    field: str
    first: int
    nodes: Sequence[ast.AST]

    @property
    def line(self) -> int:
        line: int = getattr(self.nodes[0], "lineno", 0)
        return line

    def put(self, bug: Sequence[ast.AST]) -> None:
        held: Any = getattr(self.parent, self.field)
        if isinstance(held, list):
            held[self.first : self.first + len(self.nodes)] = bug
        else:
            setattr(self.parent, self.field, bug[0])


class Product:
    """The modules of the product below `root`. They are read once and never written."""

    def __init__(self, root: Path) -> None:
        self._texts: dict[Path, str] = {}
        self._names: dict[Path, set[str]] = {}
        self._definitions: list[_Definition] = []
        for folder in (root / package for package in PACKAGES):
            for path in sorted(folder.rglob("*.py")):
                file, text = path.relative_to(root), path.read_text(encoding="utf-8")
                module = ".".join(path.relative_to(folder.parent).with_suffix("").parts)
                body = ast.parse(text).body
                self._texts[file] = text
                self._names[file] = _bound(node for node in body if not _is_for_types(node))
                self._definitions += [_Definition(module, name, file) for name, _ in _named(body)]

    def mutate(self, place: str, code: str, bug: str) -> Edit:
        """Replace a piece of code by a bug.

        Args:
            place: the name of a function, method, class or constant. It may leave out the class: `_start_alone`.
                Where several have the name, a part of the module's name narrows it: `store:cancel_job`.
            code: an expression, or one or more statements that follow each other.
            bug: the same; statements are removed where it is empty.

        Raises:
            NotAnchored: the place or the code is not there exactly once, or the bug would not run.
        """
        definition = self._find(place)
        module = ast.parse(self._texts[definition.file])
        old, new = _parse(code, bug)
        spots = list(_spots(dict(_named(module.body))[definition.name], old))
        if not spots:
            raise NotAnchored(f"not found in {definition}: {code}")
        if len(spots) > 1:
            lines = ", ".join(str(spot.line) for spot in spots)
            raise NotAnchored(f"found {len(spots)} times in {definition} (lines {lines}): {code}")
        spots[0].put(new)
        # Tests would fail whatever they test, and the mutant would count as killed.
        if unknown := _used(new) - _bound(new) - self._names[definition.file] - set(dir(builtins)):
            raise NotAnchored(f"{definition.module} does not know {', '.join(sorted(unknown))}: {bug}")
        text = ast.unparse(module)
        _check(text, bug)
        return Edit(definition.file, text)

    def _find(self, place: str) -> _Definition:
        found = [definition for definition in self._definitions if definition.answers_to(place)]
        if not found:
            raise NotAnchored(f"no definition of {place} in {' or '.join(PACKAGES)}")
        if len(found) > 1:
            raise NotAnchored(f"several definitions of {place}: {', '.join(map(str, found))}")
        return found[0]


def _named(body: Iterable[ast.stmt], of: str = "") -> Iterator[tuple[str, ast.stmt]]:
    """The definitions of a module or class, except those without a body, such as a port's methods."""
    for node in body:
        match node:
            case ast.FunctionDef(name=name) if not _is_stub(node):
                yield of + name, node
            case ast.ClassDef(name=name, body=inner):
                yield of + name, node
                yield from _named(inner, f"{of}{name}.")
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
                yield of + name, node


def _is_stub(function: ast.FunctionDef) -> bool:
    return all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in function.body)


def _parse(code: str, bug: str) -> tuple[Sequence[ast.AST], Sequence[ast.AST]]:
    try:
        old, new = ast.parse(dedent(code)).body, ast.parse(dedent(bug)).body
    except SyntaxError as error:
        raise NotAnchored(f"not valid Python: {error.text}") from error
    if not old:
        raise NotAnchored("no code to replace")
    match old, new:
        case [ast.Expr(value=expression)], [ast.Expr(value=replacement)]:
            return [expression], [replacement]
    return old, new or [ast.Pass()]


def _spots(within: ast.AST, code: Sequence[ast.AST]) -> Iterator[_Spot]:
    wanted = [ast.dump(node) for node in code]
    for parent in ast.walk(within):
        for field, held in ast.iter_fields(parent):
            row = held if isinstance(held, list) else [held]
            for first in range(len(row) - len(wanted) + 1):
                nodes = row[first : first + len(wanted)]
                if all(isinstance(node, ast.AST) for node in nodes) and [ast.dump(node) for node in nodes] == wanted:
                    yield _Spot(parent, field, first, nodes)


def _is_for_types(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING"


def _used(code: Iterable[ast.AST]) -> set[str]:
    return {node.id for part in code for node in ast.walk(part) if isinstance(node, ast.Name)}


def _bound(code: Iterable[ast.AST]) -> set[str]:
    """The names that a piece of code binds, in whatever scope."""
    names: set[str] = set()
    for node in (node for part in code for node in ast.walk(part)):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name) | ast.ExceptHandler(name=str(name)):
                names.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.alias(name=name, asname=other):
                names.add((other or name).partition(".")[0])
    return names


def _check(text: str, bug: str) -> None:
    try:
        compile(text, "<mutant>", "exec", dont_inherit=True)
    except SyntaxError as error:
        raise NotAnchored(f"{error.msg}: {bug}") from error
