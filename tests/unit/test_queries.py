"""Reading jobs."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobs.dialects.registry import PUBLIC, V1
from jobs.errors import JobNotFound
from jobs.model import Message, SeenEvent, Severity
from jobs.queries import Page, Rest, get_job, get_params, list_jobs, list_messages

from tests.builders import NOW, a_call, a_job, a_project
from tests.fakes import FakeStore

if TYPE_CHECKING:
    from jobs.model import Job, Project


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


def numbers(jobs: object) -> list[int]:
    return [job.job_id for job in jobs]  # type: ignore[attr-defined]  # any iterable of jobs


def test_one_job_is_read_from_its_own_project_alone() -> None:
    store = filled(1)

    assert get_job(store, a_project(), 1) == a_job()
    for project, job_id in ((a_project(project_id=2), 1), (a_project(), 2)):
        with pytest.raises(JobNotFound):
            get_job(store, project, job_id)


@pytest.mark.parametrize("job_id", [0, -1, -(10**14)])
def test_numbers_below_one_name_no_job_and_cost_no_read(job_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    store = filled(1)
    monkeypatch.setattr(store, "get_job", None)

    with pytest.raises(JobNotFound):
        get_job(store, a_project(), job_id)


def test_params_of_a_job_without_any_cost_no_read(monkeypatch: pytest.MonkeyPatch) -> None:
    store = filled(1)
    store.params[1, 1] = {"a": 1}

    assert get_params(store, a_job(has_params=True)) == {"a": 1}
    monkeypatch.setattr(store, "get_params", None)
    assert get_params(store, a_job()) == {}


@given(count=st.integers(0, 130), number=st.integers(1, 140), size=st.integers(1, 200))
def test_a_page_is_the_slice_that_its_number_says(count: int, number: int, size: int) -> None:
    listing = list_jobs(filled(count), a_project(), Page(number, size))

    assert numbers(listing.jobs) == list(range(1, count + 1))[(number - 1) * size : number * size]
    assert listing.total == count


@pytest.mark.parametrize(("page", "ranges"), [(1, [(1, 50)]), (41, [(2001, 2050)]), (42, []), (10**15 - 1, [])])
def test_any_page_costs_one_read_and_none_past_the_end(page: int, ranges: list[tuple[int, int]]) -> None:
    store = filled(2_010)

    list_jobs(store, a_project(), Page(page, 50))

    assert store.ranges == ranges


def test_a_total_that_lags_behind_the_page_is_at_least_what_the_page_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    store = filled(9)

    def lagging(project: Project, *, strong: bool) -> int:
        assert not strong
        return 5

    monkeypatch.setattr(store, "highest_job_id", lagging)

    listing = list_jobs(store, a_project(), Page(1, 8))

    assert numbers(listing.jobs) == list(range(1, 9))
    assert listing.total == 8


@pytest.mark.parametrize("after", [0, 1, 999, 1000, 1001, 2499, 2500, 9999])
def test_everything_behind_a_job_is_walked_in_order(after: int) -> None:
    listing = list_jobs(filled(2_500), a_project(), Rest(after))

    assert numbers(listing.jobs) == list(range(after + 1, 2_501))
    assert listing.total == 2_500


def test_a_walk_reads_block_by_block_and_no_further_than_it_is_followed() -> None:
    store = filled(2_500)
    listing = list_jobs(store, a_project(), Rest(998))

    assert store.ranges == []
    assert numbers(islice(listing.jobs, 3)) == [999, 1000, 1001]
    assert store.ranges == [(999, 1000), (1001, 2000)]


@pytest.mark.parametrize("missing", [range(991, 1_001), range(1_491, 1_501)], ids=["a hole", "the end"])
def test_a_weak_read_that_lags_leaves_the_rest_to_a_link_and_no_hole(missing: range) -> None:
    store = FakeStore(jobs={(1, number): a_job(job_id=number) for number in range(1, 1_501) if number not in missing})
    store.highest_job_id = lambda project, *, strong: 1_500  # type: ignore[method-assign]

    answer = V1.render_listing(list_jobs(store, a_project(), Rest(0)), a_call(V1))

    ids = [job["jobId"] for job in json.loads(answer.body)["data"]]
    assert ids == list(range(1, missing[0]))
    assert answer.headers["X-Total-Count"] == "1500"
    assert f"after={ids[-1]}>" in answer.headers["Link"]


def test_messages_that_grow_on_their_way_are_cut_where_an_answer_ends_and_none_is_lost() -> None:
    """A control character is one byte in the table and seven in Lambda's answer."""
    store = FakeStore(jobs={(1, 1): a_job()})
    for number in range(200):
        store.add_message(1, 1, Message(NOW + number, Severity.NONE, "\x01" * 8_192), SeenEvent(f"{number}", 2**40))

    sizes, read, after = list[int](), list[Message](), None
    while True:
        page = list_messages(store, a_job(), after, 200)
        answer = PUBLIC.render_messages(page.messages, None)
        sizes.append(len(json.dumps(answer.body)))
        read += page.messages
        after = page.next
        if after is None or not page.messages:
            break

    assert max(sizes) < 6_000_000
    assert [message.at for message in read] == [NOW + number for number in range(200)]
