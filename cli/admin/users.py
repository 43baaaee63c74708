"""Users and collections."""

from collections import defaultdict
from enum import StrEnum
from typing import Annotated, Any

import typer
from jobs.tenancy import administration
from jobs.tenants import Right, Role, User

from cli.admin.arguments import Made, Name, OrganisationId, UserId, directory, group, identifier


class _Given(StrEnum):
    """What the command gives a user in a collection."""

    VIEW = Right.VIEW
    RUN = Right.RUN
    CANCEL = Right.CANCEL
    NONE = "none"


def _create_user(
    context: typer.Context,
    organisation: OrganisationId,
    name: Name,
    role: Annotated[Role, typer.Option()] = Role.MEMBER,
) -> Made:
    """Create one."""
    return _user(administration.create_user(directory(context, organisation), organisation, name, role))


def _list_users(context: typer.Context, organisation: OrganisationId) -> Made:
    """List those of an organisation."""
    users = directory(context, organisation).list_users(organisation)
    return {"users": [{**_user(user), "collections": dict(sorted(user.collections.items()))} for user in users]}


def _user(user: User) -> dict[str, Any]:
    return {"userId": user.user_id, "organisationId": user.organisation_id, "name": user.name, "role": user.role}


def _set_role(
    context: typer.Context, organisation: OrganisationId, user: UserId, role: Annotated[Role, typer.Option()]
) -> Made:
    """Change the role of one."""
    directory(context, organisation).set_role(organisation, user, role)
    return {"userId": user, "organisationId": organisation, "role": role}


def _share_collection(
    context: typer.Context,
    organisation: OrganisationId,
    collection: Annotated[str, typer.Option(parser=identifier, metavar="ID", help="A new id creates one.")],
    user: UserId,
    right: Annotated[
        _Given,
        typer.Option(help="View its jobs, also run its workflows, also cancel its jobs; none removes the user."),
    ],
) -> Made:
    """Add a user to one, or remove the user."""
    admin = directory(context, organisation)
    given = None if right is _Given.NONE else Right(right)
    administration.share_collection(admin, organisation, collection, user, given)
    return {"collectionId": collection, "userId": user, "right": right}


def _list_collections(context: typer.Context, organisation: OrganisationId) -> Made:
    """List those of an organisation, with their users and workflows."""
    # a collection has no row of its own: it is what users and workflows say
    admin = directory(context, organisation)
    users: dict[str, dict[str, Right]] = defaultdict(dict)
    workflows: dict[str, list[str]] = defaultdict(list)
    for user in admin.list_users(organisation):
        for collection_id, right in user.collections.items():
            users[collection_id][user.user_id] = right
    for workflow in admin.list_workflows(organisation):
        for collection_id in workflow.collection_ids:
            workflows[collection_id].append(workflow.workflow_id)
    found: list[dict[str, Any]] = [
        {"collectionId": of, "users": users.get(of, {}), "workflowIds": workflows.get(of, [])}
        for of in sorted({*users, *workflows})
    ]
    return {"collections": found}


NOUNS = {
    "user": group(
        "An owner of workflow runs, who sees other runs through collections.",
        {"create": _create_user, "list": _list_users, "role": _set_role},
    ),
    "collection": group(
        "A group of users that workflows and jobs are shared with.",
        {"share": _share_collection, "list": _list_collections},
    ),
}
