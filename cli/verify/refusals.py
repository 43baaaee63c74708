"""What is refused, by the service and by the gateway before it, and what is too large or too much."""

from __future__ import annotations

import gzip
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cli.verify.report import Claims, Unproven, expect
from cli.verify.service import answered, data, took

if TYPE_CHECKING:
    from cli.verify.service import Run

REFUSALS = Claims()
#: What an API Gateway passes on of a function's answer.
MAX_ANSWER = 6 * 1024 * 1024
BURST = 150


@REFUSALS.add("A wrong key is answered 401 with a challenge, in each dialect")
def _wrong_key(run: Run) -> str:
    wrong = "jk_" + "0" * 48
    said = []
    for target, sent, scheme in (
        (f"{run.public}/jobs", f"Bearer {wrong}", "Bearer"),
        (f"{run.v1}/jobs", wrong, "ApiKey"),
        ("/webapi/v3/jobs", f"Bearer {wrong}", "Bearer"),
    ):
        answer = run.send("GET", target, headers={"Authorization": sent})
        answered(answer, 401, f"{target.split('/')[1]}")
        challenge = answer.headers.get("WWW-Authenticate", "")
        expect(challenge.startswith(scheme), f"{target.split('/')[1]} answered 401 without its challenge")
        said.append(challenge)
    return ", ".join(said)


@REFUSALS.add("A project that does not exist is answered 404, in both dialects that name one")
def _unknown_project(run: Run) -> str:
    for base in ("/public", "/api/v1"):
        answer = run.call("GET", f"{base}/verify-{run.mark}/jobs")
        answered(answer, 404, f"{base}")
    return "404, 404"


@REFUSALS.add("A method that a path does not take is answered 405 with Allow", aws_only=True)
def _method(run: Run) -> str:
    answer = run.call("PUT", f"{run.public}/jobs")
    answered(answer, 405)
    allow = answer.headers.get("Allow", "")
    expect({"GET", "POST"} <= set(allow.replace(",", " ").split()), f"Allow is {allow!r}")
    return f"Allow: {allow}"


@REFUSALS.add("A trailing slash is answered 308 to the path without it", aws_only=True)
def _slash(run: Run) -> str:
    answer = run.call("GET", f"{run.public}/jobs/")
    answered(answer, 308)
    path = urlsplit(answer.headers.get("Location", "")).path
    expect(path.endswith(f"{run.public}/jobs"), "Location is another path")
    return took(answer)


@REFUSALS.add("A doubled slash is taken as one, or answered 308 to the clean path")
def _doubled_slash(run: Run) -> str:
    answer = run.call("GET", f"{run.public.replace('/public/', '/public//')}/jobs?limit=1")
    if answer.status_code == HTTPStatus.PERMANENT_REDIRECT:
        path = urlsplit(answer.headers.get("Location", "")).path
        expect(path.endswith(f"{run.public}/jobs"), "Location is another path")
        return "308"
    expect(len(data(answer, 200)) <= 1, "the page of one has more rows")
    return "taken as one"


@REFUSALS.add("A compressed body is answered 415, an unknown parameter 400")
def _doubtful(run: Run) -> str:
    compressed = gzip.compress(b'{"action":"verify"}')
    answer = run.call("POST", f"{run.public}/jobs", content=compressed, headers={"Content-Encoding": "gzip"})
    answered(answer, 415, "a compressed body")
    unknown = run.call("GET", f"{run.public}/jobs?verify=1")
    answered(unknown, 400, "an unknown parameter")
    return "415, 400"


@REFUSALS.add("A preflight of a browser is answered", aws_only=True)
def _preflight(run: Run) -> str:
    headers = {"Origin": "https://verify.example", "Access-Control-Request-Method": "GET"}
    answer = run.send("OPTIONS", f"{run.public}/jobs", headers=headers)
    expect(not answer.is_server_error, f"answered {answer.status_code}")
    allowed = answer.headers.get("Access-Control-Allow-Origin")
    of = f"Access-Control-Allow-Origin: {allowed}" if allowed else "pages of other origins may not call"
    return f"{answer.status_code}, {of}"


@REFUSALS.add("A page that is not the last leads on by Link", aws_only=True)
def _largest_page(run: Run) -> str:
    answer = run.call("GET", f"{run.public}/jobs?limit=200")
    rows, total = len(data(answer, 200)), int(answer.headers["X-Total-Count"])
    if rows >= total:
        raise Unproven(f"all {total} jobs fit into the largest page")
    expect('rel="next"' in answer.headers.get("Link", ""), f"{rows} of {total} jobs, without Link")
    return f"{rows} of {total} jobs, {len(answer.content):,} bytes"


@REFUSALS.add("A list that passes 6 MB is cut and leads on by Link", aws_only=True)
def _six_megabytes(run: Run) -> str:
    answer = run.call("GET", f"{run.v1}/jobs")
    rows, total, size = len(data(answer, 200)), int(answer.headers["X-Total-Count"]), len(answer.content)
    expect(size <= MAX_ANSWER, f"{size:,} bytes")
    if rows >= total:
        raise Unproven(f"all {total} jobs fit into {size:,} bytes")
    expect('rel="next"' in answer.headers.get("Link", ""), f"{rows} of {total} jobs, without Link")
    return f"{rows} of {total} jobs, {size:,} bytes"


@REFUSALS.add("A burst is answered 200, or 429 by the throttle", aws_only=True)
def _burst(run: Run) -> str:
    if not run.options.load:
        raise Unproven(f"LOAD=1 sends {BURST} requests at once")

    def one(_: int) -> int:
        return run.call("GET", f"{run.public}/jobs?limit=1", tries=1).status_code

    with ThreadPoolExecutor(30) as pool:
        statuses = list(pool.map(one, range(BURST)))
    counted = ", ".join(f"{statuses.count(status)} times {status}" for status in sorted(set(statuses)))
    expect(set(statuses) <= {200, 429}, counted)
    if {429}.isdisjoint(statuses):
        raise Unproven(f"nothing was throttled: {counted}")
    return counted
