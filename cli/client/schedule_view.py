"""Schedules and their occurrences as tables and lines for people."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from rich.text import Text

from cli.client import times, view
from cli.terminal import as_json, clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from cli.client.session import Job

COLOURS = {"active": "green", "paused": "yellow", "ended": "magenta"}


def status(schedule: Job) -> Text:
    """Whether a schedule occurs: active, paused by somebody, or ended because no occurrence is left."""
    word = "paused" if not schedule["enabled"] else "ended" if schedule["nextAt"] is None else "active"
    return Text(word, style=COLOURS[word])


def rhythm(schedule: Job) -> str:
    """When a schedule occurs, as a person has set it."""
    if schedule["cron"] is not None:
        return clean(schedule["cron"])
    if schedule["every"] is not None:
        return f"every {times.write_seconds(schedule['every'])}"
    return "once"


def zone_of(schedule: Job) -> str | None:
    """The zone whose clocks a schedule means, or a body that makes one; None if it means none."""
    if schedule.get("cron") is None:
        return None
    return clean(schedule.get("timezone") or "UTC")


def schedules(found: Iterable[Job], at: datetime) -> Table:
    """A list of schedules."""
    table = view.columns("Schedule", "Name", "Rhythm", "Next", "Last job", "Runs")
    table.columns[0].no_wrap = True  # it is there to be copied
    table.columns[4].justify = "right"
    for schedule in found:
        next_at = schedule["nextAt"]
        last = "" if schedule["lastJobId"] is None else str(schedule["lastJobId"])
        left_out = {"missed": schedule["missedCount"], "skipped": schedule["skippedCount"]}
        runs = [str(schedule["runCount"]), *(f"{count} {how}" for how, count in left_out.items() if count)]
        table.add_row(
            *map(Text, (clean(schedule["scheduleId"]), clean(schedule["name"]), rhythm(schedule))),
            status(schedule) if next_at is None else times.relative(next_at, at),
            last,
            ", ".join(runs),
        )
    return table


def sentence(schedule: Job, at: datetime) -> Text:
    """A schedule on one line."""
    text = _headline(schedule).append(f", {_clocked(schedule)}")
    return text if schedule["nextAt"] is None else text.append(f", next {times.show(schedule['nextAt'], at)}")


def details(schedule: Job, ahead: Sequence[Job], at: datetime) -> Iterable[RenderableType]:
    """All about a schedule: what was set, what has become of it, and when it occurs next."""
    job, last = schedule["job"], schedule["lastJobId"]
    counts = {"run": schedule["runCount"], "missed": schedule["missedCount"], "skipped": schedule["skippedCount"]}
    yield _headline(schedule)
    yield view.facts(
        {
            "Occurs": _clocked(schedule),
            "Makes": clean(job["action"]) + (f" of {clean(job['referenceId'])}" if job["referenceId"] else ""),
            "Description": clean(job["description"]),
            "Params": as_json(job["params"]) if job["params"] else "",
            "Attempts": str(job["maxAttempts"]),
            "Time-out": times.write_seconds(job["timeoutSeconds"]),
            "From": _clock(schedule["startAt"]),
            "Until": _clock(schedule["endAt"]),
            "Gap": clean(schedule["gap"] or ""),
            "Fold": clean(schedule["fold"] or ""),
            "Catch-up": clean(schedule["catchUp"]),
            "Overlap": clean(schedule["overlap"]),
            "Next": "" if schedule["nextAt"] is None else times.show(schedule["nextAt"], at),
            "Last": "" if last is None else f"{times.show(schedule['lastAt'], at)}, job {last}",
            "So far": ", ".join(f"{count} {name}" for name, count in counts.items()),
            "Created": times.show(schedule["createdAt"], at),
            "Changed": "" if schedule["updatedAt"] is None else times.show(schedule["updatedAt"], at),
        }
    )
    if ahead:
        yield from view.titled("Next occurrences", occurrences(ahead, zone_of(schedule), at))


def occurrences(found: Sequence[Job], zone: str | None, at: datetime) -> Table:
    """Occurrences in local time, and by the clocks of the schedule's zone if there they show another time."""
    local = [times.clock(one["at"]) for one in found]
    there = [datetime.fromisoformat(one["local"]) for one in found]
    differs = zone is not None and local != [time.strftime(times.CLOCK) for time in there]
    noted = any(one["note"] is not None for one in found)
    names = ("Next", "Away", *([f"In {zone}"] if differs else []), *(["Note"] if noted else []))
    table = view.columns(*names)
    for one, here, time in zip(found, local, there, strict=True):
        cells = [here, times.relative(one["at"], at)]
        cells += [f"{time:%Y-%m-%d %H:%M:%S %z}"] if differs else []
        cells += [clean(one["note"] or "")] if noted else []
        table.add_row(*map(Text, cells))
    return table


def _headline(schedule: Job) -> Text:
    text = Text(f"Schedule {clean(schedule['scheduleId'])} is ").append(status(schedule))
    return text.append(f": {clean(schedule['name'])}")


def _clocked(schedule: Job) -> str:
    if schedule["at"] is not None:
        return f"{rhythm(schedule)} at {times.clock(schedule['at'])}"
    zone = zone_of(schedule)
    return rhythm(schedule) + ("" if zone is None else f" in {zone}")


def _clock(at: int | None) -> str:
    return "" if at is None else times.clock(at)
