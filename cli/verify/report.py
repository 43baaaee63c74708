"""What a verification says: one line for each claim, and how a check says what it found."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from cli.verify.service import Run

#: A check returns the figure that shows its claim. It raises `Wrong` or `Unproven` if it cannot.
Check: TypeAlias = "Callable[[Run], str]"


class Wrong(Exception):
    """The claim is false; the text says what was seen."""


class Unproven(Exception):
    """The claim was neither shown nor refuted; the text says why."""


class Verdict(Enum):
    """What became of a claim."""

    OK = "ok"
    FAILED = "FAILED"
    UNPROVEN = "unproven"


@dataclass(frozen=True, slots=True)
class Line:
    """One claim and what became of it."""

    verdict: Verdict
    claim: str
    #: What was measured, or why nothing was.
    figure: str
    #: Whether an emulator answered what only AWS can show.
    emulated: bool = False

    def __str__(self) -> str:
        """The line as it is printed."""
        mark = " (on the emulator only)" if self.emulated and self.verdict is Verdict.OK else ""
        return f"{self.verdict.value}{mark}: {self.claim} [{self.figure}]"


@dataclass(slots=True)
class Report:
    """All lines so far. Each is printed at once, without any secret."""

    write: Callable[[str], object]
    secrets: Collection[str] = ()
    lines: list[Line] = field(default_factory=list)

    def add(self, line: Line) -> None:
        """Keep a line and print it."""
        self.lines.append(line)
        text = str(line)
        for secret in self.secrets:
            text = text.replace(secret, "***")
        self.write(text)

    def count(self, verdict: Verdict) -> int:
        """How many lines have a verdict."""
        return sum(line.verdict is verdict for line in self.lines)


class Claim(NamedTuple):
    """A claim in plain words and the check that shows it."""

    text: str
    check: Check
    #: Whether only AWS can show it.
    aws_only: bool = False


class Claims(list[Claim]):
    """The claims of one subject, in the order in which they are checked."""

    def add(self, text: str, *, aws_only: bool = False) -> Callable[[Check], Check]:
        """Make a function the check of a claim."""

        def keep(check: Check) -> Check:
            self.append(Claim(text, check, aws_only))
            return check

        return keep


def judge(claim: Claim, run: Run) -> Line:
    """Check one claim."""
    try:
        figure = claim.check(run)
    except Wrong as wrong:
        return Line(Verdict.FAILED, claim.text, str(wrong))
    except Unproven as unproven:
        return Line(Verdict.UNPROVEN, claim.text, str(unproven))
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        # The text of the error may hold anything, so its kind is all that is said.
        return Line(Verdict.FAILED, claim.text, f"the answer has another form: {type(error).__name__}")
    return Line(Verdict.OK, claim.text, figure, emulated=claim.aws_only and run.options.loopback)


def expect(condition: object, otherwise: str) -> None:
    """Go on only if a condition holds.

    Raises:
        Wrong: it does not hold.
    """
    if not condition:
        raise Wrong(otherwise)
