"""Commands for schedules: jobs schedule create, list, show, next, pause, resume, run, delete."""

import re
from typing import Annotated, Literal

import typer

from cli.client import given, schedule_view, times
from cli.client.changing import tell
from cli.client.errors import DONE, WrongUsage
from cli.client.session import (
    AsJson,
    Attempts,
    Description,
    Job,
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
from cli.terminal import as_json as to_json

MAX_PAGE = 200
#: Occurrences that are shown of a schedule, and those that the service shows at most.
SOME = 5
MANY = 10
MAX_OCCURRENCES = 100
_ID = re.compile("[0-9a-f]{24}")


def _read_id(text: str) -> str:
    """Read the id of a schedule. It goes into a path.

    Raises:
        WrongUsage: it is none.
    """
    if not _ID.fullmatch(text.lower()):
        raise WrongUsage(f"{text!r} is no id of a schedule: `jobs schedule list` shows them")
    return text.lower()


ScheduleId = Annotated[str, typer.Argument(metavar="ID", parser=_read_id, help="The id of the schedule.")]
ScheduleIds = Annotated[list[str], typer.Argument(metavar="ID…", parser=_read_id, help="The ids of the schedules.")]
_WHEN = "Local without an offset."


def create(  # noqa: PLR0913 - one for each field of a schedule
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="For people.")],
    action: Annotated[str, typer.Option(help="What its jobs are for, such as export.orders.")],
    cron: Annotated[str | None, typer.Option(metavar="'30 2 * * MON-FRI'", help="When, as cron has it.")] = None,
    every: Annotated[str | None, typer.Option(metavar="5m", help="Or how often: 5m, 2h, 1d, 1h30m.")] = None,
    at: Annotated[str | None, typer.Option(metavar="TIME", help=f"Or once, at a time. {_WHEN}")] = None,
    timezone: Annotated[
        str | None, typer.Option(metavar="Europe/Berlin", help="Whose clocks --cron means; UTC by default.")
    ] = None,
    from_: Annotated[str | None, typer.Option("--from", metavar="TIME", help=f"Not before then. {_WHEN}")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help=f"Not after then. {_WHEN}")] = None,
    gap: Annotated[
        Literal["shift", "skip"] | None, typer.Option(help="What becomes of a time that the clocks skip; shift.")
    ] = None,
    fold: Annotated[
        Literal["first", "second", "both"] | None, typer.Option(help="Which counts of a time that comes twice; first.")
    ] = None,
    catch_up: Annotated[
        Literal["last", "none", "all"] | None, typer.Option(help="Which missed occurrences still make a job; last.")
    ] = None,
    overlap: Annotated[
        Literal["allow", "skip"] | None, typer.Option(help="What to do while the last job is active; allow.")
    ] = None,
    param: Param = None,
    params: Params = None,
    description: Description = None,
    reference_id: ReferenceId = None,
    attempts: Attempts = None,
    timeout: TimeOut = None,
    paused: Annotated[bool, typer.Option("--paused", help="It makes no job until it is resumed.")] = False,  # noqa: FBT002 - as typer has it
    idempotency_key: Key = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show when it would occur.")] = False,  # noqa: FBT002 - as typer has it
    as_json: AsJson = None,
) -> int:
    """Create a schedule, which makes a job at each of its occurrences."""
    if [cron, every, at].count(None) != 2:  # noqa: PLR2004 - of three
        raise WrongUsage("say when, in one way: --cron '30 2 * * MON-FRI', --every 5m, or --at 'tomorrow 09:00'")
    job = given.only(
        action=action,
        description=description,
        referenceId=reference_id,
        params=given.params(params, param or []),
        maxAttempts=attempts,
        timeoutSeconds=times.parse_seconds(timeout),
    )
    body = given.only(
        name=name,
        cron=cron,
        every=times.parse_seconds(every),
        at=_time(at),
        timezone=timezone,
        startAt=_time(from_),
        endAt=_time(until),
        gap=gap,
        fold=fold,
        catchUp=catch_up,
        overlap=overlap,
        enabled=False if paused else None,
        job=job,
    )
    headers = given.key(idempotency_key)
    service, output = opened(context, as_json)
    if dry_run:
        ahead = service.send("POST", "/schedules/preview", params={"limit": MANY}, json=body, changes=False)["data"]
        _tell_occurrences(output, ahead, schedule_view.zone_of(body))
        output.note("Nothing was created.")
        return DONE
    _tell(output, service.send("POST", "/schedules", json=body, headers=headers)["data"])
    return DONE


def list_(context: typer.Context, as_json: AsJson = None) -> int:
    """List all schedules of the project, oldest first."""
    service, output = opened(context, as_json)
    found = []
    for page, _ in service.pages("/schedules", limit=MAX_PAGE):
        for schedule in page:
            if output.json:
                output.line(to_json(schedule))
            else:
                found.append(schedule)
    if not output.json:
        output.screen.print(schedule_view.schedules(found, now()) if found else "No schedules.")
    return DONE


def show(context: typer.Context, schedule_id: ScheduleId, as_json: AsJson = None) -> int:
    """Show all about a schedule: what was set, what has become of it, and when it occurs next."""
    service, output = opened(context, as_json)
    schedule = service.read(f"/schedules/{schedule_id}")
    if output.json:
        output.item(schedule)
        return DONE
    ahead = service.read(f"/schedules/{schedule_id}/occurrences", limit=SOME)
    for part in schedule_view.details(schedule, ahead, now()):
        output.screen.print(part)
    return DONE


def next_(
    context: typer.Context,
    schedule_id: ScheduleId,
    limit: Annotated[int, typer.Option(min=1, max=MAX_OCCURRENCES, help="How many.")] = MANY,
    as_json: AsJson = None,
) -> int:
    """Show when a schedule occurs next, in local time and by the clocks of its zone."""
    service, output = opened(context, as_json)
    schedule = service.read(f"/schedules/{schedule_id}")
    ahead = service.read(f"/schedules/{schedule_id}/occurrences", limit=limit)
    if not ahead and not output.json:
        output.screen.print(schedule_view.sentence(schedule, now()), soft_wrap=True)
    else:
        _tell_occurrences(output, ahead, schedule_view.zone_of(schedule))
    return DONE


def pause(context: typer.Context, schedule_id: ScheduleId, as_json: AsJson = None) -> int:
    """Pause a schedule: it makes no job until it is resumed, and misses nothing meanwhile."""
    return _enable(context, schedule_id, as_json, enabled=False)


def resume(context: typer.Context, schedule_id: ScheduleId, as_json: AsJson = None) -> int:
    """Let a schedule go on that was paused, with its next occurrence from now on."""
    return _enable(context, schedule_id, as_json, enabled=True)


def run(context: typer.Context, schedule_id: ScheduleId, wait: Wait = False, as_json: AsJson = None) -> int:  # noqa: FBT002
    """Make a schedule's job now, out of turn. Its rhythm stays as it is."""
    service, output = opened(context, as_json)
    job = service.send("POST", f"/schedules/{schedule_id}/run")["data"]
    # what waits writes each change
    if not (wait and output.json):
        tell(output, job)
    return follow(service, output, job["jobId"], session(context).sleep) if wait else DONE


def delete(context: typer.Context, ids: ScheduleIds, yes: Yes = False, as_json: AsJson = None) -> int:  # noqa: FBT002
    """Delete schedules. The jobs that they have made stay."""
    service, output = opened(context, as_json)
    given.confirm(output, f"Delete {'schedule' if len(ids) == 1 else 'schedules'} {', '.join(ids)}?", yes=yes)

    def remove(schedule_id: str) -> None:
        service.send("DELETE", f"/schedules/{schedule_id}")
        if not output.json:
            output.screen.print(f"Schedule {schedule_id} is deleted.", soft_wrap=True)

    return given.each("schedule", ids, remove)


def _enable(context: typer.Context, schedule_id: str, as_json: bool | None, *, enabled: bool) -> int:  # noqa: FBT001 - as typer gives it
    """Pause or resume. The tag keeps a change that somebody else makes in between from being overwritten."""
    service, output = opened(context, as_json)
    path = f"/schedules/{schedule_id}"
    schedule, tag = service.read_tagged(path)
    if schedule["enabled"] != enabled:
        schedule = service.send("PATCH", path, json={"enabled": enabled}, headers={"If-Match": tag})["data"]
    _tell(output, schedule)
    return DONE


def _time(text: str | None) -> int | None:
    return None if text is None else times.to_milliseconds(times.parse_time(text, now()))


def _tell(output: Output, schedule: Job) -> None:
    if output.json:
        output.item(schedule)
    else:
        output.screen.print(schedule_view.sentence(schedule, now()), soft_wrap=True)


def _tell_occurrences(output: Output, ahead: list[Job], zone: str | None) -> None:
    if output.json:
        for occurrence in ahead:
            output.line(to_json(occurrence))
    else:
        output.screen.print(schedule_view.occurrences(ahead, zone, now()))


#: Each command with its name and an example.
COMMANDS = (
    (
        "create",
        create,
        "jobs schedule create Nightly --cron '30 2 * * MON-FRI' --timezone Europe/Berlin --action export.orders",
    ),
    ("list", list_, "jobs schedule list"),
    ("show", show, "jobs schedule show 692a4f2100000001a4c09e13"),
    ("next", next_, "jobs schedule next 692a4f2100000001a4c09e13 --limit 20"),
    ("pause", pause, "jobs schedule pause 692a4f2100000001a4c09e13"),
    ("resume", resume, "jobs schedule resume 692a4f2100000001a4c09e13"),
    ("run", run, "jobs schedule run 692a4f2100000001a4c09e13 --wait"),
    ("delete", delete, "jobs schedule delete 692a4f2100000001a4c09e13 --yes"),
)
