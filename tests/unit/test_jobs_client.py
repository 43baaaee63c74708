"""The program `jobs` from its command line to the requests that it sends, before a service that answers as told."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from cli.client import main
from cli.client.program import COMMANDS
from cli.client.service import PAUSES, TRIES
from cli.client.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "jk_secret"
ENVIRONMENT = {"JOBS_URL": "https://jobs.example", "JOBS_PROJECT": "p1", "JOBS_KEY": KEY}
JOB = {
    "jobId": 7,
    "description": "",
    "status": "scheduled",
    "projectId": 1,
    "action": "export",
    "referenceId": "order 1",
    "createdAt": 1_795_000_000_000,
    "updatedAt": None,
    "startAt": 1_795_000_000_000,
    "errors": None,
}
DETAILS = {
    **JOB,
    "params": {"month": "2026-11"},
    "progress": 50,
    "message": "half",
    "attempt": 2,
    "maxAttempts": 3,
    "startedAt": 1_795_000_000_000,
    "finishedAt": None,
    "timeoutAt": 1_795_000_900_000,
    "outputs": [{"rows": 75}],
    "errorList": None,
    "history": [
        {"from": None, "to": "scheduled", "at": 1_795_000_000_000, "by": "key:k", "attempt": 1, "error": None},
        {
            "from": "running",
            "to": "scheduled",
            "at": 1_795_000_001_000,
            "by": "service",
            "attempt": 2,
            "error": "first",
        },
    ],
}

#: A device of Linux that takes nothing.
FULL = Path("/dev/full")
Answer = httpx.Response | BaseException


def data(value: Any, status: int = 200, **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"data": value}, headers=headers)


def error(status: int, sentence: str, **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"error": sentence}, headers=headers)


class Told:
    """A service that gives answers in turn, and what it was asked for."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys
        self.environment = {**ENVIRONMENT, "XDG_CONFIG_HOME": str(folder / "config")}
        self.requests: list[httpx.Request] = []
        self.slept: list[float] = []

    def run(self, *arguments: str, answers: list[Answer] | Callable[[httpx.Request], httpx.Response] = ()) -> Any:  # type: ignore[assignment]
        """Run the program; return the exit status and both outputs."""
        left = None if callable(answers) else list(answers)

        def handle(request: httpx.Request) -> httpx.Response:
            self.requests.append(request)
            answer = answers(request) if left is None else left.pop(0)  # type: ignore[operator]
            if isinstance(answer, BaseException):
                raise answer
            return answer

        session = Session(self.environment, self.folder, httpx.MockTransport(handle), self.slept.append)
        code = main(arguments, session)
        out, err = self.capsys.readouterr()
        assert KEY not in out + err
        assert not left
        return code, out, err


@pytest.fixture
def told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Told:
    return Told(tmp_path, capsys)


def test_create_sends_what_the_options_say_and_prints_the_bare_job(told: Told) -> None:
    options = [
        "-p",
        "month=2026-11",
        "-p",
        "rows=75",
        "--reference-id",
        "order 1",
        "--attempts",
        "3",
        "--timeout",
        "15m",
    ]
    code, out, _ = told.run(
        "create", "export", "--at", "2027-01-01T09:00Z", *options, "--idempotency-key", "k1", answers=[data(JOB, 201)]
    )

    [request] = told.requests
    assert (request.method, request.url.path) == ("POST", "/public/p1/jobs")
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert request.headers["Idempotency-Key"] == "k1"
    assert json.loads(request.content) == {
        "action": "export",
        "referenceId": "order 1",
        "startAt": 1_798_794_000_000,
        "params": {"month": "2026-11", "rows": 75},
        "maxAttempts": 3,
        "timeoutSeconds": 900,
    }
    assert (code, json.loads(out)) == (0, JOB)


def test_parameters_come_from_a_file_and_single_ones_replace_them(told: Told) -> None:
    (told.folder / "params.json").write_text('{"a": 1, "b": [2]}')
    told.run("create", "x", "--params", f"@{told.folder}/params.json", "-p", "a=three", answers=[data(JOB, 201)])

    assert json.loads(told.requests[0].content)["params"] == {"a": "three", "b": [2]}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("create", "Missing argument"),
        ("lst", "No such command"),
        ("create x --in 5", "is no duration"),
        ("create x --in 5m --at 09:00", "exclude each other"),
        ("create x --at yesterday", "is no time"),
        ("create x --at 25:00", "is no time"),
        ("create x -p month", "-p month=2026-11"),
        ("create x -p a=1 -p a=2", "given twice"),
        ("create x --params [1]", "must be an object"),
        ('create x --params {"a":1,"a":2}', "a key comes twice"),
        ("create x --params {", "is no JSON"),
        ("create x --params @missing.json", "cannot be read"),
        ("create x --idempotency-key é", "printable"),
        ("create x --attempts 0", "attempts"),
        ("list --oldest --status failed", "--oldest goes without"),
        ("list --limit 0", "limit"),
        ("show x", "a valid integer"),
        ("show 0", "greater than"),
        ("cancel", "Missing argument"),
        ("cancel 7", "say --yes"),
        ("delete-user ada", "say --yes"),
        ("move 7", "--in 5m"),
        ("--profile nowhere list", "there is no profile 'nowhere'"),
        ("login a --url https://[::1 --project p", "https://host"),
        ("login a --url http://jobs.example --project p", "https"),
        ("profile --use nowhere", "there is no profile 'nowhere'"),
    ],
)
def test_wrong_usage_is_one_line_with_status_2_and_sends_nothing(
    told: Told, arguments: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{KEY}\n"))
    code, out, err = told.run(*arguments.split(" "))

    assert (code, out, told.requests) == (2, "", [])
    assert says in err
    assert err.startswith("jobs: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (error(401, "unauthorized"), "set one with `jobs login`"),
        (error(403, "the key has no scope read"), "the key has no scope read"),
        (error(404, "job not found"), "`jobs list`"),
        (error(404, "project not found"), "`jobs profile`"),
        (error(400, "startAt: must be a number"), "startAt: must be a number"),
        (error(409, "the job has already been started"), "already been started"),
        (error(500, "internal error (request r1)"), "internal error (request r1)"),
        (error(429, "slow down", **{"Retry-After": "3600"}), "in 3600 s"),
        (httpx.Response(200, html="<h1>Welcome</h1>"), "not as a jobs service does"),
        (httpx.Response(404, html="<h1>Nothing</h1>"), "not as a jobs service does"),
        (httpx.Response(308, headers={"Location": "https://elsewhere.example/"}), "not as a jobs service does"),
        (httpx.Response(200, json=[1]), "not as a jobs service does"),
        (httpx.ConnectError("refused"), "is it running"),
        (httpx.ConnectTimeout("late"), "is it running"),
        (UnicodeError("label empty"), "is the address right"),
    ],
)
def test_what_goes_wrong_at_the_service_is_one_line_with_status_4(told: Told, answer: Answer, says: str) -> None:
    code, out, err = told.run("show", "7", answers=[answer])

    assert (code, out) == (4, "")
    assert says in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "job",
    [{}, [], "job", None, {**DETAILS, "createdAt": 10**18}, {**DETAILS, "history": 3}, {**DETAILS, "attempt": []}],
)
def test_an_answer_of_another_form_is_one_line_too(told: Told, job: Any) -> None:
    code, _, err = told.run(
        "show", "7", "--table", answers=lambda request: data(job if "include" in str(request.url) else [])
    )

    assert code == 4
    assert "the answer is not one of a jobs service" in err
    assert err.count("\n") == 1


def test_a_throttled_request_is_sent_again_after_the_time_that_the_service_names(told: Told) -> None:
    code, out, _ = told.run(
        "retry", "7", answers=[error(429, "", **{"Retry-After": "3"}), error(429, "Too Many Requests"), data(JOB)]
    )

    assert (code, json.loads(out)) == (0, JOB)
    assert told.slept == [3.0, PAUSES[1]]


def test_a_throttled_request_is_sent_a_bounded_number_of_times(told: Told) -> None:
    code, _, err = told.run("retry", "7", answers=[error(429, "")] * TRIES)

    assert code == 4
    assert "busy" in err
    assert told.slept == [*PAUSES]


@pytest.mark.parametrize("lost", [httpx.ReadTimeout("late"), error(503, "")])
def test_only_what_may_be_sent_twice_is_sent_again_after_a_lost_answer(told: Told, lost: Answer) -> None:
    assert told.run("show", "7", answers=[lost, data(DETAILS)])[0] == 0
    assert told.run("create", "x", "--idempotency-key", "k", answers=[lost, data(JOB)])[0] == 0
    code, _, err = told.run("create", "x", answers=[lost])

    assert code == 4
    assert "look with `jobs list`" in err


def test_a_list_follows_links_to_the_address_of_the_profile_alone(told: Told) -> None:
    link = '<https://elsewhere.example/public/p1/jobs?order=desc&limit=3&cursor=a%2Bb>; rel="next"'
    answers: list[Answer] = [data([JOB], Link=link), data([], Link=link), data([JOB])]
    code, out, _ = told.run("list", "--limit", "3", "--action", "export", answers=answers)

    assert code == 0
    assert [json.loads(line) for line in out.splitlines()] == [JOB, JOB]
    assert {request.url.host for request in told.requests} == {"jobs.example"}
    assert [dict(request.url.params) for request in told.requests][:2] == [
        {"order": "desc", "limit": "3", "action": "export"},
        {"order": "desc", "limit": "3", "cursor": "a+b"},
    ]


def test_a_list_stops_at_its_limit_and_says_that_there_are_more(told: Told) -> None:
    code, out, err = told.run("list", "--oldest", "--limit", "1", "--table", answers=[data([JOB, JOB])])

    assert code == 0
    assert told.requests[0].url.params["order"] == "asc"
    assert out.count("export") == 1
    assert "--all" in err


def test_a_list_shows_a_time_to_come_only_of_jobs_that_wait_for_it(told: Told) -> None:
    ahead = {**JOB, "startAt": 4_000_000_000_000}
    again = {**ahead, "jobId": 8, "status": "running"}
    _, out, _ = told.run("list", "--table", answers=[data([ahead, again])])
    [waits] = [line for line in out.splitlines() if "scheduled" in line]
    [runs] = [line for line in out.splitlines() if "running" in line]

    assert " in " in waits
    assert " in " not in runs


def test_an_empty_list_is_no_line_for_programs_and_a_sentence_for_people(told: Told) -> None:
    assert told.run("list", answers=[data([])])[1] == ""
    assert told.run("list", "--table", answers=[data([])])[1] == "No jobs.\n"


def test_nothing_that_a_terminal_would_obey_reaches_it(told: Told) -> None:
    evil = "\x1b]0;owned\x07\x9b31m\u202edone [bold]x[/bold] [/nothing]\r\nnext"
    job = {**DETAILS, "referenceId": evil, "description": evil, "params": {evil: evil}, "errorList": [evil]}
    said = [{"status": 3, "text": evil, "toolId": 5, "at": 1_795_000_000_000}]
    kept = [{"artifactId": "a", "name": evil, "size": 3, "sha256": "", "format": evil, "attempt": 1}]
    _, shown, _ = told.run("show", "7", "--table", answers=[data(job), data(said), data(kept)])
    _, listed, _ = told.run("list", "--table", answers=[data([job])])
    _, spoken, _ = told.run("messages", "7", "--table", answers=[data(said)])
    _, as_json, _ = told.run("show", "7", "--json", answers=[data(job)])
    _, _, complained = told.run("show", "7", answers=[error(400, evil)])

    for text in (shown, listed, spoken, as_json, complained):
        assert "next" in text
        assert not {"\x1b", "\x07", "\x9b", "\u202e", "\r"} & set(text)
    assert "[bold]" in spoken
    assert json.loads(as_json)["referenceId"] == evil


def test_show_has_the_errors_of_each_attempt_messages_outputs_and_artifacts(told: Told) -> None:
    said = [{"status": 2, "text": "half way", "toolId": 0, "at": 1_795_000_000_000}]
    kept = [{"artifactId": "a", "name": "report.csv", "size": 2048, "sha256": "", "format": "Raw", "attempt": 1}]
    code, out, _ = told.run("show", "7", "--table", answers=[data(DETAILS), data(said), data(kept)])

    assert code == 0
    for text in ("2 of 3", "50 %", "first", "warning", "half way", '{"rows": 75}', "report.csv", "2.0 KB"):
        assert text in out


@pytest.mark.parametrize(("status", "code"), [("completed", 0), ("failed", 1), ("cancelled", 3)])
def test_the_exit_status_of_watch_is_the_outcome(told: Told, status: str, code: int) -> None:
    looks = [{**DETAILS, "status": "running"}] * 2 + [{**DETAILS, "status": status}]
    found, out, _ = told.run("watch", "7", answers=[data(look) for look in looks])

    assert found == code
    assert [json.loads(line)["status"] for line in out.splitlines()] == ["running", status]
    assert told.slept == [1.0, 1.0]


def test_waiting_for_a_created_job_ends_with_its_outcome(told: Told) -> None:
    answers: list[Answer] = [data(JOB, 201), data({**DETAILS, "status": "failed", "errorList": ["no disk"]})]
    code, out, _ = told.run("create", "export", "--wait", "--table", answers=answers)

    assert code == 1
    assert "no disk" in out


def test_stopping_to_watch_is_one_line_and_no_traceback(told: Told) -> None:
    code, _, err = told.run("watch", "7", answers=[KeyboardInterrupt()])

    assert code == 130
    assert err == "jobs: stopped; what the service was asked for goes on\n"


def test_a_job_that_cannot_be_cancelled_does_not_keep_the_others(told: Told) -> None:
    refused = error(400, "the requested job has already been completed")
    code, out, err = told.run("cancel", "7", "8", "7", "--yes", answers=[refused, data(JOB)])

    assert code == 4
    assert [(request.method, request.url.path) for request in told.requests] == [
        ("DELETE", "/public/p1/jobs/7"),
        ("DELETE", "/public/p1/jobs/8"),
    ]
    assert json.loads(out) == JOB
    assert err == "jobs: job 7: the requested job has already been completed\n"


def test_a_job_is_moved_by_a_patch(told: Told) -> None:
    told.run("move", "7", "--at", "2027-01-01T09:00:00+01:00", answers=[data(JOB)])

    [request] = told.requests
    assert (request.method, request.url.path) == ("PATCH", "/public/p1/jobs/7")
    assert json.loads(request.content) == {"startAt": 1_798_790_400_000}


def test_a_user_s_id_of_any_characters_goes_in_the_body_never_in_the_path(told: Told) -> None:
    told.run("delete-user", "a/b?c d", "--yes", answers=[data(JOB, 201)])

    [request] = told.requests
    body = json.loads(request.content)
    assert request.url.raw_path == b"/public/p1/jobs"
    assert (body["action"], body["referenceId"]) == ("delete_user_data", "a/b?c d")
    assert body["startAt"] % 86_400_000 == 0


def a_message(at: int, text: str) -> dict[str, Any]:
    return {"status": 1, "text": text, "toolId": 0, "at": at}


def test_following_messages_shows_late_ones_and_each_once(told: Told) -> None:
    start = 1_795_000_000_000
    first, twin, last = (a_message(start + 10, text) for text in ("first", "first", "last"))
    late = a_message(start, "late")
    looks: list[Answer] = []
    for status, said in (("running", [first]), ("running", [late, first, twin]), ("failed", [late, first, twin, last])):
        looks += [data({**JOB, "status": status}), data(said)]
    code, out, _ = told.run("messages", "7", "--follow", answers=looks)

    assert code == 0
    assert [json.loads(line)["text"] for line in out.splitlines()] == ["first", "late", "first", "last"]


def test_following_messages_reads_again_from_five_minutes_before_the_newest(told: Told) -> None:
    start, minute = 1_795_000_000_000, 60_000
    texts = [a_message(start + number * minute, str(number)) for number in range(20)]
    ended = iter(["running", "running", "completed"])

    def handle(request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/messages"):
            return data({**JOB, "status": next(ended)})
        begin = int(request.url.params.get("cursor", 0))
        more = {"Link": f'<https://x.example/?limit=200&cursor={begin + 4}>; rel="next"'} if begin + 4 < 20 else {}
        return data(texts[begin : begin + 4], 200, **more)

    code, out, _ = told.run("messages", "7", "--follow", answers=handle)

    assert code == 0
    assert [json.loads(line)["text"] for line in out.splitlines()] == [str(number) for number in range(20)]
    cursors = [request.url.params.get("cursor") for request in told.requests if request.url.path.endswith("messages")]
    # the newest is at minute 19, so a look begins with the page that begins at minute 12
    assert cursors == [None, "4", "8", "12", "16", "12", "16", "12", "16"]


CONTENT = b"a,b\n1,2\n"
ARTIFACT = {
    "artifactId": "a1",
    "name": "report.csv",
    "size": len(CONTENT),
    "sha256": hashlib.sha256(CONTENT).hexdigest(),
    "format": "Raw",
    "attempt": 1,
}


def store(*artifacts: dict[str, Any], content: bytes = CONTENT) -> Callable[[httpx.Request], httpx.Response]:
    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.host == "files.example":
            assert "Authorization" not in request.headers
            return httpx.Response(200, content=content)
        if request.url.path.endswith("/artifacts"):
            return data(list(artifacts))
        assert request.headers["Accept"] == "application/json"
        return data({"url": "https://files.example/a1?signature=s", "expiresAt": 0})

    return handle


def test_a_file_is_fetched_without_the_key_and_kept_under_its_name(told: Told) -> None:
    code, out, _ = told.run("download", "7", "--to", str(told.folder / "to"), answers=store(ARTIFACT))

    assert code == 0
    assert (told.folder / "to" / "report.csv").read_bytes() == CONTENT
    assert [path.name for path in (told.folder / "to").iterdir()] == ["report.csv"]
    assert json.loads(out)["path"] == str(told.folder / "to" / "report.csv")


@pytest.mark.parametrize("name", ["..", "../x", "..\\x", "/etc/x", ".", "\x00", "\u202egpj.exe"])
def test_a_file_never_leaves_its_folder(told: Told, name: str) -> None:
    folder = told.folder / "in" / "to"
    code, _, _ = told.run("download", "7", "--to", str(folder), answers=store({**ARTIFACT, "name": name}))

    assert code == 0
    assert [path.parent for path in (told.folder / "in").rglob("*") if path.is_file()] == [folder]


def test_a_file_that_is_there_is_kept(told: Told) -> None:
    (told.folder / "report.csv").write_text("mine")
    code, _, err = told.run("download", "7", "report.csv", "--to", str(told.folder), answers=store(ARTIFACT))

    assert code == 4
    assert "is there already" in err
    assert (told.folder / "report.csv").read_text() == "mine"


def test_a_file_that_is_not_what_was_announced_is_not_kept(told: Told) -> None:
    code, _, err = told.run("download", "7", "--to", str(told.folder / "to"), answers=store(ARTIFACT, content=b"other"))

    assert code == 4
    assert "sha256" in err
    assert list((told.folder / "to").iterdir()) == []


@pytest.mark.parametrize(("names", "kept"), [([], []), (["other.csv"], [ARTIFACT])])
def test_a_file_that_there_is_not_is_one_line(told: Told, names: list[str], kept: list[dict[str, Any]]) -> None:
    code, _, err = told.run("download", "7", *names, answers=store(*kept))

    assert code == 4
    assert "see jobs show 7" in err


def test_a_profile_is_saved_for_its_owner_alone_and_used_then(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{KEY}\n"))
    told.environment = {"XDG_CONFIG_HOME": str(told.folder / "config")}
    assert told.run("login", "work", "--url", "https://work.example/", "--project", "p2", answers=[data([])])[0] == 0

    path = told.folder / "config" / "jobs" / "config.toml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert told.run("retry", "7", answers=[data(JOB)])[0] == 0
    assert str(told.requests[-1].url) == "https://work.example/public/p2/jobs/7/retry"
    assert told.requests[-1].headers["Authorization"] == f"Bearer {KEY}"
    assert json.loads(told.run("profile")[1])["used"]["source"] == "profile work"

    path.chmod(0o644)
    code, _, err = told.run("list")
    assert code == 2
    assert "chmod 600" in err


def test_a_key_that_is_refused_is_not_saved(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{KEY}\n"))
    code, _, _ = told.run("login", "--url", "https://x.example", "--project", "p", answers=[error(401, "unauthorized")])

    assert code == 4
    assert not (told.folder / "config").exists()


def test_the_demo_of_make_run_is_used_if_nothing_is_set(told: Told) -> None:
    told.environment = {"XDG_CONFIG_HOME": str(told.folder)}
    (told.folder / ".local").mkdir()
    demo = {"baseUrl": "http://127.0.0.1:8080", "projectKey": "demo", "apiKey": KEY}
    (told.folder / ".local" / "demo.json").write_text(json.dumps(demo))

    assert told.run("open", "--print")[1] == "http://127.0.0.1:8080/console\n"
    assert told.run("retry", "7", answers=[data(JOB)])[0] == 0
    assert str(told.requests[0].url) == "http://127.0.0.1:8080/public/demo/jobs/7/retry"


def test_a_key_never_goes_to_an_address_that_it_was_not_set_with(told: Told) -> None:
    for name in ("JOBS_URL", "JOBS_KEY"):
        told.environment = {name: ENVIRONMENT[name], "JOBS_PROJECT": "p"}
        code, _, err = told.run("list")
        assert (code, told.requests) == (2, [])
        assert "together" in err


@pytest.mark.parametrize("command", [name for name, _, _ in COMMANDS])
def test_the_help_of_each_command_has_an_example(told: Told, command: str) -> None:
    code, out, _ = told.run(command, "--help")

    assert code == 0
    assert f"Example: jobs {command}" in out


def test_no_option_takes_a_key(told: Told) -> None:
    for command in ("login", "list"):
        assert "--key" not in told.run(command, "--help")[1]


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    program = (
        "import sys, httpx; from cli.client import main; from cli.client.session import Session\n"
        "jobs = [dict(jobId=n) for n in range(20000)]\n"
        "answer = lambda request: httpx.Response(200, json={'data': jobs})\n"
        f"sys.exit(main(['list', '--all', '--json'], Session({ENVIRONMENT!r}, transport=httpx.MockTransport(answer))))"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "HOME": str(tmp_path)},
    )
    assert running.stdout
    assert running.stderr
    running.stdout.readline()
    running.stdout.close()

    assert running.stderr.read() == b""
    assert running.wait() == 141
    running.stderr.close()


@pytest.mark.skipif(not FULL.exists(), reason="this system has no full disk to try")
def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    with FULL.open("w") as full:
        ran = subprocess.run(
            [sys.executable, "-c", "import sys; from cli.client import main; sys.exit(main(['open', '--print']))"],
            stdout=full,
            stderr=subprocess.PIPE,
            env={**os.environ, **ENVIRONMENT, "HOME": str(tmp_path)},
            text=True,
            check=False,
        )

    assert ran.returncode == 4
    assert ran.stderr == "jobs: the output cannot be written: No space left on device\n"


def test_watch_shows_a_live_bar_on_a_terminal(tmp_path: Path) -> None:
    looks = [{**DETAILS, "status": "running", "progress": progress, "message": "half [/b]"} for progress in (25, 75)]
    looks.append({**DETAILS, "status": "completed", "finishedAt": 1_795_000_003_000})
    program = (
        "import sys, time, httpx; from cli.client import main; from cli.client.session import Session\n"
        f"looks = iter({looks!r})\n"
        "answer = lambda request: httpx.Response(200, json={'data': next(looks)})\n"
        "session = Session(transport=httpx.MockTransport(answer), sleep=lambda seconds: time.sleep(0.3))\n"
        "sys.exit(main(['watch', '7'], session))"
    )
    environment = {**os.environ, **ENVIRONMENT, "HOME": str(tmp_path), "TERM": "xterm", "COLUMNS": "100"}
    ours, theirs = os.openpty()
    running = subprocess.Popen([sys.executable, "-c", program], stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    shown = b""
    # Linux ends a terminal that nobody writes to any more with an error
    with contextlib.suppress(OSError):
        while piece := os.read(ours, 4096):
            shown += piece
    os.close(ours)

    assert running.wait() == 0
    for text in ("Job 7 running  attempt 2 of 3  25 %  half [/b]", "75 %", "━", "completed\x1b[0m after 3 s"):
        assert text in shown.decode()
