"""Plain English in pages, docstrings, comments and messages: each word here has a plainer one beside it."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.architecture.project import ROOT

#: Words that we avoid, in any case, and what to write instead.
PLAINER = {
    r"can not": "cannot",
    r"reckon\w*": "compute, count",
    r"dear(?:er|ly)?": "expensive",
    r"whoever": "anybody who; the caller that",
    r"likewise": "the same; also",
    r"of which": "a sentence of its own",
    r"that (?:is|are|was|were) let in": "that gets in",
    r"anew": "again",
}
#: «None is» may begin a sentence about Python.
AVOIDED = re.compile(rf"\b(?:none is|(?i:{'|'.join(PLAINER)}))\b")
#: Decisions keep the words of their day, and this file lists the words. The name of a test may stay as it is.
NOT_OURS = re.compile(r"LICENSE|docs/decisions/\d|docs/openapi\.json|requirements|tests/architecture/test_language\.py")
A_TEST = re.compile(r"\s*def test_")


def texts() -> list[str]:
    """The text files of the project, by path."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=False, capture_output=True, text=True).stdout
    return [path for path in listed.splitlines() if not NOT_OURS.match(path) and (ROOT / path).is_file()]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="a copy without its history")
@pytest.mark.parametrize("suffix", [".py", ".md", ".yaml", ".toml", ".js", ".html", ".css", ""])
def test_no_text_has_a_word_that_we_avoid(suffix: str) -> None:
    read = [path for path in texts() if (ROOT / path).suffix == suffix]
    found = [
        f"{path}:{number}: {word[0]}"
        for path in read
        for number, line in enumerate((ROOT / path).read_text().splitlines(), 1)
        if not A_TEST.match(line)
        for word in AVOIDED.finditer(line)
    ]

    assert read
    assert found == []


@pytest.mark.parametrize(
    "text", ["It can not be.", "files, of which two", "as Reckoned", "Whoever asks", "none is lost"]
)
def test_a_word_that_we_avoid_is_found(text: str) -> None:
    assert AVOIDED.search(text)
