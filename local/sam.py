"""The built functions in containers of `sam local`, before the embedded AWS (`make sam-local`).

SAM runs functions and routes, and nothing that is behind them. So they are sent to the embedded stack's table, queues,
bus and buckets: by a copy of the built template with one more variable, and by a file with that variable's value and
those of the others that name a resource. Everything without a route stays with the embedded stack's own workers.
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

from local import engine, stack
from local.door import RefusedError, server_on
from local.emulator import HOST, INHERITED_BY_PREFIX, REGION, Server
from local.gateway import HttpOnly
from local.settings import ROOT, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.emulator import Emulator
    from local.settings import Settings
    from local.stack import Stack, Template

SAM = (sys.executable, "-m", "samcli")

#: For this machine's processor, which need not be that of what is deployed.
BUILD = ROOT / ".aws-sam" / "local" / "build"
ARCHITECTURE = "x86_64" if platform.machine() == "x86_64" else "arm64"

#: Read by every AWS SDK; SAM hands functions none that the template does not declare.
ENDPOINT = "AWS_ENDPOINT_URL"

#: What SAM is given, in one folder.
TEMPLATE = "template.json"
VARIABLES = "env.json"

#: Seconds that SAM may take to remove its containers.
STOPS_WITHIN = 60.0


class SamLocal:
    """`sam local start-api` on a port of 127.0.0.1."""

    def __init__(self, settings: Settings) -> None:
        """Take the port, and ask the container engine how its containers find this machine.

        Raises:
            RefusedError: the port is in use, or there is no engine, or none whose containers reach 127.0.0.1.
        """
        self._folder = settings.sam_folder
        # Before the emulator makes the environment its own.
        self._environment = environment(os.environ, self._folder)
        try:
            self._machine = engine.this_machine(settings.emulator_host)
        except ConnectionError as error:
            reason = f"No container engine answers: {error}"
            raise RefusedError(f"{reason}. Start one, or set DOCKER_HOST to where it listens.") from error
        if self._machine.address != HOST and not settings.emulator_host:
            # Nothing here listens anywhere but on 127.0.0.1 without being told to.
            reason = "The containers of this engine do not reach 127.0.0.1"
            raise RefusedError(f"{reason}. EMULATOR_HOST={self._machine.address} has its bridge listened on as well.")
        self._place = server_on(settings.port)
        self.url = self._place.url
        self._emulator: Server | None = None
        self._process: asyncio.subprocess.Process | None = None

    @property
    def lines_to_paste(self) -> list[tuple[str, str]]:
        """How a function is invoked with one of its events."""
        sam = shown(Path(sys.executable).with_name("sam"))
        files = ["-t", shown(self._folder / TEMPLATE), "-n", shown(self._folder / VARIABLES)]
        case = ["GetJobFunction", "-e", "events/get_job/public.json"]
        line = [sam, "local", "invoke", *case, *files, "--region", REGION, "--skip-pull-image"]
        return [("invoke a function with one of its events", shlex.join(line))]

    async def open(self, emulator: Emulator, deployed: Stack) -> None:
        """Build for this machine, and serve what was built.

        Raises:
            RefusedError: it could not be built or served.
        """
        self._folder.mkdir(exist_ok=True)
        await self._build()
        endpoint = await self._reachable(emulator)
        built = stack.load(BUILD)
        _write(self._folder / TEMPLATE, await asyncio.to_thread(derived, built, BUILD, self._folder))
        _write(self._folder / VARIABLES, variables(built, deployed.resources, endpoint))
        await self._place.stop(within=0)
        serving = await self._run([*command("start-api", self._folder), "--port", str(self._place.port)])
        while not await _answers(self._place.port):
            if serving.returncode is not None:
                raise RefusedError(f"sam local start-api ended with {serving.returncode}; it says why above.")
            await asyncio.sleep(0.1)

    async def close(self) -> None:
        """Have SAM end and remove its containers."""
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
            RefusedError: it failed.
        """
        places = ["--build-dir", str(BUILD), "--cache-dir", str(BUILD.with_name("cache"))]
        parameters = ["--parameter-overrides", f"Architecture={ARCHITECTURE}"]
        building = await self._run([*SAM, "build", *places, *parameters], output=asyncio.subprocess.PIPE)
        said, _ = await building.communicate()
        if building.returncode:
            raise RefusedError(f"sam build failed:\n{said.decode(errors='replace')}")

    async def _run(self, command: list[str], output: int | None = None) -> asyncio.subprocess.Process:
        """Run SAM; what still runs at the end is ended by `close`."""
        self._process = await asyncio.create_subprocess_exec(
            *command,
            cwd=ROOT,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output and asyncio.subprocess.STDOUT,
            # Ctrl-C in a terminal is told to everyone in the foreground: SAM is to stop when it is its turn.
            start_new_session=True,
        )
        return self._process

    async def _reachable(self, emulator: Emulator) -> str:
        """The emulator's address for containers, served if nothing does yet."""
        port = emulator.port
        if self._machine.address != HOST:
            self._emulator = Server(host=self._machine.address)
            await self._emulator.start(HttpOnly(emulator.app))
            port = self._emulator.port
        return f"http://{self._machine.name}:{port}"


def environment(inherited: Mapping[str, str], scratch: Path) -> dict[str, str]:
    """The environment for SAM: the caller's without a trace of AWS, as SAM gives its containers what it finds.

    Without any it gives them placeholders, which is all that the emulator wants.
    """
    kept = {name: value for name, value in inherited.items() if not name.startswith(INHERITED_BY_PREFIX)}
    return kept | {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DEFAULT_REGION": REGION,
        "SAM_CLI_TELEMETRY": "0",
        # it leaves locks there
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
        # one container a function, started by its first call and kept
        *("--warm-containers", "LAZY", "--no-watch"),
        # the engine still pulls the runtime's image where it has none
        "--skip-pull-image",
    ]


def derived(built: Template, folder: Path, into: Path) -> Template:
    """The template as it was built in `folder`, to be run from anywhere, with one more variable.

    Parameters are those of the embedded stack, and of this machine.

    Layers become archives in `into`. SAM hands them to the engine anew for every container, and thousands of files take
    the engine seconds.
    """
    template = copy.deepcopy(built)
    for name, value in {**stack.PARAMETERS, "Architecture": ARCHITECTURE}.items():
        template["Parameters"][name]["Default"] = value
    template["Globals"]["Function"]["Environment"]["Variables"][ENDPOINT] = ""
    for package in stack.packages(template, folder):
        is_layer = package.attribute == "ContentUri"
        package.properties[package.attribute] = str(_archive(package.folder, into) if is_layer else package.folder)
    return template


def variables(built: Template, resources: Mapping[str, str], endpoint: str) -> dict[str, dict[str, str]]:
    """By function: the variables that name resources, each with its physical id, and the endpoint of all of them.

    SAM fills in parameters by itself. A resource it would call by its logical id.
    """
    everywhere = built["Globals"]["Function"]["Environment"]["Variables"]
    found: dict[str, dict[str, str]] = {}
    for name, resource in built["Resources"].items():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        declared = everywhere | resource["Properties"].get("Environment", {}).get("Variables", {})
        found[name] = {ENDPOINT: endpoint}
        for variable, value in declared.items():
            match value:
                case {"Ref": str(logical)} if logical in resources:
                    found[name][variable] = resources[logical]
    return found


def _write(place: Path, content: object) -> None:
    place.write_text(json.dumps(content, indent=2))


def _archive(layer: Path, into: Path) -> Path:
    """A layer in one file, which the engine unpacks where it is added."""
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
