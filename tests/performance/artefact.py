"""The built functions as Lambda unpacks them, and how many instructions or CPU seconds they take.

Layers are zipped and unpacked before they are measured, as zip files round times. The layer of dependencies
is the one for this machine's processor, compiled as `make build` compiles the one that is deployed.
"""

from __future__ import annotations

import compileall
import json
import os
import py_compile
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.architecture.project import FOLDERS, ROOT, logical_id
from tests.architecture.test_artefacts import BUILD, CORE, dependencies

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Counts instructions, which do not depend on what else a machine does.
VALGRIND = shutil.which("valgrind")
PYTHON = os.path.realpath(sys.executable)
OF_BOTO3 = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "urllib3", "six")
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_DEFAULT_REGION": "us-east-1",
    "CREDENTIAL_CACHE_SECONDS": "3600",
    "JOBS_TABLE": "jobs",
    "POWERTOOLS_METRICS_NAMESPACE": "Jobs",
    "PYDANTIC_DISABLE_PLUGINS": "true",
    "POWERTOOLS_SERVICE_NAME": "jobs",
    "PYTHONHASHSEED": "0",
    "START_BATCH_SIZE": "25",
}


class Work(NamedTuple):
    """What an interpreter does: a program, and the calls of the `call` that it defines."""

    paths: list[str]
    program: str
    event: Any = None
    #: Where DynamoDB seems to be.
    endpoint: str = "http://127.0.0.1:1"

    @property
    def environment(self) -> dict[str, str]:
        """What the interpreter is told."""
        return {**ENVIRONMENT, "AWS_ENDPOINT_URL": self.endpoint, "START_QUEUE_URL": f"{self.endpoint}/queue"}

    def instructions(self, count: int = 0) -> int:
        """Instructions of it all, with so many calls beside the first three."""
        assert VALGRIND
        counter = [VALGRIND, "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
        said = self._run(counter, count, rounds=1 if count else 0)
        [found] = re.findall(r"I\s+refs:\s+([\d,]+)", said)
        return int(found.replace(",", ""))

    def instructions_a_call(self, count: int = 20) -> float:
        """Instructions of one call that is not among the first."""
        return (self.instructions(count) - self.instructions()) / count

    def seconds_a_call(self, count: int = 30, rounds: int = 20) -> float:
        """CPU seconds of one call, in the best of some rounds."""
        found: list[float] = json.loads(self._run([], count, rounds).splitlines()[-1])
        return min(found)

    def _run(self, before: list[str], count: int, rounds: int) -> str:
        spec = {"paths": self.paths, "program": self.program, "event": self.event, "count": count, "rounds": rounds}
        subject = str(Path(__file__).parent / "subject.py")
        command = [*before, PYTHON, "-S", "-s", "-B", "-P", subject, json.dumps(spec)]
        run = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        if run.returncode:
            raise RuntimeError(run.stderr[-2_000:])
        return run.stderr


class Unpacked(NamedTuple):
    """The folders of what was built."""

    functions: dict[str, str]
    dependencies: str
    core: str
    #: boto3 with all that it needs, as it comes from its makers.
    whole: str

    def paths(self, folder: str) -> list[str]:
        """The paths of a function, in Lambda's order."""
        return [self.functions[folder], self.dependencies, self.core]


@contextmanager
def unpacked() -> Iterator[Unpacked]:
    """Zip what was built, and unpack it where it is gone at the end."""
    with TemporaryDirectory() as folder:
        compiled, whole = Path(folder) / "compiled", Path(folder) / "whole"
        shutil.copytree(dependencies(), compiled)
        for name in OF_BOTO3:
            _copy_installed(name, whole)
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
        for made in (compiled, whole):
            compileall.compile_dir(made, quiet=1, force=True, invalidation_mode=mode)
        built = {"dependencies": compiled, "core": CORE}
        built |= {name: BUILD / logical_id(name) for name in FOLDERS}
        places = {name: _through_a_zip(source, Path(folder), name) for name, source in built.items()}
        yield Unpacked({name: places[name] for name in FOLDERS}, places["dependencies"], places["core"], str(whole))


def _copy_installed(name: str, folder: Path) -> None:
    """Copy a package or a module of this environment."""
    spec = find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    if not spec.submodule_search_locations:  # six has an empty list
        shutil.copy(spec.origin, folder)
    else:
        shutil.copytree(Path(spec.origin).parent, folder / name)


def _through_a_zip(source: Path, folder: Path, name: str) -> str:
    archive = shutil.make_archive(str(folder / f"{name}-zip"), "zip", source)
    place = folder / name
    shutil.unpack_archive(archive, place)
    return str(place)


def event(folder: str, case: str, **changes: Any) -> dict[str, Any]:
    """An example event, changed."""
    found: dict[str, Any] = json.loads((ROOT / "events" / folder / f"{case}.json").read_text())
    return found | changes
