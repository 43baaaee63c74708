"""DynamoDB's condition and update expressions, and PartiQL's updates, as far as the store uses them.

Each text is compiled once, to a function of the row and the request's values. An unknown expression is an error, so a
new one in the store cannot be ignored.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from operator import eq, ge, gt, le, lt, ne
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Value: TypeAlias = "dict[str, Any]"
Item: TypeAlias = "dict[str, Value]"
Values: TypeAlias = "Mapping[str, Value]"
Operand: TypeAlias = "Callable[[Item, Values], Value | None]"
Condition: TypeAlias = "Callable[[Item, Values], bool]"
#: Changes a row in place. Every operand is read from the row before the change.
Update: TypeAlias = "Callable[[Item, Values], None]"

_TOKEN = re.compile(r"\s*(<>|<=|>=|[][=<>(),+?-]|:?\w+|'[^']*'|\"[^\"]*\")")
_COMPARISONS = {"=": eq, "<>": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
_CLAUSES = {"SET", "REMOVE", "ADD", "WHERE", "RETURNING"}


class NotUnderstood(Exception):
    """An expression uses something that this module does not know."""


@cache
def condition(text: str) -> Condition:
    """Compile a condition, or a key condition."""
    parser = _Parser(text)
    compiled = parser.disjunction()
    parser.expect_end()
    return compiled


@cache
def update(text: str) -> Update:
    """Compile an update expression."""
    parser = _Parser(text)
    compiled = parser.update()
    parser.expect_end()
    return compiled


class Statement:
    """A PartiQL `UPDATE`: the update, the condition, and the parameters of the keys.

    Parameters are called `?0`, `?1` and so on.
    """

    def __init__(self, text: str) -> None:
        parser = _Parser(text)
        parser.take("UPDATE")
        self.table = parser.next().strip('"')
        self.update = parser.update()
        parser.take("WHERE")
        self.condition = parser.disjunction()
        self.keys = parser.equalities
        if parser.peek() == "RETURNING":
            parser.skip_rest()
        parser.expect_end()


@lru_cache(maxsize=64)  # all statements of a batch have one text, and those of the next batch another
def statement(text: str) -> Statement:
    """Compile a PartiQL statement."""
    return Statement(text)


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[str] = []
        self._parameters = 0
        #: The attributes that `=` compares, with their values, to find the keys of a statement.
        self.equalities: dict[str, str] = {}
        at = 0
        for found in _TOKEN.finditer(text):
            if text[at : found.start()].strip():
                raise NotUnderstood(text)
            token = found[1]
            if token == "?":
                token = f"?{self._parameters}"
                self._parameters += 1
            self._tokens.append(token)
            at = found.end()
        if text[at:].strip():
            raise NotUnderstood(text)
        self._at = 0

    def peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def next(self) -> str:
        token = self.peek()
        self._at += 1
        return token

    def take(self, *tokens: str) -> None:
        for token in tokens:
            if self.next().upper() != token:
                raise NotUnderstood(self._text)

    def skip_rest(self) -> None:
        self._at = len(self._tokens)

    def expect_end(self) -> None:
        if self._at < len(self._tokens):
            raise NotUnderstood(self._text)

    def disjunction(self) -> Condition:
        parts = [self._conjunction()]
        while self.peek().upper() == "OR":
            self.next()
            parts.append(self._conjunction())
        return parts[0] if len(parts) == 1 else lambda item, values: any(part(item, values) for part in parts)

    def _conjunction(self) -> Condition:
        parts = [self._comparison()]
        while self.peek().upper() == "AND":
            self.next()
            parts.append(self._comparison())
        if len(parts) == 1:
            return parts[0]

        def all_hold(item: Item, values: Values) -> bool:
            for part in parts:  # noqa: SIM110  # a generator for each row of a million takes its time
                if not part(item, values):
                    return False
            return True

        return all_hold

    def _comparison(self) -> Condition:
        token = self.peek()
        if token == "(":
            self.next()
            inner = self.disjunction()
            self.take(")")
            return inner
        if token in {"attribute_exists", "attribute_not_exists"}:
            self.next()
            self.take("(")
            name = self._operand()
            self.take(")")
            wanted = token == "attribute_exists"
            return lambda item, values: (name(item, values) is not None) is wanted
        if token == "begins_with":
            self.next()
            self.take("(")
            text = self._operand()
            self.take(",")
            prefix = self._operand()
            self.take(")")
            return lambda item, values: _text(text(item, values)).startswith(_text(prefix(item, values)))
        return self._relation()

    def _relation(self) -> Condition:
        name = self.peek()
        left = self._operand()
        operator = self.next().upper()
        if operator == "BETWEEN":
            low = self._operand()
            self.take("AND")
            high = self._operand()
            return lambda item, values: (
                _plain(low(item, values)) <= _plain(left(item, values)) <= _plain(high(item, values))
            )
        if operator == "IN":
            self.take("(")
            choices = [self._operand()]
            while self.peek() == ",":
                self.next()
                choices.append(self._operand())
            self.take(")")
            return lambda item, values: left(item, values) in [choice(item, values) for choice in choices]
        if operator not in _COMPARISONS:
            raise NotUnderstood(self._text)
        if operator == "=":
            self.equalities[name] = self.peek()
        return _relation(left, _COMPARISONS[operator], self._operand())

    def _operand(self) -> Operand:
        token = self.next()
        if token[:1] in {":", "?"}:
            return lambda item, values: values[token]
        if token.isdigit() or token[:1] in {"'", "["}:
            literal = self._literal(token)
            return lambda item, values: literal
        if re.fullmatch(r"[A-Za-z_]\w*", token) and token.upper() not in _CLAUSES:
            return lambda item, values: item.get(token)
        raise NotUnderstood(self._text)

    def _literal(self, token: str) -> Value:
        if token.isdigit():
            return {"N": token}
        if token[:1] == "'":
            return {"S": token[1:-1]}
        if token != "[":
            raise NotUnderstood(self._text)
        content = [self._literal(self.next())]
        while (token := self.next()) == ",":
            content.append(self._literal(self.next()))
        if token != "]":
            raise NotUnderstood(self._text)
        return {"L": content}

    def update(self) -> Update:
        sets: list[tuple[str, Operand]] = []
        removes: list[str] = []
        clause = ""
        while self.peek() == "," or self.peek().upper() in {"SET", "REMOVE", "ADD"}:
            token = self.next().upper()
            clause = clause if token == "," else token
            name = self.next()
            if clause == "SET":
                self.take("=")
                sets.append((name, self._sum()))
            elif clause == "ADD":
                sets.append((name, _added(_or_zero(name), self._operand(), 1)))
            else:
                removes.append(name)
        if not sets and not removes:
            raise NotUnderstood(self._text)

        def change(item: Item, values: Values) -> None:
            written = [(name, value(item, values)) for name, value in sets]
            for name, new in written:
                if new is None:
                    raise NotUnderstood(self._text)
                item[name] = new
            for name in removes:
                item.pop(name, None)

        return change

    def _sum(self) -> Operand:
        left = self._function()
        while (sign := self.peek()) in {"+", "-"}:
            self.next()
            left = _added(left, self._function(), 1 if sign == "+" else -1)
        return left

    def _function(self) -> Operand:
        if self.peek() != "list_append":
            return self._operand()
        self.next()
        self.take("(")
        first = self._operand()
        self.take(",")
        second = self._operand()
        self.take(")")

        def appended(item: Item, values: Values) -> Value:
            head, tail = first(item, values), second(item, values)
            return {"L": [*(head or {})["L"], *(tail or {})["L"]]}

        return appended


def _relation(left: Operand, compare: Callable[[Any, Any], bool], right: Operand) -> Condition:
    def holds(item: Item, values: Values) -> bool:
        one, other = left(item, values), right(item, values)
        # as in DynamoDB: a missing attribute, or one of another type, equals nothing
        if one is None or other is None or one.keys() != other.keys():
            return False
        return compare(_plain(one), _plain(other))

    return holds


def _or_zero(name: str) -> Operand:
    return lambda item, values: item.get(name, {"N": "0"})


def _added(left: Operand, right: Operand, sign: int) -> Operand:
    return lambda item, values: {"N": str(_plain(left(item, values)) + sign * _plain(right(item, values)))}


def _plain(value: Value | None) -> Any:
    """A string or a number in a form that Python compares."""
    [(kind, plain)] = (value or {}).items()
    return int(plain) if kind == "N" else plain


def _text(value: Value | None) -> str:
    return str((value or {}).get("S", ""))
