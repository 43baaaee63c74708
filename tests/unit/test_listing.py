"""Lists of jobs: merged, filtered, sorted, cut, and bounded."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobs.errors import TooManyJobs
from jobs.model import DAY, Run, Status
from jobs.tenants import Registration, Right, Role
from jobs.workflows import listing
from jobs.workflows.listing import Entry, Selection, SortField

from tests.builders import NOW, ORGANISATION, a_job, a_principal, a_project, a_user, a_workflow
from tests.fakes import FakeDirectory, FakeStore, World
from tests.unit.test_viewing import DELETED, HISTORIES, C, F, R, S, X, a_job_that_was, a_registry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jobs.model import Job

ALL = frozenset(Status)


def names(listed: Iterable[Job | Entry]) -> list[tuple[int, int]]:
    jobs = [one.job if isinstance(one, Entry) else one for one in listed]
    return [(job.project_id, job.job_id) for job in jobs]


ADMINISTRATOR = a_principal(role=Role.ADMINISTRATOR)


def fill(store: FakeStore, **jobs: list[int]) -> None:
    """Put jobs into projects `p1`, `p2` …, each created some milliseconds after the last."""
    for name, times in jobs.items():
        project = int(name[1:])
        for number, at in enumerate(times, 1):
            run = Run("w", "user-1")
            store.jobs[project, number] = a_job(project_id=project, job_id=number, at=NOW + at, run=run)


def projects(*numbers: int) -> FakeDirectory:
    return a_registry(*(a_project(project_id=number) for number in numbers))


def wanted(offset: int = 0, limit: int = 50, *, newest_first: bool = True, statuses: Any = ALL) -> Selection:
    return Selection(statuses, offset, limit, descending=newest_first)


def test_the_jobs_of_all_projects_are_merged_newest_first(world: World) -> None:
    fill(world.store, p1=[1, 5, 6], p2=[2, 3, 9], p3=[], p4=[4])

    listed = listing.list_jobs(world.with_directory(projects(1, 2, 3, 4)), ADMINISTRATOR, wanted())

    assert names(listed) == [(2, 3), (1, 3), (1, 2), (4, 1), (2, 2), (2, 1), (1, 1)]


@pytest.mark.parametrize("newest_first", [True, False])
def test_a_workflow_s_jobs_are_merged_in_both_directions(world: World, newest_first: bool) -> None:  # noqa: FBT001
    fill(world.store, p1=[1, 5, 6], p2=[2, 3, 9])
    world.store.jobs[1, 4] = a_job(job_id=4, at=NOW + 7, run=Run("other", "user-1"))
    world.store.jobs[1, 5] = a_job(job_id=5, at=NOW + 8)
    oldest_first = [(1, 1), (2, 1), (2, 2), (1, 2), (1, 3), (2, 3)]

    listed = listing.list_workflow_jobs(
        world.with_directory(projects(1, 2)), a_principal(), "w", wanted(newest_first=newest_first)
    )

    assert names(listed) == (oldest_first[::-1] if newest_first else oldest_first)


@given(
    first=st.lists(st.integers(0, 30), max_size=12),
    second=st.lists(st.integers(0, 30), max_size=12),
    offset=st.integers(0, 10),
    limit=st.integers(1, 10),
    newest_first=st.booleans(),
)
def test_offset_and_limit_cut_out_of_the_whole(
    first: list[int],
    second: list[int],
    offset: int,
    limit: int,
    newest_first: bool,  # noqa: FBT001
) -> None:
    store = FakeStore()
    fill(store, p1=sorted(first), p2=sorted(second))
    registry = projects(1, 2)

    def cut(wanted: Selection) -> list[Job]:
        return listing.list_workflow_jobs(World(store=store, directory=registry), ADMINISTRATOR, "w", wanted)

    whole = cut(wanted(0, 100, newest_first=newest_first))

    assert cut(wanted(offset, limit, newest_first=newest_first)) == whole[offset : offset + limit]
    assert [job.created_at - NOW for job in whole] == sorted(first + second, reverse=newest_first)
    both = wanted(offset, limit, newest_first=newest_first)
    entries = listing.list_jobs(World(store=store, directory=registry), ADMINISTRATOR, both)
    assert [entry.job for entry in entries] == whole[offset : offset + limit]


def test_lists_hold_what_the_caller_sees_in_the_states_asked_for(world: World) -> None:
    runs = {"own": Run("w", "user-1"), "shared": Run("w", "user-2", ("c-1",)), "another's": Run("w", "user-2")}
    numbered = list(enumerate(product(runs, HISTORIES), 1))
    for number, (run, history) in numbered:
        world.store.jobs[1, number] = a_job_that_was(*history, job_id=number, run=runs[run])
    member = a_principal(collections={"c-1": Right.VIEW})

    for caller, statuses in product((ADMINISTRATOR, member), (ALL, {S}, {R, X}, {C, F})):
        expected = [
            (1, number)
            for number, (run, history) in reversed(numbered)
            if history[-1] in statuses and history not in DELETED and (caller is ADMINISTRATOR or run != "another's")
        ]
        assert (
            names(listing.list_workflow_jobs(world.with_directory(projects(1)), caller, "w", wanted(statuses=statuses)))
            == expected
        )
        if caller is ADMINISTRATOR:
            assert (
                names(listing.list_jobs(world.with_directory(projects(1)), caller, wanted(statuses=statuses)))
                == expected
            )


def test_an_offset_counts_what_is_shown_alone(world: World) -> None:
    for number in range(1, 21):
        history = (S, X) if number % 2 else (S,)
        world.store.jobs[1, number] = a_job_that_was(*history, job_id=number)

    listed = listing.list_jobs(world.with_directory(projects(1)), ADMINISTRATOR, wanted(offset=2, limit=3))

    assert names(listed) == [(1, 16), (1, 14), (1, 12)]


def test_lists_know_the_organisation_s_projects_alone(world: World) -> None:
    fill(world.store, p1=[1], p2=[2])
    registry = a_registry(a_project(), a_project(project_id=2, organisation_id=ORGANISATION + 1))

    assert names(listing.list_jobs(world.with_directory(registry), ADMINISTRATOR, wanted())) == [(1, 1)]
    assert names(listing.list_workflow_jobs(world.with_directory(registry), ADMINISTRATOR, "w", wanted())) == [(1, 1)]


def test_an_organisation_without_projects_has_no_jobs(world: World) -> None:
    assert listing.list_jobs(world.with_directory(projects()), ADMINISTRATOR, wanted()) == []


class Counting(FakeStore):
    """A store that remembers which jobs were read."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[tuple[int, int, int]] = []

    def list_jobs(self, project_id: int, first: int, last: int) -> list[Job]:
        self.read.append((project_id, first, last))
        return super().list_jobs(project_id, first, last)


def test_who_takes_few_reads_few_of_each_project() -> None:
    store = Counting()
    fill(store, p1=list(range(0, 4_000, 2)), p2=list(range(1, 4_001, 2)))

    listing.list_jobs(World(store=store, directory=projects(1, 2)), ADMINISTRATOR, wanted(limit=10))
    assert sorted(store.read) == [(1, 1951, 2000), (2, 1951, 2000)]

    store.read.clear()
    listing.list_jobs(World(store=store, directory=projects(1, 2)), ADMINISTRATOR, wanted(limit=102))
    assert sorted(store.read) == [(1, 1899, 2000), (2, 1899, 2000)]

    store.read.clear()
    listing.list_jobs(World(store=store, directory=projects(1, 2)), ADMINISTRATOR, wanted(offset=100, limit=10))
    assert sorted(store.read) == [(1, 1891, 2000), (2, 1891, 2000)]

    store.read.clear()
    listing.list_jobs(World(store=store, directory=projects(1, 2)), ADMINISTRATOR, wanted(limit=10, newest_first=False))
    assert sorted(store.read) == [(1, 1, 50), (2, 1, 50)]

    # what a filter lets pass is not known before, but all projects together are read a thousand rows at a time
    store.read.clear()
    listing.list_jobs(World(store=store, directory=projects(1, 2)), ADMINISTRATOR, wanted(limit=10, statuses={S}))
    assert sorted(store.read) == [(1, 1501, 2000), (2, 1501, 2000)]


def many(count: int, **overrides: Any) -> World:
    store = FakeStore()
    store.jobs = {(1, number): a_job(job_id=number, at=NOW + number, **overrides) for number in range(1, count + 1)}
    return World(store=store, directory=projects(1))


@pytest.fixture
def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MAX_ROWS_READ", 100)


@pytest.mark.usefixtures("few_rows")
@pytest.mark.parametrize("newest_first", [True, False])
def test_a_page_that_needs_more_rows_than_one_call_reads_is_refused(*, newest_first: bool) -> None:
    world = many(101)
    filtered = wanted(limit=1, statuses={R}, newest_first=newest_first)

    with pytest.raises(TooManyJobs, match=r"^100 jobs were searched, and this page needs more: ask for a smaller off"):
        listing.list_jobs(world, ADMINISTRATOR, filtered)
    # the last row that may be read fills the page
    whole = wanted(offset=98, limit=2, newest_first=newest_first)
    assert len(listing.list_jobs(world, ADMINISTRATOR, whole)) == 2
    # nothing is left, so nothing is missing
    del world.store.jobs[1, 101]
    assert listing.list_jobs(world, ADMINISTRATOR, filtered) == []


@pytest.mark.usefixtures("few_rows")
def test_a_workflow_s_page_that_needs_more_rows_is_refused_too() -> None:
    world = many(101, run=Run("w", "user-2"))

    with pytest.raises(TooManyJobs):
        listing.list_workflow_jobs(world, a_principal(), "w", wanted())
    assert len(listing.list_workflow_jobs(world, ADMINISTRATOR, "w", wanted(limit=100))) == 100


def test_a_page_that_needs_more_text_than_one_call_reads_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    world = many(20, description="x" * 100)
    monkeypatch.setattr(listing, "MAX_TEXT_READ", 1_000)

    with pytest.raises(TooManyJobs):
        listing.list_jobs(world, ADMINISTRATOR, wanted(statuses={R}))
    assert len(listing.list_jobs(world, ADMINISTRATOR, wanted(limit=10))) == 10


def test_the_bound_reaches_every_offset_and_limit_that_may_be_asked_for() -> None:
    listed = listing.list_jobs(many(10_300), ADMINISTRATOR, wanted(offset=10_000, limit=200))

    assert [entry.job.job_id for entry in listed] == list(range(300, 100, -1))


# ---- filters ------------------------------------------------------------------------------------------------------


def asked(world: World, **selection: Any) -> list[int]:
    return [entry.job.job_id for entry in listing.list_jobs(world, ADMINISTRATOR, Selection(**selection))]


@pytest.fixture
def varied() -> World:
    """Jobs 1 to 6: of every priority, of two owners and of none, of three workflows and of none."""
    world = many(0)
    runs = [
        Run("w-1", "Ann", (), "High"),
        Run("w-1", "bob", (), "Low"),
        Run("w-2", "bob", (), "Critical"),
        Run("w-3", "gone", (), "Medium"),
        Run("w-2", "Ann", (), "Default"),
        Run(),
    ]
    ends = [(S, R, C), (S, R, F), (S, R, X), (S, R), (S,), (S, R, C)]
    for number, (run, history) in enumerate(zip(runs, ends, strict=True), 1):
        job = a_job_that_was(*history, job_id=number, run=run, action="export")
        later = tuple(change._replace(at=NOW + number * DAY + place) for place, change in enumerate(job.history))
        world.store.jobs[1, number] = job._replace(history=later)
    for user in ("Ann", "bob"):
        world.directory.users[ORGANISATION, user] = a_user(user_id=user, name=user.upper())
    named = {"w-1": "Sales", "w-2": ""}
    world.directory.workflows = {
        (ORGANISATION, one): a_workflow(workflow_id=one, registration=Registration(name)) for one, name in named.items()
    }
    return world


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ({}, [6, 5, 4, 3, 2, 1]),
        ({"descending": False}, [1, 2, 3, 4, 5, 6]),
        ({"priorities": {"High", "Low"}}, [2, 1]),
        ({"priorities": {"Default"}}, [6, 5]),
        ({"owners": {"ann"}}, [5, 1]),
        ({"owners": {"bob", "gone"}}, [4, 3, 2]),
        ({"owners": {"nobody"}}, []),
        ({"workflow_names": {"Sales"}}, [2, 1]),
        ({"workflow_names": {"w-1"}}, []),
        ({"workflow_names": {"w-2", "w-3"}}, [5, 4, 3]),
        ({"workflow_names": {"export"}}, [6]),
        ({"statuses": {C, F}}, [6, 2, 1]),
        ({"statuses": frozenset()}, []),
        ({"ended_from": NOW + 2 * DAY}, [6, 3, 2]),
        ({"ended_from": NOW + 2 * DAY + 2}, [6, 3, 2]),
        ({"ended_from": NOW + 2 * DAY + 3}, [6, 3]),
        ({"ended_before": NOW + 3 * DAY + 2}, [2, 1]),
        ({"ended_before": NOW + 3 * DAY + 3}, [3, 2, 1]),
        ({"ended_before": -1}, []),
        ({"ended_from": NOW + 2 * DAY, "ended_before": NOW + 4 * DAY, "statuses": {F}}, [2]),
        ({"owners": {"ann", "bob"}, "offset": 1, "limit": 2}, [3, 2]),
        ({"sort": SortField.PRIORITY}, [3, 1, 4, 2, 6, 5]),
        ({"sort": SortField.PRIORITY, "descending": False}, [6, 5, 2, 4, 1, 3]),
        ({"sort": SortField.PRIORITY, "offset": 1, "limit": 2}, [1, 4]),
        ({"sort": SortField.ENDED}, [6, 3, 2, 1, 5, 4]),
        ({"sort": SortField.ENDED, "descending": False}, [5, 4, 1, 2, 3, 6]),
        ({"sort": SortField.WORKFLOW}, [4, 5, 3, 2, 1, 6]),
        ({"sort": SortField.WORKFLOW, "descending": False}, [6, 2, 1, 5, 3, 4]),
        ({"sort": SortField.STATUS}, [4, 5, 6, 2, 1, 3]),
        ({"sort": SortField.STATUS, "descending": False}, [3, 6, 2, 1, 5, 4]),
        ({"sort": SortField.STATUS, "priorities": {"High", "Low", "Critical"}}, [2, 1, 3]),
    ],
)
def test_filters_and_orders_hold_together(varied: World, selection: dict[str, Any], expected: list[int]) -> None:
    assert asked(varied, **selection) == expected


def test_a_row_has_the_names_of_its_workflow_and_of_its_owner(varied: World) -> None:
    entries = listing.list_jobs(varied, ADMINISTRATOR, Selection())

    assert [(entry.workflow_name, entry.submitted_by) for entry in entries] == [
        ("export", "key-1"),  # without an owner: who created it
        ("w-2", "ANN"),  # registered without a name
        ("w-3", "key-1"),  # its owner is no user
        ("w-2", "BOB"),
        ("Sales", "BOB"),
        ("Sales", "ANN"),
    ]
    # each of the three owners is read once
    assert sorted(varied.directory.reads) == sorted(["projects", "id", "workflows", "user", "user", "user"])


def test_over_ten_thousand_matches_are_not_sorted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MAX_SORTED", 50)
    world = many(51)
    world.store.jobs[1, 1] = a_job_that_was(S, R, C)

    with pytest.raises(TooManyJobs, match=r"^over 50 jobs match, and sortField orders no more: filter them"):
        asked(world, sort=SortField.STATUS)
    assert len(asked(world, sort=SortField.STATUS, statuses={S})) == 50
    assert len(asked(world)) == 50  # the default limit


def test_the_order_of_creation_is_not_bounded_by_what_is_sorted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MAX_SORTED", 50)

    assert asked(many(60), offset=55) == [5, 4, 3, 2, 1]
