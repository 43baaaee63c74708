"""What administrators say of workflows: who owns them, what they ask, and through which collections they are shared."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from jobs.errors import InvalidRequest
from jobs.tenancy.administration import MAX_COLLECTIONS, MAX_ID, checked_id, checked_name
from jobs.tenants import Question, Registration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobs.tenancy.ports import WorkflowAdmin

#: A list of an organisation's workflows reads all of them, so their number is bounded.
MAX_WORKFLOWS = 1_000
MAX_QUESTIONS = 100
#: Bytes of a workflow's questions as JSON: such a list reads them too.
MAX_QUESTIONS_BYTES = 16 * 1024
MAX_RUN_COUNT = 10**12


def share_workflow(admin: WorkflowAdmin, organisation_id: int, workflow_id: str, collection_ids: Sequence[str]) -> None:
    """Set the collections that a workflow is in. They apply to future runs, not to past ones.

    Raises:
        InvalidRequest: an id is blank or over 256 characters, there are over 100 collections, the organisation does not
            exist, or it knows 1,000 workflows.
    """
    if len(collection_ids) > MAX_COLLECTIONS:
        raise InvalidRequest("collection", f"must be at most {MAX_COLLECTIONS}")
    for collection_id in collection_ids:
        checked_id(collection_id, "collection")
    workflow_id = checked_id(workflow_id, "workflow")
    admin.set_workflow_collections(organisation_id, workflow_id, collection_ids, MAX_WORKFLOWS)


def register_workflow(
    admin: WorkflowAdmin, organisation_id: int, workflow_id: str, registration: Registration, *, again: bool = False
) -> None:
    """Say what is known of a workflow, or if it is said `again`, replace all that was said before.

    Raises:
        InvalidRequest: an id, name or number is out of bounds, the organisation has no such owner or knows 1,000
            workflows, or the workflow is registered already (not registered, if it is said again).
    """
    checked_id(workflow_id, "workflow")
    if registration.name:
        checked_name(registration.name)
    if len(registration.worker_tag) > MAX_ID:
        raise InvalidRequest("worker-tag", f"must be at most {MAX_ID} characters")
    if not 0 <= registration.run_count <= MAX_RUN_COUNT:
        raise InvalidRequest("run-count", f"must be from 0 to {MAX_RUN_COUNT}")
    if again:
        admin.change_registration(organisation_id, workflow_id, registration)
    else:
        admin.add_registration(organisation_id, workflow_id, registration, MAX_WORKFLOWS)


def parse_questions(text: str) -> tuple[Question, ...]:
    """Read the questions that a workflow asks: a JSON list in the form in which Alteryx' API shows them.

    Raises:
        InvalidRequest: it is no such list, or over 100 questions or 16 KB.
    """
    try:
        questions = tuple(_question(entry) for entry in json.loads(text))
        size = len(json.dumps(questions, ensure_ascii=False).encode())
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
        raise InvalidRequest("questions", f"must be a JSON list of objects with {', '.join(_TEXTS)}") from None
    if len(questions) > MAX_QUESTIONS or size > MAX_QUESTIONS_BYTES:
        raise InvalidRequest(
            "questions", f"must be at most {MAX_QUESTIONS} and at most {MAX_QUESTIONS_BYTES} bytes of JSON"
        )
    return questions


_TEXTS = ("name", "questionType", "description", "value")


def _question(entry: Any) -> Question:
    """Read one question.

    Raises:
        TypeError: something in it is of another type.
        ValueError: it has a field that questions do not have, or no name.
    """
    unknown = entry.keys() - {*_TEXTS, "multiple", "items"}
    name, kind, description, value = (_text(entry.get(field, "")) for field in _TEXTS)
    multiple = entry.get("multiple", False)
    choices = tuple((_text(item["key"]), _text(item["value"])) for item in entry.get("items", ()))
    if unknown or not name or not isinstance(multiple, bool):
        raise ValueError(entry)
    return Question(name, kind, description, value, multiple, choices)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
