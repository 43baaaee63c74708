"""Following a job to its end: a live bar on a terminal, a line for each change elsewhere."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.text import Text

from cli.client import times, view
from cli.client.errors import CANCELLED, DONE, FAILED, Problem
from cli.client.session import now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cli.client.service import Service
    from cli.client.session import Job
    from cli.terminal import Output

OUTCOMES = {"completed": DONE, "failed": FAILED, "cancelled": CANCELLED}
#: Seconds between two looks: soon due or running, and far ahead.
PAUSE = 1.0
PAUSE_FAR = 10.0
FAR = 60.0


class _Shows(Protocol):
    def __call__(self, job: Job, *, changed: bool) -> None: ...


def watch(service: Service, output: Output, job_id: int, sleep: Callable[[float], object]) -> int:
    """Follow a job until it ends.

    Returns:
        The exit status, by the outcome.
    """
    seen: tuple[Any, ...] = ()
    with _shown(output) as show:
        while True:
            job = service.read(f"/jobs/{job_id}", include="details")
            look = tuple(job[name] for name in ("status", "attempt", "progress", "message"))
            show(job, changed=look != seen)
            seen = look
            if job["status"] in OUTCOMES:
                break
            sleep(pause(job))
    if not output.json:
        output.screen.print(_end(job))
    return outcome(job)


def outcome(job: Job) -> int:
    """The exit status of a job that has ended.

    Raises:
        Problem: it has a status that this client does not know.
    """
    if job["status"] not in OUTCOMES:
        raise Problem(f"job {job['jobId']} is {job['status']}, which this client does not know: update it")
    return OUTCOMES[job["status"]]


def pause(job: Job) -> float:
    """Seconds until the next look is worth its price."""
    due = times.from_milliseconds(job["startAt"]) - now()
    return PAUSE_FAR if job["status"] == "scheduled" and due.total_seconds() > FAR else PAUSE


@contextmanager
def _shown(output: Output) -> Iterator[_Shows]:
    """How looks at a job are shown."""
    if output.json:
        yield lambda job, changed: output.item(job) if changed else None
    elif not output.screen.is_terminal:
        yield lambda job, changed: output.screen.print(_line(job)) if changed else None
    else:
        columns = TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn()
        with Progress(*columns, console=output.screen, transient=True) as bar:
            task = bar.add_task("", total=100)

            def update(job: Job, *, changed: bool) -> None:
                del changed  # how far away the start is changes with time alone
                bar.update(task, completed=job["progress"] or 0, description=_line(job).plain)

            yield update


def _line(job: Job) -> Text:
    line = Text(f"Job {job['jobId']} ").append(view.status(job["status"]))
    if job["maxAttempts"] > 1:
        line.append(f"  attempt {job['attempt']} of {job['maxAttempts']}")
    if job["status"] == "scheduled":
        return line.append(
            f"  starts {times.relative(job['startAt'], now())}" if job["attempt"] == 1 else "  again soon"
        )
    if job["progress"] is not None:
        line.append(f"  {job['progress']} %")
    return line.append(f"  {view.plain(job['message']).plain}" if job["message"] else "")


def _end(job: Job) -> Text:
    text = Text(f"Job {job['jobId']} is ").append(view.status(job["status"]))
    if job["startedAt"] and job["finishedAt"]:
        text.append(f" after {times.length((job['finishedAt'] - job['startedAt']) / 1000)}")
    for error in job["errorList"] or ():
        text.append(f"\n{view.plain(error).plain}")
    return text
