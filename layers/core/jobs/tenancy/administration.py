"""What administrators do: make organisations, projects, keys, users and clients, and share through collections."""

from __future__ import annotations

import re
import secrets
import string
from typing import TYPE_CHECKING, NamedTuple

from jobs.errors import InvalidRequest
from jobs.model import ACTION, ACTION_IN_WORDS, EVENT_SOURCE, is_reserved
from jobs.tenancy import access
from jobs.tenants import Client, Credential, User

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from jobs.tenancy.ports import DirectoryAdmin
    from jobs.tenants import Organisation, Project, Retention, Right, Role, Scope

#: A list of an organisation's jobs merges the newest jobs of all its projects, so their number is bounded.
MAX_PROJECTS = 50
MAX_NAME = 128
#: Bounds what the check of every event reads.
MAX_TRUSTED = 50
#: More creations a minute than one project's numbers can be given out in.
MAX_CREATIONS = 1_000_000
#: The longest retention: a hundred years.
MAX_DAYS = 36_500
#: Bounds what every request of a user reads, and what is stored with every run of a workflow.
MAX_COLLECTIONS = 100
MAX_ID = 256
_ACCOUNT = re.compile(r"[0-9]{12}")
_ACTION = re.compile(ACTION)
_PROJECT_KEY_LENGTH = 20
_PROJECT_KEY_ALPHABET = string.ascii_letters + string.digits
_LOCK_SECRET_BYTES = 32
_CREDENTIAL_ID_BYTES = 6
#: Users and clients have ids like those of Alteryx Server: 24 hexadecimal digits.
_ID_BYTES = 12


class IssuedKey(NamedTuple):
    """A new API key. The secret is shown only this once; its digest is stored."""

    credential: Credential
    secret: str


class IssuedClient(NamedTuple):
    """A new client. The secret is shown only this once; its digest is stored."""

    client: Client
    secret: str


def create_organisation(admin: DirectoryAdmin, name: str) -> Organisation:
    """Create an organisation.

    Raises:
        InvalidRequest: the name is blank or over 128 characters.
    """
    return admin.add_organisation(checked_name(name))


def create_project(admin: DirectoryAdmin, organisation_id: int, name: str) -> Project:
    """Create a project with a key of its own, shaped as OpenReplay's are: 20 letters and digits.

    Raises:
        InvalidRequest: the name is blank or too long, or the organisation does not exist or has 50 projects.
    """
    project_key = "".join(secrets.choice(_PROJECT_KEY_ALPHABET) for _ in range(_PROJECT_KEY_LENGTH))
    secret = secrets.token_bytes(_LOCK_SECRET_BYTES)
    return admin.add_project(organisation_id, checked_name(name), project_key, secret, MAX_PROJECTS)


def trust(
    admin: DirectoryAdmin, project_id: int, accounts: Collection[str], sources: Mapping[str, Collection[str]]
) -> None:
    """Set whose events a project takes: which other AWS accounts, and which sources (none means any).

    A source may report on the jobs of its actions alone (none means all). Events of the stack's own account need only
    a trusted source.

    Raises:
        InvalidRequest: an account does not have 12 digits, a source is blank or one of our own, an action is no
            action, there are over 50 of anything, or the project does not exist.
    """
    for account in accounts:
        if not _ACCOUNT.fullmatch(account):
            raise InvalidRequest("account", "must be 12 digits")
    for source in sources:
        if not source.strip() or is_reserved(source):
            raise InvalidRequest("source", f"must not be blank, `{EVENT_SOURCE}`, or begin with `{EVENT_SOURCE}.`")
    actions = [action for named in sources.values() for action in named]
    if not all(map(_ACTION.fullmatch, actions)):
        raise InvalidRequest("source", f"each action must be {ACTION_IN_WORDS}")
    if max(len(accounts), len(sources), len(actions)) > MAX_TRUSTED:
        raise InvalidRequest("trust", f"must be at most {MAX_TRUSTED} accounts, as many sources and as many actions")
    admin.set_trust(project_id, frozenset(accounts), {source: frozenset(named) for source, named in sources.items()})


def limit_creations(admin: DirectoryAdmin, project_id: int, creations_per_minute: int | None) -> None:
    """Set how many jobs callers may create in a project within a minute; None means any number.

    Raises:
        InvalidRequest: it is below 1 or over a million, or the project does not exist.
    """
    if creations_per_minute is not None and not 1 <= creations_per_minute <= MAX_CREATIONS:
        raise InvalidRequest("creations-per-minute", f"must be from 1 to {MAX_CREATIONS}")
    admin.set_limits(project_id, creations_per_minute)


def retain(admin: DirectoryAdmin, project_id: int, retention: Retention) -> None:
    """Set what a project forgets of its ended jobs, and when.

    Redaction takes the payload too, so a payload cannot be kept for longer.

    Raises:
        InvalidRequest: a number of days is below 0 or over 36,500, the payload would outlive the redaction, or the
            project does not exist.
    """
    payload, redact = retention
    for field, days in (("payload-days", payload), ("redact-days", redact)):
        if days is not None and not 0 <= days <= MAX_DAYS:
            raise InvalidRequest(field, f"must be from 0 to {MAX_DAYS}")
    if payload is not None and redact is not None and payload > redact:
        raise InvalidRequest("payload-days", "must be at most redact-days, as redaction deletes the payload too")
    admin.set_retention(project_id, retention)


def delete_project(admin: DirectoryAdmin, organisation_id: int, name: str, confirm: Callable[[str], bool]) -> Project:
    """Begin the deletion of the project that has a name, or find it if that has begun.

    `confirm` is asked with the name before anything is written.

    Raises:
        InvalidRequest: no project or several have the name, or it was not confirmed.
    """
    known = map(admin.get_project, admin.list_projects(organisation_id))
    found = [project for project in known if project is not None and project.name == name]
    if len(found) != 1:
        ids = ", ".join(str(project.project_id) for project in found)
        raise InvalidRequest("name", f"several projects have it: {ids}" if ids else "no project has it")
    [project] = found
    if project.closed_at is None:
        _confirm(confirm, name)
        admin.close_project(project.project_id)
    return project


def delete_organisation(admin: DirectoryAdmin, organisation_id: int, name: str, confirm: Callable[[str], bool]) -> int:
    """Delete an organisation that has no projects, and return how many rows that were; `confirm` as above.

    Raises:
        InvalidRequest: it has another name or projects, or it was not confirmed.
    """
    organisation = admin.get_organisation(organisation_id)
    if organisation is None or organisation.name != name:
        raise InvalidRequest("name", f"organisation {organisation_id} has another name")
    if admin.list_projects(organisation_id):
        raise InvalidRequest("organisation", f"{organisation_id} has projects: delete them first")
    _confirm(confirm, name)
    return admin.remove_organisation(organisation_id)


def _confirm(confirm: Callable[[str], bool], name: str) -> None:
    if not confirm(name):
        raise InvalidRequest("name", "was not confirmed")


def create_api_key(
    admin: DirectoryAdmin,
    organisation_id: int,
    *,
    expires_at: int | None = None,
    scopes: Collection[Scope] = (),
    projects: Collection[int] = (),
) -> IssuedKey:
    """Issue an API key of an organisation, valid until `expires_at` (milliseconds), or for ever.

    Raises:
        InvalidRequest: the organisation does not exist or has no such project, or the key would have expired already.
    """
    for project_id in projects:
        if admin.get_own_project(organisation_id, project_id) is None:
            raise InvalidRequest("project", f"organisation {organisation_id} has no project {project_id}")
    issued = _new_key(admin, organisation_id, expires_at, frozenset(scopes), frozenset(projects))
    admin.add_credential(issued.credential, access.digest_of(issued.secret))
    return issued


def rotate_api_key(
    admin: DirectoryAdmin, organisation_id: int, credential_id: str, until: int, *, expires_at: int | None = None
) -> IssuedKey:
    """Issue another API key with the scopes and projects of one, which ends at `until`. Both are valid until then.

    Raises:
        InvalidRequest: the organisation has no such key, it was revoked or ends before that, or a time is past.
    """
    _check_future("until", admin.clock.now(), until)
    found = [key for key in admin.list_credentials(organisation_id) if key.credential_id == credential_id]
    if not found:
        raise InvalidRequest("key", f"organisation {organisation_id} has no key {credential_id}")
    issued = _new_key(admin, organisation_id, expires_at, found[0].scopes, found[0].projects)
    admin.rotate_credential(credential_id, until, issued.credential, access.digest_of(issued.secret))
    return issued


def _new_key(
    admin: DirectoryAdmin,
    organisation_id: int,
    expires_at: int | None,
    scopes: frozenset[Scope],
    projects: frozenset[int],
) -> IssuedKey:
    now = admin.clock.now()
    _check_future("expires", now, expires_at)
    credential = Credential(
        credential_id=f"key-{secrets.token_hex(_CREDENTIAL_ID_BYTES)}",
        organisation_id=organisation_id,
        scopes=scopes,
        projects=projects,
        created_at=now,
        created_by=admin.by,
        expires_at=expires_at,
    )
    return IssuedKey(credential, access.new_secret(access.KEY_PREFIX))


def create_user(admin: DirectoryAdmin, organisation_id: int, name: str, role: Role) -> User:
    """Create a user of an organisation, in no collection.

    Raises:
        InvalidRequest: the name is blank or too long, or the organisation does not exist.
    """
    user = User(
        organisation_id=organisation_id, user_id=secrets.token_hex(_ID_BYTES), role=role, name=checked_name(name)
    )
    admin.add_user(user)
    return user


def create_client(
    admin: DirectoryAdmin, organisation_id: int, user_id: str, project_id: int, *, expires_at: int | None = None
) -> IssuedClient:
    """Issue an OAuth 2.0 client that acts for a user and runs workflows in a project.

    It is valid until `expires_at` (milliseconds), or for ever.

    Raises:
        InvalidRequest: the organisation has no such user or project, or the client would have expired already.
    """
    now = admin.clock.now()
    _check_future("expires", now, expires_at)
    secret = access.new_secret(access.CLIENT_SECRET_PREFIX)
    client = Client(
        client_id=secrets.token_hex(_ID_BYTES),
        organisation_id=organisation_id,
        user_id=user_id,
        project_id=project_id,
        secret_digest=access.digest_of(secret),
        created_at=now,
        created_by=admin.by,
        expires_at=expires_at,
    )
    admin.add_client(client)
    return IssuedClient(client, secret)


def share_collection(
    admin: DirectoryAdmin, organisation_id: int, collection_id: str, user_id: str, right: Right | None
) -> None:
    """Put a user into a collection, or take the user out (None). Jobs that are already in it are shared too.

    Raises:
        InvalidRequest: the collection's id is blank or over 256 characters, the user does not exist,
            or the user is in 100 collections already.
    """
    admin.set_right(organisation_id, user_id, checked_id(collection_id, "collection"), right, MAX_COLLECTIONS)


def _check_future(field: str, now: int, at: int | None) -> None:
    if at is not None and at <= now:
        raise InvalidRequest(field, "must lie in the future")


def checked_id(text: str, field: str) -> str:
    """Check an id that its user chooses.

    Raises:
        InvalidRequest: it is blank or over 256 characters.
    """
    if not text.strip() or len(text) > MAX_ID:
        raise InvalidRequest(field, f"must be 1 to {MAX_ID} characters and not blank")
    return text


def checked_name(name: str, field: str = "name") -> str:
    """Check what people call something or someone.

    Raises:
        InvalidRequest: it is blank or over 128 characters.
    """
    if not name.strip() or len(name) > MAX_NAME:
        raise InvalidRequest(field, f"must be 1 to {MAX_NAME} characters and not blank")
    return name
