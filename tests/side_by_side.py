"""Which tests share a process where they run in several."""

from __future__ import annotations

from typing import Any

from xdist.scheduler import LoadFileScheduling

#: The tests of such a folder share what takes long to start, or count together.
TOGETHER = ("tests/e2e", "tests/proofs/faults")
#: These need nothing of that: each test starts what it looks at.
APART = frozenset({"tests/e2e/test_deployment.py", "tests/e2e/test_starts_and_stops.py"})


def share_of(nodeid: str) -> str:
    """What a test shares its process with: a folder or a file."""
    file = nodeid.partition("::")[0]
    if file in APART:
        return file
    return next((folder for folder in TOGETHER if file.startswith(f"{folder}/")), file)


class SideBySide(LoadFileScheduling):  # type: ignore[misc]  # it ships no types
    """Hands out folders and files in the order in which they were collected."""

    def __init__(self, config: Any, log: Any) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return share_of(nodeid)
