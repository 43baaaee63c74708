"""Workflows in Alteryx' v3: run one, and list its jobs."""

from __future__ import annotations

from jobs import errors
from jobs.dialects.alteryx_v3 import MAX_LIMIT
from jobs.dialects.registry import ALTERYX_V3

from openapi.alteryx_v3 import FIELDS, OUT_OF_BOUNDS, PART, REQUEST, statuses
from openapi.answers import TOO_MANY, Reply, shown
from openapi.document import Operation
from openapi.examples import V3_COMPLETED, V3_QUEUED
from openapi.schemas import body_of, one_of, query, reference

_QUEUED = ALTERYX_V3.render_job(V3_QUEUED, (), ())
_JOBS = ALTERYX_V3.render_workflow_jobs([V3_COMPLETED])

SCHEMAS = {
    "V3WorkflowJobs": {
        "type": "array",
        "maxItems": MAX_LIMIT,
        "items": FIELDS.object_of("V3WorkflowJobs", shown(_JOBS)[0]),
    },
    "V3RunRequest": REQUEST,
}

OPERATIONS = (
    Operation(
        route="POST /webapi/v3/workflows/{workflowId}/jobs",
        name="runWorkflowV3",
        summary="Run a workflow",
        text="Creates the job that runs the workflow now, in the client's project. A field that is null or empty "
        "counts as left out. A workflow that is in collections needs the right to run it through one of them.",
        body=body_of(
            reference("V3RunRequest"),
            required=False,
            nothing=("The minimum.", {}),
            questions=("With answers.", {"priority": "High", "questions": [{"name": "region", "value": "EMEA"}]}),
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
            query("sortField", "The field to sort by.", **one_of("createDate")),
            query(
                "direction", "Oldest first (`asc`) or newest first (`desc`).", **one_of("asc", "desc", default="desc")
            ),
            statuses("status"),
            *PART,
        ],
        replies=[Reply("jobs", "The jobs.", _JOBS, "V3WorkflowJobs")],
        refused=[OUT_OF_BOUNDS],
    ),
)
