"""Iterations of Alteryx: what each type means as a rhythm, against the calendar, and how rhythms look as iterations."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jobs.dialects.alteryx_iterations import CONTRACTS, DAYS, Kind, instant_of, iteration_of, read_time, rhythm_of
from jobs.errors import InvalidRequest
from jobs.schedules.rhythm import Gap, Rhythm, local_time, occurrences

if TYPE_CHECKING:
    from collections.abc import Callable

BERLIN = "Europe/Berlin"
#: A Tuesday.
START = "2026-12-01T08:30:00"
NAMES = list(DAYS)


def an_iteration(kind: Kind, start: str = START, end: str | None = None, **contract: Any) -> dict[str, Any]:
    told = {"iterationType": kind.value, "startTime": start, "endTime": end}
    return {**told, CONTRACTS[kind]: contract} if kind in CONTRACTS else told


def runs(iteration: dict[str, Any], count: int, zone: str = "UTC") -> list[str]:
    rhythm = rhythm_of(iteration, zone)
    found = islice(occurrences(rhythm, instant_of(iteration["startTime"], zone) - 1), count)
    return [local_time(at, zone)[:16] for at, _ in found]


def test_once_is_its_start_and_has_no_end() -> None:
    rhythm = rhythm_of(an_iteration(Kind.ONCE), BERLIN)

    assert rhythm == Rhythm(at=instant_of(START, BERLIN), timezone=BERLIN)
    assert runs(an_iteration(Kind.ONCE), 3) == ["2026-12-01T08:30"]


@pytest.mark.parametrize(
    ("contract", "expected"),
    [
        ({"hours": 2, "minutes": 30}, ["2026-12-01T08:30", "2026-12-01T11:00", "2026-12-01T13:30"]),
        ({"hours": 0, "minutes": 1}, ["2026-12-01T08:30", "2026-12-01T08:31", "2026-12-01T08:32"]),
        ({"hours": 36, "minutes": 0}, ["2026-12-01T08:30", "2026-12-02T20:30", "2026-12-04T08:30"]),
    ],
)
def test_hourly_is_a_period_from_its_start(contract: dict[str, Any], expected: list[str]) -> None:
    assert runs(an_iteration(Kind.HOURLY, **contract), 3) == expected


def test_hourly_elapses_through_a_clock_change_and_daily_keeps_to_the_clock() -> None:
    before = "2027-03-27T12:00:00"

    assert runs(an_iteration(Kind.HOURLY, before, hours=24, minutes=0), 2, BERLIN)[1] == "2027-03-28T13:00"
    assert runs(an_iteration(Kind.DAILY, before, runOnlyWorkWeek=False), 2, BERLIN)[1] == "2027-03-28T12:00"


def test_a_period_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidRequest) as refused:
        rhythm_of(an_iteration(Kind.HOURLY, hours=0, minutes=0), "UTC")

    assert refused.value.problems == (("iteration.hourlyContract", "hours and minutes must not both be 0"),)


def days_of_years(wanted: Callable[[date], bool]) -> list[str]:
    """The first sixty days from the start on that are wanted, found by walking the calendar."""
    first = date.fromisoformat(START[:10])
    days = (first + timedelta(days=number) for number in range(6_000))
    return [f"{day}T08:30" for day in islice(filter(wanted, days), 60)]


def weekday(day: date) -> str:
    return NAMES[day.isoweekday() % 7]


def nth(day: date) -> int:
    return (day.day - 1) // 7 + 1


def is_last(day: date) -> bool:
    return day.day + 7 > monthrange(day.year, day.month)[1]


def test_daily_is_every_day_or_from_monday_to_friday() -> None:
    for only in (False, True):
        expected = days_of_years(lambda day, only=only: not only or day.weekday() < 5)  # type: ignore[misc]  # mypy sees no type there
        assert runs(an_iteration(Kind.DAILY, runOnlyWorkWeek=only), 60) == expected


@settings(deadline=None)  # it walks through years of the calendar
@given(st.sets(st.sampled_from(NAMES), min_size=1))
def test_weekly_is_on_its_days_of_the_week(days: set[str]) -> None:
    expected = days_of_years(lambda day: weekday(day) in days)

    assert runs(an_iteration(Kind.WEEKLY, daysOfWeek=sorted(days)), 60) == expected


@pytest.mark.parametrize("number", [1, 15, 28, 29, 30, 31])
def test_a_day_of_every_month_leaves_months_out_that_are_too_short(number: int) -> None:
    iteration = an_iteration(Kind.MONTHLY, simpleDayOfMonth=True, dayOfMonth=number)

    assert runs(iteration, 60) == days_of_years(lambda day: day.day == number)


@pytest.mark.parametrize("day_of_week", NAMES)
@pytest.mark.parametrize("occurrence", [1, 2, 3, 4, -1])
def test_a_day_of_the_week_by_its_place_in_the_month(day_of_week: str, occurrence: int) -> None:
    iteration = an_iteration(Kind.MONTHLY, simpleDayOfMonth=False, occurrence=occurrence, dayOfWeek=day_of_week)

    def wanted(day: date) -> bool:
        return weekday(day) == day_of_week and (is_last(day) if occurrence == -1 else nth(day) == occurrence)

    assert runs(iteration, 60) == days_of_years(wanted)


@settings(deadline=None)
@given(st.sets(st.integers(1, 28) | st.integers(29, 31), min_size=1), st.sets(st.integers(1, 12), min_size=1))
def test_custom_is_on_days_of_months(days: set[int], months: set[int]) -> None:
    iteration = an_iteration(Kind.CUSTOM, daysOfMonth=sorted(days), months=sorted(months))
    expected = days_of_years(lambda day: day.day in days and day.month in months)

    if expected:
        found = runs(iteration, len(expected))
        assert found == expected
    else:
        with pytest.raises(InvalidRequest) as refused:
            rhythm_of(iteration, "UTC")
        assert refused.value.problems == (("iteration.customContract", "none of these months has such a day"),)


def test_cron_is_its_expression_from_the_start_on() -> None:
    iteration = an_iteration(Kind.CRON, cronExpression="0 9 * * MON#1")

    assert runs(iteration, 2) == ["2026-12-07T09:00", "2027-01-04T09:00"]
    with pytest.raises(InvalidRequest) as refused:
        rhythm_of(an_iteration(Kind.CRON, cronExpression="0 0 9 * * ?"), "UTC")
    reason = "must be 5 fields, in up to 256 characters of ASCII"
    assert refused.value.problems == (("iteration.cronContract", reason),)


def test_the_start_and_the_end_are_inclusive() -> None:
    iteration = an_iteration(Kind.DAILY, START, "2026-12-03T08:30:00", runOnlyWorkWeek=False)

    assert runs(iteration, 9) == ["2026-12-01T08:30", "2026-12-02T08:30", "2026-12-03T08:30"]
    iteration["endTime"] = "2026-12-03T08:29:00"
    assert runs(iteration, 9) == ["2026-12-01T08:30", "2026-12-02T08:30"]
    iteration["endTime"] = START
    assert runs(iteration, 9) == ["2026-12-01T08:30"]
    iteration["endTime"] = "2026-12-01T08:29:00"
    with pytest.raises(InvalidRequest) as refused:
        rhythm_of(iteration, "UTC")
    assert refused.value.problems == (("iteration.endTime", "must not be before startTime"),)


def test_a_start_that_the_clocks_skip_is_the_end_of_the_gap_and_the_first_of_two_counts() -> None:
    gap, fold = "2027-03-28T02:30:00", "2026-10-25T02:30:00"

    assert runs(an_iteration(Kind.DAILY, gap, runOnlyWorkWeek=False), 2, BERLIN) == [
        "2027-03-28T03:00",
        "2027-03-29T02:30",
    ]
    assert local_time(instant_of(fold, BERLIN), BERLIN) == "2026-10-25T02:30:00+02:00"


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2027-01-31T08:30", "UTC", "2027-01-31T08:30:00"),
        ("2027-01-31T08:30:59.9999999Z", "UTC", "2027-01-31T08:30:00"),
        # `Z` says nothing where a zone is named
        ("2027-01-31T08:30:00Z", BERLIN, "2027-01-31T08:30:00"),
        ("2027-01-31T08:30:00+00:00", BERLIN, "2027-01-31T08:30:00"),
        ("2027-01-31T08:30:00", BERLIN, "2027-01-31T08:30:00"),
        ("2027-01-31T08:30:00-05:00", BERLIN, "2027-01-31T14:30:00"),
        ("2027-01-31T08:30:00+01:00", "UTC", "2027-01-31T07:30:00"),
    ],
)
def test_times_are_what_the_clocks_of_the_zone_show_without_seconds(text: str, zone: str, expected: str) -> None:
    assert read_time(text, zone) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "tomorrow", "2027-01-31", "2027-02-30T08:30:00", "2027-13-01T08:30:00", "2027-01-31 08:30:00"),
        *("1969-12-31T23:59:59", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2027-01-31T25:00:00+14:00"),
    ],
)
def test_what_is_no_time_or_at_the_end_of_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a time in ISO 8601, such as"):
        read_time(text, BERLIN)


AT = round(datetime(2026, 12, 1, 7, 30, 30, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("rhythm", "expected"),
    [
        (Rhythm(cron="0 9 * * *"), an_iteration(Kind.CRON, None, cronExpression="0 9 * * *")),  # type: ignore[arg-type]  # no start was set
        (
            Rhythm(cron="0 9 * * *", timezone=BERLIN, gap=Gap.SKIP, start_at=AT, end_at=AT + 86_400_000),
            an_iteration(Kind.CRON, START, "2026-12-02T08:30:00", cronExpression="0 9 * * *"),
        ),
        (Rhythm(at=AT, timezone=BERLIN), an_iteration(Kind.ONCE)),
        (Rhythm(every=60, anchor=AT), an_iteration(Kind.HOURLY, "2026-12-01T07:30:00", hours=0, minutes=1)),
        (
            Rhythm(every=9_059, anchor=AT - 60_000, start_at=AT),
            an_iteration(Kind.HOURLY, "2026-12-01T07:30:00", hours=2, minutes=30),
        ),
    ],
)
def test_rhythms_of_the_public_api_look_like_cron_once_and_hourly(rhythm: Rhythm, expected: dict[str, Any]) -> None:
    assert iteration_of(rhythm) == expected


@pytest.mark.parametrize(
    "iteration",
    [
        an_iteration(Kind.ONCE),
        an_iteration(Kind.HOURLY, START, "2027-12-01T08:30:00", hours=2, minutes=5),
        an_iteration(Kind.CRON, START, None, cronExpression="*/5 * * * *"),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", BERLIN, "Australia/Lord_Howe"])
def test_what_such_a_rhythm_looks_like_means_that_rhythm(iteration: dict[str, Any], zone: str) -> None:
    assert iteration_of(rhythm_of(iteration, zone)) == iteration
