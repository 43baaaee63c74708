"""Lines of `make run`, from records of the stream and lines of the log."""

from __future__ import annotations

import json
import re

import pytest
from jobs.model import Change, Status
from jobs.store import items

from local.follow import ERROR_WIDTH, describe, describe_refusal
from tests.builders import NOW, a_job

CREATED = Change(Status.SCHEDULED, NOW, "key:k")
STARTED = Change(Status.RUNNING, NOW, "service")


def told(before: dict[str, object] | None, after: dict[str, object]) -> str | None:
    """The line about a change, without time, project and job."""
    images = {
        name: items.job_to_item(a_job(**job), "token", 1)
        for name, job in (("OldImage", before), ("NewImage", after))
        if job is not None
    }
    line = describe(images)
    return None if line is None else re.sub(r" +", " ", line.partition("  job 1  ")[2])


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
