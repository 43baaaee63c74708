"""The dialect of Alteryx Server v3: what it reads from a request, and how every answer looks."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobs import errors
from jobs.dialects import alteryx_lists
from jobs.dialects.alteryx_words import job_id
from jobs.dialects.registry import ALTERYX_V3
from jobs.model import Change, Message, Run, Severity, Status
from jobs.outcomes import MessagePage
from jobs.workflows.viewing import AlteryxJobId, Sighting

from tests.builders import NOW, a_job, a_project, a_user_call

if TYPE_CHECKING:
    from jobs.dialects.base import Answer
    from jobs.model import Job

S, R, X = Status.SCHEDULED, Status.RUNNING, Status.CANCELLED
#: Each state with how it came about, and how it is shown: status and disposition.
STATES: dict[Status, tuple[tuple[Status, ...], str, str]] = {
    Status.SCHEDULED: ((S,), "Queued", "None"),
    Status.RUNNING: ((S, R), "Running", "None"),
    Status.COMPLETED: ((S, R, Status.COMPLETED), "Completed", "Success"),
    Status.FAILED: ((S, R, Status.FAILED), "Completed", "Error"),
    Status.CANCELLED: ((S, R, X), "Cancelled", "Cancelled"),
}
RUN = Run("5bc4a813156ae016dcb442bd", "user-1", ("c-1",), "High", "tag")


def a_job_that_was(*states: Status, **overrides: Any) -> Job:
    history = tuple(Change(state, NOW + place, "key-1") for place, state in enumerate(states))
    return a_job(status=states[-1], history=history, **overrides)


def shown(job: Job, outputs: tuple[Any, ...] = (), messages: tuple[Message, ...] | None = ()) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(ALTERYX_V3.render_job(job, outputs, messages).body)
    return body


# ---- ids ----------------------------------------------------------------------------------------------------------


@given(at=st.integers(0, 2**32 * 1000 - 1), project=st.integers(1, 2**32 - 1), number=st.integers(1, 2**32 - 1))
def test_an_id_says_when_and_where_its_job_was_made(at: int, project: int, number: int) -> None:
    text = job_id(a_job(at=at, project_id=project, job_id=number))

    assert len(text) == 24
    assert ALTERYX_V3.parse_job_id(text) == AlteryxJobId(at // 1000, project, number)


def test_an_id_is_made_of_seconds_project_and_number() -> None:
    assert job_id(a_job(at=1_726_740_174_589, project_id=10, job_id=255)) == "66ebf6ce0000000a000000ff"


@pytest.mark.parametrize("text", ["66EBF6CE0000000A000000FF", "66ebf6ce0000000A000000Ff"])
def test_an_id_may_come_back_in_upper_case(text: str) -> None:
    assert ALTERYX_V3.parse_job_id(text) == ALTERYX_V3.parse_job_id("66ebf6ce0000000a000000ff")


def test_an_id_stays_the_same_whatever_becomes_of_the_job() -> None:
    assert len({job_id(a_job_that_was(*history)) for history, _, _ in STATES.values()}) == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "0" * 23,
        "0" * 25,
        "66ebf6ce0000000a000000fg",
        "66ebf6ce-0000000a-00000f",
        "66ebf6ce0000000a000000f\n",
        " 66ebf6ce0000000a000000f",
        "0x66ebf6ce0000000a00000f",
        "+6ebf6ce0000000a000000ff",
        "66ebf6ce0000000a000000\u0661\u0661",
        "66ebf6ce0000000a000000\uff21\uff21",
        "66ebf6ce0000000a000000ff\n",
        "66ebf6ce0000000a000000ff/messages",
    ],
)
def test_what_is_no_id_names_no_job(text: str) -> None:
    with pytest.raises(errors.JobNotFound):
        ALTERYX_V3.parse_job_id(text)


# ---- a job --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", Status)
def test_each_state_is_shown_as_a_status_and_a_disposition(status: Status) -> None:
    history, name, disposition = STATES[status]
    job = a_job_that_was(*history, run=RUN)

    assert (shown(job)["status"], shown(job)["disposition"]) == (name, disposition)
    [listed] = json.loads(alteryx_lists.render_workflow_jobs([job], a_user_call(), 0).body)
    assert listed["status"] == name


def test_a_job_is_shown_with_these_fields_in_this_order() -> None:
    job = a_job(at=1_726_740_174_589, run=RUN)
    output = {"id": "1", "availableFormats": ["Yxdb"], "fileName": "sales.yxdb"}
    message = Message(NOW, Severity.WARNING, "Straße «1»", 7)

    answer = ALTERYX_V3.render_job(job, [output], [message])

    assert (answer.status, answer.headers) == (200, {})
    assert answer.body == (
        '{"id":"66ebf6ce0000000100000001","appId":"5bc4a813156ae016dcb442bd",'
        '"createDateTime":"2024-09-19T10:02:54.589Z","status":"Queued","disposition":"None",'
        '"outputs":[{"id":"1","availableFormats":["Yxdb"],"fileName":"sales.yxdb"}],'
        '"messages":[{"status":2,"text":"Straße «1»","toolId":7}],'
        '"priority":"High","workerTag":"tag","runWithE2":false}'
    )


def test_the_reduced_job_is_the_same_without_its_messages() -> None:
    job, message = a_job(run=RUN), Message(NOW, Severity.NONE, "x")
    whole = shown(job, messages=(message,))

    reduced = shown(job, messages=None)

    del whole["messages"]
    assert list(reduced.items()) == list(whole.items())


def test_a_job_that_came_in_another_way_is_shown_by_its_action() -> None:
    job = shown(a_job(action="export"))

    assert [job[name] for name in ("appId", "priority", "workerTag", "runWithE2")] == ["export", "Default", "", False]
    assert (job["outputs"], job["messages"]) == ([], [])


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1, "1970-01-01T00:00:00.001Z"),
        (NOW, "2023-11-14T22:13:20.000Z"),
        (NOW + 70, "2023-11-14T22:13:20.070Z"),
        (NOW + 999, "2023-11-14T22:13:20.999Z"),
        (1_709_164_800_500, "2024-02-29T00:00:00.500Z"),
        (4_294_967_295_999, "2106-02-07T06:28:15.999Z"),
    ],
)
def test_a_time_always_has_its_three_digits_of_milliseconds(at: int, text: str) -> None:
    job = a_job(at=at)

    assert shown(job)["createDateTime"] == text
    assert json.loads(alteryx_lists.render_workflow_jobs([job], a_user_call(), 0).body)[0]["createDate"] == text


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("sales.csv", ("", [], "sales.csv")),
        ("", ("", [], "")),
        (5, ("", [], "5")),
        (None, ("", [], "")),
        (True, ("", [], "true")),
        ([1, "ä"], ("", [], '[1,"ä"]')),
        ({}, ("", [], "{}")),
        ({"rows": 1200}, ("", [], '{"rows":1200}')),
        ({"id": "1"}, ("1", [], "")),
        ({"fileName": "a", "rows": 1200}, ("", [], "a")),
        ({"id": 7, "availableFormats": ["a", 1, None], "fileName": None}, ("7", ["a", "1", ""], "")),
        ({"id": {"a": [1]}, "availableFormats": "csv", "fileName": ["x"]}, ('{"a":[1]}', [], '["x"]')),
        ({"availableFormats": None}, ("", [], "")),
    ],
)
def test_an_output_of_any_shape_is_shown_in_the_documented_one(output: Any, expected: tuple[str, Any, str]) -> None:
    assert shown(a_job(), (output,))["outputs"] == [
        dict(zip(("id", "availableFormats", "fileName"), expected, strict=True))
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON | st.fixed_dictionaries({}, optional={"id": JSON, "availableFormats": JSON, "fileName": JSON}))
def test_whatever_a_worker_put_out_the_documented_types_hold(output: Any) -> None:
    [seen] = shown(a_job(), (output,))["outputs"]

    assert list(seen) == ["id", "availableFormats", "fileName"]
    assert [type(value) for value in seen.values()] == [str, list, str]
    assert all(isinstance(name, str) for name in seen["availableFormats"])


# ---- messages -----------------------------------------------------------------------------------------------------


SIGHTING = Sighting(a_project(), a_job())


def messages_of(said: list[Message], following: str | None = None) -> Answer:
    return ALTERYX_V3.render_messages(a_user_call(), SIGHTING, MessagePage(said, following))


def test_messages_are_the_newest_one_with_the_whole_list_oldest_first() -> None:
    said = [Message(NOW, Severity.NONE, "a"), Message(NOW + 1, Severity.ERROR, "b", 3)]

    answer = messages_of(said)

    first, second = '{"status":0,"text":"a","toolId":0}', '{"status":3,"text":"b","toolId":3}'
    assert answer.body == f'{{"status":3,"text":"b","toolId":3,"messages":[{first},{second}]}}'
    assert (answer.status, answer.headers) == (200, {})


def test_where_nobody_said_anything_the_documented_object_says_nothing() -> None:
    assert messages_of([]).body == '{"status":0,"text":"","toolId":0,"messages":[]}'


def test_older_messages_are_a_link_away() -> None:
    answer = messages_of([Message(NOW, Severity.NONE, "a")], "position")

    match = re.fullmatch(r'<https://h/x\?cursor=(.+)>; rel="next"', answer.headers["Link"])
    assert match is not None
    assert ALTERYX_V3.parse_messages({"cursor": match[1]}, SIGHTING) == "position"
    assert ALTERYX_V3.parse_messages({}, SIGHTING) is None


@pytest.mark.parametrize(
    "other", [Sighting(a_project(secret=b"1" * 32), a_job()), Sighting(a_project(), a_job(job_id=2))]
)
def test_a_link_to_older_messages_is_of_its_job_alone(other: Sighting) -> None:
    link = messages_of([], "position").headers["Link"]
    cursor = link[link.index("cursor=") + 7 : link.index(">")]

    with pytest.raises(errors.InvalidRequest):
        ALTERYX_V3.parse_messages({"cursor": cursor}, other)


# ---- the other answers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("history", "sentence"),
    [
        ((S, X), "Deleted Successfully."),
        ((S, R, X), "Cancelled Successfully."),
        ((S, R, S, X), "Deleted Successfully."),
        ((S, X, S, R, X), "Cancelled Successfully."),
    ],
)
def test_a_cancellation_is_told_by_what_it_replaced(history: tuple[Status, ...], sentence: str) -> None:
    answer = ALTERYX_V3.render_cancelled(a_job_that_was(*history))

    assert (answer.status, answer.body) == (200, f'{{"message":"{sentence}"}}')


@pytest.mark.parametrize(
    ("error", "status", "sentence", "headers"),
    [
        (errors.Unauthorized(), 401, "Unauthorized", {"WWW-Authenticate": 'Bearer realm="jobs"'}),
        (errors.JobNotFound(), 404, "Job not found.", {}),
        (errors.RouteNotFound(), 404, "Not found.", {}),
        (errors.JobNotCancellable(a_job()), 400, "This job is not in 'Queued' or 'Running' state.", {}),
        (errors.NotPermitted(), 400, "You do not have permission to cancel this job.", {}),
        (errors.WorkflowNotFound(), 404, "Workflow not found.", {}),
        (errors.RunNotPermitted(), 403, "You do not have permission to run this workflow.", {}),
        (errors.TooManyJobs("too many"), 400, "too many", {}),
        (errors.InvalidRequest("body", "is no"), 400, "body: is no", {}),
        (errors.BodyTooLarge(9), 413, "request body over 9 bytes", {}),
        (errors.Busy(3), 429, "too many requests at once", {"Retry-After": "3"}),
    ],
)
def test_each_error_has_its_status_and_sentence(
    error: errors.JobsError, status: int, sentence: str, headers: dict[str, str]
) -> None:
    answer = ALTERYX_V3.render_error(error)

    assert (answer.status, answer.body, answer.headers) == (status, f'{{"message":"{sentence}"}}', headers)


def test_a_field_that_is_to_blame_is_in_the_state_of_the_model() -> None:
    answer = ALTERYX_V3.render_error(errors.InvalidRequest("limit", "is no"))

    assert (answer.status, answer.body) == (400, '{"message":"limit: is no","modelState":{"limit":["is no"]}}')


def test_a_failure_names_the_request_alone() -> None:
    answer = ALTERYX_V3.render_failure("r-1")

    assert (answer.status, answer.body) == (500, '{"message":"internal error, request id r-1"}')


# ---- what is read of a request ------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_the_scheme_may_come_back_in_any_case(scheme: str) -> None:
    assert ALTERYX_V3.read_token(f"{scheme} jt_1") == "jt_1"


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "jt_1", "Basic jt_1", "Bearerjt_1"])
def test_a_header_without_a_token_is_unauthorized(header: str | None) -> None:
    with pytest.raises(errors.Unauthorized):
        ALTERYX_V3.read_token(header)


@pytest.mark.parametrize("text", [None, "", "true", "True", "TRUE", "tRuE"])
def test_messages_are_included_unless_they_are_declined(text: str | None) -> None:
    assert ALTERYX_V3.parse_include_messages({} if text is None else {"includeMessages": text}) is True


@pytest.mark.parametrize("text", ["false", "False", "FALSE", "fAlSe"])
def test_messages_may_be_declined_in_any_case(text: str) -> None:
    assert ALTERYX_V3.parse_include_messages({"includeMessages": text}) is False


@pytest.mark.parametrize("text", ["0", "1", "no", "vrai", "faux", " true", "true ", "true,true", "null"])
def test_anything_else_is_no_wish_for_messages(text: str) -> None:
    with pytest.raises(errors.InvalidRequest) as refusal:
        ALTERYX_V3.parse_include_messages({"includeMessages": text})

    assert refusal.value.field == "includeMessages"


def test_model_state_names_every_field_that_is_to_blame_and_the_message_says_all_of_it() -> None:
    error = errors.InvalidRequest(
        "priority", "must be a word", errors.Problem("questions", "is one"), errors.Problem("questions", "is two")
    )

    answer = json.loads(ALTERYX_V3.render_error(error).body)

    assert answer == {
        "message": "priority: must be a word; questions: is one; questions: is two",
        "modelState": {"priority": ["must be a word"], "questions": ["is one", "is two"]},
    }
    assert json.loads(ALTERYX_V3.render_error(errors.InvalidRequest("body", "must be JSON")).body).keys() == {"message"}
