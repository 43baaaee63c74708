"""What a person does at the console, in Chromium, against `make run`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from jobs.tenancy import administration
from jobs.tenants import Scope
from playwright.sync_api import expect

from tests.browser.conftest import CONTENT
from tests.e2e.embedded import ROOT
from tests.e2e.test_events import SOURCE, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Route

    from tests.browser.desk import Desk
    from tests.e2e.embedded import Embedded, Tenant
    from tests.e2e.test_artifacts import Worker

pytestmark = pytest.mark.browser

#: Bytes for a minute of watching 50 jobs.
MINUTE_BUDGET = 400_000


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


def test_a_filter_lists_what_matches_and_its_address_can_be_opened_again(
    visit: Callable[..., Desk], jobs: Worker
) -> None:
    desk = visit(jobs.tenant)

    desk.filters.get_by_label("Status").select_option("failed")
    expect(desk.rows).to_have_count(1)
    expect(desk.row(2)).to_be_visible()
    desk.page.reload()
    expect(desk.rows).to_have_count(1)
    expect(desk.filters.get_by_label("Status")).to_have_value("failed")

    desk.press("Clear")
    expect(desk.rows).to_have_count(5)
    desk.filters.get_by_label("Action").fill("export_report")
    desk.filters.get_by_label("Reference").fill("2026-10")
    desk.press("Filter")
    expect(desk.rows).to_have_count(1)
    expect(desk.row(3)).to_be_visible()

    desk.filters.get_by_label("Reference").fill("nothing has it")
    desk.press("Filter")
    expect(desk.page.get_by_role("heading", name="No job matches here")).to_be_visible()
    desk.filters.get_by_label("Action").fill("No Action!")
    desk.press("Filter")
    expect(desk.page.get_by_role("main").get_by_role("alert")).to_contain_text("action")


def test_a_job_shows_its_timeline_messages_params_outputs_and_files(visit: Callable[..., Desk], jobs: Worker) -> None:
    desk = visit(jobs.tenant)

    desk.open(1)
    region = desk.page.get_by_role("region")
    expect(region.filter(has_text="Timeline").locator("li .chip")).to_have_text(["scheduled", "running", "completed"])
    expect(region.filter(has_text="Timeline")).to_contain_text("by event:com.example.worker")
    expect(region.filter(has_text="Messages").locator("li")).to_contain_text(
        ["info 75 rows were read", "warning [tool 4] 3 rows had no month"]
    )
    expect(region.filter(has_text="Params").locator("pre")).to_contain_text('"month": "2026-11"')
    expect(region.filter(has_text="Outputs").locator("pre")).to_contain_text('"rows": 75')
    expect(desk.page.get_by_role("button", name="Cancel", exact=True)).to_be_hidden()

    desk.press("Get the address of report.csv")
    link = desk.page.get_by_role("link", name="Download report.csv")
    expect(link).to_be_focused()
    with desk.page.expect_download() as download:
        link.click()
    assert download.value.suggested_filename == "report.csv"
    assert download.value.path().read_bytes() == CONTENT
    expect(desk.live).to_have_text("Live")


def test_a_failed_job_shows_why_each_attempt_ended(visit: Callable[..., Desk], worker: Worker) -> None:
    job = worker.tenant.create(maxAttempts=2)["jobId"]
    worker.outside.job_is("running", job)
    worker.outside.put("Job Failed", jobId=job, attempt=1, errors=["the disk is full"], retryAfter=0)
    worker.outside.job_is("running", job, attempt=2)
    worker.outside.put("Job Failed", jobId=job, attempt=2, errors=["the disk is still full"])
    worker.outside.job_is("failed", job, attempt=2)
    desk = visit(worker.tenant)

    desk.open(job)
    timeline = desk.page.get_by_role("region", name="Timeline")
    expect(timeline.locator(".error")).to_have_text(["the disk is full", "the disk is still full"])
    expect(desk.page.get_by_role("region", name="Why it failed")).to_contain_text("the disk is still full")
    expect(desk.page.get_by_role("region", name="Now")).to_contain_text("2 of 2")


def test_progress_is_seen_while_it_is_made(visit: Callable[..., Desk], worker: Worker) -> None:
    job = worker.tenant.create()["jobId"]
    worker.outside.job_is("running", job)
    desk = visit(worker.tenant)
    expect(desk.row(job).locator("td").last).to_have_text("no report yet")

    worker.outside.put("Job Progress", jobId=job, attempt=1, progress=25, message="a quarter")
    expect(desk.row(job).get_by_role("progressbar")).to_have_attribute("value", "25")
    desk.open(job)
    worker.outside.put("Job Progress", jobId=job, attempt=1, progress=75, message="three quarters")
    expect(desk.page.get_by_role("progressbar")).to_have_js_property("value", 75)
    expect(desk.page.get_by_role("region", name="Messages").locator("li")).to_have_count(2)
    worker.complete(job)
    expect(desk.page.get_by_role("status")).to_have_text(f"Job {job} is completed.")


def test_a_job_is_created_moved_cancelled_and_retried(visit: Callable[..., Desk], tenant: Tenant) -> None:
    desk = visit(tenant)

    expect(desk.page.get_by_role("heading", name="No jobs yet")).to_be_visible()
    desk.press("Create the first job")
    desk.dialog.get_by_label("Action").fill("export_report")
    desk.dialog.get_by_label("Start").select_option("In an hour")
    desk.dialog.get_by_label("Params").fill("[1]")
    desk.press("Create")
    expect(desk.dialog.get_by_role("alert")).to_contain_text("Params must be a JSON object")
    desk.dialog.get_by_label("Params").fill('{"month": "2026-11"}')
    desk.press("Create")
    expect(desk.dialog).to_be_hidden()
    expect(desk.page.get_by_role("heading", level=1)).to_have_text("export_report #1")
    assert tenant.details(1)["params"] == {"month": "2026-11"}

    desk.press("Move")
    desk.dialog.get_by_label("New start").fill("2000-01-01T00:00:00")
    desk.dialog.get_by_role("button", name="Move").click()
    expect(desk.page.get_by_role("region", name="Now").locator(".chip")).to_have_text("running")

    desk.press("Cancel")
    desk.press("Back")
    assert tenant.details(1)["status"] == "running"
    desk.press("Cancel")
    desk.press("Cancel the job")
    expect(desk.page.get_by_role("region", name="Now").locator(".chip")).to_have_text("cancelled")

    desk.press("Retry")
    desk.dialog.get_by_role("button", name="Retry").click()
    expect(desk.page.get_by_role("region", name="Now")).to_contain_text("2 of 2")
    assert tenant.details(1)["attempt"] == 2


def test_what_a_change_is_refused_for_is_said_in_its_dialog(visit: Callable[..., Desk], tenant: Tenant) -> None:
    tenant.create(startAt=time.time_ns() // 1_000_000 + 3_600_000)
    desk = visit(tenant)
    desk.open(1)

    desk.press("Cancel")
    tenant.call("DELETE", f"{tenant.public}/jobs/1")
    desk.press("Cancel the job")
    expect(desk.dialog.get_by_role("alert")).to_have_text("the requested job has already been cancelled")


def test_a_job_that_is_created_again_after_a_lost_answer_is_one_job(visit: Callable[..., Desk], tenant: Tenant) -> None:
    desk = visit(tenant)

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    desk.page.route("**/jobs", lose, times=1)
    desk.press("New job")
    desk.dialog.get_by_label("Action").fill("export_report")
    desk.dialog.get_by_label("Start").select_option("In a minute")
    desk.press("Create")
    expect(desk.dialog.get_by_role("alert")).to_contain_text("may have been done")
    desk.press("Create")
    expect(desk.page.get_by_role("heading", level=1)).to_have_text("export_report #1")
    assert len(tenant.call("GET", f"{tenant.public}/jobs").json()["data"]) == 1


def test_the_demo_is_one_press_away_and_its_key_stays_in_the_tab(visit: Callable[..., Desk], stack: Embedded) -> None:
    desk = visit()
    desk.go()
    desk.press("Open the demo")
    expect(desk.live).to_have_text("Live")
    expect(desk.page.locator("#project")).to_have_text(stack.demo["projectKey"])
    assert desk.page.evaluate("[localStorage.length, document.cookie, sessionStorage.length]") == [0, "", 1]
    assert stack.demo["apiKey"] not in desk.page.url

    desk.page.reload()
    expect(desk.live).to_have_text("Live")
    desk.press("Sign out")
    expect(desk.page.get_by_role("heading", name="Sign in to a project")).to_be_visible()
    assert desk.page.evaluate("sessionStorage.length") == 0


@pytest.mark.parametrize("key", ["wrong", "密钥"])
def test_a_wrong_key_is_told_and_asked_for_again(visit: Callable[..., Desk], tenant: Tenant, key: str) -> None:
    desk = visit()
    desk.go()
    desk.page.get_by_label("Project key").fill(tenant.project.project_key)
    desk.page.get_by_label("API key").fill(key)
    desk.press("Sign in")

    expect(desk.page.get_by_role("main").get_by_role("alert").first).to_contain_text("key")
    expect(desk.page.get_by_role("heading", name="Sign in to a project")).to_be_visible()
    before = len(desk.calls)
    time.sleep(3)
    assert len(desk.calls) == before


def test_a_server_that_is_gone_is_told_and_found_again(visit: Callable[..., Desk], jobs: Worker) -> None:
    desk = visit(jobs.tenant)
    expect(desk.rows).to_have_count(5)

    desk.page.context.set_offline(True)
    expect(desk.page.locator("#banner")).to_contain_text("The server does not answer")
    expect(desk.live).to_have_text("No connection")
    expect(desk.rows).to_have_count(5)
    desk.page.context.set_offline(False)
    desk.press("Try now")
    expect(desk.page.locator("#banner")).to_be_hidden()
    expect(desk.live).to_have_text("Live")


def test_a_job_that_does_not_exist_is_told(visit: Callable[..., Desk], tenant: Tenant) -> None:
    desk = visit(tenant)
    desk.go("#/jobs/77")

    expect(desk.page.get_by_role("main").get_by_role("alert")).to_have_text("There is no job 77 in this project.")


def test_a_hidden_tab_asks_for_nothing_until_it_is_seen_again(visit: Callable[..., Desk], jobs: Worker) -> None:
    desk = visit(jobs.tenant)
    expect(desk.rows).to_have_count(5)

    desk.asks_nothing_while_hidden(then="**/jobs?**")


def test_a_start_is_seen_soon_even_if_nothing_else_has_happened(visit: Callable[..., Desk], tenant: Tenant) -> None:
    at = time.time_ns() // 1_000_000 + 12_000
    tenant.create(startAt=at)
    desk = visit(tenant)

    expect(desk.row(1).locator(".chip")).to_have_text("running")
    # Without the look that is meant for it, the start would be seen after 4 seconds.
    assert time.time_ns() // 1_000_000 - at < 3_000


def test_a_key_that_may_only_read_is_told_what_it_may_not_do(
    visit: Callable[..., Desk], stack: Embedded, tenant: Tenant
) -> None:
    tenant.create(startAt=time.time_ns() // 1_000_000 + 3_600_000)
    organisation = tenant.project.organisation_id
    issued = administration.create_api_key(stack.directory, organisation, scopes=[Scope.READ])
    desk = visit(replace(tenant, key=issued.secret))

    desk.open(1)
    desk.press("Cancel")
    desk.press("Cancel the job")
    expect(desk.dialog.get_by_role("alert")).to_contain_text("This key may not do that")
    assert tenant.details(1)["status"] == "scheduled"


def test_messages_come_two_hundred_at_a_time(visit: Callable[..., Desk], worker: Worker) -> None:
    job = worker.tenant.create()["jobId"]
    worker.outside.job_is("running", job)
    said = [("Job Message", SOURCE, {"jobId": job, "status": 1, "text": f"line {n}", "toolId": 0}) for n in range(210)]
    for first in range(0, len(said), 10):
        worker.outside.put_all(said[first : first + 10])
    listed = f"{worker.tenant.public}/jobs/{job}/messages?limit=200"
    until(lambda: "next" in worker.tenant.call("GET", listed).links, patience=60)
    desk = visit(worker.tenant)

    desk.open(job)
    messages = desk.page.get_by_role("region", name="Messages").locator("li")
    expect(messages).to_have_count(200)
    desk.press("Show more messages")
    expect(messages).to_have_count(210)
    expect(desk.page.get_by_role("button", name="Show more messages")).to_be_hidden()


def test_markup_of_others_stays_text(visit: Callable[..., Desk], tenant: Tenant) -> None:
    text = "<script>window.taken = true</script><img src=x onerror='window.taken = true'>"
    tenant.create(
        description=text, referenceId=text, params={"<b>": text}, startAt=time.time_ns() // 1_000_000 + 3_600_000
    )
    desk = visit(tenant)

    expect(desk.row(1).locator(".description")).to_have_text(text)
    desk.open(1)
    expect(desk.page.locator(".lead")).to_have_text(text)
    assert desk.page.evaluate("[window.taken ?? null, document.querySelectorAll('main img, main script').length]") == [
        None,
        0,
    ]


def test_all_of_it_can_be_done_with_the_keyboard_alone(visit: Callable[..., Desk], tenant: Tenant) -> None:
    desk = visit(tenant)

    desk.tab_to("New job")
    desk.page.keyboard.press("Enter")
    desk.page.keyboard.type("export_report")
    desk.tab_to("Start")
    desk.page.keyboard.type("In an hour")
    desk.page.keyboard.press("Tab")
    desk.tab_to("Create")
    desk.page.keyboard.press("Enter")
    expect(desk.page.get_by_role("heading", level=1)).to_have_text("export_report #1")
    desk.tab_to("Cancel")
    desk.page.keyboard.press("Enter")
    # The way back comes first, so that a second Enter changes nothing.
    expect(desk.page.get_by_role("button", name="Back")).to_be_focused()
    desk.page.keyboard.press("Escape")
    expect(desk.page.get_by_role("button", name="Cancel", exact=True)).to_be_focused()
    desk.page.keyboard.press("Enter")
    desk.tab_to("Cancel the job")
    desk.page.keyboard.press("Enter")
    expect(desk.page.get_by_role("region", name="Now").locator(".chip")).to_have_text("cancelled")
    expect(desk.page.get_by_role("heading", level=1)).to_be_focused()
    desk.tab_to("All jobs", back=True)
    desk.page.keyboard.press("Enter")
    expect(desk.row(1)).to_be_visible()


def test_a_row_that_changes_keeps_the_focus(visit: Callable[..., Desk], worker: Worker) -> None:
    job = worker.tenant.create()["jobId"]
    worker.outside.job_is("running", job)
    desk = visit(worker.tenant)
    link = desk.row(job).get_by_role("link")
    link.focus()

    worker.complete(job)
    expect(desk.row(job).locator(".chip")).to_have_text("completed")
    worker.tenant.create()
    expect(desk.rows).to_have_count(2)
    expect(link).to_be_focused()


def test_older_jobs_are_a_page_away(visit: Callable[..., Desk], tenant: Tenant) -> None:
    soon = time.time_ns() // 1_000_000 + 3_600_000
    for _ in range(52):
        tenant.create(startAt=soon)
    desk = visit(tenant)

    expect(desk.rows).to_have_count(50)
    expect(desk.page.get_by_role("navigation", name="Pages")).to_contain_text("50 of 52 jobs")
    desk.press("Older")
    expect(desk.rows).to_have_count(2)
    desk.press("Newest")
    expect(desk.rows).to_have_count(50)


def test_jobs_open_leads_here(visit: Callable[..., Desk], stack: Embedded) -> None:
    demo = stack.demo
    settings = {"JOBS_URL": stack.base_url, "JOBS_PROJECT": demo["projectKey"], "JOBS_KEY": demo["apiKey"]}
    command = [str(Path(sys.executable).with_name("jobs")), "open", "--print"]
    printed = subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=ROOT, env={**os.environ, **settings}
    ).stdout.strip()

    assert printed == f"{stack.base_url}/console"
    desk = visit()
    desk.page.goto(printed)
    expect(desk.page).to_have_title("Sign in · Jobs")


def test_nothing_moves_for_a_person_who_wants_that(visit: Callable[..., Desk], jobs: Worker) -> None:
    look = "() => getComputedStyle(document.querySelector('#live'), '::before').animationName"

    assert visit(jobs.tenant).page.evaluate(look) == "beat"
    assert visit(jobs.tenant, reduced_motion="reduce").page.evaluate(look) == "none"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_barrier(visit: Callable[..., Desk], jobs: Worker, scheme: str) -> None:
    desk = visit(jobs.tenant, color_scheme=scheme)
    expect(desk.row(3).get_by_role("progressbar")).to_be_visible()
    found = {"list": desk.barriers()}
    for job in (1, 2, 3, 5):
        desk.open(job)
        expect(desk.page.get_by_role("region", name="Timeline").locator("li").first).to_be_visible()
        found[f"job {job}"] = desk.barriers()
        for name in {1: (), 2: ("Retry",), 3: ("Cancel",), 5: ("Move", "New job")}[job]:
            desk.press(name)
            found[f"dialog {name}"] = desk.barriers()
            desk.press("Back")
        desk.page.get_by_role("link", name="All jobs").click()
    desk.go("#/jobs/77")
    expect(desk.page.get_by_role("heading", name="No such job")).to_be_visible()
    found["no job"] = desk.barriers()
    desk.page.get_by_role("link", name="All jobs").click()
    desk.page.context.set_offline(True)
    expect(desk.page.locator("#banner")).to_be_visible()
    found["server gone"] = desk.barriers()
    desk.page.context.set_offline(False)
    desk.press("Sign out")
    found["sign in"] = desk.barriers()

    assert len(found) == 12
    assert {place: one for place, one in found.items() if one} == {}


def test_no_width_is_scrolled_sideways_or_cuts_the_table(visit: Callable[..., Desk], jobs: Worker) -> None:
    long = "x" * 256
    jobs.tenant.create(
        action="y" * 64, description=long * 4, referenceId=long, startAt=time.time_ns() // 1_000_000 + 3_600_000
    )
    desk = visit(jobs.tenant, viewport={"width": 320, "height": 640})
    expect(desk.rows).to_have_count(6)

    over = {"list": desk.width_over()}
    for job in (1, 2, 3, 6):
        desk.open(job)
        expect(desk.page.get_by_role("region", name="Timeline").locator("li").first).to_be_visible()
        over[f"job {job}"] = desk.width_over()
        desk.page.get_by_role("link", name="All jobs").click()
    desk.press("New job")
    over["dialog"] = desk.width_over()
    desk.press("Back")
    desk.page.context.set_offline(True)
    expect(desk.page.locator("#banner")).to_be_visible()
    for width in (320, 390, 481, 641, 720, 820, 821, 960, 961, 1280):
        desk.page.set_viewport_size({"width": width, "height": 640})
        over[f"server gone, {width} pixels"] = desk.width_over()
    assert set(over.values()) == {0}, over


def test_a_minute_of_watching_fifty_jobs_costs_little(
    visit: Callable[..., Desk], worker: Worker, say_at_the_end: Callable[[str], None]
) -> None:
    later = time.time_ns() // 1_000_000 + 3_600_000
    for number in range(48):
        worker.tenant.create(description=f"Report {number}", referenceId=f"report-{number}", startAt=later)
    for job in (49, 50):
        worker.tenant.create(description="A report that is made now")
        worker.outside.job_is("running", job)
    desk = visit(worker.tenant)
    expect(desk.rows).to_have_count(50)

    desk.calls.clear()
    for step in range(1, 7):
        worker.outside.put("Job Progress", jobId=50, attempt=1, progress=10 * step)
        desk.page.wait_for_timeout(10_000)
    finished = [call for call in desk.calls if call.response() is not None]
    sizes = [call.sizes() for call in finished]
    sent = sum(one["requestHeadersSize"] + one["requestBodySize"] for one in sizes)
    received = sum(one["responseHeadersSize"] + one["responseBodySize"] for one in sizes)
    lists = sum("/jobs?" in call.url for call in finished)

    say_at_the_end(
        f"the console, a minute of watching 50 jobs, with a report every 10 s: {len(finished)} calls "
        f"({lists} lists), {sent:,} bytes sent, {received:,} bytes received"
    )
    # Every 2 seconds would be 29. Each report makes the looks quick again, and each pause slow.
    assert 3 <= lists < 25
    assert len(finished) <= 3 * lists + 2
    assert sent + received < MINUTE_BUDGET
