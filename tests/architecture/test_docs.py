"""The README and the pages of docs/ say what is so: commands, routes, fields, paths, links, and names to look up."""

from __future__ import annotations

import ast
import json
import re
from typing import TYPE_CHECKING

import pytest
from jobs import ports
from jobs.artifacts.ports import ArtifactStore
from jobs.dialects import event_bodies, registry, report_bodies
from jobs.dialects.bodies import JobRequest
from jobs.dialects.routes import ROUTES
from jobs.dialects.schedule_bodies import ScheduleRequest
from jobs.forgetting.ports import ClosingStore, ForgettingStore
from jobs.representation import core_fields
from jobs.schedules.ports import ScheduleStore
from jobs.store import items
from jobs.tenancy.ports import DirectoryAdmin

from tests.architecture.project import FOLDERS, ROOT, TEMPLATE, resources, route_keys
from tests.builders import a_full_job

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import BaseModel

CORE = ROOT / "layers" / "core" / "jobs"
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "tests").rglob("*.md")})
#: Decisions keep the names of their day, and the log of changes those of each change.
CURRENT = [page for page in PAGES if page not in DECISIONS and page.name != "CHANGELOG.md"]

MAKE = re.compile(r"(?:`|^)make ([a-z-]+)", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
IN_CODE = re.compile(r"`([^`\n]+)`")
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: The names of all files, which a page may use once it has said in which folder they are.
FILES = {
    path.name
    for folder in ("docs", "functions", "layers", "local", "openapi", "tests")
    for path in (ROOT / folder).rglob("*.*")
}
#: What a page calls a file or a folder of this project.
A_PATH = re.compile(r"[\w.][\w./-]*(?:\.(?:py|md|yaml|toml|json)|/)")
DIALECTS = {
    "Public": registry.PUBLIC,
    "OpenReplay v1": registry.OPENREPLAY_V1,
    "Alteryx v3": registry.ALTERYX_V3,
    "OAuth 2.0": registry.OAUTH2,
}
EVENTS_IN: dict[str, type[BaseModel]] = {
    "Job Requested": event_bodies._Requested,
    "Job Progress": report_bodies.ProgressReport,
    "Job Message": report_bodies.MessageReport,
    "Job Completed": report_bodies.CompletedReport,
    "Job Failed": report_bodies.FailedReport,
    "Schedule Requested": event_bodies._ScheduleRequested,
}


def text_of(page: str) -> str:
    """A page by its path."""
    return (ROOT / page).read_text()


def blocks(text: str, kind: str) -> list[str]:
    """The fenced blocks of a kind."""
    return [block for of, block in FENCED.findall(text) if of == kind]


def section(text: str, heading: str) -> str:
    """What is under a heading, up to the next one of its level or above; what is in blocks is no heading."""
    kept: list[str] = []
    level = fenced = 0
    for line in text.splitlines():
        fenced ^= line.startswith("```")
        depth = 0 if fenced else len(line) - len(line.lstrip("#"))
        if level and 0 < depth <= level:
            break
        if level:
            kept.append(line)
        elif depth and line.strip("# ") == heading:
            level = depth
    assert level, f"no heading {heading}"
    return "\n".join(kept)


def rows(text: str) -> list[list[str]]:
    """The cells of the rows of all tables."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]


def names(text: str) -> set[str]:
    """What the first cells of tables have in code type."""
    return {name for cells in rows(text) for name in IN_CODE.findall(cells[0])}


def mapped() -> list[str]:
    """The paths of the map in development.md, which are indented under their folders."""
    [tree] = [block for block in blocks(text_of("docs/development.md"), "") if "template.yaml" in block]
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


def of_page(page: Path) -> str:
    """What a test calls a page."""
    return page.relative_to(ROOT).as_posix()


# ---- the front door ---------------------------------------------------------------------------------------------


def test_the_readme_has_at_most_150_lines() -> None:
    assert len(text_of("README.md").splitlines()) <= 150


def test_the_readme_begins_with_two_commands_and_ends_with_the_one_that_ci_runs() -> None:
    commands = [MAKE.findall(block) for block in blocks(text_of("README.md"), "sh")]

    assert commands[0] == ["run", "test"]
    assert commands[-1] == ["test"]


def test_the_readme_says_before_anything_else_that_it_was_never_deployed() -> None:
    readme = text_of("README.md")

    assert readme.index("never deployed on real AWS") < readme.index("```")
    assert len(re.findall(r"^- \*\*", section(readme, "Status"), re.MULTILINE)) == 3


# ---- every page -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=of_page)
def test_a_page_names_only_verbs_that_make_lists(page: Path) -> None:
    listed = set(re.findall(r"^([a-z-]+):.*## ", text_of("Makefile"), re.MULTILINE))

    assert set(MAKE.findall(page.read_text())) <= listed


@pytest.mark.parametrize("page", PAGES, ids=of_page)
def test_a_page_s_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text()):
        if re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", CURRENT, ids=of_page)
def test_a_file_or_folder_that_a_page_names_is_there(page: Path) -> None:
    text = FENCED.sub("", page.read_text())
    named = {name for code in IN_CODE.findall(text) for name in [code.strip()] if A_PATH.fullmatch(name)}

    # what make run, make build and a newcomer write is not in a fresh clone
    named = {name for name in named if not name.startswith((".local/", ".aws-sam/"))} - {"my_worker.py"}
    assert {
        name for name in named if name not in FILES and not any((at / name).exists() for at in (ROOT, CORE))
    } == set()


@pytest.mark.parametrize("page", ["docs/failures.md", "docs/glossary.md"])
def test_a_table_names_only_what_the_module_beside_it_has(page: str) -> None:
    """«`store/jobs.py`: `seen_put`» stands in one cell, the module first."""
    missing = []
    for cells in rows(text_of(page)):
        module = None
        for code in IN_CODE.findall(cells[-1]):
            if code.endswith(".py"):
                module = next((root / code for root in (CORE, ROOT) if (root / code).exists()), None)
                assert module, code
            elif module and re.fullmatch(r"\w+", code) and code not in names_in(module):
                missing.append((module.name, code))

    assert missing == []


def names_in(module: Path) -> set[str]:
    """What a module defines or sets: functions, classes, variables."""
    found = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name):
            found.add(node.id)
    return found


def test_the_index_lists_every_page() -> None:
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / link).resolve() for link in LINK.findall(index.read_text())}

    there = {path for path in (ROOT / "docs").iterdir() if path.is_file()} - {index}
    assert there | {index.parent / "decisions" / "README.md", ROOT / "CONTRIBUTING.md"} == linked


# ---- the API ----------------------------------------------------------------------------------------------------


def test_api_md_has_the_scopes_of_each_route_that_keys_open() -> None:
    told = {cells[0].strip("`"): cells[3] for cells in rows(text_of("docs/api.md")) if len(cells) == 4}

    assert {route.key: " or ".join(f"`{scope}`" for scope in route.scopes) for route in ROUTES if route.scopes} == {
        route: scope for route, scope in told.items() if " /" in route
    }


@pytest.mark.parametrize("folder", FOLDERS)
def test_api_md_has_each_route_beside_its_function_and_in_its_dialect(folder: str) -> None:
    api = text_of("docs/api.md")
    routes = {
        (dialect, cells[0].strip("`"))
        for dialect in DIALECTS
        for cells in rows(section(api, dialect))
        if cells[1] == f"`{folder}`"
    }

    assert {route for _, route in routes} == route_keys(folder) - {"$default"}
    assert all(registry.dialect_of(route.partition(" ")[2]) is DIALECTS[dialect] for dialect, route in routes)


def test_api_md_explains_every_field_of_a_body_and_no_other() -> None:
    assert names(section(text_of("docs/api.md"), "Create a job")) == JobRequest.model_fields.keys()


def test_api_md_explains_every_field_of_the_details_and_no_other() -> None:
    job = a_full_job()
    shown = json.loads(registry.PUBLIC.render_details(job, {}, (), None, {}).body)["data"]

    assert names(section(text_of("docs/api.md"), "Details")) == shown.keys() - core_fields(job, None).keys()


@pytest.mark.parametrize("type_", EVENTS_IN)
def test_events_md_has_every_field_of_an_event_and_no_other(type_: str) -> None:
    [detail] = [cells[1] for cells in rows(text_of("docs/events.md")) if cells[0] == f"`{type_}`" and len(cells) == 3]
    # a request also has the fields of a body, to which the page links
    linked = ScheduleRequest if type_ == "Schedule Requested" else JobRequest
    own = EVENTS_IN[type_].model_fields.keys() - linked.model_fields.keys()

    assert {code for code in IN_CODE.findall(detail) if " " not in code} == own


# ---- where things are -------------------------------------------------------------------------------------------


def test_what_the_map_has_is_there() -> None:
    assert [path for path in mapped() if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("folder", [".", "functions", "layers/core/jobs", "tests", "docs"])
def test_the_map_leaves_no_module_page_or_folder_out(folder: str) -> None:
    there = {
        path.relative_to(ROOT).as_posix() + "/" * path.is_dir()
        for path in (ROOT / folder).iterdir()
        if re.fullmatch(r"[a-zA-Z][\w-]*(\.py|\.md|\.yaml|\.toml)?", path.name)
        and path.name not in {"build", "conftest.py"}
    }

    assert {path for path in there if not any(entry.startswith(path) for entry in mapped())} == set()


# ---- the table --------------------------------------------------------------------------------------------------


def test_every_access_pattern_of_the_store_is_charted_and_no_other() -> None:
    of_jobs = (
        ports.JobStore,
        ports.Attempts,
        ports.Payload,
        ArtifactStore,
        ports.DueIndex,
        ForgettingStore,
        ClosingStore,
        ScheduleStore,
    )
    stores = (*of_jobs, DirectoryAdmin)
    methods = {name for port in stores for name in dir(port) if not name.startswith("_")} | {"add_token"}
    charts = section(text_of("docs/access-patterns.md"), "Request units")

    assert methods - set(IN_CODE.findall(charts)) == set()
    charted = {name for cells in rows(charts) if len(cells) > 3 for name in IN_CODE.findall(cells[1])}
    assert charted - methods == set()


def test_every_attribute_of_a_job_s_row_is_spelled_out() -> None:
    spelled_out = names(section(text_of("docs/access-patterns.md"), "Attributes of a job row"))

    assert items.job_to_item(a_full_job(), "token", 1).keys() - {"pk", "sk"} - spelled_out == set()


# ---- names to look up -------------------------------------------------------------------------------------------


def test_every_parameter_of_the_template_is_explained_and_no_other() -> None:
    assert names(section(text_of("docs/deploying.md"), "Parameters")) == TEMPLATE["Parameters"].keys()


def test_every_alarm_of_the_template_is_explained_and_no_other() -> None:
    assert names(section(text_of("docs/operations.md"), "Alarms")) == resources("AWS::CloudWatch::Alarm").keys()


def test_every_queue_with_a_consumer_is_explained_and_no_other() -> None:
    queues = {name for name in resources("AWS::SQS::Queue") if "DeadLetter" not in name}

    assert {
        cells[0].strip("`") for cells in rows(section(text_of("docs/operations.md"), "Queues")) if len(cells) == 6
    } == {
        "Queue",
        "---",
        *queues,
    }


def test_every_metric_is_explained_and_no_other() -> None:
    code = "\n".join(path.read_text() for folder in (CORE, ROOT / "functions") for path in folder.rglob("*.py"))
    counted = set(re.findall(r'meter\.(?:count|milliseconds)\(\s*"(\w+)"', code))

    assert counted
    assert names(section(text_of("docs/operations.md"), "Metrics")) == counted


def test_the_glossary_has_few_words_in_order_that_the_code_uses() -> None:
    words = [cells[0].strip("*") for cells in rows(text_of("docs/glossary.md")) if cells[0].startswith("**")]
    code = "\n".join(path.read_text() for path in CORE.rglob("*.py"))

    assert len(words) == 17
    assert words == sorted(words)
    assert {"hint", "tick", "sweep", "reaper", "attempt", "watermark", "shard", "block"} <= set(words)
    assert [word for word in words if not re.search(rf"\b{word}s?\b", code)] == []


# ---- decisions --------------------------------------------------------------------------------------------------


def test_a_decision_is_numbered_dated_and_says_how_to_go_back() -> None:
    folder = ROOT / "docs" / "decisions"

    assert {*folder.iterdir()} == {*DECISIONS, folder / "README.md"}
    assert [page.name[:4] for page in DECISIONS] == [f"{number:04d}" for number in range(1, len(DECISIONS) + 1)]
    for page in DECISIONS:
        text = page.read_text()
        assert text.startswith(f"# {page.name[:4]}. ")
        assert re.search(r"^Date: \d{4}-\d{2}-\d{2}$", text, re.MULTILINE)
        assert {"context", "how-to-go-back"} <= anchors(page)


def test_the_index_of_decisions_has_each_once_by_its_title() -> None:
    titles = [page.read_text().partition("\n")[0].partition(". ")[2] for page in DECISIONS]
    expected = [f"- [{page.name[:4]}]({page.name}) {title}" for page, title in zip(DECISIONS, titles, strict=True)]

    index = text_of("docs/decisions/README.md").splitlines()
    assert sorted(line for line in index if line.startswith("- ")) == expected


def test_the_decisions_that_the_code_names_are_there() -> None:
    code = "\n".join(path.read_text() for path in (ROOT / "layers").rglob("*.py"))
    named = set(re.findall(r"decision(?:s/)? ?(\d{4})", code))

    assert named
    assert named <= {page.name[:4] for page in DECISIONS}
