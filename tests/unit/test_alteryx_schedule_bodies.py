"""Bodies that set schedules in Alteryx' v3: what is sent is a schedule or refused, and what is shown can be sent."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobs.dialects import alteryx_schedules
from jobs.dialects.alteryx_iterations import DAYS, Kind
from jobs.dialects.alteryx_schedule_bodies import MAX_HOURS, OCCURRENCES, parse_change, parse_schedule
from jobs.dialects.schedule_bodies import MAX_EVERY
from jobs.errors import InvalidRequest
from jobs.model import DAY, NewJob
from jobs.schedules.ports import Schedule, Spec
from jobs.schedules.rhythm import MAX_CRON, Rhythm, occurrences

from tests.builders import NOW

ZONES = ["", "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]
numbers = st.integers(-2, 70) | st.sampled_from([10**18, 1.5, 3.0, "3", "-1", "x", True, None])
words = st.sampled_from([*DAYS, *Kind, "friday", "Once a year", "", None, 3])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
times = st.sampled_from(
    ["2027-06-01T08:30:00", "2027-03-28T02:30:00Z", "2036-11-29T00:00:00+14:00", "0001-01-01T00:00:00Z", "", "soon"]
)
contracts = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("hours", "minutes", "dayOfMonth", "occurrence"), numbers),
        **dict.fromkeys(("runOnlyWorkWeek", "simpleDayOfMonth"), st.booleans() | anything),
        "dayOfWeek": words,
        "daysOfWeek": st.lists(words, max_size=4) | anything,
        **dict.fromkeys(("daysOfMonth", "months"), st.lists(numbers, max_size=4) | anything),
        "cronExpression": st.text(max_size=20) | st.sampled_from(["0 0 * * *", "0 0 31 2 *", "* " * MAX_CRON]),
    },
)
near_iterations = st.fixed_dictionaries(
    {"iterationType": words, "startTime": times},
    optional={
        "endTime": times | anything,
        **{f"{kind.lower()}Contract": contracts | anything for kind in Kind},
    },
)
near_bodies = st.fixed_dictionaries(
    {"workflowId": st.just("w") | anything, "name": st.just("n"), "iteration": near_iterations | anything},
    optional={
        **dict.fromkeys(("comment", "priority", "workerTag", "ownerId", "enabled"), anything),
        "timeZone": st.sampled_from(ZONES) | anything,
        "questions": st.lists(st.fixed_dictionaries({"name": anything, "value": anything}), max_size=2) | anything,
    },
)


@given(near_bodies | anything, st.booleans())
def test_whatever_is_sent_is_a_schedule_that_runs_or_refused(body: Any, replaces: bool) -> None:  # noqa: FBT001  # drawn
    text = json.dumps(body)
    public = Spec(name="s", rhythm=Rhythm(every=3_600, anchor=NOW), job=NewJob(action="export"))
    try:
        made = parse_schedule(text, NOW)
    except InvalidRequest:
        made = public
    else:
        first = next(occurrences(made.rhythm, NOW))
        assert first.at > NOW
        assert first.at % 60_000 == 0
    for spec in (public, made):
        try:
            changed = parse_change(text, NOW, replaces=replaces)(spec)
        except InvalidRequest:
            continue
        assert changed.rhythm == spec.rhythm or next(occurrences(changed.rhythm, NOW), None) is not None


def ahead(days: int) -> str:
    return (datetime.fromtimestamp(NOW / 1000, UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:00")


iterations = st.one_of(
    st.just({"iterationType": "Once"}),
    st.builds(
        lambda hours, minutes: {"iterationType": "Hourly", "hourlyContract": {"hours": hours, "minutes": minutes}},
        st.integers(0, MAX_HOURS - 1),
        st.integers(1, 59),
    ),
    st.builds(lambda only: {"iterationType": "Daily", "dailyContract": {"runOnlyWorkWeek": only}}, st.booleans()),
    st.builds(
        lambda days: {"iterationType": "Weekly", "weeklyContract": {"daysOfWeek": days}},
        st.lists(st.sampled_from([*DAYS]), min_size=1),
    ),
    st.builds(
        lambda nth, day: {"iterationType": "Monthly", "monthlyContract": {"occurrence": nth, "dayOfWeek": day}},
        st.sampled_from(OCCURRENCES),
        st.sampled_from([*DAYS]),
    ),
    st.builds(
        lambda days, months: {"iterationType": "Custom", "customContract": {"daysOfMonth": days, "months": months}},
        st.lists(st.integers(1, 28), min_size=1),
        st.lists(st.integers(1, 12), min_size=1),
    ),
)


@given(iterations, st.sampled_from(ZONES), st.integers(1, 2_000), st.none() | st.integers(400, 1_600))
def test_what_is_shown_can_be_sent_back_and_changes_nothing_also_when_its_start_is_past(
    iteration: dict[str, Any], zone: str, start: int, end: int | None
) -> None:
    told = {**iteration, "startTime": ahead(start), "endTime": None if end is None else ahead(start + end)}
    body = {"workflowId": "w", "name": "n", "iteration": told, "timeZone": zone, "priority": "high"}
    made = parse_schedule(json.dumps(body), NOW)
    schedule = Schedule(project_id=1, schedule_id="0" * 24, spec=made, created_at=NOW)

    shown = alteryx_schedules.render(schedule).body

    for later in (NOW, NOW + 4_000 * DAY):
        for replaces in (False, True):
            assert parse_change(shown, later, replaces=replaces)(made) == made


@pytest.mark.parametrize(("name", "where"), [("hours", ".hours"), ("minutes", "")])
def test_a_period_has_the_bound_that_the_public_api_has(name: str, where: str) -> None:
    contract = {"hours": MAX_HOURS, "minutes": 0}
    iteration = {"iterationType": "Hourly", "startTime": ahead(1), "hourlyContract": contract}
    body = {"workflowId": "w", "name": "n", "iteration": iteration}

    assert parse_schedule(json.dumps(body), NOW).rhythm.every == MAX_EVERY
    contract[name] += 1
    with pytest.raises(InvalidRequest) as refused:
        parse_schedule(json.dumps(body), NOW)
    assert refused.value.field == f"iteration.hourlyContract{where}"


def test_a_change_of_what_is_not_run_keeps_the_job_as_it_is() -> None:
    job = NewJob(action="export", params={"questions": [{"name": "a"}], "priority": "any", "own": 1}, max_attempts=3)
    spec = Spec(name="s", rhythm=Rhythm(every=3_600, anchor=NOW), job=job)

    changed = parse_change('{"comment": "c", "name": "n"}', NOW, replaces=False)(spec)

    assert changed == spec._replace(comment="c", name="n")
