"""What a cold start imports: nothing that the function does not use (decisions 0004 and 0043)."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache

import pytest

from local.slim import SERVICES
from tests.architecture.project import FOLDERS, ROOT

#: The functions that read requests, and the models that each builds at its start: what most of its calls need.
WRITES_REQUESTS = {
    "announce_artifact": {"ArtifactRequest"},
    "create_job": {"JobRequest"},
    "ingest_events": {"JobRequest", "_Envelope"},
    "manage_schedules": {"JobRequest"},
    "move_job": {"JobRequest"},
}

ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_DEFAULT_REGION": "us-east-1"}
#: What is slow to import and needed by no function: botocore makes the clients, and X-Ray works without its library.
NEVER_IMPORTED = {"aws_xray_sdk", "boto3", "s3transfer"}
#: What talks to S3, queues or the bus, by the functions that begin with it. The others import it when they need it.
_READS_HINTS = {"jobs.adapters", "jobs.adapters.sqs", "jobs.adapters.retries"}
BEGINS_WITH = {"fire_schedules": _READS_HINTS, "start_jobs": _READS_HINTS}


#: The names of the models that are built.
MODELS = (
    "{one.__name__ for one in gc.get_objects() if isinstance(one, type) and one.__module__.startswith('jobs.dialects')"
    " and getattr(one, '__pydantic_complete__', False) and one.model_fields}"
)


def started(folder: str, told: str) -> set[str]:
    """Some words of a fresh interpreter that has imported a function and made the client of the table."""
    program = (
        f"import gc, sys, functions.{folder}.app; from jobs.runtime import wiring; wiring.dynamodb(); print(*{told})"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


@cache
def imported_by(folder: str) -> set[str]:
    """Its modules."""
    return started(folder, "sys.modules")


@pytest.mark.parametrize("folder", [folder for folder in FOLDERS if folder not in WRITES_REQUESTS])
def test_a_function_that_reads_no_request_starts_without_pydantic(folder: str) -> None:
    imported = imported_by(folder)

    assert "jobs" in imported
    assert not {"pydantic", "pydantic_core", "zoneinfo"} & imported


@pytest.mark.parametrize(("folder", "models"), WRITES_REQUESTS.items())
def test_a_function_builds_at_its_start_the_models_that_most_calls_need(folder: str, models: set[str]) -> None:
    assert started(folder, MODELS) == models


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_function_without_routes_starts_without_dialects(folder: str) -> None:
    imported = imported_by(folder)

    assert ("jobs.dialects.registry" in imported) == ("jobs.runtime.http" in imported)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_function_starts_without_the_tools_of_developers_and_operators(folder: str) -> None:
    assert not {"cli", "local", "openapi", "pytest", "tests"} & imported_by(folder)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_function_starts_without_what_it_never_uses(folder: str) -> None:
    assert not NEVER_IMPORTED & imported_by(folder)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_function_imports_what_talks_to_other_services_when_it_does(folder: str) -> None:
    begun = {name for name in imported_by(folder) if name.startswith("jobs.adapters")}

    assert begun == BEGINS_WITH.get(folder, set())


def test_slimmed_layers_keep_the_services_that_functions_call() -> None:
    sources = [path.read_text() for path in (ROOT / "layers" / "core").rglob("*.py")]
    called = {name for text in sources for name in re.findall(r'client\("(\w+)"', text)}

    assert called == SERVICES
