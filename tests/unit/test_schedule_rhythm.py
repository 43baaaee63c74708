"""When the occurrences of a schedule are. `tests/proofs/occurrences` compares every clock change with an oracle."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobs.schedules import zones
from jobs.schedules.rhythm import Fold, Gap, Note, Rhythm, check_cron, local_time, occurrences

NOON = round(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp() * 1000)
HOUR = 3_600_000


def first(rhythm: Rhythm, after: str, count: int) -> list[tuple[str, Note | None]]:
    begin = round(datetime.fromisoformat(after).timestamp() * 1000)
    return [(local_time(at, rhythm.timezone), note) for at, note in islice(occurrences(rhythm, begin), count)]


@pytest.mark.parametrize(
    ("gap", "expected"),
    [
        (Gap.SHIFT, [("2026-03-29T03:00:00+02:00", Note.SHIFTED), ("2026-03-30T02:30:00+02:00", None)]),
        (Gap.SKIP, [("2026-03-30T02:30:00+02:00", None), ("2026-03-31T02:30:00+02:00", None)]),
    ],
)
def test_a_time_that_the_clocks_skip_runs_at_the_end_of_the_gap_or_not(
    gap: Gap, expected: list[tuple[str, Note | None]]
) -> None:
    assert first(Rhythm(cron="30 2 * * *", timezone="Europe/Berlin", gap=gap), "2026-03-28T12:00Z", 2) == expected


@pytest.mark.parametrize(
    ("fold", "expected"),
    [
        (Fold.FIRST, ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]),
        (Fold.SECOND, ["2026-10-25T02:30:00+01:00", "2026-10-26T02:30:00+01:00"]),
        (Fold.BOTH, ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"]),
    ],
)
def test_a_time_that_comes_twice_runs_at_the_first_the_second_or_both(fold: Fold, expected: list[str]) -> None:
    found = first(Rhythm(cron="30 2 * * *", timezone="Europe/Berlin", fold=fold), "2026-10-24T12:00Z", 2)

    assert [local for local, _ in found] == expected
    assert found[0][1] is Note.REPEATED


@pytest.mark.parametrize("expression", ["*/30 * * * *", "* 2 * * *", "30 * * * *", "*/30 2 * * *"])
def test_where_minute_or_hour_begins_with_a_star_time_elapses_as_it_does(expression: str) -> None:
    rhythm = Rhythm(cron=expression, timezone="Europe/Berlin", gap=Gap.SHIFT, fold=Fold.FIRST)

    gap = first(rhythm, "2026-03-29T00:00Z", 1)
    fold = {local for local, _ in first(rhythm, "2026-10-24T22:00Z", 300)}

    assert gap[0][1] is not Note.SHIFTED
    assert {"2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"} <= fold


def test_occurrences_of_one_instant_are_one_and_its_own_time_counts_more_than_a_shifted_one() -> None:
    rhythm = Rhythm(cron="0,15,45 2,3 * * *", timezone="Europe/Berlin")

    assert first(rhythm, "2026-03-29T00:59:59Z", 2) == [
        ("2026-03-29T03:00:00+02:00", None),
        ("2026-03-29T03:15:00+02:00", None),
    ]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 0 L * *", "2026-03-31"),
        ("0 0 * * 5L", "2026-03-27"),
        ("0 0 * * MON#2", "2026-03-09"),
        ("0 0 13 * FRI", "2026-03-06"),  # either is enough, as in cron
        ("0 0 */2 * FRI", "2026-03-13"),  # a star makes both necessary
        ("0 0 31 apr,may *", "2026-05-31"),
        ("0 0 29 2 *", "2028-02-29"),
        ("0 0 * * 7", "2026-03-08"),
    ],
)
def test_cron_as_debian_reads_it(expression: str, expected: str) -> None:
    assert first(Rhythm(cron=expression), "2026-03-01T12:00Z", 1)[0][0][:10] == expected


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("", "must be 5 fields"),
        ("* * * *", "must be 5 fields"),
        ("* * * * * *", "must be 5 fields"),
        ("@daily", "must be 5 fields"),
        ("60 * * * *", "the field minute is"),
        ("0 24 * * *", "the field hour is"),
        ("0 0 0 * *", "the field day-of-month is"),
        ("0 0 30 2 *", "the field day-of-month is"),
        ("0 0 * 13 *", "the field month is"),
        ("0 0 * * 8", "the field day-of-week is"),
        ("0 0 * * MON#6", "the field day-of-week is"),
        ("*/0 * * * *", "the field minute is"),
        ("5-1 * * * *", "the field minute is"),
        ("\u0661 * * * *", "must be 5 fields"),
        (f"{','.join(['1'] * 200)} * * * *", "must be 5 fields, in up to 256"),
    ],
)
def test_what_is_no_cron_expression_is_said_in_words(expression: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        check_cron(expression)


@given(st.integers(60, 10_000_000), st.integers(0, 10**13), st.integers(-(10**12), 10**12))
def test_every_occurrence_of_a_period_is_a_whole_number_of_periods_behind_its_anchor(
    every: int, anchor: int, away: int
) -> None:
    after = anchor + away
    found = [at for at, _ in islice(occurrences(Rhythm(every=every, anchor=anchor), after), 3)]

    assert all((at - anchor) % (every * 1000) == 0 for at in found)
    assert found[0] > after or found[0] == anchor
    assert found[0] >= anchor
    assert found[0] - after <= every * 1000 or found[0] == anchor


def test_nothing_occurs_before_the_start_or_after_the_end_both_inclusive() -> None:
    rhythm = Rhythm(cron="0 * * * *", start_at=NOON, end_at=NOON + 2 * HOUR)

    assert [at for at, _ in occurrences(rhythm, NOON - 100 * HOUR)] == [NOON, NOON + HOUR, NOON + 2 * HOUR]
    assert [at for at, _ in occurrences(Rhythm(every=3600, anchor=NOON, end_at=NOON + HOUR), 0)] == [NOON, NOON + HOUR]


def test_once_is_once() -> None:
    assert [at for at, _ in occurrences(Rhythm(at=NOON), NOON - 1)] == [NOON]
    assert list(occurrences(Rhythm(at=NOON), NOON)) == []


def test_zones_come_from_the_package_alone() -> None:
    assert "Europe/Berlin" in zones.names()
    assert len(zones.names()) > 500
    for name in ("Europe/Atlantis", "../../../../etc/passwd", "", "localtime"):
        with pytest.raises(KeyError):
            zones.zone(name)
