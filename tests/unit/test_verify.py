"""`make verify`: what it takes for its options, and that a service that lies is found out."""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import httpx
import pytest

from cli.verify import options, program
from cli.verify.options import Account, Options
from cli.verify.refusals import REFUSALS
from cli.verify.report import Claim, Claims, Line, Report, Unproven, Verdict, Wrong, judge
from cli.verify.service import MAX_REQUESTS, Run, now, percentile
from cli.verify.timing import TIMING
from cli.verify.user_ids import FORMS, USER_IDS, mode_and_safe

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEY = "jk_secret"
GIVEN = {"URL": "https://jobs.example.com", "KEY": KEY, "PROJECT": "p"}
DEMO = {
    "baseUrl": "http://127.0.0.1:9000",
    "apiKey": "jk_demo",
    "projectKey": "demo",
    "workflowId": "w",
    "admin": {"clientId": "id", "clientSecret": "s"},
    "awsEndpoint": "http://127.0.0.1:9001",
    "awsAccessKeyId": "access",
    "awsSecretAccessKey": "hidden",
    "region": "us-east-1",
    "stackName": "jobs",
}


class Service:
    """A service of a few routes, honest unless told how to lie."""

    def __init__(self, mode: str = "plain", **lies: Any) -> None:
        self.mode = mode
        self.lies = lies
        self.jobs: dict[int, dict[str, Any]] = {}
        self.asked: list[bytes] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.extensions["target"])
        path = request.extensions["target"].decode()
        if request.headers.get("Authorization") not in {KEY, f"Bearer {KEY}"}:
            return self._unauthorized(path)
        if "/users/" in path:
            return self._user(path.partition("/users/")[2])
        if request.method == "POST":
            return httpx.Response(201, json={"data": self._made(**json.loads(request.content))})
        if number := re.search(r"/jobs/(\d+)", path):
            return self._job(request.method, int(number[1]))
        rows = [] if "order=" in path else list(self.jobs.values())[: self.lies.get("page", 200)]
        headers = {"X-Total-Count": str(len(self.jobs)), **self.lies.get("headers", {})}
        return httpx.Response(200, json={"data": rows}, headers=headers)

    def _unauthorized(self, path: str) -> httpx.Response:
        scheme = "ApiKey" if path.startswith("/api/") else "Bearer"
        challenge = {"WWW-Authenticate": f'{scheme} realm="jobs"'}
        return httpx.Response(self.lies.get("wrong_key", 401), headers=self.lies.get("challenge", challenge))

    def _user(self, sent: str) -> httpx.Response:
        user = self.lies.get("arrives", unquote)(sent)
        if self.mode == "off":
            return httpx.Response(404)
        if "?" in sent and not self.lies.get("ignores_query"):
            return httpx.Response(400)
        if self.mode == "plain" and not re.fullmatch(r"[A-Za-z0-9._~@:+-]+", user):
            return httpx.Response(400)
        return httpx.Response(200, json={"data": self._made(action="delete_user_data", referenceId=user)})

    def _made(self, **body: Any) -> dict[str, Any]:
        created = {"from": None, "to": "scheduled", "at": now()}
        job = {"referenceId": "", "status": "scheduled", "history": [created], **body, "jobId": len(self.jobs) + 1}
        self.jobs[job["jobId"]] = job
        return job

    def _job(self, method: str, number: int) -> httpx.Response:
        job = self.jobs[number]
        if method == "DELETE" and not self.lies.get("keeps"):
            job["status"] = "cancelled"
            job["history"].append({"from": "scheduled", "to": "cancelled", "at": now()})
        elif (lag := self.lies.get("lag")) is not None:
            started = {"from": "scheduled", "to": "running", "at": job["startAt"] + lag}
            return httpx.Response(200, json={"data": {**job, "history": [*job["history"], started]}})
        return httpx.Response(200, json={"data": job})


def run_of(service: Callable[[httpx.Request], httpx.Response], **changes: Any) -> Run:
    wanted = Options(**{"url": "https://jobs.example.com", "key": KEY, "project": "p", **changes})
    return Run(wanted, httpx.MockTransport(service), sleep=lambda _: None)


def lines_of(claims: Claims, run: Run, about: str = "") -> dict[str, Line]:
    return {claim.text: judge(claim, run) for claim in claims if about in claim.text}


def only(lines: dict[str, Line]) -> Line:
    [line] = lines.values()
    return line


# ---- options ----------------------------------------------------------------------------------------------------


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    (tmp_path / "demo.json").write_text(json.dumps(DEMO))
    return tmp_path


def test_without_url_the_service_of_make_run_is_verified_with_its_own_keys(demo: Path) -> None:
    wanted = options.read({"JOBS_LOCAL_DIR": str(demo)})

    assert (wanted.url, wanted.key, wanted.project) == ("http://127.0.0.1:9000", "jk_demo", "demo")
    assert wanted.client == ("id", "s")
    assert wanted.account == Account("jobs", "us-east-1", None, "http://127.0.0.1:9001", ("access", "hidden"))
    assert wanted.loopback
    assert sorted(wanted.secrets) == ["access", "hidden", "jk_demo", "s"]


def test_keys_of_make_run_go_to_no_other_host(demo: Path) -> None:
    at = {"JOBS_LOCAL_DIR": str(demo)}
    wanted = options.read(GIVEN | at)

    assert (wanted.key, wanted.client, wanted.account, wanted.workflow) == (KEY, None, None, None)
    assert not wanted.loopback
    with pytest.raises(ValueError, match="say URL, KEY and PROJECT"):
        options.read({"URL": "https://jobs.example.com"} | at)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"KEY": ""}, "say URL, KEY and PROJECT"),
        ({"URL": "http://jobs.example.com"}, "keys go out in clear"),
        ({"URL": "jobs.example.com"}, "another form"),
        ({"URL": "https://jobs.example.com:none"}, "another form"),
        ({"URL": "https://user@jobs.example.com"}, "another form"),
        ({"CLIENT": "id"}, "CLIENT wants id:secret"),
        ({"PROFILE": "some"}, "say STACK=name and REGION=region"),
        ({"STACK": "some"}, "say STACK=name and REGION=region"),
        ({"URL": "http://127.0.0.1:1", "STACK": "some", "REGION": "here"}, "go with the URL of a deployed stack"),
    ],
)
def test_wrong_options_are_refused_without_a_key_in_the_text(
    changes: dict[str, str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.main(GIVEN | {"JOBS_LOCAL_DIR": str(tmp_path)} | changes) == 2

    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.out == ""
    assert KEY not in printed.err


# ---- lines ------------------------------------------------------------------------------------------------------


def test_what_only_aws_can_show_is_marked_on_the_emulator_and_nowhere_else() -> None:
    claim = Claim("It is so", lambda _: "1 ms", aws_only=True)

    assert str(judge(claim, run_of(Service()))) == "ok: It is so [1 ms]"
    emulated = run_of(Service(), url="http://127.0.0.1:1")
    assert str(judge(claim, emulated)) == "ok (on the emulator only): It is so [1 ms]"
    assert str(judge(claim._replace(aws_only=False), emulated)) == "ok: It is so [1 ms]"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Wrong("seen 2"), "FAILED: It is so [seen 2]"),
        (Unproven("no rows"), "unproven: It is so [no rows]"),
        (KeyError(KEY), "FAILED: It is so [the answer has another form: KeyError]"),
    ],
)
def test_a_check_that_shows_nothing_says_why(error: Exception, said: str) -> None:
    def check(_: Run) -> str:
        raise error

    assert str(judge(Claim("It is so", check), run_of(Service(), url="http://127.0.0.1:1"))) == said


def test_a_secret_is_never_printed_even_if_the_service_says_it() -> None:
    printed: list[str] = []
    Report(printed.append, [KEY]).add(Line(Verdict.FAILED, "It is so", f"the service said {KEY}"))

    assert printed == ["FAILED: It is so [the service said ***]"]


# ---- requests ---------------------------------------------------------------------------------------------------


def test_a_path_goes_out_as_it_is_given_behind_that_of_the_url() -> None:
    service = Service()
    run_of(service, url="https://jobs.example.com/base").call("DELETE", "/public/p/users/a%2Fb//c%3F/")

    assert service.asked == [b"/base/public/p/users/a%2Fb//c%3F/"]


def test_a_throttled_request_is_sent_again_and_a_run_is_bounded() -> None:
    answers = iter([429, 503, 200, *[200] * MAX_REQUESTS])
    run = run_of(lambda _: httpx.Response(next(answers)))

    assert run.call("GET", "/").status_code == 200
    assert run.requests == 3
    for _ in range(MAX_REQUESTS - 3):
        run.call("GET", "/")
    with pytest.raises(Wrong, match="were not enough"):
        run.call("GET", "/")


def test_no_answer_is_told_without_the_request() -> None:
    def broken(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(f"cannot connect with {KEY}")

    with pytest.raises(Wrong, match=r"^no answer: ConnectError$"):
        run_of(broken).call("GET", "/")


# ---- lies -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lies", "verdict"), [({}, "ok"), ({"wrong_key": 200}, "FAILED"), ({"challenge": {}}, "FAILED")]
)
def test_a_wrong_key_that_opens_or_has_no_challenge_is_found(lies: dict[str, Any], verdict: str) -> None:
    assert only(lines_of(REFUSALS, run_of(Service(**lies)), "wrong key")).verdict.value == verdict


@pytest.mark.parametrize(
    ("jobs", "lies", "verdict"),
    [
        (2, {}, "unproven"),
        (2, {"page": 1, "headers": {"Link": '<x>; rel="next"'}}, "ok"),
        (2, {"page": 1}, "FAILED"),
    ],
)
@pytest.mark.parametrize("about", ["A page that is not the last", "passes 6 MB"])
def test_a_list_that_is_cut_in_silence_is_found(about: str, jobs: int, lies: dict[str, Any], verdict: str) -> None:
    run = run_of(Service(**lies))
    for _ in range(jobs):
        run.job()

    assert only(lines_of(REFUSALS, run, about)).verdict.value == verdict


@pytest.mark.parametrize(
    ("lies", "verdict"), [({"lag": 300}, "ok"), ({"lag": -1}, "FAILED"), ({"lag": 6_000}, "FAILED")]
)
def test_an_early_and_a_late_start_are_found(lies: dict[str, Any], verdict: str) -> None:
    assert only(lines_of(TIMING, run_of(Service(**lies)), "chosen seconds")).verdict.value == verdict


def cut_at_question_mark(sent: str) -> str:
    return unquote(sent).partition("?")[0]


def without_last_slash(sent: str) -> str:
    return unquote(sent).rstrip("/")


def with_one_slash(sent: str) -> str:
    return unquote(sent).replace("//", "/")


@pytest.mark.parametrize(
    ("mode", "arrives", "failed", "figure"),
    [
        ("plain", unquote, set(), "the mode seems to be plain; safe is plain"),
        ("any", unquote, set(), "the mode seems to be any; safe is any"),
        ("plain", cut_at_question_mark, {"%3Fb", "?b"}, "the mode seems to be plain; safe is off"),
        ("any", cut_at_question_mark, {"%3Fb", "?b"}, "the mode seems to be any; safe is off"),
        ("plain", without_last_slash, {"/", "%2F"}, "the mode seems to be plain; safe is off"),
        ("any", with_one_slash, {"//b"}, "the mode seems to be any; safe is off"),
    ],
)
def test_a_user_id_that_arrives_as_another_is_found(
    mode: str, arrives: Callable[[str], str], failed: set[str], figure: str
) -> None:
    service = Service(mode, arrives=arrives, ignores_query=arrives is cut_at_question_mark)
    lines = [*lines_of(USER_IDS, run_of(service)).values()]

    tails = ["", *FORMS, "?b", "safe"]
    found = {tail for tail, line in zip(tails, lines, strict=True) if line.verdict is Verdict.FAILED}
    assert found == (failed | {"safe"} if failed else set())
    assert lines[-1].figure == figure
    assert {job["status"] for job in service.jobs.values()} == {"cancelled"}


def test_with_both_routes_off_nothing_is_said_of_user_ids() -> None:
    lines = lines_of(USER_IDS, run_of(Service("off"))).values()

    assert {line.verdict for line in lines} == {Verdict.UNPROVEN}


@pytest.mark.parametrize(
    ("plain", "others", "expected"),
    [
        ("whole", dict.fromkeys(FORMS, "whole"), ("any", "any")),
        ("whole", dict.fromkeys(FORMS, "refused"), ("plain", "plain")),
        ("whole", dict.fromkeys(FORMS, "whole") | {"/": "refused"}, ("any", "plain")),
        ("whole", dict.fromkeys(FORMS, "refused") | {"/": "changed"}, ("plain", "off")),
        ("whole", {"/": "refused"}, ("plain", "off")),
        ("off", {}, ("off", None)),
        (None, {}, (None, "off")),
    ],
)
def test_what_is_safe_follows_from_what_was_seen(
    plain: str | None, others: dict[str, str], expected: tuple[str | None, str | None]
) -> None:
    assert mode_and_safe(plain, others) == expected


def test_a_job_that_cannot_be_ended_is_counted_as_left() -> None:
    run = run_of(Service(keeps=True))
    run.job()

    line = only(lines_of(program.END, run))

    assert (line.verdict, line.figure) == (Verdict.FAILED, "1 are left: jobs 1")


@pytest.mark.parametrize("stopped", [False, True])
def test_jobs_are_ended_even_if_the_run_is_stopped(*, stopped: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    claims, service = Claims(), Service()

    @claims.add("It is stopped")
    def _stop(run: Run) -> str:
        run.job()
        if stopped:
            raise KeyboardInterrupt
        return "no"

    monkeypatch.setattr(program, "SUBJECTS", [claims])
    report = Report(lambda _: None)
    if stopped:
        with pytest.raises(KeyboardInterrupt):
            program.verify(run_of(service), report)
    else:
        assert program.verify(run_of(service), report) == 0

    assert [job["status"] for job in service.jobs.values()] == ["cancelled"]


def test_a_service_that_fails_everything_fails_the_run() -> None:
    report = Report(lambda _: None)

    assert program.verify(run_of(lambda _: httpx.Response(500), client=("id", "s")), report) == 1
    assert report.count(Verdict.OK) == 0


def test_percentiles_are_values_that_were_seen() -> None:
    assert [percentile([*range(1, 21)], share) for share in (0.5, 0.99)] == [10, 20]
    assert percentile([7], 0.5) == 7


# ---- make -------------------------------------------------------------------------------------------------------


def test_make_hands_options_on_in_the_environment_and_not_in_arguments() -> None:
    makefile = 'include Makefile\nprint-key: ; +@echo "[$$KEY $$URL $$STACK]"\n'
    command = ["make", "-n", "-f", "-", "print-key", "verify", "URL=https://jobs.example.com", "STACK=jobs"]
    environment = {"KEY": KEY, "PATH": os.environ["PATH"]}

    said = subprocess.run(
        command, input=makefile, env=environment, cwd=options.ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()

    assert f"[{KEY} https://jobs.example.com jobs]" in said
    assert ".venv/bin/python -m cli.verify" in said
