"""Walks over a long list from its newest end, while others create and cancel jobs.

The handlers are the real ones, the jobs in memory: moto takes a millisecond for each row that it reads.
"""

from __future__ import annotations

from itertools import count, pairwise
from typing import TYPE_CHECKING, Any

import pytest
from jobs.model import Change, Status
from jobs.runtime import wiring

from tests.builders import NOW, a_job
from tests.fakes import FakeStore
from tests.integration.conftest import NO_KEY, following
from tests.stores import an_admin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jobs.model import Job

    from tests.integration.conftest import Answered, Service

JOBS = 10_000
#: These ended long ago: more of them in a row than one call may read.
ENDED = range(3_001, 5_501)
#: A second project of the caller's organisation.
SECOND = "OfTheSameOrganisatio"


def put(number: int) -> Job:
    if number not in ENDED:
        return a_job(job_id=number)
    history = (*a_job().history, Change(Status.RUNNING, NOW, "service"), Change(Status.COMPLETED, NOW, "worker"))
    return a_job(job_id=number, status=Status.COMPLETED, next_at=None, history=history)


class Crowded(FakeStore):
    """Others create and cancel after each read of the list; nobody interrupts them."""

    others: Callable[[], None]
    _busy = False

    def list_jobs(self, project_id: int, first: int, last: int) -> list[Job]:
        found = super().list_jobs(project_id, first, last)
        if not self._busy:
            self._busy = True
            self.others()
            self._busy = False
        return found


class Others:
    """Create a job and cancel three, some ahead of the walk and some behind it."""

    def __init__(self, service: Service) -> None:
        self.created: set[int] = set()
        self.cancelled: set[int] = set()
        self._service = service
        # each job once, in jumps: the step shares no factor with the number of jobs
        self._victims = (1 + step * 7_919 % JOBS for step in count())

    def __call__(self) -> None:
        created = self._service.http("create_job", "public", headers=NO_KEY, body='{"action":"export"}')
        self.created.add(created.json["data"]["jobId"])
        for job_id in [next(self._victims) for _ in range(3)]:
            if self._service.http("cancel_job", "public", path={"jobId": str(job_id)}).status == 200:
                self.cancelled.add(job_id)


@pytest.fixture
def others(service: Service, monkeypatch: pytest.MonkeyPatch) -> Others:
    """Ten thousand jobs, and others who create and cancel more."""
    store = Crowded(jobs={(1, number): put(number) for number in range(1, JOBS + 1)})
    store.others = Others(service)
    monkeypatch.setattr(wiring.Wiring, "jobs", store)
    monkeypatch.setattr(wiring.Wiring, "attempts", store)
    return store.others


def walk(service: Service, **query: str) -> Iterator[Answered]:
    while query:
        answer = service.http("list_jobs", "public", queryStringParameters=query)
        assert answer.status == 200, answer
        yield answer
        query = following(answer) if "Link" in answer.headers else {}


@pytest.mark.parametrize(
    ("query", "statuses"),
    [
        ({"order": "desc"}, set(Status)),
        ({"status": "scheduled", "action": "export"}, {Status.SCHEDULED}),
        ({"status": "completed,failed"}, {Status.COMPLETED}),
    ],
    ids=["all", "many", "few"],
)
def test_ten_thousand_jobs_are_walked_while_others_create_and_cancel(
    service: Service, others: Others, query: dict[str, str], statuses: set[Status]
) -> None:
    pages = [answer.json["data"] for answer in walk(service, **query, limit="200")]

    shown = [job for page in pages for job in page]
    ids = [job["jobId"] for job in shown]
    assert all(later < earlier for earlier, later in pairwise(ids)), "one came twice, or out of order"
    unmoved = {n for n in range(1, JOBS + 1) if put(n).status in statuses} - others.cancelled
    assert unmoved - set(ids) == set(), "one that nobody touched was missed"
    assert set(ids) - unmoved <= others.cancelled | others.created, "one that does not belong there was shown"
    assert {job["status"] for job in shown} <= statuses
    # the others existed all the time, and a page is short only if a filter leaves out jobs
    assert len(others.created) >= len(pages)
    assert others.cancelled - set(ids) or "status" not in query
    assert ([] in pages) == ("status" in query)
    assert "status" in query or {len(page) for page in pages[:-1]} == {200}


def test_a_cursor_in_the_midst_of_ten_thousand_jobs_is_refused_if_it_is_foreign_or_tampered_with(
    service: Service, others: Others
) -> None:
    an_admin(service.dynamodb).add_project(1, "Second", SECOND, b"another secret", 2)
    first = next(walk(service, status="scheduled"))
    query = following(first)
    cursor = query["cursor"]
    spoilt = [cursor[:at] + ("B" if cursor[at] == "A" else "A") + cursor[at + 1 :] for at in range(len(cursor))]
    requests: list[dict[str, Any]] = [
        {"queryStringParameters": query, "path": {"projectKey": SECOND}},
        {"queryStringParameters": {**query, "status": "cancelled"}},
        {"queryStringParameters": {**query, "action": "export"}},
        *({"queryStringParameters": {**query, "cursor": text}} for text in [*spoilt, cursor[1:], f"{cursor}="]),
    ]

    for request in requests:
        answer = service.http("list_jobs", "public", **request)
        assert (answer.status, answer.text) == (400, '{"error":"cursor: is not one of this list"}'), request
    following_one = next(walk(service, **query)).json["data"][0]["jobId"]
    assert following_one < first.json["data"][-1]["jobId"]
