"""The embedded stack, started once for all end-to-end tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.embedded import Embedded, Tenant, embedded

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """`make run` on a free port. Whatever it leaves behind at the end is an error of the test that ran last."""
    running = embedded(tmp_path_factory.mktemp("local"))
    running.start()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def tenant(stack: Embedded) -> Tenant:
    """A project of a new organisation, without a job."""
    return stack.new_tenant()
