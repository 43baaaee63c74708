"""The listing is the truth: a function is a folder, a resource, a folder of events and a row of docs/api.md."""

from __future__ import annotations

import json
import re

import pytest

from tests.architecture.project import FOLDERS, FUNCTIONS, ROOT, logical_id, properties, route_keys
from tests.sam_local.test_invocations import CASES

#: Lines of a function that are not blank: imports, and some five for each route of one that has many.
MAX_LINES = 70
API = (ROOT / "docs" / "api.md").read_text()
#: What the tables of the page hold in code type.
IN_TABLES = set(re.findall(r"`([^`]+)`", "\n".join(line for line in API.splitlines() if line.startswith("|"))))


def test_every_function_of_the_template_is_a_folder_and_every_folder_one_of_its_functions() -> None:
    assert sorted(FUNCTIONS) == sorted(logical_id(folder) for folder in FOLDERS)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_function_is_built_from_the_folder_of_its_name(folder: str) -> None:
    assert properties(folder)["CodeUri"] == f"functions/{folder}/"


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_function_s_folder_holds_one_thin_app(folder: str) -> None:
    files = [path for path in (ROOT / "functions" / folder).iterdir() if path.name != "__pycache__"]

    assert [path.name for path in files] == ["app.py"]
    assert len([line for line in files[0].read_text().splitlines() if line]) <= MAX_LINES


def test_every_folder_of_events_is_named_after_a_function_and_every_function_has_one() -> None:
    assert sorted(path.name for path in (ROOT / "events").iterdir()) == FOLDERS


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_events_of_a_function_are_such_as_it_gets(folder: str) -> None:
    events = {path.name: json.loads(path.read_text()) for path in (ROOT / "events" / folder).glob("*.json")}
    assert events

    if routes := route_keys(folder):
        # the gateway's payload format 2.0, and an event for each route
        assert {event["version"] for event in events.values()} == {"2.0"}
        assert {event["routeKey"] for event in events.values()} == routes
        for name, event in events.items():
            http = event["requestContext"]["http"]
            assert (event["requestContext"]["routeKey"], http["path"]) == (event["routeKey"], event["rawPath"]), name


def test_every_event_is_handed_to_its_function_in_a_container() -> None:
    assert {f"{path.parent.name}/{path.stem}" for path in (ROOT / "events").rglob("*.json")} == set(CASES)


@pytest.mark.parametrize("folder", FOLDERS)
def test_api_md_has_a_row_for_the_function_and_for_each_of_its_routes(folder: str) -> None:
    assert {folder, *route_keys(folder)} <= IN_TABLES


def test_api_md_names_no_route_that_is_not_there() -> None:
    routes = frozenset[str]().union(*(route_keys(folder) for folder in FOLDERS))

    assert {cell for cell in IN_TABLES if re.match(r"(GET|POST|PUT|PATCH|DELETE) /", cell)} <= routes
