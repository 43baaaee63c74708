"""A directory that remembers what it found, so that a warm handler reads no credential."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from jobs.ports import Directory
    from jobs.tenants import AccessToken, Client, Credential, Project, User, Workflow

#: Entries that one environment remembers before it forgets them all: a flood of projects must not fill its memory.
MAX_CACHED = 1_000

Found = TypeVar("Found")


class CachedDirectory:
    """Remembers what it found for `seconds`; 0 turns the cache off.

    It does not remember what it did not find: a new key works at once, and guesses fill no memory. A revoked key works
    on for up to `seconds` in environments that know it.
    """

    def __init__(self, directory: Directory, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._directory = directory
        self._seconds = seconds
        self._monotonic = monotonic
        self._found: dict[Hashable, tuple[float, object]] = {}

    def find_credential(self, digest: str) -> Credential | None:
        """See `Directory.find_credential`."""
        return self._remember(("credential", digest), lambda: self._directory.find_credential(digest))

    def find_project(self, project_key: str) -> Project | None:
        """See `Directory.find_project`."""
        return self._remember(("project", project_key), lambda: self._directory.find_project(project_key))

    def open_project(self, credential: Credential, project_key: str) -> Project | None:
        """See `Directory.open_project`: remembered for those whom it was opened to, and for nobody else."""
        opener = (credential.organisation_id, credential.projects)
        return self._remember(
            ("opened", opener, project_key), lambda: self._directory.open_project(credential, project_key)
        )

    def get_project(self, project_id: int) -> Project | None:
        """See `Directory.get_project`."""
        return self._remember(("id", project_id), lambda: self._directory.get_project(project_id))

    def get_own_project(self, organisation_id: int, project_id: int) -> Project | None:
        """See `Directory.get_own_project`: remembered for its organisation alone."""
        return self._remember(
            ("own", organisation_id, project_id), lambda: self._directory.get_own_project(organisation_id, project_id)
        )

    def list_projects(self, organisation_id: int) -> Sequence[int]:
        """See `Directory.list_projects`."""
        return (
            self._remember(("projects", organisation_id), lambda: self._directory.list_projects(organisation_id)) or ()
        )

    def find_token(self, digest: str) -> AccessToken | None:
        """See `Directory.find_token`."""
        return self._remember(("token", digest), lambda: self._directory.find_token(digest))

    def find_client(self, client_id: str) -> Client | None:
        """See `Directory.find_client`."""
        return self._remember(("client", client_id), lambda: self._directory.find_client(client_id))

    def find_user(self, organisation_id: int, user_id: str) -> User | None:
        """See `Directory.find_user`."""
        return self._remember(
            ("user", organisation_id, user_id), lambda: self._directory.find_user(organisation_id, user_id)
        )

    def find_workflow(self, organisation_id: int, workflow_id: str) -> Workflow | None:
        """See `Directory.find_workflow`: asked each time, because a job keeps the answer."""
        return self._directory.find_workflow(organisation_id, workflow_id)

    def list_workflows(self, organisation_id: int) -> Sequence[Workflow]:
        """See `Directory.list_workflows`."""
        found = self._remember(("workflows", organisation_id), lambda: self._directory.list_workflows(organisation_id))
        return found or ()

    def _remember(self, key: Hashable, find: Callable[[], Found | None]) -> Found | None:
        now = self._monotonic()
        until, found = self._found.get(key, (0.0, None))
        if now < until:
            return found  # type: ignore[return-value]  # what a key holds came from that key's own `find`
        fresh = find()
        if fresh is not None and self._seconds > 0:
            if len(self._found) >= MAX_CACHED:
                self._found.clear()
            self._found[key] = (now + self._seconds, fresh)
        return fresh
