"""`jobs` against the embedded stack: each block of docs/client.md is run, and shows what the page shows."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.architecture.test_docs import blocks, text_of
from tests.e2e.embedded import far_ahead
from tests.e2e.test_artifacts import Worker, upload
from tests.e2e.test_events import Outside, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.embedded import Embedded, Tenant

pytestmark = pytest.mark.e2e

PAGE = "docs/client.md"
#: The id of a schedule.
SCHEDULE = re.compile(r"\b[0-9a-f]{24}\b")
#: What differs from run to run, and what stands for it in a comparison. Spaces depend on the width of what differs.
DIFFERS = {
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d": "TIME",
    r"\b(?:in \d+ (?:s|min|h|d)|\d+ (?:s|min|h|d) ago|now)": "AWAY",
    r"\bafter \d+ s": "after N s",
    r"(Took +)\d+ s": r"\1N s",
    r"\b\d{13}\b": "MILLISECONDS",
    r"http://127\.0\.0\.1:\d+": "ADDRESS",
    r"key:key-[0-9a-f]+": "key:KEY",
    SCHEDULE.pattern: "SCHEDULE",
    # summer comes and goes
    r" [+-]\d{4}\b": " OFFSET",
    r"project [\w-]+$": "project PROJECT",
    r'"projectId": \d+': '"projectId": N',
    r" *─[─ ]*": "LINE",
    r"[ \n]+": " ",
}


class Terminal:
    """A shell in which `jobs` knows a tenant's project."""

    def __init__(self, folder: Path, tenant: Tenant) -> None:
        self.folder = folder
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("JOBS_")},
            "JOBS_URL": tenant.base_url,
            "JOBS_PROJECT": tenant.project.project_key,
            "JOBS_KEY": tenant.key,
            "XDG_CONFIG_HOME": str(folder / "config"),
            "TZ": "UTC",
            "COLUMNS": "110",
        }

    def run(self, command: str) -> tuple[int, str]:
        """Run a line that begins with `jobs`; return the exit status and both outputs."""
        program, *arguments = shlex.split(command)
        assert program == "jobs"
        # as on a terminal
        if arguments[0] not in {"open", "login"} and "--json" not in arguments:
            arguments.append("--table")
        # In isolated mode the current folder is not on the path, as for an installed program.
        ran = subprocess.run(
            [sys.executable, "-I", "-c", "import sys; from cli.client import main; sys.exit(main())", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return ran.returncode, ran.stdout


@pytest.fixture
def terminal(tmp_path: Path, tenant: Tenant) -> Terminal:
    return Terminal(tmp_path, tenant)


def work(worker: Worker) -> None:
    """Be the worker of the page's first job: fail once, then make a file."""
    outside = worker.outside
    outside.job_is("running", 1)
    outside.put("Job Failed", jobId=1, attempt=1, errors=["the disk is full"], retryAfter=0)
    outside.job_is("running", 1, 2)
    outside.put("Job Progress", jobId=1, attempt=2, progress=50, message="38 of 75 rows")
    content = b"order,sum\n" * 75
    announced = worker.announced(1, content, "report.csv")
    assert upload(announced, content).status_code == httpx.codes.OK
    until(outside.messages)
    worker.complete(1, {"rows": 75}, {"artifact": "report.csv"}, attempt=2)


def sessions(page: str) -> list[tuple[str, str]]:
    """The commands of a page with what it shows for each."""
    found = []
    for block in blocks(text_of(page), "console"):
        for session in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = session.partition("\n")
            found.append((command, shown))
    return found


def comparable(text: str) -> str:
    for differs, same in DIFFERS.items():
        text = re.sub(differs, same, text, flags=re.MULTILINE)
    return text.strip()


def test_each_block_of_the_page_shows_what_the_command_prints(
    stack: Embedded, tenant: Tenant, terminal: Terminal
) -> None:
    outside, found, shown, ids = Outside(stack, tenant), [], [], dict[str, str]()

    def ours(of_page: re.Match[str]) -> str:
        return ids[of_page[0]]

    for command, output in sessions(PAGE):
        printed = terminal.run(SCHEDULE.sub(ours, command))[1]
        # the page's id stands for the one that was printed in its place
        ids |= zip(SCHEDULE.findall(output), SCHEDULE.findall(printed), strict=False)
        found.append((command, comparable(printed)))
        shown.append((command, comparable(output)))
        if len(found) == 1:
            work(Worker(tenant, outside))
        if command == "jobs retry 2":
            outside.job_is("running", 2, 2)

    assert len(found) > 10
    assert found == shown
    assert (terminal.folder / "report.csv").read_bytes().startswith(b"order,sum\n")


def test_the_exit_status_of_a_job_that_was_waited_for_is_its_outcome(tenant: Tenant, terminal: Terminal) -> None:
    assert terminal.run("jobs create delete_user_data --reference-id nobody --wait")[0] == 0
    made = terminal.run("jobs schedule create Nobody --every 1d --action delete_user_data --reference-id nobody")[1]
    assert terminal.run(f"jobs schedule run {SCHEDULE.search(made)[0]} --wait")[0] == 0  # type: ignore[index]
    number = tenant.create(startAt=far_ahead())["jobId"]
    assert terminal.run(f"jobs cancel {number} --yes")[0] == 0
    assert terminal.run(f"jobs watch {number}")[0] == 3
