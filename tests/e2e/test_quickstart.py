"""docs/quickstart.md from its first block to its last, as a newcomer pastes them, and the README's tour after it."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.architecture.test_docs import blocks, text_of
from tests.e2e.embedded import ROOT
from tests.e2e.test_client import comparable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.e2e.embedded import Embedded

pytestmark = pytest.mark.e2e

PAGE = "docs/quickstart.md"
#: Seconds until a worker is ready, or a line is printed.
PATIENCE = 30.0
#: What differs from run to run, beside what `test_client.py` knows.
DIFFERS = {
    # How many steps of a job are seen depends on when it is looked at.
    r"(?m)^Job \d+ (scheduled|running)\b.*\n": "",
    # Events have no order: the text of a report may come after the end of its job.
    r"(?m)(\d+ %)  thinking of words$": r"\1",
    r'"(id|[a-z]+Time)": "[^"]+"': r'"\1": "…"',
    r"\d\d:\d\d:\d\d\.\d{3}": "CLOCK",
    r"(due in|\+)\s?\d+\.\d+ s": r"\1 N s",
    r"(key|event):(key-[0-9a-f]+|[\w. -]+)": r"\1",
}
#: As on a terminal, with a width that the page has room for.
PRELUDE = """
eval "$({python} -m local.environment)"
jobs() {{ COLUMNS=110 {python} -I -c 'import sys; from cli.client import main; sys.exit(main())' "$@" --table; }}
"""


class Desk:
    """A running service, a worker beside it, and a shell."""

    def __init__(self, stack: Embedded, folder: Path) -> None:
        self.stack = stack
        self.folder = folder
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "JOBS_"))}
        self.environment = {**inherited, "JOBS_LOCAL_DIR": str(stack.folder), "TZ": "UTC"}
        self.workers: list[subprocess.Popen[bytes]] = []

    def work(self, command: str, text: str) -> None:
        """Run a worker as the page says, and wait until it takes jobs."""
        *verb, file = shlex.split(command, comments=True)
        assert verb == ["make", "worker"]
        path, output = self.folder / file.removeprefix("FILE="), self.folder / "worker.log"
        path.write_text(text)
        with output.open("wb") as written:
            self.workers.append(
                subprocess.Popen(
                    [sys.executable, "-m", "local.worker", str(path)],
                    cwd=ROOT,
                    env=self.environment,
                    stdout=written,
                    stderr=written,
                )
            )
        self.until(lambda: "waiting for jobs" in output.read_text())

    def run(self, block: str) -> str:
        """Run a block in a shell of its own, and return what it prints."""
        text = PRELUDE.format(python=sys.executable) + block.replace('eval "$(make -s env)"', "")
        ran = subprocess.run(
            ["bash", "-c", text],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return ran.stdout

    def until(self, look: Callable[[], object]) -> None:
        """Look until there is something to see."""
        end = time.monotonic() + PATIENCE
        while not look():
            assert time.monotonic() < end, self.stack.output
            time.sleep(0.1)

    def end(self) -> None:
        """End the workers, as Ctrl-C does."""
        for worker in self.workers:
            worker.send_signal(signal.SIGINT)
            assert worker.wait(5) == 0


@pytest.fixture
def desk(another: Callable[..., Embedded], tmp_path: Path) -> Iterator[Desk]:
    # a stack of its own: the pages number the jobs of the demo project
    stack = another()
    stack.start()
    made = Desk(stack, tmp_path)
    yield made
    made.end()
    stack.stop()


def same(text: str) -> str:
    """A text without what differs from run to run."""
    for differs, instead in DIFFERS.items():
        text = re.sub(differs, instead, text)
    return comparable(text)


def pairs(page: str) -> list[tuple[str, str | None]]:
    """The shell blocks of a page, each with what stands right below it as its output."""
    found = re.findall(r"^```sh\n(.*?)^```\n(?:\n```\n(.*?)^```\n)?", text_of(page), re.MULTILINE | re.DOTALL)
    return [(block, shown or None) for block, shown in found]


def test_each_block_of_the_quickstart_does_what_it_shows(desk: Desk) -> None:
    (start, _), (work, _), *rest = pairs(PAGE)
    assert start == "make run\n"
    [worker] = blocks(text_of(PAGE), "python")
    assert len(worker.splitlines()) <= 15
    desk.work(work, worker)

    assert len(rest) > 8
    for block, shown in rest:
        printed = desk.run(block)
        if shown is not None and not re.match(r"\d\d:\d\d:\d\d\.", shown):
            assert same(printed) == same(shown), printed
        else:
            assert printed == ""

    for told in [shown for shown in blocks(text_of(PAGE), "") if re.match(r"\d\d:\d\d:\d\d\.", shown)]:
        desk.until(lambda told=told: same(told) in same(desk.stack.output))  # type: ignore[misc]  # bound now


def test_the_tour_of_the_readme_pastes_whole_and_ends_with_a_completed_job(desk: Desk) -> None:
    [work] = [block for block, _ in pairs("README.md") if "make worker" in block]
    [tour] = [block for block, _ in pairs("README.md") if "curl" in block]
    desk.work(work, blocks(text_of("README.md"), "python")[0])

    for _ in range(2):  # nothing in it is fixed
        *_, done = desk.run(tour).split('"data": [')
        assert '"status": "completed"' in done.partition("}")[0]
