"""What `make` shows while pip installs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from local import install

if TYPE_CHECKING:
    import pytest

SAID = [
    "Looking in indexes: https://pypi.org/simple",
    "WARNING: Location is ignored",
    *(f"Collecting package-{number}==1.0" for number in range(28)),
    "  Downloading package.whl (1 kB)",
    "Requirement already satisfied: pip==26.3 in /venv",
    "Installing collected packages: a, b, c",
    "Successfully installed a-1.0 b-1.0 c-1.0",
]


def pip_says(monkeypatch: pytest.MonkeyPatch, lines: list[str], code: int) -> None:
    program = f"import sys; print(*{lines}, sep='\\n'); sys.exit({code})"
    monkeypatch.setattr(install, "PIP", (sys.executable, "-c", program))


def test_progress_is_a_line_now_and_then_and_nothing_of_pip_s_own_words(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pip_says(monkeypatch, SAID, 0)

    assert install.run([]) == 0
    shown = capfd.readouterr()
    assert shown.out == "  25 packages are here\n  all 29 packages are here; unpacking them takes the longest\n"
    assert shown.err == ""


def test_a_step_of_few_packages_has_no_progress(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pip_says(monkeypatch, ["Collecting pip==26.3", "Installing collected packages: pip"], 0)

    assert install.run([]) == 0
    assert capfd.readouterr().out == ""


def test_everything_that_pip_said_is_shown_if_it_fails(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pip_says(monkeypatch, [*SAID[:4], "ERROR: No matching distribution found"], 3)

    assert install.run([]) == 3
    assert capfd.readouterr().err.splitlines() == [*SAID[:4], "ERROR: No matching distribution found"]


def test_no_step_follows_one_that_failed(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    pip_says(monkeypatch, [], 3)

    assert install.main() == 3
    assert [line.partition(":")[0] for line in capfd.readouterr().out.splitlines()] == [
        "Installing into .venv, step 1 of 3"
    ]
