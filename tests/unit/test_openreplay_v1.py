"""How v1 reads and answers. The golden suite has its documented bodies."""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING

import pytest
from jobs import errors, representation
from jobs.dialects import base
from jobs.dialects.registry import OPENREPLAY_V1
from jobs.model import Change, Status
from jobs.queries import Listing, Rest
from jobs.tenants import ListOrder

from tests.builders import NOW, a_call, a_job

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jobs.model import Job


def listing(jobs: Iterator[Job], total: int) -> Listing:
    return Listing(Rest(), jobs, total)


def test_the_secret_is_the_bare_header() -> None:
    assert OPENREPLAY_V1.read_secret("jk_1") == "jk_1"
    for nothing in (None, ""):
        with pytest.raises(errors.Unauthorized):
            OPENREPLAY_V1.read_secret(nothing)


@pytest.mark.parametrize("text", ["", "x", "1.0", "0x1", "+1", "1e3", "٣", "-", "1-"])
def test_what_is_no_number_is_no_job(text: str) -> None:
    with pytest.raises(errors.JobNotFound):
        OPENREPLAY_V1.parse_job_id(text)


def test_a_number_of_any_length_names_a_job_that_may_not_exist() -> None:
    assert [OPENREPLAY_V1.parse_job_id(text) for text in ("12", "-5", "0012")] == [12, -5, 12]
    assert OPENREPLAY_V1.parse_job_id("9" * 5_000) == 10**15
    assert OPENREPLAY_V1.parse_job_id("0" * 5_000 + "7") == 7


@pytest.mark.parametrize(
    ("query", "order", "wanted"),
    [
        ({}, ListOrder.OLDEST, Rest()),
        ({}, ListOrder.NEWEST, Rest(newest_first=True)),
        ({"limit": "5", "page": "2", "order": "x"}, ListOrder.OLDEST, Rest(size=5)),
        ({"limit": "5"}, ListOrder.NEWEST, Rest(size=5, newest_first=True)),
        ({"after": "12"}, ListOrder.OLDEST, Rest(12)),
        ({"after": "12", "limit": "9"}, ListOrder.NEWEST, Rest(12, 9)),
        ({"before": "12", "limit": "9"}, ListOrder.OLDEST, Rest(12, 9, newest_first=True)),
    ],
)
def test_the_list_is_everything_or_what_follows_a_job(query: dict[str, str], order: ListOrder, wanted: Rest) -> None:
    assert OPENREPLAY_V1.parse_list(query, order) == wanted


@pytest.mark.parametrize(
    ("query", "field"),
    [
        *(({"after": after}, "after") for after in ("", "-1", "x", "1,2")),
        *(({"before": before}, "before") for before in ("", "0", "-1", "x")),
        *(({"limit": limit}, "limit") for limit in ("", "0", "x")),
        ({"after": "1", "before": "9"}, "before"),
    ],
)
def test_a_place_or_limit_that_is_none_is_refused_by_name(query: dict[str, str], field: str) -> None:
    with pytest.raises(errors.InvalidRequest) as refusal:
        OPENREPLAY_V1.parse_list(query, ListOrder.OLDEST)

    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (errors.Unauthorized(), 401, "Invalid API Key"),
        (errors.ProjectNotFound(), 404, "project not found."),
        (errors.JobNotFound(), 404, "Job not found."),
        (
            errors.JobNotCancellable(a_job(status=Status.FAILED)),
            501,
            "The request job has already been canceled/completed.",
        ),
        (errors.BodyTooLarge(262_144), 413, "request body over 262144 bytes"),
        (errors.InvalidRequest("userId", "must not be blank"), 400, "userId: must not be blank"),
        (errors.Busy(), 429, "too many requests at once"),
    ],
)
def test_an_error_has_its_status_and_its_sentence_in_a_list(
    error: errors.JobsError, status: int, sentence: str
) -> None:
    answer = OPENREPLAY_V1.render_error(error)

    assert (answer.status, json.loads(answer.body)) == (status, {"errors": [sentence]})
    headers = {401: {"WWW-Authenticate": 'ApiKey realm="jobs"'}, 429: {"Retry-After": "1"}}
    assert answer.headers == headers.get(status, {})


def test_a_failure_tells_the_request_and_nothing_else() -> None:
    answer = OPENREPLAY_V1.render_failure("r-1")

    assert (answer.status, answer.body) == (500, '{"errors":["internal error, request id r-1"]}')


def test_an_unchanged_job_shows_its_creation_as_its_update() -> None:
    changed = a_job(history=(*a_job().history, Change(Status.RUNNING, NOW + 5, "service")))

    assert json.loads(OPENREPLAY_V1.render_job(a_job()).body)["data"]["updatedAt"] == NOW
    assert json.loads(OPENREPLAY_V1.render_job(changed).body)["data"]["updatedAt"] == NOW + 5


def test_an_active_deletion_is_answered_with_its_job() -> None:
    assert OPENREPLAY_V1.answer_active_deletion(errors.DeletionActive(a_job())) == OPENREPLAY_V1.render_job(a_job())


def test_a_list_that_fits_says_how_many_there_are_and_leads_nowhere() -> None:
    answer = OPENREPLAY_V1.render_listing(listing(iter([a_job(), a_job(job_id=2)]), 2), a_call(OPENREPLAY_V1))

    assert [job["jobId"] for job in json.loads(answer.body)["data"]] == [1, 2]
    assert answer.headers == {"X-Total-Count": "2"}


def test_an_empty_list_is_a_list() -> None:
    answer = OPENREPLAY_V1.render_listing(listing(iter([]), 0), a_call(OPENREPLAY_V1))

    assert (answer.body, answer.headers) == ('{"data":[]}', {"X-Total-Count": "0"})


def test_a_list_is_cut_where_room_ends_reads_no_further_and_leads_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(representation, "MAX_ANSWER_BYTES", 1_000)
    made: list[int] = []

    def endless() -> Iterator[Job]:
        for number in count(5):
            made.append(number)
            yield a_job(job_id=number)

    answer = OPENREPLAY_V1.render_listing(listing(endless(), 10_000), a_call(OPENREPLAY_V1))

    shown = [job["jobId"] for job in json.loads(answer.body)["data"]]
    assert shown == made[: len(shown)]
    assert 2 <= len(shown) < len(made) <= base.AT_ONCE
    assert answer.headers == {
        "X-Total-Count": "10000",
        "Link": f'<https://jobs.example.com/api/v1/3sWXSsqHgSKnE87YkNJK/jobs?after={shown[-1]}>; rel="next"',
    }


@pytest.mark.parametrize("description", ['\n\t"\\' * 256, "😀" * 1_024, "é" * 1_024, "\x00" * 1_024])
def test_a_full_list_stays_under_lambda_s_limit_however_it_is_escaped(description: str) -> None:
    jobs = (a_job(job_id=number, description=description) for number in count(1))

    answer = OPENREPLAY_V1.render_listing(listing(jobs, 10**6), a_call(OPENREPLAY_V1))

    largest = 6 * 1024 * 1024
    sent = {"statusCode": 200, "headers": dict(answer.headers), "body": answer.body, "isBase64Encoded": False}
    assert 0.5 * largest < len(json.dumps(sent)) <= largest
