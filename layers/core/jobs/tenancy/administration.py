"""Making organisations, projects and API keys; users, their clients, and what is shared through collections."""

from __future__ import annotations

import re
import secrets
import string
from typing import TYPE_CHECKING, NamedTuple

from jobs.errors import InvalidRequest
from jobs.model import Client, Credential, User
from jobs.tenancy import access

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from jobs.model import Organisation, Project, Right, Role
    from jobs.ports import DirectoryAdmin

#: Listing an organisation's jobs merges the newest ends of its projects, so there is a bound.
MAX_PROJECTS = 50
MAX_NAME = 128
#: Bounds what every event's check reads.
MAX_TRUSTED = 50
#: Bounds what every request of a user reads, and what is stored with every job of a workflow.
MAX_COLLECTIONS = 100
MAX_ID = 256
_ACCOUNT = re.compile(r"[0-9]{12}")
_PROJECT_KEY_LENGTH = 20
_PROJECT_KEY_ALPHABET = string.ascii_letters + string.digits
_LOCK_SECRET_BYTES = 32
_CREDENTIAL_ID_BYTES = 6
#: Users and clients get ids as Alteryx Server gives them: 24 hexadecimal digits.
_ID_BYTES = 12


class IssuedKey(NamedTuple):
    """A new API key. The secret is shown this once; only its digest is stored."""

    credential: Credential
    secret: str


class IssuedClient(NamedTuple):
    """A new client. The secret is shown this once; only its digest is stored."""

    client: Client
    secret: str


def create_organisation(registry: DirectoryAdmin, name: str) -> Organisation:
    """Create an organisation.

    Raises:
        InvalidRequest: the name is blank or over 128 characters.
    """
    return registry.add_organisation(_checked(name))


def create_project(registry: DirectoryAdmin, organisation_id: int, name: str) -> Project:
    """Create a project with a key of its own, shaped as OpenReplay's are: 20 letters and digits.

    Raises:
        InvalidRequest: the name is blank or too long, or the organisation is unknown or has 50 projects.
    """
    project_key = "".join(secrets.choice(_PROJECT_KEY_ALPHABET) for _ in range(_PROJECT_KEY_LENGTH))
    secret = secrets.token_bytes(_LOCK_SECRET_BYTES)
    return registry.add_project(organisation_id, _checked(name), project_key, secret, MAX_PROJECTS)


def trust(registry: DirectoryAdmin, project_id: int, accounts: Collection[str], sources: Collection[str]) -> None:
    """Set whose events a project takes: of other AWS accounts, and of which sources alone (none: of any).

    Events of the stack's own account are always trusted, if their source is.

    Raises:
        InvalidRequest: an account is no 12 digits, a source is blank, there are over 50 of either, or the project is
            unknown.
    """
    for account in accounts:
        if not _ACCOUNT.fullmatch(account):
            raise InvalidRequest("account", "must be 12 digits")
    if not all(source.strip() for source in sources):
        raise InvalidRequest("source", "must not be blank")
    if max(len(accounts), len(sources)) > MAX_TRUSTED:
        raise InvalidRequest("trust", f"must be at most {MAX_TRUSTED} accounts and as many sources")
    registry.set_trust(project_id, frozenset(accounts), frozenset(sources))


def create_api_key(registry: DirectoryAdmin, organisation_id: int, *, expires_at: int | None = None) -> IssuedKey:
    """Issue an API key of an organisation, valid until `expires_at` (milliseconds) or for good.

    Raises:
        InvalidRequest: the organisation is unknown.
    """
    secret = access.new_secret(access.KEY_PREFIX)
    credential = Credential(
        credential_id=f"key-{secrets.token_hex(_CREDENTIAL_ID_BYTES)}",
        organisation_id=organisation_id,
        expires_at=expires_at,
    )
    registry.add_credential(credential, access.digest_of(secret))
    return IssuedKey(credential, secret)


def create_user(registry: DirectoryAdmin, organisation_id: int, name: str, role: Role) -> User:
    """Create a user of an organisation, in no collection.

    Raises:
        InvalidRequest: the name is blank or too long, or the organisation is unknown.
    """
    user = User(organisation_id=organisation_id, user_id=secrets.token_hex(_ID_BYTES), role=role, name=_checked(name))
    registry.add_user(user)
    return user


def create_client(
    registry: DirectoryAdmin, organisation_id: int, user_id: str, project_id: int, *, expires_at: int | None = None
) -> IssuedClient:
    """Issue an OAuth 2.0 client that acts for a user and runs workflows in a project.

    Valid until `expires_at` (milliseconds) or for good.

    Raises:
        InvalidRequest: the organisation has no such user or project.
    """
    secret = access.new_secret(access.CLIENT_SECRET_PREFIX)
    client = Client(
        client_id=secrets.token_hex(_ID_BYTES),
        organisation_id=organisation_id,
        user_id=user_id,
        project_id=project_id,
        secret_digest=access.digest_of(secret),
        expires_at=expires_at,
    )
    registry.add_client(client)
    return IssuedClient(client, secret)


def share_collection(
    registry: DirectoryAdmin, organisation_id: int, collection_id: str, user_id: str, right: Right | None
) -> None:
    """Put a user into a collection, or take the user out (None); jobs that are there already are shared too.

    Raises:
        InvalidRequest: the collection's id is blank or over 256 characters, or the user is unknown or in 100 already.
    """
    registry.set_right(organisation_id, user_id, _checked_id("collection", collection_id), right, MAX_COLLECTIONS)


def share_workflow(
    registry: DirectoryAdmin, organisation_id: int, workflow_id: str, collection_ids: Sequence[str]
) -> None:
    """Set the collections that a workflow is in; they hold for the runs that come, not for those that were.

    Raises:
        InvalidRequest: an id is blank or over 256 characters, there are over 100, or the organisation is unknown.
    """
    if len(collection_ids) > MAX_COLLECTIONS:
        raise InvalidRequest("collection", f"must be at most {MAX_COLLECTIONS}")
    for collection_id in collection_ids:
        _checked_id("collection", collection_id)
    registry.set_workflow_collections(organisation_id, _checked_id("workflow", workflow_id), collection_ids)


def _checked_id(field: str, text: str) -> str:
    if not text.strip() or len(text) > MAX_ID:
        raise InvalidRequest(field, f"must be 1 to {MAX_ID} characters and not blank")
    return text


def _checked(name: str) -> str:
    if not name.strip() or len(name) > MAX_NAME:
        raise InvalidRequest("name", f"must be 1 to {MAX_NAME} characters and not blank")
    return name
