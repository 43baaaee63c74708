"""What a person does with schedules at the console, in Chromium, against `make run`."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from jobs.tenancy import administration
from jobs.tenants import Scope
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Route

    from tests.browser.desk import Desk
    from tests.e2e.embedded import Embedded, Tenant

pytestmark = pytest.mark.browser

NIGHTLY = {
    "name": "Export of the night",
    "cron": "30 2 * * MON-FRI",
    "timezone": "Europe/Berlin",
    "job": {"action": "export_report", "referenceId": "orders", "params": {"format": "csv"}, "maxAttempts": 3},
}
#: In each year one of these days is the one on which the clocks of Berlin skip half past two.
SPRING = {**NIGHTLY, "name": "Spring", "cron": "30 2 25-31 3 *"}


def make(tenant: Tenant, **body: Any) -> dict[str, Any]:
    """Make a schedule over the API."""
    answer = tenant.call("POST", f"{tenant.public}/schedules", json={**NIGHTLY, **body})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()["data"]
    return made


def shown(tenant: Tenant, schedule_id: str) -> dict[str, Any]:
    """A schedule as the API shows it."""
    found: dict[str, Any] = tenant.call("GET", f"{tenant.public}/schedules/{schedule_id}").json()["data"]
    return found


def row(desk: Desk, made: dict[str, Any]) -> Locator:
    """The row of a schedule."""
    return desk.page.locator(f'tr[data-schedule="{made["scheduleId"]}"]')


def cell(desk: Desk, made: dict[str, Any], label: str) -> Locator:
    """A cell of the row of a schedule."""
    return row(desk, made).locator(f'[data-label="{label}"]')


@pytest.fixture
def look(visit: Callable[..., Desk], tenant: Tenant) -> Callable[..., Desk]:
    """Sign in, and open the schedules, or one of them."""

    def open_(made: dict[str, Any] | None = None, of: Tenant = tenant, **options: Any) -> Desk:
        desk = visit(of, **options)
        desk.page.get_by_role("link", name="Schedules", exact=True).click()
        expect(desk.page.get_by_role("heading", level=1)).to_have_text("Schedules")
        if made:
            row(desk, made).get_by_role("link").first.click()
            expect(desk.page.get_by_role("heading", level=1)).to_have_text(made["name"])
        return desk

    return open_


def test_the_list_shows_rhythm_zone_next_run_last_job_and_counts(look: Callable[..., Desk], tenant: Tenant) -> None:
    nightly = make(tenant)
    paused = make(tenant, name="Poll", cron=None, timezone=None, every=5400, enabled=False)
    tenant.call("POST", f"{tenant.public}/schedules/{nightly['scheduleId']}/run")
    desk = look()

    expect(desk.rows).to_have_count(2)
    expect(cell(desk, nightly, "Name")).to_have_text("Export of the nightexport_report")
    expect(cell(desk, nightly, "State")).to_have_text("active")
    expect(cell(desk, nightly, "Rhythm")).to_have_text("30 2 * * MON-FRIEurope/Berlin")
    expect(cell(desk, nightly, "Next").locator("time")).to_have_text(
        [re.compile(r"^in \d"), re.compile(r"\d\d:\d\d:\d\d$")]
    )
    expect(cell(desk, nightly, "Last job").get_by_role("link")).to_have_attribute("href", "#/jobs/1")
    expect(cell(desk, nightly, "Runs")).to_have_text("1")
    expect(cell(desk, nightly, "Missed")).to_have_text("0")
    expect(cell(desk, nightly, "Skipped")).to_have_text("0")
    expect(cell(desk, paused, "State")).to_have_text("paused")
    expect(cell(desk, paused, "Rhythm")).to_have_text("every 1 h 30 min")
    expect(desk.page.get_by_role("link", name="Schedules", exact=True)).to_have_attribute("aria-current", "page")


def test_an_occurrence_is_seen_soon_and_its_job_leads_back(look: Callable[..., Desk], tenant: Tenant) -> None:
    at = time.time_ns() // 1_000_000 + 9_000
    once = make(tenant, name="Once", cron=None, timezone=None, at=at)
    desk = look()

    link = row(desk, once).get_by_role("link").first
    link.focus()
    expect(cell(desk, once, "State")).to_have_text("ended")
    expect(link).to_be_focused()
    cell(desk, once, "Last job").get_by_role("link").click()
    now = desk.page.get_by_role("region", name="Now")
    expect(now).to_contain_text(re.compile(r"for .*\d\d:\d\d:\d\d"))
    now.get_by_role("link", name="Show it").click()
    expect(desk.page.get_by_role("heading", level=1)).to_have_text("Once")
    expect(desk.page.get_by_role("region", name="Now")).to_contain_text("#1")
    expect(desk.page.get_by_role("region", name="Next occurrences")).to_contain_text("There are none.")
    expect(desk.page.get_by_role("button", name="Pause")).to_be_hidden()


def test_one_schedule_shows_its_next_ten_occurrences_with_notes(look: Callable[..., Desk], tenant: Tenant) -> None:
    desk = look(make(tenant, **SPRING), timezone_id="America/New_York")

    items = desk.page.get_by_role("region", name="Next occurrences").locator("li")
    expect(items).to_have_count(10)
    expect(items.filter(has_text="shifted: the clocks skip its time").first).to_contain_text(
        "03:00:00 in Europe/Berlin"
    )
    expect(items.filter(has_not_text="shifted").first).to_contain_text("02:30:00 in Europe/Berlin")
    makes = desk.page.get_by_role("region", name="What it makes")
    expect(makes).to_contain_text("export_report")
    expect(makes.locator("pre")).to_contain_text('"format": "csv"')


def test_the_clock_of_a_zone_that_shows_the_same_time_is_not_repeated(
    look: Callable[..., Desk], tenant: Tenant
) -> None:
    desk = look(make(tenant), timezone_id="Europe/Berlin")

    items = desk.page.get_by_role("region", name="Next occurrences").locator("li")
    expect(items).to_have_count(10)
    expect(items.first).not_to_contain_text("Europe/Berlin")


def test_a_period_has_no_zone(look: Callable[..., Desk], tenant: Tenant) -> None:
    desk = look(make(tenant, cron=None, timezone=None, every=3600), timezone_id="America/New_York")

    items = desk.page.get_by_role("region", name="Next occurrences").locator("li")
    expect(items).to_have_count(10)
    expect(items.first).not_to_contain_text(" in UTC")
    expect(items.first).not_to_contain_text("null")


def test_it_is_paused_resumed_run_and_deleted_each_after_a_question(look: Callable[..., Desk], tenant: Tenant) -> None:
    made = make(tenant)
    desk = look(made)
    state = desk.page.get_by_role("region", name="Now").locator(".chip")

    desk.press("Pause")
    desk.press("Back")
    assert shown(tenant, made["scheduleId"])["enabled"]
    desk.press("Pause")
    desk.press("Pause the schedule")
    expect(state).to_have_text("paused")
    expect(desk.page.get_by_role("region", name="Next occurrences").locator("li")).to_have_count(0)
    assert not shown(tenant, made["scheduleId"])["enabled"]
    desk.press("Resume")
    desk.press("Resume the schedule")
    expect(state).to_have_text("active")
    assert shown(tenant, made["scheduleId"])["enabled"]

    desk.press("Run now")
    desk.press("Run it now")
    expect(desk.page.get_by_role("region", name="Now").get_by_role("link", name="#1")).to_be_visible()
    assert tenant.details(1)["scheduleId"] == made["scheduleId"]

    desk.press("Delete")
    desk.press("Delete the schedule")
    expect(desk.page.get_by_role("heading", name="No schedules here")).to_be_visible()
    assert tenant.call("GET", f"{tenant.public}/schedules").json() == {"data": []}


def test_a_change_of_somebody_else_is_told_and_not_overwritten(look: Callable[..., Desk], tenant: Tenant) -> None:
    made = make(tenant)
    desk = look(made)
    desk.press("Pause")
    tenant.call("PATCH", f"{tenant.public}/schedules/{made['scheduleId']}", json={"name": "Mine"})
    desk.press("Pause the schedule")

    expect(desk.dialog.get_by_role("alert")).to_contain_text("Somebody has changed it meanwhile")
    assert shown(tenant, made["scheduleId"])["enabled"]
    desk.press("Back")
    expect(desk.page.get_by_role("heading", level=1)).to_have_text("Mine")
    desk.press("Pause")
    desk.press("Pause the schedule")
    expect(desk.page.get_by_role("region", name="Now").locator(".chip")).to_have_text("paused")


def test_the_next_occurrences_are_shown_while_one_types(look: Callable[..., Desk], tenant: Tenant) -> None:
    desk = look(timezone_id="Europe/Berlin")
    desk.press("Create a schedule")
    preview = desk.dialog.get_by_role("region", name="Next occurrences")
    expect(desk.dialog.get_by_label("Time zone")).to_have_value("Europe/Berlin")

    desk.calls.clear()
    desk.dialog.get_by_label("Cron expression").press_sequentially("30 2 25-31 3", delay=20)
    expect(preview).to_contain_text("cron: must be 5 fields")
    desk.dialog.get_by_label("Cron expression").press_sequentially(" *", delay=20)
    expect(preview.locator("li")).to_have_count(5)
    asked = [call for call in desk.calls if call.url.endswith("/schedules/preview?limit=5")]
    # a call for each pause, not for each of fourteen keys
    assert 2 <= len(asked) <= 4
    desk.dialog.get_by_label("Time zone").fill("Europe/Atlantis")
    expect(preview).to_contain_text("must be the name of a time zone")
    desk.dialog.get_by_label("Occurs").select_option("Every so often")
    expect(preview.locator("li")).to_have_count(5)
    expect(preview).not_to_contain_text("zone")
    desk.dialog.get_by_label("Occurs").select_option("Once")
    expect(preview.locator("li")).to_have_count(1)
    desk.press("Back")
    assert tenant.call("GET", f"{tenant.public}/schedules").json() == {"data": []}


def test_a_schedule_of_each_kind_is_created(look: Callable[..., Desk], tenant: Tenant) -> None:
    desk = look()

    def begin(name: str, kind: str) -> None:
        desk.page.get_by_role("link", name="Schedules", exact=True).click()
        desk.press("New schedule")
        desk.dialog.get_by_label("Name").fill(name)
        desk.dialog.get_by_label("Occurs").select_option(kind)
        desk.dialog.get_by_label("Action").fill("export_report")

    def end(name: str) -> dict[str, Any]:
        desk.press("Create")
        expect(desk.page.get_by_role("heading", level=1)).to_have_text(name)
        return shown(tenant, desk.page.url.rpartition("/")[2])

    begin("By the clock", "By the clock (cron)")
    desk.dialog.get_by_label("Cron expression").fill("30 2 * * *")
    desk.dialog.get_by_label("Time zone").fill("Europe/Berlin")
    desk.dialog.get_by_text("More", exact=True).click()
    desk.dialog.get_by_label("A time that comes twice").select_option("Both")
    desk.dialog.get_by_label("Missed occurrences").select_option("Make up for all")
    desk.dialog.get_by_label("While the last job is active").select_option("Skip")
    desk.dialog.get_by_label("Params").fill('{"format": "csv"}')
    made = end("By the clock")
    assert (made["cron"], made["timezone"], made["gap"], made["fold"], made["catchUp"], made["overlap"]) == (
        "30 2 * * *", "Europe/Berlin", "shift", "both", "all", "skip",
    )  # fmt: skip
    assert made["job"]["params"] == {"format": "csv"}
    begin("So often", "Every so often")
    desk.dialog.get_by_label("Every", exact=True).fill("2")
    desk.dialog.get_by_label("Unit").select_option("Hours")
    assert end("So often")["every"] == 7200
    begin("One time", "Once")
    desk.dialog.get_by_label("At, in your local time").fill("2030-01-01T09:00:00")
    assert end("One time")["at"] > 0


def test_one_that_is_created_again_after_a_lost_answer_is_one_schedule(
    look: Callable[..., Desk], tenant: Tenant
) -> None:
    desk = look()

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    desk.press("New schedule")
    desk.dialog.get_by_label("Name").fill("Nightly")
    desk.dialog.get_by_label("Cron expression").fill("30 2 * * *")
    desk.dialog.get_by_label("Action").fill("export_report")
    desk.page.route("**/schedules", lose, times=1)
    desk.press("Create")
    expect(desk.dialog.get_by_role("alert")).to_contain_text("may have been done")
    desk.press("Create")
    expect(desk.page.get_by_role("heading", level=1)).to_have_text("Nightly")
    assert len(tenant.call("GET", f"{tenant.public}/schedules").json()["data"]) == 1


def test_what_is_wrong_with_a_schedule_is_said_in_its_dialog(look: Callable[..., Desk], tenant: Tenant) -> None:
    desk = look()
    desk.press("New schedule")
    desk.dialog.get_by_label("Name").fill("x")
    desk.dialog.get_by_label("Cron expression").fill("0 0 30 2 *")
    desk.dialog.get_by_label("Action").fill("export_report")
    desk.press("Create")

    expect(desk.dialog.get_by_role("alert")).to_contain_text("cron")
    assert tenant.call("GET", f"{tenant.public}/schedules").json() == {"data": []}


def test_a_key_that_may_only_read_is_told_what_it_may_not_do(
    look: Callable[..., Desk], stack: Embedded, tenant: Tenant
) -> None:
    made = make(tenant)
    issued = administration.create_api_key(stack.directory, tenant.project.organisation_id, scopes=[Scope.READ])
    desk = look(made, of=replace(tenant, key=issued.secret))

    desk.press("Delete")
    desk.press("Delete the schedule")
    expect(desk.dialog.get_by_role("alert")).to_contain_text("This key may not do that")
    assert shown(tenant, made["scheduleId"])["name"] == made["name"]


def test_one_that_does_not_exist_or_goes_while_it_is_shown_is_told(look: Callable[..., Desk], tenant: Tenant) -> None:
    made = make(tenant)
    desk = look(made)
    tenant.call("DELETE", f"{tenant.public}/schedules/{made['scheduleId']}")

    told = desk.page.get_by_role("main").get_by_role("alert")
    expect(told).to_have_text("There is no such schedule in this project.")
    expect(desk.page.get_by_role("button", name="Run now")).to_be_hidden()
    desk.go(f"#/schedules/{'0' * 24}")
    expect(told).to_have_text("There is no such schedule in this project.")


@pytest.mark.parametrize("one", [False, True])
def test_a_hidden_tab_asks_for_nothing_until_it_is_seen_again(
    look: Callable[..., Desk], tenant: Tenant, *, one: bool
) -> None:
    made = make(tenant)
    desk = look(made if one else None)
    expect(desk.live).to_have_text("Live")

    desk.asks_nothing_while_hidden(then="**/schedules**")


def test_a_schedule_that_is_shown_costs_one_call_a_look(look: Callable[..., Desk], tenant: Tenant) -> None:
    desk = look(make(tenant))
    expect(desk.page.get_by_role("region", name="Next occurrences").locator("li")).to_have_count(10)

    desk.calls.clear()
    desk.page.wait_for_timeout(12_000)
    paths = [call.url.rpartition("/")[2] for call in desk.calls]
    assert 1 <= len(paths) <= 5
    # occurrences are read again only after a change
    assert "occurrences" not in " ".join(paths)


def test_further_schedules_are_a_page_away(look: Callable[..., Desk], tenant: Tenant) -> None:
    for number in range(52):
        make(tenant, name=f"Schedule {number}")
    desk = look()

    expect(desk.rows).to_have_count(50)
    desk.press("Next page")
    expect(desk.rows).to_have_count(2)
    desk.page.reload()
    expect(desk.rows).to_have_count(2)
    desk.press("First page")
    expect(desk.rows).to_have_count(50)


def test_markup_of_others_stays_text(look: Callable[..., Desk], tenant: Tenant) -> None:
    text = "<script>window.taken = true</script><img src=x onerror='window.taken = true'>"
    made = make(tenant, name=text, job={**NIGHTLY["job"], "description": text, "referenceId": text})  # type: ignore[dict-item]
    desk = look(made)

    expect(desk.page.get_by_role("region", name="What it makes")).to_contain_text(text)
    desk.press("Delete")
    expect(desk.dialog.get_by_role("heading")).to_have_text(f"Delete {text}?")
    assert desk.page.evaluate("[window.taken ?? null, document.querySelectorAll('main img, main script').length]") == [
        None,
        0,
    ]


def test_all_of_it_can_be_done_with_the_keyboard_alone(visit: Callable[..., Desk], tenant: Tenant) -> None:
    desk = visit(tenant)

    desk.tab_to("Schedules")
    desk.page.keyboard.press("Enter")
    expect(desk.page.get_by_role("heading", level=1)).to_have_text("Schedules")
    desk.tab_to("New schedule")
    desk.page.keyboard.press("Enter")
    desk.page.keyboard.type("Nightly")
    desk.tab_to("Cron expression")
    desk.page.keyboard.type("30 2 * * *")
    desk.tab_to("Action")
    desk.page.keyboard.type("export_report")
    desk.page.keyboard.press("Enter")
    expect(desk.page.get_by_role("heading", level=1)).to_have_text("Nightly")
    desk.tab_to("Pause")
    desk.page.keyboard.press("Enter")
    # The way back comes first, so that a second Enter changes nothing.
    expect(desk.page.get_by_role("button", name="Back")).to_be_focused()
    desk.tab_to("Pause the schedule")
    desk.page.keyboard.press("Enter")
    expect(desk.page.get_by_role("region", name="Now").locator(".chip")).to_have_text("paused")
    expect(desk.page.get_by_role("button", name="Resume", exact=True)).to_be_focused()
    desk.tab_to("All schedules", back=True)
    desk.page.keyboard.press("Enter")
    expect(desk.rows).to_have_count(1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_barrier(look: Callable[..., Desk], tenant: Tenant, scheme: str) -> None:
    desk = look(color_scheme=scheme)
    expect(desk.page.get_by_role("heading", name="No schedules here")).to_be_visible()
    found = {"empty": desk.barriers()}
    made = make(tenant, **SPRING)
    make(tenant, name="Paused", enabled=False)
    make(tenant, name="Often", cron=None, timezone=None, every=3600)
    tenant.call("POST", f"{tenant.public}/schedules/{made['scheduleId']}/run")
    desk.page.reload()
    expect(desk.rows).to_have_count(3)
    found["list"] = desk.barriers()
    desk.press("New schedule")
    desk.dialog.get_by_label("Cron expression").fill("x")
    preview = desk.dialog.get_by_role("region", name="Next occurrences")
    expect(preview).to_contain_text("cron: ")
    found["a refused preview"] = desk.barriers()
    desk.dialog.get_by_label("Cron expression").fill("30 2 * * *")
    desk.dialog.get_by_text("More", exact=True).click()
    expect(preview.locator("li")).to_have_count(5)
    found["a preview"] = desk.barriers()
    desk.press("Back")
    row(desk, made).get_by_role("link").first.click()
    expect(desk.page.get_by_role("region", name="Next occurrences").locator("li")).to_have_count(10)
    found["one"] = desk.barriers()
    for name in ("Pause", "Run now", "Delete"):
        desk.press(name)
        found[f"dialog {name}"] = desk.barriers()
        desk.press("Back")
    desk.go(f"#/schedules/{'0' * 24}")
    expect(desk.page.get_by_role("main").get_by_role("alert")).to_be_visible()
    found["none"] = desk.barriers()
    desk.go("#/schedules")
    expect(desk.rows).to_have_count(3)
    desk.page.context.set_offline(True)
    expect(desk.page.locator("#banner")).to_be_visible()
    found["server gone"] = desk.barriers()
    desk.page.context.set_offline(False)

    assert len(found) == 10
    assert {place: one for place, one in found.items() if one} == {}


def test_no_width_is_scrolled_sideways_or_cuts_the_table(look: Callable[..., Desk], tenant: Tenant) -> None:
    long = "x" * 128
    job = {**NIGHTLY["job"], "action": "y" * 64, "description": long * 4, "referenceId": long}  # type: ignore[dict-item]
    made = make(tenant, name=long, cron="0,1,2,3,4,5,6,7,8,9,10 1-5,7-9,11,13,15,17 * * MON-FRI", job=job)
    make(tenant, enabled=False)
    desk = look(viewport={"width": 320, "height": 640}, timezone_id="Asia/Tokyo")
    expect(desk.rows).to_have_count(2)

    over = {}
    for width in (320, 390, 481, 641, 720, 820, 821, 960, 961, 1280):
        desk.page.set_viewport_size({"width": width, "height": 640})
        over[f"list, {width} pixels"] = desk.width_over()
    row(desk, made).get_by_role("link").first.click()
    expect(desk.page.get_by_role("region", name="Next occurrences").locator("li")).to_have_count(10)
    for width in (320, 390, 641, 820, 1280):
        desk.page.set_viewport_size({"width": width, "height": 640})
        over[f"one, {width} pixels"] = desk.width_over()
    desk.page.set_viewport_size({"width": 320, "height": 640})
    desk.page.get_by_role("link", name="All schedules").click()
    desk.press("New schedule")
    desk.dialog.get_by_label("Cron expression").fill("30 2 * * *")
    expect(desk.dialog.locator("li")).to_have_count(5)
    over["dialog"] = desk.width_over()
    assert set(over.values()) == {0}, over
