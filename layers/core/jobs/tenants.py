"""Who uses the service: organisations, their projects, and the keys, clients and users that may call."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Organisation:
    """The owner of projects and keys."""

    organisation_id: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """Where jobs live: the tenant boundary."""

    project_id: int
    organisation_id: int
    project_key: str
    name: str
    #: The key of the HMAC that hides user ids in this project's deletion locks.
    secret: bytes = field(repr=False)
    #: A hint: the last block of job rows that we know of. It may lag behind the truth but never leads it.
    block: int = 0
    #: AWS accounts whose events the project takes, beside the stack's own account.
    accounts: frozenset[str] = frozenset()
    #: Sources whose events the project takes; empty means any source.
    sources: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Issued:
    """Something that we gave out and that may end, by time or by revocation."""

    expires_at: int | None = None
    revoked_at: int | None = None

    def is_live(self, now: int) -> bool:
        """Whether it is valid at the time `now`."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential(_Issued):
    """What an API key stands for. The key itself is stored nowhere."""

    credential_id: str
    organisation_id: int


class Role(StrEnum):
    """What a user is in an organisation."""

    #: Sees and cancels every job of the organisation. Only this role reads messages and the list of all jobs.
    ADMINISTRATOR = "administrator"
    MEMBER = "member"


class Right(StrEnum):
    """What a collection lets a user do with the jobs that are shared through it."""

    VIEW = "view"
    #: View and cancel.
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Owns workflow runs, and sees those of others through collections."""

    organisation_id: int
    user_id: str
    role: Role
    name: str = ""
    #: The collections that the user is in, and the right in each.
    collections: Mapping[str, Right] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client(_Issued):
    """An OAuth 2.0 client: it acts for one user and runs workflows in one project."""

    client_id: str
    organisation_id: int
    user_id: str
    project_id: int
    #: SHA-256 of its secret (hex). The secret itself is stored nowhere.
    secret_digest: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken(_Issued):
    """What a client got for its secret. It opens what the client opens, until it expires."""

    client_id: str


class Principal(NamedTuple):
    """Who calls: a client, and the user that it acts for."""

    client: Client
    user: User
