"""The organisation of `events/`: it is put into the table, so that the credentials in those files are valid."""

from __future__ import annotations

import base64
import json
import secrets
from typing import TYPE_CHECKING, Any

from jobs.tenancy import access, administration
from jobs.tenants import AccessToken, Client, Credential, Role

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.store.directory_admin import DynamoDBDirectoryAdmin
    from jobs.tenants import Project


def seed(directory: DynamoDBDirectoryAdmin, root: Path) -> tuple[Project, str]:
    """Create the organisation that the files of `events/` name; the table must be empty.

    Files that name a project by its number mean the first project.

    Returns:
        The project, and an API key of its organisation.
    """
    public, v3 = (_event(root, "get_job", case) for case in ("public", "alteryx_v3"))
    api_key, token = (event["headers"]["authorization"].removeprefix("Bearer ") for event in (public, v3))
    basic = _event(root, "issue_token", "basic")["headers"]["authorization"].removeprefix("Basic ")
    client_id, _, client_secret = base64.b64decode(basic).decode().partition(":")

    organisation_id = administration.create_organisation(directory, "Demo").organisation_id
    project_key = public["pathParameters"]["projectKey"]
    project = directory.add_project(organisation_id, "Demo project", project_key, secrets.token_bytes(32), 1)
    made: dict[str, Any] = {"created_at": directory.clock.now(), "created_by": directory.by}
    credential = Credential(credential_id="key-demo", organisation_id=organisation_id, **made)
    directory.add_credential(credential, access.digest_of(api_key))
    user = administration.create_user(directory, organisation_id, "Events", Role.ADMINISTRATOR)
    client = Client(
        client_id=client_id,
        organisation_id=organisation_id,
        user_id=user.user_id,
        project_id=project.project_id,
        secret_digest=access.digest_of(client_secret),
        **made,
    )
    directory.add_client(client)
    directory.add_token(AccessToken(client_id=client_id), access.digest_of(token))
    return project, api_key


def _event(root: Path, function: str, case: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((root / "events" / function / f"{case}.json").read_text())
    return event
