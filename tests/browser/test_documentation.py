"""The page at /docs in Chromium: a newcomer tries a call without typing a key or a project."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.e2e.embedded import Embedded

pytestmark = pytest.mark.browser


def test_the_root_leads_to_a_page_where_public_is_first_and_a_call_works_at_once(
    browser: Browser, stack: Embedded
) -> None:
    page = browser.new_context().new_page()
    page.goto(stack.base_url)

    chapters = page.locator(".opblock-tag-section h3")
    chapters.first.wait_for()
    assert page.url == f"{stack.base_url}/docs"
    assert chapters.first.inner_text().startswith("public")
    for path, status in (("/public/{projectKey}/jobs", "200"), ("/api/v1/{projectKey}/jobs", "200")):
        call = page.locator(".opblock-get").filter(has=page.locator(f'[data-path="{path}"]'))
        call.locator(".opblock-summary-control").click()
        call.locator("button.execute").click()
        answered = call.locator(".live-responses-table .response-col_status")
        answered.nth(1).wait_for()
        assert answered.nth(1).inner_text().split()[0] == status
        assert stack.demo["projectKey"] in call.locator(".request-url").inner_text()
    page.context.close()
