"""Asking for the deletion of a user."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobs.errors import InvalidRequest
from jobs.lifecycle.deletion import lock_digest, next_midnight, request_deletion
from jobs.model import DAY, NewJob

from tests.builders import NOW, a_project


@given(st.integers(0, 4_102_444_800_000))
def test_midnight_is_utc_ahead_and_at_most_a_day_away(now: int) -> None:
    midnight = next_midnight(now)

    assert 0 < midnight - now <= DAY
    assert datetime.fromtimestamp(midnight / 1000, UTC).strftime("%H:%M:%S.%f") == "00:00:00.000000"


def test_a_deletion_is_asked_for_in_the_words_of_the_documentation() -> None:
    assert request_deletion("shekar@example.com", NOW) == NewJob(
        action="delete_user_data",
        description="Delete user sessions of userId = shekar@example.com",
        reference_id="shekar@example.com",
        start_at=1_700_006_400_000,  # 2023-11-15T00:00Z
        max_attempts=3,
        timeout_seconds=43_200,
    )


@pytest.mark.parametrize("user_id", ["", " ", "\t\n", "\u3000", "x" * 257])
def test_a_blank_or_endless_user_id_is_refused_by_name(user_id: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        request_deletion(user_id, NOW)

    assert refusal.value.field == "userId"


@pytest.mark.parametrize("user_id", ["😀" * 256, "a/b", " a", "%2F", "0"])
def test_any_other_user_id_is_taken_as_it_is(user_id: str) -> None:
    assert request_deletion(user_id, NOW).reference_id == user_id


def test_a_lock_gives_away_no_user_id_and_is_one_per_project_and_user() -> None:
    names = {
        lock_digest(a_project(secret=secret), user_id) for secret in (b"0" * 32, b"1" * 32) for user_id in ("a", "a/b")
    }

    assert len(names) == 4
    assert all(len(bytes.fromhex(name)) == 32 for name in names)
