"""Who is calling: keys, and what they open. The tenant comes from the credential, never from the path alone."""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib
from typing import TYPE_CHECKING

from jobs.errors import ProjectNotFound, Unauthorized

if TYPE_CHECKING:
    from jobs.model import Credential, Project
    from jobs.ports import Directory

#: What every API key begins with, so that people and secret scanners know one when they see it.
KEY_PREFIX = "jk_"
_SECRET_BYTES = 20
_KEY = re.compile(KEY_PREFIX + r"([0-9a-f]{40})([0-9a-f]{8})")
_PROJECT_KEY = re.compile(r"[0-9A-Za-z]{1,64}")


def new_api_key() -> str:
    """Make an API key: a readable prefix, 160 random bits and a checksum of them."""
    secret = secrets.token_hex(_SECRET_BYTES)
    return KEY_PREFIX + secret + _checksum(secret)


def digest_of(api_key: str) -> str:
    """What a key is stored under. A plain hash is enough: 160 random bits can not be guessed."""
    return hashlib.sha256(api_key.encode()).hexdigest()


def authenticate(directory: Directory, api_key: str, now: int) -> Credential:
    """Find what a presented key stands for; a malformed one is refused without a read.

    Raises:
        Unauthorized: malformed, unknown, expired or revoked.
    """
    match = _KEY.fullmatch(api_key)
    if match is None or _checksum(match[1]) != match[2]:
        raise Unauthorized
    credential = directory.find_credential(digest_of(api_key))
    if credential is None or not credential.is_live(now):
        raise Unauthorized
    return credential


def open_project(directory: Directory, credential: Credential, project_key: str) -> Project:
    """Let a caller into the project of a key.

    Raises:
        ProjectNotFound: unknown, or another organisation's.
    """
    project = directory.find_project(project_key) if _PROJECT_KEY.fullmatch(project_key) else None
    if project is None or project.organisation_id != credential.organisation_id:
        raise ProjectNotFound
    return project


def _checksum(secret: str) -> str:
    return f"{zlib.crc32(secret.encode()):08x}"
