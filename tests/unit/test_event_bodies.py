"""Reading events: the six types, their bounds, and anything else that may be in a queue."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jobs.dialects.bodies import parse_job
from jobs.dialects.event_bodies import parse_event, refusal_of, told_of
from jobs.dialects.schedule_bodies import parse_schedule
from jobs.errors import InvalidRequest
from jobs.events.incoming import (
    Delivery,
    Envelope,
    JobCompleted,
    JobFailed,
    JobMessage,
    JobProgress,
    JobRequested,
    ScheduleRequested,
)
from jobs.lifecycle.creation import IdempotencyKey
from jobs.lifecycle.text import check_text
from jobs.model import Message, NewJob, Run, Severity
from jobs.schedules.ports import Spec
from jobs.schedules.rhythm import Rhythm

from tests.builders import NOW

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY = "3sWXSsqHgSKnE87YkNJK"
ARRIVED = NOW - 5
YEAR = 365 * 86_400_000
REPORT = {"projectKey": KEY, "jobId": 7, "attempt": 2}
LEAST: Mapping[str, Mapping[str, Any]] = {
    "Job Requested": {"projectKey": KEY, "action": "export"},
    "Job Progress": {**REPORT, "progress": 40},
    "Job Message": {"projectKey": KEY, "jobId": 7, "text": "hello"},
    "Job Completed": REPORT,
    "Job Failed": {**REPORT, "errors": ["no disk"]},
    "Schedule Requested": {"projectKey": KEY, "name": "s", "every": 600, "job": {"action": "export"}},
}
REQUESTS = {"Job Requested", "Schedule Requested"}


def an_envelope(detail_type: str, detail: Any, **changes: Any) -> dict[str, Any]:
    """An envelope as EventBridge writes it, unused fields included."""
    return {
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": detail_type,
        "source": "shop.orders",
        "account": "111122223333",
        "time": "2026-11-21T12:00:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail": detail,
        **changes,
    }


def parse(detail_type: str, **changes: Any) -> Any:
    detail = {**LEAST[detail_type], **changes}
    detail = {name: value for name, value in detail.items() if value is not ...}
    return parse_event(json.dumps(an_envelope(detail_type, detail)), ARRIVED, NOW).content


def refused(detail_type: str, **changes: Any) -> str:
    with pytest.raises(InvalidRequest) as refusal:
        parse(detail_type, **changes)
    return refusal.value.field


def test_an_envelope_says_who_sent_what_from_where() -> None:
    delivery = parse_event(json.dumps(an_envelope("Job Completed", REPORT)), ARRIVED, NOW)

    assert delivery == Delivery(
        Envelope("6a7e8feb-b491-4cf7-a9f1-bf3703467718", "shop.orders", "111122223333"), JobCompleted(KEY, 7, 2, ())
    )


def test_each_type_is_read_from_the_least_it_may_hold() -> None:
    said = Message(ARRIVED, Severity.NONE, "hello")

    assert parse("Job Requested") == JobRequested(KEY, NewJob(action="export"), None)
    assert parse("Job Progress") == JobProgress(KEY, 7, 2, 40, None, ARRIVED)
    assert parse("Job Message") == JobMessage(KEY, 7, said)
    assert parse("Job Completed") == JobCompleted(KEY, 7, 2, ())
    assert parse("Job Failed") == JobFailed(KEY, 7, 2, ("no disk",))
    every = Rhythm(every=600, anchor=-(-ARRIVED // 1_000) * 1_000 + 600_000)
    job = NewJob(action="export")
    assert parse("Schedule Requested") == ScheduleRequested(KEY, Spec(name="s", rhythm=every, job=job), None)


def test_each_type_is_read_with_all_it_may_hold() -> None:
    assert parse("Job Progress", message="half") == JobProgress(
        KEY, 7, 2, 40, Message(ARRIVED, Severity.INFORMATION, "half"), ARRIVED
    )
    assert parse("Job Message", status=3, toolId=9).message == Message(ARRIVED, Severity.ERROR, "hello", 9)
    assert parse("Job Completed", outputs=[{"a": 1}, "x", None]).outputs == ({"a": 1}, "x", None)
    assert parse("Job Requested", idempotencyKey="k").idempotency.key == "k"
    run = {
        "workflowId": "w", "ownerId": "o", "collectionIds": ["c", "d"], "priority": "hIGH", "workerTag": "gpu"
    }  # fmt: skip
    assert parse("Job Requested", **run).new.run == Run("w", "o", ("c", "d"), "High", "gpu")


def test_a_request_is_what_the_same_body_is_over_http() -> None:
    body: dict[str, Any] = {
        "action": "export",
        "description": "d",
        "referenceId": "r",
        "startAt": NOW + 5,
        "params": {"a": 1},
        "maxAttempts": 3,
        "timeoutSeconds": 60,
    }
    new, digest = parse_job(json.dumps(body), NOW)

    assert parse("Job Requested", **body, idempotencyKey="k") == JobRequested(KEY, new, IdempotencyKey("k", digest))


def test_a_requested_schedule_is_what_the_same_body_is_over_http() -> None:
    body: dict[str, Any] = {
        "name": "n",
        "cron": "30 2 * * *",
        "timezone": "Europe/Berlin",
        "startAt": NOW + 5,
        "endAt": NOW + YEAR,
        "catchUp": "all",
        "overlap": "skip",
        "gap": "skip",
        "fold": "both",
        "enabled": False,
        "job": {"action": "export", "params": {"a": 1}, "maxAttempts": 3},
    }
    spec, key = parse_schedule(json.dumps(body), NOW, "k")

    told = parse("Schedule Requested", every=..., **body, idempotencyKey="k")

    assert told == ScheduleRequested(KEY, spec, key)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"projectKey": ...}, "projectKey"),
        ({"name": ...}, "name"),
        ({"every": 59}, "every"),
        ({"cron": "* * * * *"}, "cron"),
        ({"every": ..., "at": ARRIVED}, "at"),
        ({"endAt": ARRIVED}, "endAt"),
        ({"job": {"action": "A B"}}, "job.action"),
        ({"job": {"action": "export", "startAt": 1}}, "job.startAt"),
        ({"job": {"action": "delete_user_data"}}, "job.referenceId"),
        ({"idempotencyKey": ""}, "idempotencyKey"),
        ({"ownerId": "o"}, "ownerId"),
    ],
)
def test_a_requested_schedule_out_of_bounds_is_refused(changes: dict[str, Any], field: str) -> None:
    assert refused("Schedule Requested", **changes) == field


def test_whether_a_time_of_a_schedule_is_past_is_told_by_when_its_event_came() -> None:
    # so a delivery that comes again is read as the first one was
    assert parse("Schedule Requested", every=..., at=ARRIVED + 1).spec.rhythm.at == ARRIVED + 1


@pytest.mark.parametrize(
    ("name", "told"), [("job.action", "job.action"), ("job.ada@example.com", "detail"), ("ada@example.com", "detail")]
)
def test_a_refusal_names_the_schema_and_no_other_name(name: str, told: str) -> None:
    assert refusal_of(InvalidRequest(name, "reason")).field == told


def test_a_deletion_has_its_defaults_by_an_event_too() -> None:
    new = parse("Job Requested", action="delete_user_data", referenceId="u").new

    assert (new.max_attempts, new.timeout_seconds) == (3, 43_200)


@pytest.mark.parametrize(
    ("detail_type", "changes"),
    [
        ("Job Requested", {"params": {"a": "x" * (32 * 1024 - 8)}}),
        ("Job Requested", {"description": "ü" * 1024, "referenceId": "🙂" * 256, "startAt": NOW + YEAR}),
        ("Job Requested", {"idempotencyKey": "k" * 255, "collectionIds": ["c" * 256] * 100}),
        ("Job Requested", {"idempotencyKey": None, "description": None, "priority": None}),
        ("Job Progress", {"progress": 0, "message": "x" * 8192, "attempt": 20}),
        ("Job Progress", {"progress": 100, "message": None}),
        ("Job Message", {"text": "", "status": 0, "toolId": 2**31 - 1, "jobId": 2**32 - 1}),
        ("Job Message", {"text": "ü" * 4096}),
        ("Job Completed", {"outputs": ["x" * 1022] * 20}),
        ("Job Completed", {"outputs": None}),
        ("Job Failed", {"errors": ["ü" * 512] * 20}),
        ("Job Failed", {"errors": ["\x01" * 170] * 20}),
    ],
)
def test_what_is_just_within_bounds_is_read(detail_type: str, changes: dict[str, Any]) -> None:
    parse(detail_type, **changes)


@pytest.mark.parametrize(
    ("detail_type", "changes"),
    [
        ("Job Requested", {"params": {"a": "x" * (32 * 1024 - 7)}}),
        ("Job Requested", {"description": "x" * 1025}),
        ("Job Requested", {"startAt": NOW + YEAR + 1}),
        ("Job Requested", {"maxAttempts": 21}),
        ("Job Requested", {"action": "Export"}),
        ("Job Requested", {"priority": "Highest"}),
        ("Job Requested", {"ownerId": 7}),
        ("Job Requested", {"collectionIds": ["c"] * 101}),
        ("Job Requested", {"collectionIds": [1]}),
        ("Job Progress", {"attempt": 0}),
        ("Job Progress", {"attempt": 21}),
        ("Job Progress", {"attempt": ...}),
        ("Job Failed", {"attempt": 1.5}),
        ("Job Completed", {"attempt": "1"}),
        ("Job Message", {"jobId": ...}),
        ("Job Message", {"jobId": True}),
        ("Job Completed", {"jobId": 0}),
        ("Job Completed", {"jobId": 2**32}),
        ("Job Completed", {"jobId": "7"}),
        ("Job Failed", {"projectKey": ...}),
        ("Job Failed", {"projectKey": "a#b"}),
        ("Job Failed", {"projectKey": ""}),
        ("Job Failed", {"projectKey": f"{KEY}\n"}),
    ],
    ids=str,
)
def test_what_names_no_job_or_is_no_request_is_refused_by_the_name_of_its_field(
    detail_type: str, changes: dict[str, Any]
) -> None:
    assert refused(detail_type, **changes) == next(iter(changes))


# ---- what decorates a report never vetoes it -----------------------------------------------------------------------

CUT = "… (cut)"


@pytest.mark.parametrize(
    ("progress", "read"),
    [
        (-1, 0), (-0.5, 0), (0, 0), (39.99, 39), (40.0, 40), (99.999, 99), (100, 100), (101, 100), (1e300, 100),
        (10**400, 100), (True, None), ("40", None), ("", None), (None, None), ([40], None), ({}, None), (..., None),
    ],
    ids=str,
)  # fmt: skip
def test_progress_is_rounded_down_and_clamped_and_a_sign_of_life_if_it_is_unusable(
    progress: Any, read: int | None
) -> None:
    assert parse("Job Progress", progress=progress).progress == read


@pytest.mark.parametrize("digits", ["9" * 5_000, "1e400", "-1e400"])
def test_a_number_beyond_all_numbers_is_unusable_and_an_output_as_text(digits: str) -> None:
    def body(detail_type: str, **changes: Any) -> str:
        return json.dumps(an_envelope(detail_type, {**LEAST[detail_type], **changes})).replace('"NUMBER"', digits)

    progress: Any = parse_event(body("Job Progress", progress="NUMBER"), ARRIVED, NOW).content
    assert progress.progress is None
    done: Any = parse_event(body("Job Completed", outputs=["NUMBER", 1]), ARRIVED, NOW).content
    assert done.outputs[0][:6] == digits[:6]
    assert done.outputs[1] == 1
    with pytest.raises(InvalidRequest):
        parse_event(body("Job Completed", jobId="NUMBER"), ARRIVED, NOW)


@pytest.mark.parametrize(
    ("errors", "read"),
    [
        (["x" * 1024], ("x" * 1024,)),
        (["x" * 1025], ("x" * 1015 + CUT,)),
        (["ü" * 513], ("ü" * 507 + CUT,)),
        (["🙂" * 257], ("🙂" * 253 + CUT,)),
        ([str(number) for number in range(20)], tuple(str(number) for number in range(20))),
        ([str(number) for number in range(21)], (*(str(number) for number in range(19)), CUT)),
        ("no disk", ("no disk",)),
        ({"Error": "States.Timeout", "Cause": "ü"}, ('{"Error":"States.Timeout","Cause":"ü"}',)),
        ([1, None, "a", [True]], ("1", "", "a", "[true]")),
        ([], ("the worker reported no error",)),
        (["", " "], ("the worker reported no error",)),
        (None, ("the worker reported no error",)),
        (..., ("the worker reported no error",)),
        (["a\ufffeb\ud800c\U0010ffff"], ("a\ufffdb\ufffdc\ufffd",)),
    ],
    ids=str,
)
def test_errors_are_cut_and_marked_and_whatever_they_are_the_attempt_has_failed(
    errors: Any, read: tuple[str, ...]
) -> None:
    assert parse("Job Failed", errors=errors).errors == read


@pytest.mark.parametrize(
    ("outputs", "read"),
    [
        ([{"a": 1}, "x", None, 1.5], ({"a": 1}, "x", None, 1.5)),
        (["x" * 1022], ("x" * 1022,)),
        (["x" * 1023], ("x" * 1013 + CUT,)),
        (['"' * 512], ('"' * 506 + CUT,)),
        (["\x01" * 171], ("\x01" * 168 + CUT,)),
        ([{"rows": "x" * 1024}], ('{"rows":"' + "x" * 1001 + CUT,)),
        ([{"artifact": "a.csv"}] * 20, ({"artifact": "a.csv"},) * 20),
        (list(range(21)), (*range(19), CUT)),
        ({"file": "a.csv"}, ({"file": "a.csv"},)),
        ("a.csv", ("a.csv",)),
        (0, (0,)),
        (None, ()),
        (..., ()),
        ([{"a\ufffe": "\udc80"}], ({"a\ufffd": "\ufffd"},)),
    ],
    ids=str,
)
def test_outputs_are_cut_and_marked_and_whatever_they_are_the_work_is_done(outputs: Any, read: Any) -> None:
    content = parse("Job Completed", outputs=outputs)

    assert content.outputs == read
    assert all(len(json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode()) <= 1024 for entry in read)


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ({"text": "ü" * 4096}, Message(ARRIVED, Severity.NONE, "ü" * 4096)),
        ({"text": "ü" * 4097}, Message(ARRIVED, Severity.NONE, "ü" * 4091 + CUT)),
        ({"text": None}, Message(ARRIVED, Severity.NONE, "")),
        ({"text": ...}, Message(ARRIVED, Severity.NONE, "")),
        ({"text": {"rows": 12}}, Message(ARRIVED, Severity.NONE, '{"rows":12}')),
        ({"text": "a\ufffeb"}, Message(ARRIVED, Severity.NONE, "a\ufffdb")),
        ({"status": 4}, Message(ARRIVED, Severity.NONE, "hello")),
        ({"status": -1}, Message(ARRIVED, Severity.NONE, "hello")),
        ({"status": "error"}, Message(ARRIVED, Severity.NONE, "hello")),
        ({"status": 2.0}, Message(ARRIVED, Severity.WARNING, "hello")),
        ({"status": True}, Message(ARRIVED, Severity.NONE, "hello")),
        ({"toolId": -1}, Message(ARRIVED, Severity.NONE, "hello")),
        ({"toolId": 2**31}, Message(ARRIVED, Severity.NONE, "hello")),
        ({"attempt": 1, "surplus": {}}, Message(ARRIVED, Severity.NONE, "hello")),
    ],
    ids=str,
)
def test_what_a_message_says_is_cut_and_marked_and_the_rest_is_what_it_can_be(
    said: dict[str, Any], read: Message
) -> None:
    assert parse("Job Message", **said).message == read


@pytest.mark.parametrize(
    ("at", "read"),
    [
        (ARRIVED - 300_000, ARRIVED - 300_000), (ARRIVED + 300_000, ARRIVED + 300_000), (float(ARRIVED), ARRIVED),
        (ARRIVED - 300_001, ARRIVED), (ARRIVED + 300_001, ARRIVED), (ARRIVED // 1000, ARRIVED), (10**30, ARRIVED),
        (-1, ARRIVED), (str(ARRIVED - 9), ARRIVED), (True, ARRIVED), (None, ARRIVED), (..., ARRIVED),
    ],
    ids=str,
)  # fmt: skip
def test_a_message_is_of_the_time_that_its_producer_gives_if_that_is_near_its_arrival(at: Any, read: int) -> None:
    assert parse("Job Message", at=at).message.at == read


@pytest.mark.parametrize(("message", "read"), [(None, None), ("", None), (5, "5"), ("x" * 8193, "x" * 8183 + CUT)])
def test_progress_with_nothing_to_say_makes_no_message(message: Any, read: str | None) -> None:
    said = parse("Job Progress", message=message).message

    assert (said and said.text) == read


@pytest.mark.parametrize(
    ("value", "read"), [(False, False), (True, True), (0, True), ("false", True), (None, True), (..., True)]
)
def test_only_a_worker_that_says_false_wants_no_further_attempt(value: Any, read: bool) -> None:  # noqa: FBT001
    assert parse("Job Failed", retryable=value).retryable is read


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (0, 0), (60, 60), (60.0, 60), (86_400, 86_400), (86_401, None), (-1, None), (1.5, None), ("60", None),
        (True, None), (None, None), ([60], None), (..., None),
    ],
    ids=str,
)  # fmt: skip
def test_a_wait_that_is_no_number_of_seconds_of_a_day_is_left_out(value: Any, read: int | None) -> None:
    assert parse("Job Failed", retryAfter=value).retry_after == read


def test_of_a_doubled_key_in_a_report_the_last_one_counts() -> None:
    body = json.dumps(an_envelope("Job Progress", "DETAIL")).replace(
        '"DETAIL"', f'{{"projectKey": "{KEY}", "jobId": 1, "jobId": 7, "attempt": 2.0, "progress": 1, "progress": 2}}'
    )

    assert parse_event("\ufeff" + body, ARRIVED, NOW).content == JobProgress(KEY, 7, 2, 2, None, ARRIVED)


@pytest.mark.parametrize("text", ["\ufffe", "\ud800", "\U0001fffe"])
def test_what_cannot_travel_is_still_refused_in_a_request(text: str) -> None:
    assert refused("Job Requested", description=text) == "body"


@pytest.mark.parametrize("key", ["", "k" * 256, "ü", "a\tb"])
def test_a_bad_idempotency_key_is_refused(key: str) -> None:
    assert refused("Job Requested", idempotencyKey=key) == "idempotencyKey"


@pytest.mark.parametrize(
    "changes",
    [
        {"detail-type": "Job Started"},
        {"detail-type": "job requested"},
        {"detail-type": None},
        {"id": ""},
        {"id": "x" * 257},
        {"id": 1},
        {"source": ""},
        {"account": "11112222333"},
        {"account": 111122223333},
        {"account": "١١١١٢٢٢٢٣٣٣٣"},
        {"detail": "{}"},
        {"detail": []},
    ],
    ids=str,
)
def test_an_envelope_that_is_none_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        parse_event(json.dumps({**an_envelope("Job Completed", REPORT), **changes}), ARRIVED, NOW)


@pytest.mark.parametrize("missing", ["id", "source", "account", "detail-type", "detail"])
def test_an_envelope_must_be_complete(missing: str) -> None:
    envelope = an_envelope("Job Completed", REPORT)
    del envelope[missing]

    with pytest.raises(InvalidRequest) as refusal:
        parse_event(json.dumps(envelope), ARRIVED, NOW)
    assert refusal.value.field == missing


@pytest.mark.parametrize("number", ["7.0", "7e0", "0.7E+1"])
@pytest.mark.parametrize("detail_type", sorted(LEAST.keys() - REQUESTS))
def test_a_number_of_an_event_may_be_written_as_json_has_numbers(detail_type: str, number: str) -> None:
    text = json.dumps(an_envelope(detail_type, {**LEAST[detail_type], "jobId": 7}))
    assert text.count('"jobId": 7') == 1

    told = parse_event(text.replace('"jobId": 7', f'"jobId": {number}'), ARRIVED, NOW).content

    assert told == parse_event(text, ARRIVED, NOW).content


def doubled(detail_type: str) -> str:
    """An event whose detail has the project's key twice: first another one, then its own."""
    text = json.dumps(an_envelope(detail_type, LEAST[detail_type]))
    return text.replace('"projectKey"', '"projectKey": "another", "projectKey"', 1)


def test_a_requested_job_with_a_key_that_comes_twice_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"^body: must hold each key of an object only once$"):
        parse_event(doubled("Job Requested"), ARRIVED, NOW)
    with pytest.raises(InvalidRequest, match=r"^body: must not hold a number of over 19 digits$"):
        parse("Job Requested", params={"n": 10**20})


@pytest.mark.parametrize("detail_type", sorted(LEAST.keys() - REQUESTS))
def test_of_a_key_that_comes_twice_in_a_report_the_last_counts(detail_type: str) -> None:
    assert parse_event(doubled(detail_type), ARRIVED, NOW).content.project_key == KEY


numbers = st.one_of(st.integers(), st.floats(), st.sampled_from([10**400, -0.0, 1e308]))
scalars = st.one_of(st.none(), st.booleans(), numbers, st.text())
anything = st.recursive(
    scalars, lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)), max_leaves=12
)
FIELDS = sorted({
    "projectKey", "jobId", "attempt", "progress", "message", "status", "text", "toolId", "outputs", "errors", "action",
    "retryable", "retryAfter", "at", "params", "startAt", "idempotencyKey", "collectionIds", "referenceId",
    "maxAttempts", "name", "cron", "every", "timezone", "job", "endAt", "enabled", "gap", "fold", "catchUp",
})  # fmt: skip


@st.composite
def near_events(draw: st.DrawFn) -> dict[str, Any]:
    """An event of one of the types, with any values in some of its fields."""
    detail_type = draw(st.sampled_from(sorted(LEAST)))
    detail = {**LEAST[detail_type], **draw(st.dictionaries(st.sampled_from(FIELDS), anything, max_size=3))}
    changes = draw(
        st.dictionaries(st.sampled_from(["id", "source", "account", "detail-type", "detail"]), anything, max_size=1)
    )
    return {**an_envelope(detail_type, detail), **changes}


@given(st.one_of(anything.map(json.dumps), near_events().map(json.dumps), st.text()))
@example("[" * 100_000)
@example('{"id":' + "9" * 5_000 + "}")
@example(json.dumps(an_envelope("Job Message", {**LEAST["Job Message"], "text": "\udc80"})))
@example(json.dumps(an_envelope("Job Completed", {**REPORT, "outputs": [1e999]})))
@example('{"a":1e999}')
def test_whatever_stands_in_the_queue_is_an_event_or_refused(body: str) -> None:
    try:
        delivery = parse_event(body, ARRIVED, NOW)
    except InvalidRequest:
        return
    assert isinstance(delivery, Delivery)
    taken = JobRequested | JobProgress | JobMessage | JobCompleted | JobFailed | ScheduleRequested
    assert isinstance(delivery.content, taken)
    kept = json.dumps(delivery, default=asdict, ensure_ascii=False, allow_nan=False)
    check_text("body", kept)  # this can be stored, and travels


@pytest.mark.parametrize("depth", [17, 400, 990, 2_000, 50_000])
@pytest.mark.parametrize("field", ["params", "outputs", "errors", "message", "surplus", "attempt"])
def test_depth_beyond_all_depth_is_cut_in_a_report_and_never_a_failure_of_ours(field: str, depth: int) -> None:
    nested = "[" * depth + "]" * depth
    detail_type = {
        "params": "Job Requested", "outputs": "Job Completed", "errors": "Job Failed", "message": "Job Progress"
    }.get(field, "Job Completed")  # fmt: skip
    least = json.dumps({name: value for name, value in LEAST[detail_type].items() if name != field})[:-1]
    value = f'{{"a":{nested}}}' if field == "params" else f"[{nested}]"
    body = json.dumps(an_envelope(detail_type, "DETAIL")).replace('"DETAIL"', f'{least}, "{field}": {value}}}')

    if field in {"params", "attempt"}:
        with pytest.raises(InvalidRequest):
            parse_event(body, ARRIVED, NOW)
    else:
        content: Any = parse_event(body, ARRIVED, NOW).content
        assert (content.job_id, content.attempt) == (7, 2)


@pytest.mark.parametrize("body", ['{"a":"' + '\\"' * 100_000, "[" * 100_000, '["' * 100_000, "]" * 1_000], ids=len)
def test_a_body_that_is_no_json_is_refused_in_no_time(body: str) -> None:
    began = time.perf_counter()

    with pytest.raises(InvalidRequest):
        parse_event(body, ARRIVED, NOW)

    assert time.perf_counter() - began < 5


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("com.example.export", True),
        ("com.example.Export_2", True),
        ("aws.s3", True),
        ("jobs.delete_user_data", True),
        ("someone@example.com", False),
        ("com.example.someone@example.com", False),
        (f"jk_{'0a' * 24}", False),
        (f"eyJhbGciOiJIUzI1NiJ9.{'e' * 32}.{'s' * 32}", False),
        (f"com.{'0a' * 24}", False),
        (f"com.{'a' * 31}.{'b' * 31}", False),
        ("com.example.\x1b[2J", False),
        ("com.example.a\n", False),
        ("com..example", False),
        ("", False),
        (7, False),
        (None, False),
    ],
)
def test_a_log_may_tell_a_source_that_looks_like_a_reversed_domain_name_alone(source: object, told: object) -> None:
    envelope = {**an_envelope("Job Progress", REPORT), "source": source}

    assert told_of(json.dumps(envelope)) == {"detailType": "Job Progress", **({"source": source} if told else {})}


@pytest.mark.parametrize("detail_type", ["Job Complete", "job progress", "Job Progress ", ["Job Progress"], None, {}])
def test_a_log_may_tell_a_type_that_is_ours_alone(detail_type: object) -> None:
    assert told_of(json.dumps({"detail-type": detail_type})) == {}


@pytest.mark.parametrize("body", ["", "[]", "{", "7"])
def test_of_what_is_no_event_a_log_tells_nothing(body: str) -> None:
    assert told_of(body) == {}
