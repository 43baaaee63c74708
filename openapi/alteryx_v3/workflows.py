"""Workflows in Alteryx' v3: find them and what they ask, run one, and list its jobs."""

from __future__ import annotations

from jobs import errors
from jobs.dialects import alteryx_lists, alteryx_workflows
from jobs.dialects.alteryx_lists import CREATE_DATE, MAX_LIMIT, MAX_OFFSET, RESULT_CODES
from jobs.dialects.alteryx_workflows import DEFAULT, FULL, VIEWS
from jobs.dialects.registry import ALTERYX_V3
from jobs.tenancy.administration import MAX_NAME
from jobs.tenancy.registering import MAX_QUESTIONS, MAX_RUN_COUNT, MAX_WORKFLOWS
from jobs.workflows.running import MAX_WORKFLOW_ID

from openapi.alteryx_v3 import (
    CUT,
    DIRECTION,
    FIELDS,
    MOMENT,
    NO_MOMENT,
    OUT_OF_BOUNDS,
    PART,
    REQUEST,
    TOO_MANY_ROWS,
    cut,
    statuses,
)
from openapi.answers import TOO_MANY, Reply, shown
from openapi.document import Operation
from openapi.examples import V3_CALL, V3_COMPLETED, V3_QUEUED, V3_WORKFLOW
from openapi.schemas import Fields, body_of, field, integer, list_of, one_of, query, query_list, reference, strict

_QUEUED = ALTERYX_V3.render_job(V3_QUEUED, (), ())
_JOBS = alteryx_lists.render_workflow_jobs([V3_COMPLETED], V3_CALL, 0)
_WHOLE = alteryx_workflows.render_workflow(V3_WORKFLOW)
_REDUCED, _FULL = (alteryx_workflows.render_workflows([V3_WORKFLOW], V3_CALL, 0, full=full) for full in (False, True))
_QUESTIONS = alteryx_workflows.render_questions(V3_WORKFLOW.registration.questions)

_UNKNOWN = "Always empty: the service keeps no versions and no files of workflows."
_NEVER = field("boolean", "Always false.")
_WORKFLOW_FIELDS = Fields(
    "openapi/alteryx_v3/workflows.py _WORKFLOW_FIELDS",
    {
        "id": field("string", "The workflow's id.", maxLength=MAX_WORKFLOW_ID),
        "sourceAppId": field("string", _UNKNOWN),
        "dateCreated": field("string", "When it was registered, or first seen.", format="date-time"),
        "runCount": {**integer(0, MAX_RUN_COUNT), "description": "How often it ran before it was registered here."},
        "versions": field("array", _UNKNOWN, maxItems=0),
        "name": field(
            "string", "What people call it: its id until it got a name.", maxLength=max(MAX_NAME, MAX_WORKFLOW_ID)
        ),
        "ownerId": field("string", "The id of the user who owns it. Empty for nobody."),
        "workerTag": field("string", "Which workers run it, unless a run names others. Empty for any."),
        "districtTags": field("array", "Always empty.", maxItems=0),
        "comments": field("string", "Always empty."),
        "isPublic": _NEVER,
        "isReadyForMigration": _NEVER,
        "publishedVersionId": field("string", _UNKNOWN),
        "publishedVersionNumber": field("integer", "Always 0: the service keeps no versions.", enum=[0]),
        "othersMayDownload": _NEVER,
        "othersCanViewHistory": _NEVER,
        "othersCanExecute": _NEVER,
        "executionMode": field("string", "Always `Standard`.", enum=[alteryx_workflows.EXECUTION_MODE]),
        "hasPrivateDataExemption": _NEVER,
        "isAmp": _NEVER,
    },
)
_QUESTION_FIELDS = Fields(
    "openapi/alteryx_v3/workflows.py _QUESTION_FIELDS",
    {
        "name": field("string", "The name of the question, which an answer repeats."),
        "questionType": field("string", "The kind of question, as it was registered."),
        "description": field("string", "The question for people."),
        "value": field("string", "The answer if nobody gives one."),
        "multiple": field("boolean", "Whether several answers may be given."),
        "items": list_of("V3QuestionItem", description="The answers to choose from."),
    },
)

SCHEMAS = {
    "V3WorkflowJobs": {
        "type": "array",
        "maxItems": MAX_LIMIT,
        "items": FIELDS.object_of("V3WorkflowJobs", shown(_JOBS)[0]),
    },
    "V3RunRequest": REQUEST,
    "V3Workflow": _WORKFLOW_FIELDS.object_of("V3Workflow", shown(_WHOLE)),
    "V3ReducedWorkflow": _WORKFLOW_FIELDS.object_of("V3ReducedWorkflow", shown(_REDUCED)[0]),
    "V3Workflows": {
        "type": "array",
        "items": {"oneOf": [reference("V3ReducedWorkflow"), reference("V3Workflow")]},
        "maxItems": MAX_WORKFLOWS,
    },
    "V3Question": _QUESTION_FIELDS.object_of("V3Question", shown(_QUESTIONS)[0]),
    "V3QuestionItem": strict(
        key=field("string", "What an answer names."), value=field("string", "What people choose.")
    ),
    "V3Questions": list_of("V3Question", maxItems=MAX_QUESTIONS),
}

OPERATIONS = (
    Operation(
        route="POST /webapi/v3/workflows/{workflowId}/jobs",
        name="runWorkflowV3",
        summary="Run a workflow",
        text="Creates the job that runs the workflow now, in the client's project. A field that is null or empty "
        "counts as left out, and one that is unknown is ignored. A workflow that is in collections needs the right to "
        "run it through one of them. A run that names no worker tag gets that of its workflow.",
        body=body_of(
            reference("V3RunRequest"),
            required=False,
            nothing=("The minimum.", {}),
            questions=("With answers.", {"priority": "High", "questions": [{"name": "region", "value": "EMEA"}]}),
            object=("With answers as an object.", {"questions": {"region": "EMEA"}}),
        ),
        replies=[Reply("queued", "The queued job.", _QUEUED, "V3Job")],
        refused=[errors.RunNotPermitted(), TOO_MANY],
    ),
    Operation(
        route="GET /webapi/v3/workflows/{workflowId}/jobs",
        name="listWorkflowsJobsV3",
        summary="List a workflow's jobs",
        text="Lists the jobs of the workflow that the caller may see.",
        parameters=[
            query("sortField", "The field to sort by, in any case.", **one_of(CREATE_DATE, default=CREATE_DATE)),
            DIRECTION,
            statuses("status"),
            query_list("resultCode", "Only jobs with one of these dispositions, in any case.", one_of(*RESULT_CODES)),
            *PART,
        ],
        replies=[
            Reply("jobs", "The jobs.", _JOBS, "V3WorkflowJobs"),
            Reply("cut", CUT, cut(_JOBS, offset="150"), "V3WorkflowJobs"),
        ],
        refused=[OUT_OF_BOUNDS, TOO_MANY_ROWS],
    ),
    Operation(
        route="GET /webapi/v3/workflows",
        name="listWorkflowsV3",
        summary="List workflows",
        text="Lists the workflows that were registered or shared, as far as the caller may see them, by their ids.",
        parameters=[
            query("view", "Reduced objects or whole ones, in any case.", **one_of(*VIEWS, default=DEFAULT)),
            query("name", "Only workflows with this name, in any case.", type="string"),
            query("ownerId", "Only workflows of this user.", type="string"),
            query("createdAfter", "Only workflows that were first known after this day or time.", **MOMENT),
            query("createdBefore", "Only workflows that were first known before this day or time.", **MOMENT),
            query("offset", "How many workflows to skip. `Link` sets it.", **integer(0, MAX_OFFSET, default=0)),
        ],
        replies=[
            Reply("reduced", "The workflows.", _REDUCED, "V3Workflows"),
            Reply("full", "The whole workflows.", _FULL, "V3Workflows"),
            Reply("cut", CUT, cut(_FULL, view=FULL, offset="150"), "V3Workflows"),
        ],
        refused=[errors.InvalidRequest("createdAfter", NO_MOMENT)],
    ),
    Operation(
        route="GET /webapi/v3/workflows/{workflowId}",
        name="getWorkflowV3",
        summary="Get a workflow",
        text="Shows a workflow that was registered or shared, or that has a job.",
        replies=[Reply("workflow", "The workflow.", _WHOLE, "V3Workflow")],
        refused=[errors.WorkflowNotFound()],
    ),
    Operation(
        route="GET /webapi/v3/workflows/{workflowId}/questions",
        name="listQuestionsV3",
        summary="List a workflow's questions",
        text="Lists what the workflow asks before it runs, as it was registered.",
        replies=[Reply("questions", "The questions.", _QUESTIONS, "V3Questions")],
        refused=[errors.WorkflowNotFound()],
    ),
)
