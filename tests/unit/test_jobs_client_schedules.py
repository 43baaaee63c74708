"""`jobs schedule` from its command line to the requests that it sends, before a service that answers as told."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from cli.client import times
from cli.client.scheduling import COMMANDS
from tests.unit.test_jobs_client import DETAILS, JOB, Answer, Told, data, error, told

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["told"]

ID = "6b0bd6f20000000101d5c7d4"
OTHER = "6b0bd6f400000001a73e15e1"
SCHEDULE = {
    "name": "Export of the night",
    "cron": "30 2 * * MON-FRI",
    "every": None,
    "at": None,
    "timezone": "Europe/Berlin",
    "job": {
        "action": "export",
        "description": "",
        "referenceId": "order 1",
        "params": {"format": "csv"},
        "maxAttempts": 3,
        "timeoutSeconds": 5400,
    },
    "startAt": None,
    "endAt": None,
    "enabled": True,
    "gap": "shift",
    "fold": "first",
    "catchUp": "last",
    "overlap": "allow",
    "scheduleId": ID,
    "nextAt": 4_000_000_000_000,
    "lastAt": 1_795_000_000_000,
    "lastJobId": 7,
    "runCount": 12,
    "missedCount": 34,
    "skippedCount": 56,
    "createdAt": 1_795_000_000_000,
    "updatedAt": None,
}
#: Half past two in Berlin does not exist on that day.
AHEAD = [
    {"at": 1_806_195_600_000, "local": "2027-03-28T03:00:00+02:00", "note": "shifted"},
    {"at": 1_806_280_200_000, "local": "2027-03-29T02:30:00+02:00", "note": None},
]


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The terminal is wide, and local time is that of Greenwich."""
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_create_sends_what_the_options_say_and_prints_the_bare_schedule(told: Told) -> None:
    when = ["--cron", "30 2 * * MON-FRI", "--timezone", "Europe/Berlin"]
    bounds = ["--from", "2027-01-01T09:00Z", "--until", "2027-12-31T09:00Z"]
    choices = ["--gap", "skip", "--fold", "both", "--catch-up", "all", "--overlap", "skip", "--paused"]
    job = ["--action", "export", "-p", "a=1", "--reference-id", "r", "--attempts", "3", "--timeout", "15m"]
    code, out, _ = told.run(
        *("schedule", "create", "Nightly", *when, *bounds, *choices, *job),
        *("--description", "d", "--idempotency-key", "k1"),
        answers=[data(SCHEDULE, 201)],
    )

    [request] = told.requests
    assert (request.method, request.url.path) == ("POST", "/public/p1/schedules")
    assert request.headers["Idempotency-Key"] == "k1"
    assert json.loads(request.content) == {
        "name": "Nightly",
        "cron": "30 2 * * MON-FRI",
        "timezone": "Europe/Berlin",
        "startAt": 1_798_794_000_000,
        "endAt": 1_830_243_600_000,
        "gap": "skip",
        "fold": "both",
        "catchUp": "all",
        "overlap": "skip",
        "enabled": False,
        "job": {
            "action": "export",
            "description": "d",
            "referenceId": "r",
            "params": {"a": 1},
            "maxAttempts": 3,
            "timeoutSeconds": 900,
        },
    }
    assert (code, json.loads(out)) == (0, SCHEDULE)


@pytest.mark.parametrize(
    ("option", "field"),
    [
        (("--every", "1h30m"), {"every": 5400}),
        (("--at", "2027-01-01T09:00Z"), {"at": 1_798_794_000_000}),
    ],
)
def test_what_is_not_given_is_not_sent(told: Told, option: tuple[str, str], field: dict[str, Any]) -> None:
    told.run("schedule", "create", "x", *option, "--action", "a", answers=[data(SCHEDULE, 201)])

    assert json.loads(told.requests[0].content) == {"name": "x", **field, "job": {"action": "a"}}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("schedule", "Missing command"),
        ("schedule crate", "No such command"),
        ("schedule create", "Missing argument"),
        ("schedule create x --every 5m", "--action"),
        ("schedule create x --action a", "in one way"),
        ("schedule create x --action a --every 5m --at 09:00", "in one way"),
        ("schedule create x --action a --every 5", "is no duration"),
        ("schedule create x --action a --at soon", "is no time"),
        ("schedule create x --action a --every 5m --from soon", "is no time"),
        ("schedule create x --action a --every 5m --until soon", "is no time"),
        ("schedule create x --action a --every 5m --gap jump", "--gap"),
        ("schedule create x --action a --every 5m --fold third", "--fold"),
        ("schedule create x --action a --every 5m --catch-up some", "--catch-up"),
        ("schedule create x --action a --every 5m --overlap queue", "--overlap"),
        ("schedule create x --action a --every 5m -p month", "-p month=2026-11"),
        ("schedule create x --action a --every 5m --timeout 5", "is no duration"),
        ("schedule create x --action a --every 5m --idempotency-key é", "printable"),
        ("schedule create x --action a --every 5m --idempotency-key é --dry-run", "printable"),
        ("schedule show", "Missing argument"),
        ("schedule show 7", "is no id of a schedule"),
        ("schedule show ../jobs/7", "is no id of a schedule"),
        (f"schedule next {ID} --limit 101", "--limit"),
        ("schedule pause", "Missing argument"),
        ("schedule run x", "is no id of a schedule"),
        ("schedule delete", "Missing argument"),
        (f"schedule delete {ID}", "say --yes"),
        (f"schedule delete {ID} x --yes", "is no id of a schedule"),
    ],
)
def test_wrong_usage_is_one_line_with_status_2_and_sends_nothing(told: Told, arguments: str, says: str) -> None:
    code, out, err = told.run(*arguments.split(" "))

    assert (code, out, told.requests) == (2, "", [])
    assert says in err
    assert err.startswith("jobs: ")
    assert err.count("\n") == 1


def test_a_dry_run_shows_the_next_occurrences_with_their_notes_and_creates_nothing(told: Told) -> None:
    given = ("schedule", "create", "x", "--cron", "30 2 * * *", "--timezone", "Europe/Berlin", "--action", "a")
    code, out, err = told.run(*given, "--dry-run", "--table", answers=[data(AHEAD)])

    [request] = told.requests
    assert (request.method, request.url.path) == ("POST", "/public/p1/schedules/preview")
    assert json.loads(request.content)["cron"] == "30 2 * * *"
    assert (code, err) == (0, "Nothing was created.\n")
    lines = out.splitlines()
    assert "In Europe/Berlin" in lines[0]
    assert lines[2].split()[:2] == ["2027-03-28", "01:00:00"]
    assert "2027-03-28 03:00:00 +0200   shifted" in lines[2]
    assert "shifted" not in lines[3]
    _, out, _ = told.run(*given, "--dry-run", answers=[data(AHEAD)])
    assert [json.loads(line) for line in out.splitlines()] == AHEAD


def test_a_preview_that_got_no_answer_is_asked_for_again_and_a_creation_is_not(told: Told) -> None:
    given = ("schedule", "create", "x", "--every", "5m", "--action", "a")
    assert told.run(*given, "--dry-run", answers=[httpx.ReadTimeout("late"), data(AHEAD)])[0] == 0
    assert told.run(*given, "--idempotency-key", "k", answers=[httpx.ReadTimeout("late"), data(SCHEDULE)])[0] == 0
    for lost in (httpx.ReadTimeout("late"), error(503, "")):
        code, _, err = told.run(*given, answers=[lost])
        assert code == 4
        assert "look with `jobs schedule list`" in err
    # what a run makes is a job
    assert "look with `jobs list`" in told.run("schedule", "run", ID, answers=[httpx.ReadTimeout("late")])[2]


def test_a_list_goes_on_to_its_end_and_has_a_line_for_each(told: Told) -> None:
    link = f'<https://elsewhere.example/public/p1/schedules?limit=200&after={ID}>; rel="next"'
    answers: list[Answer] = [data([SCHEDULE], Link=link), data([{**SCHEDULE, "scheduleId": OTHER}])]
    code, out, _ = told.run("schedule", "list", answers=answers)

    assert code == 0
    assert [json.loads(line)["scheduleId"] for line in out.splitlines()] == [ID, OTHER]
    assert told.requests[1].url.params["after"] == ID
    assert {request.url.host for request in told.requests} == {"jobs.example"}


def test_a_list_shows_rhythm_state_last_job_and_counts(told: Told) -> None:
    of_kinds = [
        SCHEDULE,
        {
            **SCHEDULE,
            "cron": None,
            "every": 5400,
            "timezone": None,
            "enabled": False,
            "nextAt": None,
            "skippedCount": 0,
        },
        {
            **SCHEDULE,
            "cron": None,
            "at": 1_795_000_000_000,
            "nextAt": None,
            "lastJobId": None,
            "missedCount": 0,
            "skippedCount": 0,
        },
    ]
    _, out, _ = told.run("schedule", "list", "--table", answers=[data(of_kinds)])
    active, paused, ended = [line.split() for line in out.splitlines() if ID in line]

    assert " ".join(active).endswith(" d 7 12, 34 missed, 56 skipped")  # it is in so many days
    assert " ".join(paused).endswith(" every 1h30m paused 7 12, 34 missed")
    assert " ".join(ended).endswith(" once ended 12")
    assert told.run("schedule", "list", answers=[data([])])[1] == ""
    assert told.run("schedule", "list", "--table", answers=[data([])])[1] == "No schedules.\n"


def test_show_has_what_was_set_what_became_of_it_and_what_comes(told: Told) -> None:
    code, out, _ = told.run("schedule", "show", ID.upper(), "--table", answers=[data(SCHEDULE), data(AHEAD)])

    assert code == 0
    assert [request.url.path for request in told.requests] == [
        f"/public/p1/schedules/{ID}",
        f"/public/p1/schedules/{ID}/occurrences",
    ]
    for text in (
        "30 2 * * MON-FRI in Europe/Berlin",
        "export of order 1",
        '{"format": "csv"}',
        "1h30m",
        "job 7",
        "12 run, 34 missed, 56 skipped",
        "shifted",
    ):
        assert text in " ".join(out.split())
    assert json.loads(told.run("schedule", "show", ID, answers=[data(SCHEDULE)])[1]) == SCHEDULE


def test_next_says_why_there_is_none(told: Told) -> None:
    paused = {**SCHEDULE, "enabled": False, "nextAt": None}
    assert "is paused" in told.run("schedule", "next", ID, "--table", answers=[data(paused), data([])])[1]
    assert told.run("schedule", "next", ID, answers=[data(paused), data([])])[1] == ""
    told.run("schedule", "next", ID, "--limit", "100", answers=[data(SCHEDULE), data(AHEAD)])
    assert told.requests[-1].url.params["limit"] == "100"


@pytest.mark.parametrize(
    ("rhythm", "hour", "columns"),
    [
        ({}, "03", ["Next", "Away", "In", "Europe/Berlin"]),
        ({}, "01", ["Next", "Away"]),
        ({"cron": None, "every": 60, "timezone": None}, "03", ["Next", "Away"]),
        ({"cron": None, "at": 1_806_195_600_000, "timezone": "UTC"}, "03", ["Next", "Away"]),
    ],
)
def test_the_zone_s_clocks_are_shown_only_where_they_count_and_show_another_time(
    told: Told, rhythm: dict[str, Any], hour: str, columns: list[str]
) -> None:
    ahead = [{"at": 1_806_195_600_000, "local": f"2027-03-28T{hour}:00:00+00:00", "note": None}]
    _, out, _ = told.run("schedule", "next", ID, "--table", answers=[data({**SCHEDULE, **rhythm}), data(ahead)])

    assert out.splitlines()[0].split() == columns


def test_a_preview_without_a_zone_is_by_the_clocks_of_utc(told: Told) -> None:
    given = ("schedule", "create", "x", "--cron", "30 2 * * *", "--action", "a", "--dry-run", "--table")
    assert "In UTC" in told.run(*given, answers=[data(AHEAD)])[1]


@pytest.mark.parametrize(("command", "enabled"), [("pause", False), ("resume", True)])
def test_pausing_changes_nothing_else_and_only_what_was_seen(told: Told, command: str, *, enabled: bool) -> None:
    before, after = {**SCHEDULE, "enabled": not enabled}, {**SCHEDULE, "enabled": enabled}
    code, out, _ = told.run("schedule", command, ID, answers=[data(before, ETag='"4"'), data(after)])

    read, change = told.requests
    assert (read.method, change.method, change.url.path) == ("GET", "PATCH", f"/public/p1/schedules/{ID}")
    assert (json.loads(change.content), change.headers["If-Match"]) == ({"enabled": enabled}, '"4"')
    assert (code, json.loads(out)) == (0, after)
    # there is nothing to change any more
    code, out, _ = told.run("schedule", command, ID, answers=[data(after, ETag='"5"')])
    assert (code, json.loads(out), len(told.requests)) == (0, after, 3)


def test_a_change_of_somebody_else_in_between_is_one_line_with_what_to_do(told: Told) -> None:
    refused = error(412, "the schedule has changed meanwhile: read it again")
    code, out, err = told.run("schedule", "pause", ID, answers=[data(SCHEDULE, ETag='"4"'), refused])

    assert (code, out) == (4, "")
    assert err == (
        "jobs: somebody has changed the schedule meanwhile: look at it with `jobs schedule show`, then try again\n"
    )


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (error(404, "schedule not found"), "`jobs schedule list`"),
        (error(403, "the key has no scope read"), "Use a key with that scope"),
        (data({**SCHEDULE, "createdAt": 10**18}), "not one of a jobs service"),
        (data({**SCHEDULE, "job": None}), "not one of a jobs service"),
        (data([]), "not one of a jobs service"),
    ],
)
def test_what_goes_wrong_at_the_service_is_one_line_with_status_4(told: Told, answer: Answer, says: str) -> None:
    def answers(request: httpx.Request) -> httpx.Response:
        assert isinstance(answer, httpx.Response)
        return data([]) if request.url.path.endswith("/occurrences") else answer

    code, _, err = told.run("schedule", "show", ID, "--table", answers=answers)

    assert code == 4
    assert says in err
    assert err.count("\n") == 1


def test_a_run_makes_a_job_and_its_outcome_is_the_exit_status(told: Told) -> None:
    code, out, _ = told.run("schedule", "run", ID, answers=[data(JOB, 201)])
    assert (told.requests[0].method, told.requests[0].url.path) == ("POST", f"/public/p1/schedules/{ID}/run")
    assert (code, json.loads(out)) == (0, JOB)

    answers: list[Answer] = [data(JOB, 201), data({**DETAILS, "status": "failed", "errorList": ["no disk"]})]
    code, out, _ = told.run("schedule", "run", ID, "--wait", "--table", answers=answers)
    assert code == 1
    assert "no disk" in out


def test_one_that_cannot_be_deleted_does_not_keep_the_others(told: Told) -> None:
    answers: list[Answer] = [error(404, "schedule not found"), httpx.Response(204)]
    code, out, err = told.run("schedule", "delete", ID, OTHER, ID, "--yes", "--table", answers=answers)

    assert [(request.method, request.url.path) for request in told.requests] == [
        ("DELETE", f"/public/p1/schedules/{ID}"),
        ("DELETE", f"/public/p1/schedules/{OTHER}"),
    ]
    assert (code, out) == (4, f"Schedule {OTHER} is deleted.\n")
    assert err.startswith(f"jobs: schedule {ID}: there is no such schedule")
    assert told.run("schedule", "delete", ID, "--yes", answers=[httpx.Response(204)])[:2] == (0, "")


def test_a_job_shows_the_schedule_that_made_it(told: Told) -> None:
    for scheduled_for, shown in ((1_795_000_000_000, "for 2026-11-18 11:06:40"), (None, "out of turn")):
        job = {**DETAILS, "scheduleId": ID, "scheduledFor": scheduled_for}
        _, out, _ = told.run("show", "7", "--table", answers=[data(job), data([]), data([])])
        assert f"{ID}, {shown}" in out


def test_nothing_that_a_terminal_would_obey_reaches_it(told: Told) -> None:
    evil = "\x1b]0;owned\x07\x9b31m\u202edone [bold]x[/bold]\r\nnext"
    job = {**SCHEDULE["job"], "action": evil, "description": evil, "params": {evil: evil}}  # type: ignore[dict-item]
    schedule = {**SCHEDULE, "name": evil, "cron": evil, "timezone": evil, "gap": evil, "job": job}
    ahead = [{**AHEAD[0], "note": evil}]
    _, shown, _ = told.run("schedule", "show", ID, "--table", answers=[data(schedule), data(ahead)])
    _, listed, _ = told.run("schedule", "list", "--table", answers=[data([schedule])])

    for text in (shown, listed):
        assert "next" in text
        assert "[bold]" in text
        assert not {"\x1b", "\x07", "\x9b", "\u202e", "\r"} & set(text)


@pytest.mark.parametrize("command", [name for name, _, _ in COMMANDS])
def test_the_help_of_each_command_has_an_example(told: Told, command: str) -> None:
    code, out, _ = told.run("schedule", command, "--help")

    assert code == 0
    assert f"Example: jobs schedule {command}" in out


@pytest.mark.parametrize("seconds", [0, 1, 60, 90, 5400, 86_400, 90_061, 31_536_000])
def test_a_number_of_seconds_is_written_as_it_is_read(seconds: int) -> None:
    assert times.parse_seconds(times.write_seconds(seconds)) == seconds
