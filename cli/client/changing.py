"""Commands that change jobs: create, cancel, retry, move, delete-user."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from cli.client import given, times, view
from cli.client.errors import DONE, WrongUsage
from cli.client.service import Service
from cli.client.session import (
    AsJson,
    At,
    Attempts,
    Description,
    In,
    Job,
    JobId,
    JobIds,
    Key,
    Param,
    Params,
    ReferenceId,
    TimeOut,
    Wait,
    Yes,
    now,
    opened,
    session,
)
from cli.client.watching import watch as follow
from cli.terminal import Output

DELETE_USER_DATA = "delete_user_data"
Action = Annotated[str, typer.Argument(metavar="ACTION", help="What the job is for, such as export.orders.")]


def create(  # noqa: PLR0913 - one for each field of a job
    context: typer.Context,
    action: Action,
    in_: In = None,
    at: At = None,
    param: Param = None,
    params: Params = None,
    description: Description = None,
    reference_id: ReferenceId = None,
    idempotency_key: Key = None,
    attempts: Attempts = None,
    timeout: TimeOut = None,
    wait: Wait = False,  # noqa: FBT002 - as typer has it
    as_json: AsJson = None,
) -> int:
    """Create a job, to start now, after some time or at a time."""
    body = given.only(
        action=action,
        description=description,
        referenceId=reference_id,
        startAt=_start(in_, at),
        params=given.params(params, param or []),
        maxAttempts=attempts,
        timeoutSeconds=times.parse_seconds(timeout),
    )
    service, output = opened(context, as_json)
    job = _create(service, body, idempotency_key)
    # what waits writes each change
    if not (wait and output.json):
        tell(output, job)
    return follow(service, output, job["jobId"], session(context).sleep) if wait else DONE


def cancel(context: typer.Context, ids: JobIds, yes: Yes = False, as_json: AsJson = None) -> int:  # noqa: FBT002
    """Cancel jobs that are scheduled or running."""
    service, output = opened(context, as_json)
    given.confirm(output, f"Cancel {'job' if len(ids) == 1 else 'jobs'} {', '.join(map(str, ids))}?", yes=yes)
    return given.each("job", ids, lambda job_id: tell(output, service.send("DELETE", f"/jobs/{job_id}")["data"]))


def retry(context: typer.Context, ids: JobIds, as_json: AsJson = None) -> int:
    """Start jobs again that failed or were cancelled, as a further attempt."""
    service, output = opened(context, as_json)
    return given.each(
        "job", ids, lambda job_id: tell(output, service.send("POST", f"/jobs/{job_id}/retry")["data"], again=True)
    )


def move(context: typer.Context, job_id: JobId, in_: In = None, at: At = None, as_json: AsJson = None) -> int:
    """Move a scheduled job to another time."""
    start = _start(in_, at)
    if start is None:
        raise WrongUsage("say when it is to start: --in 5m, or --at 'tomorrow 09:00'")
    service, output = opened(context, as_json)
    tell(output, service.send("PATCH", f"/jobs/{job_id}", json={"startAt": start})["data"])
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
    given.confirm(output, f"Delete all data of {user_id!r}? It cannot be brought back once the job runs.", yes=yes)
    body = {
        "action": DELETE_USER_DATA,
        "referenceId": user_id,
        # as the API's own call for it has it; that one cannot carry every id in its path
        "description": f"Delete user sessions of userId = {user_id}",
        "startAt": _midnight(now()) if start is None else start,
    }
    tell(output, _create(service, body, None))
    return DONE


def _create(service: Service, body: dict[str, Any], idempotency_key: str | None) -> Job:
    job: Job = service.send("POST", "/jobs", json=body, headers=given.key(idempotency_key))["data"]
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


def tell(output: Output, job: Job, *, again: bool = False) -> None:
    """Write a job."""
    if output.json:
        output.item(job)
    else:
        output.screen.print(view.sentence(job, now(), again=again), soft_wrap=True)
