"""Cursors: a cursor gives back its position, and nothing else counts as a cursor."""

from __future__ import annotations

import base64
from string import ascii_letters, digits

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from jobs.dialects import cursor
from jobs.errors import InvalidRequest

from tests.builders import a_project

PROJECT = a_project()
texts = st.text(st.characters(exclude_categories=["Cs"]))


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@given(texts, texts)
def test_a_position_comes_back_as_it_was_given(purpose: str, position: str) -> None:
    made = cursor.encode(PROJECT, purpose, position)

    assert cursor.decode(PROJECT, purpose, made) == position
    assert made.isascii()
    assert not set(made) & set("+/=&?# ")


@given(texts, texts, texts)
def test_a_cursor_serves_no_other_purpose(purpose: str, other: str, position: str) -> None:
    assume(purpose != other)

    with pytest.raises(InvalidRequest):
        cursor.decode(PROJECT, other, cursor.encode(PROJECT, purpose, position))


def test_a_cursor_of_another_project_or_job_is_none() -> None:
    made = cursor.encode(PROJECT, "messages of 1", "message#1")

    for project, purpose in [(a_project(secret=b"1" * 32), "messages of 1"), (PROJECT, "messages of 11")]:
        with pytest.raises(InvalidRequest) as refusal:
            cursor.decode(project, purpose, made)
        assert refusal.value.field == "cursor"


@given(texts, st.data())
def test_a_cursor_that_was_tampered_with_is_none(position: str, data: st.DataObject) -> None:
    made = raw(cursor.encode(PROJECT, "p", position))
    place, bit = data.draw(st.integers(0, len(made) - 1)), data.draw(st.integers(0, 7))
    tampered = made[:place] + bytes([made[place] ^ 1 << bit]) + made[place + 1 :]

    with pytest.raises(InvalidRequest):
        cursor.decode(PROJECT, "p", base64.urlsafe_b64encode(tampered).decode().rstrip("="))


@given(texts, st.data())
def test_a_cursor_of_which_one_character_is_another_is_none(position: str, data: st.DataObject) -> None:
    """The last bits of the last character belong to no byte. A change there counts too."""
    made = cursor.encode(PROJECT, "p", position)
    place = data.draw(st.integers(0, len(made) - 1))
    other = data.draw(st.sampled_from(ascii_letters + digits + "-_+/=").filter(lambda one: one != made[place]))

    with pytest.raises(InvalidRequest):
        cursor.decode(PROJECT, "p", made[:place] + other + made[place + 1 :])


def test_a_cursor_whose_last_character_says_the_same_in_bits_is_none() -> None:
    made = cursor.encode(PROJECT, "p", "7")  # 17 bytes: two bits of the last character belong to none of them
    same = made[:-1] + chr(ord(made[-1]) + 1)
    assert raw(made) == raw(same)

    for forged in (same, made + "="):
        with pytest.raises(InvalidRequest):
            cursor.decode(PROJECT, "p", forged)


@given(texts, st.data())
def test_a_cursor_that_is_cut_or_added_to_is_none(position: str, data: st.DataObject) -> None:
    made = raw(cursor.encode(PROJECT, "p", position))
    cut = made[: data.draw(st.integers(0, len(made) - 1))]
    longer = made + data.draw(st.binary(min_size=1, max_size=9))

    for forged in (cut, longer):
        with pytest.raises(InvalidRequest):
            cursor.decode(PROJECT, "p", base64.urlsafe_b64encode(forged).decode().rstrip("="))


@given(st.one_of(st.text(), st.binary().map(lambda made: base64.urlsafe_b64encode(made).decode())))
def test_anything_else_is_refused_and_never_a_failure_of_ours(text: str) -> None:
    with pytest.raises(InvalidRequest):
        cursor.decode(PROJECT, "p", text)


@pytest.mark.parametrize("text", ["", "=", "====", "A", "\udc80", "ü" * 8, "AAAA AAAA", "A" * 100_000])
def test_oddities_are_refused_too(text: str) -> None:
    with pytest.raises(InvalidRequest):
        cursor.decode(PROJECT, "p", text)
