"""Bodies from outside: every bound; any other body raises `InvalidRequest` and nothing else."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jobs.dialects.bodies import parse_job, parse_run
from jobs.dialects.validation import NO_WORDS
from jobs.errors import InvalidRequest
from jobs.model import DAY, NewJob

from tests.builders import NOW

DEFAULTS: dict[str, Any] = {
    "description": "",
    "referenceId": "",
    "startAt": None,
    "params": {},
    "maxAttempts": 1,
    "timeoutSeconds": 900,
}


def parse(**body: Any) -> NewJob:
    return parse_job(json.dumps({"action": "export", **body}), NOW)[0]


def digest(**body: Any) -> str:
    return parse_job(json.dumps({"action": "export", **body}), NOW)[1]


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth - 1):
        value = {"a": value}
    return value


def test_an_action_is_enough() -> None:
    assert parse() == NewJob(action="export")


def test_all_that_can_be_asked_for_is_read() -> None:
    body = {
        "description": "d",
        "referenceId": "r",
        "startAt": NOW + 5,
        "params": {"a": [1]},
        "maxAttempts": 20,
        "timeoutSeconds": 60,
    }

    assert parse(**body) == NewJob(
        action="export",
        description="d",
        reference_id="r",
        start_at=NOW + 5,
        params={"a": [1]},
        max_attempts=20,
        timeout_seconds=60,
    )


def test_a_deletion_has_defaults_of_its_own_that_give_way() -> None:
    deletion = {"action": "delete_user_data", "referenceId": "u"}

    assert parse(**deletion) == NewJob(
        action="delete_user_data", reference_id="u", max_attempts=3, timeout_seconds=43_200
    )
    assert parse(**deletion, maxAttempts=1, timeoutSeconds=900).max_attempts == 1


WITHIN = [
    {"action": "a"},
    {"action": "a" * 64},
    {"action": "a-z_0.9"},
    {"description": "😀" * 1_024},
    {"referenceId": "😀" * 256},
    {"startAt": 0},
    {"startAt": NOW - 1},
    {"startAt": NOW + 365 * DAY},
    {"params": nested(16)},
    {"params": {"a": [[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}},
    {"params": {"a": "x" * (32 * 1024 - 8)}},
    {"maxAttempts": 1},
    {"maxAttempts": 20},
    {"timeoutSeconds": 1},
    {"timeoutSeconds": 31_536_000},
]

OUTSIDE = [
    ("action", {"action": ""}),
    ("action", {"action": "a" * 65}),
    ("action", {"action": "Export"}),
    ("action", {"action": "a\n"}),
    ("action", {"action": "é"}),
    ("action", {"action": 1}),
    ("action", {"action": None}),
    ("description", {"description": "x" * 1_025}),
    ("description", {"description": 1}),
    ("referenceId", {"referenceId": "x" * 257}),
    ("referenceId", {"action": "delete_user_data"}),
    ("referenceId", {"action": "delete_user_data", "referenceId": " \t"}),
    ("startAt", {"startAt": NOW + 365 * DAY + 1}),
    ("startAt", {"startAt": 10**18}),
    ("startAt", {"startAt": 1e18}),
    ("body", {"startAt": 10**30}),
    ("startAt", {"startAt": str(NOW)}),
    ("startAt", {"startAt": NOW // 1_000}),
    ("startAt", {"startAt": NOW + 0.5}),
    ("startAt", {"startAt": True}),
    ("params", {"params": []}),
    ("params", {"params": "{}"}),
    ("params", {"params": nested(17)}),
    ("params", {"params": {"a": [[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}}),
    ("params", {"params": {"a": "x" * (32 * 1024 - 7)}}),
    ("params", {"params": {"a": "é" * 16_384}}),
    ("maxAttempts", {"maxAttempts": 0}),
    ("maxAttempts", {"maxAttempts": 21}),
    ("maxAttempts", {"maxAttempts": "3"}),
    ("maxAttempts", {"maxAttempts": True}),
    ("timeoutSeconds", {"timeoutSeconds": 0}),
    ("timeoutSeconds", {"timeoutSeconds": 31_536_001}),
    ("timeoutSeconds", {"timeoutSeconds": 1.5}),
    ("jobId", {"jobId": 1}),
    ("x" * 64, {"x" * 1_000: 1}),
]


@pytest.mark.parametrize("body", WITHIN, ids=lambda body: str(body)[:40])
def test_what_is_within_bounds_is_taken(body: dict[str, Any]) -> None:
    parse(**body)


@pytest.mark.parametrize(("field", "body"), OUTSIDE, ids=lambda value: str(value)[:40])
def test_what_is_out_of_bounds_or_unknown_is_refused_by_name(field: str, body: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parse(**body)

    assert refusal.value.field == field


@pytest.mark.parametrize(
    "body",
    [
        "",
        " ",
        "null",
        "[]",
        '"a"',
        "1",
        "{",
        "\ufeff",
        "\ufeff\ufeff{}",
        '{"action":"a"}}',
        '{"action":"a","params":{"n":NaN}}',
        '{"action":"a","params":{"n":-Infinity}}',
        '{"action":"a","params":{"n":1e999}}',
        "[" * 100_000,
        '{"action":"a","params":' + '{"a":' * 60_000,
    ],
    ids=lambda body: body[:40],
)
def test_what_is_no_json_object_is_refused_as_a_body(body: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parse_job(body, NOW)

    assert refusal.value.field == "body"


@pytest.mark.parametrize("number", ["20", "20.0", "2e1", "2E+1", "200e-1", "20.000"])
def test_an_integer_may_be_written_as_json_has_numbers(number: str) -> None:
    body = f'{{"action":"a","maxAttempts":{number},"timeoutSeconds":{number},"startAt":{number}}}'

    new, its_digest = parse_job(body, NOW)

    assert (new.max_attempts, new.timeout_seconds, new.start_at) == (20, 20, 20)
    assert {type(number) for number in (new.max_attempts, new.timeout_seconds, new.start_at)} == {int}
    assert its_digest == digest(action="a", maxAttempts=20, timeoutSeconds=20, startAt=20)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('{"action":"a","maxAttempts":%s}' % ("9" * 20), "must not hold a number of over 19 digits"),
        ('{"action":"a","params":{"n":[-%s]}}' % ("9" * 5_000), "must not hold a number of over 19 digits"),
        ('{"action":"a","startAt":1e400}', "must not hold a number beyond 1.7e308"),
        ('{"action":"a","params":{"n":-1e400}}', "must not hold a number beyond 1.7e308"),
        ('{"action":"a","action":"a"}', "must hold each key of an object only once"),
        ('{"action":"a","params":{"n":[{"x":1,"\\u0078":2}]}}', "must hold each key of an object only once"),
        ('{"action":"a","params":{"n":NaN}}', "must be JSON"),
        ('{"action":"a","startAt":Infinity}', "must be JSON"),
    ],
    ids=lambda text: text[:40],
)
def test_a_body_whose_sense_is_in_doubt_is_refused(body: str, reason: str) -> None:
    for read in (lambda body: parse_job(body, NOW), parse_run):
        with pytest.raises(InvalidRequest) as refusal:
            read(body)
        assert str(refusal.value) == f"body: {reason}"


def test_a_number_of_19_digits_and_a_byte_order_mark_are_read() -> None:
    new, _ = parse_job('\ufeff{"action":"a","params":{"n":-9999999999999999999,"x":3.0}}', NOW)

    assert new.params == {"n": -(10**19) + 1, "x": 3.0}
    assert json.dumps(new.params) == '{"n": -9999999999999999999, "x": 3.0}'


def test_every_bad_field_is_named_at_once_in_words_of_ours() -> None:
    body = {
        "action": "Export",
        "description": 1,
        "referenceId": "x" * 257,
        "startAt": "tomorrow",
        "params": [],
        "maxAttempts": 21,
        "timeoutSeconds": 0.5,
        "colour": "red",
        "\ud800": 1,
    }

    with pytest.raises(InvalidRequest) as refusal:
        parse_job(json.dumps(body), NOW)

    assert str(refusal.value) == (
        "action: must be 1 to 64 of a-z, 0-9, _, . and -; description: must be text; "
        "referenceId: must be at most 256 characters; startAt: must be milliseconds, or ISO 8601 with an offset or Z; "
        "params: must be a JSON object; maxAttempts: must be at most 20; timeoutSeconds: must be an integer; "
        "colour: does not exist here; ?: does not exist here"
    )


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "action: is missing"),
        ({"action": "delete_user_data", "maxAttempts": 0}, [
            "maxAttempts: must be at least 1", "referenceId: must be the user's id for delete_user_data",
        ]),
        ({"action": "delete_user_data", "referenceId": 1}, "referenceId: must be text"),
        ({"action": "a", "startAt": NOW // 1_000, "params": {"x": "y" * 33_000}}, [
            "startAt: looks like seconds; milliseconds are wanted", "params: must be at most 32768 bytes of JSON",
        ]),
        ({"action": "a", "startAt": NOW * 2, "params": nested(17)}, [
            "startAt: must be at most 1 year ahead", "params: must be at most 16 levels deep",
        ]),
        ({"action": "a", "description": "\ufffe", "params": {"\ufffe": 1}}, [
            f"{field}: must not hold noncharacters (such as U+FFFE) or lone surrogates"
            for field in ("description", "params")
        ]),
    ],
    ids=str,
)  # fmt: skip
def test_bounds_that_need_more_than_a_type_are_told_with_the_others(
    body: dict[str, Any], told: str | list[str]
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parse_job(json.dumps(body), NOW)

    assert str(refusal.value) == (told if isinstance(told, str) else "; ".join(told))


def test_more_problems_than_anybody_reads_are_counted() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parse_job(json.dumps({"action": "a", **dict.fromkeys(map(str, range(5_000)), 1)}), NOW)

    assert str(refusal.value).startswith("0: does not exist here; 1: does not exist here; ")
    assert str(refusal.value).endswith("; 19: does not exist here; and 4980 more")


def test_null_is_as_good_as_left_out_but_for_the_action() -> None:
    nothing = dict.fromkeys(("description", "referenceId", "startAt", "params", "maxAttempts", "timeoutSeconds"))

    assert parse_job(json.dumps({"action": "a", **nothing}), NOW) == parse_job('{"action":"a"}', NOW)


def test_a_start_before_the_epoch_is_only_past() -> None:
    assert parse_job('{"action":"a","startAt":-1}', NOW)[0].start_at == -1


def test_a_missing_action_is_named() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parse_job("{}", NOW)

    assert refusal.value.field == "action"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
near_requests = st.fixed_dictionaries(
    {},
    optional={
        "action": st.sampled_from(["export", "delete_user_data", "é"]) | json_values,
        "description": st.text() | json_values,
        "referenceId": st.text() | json_values,
        "startAt": st.integers() | json_values,
        "params": st.dictionaries(st.text(), json_values) | json_values,
        "maxAttempts": st.integers(-1, 22) | json_values,
        "timeoutSeconds": st.integers() | json_values,
        "other": json_values,
    },
)


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: raw.decode("utf-8", "surrogateescape")))
@example("1" * 5_000)
@example('{"action":"a","params":{"n":' + "1" * 5_000 + "}}")
@example('{"a":' * 400 + "1" + "}" * 400)
def test_any_text_is_a_job_or_an_invalid_request(text: str) -> None:
    try:
        new, _ = parse_job(text, NOW)
    except InvalidRequest:
        return
    assert isinstance(new, NewJob)


@given(near_requests | json_values)
def test_any_json_is_a_storable_job_or_an_invalid_request_that_names_its_field(content: Any) -> None:
    try:
        new, _ = parse_job(json.dumps(content), NOW)
    except InvalidRequest as refusal:
        assert NO_WORDS not in str(refusal)  # noqa: PT017
        told = " ".join(problem.reason for problem in refusal.problems)
        assert not re.search(r"dictionary|Input should|[*^$\\]|\{\d", told)
        assert refusal.field in {*DEFAULTS, "action", "other", "body"} or refusal.field in content  # noqa: PT017
        return
    assert set(content) <= {*DEFAULTS, "action"}
    json.dumps(new.params, allow_nan=False).encode()
    f"{new.action}{new.description}{new.reference_id}".encode()


def test_nesting_of_any_depth_is_refused_and_breaks_nothing() -> None:
    """Near the interpreter's recursion limit a parser may accept what a writer then cannot write."""
    for depth in range(300, 1_400, 7):
        body = '{"action":"a","params":' + '{"a":' * depth + "1" + "}" * depth + "}"
        with pytest.raises(InvalidRequest):
            parse_job(body, NOW)


# ---- what counts as the same request ------------------------------------------------------------------------------

valid_bodies = st.fixed_dictionaries(
    {"action": st.sampled_from(["export", "import"])},
    optional={
        "description": st.text(st.characters(codec="utf-8"), max_size=5),
        "referenceId": st.text(st.characters(codec="utf-8"), max_size=5),
        "startAt": st.none() | st.integers(10**11, NOW),
        "params": st.dictionaries(
            st.text(st.characters(codec="utf-8"), max_size=3), st.integers(-(10**19) + 1, 10**19 - 1) | st.booleans()
        ),
        "maxAttempts": st.integers(1, 20),
        "timeoutSeconds": st.integers(1, 1_000),
    },
)


@given(body=valid_bodies, random=st.randoms(use_true_random=False), omitted=st.sets(st.sampled_from(sorted(DEFAULTS))))
def test_a_request_has_one_digest_however_it_is_written(body: dict[str, Any], random: Any, omitted: set[str]) -> None:
    """Order, white space, escapes, and defaults that are written out or left out do not make it another request."""
    full = {**DEFAULTS, **body}
    entries = [(name, value) for name, value in full.items() if not (name in omitted and value == DEFAULTS[name])]
    random.shuffle(entries)
    params = list(full["params"].items())
    random.shuffle(params)
    entries = [(name, dict(params) if name == "params" else value) for name, value in entries]

    other = parse_job(json.dumps(dict(entries), indent=2, ensure_ascii=False), NOW + 1)[1]

    assert parse_job(json.dumps(body), NOW)[1] == other


@given(valid_bodies, valid_bodies)
def test_two_requests_have_two_digests(body: dict[str, Any], other: dict[str, Any]) -> None:
    is_same = json.dumps({**DEFAULTS, **body}, sort_keys=True) == json.dumps({**DEFAULTS, **other}, sort_keys=True)

    assert (parse_job(json.dumps(body), NOW)[1] == parse_job(json.dumps(other), NOW)[1]) is is_same


def test_a_replay_of_a_start_that_has_passed_meanwhile_is_the_same_request() -> None:
    body = json.dumps({"action": "export", "startAt": NOW + 1})

    assert parse_job(body, NOW)[1] == parse_job(body, NOW + DAY - 1)[1]


# ---- the key ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["k", "x" * 255, 'shop 42, order "7"~'])
def test_a_printable_idempotency_key_is_taken(key: str) -> None:
    assert parse_job('{"action":"export"}', NOW, key) == parse_job('{"action":"export"}', NOW)


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "é", "\x7f"])
def test_any_other_idempotency_key_is_refused_by_name_together_with_what_is_wrong_with_the_body(key: str) -> None:
    refused = "Idempotency-Key: must be 1 to 255 printable ASCII characters"
    for body, told in (
        ('{"action":"a"}', refused),
        ('{"maxAttempts":0,"action":"a"}', f"maxAttempts: must be at least 1; {refused}"),
    ):
        with pytest.raises(InvalidRequest) as refusal:
            parse_job(body, NOW, key)
        assert str(refusal.value) == told


@pytest.mark.parametrize(
    ("text", "start_at"),
    [
        ("2023-11-14T22:13:20Z", NOW),
        ("2023-11-14T22:13:20.001Z", NOW + 1),
        ("2023-11-14T23:13:20+01:00", NOW),
        ("2023-11-14T18:43-03:30", NOW - 20_000),
    ],
)
def test_a_start_may_be_iso_8601_with_an_offset(text: str, start_at: int) -> None:
    assert parse_job(json.dumps({"action": "a", "startAt": text}), NOW)[0].start_at == start_at


@pytest.mark.parametrize(
    "text",
    [
        "2023-11-14T22:13:20",
        "2023-11-14",
        "2023-13-14T22:13:20Z",
        "20231114T221320Z",
        "2023-W46-2T22:13Z",
        "now",
        "",
        "٢023-11-14T22:13Z",
    ],
)
def test_a_start_without_an_offset_or_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="startAt: must be milliseconds, or ISO 8601 with an offset or Z"):
        parse_job(json.dumps({"action": "a", "startAt": text}), NOW)


@pytest.mark.parametrize(
    ("start_at", "refused"), [(10**9 - 1, False), (10**9, True), (10**11 - 1, True), (10**11, False)]
)
def test_a_start_in_seconds_would_start_at_once_and_is_refused(start_at: int, refused: bool) -> None:  # noqa: FBT001  # a case
    body = json.dumps({"action": "a", "startAt": start_at})

    if refused:
        with pytest.raises(InvalidRequest, match="startAt: looks like seconds; milliseconds are wanted"):
            parse_job(body, NOW)
    else:
        assert parse_job(body, NOW)[0].start_at == start_at


@pytest.mark.parametrize("text", ["\ufffe", "\uffff", "\ufdd0", "\ufdef", "\U0010ffff", "\ud800"])
@pytest.mark.parametrize(
    "body",
    [
        {"action": "a", "description": "?"},
        {"action": "a", "referenceId": "?"},
        {"action": "a", "params": {"?": 1}},
        {"action": "a", "params": {"x": [{"y": "a?"}]}},
    ],
    ids=str,
)
def test_text_that_no_queue_carries_is_refused_anywhere(body: dict[str, Any], text: str) -> None:
    for read in (lambda body: parse_job(body, NOW), parse_run):
        with pytest.raises(InvalidRequest, match="noncharacters"):
            read(json.dumps(body).replace("?", json.dumps(text)[1:-1]))
