"""Who uses the service: organisations, their projects, and the keys, clients and users that may call.

What holds a secret is a dataclass, whose text can leave it out. A named tuple is made and imported faster.
"""

# No `from __future__ import annotations`: a named tuple compiles each annotation that is a text (decision 0043).

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from jobs.model import DAY


class Organisation(NamedTuple):
    """The owner of projects and keys."""

    organisation_id: int
    name: str


class ListOrder(StrEnum):
    """With which end a project's lists begin, if a call does not say."""

    #: As OpenReplay's documents print them.
    OLDEST = "oldest"
    #: As OpenReplay's own server answers.
    NEWEST = "newest"


class Retention(NamedTuple):
    """How many days after a job's end its payload is deleted, and the job redacted. None means never."""

    payload_days: int | None = None
    redact_days: int | None = None

    @property
    def is_on(self) -> bool:
        """Whether anything is ever forgotten."""
        return self != KEEP_EVERYTHING

    def first_due(self, ended_at: int) -> int | None:
        """When something is first to be forgotten of a job that ended at that time; None if nothing is."""
        days = [days for days in self if days is not None]
        return ended_at + min(days) * DAY if days else None


#: What a project does that was told nothing else.
KEEP_EVERYTHING = Retention()


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
    #: Sources whose events the project takes, and the actions of the jobs that each may report on. No sources mean any
    #: source, and no actions mean every action.
    sources: Mapping[str, frozenset[str]] = field(default_factory=dict, hash=False)
    #: How many jobs callers may create in it within a minute; None means any number.
    creations_per_minute: int | None = None
    list_order: ListOrder = ListOrder.OLDEST
    retention: Retention = KEEP_EVERYTHING
    #: When an administrator began to delete it. From then on no caller finds it.
    closed_at: int | None = None


def _is_live(issued: "Credential | Client | AccessToken", now: int) -> bool:
    """Whether something that we gave out has not ended by the time `now`, by time or by revocation."""
    return issued.revoked_at is None and (issued.expires_at is None or now < issued.expires_at)


class Scope(StrEnum):
    """What an API key may be limited to."""

    READ = "read"
    #: Create jobs and retry them.
    CREATE = "create"
    CANCEL = "cancel"
    #: Put the files that a job produces.
    WORK = "work"
    #: Make or retry a job that deletes a user's data, by whatever route.
    DELETE_USERS = "delete-users"


class Credential(NamedTuple):
    """What an API key stands for. The key itself is stored nowhere."""

    credential_id: str
    organisation_id: int
    #: What the key may be used for; empty means everything.
    scopes: frozenset[Scope] = frozenset()
    #: The ids of the projects that it opens; empty means all of its organisation.
    projects: frozenset[int] = frozenset()
    created_at: int = 0
    #: Who gave it out.
    created_by: str = ""
    expires_at: int | None = None
    revoked_at: int | None = None

    def is_live(self, now: int) -> bool:
        """Whether it is valid at the time `now`."""
        return _is_live(self, now)

    @property
    def actor(self) -> str:
        """How the history of a job names it. Each kind of actor has a prefix of its own, so none passes for another."""
        return f"key:{self.credential_id}"

    def has(self, scope: Scope) -> bool:
        """Whether the key may be used for this."""
        return not self.scopes or scope in self.scopes

    def opens(self, organisation_id: int, project_id: int) -> bool:
        """Whether it opens a project of an organisation."""
        return organisation_id == self.organisation_id and (not self.projects or project_id in self.projects)


class Role(StrEnum):
    """What a user is in an organisation."""

    #: Sees and cancels every job of the organisation. Only this role reads messages and the list of all jobs.
    ADMINISTRATOR = "administrator"
    MEMBER = "member"


class Right(StrEnum):
    """What a collection lets a user do. Each right includes those before it (decision 0028)."""

    #: See the jobs that are shared through the collection.
    VIEW = "view"
    #: Run the workflows that are in it.
    RUN = "run"
    #: Cancel its jobs.
    CANCEL = "cancel"

    def includes(self, other: "Right") -> bool:
        """Whether this right is the other one or a greater one."""
        rights = list(Right)
        return rights.index(self) >= rights.index(other)


class User(NamedTuple):
    """Owns workflow runs, and sees those of others through collections."""

    organisation_id: int
    user_id: str
    role: Role
    name: str = ""
    #: The collections that the user is in, and the right in each.
    collections: Mapping[str, Right] = MappingProxyType({})

    def may(self, right: Right, collection_ids: Iterable[str]) -> bool:
        """Whether the role, or one of these collections, gives a right."""
        held = (self.collections.get(collection) for collection in collection_ids)
        return self.role is Role.ADMINISTRATOR or any(has is not None and has.includes(right) for has in held)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """An OAuth 2.0 client: it acts for one user and runs workflows in one project."""

    client_id: str
    organisation_id: int
    user_id: str
    project_id: int
    #: SHA-256 of its secret (hex). The secret itself is stored nowhere.
    secret_digest: str = field(repr=False)
    created_at: int = 0
    #: Who gave it out.
    created_by: str = ""
    expires_at: int | None = None
    revoked_at: int | None = None

    def is_live(self, now: int) -> bool:
        """Whether it is valid at the time `now`."""
        return _is_live(self, now)

    @property
    def actor(self) -> str:
        """How the history of a job names it."""
        return f"client:{self.client_id}"


class AccessToken(NamedTuple):
    """What a client got for its secret. It opens what the client opens, until it expires."""

    client_id: str
    expires_at: int | None = None
    revoked_at: int | None = None

    def is_live(self, now: int) -> bool:
        """Whether it is valid at the time `now`."""
        return _is_live(self, now)


class Principal(NamedTuple):
    """Who calls: a client, and the user that it acts for."""

    client: Client
    user: User


class Question(NamedTuple):
    """What a workflow asks before it runs, as an operator registered it."""

    name: str
    kind: str = ""
    description: str = ""
    #: The answer if nobody gives one.
    value: str = ""
    #: Whether several answers may be given.
    multiple: bool = False
    #: The answers to choose from: a key and a value each.
    items: tuple[tuple[str, str], ...] = ()


class Registration(NamedTuple):
    """What an operator said of a workflow. What was left out is empty."""

    name: str = ""
    owner_id: str = ""
    #: Which workers run it, unless its caller names others.
    worker_tag: str = ""
    #: How often it ran before it came here. Later runs are not counted: that would be a write for each.
    run_count: int = 0
    questions: tuple[Question, ...] = ()


#: That nobody has registered a workflow yet.
UNREGISTERED = Registration()


class Workflow(NamedTuple):
    """What an organisation knows of a workflow. Only workers know what it does."""

    workflow_id: str
    #: When we first heard of it.
    created_at: int
    registration: Registration = UNREGISTERED
    #: The collections that it is in. They share its future runs.
    collection_ids: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What people call it: its id until it got a name."""
        return self.registration.name or self.workflow_id


class ClosingStep(StrEnum):
    """How far the deletion of a project has come, in the order of the steps."""

    CANCEL_JOBS = "cancel jobs"
    DELETE_OBJECTS = "delete objects"
    DELETE_ROWS = "delete rows"
    #: Only the project itself is left.
    END = "end"


class Closing(NamedTuple):
    """The deletion of a project that is under way. A run that dies may have deleted more than is counted."""

    project_id: int
    organisation_id: int
    project_key: str
    #: When it began, and who began it.
    at: int
    by: str
    step: ClosingStep = ClosingStep.CANCEL_JOBS
    #: Where the step goes on; empty at its beginning.
    cursor: str = ""
    jobs: int = 0
    objects: int = 0
    rows: int = 0


class AuditEntry(NamedTuple):
    """One change that an administrator made."""

    at: int
    #: Who made it, as the administrator's tool says.
    by: str
    #: The noun and the verb of `jobs-admin`, such as `key create`.
    what: str
    #: Ids and settings that were changed, never a secret or a person's name.
    about: Mapping[str, Any]
