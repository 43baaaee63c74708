"""Schedules."""

from importlib.metadata import version
from typing import Annotated

import typer
from jobs.errors import InvalidRequest
from jobs.runtime.admin import schedule_store
from jobs.runtime.wiring import SystemClock
from jobs.schedules.recomputing import recompute

from cli.admin.arguments import Made, directory, group, number, session_of


def _recompute(
    context: typer.Context,
    project: Annotated[
        int | None, typer.Option(parser=number, metavar="ID", help="Only those of a project (default: all).")
    ] = None,
) -> Made:
    """Compute again when they are next due, after an update of the time zones."""
    admin = directory(context)
    if project is None:
        owners = admin.list_organisations()
        projects = [of for owner in owners for of in admin.list_projects(owner.organisation_id)]
    elif admin.get_project(project) is None:
        raise InvalidRequest("project", f"no project {project}")
    else:
        projects = [project]
    session = session_of(context)
    store = schedule_store(session.client("dynamodb"), session.table or "")
    counts = [recompute(store, SystemClock(), of) for of in projects]
    return {
        "projects": len(projects),
        "lookedAt": sum(count.looked_at for count in counts),
        "moved": sum(count.moved for count in counts),
        "left": sum(count.left for count in counts),
        "tzdata": version("tzdata"),
    }


NOUNS = {"schedules": group("What makes jobs again and again.", {"recompute": _recompute})}
