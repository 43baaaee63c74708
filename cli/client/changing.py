"""Commands that change jobs: create, cancel, retry, move, delete-user."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.client import times, view
from cli.client.errors import DONE, REFUSED, Problem, WrongUsage
from cli.client.service import Service
from cli.client.session import AsJson, At, In, Job, JobId, JobIds, Yes, now, opened, session
from cli.client.watching import watch as follow
from cli.terminal import Output, complain

DELETE_USER_DATA = "delete_user_data"
Action = Annotated[str, typer.Argument(metavar="ACTION", help="What the job is for, such as export.orders.")]


def create(  # noqa: PLR0913 - one for each field of a job
    context: typer.Context,
    action: Action,
    in_: In = None,
    at: At = None,
    param: Annotated[
        list[str] | None,
        typer.Option("--param", "-p", metavar="KEY=VALUE", help="A parameter; a value that is JSON is read as JSON."),
    ] = None,
    params: Annotated[
        str | None, typer.Option(metavar="JSON|@FILE", help="All parameters, as JSON or from a file; @- is the input.")
    ] = None,
    description: Annotated[str | None, typer.Option(help="For people.")] = None,
    reference_id: Annotated[
        str | None, typer.Option(help="What it is about in your system; lists can be filtered.")
    ] = None,
    idempotency_key: Annotated[str | None, typer.Option(help="The same key within 24 h makes no second job.")] = None,
    attempts: Annotated[int | None, typer.Option(min=1, help="How often it may run; 1 by default.")] = None,
    timeout: Annotated[str | None, typer.Option(metavar="15m", help="How long an attempt may be silent.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Watch it to its end; the exit status is the outcome.")] = False,  # noqa: FBT002 - as typer has it
    as_json: AsJson = None,
) -> int:
    """Create a job, to start now, after some time or at a time."""
    body: dict[str, Any] = {
        "action": action,
        "description": description,
        "referenceId": reference_id,
        "startAt": _start(in_, at),
        "params": _params(params, param or []),
        "maxAttempts": attempts,
        "timeoutSeconds": None if timeout is None else int(times.parse_duration(timeout).total_seconds()),
    }
    service, output = opened(context, as_json)
    job = _create(service, body, idempotency_key)
    # what waits writes each change
    if not (wait and output.json):
        _tell(output, job)
    return follow(service, output, job["jobId"], session(context).sleep) if wait else DONE


def cancel(context: typer.Context, ids: JobIds, yes: Yes = False, as_json: AsJson = None) -> int:  # noqa: FBT002
    """Cancel jobs that are scheduled or running."""
    service, output = opened(context, as_json)
    _confirm(output, f"Cancel {'job' if len(ids) == 1 else 'jobs'} {', '.join(map(str, ids))}?", yes=yes)
    return _each(ids, lambda job_id: _tell(output, service.send("DELETE", f"/jobs/{job_id}")["data"]))


def retry(context: typer.Context, ids: JobIds, as_json: AsJson = None) -> int:
    """Start jobs again that failed or were cancelled, as a further attempt."""
    service, output = opened(context, as_json)
    return _each(ids, lambda job_id: _tell(output, service.send("POST", f"/jobs/{job_id}/retry")["data"], again=True))


def move(context: typer.Context, job_id: JobId, in_: In = None, at: At = None, as_json: AsJson = None) -> int:
    """Move a scheduled job to another time."""
    start = _start(in_, at)
    if start is None:
        raise WrongUsage("say when it is to start: --in 5m, or --at 'tomorrow 09:00'")
    service, output = opened(context, as_json)
    _tell(output, service.send("PATCH", f"/jobs/{job_id}", json={"startAt": start})["data"])
    return DONE


def delete_user(  # noqa: PLR0913 - as for create
    context: typer.Context,
    user_id: Annotated[str, typer.Argument(metavar="USER", help="The user's id, of any characters.")],
    in_: In = None,
    at: At = None,
    yes: Yes = False,  # noqa: FBT002 - as typer has it
    as_json: AsJson = None,
) -> int:
    """Delete a user's data for good, at the next midnight UTC unless another time is given."""
    start = _start(in_, at)
    service, output = opened(context, as_json)
    _confirm(output, f"Delete all data of {user_id!r}? It cannot be brought back once the job runs.", yes=yes)
    body = {
        "action": DELETE_USER_DATA,
        "referenceId": user_id,
        # as the API's own call for it has it; that one cannot carry every id in its path
        "description": f"Delete user sessions of userId = {user_id}",
        "startAt": _midnight(now()) if start is None else start,
    }
    _tell(output, _create(service, body, None))
    return DONE


def _create(service: Service, body: dict[str, Any], idempotency_key: str | None) -> Job:
    headers = {}
    if idempotency_key is not None:
        if not idempotency_key.isascii() or not idempotency_key.isprintable():
            raise WrongUsage("an idempotency key has 1 to 255 printable ASCII characters")
        headers["Idempotency-Key"] = idempotency_key
    given = {name: value for name, value in body.items() if value is not None}
    job: Job = service.send("POST", "/jobs", json=given, headers=headers)["data"]
    return job


def _start(in_: str | None, at: str | None) -> int | None:
    if in_ is not None and at is not None:
        raise WrongUsage("--in and --at exclude each other")
    if in_ is not None:
        return times.to_milliseconds(now() + times.parse_duration(in_))
    return None if at is None else times.to_milliseconds(times.parse_time(at, now()))


def _midnight(after: datetime) -> int:
    day = after.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return times.to_milliseconds(day + timedelta(days=1))


def _params(whole: str | None, single: list[str]) -> dict[str, Any] | None:
    """The parameters: `--params`, and over them each `-p`."""
    found = {} if whole is None else _object(whole)
    named: dict[str, Any] = {}
    for pair in single:
        name, given, value = pair.partition("=")
        if not given or not name:
            raise WrongUsage(f"-p {pair!r}: write it like -p month=2026-11")
        if name in named:
            raise WrongUsage(f"-p {name!r} is given twice")
        try:
            named[name] = _parse(value)
        except ValueError:
            named[name] = value
    return {**found, **named} or None


def _object(text: str) -> dict[str, Any]:
    try:
        if text.startswith("@"):
            text = sys.stdin.read() if text == "@-" else Path(text[1:]).read_text(encoding="utf-8-sig")
        found = _parse(text)
    except OSError as error:
        raise WrongUsage(f"--params: {text[1:]!r} cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise WrongUsage(f"--params is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise WrongUsage('--params must be an object, such as {"month": "2026-11"}')
    return found


def _parse(text: str) -> Any:
    """JSON, and nothing that Python alone takes for it."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) < len(pairs):
            raise ValueError("a key comes twice")
        return dict(pairs)

    def refuse(name: str) -> None:
        raise ValueError(f"{name} is no JSON")

    try:
        return json.loads(text, object_pairs_hook=once, parse_constant=refuse)
    except RecursionError:
        raise ValueError("it is too deep") from None


def _confirm(output: Output, question: str, *, yes: bool) -> None:
    """Ask before something that cannot be taken back."""
    if yes:
        return
    if not output.asks:
        raise WrongUsage("nobody is there to confirm this: say --yes")
    output.note(f"{question} [y/N]")
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise WrongUsage("nothing was done")


def _each(ids: list[int], do: Callable[[int], None]) -> int:
    """Do something with each job; one that cannot be done is told, and the others are still done."""
    code = DONE
    for job_id in dict.fromkeys(ids):
        try:
            do(job_id)
        except Problem as problem:
            complain(f"job {job_id}: {problem}" if len(ids) > 1 else str(problem))
            code = REFUSED
    return code


def _tell(output: Output, job: Job, *, again: bool = False) -> None:
    if output.json:
        output.item(job)
    else:
        output.screen.print(view.sentence(job, now(), again=again), soft_wrap=True)
