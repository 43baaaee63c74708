"""User ids in paths: what is taken must be the very user whom the caller means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobs.dialects.registry import OPENREPLAY_V1, PUBLIC
from jobs.dialects.user_ids import ANY, OFF, PLAIN, parse_user_id
from jobs.errors import InvalidRequest, RouteNotFound
from jobs.lifecycle.deletion import request_deletion

from tests.builders import NOW, a_call

DIALECTS = [OPENREPLAY_V1, PUBLIC]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("user_id", ["a", "shekar@example.com", "A-z_0.9~:+@", "x" * 256])
def test_a_plain_id_is_taken_as_it_is(dialect: object, user_id: str) -> None:
    call = a_call(dialect, path={"userId": user_id})  # type: ignore[arg-type]  # one of the two

    assert [parse_user_id(call, mode) for mode in (PLAIN, ANY)] == [user_id] * 2


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "user_id",
    ["a/b", "a%b", "a%2Fb", "a b", "", "x" * 257, "ü", "\N{GRINNING FACE}", "a?b", "a#b", "a\n", "a,b", "(a)"],
)
def test_any_other_id_is_refused_in_a_path_and_sent_to_the_call_that_takes_it(dialect: object, user_id: str) -> None:
    call = a_call(dialect, path={"userId": user_id})  # type: ignore[arg-type]  # as above

    with pytest.raises(InvalidRequest, match="POST to jobs takes any user id"):
        parse_user_id(call, PLAIN)


@given(st.text(min_size=1))
def test_a_plain_id_has_one_spelling(user_id: str) -> None:
    """No character of it is changed, cut or joined by API Gateway, with or without an escape."""
    try:
        assert parse_user_id(a_call(PUBLIC, path={"userId": user_id}), PLAIN) == user_id
    except InvalidRequest:
        return
    assert not set(user_id) & set("/%?#&=\\ \t\r\n")
    assert user_id.isascii()


@pytest.mark.parametrize("mode", [PLAIN, ANY])
@pytest.mark.parametrize("query", [{"b": ""}, {"b": "c"}, {"": ""}])
def test_a_query_string_is_refused_because_it_may_be_the_rest_of_an_id(mode: str, query: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_user_id(a_call(PUBLIC, path={"userId": "a"}, query=query), mode)

    assert refused.value.field == "query"


def test_where_paths_carry_no_ids_the_route_does_not_exist() -> None:
    with pytest.raises(RouteNotFound):
        parse_user_id(a_call(PUBLIC, path={"userId": "a"}), OFF)


@pytest.mark.parametrize("user_id", ["\ufffe", "a\uffff", "\ufdd0", "\U0001fffe", "\ud800"])
def test_no_route_takes_an_id_that_no_queue_carries(user_id: str) -> None:
    with pytest.raises(InvalidRequest, match="noncharacters"):
        request_deletion(user_id, NOW)
