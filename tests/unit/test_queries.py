"""Reading jobs."""

from __future__ import annotations

import json
import re
from itertools import islice
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobs import queries
from jobs.dialects.registry import OPENREPLAY_V1, PUBLIC
from jobs.errors import JobNotFound
from jobs.model import Message, SeenEvent, Severity, Status
from jobs.queries import (
    Page,
    Rest,
    Walk,
    get_job,
    get_params,
    list_jobs,
    list_messages,
    list_newest,
    newest_message,
)
from jobs.tenants import ListOrder

from tests.builders import NOW, a_call, a_job, a_project
from tests.fakes import FakeStore, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.model import Job
    from jobs.queries import Stretch
    from jobs.tenants import Project

#: What Lambda passes on.
LAMBDA = 6 * 1024 * 1024


class CountingStore(FakeStore):
    """Remembers which ranges were read."""

    ranges: list[tuple[int, int]]

    def list_jobs(self, project_id: int, first: int, last: int) -> list[Job]:
        self.ranges.append((first, last))
        return super().list_jobs(project_id, first, last)


def filled(count: int) -> CountingStore:
    store = CountingStore(jobs={(1, number): a_job(job_id=number) for number in range(1, count + 1)})
    store.ranges = []
    return store


def stretches(store: CountingStore, walk: Walk) -> Iterator[Stretch]:
    """Walk all the way to the first job. `store.ranges` are those of the last call."""
    below: int | None = None
    while True:
        store.ranges.clear()
        stretch = list_newest(World(store=store), a_project(), walk, below)
        yield stretch
        if stretch.next is None:
            return
        below = stretch.next


def numbers(jobs: object) -> list[int]:
    return [job.job_id for job in jobs]  # type: ignore[attr-defined]  # any iterable of jobs


def test_one_job_is_read_from_its_own_project_alone() -> None:
    store = filled(1)

    assert get_job(World(store=store), a_project(), 1) == a_job()
    for project, job_id in ((a_project(project_id=2), 1), (a_project(), 2)):
        with pytest.raises(JobNotFound):
            get_job(World(store=store), project, job_id)


@pytest.mark.parametrize("job_id", [0, -1, -(10**14)])
def test_numbers_below_one_name_no_job_and_cost_no_read(job_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    store = filled(1)
    monkeypatch.setattr(store, "get_job", None)

    with pytest.raises(JobNotFound):
        get_job(World(store=store), a_project(), job_id)


def test_params_of_a_job_without_any_cost_no_read(monkeypatch: pytest.MonkeyPatch) -> None:
    store = filled(1)
    store.params[1, 1] = {"a": 1}

    assert get_params(World(store=store), a_job(has_params=True)) == {"a": 1}
    monkeypatch.setattr(store, "get_params", None)
    assert get_params(World(store=store), a_job()) == {}


def test_the_newest_message_is_the_last_one_that_a_worker_sent() -> None:
    store = filled(1)
    job = store.jobs[1, 1]
    assert newest_message(World(store=store), job) is None

    for number in range(3):
        seen = SeenEvent(f"{number:064}", NOW)
        store.add_message(1, 1, Message(NOW + number, Severity.NONE, f"message {number}"), seen)

    assert newest_message(World(store=store), job) == Message(NOW + 2, Severity.NONE, "message 2")


@given(count=st.integers(0, 130), number=st.integers(1, 140), size=st.integers(1, 200))
def test_a_page_is_the_slice_that_its_number_says(count: int, number: int, size: int) -> None:
    listing = list_jobs(World(store=filled(count)), a_project(), Page(number, size))

    assert numbers(listing.jobs) == list(range(1, count + 1))[(number - 1) * size : number * size]
    assert listing.total == count


@given(count=st.integers(0, 130), number=st.integers(1, 140), size=st.integers(1, 200))
def test_a_page_of_a_list_that_begins_with_the_newest_is_the_slice_that_its_number_says(
    count: int, number: int, size: int
) -> None:
    listing = list_jobs(World(store=filled(count)), a_project(), Page(number, size, newest_first=True))

    assert numbers(listing.jobs) == list(range(count, 0, -1))[(number - 1) * size : number * size]
    assert listing.total == count


@pytest.mark.parametrize(("page", "ranges"), [(1, [(1961, 2010)]), (41, [(1, 10)]), (42, []), (10**15, [])])
def test_any_page_from_the_newest_end_costs_one_read_and_none_past_the_end(
    page: int, ranges: list[tuple[int, int]]
) -> None:
    store = filled(2_010)

    list(list_jobs(World(store=store), a_project(), Page(page, 50, newest_first=True)).jobs)

    assert store.ranges == ranges


@pytest.mark.parametrize(("page", "ranges"), [(1, [(1, 50)]), (41, [(2001, 2050)]), (42, []), (10**15 - 1, [])])
def test_any_page_costs_one_read_and_none_past_the_end(page: int, ranges: list[tuple[int, int]]) -> None:
    store = filled(2_010)

    list_jobs(World(store=store), a_project(), Page(page, 50))

    assert store.ranges == ranges


def test_a_total_that_lags_behind_the_page_is_at_least_what_the_page_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    store = filled(9)

    def lagging(project: Project, *, strong: bool) -> int:
        assert not strong
        return 5

    monkeypatch.setattr(store, "highest_job_id", lagging)

    listing = list_jobs(World(store=store), a_project(), Page(1, 8))

    assert numbers(listing.jobs) == list(range(1, 9))
    assert listing.total == 8


@pytest.mark.parametrize("before", [1, 2, 1000, 1001, 2500, 2501, 2502, 9999, 10**15])
@pytest.mark.parametrize("size", [None, 1, 7, 5_000])
def test_what_was_created_before_a_job_is_walked_newest_first(before: int, size: int | None) -> None:
    listing = list_jobs(World(store=filled(2_500)), a_project(), Rest(before, size, newest_first=True))

    assert numbers(listing.jobs) == list(range(min(before - 1, 2_500), 0, -1))[:size]
    assert listing.total == 2_500


def test_a_count_that_lags_behind_the_job_that_a_caller_has_seen_is_read_again_strongly() -> None:
    store = filled(9)
    asked: list[bool] = []

    def lagging(project: Project, *, strong: bool) -> int:
        asked.append(strong)
        return 9 if strong else 5

    store.highest_job_id = lagging  # type: ignore[method-assign]  # a read that lags

    for before, found, reads in ((9, 8, [False, True]), (6, 5, [False]), (99, 9, [False, True])):
        asked.clear()
        listing = list_jobs(World(store=store), a_project(), Rest(before, newest_first=True))
        assert (numbers(listing.jobs), asked) == (list(range(found, 0, -1)), reads)


@pytest.mark.parametrize("query", [Rest(newest_first=True), Page(1, 9, newest_first=True)])
def test_the_newest_jobs_that_a_weak_read_lacks_count_as_not_created_yet(query: Page | Rest) -> None:
    store = FakeStore(jobs={(1, number): a_job(job_id=number) for number in range(1, 8)})
    store.highest_job_id = lambda project, *, strong: 9  # type: ignore[method-assign]

    listing = list_jobs(World(store=store), a_project(), query)

    assert numbers(listing.jobs) == list(range(7, 0, -1))
    assert (listing.was_cut(1), listing.goes_on(1)) == (False, False)


@pytest.mark.parametrize(
    ("query", "shown", "link"),
    [
        ({}, [9, 8], "limit=4&before=8"),
        ({"page": "2"}, [], "limit=4&before=6"),
        ({"before": "9"}, [8], "limit=4&before=8"),
        ({"before": "8"}, [], "limit=4&before=8"),
        ({"before": "3"}, [2, 1], None),
    ],
)
def test_rows_from_the_newest_end_stop_before_a_gap_and_a_link_goes_on_there(
    query: dict[str, str], shown: list[int], link: str | None
) -> None:
    project = a_project(list_order=ListOrder.NEWEST)
    store = FakeStore(jobs={(1, number): a_job(job_id=number) for number in (1, 2, 3, 4, 6, 8, 9)})
    del store.jobs[1, 6]
    call = a_call(PUBLIC, query={**query, "limit": "4"}, project=project)

    wanted = PUBLIC.parse_list(call.query, project.list_order)
    answer = PUBLIC.render_listing(list_jobs(World(store=store), project, wanted), call)

    assert [job["jobId"] for job in json.loads(answer.body)["data"]] == shown
    assert answer.headers["X-Total-Count"] == "9"
    following = re.findall(r'jobs\?([^>]*)>; rel="next"', answer.headers.get("Link", ""))
    assert following == ([] if link is None else [link])


@pytest.mark.parametrize("after", [0, 1, 999, 1000, 1001, 2499, 2500, 9999])
def test_everything_behind_a_job_is_walked_in_order(after: int) -> None:
    listing = list_jobs(World(store=filled(2500)), a_project(), Rest(after))

    assert numbers(listing.jobs) == list(range(after + 1, 2_501))
    assert listing.total == 2_500


def test_a_walk_reads_block_by_block_and_no_further_than_it_is_followed() -> None:
    store = filled(2_500)
    listing = list_jobs(World(store=store), a_project(), Rest(998))

    assert store.ranges == []
    assert numbers(islice(listing.jobs, 3)) == [999, 1000, 1001]
    assert store.ranges == [(999, 1000), (1001, 2000)]


@pytest.mark.parametrize("missing", [range(991, 1_001), range(1_491, 1_501)], ids=["a hole", "the end"])
def test_a_weak_read_that_lags_leaves_the_rest_to_a_link_and_no_hole(missing: range) -> None:
    store = FakeStore(jobs={(1, number): a_job(job_id=number) for number in range(1, 1_501) if number not in missing})
    store.highest_job_id = lambda project, *, strong: 1_500  # type: ignore[method-assign]

    answer = OPENREPLAY_V1.render_listing(list_jobs(World(store=store), a_project(), Rest()), a_call(OPENREPLAY_V1))

    ids = [job["jobId"] for job in json.loads(answer.body)["data"]]
    assert ids == list(range(1, missing[0]))
    assert answer.headers["X-Total-Count"] == "1500"
    assert f"after={ids[-1]}>" in answer.headers["Link"]


@given(
    kinds=st.lists(st.tuples(st.sampled_from(Status), st.sampled_from(["export", "import"])), max_size=60),
    statuses=st.sets(st.sampled_from(Status)),
    actions=st.sets(st.sampled_from(["export", "import", "never"])),
    reference=st.sampled_from(["", "", "even", "never"]),
    size=st.integers(1, 20),
    most=st.integers(1, 30),
    at_once=st.integers(1, 12),
)
def test_a_walk_finds_what_passes_newest_first_and_reads_no_more_than_it_may(  # noqa: PLR0913, PLR0917  # what can differ
    kinds: list[tuple[Status, str]],
    statuses: set[Status],
    actions: set[str],
    reference: str,
    size: int,
    most: int,
    at_once: int,
) -> None:
    jobs = {
        (1, n): a_job(job_id=n, status=status, action=action, reference_id="odd" if n % 2 else "even")
        for n, (status, action) in enumerate(kinds, 1)
    }
    store = CountingStore(jobs=jobs)
    store.ranges = []
    walk = Walk(size, tuple(statuses), tuple(actions), reference)
    expected = [
        job.job_id
        for job in reversed(jobs.values())
        if job.status in (statuses or Status)
        and job.action in (actions or {"export", "import"})
        and job.reference_id == (reference or job.reference_id)
    ]

    found: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queries, "MAX_ROWS", most)
        patch.setattr(queries, "ROWS_AT_ONCE", at_once)
        for calls, stretch in enumerate(stretches(store, walk), 1):
            assert len(stretch.jobs) <= size
            assert sum(last - first + 1 for first, last in store.ranges) <= (most if walk.is_filtered else size)
            assert stretch.total == (None if walk.is_filtered else len(jobs))
            assert calls <= len(jobs) + 1
            found += numbers(stretch.jobs)

    assert found == expected


@given(
    count=st.integers(1, 40),
    size=st.integers(1, 9),
    at_once=st.integers(1, 9),
    lags=st.lists(st.integers(0, 9), max_size=30),
    walk=st.sampled_from([Walk(1), Walk(1, tuple(Status))]),
)
def test_a_walk_over_weak_reads_that_lag_leaves_no_hole(
    count: int, size: int, at_once: int, lags: list[int], walk: Walk
) -> None:
    class Lagging(CountingStore):
        """Lacks the newest rows of each range, as long as there are lags."""

        def list_jobs(self, project_id: int, first: int, last: int) -> list[Job]:
            return super().list_jobs(project_id, first, last - (lags.pop() if lags else 0))

    store = Lagging(jobs=filled(count).jobs)
    store.ranges = []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queries, "ROWS_AT_ONCE", at_once)
        found = [job.job_id for stretch in stretches(store, walk._replace(size=size)) for job in stretch.jobs]

    assert found == list(range(found[0] if found else 0, 0, -1))


def test_a_walk_without_a_filter_reads_what_it_shows_and_nothing_else() -> None:
    store = filled(2_020)

    found = [(numbers(stretch.jobs), [*store.ranges]) for stretch in stretches(store, Walk(50))]

    assert found[0] == (list(range(2_020, 1_970, -1)), [(1_971, 2_020)])
    assert found[1] == (list(range(1_970, 1_920, -1)), [(1_921, 1_970)])
    assert found[-1] == (list(range(20, 0, -1)), [(1, 20)])


def test_a_filter_that_nothing_passes_reads_999_jobs_a_call() -> None:
    store = filled(2_500)
    of_one_call = [(1_502, 1_750), (1_751, 2_000), (2_001, 2_250), (2_251, 2_500)]

    found = [(stretch, sorted(store.ranges)) for stretch in stretches(store, Walk(50, (Status.FAILED,)))]

    assert [(stretch.jobs, stretch.next) for stretch, _ in found] == [([], 1_502), ([], 503), ([], None)]
    assert found[0][1] == of_one_call
    assert found[1][1] == [(first - 999, last - 999) for first, last in of_one_call]


def test_a_filter_reads_no_further_than_it_takes_to_fill_a_page() -> None:
    store = filled(2_500)

    assert numbers(list_newest(World(store=store), a_project(), Walk(50, (Status.SCHEDULED,)), None).jobs)[-1] == 2_451
    assert store.ranges == [(2_251, 2_500)]


def test_the_count_beside_a_walk_is_at_least_what_the_walk_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    store = filled(9)
    monkeypatch.setattr(store, "highest_job_id", lambda project, *, strong: 12 if strong else 5)

    assert list_newest(World(store=store), a_project(), Walk(2), 9).total == 8
    assert list_newest(World(store=store), a_project(), Walk(2), 3).total == 5


def test_jobs_whose_errors_are_long_come_in_stretches_that_an_answer_can_hold() -> None:
    errors = ("\x01" * 1_024,) * 20
    store = CountingStore(jobs={(1, n): a_job(job_id=n, status=Status.FAILED, errors=errors) for n in range(1, 101)})
    store.ranges = []

    found = list(stretches(store, Walk(200, (Status.FAILED,))))

    assert (
        max(len(json.dumps(PUBLIC.render_stretch(stretch, Walk(200), a_call(PUBLIC)).body)) for stretch in found)
        < LAMBDA
    )
    assert [job.job_id for stretch in found for job in stretch.jobs] == list(range(100, 0, -1))


def test_messages_that_grow_on_their_way_are_cut_where_an_answer_ends_and_none_is_lost() -> None:
    """A control character is one byte in the table and seven in Lambda's answer."""
    store = FakeStore(jobs={(1, 1): a_job()})
    for number in range(200):
        store.add_message(1, 1, Message(NOW + number, Severity.NONE, "\x01" * 8_192), SeenEvent(f"{number}", 2**40))

    sizes, read, after = list[int](), list[Message](), None
    while True:
        page = list_messages(World(store=store), a_job(), after, 200)
        answer = PUBLIC.render_messages(a_call(PUBLIC), a_job(), page)
        sizes.append(len(json.dumps(answer.body)))
        read += page.messages
        after = page.next
        if after is None or not page.messages:
            break

    assert max(sizes) < LAMBDA
    assert [message.at for message in read] == [NOW + number for number in range(200)]
