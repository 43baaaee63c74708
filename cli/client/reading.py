"""Commands that change nothing: list, show, watch, messages, download, open."""

import hashlib
import os
import re
import sys
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.client import following, view
from cli.client.errors import DONE, Problem, WrongUsage
from cli.client.service import Service
from cli.client.session import AsJson, Job, JobId, now, opened, session
from cli.client.watching import watch as follow
from cli.terminal import Output, clean
from cli.terminal import as_json as to_json

MAX_PAGE = 200
#: How many messages `show` has; `messages` has all.
SOME = 200
_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')


def list_(  # noqa: PLR0913 - one for each filter
    context: typer.Context,
    status: Annotated[
        list[str] | None, typer.Option(help="scheduled, running, completed, failed or cancelled.")
    ] = None,
    action: Annotated[list[str] | None, typer.Option(help="What the jobs are for.")] = None,
    reference_id: Annotated[str | None, typer.Option(help="What they are about.")] = None,
    newest: Annotated[bool, typer.Option("--newest/--oldest", help="Which jobs come first.")] = True,  # noqa: FBT002
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 20,
    every: Annotated[bool, typer.Option("--all", help="All of them, however many.")] = False,  # noqa: FBT002
    as_json: AsJson = None,
) -> int:
    """List jobs, newest first. Options may be given several times."""
    query = {"status": ",".join(status or ()), "action": ",".join(action or ()), "referenceId": reference_id or ""}
    query = {name: value for name, value in query.items() if value}
    if query and not newest:
        raise WrongUsage(
            "--oldest goes without --status, --action and --reference-id: filters read from the newest job"
        )
    service, output = opened(context, as_json)
    size = MAX_PAGE if every else min(limit, MAX_PAGE)
    found = _listed(service, {"order": "desc" if newest else "asc", "limit": size, **query})
    jobs, more = [], False
    for number, job in enumerate(found):
        if not every and number == limit:
            more = True
            break
        if output.json:
            output.line(to_json(job))
        else:
            jobs.append(job)
    if not output.json:
        output.screen.print(view.jobs(jobs, now()) if jobs else "No jobs.")
        if more:
            output.note(f"There are more: --limit {2 * limit}, or --all")
    return DONE


def show(context: typer.Context, job_id: JobId, as_json: AsJson = None) -> int:
    """Show all about a job: its attempts with their errors, progress, messages, outputs, artifacts."""
    service, output = opened(context, as_json)
    job = service.read(f"/jobs/{job_id}", include="details")
    if output.json:
        output.item(job)
        return DONE
    pages = service.pages(f"/jobs/{job_id}/messages", limit=SOME)
    messages, rest = next(pages)
    for part in view.details(job, messages, service.read(f"/jobs/{job_id}/artifacts"), now()):
        output.screen.print(part)
    if rest:
        output.note(f"There are more messages: jobs messages {job_id}")
    return DONE


def watch(context: typer.Context, job_id: JobId, as_json: AsJson = None) -> int:
    """Watch a job to its end. Exit status: 0 completed, 1 failed, 3 cancelled. Ctrl-C leaves the job as it is."""
    service, output = opened(context, as_json)
    return follow(service, output, job_id, session(context).sleep)


def messages(
    context: typer.Context,
    job_id: JobId,
    go_on: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job has ended.")] = False,  # noqa: FBT002
    as_json: AsJson = None,
) -> int:
    """Read what a job has said, oldest first."""
    service, output = opened(context, as_json)
    found = following.follow(service, job_id, session(context).sleep) if go_on else following.read(service, job_id)
    for message in found:
        if output.json:
            output.line(to_json(message))
        else:
            output.screen.print(view.message(message), soft_wrap=True)
    return DONE


def download(
    context: typer.Context,
    job_id: JobId,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME…]", help="Which files; all by default.")] = None,
    to: Annotated[Path, typer.Option(metavar="DIR", help="Where to.")] = Path(),
    as_json: AsJson = None,
) -> int:
    """Download the files that a job has made. Existing files are never overwritten."""
    service, output = opened(context, as_json)
    listed = {artifact["name"]: artifact for artifact in service.read(f"/jobs/{job_id}/artifacts")}
    missing = [name for name in names or () if name not in listed]
    if missing or not listed:
        raise Problem(
            f"job {job_id} has no file {missing[0]!r}: see jobs show {job_id}"
            if missing
            else f"job {job_id} has no files (yet): see jobs show {job_id}"
        )
    for name in names or listed:
        path = _fetch(service, job_id, listed[name], to)
        if output.json:
            output.line(to_json({**listed[name], "path": str(path)}))
        else:
            output.screen.print(f"{clean(path)}  {view.size(listed[name]['size'])}", soft_wrap=True)
    return DONE


def open_(
    context: typer.Context,
    only_print: Annotated[bool, typer.Option("--print", help="Only print the address.")] = False,  # noqa: FBT002
) -> int:
    """Open the console in a browser, and print its address."""
    address = f"{session(context).resolved().url}/console"
    output = Output(as_json=False)
    output.line(address)
    if not only_print and sys.stdout.isatty():
        webbrowser.open(address)
    return DONE


def _listed(service: Service, query: dict[str, Any]) -> Iterator[Job]:
    for page, _ in service.pages("/jobs", **query):
        yield from page


def _fetch(service: Service, job_id: int, artifact: Job, folder: Path) -> Path:
    """Fetch a file beside its place, and move it there once it is whole and as it was announced.

    Raises:
        Problem: something is there already, cannot be written, or is not what was announced.
    """
    path = folder / (_UNSAFE.sub("_", artifact["name"]).strip(". ") or "artifact")
    part = path.with_name(f".{path.name[:200]}.part-{os.getpid()}")
    digest = hashlib.sha256()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if path.exists() or path.is_symlink():
            raise Problem(f"{str(path)!r} is there already: remove it, or choose another folder with --to")
        address = service.read(f"/jobs/{job_id}/artifacts/{artifact['artifactId']}")["url"]
        with part.open("xb") as file:
            for piece in service.fetch(address):
                digest.update(piece)
                file.write(piece)
        if digest.hexdigest() != artifact["sha256"].lower():
            raise Problem(f"{artifact['name']!r} is not what the worker announced (sha256): try again")
        # unlike a move, a link never replaces what somebody has put there meanwhile
        path.hardlink_to(part)
    except OSError as error:
        raise Problem(f"{str(path)!r} cannot be written: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)
    return path
