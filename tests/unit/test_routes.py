"""The table of routes against the functions that register them and the template that deploys them."""

from __future__ import annotations

import importlib

import pytest
from jobs.dialects.registry import DIALECTS, OPENREPLAY_V1, PUBLIC, dialect_of
from jobs.dialects.routes import ROUTES, Route
from jobs.runtime.http import Api
from jobs.tenants import Scope

from tests.architecture.project import FOLDERS, route_keys

KEYS = [route.key for route in ROUTES]


def registered(folder: str) -> frozenset[str]:
    handler = importlib.import_module(f"functions.{folder}.app").handler
    return handler.route_keys if isinstance(handler, Api) else frozenset()


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_function_registers_the_routes_that_the_template_gives_it(folder: str) -> None:
    assert registered(folder) == route_keys(folder) - {"$default"}


def test_each_route_of_the_table_is_one_function_s() -> None:
    assert sorted(KEYS) == sorted(key for folder in FOLDERS for key in registered(folder))
    assert len(set(KEYS)) == len(KEYS)


@pytest.mark.parametrize("route", ROUTES, ids=KEYS)
def test_a_route_has_its_dialect_s_prefix_and_those_that_keys_open_name_a_project(route: Route) -> None:  # type: ignore[type-arg]  # of any dialect
    path = route.key.partition(" ")[2]

    assert dialect_of(path) is route.dialect
    assert ("{projectKey}" in path) == (route.dialect in {OPENREPLAY_V1, PUBLIC})


@pytest.mark.parametrize("route", ROUTES, ids=KEYS)
def test_a_route_that_keys_open_says_what_a_key_needs_for_it(route: Route) -> None:  # type: ignore[type-arg]  # as above
    method, _, path = route.key.partition(" ")
    wanted = frozenset[Scope]()
    if route.dialect in {OPENREPLAY_V1, PUBLIC}:
        one = {"GET": Scope.READ, "POST": Scope.CREATE, "PATCH": Scope.CREATE, "DELETE": Scope.CANCEL}[method]
        one = Scope.WORK if route.key.endswith("artifacts") and method == "POST" else one
        one = Scope.CREATE if path.endswith("/schedules/{scheduleId}") and method == "DELETE" else one
        one = Scope.READ if path.endswith("/schedules/preview") else one
        one = Scope.DELETE_USERS if path.endswith("/users/{userId+}") else one
        reads_one = method == "GET" and route.dialect is PUBLIC and "{jobId}" in path
        wanted = frozenset({one, Scope.WORK} if reads_one else {one})

    assert set(route.scopes) == wanted


def test_every_dialect_has_a_route() -> None:
    assert {route.dialect for route in ROUTES} == set(DIALECTS)
