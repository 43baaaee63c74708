"""Who is calling: keys, clients and tokens, and what they open.

The tenant comes from the credential, never from the path alone.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import zlib
from typing import TYPE_CHECKING, NamedTuple

from jobs.errors import ProjectNotFound, Unauthorized
from jobs.model import HOUR, SECOND, AccessToken, Principal

if TYPE_CHECKING:
    from jobs.model import Client, Credential, Project
    from jobs.ports import Directory, TokenStore

#: What every secret of ours begins with, so that people and secret scanners know one when they see it.
KEY_PREFIX = "jk_"
CLIENT_SECRET_PREFIX = "js_"  # noqa: S105  # what secrets begin with is none
TOKEN_PREFIX = "jt_"  # noqa: S105  # likewise
#: How long an access token opens anything; clients ask for the next one when it ends.
TOKEN_LIFETIME = HOUR
_SECRET_BYTES = 20
_SECRET = re.compile(r"([0-9a-f]{40})([0-9a-f]{8})")
_PROJECT_KEY = re.compile(r"[0-9A-Za-z]{1,64}")
_CLIENT_ID = re.compile(r"[0-9a-f]{24}")


class IssuedToken(NamedTuple):
    """A new access token, shown this once, and the seconds until it ends."""

    token: str
    expires_in: int


def new_secret(prefix: str) -> str:
    """Make a secret: a readable prefix, 160 random bits and a checksum of them."""
    secret = secrets.token_hex(_SECRET_BYTES)
    return prefix + secret + _checksum(secret)


def digest_of(secret: str) -> str:
    """What a secret is stored under. A plain hash is enough: 160 random bits can not be guessed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def authenticate(directory: Directory, api_key: str, now: int) -> Credential:
    """Find what a presented key stands for; a malformed one is refused without a read.

    Raises:
        Unauthorized: malformed, unknown, expired or revoked.
    """
    credential = directory.find_credential(digest_of(api_key)) if _is_whole(KEY_PREFIX, api_key) else None
    if credential is None or not credential.is_live(now):
        raise Unauthorized
    return credential


def authenticate_client(directory: Directory, client_id: str, secret: str, now: int) -> Client:
    """Find the client of an id and a secret; what is malformed is refused without a read.

    Raises:
        Unauthorized: there is none, its secret is another, or it has ended.
    """
    well_formed = _CLIENT_ID.fullmatch(client_id) and _is_whole(CLIENT_SECRET_PREFIX, secret)
    client = directory.find_client(client_id) if well_formed else None
    if client is None or not hmac.compare_digest(client.secret_digest, digest_of(secret)) or not client.is_live(now):
        raise Unauthorized
    return client


def issue_token(tokens: TokenStore, client: Client, now: int) -> IssuedToken:
    """Give a client a token that opens what the client opens, for an hour.

    Raises:
        Busy: it could not be stored.
    """
    token = new_secret(TOKEN_PREFIX)
    tokens.add_token(AccessToken(client_id=client.client_id, expires_at=now + TOKEN_LIFETIME), digest_of(token))
    return IssuedToken(token, TOKEN_LIFETIME // SECOND)


def authorize(directory: Directory, token: str, now: int) -> Principal:
    """Find who calls with an access token; a malformed one is refused without a read.

    Raises:
        Unauthorized: malformed, unknown or expired, or its client has ended.
    """
    issued = directory.find_token(digest_of(token)) if _is_whole(TOKEN_PREFIX, token) else None
    if issued is None or not issued.is_live(now):
        raise Unauthorized
    client = directory.find_client(issued.client_id)
    if client is None or not client.is_live(now):
        raise Unauthorized
    user = directory.find_user(client.organisation_id, client.user_id)
    if user is None:
        raise Unauthorized
    return Principal(client, user)


def open_project(directory: Directory, credential: Credential, project_key: str) -> Project:
    """Let a caller into the project of a key.

    Raises:
        ProjectNotFound: unknown, or another organisation's.
    """
    project = directory.find_project(project_key) if _PROJECT_KEY.fullmatch(project_key) else None
    if project is None or project.organisation_id != credential.organisation_id:
        raise ProjectNotFound
    return project


def _is_whole(prefix: str, secret: str) -> bool:
    match = _SECRET.fullmatch(secret.removeprefix(prefix)) if secret.startswith(prefix) else None
    return match is not None and _checksum(match[1]) == match[2]


def _checksum(secret: str) -> str:
    return f"{zlib.crc32(secret.encode()):08x}"
