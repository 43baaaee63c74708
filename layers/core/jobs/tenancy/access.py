"""Who calls: keys, clients and tokens, and what they open.

The tenant comes from the credential, never from the path alone.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import zlib
from typing import TYPE_CHECKING, NamedTuple

from jobs.errors import ProjectNotFound, ScopeMissing, Unauthorized
from jobs.model import DELETE_USER_DATA, HOUR, SECOND
from jobs.tenants import AccessToken, Principal, Scope

if TYPE_CHECKING:
    from jobs.ports import Ports
    from jobs.tenancy.ports import TokenPorts
    from jobs.tenants import Client, Credential, Project

#: What our secrets begin with, so that people and secret scanners recognise them.
KEY_PREFIX = "jk_"
CLIENT_SECRET_PREFIX = "js_"  # noqa: S105  # the beginning of a secret is not a secret
TOKEN_PREFIX = "jt_"  # noqa: S105  # as above
#: How long an access token is valid. Clients ask for another one when it ends.
TOKEN_LIFETIME = HOUR
_SECRET_BYTES = 20
_SECRET = re.compile(r"([0-9a-f]{40})([0-9a-f]{8})")
_PROJECT_KEY = re.compile(r"[0-9A-Za-z]{1,64}")
_CLIENT_ID = re.compile(r"[0-9a-f]{24}")


class IssuedToken(NamedTuple):
    """A new access token, shown only this once, and the seconds until it ends."""

    token: str
    expires_in: int


def new_secret(prefix: str) -> str:
    """Make a secret: a readable prefix, 160 random bits and a checksum of them."""
    secret = secrets.token_hex(_SECRET_BYTES)
    return prefix + secret + _checksum(secret)


def digest_of(secret: str) -> str:
    """What a secret is stored under. A plain hash is enough, because nobody guesses 160 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def authenticate(ports: Ports, api_key: str) -> Credential:
    """Find what a presented key stands for. A malformed key is refused without a read.

    Raises:
        Unauthorized: it is malformed, unknown, expired or revoked.
    """
    credential = ports.directory.find_credential(digest_of(api_key)) if _is_whole(KEY_PREFIX, api_key) else None
    if credential is None or not credential.is_live(ports.clock.now()):
        raise Unauthorized
    return credential


def authenticate_client(ports: Ports, client_id: str, secret: str) -> Client:
    """Find the client of an id and a secret. A malformed pair is refused without a read.

    Raises:
        Unauthorized: the client does not exist or has ended, or the secret is wrong.
    """
    well_formed = _CLIENT_ID.fullmatch(client_id) and _is_whole(CLIENT_SECRET_PREFIX, secret)
    client = ports.directory.find_client(client_id) if well_formed else None
    if client is None or not hmac.compare_digest(client.secret_digest, digest_of(secret)):
        raise Unauthorized
    if not client.is_live(ports.clock.now()):
        raise Unauthorized
    return client


def issue_token(ports: TokenPorts, client: Client) -> IssuedToken:
    """Give a client a token that opens what the client opens, for an hour.

    Raises:
        Busy: it could not be stored.
    """
    token = new_secret(TOKEN_PREFIX)
    expires_at = ports.clock.now() + TOKEN_LIFETIME
    ports.tokens.add_token(AccessToken(client_id=client.client_id, expires_at=expires_at), digest_of(token))
    return IssuedToken(token, TOKEN_LIFETIME // SECOND)


def authorize(ports: Ports, token: str) -> Principal:
    """Find who calls with an access token. A malformed token is refused without a read.

    Raises:
        Unauthorized: it is malformed, unknown or expired, or its client has ended.
    """
    now = ports.clock.now()
    issued = ports.directory.find_token(digest_of(token)) if _is_whole(TOKEN_PREFIX, token) else None
    if issued is None or not issued.is_live(now):
        raise Unauthorized
    client = ports.directory.find_client(issued.client_id)
    if client is None or not client.is_live(now):
        raise Unauthorized
    user = ports.directory.find_user(client.organisation_id, client.user_id)
    if user is None:
        raise Unauthorized
    return Principal(client, user)


def open_project(ports: Ports, credential: Credential, project_key: str) -> Project:
    """Find the project of a key, if the caller may use it.

    Raises:
        ProjectNotFound: it does not exist, belongs to another organisation, or the key is limited to other projects.
    """
    project = ports.directory.open_project(credential, project_key) if _PROJECT_KEY.fullmatch(project_key) else None
    if project is None:
        raise ProjectNotFound
    return project


def require(credential: Credential, *scopes: Scope) -> None:
    """Let only keys pass that have one of some scopes.

    Raises:
        ScopeMissing: the key is limited to others.
    """
    if not any(map(credential.has, scopes)):
        raise ScopeMissing(*scopes)


def require_for(credential: Credential, action: str) -> None:
    """Let only keys pass that may make or retry a job with this action.

    Raises:
        ScopeMissing: it deletes a user's data, and the key is limited to other things.
    """
    if action == DELETE_USER_DATA:
        require(credential, Scope.DELETE_USERS)


def _is_whole(prefix: str, secret: str) -> bool:
    match = _SECRET.fullmatch(secret.removeprefix(prefix)) if secret.startswith(prefix) else None
    return match is not None and _checksum(match[1]) == match[2]


def _checksum(secret: str) -> str:
    return f"{zlib.crc32(secret.encode()):08x}"
