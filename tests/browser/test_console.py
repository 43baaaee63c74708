"""What a person does at the console, in Chromium, against `make run`."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.desk import Desk

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.embedded import Embedded, Tenant
    from tests.e2e.test_artifacts import Worker

pytestmark = pytest.mark.browser


def test_the_list_shows_each_job_with_status_lag_and_progress(visit: Callable[..., Desk], jobs: Worker) -> None:
    desk = visit(jobs.tenant)

    expect(desk.rows).to_have_count(5)
    assert desk.rows.evaluate_all("rows => rows.map(row => row.dataset.job)") == ["5", "4", "3", "2", "1"]
    for number, status in ((1, "completed"), (2, "failed"), (3, "running"), (4, "cancelled"), (5, "scheduled")):
        expect(desk.row(number).locator(".chip")).to_have_text(status)
        expect(desk.page.locator(f".tile[data-status={status}] dd")).to_have_text("1")
    expect(desk.row(1).locator('[data-label="Start lag"]')).to_have_text(re.compile(r"^\+\d+(\.\d+)? s$"))
    expect(desk.row(1).locator('[data-label="Progress"]')).to_have_text(re.compile(r"^took \d"))
    expect(desk.row(3).get_by_role("progressbar")).to_have_attribute("value", "62")
    expect(desk.row(5).locator('[data-label="Start"]')).to_have_text(re.compile(r"^in (59|60) min$"))
    expect(desk.page.locator(".tile[data-status=next]")).to_contain_text("#5")


def xtest_shots(visit: Callable[..., Desk], jobs: Worker, tenant: Tenant) -> None:
    for scheme in ("light", "dark"):
        desk = visit(jobs.tenant, color_scheme=scheme)
        time.sleep(1)
        desk.page.screenshot(path=f"/tmp/shots/list-{scheme}.png")
        print(scheme, desk.barriers())
        for n in (1, 2, 3):
            desk.open(n)
            time.sleep(1)
            desk.page.screenshot(path=f"/tmp/shots/job-{n}-{scheme}.png", full_page=True)
            print(scheme, n, desk.barriers())
            desk.page.get_by_role("link", name="All jobs").click()
        desk.press("New job")
        time.sleep(0.3)
        desk.page.screenshot(path=f"/tmp/shots/new-{scheme}.png")
        print(scheme, "dialog", desk.barriers())
    desk = visit(jobs.tenant, viewport={"width": 390, "height": 844})
    time.sleep(1)
    desk.page.screenshot(path="/tmp/shots/phone.png")
    print("over", desk.width_over())
    desk.open(2)
    time.sleep(1)
    desk.page.screenshot(path="/tmp/shots/phone-job.png", full_page=True)
    print("over", desk.width_over())
    desk = visit()
    desk.go()
    time.sleep(1)
    desk.page.screenshot(path="/tmp/shots/sign-in.png")
    print(desk.barriers())
