"""The embedded stack, started once for all end-to-end tests that share one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.embedded import Embedded, Tenant, embedded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


#: The origin of pages that may call the shared stack.
PAGE = "https://page.example"


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """`make run` on a free port. Anything that it leaves behind is an error of the last test."""
    running = embedded(tmp_path_factory.mktemp("local"), CORS=PAGE)
    try:
        running.start()
        yield running
        running.stop()
    finally:
        running.kill()


@pytest.fixture
def another(tmp_path: Path) -> Iterator[Callable[..., Embedded]]:
    """Make further ones, not started, for tests of starting and stopping."""
    made = []

    def make(**environment: str) -> Embedded:
        made.append(embedded(tmp_path, **environment))
        return made[-1]

    yield make
    for one in made:
        one.kill()


@pytest.fixture
def tenant(stack: Embedded) -> Tenant:
    """A project of a new organisation, without a job."""
    return stack.new_tenant()
