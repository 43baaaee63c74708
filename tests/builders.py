"""Short ways to make what tests need."""

from __future__ import annotations

from typing import Any

from jobs.model import Change, Credential, Job, NewJob, Project, Status

NOW = 1_700_000_000_000
ORGANISATION = 7


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


def a_request(**overrides: Any) -> NewJob:
    return NewJob(**{"action": "export", **overrides})


def a_job(**overrides: Any) -> Job:
    """A scheduled job that is due now, unless told otherwise."""
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
