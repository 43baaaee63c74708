"""Reading events: the five types, their bounds, and anything else that may be in a queue."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jobs.dialects.bodies import parse_job
from jobs.dialects.event_bodies import parse_event
from jobs.errors import InvalidRequest
from jobs.events.incoming import Delivery, Envelope, JobCompleted, JobFailed, JobMessage, JobProgress, JobRequested
from jobs.lifecycle.creation import IdempotencyKey
from jobs.model import Message, NewJob, Run, Severity

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
}


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
        ("Job Progress", {"progress": -1}),
        ("Job Progress", {"progress": 101}),
        ("Job Progress", {"progress": 40.0}),
        ("Job Progress", {"progress": True}),
        ("Job Progress", {"progress": "40"}),
        ("Job Progress", {"progress": ...}),
        ("Job Progress", {"message": "x" * 8193}),
        ("Job Progress", {"attempt": 0}),
        ("Job Progress", {"attempt": 21}),
        ("Job Progress", {"attempt": ...}),
        ("Job Message", {"text": "ü" * 4097}),
        ("Job Message", {"text": None}),
        ("Job Message", {"text": ...}),
        ("Job Message", {"status": 4}),
        ("Job Message", {"status": -1}),
        ("Job Message", {"toolId": -1}),
        ("Job Message", {"attempt": 1}),
        ("Job Completed", {"jobId": 0}),
        ("Job Completed", {"jobId": 2**32}),
        ("Job Completed", {"jobId": "7"}),
        ("Job Completed", {"outputs": ["x"] * 21}),
        ("Job Completed", {"outputs": ["x" * 1023]}),
        ("Job Completed", {"outputs": {}}),
        ("Job Failed", {"errors": ["x"] * 21}),
        ("Job Failed", {"errors": ["x" * 1025]}),
        ("Job Failed", {"errors": [1]}),
        ("Job Failed", {"errors": ...}),
        ("Job Failed", {"errors": None}),
        ("Job Failed", {"surplus": 1}),
        ("Job Failed", {"projectKey": ...}),
        ("Job Failed", {"projectKey": "a#b"}),
        ("Job Failed", {"projectKey": ""}),
        ("Job Failed", {"projectKey": f"{KEY}\n"}),
    ],
    ids=str,
)
def test_what_is_out_of_bounds_is_refused_by_the_name_of_its_field(detail_type: str, changes: dict[str, Any]) -> None:
    assert refused(detail_type, **changes) == next(iter(changes))


@pytest.mark.parametrize("key", ["", "k" * 256, "ü", "a\tb"])
def test_a_bad_idempotency_key_is_refused(key: str) -> None:
    assert refused("Job Requested", idempotencyKey=key) == "Idempotency-Key"


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


numbers = st.one_of(st.integers(), st.floats(), st.sampled_from([10**400, -0.0, 1e308]))
scalars = st.one_of(st.none(), st.booleans(), numbers, st.text())
anything = st.recursive(
    scalars, lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)), max_leaves=12
)
FIELDS = sorted({
    "projectKey", "jobId", "attempt", "progress", "message", "status", "text", "toolId", "outputs", "errors", "action",
    "params", "startAt", "idempotencyKey", "collectionIds", "referenceId", "maxAttempts",
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
    assert isinstance(delivery.content, JobRequested | JobProgress | JobMessage | JobCompleted | JobFailed)
    json.dumps(json.loads(body), ensure_ascii=False).encode()  # this can be stored


@pytest.mark.parametrize("depth", [17, 400, 990, 2_000, 50_000])
@pytest.mark.parametrize("field", ["params", "outputs", "errors"])
def test_depth_beyond_all_depth_is_refused_and_never_a_failure_of_ours(field: str, depth: int) -> None:
    nested = "[" * depth + "]" * depth
    detail_type = {"params": "Job Requested", "outputs": "Job Completed", "errors": "Job Failed"}[field]
    least = json.dumps({name: value for name, value in LEAST[detail_type].items() if name != field})[:-1]
    value = f'{{"a":{nested}}}' if field == "params" else f"[{nested}]"
    body = json.dumps(an_envelope(detail_type, "DETAIL")).replace('"DETAIL"', f'{least}, "{field}": {value}}}')

    if field == "outputs" and depth < 500:
        parse_event(body, ARRIVED, NOW)
    else:
        with pytest.raises(InvalidRequest):
            parse_event(body, ARRIVED, NOW)
