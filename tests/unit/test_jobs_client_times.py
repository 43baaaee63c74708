"""Times as people write and read them."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from cli.client import times
from cli.client.errors import WrongUsage

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Ten in the morning in Paris.
NOW = datetime(2026, 11, 28, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _in_paris(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Paris")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("5m", 300), ("2h", 7200), ("1d", 86_400), ("1h30m", 5400), ("0s", 0)]
)
def test_a_duration_is_read(text: str, seconds: int) -> None:
    assert times.parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "5", "m", "-5m", "5 m", "1.5h", "5M", "\u0665m", "999999999d", "5m\n"])
def test_another_form_of_a_duration_is_refused(text: str) -> None:
    with pytest.raises(WrongUsage):
        times.parse_duration(text)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("11:30", "2026-11-28T10:30"),
        ("09:00", "2026-11-29T08:00"),
        ("today 09:00", "2026-11-28T08:00"),
        ("tomorrow 09:00", "2026-11-29T08:00"),
        ("Tomorrow 09:00:30", "2026-11-29T08:00:30"),
        ("2026-12-01T09:00", "2026-12-01T08:00"),
        ("2026-12-01 09:00", "2026-12-01T08:00"),
        ("2026-12-01T09:00Z", "2026-12-01T09:00"),
        ("2026-12-01T09:00+05:30", "2026-12-01T03:30"),
        ("2026-07-01T09:00", "2026-07-01T07:00"),
        # this hour comes twice, and the first one counts
        ("2027-10-31T02:30", "2027-10-31T00:30"),
    ],
)
def test_a_time_is_local_unless_it_has_an_offset(text: str, utc: str) -> None:
    assert times.parse_time(text, NOW) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "soon", "9", "24:00", "09:60", "yesterday 09:00", "2026-02-30", "0001-01-01"])
def test_another_form_of_a_time_is_refused(text: str) -> None:
    with pytest.raises(WrongUsage):
        times.parse_time(text, NOW)


def test_a_time_that_the_clocks_skip_is_refused() -> None:
    with pytest.raises(WrongUsage, match="put forward"):
        times.parse_time("2027-03-28T02:30", NOW)


@pytest.mark.parametrize(
    ("away", "text"),
    [
        (0, "now"),
        (4, "in 4 s"),
        (-180, "3 min ago"),
        (3600, "in 1 h"),
        (-86_400, "24 h ago"),
        (3 * 86_400, "in 3 d"),
    ],
)
def test_a_time_is_shown_local_and_relative(away: int, text: str) -> None:
    shown = times.show(times.to_milliseconds(NOW + timedelta(seconds=away)), NOW)

    assert shown.endswith(f"  {text}")
    if away == 0:
        assert shown.startswith("2026-11-28 10:00:00")
