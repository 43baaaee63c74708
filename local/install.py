"""`python -m local.install`: install what development needs into this environment, and show the progress."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path("requirements")
PIP = (sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar=off")

#: How pip's line for a package begins.
PACKAGE = ("Collecting ", "Processing ", "Requirement already satisfied: ")
#: A line of progress for so many packages.
EVERY = 25


def main() -> int:
    """Install in three steps; return the exit code of the first step that fails."""
    tools = REQUIREMENTS / "dev.txt"
    pinned = len(re.findall(r"^\S+==", tools.read_text(), re.MULTILINE))
    steps = (
        ("pip", ["--require-hashes", "-r", str(REQUIREMENTS / "pip.txt")]),
        (f"the {pinned} packages of {tools}, which takes about a minute", ["--require-hashes", "-r", str(tools)]),
        ("this project, in place", ["--no-deps", "--no-build-isolation", "-e", "."]),
    )
    for number, (what, arguments) in enumerate(steps, start=1):
        print(f"Installing into .venv, step {number} of {len(steps)}: {what}", flush=True)
        if code := run(arguments):
            return code
    return 0


def run(arguments: list[str]) -> int:
    """Run pip and show its progress; if it fails, show everything that it said."""
    said: list[str] = []
    packages = 0
    command = [*PIP, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:  # noqa: S603  # our own
        for line in pip.stdout or ():
            said.append(line)
            if line.startswith(PACKAGE):
                packages += 1
                if packages % EVERY == 0:
                    print(f"  {packages} packages are here", flush=True)
            elif line.startswith("Installing collected packages: ") and packages > EVERY:
                print(f"  all {packages} packages are here; unpacking them takes the longest", flush=True)
    if pip.returncode:
        print("".join(said), end="", file=sys.stderr)
    return pip.returncode


if __name__ == "__main__":
    sys.exit(main())
