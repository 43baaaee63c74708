"""What a cold start imports. pydantic costs half as much as boto3, and only requests that write need it."""

from __future__ import annotations

import subprocess
import sys
from functools import cache

import pytest

from tests.architecture.project import FOLDERS, ROOT

WRITES_REQUESTS = {"announce_artifact", "create_job", "ingest_events", "manage_schedules", "move_job"}


@cache
def imported_by(folder: str) -> set[str]:
    """The top-level modules of a fresh interpreter that has imported a function."""
    program = f"import sys, functions.{folder}.app; print(*{{name.partition('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(run.stdout.split())


@pytest.mark.parametrize("folder", [folder for folder in FOLDERS if folder not in WRITES_REQUESTS])
def test_a_function_that_reads_no_request_starts_without_pydantic(folder: str) -> None:
    imported = imported_by(folder)

    assert "jobs" in imported
    assert not {"pydantic", "pydantic_core"} & imported


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_function_starts_without_the_tools_of_developers_and_operators(folder: str) -> None:
    assert not {"cli", "local", "openapi", "pytest", "tests"} & imported_by(folder)
