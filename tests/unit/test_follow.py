"""Lines of `make run`, from records of the stream and lines of the log."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from jobs.model import Change, Occasion, Status
from jobs.store import items, keys

from local.follow import ERROR_WIDTH, describe, describe_refusal
from tests.builders import NOW, a_job

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEDULE = f"{1:024x}"
CREATED = Change(Status.SCHEDULED, NOW, "key:k")
STARTED = Change(Status.RUNNING, NOW, "service")


def told(before: dict[str, object] | None, after: dict[str, object]) -> str | None:
    """The line about a change, without time, project and job."""
    images = {
        name: items.job_to_item(a_job(**job), "token", 1)
        for name, job in (("OldImage", before), ("NewImage", after))
        if job is not None
    }
    return next((re.sub(r" +", " ", line.partition("  job 1  ")[2]) for line in lines(images)), None)


def lines(images: Mapping[str, object]) -> list[str]:
    """The lines about a change of a row."""
    return list(describe({"dynamodb": {"SequenceNumber": "1", **images}}))


def test_an_error_is_one_line_that_a_terminal_may_show() -> None:
    running = {"status": Status.RUNNING, "history": (CREATED, STARTED), "next_at": NOW}
    ended = Change(Status.FAILED, NOW, "service")

    def failed(*errors: str) -> str | None:
        return told(running, {"status": Status.FAILED, "history": (CREATED, STARTED, ended), "errors": errors})

    assert failed("no\x1b[2J\r\n disk", "no \u202ewater") == "running → failed (export: no [2J disk; no water)"
    assert failed("x" * ERROR_WIDTH) == f"running → failed (export: {'x' * ERROR_WIDTH})"
    assert failed("x" * (ERROR_WIDTH + 1)) == f"running → failed (export: {'x' * ERROR_WIDTH}…)"


def test_a_move_is_told_and_a_change_of_nothing_that_is_shown_is_not() -> None:
    waiting = {"status": Status.SCHEDULED, "history": (CREATED,), "next_at": NOW}

    moved = told(waiting, {**waiting, "next_at": NOW, "moves": 1, "moved_by": "key:k"})

    assert moved == "moved (export, due now)"
    assert told(waiting, {**waiting, "progress": 5}) is None


def test_a_job_of_a_schedule_names_it_once() -> None:
    waiting = {
        "status": Status.SCHEDULED,
        "history": (CREATED,),
        "next_at": NOW,
        "made_by": Occasion(SCHEDULE, NOW - 300),
    }
    running = {**waiting, "status": Status.RUNNING, "history": (CREATED, STARTED)}

    out_of_turn = {**waiting, "made_by": Occasion(SCHEDULE)}

    assert told(None, waiting) == f"new → scheduled (export, schedule {SCHEDULE}, +0.30 s after its occurrence)"
    assert told(None, out_of_turn) == f"new → scheduled (export, schedule {SCHEDULE}, due now)"
    assert told(waiting, running) == "scheduled → running (export, +0.00 s after due)"


def spec(version: int, *, enabled: bool = True) -> dict[str, object]:
    content = json.dumps({"name": "Night\x1b[2J\nly", "enabled": enabled})
    return {**items.key(keys.schedule_spec(1, SCHEDULE)), "v": items.number(version), "json": items.string(content)}


def state(missed: int, skipped: int) -> dict[str, object]:
    counts = {"rc": items.number(9), "mc": items.number(missed), "sc": items.number(skipped)}
    return {**items.key(keys.schedule_state(1, SCHEDULE)), "due": items.number(NOW), **counts}


@pytest.mark.parametrize(
    ("before", "after", "lines_of_it"),
    [
        (None, spec(1), [r"created   \(Night \[2J ly\)"]),
        (spec(1), spec(2, enabled=False), [r"updated   \(Night \[2J ly, paused\)"]),
        (spec(2), None, [r"deleted   \(Night \[2J ly\)"]),
        (
            state(1, 1),
            state(4, 2),
            [
                r"missed    \(3 from \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\S+ on, 4 so far\)",
                r"skipped   \(1 from \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\S+ on, 2 so far\)",
            ],
        ),
        (None, state(0, 0), []),
        (state(1, 1), state(1, 1), []),
    ],
)
def test_what_becomes_of_a_schedule_is_told_with_its_id(
    before: dict[str, object] | None, after: dict[str, object] | None, lines_of_it: list[str]
) -> None:
    images = {name: row for name, row in (("OldImage", before), ("NewImage", after)) if row is not None}
    found = lines(images)

    assert len(found) == len(lines_of_it)
    for line, wanted in zip(found, lines_of_it, strict=True):
        assert re.fullmatch(rf"\d\d:\d\d:\d\d\.\d{{3}}  project 1  schedule {SCHEDULE}  {wanted}", line), line


@pytest.mark.parametrize(
    ("logged", "line"),
    [
        (
            {"message": "refused", "detailType": "Job Failed", "source": "com.example.a", "field": "f", "reason": "r"},
            "refused  Job Failed from com.example.a: f: r",
        ),
        ({"message": "refused", "field": "f", "reason": "r"}, "refused  an event from another source: f: r"),
        ({"message": "taken", "refused": 1}, None),
        (["refused"], None),
    ],
)
def test_a_line_of_the_log_is_told_if_it_refuses_something(logged: object, line: str | None) -> None:
    found = describe_refusal({"timestamp": NOW, "message": json.dumps(logged)})

    assert found == line or (found is not None and found[14:] == line)


def test_what_others_write_to_the_log_is_passed_over() -> None:
    assert describe_refusal({"timestamp": NOW, "message": 'Traceback: "refused"'}) is None
