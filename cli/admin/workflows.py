"""Workflows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.errors import InvalidRequest
from jobs.lifecycle.text import check_text
from jobs.tenancy import registering
from jobs.tenants import Registration

from cli.admin.arguments import identifier, noun, number, of_organisation

if TYPE_CHECKING:
    import argparse

    from jobs.tenancy.ports import DirectoryAdmin

    from cli.admin.arguments import Nouns


def add_to(nouns: Nouns) -> None:
    """Add the noun."""
    verbs = noun(nouns, "workflow", "what workers run")
    create = of_organisation(verbs, "create", "register one, so that clients find it", _create)
    change = of_organisation(verbs, "change", "replace all that was registered of one", _change)
    for parser in (create, change):
        parser.add_argument("--workflow", type=identifier, required=True, metavar="ID", help="the id that workers know")
        parser.add_argument("--name", default="", help="what people call it (default: its id)")
        parser.add_argument("--owner", type=identifier, metavar="ID", help="a userId (default: nobody)")
        parser.add_argument("--worker-tag", default="", metavar="TAG", help="which workers run it (default: any)")
        parser.add_argument(
            "--run-count", type=number, default=0, metavar="N", help="how often it ran elsewhere before"
        )
        parser.add_argument("--questions", type=Path, metavar="FILE", help="what it asks: a JSON list of objects")
    share = of_organisation(verbs, "share", "set the collections of its future runs", _share)
    share.add_argument("--workflow", type=identifier, required=True, metavar="ID")
    share.add_argument("--collection", type=identifier, action="append", default=[], metavar="ID", help="default: none")
    of_organisation(verbs, "list", "list those that were registered or shared in an organisation", _list)


def _create(registry: DirectoryAdmin, options: argparse.Namespace) -> dict[str, Any]:
    return _register(registry, options, again=False)


def _change(registry: DirectoryAdmin, options: argparse.Namespace) -> dict[str, Any]:
    return _register(registry, options, again=True)


def _register(registry: DirectoryAdmin, options: argparse.Namespace, *, again: bool) -> dict[str, Any]:
    try:
        text = options.questions.read_text("utf-8") if options.questions else "[]"
    except (OSError, ValueError) as error:
        raise InvalidRequest("questions", f"the file cannot be read: {error}") from None
    questions = registering.parse_questions(text)
    check_text("questions", json.dumps(questions, ensure_ascii=False))
    registration = Registration(options.name, options.owner or "", options.worker_tag, options.run_count, questions)
    registering.register_workflow(registry, options.organisation, options.workflow, registration, again=again)
    return {"workflowId": options.workflow, **_about(registration)}


def _about(registration: Registration) -> dict[str, Any]:
    return {
        "name": registration.name,
        "ownerId": registration.owner_id,
        "workerTag": registration.worker_tag,
        "runCount": registration.run_count,
        "questions": [question.name for question in registration.questions],
    }


def _share(registry: DirectoryAdmin, options: argparse.Namespace) -> dict[str, Any]:
    registering.share_workflow(registry, options.organisation, options.workflow, options.collection)
    return {"workflowId": options.workflow, "collectionIds": options.collection}


def _list(registry: DirectoryAdmin, options: argparse.Namespace) -> dict[str, Any]:
    return {
        "workflows": [
            {
                "workflowId": workflow.workflow_id,
                **_about(workflow.registration),
                "collectionIds": list(workflow.collection_ids),
                "createdAt": workflow.created_at,
            }
            for workflow in registry.list_workflows(options.organisation)
        ]
    }
