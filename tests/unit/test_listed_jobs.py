"""What a list shows of a job, from fewer attributes, is what the whole job shows."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest
from jobs.dialects.registry import OPENREPLAY_V1, PUBLIC
from jobs.model import Change, Status
from jobs.queries import Listing, Page, list_jobs
from jobs.store import items

from tests.builders import NOW, a_call, a_full_job, a_job, a_project
from tests.fakes import FakeStore, World, listed

if TYPE_CHECKING:
    from jobs.dialects.base import ProjectDialect
    from jobs.model import Job, ListedJob

STARTED = Change(Status.RUNNING, NOW + 5, "service")
JOBS = [
    a_job(),
    a_full_job(),
    a_job(description='Gerät "1"\n', reference_id="a\\b", status=Status.FAILED, errors=("no disk", "")),
    a_job(status=Status.RUNNING, history=(*a_job().history, STARTED), errors=("of the attempt before",)),
    a_job(status=Status.CANCELLED, history=(*a_job().history, STARTED, Change(Status.CANCELLED, NOW + 9, "key:1"))),
]


def through_the_table(job: Job) -> tuple[Job, ListedJob]:
    """The job of a row, and what a list shows of the attributes that it reads."""
    row = items.job_to_item(job, "token-of-16-chars", 4)
    named = {name: row[name] for name in items.LISTED.split(", ") if name in row}
    return items.job_from_item(row), items.listed_from_item(job.project_id, named)


@pytest.mark.parametrize("job", JOBS, ids=str)
@pytest.mark.parametrize("dialect", [OPENREPLAY_V1, PUBLIC])
def test_a_list_shows_of_a_row_what_the_whole_job_shows(dialect: ProjectDialect, job: Job) -> None:
    whole, short = through_the_table(job)

    assert short == listed(whole)
    bodies = [
        dialect.render_listing(Listing(Page(1, 50), iter([one]), 1), a_call(dialect)).body for one in (whole, short)
    ]
    assert bodies[0] == bodies[1]
    assert bodies[0] == dialect.render_job(whole).body.replace('{"data":', '{"data":[', 1)[:-1] + "]}"


@pytest.mark.parametrize(("count", "counted"), [(0, 0), (1, 0), (49, 0), (50, 1), (51, 1)])
def test_a_first_page_that_is_not_full_costs_no_count(
    count: int, counted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FakeStore(jobs={(1, number): a_job(job_id=number) for number in range(1, count + 1)})
    highest = Mock(wraps=store.highest_job_id)
    monkeypatch.setattr(store, "highest_job_id", highest)

    listing = list_jobs(World(store=store), a_project(), Page(1, 50))

    assert (listing.total, len(list(listing.jobs))) == (count, min(count, 50))
    assert highest.call_count == counted
