"""Users and collections."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from jobs.tenancy import administration
from jobs.tenants import Right, Role

from cli.admin.arguments import identifier, noun, of_organisation

if TYPE_CHECKING:
    import argparse

    from jobs.tenancy.ports import DirectoryAdmin
    from jobs.tenants import User

    from cli.admin.arguments import Nouns


def add_to(nouns: Nouns) -> None:
    """Add the nouns."""
    verbs = noun(nouns, "user", "an owner of workflow runs, who sees other runs through collections")
    create = of_organisation(verbs, "create", "create one", _create_user)
    create.add_argument("--role", type=Role, choices=list(Role), default=Role.MEMBER)
    create.add_argument("name")
    of_organisation(verbs, "list", "list those of an organisation", _list_users)
    role = of_organisation(verbs, "role", "change the role of one", _set_role)
    role.add_argument("--user", type=identifier, required=True, metavar="ID")
    role.add_argument("--role", type=Role, choices=list(Role), required=True)

    verbs = noun(nouns, "collection", "a group of users that workflows and jobs are shared with")
    share = of_organisation(verbs, "share", "add a user to one, or remove the user", _share_collection)
    share.add_argument("--collection", type=identifier, required=True, metavar="ID", help="a new id creates one")
    share.add_argument("--user", type=identifier, required=True, metavar="ID")
    share.add_argument(
        "--right",
        choices=[*Right, "none"],
        required=True,
        help="view its jobs, also run its workflows, also cancel its jobs; none removes the user",
    )
    of_organisation(verbs, "list", "list those of an organisation, with their users and workflows", _list_collections)


def _create_user(registry: DirectoryAdmin, options: argparse.Namespace) -> dict[str, Any]:
    return _user(administration.create_user(registry, options.organisation, options.name, options.role))


def _list_users(registry: DirectoryAdmin, options: argparse.Namespace) -> dict[str, Any]:
    users = registry.list_users(options.organisation)
    return {"users": [{**_user(user), "collections": dict(sorted(user.collections.items()))} for user in users]}


def _user(user: User) -> dict[str, Any]:
    return {"userId": user.user_id, "organisationId": user.organisation_id, "name": user.name, "role": user.role}


def _set_role(registry: DirectoryAdmin, options: argparse.Namespace) -> dict[str, Any]:
    registry.set_role(options.organisation, options.user, options.role)
    return {"userId": options.user, "organisationId": options.organisation, "role": options.role}


def _share_collection(registry: DirectoryAdmin, options: argparse.Namespace) -> dict[str, Any]:
    right = None if options.right == "none" else Right(options.right)
    administration.share_collection(registry, options.organisation, options.collection, options.user, right)
    return {"collectionId": options.collection, "userId": options.user, "right": options.right}


def _list_collections(registry: DirectoryAdmin, options: argparse.Namespace) -> dict[str, Any]:
    """A collection has no row of its own: it is what users and workflows say."""
    users: dict[str, dict[str, Right]] = defaultdict(dict)
    workflows: dict[str, list[str]] = defaultdict(list)
    for user in registry.list_users(options.organisation):
        for collection_id, right in user.collections.items():
            users[collection_id][user.user_id] = right
    for workflow in registry.list_workflows(options.organisation):
        for collection_id in workflow.collection_ids:
            workflows[collection_id].append(workflow.workflow_id)
    return {
        "collections": [
            {"collectionId": of, "users": users.get(of, {}), "workflowIds": workflows.get(of, [])}
            for of in sorted({*users, *workflows})
        ]
    }
