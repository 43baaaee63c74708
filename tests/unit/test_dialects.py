"""What the dialects share, and how a path chooses one."""

from __future__ import annotations

import json
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jobs import representation
from jobs.dialects.base import link_header, parse_integer
from jobs.dialects.registry import OPENREPLAY_V1, PUBLIC, dialect_of
from jobs.representation import Room, dump


@given(st.integers(-(10**15) + 1, 10**15 - 1))
def test_an_integer_is_read_as_what_it_is(value: int) -> None:
    assert parse_integer(str(value)) == value


@given(st.text(max_size=20) | st.from_regex(r"[+-]?\s*[\d_.]{1,18}\s*", fullmatch=True))
@example("\u0663")
@example("\uff11")
@example("1\n")
@example("+1")
@example("1_0")
def test_nothing_else_is_an_integer_whatever_a_parser_accepts(text: str) -> None:
    digits = text.removeprefix("-")
    is_integer = len(digits) >= 1 and set(digits) <= set("0123456789")

    assert (parse_integer(text) is not None) == is_integer


@given(st.integers(0, 5_000), st.integers(10**15, 10**20) | st.just(10**5_000), st.booleans())
def test_a_number_of_more_digits_than_any_id_is_a_number_that_none_has(
    zeros: int,
    value: int,
    negative: bool,  # noqa: FBT001  # a case
) -> None:
    sys.set_int_max_str_digits(0)
    try:
        text = "-" * negative + "0" * zeros + str(value)
    finally:
        sys.set_int_max_str_digits(sys.int_info.default_max_str_digits)

    assert parse_integer(text) == (-(10**15) if negative else 10**15)
    assert parse_integer("-" * negative + "0" * zeros + "42") == (-42 if negative else 42)


@pytest.mark.parametrize(
    ("path", "dialect"),
    [
        ("/api/v1", OPENREPLAY_V1),
        ("/api/v1/key/jobs", OPENREPLAY_V1),
        ("/public/key/jobs", PUBLIC),
        ("/public", PUBLIC),
        ("/api/v10/key/jobs", None),
        ("/publicity", None),
        ("/api", None),
        ("/x/public/key", None),
        ("/", None),
    ],
)
def test_the_prefix_alone_decides_and_ends_at_a_slash(path: str, dialect: object) -> None:
    assert dialect_of(path) is dialect


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text())))
def test_a_body_is_compact_json_in_the_order_of_its_fields(content: dict[str, object]) -> None:
    text = dump(content)

    assert list(json.loads(text).items()) == list(content.items())
    assert dump({"b": 1, "a": [None, "é"]}) == '{"b":1,"a":[null,"é"]}'


@given(st.dictionaries(st.text(), st.text(st.characters(max_codepoint=127)) | st.text()))
def test_an_answer_has_room_for_a_body_as_lambda_escapes_it_and_no_less(content: dict[str, str]) -> None:
    body = dump(content)
    size = len(json.dumps(body))

    for room, holds in ((size, True), (size - 1, False)):
        with pytest.MonkeyPatch.context() as changed:
            changed.setattr(representation, "MAX_ANSWER_BYTES", room)
            assert Room().holds(body) is holds


def test_links_are_one_header_and_none_where_there_are_none() -> None:
    assert link_header({}) == {}
    assert link_header({"first": "https://h/a?x=1", "next": "https://h/b"}) == {
        "Link": '<https://h/a?x=1>; rel="first", <https://h/b>; rel="next"'
    }
