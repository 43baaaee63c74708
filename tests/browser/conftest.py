"""A real Chromium on the console of a real `make run`."""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.browser.desk import Desk
from tests.e2e.conftest import stack, tenant
from tests.e2e.test_artifacts import Worker, request, worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

    from tests.e2e.embedded import Embedded, Tenant

__all__ = ["stack", "tenant", "worker"]

# A machine that does more than this is slow, and no failure of the page.
expect.set_options(timeout=20_000)

#: The file of job 1.
CONTENT = b"month,revenue\n2026-11,75\n"
#: What systems call it. `CHROMIUM` names another one.
NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium without a window. A machine without it fails, because a test that is left out proves nothing."""
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if not path:
        pytest.fail(
            f"No Chromium is here: none of {', '.join(NAMES)} is in the path. "
            "Install it (Debian: apt-get install chromium), or name it: CHROMIUM=/path/to/chrome make browser"
        )
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser: Browser, stack: Embedded) -> Iterator[Callable[..., Desk]]:
    """Open tabs on the console. Whatever a page breaks of its policy, or throws, is an error of the test."""
    opened: list[Desk] = []

    def open_(tenant: Tenant | None = None, **options: Any) -> Desk:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        desk = Desk(context.new_page(), stack.base_url)
        opened.append(desk)
        if tenant:
            desk.sign_in(tenant.project.project_key, tenant.key)
        return desk

    yield open_
    for desk in opened:
        complaints = desk.complaints()
        desk.page.context.close()
        assert complaints == []


@pytest.fixture
def jobs(worker: Worker) -> Worker:
    """A project with a job in each status: 1 completed, 2 failed, 3 running, 4 cancelled, 5 scheduled."""
    outside = worker.outside
    hour = (time.time_ns() // 1_000_000) + 3_600_000
    worker.tenant.create(
        action="export_report", description="Revenue of November", referenceId="2026-11", params={"month": "2026-11"}
    )
    worker.tenant.create(action="import.orders", referenceId="orders-7781", maxAttempts=1)
    worker.tenant.create(action="export_report", description="Revenue of October", referenceId="2026-10", maxAttempts=3)
    worker.tenant.create(action="send_invoices", startAt=hour)
    worker.tenant.create(
        action="send_invoices", description="Invoices of the week", referenceId="week-48", startAt=hour
    )
    for number in (1, 2, 3):
        outside.job_is("running", number)
    place = worker.announced(1, CONTENT, "report.csv")
    request("PUT", place["url"], CONTENT, **place["headers"])
    outside.put("Job Message", jobId=1, status=1, text="75 rows were read", toolId=0)
    outside.put("Job Message", jobId=1, status=2, text="3 rows had no month", toolId=4)
    outside.put(
        "Job Failed", jobId=2, attempt=1, errors=["the file has 12 columns, 14 are wanted", "nothing was imported"]
    )
    outside.put("Job Progress", jobId=3, attempt=1, progress=62, message="31 of 50 files")
    worker.tenant.call("DELETE", f"{worker.tenant.public}/jobs/4")
    worker.complete(1, {"artifact": "report.csv"}, {"rows": 75})
    outside.job_is("failed", 2)
    return worker
