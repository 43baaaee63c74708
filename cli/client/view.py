"""Jobs as tables and lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table
from rich.text import Text

from cli.client import times
from cli.terminal import as_json, clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from rich.console import RenderableType

    from cli.client.session import Job

COLOURS = {"scheduled": "cyan", "running": "yellow", "completed": "green", "failed": "red", "cancelled": "magenta"}
#: What the numbers of a message mean; the others are plain.
KINDS = {1: ("info", "blue"), 2: ("warning", "yellow"), 3: ("error", "red")}
_KIB = 1024


def status(of: object) -> Text:
    """A status in its colour, which is not all that tells it."""
    return Text(clean(of), style=COLOURS.get(str(of), ""))


def jobs(found: Iterable[Job], at: datetime) -> Table:
    """A list of jobs."""
    table = columns("Job", "Status", "Action", "Reference", "Starts", "Changed")
    table.columns[0].justify = "right"
    for job in found:
        changed = job["updatedAt"] or job["createdAt"]
        # one that was started again keeps its `startAt`, which may still be ahead
        moot = job["status"] != "scheduled" and job["startAt"] > times.to_milliseconds(at)
        starts = "" if moot else times.relative(job["startAt"], at)
        cells = clean(job["action"]), clean(job["referenceId"]), starts
        table.add_row(str(job["jobId"]), status(job["status"]), *map(Text, cells), times.relative(changed, at))
    return table


def sentence(job: Job, at: datetime, *, again: bool = False) -> Text:
    """A job on one line. One that starts again is due now, whatever `startAt` it was created with."""
    text = Text(f"Job {job['jobId']} is ").append(status(job["status"])).append(f": {clean(job['action'])}")
    if job["referenceId"]:
        text.append(f" of {clean(job['referenceId'])}")
    if again:
        text.append(", starts again soon")
    elif job["status"] == "scheduled":
        text.append(f", starts {times.show(job['startAt'], at)}")
    return text


def details(job: Job, messages: Sequence[Job], artifacts: Sequence[Job], at: datetime) -> Iterable[RenderableType]:
    """All about a job: what it is, what happened, what it said and made."""
    yield sentence(job, at, again=job["status"] == "scheduled" and job["attempt"] > 1)
    yield _facts(job, at)
    yield from titled("What happened", _timeline(job))
    if messages:
        table = columns("At", "Kind", "Message")
        for message in messages:
            table.add_row(times.clock(message["at"]), *_spoken(message))
        yield from titled("Messages", table)
    if job["outputs"]:
        yield from titled("Outputs", *(Text(as_json(output)) for output in job["outputs"]))
    if artifacts:
        table = columns("Name", "Size", "Format")
        for artifact in artifacts:
            table.add_row(*map(Text, (clean(artifact["name"]), size(artifact["size"]), clean(artifact["format"]))))
        yield from titled(f"Artifacts (jobs download {job['jobId']})", table)


def message(of: Job) -> Text:
    """A message on one line."""
    kind, said = _spoken(of)
    return Text.assemble(times.clock(of["at"]), "  ", kind, "  " if kind.plain else "", said)


def size(of_bytes: int) -> str:
    """A number of bytes in its largest unit."""
    amount, unit = float(of_bytes), "B"
    for larger in ("KB", "MB", "GB"):
        if amount < _KIB:
            break
        amount, unit = amount / _KIB, larger
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"


def _facts(job: Job, at: datetime) -> Table:
    ended = job["finishedAt"]
    rows = {
        "Description": clean(job["description"]),
        "Schedule": _occasion(job),
        "Created": times.show(job["createdAt"], at),
        "Starts": times.show(job["startAt"], at),
        "Took": times.length((ended - job["startedAt"]) / 1000) if ended and job["startedAt"] else "",
        "Attempt": f"{job['attempt']} of {job['maxAttempts']}",
        "Progress": "" if job["progress"] is None else f"{job['progress']} %",
        "Time-out": times.show(job["timeoutAt"], at) if job["status"] == "running" else "",
        "Params": as_json(job["params"]) if job["params"] else "",
        "Errors": "\n".join(clean(error) for error in job["errorList"] or ()),
    }
    return facts(rows)


def _occasion(job: Job) -> str:
    """The schedule that made a job, and the occurrence; nothing if no schedule did."""
    if "scheduleId" not in job:
        return ""
    at = job["scheduledFor"]
    return f"{clean(job['scheduleId'])}, {'out of turn' if at is None else f'for {times.clock(at)}'}"


def _timeline(job: Job) -> Table:
    table = columns("At", "Status", "Attempt", "By", "Error")
    for change in job["history"]:
        rest = str(change["attempt"]), clean(change["by"]), clean(change["error"] or "")
        table.add_row(times.clock(change["at"]), status(change["to"]), *map(Text, rest))
    return table


def _spoken(of: Job) -> tuple[Text, Text]:
    kind, colour = KINDS.get(of["status"], ("", ""))
    tool = f"[tool {of['toolId']}] " if of["toolId"] else ""
    return Text(kind, style=colour), Text(f"{tool}{clean(of['text'])}")


def titled(title: str, *parts: RenderableType) -> Iterable[RenderableType]:
    """A title with what is below it."""
    yield Text("")
    yield Text(title, style="bold")
    yield from parts


def columns(*names: str) -> Table:
    """A table without rows."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for name in names:
        table.add_column(name, overflow="fold")
    return table


def facts(rows: Mapping[str, str]) -> Table:
    """Names with their values, of those that have one."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in rows.items():
        if value:
            table.add_row(Text(name, style="bold"), Text(value))
    return table


def plain(value: Any) -> Text:
    """Text of somebody else, without any markup."""
    return Text(clean(value))
