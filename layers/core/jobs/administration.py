"""Making organisations, projects and API keys."""

from __future__ import annotations

import secrets
import string
from typing import TYPE_CHECKING, NamedTuple

from jobs import access
from jobs.errors import InvalidRequest
from jobs.model import Credential

if TYPE_CHECKING:
    from jobs.model import Organisation, Project
    from jobs.ports import Registry

#: Listing an organisation's jobs merges the newest ends of its projects, so there is a bound.
MOST_PROJECTS = 50
LONGEST_NAME = 128
_PROJECT_KEY_LENGTH = 20
_PROJECT_KEY_ALPHABET = string.ascii_letters + string.digits
_LOCK_SECRET_BYTES = 32
_CREDENTIAL_ID_BYTES = 6


class IssuedKey(NamedTuple):
    """A new API key. The secret is shown this once; only its digest is stored."""

    credential: Credential
    secret: str


def create_organisation(registry: Registry, name: str) -> Organisation:
    """Create an organisation.

    Raises:
        InvalidRequest: the name is blank or over 128 characters.
    """
    return registry.add_organisation(_checked(name))


def create_project(registry: Registry, organisation_id: int, name: str) -> Project:
    """Create a project with a key of its own, shaped as OpenReplay's are: 20 letters and digits.

    Raises:
        InvalidRequest: the name is blank or too long, or the organisation is unknown or has 50 projects.
    """
    project_key = "".join(secrets.choice(_PROJECT_KEY_ALPHABET) for _ in range(_PROJECT_KEY_LENGTH))
    secret = secrets.token_bytes(_LOCK_SECRET_BYTES)
    return registry.add_project(organisation_id, _checked(name), project_key, secret, MOST_PROJECTS)


def create_api_key(registry: Registry, organisation_id: int, *, expires_at: int | None = None) -> IssuedKey:
    """Issue an API key of an organisation, valid until `expires_at` (milliseconds) or for good.

    Raises:
        InvalidRequest: the organisation is unknown.
    """
    secret = access.new_api_key()
    credential = Credential(
        credential_id=f"key-{secrets.token_hex(_CREDENTIAL_ID_BYTES)}",
        organisation_id=organisation_id,
        expires_at=expires_at,
    )
    registry.add_credential(credential, access.digest_of(secret))
    return IssuedKey(credential, secret)


def _checked(name: str) -> str:
    if not name.strip() or len(name) > LONGEST_NAME:
        raise InvalidRequest("name", f"must be 1 to {LONGEST_NAME} characters and not blank")
    return name
