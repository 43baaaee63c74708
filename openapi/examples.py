"""The jobs and messages that the document shows."""

from __future__ import annotations

from typing import Any, cast

from jobs.artifacts.model import Address, Artifact
from jobs.dialects.base import Call, ProjectDialect, Request, UserCall
from jobs.model import DELETE_USER_DATA, MINUTE, SECOND, Change, Job, Message, Run, Severity, Status
from jobs.tenants import Credential, Project, Question, Registration, Workflow
from jobs.workflows.running import RUN_WORKFLOW
from jobs.workflows.viewing import Sighting

_KEY = "key-1"
_BY = f"key:{_KEY}"


def _new(at: int, by: str, start_at: int, **fields: Any) -> Job:
    """A job that was just created."""
    history = (Change(Status.SCHEDULED, at, by),)
    return Job(status=Status.SCHEDULED, start_at=start_at, next_at=start_at, history=history, **fields)


def moved(  # a change has this many parts
    job: Job, to: Status, by: str = _BY, *, at: int | None = None, evidence: str | None = None, **fields: Any
) -> Job:
    """The job after one more change of its status: at a time, or a minute after the last change."""
    at = job.history[-1].at + MINUTE if at is None else at
    # an attempt is lost after 15 minutes without a word, if its job asks for nothing else
    following = {Status.SCHEDULED: at, Status.RUNNING: at + 15 * MINUTE}.get(to)
    return job._replace(status=to, next_at=following, history=(*job.history, Change(to, at, by, evidence)), **fields)


def _deletion(job_id: int, at: int, user: str, reference: str) -> Job:
    """The deletion of a user, as OpenReplay's documents show it."""
    about = {"action": DELETE_USER_DATA, "description": f"Delete user sessions of userId = {user}"}
    return _new(at, _BY, START, project_id=1, job_id=job_id, reference_id=reference, **about)


def _request(path: str, query: dict[str, str]) -> dict[str, Any]:
    origin = "https://jobs.example.com"
    return {"path": {}, "query": query, "headers": {}, "body": "", "origin": origin, "raw_path": path}


# ---------------------------------------------------------------------------------------------------------- OpenReplay
PROJECT_KEY = "3sWXSsqHgSKnE87YkNJK"
START = 1623954600000
_FIRST, _SECOND, _CANCELLED_AT = (3451, 1623912955277), (3452, 1623912962910), 1623913015276
_V1_USER = "shekar@example.com", "mehdi@openreplay.com"

_PROJECT = Project(project_id=1, organisation_id=1, project_key=PROJECT_KEY, name="", secret=b"")


def a_call(dialect: ProjectDialect, path: str = "", **query: str) -> Call:
    """A call of a path under the project's jobs, for the links of its answer."""
    request = _request(f"{dialect.prefix}/{PROJECT_KEY}/jobs{path}", query)
    credential = Credential(credential_id=_KEY, organisation_id=1)
    return Call(**request, credential=credential, project=_PROJECT, dialect=dialect)


V1_SCHEDULED = _deletion(*_FIRST, *_V1_USER)
V1_CANCELLED = moved(_deletion(*_SECOND, *_V1_USER), Status.CANCELLED, at=_CANCELLED_AT)

SCHEDULED = _deletion(*_FIRST, "shekar@example.com", "shekar@example.com")
CANCELLED = moved(_deletion(*_SECOND, "mehdi@example.com", "mehdi@example.com"), Status.CANCELLED, at=_CANCELLED_AT)
EXPORT = _new(
    SCHEDULED.created_at,
    _BY,
    START,
    project_id=1,
    job_id=3453,
    action="export",
    description="Sessions of June",
    reference_id="2021-06",
    max_attempts=3,
)
PARAMS = {"format": "csv"}
#: A file of that job's first attempt, and signed addresses for it, without their signatures.
ARTIFACT = Artifact(
    1,
    3453,
    1,
    "79b1c0a2f4de8835b6a1c2d3",
    "sessions.csv",
    11,
    "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9",
    "Csv",
)
_FILE = f"https://artifacts.s3.eu-west-1.amazonaws.com/1/3453/1/{ARTIFACT.artifact_id}?X-Amz-Expires="
UPLOAD = Address(
    f"{_FILE}900",
    START + 15 * MINUTE,
    {
        "Content-Length": "11",
        "x-amz-checksum-sha256": "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=",
        "If-None-Match": "*",
    },
)
DOWNLOAD = Address(f"{_FILE}300", START + 5 * MINUTE, {})
_WORKER = "event:com.example.exporter"
_STARTED = moved(EXPORT, Status.RUNNING, "service", at=START)
#: In its second attempt.
RUNNING = moved(
    moved(_STARTED, Status.SCHEDULED, _WORKER, evidence="1", attempt=2), Status.RUNNING, "service", progress=40
)
EVIDENCE = {"1": ["table sessions is locked"]}
RETRIED = moved(moved(_STARTED, Status.FAILED, _WORKER), Status.SCHEDULED, attempt=2)
MESSAGES = [
    Message(START, Severity.INFORMATION, "Reading sessions."),
    Message(START + MINUTE, Severity.WARNING, "Session 12 is empty.", tool_id=4),
]

# ------------------------------------------------------------------------------------------------------ Alteryx Server
V3_JOB_ID = "66ebd18d3d6200007e000d8c"
WORKFLOW_ID = "5bc4a813156ae016dcb442bd"
_CREATED_AT = 0x66EBD18D * SECOND + 589
_CLIENT = "client:64a1f0c2b7d3e85a9c104f6e"

#: The first job in Alteryx' documentation. Its id is `V3_JOB_ID`.
V3_QUEUED = _new(
    _CREATED_AT,
    _CLIENT,
    _CREATED_AT,
    project_id=0x3D620000,
    job_id=0x7E000D8C,
    action=RUN_WORKFLOW,
    description=f"Run workflow {WORKFLOW_ID}",
    reference_id=WORKFLOW_ID,
    run=Run(workflow_id=WORKFLOW_ID),
)
#: The caller of its messages. An answer's links need nothing of it but the address.
V3_CALL = cast("UserCall", Request(**_request(f"/webapi/v3/jobs/{V3_JOB_ID}/messages", {})))
V3_SIGHTING = Sighting(_PROJECT, V3_QUEUED)
V3_RUNNING = moved(V3_QUEUED, Status.RUNNING, _CLIENT)
V3_COMPLETED = moved(V3_RUNNING, Status.COMPLETED, _CLIENT)
V3_OUTPUTS = [{"id": "1", "availableFormats": ["Csv", "Yxdb"], "fileName": "sales.yxdb"}]
V3_MESSAGES = [
    Message(_CREATED_AT, Severity.INFORMATION, "12 records were read", tool_id=1),
    Message(_CREATED_AT + SECOND, Severity.WARNING, "A field was truncated", tool_id=4),
]
V3_WORKFLOW = Workflow(
    workflow_id=WORKFLOW_ID,
    created_at=_CREATED_AT,
    registration=Registration(
        name="Sales",
        owner_id="64a1f0c2b7d3e85a9c104f6e",
        worker_tag="gpu",
        questions=(
            Question("region", "DropDown", "Which region?", "EMEA", items=(("EMEA", "Europe"), ("APAC", "Asia"))),
        ),
    ),
)
