"""What `make build` made and `sam deploy` uploads: it is complete, and it loads quickly."""

from __future__ import annotations

import platform
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from local.slim import SERVICES
from tests.architecture.project import FOLDERS, ROOT, logical_id
from tests.architecture.test_imports import NEVER_IMPORTED

if TYPE_CHECKING:
    from pathlib import Path

BUILD = ROOT / ".aws-sam" / "build"
CORE = BUILD / "CoreLayer" / "python"
#: The dependencies hold machine code. If the build is for another processor, this machine has one of its own beside it.
DEPENDENCIES = [BUILD / "DependenciesLayer" / "python", ROOT / ".aws-sam" / "native" / "DependenciesLayer" / "python"]

LAMBDA_UNZIPPED_LIMIT = 250 * 2**20
SOURCE_IS_NOT_CHECKED = b"\x01\x00\x00\x00"  # the flags of byte code by PEP 552

pytestmark = [
    pytest.mark.skipif(not (BUILD / "template.yaml").exists(), reason="nothing is built: `make build` does"),
    pytest.mark.skipif(sys.platform != "linux", reason="the layers are built for Linux"),
    pytest.mark.skipif(sys.version_info[:2] != (3, 13), reason="the artefacts are for Python 3.13"),
]


def dependencies() -> Path:
    """The dependencies layer that this machine can load."""
    machine_code = f"pydantic_core/*-{platform.machine()}-linux-gnu.so"
    return next(layer for layer in DEPENDENCIES if any(layer.glob(machine_code)))


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_function_imports_with_nothing_but_its_layers(folder: str) -> None:
    path = [str(BUILD / logical_id(folder)), str(dependencies()), str(CORE)]
    program = (
        f"import sys; sys.path[:0] = {path}; import app; assert callable(app.handler); print(app.__file__);"
        f"assert not {NEVER_IMPORTED} & sys.modules.keys()"
    )

    # isolated: no site-packages, no environment variables, and no byte code left behind
    command = [sys.executable, "-I", "-S", "-B", "-c", program]
    run = subprocess.run(command, env={}, capture_output=True, text=True, check=False)

    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.strip() == str(BUILD / logical_id(folder) / "app.py")


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_the_layer_has_the_addresses_of_each_service_that_is_called_in_every_region(service: str) -> None:
    program = f"""
import sys
sys.path[:0] = {[str(dependencies())]}
import botocore.session
session = botocore.session.get_session()
for partition in session.get_available_partitions():
    for region in session.get_available_regions("s3", partition):
        client = session.create_client({service!r}, region, aws_access_key_id="a", aws_secret_access_key="b")
        print(region, client.meta.endpoint_url)
"""

    def addresses(*options: str) -> list[str]:
        command = [sys.executable, *options, "-c", program if options else program.replace("sys.path[:0]", "_")]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    built = addresses("-I", "-S", "-B")

    assert len(built) > 2 * 30
    assert built == addresses()


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_function_s_artefact_is_its_app_alone(folder: str) -> None:
    assert [path.name for path in (BUILD / logical_id(folder)).iterdir()] == ["app.py"]


def test_the_core_layer_holds_the_package_jobs_as_it_is_and_nothing_else() -> None:
    source = ROOT / "layers" / "core" / "jobs"
    built = CORE / "jobs"

    assert [path.name for path in CORE.iterdir()] == ["jobs"]
    assert {path.relative_to(built): path.read_text() for path in built.rglob("*.py")} == {
        path.relative_to(source): path.read_text() for path in source.rglob("*.py")
    }


@pytest.mark.parametrize("layer", ["CoreLayer", "DependenciesLayer", "WorkerLayer"])
def test_a_layer_s_modules_are_compiled_and_are_not_compared_with_their_sources(layer: str) -> None:
    modules = list((BUILD / layer / "python").rglob("*.py"))
    assert modules

    for module in modules:
        compiled = module.parent / "__pycache__" / f"{module.stem}.cpython-313.pyc"
        assert compiled.read_bytes()[4:8] == SOURCE_IS_NOT_CHECKED, module


def test_a_function_and_its_layers_fit_into_lambda() -> None:
    size = sum(path.stat().st_size for path in BUILD.rglob("*") if path.is_file())

    assert size < LAMBDA_UNZIPPED_LIMIT
