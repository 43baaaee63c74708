"""Organisations, projects and the audit."""

from collections import defaultdict
from collections.abc import Callable
from typing import Annotated, Any

import typer
from jobs.tenancy import administration
from jobs.tenancy.ports import DirectoryAdmin
from jobs.tenants import Closing, ListOrder, Organisation, Project, Retention

from cli.admin.arguments import Made, Name, OrganisationId, ProjectId, days, directory, group, number


def _create_organisation(context: typer.Context, name: Name) -> Made:
    """Create one."""
    return _organisation(administration.create_organisation(directory(context), name))


def _list_organisations(context: typer.Context) -> Made:
    """List all."""
    return {"organisations": [_organisation(found) for found in directory(context).list_organisations()]}


def _organisation(organisation: Organisation) -> dict[str, Any]:
    return {"organisationId": organisation.organisation_id, "name": organisation.name}


def _create_project(context: typer.Context, organisation: OrganisationId, name: Name) -> Made:
    """Create one."""
    return _project(administration.create_project(directory(context, organisation), organisation, name))


def _list_projects(context: typer.Context, organisation: OrganisationId) -> Made:
    """List those of an organisation."""
    admin = directory(context, organisation)
    found = map(admin.get_project, admin.list_projects(organisation))
    return {
        "projects": [
            _project(project, admin.find_closing(project.project_id) if project.closed_at is not None else None)
            for project in found
            if project is not None
        ]
    }


def _trust(
    context: typer.Context,
    project: ProjectId,
    account: Annotated[list[str] | None, typer.Option(help="An AWS account besides the stack's own.")] = None,
    source: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SOURCE[=ACTION,…]",
            help="An event source, and the actions it may report on (default: every source, every action).",
        ),
    ] = None,
) -> Made:
    """Set the senders of events that it trusts; all others are removed."""
    sources: dict[str, set[str]] = defaultdict(set)
    for text in source or ():
        of, equals, actions = text.partition("=")
        sources[of] |= set(actions.split(",")) if equals else set()
    admin = directory(context)
    administration.trust(admin, project, account or (), sources)
    return _stored(admin, project)


def _limit(
    context: typer.Context,
    project: ProjectId,
    creations_per_minute: Annotated[
        int | None, typer.Option(parser=number, metavar="N", help="Default: any number.")
    ] = None,
) -> Made:
    """Set how many jobs callers may create in it."""
    admin = directory(context)
    administration.limit_creations(admin, project, creations_per_minute)
    return _stored(admin, project)


def _order(context: typer.Context, project: ProjectId, order: Annotated[ListOrder, typer.Option()]) -> Made:
    """Set with which end its lists begin."""
    admin = directory(context)
    admin.set_list_order(project, order)
    return _stored(admin, project)


def _retain(
    context: typer.Context,
    project: ProjectId,
    payload_days: Annotated[
        int | None, typer.Option(parser=days, metavar="N", help="How long an ended job keeps its payload.")
    ] = None,
    redact_days: Annotated[
        int | None, typer.Option(parser=days, metavar="N", help="How long it keeps what names people.")
    ] = None,
) -> Made:
    """Set what it forgets of its ended jobs; what is not given is kept for ever."""
    admin = directory(context)
    administration.retain(admin, project, Retention(payload_days, redact_days))
    return _stored(admin, project)


Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for the name again.")]


def _delete_project(context: typer.Context, organisation: OrganisationId, name: Name, *, yes: Yes = False) -> Made:
    """Delete one with everything in it, or show how far that is."""
    admin = directory(context, organisation)
    project = administration.delete_project(admin, organisation, name, _confirmed(yes=yes))
    return _stored(admin, project.project_id)


def _delete_organisation(context: typer.Context, organisation: OrganisationId, name: Name, *, yes: Yes = False) -> Made:
    """Delete one that has no projects, with its keys, clients, users and workflows."""
    admin = directory(context, organisation)
    rows = administration.delete_organisation(admin, organisation, name, _confirmed(yes=yes))
    return {"organisationId": organisation, "name": name, "deletedRows": rows}


def _confirmed(*, yes: bool) -> Callable[[str], bool]:
    """Ask for a name again, unless that was answered beforehand."""

    def confirm(name: str) -> bool:
        again: str = name if yes else typer.prompt("This cannot be undone. Type the name again to delete it", err=True)
        return again == name

    return confirm


def _stored(admin: DirectoryAdmin, project_id: int) -> dict[str, Any]:
    project = admin.get_project(project_id)
    return {} if project is None else _project(project, admin.find_closing(project_id))


def _project(project: Project, closing: Closing | None = None) -> dict[str, Any]:
    return {
        "projectId": project.project_id,
        "organisationId": project.organisation_id,
        "name": project.name,
        "projectKey": project.project_key,
        "accounts": sorted(project.accounts),
        "sources": {source: sorted(actions) for source, actions in sorted(project.sources.items())},
        "creationsPerMinute": project.creations_per_minute,
        "listOrder": project.list_order,
        "payloadDays": project.retention.payload_days,
        "redactDays": project.retention.redact_days,
        "deletion": None if closing is None else _deletion(closing),
    }


def _deletion(closing: Closing) -> dict[str, Any]:
    return {"step": closing.step, "jobs": closing.jobs, "objects": closing.objects, "rows": closing.rows}


def _audit(
    context: typer.Context,
    organisation: OrganisationId,
    limit: Annotated[int, typer.Option(parser=number, metavar="N")] = 100,
) -> Made:
    """List those in an organisation, the newest first."""
    entries = directory(context, organisation).list_audit(organisation, limit)
    return {"audit": [{"at": at, "by": by, "what": what, "about": about} for at, by, what, about in entries]}


NOUNS = {
    "organisation": group(
        "The owner of projects and keys.",
        {"create": _create_organisation, "list": _list_organisations, "delete": _delete_organisation},
    ),
    "project": group(
        "A group of jobs; its project key is in the paths of the API.",
        {
            "create": _create_project,
            "list": _list_projects,
            "trust": _trust,
            "limits": _limit,
            "order": _order,
            "retention": _retain,
            "delete": _delete_project,
        },
    ),
    "audit": group("The changes that jobs-admin made.", {"list": _audit}),
}
