"""The built functions in containers of `sam local`, with the embedded AWS behind them (`make sam-local`).

SAM runs functions and routes, but no table, queue, bus or bucket. The functions use those of the embedded stack. For
that SAM gets a copy of the built template with one more variable, the endpoint, and a file with the values of the
variables that name resources. The embedded stack's own workers run the functions that have no route.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import os
import platform
import shlex
import shutil
import signal
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

from local import engine
from local.differences import PARAMETERS
from local.door import RefusedError, server_on
from local.emulator import HOST, INHERITED_BY_PREFIX, REGION, Server
from local.gateway import HttpOnly
from local.packages import packages
from local.settings import ROOT, shown
from local.template import load

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.demo import Demo
    from local.emulator import Emulator
    from local.settings import Settings
    from local.stack import Stack
    from local.template import Template

SAM = (sys.executable, "-m", "samcli")

#: The build for this machine's processor, which may differ from the one on AWS.
BUILD = ROOT / ".aws-sam" / "local" / "build"
ARCHITECTURE = "x86_64" if platform.machine() == "x86_64" else "arm64"

#: Every AWS SDK reads these variables. SAM passes on only variables that the template declares.
ENDPOINT = "AWS_ENDPOINT_URL"
CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")

#: The two files that SAM gets, in one folder.
TEMPLATE = "template.json"
VARIABLES = "env.json"

#: Seconds that SAM may take to remove its containers.
STOPS_WITHIN = 60.0


class SamLocal:
    """`sam local start-api` on a port of 127.0.0.1."""

    def __init__(self, settings: Settings) -> None:
        """Take the port, and ask the container engine how its containers find this machine.

        Raises:
            RefusedError: the port is in use, no engine answers, or its containers do not reach 127.0.0.1.
        """
        self._folder = settings.sam_folder
        # Taken before the emulator changes the environment.
        self._environment = environment(os.environ, self._folder)
        try:
            self._machine = engine.this_machine(settings.emulator_host)
        except ConnectionError as error:
            reason = f"No container engine answers: {error}"
            raise RefusedError(f"{reason}. Start one, or set DOCKER_HOST to its address.") from error
        if self._machine.address != HOST and not settings.emulator_host:
            # Without the user's word, nothing here listens on another address than 127.0.0.1.
            reason = "The containers of this engine do not reach 127.0.0.1"
            raise RefusedError(f"{reason}. Set EMULATOR_HOST={self._machine.address} to listen on its bridge as well.")
        self._place = server_on(settings.port, "PORT")
        self.url = self._place.url
        self._emulator: Server | None = None
        self._process: asyncio.subprocess.Process | None = None

    @property
    def lines_to_paste(self) -> list[tuple[str, str]]:
        """The command that invokes a function with one of its events."""
        sam = shown(Path(sys.executable).with_name("sam"))
        files = ["-t", shown(self._folder / TEMPLATE), "-n", shown(self._folder / VARIABLES)]
        case = ["GetJobFunction", "-e", "events/get_job/public.json"]
        line = [sam, "local", "invoke", *case, *files, "--region", REGION, "--skip-pull-image"]
        return [("invoke a function with one of its events", shlex.join(line))]

    async def open(self, emulator: Emulator, deployed: Stack, keys: Demo) -> None:  # noqa: ARG002  # it has no pages
        """Build the functions for this machine, and serve them.

        Raises:
            RefusedError: they could not be built or served.
        """
        self._folder.mkdir(exist_ok=True)
        await self._build()
        endpoint = await self._reachable(emulator)
        built = load(BUILD)
        _write(self._folder / TEMPLATE, await asyncio.to_thread(derived, built, BUILD, self._folder, self.url))
        told = {ENDPOINT: endpoint, **dict(zip(CREDENTIALS, emulator.credentials, strict=True))}
        _write(self._folder / VARIABLES, variables(built, deployed.resources, told))
        await self._place.stop(within=0)
        serving = await self._run([*command("start-api", self._folder), "--port", str(self._place.port)])
        while not await _answers(self._place.port):
            if serving.returncode is not None:
                raise RefusedError(f"sam local start-api ended with {serving.returncode}; it says why above.")
            await asyncio.sleep(0.1)

    async def close(self) -> None:
        """Stop SAM, which removes its containers."""
        await self._place.stop(within=0)
        if self._process and self._process.returncode is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                await asyncio.wait_for(self._process.wait(), STOPS_WITHIN)
            except TimeoutError:
                os.killpg(self._process.pid, signal.SIGKILL)
        if self._emulator:
            await self._emulator.stop(within=1.0)
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _build(self) -> None:
        """Build all functions and layers for this machine.

        Raises:
            RefusedError: the build failed.
        """
        places = ["--build-dir", str(BUILD), "--cache-dir", str(BUILD.with_name("cache"))]
        parameters = ["--parameter-overrides", f"Architecture={ARCHITECTURE}"]
        building = await self._run([*SAM, "build", *places, *parameters], output=asyncio.subprocess.PIPE)
        said, _ = await building.communicate()
        if building.returncode:
            raise RefusedError(f"sam build failed:\n{said.decode(errors='replace')}")

    async def _run(self, command: list[str], output: int | None = None) -> asyncio.subprocess.Process:
        """Run SAM; `close` ends it if it is still running."""
        self._process = await asyncio.create_subprocess_exec(
            *command,
            cwd=ROOT,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output and asyncio.subprocess.STDOUT,
            # Ctrl-C in a terminal reaches every process in the foreground. SAM must stop only when `close` says so.
            start_new_session=True,
        )
        return self._process

    async def _reachable(self, emulator: Emulator) -> str:
        """The emulator's address for containers; if it is another than 127.0.0.1, a second server is started on it."""
        port = emulator.port
        if self._machine.address != HOST:
            self._emulator = Server(host=self._machine.address)
            names = {self._machine.address, self._machine.name}
            served = emulator.guarded(*(f"{name}:{self._emulator.port}" for name in names))
            await self._emulator.start(HttpOnly(served))
            port = self._emulator.port
        return f"http://{self._machine.name}:{port}"


def environment(inherited: Mapping[str, str], scratch: Path) -> dict[str, str]:
    """The environment for SAM: the caller's, without AWS credentials, which SAM would pass to its containers.

    The functions get those of the embedded AWS by the file of variables.
    """
    kept = {name: value for name, value in inherited.items() if not name.startswith(INHERITED_BY_PREFIX)}
    return kept | {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DEFAULT_REGION": REGION,
        "SAM_CLI_TELEMETRY": "0",
        # SAM leaves lock files there
        "TMPDIR": str(scratch),
        # sam build looks for the functions' own Python on the path
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{inherited.get('PATH', '')}",
    }


def command(subcommand: str, folder: Path) -> list[str]:
    """`sam local start-api` or `start-lambda`, with the files in `folder`."""
    return [
        *(*SAM, "local", subcommand),
        *("--template", str(folder / TEMPLATE), "--env-vars", str(folder / VARIABLES)),
        *("--host", HOST, "--region", REGION),
        # one container for each function, started by its first call and then kept
        *("--warm-containers", "LAZY", "--no-watch"),
        # the engine still pulls the runtime's image if it has no copy
        "--skip-pull-image",
    ]


def derived(built: Template, folder: Path, into: Path, public_url: str) -> Template:
    """The built template of `folder`, with absolute paths, three more variables and the embedded stack's parameters.

    Layers become archives in `into`. SAM passes them to the engine again for every container, and the engine takes
    seconds for thousands of files.
    """
    template = copy.deepcopy(built)
    for name, value in {**PARAMETERS, "Architecture": ARCHITECTURE, "PublicUrl": public_url}.items():
        template["Parameters"][name]["Default"] = value
    template["Globals"]["Function"]["Environment"]["Variables"] |= dict.fromkeys((ENDPOINT, *CREDENTIALS), "")
    for package in packages(template, folder):
        is_layer = package.attribute == "ContentUri"
        package.properties[package.attribute] = str(_archive(package.folder, into) if is_layer else package.folder)
    return template


def variables(built: Template, resources: Mapping[str, str], told: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """For each function, what all are told, and the variables that name resources, with the physical id of each.

    SAM fills in parameters by itself, but it would use the logical id of a resource.
    """
    everywhere = built["Globals"]["Function"]["Environment"]["Variables"]
    found: dict[str, dict[str, str]] = {}
    for name, resource in built["Resources"].items():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        declared = everywhere | resource["Properties"].get("Environment", {}).get("Variables", {})
        found[name] = dict(told)
        for variable, value in declared.items():
            match value:
                case {"Ref": str(logical)} if logical in resources:
                    found[name][variable] = resources[logical]
    return found


def _write(place: Path, content: object) -> None:
    place.write_text(json.dumps(content, indent=2))


def _archive(layer: Path, into: Path) -> Path:
    """A layer in one file, which the engine unpacks."""
    place = into / f"{layer.name}.tar"
    with tarfile.open(place, "w") as archive:
        archive.add(layer, arcname=".")
    return place


async def _answers(port: int) -> bool:
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection(HOST, port)
        writer.close()
        return True
    return False
