"""What the subjects of Alteryx' v3 share: fields, the parameters of lists, and the jobs of the examples."""

from __future__ import annotations

from dataclasses import replace

from jobs import errors
from jobs.dialects.alteryx_v3 import DEFAULT_LIMIT, DEFAULT_PRIORITY, HIGHEST_LIMIT, HIGHEST_OFFSET, AlteryxV3
from jobs.dialects.bodies import WorkflowRunRequest
from jobs.dialects.event_bodies import MOST_ENTRIES
from jobs.model import DEFAULT_TIMEOUT_SECONDS, MINUTE, SECOND, Change, Job, Run, Status
from jobs.workflows.running import RUN_WORKFLOW

from openapi.answers import shown
from openapi.schemas import Fields, Node, field, list_of, query, query_of_several, request_of

ALTERYX_V3 = AlteryxV3()

JOB_ID = "66ebd18d3d6200007e000d8c"
WORKFLOW_ID = "5bc4a813156ae016dcb442bd"
CREATED_AT = 0x66EBD18D * SECOND + 589
_BY = "64a1f0c2b7d3e85a9c104f6e"

#: The job of the first example in Alteryx' documentation. Its id is `JOB_ID`.
QUEUED = Job(
    project_id=0x3D620000,
    job_id=0x7E000D8C,
    action=RUN_WORKFLOW,
    description=f"Run workflow {WORKFLOW_ID}",
    reference_id=WORKFLOW_ID,
    status=Status.SCHEDULED,
    start_at=CREATED_AT,
    next_at=CREATED_AT,
    history=(Change(Status.SCHEDULED, CREATED_AT, _BY),),
    run=Run(workflow_id=WORKFLOW_ID),
)


def moved(job: Job, to: Status) -> Job:
    """The job a minute later, in another status."""
    at = job.history[-1].at + MINUTE
    following = at + DEFAULT_TIMEOUT_SECONDS * SECOND if to is Status.RUNNING else None
    return replace(job, status=to, next_at=following, history=(*job.history, Change(to, at, _BY)))


RUNNING = moved(QUEUED, Status.RUNNING)
COMPLETED = moved(RUNNING, Status.COMPLETED)

#: The body that runs a workflow.
REQUEST = request_of(
    WorkflowRunRequest,
    "openapi/alteryx_v3/shared.py REQUEST",
    {
        "workerTag": "Which workers may take the job.",
        "credentialId": "The credential that the workflow runs with.",
        "questions": "Answers to the questions that the workflow asks.",
        "questions.name": "The name of the question.",
        "questions.value": "The answer.",
        "priority": f"How urgent the job is. `{DEFAULT_PRIORITY}` if left out.",
    },
)
_ASKED = REQUEST["properties"]

#: What is shown of a job in each status.
_SHOWN = [shown(ALTERYX_V3.render_job(moved(QUEUED, status), (), ())) for status in Status]
ID = field("string", "The job's id.", pattern="^[0-9a-f]{24}$")
_CREATED = field("string", "When the job was created.", format="date-time", pattern=r"\.[0-9]{3}Z$")
STATUS = field("string", "The state of the job.", enum=list(dict.fromkeys(job["status"] for job in _SHOWN)))
_DISPOSITIONS = list(dict.fromkeys(job["disposition"] for job in _SHOWN))

FIELDS = Fields(
    "openapi/alteryx_v3/shared.py FIELDS",
    {
        "id": ID,
        "jobId": ID,
        "appId": field("string", "The id of the workflow. The action, if the job runs no workflow."),
        "createDateTime": _CREATED,
        "createDate": _CREATED,
        "status": STATUS,
        "disposition": field("string", "How the job ended.", enum=_DISPOSITIONS),
        "outputs": list_of("V3Output", maxItems=MOST_ENTRIES, description="What the job produced."),
        "messages": list_of("V3Message", description="What the workers said, oldest first."),
        "priority": field(
            "string", "How urgent the job is.", enum=[name for name in _ASKED["priority"]["enum"] if name]
        ),
        "workerTag": field(
            "string", "Which workers may take the job. Empty for any.", maxLength=_ASKED["workerTag"]["maxLength"]
        ),
        "runWithE2": field("boolean", "Always false. Only Alteryx Server has that engine."),
    },
)

#: The parameters that choose a part of a list.
PART = (
    query("offset", "How many jobs to skip.", type="integer", minimum=0, maximum=HIGHEST_OFFSET, default=0),
    query(
        "limit",
        "How many jobs to list at most.",
        type="integer",
        minimum=1,
        maximum=HIGHEST_LIMIT,
        default=DEFAULT_LIMIT,
    ),
)
OUT_OF_BOUNDS = errors.InvalidRequest("limit", f"must be an integer from 1 to {HIGHEST_LIMIT}")


def statuses(name: str) -> Node:
    """The parameter that filters a list by status."""
    return query_of_several(name, "Only jobs in one of these states, in upper or lower case.", STATUS)
