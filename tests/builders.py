"""Short ways to make what tests need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from jobs.artifacts.model import Artifact
from jobs.dialects.base import Call, UserCall
from jobs.model import Change, Forgotten, Job, JobKey, NewJob, Occasion, Run, Status
from jobs.outcomes import NewRow
from jobs.tenants import Client, Credential, Principal, Project, Role, User, Workflow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jobs.dialects.base import ProjectDialect
    from jobs.model import DeletionLock, IdempotencyRecord, SeenEvent
    from jobs.outcomes import AppendOutcome, StartOutcome
    from jobs.ports import Attempts

    from tests.stores import Store

NOW = 1_700_000_000_000
ORGANISATION = 7
FULL_RUN = Run("wf", "owner", ("c1", "c2"), "High", "gpu")


def a_project(**overrides: Any) -> Project:
    values: dict[str, Any] = {
        "project_id": 1,
        "organisation_id": ORGANISATION,
        "project_key": "3sWXSsqHgSKnE87YkNJK",
        "name": "Demo",
        "secret": b"0" * 32,
    }
    return Project(**{**values, **overrides})


def a_credential(**overrides: Any) -> Credential:
    return Credential(**{"credential_id": "key-1", "organisation_id": ORGANISATION, **overrides})


def a_user(**overrides: Any) -> User:
    """A member who is in no collection by default."""
    return User(**{"organisation_id": ORGANISATION, "user_id": "user-1", "role": Role.MEMBER, **overrides})


def a_client(**overrides: Any) -> Client:
    values: dict[str, Any] = {
        "client_id": "0123456789abcdef01234567",
        "organisation_id": ORGANISATION,
        "user_id": "user-1",
        "project_id": 1,
        "secret_digest": "",
    }
    return Client(**{**values, **overrides})


def a_principal(**user: Any) -> Principal:
    """A client of that user."""
    made = a_user(**user)
    return Principal(a_client(user_id=made.user_id, organisation_id=made.organisation_id), made)


def a_workflow(**overrides: Any) -> Workflow:
    """A workflow that was shared through no collection and never registered."""
    return Workflow(**{"workflow_id": "w", "created_at": NOW, **overrides})


def a_request(**overrides: Any) -> NewJob:
    return NewJob(**{"action": "export", **overrides})


def a_job(**overrides: Any) -> Job:
    """A job that is scheduled and due now by default."""
    at = overrides.pop("at", NOW)
    values: dict[str, Any] = {
        "project_id": 1,
        "job_id": 1,
        "action": "export",
        "status": Status.SCHEDULED,
        "start_at": at,
        "next_at": at,
        "history": (Change(Status.SCHEDULED, at, "key-1"),),
    }
    return Job(**{**values, **overrides})


def a_full_request() -> NewJob:
    """A request with no field at its default; tests/unit/test_fields.py holds it to that."""
    return a_request(
        start_at=NOW + 5,
        description="Überblick 🙂",
        reference_id="a/b",
        params={"a": [1.5, None, "ü"]},
        max_attempts=3,
        timeout_seconds=43_200,
        run=FULL_RUN,
        made_by=Occasion("0" * 24, NOW),
    )


def a_full_job() -> Job:
    """A job with no field at its default, whether or not one job can have them all at once."""
    return a_job(
        description="Überblick 🙂",
        reference_id="a/b",
        attempt=2,
        max_attempts=3,
        timeout_seconds=43_200,
        errors=("no disk", ""),
        has_params=True,
        progress=40,
        progress_at=NOW + 7,
        outputs_token="token",
        moves=2,
        moved_by="key:2",
        forgotten=Forgotten.PAYLOAD,
        run=FULL_RUN,
        made_by=Occasion("0" * 24, NOW),
    )


def an_artifact(**overrides: Any) -> Artifact:
    """A file of the first attempt of the first job."""
    values: dict[str, Any] = {
        "project_id": 1,
        "job_id": 1,
        "attempt": 1,
        "artifact_id": "0123456789abcdef01234567",
        "name": "report.csv",
        "size": 3,
        "sha256": "0" * 64,
        "format": "Raw",
    }
    return Artifact(**{**values, **overrides})


def start(store: Attempts, job_id: int, at: int, project_id: int = 1) -> StartOutcome:
    """Try to start one job alone."""
    [outcome] = store.start_jobs([JobKey(project_id, job_id)], at)
    return outcome


def a_call(dialect: ProjectDialect, **overrides: Any) -> Call:
    """A call of the job list, past authentication."""
    project = a_project()
    values: dict[str, Any] = {
        "path": {"projectKey": project.project_key},
        "query": {},
        "headers": {},
        "body": "",
        "origin": "https://jobs.example.com",
        "raw_path": f"{dialect.prefix}/{project.project_key}/jobs",
        "credential": a_credential(),
        "project": project,
        "dialect": dialect,
    }
    return Call(**{**values, **overrides})


def a_user_call() -> UserCall:
    """A call with an access token, past authentication."""
    return UserCall(path={}, query={}, headers={}, body="", origin="https://h", raw_path="/x", principal=a_principal())


def a_client_error(code: str, message: str = "", **response: Any) -> ClientError:
    """A refusal of AWS by its code; `response` has the rest of its answer."""
    return ClientError({"Error": {"Code": code, "Message": message}, **response}, "Operation")  # type: ignore[typeddict-item]  # the stubs know less


def a_cancelled_transaction(*reasons: str | tuple[str, Mapping[str, Any]]) -> ClientError:
    """A transaction that was cancelled: a code for each action, with the row that a failed condition saw."""
    told: list[dict[str, Any]] = [
        {"Code": reason} if isinstance(reason, str) else {"Code": reason[0], "Item": reason[1]} for reason in reasons
    ]
    message = ", ".join(reason["Code"] for reason in told)
    return a_client_error("TransactionCanceledException", message, CancellationReasons=told)


def append(  # noqa: PLR0913, PLR0917  # a creation has this many parts
    store: Store,
    job: Job,
    token: str,
    params: Mapping[str, Any] = {},  # never changed
    record: IdempotencyRecord | None = None,
    lock: DeletionLock | None = None,
    seen: SeenEvent | None = None,
) -> AppendOutcome:
    """Put one job and what belongs to it."""
    return store.append([NewRow(job, token, params, seen)], record, lock).outcome
