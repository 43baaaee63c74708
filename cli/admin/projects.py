"""Organisations, projects and the audit."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from jobs.tenancy import administration

from cli.admin.arguments import noun, number, of_organisation, of_project, verb

if TYPE_CHECKING:
    import argparse

    from jobs.tenancy.ports import DirectoryAdmin
    from jobs.tenants import Organisation, Project

    from cli.admin.arguments import Nouns


def add_to(nouns: Nouns) -> None:
    """Add the nouns."""
    verbs = noun(nouns, "organisation", "the owner of projects and keys")
    verb(verbs, "create", "create one", _create_organisation).add_argument("name")
    verb(verbs, "list", "list all", _list_organisations)

    verbs = noun(nouns, "project", "a group of jobs; its project key is in the paths of the API")
    of_organisation(verbs, "create", "create one", _create_project).add_argument("name")
    of_organisation(verbs, "list", "list those of an organisation", _list_projects)
    trust = of_project(verbs, "trust", "set the senders of events that it trusts; all others are removed", _trust)
    trust.add_argument("--account", action="append", default=[], help="an AWS account besides the stack's own")
    trust.add_argument(
        "--source",
        action="append",
        default=[],
        metavar="SOURCE[=ACTION,…]",
        help="an event source, and the actions it may report on (default: every source, every action)",
    )
    limits = of_project(verbs, "limits", "set how many jobs callers may create in it", _limit)
    limits.add_argument("--creations-per-minute", type=number, metavar="N", help="default: any number")

    audit = of_organisation(noun(nouns, "audit", "the changes that jobs-admin made"), "list", "newest first", _audit)
    audit.add_argument("--limit", type=number, default=100, metavar="N", help="default: 100")


def _create_organisation(registry: DirectoryAdmin, options: argparse.Namespace) -> dict[str, Any]:
    return _organisation(administration.create_organisation(registry, options.name))


def _list_organisations(registry: DirectoryAdmin, _: argparse.Namespace) -> dict[str, Any]:
    return {"organisations": [_organisation(found) for found in registry.list_organisations()]}


def _organisation(organisation: Organisation) -> dict[str, Any]:
    return {"organisationId": organisation.organisation_id, "name": organisation.name}


def _create_project(registry: DirectoryAdmin, options: argparse.Namespace) -> dict[str, Any]:
    return _project(administration.create_project(registry, options.organisation, options.name))


def _list_projects(registry: DirectoryAdmin, options: argparse.Namespace) -> dict[str, Any]:
    ids = registry.list_projects(options.organisation)
    return {"projects": [_project(found) for found in map(registry.get_project, ids) if found is not None]}


def _trust(registry: DirectoryAdmin, options: argparse.Namespace) -> dict[str, Any]:
    sources: dict[str, set[str]] = defaultdict(set)
    for text in options.source:
        source, equals, actions = text.partition("=")
        sources[source] |= set(actions.split(",")) if equals else set()
    administration.trust(registry, options.project, options.account, sources)
    return _stored(registry, options.project)


def _limit(registry: DirectoryAdmin, options: argparse.Namespace) -> dict[str, Any]:
    administration.limit_creations(registry, options.project, options.creations_per_minute)
    return _stored(registry, options.project)


def _stored(registry: DirectoryAdmin, project_id: int) -> dict[str, Any]:
    project = registry.get_project(project_id)
    return {} if project is None else _project(project)


def _project(project: Project) -> dict[str, Any]:
    return {
        "projectId": project.project_id,
        "organisationId": project.organisation_id,
        "name": project.name,
        "projectKey": project.project_key,
        "accounts": sorted(project.accounts),
        "sources": {source: sorted(actions) for source, actions in sorted(project.sources.items())},
        "creationsPerMinute": project.creations_per_minute,
    }


def _audit(registry: DirectoryAdmin, options: argparse.Namespace) -> dict[str, Any]:
    entries = registry.list_audit(options.organisation, options.limit)
    return {"audit": [{"at": at, "by": by, "what": what, "about": about} for at, by, what, about in entries]}
