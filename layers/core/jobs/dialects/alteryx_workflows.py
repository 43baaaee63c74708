"""Workflows in Alteryx' v3: how they are asked for and how they look.

What nobody told of a workflow has the empty value of its type. The service keeps no versions and no files.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from jobs.dialects import alteryx_words as words
from jobs.dialects.alteryx_lists import rows
from jobs.dialects.base import Answer
from jobs.representation import dump
from jobs.workflows.catalogue import WorkflowFilter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from jobs.dialects.base import Request
    from jobs.tenants import Question, Workflow

DEFAULT, FULL = VIEWS = ("Default", "Full")
EXECUTION_MODE = "Standard"


def parse_workflows(query: Mapping[str, str]) -> WorkflowFilter:
    """Read which workflows are wanted. A name is the whole name, in any case.

    Raises:
        InvalidRequest: a parameter is malformed.
    """
    return WorkflowFilter(
        name=query.get("name", "").strip().lower(),
        owner_id=query.get("ownerId", "").strip().lower(),
        created_from=words.parse_after(query, "createdAfter"),
        created_before=words.parse_before(query, "createdBefore"),
    )


def parse_full(query: Mapping[str, str]) -> bool:
    """Read whether whole views are wanted rather than reduced ones.

    Raises:
        InvalidRequest: `view` has no such word.
    """
    return words.parse_word(query, "view", {view: view for view in VIEWS}, DEFAULT) == FULL


def render_workflow(workflow: Workflow) -> Answer:
    """Answer with one workflow."""
    return Answer(HTTPStatus.OK, dump(_view(workflow)))


def render_workflows(workflows: Sequence[Workflow], call: Request, offset: int, *, full: bool) -> Answer:
    """Answer with workflows, those before `offset` left out: a bare array."""
    return rows(map(_view if full else _reduced, workflows[offset:]), call, offset)


def render_questions(questions: Iterable[Question]) -> Answer:
    """Answer with what a workflow asks: a bare array."""
    shown = [
        {
            "name": question.name,
            "questionType": question.kind,
            "description": question.description,
            "value": question.value,
            "multiple": question.multiple,
            "items": [{"key": key, "value": value} for key, value in question.items],
        }
        for question in questions
    ]
    return Answer(HTTPStatus.OK, dump(shown))


def _reduced(workflow: Workflow) -> dict[str, Any]:
    return {
        "id": workflow.workflow_id,
        "sourceAppId": "",
        "name": workflow.name,
        "ownerId": workflow.registration.owner_id,
        "dateCreated": words.date_time(workflow.created_at),
        "publishedVersionNumber": 0,
        "isAmp": False,
        "executionMode": EXECUTION_MODE,
    }


def _view(workflow: Workflow) -> dict[str, Any]:
    return {
        "id": workflow.workflow_id,
        "sourceAppId": "",
        "dateCreated": words.date_time(workflow.created_at),
        "runCount": workflow.registration.run_count,
        "versions": [],
        "name": workflow.name,
        "ownerId": workflow.registration.owner_id,
        "workerTag": workflow.registration.worker_tag,
        "districtTags": [],
        "comments": "",
        "isPublic": False,
        "isReadyForMigration": False,
        "publishedVersionId": "",
        "othersMayDownload": False,
        "othersCanViewHistory": False,
        "othersCanExecute": False,
        "executionMode": EXECUTION_MODE,
        "hasPrivateDataExemption": False,
    }
