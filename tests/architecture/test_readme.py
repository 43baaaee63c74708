"""README.md and docs/ say what is so: commands, routes, the map, links, and each name that operators look up."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest
from jobs.dialects import registry
from jobs.ports import JobStore
from jobs.store import items
from jobs.tenancy.ports import DirectoryAdmin

from local.demo import lines_to_paste
from tests.architecture.project import FOLDERS, ROOT, TEMPLATE, resources, route_keys
from tests.builders import a_full_job

if TYPE_CHECKING:
    from pathlib import Path

README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
ACCESS_PATTERNS = (ROOT / "docs" / "access-patterns.md").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()

MAKE = re.compile(r"(?:`|^)make ([a-z-]+)", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
IN_CODE = re.compile(r"`([^`]+)`")
DIALECTS = {
    "OpenReplay v1": registry.OPENREPLAY_V1,
    "public": registry.PUBLIC,
    "Alteryx v3": registry.ALTERYX_V3,
    "OAuth 2.0": registry.OAUTH2,
}


def blocks(kind: str) -> list[str]:
    """The fenced blocks of README.md of a kind."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return [text for of, text in fenced if of == kind]


def rows(text: str) -> list[list[str]]:
    """The cells of the rows of all tables."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]


def mapped() -> list[str]:
    """The paths that README.md's map has, indented under their folders."""
    [tree] = [block for block in blocks("") if "template.yaml" in block]
    paths: list[str] = []
    above: list[str] = []
    for line in tree.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        above = [*above[:depth], line.split()[0]]
        paths.append("".join(above))
    return paths


def anchors(page: Path) -> set[str]:
    """What a page's headings are called in links to them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_readme_shows_the_calls_that_make_run_prints() -> None:
    demo = {"baseUrl": "$base", "projectKey": "$project", "apiKey": "$key"}
    printed = [(f"# {title}", shlex.split(line)) for title, line in lines_to_paste(demo)]

    lines = "\n".join(blocks("sh")).splitlines()
    shown = [(lines[at - 1], shlex.split(line)) for at, line in enumerate(lines) if line.startswith("curl ")]

    assert printed == [call for call in shown if call[0].startswith("# ")]


@pytest.mark.parametrize("folder", FOLDERS)
def test_readme_has_each_route_beside_its_function_and_in_its_dialect(folder: str) -> None:
    shown = {(cells[0], cells[1].strip("`")) for cells in rows(README) if len(cells) > 2 and cells[2] == f"`{folder}`"}

    routes = {(dialect, route) for dialect, route in shown if dialect in DIALECTS}
    assert {route for _, route in routes} == route_keys(folder) - {"$default"}
    assert all(registry.dialect_of(route.partition(" ")[2]) is DIALECTS[dialect] for dialect, route in routes)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_only_verbs_that_make_lists(page: Path) -> None:
    listed = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert set(MAKE.findall(page.read_text())) <= listed


def test_what_readme_s_map_has_is_there() -> None:
    assert [path for path in mapped() if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("folder", [".", "functions", "layers/core/jobs", "tests", "docs"])
def test_readme_s_map_leaves_no_module_or_folder_out(folder: str) -> None:
    there = {
        path.relative_to(ROOT).as_posix() + "/" * path.is_dir()
        for path in (ROOT / folder).iterdir()
        if re.fullmatch(r"[a-z]\w*(\.py)?", path.name) and path.name not in {"build", "conftest.py"}
    }

    assert {path for path in there if not any(entry.startswith(path) for entry in mapped())} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_s_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text()):
        if re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_access_pattern_of_the_store_is_charted() -> None:
    methods = {name for port in (JobStore, DirectoryAdmin) for name in dir(port) if not name.startswith("_")}

    assert methods - set(IN_CODE.findall(ACCESS_PATTERNS)) == set()


def test_every_attribute_of_a_job_s_row_is_spelled_out() -> None:
    spelled_out = {cells[0].strip("`") for cells in rows(ACCESS_PATTERNS)}

    assert items.job_to_item(a_full_job(), "token", 1).keys() - {"pk", "sk"} - spelled_out == set()


def test_every_parameter_and_alarm_of_the_template_is_explained_and_no_other() -> None:
    explained = {cells[0].strip("`") for cells in rows(OPERATIONS)}
    alarms = resources("AWS::CloudWatch::Alarm").keys()

    assert {*TEMPLATE["Parameters"], *alarms} - explained == set()
    assert {name for name in explained if name.endswith("Alarm")} - alarms == {"Alarm"}


def test_every_metric_is_explained() -> None:
    code = "\n".join(path.read_text() for path in (ROOT / "layers" / "core" / "jobs").rglob("*.py"))
    counted = set(re.findall(r'meter\.(?:count|milliseconds)\("(\w+)"', code))

    assert counted
    assert counted - {cells[0].strip("`") for cells in rows(OPERATIONS)} == set()


def test_a_decision_is_numbered_dated_and_says_how_to_go_back() -> None:
    pages = sorted((ROOT / "docs" / "decisions").iterdir())

    assert [page.name[:4] for page in pages] == [f"{number:04d}" for number in range(1, len(pages) + 1)]
    for page in pages:
        text = page.read_text()
        assert text.startswith(f"# {page.name[:4]}. ")
        assert re.search(r"^Date: \d{4}-\d{2}-\d{2}$", text, re.MULTILINE)
        assert {"context", "how-to-go-back"} <= anchors(page)


def test_the_decisions_that_the_code_names_are_there() -> None:
    code = "\n".join(path.read_text() for path in (ROOT / "layers").rglob("*.py"))
    named = set(re.findall(r"decision(?:s/)? ?(\d{4})", code))

    assert named
    assert named <= {page.name[:4] for page in (ROOT / "docs" / "decisions").iterdir()}
