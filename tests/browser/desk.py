"""A tab of the browser, as a person at it sees and uses the console."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Request

#: Tells of each violation of the page's policy, from the first moment on.
LISTEN = """
window.violations = [];
addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => {
  violations.push(`${violatedDirective} ${blockedURI}`);
});
"""
#: The name of what has the focus: of its label, or its own text.
FOCUSED = """(() => {
  const focused = document.activeElement;
  const label = focused.labels?.[0]?.firstChild.textContent;
  return (label ?? focused.textContent).trim();
})()"""
#: How much wider than its place the widest is.
OVER = """
Math.max(...[document.documentElement, ...document.querySelectorAll(".table")].map(
  (place) => place.scrollWidth - place.clientWidth))
"""
#: Makes the tab hidden or visible, as the browser would.
HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


@dataclass
class Desk:
    """A page, and the calls of the API that it made."""

    page: Page
    base_url: str
    calls: list[Request] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.add_init_script(LISTEN)
        self.page.on("request", lambda request: self.calls.append(request) if "/public/" in request.url else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def go(self, hash_: str = "") -> None:
        """Open the console at a place."""
        self.page.goto(f"{self.base_url}/console{hash_}")

    def sign_in(self, project: str, key: str) -> None:
        """Open it, and sign in with a key."""
        self.go()
        self.page.get_by_label("Project key").fill(project)
        self.page.get_by_label("API key").fill(key)
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.live).to_have_text("Live")

    @property
    def live(self) -> Locator:
        """What the page says of its connection."""
        return self.page.locator("#live")

    @property
    def filters(self) -> Locator:
        """What narrows the list."""
        return self.page.get_by_role("search")

    @property
    def rows(self) -> Locator:
        """The rows of the list."""
        return self.page.locator("tbody tr")

    def row(self, job_id: int) -> Locator:
        """The row of a job."""
        return self.page.locator(f'tr[data-job="{job_id}"]')

    def open(self, job_id: int) -> None:
        """Open a job from the list."""
        self.row(job_id).get_by_role("link").click()
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(f"#{job_id}")

    def press(self, name: str) -> None:
        """Press a button of the page or of the dialog that is open."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def tab_to(self, name: str, *, back: bool = False) -> None:
        """Press Tab until something of that name has the focus."""
        for _ in range(40):
            self.page.keyboard.press("Shift+Tab" if back else "Tab")
            if self.page.evaluate(FOCUSED) == name:
                return
        message = f"Tab does not lead to {name}"
        raise AssertionError(message)

    @property
    def dialog(self) -> Locator:
        """The dialog that is open."""
        return self.page.get_by_role("dialog")

    def hide(self, *, hidden: bool) -> None:
        """Put another tab in front, or this one again."""
        self.page.evaluate(HIDE, hidden)

    def asks_nothing_while_hidden(self, *, then: str) -> None:
        """Hide the tab for a while. It makes no call until it is seen again, and then one that `then` matches."""
        self.hide(hidden=True)
        time.sleep(0.5)
        before = len(self.calls)
        time.sleep(6)
        assert len(self.calls) == before
        expect(self.live).to_have_text("Paused")
        with self.page.expect_request(then, timeout=1000):
            self.hide(hidden=False)

    def barriers(self) -> list[str]:
        """What axe-core finds on the page as it is, at all levels of WCAG 2 and among its best practices."""
        found: list[dict[str, Any]] = Axe().run(self.page).response["violations"]
        return [f"{one['id']}: {json.dumps([node['html'] for node in one['nodes']])}" for one in found]

    def complaints(self) -> list[str]:
        """Violations of the policy, and errors that no code caught."""
        violations: list[str] = self.page.evaluate("window.violations ?? []") if "/console" in self.page.url else []
        return violations + self.errors

    def width_over(self) -> int:
        """By how many pixels the page is wider than the screen, or the table than its place, which would cut it."""
        over: int = self.page.evaluate(OVER)
        return over
