"""Workflows."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from jobs.errors import InvalidRequest
from jobs.lifecycle.text import check_text
from jobs.tenancy import registering
from jobs.tenants import Question, Registration

from cli.admin.arguments import Made, OrganisationId, directory, group, identifier, number

WorkflowId = Annotated[
    str, typer.Option("--workflow", parser=identifier, metavar="ID", help="The id that workers know.")
]
Called = Annotated[str, typer.Option("--name", help="What people call it (default: its id).")]
Owner = Annotated[str | None, typer.Option(parser=identifier, metavar="ID", help="A userId (default: nobody).")]
WorkerTag = Annotated[str, typer.Option(metavar="TAG", help="Which workers run it (default: any).")]
RunCount = Annotated[
    int | None, typer.Option(parser=number, metavar="N", help="How often it ran elsewhere before (default: never).")
]
Questions = Annotated[Path | None, typer.Option(metavar="FILE", help="What it asks: a JSON list of objects.")]


def _registers(meaning: str, *, again: bool) -> Callable[..., Made]:
    """A command that registers a workflow, for the first time or again."""

    def command(  # noqa: PLR0913, PLR0917 - the command line names them
        context: typer.Context,
        organisation: OrganisationId,
        workflow: WorkflowId,
        name: Called = "",
        owner: Owner = None,
        worker_tag: WorkerTag = "",
        run_count: RunCount = None,
        questions: Questions = None,
    ) -> Made:
        admin = directory(context, organisation)
        asked = _questions(questions)
        registration = Registration(name, owner or "", worker_tag, run_count or 0, asked)
        registering.register_workflow(admin, organisation, workflow, registration, again=again)
        return {"workflowId": workflow, **_about(registration)}

    command.__doc__ = meaning
    return command


def _questions(file: Path | None) -> tuple[Question, ...]:
    """What a workflow asks.

    Raises:
        InvalidRequest: the file cannot be read, or holds something else.
    """
    try:
        text = file.read_text("utf-8") if file else "[]"
    except (OSError, ValueError) as error:
        raise InvalidRequest("questions", f"the file cannot be read: {error}") from None
    questions = registering.parse_questions(text)
    check_text("questions", json.dumps(questions, ensure_ascii=False))
    return questions


def _about(registration: Registration) -> dict[str, Any]:
    return {
        "name": registration.name,
        "ownerId": registration.owner_id,
        "workerTag": registration.worker_tag,
        "runCount": registration.run_count,
        "questions": [question.name for question in registration.questions],
    }


def _share(
    context: typer.Context,
    organisation: OrganisationId,
    workflow: WorkflowId,
    collection: Annotated[
        list[str] | None, typer.Option(parser=identifier, metavar="ID", help="Default: none.")
    ] = None,
) -> Made:
    """Set the collections of its future runs."""
    registering.share_workflow(directory(context, organisation), organisation, workflow, collection or [])
    return {"workflowId": workflow, "collectionIds": collection or []}


def _list(context: typer.Context, organisation: OrganisationId) -> Made:
    """List those that were registered or shared in an organisation."""
    found = [
        {
            "workflowId": workflow.workflow_id,
            **_about(workflow.registration),
            "collectionIds": list(workflow.collection_ids),
            "createdAt": workflow.created_at,
        }
        for workflow in directory(context, organisation).list_workflows(organisation)
    ]
    return {"workflows": found}


NOUNS = {
    "workflow": group(
        "What workers run.",
        {
            "create": _registers("Register one, so that clients find it.", again=False),
            "change": _registers("Replace all that was registered of one.", again=True),
            "share": _share,
            "list": _list,
        },
    ),
}
