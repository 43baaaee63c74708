"""How the public dialect reads and answers. The golden suite has its documented bodies."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobs import errors
from jobs.dialects.registry import OPENREPLAY_V1, PUBLIC
from jobs.lifecycle.creation import Creation
from jobs.model import TRANSITIONS, Change, Message, Severity, Status
from jobs.queries import Listing, Page, Rest, Stretch, Walk
from jobs.tenants import ListOrder

from tests.builders import NOW, a_call, a_job, a_project

if TYPE_CHECKING:
    from jobs.dialects.base import Answer


def links(page: Page, total: int, query: dict[str, str], order: str) -> dict[str, tuple[int, int]]:
    """Relation → (page, limit) of a listing's `Link` header."""
    empty = Listing(page, iter([]), total)
    listing = empty._replace(jobs=(a_job(job_id=number) for number in empty.wanted))
    header = PUBLIC.render_listing(listing, a_call(PUBLIC, query=query)).headers.get("Link", "")
    found = re.findall(
        rf'<https://jobs\.example\.com/public/\w+/jobs\?{order}limit=(\d+)&page=(\d+)>; rel="(\w+)"', header
    )
    assert len(found) == (header.count(",") + 1 if header else 0)
    return {relation: (int(number), int(limit)) for limit, number, relation in found}


@pytest.mark.parametrize("header", ["Bearer jk_1", "bearer jk_1", "BEARER jk_1"])
def test_the_secret_is_behind_the_scheme(header: str) -> None:
    assert PUBLIC.read_secret(header) == "jk_1"


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "jk_1", "Basic jk_1", "Bearerjk_1"])
def test_anything_else_is_no_credential(header: str | None) -> None:
    with pytest.raises(errors.Unauthorized):
        PUBLIC.read_secret(header)


def test_a_job_id_is_an_integer_or_a_bad_request() -> None:
    assert [PUBLIC.parse_job_id(text) for text in ("12", "-5", "0", "007", "9" * 5_000)] == [12, -5, 0, 7, 10**15]
    for text in ("", "x", "1.0", "+1", "٣", "-", "--1"):
        with pytest.raises(errors.InvalidJobId):
            PUBLIC.parse_job_id(text)


@pytest.mark.parametrize("limit", ["0", "-1", "201", "x", "", "5.0", "٣", "1,2", "9" * 5_000])
@pytest.mark.parametrize("page", ["0", "-1", "x", "", "1e3", "-" + "9" * 5_000])
def test_what_is_out_of_range_falls_back(limit: str, page: str) -> None:
    oldest = ListOrder.OLDEST

    assert PUBLIC.parse_list({}, oldest) == PUBLIC.parse_list({"limit": limit, "page": page}, oldest) == Page(1, 50)


@given(st.integers(1, 200), st.integers(1, 10**15 - 1))
def test_what_is_in_range_is_taken(limit: int, page: int) -> None:
    assert PUBLIC.parse_list({"limit": str(limit), "page": str(page)}, ListOrder.OLDEST) == Page(page, limit)


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"limit": "9", "page": "2"},
        {"order": "asc", "page": "2"},
        {"order": "", "status": "", "action": "", "cursor": ""},
        {"order": "desc", "before": "7"},
    ],
)
def test_a_list_is_one_of_pages_unless_another_is_asked_for(query: dict[str, str]) -> None:
    assert PUBLIC.parse_walk(a_call(PUBLIC, query=query)) is None


@pytest.mark.parametrize("query", [{"order": "desc"}, {"order": "desc", "page": "2"}, {"order": "asc"}])
def test_either_order_is_one_of_pages_where_the_project_lists_its_newest_jobs_first(query: dict[str, str]) -> None:
    project = a_project(list_order=ListOrder.NEWEST)

    assert PUBLIC.parse_walk(a_call(PUBLIC, query=query, project=project)) is None


@pytest.mark.parametrize(
    ("query", "order", "wanted"),
    [
        ({"page": "3"}, ListOrder.NEWEST, Page(3, 50, newest_first=True)),
        ({"page": "3", "order": "desc"}, ListOrder.NEWEST, Page(3, 50, newest_first=True)),
        ({"page": "3", "order": "asc"}, ListOrder.NEWEST, Page(3, 50)),
        ({"page": "3", "order": "asc"}, ListOrder.OLDEST, Page(3, 50)),
        ({"after": "0", "limit": "9"}, ListOrder.NEWEST, Rest(0, 9)),
        ({"after": "7", "order": "asc"}, ListOrder.OLDEST, Rest(7, 50)),
        ({"before": "7", "page": ""}, ListOrder.OLDEST, Rest(7, 50, newest_first=True)),
        ({"before": "9" * 5_000, "order": "desc"}, ListOrder.NEWEST, Rest(10**15, 50, newest_first=True)),
    ],
)
def test_a_list_begins_as_the_project_has_it_or_goes_on_from_a_job(
    query: dict[str, str], order: ListOrder, wanted: Page | Rest
) -> None:
    assert PUBLIC.parse_list(query, order) == wanted


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"after": "-1"}, "after"),
        ({"before": "0"}, "before"),
        ({"before": ""}, "before"),
        ({"after": "1", "before": "9"}, "before"),
        ({"after": "1", "page": "1"}, "page"),
        ({"before": "1", "page": "1"}, "page"),
        ({"before": "7", "order": "asc"}, "order"),
        ({"after": "7", "order": "desc"}, "order"),
    ],
)
@pytest.mark.parametrize("order", list(ListOrder))
def test_places_of_a_list_that_exclude_each_other_are_refused_by_name(
    query: dict[str, str], field: str, order: ListOrder
) -> None:
    with pytest.raises(errors.InvalidRequest) as refusal:
        PUBLIC.parse_list(query, order)
    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("query", "walk"),
    [
        ({"order": "desc"}, Walk(50)),
        ({"order": "desc", "limit": "200", "page": ""}, Walk(200)),
        ({"order": "desc", "limit": "201"}, Walk(50)),
        ({"status": "failed"}, Walk(50, (Status.FAILED,))),
        ({"status": "running,failed,running", "limit": "x"}, Walk(50, (Status.FAILED, Status.RUNNING))),
        ({"action": "b.c,a"}, Walk(50, (), ("a", "b.c"))),
        ({"order": "desc", "status": "completed", "action": "a"}, Walk(50, (Status.COMPLETED,), ("a",))),
        ({"referenceId": "ü, b&c"}, Walk(50, reference_id="ü, b&c")),
        ({"referenceId": "u" * 256, "action": "a"}, Walk(50, (), ("a",), "u" * 256)),
    ],
)
def test_a_filter_an_order_or_a_cursor_asks_for_a_walk(query: dict[str, str], walk: Walk) -> None:
    assert PUBLIC.parse_walk(a_call(PUBLIC, query=query)) == (walk, None)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"order": "DESC"}, "order"),
        ({"order": "desc,desc"}, "order"),
        ({"order": "up", "status": "failed"}, "order"),
        ({"order": "asc", "status": "failed"}, "order"),
        ({"order": "asc", "action": "a"}, "order"),
        ({"order": "asc", "cursor": "x"}, "order"),
        ({"order": "desc", "page": "1"}, "page"),
        ({"status": "failed", "page": "x"}, "page"),
        ({"status": "Failed"}, "status"),
        ({"status": "failed,"}, "status"),
        ({"status": ","}, "status"),
        ({"status": "failed, running"}, "status"),
        ({"status": "failed\n"}, "status"),
        ({"status": "done"}, "status"),
        ({"action": "Export"}, "action"),
        ({"action": "a,,b"}, "action"),
        ({"action": "a b"}, "action"),
        ({"action": "a" * 65}, "action"),
        ({"action": "a\n"}, "action"),
        ({"cursor": "x"}, "cursor"),
        ({"referenceId": "u" * 257}, "referenceId"),
        ({"referenceId": "\ufffe"}, "referenceId"),
        ({"referenceId": "\ud800"}, "referenceId"),
        ({"order": "asc", "referenceId": "u"}, "order"),
        ({"referenceId": "u", "before": "9"}, "before"),
        ({"action": "a", "after": "9"}, "after"),
    ],
)
def test_what_is_no_walk_is_refused_by_its_name(query: dict[str, str], field: str) -> None:
    with pytest.raises(errors.InvalidRequest) as refusal:
        PUBLIC.parse_walk(a_call(PUBLIC, query=query))
    assert refusal.value.field == field


@given(
    st.permutations(["failed", "running", "failed"]),
    st.permutations(["b", "a", "a"]),
)
def test_a_filter_is_one_in_whatever_form_its_words_come(statuses: list[str], actions: list[str]) -> None:
    query = {"status": ",".join(statuses), "action": ",".join(actions), "referenceId": "a, ü&b=c"}
    wanted = PUBLIC.parse_walk(a_call(PUBLIC, query=query))
    assert wanted is not None
    walk, _ = wanted

    following = parameters_of(PUBLIC.render_stretch(Stretch([], 7, None), walk, a_call(PUBLIC, query=query)))

    filters = {"status": "failed,running", "action": "a,b", "referenceId": "a, ü&b=c"}
    assert following.items() >= {**filters, "order": "desc", "limit": "50"}.items()
    assert PUBLIC.parse_walk(a_call(PUBLIC, query=following)) == (walk, 7)
    assert PUBLIC.parse_walk(a_call(PUBLIC, query={**query, "cursor": following["cursor"]})) == (walk, 7)


def parameters_of(answer: Answer) -> dict[str, str]:
    """The parameters of the URL in an answer's `Link`."""
    url = answer.headers["Link"].removeprefix("<").partition(">")[0]
    return dict(parse_qsl(url.partition("?")[2], strict_parsing=True))


def test_details_are_asked_for_by_name() -> None:
    assert PUBLIC.parse_include({"include": "details"}) is True
    assert PUBLIC.parse_include({"include": ""}) is PUBLIC.parse_include({}) is False
    with pytest.raises(errors.InvalidRequest) as refusal:
        PUBLIC.parse_include({"include": "Details"})
    assert refusal.value.field == "include"


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (errors.Unauthorized(), 401, "unauthorized"),
        (errors.ProjectNotFound(), 404, "project not found"),
        (errors.JobNotFound(), 404, "job not found"),
        (errors.InvalidJobId(), 400, "invalid jobId: not an integer"),
        *(
            (errors.JobNotCancellable(a_job(status=status)), 400, f"the requested job has already been {status}")
            for status in (Status.COMPLETED, Status.FAILED, Status.CANCELLED)
        ),
        (errors.DeletionActive(a_job()), 409, "a deletion job for this user is already scheduled or running"),
        (errors.IdempotencyKeyReused(), 422, "this Idempotency-Key was used with another body"),
        (errors.BodyTooLarge(262_144), 413, "request body over 262144 bytes"),
        (errors.InvalidRequest("action", "is missing"), 400, "action: is missing"),
        (errors.Busy(), 429, "too many requests at once"),
    ],
)
def test_an_error_has_its_status_and_its_sentence(error: errors.JobsError, status: int, sentence: str) -> None:
    answer = PUBLIC.render_error(error)

    assert (answer.status, json.loads(answer.body)) == (status, {"error": sentence})
    headers = {401: {"WWW-Authenticate": 'Bearer realm="jobs"'}, 429: {"Retry-After": "1"}}
    assert answer.headers == headers.get(status, {})


def test_a_failure_tells_the_request_and_nothing_else() -> None:
    answer = PUBLIC.render_failure("r-1")

    assert (answer.status, answer.body) == (500, '{"error":"internal error, request id r-1"}')


def test_an_active_deletion_is_a_conflict() -> None:
    assert PUBLIC.answer_active_deletion(errors.DeletionActive(a_job())).status == 409


def test_a_created_job_says_where_it_is_and_a_replayed_one_is_just_shown() -> None:
    call = a_call(PUBLIC)
    created = PUBLIC.render_created(Creation(a_job()), call)
    replayed = PUBLIC.render_created(Creation(a_job(), replayed=True), call)

    address = f"https://jobs.example.com/public/{call.project.project_key}/jobs/1"
    assert (created.status, created.headers) == (201, {"Location": address})
    assert replayed == PUBLIC.render_job(a_job())
    assert created.body == replayed.body


@pytest.mark.parametrize(
    ("given", "text", "listed"),
    [
        (None, None, None),
        ((), None, []),
        (("no disk",), "no disk", ["no disk"]),
        (("no disk", "on ü"), "no disk\non ü", ["no disk", "on ü"]),
    ],
)
def test_errors_of_a_job_are_one_text_and_a_list_in_its_details(
    given: tuple[str, ...] | None, text: str | None, listed: list[str] | None
) -> None:
    job = a_job(errors=given)
    answers = [PUBLIC.render_job(job), OPENREPLAY_V1.render_job(job), PUBLIC.render_details(job, {}, [], None, {})]

    shown = [json.loads(answer.body)["data"] for answer in answers]

    assert [found["errors"] for found in shown] == [text] * 3
    assert [found.get("errorList", "not shown") for found in shown] == ["not shown", "not shown", listed]


@given(
    page=st.integers(1, 60),
    size=st.integers(1, 7),
    total=st.integers(0, 60),
    case=st.sampled_from([({}, False, ""), ({}, True, ""), ({"order": "asc"}, False, "order=asc&")]),
)
def test_links_lead_to_pages_that_exist_and_walk_them_all(
    page: int, size: int, total: int, case: tuple[dict[str, str], bool, str]
) -> None:
    query, newest_first, order = case
    found = links(Page(page, size, newest_first), total, query, order)
    last = max(1, -(-total // size))

    assert found["first"] == (1, size)
    assert found["last"] == (last, size)
    assert found.get("next") == ((page + 1, size) if page < last else None)
    assert found.get("prev") == ((min(page - 1, last), size) if page > 1 else None)


def test_a_list_says_how_many_there_are() -> None:
    answer = PUBLIC.render_listing(Listing(Page(1, 2), iter([a_job(), a_job(job_id=2)]), 12), a_call(PUBLIC))

    assert [job["jobId"] for job in json.loads(answer.body)["data"]] == [1, 2]
    assert answer.headers["X-Total-Count"] == "12"


@pytest.mark.parametrize(
    ("stretch", "count", "goes_on"),
    [
        (Stretch([a_job()], None, 1), "1", False),
        (Stretch([a_job()], 7, 0), "0", True),
        (Stretch([a_job()], 7, None), None, True),
        (Stretch([a_job()], None, None), None, False),
    ],
)
def test_a_walk_says_how_many_there_are_where_it_knows_and_where_it_goes_on(
    stretch: Stretch,
    count: str | None,
    goes_on: bool,  # noqa: FBT001  # a case of the table
) -> None:
    answer = PUBLIC.render_stretch(stretch, Walk(50), a_call(PUBLIC))

    assert answer.status == 200
    assert json.loads(answer.body) == {"data": [json.loads(PUBLIC.render_job(a_job()).body)["data"]]}
    assert answer.headers.get("X-Total-Count") == count
    assert ("Link" in answer.headers) is goes_on
    assert not goes_on or PUBLIC.parse_walk(a_call(PUBLIC, query=parameters_of(answer))) == (Walk(50), 7)


@st.composite
def histories(draw: st.DrawFn) -> tuple[Change, ...]:
    """Any walk that the state machine allows."""
    states = [Status.SCHEDULED]
    for _ in range(draw(st.integers(0, 9))):
        if not (onward := sorted(TRANSITIONS[states[-1]])):
            break
        states.append(draw(st.sampled_from(onward)))
    return tuple(Change(state, NOW + position, f"by-{position}") for position, state in enumerate(states))


@given(histories())
def test_the_history_tells_each_change_from_what_it_came_and_in_which_attempt(history: tuple[Change, ...]) -> None:
    job = a_job(history=history, status=history[-1].to)

    shown = json.loads(PUBLIC.render_details(job, {}, [], None, {}).body)["data"]["history"]

    assert [list(entry) for entry in shown] == [["from", "to", "at", "by", "attempt", "error"]] * len(history)
    assert [Change(entry["to"], entry["at"], entry["by"]) for entry in shown] == list(history)
    assert [entry["from"] for entry in shown] == [None, *(change.to for change in history[:-1])]
    attempts = [entry["attempt"] for entry in shown]
    assert attempts[0] == 1
    for before, entry in pairwise(shown):
        assert entry["attempt"] == before["attempt"] + (entry["to"] == "scheduled")


def test_a_change_says_why_it_ended_its_attempt_if_the_evidence_is_there() -> None:
    changes = [
        ("scheduled", None), ("running", None), ("scheduled", "a"), ("running", None), ("scheduled", "b"),
        ("running", None), ("failed", "c"),
    ]  # fmt: skip
    history = tuple(Change(Status(to), NOW, "worker", evidence) for to, evidence in changes)
    evidence = {"a": ["no disk", "no hope"], "c": ["no time"], "of a change that was never made": ["nothing"]}

    shown = json.loads(PUBLIC.render_details(a_job(history=history), {}, [], None, evidence).body)["data"]["history"]

    assert [entry["error"] for entry in shown] == [None, None, "no disk\nno hope", None, None, None, "no time"]


def test_details_follow_the_ten_fields_in_order_and_params_come_back_as_sent() -> None:
    running = a_job(
        status=Status.RUNNING,
        next_at=NOW + 60_000,
        max_attempts=3,
        progress=40,
        history=(*a_job().history, Change(Status.RUNNING, NOW + 5, "service")),
    )
    plain = json.loads(PUBLIC.render_job(running).body)["data"]

    said = Message(NOW, Severity.INFORMATION, "4 of 10")
    answer = PUBLIC.render_details(running, {"b": 1, "a": {"é": [1.5, None]}}, [{"f": 1}, "x"], said, {})
    shown = json.loads(answer.body)["data"]

    assert list(shown)[:10] == list(plain)
    details = {name: value for name, value in shown.items() if name not in plain and name != "history"}
    assert list(details.items()) == [
        ("params", {"b": 1, "a": {"é": [1.5, None]}}),
        ("progress", 40),
        ("message", "4 of 10"),
        ("attempt", 1),
        ("maxAttempts", 3),
        ("startedAt", NOW + 5),
        ("finishedAt", None),
        ("timeoutAt", NOW + 60_000),
        ("outputs", [{"f": 1}, "x"]),
        ("errorList", None),
    ]
    assert list(shown)[-1] == "history"
