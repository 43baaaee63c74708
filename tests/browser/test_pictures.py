"""The pictures of docs/console.md. `make browser PICTURES=1` takes them again; otherwise they are only tried."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.e2e.embedded import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.browser.desk import Desk
    from tests.e2e.embedded import Tenant
    from tests.e2e.test_artifacts import Worker

pytestmark = pytest.mark.browser

IMAGES = ROOT / "docs" / "images"
#: Bytes of a picture at most, because everybody who clones the project gets it.
MAX_SIZE = 150_000
MINUTE = 60_000


def later(minutes: float) -> int:
    """A time in so many minutes, in milliseconds."""
    return int(time.time_ns() // 1_000_000 + minutes * MINUTE)


@pytest.fixture
def take(tmp_path: Path) -> Callable[[Desk, str], None]:
    """Take a picture of a tab."""
    folder = IMAGES if os.environ.get("PICTURES") else tmp_path

    def picture(desk: Desk, name: str) -> None:
        desk.page.mouse.move(0, 0)
        file = folder / f"console-{name}.png"
        desk.page.screenshot(path=file, animations="disabled")
        assert file.stat().st_size < MAX_SIZE
        assert (IMAGES / file.name).exists()

    return picture


@pytest.fixture
def busy(jobs: Worker) -> Worker:
    """A project on a busy morning: five jobs of `jobs`, and more that run and wait."""
    tenant, outside = jobs.tenant, jobs.outside
    for number, month in enumerate(("September", "August"), 6):
        tenant.create(action="export_report", description=f"Revenue of {month}", referenceId=f"2026-{15 - number:02}")
        outside.job_is("running", number)
    outside.put("Job Progress", jobId=6, attempt=1, progress=88, message="44 of 50 files")
    outside.put("Job Progress", jobId=7, attempt=1, progress=25, message="12 of 50 files")
    tenant.create(action="train_model", description="Churn, weekly", referenceId="churn-v7", maxAttempts=3)
    tenant.create(
        action="delete_user_data", description="Asked for by mail", referenceId="ada@example.com", startAt=later(14)
    )
    tenant.create(
        action="send_invoices", description="Invoices of the day", referenceId="2026-11-29", startAt=later(0.8)
    )
    outside.job_is("running", 8)
    return jobs


def test_pictures_of_the_list(visit: Callable[..., Desk], busy: Worker, take: Callable[[Desk, str], None]) -> None:
    sizes = {"light": (1280, 800), "dark": (1280, 800), "phone": (390, 890)}
    for name, (width, height) in sizes.items():
        scheme = "dark" if name == "dark" else "light"
        desk = visit(busy.tenant, color_scheme=scheme, viewport={"width": width, "height": height})
        expect(desk.row(6).get_by_role("progressbar")).to_have_attribute("value", "88")
        expect(desk.row(5)).to_be_visible()
        desk.page.wait_for_timeout(500)
        take(desk, name)


def test_a_picture_of_a_job(visit: Callable[..., Desk], busy: Worker, take: Callable[[Desk, str], None]) -> None:
    desk = visit(busy.tenant, viewport={"width": 1280, "height": 940})
    desk.open(1)
    expect(desk.page.get_by_role("region", name="Files")).to_be_visible()
    take(desk, "job")


def test_a_picture_of_an_error(visit: Callable[..., Desk], worker: Worker, take: Callable[[Desk, str], None]) -> None:
    worker.tenant.create(
        action="import.orders", description="Orders of yesterday", referenceId="orders-7781", maxAttempts=2
    )
    for attempt, error in ((1, "the warehouse did not answer"), (2, "the file has 12 columns, 14 are wanted")):
        worker.outside.job_is("running", 1, attempt)
        worker.outside.put("Job Failed", jobId=1, attempt=attempt, errors=[error], retryAfter=0)
    worker.outside.job_is("failed", 1, 2)
    desk = visit(worker.tenant, viewport={"width": 1280, "height": 940})
    desk.open(1)
    expect(desk.page.get_by_role("region", name="Timeline").locator("li")).to_have_count(5)
    take(desk, "error")


def test_pictures_of_schedules(visit: Callable[..., Desk], tenant: Tenant, take: Callable[[Desk, str], None]) -> None:
    berlin = {"timezone": "Europe/Berlin"}
    for body in (
        {"name": "Export of the night", "cron": "30 2 * * MON-FRI", **berlin, "job": {"action": "export_report"}},
        {"name": "Invoices of the month", "cron": "0 9 L * *", **berlin, "job": {"action": "send_invoices"}},
        {"name": "Poll the mailbox", "every": 300, "job": {"action": "mail.poll"}, "overlap": "skip"},
        {"name": "Stocktaking", "at": later(600), "job": {"action": "stock.count"}},
        {"name": "Newsletter", "cron": "0 8 * * TUE#1", "enabled": False, "job": {"action": "send_newsletter"}},
        {"name": "Spring", "cron": "30 2 25-31 3 *", **berlin, "job": {"action": "export_report"}},
    ):
        made = tenant.call("POST", f"{tenant.public}/schedules", json=body).json()["data"]
        if body["name"] == "Poll the mailbox":
            tenant.call("POST", f"{tenant.public}/schedules/{made['scheduleId']}/run")
    desk = visit(tenant, viewport={"width": 1280, "height": 620}, timezone_id="Europe/London")
    desk.page.get_by_role("link", name="Schedules", exact=True).click()
    expect(desk.rows).to_have_count(6)
    expect(desk.live).to_have_text("Live")
    take(desk, "schedules")
    desk.page.get_by_role("link", name="Spring").click()
    expect(desk.page.get_by_role("region", name="Next occurrences").locator("li")).to_have_count(10)
    desk.page.set_viewport_size({"width": 1280, "height": 840})
    expect(desk.live).to_have_text("Live")
    take(desk, "schedule")


def test_a_picture_of_an_empty_project(
    visit: Callable[..., Desk], tenant: Tenant, take: Callable[[Desk, str], None]
) -> None:
    desk = visit(tenant, viewport={"width": 1280, "height": 560})
    expect(desk.page.get_by_role("heading", name="No jobs yet")).to_be_visible()
    take(desk, "empty")
